"""Time limits and callbacks of solvers, for functions that are slow to evaluate.

A sweep of a user's function takes n evaluations. `watched` returns a function that tests the time
limit before each of them, so that a run exceeds its time limit by at most one evaluation.
"""

from __future__ import annotations

import numpy as np

from subopt._base.answer import Status
from subopt._base.deadline import Deadline
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import SetFunction, Sum, View
from subopt.submodular.result import Result


class TimeUp(Exception):
    """Raised by an evaluation of a watched function after the time limit."""


def watched(F: SetFunction, deadline: Deadline) -> SetFunction:
    """Return F such that evaluations after the deadline raise `TimeUp`.

    Functions of the built-in families are fast and are returned unchanged.
    """
    if not F._by_value():
        return F
    if isinstance(F, Sum):
        made: SetFunction = Sum(F.n, tuple((a, watched(G, deadline)) for a, G in F.terms))
    elif isinstance(F, View):
        made = View(watched(F.parent, deadline), F.before, F.kept, flipped=F.flipped)
    else:
        made = _Watched(F, deadline)
    vars(made)["_unwatched"] = F
    return made


def unwatched(F: SetFunction) -> SetFunction:
    """Return the function that `watched` was called with."""
    found: SetFunction = vars(F).get("_unwatched", F)
    return found


class _Watched(SetFunction):
    """A function that tests a deadline before each evaluation of another function."""

    def __init__(self, F: SetFunction, deadline: Deadline) -> None:
        self.n, self.F, self.deadline = F.n, F, deadline
        self.monotone, self.symmetric, self.integral = F.monotone, F.symmetric, F.integral
        # the lowest value among all evaluated sets, and its set
        self.lowest, self.best = 0.0, np.zeros(F.n, dtype=np.bool_)
        cls = type(F)
        self._walks = cls._sweep is SetFunction._sweep and cls.greedy is SetFunction.greedy
        self._own_marginals = cls.marginals is not SetFunction.marginals

    def _look(self) -> None:
        if self.deadline.passed():
            raise TimeUp

    def value(self, mask: Array) -> float:
        self._look()
        value = self.F.value(mask.copy())
        if value < self.lowest:
            self.lowest, self.best = value, mask.copy()
        return value

    def greedy(self, order: ArrayLike) -> Array:
        if self._walks:
            return super().greedy(order)
        self._look()
        return self.F.greedy(order)

    def marginals(self, mask: Array) -> Array:
        if not self._own_marginals:
            return super().marginals(mask)
        self._look()
        return self.F.marginals(mask)

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        if self._walks:
            self._walk(scale, order, gains)
        else:
            self._look()
            self.F._sweep(scale, order, gains)

    def _by_value(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self.F)


def no_bound(F: SetFunction, method: str) -> Result:
    """Return the best set that a watched function was evaluated at, without a lower bound."""
    mask, value = np.zeros(F.n, dtype=np.bool_), 0.0
    if isinstance(F, _Watched):
        mask, value = F.best.copy(), F.lowest
    return Result(mask=mask, value=value, status=Status.TIME_LIMIT, method=method)
