"""Compiled: strongly connected components, in topological order.

R. E. Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1(2),
1972, without recursion. scipy has this as well, but cannot be stopped at a time limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.interruptible import flag, interruptible, is_short
from subopt._base.jit import small_first as njit
from subopt._base.options import Deadline
from subopt._base.types import Array


def components(
    n: int, tails: Array, heads: Array, there: Array, back: Array, deadline: Deadline
) -> Array | None:
    """Return the number of the strongly connected component of each node.

    An arc of the graph leads from ``tails[e]`` to ``heads[e]`` where `there` (bool) is True, and
    another one the other way where `back` is. Arcs between components lead from larger to smaller
    numbers. None is returned if the deadline ended the search.
    """
    part, stop = np.empty(n, np.int32), flag()
    (indptr, cursor), ends = np.zeros((2, n + 1), np.int64), np.empty(2 * len(tails), np.int32)
    order, low, path, waiting = np.zeros((4, n), np.int32)
    scratch = Scratch(indptr, cursor, ends, order, low, path, waiting)
    arcs = Arcs(tails, heads, np.ascontiguousarray(there), np.ascontiguousarray(back))
    args = arcs, scratch, part, stop
    short = is_short(8 * len(tails))  # a search follows arcs in no order
    interruptible(_components, *args, stop=stop, deadline=deadline, short=short)
    return None if stop[0] else part


class Arcs(NamedTuple):
    """Arcs of a graph, each with a twin that leads back."""

    tails: Array  # (m,)
    heads: Array
    there: Array  # (m,) bool: whether the arc is there
    back: Array  # whether its twin is


class Scratch(NamedTuple):
    """What a search overwrites."""

    indptr: Array  # (n + 1,) int64, zeros: compressed rows of `ends`
    cursor: Array  # (n + 1,) int64: the next arc of each node
    ends: Array  # (2 m,) int32
    order: Array  # (n,) int32, zeros: when a node was seen
    low: Array  # (n,) int32: the least such number of the nodes that it is known to reach
    path: Array  # (n,) int32: from the root to the node that is looked at
    waiting: Array  # (n,) int32: nodes seen whose components are not complete


@njit
def _components(arcs, scratch, part, stop):
    """Set the numbers of components, part (n,) int32; no meaning if the flag `stop` is set."""
    tails, heads, there, back = arcs.tails, arcs.heads, arcs.there, arcs.back
    indptr, cursor, ends = scratch.indptr, scratch.cursor, scratch.ends
    order, low, path, waiting = scratch.order, scratch.low, scratch.path, scratch.waiting
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
    for v in range(indptr.shape[0]):
        cursor[v] = indptr[v]
    for v in range(part.shape[0]):
        part[v] = -1
    seen, count, held = 0, 0, 0  # nodes seen, components numbered, nodes that wait
    for root in range(part.shape[0]):
        if order[root] != 0:
            continue
        u, depth = root, 0
        while True:
            if order[u] == 0:
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
