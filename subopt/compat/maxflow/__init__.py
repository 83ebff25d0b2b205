"""The calls of PyMaxflow 1.3, solved by `subopt.grid_cut` and `subopt.max_flow`.

Write ``import subopt.compat.maxflow as maxflow`` instead of ``import maxflow``. Grids that a
program builds by `add_grid_nodes`, `add_grid_edges` and `add_grid_tedges` are recognized and solved
as grids; everything else is solved as a general graph.

Examples
--------
>>> import subopt.compat.maxflow as maxflow
>>> g = maxflow.Graph[int]()
>>> nodes = g.add_nodes(2)
>>> g.add_edge(nodes[0], nodes[1], 1, 2)
>>> g.add_tedge(nodes[0], 2, 5)
>>> g.add_tedge(nodes[1], 9, 4)
>>> g.maxflow(), g.get_grid_segments(nodes)
(8, array([ True, False]))
"""

from subopt.compat.maxflow import fastmin as fastmin
from subopt.compat.maxflow import version as version
from subopt.compat.maxflow._graph import GraphFloat, GraphInt
from subopt.compat.maxflow._structures import moore_structure, vonNeumann_structure
from subopt.compat.maxflow.fastmin import abswap_grid, aexpansion_grid
from subopt.compat.maxflow.version import __version__ as __version__
from subopt.compat.maxflow.version import __version_core__ as __version_core__

Graph = {int: GraphInt, float: GraphFloat}

__all__ = [
    "Graph",
    "GraphFloat",
    "GraphInt",
    "abswap_grid",
    "aexpansion_grid",
    "moore_structure",
    "vonNeumann_structure",
]
