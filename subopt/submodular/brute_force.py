"""All 2^n sets: the definition, for tests and for the smallest problems."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.diminishing_returns import all_masks
from subopt.submodular.certificates import ExhaustiveCertificate
from subopt.submodular.result import Result

LARGEST = 20


def brute_force(
    F: SetFunction | DifferenceOfSubmodular, *, minimizer: str = "any", tol: float = 0.0
) -> Result:
    """Minimize any set function by trying all 2^n sets.

    Parameters
    ----------
    F : SetFunction or DifferenceOfSubmodular
        With n at most 20. It need not be submodular.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return: one of the smallest or of the largest ones. The smallest and
        the largest one if F is submodular.
    tol : float, default 0.0
        Sets within `tol` of the minimum count as minimizers.

    Returns
    -------
    Result
        With an `ExhaustiveCertificate`.

    Examples
    --------
    >>> F = Function(3, lambda mask: float((mask.sum() - 2.0) ** 2 - 4))
    >>> minimize(F, method="brute_force").S
    array([0, 1])
    """
    if not isinstance(F, DifferenceOfSubmodular):  # its values suffice
        require_set_function(F)
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    if F.n > LARGEST:
        raise ValueError(
            f"brute_force needs n <= {LARGEST} for its 2^n values, got n = {F.n}. Use another "
            "method, or restrict or contract F."
        )
    masks = all_masks(F.n)
    values = validate.finite(F, np.array([F.value(mask.copy()) for mask in masks]))
    best = np.flatnonzero(values <= values.min() + validate.nonnegative("tol", tol))
    mask = masks[_pick(masks[best].sum(axis=1), best, minimizer)]
    value = F.value(mask.copy())
    bound = float(values.min())
    certificate = ExhaustiveCertificate(bound)
    return Result(
        mask=mask.copy(),
        value=value,
        lower_bound=bound,
        status=Status.OPTIMAL,
        certificate=certificate,
        method="brute_force",
        n_iter=1,
        n_evals=len(values),
    )


def _pick(sizes: Array, best: Array, minimizer: str) -> int:
    if minimizer == "any":
        return int(best[0])
    return int(best[sizes.argmin() if minimizer == "minimal" else sizes.argmax()])
