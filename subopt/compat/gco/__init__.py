"""The calls of gco-wrapper 3, on the maximum flows of `subopt.graph`.

Write ``import subopt.compat.gco as gco`` instead of ``import gco``. Moves are made in the same
order, with the same choice among equal ones, so labels agree. Costs are used as they are: nothing
is rounded to integers, and nothing overflows. `subopt.alpha_expansion` and
`subopt.alpha_beta_swap` are faster, usually find lower energies, and can bound them.

Examples
--------
>>> import subopt.compat.gco as gco
>>> unary = np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]])
>>> edges = np.array([[0, 1], [1, 2], [2, 3]])
>>> gco.cut_general_graph(edges, np.ones(3, dtype=int), unary, 2 * (1 - np.eye(3, dtype=int)))
array([0, 1, 1, 2], dtype=int32)
"""

from subopt.compat.gco._calls import cut_general_graph, cut_grid_graph, cut_grid_graph_simple
from subopt.compat.gco._errors import (
    DataTypeNotSupportedError,
    IndexOutOfBoundError,
    PyGcoError,
    ShapeMismatchError,
)
from subopt.compat.gco._graph import GCO
from subopt.compat.gco._images import get_images_edges_diag, get_images_edges_vh

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

__version__ = "3.0.9"  # whose calls are available

from subopt.compat.gco import pygco as pygco  # which takes the names above
