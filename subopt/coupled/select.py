"""Which method solves a coupled labeling problem."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import RNG
from subopt.coupled.local_search import local_search
from subopt.coupled.lower_bound import lower_bound as bound_of
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.published_rule import published
from subopt.coupled.result import Callback, LabelingResult


def certified(problem: CoupledLabelingProblem, result: LabelingResult) -> LabelingResult:
    """Return the result with a certificate, and OPTIMAL if the bound meets the value."""
    certificate = bound_of(problem, result.value)
    met = result.value - certificate.bound <= 1e-9 * (1 + abs(result.value))
    status = Status.OPTIMAL if met else result.status
    return replace(result, certificate=certificate, status=status)


def minimize_coupled(
    problem: CoupledLabelingProblem,
    *,
    mode: str = "search",
    rng: RNG = None,
    effort: str = "default",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: Callback | None = None,
    lower_bound: bool = False,
) -> LabelingResult:
    """Minimize by the search, or by the published rule; see `subopt.minimize`."""
    limits: dict[str, Any] = {
        "rng": rng,
        "max_sweeps": max_sweeps,
        "time_limit": time_limit,
        "callback": callback,
    }
    if validate.choice("mode", mode, ("search", "published")) == "search":
        result = local_search(problem, effort=effort, **limits)
    else:
        if effort != "default":
            raise ValueError(
                f"effort={effort!r} is for mode='search': the published rule has a fixed number "
                "of sweeps, which max_sweeps changes"
            )
        result = published(problem, **limits)
    return certified(problem, result) if lower_bound else result
