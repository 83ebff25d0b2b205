"""The DC algorithm over the polytope of the constraints.

The Lovász extension of f - g is minimized over the points of the cube that satisfy the rows of the
constraints. A step replaces the extension of g by its tangent at x. The remaining problem is
convex: the extension of f minus a linear function, minimized by cutting planes in linear programs
that have the constraints as rows. The candidates for the answer are the feasible level sets of each
iterate, and a feasible set near it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base.answer import Status
from subopt._base.types import Array, ArrayLike
from subopt.constrained.descent import FeasibleDescent
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete
from subopt.difference._dc_program import start_point
from subopt.difference.exact._interval import Interval, Parts
from subopt.difference.exact._relaxation import relax, root_start
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.modular import Modular
from subopt.functions.watched import within_time
from subopt.submodular._sweep_bounds import ROUNDING
from subopt.submodular.result import Result

PLANES = 200
"""Largest number of linear programs of one step."""


@within_time
def dca(
    h: DifferenceOfSubmodular,
    of: Constraints,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 100,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by the DC algorithm over the polytope of the constraints."""
    x = start_point(start, h.n)
    run = FeasibleDescent(
        h, of, x > 0.5, "dca", max_iter=max_iter, time_limit=time_limit, callback=callback
    )
    noise = ROUNDING * float(run.fixed.ranges.size.sum())
    value = math.inf
    while (status := run.stopped()) is None:
        run.n_iter += 1
        x = _step(run, x, 1e3 * noise)
        before, value = value, h.lovasz(x)
        _offer(run, x)
        run.tell()
        if not value < before - noise:
            status = Status.TIME_LIMIT if run.deadline.passed() else Status.STATIONARY
            break
    return run.result(status)


def _step(run: FeasibleDescent, x: Array, noise: float) -> Array:
    """Minimize the extension of f minus the tangent of that of g at x over the polytope."""
    h, n = run.h, run.h.n
    scores = -h.marginals(x > 0.5)
    tangent = h.g.greedy(np.lexsort((-scores, -x)))
    parts = Parts(h.f, Modular(tangent), (), False)
    whole = Interval(parts, np.zeros(n, dtype=np.bool_), np.arange(n), run.of)
    run.n_evals += 3
    return relax(
        whole,
        root_start(n)._replace(x=x),
        math.inf,
        lambda order, values: None,
        max_iter=PLANES,
        accuracy=0.0,
        noise=noise,
        expired=run.deadline.passed,
    ).x


def _offer(run: FeasibleDescent, x: Array) -> None:
    """Offer the feasible level sets of a point, and the feasible set that is near it."""
    order = np.argsort(-x, kind="stable")
    low, high = run.of.prefixes(order)
    if low <= high:
        values = np.concatenate([[0.0], np.cumsum(run.h.greedy(order)[order])])
        mask = np.zeros(run.h.n, dtype=np.bool_)
        mask[order[: low + int(values[low : high + 1].argmin())]] = True
        run.offer(mask)
    run.offer(complete(run.of, x > 0.5, x))
