"""`minimize_many`: many problems of any kinds at once, on threads or an executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Batch
from subopt._base.options import documented, reported, stage
from subopt._base.threads import in_order, thread_count
from subopt._base.types import RNG, ArrayLike, Subset
from subopt._minimize import WINGS, minimize, wing_of

if TYPE_CHECKING:
    from subopt._minimize import Problem
    from subopt.constraints.budget import Budget
    from subopt.constraints.groups import Groups


_OWN = ("problems", "rng", "threads", "executor", "verbose")
"""Options of the batch; all others are those of `minimize`."""


@reported
@documented
def minimize_many(
    problems: Sequence[Problem],
    *,
    rng: RNG | Sequence[RNG] = None,
    threads: int | None = None,
    executor: Any = None,
    verbose: bool = False,
    method: str = "auto",
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    start: Any = None,
    callback: Callable[[Any], object] | None = None,
    lower_bound: bool | None = None,
    minimizer: str | None = None,
    effort: str | None = None,
    starts: int | None = None,
    max_nodes: int | None = None,
    inner_iter: int | None = None,
    rho: float | None = None,
    memory: int | None = None,
    tangents: int | None = None,
    step: float | None = None,
    patience: int | None = None,
    moves: Sequence[str] | None = None,
    tie_break: str | None = None,
    randomized: bool | None = None,
    order: ArrayLike | None = None,
    eliminate: bool | None = None,
    progress: float | None = None,
    size: int | tuple[int | None, int | None] | None = None,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Budget | Groups | Sequence[Budget | Groups] | None = None,
) -> Batch[Any]:
    """Minimize many problems at once, on all cores.

    Parameters
    ----------
    problems : sequence
        Problems that `minimize` accepts. For thousands of small labeling energies on one grid,
        `alpha_expansion_many` and `alpha_beta_swap_many` are faster.
    rng : numpy.random.Generator or int, or sequence of these, optional
        Source of randomness, or a seed for one, or a sequence with one per problem. One source is
        split into independent streams, one per problem, before any work starts.
    threads : int, optional
        Number of threads, each of which solves one problem after the other. None uses one per
        available core, but only one if a problem has functions of your own, which may not allow
        calls from several threads. Answers do not depend on it.
    %(executor)s
    %(verbose)s
    method, tol, max_iter, time_limit, start, callback, lower_bound, minimizer : optional
        As in `minimize`, for each problem; `time_limit` is seconds per problem.
    effort, starts, max_nodes, inner_iter, rho, memory, tangents, step, patience : optional
        As in `minimize`.
    moves, tie_break, randomized, order, eliminate, progress : optional
        As in `minimize`.
    size, include, exclude, constraints : optional
        As in `minimize`.

    Returns
    -------
    Batch
        A `Result`, `LabelingResult` or `Labeling` per problem, in the order of `problems`.

    Raises
    ------
    TypeError, ValueError
        As `minimize`, or if there is not one rng per problem, or no problem that needs one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> problems = [CoupledLabelingProblem(-rng.random((4, 2, 2))) for _ in range(3)]
    >>> one, two = (minimize_many(problems, rng=0, threads=threads) for threads in (1, 2))
    >>> [a.value == b.value for a, b in zip(one, two)]
    [True, True, True]
    """
    options = {k: v for k, v in locals().items() if v is not None and k not in _OWN}
    if any(wing.owns(problems) for wing in WINGS):
        raise TypeError("minimize_many needs a sequence of problems; for one, call minimize")
    if executor is not None:
        from subopt._base.executors import require_executor

        require_executor(executor, threads)
        if callback is not None:
            raise ValueError("callback is called in this process, so it needs executor=None")
    tasks: list[Any] = validate.items("problems", problems, "problems")
    rngs = _streams(rng, len(tasks))
    of_users = any(getattr(problem, "_by_value", bool)() for problem in tasks)
    workers = 1 if threads is None and of_users else thread_count(threads)
    if executor is None:
        stage("%d problems on %d threads", len(tasks), min(workers, len(tasks)))
    else:
        stage("%d problems on %s", len(tasks), type(executor).__name__)
    jobs = []
    for problem, source in zip(tasks, rngs, strict=True):
        # elements that are fixed leave a problem for the methods without constraints
        wing = wing_of(problem, [name for name in options if name not in ("include", "exclude")])
        takes = wing.options(method)
        own: dict[str, Any] = {}
        if "rng" in takes and wing.draws(**options):
            own["rng"] = source
        if "threads" in takes:
            own["threads"] = 1  # these here are for whole problems
        jobs.append(partial(minimize, problem, **options, **own))
    if rng is not None and jobs and not any("rng" in job.keywords for job in jobs):
        raise TypeError(
            "minimize_many got rng, but no problem of this batch is solved by a method that makes "
            "random choices"
        )
    if executor is not None:
        from subopt._base.executors import in_chunks

        chunks = in_chunks(executor, _do, len(jobs), lambda begin, end: jobs[begin:end])
        return Batch.of([answer for chunk in chunks for answer in chunk])
    return Batch.of(in_order(lambda job: job(), jobs, workers))


def _do(_: None, jobs: list[Callable[[], Any]]) -> list[Any]:
    """Do a chunk of jobs on a worker of an executor."""
    return [job() for job in jobs]


def _streams(rng: RNG | Sequence[RNG], size: int) -> list[np.random.Generator]:
    """Return one generator per problem, none of them shared."""
    if not isinstance(rng, Sequence):
        return list(validate.generator(rng).spawn(size))
    rngs = [validate.generator(r) for r in rng]
    if len(rngs) != size:
        raise ValueError(f"rng needs one entry for each of the {size} problems, got {len(rngs)}")
    if len(set(map(id, rngs))) < size:
        # one generator for several problems: split it before threads could race for it
        rngs = [np.random.default_rng(r.integers(2**63)) for r in rngs]
    return rngs
