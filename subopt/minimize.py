"""The one front door: hand it a problem, get an answer that says what ran."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from subopt._types import RNG
from subopt.labeling.coupled import Callback, CoupledLabelingProblem, LabelingResult
from subopt.result import Status


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
    """Placeholder until the solver lands: the identity assignment."""
    m = problem.n_inputs
    sources = np.empty((problem.n_outputs or 0, *problem.grid, problem.levels), dtype=np.intp)
    for j in range(len(sources)):
        sources[j] = j % m
    value = problem.energy(problem.shares(sources))
    return LabelingResult(
        sources, value, np.array([value]), Status.LOCAL_MINIMUM, "identity", m, 1, 1, 0
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
