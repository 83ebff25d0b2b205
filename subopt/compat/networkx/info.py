"""The description of the backend that networkx reads on import. It imports no other module."""

from __future__ import annotations

from typing import Any

_FLOW = (
    "Ints are exact. ``flow_func`` may be one of networkx's own functions, which stand for the "
    "same answer; of their options ``cutoff`` is accepted for flows and flow values."
)
_PATHS = "One network for all pairs of nodes; ``flow_func`` as for `maximum_flow`."

FUNCTIONS = {
    "maximum_flow": _FLOW,
    "maximum_flow_value": _FLOW,
    "minimum_cut": _FLOW + " The partition is the one with the largest side of the source.",
    "minimum_cut_value": _FLOW,
    "gomory_hu_tree": "The same tree as networkx's.",
    "stoer_wagner": "By contraction of all edges that no smaller cut separates.",
    "edge_connectivity": _PATHS,
    "node_connectivity": _PATHS,
    "local_edge_connectivity": _PATHS,
    "local_node_connectivity": _PATHS,
    "all_pairs_node_connectivity": _PATHS,
    "average_node_connectivity": _PATHS,
    "minimum_edge_cut": _PATHS,
    "minimum_node_cut": _PATHS,
    "minimum_st_edge_cut": _PATHS,
    "minimum_st_node_cut": _PATHS,
    "edge_disjoint_paths": _PATHS + " Paths are simple.",
    "node_disjoint_paths": _PATHS,
}
"""Functions of networkx that the backend has, with what is said about them in their help."""


def info() -> dict[str, Any]:
    """Return the description of the backend that networkx reads."""
    return {
        "backend_name": "subopt",
        "project": "subopt",
        "package": "subopt",
        "short_summary": "Compiled maximum flows, minimum cuts and connectivity.",
        "functions": {name: {"additional_docs": text} for name, text in FUNCTIONS.items()},
    }
