"""Submodular and difference-of-submodular optimization with certificates."""

from subopt.cut_form import CutForm
from subopt.difference import DifferenceOfSubmodular
from subopt.function import SetFunction, normalize
from subopt.functions.cardinality import Cardinality
from subopt.functions.cut import Cut
from subopt.functions.modular import Modular
from subopt.labeling.coupled import CoupledLabelingProblem, LabelingResult
from subopt.minimize import minimize, minimize_many
from subopt.result import Status

__all__ = [
    "Cardinality",
    "CoupledLabelingProblem",
    "Cut",
    "CutForm",
    "DifferenceOfSubmodular",
    "LabelingResult",
    "Modular",
    "SetFunction",
    "Status",
    "minimize",
    "minimize_many",
    "normalize",
]
