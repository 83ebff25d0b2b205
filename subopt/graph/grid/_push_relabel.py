"""Compiled: push-relabel on a padded grid, for cuts with many long paths.

If supply and demand are at opposite faces of a box, every path is as long as the box, and search
trees lose and regrow long branches for each path. Push-relabel ([1]_) moves the excess of a cell as
a whole: to neighbors whose label is smaller by 1, and if there are none, the label of the cell is
increased. Labels are lower bounds of the distance to demand. A breadth-first search makes them
exact whenever the work since the last search exceeds that of one search. If no cell has some label,
all cells with larger labels cannot reach demand ([2]_).

Excess that cannot reach a demand stays where it is. The result is not yet a flow, but search trees
and cuts can continue from it, as after waves (`subopt.graph.grid._waves`).

`against` is 0 if supply is pushed along the arcs, and 1 if demand is pushed against them; excesses
are negated then. Cells are unsigned, and `degree` is as in `subopt.graph.grid._search_trees`.

.. [1] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of the
   ACM 35(4), 1988.
.. [2] B. V. Cherkassky, A. V. Goldberg, "On implementing the push-relabel method for the maximum
   flow problem", Algorithmica 19(4), 1997.
"""

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.grid._search_trees import head_of

_0, _1, _4 = np.uint64(0), np.uint64(1), np.uint64(4)
_BIT = np.uint32(1)

# Entries of `progress`: start and end of the queue, the work since labels were exact, and the
# largest label in use.
FIRST, LAST, EFFORT, TOP = range(4)


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
    first, last, effort = progress[FIRST], progress[LAST], progress[EFFORT]
    while True:
        if effort > cells * arcs:
            progress[TOP], count = exact_labels(degree, network, labels)
            first, last, effort = 0, np.int64(count), 0
            spent += cells * arcs
        if first == last or spent > looks:
            progress[FIRST], progress[LAST], progress[EFFORT] = first, last, effort
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
    old, top, effort = label[v], progress[TOP], 0
    tally[old] -= 1
    if tally[old] == 0:  # a gap, which no path to a demand can cross
        new = far
        if top > old:
            _close(old, far, label, tally)
            effort = label.shape[0] >> 5
        top = old
    label[v] = new
    tally[new] += 1
    progress[TOP] = new if top < new < far else top
    return effort


@njit
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
