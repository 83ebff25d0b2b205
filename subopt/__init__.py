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
from subopt.graph.grid import grid_cut
from subopt.graph.grid_flow import GridFlow, GridFlows
from subopt.graph.grid_many import grid_cut_many
from subopt.graph.grid_structure import grid_structure
from subopt.graph.max_flow import Flow, max_flow
from subopt.incremental import Incremental
from subopt.labeling.bound import LabelingCertificate
from subopt.labeling.coupled import CoupledLabelingProblem, LabelingResult
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
    "Concave",
    "ConcaveOfModular",
    "CoupledLabelingProblem",
    "Coverage",
    "Cut",
    "CutForm",
    "DifferenceOfSubmodular",
    "Entropy",
    "ExhaustiveCertificate",
    "FacilityLocation",
    "Flow",
    "Function",
    "GaussianMutualInformation",
    "GridFlow",
    "GridFlows",
    "HypergraphCut",
    "Incremental",
    "LabelingCertificate",
    "LabelingResult",
    "LogDeterminant",
    "MatroidRank",
    "Modular",
    "Path",
    "PendantCertificate",
    "Result",
    "SetFunction",
    "Status",
    "Sum",
    "View",
    "frank_wolfe",
    "grid_cut",
    "grid_cut_many",
    "grid_structure",
    "max_flow",
    "min_norm_point",
    "minimize",
    "minimize_many",
    "normalize",
    "path",
    "prox",
    "queyranne",
]
