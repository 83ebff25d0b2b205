"""Compiled: shortest distances by Bellman and Ford in residual graphs, and negative cycles.

A flow has the least cost if and only if its residual graph has no cycle of negative cost. If it has
none, then shortest distances are potentials that prove it: with c the cost and d the distance, no
residual arc (v, u) has c + d_v - d_u < 0.
"""

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array

DONE, CYCLE, MORE = range(3)


class Capacitated(NamedTuple):
    """A graph with costs and bounds, as kernels read it."""

    tails: Array
    heads: Array
    low: Array
    high: Array
    cost: Array
    unit: float  # relative changes of a distance up to this are rounding; 0 for ints


@njit
def relax(graph, flow, distance, parent, passes):
    """Lower distances until no residual arc can; return DONE, CYCLE if there is a cycle, or MORE.

    graph : Capacitated
    flow : (m,) within the bounds of `graph`
    distance : (n,) of the dtype of the costs, any numbers at first; overwritten
    parent : (n,) int64, the residual arc that gave a node its distance: 2 e forward, 2 e + 1
        backward, -1 for none; overwritten. On a cycle, if there is one.
    passes : int64, largest number of passes over all arcs
    """
    tails, heads, cost, unit = graph.tails, graph.heads, graph.cost, graph.unit
    parent[:] = -1
    for i in range(passes):
        changed = False
        for e in range(tails.shape[0]):
            v, u, c = tails[e], heads[e], cost[e]
            if flow[e] < graph.high[e]:
                d = distance[v] + c
                if d < distance[u] and distance[u] - d > unit * (abs(distance[u]) + abs(c)):
                    distance[u], parent[u], changed = d, 2 * e, True
            if flow[e] > graph.low[e]:
                d = distance[u] - c
                if d < distance[v] and distance[v] - d > unit * (abs(distance[v]) + abs(c)):
                    distance[v], parent[v], changed = d, 2 * e + 1, True
        if not changed:
            return DONE
        # a look at the parents costs as much as a pass: after 1, 2, 4, ... of them
        if i & (i + 1) == 0 and _on_cycle(graph, parent) >= 0:
            return CYCLE
    return CYCLE if _on_cycle(graph, parent) >= 0 else MORE


@njit
def _on_cycle(graph, parent):
    """Return a node on a cycle of parents, -1 if there is none."""
    n = parent.shape[0]
    seen = np.full(n, -1, np.int64)
    for root in range(n):
        v = root
        while seen[v] < 0 and parent[v] >= 0:
            seen[v] = root
            v = _from(graph, parent[v])
        if seen[v] == root and parent[v] >= 0:
            return v
        seen[v] = max(seen[v], root)
    return -1


@njit
def _from(graph, arc):
    """Return the node that a residual arc leaves."""
    return graph.tails[arc >> 1] if arc & 1 == 0 else graph.heads[arc >> 1]


@njit
def cancel(graph, flow, parent):
    """Send as much as possible around all cycles of parents; return how many cycles there were."""
    count = 0
    while True:
        start = _on_cycle(graph, parent)
        if start < 0:
            return count
        count += 1
        v, least = start, _left(graph, flow, parent[start])
        while True:
            arc = parent[v]
            least = min(least, _left(graph, flow, arc))
            v = _from(graph, arc)
            if v == start:
                break
        while True:
            arc = parent[v]
            e, full = arc >> 1, _left(graph, flow, arc) <= least
            if arc & 1 == 0:
                flow[e] = graph.high[e] if full else flow[e] + least
            else:
                flow[e] = graph.low[e] if full else flow[e] - least
            parent[v] = -1
            v = _from(graph, arc)
            if v == start:
                break


@njit
def _left(graph, flow, arc):
    """Return the residual capacity of an arc."""
    e = arc >> 1
    return graph.high[e] - flow[e] if arc & 1 == 0 else flow[e] - graph.low[e]
