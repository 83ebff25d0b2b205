"""Comparison of sets whose values differ by less than the rounding error of large weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.submodular._recheck import EPS, SOLVED, near_zero, whole_gap
from subopt.submodular.result import Result

TIES = 8
"""Largest number of sets whose values are compared at the end."""
MIXED = 1e3
"""Sizes that differ by more than this factor are very different."""


def gap_with_rounding(F: SetFunction, gap: float, x: Array, sizes: Array) -> float:
    """Return the gap that a base x proves with its rounding error, whole if F is integral."""
    if F.integral:
        return whole_gap(gap, near_zero(x, sizes), SOLVED)
    return gap + lost_digits(sizes, x)


def lost_digits(sizes: Array, x: Array) -> float:
    """Return the rounding error of the bound that a base x proves, if sizes are very different.

    Only entries near 0 count: the sign of the others is right, however large their error is.
    """
    positive = sizes[sizes > 0]
    if positive.max(initial=0.0) <= MIXED * positive.min(initial=np.inf):
        return 0.0
    return 4 * EPS * near_zero(x, sizes)


def best_of_ties(
    F: SetFunction,
    result: Result,
    reached: Array,
    rounding: float,
    set_at: Callable[[int], Array],
    deadline: Deadline,
) -> Result:
    """Compare sets whose values agree up to rounding errors of the gains by their own values.

    Beside very large numbers, gains have lost the digits of small ones, and values may not.

    Parameters
    ----------
    F : SetFunction
        The function that was minimized.
    result : Result
        The best set so far.
    reached : ndarray of float64, shape (k + 1,)
        Values of the sets of the first elements of an order, as sums of gains.
    rounding : float
        The rounding error of these sums.
    set_at : callable
        Returns the mask of the set of the first j elements.
    deadline : Deadline
        After this, no more sets are evaluated.

    Returns
    -------
    Result
        The best of these sets.
    """
    ties = np.flatnonzero(reached <= reached.min() + rounding)
    evals = 0
    for k in np.unique(ties[np.linspace(0, len(ties) - 1, TIES).astype(np.intp)]):
        mask = set_at(int(k))
        if deadline.passed() or (mask == result.mask).all():
            continue
        evals += 1
        if (value := F.value(mask.copy())) < result.value:
            bound = min(result.lower_bound, value)
            certificate: Any = result.certificate
            certificate = replace(certificate, lower_bound=bound)
            result = replace(
                result, mask=mask, value=value, lower_bound=bound, certificate=certificate
            )
    return replace(result, n_evals=result.n_evals + evals)
