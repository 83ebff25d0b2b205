"""The common part of the methods for f - g: limits, the best set so far, and the result.

A method proposes sets. The run keeps a set only if h is lower there by more than rounding. No
method therefore moves to a worse set, whatever its subproblems return. All methods work on the
elements that `_fixing` does not fix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.options import Deadline, is_verbose, iteration
from subopt._base.types import RNG, Array, Subset
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete
from subopt.difference._fixing import Fixed, fix, unfixed
from subopt.difference.local_minimum import STAY, LocalMinimumCertificate, flip
from subopt.functions.algebra import (
    DifferenceOfSubmodular,
    require_difference,
)
from subopt.functions.watched import answer_in_time, unwatched
from subopt.submodular._sweep_bounds import ROUNDING
from subopt.submodular.result import Result
from subopt.submodular.select import InnerSolver

DIGITS = 2.0**-49
"""Rounding of a value, relative to the values of f and g that it is the difference of."""


class Descent:
    """One run of a method, from a first set to the result.

    Parameters
    ----------
    h : DifferenceOfSubmodular
    start : boolean mask (n,) or iterable of int
    method : str
        For the result.
    max_iter : int, optional
    time_limit : float, optional
    callback : callable, optional
    fixed : Fixed or callable, optional
        What `fix` returns for h, if it is known; `unfixed` to search all elements.

    Attributes
    ----------
    h : DifferenceOfSubmodular
        On the free elements, as are all sets below.
    mask, value : ndarray of bool and float
        The best set so far and h of it.
    size : float
        |f(S)| + |g(S)|, which the rounding of the value is relative to.
    n_iter, n_evals : int
        As in `Result`.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        start: Subset | None,
        method: str,
        *,
        max_iter: int | None = None,
        time_limit: float | None = None,
        callback: Callable[[Result], object] | None = None,
        fixed: Fixed | Callable[[DifferenceOfSubmodular], Fixed] | None = None,
    ) -> None:
        require_difference(h)
        self.method, self._callback, self._interrupted = method, callback, False
        self._told = False
        self._max_iter = math.inf
        if max_iter is not None:
            self._max_iter = validate.positive_int("max_iter", max_iter)
        self.deadline = Deadline(time_limit)
        validate.callback(callback)
        S = validate.start(start, h.n)
        self.n_iter = self.n_evals = 0
        self._late(h, S)
        if isinstance(fixed, Fixed):
            self.fixed = fixed
        else:
            self.fixed = _fixed(h, S) if fixed is None else fixed(h)
        self.h, self.mask = self.fixed.h, S[self.fixed.free]
        self.n_evals = 4 * (1 + len(self.fixed.rounds))
        self.value, self.size = self._evaluate(self.mask)

    def _late(self, h: DifferenceOfSubmodular, start: Array) -> None:
        """Say what the result is if the time is over within an evaluation."""

        def answer() -> Result:
            begun = "value" in vars(self)
            mask = self.fixed.lift(self.mask) if begun else start
            if begun and not self.fixed.rounds:
                value = self.value
            else:
                value = unwatched(h).value(mask.copy()) if mask.any() else 0.0
            return Result(
                mask=mask,
                value=value,
                status=Status.INTERRUPTED if self._interrupted else Status.TIME_LIMIT,
                method=self.method,
                n_iter=self.n_iter,
                n_evals=self.n_evals,
            )

        answer_in_time(h, answer)

    def stopped(self) -> Status | None:
        """Return why the run has to end, or None."""
        if self._interrupted:
            return Status.INTERRUPTED
        if self.n_iter >= self._max_iter:
            return Status.ITERATION_LIMIT
        return Status.TIME_LIMIT if self.deadline.passed() else None

    def run(self, step: Callable[[Array], Iterable[Array]]) -> Result:
        """Take steps, each to the best of the sets that `step` proposes, while they improve."""
        while (status := self.stopped()) is None:
            self.n_iter += 1
            improved = False
            for mask in step(self.mask.copy()):
                improved |= self.offer(mask)
            self.tell()
            if not improved:  # a step that was cut short says nothing
                status = Status.TIME_LIMIT if self.deadline.passed() else Status.STATIONARY
                break
        return self.result(status)

    def offer(self, mask: Array) -> bool:
        """Take a set if it is better, and return whether it is."""
        value, size = self._evaluate(mask)
        if not value < self.value - DIGITS * max(size, self.size):
            return False
        self.mask, self.value, self.size = mask.copy(), value, size
        return True

    def gains(self, mask: Array) -> tuple[Array, Array, Array]:
        """Return the marginals of h, f and g at a set; those of h without rounding."""
        f_gains, g_gains = self.h.f.marginals(mask.copy()), self.h.g.marginals(mask.copy())
        self.n_evals += 2
        return self.significant(f_gains, g_gains), f_gains, g_gains

    def significant(self, f_gains: Array, g_gains: Array) -> Array:
        """Return f_gains - g_gains, with 0 for what may be rounding."""
        gains: Array = validate.finite("f - g", f_gains - g_gains)
        gains[np.abs(gains) <= self.noise] = 0.0
        return gains

    @property
    def noise(self) -> Array:
        """The rounding of the gain of every element at the best set."""
        return ROUNDING * self.fixed.ranges.size + DIGITS * self.size

    def tell(self) -> None:
        """Call the callback with the best set so far."""
        self._told = True
        if is_verbose():
            value = self.end(Status.RUNNING, None).value
            iteration(self.n_iter, "steps", "value %.9g", value)
        if self._callback is not None:
            self._interrupted |= ended_by(self._callback, self.end(Status.RUNNING, None))

    def result(self, status: Status) -> Result:
        """Return the best set so far, with a certificate if no flip improves it."""
        move = flip(self.mask, self.gains(self.mask)[0])
        certificate = LocalMinimumCertificate(("flip",)) if move == STAY else None
        return self.end(status, certificate)

    def end(self, status: Status, certificate: LocalMinimumCertificate | None) -> Result:
        """Return the best set so far, without further checks."""
        if status is not Status.RUNNING and not self._told:
            self.tell()  # callbacks are called at least once
        mask = self.fixed.lift(self.mask)
        value = self.fixed.given.value(mask.copy()) if self.fixed.rounds else self.value
        return Result(
            mask=mask,
            value=value,
            status=Status.INTERRUPTED if self._interrupted else status,
            certificate=certificate,
            method=self.method,
            n_iter=self.n_iter,
            n_evals=self.n_evals,
        )

    def _evaluate(self, mask: Array) -> tuple[float, float]:
        f, g = self.h.f.value(mask.copy()), self.h.g.value(mask.copy())
        self.n_evals += 2
        if not math.isfinite(f - g):
            raise ValueError(
                f"f and g need finite values, but f(S) = {f:g} and g(S) = {g:g} for S = "
                f"{np.flatnonzero(self.fixed.lift(mask))[:10].tolist()}"
            )
        return float(f - g), abs(f) + abs(g)


def _fixed(h: DifferenceOfSubmodular, start: Array) -> Fixed:
    fixed = fix(h)
    if not fixed.rounds:
        return fixed
    # it never raises h unless f or g is not submodular, which bounds nothing then
    before, after = h.value(start.copy()), h.value(fixed.lift(start[fixed.free]))
    return unfixed(h) if after > before + 1e-9 * abs(before) else fixed


def source_of_orders(tie_break: str, rng: RNG) -> np.random.Generator | None:
    """Return where random orders come from, or None if ties are broken by gains."""
    if validate.choice("tie_break", tie_break, ("gains", "random")) == "random":
        return validate.generator(rng)
    if rng is not None:
        raise ValueError("rng draws the orders of tie_break='random'; 'gains' draws nothing")
    return None


def inner_solver(run: Descent, inner_iter: int) -> InnerSolver:
    """Return the solver of f minus a modular function, to a gap that is negligible in h."""
    inner_iter = validate.positive_int("inner_iter", inner_iter)
    tol = 1e-10 * float(run.fixed.ranges.size.sum())
    return InnerSolver(tol, inner_iter, run.deadline)


def first_set(h: Any, constraints: Constraints | None, start: Array | None, method: str) -> Result:
    """Return the set to begin with, where there was no time for anything else."""
    mask = np.zeros(h.n, dtype=np.bool_) if start is None else start
    mask = mask if constraints is None else complete(constraints, mask)
    return Result(
        mask=mask,
        value=unwatched(h).value(mask.copy()) if mask.any() else 0.0,
        status=Status.TIME_LIMIT,
        method=method,
    )
