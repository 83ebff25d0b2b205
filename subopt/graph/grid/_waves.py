"""Compiled: waves of push-relabel over large grids, with bit sets of nodes.

If supply and demand are close together all over a grid, most of the flow takes short paths, for
which search trees grow and lose the same branches many times. A wave handles them together. It
finds the layers of nodes at distance 1, 2, ... from the nearest demand, 64 nodes in a few
instructions. Then, from the farthest layer to the nearest, each node with supply pushes it into the
next layer ([1]_; the distances are recomputed before each wave, [2]_).

Supply that cannot move on stays where it is. The result is not yet a flow, but the capacity of
every cut has changed by the same amount, that of the supply that has reached demand. Search trees
can therefore continue from it, and `subopt.graph.grid._solve.send_back` turns it into a flow on
request.

Cell v is bit ``v + 64`` of a row of words, so that every row begins and ends with an unused word.
Cells and words are unsigned, and `degree` is as in `subopt.graph.grid._search_trees`. Periodic axes
are not supported.

.. [1] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of the
   ACM 35(4), 1988.
.. [2] B. V. Cherkassky, A. V. Goldberg, "On implementing the push-relabel method for the maximum
   flow problem", Algorithmica 19(4), 1997: global relabeling.
"""

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.grid._search_trees import lowest

LAYERS = 49  # largest number of layers of a wave: longer paths are left to the trees

_0, _1, _4, _6, _63 = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(6), np.uint64(63)


@njit
def wave(degree, network, most, sets, layer):
    """Send a wave and return the number of arcs it used; no node gets more supply than `most`.

    `sets` are `Sets` of cells, see above. ``layer[row]``, (words,) uint64, receives the cells at
    distance `row` from demand.
    """
    top = _layers(degree, network.shift, sets, layer)
    return _move_layers(degree, top, network, most, sets, layer)


@njit
def fill_sets(degree, excess, outward, sets):
    """Find out which cells have supply or demand, and which arcs are open: see `settle`."""
    arcs, cells = _4 if degree is None else degree, np.uint64(excess.shape[0])
    for w in range(_0, np.uint64(sets.supply.shape[0])):
        begin = (np.uint64(w) - _1) << _6
        size = min(cells - begin, _63 + _1) if begin < cells else _0
        supply, demand = _0, _0
        for i in range(_0, size):
            supply |= np.uint64(excess[begin + i] > 0) << np.uint64(i)
            demand |= np.uint64(excess[begin + i] < 0) << np.uint64(i)
        sets.supply[w], sets.demand[w] = supply, demand
        for k in range(_0, arcs):
            bits = _0
            for i in range(_0, size):
                bits |= ((np.uint64(outward[begin + i]) >> np.uint64(k)) & _1) << np.uint64(i)
            sets.open[k, w] = bits


@njit(inline="always")
def _into(layer, row, w, step):
    """Return the cells of word w whose arc, `step` cells long, leads into a layer."""
    i, turn = np.uint64(w + np.uint64(np.int64(step) >> 6)), step & _63
    return (layer[row, i] >> turn) | np.uint64((layer[row, i + _1] << _1) << (_63 - turn))


@njit(inline="always")
def _layers(degree, shift, sets, layer):
    """Find the layers around all demand, and return the number of the last with supply."""
    arcs, rows = _4 if degree is None else degree, np.uint64(layer.shape[0])
    demand, seen, gate = sets.demand, sets.seen, sets.open
    words = np.uint64(demand.shape[0])
    for w in range(_0, words):
        layer[_0, w] = demand[w]
        seen[w] = demand[w]
    top = _0
    for row in range(_1, rows):
        for w in range(_0, words):
            layer[row, w] = _0
        before = np.uint64(row) - _1
        for k in range(_0, arcs):
            step = shift[k]
            jump = np.int64(step) >> 6
            # the words whose cells may have this neighbor; LLVM makes vectors of just this form
            begin, end = max(1, -jump), np.int64(words) - 1 - max(jump, 0)
            for w in range(np.uint64(begin), np.uint64(end)):
                layer[row, w] |= _into(layer, before, np.uint64(w), step) & gate[k, w]
        some, found = _0, _0
        for w in range(_0, words):
            fresh = layer[row, w] & ~seen[w]
            layer[row, w] = fresh
            seen[w] |= fresh
            some |= fresh
            found |= fresh & sets.supply[w]
        if found != _0:
            top = np.uint64(row)
        if some == _0:
            break
    return top


@njit(inline="always")
def _move_layers(degree, top, network, most, sets, layer):
    """Move supply layer by layer towards demand; return how many arcs it went over."""
    arcs, row, moves = _4 if degree is None else degree, top, _0
    shift, supply, gate = network.shift, sets.supply, sets.open
    while row > _0:
        for w in range(_1, np.uint64(supply.shape[0])):
            todo = layer[row, w] & supply[w]
            if todo == _0:
                continue
            for k in range(_0, arcs):
                step = shift[k]
                ready = todo & gate[k, w] & _into(layer, row - _1, np.uint64(w), step)
                while ready != _0:
                    bit = ready & (~ready + _1)
                    ready ^= bit
                    v = lowest(bit) + ((np.uint64(w) - _1) << _6)
                    u = np.uint64(v + step)
                    some, done = _move(arcs, np.uint64(k), v, u, row, network, most, sets)
                    moves += some
                    # bits instead of branches: nobody can predict these
                    todo ^= done << (v & _63)
                    supply[w] ^= done << (v & _63)
        row -= _1
    return moves


@njit(inline="always")
def _move(arcs, k, v, u, row, network, most, sets):
    """Move supply through arc k from v in layer `row` to u; return whether any, and whether all."""
    residual, excess = network.residual, network.excess
    there, a = excess[u], v * arcs + k
    amount = min(excess[v], residual[a], -there if row == _1 else most - there)
    if amount <= 0:
        return _0, _0
    w, bit = (u >> _6) + _1, _1 << (u & _63)
    excess[v] -= amount
    excess[u] += amount
    residual[a] -= amount
    residual[u * arcs + (k ^ _1)] += amount
    sets.open[k ^ _1, w] |= bit
    if row > _1:
        sets.supply[w] |= bit
    elif excess[u] >= 0:
        sets.demand[w] ^= bit
    sets.open[k, (v >> _6) + _1] ^= np.uint64(residual[a] <= 0) << (v & _63)
    return _1, np.uint64(excess[v] <= 0)
