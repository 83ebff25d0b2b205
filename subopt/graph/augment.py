"""The maximum flow of compiled code: `augment`, and what it picks from.

A caller that is compiled itself keeps a `Network`, residual capacities, excesses and a `Workspace`,
and calls `augment` as often as it likes: nothing is allocated. Python code calls `max_flow`.
"""

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import AHEAD, BACK, HEAD, open_arcs, send, twin_of
from subopt.graph.push_relabel import NO_LIMIT, push_relabel

# Search trees get the work of so many looks at every arc before push-relabel takes over; what they
# did is not lost.
PATIENCE = 6


@njit
def augment(n, network, residual, excess, work):
    """Push a maximum flow from nodes with positive to nodes with negative excess, in place.

    Parameters
    ----------
    n : int
        Number of nodes; the arrays may be longer.
    network : Network
    residual : array (arcs,)
        Residual capacities >= 0. Float64, or int64.
    excess : array (n,)
        Supply of a node minus its demand; what remains of them afterwards.
    work : Workspace
        ``work.side[:n]`` is the smallest source side of a minimum cut afterwards.

    Returns
    -------
    bool
        Whether Boykov and Kolmogorov's trees sufficed, without push-relabel.
    """
    return augment_within(n, network, residual, excess, work, PATIENCE * (n + network.indptr[n]))


@njit
def augment_within(n, network, residual, excess, work, limit):
    """Like `augment`, with a limit on the arcs that search trees look at."""
    open_arcs(n, network, residual, work)
    return augment_opened(n, network.indptr, residual, excess, work, limit)


@njit(inline="always")
def augment_opened(n, indptr, residual, excess, work, limit):
    """Like `augment_within`, when `work.ends` fits to the residual capacities already."""
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
        reach(n, indptr, excess, work, 1)
    return done


@njit(inline="always")
def settle(n, indptr, residual, excess, work):
    """Push what neighbours can settle among themselves; return whether supply is left."""
    ends = work.ends
    left = False
    for v in range(n):
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
    """Set `work.side` to what supply reaches (sign 1), or to what can reach demand (sign -1)."""
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
            # without branches, which nobody could predict
            u = ends[e] >> HEAD
            new = ((ends[e] & gate) != 0) & (not side[u])
            side[u] |= new
            queue[count] = u
            count += new


@njit
def spreads(n, indptr, work):
    """Tell whether neighbourhoods grow as in random graphs rather than as in grids.

    Then paths are short but countless, search trees break all the time and push-relabel wins. A
    ball of radius 3 has 1.5 to 2.7 times the nodes of one of radius 2 in grids of 1 to 3
    dimensions, and degree - 1 times in a random graph. Looked at around 8 nodes, and up to 24 more
    if these do not tell.
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
