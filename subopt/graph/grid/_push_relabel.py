"""Compiled: push-relabel on a padded grid, for cuts with many paths, long ones or short ones.

If supply and demand are at opposite faces of a box, every path is as long as the box, and search
trees lose and regrow long branches for each path. Push-relabel ([1]_) moves the excess of a cell as
a whole: to neighbors whose label is smaller by 1, and if there are none, the label of the cell is
increased. Labels are lower bounds of the distance to demand. A breadth-first search makes them
exact whenever the work since the last search exceeds that of one search. If no cell has some label,
all cells with larger labels cannot reach demand ([2]_).

If supply and demand are close together all over a grid, most of the flow takes short paths, for
which search trees grow and lose the same branches many times. A wave handles them together. It
finds the layers of nodes at distance 1, 2, ... from the nearest demand, 64 nodes in a few
instructions. Then, from the farthest layer to the nearest, each node with supply pushes it into the
next layer. The distances are recomputed before each wave.

Excess that cannot reach a demand stays where it is. The result is not yet a flow, but the capacity
of every cut has changed by the same amount, that of the supply that has reached demand. Search
trees can therefore continue from it, and `subopt.graph.grid._solve.send_back` turns it into a flow
on request.

`against` is 0 if supply is pushed along the arcs, and 1 if demand is pushed against them; excesses
are negated then. Cells and words are unsigned, and `degree` is as in
`subopt.graph.grid._search_trees`. In `Sets`, cell v is bit ``v + 64`` of a row of words, so that
every row begins and ends with an unused word. Waves do not support periodic axes.

.. [1] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of the
   ACM 35(4), 1988.
.. [2] B. V. Cherkassky, A. V. Goldberg, "On implementing the push-relabel method for the maximum
   flow problem", Algorithmica 19(4), 1997: global relabeling and gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.grid._search_trees import Trees, head_of, lowest

if TYPE_CHECKING:
    from subopt._base.types import Array

LAYERS = 49  # largest number of layers of a wave: longer paths are left to the trees

_0, _1, _4, _6, _63 = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(6), np.uint64(63)
_BIT = np.uint32(1)


class Labels(NamedTuple):
    """Workspace of `push`, in the memory of the trees."""

    gate: Array  # (cells,) as `Trees.outward`; bit k: excess can be pushed along arc k
    other: Array  # same; bit k: excess can come in along arc k
    label: Array  # (cells,) int32; lower bound of the number of arcs to the nearest demand
    tally: Array  # (cells,) int32; how many cells have some label
    queue: Array  # (cells + 1,) uint32; cells that wait to push


class Pushes(NamedTuple):
    """How far pushing has come: arrays (1,) of int64."""

    first: Array  # start of the queue
    last: Array  # its end
    effort: Array  # work since labels were exact
    top: Array  # largest label in use


def labels(trees: Trees, against: bool) -> Labels:
    """Return the workspace of `push`, along the arcs or against them, in that of the trees."""
    numbers, cells = trees.stamp.view(np.int32), len(trees.stamp)
    gate, other = trees.outward, trees.inward
    if against:
        gate, other = other, gate
    return Labels(gate, other, numbers[:cells], numbers[cells:], trees.queue)


@njit
def push(degree, network, labels, progress, most, against, looks):
    """Push excess until none can reach a demand, or until `looks` arcs were examined.

    Return whether it is done; if not, a further call continues from `progress`. No cell gets more
    excess than `most`.
    """
    arcs = np.int64(_4 if degree is None else degree)
    excess, label, queue = network.excess, labels.label, labels.queue
    cells, size = np.int64(excess.shape[0]), np.int64(queue.shape[0])
    far, spent = np.int32(cells - 1), 0
    first, last, effort = progress.first[0], progress.last[0], progress.effort[0]
    while True:
        if effort > cells * arcs:
            progress.top[0], count = exact_labels(degree, network, labels)
            first, last, effort = 0, np.int64(count), 0
            spent += cells * arcs
        if first == last or spent > looks:
            progress.first[0], progress.last[0] = first, last
            progress.effort[0] = effort
            return first == last
        v = np.uint64(queue[np.uint64(first)])
        first = first + 1 if first + 1 < size else 0
        while excess[v] > 0 and label[v] < far:
            last, nearest, blocked = _pass_on(degree, v, last, network, labels, most, against)
            effort += arcs
            spent += arcs
            if excess[v] <= 0:
                break
            if blocked:  # a neighbor is full, and has to push first
                last = _append(v, last, queue)
                break
            effort += _raise(v, min(np.int32(nearest + 1), far), labels, progress)


@njit(inline="always")
def _pass_on(degree, v, last, network, labels, most, against):
    """Push excess of v to cells that are one step nearer to a demand.

    Return the end of the queue, to which these cells are appended. If some excess stays, also
    return the smallest label of the other cells that it can be pushed to, and whether a cell that
    is nearer is full.
    """
    arcs = _4 if degree is None else degree
    shift, wrap, residual, excess = network.shift, network.wrap, network.residual, network.excess
    gate, other, label = labels.gate, labels.other, labels.label
    nearest, blocked = np.int32(excess.shape[0] - 1), False
    amount, nearer, bits = excess[v], label[v] - 1, np.uint64(gate[v])
    for k in range(_0, arcs):
        u = head_of(v, k, shift, wrap)
        there = label[u]
        if (bits >> k) & _1 == _0:
            continue
        if there != nearer:
            nearest = min(nearest, there)
            continue
        a, t = v * arcs + k, u * arcs + (k ^ _1)
        if against == 1:
            a, t = t, a
        before = excess[u]
        pushed = min(amount, residual[a])
        if before > 0:
            pushed = min(pushed, most - before)
            blocked |= pushed < residual[a]
        amount -= pushed
        residual[a] -= pushed
        residual[t] += pushed
        excess[u] = before + pushed
        here, back = _BIT << np.uint32(k), _BIT << np.uint32(k ^ _1)
        gate[u] |= back
        other[v] |= here
        if residual[a] <= 0:
            gate[v] ^= here
            other[u] ^= back
        if (before <= 0) & (excess[u] > 0):
            last = _append(u, last, labels.queue)
        if amount <= 0:
            break
    excess[v] = amount
    return last, nearest, blocked


@njit(inline="always")
def _append(v, last, queue):
    """Append a cell to the queue, and return its new end."""
    queue[np.uint64(last)] = v
    return last + 1 if last + 1 < queue.shape[0] else 0


@njit(inline="always")
def _raise(v, new, labels, progress):
    """Set the label of v to a larger one, and give up all cells above a gap that this leaves.

    Return the work that the latter takes, in arcs examined.
    """
    label, tally, far = labels.label, labels.tally, np.int32(labels.label.shape[0] - 1)
    old, top, effort = label[v], progress.top[0], 0
    tally[old] -= 1
    if tally[old] == 0:  # a gap, which no path to a demand can cross
        new = far
        if top > old:
            _close(old, far, label, tally)
            effort = label.shape[0] >> 5
        top = old
    label[v] = new
    tally[new] += 1
    progress.top[0] = new if top < new < far else top
    return effort


@inner
def _close(gap, far, label, tally):
    """Give up the cells above a gap."""
    for u in range(label.shape[0]):
        if gap < label[u] < far:
            tally[label[u]] -= 1
            label[u] = far


@njit
def exact_labels(degree, network, labels):
    """Set labels to the distance from the nearest demand; return the largest, and how many wait.

    Cells farther away than all with excess get a bound of their distance.
    """
    arcs = _4 if degree is None else degree
    shift, wrap, excess = network.shift, network.wrap, network.excess
    other, label, tally, queue = labels.other, labels.label, labels.tally, labels.queue
    cells = np.uint64(excess.shape[0])
    far = np.int32(cells - _1)
    count, wanted = _0, 0
    for v in range(_0, cells):
        tally[v] = 0
        wanted += excess[v] > 0
        label[v] = 0 if excess[v] < 0 else far
        queue[count] = v
        count += np.uint64(excess[v] < 0)
    first, own, top = _0, np.int32(0), far
    while first < count and top == far:
        last = count
        own += 1
        for q in range(first, last):
            v = np.uint64(queue[q])
            bits = np.uint64(other[v])
            for k in range(_0, arcs):
                u = head_of(v, k, shift, wrap)
                # without branches, which nobody could predict
                new = ((bits >> k) & _1 != _0) & (label[u] == far)
                label[u] = own if new else label[u]
                wanted -= new & (excess[u] > 0)
                queue[count] = u
                count += np.uint64(new)
        first = last
        if wanted == 0:
            top = np.int32(own + 1)
    largest = np.int32(0)
    for v in range(_0, cells):
        label[v] = min(label[v], top)
        tally[label[v]] += 1
        largest = max(largest, label[v] if label[v] < far else 0)
    count = _0
    for v in range(_0, cells):
        queue[count] = v
        count += np.uint64((excess[v] > 0) & (label[v] < far))
    return largest, count


@njit
def narrow_end(degree, network):
    """Return 1 if less can enter the cells with demand than leave those with supply, else 0."""
    arcs = _4 if degree is None else degree
    shift, wrap, residual, excess = network.shift, network.wrap, network.residual, network.excess
    leaving, entering = 0.0, 0.0
    for v in range(_0, np.uint64(excess.shape[0])):
        if excess[v] > 0:
            total = 0.0
            for k in range(_0, arcs):
                total += residual[v * arcs + k]
            leaving += min(total, excess[v])
        elif excess[v] < 0:
            total = 0.0
            for k in range(_0, arcs):
                u = head_of(v, k, shift, wrap)
                total += residual[u * arcs + (k ^ _1)]
            entering += min(total, -excess[v])
    return 1 if entering < leaving else 0


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
