"""The common part of the certificates of this wing: the claimed set, its value, and the gap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, number
from subopt._base.options import documented_with
from subopt._base.types import Array, Subset
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.submodular.result import Result

EPS = 2.0**-52
LOCAL = 2.0**-36
"""Largest error of an entry of a base, relative to the numbers that it is computed from."""
NEAR = 2.0**-20
"""An entry of a base that is smaller than this, relative to the same numbers, counts as near 0."""

CHECKED, SOLVED = 1e-4, 1e-3
"""The least errors of gaps between integers: checks allow for less, so they prove what was said."""

checks = documented_with(
    {
        "answer": (
            "Result, boolean mask (n,) or iterable of int",
            "The set S that is claimed to be a minimizer.",
        )
    }
)


def mask_of(F: SetFunction | DifferenceOfSubmodular, answer: Result | Subset) -> Array:
    """Return the set of an answer as a mask, or raise if it is not a set of elements of F."""
    try:
        return validate.subset(answer.mask if isinstance(answer, Result) else answer, F.n)
    except (TypeError, ValueError) as error:
        raise CertificateError(f"Not a set of {F!r}: {error}") from error


def sizes_of(F: SetFunction | DifferenceOfSubmodular) -> Array:
    """Return the magnitude of the numbers that the gains of each element are computed from."""
    parts = (F.f, F.g) if isinstance(F, DifferenceOfSubmodular) else (F,)
    return np.sum([part._range().size for part in parts], axis=0)


def value_of(F: SetFunction | DifferenceOfSubmodular, mask: Array, answer: Any) -> float:
    """Return F(S), or raise if a result claims another value."""
    value = F.value(mask.copy())
    if not isinstance(answer, Result) or answer.value == value:
        return value
    if not abs(answer.value - value) <= 64 * EPS * (abs(value) + sizes_of(F)[mask].sum()):
        raise CertificateError(f"F(S) is {value!r}, not {answer.value!r}")
    return value


def near_zero(x: Array, size: Array) -> float:
    """Return the magnitude of the numbers that the entries of a base near 0 are computed from.

    The sign of the other entries is right, however large their error is.
    """
    return float(size[np.abs(x) <= NEAR * size].sum())


def whole_gap(gap: float, size: float, least: float = CHECKED) -> float:
    """Round the gap of an integral function down to an integer, allowing for rounding errors.

    `size` is the magnitude of the numbers that the gap is computed from.
    """
    return float(math.floor(gap + max(least, 1e-12 * gap, 4 * EPS * size)))


def gap_of(
    F: SetFunction,
    mask: Array,
    answer: Result | Subset,
    said: float,
    wrong: Array,
    missing: float,
    size: Array,
) -> float:
    """Return the gap that a base x proves, or raise if the claimed bound `said` is larger.

    The gap F(S) - sum of min(x, 0) is computed as a sum of nonnegative terms, without cancellation:
    `missing`, which is F(S) - x(S), plus the entries of x that are positive in S or negative
    outside S, which are the positive entries of `wrong`. Rounding errors of an element are relative
    to `size`, the magnitude of the numbers that its gains are computed from. An entry of x with the
    right sign and far from 0 does not contribute, however large its error is.
    """
    value = value_of(F, mask, answer)
    gap = max(0.0, float(missing)) + float(np.maximum(wrong, 0.0).sum())
    near = wrong > -NEAR * size
    if F.integral:
        gap = whole_gap(gap, float(size[near].sum()))
    rounding = LOCAL * size[near].sum() + 64 * EPS * (size[: F.n][mask].sum() + abs(value))
    said = number("lower_bound", said)
    if not said <= value - gap + rounding:
        raise CertificateError(
            f"The evidence proves min F >= {value - gap:.12g}, not {said:.12g}: F is not the "
            "function that this certificate is about, or the bound is wrong"
        )
    return gap
