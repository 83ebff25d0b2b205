"""Maximum flow by Boykov and Kolmogorov: two search trees, kept between augmentations.

One tree grows from the nodes with supply, the other from the nodes with demand [1]_. Where they
meet, a path is augmented. Saturated arcs of the trees leave orphans, which are attached to a new
parent in their tree or become free. The algorithm is fast if paths are short and cuts are local.
The number of augmentations is not bounded by the size of the graph, so the work has a limit, after
which `push_relabel` continues from the same flow.

The label of a node is the length of its path to a root when it joined the tree. Labels increase
along every path of a tree. A neighbor with a smaller label cannot be a descendant of an orphan, so
that the orphan can be attached to it without tracing the path to a root, as in [2]_. Unlike in
[2]_, an orphan without such a neighbor becomes free.

This module is compiled. Supply and demand of a node are one signed number. The trees stay valid
after `grow`, and can be repaired and extended after capacities have changed.

References
----------
.. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
   energy minimization in vision", IEEE TPAMI 26(9), 2004, section 3.
.. [2] A. V. Goldberg, S. Hed, H. Kaplan, R. E. Tarjan, R. F. Werneck, "Maximum flows by incremental
   breadth-first search", ESA 2011.
"""

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.network import AHEAD, BACK, HEAD, send, twin_of

# entries of `work.parent` that are not nodes
ROOT, ORPHAN = -1, -2

_1 = np.uint64(1)  # slots and nodes are unsigned: numba then leaves out the tests for negative ones


@njit
def plant(n, excess, work):
    """Make every node with supply or demand an active tree of one node."""
    label, parent, active, waits = work.label, work.parent, work.active, work.waits
    count = 0
    for v in range(n):
        parent[v] = ROOT
        label[v] = 1 if excess[v] > 0 else -1 if excess[v] < 0 else 0
        waits[v] = label[v] != 0
        if waits[v]:
            active[count] = v
            count += 1
    state = work.state[0]
    state["first"], state["count"] = 0, count


@njit(inline="always")  # here and below: calls that pass many arrays cost more than what they do
def activate(u, active, waits, state):
    """Append a node to the queue of active nodes."""
    if not waits[u]:
        waits[u] = True
        end = state["first"] + state["count"]
        room = active.shape[0]
        active[end if end < room else end - room] = u
        state["count"] += 1


@njit
def grow(indptr, residual, excess, work, limit):
    """Grow the trees and augment until no node is active; return False if `limit` is reached.

    `limit` is the number of arcs to examine. In both cases `residual` and `excess` describe a flow.
    If the result is True, the flow is maximum, and ``work.label[v] > 0`` holds exactly for the
    nodes of the smallest source side.
    """
    ends, label, parent, arc = work.ends, work.label, work.parent, work.arc
    active, waits, state = work.active, work.waits, work.state[0]
    touched = np.uint64(0)
    while state["count"] > 0:
        if limit < 0:
            break
        v = np.uint32(active[state["first"]])
        state["first"] = state["first"] + 1 if state["first"] + 1 < active.shape[0] else 0
        state["count"] -= 1
        waits[v] = False
        coming = np.uint32(active[state["first"]]) if state["count"] > 0 else v
        touched ^= ends[np.uint64(indptr[coming])] >> HEAD  # prefetch the next row
        own = label[v]
        gate = AHEAD if own > 0 else BACK
        step = 1 if own > 0 else -1
        e, end = np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])
        limit -= np.int64(end - e)
        while e < end and own != 0:
            u = np.uint32(ends[e] >> HEAD)
            other = label[u] * step
            if ((ends[e] & gate) != 0) & ((other <= 0) | (other > own * step + 1)):
                if other < 0:
                    a = e if own > 0 else twin_of(ends[e])
                    count = _augment(a, residual, excess, work)
                    limit -= adopt(count, indptr, work)
                    own = label[v]
                    continue  # examine the same arc again
                # v is a parent that is nearer to a root
                parent[u], arc[u] = v, twin_of(ends[e])
                label[u] = own + step
                if other == 0:
                    activate(u, active, waits, state)
            e += _1
    state["touched"] = touched
    return state["count"] == 0


@njit(inline="always")
def _augment(a, residual, excess, work):
    """Augment from the root of its tail through arc a to the root of its head.

    Return the number of orphans, which are listed in ``work.queue``.
    """
    ends, orphans, parent, arc = work.ends, work.queue, work.parent, work.arc
    b = twin_of(ends[a])
    amount = residual[a]
    for along in (True, False):
        v = np.uint32(ends[a if along else b] >> HEAD)
        while parent[v] >= 0:
            p = np.uint32(arc[v])
            amount = min(amount, residual[p if along else twin_of(ends[p])])
            v = np.uint32(parent[v])
        amount = min(amount, abs(excess[v]))
    send(ends, residual, a, b, amount)
    count = 0
    for along in (True, False):
        v = np.uint32(ends[a if along else b] >> HEAD)
        while parent[v] >= 0:
            p, up = np.uint32(arc[v]), np.uint32(parent[v])
            t = twin_of(ends[p])
            closed = send(ends, residual, p if along else t, t if along else p, amount)
            orphans[count] = v
            count += closed
            parent[v] = ORPHAN if closed else up
            v = up
        excess[v] += amount if along else -amount
        if (excess[v] < 0) == (excess[v] > 0):  # exactly zero
            parent[v] = ORPHAN
            orphans[count] = v
            count += 1
    return count


@njit(inline="always")
def adopt(count, indptr, work):
    """Find a parent for every orphan, or make it free; return the number of arcs examined.

    `count` orphans are listed in ``work.queue``.
    """
    ends, orphans, label, parent = work.ends, work.queue, work.label, work.parent
    arc, active, waits, state = work.arc, work.active, work.waits, work.state[0]
    room = orphans.shape[0]
    effort, touched = 0, np.uint64(0)
    # orphans near the roots first, because others may become their children
    for k in range(count // 2):
        orphans[k], orphans[count - 1 - k] = orphans[count - 1 - k], orphans[k]
    q = 0
    while count > 0:
        v = np.uint32(orphans[q])
        q = q + 1 if q + 1 < room else 0
        count -= 1
        coming = np.uint32(orphans[q]) if count > 0 else v
        touched ^= ends[np.uint64(indptr[coming])] >> HEAD
        if parent[v] != ORPHAN:
            continue
        own = label[v]
        step = 1 if own > 0 else -1
        gate = BACK if own > 0 else AHEAD
        start, end = np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])
        e, most = start, np.uint32(own * step - 1)
        while e < end:
            # as unsigned numbers: 0 < label < own, and one comparison
            below = np.uint32(label[ends[e] >> HEAD] * step - 1) < most
            if below & ((ends[e] & gate) != 0):
                break
            e += _1
        effort += np.int64(end - start)
        if e < end:
            parent[v], arc[v] = ends[e] >> HEAD, e
            label[v] = label[ends[e] >> HEAD] + step
            continue
        last, tail = q + count, state["first"] + state["count"]
        for e in range(start, end):
            # without branches, which would be unpredictable
            u = ends[e] >> HEAD
            last = last if last < room else last - room
            tail = tail if tail < room else tail - room
            lost = parent[u] == v
            parent[u] = ORPHAN if lost else parent[u]
            orphans[last] = u
            last += lost
            count += lost
            new = (label[u] * step > 0) & ((ends[e] & gate) != 0) & (not waits[u])
            waits[u] |= new
            active[tail] = u
            tail += new
            state["count"] += new
        effort += np.int64(end - start)
        label[v] = 0
        parent[v] = ROOT
    state["touched"] = touched
    return effort
