"""What the methods for f - g share: the options, the set so far, and the result.

A step proposes sets; the best is taken if it is better by more than rounding. So no method ever
moves to a worse set, whatever its subproblems return.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, Subset
from subopt.difference.local_minimum import STAY, LocalMinimumCertificate, flip
from subopt.functions.algebra import DifferenceOfSubmodular, require_set_function
from subopt.submodular.result import Result
from subopt.submodular.select import InnerSolver

ROUNDING = 1e-12
"""Changes below this share of the numbers that they are differences of are none."""


class Limits(NamedTuple):
    """When a method has to stop."""

    max_iter: int
    deadline: float

    @classmethod
    def of(cls, max_iter: int, time_limit: float | None) -> Limits:
        """Return the limits that the options of a method mean."""
        seconds = math.inf
        if time_limit is not None:
            seconds = validate.nonnegative("time_limit", time_limit)
        deadline = time.monotonic() + seconds
        return cls(validate.positive_int("max_iter", max_iter), deadline)

    def reached(self, n_iter: int) -> Status | None:
        """Return why to stop after `n_iter` iterations, or None."""
        if n_iter >= self.max_iter:
            return Status.ITERATION_LIMIT
        return Status.TIME_LIMIT if time.monotonic() > self.deadline else None


class Descent:
    """The best set so far of a method.

    Attributes
    ----------
    mask, value : ndarray of bool (n,) and float
        The set and h of it.
    size : float
        |f(S)| + |g(S)|, to tell changes from rounding.
    n_iter, n_evals : int
        As in `Result`.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        start: Subset,
        method: str,
        limits: Limits,
        callback: Callable[[Result], object] | None,
    ) -> None:
        self.h, self.method, self.limits, self.callback = h, method, limits, callback
        self.mask = validate.subset(start, h.n)
        self.n_iter = self.n_evals = 0
        self.value, self.size = self._evaluate(self.mask)

    def run(self, step: Callable[[Array], Iterable[Array]]) -> Result:
        """Take steps, each to the best of the sets that `step` proposes, while they improve."""
        while (status := self.limits.reached(self.n_iter)) is None:
            self.n_iter += 1
            improved = False
            for mask in step(self.mask.copy()):
                improved |= self.offer(mask)
            if not improved:
                status = Status.STATIONARY
                break
            self.tell()
        return self.result(status)

    def offer(self, mask: Array) -> bool:
        """Take a set if it is better, and say whether."""
        value, size = self._evaluate(mask)
        if not value < self.value - ROUNDING * max(size, self.size):
            return False
        self.mask, self.value, self.size = mask.copy(), value, size
        return True

    def tell(self) -> None:
        """Call the callback with the set so far."""
        if self.callback is not None:
            self.callback(self.end(Status.ITERATION_LIMIT, None))

    def result(self, status: Status) -> Result:
        """Return the set so far, with a certificate if no flip of it is better."""
        f_gains, g_gains = (F.marginals(self.mask.copy()) for F in (self.h.f, self.h.g))
        self.n_evals += 2
        move = flip(self.mask, significant(f_gains, g_gains, self.size))
        certificate = LocalMinimumCertificate(("flip",)) if move == STAY else None
        return self.end(status, certificate)

    def end(self, status: Status, certificate: LocalMinimumCertificate | None) -> Result:
        """Return the set so far as it is."""
        return Result(
            mask=self.mask.copy(),
            value=self.value,
            lower_bound=-math.inf,
            status=status,
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
                f"{np.flatnonzero(mask)[:10].tolist()}"
            )
        return f - g, abs(f) + abs(g)


def significant(f_gains: Array, g_gains: Array, size: float) -> Array:
    """Return f_gains - g_gains, with what may be rounding set to 0."""
    gains = validate.finite("f - g", f_gains - g_gains)
    gains[np.abs(gains) <= ROUNDING * (np.abs(f_gains) + np.abs(g_gains) + size)] = 0.0
    return gains


def require_difference(h: DifferenceOfSubmodular) -> None:
    """Raise unless h is a `DifferenceOfSubmodular` with h(∅) = 0."""
    if not isinstance(h, DifferenceOfSubmodular):
        raise TypeError(
            f"A DifferenceOfSubmodular is needed, got {type(h).__name__}. Write f - g, or for a "
            "submodular function call minimize, which is exact."
        )
    require_set_function(h.f)
    require_set_function(h.g)


def inner_solver(h: DifferenceOfSubmodular, limits: Limits, inner_iter: int) -> InnerSolver:
    """Return the solver of f minus a modular function, to a gap that is rounding in h."""
    inner_iter = validate.positive_int("inner_iter", inner_iter)
    whole = np.ones(h.n, dtype=np.bool_)
    size = sum(
        float(np.abs(F.marginals(np.zeros(h.n, dtype=np.bool_))).sum()) + abs(F.value(whole.copy()))
        for F in (h.f, h.g)
    )
    return InnerSolver(1e-10 * size, inner_iter, limits.deadline)
