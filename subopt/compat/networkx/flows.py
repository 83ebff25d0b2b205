"""Maximum flows, minimum cuts and Gomory-Hu trees with the calls of networkx."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import networkx as nx
import numpy as np
from networkx.algorithms import flow as networkx_flows

from subopt._base.types import Array
from subopt.compat.networkx.graph import BackendGraph, unlimited
from subopt.graph._gomory_hu import gomory_hu_tree as tree_of
from subopt.graph._input import Graph, infinite
from subopt.graph._max_flow import solve
from subopt.graph.contraction import smallest_cut
from subopt.graph.flow import Flow

NETWORKX_FLOWS = (
    "boykov_kolmogorov",
    "dinitz",
    "edmonds_karp",
    "preflow_push",
    "shortest_augmenting_path",
)


def stands_for_a_maximum_flow(function: Any) -> bool:
    """Return whether a `flow_func` is None, one of networkx's, or ours."""
    known = (getattr(networkx_flows, name) for name in NETWORKX_FLOWS)
    return function is None or function is flow_func or any(function is other for other in known)


def require_nodes(G: BackendGraph, s: Any, t: Any) -> tuple[int, int]:
    """Return the numbers of two nodes, or raise as networkx does."""
    for node in (s, t):
        if node not in G:
            raise nx.NetworkXError(f"node {node} not in graph")
    if s == t:
        raise nx.NetworkXError("source and sink are the same node")
    return G.place[s], G.place[t]


def maximum_flow(
    flowG: BackendGraph,
    _s: Hashable,
    _t: Hashable,
    capacity: str = "capacity",
    flow_func: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> tuple[Any, dict[Hashable, dict[Hashable, Any]]]:
    """As `networkx.maximum_flow`."""
    answer = _flow(flowG, _s, _t, capacity, flow_func, kwargs)
    _, _, pair, ahead = flowG.pairs
    amounts = np.where(ahead, answer.flow[pair], -answer.flow[pair])
    result: dict[Hashable, dict[Hashable, Any]] = {node: {} for node in flowG.nodes}
    names = flowG.nodes
    ends = zip(flowG.tails.tolist(), flowG.heads.tolist(), amounts.tolist(), strict=True)
    if flowG.directed:
        for v, u, amount in ends:
            result[names[v]][names[u]] = amount if amount > 0 else 0
    else:
        for v, u, amount in ends:
            result[names[u]][names[v]] = -amount if amount < 0 else 0
            result[names[v]][names[u]] = amount if amount > 0 else 0
    return answer.value, result


def maximum_flow_value(
    flowG: BackendGraph,
    _s: Hashable,
    _t: Hashable,
    capacity: str = "capacity",
    flow_func: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Any:
    """As `networkx.maximum_flow_value`."""
    return _flow(flowG, _s, _t, capacity, flow_func, kwargs).value


def minimum_cut(
    flowG: BackendGraph,
    _s: Hashable,
    _t: Hashable,
    capacity: str = "capacity",
    flow_func: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> tuple[Any, tuple[set[Hashable], set[Hashable]]]:
    """As `networkx.minimum_cut`."""
    _refuse_cutoff(flow_func, kwargs)
    answer = _flow(flowG, _s, _t, capacity, flow_func, kwargs)
    return answer.value, partition(flowG, answer.source_side)


def minimum_cut_value(
    flowG: BackendGraph,
    _s: Hashable,
    _t: Hashable,
    capacity: str = "capacity",
    flow_func: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Any:
    """As `networkx.minimum_cut_value`."""
    _refuse_cutoff(flow_func, kwargs)
    return _flow(flowG, _s, _t, capacity, flow_func, kwargs).value


def partition(G: BackendGraph, side: Array) -> tuple[set[Hashable], set[Hashable]]:
    """Return the nodes on both sides of a cut."""
    first = {G.nodes[v] for v in np.flatnonzero(side).tolist()}
    return first, {G.nodes[v] for v in np.flatnonzero(~side).tolist()}


def _refuse_cutoff(flow_func: Any, options: dict[str, Any]) -> None:
    # others than preflow_push stop there in networkx, to which `can_run` leaves them
    if options.get("cutoff") is not None:
        raise nx.NetworkXError("cutoff should not be specified.")


def _flow(
    G: BackendGraph,
    s: Hashable,
    t: Hashable,
    capacity: str,
    flow_func: Any,
    options: dict[str, Any],
) -> Flow:
    """Solve as networkx asks; the cut is the one with the largest side of the source."""
    if flow_func is None and options:
        raise nx.NetworkXError(
            "You have to explicitly set a flow_func if you need to pass parameters via kwargs."
        )
    if flow_func is not None and not callable(flow_func):
        raise nx.NetworkXError("flow_func has to be callable.")
    v, u = require_nodes(G, s, t)
    return _solve(G.flow_graph(capacity), v, u, options.get("cutoff"))


def _solve(g: Graph, s: int, t: int, cutoff: Any) -> Flow:
    """Find a maximum flow between two nodes; of value `cutoff` at most."""
    supply = unlimited(g.whole)
    if cutoff is not None:
        if g.whole and not float(cutoff).is_integer():
            g = _as_floats(g)
        supply = g.forward.dtype.type(max(cutoff, 0)) if cutoff < np.inf else unlimited(g.whole)
    source, sink = g.source.copy(), g.sink.copy()
    source[s], sink[t] = supply, unlimited(g.whole)
    try:
        return solve(g._replace(source=source, sink=sink), maximal=True, method="auto")
    except ValueError as error:  # sums are small enough, so no cut is finite
        raise nx.NetworkXUnbounded("Infinite capacity path, flow unbounded above.") from error


def _as_floats(g: Graph) -> Graph:
    forward, backward, source, sink = (
        np.where(infinite(part), np.inf, part.astype(np.float64))
        for part in (g.forward, g.backward, g.source, g.sink)
    )
    return Graph(g.n, g.tails, g.heads, forward, backward, source, sink, False)


def gomory_hu_tree(
    G: BackendGraph, capacity: str = "capacity", flow_func: Callable[..., Any] | None = None
) -> Any:
    """As `networkx.gomory_hu_tree`: a networkx graph."""
    if len(G) == 0:
        raise nx.NetworkXError("Empty Graph does not have a Gomory-Hu tree representation")
    g = G.flow_graph(capacity)
    amounts = g.forward
    if infinite(amounts).any():
        amounts = np.where(infinite(amounts), np.inf, amounts.astype(object))
    tree = tree_of(g.tails, g.heads, amounts, n=g.n)
    if np.isinf(tree.values).any():
        raise nx.NetworkXUnbounded("Infinite capacity path, flow unbounded above.")
    result = nx.Graph()
    result.add_nodes_from(G.nodes)
    edges = zip(tree.parents.tolist(), tree.values.tolist(), strict=True)
    for v, (parent, value) in enumerate(edges):
        if parent >= 0:
            result.add_edge(G.nodes[v], G.nodes[parent], weight=value)
    return result


def stoer_wagner(
    G: BackendGraph, weight: str = "weight", heap: Any = None
) -> tuple[Any, tuple[list[Hashable], list[Hashable]]]:
    """As `networkx.stoer_wagner`."""
    if len(G) < 2:
        raise nx.NetworkXError("graph has less than two nodes.")
    if G.has_negative(weight):
        raise nx.NetworkXError("graph has a negative-weighted edge.")
    g = G.flow_graph(weight, 1)
    if infinite(g.forward).any():
        raise NotImplementedError("subopt needs finite weights")
    if not G.is_connected():
        raise nx.NetworkXError("graph is not connected.")
    value, side = smallest_cut(g)
    first, second = partition(G, side)
    return value, (list(first), list(second))


def flow_func(
    G: Any,
    s: Hashable,
    t: Hashable,
    capacity: str = "capacity",
    residual: Any = None,
    value_only: bool = False,
    cutoff: float | None = None,
) -> Any:
    """Find a maximum flow with the contract of networkx's flow functions.

    It can be passed as `flow_func` to the functions of networkx that take one. networkx builds a
    residual graph and reads the result from it; ``backend="subopt"`` is faster, because it needs no
    such graph.

    Parameters
    ----------
    G : networkx.Graph
        Directed or undirected, without parallel edges.
    s, t : node
        Source and sink.
    capacity : str, default "capacity"
        Attribute of edges with their capacities; edges without it have no limit.
    residual : networkx.DiGraph, optional
        Residual network as `networkx.algorithms.flow.build_residual_network` makes it; its flows
        are overwritten.
    value_only : bool, default False
        The whole flow is found in any case.
    cutoff : float, optional
        Largest value of the flow.

    Returns
    -------
    networkx.DiGraph
        The residual network, with the flow in the attribute `flow` of its edges, and its value in
        ``R.graph["flow_value"]``.

    Raises
    ------
    networkx.NetworkXError
        If s or t is not in the graph, or both are the same node.
    networkx.NetworkXUnbounded
        If a path of infinite capacity leads from s to t.

    Examples
    --------
    >>> import networkx as nx
    >>> G = nx.DiGraph()
    >>> G.add_edge("s", "a", capacity=3)
    >>> G.add_edge("a", "t", capacity=2)
    >>> R = flow_func(G, "s", "t")
    >>> R.graph["flow_value"], R["s"]["a"]["flow"]
    (2, 2)
    >>> nx.minimum_cut_value(G, "s", "t", flow_func=flow_func)
    2
    """
    for node in (s, t):
        if node not in G:
            raise nx.NetworkXError(f"node {node} not in graph")
    if s == t:
        raise nx.NetworkXError("source and sink are the same node")
    R = networkx_flows.build_residual_network(G, capacity) if residual is None else residual
    networkx_flows.utils.detect_unboundedness(R, s, t)
    nodes = list(R)
    place = {node: v for v, node in enumerate(nodes)}
    edges = [(v, u, data) for v, u, data in R.edges(data=True) if place[v] < place[u]]
    back = [R[u][v] for v, u, _ in edges]
    arrays = BackendGraph(
        nodes,
        np.array([place[v] for v, _, _ in edges] + [place[u] for _, u, _ in edges], dtype=np.int64),
        np.array([place[u] for _, u, _ in edges] + [place[v] for v, _, _ in edges], dtype=np.int64),
        directed=True,
        attributes={
            "capacity": [data["capacity"] for _, _, data in edges] + [d["capacity"] for d in back]
        },
    )
    answer = _solve(arrays.flow_graph("capacity"), place[s], place[t], cutoff)
    flows = answer.flow[arrays.pairs.pair[: len(edges)]].tolist()
    for (_, _, data), other, amount in zip(edges, back, flows, strict=True):
        data["flow"], other["flow"] = amount, -amount
    R.graph["flow_value"], R.graph["algorithm"] = answer.value, "subopt"
    if hasattr(nx, "_clear_cache"):  # what backends keep of R, from networkx 3.3 on
        nx._clear_cache(R)
    return R
