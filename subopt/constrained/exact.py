"""Exact minimization over feasible sets: branch and bound, integer programs, all sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import RNG, Subset
from subopt.constrained.certificate import Exhausted, Problem
from subopt.constraints.feasible import Constraints
from subopt.difference.exact._branch_and_bound import search
from subopt.difference.exact._milp import solved
from subopt.functions.diminishing_returns import all_masks
from subopt.submodular.brute_force import LARGEST
from subopt.submodular.result import Result


def branch_and_bound(
    h: Problem,
    of: Constraints,
    *,
    tol: float = 0.0,
    max_nodes: int | None = None,
    start: Subset | None = None,
    rng: RNG = None,
    time_limit: float | None = None,
    threads: int | None = None,
    executor: Any = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g over the feasible sets to a proven gap."""
    return search(
        h,
        of,
        tol=tol,
        max_nodes=max_nodes,
        start=start,
        rng=rng,
        time_limit=time_limit,
        threads=threads,
        executor=executor,
        callback=callback,
    )


def milp(
    h: Problem, of: Constraints, *, tol: float = 0.0, time_limit: float | None = None
) -> Result:
    """Minimize f - g by a mixed-integer program that has the constraints as rows."""
    return solved(h, of, tol=tol, time_limit=time_limit)


def brute_force(h: Problem, of: Constraints) -> Result:
    """Minimize any set function by trying all feasible sets."""
    if of.n > LARGEST:
        raise ValueError(
            f"brute_force needs at most {LARGEST} elements that are neither included nor "
            f"excluded, got {of.n}. Use another method."
        )
    masks = [mask for mask in all_masks(of.n) if of.feasible(mask)]
    values = validate.finite(h, np.array([h.value(mask.copy()) for mask in masks]))
    k = int(values.argmin())
    low = float(values[k])
    return Result(
        mask=masks[k].copy(),
        value=low,
        lower_bound=low,
        status=Status.OPTIMAL,
        certificate=Exhausted(low),  # type: ignore[arg-type]
        method="brute_force",
        n_iter=1,
        n_evals=len(values),
    )
