"""One run of maximization: limits, the best set so far, bounds of all gains, the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete
from subopt.functions.algebra import SetFunction
from subopt.functions.watched import watched
from subopt.maximization.certificate import MarginalCertificate
from subopt.maximization.result import MaximizationResult

LARGE = 2000
"""Above this n, bounds of functions with levels rest on these alone."""
ROUNDING = 2.0**-44
"""Relative error that a gain may have, of the numbers that it is computed from."""


class Bound(NamedTuple):
    """An upper bound, how much of it may be rounding, and its evidence."""

    value: float
    rounding: float
    certificate: MarginalCertificate | None


NOTHING = Bound(math.inf, 0.0, None)


class Run:
    """One run of a method, from the elements that are included to the result.

    Attributes
    ----------
    given, F : SetFunction
        The function, and the same with a test of the time limit before each evaluation if it can
        only be evaluated.
    of : Constraints
        The feasible sets.
    inner : Constraints
        The same for the free elements, given those that are included.
    free : ndarray of intp
        Elements that are neither included nor excluded.
    mask, value : ndarray of bool and float
        The best feasible set so far and F of it.
    path : list of int
        Elements in the order in which the first greedy run added them.
    n_iter, n_evals : int
        As in `MaximizationResult`.
    """

    def __init__(
        self,
        F: SetFunction,
        of: Constraints,
        method: str,
        *,
        tol: float = 0.0,
        time_limit: float | None = None,
        callback: Callable[[MaximizationResult], object] | None = None,
    ) -> None:
        self.of, self.method = of, method
        self.inner, self.free = of.reduced(), of.free
        self.tol = validate.nonnegative("tol", tol)
        self.deadline = Deadline(time_limit)
        self.given, self.F = F, F if time_limit is None else watched(F, self.deadline)
        self._slow = self.F is not F
        self._callback, self._interrupted = callback, False
        self.mask, self.value = of.include.copy(), -math.inf
        self.path: list[int] = []
        self.n_iter = self.n_evals = 0
        self._last: tuple[Array, Array] | None = None

    # Gains --------------------------------------------------------------------------------------

    def state(self, mask: Array) -> Any:
        """Return what F keeps for gains at a set."""
        return self.F._state(mask)

    def gains(self, state: Any, mask: Array, elements: Array) -> Array:
        """Return ``F(S ∪ i) - F(S - i)`` for some elements."""
        self.n_evals += len(elements)
        gains: Array = validate.finite(self.F, self.F._gains(state, mask, elements))
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return ``F(S ∪ i) - F(S - i)`` for all elements; those of the last set are kept."""
        if self._last is None or not np.array_equal(self._last[0], mask):
            self.n_evals += self.F.n
            gains: Array = validate.finite(self.F, self.F.marginals(mask.copy()))
            self._last = mask.copy(), gains.copy()  # a user's function may reuse its array
        return self._last[1]

    @cached_property
    def first_gains(self) -> Array:
        """What each element adds to those that are included, (n,)."""
        return self.marginals(self.of.include)

    @cached_property
    def floors(self) -> Array:
        """The least that each element adds to any feasible set, (n,)."""
        return floors(self.F, self.of, self.marginals)

    @cached_property
    def noise(self) -> Array:
        """How much of each gain may be rounding, (n,)."""
        F = self.F
        if F._by_value():
            none = np.zeros(F.n, dtype=np.bool_)
            whole = abs(float(F.value(~none))) + float(np.abs(self.first_gains).max(initial=0.0))
            size = np.maximum(np.abs(self.first_gains), np.abs(self.floors)) + whole
        elif type(F)._range is SetFunction._range and not self.of.include.any():
            size = np.maximum(np.abs(self.first_gains), np.abs(self.floors))
        else:
            size = F._range().size
        noise: Array = ROUNDING * size
        return noise

    # Progress -----------------------------------------------------------------------------------

    def stopped(self) -> bool:
        """Return whether the time is over, or the callback ended the run."""
        return self._interrupted or self.deadline.passed()

    def offer(self, mask: Array, value: float | None = None) -> bool:
        """Take a feasible set if it is better, and return whether it is."""
        value = float(self.F.value(mask.copy())) if value is None else value
        validate.finite(self.F, value)
        if not value > self.value:
            return False
        self.mask, self.value = mask.copy(), value
        return True

    def late(self) -> Status:
        """Make sure that there is a feasible set, however short the time was."""
        if self.value == -math.inf:
            if not self.of.feasible(self.mask):
                self.mask = complete(self.of, self.mask)
            self.value = float(self.given.value(self.mask.copy()))
        return Status.TIME_LIMIT

    def tell(self, mask: Array, value: float) -> None:
        """Count an iteration, and call the callback with a set that is feasible."""
        self.n_iter += 1
        if self._callback is None and not self._slow:
            return
        if value > self.value:
            self.mask, self.value = mask.copy(), value
        if self._callback is not None:
            answer = self._made(NOTHING, Status.RUNNING)
            self._interrupted |= ended_by(self._callback, answer)

    def proves(self, bound: Bound) -> bool:
        """Return whether a bound proves that no set is better than the best one, up to `tol`."""
        return bound.value - self.value <= self.tol + 2 * bound.rounding

    def result(self, status: Status, bound: Bound) -> MaximizationResult:
        """Return the best set so far; it is optimal if the bound says so."""
        self.value = float(self.given.value(self.mask.copy()))
        if self._interrupted:
            status = Status.INTERRUPTED
        elif self.deadline.passed():
            status = Status.TIME_LIMIT
        if self.proves(bound):
            status = Status.OPTIMAL
        return self._made(bound, status)

    def _made(self, bound: Bound, status: Status) -> MaximizationResult:
        return MaximizationResult(
            mask=self.mask.copy(),
            value=self.value,
            upper_bound=max(bound.value, self.value),
            status=status,
            method=self.method,
            certificate=bound.certificate,
            n_iter=self.n_iter,
            n_evals=self.n_evals,
        )


def floors(F: SetFunction, of: Constraints, marginals: Callable[[Array], Array]) -> Array:
    """Return a lower bound of what each element adds to any feasible set.

    By diminishing returns it is what the element adds to all others that may be in. For a function
    that is known to be monotone it is at least 0, which is used where it would take n values, or
    where n is large and levels give better bounds.
    """
    if F.monotone and (F._by_value() or (F._has_levels and F.n > LARGE)):
        return np.zeros(F.n)
    least = marginals(~of.exclude)
    return np.maximum(least, 0.0) if F.monotone else least
