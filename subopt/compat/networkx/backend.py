"""The module that networkx calls: functions by their names in networkx, and what they support."""

from __future__ import annotations

import inspect
from typing import Any

from subopt.compat.networkx import connectivity, flows
from subopt.compat.networkx.graph import BackendGraph, convert_from_nx, convert_to_nx
from subopt.compat.networkx.info import FUNCTIONS

# networkx takes every function of its own name here for an implementation
__all__ = ["can_run", "convert_from_nx", "convert_to_nx", "should_run"]

for _name in FUNCTIONS:
    globals()[_name] = getattr(flows if hasattr(flows, _name) else connectivity, _name)

# Nodes from which on every function is faster than networkx's, conversion included.
FEWEST_NODES = 16


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
    if isinstance(graph, BackendGraph) or len(graph) >= FEWEST_NODES:
        return True
    return f"conversion costs more on fewer than {FEWEST_NODES} nodes"
