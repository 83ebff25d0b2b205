"""The method "auto" for f - g: several methods, local search, and attempts to prove optimality.

First, several methods run, each from its own start. Their sets are improved to local minima by
flips and swaps. If n is small, a few nodes of branch and bound may prove that the best of them is a
minimum. Otherwise sets near the best one, and random ones, are improved as well. With the largest
effort, slower methods and branch and bound follow. Every task has a fixed amount of work and its
own random numbers, and results are compared in the order of the tasks. The answer therefore does
not depend on the number of threads, and on the time only if there is a time limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.options import Deadline, documented_with, is_verbose, stage
from subopt._base.threads import in_order
from subopt._base.types import RNG, Array
from subopt.difference._accelerated_dca import accelerated_dca
from subopt.difference._complete_dca import complete_dca
from subopt.difference._descent import Descent, first_set
from subopt.difference._fixing import Fixed, fix, unfixed
from subopt.difference._forward_greedy import forward_greedy
from subopt.difference._local_search import reach, search
from subopt.difference._modmod import modmod
from subopt.difference._projected_subgradient import projected_subgradient
from subopt.difference._subsup import subsup
from subopt.difference.exact._branch_and_bound import search as branch_and_bound
from subopt.difference.exact.tree_certificate import TreeCertificate, lifted
from subopt.difference.submodular_case import as_submodular, minimize_modular_g
from subopt.functions.algebra import DifferenceOfSubmodular, require_difference
from subopt.functions.diminishing_returns import require_submodular_parts
from subopt.functions.watched import answer_in_time, solver_threads, unwatched, within_time
from subopt.submodular.result import Result

Task = Callable[[float], Result]
"""A method with its options, as a function of the seconds that are left."""
EFFORTS = ("fast", "default", "best")
SHARE = 0.25
"""Share of the remaining time for each slower method, because branch and bound follows."""
ROUNDS = 4
"""Number of rounds in which sets near the best one are improved."""
PROVABLE, SMALL = 32, 16
"""Largest number of free elements for which a proof is tried by linear programs, and for which it
is tried with FEW_NODES[0] nodes."""
REDUCED = 64
"""The same for larger problems, of which cheap bounds have to fix the other elements first."""
FEW_NODES = (128, 32)


@documented_with({
    "h": ("DifferenceOfSubmodular", "The difference f - g."),
    "effort": (
        '{"fast", "default", "best"}',
        '"fast" runs the members and improves their sets once. "default" also tries to prove the\n'
        'best set if n <= 32, and improves other sets. "best" goes on with slower members and\n'
        "then with branch and bound, until there is a proof or the time is over. The work of\n"
        "branch and bound is exponential in the worst case, so set a time limit.",
    ),
    "starts": (
        "int",
        "Number of further sets, near the best one and random, that are improved. None takes\n"
        '4096 / n, but at least 8 and at most 32; with effort "fast" none are.',
    ),
})  # fmt: skip
@within_time
def portfolio(
    h: DifferenceOfSubmodular,
    *,
    effort: str = "default",
    starts: int | None = None,
    rng: RNG = None,
    threads: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by several methods, local search, and branch and bound.

    Parameters
    ----------
    %(h)s
    %(effort)s
    %(starts)s
    %(rng)s
    %(threads_of_solvers)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        The status is ``OPTIMAL`` with a proof; ``LOCAL_MINIMUM`` if no flip and no swap improves
        the set; otherwise ``TIME_LIMIT`` or ``INTERRUPTED``. After branch and bound, `lower_bound`
        is finite even without a proof of optimality. A modular g makes h submodular, which is
        minimized exactly.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if f or g is seen not to be submodular.
    """
    require_difference(h)
    validate.choice("effort", effort, EFFORTS)
    source, deadline = validate.generator(rng), Deadline(time_limit)
    if threads is not None:
        validate.positive_int("threads", threads)
    default = 0 if effort == "fast" else max(8, min(32, 4096 // max(1, h.n)))
    starts = default if starts is None else validate.natural("starts", starts)
    answer_in_time(h, lambda: first_set(h, None, None, "no time for a method"))
    if (F := as_submodular(h)) is not None:
        return minimize_modular_g(F, time_limit=time_limit, callback=callback)
    require_submodular_parts(h, deadline.left() if deadline.left() < math.inf else None)
    run = _Run(fix(h), source, solver_threads(threads, h, deadline), deadline, callback)
    run.first()
    run.polish(run.found)
    few, widest = FEW_NODES[run.h.n > SMALL], REDUCED if run.h.n > REDUCED else PROVABLE
    if effort != "fast":
        run.prove(few, widest)
    for k in range(ROUNDS):
        run.restart(starts * (k + 1) // ROUNDS - starts * k // ROUNDS)
    if effort != "fast" and run.tried > run.best().value:
        run.prove(few, widest)
    if effort == "best":
        run.slow()
        run.prove(None)
        while h.estimated and deadline.left() < math.inf and not run.over():
            run.restart(max(1, starts))  # there is no proof to end with
    return run.result()


@within_time
def _local(
    h: DifferenceOfSubmodular,
    mask: Array,
    free: Fixed,
    gains_of_g: tuple[Array, Array],
    *,
    time_limit: float,
) -> Result:
    """Improve a set to a local minimum."""
    run = Descent(h, mask, "local_search", time_limit=time_limit, fixed=free)
    return search(run, ("flip", "swap"), gains_of_g)


def restarted(S: Array, rng: np.random.Generator) -> Array:
    """Return a set near S, or with probability 1/4 a random one of about its size."""
    n, size = len(S), int(S.sum())
    if rng.integers(4) == 0:
        return rng.random(n) < (size + 1) / (n + 2)
    mask = S.copy()
    for side, least in ((np.flatnonzero(S), 1), (np.flatnonzero(~S), 0)):
        count = min(len(side), int(rng.integers(least, 4)))
        flipped = rng.choice(side, count, replace=False)
        mask[flipped] = ~mask[flipped]
    return mask


class _Run:
    """One call: what was found so far, on the free elements."""

    def __init__(
        self,
        fixed: Fixed,
        rng: np.random.Generator,
        threads: int,
        deadline: Deadline,
        callback: Callable[[Result], object] | None,
    ) -> None:
        self.fixed, self.h, self.rng, self.threads = fixed, fixed.h, rng, threads
        self.deadline, self.callback, self.interrupted = deadline, callback, False
        self.reach, self.free = reach(self.h), unfixed(self.h)
        self.found: list[Result] = []
        self.tried = -math.inf  # value of the best set when a proof was tried last
        self.n_iter, self.n_evals = 0, 4 * (1 + len(fixed.rounds)) + 2

    def first(self) -> None:
        """Run the members."""
        h, whole = self.h, np.ones(self.h.n, dtype=np.bool_)
        members: list[Task] = [
            lambda left: forward_greedy(h, patience=4, time_limit=left),
            lambda left: projected_subgradient(h, max_iter=300, patience=30, time_limit=left),
            lambda left: modmod(h, whole, max_iter=5, time_limit=left),
        ]
        if not h.estimated:  # its steps rest on f being submodular
            members.insert(1, lambda left: subsup(h, inner_iter=40, max_iter=10, time_limit=left))
        self.tasks("methods", members)

    def slow(self) -> None:
        """Run the members that are slower and often better, and improve their sets."""
        h, S, count = self.h, self.best().mask, len(self.found)
        members: list[Task] = [
            lambda left: projected_subgradient(h, step=0.1, max_iter=3000, time_limit=left)
        ]
        if not h.estimated:
            members += [
                lambda left: accelerated_dca(h, max_iter=100, inner_iter=500, time_limit=left),
                lambda left: complete_dca(h, S, max_iter=20, inner_iter=500, time_limit=left),
            ]
        self.tasks("slower methods", members, SHARE)
        self.polish(self.found[count:])

    def polish(self, results: list[Result]) -> None:
        """Improve the sets of some results, each set only once, to local minima."""
        seen: dict[bytes, Result] = {}
        for result in results:
            seen.setdefault(result.mask.tobytes(), result)
        self.tasks("sets improved by flips and swaps", [
            partial(self._polished, result.mask, result.value, result.method)
            for result in seen.values()
        ])  # fmt: skip

    def restart(self, count: int) -> None:
        """Improve sets near the best one, and random ones."""
        S = self.best().mask
        self.tasks("other sets improved", [
            partial(self._polished, restarted(S, stream), math.inf, "a random start")
            for stream in (self.rng.spawn(count) if count else [])
        ])  # fmt: skip

    def _polished(self, mask: Array, value: float, method: str, left: float) -> Result:
        local = _local(self.h, mask, self.free, self.reach, time_limit=left)
        name = f"{method} and local_search" if local.value < value else method
        return replace(local, method=name)

    def prove(self, max_nodes: int | None, widest: float = math.inf) -> None:
        """Search for a proof that the best set is a minimum, or for a better set."""
        if self.h.estimated or not self.found:
            return
        self.tried = self.best().value
        best, stream = self.best(), self.rng.spawn(1)[0]

        def proof(left: float) -> Result:
            result = branch_and_bound(
                self.h,
                None,
                start=best.mask,
                max_nodes=max_nodes,
                time_limit=left,
                threads=self.threads,
                rng=stream,
                widest=widest,
            )
            if self.h.n > widest and result.status is not Status.OPTIMAL:
                # one bound of all sets is too low to take the place of a local minimum's evidence
                return replace(result, lower_bound=-math.inf, certificate=None)
            if result.value < best.value:
                return result
            verb = "proven" if result.status is Status.OPTIMAL else "bounded"
            return replace(result, method=f"{best.method}, {verb} by {result.method}")

        self.tasks("attempt to prove", [proof])

    def tasks(self, what: str, tasks: Sequence[Task], share: float = 1.0) -> None:
        """Run tasks on several threads, unless the run is over; keep results in their order.

        Each of them has a share of the time that is left when it begins.
        """
        if not tasks or (self.found and self.over()):
            return

        def within(task: Task) -> Result | None:
            late = self.found and self.deadline.passed()
            return None if late else task(share * self.deadline.left())

        results = [r for r in in_order(within, tasks, self.threads) if r is not None]
        self.n_iter += sum(result.n_iter for result in results)
        self.n_evals += sum(result.n_evals for result in results)
        self.found += results
        if is_verbose():
            best = self._lifted(self.best())
            stage("%s, %d: value %.9g by %s", what, len(tasks), best.value, best.method)
        if self.callback is not None:
            self.interrupted |= ended_by(self.callback, self._lifted(self.best()))

    def best(self) -> Result:
        """Return the first of the best results: a proven one, else the lowest one.

        Of equal ones, it is one with a lower bound, else a local minimum.
        """

        def rank(result: Result) -> tuple[bool, float, bool, bool]:
            proven, local = (result.status is s for s in (Status.OPTIMAL, Status.LOCAL_MINIMUM))
            return not proven, result.value, result.gap == math.inf, not local

        return min(self.found, key=rank)

    def result(self) -> Result:
        """Return the best result, with the counts of the whole run."""
        if not self._is_local():
            self.polish([self.best()])  # it was found after the last time that sets were improved
        best, status = self.best(), Status.LOCAL_MINIMUM
        bounded = max(self.found, key=lambda result: result.lower_bound)
        if bounded.lower_bound > best.lower_bound:  # a tree bounds all sets, not only its own best
            low = min(bounded.lower_bound, best.value)
            best = replace(best, lower_bound=low, certificate=bounded.certificate)
        if best.status is Status.OPTIMAL:
            status = Status.OPTIMAL
        elif self.interrupted:
            status = Status.INTERRUPTED
        elif self.deadline.passed() or not self._is_local():
            status = Status.TIME_LIMIT
        return replace(
            self._lifted(best),
            status=status,
            method=f"{best.method}, the best of a portfolio",
            n_iter=self.n_iter,
            n_evals=self.n_evals,
        )

    def _is_local(self) -> bool:
        """Return whether the set of the best result is known to be a local minimum, or proven."""
        kinds, mask = (Status.OPTIMAL, Status.LOCAL_MINIMUM), self.best().mask
        return any(r.status in kinds and np.array_equal(r.mask, mask) for r in self.found)

    def over(self) -> bool:
        """Return whether there is a proof, or no time is left."""
        proven = bool(self.found) and self.best().status is Status.OPTIMAL
        return proven or self.interrupted or self.deadline.passed()

    def _lifted(self, result: Result) -> Result:
        """Return a result on the free elements as one on all elements."""
        if not self.fixed.rounds:
            return result
        mask = self.fixed.lift(result.mask)
        value = unwatched(self.fixed.given).value(mask.copy())
        bound, certificate = value - result.gap, result.certificate
        if isinstance(certificate, TreeCertificate):
            certificate = TreeCertificate(lifted(certificate.steps, self.fixed), bound)
        return replace(result, mask=mask, value=value, lower_bound=bound, certificate=certificate)
