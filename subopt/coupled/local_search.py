"""Coarse-to-fine iterated local search for coupled labelings.

Start from whole inputs (output j is input j mod m: with as many outputs as inputs, none is used
twice, and the coupling is quiet). Improve
slot by slot, then perturb two or three outputs, repair what that touches, and keep the result if E
did not rise. All of it first on blocks of patches, where a slot is many patches, then on smaller
blocks down to single patches. A hard threshold makes clubs of outputs own an input together;
refilling an output with one input founds or joins a club, which no run of improving moves does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import RNG, Array
from subopt.coupled import _coarsening, _rounds, _state
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import Callback, LabelingResult


class Effort(NamedTuple):
    """Rounds of perturbation for 20 outputs on one level."""

    coarsest: int
    finer: int


EFFORTS = {"fast": Effort(3, 0), "default": Effort(36, 10), "best": Effort(2000, 200)}
ROUNDS_PER_SWEEP = 3
OUTPUTS = 20


def local_search(
    problem: CoupledLabelingProblem,
    *,
    rng: RNG = None,
    effort: str = "default",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: Callback | None = None,
) -> LabelingResult:
    """Minimize a coupled labeling energy by coarse-to-fine iterated local search.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    rng : numpy.random.Generator, int or None
        What the perturbations are drawn from.
    effort : {"fast", "default", "best"}
        Rounds of perturbation on the coarsest level and on each finer one: 3 and 0, 36 and 10,
        2000 and 200 for 20 outputs on one level. The coarsest level gets three times as many for
        each finer one that builds on it; m' > 20 outputs get (m' / 20)^1.25 times as many, and
        fewer, whose rounds are cheaper, 20 / m' times as many, up to four.
    max_sweeps : int, optional
        Stop after so many sweeps. The first sweep on a level passes over all outputs until none
        improves; each other one is 3 rounds of perturbation.
    time_limit : float, optional
        Seconds to search, instead of the rounds of `effort`. Checked between sweeps. Half of it
        goes to the coarsest level. The answer then depends on the speed of the machine.
    callback : callable, optional
        Called with the best `LabelingResult` so far after every sweep.

    Returns
    -------
    LabelingResult
        ``status`` is EFFORT_LIMIT, ITERATION_LIMIT or TIME_LIMIT.

    Notes
    -----
    A pass over the outputs costs O(m' N m) plus O(m + m') per improving move; memory is
    ``8 m' N m`` bytes.
    """
    validate.choice("effort", effort, tuple(EFFORTS))
    if max_sweeps is not None:
        validate.positive_int("max_sweeps", max_sweeps)
    deadline = None
    if time_limit is not None:
        deadline = time.perf_counter() + validate.nonnegative("time_limit", time_limit)
    search = _Search(problem, validate.generator(rng), EFFORTS[effort], max_sweeps, deadline)
    for _ in search.run(step=callback is not None or deadline is not None):
        if callback is not None:
            callback(search.result())
    return search.result()


class _Search:
    """One run: the levels, where it stands, and what it has recorded."""

    def __init__(
        self,
        problem: CoupledLabelingProblem,
        rng: np.random.Generator,
        effort: Effort,
        max_sweeps: int | None,
        deadline: float | None,
    ) -> None:
        self.problem = problem
        self.effort = effort
        self.max_sweeps = max_sweeps
        self.start = time.perf_counter()
        self.deadline = deadline
        self.energies: list[float] = []
        self.status = Status.EFFORT_LIMIT
        self.levels = _coarsening.levels(problem)
        self.graphs = _coarsening.graphs(problem.grid)
        self.depth = len(self.levels) - 1
        self.seed = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        whole = np.arange(problem.n_outputs) % problem.n_inputs
        n = len(self.levels[-1].size)
        self.sources = np.empty((problem.n_outputs, n, problem.levels), dtype=np.int64)
        self.sources[:] = whole[:, None, None]

    def run(self, *, step: bool) -> Iterator[None]:
        """Search all levels; yield after every sweep if `step`, else after every level."""
        for depth in range(len(self.levels) - 1, -1, -1):
            if self.status is not Status.EFFORT_LIMIT:
                return
            if depth < self.depth:
                self.sources = self.sources[:, self.graphs[depth].parent]
                self.depth = depth
            work = _work(self.levels[depth], self.sources, self.seed)
            self.sources = work.sources
            sweeps = self._sweeps()
            first = True
            while self._may_go_on(first, sweeps):
                now = 1 if step else sweeps
                if self.max_sweeps is not None:
                    now = min(now, self.max_sweeps - len(self.energies))
                energies = np.empty(now)
                _rounds.improve(self.levels[depth], work, ROUNDS_PER_SWEEP, first, energies)
                self.energies.extend(energies.tolist())
                sweeps -= now
                first = False
                yield

    def _sweeps(self) -> int:
        top = len(self.levels) - 1
        rounds = self.effort.coarsest * 3**top if self.depth == top else self.effort.finer
        ratio = self.problem.n_outputs / OUTPUTS
        times = ratio**1.25 if ratio > 1 else min(1 / ratio, 4.0)
        return 1 + math.ceil(rounds * times / ROUNDS_PER_SWEEP)

    def _may_go_on(self, first: bool, sweeps: int) -> bool:
        """Whether this level gets another sweep; every level gets its first unless stopped."""
        if self.deadline is None and sweeps <= 0:
            return False
        if self.max_sweeps is not None and len(self.energies) >= self.max_sweeps:
            self.status = Status.ITERATION_LIMIT
            return False
        if self.deadline is None:
            return True
        now = time.perf_counter()
        if now >= self.deadline and self.energies:
            self.status = Status.TIME_LIMIT
            return False
        # the coarsest level gets half of the time, the next one half of the rest, ...
        share = 1.0 - 0.5 ** (len(self.levels) - self.depth) * (self.depth > 0)
        return first or now < self.start + share * (self.deadline - self.start)

    def result(self) -> LabelingResult:
        """Return the best labeling so far, on the finest level."""
        sources = self.sources
        for graph in self.graphs[: self.depth][::-1]:
            sources = sources[:, graph.parent]
        shape = (self.problem.n_outputs, *self.problem.grid, self.problem.levels)
        return LabelingResult(
            sources=np.sort(sources, axis=-1).reshape(shape),
            value=self.energies[-1],
            energies=np.array(self.energies),
            status=self.status,
            method=f"iterated local search on {len(self.levels)} level(s)",
            n_inputs=self.problem.n_inputs,
            n_sweeps=len(self.energies),
            n_cuts=0,
        )


def _work(level: _state.Level, sources: Array, seed: Array) -> _state.Work:
    J, N, L = sources.shape
    m = level.cost.shape[1]
    return _state.Work(
        sources=np.ascontiguousarray(sources),
        field=np.empty((J, N, m)),
        use=np.empty((m, J)),
        load=np.empty((m, J)),
        vec=np.empty((8, m)),
        seen=np.empty((J, 2, m)),
        touched=np.empty(J, dtype=np.int64),
        saved_sources=np.empty((J, N, L), dtype=np.int64),
        saved_use=np.empty((J, 2, m)),
        saved_seen=np.empty((J, 2, m)),
        saved_vec=np.empty((_state.SAVED, m)),
        list=np.empty(m, dtype=np.int64),
        energy=np.empty(1),
        rng=seed,
        turn=np.arange(2 * J) % J,
        deck=np.append(np.arange(J), 0),
    )
