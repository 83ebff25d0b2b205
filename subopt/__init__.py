"""Submodular and difference-of-submodular optimization with certificates."""

from subopt.algebra import Sum, View, normalize
from subopt.certificate import BaseCertificate, CertificateError, ExhaustiveCertificate
from subopt.cut_form import CutForm
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
from subopt.labeling.cut_graphs import FlowCertificate
from subopt.labeling.dual_bound import ChainCertificate, dual_bound
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.icm import icm
from subopt.labeling.ishikawa import ishikawa
from subopt.labeling.labeling import Labeling
from subopt.labeling.qpbo import qpbo
from subopt.minimize import minimize, minimize_many
from subopt.result import Result, Status
from subopt.solvers.frank_wolfe import frank_wolfe
from subopt.solvers.min_norm_point import min_norm_point
from subopt.solvers.proximal import Path, path, prox
from subopt.solvers.queyranne import PendantCertificate, queyranne

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
    "HypergraphCut",
    "Incremental",
    "Labeling",
    "LabelingBatch",
    "LabelingCertificate",
    "LabelingEnergy",
    "LabelingResult",
    "LogDeterminant",
    "MatroidRank",
    "Modular",
    "ParametricCut",
    "Path",
    "PendantCertificate",
    "Result",
    "SetFunction",
    "Status",
    "Sum",
    "View",
    "alpha_beta_swap",
    "alpha_beta_swap_many",
    "alpha_expansion",
    "alpha_expansion_many",
    "dual_bound",
    "frank_wolfe",
    "icm",
    "ishikawa",
    "max_flow",
    "max_flow_many",
    "min_norm_point",
    "minimize",
    "minimize_many",
    "normalize",
    "parametric_max_flow",
    "path",
    "prox",
    "qpbo",
    "queyranne",
]
