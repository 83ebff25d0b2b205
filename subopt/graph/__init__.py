"""Maximum flow and minimum cuts of graphs and grids, one or many at a time."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.graph._gomory_hu import GomoryHuTree as GomoryHuTree
    from subopt.graph._gomory_hu import gomory_hu_tree as gomory_hu_tree
    from subopt.graph._max_flow import max_flow as max_flow
    from subopt.graph._min_cost_flow import MinCostFlow as MinCostFlow
    from subopt.graph._min_cost_flow import PriceCertificate as PriceCertificate
    from subopt.graph._min_cost_flow import min_cost_flow as min_cost_flow
    from subopt.graph._multiway_cut import MultiwayCut as MultiwayCut
    from subopt.graph._multiway_cut import MultiwayCutCertificate as MultiwayCutCertificate
    from subopt.graph._multiway_cut import multiway_cut as multiway_cut
    from subopt.graph.dynamic import DynamicMaxFlow as DynamicMaxFlow
    from subopt.graph.flow import CutCertificate as CutCertificate
    from subopt.graph.flow import Flow as Flow
    from subopt.graph.grid.cut import grid_cut as grid_cut
    from subopt.graph.grid.flow import GridCutCertificate as GridCutCertificate
    from subopt.graph.grid.flow import GridFlow as GridFlow
    from subopt.graph.grid.flow import GridProblem as GridProblem
    from subopt.graph.grid.many import GridFlows as GridFlows
    from subopt.graph.grid.many import RecomputedCut as RecomputedCut
    from subopt.graph.grid.many import grid_cut_many as grid_cut_many
    from subopt.graph.grid.structure import GridStructure as GridStructure
    from subopt.graph.grid.structure import grid_neighbors as grid_neighbors
    from subopt.graph.grid.structure import grid_structure as grid_structure
    from subopt.graph.many import Flows as Flows
    from subopt.graph.many import max_flow_many as max_flow_many
    from subopt.graph.minimum_cuts import MinimumCuts as MinimumCuts
    from subopt.graph.parametric import ParametricCertificate as ParametricCertificate
    from subopt.graph.parametric import ParametricCut as ParametricCut
    from subopt.graph.parametric import parametric_max_flow as parametric_max_flow
    from subopt.graph.problem import FlowProblem as FlowProblem

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_gomory_hu": ["GomoryHuTree", "gomory_hu_tree"],
        "_max_flow": ["max_flow"],
        "_min_cost_flow": ["MinCostFlow", "PriceCertificate", "min_cost_flow"],
        "_multiway_cut": ["MultiwayCut", "MultiwayCutCertificate", "multiway_cut"],
        "dynamic": ["DynamicMaxFlow"],
        "flow": ["Flow", "CutCertificate"],
        "grid.cut": ["grid_cut"],
        "grid.flow": ["GridCutCertificate", "GridFlow", "GridProblem"],
        "grid.many": ["GridFlows", "RecomputedCut", "grid_cut_many"],
        "grid.structure": ["GridStructure", "grid_neighbors", "grid_structure"],
        "many": ["Flows", "max_flow_many"],
        "minimum_cuts": ["MinimumCuts"],
        "parametric": ["ParametricCertificate", "ParametricCut", "parametric_max_flow"],
        "problem": ["FlowProblem"],
    },
)
