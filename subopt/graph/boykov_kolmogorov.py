"""Boykov and Kolmogorov's maximum flow: two search trees that are kept between augmentations.

One tree grows from the nodes with supply, one from the nodes with demand. Where they meet a path is
augmented; what it saturates cuts off orphans, which look for a new parent in their tree or leave
it. Fast when paths are short and cuts are local. The number of augmentations has no bound in terms
of the graph alone, so there is a limit on the work, after which `push_relabel` goes on from here.

Compiled. The supply and demand of a node are one signed number, and what the trees know of it is
four int32 that share a cache line. The trees stay valid after `grow`: they can be mended and grown
on when capacities have changed.

References
----------
.. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
   energy minimization in vision", IEEE TPAMI 26(9), 2004, section 3.
.. [2] V. Kolmogorov, "Graph based algorithms for scene reconstruction from two or more views",
   PhD thesis, Cornell University, 2004: distances with time stamps.
"""

from subopt._jit import njit
from subopt.graph.network import send

# the columns of a node
LABEL = 0  # length of its path to a root, as far as known; > 0 supply, < 0 demand, 0 in no tree
PARENT = 1  # slot of the arc to its parent, in its own row; or
ROOT, ORPHAN = -1, -2
STAMP = 2  # when its label was last known to be true
NEXT = 3  # the next active node, itself for the last one; or
IDLE = -1

FIRST, LAST, CLOCK = 0, 1, 2  # the entries of `work.state`


@njit
def plant(n, excess, node, state):
    """Make every node with supply or demand a tree of its own, and active."""
    state[FIRST], state[LAST], state[CLOCK] = -1, -1, 0
    for v in range(n):
        node[v, PARENT] = ROOT
        node[v, STAMP] = 0
        node[v, NEXT] = IDLE
        node[v, LABEL] = 1 if excess[v] > 0 else -1 if excess[v] < 0 else 0
        if node[v, LABEL] != 0:
            activate(v, node, state)


@njit
def activate(v, node, state):
    """Append a node to the queue of those that may still grow."""
    if node[v, NEXT] == IDLE:
        node[v, NEXT] = v
        if state[FIRST] < 0:
            state[FIRST] = v
        else:
            node[state[LAST], NEXT] = v
        state[LAST] = v


@njit
def grow(network, residual, excess, work, limit):
    """Grow the trees and augment until nothing is active; False if that takes too long.

    `limit` is the number of arcs to look at. Either way `residual` and `excess` are a flow; if
    True it is maximum, and ``work.node[v, LABEL] > 0`` on the smallest source side.
    """
    indptr, heads, twin = network
    node, orphans, state = work.node, work.queue, work.state
    while state[FIRST] >= 0:
        if limit < 0:
            return False
        v = state[FIRST]
        state[FIRST] = -1 if node[v, NEXT] == v else node[v, NEXT]
        node[v, NEXT] = IDLE
        label = node[v, LABEL]
        along = 0 if label > 0 else 1
        step = 1 if label > 0 else -1
        e, end = indptr[v], indptr[v + 1]
        limit -= end - e
        while e < end and label != 0:
            if residual[e, along] > 0:
                u = heads[e]
                other = node[u, LABEL] * step
                if other < 0:
                    a = e if label > 0 else twin[e]
                    count = _augment(a, heads, twin, residual, excess, node, orphans)
                    limit -= adopt(count, network, residual, node, orphans, state)
                    label = node[v, LABEL]
                    continue  # with the same arc
                known = other > label * step + 1 and node[u, STAMP] <= node[v, STAMP]
                if other == 0 or known:  # nearer to a root through v, for all we know
                    node[u, PARENT] = twin[e]
                    node[u, STAMP] = node[v, STAMP]
                    node[u, LABEL] = label + step
                    if other == 0:
                        activate(u, node, state)
            e += 1
    return True


@njit
def _augment(a, heads, twin, residual, excess, node, orphans):
    """Augment from the root of its tail through arc a to the root of its head; list orphans."""
    amount = residual[a, 0]
    for along in (0, 1):
        v = heads[a] if along == 0 else heads[twin[a]]
        while node[v, PARENT] >= 0:
            p = node[v, PARENT]
            amount = min(amount, residual[p, along])
            v = heads[p]
        amount = min(amount, abs(excess[v]))
    send(residual, a, twin[a], amount)
    count = 0
    for along in (0, 1):
        v = heads[a] if along == 0 else heads[twin[a]]
        p = node[v, PARENT]
        while p >= 0:
            if along == 0:
                send(residual, p, twin[p], amount)
            else:
                send(residual, twin[p], p, amount)
            if residual[p, along] <= 0:
                node[v, PARENT] = ORPHAN
                orphans[count] = v
                count += 1
            v = heads[p]
            p = node[v, PARENT]
        excess[v] += amount if along == 0 else -amount
        if (excess[v] < 0) == (excess[v] > 0):  # exactly zero
            node[v, PARENT] = ORPHAN
            orphans[count] = v
            count += 1
    return count


@njit
def adopt(count, network, residual, node, orphans, state):
    """Find the nearest parent for every orphan, or set it free; return the arcs looked at."""
    indptr, heads, twin = network
    state[CLOCK] += 1
    clock = state[CLOCK]
    room = orphans.shape[0]
    effort = 0
    # those near the roots first: the others may find a parent in what they become
    for k in range(count // 2):
        orphans[k], orphans[count - 1 - k] = orphans[count - 1 - k], orphans[k]
    q = 0
    while count > 0:
        v = orphans[q]
        q = q + 1 if q + 1 < room else 0
        count -= 1
        if node[v, PARENT] != ORPHAN:
            continue
        step = 1 if node[v, LABEL] > 0 else -1
        back = 1 if step > 0 else 0
        best, parent = room + 1, -1
        effort += indptr[v + 1] - indptr[v]
        for e in range(indptr[v], indptr[v + 1]):
            if residual[e, back] > 0 and node[heads[e], LABEL] * step > 0:
                length = _length(heads[e], step, clock, heads, node)
                effort += 1
                if 0 < length < best:
                    best, parent = length, e
        if parent >= 0:
            node[v, PARENT] = parent
            node[v, STAMP] = clock
            node[v, LABEL] = (best + 1) * step
            continue
        for e in range(indptr[v], indptr[v + 1]):
            u = heads[e]
            if node[u, LABEL] * step > 0:
                if residual[e, back] > 0:
                    activate(u, node, state)
                if node[u, PARENT] == twin[e]:
                    node[u, PARENT] = ORPHAN
                    end = q + count
                    orphans[end if end < room else end - room] = u
                    count += 1
        node[v, LABEL] = 0
        node[v, PARENT] = ROOT
        node[v, STAMP] = 0
    return effort


@njit
def _length(u, step, clock, heads, node):
    """Length of the path from u to a root, as labels on all of it; 0 if it ends in an orphan."""
    length, v = 0, u
    while node[v, STAMP] != clock and node[v, PARENT] >= 0:
        length += 1
        v = heads[node[v, PARENT]]
    if node[v, STAMP] == clock:
        length += abs(node[v, LABEL])
    elif node[v, PARENT] == ROOT:
        length += 1
    else:
        return 0
    here, v = length, u
    while node[v, STAMP] != clock:
        node[v, STAMP] = clock
        node[v, LABEL] = here * step
        here -= 1
        if node[v, PARENT] == ROOT:
            break
        v = heads[node[v, PARENT]]
    return length
