"""Boykov and Kolmogorov's maximum flow: two search trees that are kept between augmentations.

One tree grows from the nodes with supply, one from the nodes with demand. Where they meet a path is
augmented; what it saturates cuts off orphans, which look for a new parent in their tree or leave
it. Fast when paths are short and cuts are local. The number of augmentations has no bound in terms
of the graph alone, so there is a limit on the work, after which `push_relabel` goes on from here.

A label is the length of the path to a root when a node joined, and rises along every path of a
tree. So an orphan takes neighbours with smaller labels only, which cannot be its descendants, and
never walks to a root to make sure, as in [2]_; unlike there it leaves the tree if there is none.

Compiled. The supply and demand of a node are one signed number. The trees stay valid after `grow`:
they can be mended and grown on when capacities have changed.

References
----------
.. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
   energy minimization in vision", IEEE TPAMI 26(9), 2004, section 3.
.. [2] A. V. Goldberg, S. Hed, H. Kaplan, R. E. Tarjan, R. F. Werneck, "Maximum flows by incremental
   breadth-first search", ESA 2011.
"""

import numpy as np

from subopt._jit import njit
from subopt.graph.network import send

# what `work.parent` has besides the slot of the arc to the parent, in the row of the node
ROOT, ORPHAN = -1, -2

FIRST, COUNT = 0, 1  # the entries of `work.state`: which part of `work.active` waits

_1 = np.uint64(1)  # slots and nodes are unsigned: numba then leaves out the tests for negative ones


@njit
def plant(n, excess, work):
    """Make every node with supply or demand a tree of its own, and active."""
    label, parent, active, waits = work.label, work.parent, work.active, work.waits
    count = 0
    for v in range(n):
        parent[v] = ROOT
        label[v] = 1 if excess[v] > 0 else -1 if excess[v] < 0 else 0
        waits[v] = label[v] != 0
        if waits[v]:
            active[count] = v
            count += 1
    work.state[FIRST], work.state[COUNT] = 0, count


@njit
def activate(v, work):
    """Append a node to the queue of those that may still grow."""
    active, state = work.active, work.state
    if not work.waits[v]:
        work.waits[v] = True
        end = state[FIRST] + state[COUNT]
        room = active.shape[0]
        active[end if end < room else end - room] = v
        state[COUNT] += 1


@njit
def grow(network, residual, excess, work, limit):
    """Grow the trees and augment until nothing is active; False if that takes too long.

    `limit` is the number of arcs to look at. Either way `residual` and `excess` are a flow; if
    True it is maximum, and ``work.label[v] > 0`` on the smallest source side.
    """
    indptr, heads, twin = network
    label, parent, active, state = work.label, work.parent, work.active, work.state
    while state[COUNT] > 0:
        if limit < 0:
            return False
        v = np.uint32(active[state[FIRST]])
        state[FIRST] = state[FIRST] + 1 if state[FIRST] + 1 < active.shape[0] else 0
        state[COUNT] -= 1
        work.waits[v] = False
        own = label[v]
        along = 0 if own > 0 else 1
        step = 1 if own > 0 else -1
        e, end = np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])
        limit -= np.int64(end - e)
        while e < end and own != 0:
            u = np.uint32(heads[e])
            other = label[u] * step
            if (residual[e, along] > 0) & ((other <= 0) | (other > own * step + 1)):
                if other < 0:
                    a = e if own > 0 else np.uint64(twin[e])
                    count = _augment(a, heads, twin, residual, excess, work)
                    limit -= adopt(count, network, residual, work)
                    own = label[v]
                    continue  # with the same arc
                # nearer to a root through v
                parent[u] = twin[e]
                label[u] = own + step
                if other == 0:
                    activate(u, work)
            e += _1
    return True


@njit
def _augment(a, heads, twin, residual, excess, work):
    """Augment from the root of its tail through arc a to the root of its head; list orphans."""
    parent, orphans = work.parent, work.queue
    amount = residual[a, 0]
    for along in (0, 1):
        v = np.uint32(heads[a] if along == 0 else heads[twin[a]])
        while parent[v] >= 0:
            p = parent[v]
            amount = min(amount, residual[p, along])
            v = np.uint32(heads[p])
        amount = min(amount, abs(excess[v]))
    send(residual, a, np.uint64(twin[a]), amount)
    count = 0
    for along in (0, 1):
        v = np.uint32(heads[a] if along == 0 else heads[twin[a]])
        p = parent[v]
        while p >= 0:
            if along == 0:
                send(residual, np.uint64(p), np.uint64(twin[p]), amount)
            else:
                send(residual, np.uint64(twin[p]), np.uint64(p), amount)
            if residual[p, along] <= 0:
                parent[v] = ORPHAN
                orphans[count] = v
                count += 1
            v = np.uint32(heads[p])
            p = parent[v]
        excess[v] += amount if along == 0 else -amount
        if (excess[v] < 0) == (excess[v] > 0):  # exactly zero
            parent[v] = ORPHAN
            orphans[count] = v
            count += 1
    return count


@njit
def adopt(count, network, residual, work):
    """Find a parent for every orphan, or set it free; return the arcs looked at."""
    indptr, heads, twin = network
    label, parent, orphans = work.label, work.parent, work.queue
    room = orphans.shape[0]
    effort = 0
    # those near the roots first: the others may find a parent in what they become
    for k in range(count // 2):
        orphans[k], orphans[count - 1 - k] = orphans[count - 1 - k], orphans[k]
    q = 0
    while count > 0:
        v = np.uint32(orphans[q])
        q = q + 1 if q + 1 < room else 0
        count -= 1
        if parent[v] != ORPHAN:
            continue
        own = label[v]
        step = 1 if own > 0 else -1
        back = 1 if own > 0 else 0
        start, end = np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])
        e = start
        while e < end:
            other = label[np.uint32(heads[e])] * step
            if (other > 0) & (other < own * step) & (residual[e, back] > 0):
                break
            e += _1
        effort += np.int64(end - start)
        if e < end:
            parent[v] = e
            label[v] = label[heads[e]] + step
            continue
        for e in range(start, end):
            u = np.uint32(heads[e])
            if label[u] * step > 0:
                if residual[e, back] > 0:
                    activate(u, work)
                if parent[u] == twin[e]:
                    parent[u] = ORPHAN
                    last = q + count
                    orphans[last if last < room else last - room] = u
                    count += 1
        effort += np.int64(end - start)
        label[v] = 0
        parent[v] = ROOT
    return effort
