"""Projected subgradient on the Lovász extension of f - g over the cube, rounding every iterate.

Not a descent method, and without a guarantee, but the iterates pass by many sets: all level sets of
each are compared, in the one sweep that the subgradient takes anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import ArrayLike
from subopt.difference._dc_program import start_point
from subopt.difference._descent import ROUNDING, Descent, Limits, require_difference
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def projected_subgradient(
    h: DifferenceOfSubmodular,
    start: ArrayLike | None = None,
    *,
    step: float = 0.2,
    patience: int | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by projected subgradients, keeping the best level set of all iterates.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : array_like, shape (n,), optional
        A mask, or numbers in [0, 1]; all 1/2 by default.
    step : float, default 0.2
        Length of the k-th step is ``step * sqrt(n / k)``; the cube has the diagonal ``sqrt(n)``.
    patience : int, optional
        Stop after so many iterations without a better set; never by default.
    max_iter : int, default 1000
        Largest number of iterations, each a sort and a sweep of f and of g.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` whenever there is a better set.

    Returns
    -------
    Result
        The best set seen: ``ITERATION_LIMIT``, ``EFFORT_LIMIT`` if out of patience, or
        ``STATIONARY`` if the subgradient is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] M. El Halabi and S. Jegelka, "Optimal approximation for unconstrained non-submodular
       minimization", ICML 2020.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> projected_subgradient(h, max_iter=50).value
    -5.0
    """
    require_difference(h)
    if not validate.nonnegative("step", step) > 0:
        raise ValueError(f"step needs a number > 0, got {step}")
    limit = math.inf if patience is None else validate.positive_int("patience", patience)
    descent = Descent(h, (), "projected_subgradient", Limits.of(max_iter, time_limit), callback)
    x, waited = start_point(start, h.n), 0
    while (status := descent.limits.reached(descent.n_iter)) is None:
        descent.n_iter += 1
        order = np.argsort(-x, kind="stable")
        gains = h.greedy(order)
        descent.n_evals += 2
        values = np.cumsum(gains[order])
        waited += 1
        if h.n and values.min() < descent.value - ROUNDING * abs(descent.value):
            mask = np.zeros(h.n, dtype=np.bool_)
            mask[order[: int(values.argmin()) + 1]] = True
            if descent.offer(mask):
                waited = 0
                descent.tell()
        if waited >= limit:
            status = Status.EFFORT_LIMIT
            break
        length = float(np.linalg.norm(gains))
        if length == 0:
            status = Status.STATIONARY
            break
        x = np.clip(x - step * math.sqrt(h.n / descent.n_iter) / length * gains, 0.0, 1.0)
    return descent.result(status)
