"""Projected subgradient on the Lovász extension of f - g over the cube, with rounded iterates.

The method does not descend and has no guarantee, but it evaluates many sets: the sweep that gives a
subgradient gives h at all level sets of the iterate as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import ArrayLike
from subopt.difference._dc_program import start_point
from subopt.difference._descent import Descent
from subopt.difference._wording import on_points
from subopt.functions.algebra import DifferenceOfSubmodular, require_difference
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_points
@within_time
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
    %(h)s
    %(start)s
    step : float, default 0.2
        The k-th step has the length ``step * sqrt(n / k)``; the diagonal of the cube has the length
        ``sqrt(n)``.
    patience : int, optional
        Stop after so many iterations without a better set. None never does.
    %(max_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        The best set seen. The status is ``ITERATION_LIMIT``; ``EFFORT_LIMIT`` if `patience` ended
        the run; or ``STATIONARY`` if a subgradient was 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    One iteration is a sort and a sweep of f and of g.

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
    x, waited = start_point(start, h.n), 0
    run = Descent(
        h,
        (),
        "projected_subgradient",
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
    )
    rest, n, x = run.h, run.h.n, x[run.fixed.free]
    while (status := run.stopped()) is None:
        run.n_iter += 1
        order = np.argsort(-x, kind="stable")
        gains = rest.greedy(order)
        run.n_evals += 2
        values = np.cumsum(gains[order])
        waited += 1
        if n and values.min() < run.value:
            mask = np.zeros(n, dtype=np.bool_)
            mask[order[: int(values.argmin()) + 1]] = True
            if run.offer(mask):
                waited = 0
        run.tell()
        if waited >= limit:
            status = Status.EFFORT_LIMIT
            break
        length = float(np.linalg.norm(gains))
        if length == 0:
            status = Status.STATIONARY
            break
        x = np.clip(x - step * math.sqrt(n / run.n_iter) / length * gains, 0.0, 1.0)
    return run.result(status)
