"""Compiled: strongly connected components, in topological order.

R. E. Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1(2),
1972, without recursion. scipy has this as well, but cannot be stopped at a time limit.
"""

from __future__ import annotations

import numpy as np

from subopt._base.interruptible import flag, interruptible
from subopt._base.jit import small_first as njit
from subopt._base.options import Deadline
from subopt._base.types import Array

SHORT = 2**17  # arcs; a search among fewer takes no time to speak of


def components(
    n: int, tails: Array, heads: Array, there: Array, back: Array, deadline: Deadline
) -> Array | None:
    """Return the number of the strongly connected component of each node.

    An arc of the graph leads from ``tails[e]`` to ``heads[e]`` where `there` (bool) is True, and
    another one the other way where `back` is. Arcs between components lead from larger to smaller
    numbers. None is returned if the deadline ended the search.
    """
    part, stop, rows = np.empty(n, np.int32), flag(), np.empty((2, n + 1), np.int64)
    ends, scratch = np.empty(2 * len(tails), np.int32), np.empty((4, n), np.int32)
    args = tails, heads, np.stack([there, back]), rows, ends, scratch, part, stop
    if len(tails) < SHORT:
        _components(*args)
    else:
        interruptible(_components, *args, stop=stop, deadline=deadline)
    return None if stop[0] else part


@njit
def _components(tails, heads, both, rows, ends, scratch, part, stop):
    """Set the numbers of components, part (n,) int32; no meaning if the flag `stop` is set.

    both : (2, m) bool, whether arcs and their twins are there
    rows (2, n + 1) int64, ends (2 m,) and scratch (4, n) int32 are overwritten.
    """
    there, back, indptr, cursor = both[0], both[1], rows[0], rows[1]
    indptr[:] = 0
    for e in range(tails.shape[0]):
        indptr[tails[e]] += there[e]
        indptr[heads[e]] += back[e]
    for v in range(1, indptr.shape[0]):
        indptr[v] += indptr[v - 1]
    for e in range(tails.shape[0]):  # every row end moves to its start
        if e % 4096 == 0 and stop[0] != 0:
            return
        p, q = tails[e], heads[e]
        if there[e]:
            indptr[p] -= 1
            ends[indptr[p]] = q
        if back[e]:
            indptr[q] -= 1
            ends[indptr[q]] = p
    cursor[:] = indptr
    order, low, path, waiting = scratch[0], scratch[1], scratch[2], scratch[3]
    order[:] = 0
    part[:] = -1
    seen, count, held = 0, 0, 0  # nodes seen, components numbered, nodes of `waiting`
    for root in range(part.shape[0]):
        if order[root] != 0:
            continue
        u, depth = root, 0
        while True:
            if order[u] == 0:  # `low` is the least number of the nodes that u is known to reach
                seen += 1
                order[u] = low[u] = seen
                path[depth], waiting[held] = u, u
                depth, held = depth + 1, held + 1
                if seen % 4096 == 0 and stop[0] != 0:
                    return
            v = path[depth - 1]
            if part[u] < 0:
                low[v] = min(low[v], low[u])
            if cursor[v] < indptr[v + 1]:
                u = ends[cursor[v]]
                cursor[v] += 1
                continue
            if low[v] == order[v]:
                u = -1
                while u != v:
                    held -= 1
                    u = waiting[held]
                    part[u] = count
                count += 1
            depth -= 1
            u = v
            if depth == 0:
                break
