"""The module that networkx calls: functions by their names in networkx, and what they support."""

from __future__ import annotations

import inspect
from typing import Any

import networkx as nx

from subopt.compat.networkx import connectivity, flows
from subopt.compat.networkx.graph import BackendGraph, convert_from_nx, convert_to_nx
from subopt.compat.networkx.info import FUNCTIONS

# networkx takes every function of its own name here for an implementation
__all__ = ["can_run", "convert_from_nx", "convert_to_nx", "should_run"]

for _name in FUNCTIONS:
    globals()[_name] = getattr(flows if hasattr(flows, _name) else connectivity, _name)

# Nodes and edges from which on every function is faster than networkx's, conversion included.
FEWEST_NODES, FEWEST_EDGES = 16, 40
_MANY = 1000  # nodes: counting the edges takes as long as the degrees of all nodes
# functions of a whole graph for which networkx first asks whether it is connected
_CONNECTED = {"stoer_wagner"}
_CONNECTED_WITHOUT_ENDS = {
    "edge_connectivity",
    "node_connectivity",
    "minimum_edge_cut",
    "minimum_node_cut",
}


def can_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """Return True, or why a call is left to networkx.

    Parameters
    ----------
    name : str
        A function of networkx.
    args, kwargs : tuple, dict
        Its arguments.

    Returns
    -------
    bool or str
    """
    try:
        given = inspect.signature(globals()[name]).bind(*args, **kwargs).arguments
    except TypeError as error:
        return str(error)
    graph = next(iter(given.values()))
    function, options = given.get("flow_func"), given.get("kwargs", {})
    if graph.is_multigraph():
        return "graphs with parallel edges are networkx's"
    if callable(function) and not flows.stands_for_a_maximum_flow(function):
        return "flow_func is a function of the caller"
    if given.get("auxiliary") is not None or given.get("residual") is not None:
        return "auxiliary and residual are graphs of networkx's algorithms"
    if function is not None and options:
        push = function is flows.networkx_flows.preflow_push
        of_flows = name.startswith("maximum_flow") and not push
        of_cuts = name.startswith("minimum_cut") and push  # an error there, and here
        if set(options) != {"cutoff"} or not (of_flows or of_cuts):
            return "options of networkx's algorithms"
    if name == "minimum_node_cut" and graph.is_directed() and given.get("s") is None:
        return "networkx's smallest node cut of a directed graph depends on the order of its nodes"
    if given.get("heap") is not None and given["heap"].__module__ != "networkx.utils.heaps":
        return "heap is a class of the caller"
    return True


def should_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """Return True, or why a call is faster in networkx.

    Parameters
    ----------
    name : str
        A function of networkx.
    args, kwargs : tuple, dict
        Its arguments.

    Returns
    -------
    bool or str
    """
    graph = args[0] if args else next(iter(kwargs.values()))
    if isinstance(graph, BackendGraph):
        return True
    n = len(graph)
    if n < FEWEST_NODES or (n < _MANY and graph.number_of_edges() < FEWEST_EDGES):
        return f"conversion costs more with fewer than {FEWEST_NODES} nodes or {FEWEST_EDGES} edges"
    if _is_converted(graph):
        return True
    if graph.is_directed() and name in ("gomory_hu_tree", "stoer_wagner"):
        return "networkx refuses directed graphs"
    ends = args[1] if len(args) > 1 else kwargs.get("s")
    if name in _CONNECTED or (name in _CONNECTED_WITHOUT_ENDS and ends is None):
        is_connected = nx.is_weakly_connected if graph.is_directed() else nx.is_connected
        if not is_connected(graph):
            return "networkx answers at once for a graph that is not connected"
    return True


def _is_converted(graph: Any) -> bool:
    """Whether networkx has kept the converted graph."""
    cache: dict[str, Any] = getattr(graph, "__networkx_cache__", None) or {}
    return "subopt" in cache.get("backends", ())
