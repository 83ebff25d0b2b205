"""Minimization by evaluating all 2^n sets, for tests and for very small problems."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.diminishing_returns import all_masks
from subopt.submodular.certificates import ExhaustiveCertificate
from subopt.submodular.result import Result

LARGEST = 20
"""Largest n that `brute_force` accepts."""


def brute_force(
    F: SetFunction | DifferenceOfSubmodular, *, minimizer: str = "any", tol: float = 0.0
) -> Result:
    """Minimize any set function by evaluating all 2^n sets.

    Parameters
    ----------
    F : SetFunction or DifferenceOfSubmodular
        A function of at most 20 elements. It need not be submodular.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several: "minimal" for one with the fewest elements,
        "maximal" for one with the most.
    tol : float, default 0.0
        With "minimal" and "maximal", sets within `tol` of the minimum, in the units of F, count as
        minimizers.

    Returns
    -------
    Result
        With status OPTIMAL and an `ExhaustiveCertificate`.

    Raises
    ------
    ValueError
        If n > 20, F(∅) is not 0, or F returns numbers that are not finite.

    Examples
    --------
    >>> F = Function(3, lambda mask: float((mask.sum() - 2.0) ** 2 - 4))
    >>> minimize(F, method="brute_force").S
    array([0, 1])
    """
    if not isinstance(F, DifferenceOfSubmodular):
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
    sizes = masks[best].sum(axis=1)
    if minimizer == "any":
        mask = masks[values.argmin()]
    else:
        mask = masks[best[sizes.argmin() if minimizer == "minimal" else sizes.argmax()]]
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
