"""Coupled labelings: many labelings that share their inputs, the problem behind Co-Mixup."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.coupled.certificate import LabelingCertificate as LabelingCertificate
    from subopt.coupled.problem import CoupledLabelingProblem as CoupledLabelingProblem
    from subopt.coupled.result import LabelingResult as LabelingResult

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "certificate": ["LabelingCertificate"],
        "problem": ["CoupledLabelingProblem"],
        "result": ["LabelingResult"],
    },
)
