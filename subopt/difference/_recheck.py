"""The common part of the certificates of this wing: the claimed set and its value."""

from __future__ import annotations

import math

from subopt._base import validate
from subopt._base.answer import CertificateError
from subopt._base.types import Array, Subset
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.submodular.result import Result


def claimed(
    h: DifferenceOfSubmodular | SetFunction, answer: Result | Subset
) -> tuple[Array, float]:
    """Return the set of an answer and h of it; a result needs to have the value that it states."""
    if not isinstance(answer, Result):
        mask = validate.subset(answer, h.n)
        return mask, h.value(mask.copy())
    mask = validate.mask(answer.mask, h.n)
    value = h.value(mask.copy())
    parts = (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,)
    rounding = 2.0**-40 * sum(abs(F.value(mask.copy())) for F in parts)
    if not abs(value - answer.value) <= rounding and not value == answer.value:
        raise CertificateError(f"h is {value:.12g} at the set, not {answer.value:.12g}")
    if math.isnan(value):
        raise CertificateError("h is not a number at the set")
    return mask, value
