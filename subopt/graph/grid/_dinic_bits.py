"""Compiled: Dinic's maximum flow on small grids, with bit sets of nodes.

Bit v of a set tells whether node v is in the set, and row OPEN + k of `sets` holds the nodes whose
arc k is open. The nodes that arc k leads to from a set are ``(set & sets[OPEN + k]) << step``, so
that a layer of the breadth-first search takes a few instructions per 64 nodes. Arcs that would
leave the grid are never open. Shifts can therefore be implemented as rotations.

A phase finds layers from the nodes with supply until a layer contains demand. It then augments
along paths through the layers until there are none left. There are at most n phases ([1]_).

`words` is the number of words of a set, or None for one; `degree` is the number of arcs, or None
for 4. For None numba compiles a version without loops. Nodes and words are unsigned, see
`subopt.graph.grid._search_trees`.

.. [1] E. A. Dinic, "Algorithm for solution of a problem of maximum flow in networks with power
   estimation", Soviet Mathematics Doklady 11, 1970.
"""

import numpy as np

from subopt._base.jit import njit
from subopt.graph.grid._capacities import load_part, weigh_part
from subopt.graph.grid._search_trees import meet

_0, _1, _4, _6 = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(6)
_58, _63 = np.uint64(58), np.uint64(63)

# The six leading bits of x * _DE_BRUIJN modulo 2**64 differ for all powers of two x.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_LOWEST = np.zeros(64, dtype=np.uint64)
for _bit in range(64):
    _LOWEST[((int(_DE_BRUIJN) << _bit) & (2**64 - 1)) >> 58] = _bit


# The rows of `sets`: nodes with supply, nodes with demand, nodes that a search has seen; then the
# tails of the open arcs, one row per arc of a node, and as many rows of scratch space.
SUPPLY, DEMAND, SEEN, OPEN = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)


@njit
def cut_stacks(
    parts,
    start,
    stack,
    place,
    degree,
    words,
    shift,
    residual,
    excess,
    search,
    maximal,
    sides,
    values,
):
    """Cut the problems from `start` on, as many as `sides`, (problems, nodes), has rows."""
    first, (table, ahead, back) = np.uint64(place[0]), parts
    for begin in range(0, sides.shape[0], stack):
        end = min(begin + stack, sides.shape[0])
        here, some, count = start + begin, sides[begin:end], end - begin
        for q in range(table.shape[0]):
            load_part(table, q, ahead[q], back[q], here, count, place, shift, excess, residual)
        cut_bits(degree, words, first, shift, residual, excess, search, maximal, some)
        for q in range(table.shape[0]):
            weigh_part(table, q, ahead[q], back[q], here, some, values[begin:end])


@njit(inline="always")
def cut_bits(degree, words, first, shift, residual, excess, search, maximal, sides):
    """Find maximum flows on grids that lie one after another, and write the source sides."""
    leap, sets, layer, path, via, room = search
    nodes = np.uint64(sides.shape[1])
    for p in range(sides.shape[0]):
        base = first + np.uint64(p) * nodes
        for v in range(base, base + nodes):
            if excess[v] > 0:
                meet(degree, np.uint64(v), shift, None, residual, excess, None)
        _fill(degree, words, base, nodes, residual, excess, sets)
        while True:
            last = _search(degree, words, SUPPLY, DEMAND, leap, sets, layer)
            if last == _0:
                break
            _block(degree, words, base, last, residual, excess, leap, sets, layer, path, via, room)
        if maximal:
            _reverse(degree, words, leap, sets)
            _search(degree, words, DEMAND, SUPPLY, leap, sets, layer)
        for v in range(_0, nodes):
            inside = (sets[SEEN, _word(words, v)] >> (np.uint64(v) & _63)) & _1 != _0
            sides[p, v] = inside != maximal


@njit
def _fill(degree, words, base, nodes, residual, excess, sets):
    """Find out which nodes have supply or demand, and which arcs are open."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    for w in range(_0, count):
        for row in range(_0, OPEN + arcs):
            sets[row, w] = _0
    for v in range(_0, nodes):
        w, bit = _word(words, v), np.uint64(v) & _63
        sets[SUPPLY, w] |= np.uint64(excess[base + v] > 0) << bit
        sets[DEMAND, w] |= np.uint64(excess[base + v] < 0) << bit
        for k in range(_0, arcs):
            sets[OPEN + k, w] |= np.uint64(residual[(base + v) * arcs + k] > 0) << bit


@njit
def _search(degree, words, roots, goal, leap, sets, layer):
    """Find the layers around the set `roots` until one meets `goal`, and return its number.

    Of that layer only what is in `goal` stays. If there is none return 0; `seen` is complete then.
    """
    count = _1 if words is None else words
    for w in range(_0, count):
        layer[_0, w] = sets[roots, w]
        sets[SEEN, w] = sets[roots, w]
    last = _0
    while True:
        some, found = _0, _0
        for w in range(_0, count):
            fresh = _ahead(degree, words, w, last, leap, sets, layer) & ~sets[SEEN, w]
            layer[last + _1, w] = fresh
            some |= fresh
            found |= fresh & sets[goal, w]
        if some == _0:
            return _0
        last += _1
        for w in range(_0, count):
            if found != _0:
                layer[last, w] &= sets[goal, w]
            else:
                sets[SEEN, w] |= layer[last, w]
        if found != _0:
            return last


@njit(inline="always")
def _ahead(degree, words, w, row, leap, sets, layer):
    """Return word w of the set of nodes that open arcs lead to from a layer."""
    arcs, result = _4 if degree is None else degree, _0
    for k in range(_0, arcs):
        i, j = _origins(words, w, leap[k])
        here, there = layer[row, i] & sets[OPEN + k, i], layer[row, j] & sets[OPEN + k, j]
        result |= _moved(here, there, leap[k])
    return result


@njit
def _reverse(degree, words, leap, sets):
    """Turn all arcs around: arc k is open if its twin was."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    spare = OPEN + arcs
    for k in range(_0, arcs):
        for w in range(_0, count):
            i, j = _origins(words, w, leap[k])
            word = _moved(sets[OPEN + k, i], sets[OPEN + k, j], leap[k])
            sets[spare + (np.uint64(k) ^ _1), w] = word
    for k in range(_0, arcs):
        for w in range(_0, count):
            sets[OPEN + k, w] = sets[spare + k, w]


@njit
def _word(words, v):
    return _0 if words is None else np.uint64(v) >> _6


@njit
def _origins(words, w, leap):
    """Return the two words whose bits move to word w."""
    if words is None:
        return _0, _0
    i = w + words - (leap >> _6)
    i = i - words if i >= words else i
    return i, i - _1 if i > _0 else words - _1


@njit
def _moved(here, there, leap):
    """Return a word whose bits move there from the two words `_origins`."""
    turn = leap & _63
    return (here << turn) | ((there >> _1) >> (_63 - turn))


@njit(inline="always")
def _block(degree, words, base, last, residual, excess, leap, sets, layer, path, via, room):
    """Saturate paths from the last layer back to the first until the layers have none left."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    for w in range(_0, count):
        while layer[last, w] != _0:
            t = lowest(layer[last, w]) + (np.uint64(w) << _6)
            path[last], room[last] = t, -excess[base + t]
            row = last
            while row <= last:
                if row == _0:
                    row = _push(
                        arcs, words, base, last, residual, excess, sets, layer, path, via, room
                    )
                    continue
                v = path[row]
                k = _behind(arcs, words, v, row - _1, leap, sets, layer)
                if k == arcs:
                    layer[row, _word(words, v)] ^= _1 << (v & _63)
                    row += _1
                    continue
                u = _end(words, v, leap[k])
                via[row] = k
                room[row - _1] = min(room[row], residual[(base + u) * arcs + (k ^ _1)])
                row -= _1
                path[row] = u


@njit
def _end(words, v, leap):
    """Return the node that an arc leads to; past all the words lies the first."""
    if words is None:
        return (v + leap) & _63
    u, beyond = v + leap, words << _6
    return u - beyond if u >= beyond else u


@njit(inline="always")
def _behind(arcs, words, v, row, leap, sets, layer):
    """Return the first arc of v whose twin is open and starts in a layer, or `arcs`."""
    choice = _0
    for k in range(_0, arcs):
        u = _end(words, v, leap[k])
        w = _word(words, u)
        into = layer[row, w] & sets[OPEN + (np.uint64(k) ^ _1), w]
        choice |= ((into >> (u & _63)) & _1) << np.uint64(k)
    return lowest(choice) if choice != _0 else arcs


@njit
def lowest(x):
    """Return the place of the lowest bit of x, which is not zero."""
    return _LOWEST[((x & (~x + _1)) * _DE_BRUIJN) >> _58]


@njit(inline="always")
def _push(arcs, words, base, last, residual, excess, sets, layer, path, via, room):
    """Push what the path takes, and return the row down to which it stays open."""
    u, t = path[0], path[last]
    amount, row = min(room[0], excess[base + u]), _0
    excess[base + u] -= amount
    if excess[base + u] <= 0:
        sets[SUPPLY, _word(words, u)] ^= _1 << (u & _63)
        layer[_0, _word(words, u)] ^= _1 << (u & _63)
        row = _1
    for i in range(_1, last + _1):
        v, k = path[i], via[i]
        a = (base + u) * arcs + (k ^ _1)
        residual[a] -= amount
        residual[(base + v) * arcs + k] += amount
        sets[OPEN + k, _word(words, v)] |= _1 << (v & _63)
        room[i] -= amount
        if residual[a] <= 0:
            sets[OPEN + (k ^ _1), _word(words, u)] ^= _1 << (u & _63)
            row = np.uint64(i)
        u = v
    excess[base + t] += amount
    if excess[base + t] >= 0:
        sets[DEMAND, _word(words, t)] ^= _1 << (t & _63)
        layer[last, _word(words, t)] ^= _1 << (t & _63)
        row = last + _1
    return row
