"""Submodular and difference-of-submodular optimization with certificates."""

from subopt._base.answer import CertificateError, Status
from subopt._minimize import minimize, minimize_many
from subopt.coupled.lower_bound import LabelingCertificate
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import LabelingResult
from subopt.difference._accelerated_dca import accelerated_dca
from subopt.difference._complete_dca import complete_dca
from subopt.difference._dca import dca
from subopt.difference._dca_rounded import dca_rounded
from subopt.difference._double_greedy import double_greedy
from subopt.difference._forward_greedy import forward_greedy
from subopt.difference._local_search import local_search
from subopt.difference._modmod import modmod
from subopt.difference._projected_subgradient import projected_subgradient
from subopt.difference._subsup import subsup
from subopt.difference._supsub import supsub
from subopt.difference.bounds import ModularBound, modular_lower, modular_upper
from subopt.difference.exact._branch_and_bound import branch_and_bound
from subopt.difference.exact._milp import MilpResult, milp
from subopt.difference.exact.tree_certificate import TreeCertificate
from subopt.difference.local_minimum import LocalMinimumCertificate
from subopt.functions._decompose import Decomposition, decompose
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, Sum, View, normalize
from subopt.functions.callable import Function
from subopt.functions.cardinality import Cardinality
from subopt.functions.concave import Concave
from subopt.functions.concave_of_modular import ConcaveOfModular
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.cut_form import CutForm
from subopt.functions.entropy import Entropy
from subopt.functions.facility_location import FacilityLocation
from subopt.functions.hypergraph_cut import HypergraphCut
from subopt.functions.log_determinant import GaussianMutualInformation, LogDeterminant
from subopt.functions.matroid_rank import MatroidRank
from subopt.functions.modular import Modular
from subopt.functions.oracle import Incremental
from subopt.graph._max_flow import max_flow
from subopt.graph.dynamic import DynamicMaxFlow
from subopt.graph.flow import Flow
from subopt.graph.grid.cut import grid_cut
from subopt.graph.grid.flow import GridFlow, GridFlows
from subopt.graph.grid.many import grid_cut_many
from subopt.graph.grid.structure import GridStructure, grid_neighbors, grid_structure
from subopt.graph.many import Flows, max_flow_many
from subopt.graph.parametric import ParametricCut, parametric_max_flow
from subopt.graph.problem import FlowProblem
from subopt.labeling._alpha_beta_swap import alpha_beta_swap, alpha_beta_swap_many
from subopt.labeling._alpha_expansion import alpha_expansion, alpha_expansion_many
from subopt.labeling._dual_bound import ChainCertificate, dual_bound
from subopt.labeling._icm import icm
from subopt.labeling._ishikawa import ishikawa
from subopt.labeling._qpbo import qpbo
from subopt.labeling.cut_graphs import CutGraphCertificate
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves.driver import LabelingBatch
from subopt.labeling.result import Labeling
from subopt.submodular._frank_wolfe import frank_wolfe
from subopt.submodular._min_norm_point import min_norm_point
from subopt.submodular._queyranne import PendantCertificate, queyranne
from subopt.submodular.certificates import (
    BaseCertificate,
    ExhaustiveCertificate,
    FlowCertificate,
    SummandCertificate,
)
from subopt.submodular.proximal import Path, path, prox
from subopt.submodular.result import Result

__all__ = [
    "BaseCertificate",
    "Cardinality",
    "CertificateError",
    "ChainCertificate",
    "Concave",
    "ConcaveOfModular",
    "CoupledLabelingProblem",
    "Coverage",
    "Cut",
    "CutForm",
    "CutGraphCertificate",
    "Decomposition",
    "DifferenceOfSubmodular",
    "DynamicMaxFlow",
    "Entropy",
    "ExhaustiveCertificate",
    "FacilityLocation",
    "Flow",
    "FlowCertificate",
    "FlowProblem",
    "Flows",
    "Function",
    "GaussianMutualInformation",
    "GridFlow",
    "GridFlows",
    "GridStructure",
    "HypergraphCut",
    "Incremental",
    "Labeling",
    "LabelingBatch",
    "LabelingCertificate",
    "LabelingEnergy",
    "LabelingResult",
    "LocalMinimumCertificate",
    "LogDeterminant",
    "MatroidRank",
    "MilpResult",
    "Modular",
    "ModularBound",
    "ParametricCut",
    "Path",
    "PendantCertificate",
    "Result",
    "SetFunction",
    "Status",
    "Sum",
    "SummandCertificate",
    "TreeCertificate",
    "View",
    "accelerated_dca",
    "alpha_beta_swap",
    "alpha_beta_swap_many",
    "alpha_expansion",
    "alpha_expansion_many",
    "branch_and_bound",
    "complete_dca",
    "dca",
    "dca_rounded",
    "decompose",
    "double_greedy",
    "dual_bound",
    "forward_greedy",
    "frank_wolfe",
    "grid_cut",
    "grid_cut_many",
    "grid_neighbors",
    "grid_structure",
    "icm",
    "ishikawa",
    "local_search",
    "max_flow",
    "max_flow_many",
    "milp",
    "min_norm_point",
    "minimize",
    "minimize_many",
    "modmod",
    "modular_lower",
    "modular_upper",
    "normalize",
    "parametric_max_flow",
    "path",
    "projected_subgradient",
    "prox",
    "qpbo",
    "queyranne",
    "subsup",
    "supsub",
]
