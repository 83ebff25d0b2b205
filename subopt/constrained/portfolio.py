"""The method "auto" over feasible sets: bounds by prices, several starts, attempts to prove.

A submodular function is first minimized with prices of the constraints, which often proves the
answer. Otherwise, and for f - g, several methods run from several feasible sets, and each result is
improved to a local minimum. If n is small, branch and bound tries to prove the best one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.options import Deadline, silent, stage
from subopt._base.types import RNG, Array
from subopt.constrained.certificate import Problem
from subopt.constrained.dca import dca
from subopt.constrained.descent import (
    WIDE,
    FeasibleDescent,
    forward_greedy,
    local_search,
    modmod_from,
    subsup,
)
from subopt.constrained.exact import branch_and_bound
from subopt.constrained.lagrangian import lagrangian
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete
from subopt.difference._descent import first_set
from subopt.difference.exact.tree_certificate import difference
from subopt.difference.submodular_case import as_submodular
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.watched import answer_in_time, solver_threads, within_time
from subopt.submodular.result import Result

EFFORTS = ("fast", "default", "best")
NODES = {16: 256, 32: 32, 128: 1}
"""Number of nodes of branch and bound, by the largest n for which it is tried; one is a bound."""
SHARE = 0.25
"""Share of the remaining time for each slower method, if branch and bound follows."""
FLIPS = 100
"""Largest number of changes of one element for larger n."""
STEPS, SWEEPS = 8, 40
"""Largest number of steps of SubSup, and of greedy sweeps for each of their minimizations."""


@within_time
def portfolio(
    h: Problem,
    of: Constraints,
    *,
    effort: str = "default",
    starts: int | None = None,
    rng: RNG = None,
    threads: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize F or f - g over the feasible sets by several methods."""
    validate.choice("effort", effort, EFFORTS)
    default = 0 if effort == "fast" else max(4, min(16, 1024 // max(1, h.n)))
    count = default if starts is None else validate.natural("starts", starts)
    F = as_submodular(h) if isinstance(h, DifferenceOfSubmodular) else h
    source, deadline = validate.generator(rng), Deadline(time_limit)
    run = _Run(h, of, source, solver_threads(threads, h, deadline), deadline, callback)
    answer_in_time(h, lambda: run.result() if run.best else first_set(h, of, None, "auto"))
    if F is not None:
        run.priced(F)
    run.descend(count)
    nodes = next((nodes for largest, nodes in NODES.items() if h.n <= largest), 0)
    if effort != "fast" and nodes:
        run.prove(nodes)
    if effort != "fast" and F is None:
        run.replace_g(slow=effort == "best")
    if effort == "best":
        run.prove(None)
        while run.h.estimated and run.deadline.left() < math.inf and not run.over():
            run.restart(set())  # there is no proof to end with
    return run.result()


class _Run:
    """One call: the best set, and the best bound, which need not come from one method."""

    def __init__(
        self,
        h: Problem,
        of: Constraints,
        rng: np.random.Generator,
        threads: int,
        deadline: Deadline,
        callback: Callable[[Result], object] | None,
    ) -> None:
        self.given, self.h, self.of = h, difference(h), of
        self.rng, self.threads, self.deadline, self.callback = rng, threads, deadline, callback
        self.best: Result | None = None
        self.bounded: Result | None = None
        self.interrupted = False
        self.n_iter = self.n_evals = 0

    def priced(self, F: SetFunction) -> None:
        """Bound a submodular function by prices, and keep the best set that comes up."""
        self.take(lagrangian(F, self.of, time_limit=self.deadline.left()))

    def descend(self, count: int) -> None:
        """Run methods from several feasible sets, and improve each set to a local minimum."""
        n, of, left = self.h.n, self.of, self.deadline.left
        seen: set[bytes] = set()
        if self.best is None:  # there is an answer, however short the time
            first = FeasibleDescent(self.h, of, (), "the feasible start")
            self.take(first.end(Status.EFFORT_LIMIT, None))
        if self.over():
            return
        assert self.best is not None
        self.polish(self.best, seen)
        masks = [forward_greedy(self.h, of, left()).mask] if n <= WIDE else []
        masks.append(complete(of, np.ones(n, dtype=np.bool_)))
        for mask in masks:
            if self.over():
                return
            self.restart(seen, mask)
        for _ in range(count):
            if self.over():
                return
            self.restart(seen)

    def restart(self, seen: set[bytes], mask: Array | None = None) -> None:
        """Run ModMod from a set, by default a random one, and improve what it finds."""
        mask, left = self._random() if mask is None else mask, self.deadline.left()
        run = FeasibleDescent(
            self.h, self.of, mask, "modmod", max_iter=20, time_limit=left, certified=False
        )
        with silent():
            found = modmod_from(run)
        self.polish(found, seen)

    def replace_g(self, *, slow: bool) -> None:
        """Run SubSup from the best set, and if there is time the DC algorithm from the center.

        Their steps take several submodular minimizations, or many linear programs, each.
        """
        if self.over() or self.h.estimated:
            return
        assert self.best is not None
        S, left = self.best.mask, (SHARE if slow else 1.0) * self.deadline.left()
        found = subsup(self.h, self.of, start=S, max_iter=STEPS, inner_iter=SWEEPS, time_limit=left)
        self.polish(found, set())
        if slow and not self.over():
            left = SHARE * self.deadline.left()
            self.polish(dca(self.h, self.of, time_limit=left), set())

    def polish(self, found: Result, seen: set[bytes]) -> None:
        """Improve a set to a local minimum unless that was done before."""
        if found.mask.tobytes() in seen:
            return
        seen.add(found.mask.tobytes())
        if self.h.n > WIDE:
            self.take(found)
            self._flip(found)
            return
        with silent():
            local = local_search(self.h, self.of, start=found.mask, time_limit=self.deadline.left())
        if local.value < found.value:
            seen.add(local.mask.tobytes())
            local = replace(local, method=f"{found.method} and local_search")
        else:
            local = replace(local, method=found.method)
        self.take(local)

    def _flip(self, found: Result) -> None:
        """Improve a set of a large problem by some changes of one element."""
        left = self.deadline.left()
        run = FeasibleDescent(
            self.h, self.of, found.mask, found.method, max_iter=FLIPS, time_limit=left
        )
        while run.stopped() is None and run.improve(swaps=False):
            run.n_iter += 1
        if run.value < found.value:
            self.take(run.end(Status.EFFORT_LIMIT, None))

    def prove(self, max_nodes: int | None) -> None:
        """Search for a better set or a proof by branch and bound."""
        if self.over() or self.h.estimated:
            return
        assert self.best is not None
        self.take(
            branch_and_bound(
                self.given,
                self.of,
                start=self.best.mask,
                max_nodes=max_nodes,
                time_limit=self.deadline.left(),
                threads=self.threads,
                rng=self.rng.spawn(1)[0],
            )
        )

    def take(self, result: Result) -> None:
        """Keep a result if its set or its bound is the best so far."""
        stage("value %.9g, bound %.9g by %s", result.value, result.lower_bound, result.method)
        self.n_iter += result.n_iter
        self.n_evals += result.n_evals
        better = self.best is None or result.value < self.best.value
        if (
            self.best is None
            or better
            or (
                result.value == self.best.value
                and result.status in (Status.OPTIMAL, Status.LOCAL_MINIMUM)
                and self.best.status not in (Status.OPTIMAL, Status.LOCAL_MINIMUM)
            )
        ):
            self.best = result
        proof = result.status is Status.OPTIMAL  # rounding may make another bound a bit higher
        if self.bounded is None or proof or result.lower_bound > self.bounded.lower_bound:
            self.bounded = result
        if better and self.callback is not None:
            self.interrupted |= ended_by(self.callback, self.result())

    def over(self) -> bool:
        """Return whether there is a proof, or no time is left."""
        proven = self.bounded is not None and self.bounded.status is Status.OPTIMAL
        return proven or self.interrupted or self.deadline.passed()

    def result(self) -> Result:
        """Return the best set with the best bound."""
        best, bounded = self.best, self.bounded
        assert best is not None
        assert bounded is not None
        status = best.status
        if bounded.lower_bound > -math.inf and bounded is not best:
            low = min(bounded.lower_bound, best.value)
            best = replace(best, lower_bound=low, certificate=bounded.certificate)
            verb = "proven" if bounded.status is Status.OPTIMAL else "bounded"
            best = replace(best, method=f"{best.method}, {verb} by {bounded.method}")
        if bounded.status is Status.OPTIMAL:
            status = Status.OPTIMAL
        elif self.interrupted:
            status = Status.INTERRUPTED
        elif self.deadline.passed():
            status = Status.TIME_LIMIT
        elif status not in (Status.LOCAL_MINIMUM, Status.OPTIMAL):
            status = Status.EFFORT_LIMIT
        return replace(best, status=status, n_iter=self.n_iter, n_evals=self.n_evals)

    def _random(self) -> Array:
        """Return a random feasible set, or one near the best set."""
        n = self.h.n
        if self.best is not None and self.rng.integers(2):
            flipped = self.rng.random(n) < min(0.5, 3.0 / max(n, 1))
            mask = self.best.mask ^ flipped
        else:
            mask = self.rng.random(n) < self.rng.random()
        return complete(self.of, mask, self.rng.random(n))
