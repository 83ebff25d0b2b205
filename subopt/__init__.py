"""Submodular and difference-of-submodular optimization with certificates."""

from subopt.algebra import Sum, View, normalize
from subopt.bounds import ModularBound, modular_lower, modular_upper
from subopt.certificate import (
    BaseCertificate,
    CertificateError,
    ExhaustiveCertificate,
    FlowCertificate,
    SummandCertificate,
)
from subopt.cut_form import CutForm
from subopt.decompose import Decomposition, decompose
from subopt.difference import DifferenceOfSubmodular
from subopt.function import SetFunction
from subopt.functions.callable import Function
from subopt.functions.cardinality import Cardinality
from subopt.functions.concave import Concave
from subopt.functions.concave_of_modular import ConcaveOfModular
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.entropy import Entropy
from subopt.functions.facility_location import FacilityLocation
from subopt.functions.hypergraph_cut import HypergraphCut
from subopt.functions.log_determinant import GaussianMutualInformation, LogDeterminant
from subopt.functions.matroid_rank import MatroidRank
from subopt.functions.modular import Modular
from subopt.graph.dynamic import DynamicMaxFlow
from subopt.graph.flow import Flow
from subopt.graph.grid import grid_cut
from subopt.graph.grid_flow import GridFlow, GridFlows
from subopt.graph.grid_many import grid_cut_many
from subopt.graph.grid_structure import GridStructure, grid_neighbors, grid_structure
from subopt.graph.many import Flows, max_flow_many
from subopt.graph.max_flow import max_flow
from subopt.graph.parametric import ParametricCut, parametric_max_flow
from subopt.graph.problem import FlowProblem
from subopt.incremental import Incremental
from subopt.labeling._batch import LabelingBatch
from subopt.labeling.alpha_beta_swap import alpha_beta_swap, alpha_beta_swap_many
from subopt.labeling.alpha_expansion import alpha_expansion, alpha_expansion_many
from subopt.labeling.bound import LabelingCertificate
from subopt.labeling.coupled import CoupledLabelingProblem, LabelingResult
from subopt.labeling.cut_graphs import CutGraphCertificate
from subopt.labeling.dual_bound import ChainCertificate, dual_bound
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.icm import icm
from subopt.labeling.ishikawa import ishikawa
from subopt.labeling.labeling import Labeling
from subopt.labeling.qpbo import qpbo
from subopt.local_minimum import LocalMinimumCertificate
from subopt.minimize import minimize, minimize_many
from subopt.result import Result, Status
from subopt.solvers.accelerated_dca import accelerated_dca
from subopt.solvers.branch_and_bound import branch_and_bound
from subopt.solvers.complete_dca import complete_dca
from subopt.solvers.dca import dca
from subopt.solvers.dca_rounded import dca_rounded
from subopt.solvers.double_greedy import double_greedy
from subopt.solvers.forward_greedy import forward_greedy
from subopt.solvers.frank_wolfe import frank_wolfe
from subopt.solvers.local_search import local_search
from subopt.solvers.milp import MilpResult, milp
from subopt.solvers.min_norm_point import min_norm_point
from subopt.solvers.modmod import modmod
from subopt.solvers.projected_subgradient import projected_subgradient
from subopt.solvers.proximal import Path, path, prox
from subopt.solvers.queyranne import PendantCertificate, queyranne
from subopt.solvers.subsup import subsup
from subopt.solvers.supsub import supsub
from subopt.tree_certificate import TreeCertificate

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
