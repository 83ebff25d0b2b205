"""The module of gco-wrapper that its calls are in: the same names as `subopt.compat.gco`."""

from subopt.compat.gco import (
    GCO,
    DataTypeNotSupportedError,
    IndexOutOfBoundError,
    PyGcoError,
    ShapeMismatchError,
    cut_general_graph,
    cut_grid_graph,
    cut_grid_graph_simple,
    get_images_edges_diag,
    get_images_edges_vh,
)

__all__ = [
    "GCO",
    "DataTypeNotSupportedError",
    "IndexOutOfBoundError",
    "PyGcoError",
    "ShapeMismatchError",
    "cut_general_graph",
    "cut_grid_graph",
    "cut_grid_graph_simple",
    "get_images_edges_diag",
    "get_images_edges_vh",
]
