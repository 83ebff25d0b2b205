"""`augment`: maximum flow for callers that are compiled code.

The caller allocates a `Network`, residual capacities, excesses and a `Workspace` once, and can then
call `augment` many times without further allocations. Python code calls `max_flow` instead.
"""

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import AHEAD, BACK, HEAD, open_arcs, send, twin_of
from subopt.graph.push_relabel import NO_LIMIT, push_relabel

ONE = np.int64(1)  # the numbers 1 and -1 as literals would make numba compile `reach` once more
PATIENCE = 6
"""Push-relabel takes over from search trees once each arc has been examined this often on average.
The flow that the trees have found is kept."""


@njit
def augment(n, network, residual, excess, work):
    """Push a maximum flow from nodes with positive to nodes with negative excess, in place.

    Parameters
    ----------
    n : int
        Number of nodes; the arrays may be longer.
    network : Network
        The arcs.
    residual : array (arcs,)
        Nonnegative residual capacities, float64 or int64; overwritten.
    excess : array (n,)
        Supply of each node minus its demand; overwritten by what remains.
    work : Workspace
        Workspace. Afterwards ``work.side[:n]`` is the smallest source side of a minimum cut.

    Returns
    -------
    bool
        True if Boykov and Kolmogorov's search trees found the flow without push-relabel.
    """
    return augment_within(n, network, residual, excess, work, PATIENCE * (n + network.indptr[n]))


@njit
def augment_within(n, network, residual, excess, work, limit):
    """Like `augment`, with a limit on the number of arcs that search trees examine."""
    open_arcs(n, network, residual, work)
    return augment_opened(n, network.indptr, residual, excess, work, limit)


@njit(inline="always")
def augment_opened(n, indptr, residual, excess, work, limit):
    """Like `augment_within`, if `work.ends` agrees with the residual capacities already."""
    if not settle(n, indptr, residual, excess, work):
        for v in range(n):
            work.side[v] = False
        return True
    done = False
    if limit > 0:
        plant(n, excess, work)
        done = grow(indptr, residual, excess, work, limit)
    if done:
        for v in range(n):
            work.side[v] = work.label[v] > 0
    else:
        push_relabel(n, indptr, residual, excess, work, NO_LIMIT)
        reach(n, indptr, excess, work, ONE)
    return done


@njit(inline="always")
def settle(n, indptr, residual, excess, work):
    """Push supply to neighbors with demand; return whether any supply is left.

    Only to some of them if it has to stop.
    """
    ends = work.ends
    left = False
    for v in range(n):
        if v % 4096 == 0 and work.state[0]["stop"] != 0:
            return True
        if excess[v] > 0:
            for e in range(np.uint64(indptr[v]), np.uint64(indptr[v + 1])):
                u = ends[e] >> HEAD
                if (excess[u] < 0) & ((ends[e] & AHEAD) != 0):
                    amount = min(excess[v], -excess[u], residual[e])
                    excess[v] -= amount
                    excess[u] += amount
                    send(ends, residual, e, twin_of(ends[e]), amount)
                    if excess[v] <= 0:
                        break
            left |= excess[v] > 0
    return left


@njit
def reach(n, indptr, excess, work, sign):
    """Set `work.side` to the nodes that supply reaches (sign 1) or that reach demand (sign -1)."""
    ends = work.ends
    side, queue = work.side, work.queue
    gate = AHEAD if sign > 0 else BACK
    count = 0
    for v in range(n):
        side[v] = sign * excess[v] > 0
        if side[v]:
            queue[count] = v
            count += 1
    q = 0
    while q < count:
        v = np.uint32(queue[q])
        q += 1
        for e in range(np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])):
            # without branches, which would be unpredictable
            u = ends[e] >> HEAD
            new = ((ends[e] & gate) != 0) & (not side[u])
            side[u] |= new
            queue[count] = u
            count += new


@njit
def spreads(n, indptr, work):
    """Return whether neighborhoods grow as in a random graph, rather than as in a grid.

    In random graphs there are very many short paths, search trees are often rebuilt, and
    push-relabel is faster. From radius 2 to radius 3, the number of nodes in a ball grows by a
    factor of 1.5 to 2.7 in grids of 1 to 3 dimensions, and by degree - 1 in a random graph. The
    balls around 8 nodes are counted, and around up to 24 more if these are not conclusive.
    """
    ends, seen, queue = work.ends, work.label, work.queue
    for v in range(n):
        seen[v] = -1
    near, far, effort = 0, 0, 0
    for k in range(min(n, 32)):
        root = k * 13 % 32 * n // 32 if n > 32 else k  # spread over the nodes from the beginning
        seen[root] = k
        queue[0] = root
        first, last = 0, 1
        for radius in range(3):
            end = last
            for q in range(first, end):
                for e in range(indptr[queue[q]], indptr[queue[q] + 1]):
                    effort += 1
                    u = ends[e] >> HEAD
                    if seen[u] != k:
                        seen[u] = k
                        queue[last] = u
                        last += 1
            first = end
            if radius == 1:
                near += last
        far += last
        if effort > indptr[n] // 4 + 1000 or (k == 7 and not 2.8 < far / near < 5):
            break
    return far > 3.5 * near
