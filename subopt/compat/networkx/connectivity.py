"""Connectivity, cuts without capacities and disjoint paths with the calls of networkx."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import networkx as nx
import numpy as np
from networkx.algorithms import flow as networkx_flows

from subopt._base.types import Array
from subopt.compat.networkx.flows import require_nodes
from subopt.compat.networkx.graph import BackendGraph
from subopt.graph.unit_paths import (
    UnitNetwork,
    count_paths,
    dominating_set,
    fewest_paths,
    find_paths,
)

_FlowFunc = Callable[..., Any] | None
_ROWS_AT_ONCE = 1 << 20  # pairs of nodes


def local_edge_connectivity(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    auxiliary: Any = None,
    residual: Any = None,
    cutoff: float | None = None,
) -> int:
    """As `networkx.algorithms.connectivity.local_edge_connectivity`."""
    v, u = require_nodes(G, s, t)
    return _count(G.unit, v, u, cutoff, flow_func)


def local_node_connectivity(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    auxiliary: Any = None,
    residual: Any = None,
    cutoff: float | None = None,
) -> int:
    """As `networkx.algorithms.connectivity.local_node_connectivity`."""
    v, u = _named(G, s, t)
    return _count(G.split, len(G) + v, u, cutoff, flow_func)


def _count(
    unit: UnitNetwork, s: int, t: int, cutoff: float | None = None, flow_func: _FlowFunc = None
) -> int:
    if flow_func is networkx_flows.preflow_push:  # which has no cutoff
        cutoff = None
    most = None if cutoff is None or cutoff == math.inf else np.array([math.ceil(cutoff)])
    return int(count_paths(unit, np.array([s]), np.array([t]), most, threads=1)[0])


def edge_connectivity(
    G: BackendGraph,
    s: Hashable = None,
    t: Hashable = None,
    flow_func: _FlowFunc = None,
    cutoff: float | None = None,
) -> int:
    """As `networkx.edge_connectivity`."""
    if _local(s, t):
        v, u = require_nodes(G, s, t)
        return _count(G.unit, v, u, cutoff, flow_func)
    if not _connected(G):
        return 0
    least = int(G.simple_degree.min())
    if cutoff is not None and cutoff < least:
        least = math.ceil(cutoff)
    sources, targets = _edge_pairs(G)
    return fewest_paths(G.unit, sources, targets, least)[0]


def minimum_st_edge_cut(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    auxiliary: Any = None,
    residual: Any = None,
) -> set[tuple[Hashable, Hashable]]:
    """As `networkx.algorithms.connectivity.minimum_st_edge_cut`."""
    v, u = require_nodes(G, s, t)
    return _edges_out_of(G, find_paths(G.unit, v, u)[1])


def minimum_edge_cut(
    G: BackendGraph, s: Hashable = None, t: Hashable = None, flow_func: _FlowFunc = None
) -> set[tuple[Hashable, Hashable]]:
    """As `networkx.minimum_edge_cut`."""
    if _local(s, t):
        v, u = require_nodes(G, s, t)
        return _edges_out_of(G, find_paths(G.unit, v, u)[1])
    if not _connected(G):
        raise nx.NetworkXError("Input graph is not connected")
    sources, targets = _edge_pairs(G)
    v = int(np.argmin(G.simple_degree))
    _, pair = fewest_paths(G.unit, sources, targets, int(G.simple_degree[v]))
    if pair is None:
        return _edges_out_of(G, np.arange(len(G)) == v)
    return _edges_out_of(G, find_paths(G.unit, int(sources[pair]), int(targets[pair]))[1])


def _edges_out_of(G: BackendGraph, side: Array) -> set[tuple[Hashable, Hashable]]:
    """Return the edges from a set of nodes to the rest."""
    out = side[G.tails] & ~side[G.heads]
    pairs = list(zip(G.tails[out].tolist(), G.heads[out].tolist(), strict=True))
    if not G.directed:
        out = side[G.heads] & ~side[G.tails]
        pairs += zip(G.heads[out].tolist(), G.tails[out].tolist(), strict=True)
    return {(G.nodes[v], G.nodes[u]) for v, u in pairs}


def _edge_pairs(G: BackendGraph) -> tuple[Array, Array]:
    """Return pairs of nodes of which one is separated by a cut with fewer edges than any degree."""
    n = len(G)
    if G.directed:  # every set of nodes is left on the way once around
        nodes = np.arange(n)
        return (nodes, np.roll(nodes, -1)) if n > 1 else (nodes[:0], nodes[:0])
    chosen = dominating_set(G.unit.network, int(np.argmin(G.simple_degree)))
    return np.full(len(chosen) - 1, chosen[0]), chosen[1:]


def node_connectivity(
    G: BackendGraph, s: Hashable = None, t: Hashable = None, flow_func: _FlowFunc = None
) -> int:
    """As `networkx.node_connectivity`."""
    if _local(s, t):
        v, u = _named(G, s, t)
        return _count(G.split, len(G) + v, u)
    if not _connected(G):
        return 0
    v, sources, targets = _node_pairs(G)
    degree = G.degree if G.directed else G.simple_degree
    return fewest_paths(G.split, len(G) + sources, targets, int(degree[v]))[0]


def minimum_st_node_cut(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    auxiliary: Any = None,
    residual: Any = None,
) -> set[Hashable]:
    """As `networkx.algorithms.connectivity.minimum_st_node_cut`."""
    return _node_cut(G, *_named(G, s, t))


def minimum_node_cut(
    G: BackendGraph, s: Hashable = None, t: Hashable = None, flow_func: _FlowFunc = None
) -> set[Hashable]:
    """As `networkx.minimum_node_cut`; of undirected graphs, if no nodes are given."""
    if _local(s, t):
        return _node_cut(G, *_named(G, s, t))
    if not _connected(G):
        raise nx.NetworkXError("Input graph is not connected")
    v, sources, targets = _node_pairs(G)
    _, pair = fewest_paths(G.split, len(G) + sources, targets, int(G.simple_degree[v]))
    if pair is None:
        return {G.nodes[u] for u in G.successors(v)} - {G.nodes[v]}
    return _node_cut(G, int(sources[pair]), int(targets[pair]))


def _node_cut(G: BackendGraph, s: int, t: int) -> set[Hashable]:
    """Return a smallest set of nodes that separates two others, none where an edge joins these."""
    n = len(G)
    if t in G.successors(s) or s in G.successors(t):
        return set()
    unit = G.split
    reached = find_paths(unit, n + s, t)[1]
    heads, twin = unit.network.heads, unit.network.twin
    crossing = reached[heads[twin]] & ~reached[heads] & (unit.capacity > 0)
    tails, heads = heads[twin[crossing]], heads[crossing]
    # the arc of a node runs from v to n + v; for one between nodes, either of them will do
    found = np.where(tails < n, tails, np.where(tails == n + s, heads, tails - n))
    return {G.nodes[v] for v in found.tolist()}


def _node_pairs(G: BackendGraph) -> tuple[int, Array, Array]:
    """Return a node of least degree, and the pairs of nodes that decide on node connectivity.

    It and the nodes that it has no edge with, and its neighbors without an edge between them. For
    directed graphs these are the pairs of networkx, whose answer depends on them.
    """
    degree = G.degree if G.directed else G.simple_degree
    v = int(np.argmin(degree))
    around = G.successors(v)
    if G.directed:
        around = G.tails[G.heads == v].tolist() + around
        pairs: Iterable[tuple[int, int]] = set(itertools.permutations(around, 2))
    else:
        around = [u for u in around if u != v]
        pairs = itertools.combinations(around, 2)
    far = np.setdiff1d(np.arange(len(G)), [*around, v])
    successors = {u: set(G.successors(u)) for u in set(around)}
    apart = np.array([(x, y) for x, y in pairs if y not in successors[x]], dtype=np.int64)
    apart = apart.reshape(-1, 2)
    sources = np.concatenate([np.full(len(far), v), apart[:, 0]])
    return v, sources, np.concatenate([far, apart[:, 1]])


def all_pairs_node_connectivity(
    G: BackendGraph, nbunch: Iterable[Hashable] | None = None, flow_func: _FlowFunc = None
) -> dict[Hashable, dict[Hashable, int]]:
    """As `networkx.all_pairs_node_connectivity`."""
    names = list(G.nodes if nbunch is None else set(nbunch))
    for name in names:
        if name not in G:
            raise nx.NetworkXError(f"node {name} not in graph")
    numbers = np.array([G.place[name] for name in names], dtype=np.int64)
    result: dict[Hashable, dict[Hashable, int]] = {name: {} for name in names}
    for first, second, counts in _all_counts(G, numbers):
        for v, u, count in zip(first.tolist(), second.tolist(), counts.tolist(), strict=True):
            result[names[v]][names[u]] = count
            if not G.directed:
                result[names[u]][names[v]] = count
    return result


def average_node_connectivity(G: BackendGraph, flow_func: _FlowFunc = None) -> float:
    """As `networkx.average_node_connectivity`."""
    total = pairs = 0
    for _, _, counts in _all_counts(G, np.arange(len(G))):
        total, pairs = total + int(counts.sum()), pairs + len(counts)
    return total / pairs if pairs else 0


def _all_counts(G: BackendGraph, nodes: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield pairs of positions in `nodes`, and their numbers of paths, many rows at a time."""
    k = len(nodes)
    rows = max(1, _ROWS_AT_ONCE // max(k, 1))
    for begin in range(0, k, rows):
        first = np.repeat(np.arange(begin, min(begin + rows, k)), k)
        second = np.tile(np.arange(k), len(first) // k)
        wanted = first != second if G.directed else first < second
        first, second = first[wanted], second[wanted]
        yield first, second, count_paths(G.split, len(G) + nodes[first], nodes[second])


def edge_disjoint_paths(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    cutoff: float | None = None,
    auxiliary: Any = None,
    residual: Any = None,
) -> Iterator[list[Hashable]]:
    """As `networkx.edge_disjoint_paths`."""
    v, u = require_nodes(G, s, t)
    for path in _paths(G.unit, v, u, cutoff):
        yield [G.nodes[w] for w in path]


def node_disjoint_paths(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    flow_func: _FlowFunc = None,
    cutoff: float | None = None,
    auxiliary: Any = None,
    residual: Any = None,
) -> Iterator[list[Hashable]]:
    """As `networkx.node_disjoint_paths`."""
    v, u = require_nodes(G, s, t)
    n = len(G)
    for path in _paths(G.split, n + v, u, cutoff):
        yield [G.nodes[v], *(G.nodes[w] for w in path if w < n)]


def _paths(unit: UnitNetwork, s: int, t: int, cutoff: float | None) -> Iterator[list[int]]:
    """Yield disjoint paths without cycles."""
    most = None if cutoff is None or cutoff == math.inf else math.ceil(cutoff)
    flow = find_paths(unit, s, t, most)[0]
    heads, twin = unit.network.heads, unit.network.twin
    leads: dict[int, list[int]] = {}
    for v, u in zip(heads[twin[flow]].tolist(), heads[flow].tolist(), strict=True):
        leads.setdefault(v, []).append(u)
    if not leads.get(s):
        raise nx.NetworkXNoPath
    while leads[s]:
        path, place = [s], {s: 0}
        while path[-1] != t:
            v = leads[path[-1]].pop()
            if v in place:  # a cycle carries nothing
                for w in path[place[v] + 1 :]:
                    del place[w]
                del path[place[v] + 1 :]
            else:
                place[v] = len(path)
                path.append(v)
        yield path


def _local(s: Any, t: Any) -> bool:
    """Return whether two nodes are given."""
    if (s is None) != (t is None):
        raise nx.NetworkXError("Both source and target must be specified.")
    return s is not None


def _named(G: BackendGraph, s: Any, t: Any) -> tuple[int, int]:
    """Return the numbers of two nodes, which may be the same."""
    for node in (s, t):
        if node not in G:
            raise nx.NetworkXError(f"node {node} not in graph")
    return G.place[s], G.place[t]


def _connected(G: BackendGraph) -> bool:
    """Return whether a graph is connected, directions aside, or raise if it has no nodes."""
    if len(G) == 0:
        raise nx.NetworkXPointlessConcept("Connectivity is undefined for the null graph.")
    return G.is_connected()
