"""Compiled: Boykov and Kolmogorov's maximum flow on a padded grid with implicit neighbours.

Cells are the nodes of the grid and a border of cells without arcs, so no step tests for bounds: arc
k of cell v leads to ``v + shift[k]``, arc ``k ^ 1`` leads back. Two trees grow from the cells with
supply and from the cells with demand until they touch; the path found is saturated; what it cuts
off looks for a new parent in its tree or is set free ([1]_, section 3). A time stamp says which
distances to the root are known since the last path, so a walk to the root stops early.

What a search reads of a cell is small: its tree, the arc to its parent and whether it waits in the
queue are one byte, and two words say which of its arcs are open, so capacities are read only along
paths. Cells are unsigned: numba then leaves out the tests for negative indices.

.. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
   energy minimization in vision", IEEE PAMI 26(9), 2004.
"""

import numpy as np

from subopt._jit import njit

# The byte of a cell: two bits of tree, one of the queue, five of the arc to the parent.
SOURCE, SINK, TREE = 64, 128, 192
WAITS = 32
PARENT, ROOT, ORPHAN = 31, 30, 31
ARCS = 28  # of one cell, at most

_0, _1 = np.uint64(0), np.uint64(1)
_BIT = np.uint32(1)
_FAR = 1 << 31


@njit
def _head(v, k, shift, wrap):
    """Return the cell that arc k of cell v leads to; `wrap` is None without periodic axes."""
    u = v + shift[k]
    if wrap is not None:
        u = np.uint64(wrap[u])
    return u


@njit
def settle(shift, wrap, residual, excess, state, outward, inward, stamp, queue):
    """Settle what neighbours can between themselves, then plant the trees; return the queue's end.

    A root waits in the queue only if an arc between it and a cell outside its tree is open: the
    others have nothing to find.
    """
    degree, cells = np.uint64(shift.shape[0]), np.uint64(excess.shape[0])
    for v in range(_0, cells):
        rest = excess[v]
        outward[v] = 0
        inward[v] = 0
        if rest > 0:
            for k in range(_0, degree):
                if residual[v * degree + k] > 0:
                    u = _head(v, k, shift, wrap)
                    if excess[u] < 0:
                        amount = min(rest, -excess[u], residual[v * degree + k])
                        rest -= amount
                        excess[u] += amount
                        residual[v * degree + k] -= amount
                        residual[u * degree + (k ^ _1)] += amount
                        if rest <= 0:
                            break
            excess[v] = rest
    for v in range(_0, cells):
        for k in range(_0, degree):
            if residual[v * degree + k] > 0:
                outward[v] |= _BIT << np.uint32(k)
                inward[_head(v, k, shift, wrap)] |= _BIT << np.uint32(k ^ _1)
    tail = _0
    for v in range(_0, cells):
        stamp[v] = 1
        state[v] = 0
        if excess[v] == 0:
            continue
        supply = excess[v] > 0
        open_arcs = np.uint64(outward[v] if supply else inward[v])
        state[v] = ROOT | (SOURCE if supply else SINK)
        for k in range(_0, degree):
            if (open_arcs >> k) & _1:
                u = _head(v, k, shift, wrap)
                if excess[u] == 0 or (excess[u] > 0) != supply:
                    state[v] |= WAITS
                    queue[tail] = v
                    tail += _1
                    break
    return tail


@njit
def grow(shift, wrap, residual, excess, state, outward, inward, stamp, queue, orphans, tail):
    """Grow the trees, and saturate every path where they touch, until the queue is empty.

    Afterwards the source's tree is the smallest source side of a minimum cut, and the sink's tree
    the smallest sink side.
    """
    degree, size = np.uint64(shift.shape[0]), np.uint64(queue.shape[0])
    head, time = _0, 0
    while head != tail:
        v = np.uint64(queue[head])
        head += _1
        if head == size:
            head = _0
        tree = state[v] & TREE
        state[v] &= TREE | PARENT
        if tree == 0:
            continue
        k = _0
        while k < degree:
            open_arcs = np.uint64(outward[v] if tree == SOURCE else inward[v])
            if (open_arcs >> k) & _1 == _0:
                k += _1
                continue
            u = _head(v, k, shift, wrap)
            there = state[u]
            if there & TREE == tree:
                k += _1
            elif there & TREE == 0:
                if there & WAITS == 0:
                    queue[tail] = u
                    tail += _1
                    if tail == size:
                        tail = _0
                state[u] = tree | WAITS | (k ^ _1)
                stamp[u] = stamp[v] + 1
                k += _1
            else:
                time += 1
                if tree == SOURCE:
                    last = _augment(
                        v, u, k, shift, wrap, residual, excess, state, outward, inward, orphans
                    )
                else:
                    last = _augment(
                        u, v, k ^ _1, shift, wrap, residual, excess, state, outward, inward, orphans
                    )
                tail = _adopt(
                    last, time, shift, wrap, state, outward, inward, stamp, queue, tail, orphans
                )
                if state[v] & TREE != tree:
                    break


@njit
def _augment(a, b, k, shift, wrap, residual, excess, state, outward, inward, orphans):
    """Saturate the path through arc k from a, of the source's tree, to b, of the sink's.

    Return how many cells it cut off from their parents, and list them in `orphans`.
    """
    degree = np.uint64(shift.shape[0])
    amount = residual[a * degree + k]
    v = a
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        v = _head(v, p, shift, wrap)
        amount = min(amount, residual[v * degree + (p ^ _1)])
        p = np.uint64(state[v] & PARENT)
    amount = min(amount, excess[v])
    v = b
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        amount = min(amount, residual[v * degree + p])
        v = _head(v, p, shift, wrap)
        p = np.uint64(state[v] & PARENT)
    amount = min(amount, -excess[v])

    _push(a, b, k, amount, degree, residual, outward, inward)
    last = _0
    v = a
    p = np.uint64(state[v] & PARENT)
    while p != ROOT:
        u = _head(v, p, shift, wrap)
        if _push(u, v, p ^ _1, amount, degree, residual, outward, inward):
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
        u = _head(v, p, shift, wrap)
        if _push(v, u, p, amount, degree, residual, outward, inward):
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
    return last


@njit
def _push(v, u, k, amount, degree, residual, outward, inward):
    """Push flow through arc k from v to u; return whether that saturates it."""
    there, back = _BIT << np.uint32(k), _BIT << np.uint32(k ^ _1)
    residual[v * degree + k] -= amount
    residual[u * degree + (k ^ _1)] += amount
    outward[u] |= back
    inward[v] |= there
    if residual[v * degree + k] > 0:
        return False
    outward[v] ^= there
    inward[u] ^= back
    return True


@njit
def _adopt(last, time, shift, wrap, state, outward, inward, stamp, queue, tail, orphans):
    """Find every orphan the parent nearest to the root, or set it free; return the queue's end."""
    degree, size = np.uint64(shift.shape[0]), np.uint64(queue.shape[0])
    first = _0
    while first != last:
        w = np.uint64(orphans[first])
        first += _1
        if first == size:
            first = _0
        tree = state[w] & TREE
        open_arcs = np.uint64(inward[w] if tree == SOURCE else outward[w])
        best, nearest = degree, _FAR
        for k in range(_0, degree):
            if (open_arcs >> k) & _1 == _0:
                continue
            u = _head(w, k, shift, wrap)
            if state[u] & TREE != tree:
                continue
            distance = _rooted(u, time, shift, wrap, state, stamp)
            if distance < nearest:
                best, nearest = k, distance
        if best < degree:
            state[w] = (state[w] & (TREE | WAITS)) | best
            stamp[w] = (time << 31) | (nearest + 1)
            continue
        state[w] &= WAITS
        for k in range(_0, degree):
            u = _head(w, k, shift, wrap)
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
    return tail


@njit
def _rooted(u, time, shift, wrap, state, stamp):
    """Return the distance of u to its root, and stamp it on the way; far if an orphan is above."""
    distance = 0
    v = u
    while stamp[v] >> 31 != time:
        p = np.uint64(state[v] & PARENT)
        if p == ORPHAN:
            return _FAR
        distance += 1
        if p == ROOT:
            stamp[v] = (time << 31) | 1
            break
        v = _head(v, p, shift, wrap)
    else:
        distance += stamp[v] & (_FAR - 1)
    v = u
    left = distance
    while stamp[v] >> 31 != time:
        stamp[v] = (time << 31) | left
        left -= 1
        v = _head(v, np.uint64(state[v] & PARENT), shift, wrap)
    return distance


@njit
def crossing(left, right, forward, backward, values):
    """Add to ``values[b]`` the weights of the arcs of problem b that leave the source's side.

    `left` and `right` say whether the ends of arc e lie there: (problems, arcs). A weight array
    has one row for all problems or one each, and one column for all arcs or one each.
    """
    rows_f, columns_f = forward.shape[0] > 1, forward.shape[1] > 1
    rows_b, columns_b = backward.shape[0] > 1, backward.shape[1] > 1
    for b in range(left.shape[0]):
        for e in range(left.shape[1]):
            if left[b, e] and not right[b, e]:
                values[b] += forward[b * rows_f, e * columns_f]
            elif right[b, e] and not left[b, e]:
                values[b] += backward[b * rows_b, e * columns_b]
