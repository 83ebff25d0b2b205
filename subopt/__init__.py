"""Submodular and difference-of-submodular optimization with certificates."""

from subopt.labeling.coupled import CoupledLabelingProblem, LabelingResult
from subopt.minimize import minimize, minimize_many
from subopt.result import Status

__all__ = ["CoupledLabelingProblem", "LabelingResult", "Status", "minimize", "minimize_many"]
