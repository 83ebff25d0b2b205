"""The one front door: hand it a problem, get an answer that says what ran."""

from __future__ import annotations

from collections.abc import Sequence

from subopt._types import RNG
from subopt.labeling.coupled import Callback, CoupledLabelingProblem, LabelingResult
from subopt.labeling.local_search import local_search


def minimize(
    problem: CoupledLabelingProblem,
    *,
    rng: RNG = None,
    effort: str = "default",
    mode: str = "descent",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: Callback | None = None,
    lower_bound: bool = False,
) -> LabelingResult:
    """TODO."""
    return local_search(
        problem,
        rng=rng,
        effort=effort,
        max_sweeps=max_sweeps,
        time_limit=time_limit,
        callback=callback,
    )


def minimize_many(
    problems: Sequence[CoupledLabelingProblem],
    *,
    rngs: Sequence[RNG] | None = None,
    threads: int | None = None,
    effort: str = "default",
    mode: str = "descent",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
) -> list[LabelingResult]:
    """Placeholder."""
    return [minimize(problem) for problem in problems]
