"""Compiled: the algorithm of Boykov and Kolmogorov on a padded grid with implicit neighbors.

Cells are the nodes of the grid and a border of cells without arcs, so that no step tests for
bounds: arc k of cell v leads to ``v + shift[k]``, arc ``k ^ 1`` leads back. Two trees grow from the
cells with supply and from the cells with demand until they touch. The path found is augmented, and
cells that lose their parent look for a new one in their tree or become free ([1]_, section 3). Time
stamps mark distances to the root that were confirmed after the last augmentation; a walk to the
root stops at the first such cell.

A search reads few bytes per cell. One byte holds the tree of the cell, the arc to its parent, and
whether the cell is queued; two words mark its open arcs. Capacities are read along paths only.
Cells are unsigned, because numba then omits the tests for negative indices. `degree` is the number
of arcs of a cell, or None for 4, for which numba compiles a version with unrolled loops.

.. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
   energy minimization in vision", IEEE PAMI 26(9), 2004.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit

if TYPE_CHECKING:
    from subopt._base.types import Array
    from subopt.graph.grid._layout import Layout

# The byte of a cell: two bits of tree, one of the queue, five of the arc to the parent.
SOURCE, SINK, TREE = 64, 128, 192
WAITS = 32
PARENT, ROOT, ORPHAN = 31, 30, 31

_0, _1, _4, _58 = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(58)
_BIT = np.uint32(1)
_FAR = 1 << 31

# The six leading bits of x * _DE_BRUIJN modulo 2**64 differ for all powers of two x.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_LOWEST = np.zeros(64, dtype=np.uint64)
for _bit in range(64):
    _LOWEST[((int(_DE_BRUIJN) << _bit) & (2**64 - 1)) >> 58] = _bit


class Trees(NamedTuple):
    """Workspace of the search: what it keeps of a cell, besides capacities."""

    state: Array  # (cells,) uint8
    outward: Array  # (cells,) uint8 if the degree is None, else uint32; bit k: arc k is open
    inward: Array  # same; bit k: the twin of arc k is open
    stamp: Array  # (cells,) int64; when the distance to the root was last known, and the distance
    queue: Array  # (cells + 1,) uint32
    orphans: Array  # (cells + 1,) uint32


class Progress(NamedTuple):
    """How far a search has come: arrays (1,) of int64."""

    head: Array  # of the queue
    tail: Array  # its end
    paths: Array  # number of paths
    length: Array  # number of arcs of the last path


def trees(layout: Layout) -> Trees:
    """Return the workspace of a search."""
    cells, bits = layout.cells, np.uint8 if layout.degree is None else np.uint32
    return Trees(
        state=np.empty(cells, dtype=np.uint8),
        outward=np.empty(cells, dtype=bits),
        inward=np.empty(cells, dtype=bits),
        stamp=np.empty(cells, dtype=np.int64),
        queue=np.empty(cells + 1, dtype=np.uint32),
        orphans=np.empty(cells + 1, dtype=np.uint32),
    )


@inner
def head_of(v, k, shift, wrap):
    """Return the cell that arc k of cell v leads to; `wrap` is None without periodic axes."""
    return _after(v, shift[k], wrap)


@inner
def _after(v, step, wrap):
    """Return the cell that is `step` cells after cell v."""
    u = np.uint64(v + step)
    if wrap is not None:
        u = np.uint64(wrap[u])
    return u


@njit(inline="always")
def meet(degree, v, network):
    """Push from v, which has supply, what its neighbors demand."""
    shift, wrap, residual, excess = network.shift, network.wrap, network.residual, network.excess
    arcs, rest = _4 if degree is None else degree, excess[v]
    for k in range(_0, arcs):
        # without branches, which nobody could predict
        u = head_of(v, k, shift, wrap)
        amount = max(min(rest, -excess[u], residual[v * arcs + k]), 0)
        rest -= amount
        excess[u] += amount
        residual[v * arcs + k] -= amount
        residual[u * arcs + (k ^ _1)] += amount
    excess[v] = rest


@njit
def settle(degree, border, network, trees):
    """Settle what neighbors can between themselves, then plant the trees; return the queue's end.

    A root waits in the queue only if an arc between it and a cell outside its tree is open: the
    others have nothing to find. The first and the last `border` cells are no nodes and have no
    arcs.
    """
    arcs, cells = _4 if degree is None else degree, np.uint64(network.excess.shape[0])
    shift, wrap, residual, excess = network.shift, network.wrap, network.residual, network.excess
    state, outward, inward = trees.state, trees.outward, trees.inward
    stamp, queue = trees.stamp, trees.queue
    # Most loops have no branches, so that LLVM makes vectors of them. Arcs are the outer loop
    # because LLVM has to assume that writes within the inner loop change `shift`.
    _plant_roots(excess, state)
    for v in range(_0, cells):
        inward[v] = 0
    for k in range(_0, arcs):
        step = shift[k]
        for v in range(border, cells - border):
            near = (state[v] == SOURCE | ROOT) & (state[_after(v, step, wrap)] == SINK | ROOT)
            inward[v] |= np.uint32(near)
    for v in range(border, cells - border):
        if inward[v] != 0:  # in photographs supply is seldom next to demand
            inward[v] = 0
            meet(degree, v, network)
    _plant_roots(excess, state)
    for v in range(_0, cells):
        bits = np.uint32(0)
        for k in range(_0, arcs):
            bits |= np.uint32(residual[v * arcs + k] > 0) << np.uint32(k)
        outward[v] = bits
    for v in range(_0, cells):
        stamp[v] = 1
    for k in range(_0, arcs):
        step, here, back = shift[k], np.uint32(k), np.uint32(k ^ _1)
        for v in range(border, cells - border):
            bits = np.uint32(outward[_after(v, step, wrap)])
            inward[v] |= ((bits >> back) & _BIT) << here
    # which roots wait is a bit of `inward` that no arc has, for a moment
    flag = np.uint32(7 if degree is None else 31)
    for k in range(_0, arcs):
        step, here = shift[k], np.uint32(k)
        for v in range(border, cells - border):
            ahead, behind = np.uint32(outward[v]), np.uint32(inward[v])
            own = ahead if state[v] == SOURCE | ROOT else behind  # both are loaded: no branch
            other = (state[v] != 0) & (state[_after(v, step, wrap)] != state[v])
            inward[v] |= ((own >> here) & np.uint32(other)) << flag
    tail = _0
    for v in range(border, cells - border):
        queue[tail] = v
        tail += np.uint64(inward[v] >> flag)
    for v in range(border, cells - border):
        state[v] |= (inward[v] >> flag) * WAITS
    for v in range(border, cells - border):
        inward[v] &= (_BIT << flag) - _BIT
    return tail


@inner
def _plant_roots(excess, state):
    """Make roots of the cells with supply and of those with demand."""
    for v in range(np.uint64(excess.shape[0])):
        state[v] = (excess[v] > 0) * (SOURCE | ROOT) + (excess[v] < 0) * (SINK | ROOT)


@njit
def grow(degree, network, trees, progress, paths, looks):
    """Grow the trees, and saturate every path where they touch, until the queue is empty.

    Then return True: the source's tree is the smallest source side of a minimum cut, and the sink's
    tree the smallest sink side. Return False after so many paths in all, or after `looks` at arcs
    in this call; a further call goes on from `progress`.
    """
    arcs, size = _4 if degree is None else degree, np.uint64(trees.queue.shape[0])
    shift, wrap = network.shift, network.wrap
    state, stamp, queue = trees.state, trees.stamp, trees.queue
    head, tail = np.uint64(progress.head[0]), np.uint64(progress.tail[0])
    time, effort, steps = progress.paths[0], 0, progress.length[0]
    while head != tail and time < paths and effort < looks:
        v = np.uint64(queue[head])
        head += _1
        if head == size:
            head = _0
        tree = state[v] & TREE
        state[v] &= TREE | PARENT
        if tree == 0:
            continue
        effort += np.int64(arcs)
        todo = _outside(degree, v, tree, network, trees)
        while todo != _0:
            k = lowest(todo)
            u = head_of(v, k, shift, wrap)
            there = state[u]
            if there & TREE == tree:  # by now: around a short axis two arcs lead there
                todo &= todo - _1
            elif there & TREE == 0:
                queue[tail] = u
                tail += np.uint64(there & WAITS == 0)
                tail = _0 if tail == size else tail
                state[u] = tree | WAITS | (k ^ _1)
                stamp[u] = stamp[v] + 1
                todo &= todo - _1
            else:
                time += 1
                a, b, arc = (v, u, k) if tree == SOURCE else (u, v, k ^ _1)
                last, steps = _augment(degree, a, b, arc, network, trees)
                tail, looked = _adopt(degree, last, time, tail, network, trees)
                effort += steps + looked
                if state[v] & TREE != tree:
                    break
                todo = (_outside(degree, v, tree, network, trees) >> k) << k  # from this arc on
    progress.head[0], progress.tail[0] = head, tail
    progress.paths[0], progress.length[0] = time, steps
    return head == tail


@njit(inline="always")
def _outside(degree, v, tree, network, trees):
    """Return as bits the arcs of v that are open for its tree and lead out of it."""
    arcs, out = _4 if degree is None else degree, _0
    for k in range(_0, arcs):
        u = head_of(v, k, network.shift, network.wrap)
        out |= np.uint64(trees.state[u] & TREE != tree) << k
    return out & np.uint64(trees.outward[v] if tree == SOURCE else trees.inward[v])


@inner
def lowest(x):
    """Return the place of the lowest bit of x, which is not zero."""
    return _LOWEST[np.uint64((x & (~x + _1)) * _DE_BRUIJN) >> _58]


@inner
def _augment(degree, a, b, k, network, trees):
    """Saturate the path through arc k from a, of the source's tree, to b, of the sink's.

    Return how many cells it cut off from their parents, which are listed in `trees.orphans`, and
    the length of the path.
    """
    arcs = _4 if degree is None else degree
    shift, wrap, residual, excess = network.shift, network.wrap, network.residual, network.excess
    state, outward, inward, orphans = trees.state, trees.outward, trees.inward, trees.orphans
    amount, steps = residual[a * arcs + k], 1
    v = a
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        v = head_of(v, p, shift, wrap)
        amount = min(amount, residual[v * arcs + (p ^ _1)])
        p = np.uint64(state[v] & PARENT)
        steps += 1
    amount = min(amount, excess[v])
    v = b
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        amount = min(amount, residual[v * arcs + p])
        v = head_of(v, p, shift, wrap)
        p = np.uint64(state[v] & PARENT)
        steps += 1
    amount = min(amount, -excess[v])

    _push(a, b, k, amount, arcs, residual, outward, inward)
    last = _0
    v = a
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        u = head_of(v, p, shift, wrap)
        if _push(u, v, p ^ _1, amount, arcs, residual, outward, inward):
            state[v] |= ORPHAN
            orphans[last] = v
            last += _1
        v = u
        p = np.uint64(state[v] & PARENT)
    excess[v] -= amount
    if excess[v] <= 0:
        state[v] |= ORPHAN
        orphans[last] = v
        last += _1
    v = b
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        u = head_of(v, p, shift, wrap)
        if _push(v, u, p, amount, arcs, residual, outward, inward):
            state[v] |= ORPHAN
            orphans[last] = v
            last += _1
        v = u
        p = np.uint64(state[v] & PARENT)
    excess[v] += amount
    if excess[v] >= 0:
        state[v] |= ORPHAN
        orphans[last] = v
        last += _1
    return last, steps


@inner
def _push(v, u, k, amount, arcs, residual, outward, inward):
    """Push flow through arc k from v to u; return whether that saturates it."""
    there, back = _BIT << np.uint32(k), _BIT << np.uint32(k ^ _1)
    residual[v * arcs + k] -= amount
    residual[u * arcs + (k ^ _1)] += amount
    outward[u] |= back
    inward[v] |= there
    if residual[v * arcs + k] > 0:
        return False
    outward[v] ^= there
    inward[u] ^= back
    return True


@inner
def _adopt(degree, last, time, tail, network, trees):
    """Find every orphan the parent nearest to the root, or set it free.

    Return the queue's end, and how many arcs were looked at.
    """
    arcs, size = _4 if degree is None else degree, np.uint64(trees.queue.shape[0])
    shift, wrap = network.shift, network.wrap
    state, outward, inward = trees.state, trees.outward, trees.inward
    stamp, queue, orphans = trees.stamp, trees.queue, trees.orphans
    first, looked = _0, 0
    while first != last:
        w = np.uint64(orphans[first])
        first += _1
        if first == size:
            first = _0
        tree = state[w] & TREE
        open_arcs = np.uint64(inward[w] if tree == SOURCE else outward[w])
        best, nearest = arcs, _FAR
        looked += np.int64(arcs)
        for k in range(_0, arcs):
            if (open_arcs >> k) & _1 == _0:
                continue
            u = head_of(w, k, shift, wrap)
            if state[u] & TREE != tree:
                continue
            if state[u] & PARENT == ROOT:
                best, nearest = k, 1
                break
            distance, steps = _rooted(u, time, shift, wrap, state, stamp)
            looked += steps
            if distance < nearest:
                best, nearest = k, distance
        if best < arcs:
            state[w] = (state[w] & (TREE | WAITS)) | best
            stamp[w] = (time << 31) | (nearest + 1)
            continue
        state[w] &= WAITS
        for k in range(_0, arcs):
            u = head_of(w, k, shift, wrap)
            there = state[u]
            if there & TREE != tree:
                continue
            if there & PARENT == k ^ _1:
                there |= ORPHAN
                state[u] = there
                orphans[last] = u
                last += _1
                if last == size:
                    last = _0
            if there & WAITS == 0 and (open_arcs >> k) & _1:
                state[u] = there | WAITS
                queue[tail] = u
                tail += _1
                if tail == size:
                    tail = _0
    return tail, looked


@inner
def _rooted(u, time, shift, wrap, state, stamp):
    """Return the distance of u to its root, far if an orphan is above, and the steps it took.

    Cells on the way are stamped.
    """
    distance = 0
    v = u
    while stamp[v] >> 31 != time:
        p = np.uint64(state[v] & PARENT)
        if p == ORPHAN:
            return _FAR, distance
        distance += 1
        if p == ROOT:
            stamp[v] = (time << 31) | 1
            break
        v = head_of(v, p, shift, wrap)
    else:
        distance += stamp[v] & (_FAR - 1)
    v = u
    left = distance
    while stamp[v] >> 31 != time:
        stamp[v] = (time << 31) | left
        left -= 1
        v = head_of(v, np.uint64(state[v] & PARENT), shift, wrap)
    return distance, distance - left
