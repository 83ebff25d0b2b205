"""Coarse-to-fine iterated local search for coupled labelings.

Start from whole inputs: output j is input j mod m. With at most m outputs, no input is used twice
then, and the coupling is zero. Improve slot by slot; then perturb two or three outputs, repair what
that affects, and keep the result if E did not rise. This runs first on blocks of patches, where one
slot is many patches, then on smaller blocks, and last on single patches.

With a hard threshold several outputs can share one input as its only users. Filling an output with
a single input reaches such states; improving moves alone do not. Problems with at most 4096
labelings are enumerated instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by, told
from subopt._base.options import Deadline, documented, stage
from subopt._base.types import RNG, Array, ArrayLike
from subopt.coupled._coarsening import graphs, levels
from subopt.coupled._enumeration import best_of_all, is_tiny
from subopt.coupled._rounds import Chance, improve
from subopt.coupled._state import INPUT, PRICE, Level, Scratch, State
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import Callback, LabelingResult


class Effort(NamedTuple):
    """Rounds of perturbation for 20 outputs on one level."""

    coarsest: int
    finer: int


EFFORTS = {"fast": Effort(3, 0), "default": Effort(36, 10), "best": Effort(2000, 200)}
ROUNDS_PER_SWEEP = 3
OUTPUTS = 20


@documented
def local_search(
    problem: CoupledLabelingProblem,
    *,
    start: LabelingResult | ArrayLike | None = None,
    effort: str = "default",
    max_iter: int | None = None,
    time_limit: float | None = None,
    rng: RNG = None,
    callback: Callback | None = None,
) -> LabelingResult:
    r"""Minimize a coupled labeling energy by coarse-to-fine iterated local search.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    start : LabelingResult or array_like of int, shape (m', \*grid, parts), optional
        A labeling to start from: a result, or the inputs that fill each patch in equal parts, where
        `parts` divides ``levels``. The search then runs on single patches only, with the rounds of
        the coarsest level, and the answer is never worse than the start.
    effort : {"fast", "default", "best"}
        Rounds of perturbation on the coarsest level and on each finer one: 3 and 0, 36 and 10,
        2000 and 200, for 20 outputs on one level. The coarsest level gets three times as many for
        each finer one that builds on it. m' > 20 outputs get (m' / 20)^1.25 times as many. Fewer
        outputs, whose rounds are cheaper, get 20 / m' times as many, at most four times.
    %(max_iter)s
        The first on a level visits all outputs until none improves; each later one is 3 rounds of
        perturbation.
    %(time_limit)s
        It replaces the rounds of `effort` and is checked between sweeps. Half of the time goes to
        the coarsest level, half of the rest to the next one, and so on. The answer then depends on
        the speed of the machine.
    %(rng)s
    %(callback)s

    Returns
    -------
    LabelingResult
        ``status`` is EFFORT_LIMIT, ITERATION_LIMIT, TIME_LIMIT or INTERRUPTED.

    Raises
    ------
    ValueError, TypeError
        If an option is not as described, or `start` is not a labeling of the problem.

    Notes
    -----
    A pass over the outputs costs O(m' N m) plus O(m + m') per improving move; memory is
    ``8 m' N m`` bytes.

    Examples
    --------
    >>> problem = CoupledLabelingProblem(-np.eye(4).reshape(4, 2, 2), smoothness=0.0)
    >>> result = minimize(problem, method="search", rng=0)
    >>> bool(result.value <= -4), result.status.name
    (True, 'EFFORT_LIMIT')
    """
    validate.choice("effort", effort, tuple(EFFORTS))
    if max_iter is not None:
        validate.positive_int("max_iter", max_iter)
    first = None if start is None else _start(problem, start)
    generator, deadline = validate.generator(rng), Deadline(time_limit)
    if is_tiny(problem):
        return _enumerated(problem, callback)
    timed = time_limit is not None and deadline.left() < math.inf
    limits = _Limits(EFFORTS[effort], max_iter, deadline if timed else None)
    search = _Search(problem, generator, limits, first)
    for _ in search.run(step=callback is not None or timed):
        stage(
            "resolution %d of %d, %d sweeps: energy %.9g",
            search.top - search.depth + 1,
            search.top + 1,
            len(search.energies),
            search.energies[-1],
        )
        if callback is not None and ended_by(callback, search.result()):
            search.status = Status.INTERRUPTED
            break
    return search.result()


class _Limits(NamedTuple):
    effort: Effort
    max_iter: int | None
    deadline: Deadline | None


class _Search:
    """One run: the levels, the labeling as it stands, and what has been recorded."""

    def __init__(
        self,
        problem: CoupledLabelingProblem,
        rng: np.random.Generator,
        limits: _Limits,
        given: Array | None,
    ) -> None:
        self.problem = problem
        self.limits = limits
        self.energies: list[float] = []
        self.status = Status.EFFORT_LIMIT
        self.levels, self.constant = levels(problem)
        self.graphs = graphs(problem.grid)
        self.top = len(self.levels) - 1 if given is None else 0
        self.depth = self.top
        self.seed = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        start = given
        if start is None:
            whole = np.arange(problem.n_outputs) % problem.n_inputs
            n = len(self.levels[-1].size)
            start = np.empty((problem.n_outputs, n, problem.levels), dtype=np.int64)
            start[:] = whole[:, None, None]
        self.sources = start
        self.given = None if given is None else given.copy()

    def run(self, *, step: bool) -> Iterator[None]:
        """Search all levels; yield after each sweep if `step`, else after each level."""
        for depth in range(self.top, -1, -1):
            if self.status is not Status.EFFORT_LIMIT:
                return
            if depth < self.depth:
                self.sources = self.sources[:, self.graphs[depth].parent]
                self.depth = depth
            work = work_arrays(self.levels[depth], self.sources, self.seed)
            self.sources = work[0].sources
            # the coarsest level gets half of the time, the next one half of the rest, ...
            deadline = self.limits.deadline
            share = None if deadline is None else Deadline(deadline.left() * (0.5 if depth else 1))
            sweeps = self._sweeps()
            rounds = np.full(max(sweeps, 1), ROUNDS_PER_SWEEP)
            rounds[0] = 0  # the first sweep settles
            while self._may_go_on(rounds[0] == 0, sweeps, share):
                now = 1 if step else sweeps
                if self.limits.max_iter is not None:
                    now = min(now, self.limits.max_iter - len(self.energies))
                energies = np.empty(now)
                with np.errstate(over="ignore"):  # products of bits wrap; numpy says so
                    improve(self.levels[depth], *work, rounds[:now], energies)
                self.energies.extend((energies + self.constant).tolist())
                sweeps -= now
                rounds[0] = ROUNDS_PER_SWEEP
                yield

    def _sweeps(self) -> int:
        effort = self.limits.effort
        rounds = effort.coarsest * 3**self.top if self.depth == self.top else effort.finer
        ratio = self.problem.n_outputs / OUTPUTS
        times = ratio**1.25 if ratio > 1 else min(1 / ratio, 4.0)
        return 1 + math.ceil(rounds * times / ROUNDS_PER_SWEEP)

    def _may_go_on(self, settles: bool, sweeps: int, share: Deadline | None) -> bool:
        """Return whether this level gets another sweep; each gets its first unless stopped."""
        deadline, max_iter = self.limits.deadline, self.limits.max_iter
        if share is None and sweeps <= 0:
            return False
        if max_iter is not None and len(self.energies) >= max_iter:
            self.status = Status.ITERATION_LIMIT
            return False
        if share is None or deadline is None:
            return True
        if deadline.passed() and self.energies:
            self.status = Status.TIME_LIMIT
            return False
        return settles or not share.passed()

    def result(self) -> LabelingResult:
        """Return the best labeling so far, on single patches."""
        sources = self.sources
        for graph in self.graphs[: self.depth][::-1]:
            sources = sources[:, graph.parent]
        n = self.top + 1
        on = "single patches" if n == 1 else f"{n} resolutions, blocks of patches first"
        result = _result(
            self.problem, sources, self.energies, self.status, f"iterated local search on {on}"
        )
        if self.given is None:
            return result
        start = _result(self.problem, self.given, self.energies, self.status, result.method)
        return start if start.value < result.value else result


def work_arrays(level: Level, sources: Array, seed: Array) -> tuple[State, State, Scratch, Chance]:
    """Return what `improve` writes to, for a labeling of a level."""
    J, N, L = sources.shape
    m = level.cost.shape[1]
    return (
        _state(np.ascontiguousarray(sources), np.empty((J, N, m))),
        _state(np.empty((J, N, L), dtype=np.int64), np.empty((0, N, m))),
        Scratch(
            prices=np.empty(m, dtype=PRICE),
            own=np.zeros(m),
            cheaper=np.empty(m, dtype=np.int64),
            changed=np.zeros(J, dtype=np.int8),
            stale=np.ones(J, dtype=np.bool_),
        ),
        Chance(
            rng=seed,
            deck=np.arange(J),
            dealt=np.zeros(1, dtype=np.int64),
            chosen=np.zeros(3, dtype=np.int64),
        ),
    )


def _state(sources: Array, field: Array) -> State:
    J, m = len(sources), field.shape[2]
    return State(
        sources=sources,
        field=field,
        terms=np.empty(J),
        use=np.zeros((m, J)),
        load=np.zeros((m, J)),
        users=np.zeros((m, -(-J // 64)), dtype=np.uint64),
        inputs=np.zeros(m, dtype=INPUT),
        seen=np.empty((J, m), dtype=PRICE),
    )


def _start(problem: CoupledLabelingProblem, start: Any) -> Array:
    """Return the labeling to start from as sources (m', N, levels)."""
    sources = validate.rectangular(
        "start", start.sources if isinstance(start, LabelingResult) else start
    )
    shape = (problem.n_outputs, *problem.grid)
    if sources.dtype.kind not in "iu" or sources.shape[:-1] != shape:
        raise ValueError(
            f"start needs integers of shape (outputs, *grid, parts) = {(*shape, problem.levels)}, "
            f"got dtype {sources.dtype} and shape {sources.shape}"
        )
    parts = sources.shape[-1]
    if parts < 1 or problem.levels % parts:
        raise ValueError(
            f"start needs a number of parts that divides levels={problem.levels}, got {parts}"
        )
    if not 0 <= sources.min() <= sources.max() < problem.n_inputs:
        wrong = (sources < 0) | (sources >= problem.n_inputs)
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"start needs inputs in 0..{problem.n_inputs - 1}, but "
            f"start[{', '.join(map(str, index))}] is {sources[index]}"
        )
    whole = np.repeat(sources, problem.levels // parts, axis=-1)
    return whole.reshape(problem.n_outputs, problem.n_patches, problem.levels).astype(np.int64)


def _enumerated(problem: CoupledLabelingProblem, callback: Callback | None) -> LabelingResult:
    sources = best_of_all(problem)
    result = _result(
        problem, sources, [math.inf], Status.EFFORT_LIMIT, "enumeration of all labelings"
    )
    return told(callback, result)


def _result(
    problem: CoupledLabelingProblem,
    sources: Array,
    energies: list[float],
    status: Status,
    method: str,
) -> LabelingResult:
    shape = (problem.n_outputs, *problem.grid, problem.levels)
    sources = np.sort(sources, axis=-1).reshape(shape)
    # the search adds up changes, which loses digits where weights differ by orders of magnitude
    value = problem._energy_of_sources(sources)
    return LabelingResult(
        sources=sources,
        value=value,
        energies=np.append(np.maximum(energies[:-1], value), value),
        status=status,
        method=method,
        n_inputs=problem.n_inputs,
        n_iter=len(energies),
    )
