"""Branch and bound for differences of submodular functions: exact, or with a proven gap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.options import Deadline, documented_with, is_verbose, reported, stage
from subopt._base.types import RNG, Subset
from subopt.constraints.feasible import Constraints
from subopt.difference._descent import first_set
from subopt.difference._fixing import Fixed, fix, unfixed
from subopt.difference.exact._search import Search
from subopt.difference.exact._subtrees import search_on
from subopt.difference.exact.tree_certificate import TreeCertificate, difference, lifted
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.diminishing_returns import require_submodular_parts
from subopt.functions.watched import TimeUp, answer_in_time, solver_threads, unwatched, within_time
from subopt.submodular.result import Result


@reported
@documented_with({
    "start": (
        "boolean mask (n,) or iterable of int",
        "A set to begin with, for example the answer of another method.",
    ),
    "callback": (
        "callable",
        "Called with the current answer whenever its value or lower bound has improved; its\n"
        "status is RUNNING while the run goes on. If it raises StopIteration, the best answer so\n"
        "far is returned with status INTERRUPTED, unless it is OPTIMAL. Other exceptions end the\n"
        "run.",
    ),
    "executor": (
        "object with ``submit``",
        "Processes or a cluster that explore subtrees instead of threads, see\n"
        "`subopt.executors`. The tree does not depend on the number of workers, but differs from\n"
        "that without an executor.",
    ),
    "rng": (
        "numpy.random.Generator or int",
        "Source of the orders that local search starts from. None draws a seed from the\n"
        "operating system.",
    ),
})  # fmt: skip
def branch_and_bound(
    h: DifferenceOfSubmodular | SetFunction,
    *,
    tol: float = 0.0,
    max_nodes: int | None = None,
    start: Subset | None = None,
    rng: RNG = None,
    time_limit: float | None = None,
    threads: int | None = None,
    executor: Any = None,
    callback: Callable[[Result], object] | None = None,
    verbose: bool = False,
) -> Result:
    """Minimize a difference of submodular functions to a proven gap.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
        f - g with f and g submodular, which is tested at a few sets. A `SetFunction` counts as f
        alone.
    %(tol)s
    %(max_nodes)s
    %(start)s
    %(rng)s
    %(time_limit)s
    %(threads_of_solvers)s
    %(executor)s
    %(callback)s
    %(verbose)s

    Returns
    -------
    Result
        With a `TreeCertificate`; ``n_iter`` counts nodes, which are intervals of sets. The status
        is ``OPTIMAL``, ``NODE_LIMIT``, ``TIME_LIMIT`` or ``INTERRUPTED``; in any case
        ``lower_bound <= min h <= value``. If submodularity of f or g is an estimate
        (``h.estimated``), there is no lower bound and no certificate, and the status is
        ``EFFORT_LIMIT`` when the search is complete.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    The problem is NP-hard, and the number of nodes is exponential in the worst case. How large n
    may be depends on how tight the modular upper bounds of g are. They are tightest where g is a
    `Cut`, `Coverage`, `Cardinality`, `ConcaveOfModular` or another sum of truncated modular
    functions, or where f - g is minus a mutual information. For other g they are those of
    `modular_upper` [1]_ and convex combinations of them.

    References
    ----------
    .. [1] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference
       between submodular functions, with applications", UAI 2012.

    Examples
    --------
    >>> h = Coverage(np.eye(4, 6) + np.eye(4, 6, 2)) - Cardinality([0, 3, 4, 4.5, 4.5])
    >>> result = branch_and_bound(h, rng=0)
    >>> result.value, result.lower_bound, result.certificate.check(h, result)
    (-1.0, -1.0, 0.0)
    """
    deadline = Deadline(time_limit)
    if isinstance(h, DifferenceOfSubmodular | SetFunction):  # `search` refuses others
        require_submodular_parts(h, time_limit)
    return search(
        h,
        None,
        tol=tol,
        max_nodes=max_nodes,
        start=start,
        rng=rng,
        time_limit=None if time_limit is None else deadline.left(),
        threads=threads,
        executor=executor,
        callback=callback,
    )


@within_time
def search(
    h: DifferenceOfSubmodular | SetFunction,
    constraints: Constraints | None,
    *,
    tol: float = 0.0,
    max_nodes: int | None = None,
    start: Subset | None = None,
    rng: RNG = None,
    time_limit: float | None = None,
    threads: int | None = None,
    executor: Any = None,
    callback: Callable[[Result], object] | None = None,
    widest: float = math.inf,
) -> Result:
    """Minimize h over all sets, or over the feasible ones; see `branch_and_bound` and `Search`."""
    given, h = h, difference(h)
    tol = validate.nonnegative("tol", tol)
    validate.callback(callback)
    limit = math.inf if max_nodes is None else validate.positive_int("max_nodes", max_nodes)
    deadline, source = Deadline(time_limit), validate.generator(rng)
    if executor is None:
        workers = solver_threads(threads, h, deadline)
    else:
        from subopt._base.executors import require_executor

        require_executor(executor, threads)
        workers = 1
    first = None if start is None else validate.subset(start, h.n, "start")
    answer_in_time(given, lambda: first_set(h, constraints, first, "branch_and_bound"))
    fixed = fix(h) if constraints is None else unfixed(h)
    stage("%d of %d elements are free", len(fixed.free), h.n)
    progress = _Progress(fixed, callback, constraints)
    run = Search(fixed.h, tol, deadline, limit, progress.told, constraints, widest)
    first_sets = [] if first is None else [first[fixed.free]]
    try:
        search_on(workers, executor, run, first_sets, source)
    except TimeUp:
        if run.best.value == math.inf:
            raise
        run.late = True
    result = progress.answer(run)
    progress.last(result)
    return result


class _Progress:
    """Answers of a search on the free elements, as answers about all, and the callback."""

    def __init__(
        self,
        fixed: Fixed,
        callback: Callable[[Result], object] | None,
        constraints: Constraints | None,
    ) -> None:
        self._fixed, self._callback, self._constraints = fixed, callback, constraints
        self._seen = (math.inf, -math.inf)  # value and lowest open bound of the last call
        self._shown: tuple[float, float] | None = None  # value and lower bound of its answer
        self._interrupted = False
        self._report = 1  # the number of nodes from which on a line is logged

    def told(self, search: Search) -> bool:
        """Call the callback if there is something new, and return whether to go on."""
        if is_verbose() and search.n_nodes >= self._report:
            self._report, now = 2 * search.n_nodes, self.answer(search)
            text = "%d nodes: value %.9g, lower bound %.9g"
            stage(text, search.n_nodes, now.value, now.lower_bound)
        if self._callback is None:
            return True
        value, low = self._seen
        if search.best.value < value or search.lowest_open() > low:
            self._seen = search.best.value, search.lowest_open()
            return self._call(self.answer(search))
        return True

    def last(self, result: Result) -> None:
        """Call the callback with the final answer if it is new and the callback did not end it."""
        new = (result.value, result.lower_bound) != self._shown
        if self._callback is not None and new and not self._interrupted:
            self._call(result)

    def answer(self, search: Search) -> Result:
        """Return the best set so far, with what is proven of it."""
        given, best = unwatched(self._fixed.given), search.best
        mask = self._fixed.lift(best.mask)
        value = given.value(mask.copy()) if self._fixed.rounds else best.value
        gap = best.value - search.proven()  # on the free elements, where no digits are lost
        bound = value - gap
        certificate = None
        if search.steps and not given.estimated:
            steps = lifted(search.steps, self._fixed)
            certificate = TreeCertificate(steps, bound, self._constraints)
        status = self._status(search, gap)
        if given.estimated:
            status = Status.EFFORT_LIMIT if status is Status.OPTIMAL else status
        return Result(
            mask=mask,
            value=value,
            lower_bound=-math.inf if given.estimated else bound,
            status=status,
            certificate=certificate,
            method="branch_and_bound",
            n_iter=search.n_nodes,
            n_evals=best.n_evals,
        )

    def _status(self, search: Search, gap: float) -> Status:
        if gap <= max(search.tol, search.rounding):
            return Status.OPTIMAL
        if self._interrupted:
            return Status.INTERRUPTED
        if search.late:
            return Status.TIME_LIMIT
        reached = search.n_nodes >= search.max_nodes or search.widest < math.inf
        return Status.NODE_LIMIT if reached else Status.TIME_LIMIT

    def _call(self, result: Result) -> bool:
        assert self._callback is not None
        self._shown = result.value, result.lower_bound
        self._interrupted |= ended_by(self._callback, result)
        return not self._interrupted
