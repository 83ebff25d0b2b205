"""Time limits within sweeps, for functions that are slow to evaluate.

A sweep of a user's function takes n evaluations. A `Watch` replaces functions by equal ones that
test the time limit before each evaluation and raise `TimeUp` after it. A solver that is decorated
with `within_time` then returns what its run has found so far.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from inspect import signature
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import numpy as np

from subopt._base.options import Deadline
from subopt._base.threads import thread_count
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, Sum, View
from subopt.functions.concave import Concave
from subopt.functions.cut_form import CutForm

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", SetFunction, DifferenceOfSubmodular)
SHORT = 1e-3
"""Seconds of a greedy sweep over f and g below which two threads are slower than one
(``benchmarks/difference.py threads``)."""


class TimeUp(Exception):
    """Raised by an evaluation of a watched function after the time limit."""


class Watch:
    """The time limit of one run, tested before each evaluation of the functions of the run.

    Attributes
    ----------
    deadline : Deadline
        Evaluations after it raise `TimeUp`.
    answer : callable or None
        Returns what the run has found so far; for `within_time`.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.answer: Callable[[], Any] | None = None
        self._made: dict[int, SetFunction] = {}  # f and g may share functions, and still do

    def __call__(self, h: H) -> H:
        """Return F or f - g such that evaluations after the deadline raise `TimeUp`.

        Functions of the built-in families are fast and are returned unchanged.
        """
        if not h._by_value():
            return h
        if isinstance(h, DifferenceOfSubmodular):
            f, g = _replaced(h.f, self._leaf), _replaced(h.g, self._leaf)
            made: H = DifferenceOfSubmodular(f, g, estimated=h.estimated)
        else:
            made = _replaced(h, self._leaf)
        vars(made)["_watch"] = self
        return made

    def _leaf(self, F: SetFunction) -> SetFunction:
        if id(F) not in self._made:
            deadline = self.deadline
            if isinstance(F, Watched):  # by an outer run, whose deadline may be the earlier one
                deadline = min(F.deadline, deadline, key=Deadline.left)
            self._made[id(F)] = Watched(F.F if isinstance(F, Watched) else F, deadline)
        return self._made[id(F)]


def solver_threads(
    threads: Any, h: SetFunction | DifferenceOfSubmodular, deadline: Deadline
) -> int:
    """Return the number of threads of a solver: by default one per core, if that is of use.

    A user's function may not allow calls from several threads, and holds the interpreter's lock. So
    does what solvers do between greedy sweeps: where those are short, threads wait for each other.
    """
    count = thread_count(threads)
    if threads is not None or count == 1:
        return count
    return count if not h._by_value() and _sweeps_are_long(h, deadline) else 1


def _sweeps_are_long(h: SetFunction | DifferenceOfSubmodular, deadline: Deadline) -> bool:
    # the first of two sweeps may compile
    return not any(deadline.passed() or sweep_time(h) < SHORT for _ in range(2))


def sweep_time(h: SetFunction | DifferenceOfSubmodular) -> float:
    """Return how many seconds a greedy sweep takes, over F or over f and g."""
    order, before = np.arange(h.n), perf_counter()
    for F in (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,):
        F.greedy(order)
    return perf_counter() - before


def watched(F: SetFunction, deadline: Deadline) -> SetFunction:
    """Return F such that evaluations after the deadline raise `TimeUp`."""
    return Watch(deadline)(F)


def unwatched(h: H) -> H:
    """Return F or f - g as it was before it was watched."""
    if not h._by_value():
        return h
    if isinstance(h, DifferenceOfSubmodular):
        return DifferenceOfSubmodular(unwatched(h.f), unwatched(h.g), estimated=h.estimated)
    return _replaced(h, lambda F: F.F if isinstance(F, Watched) else F)


def answer_in_time(h: Any, answer: Callable[[], Any]) -> None:
    """Say what `within_time` returns for a run of h, unless the run has said so before."""
    watch = vars(h).get("_watch")
    if watch is not None and watch.answer is None:
        watch.answer = answer


def within_time(solver: Callable[P, R]) -> Callable[P, R]:
    """Make a solver keep its time limit within sweeps of users' functions.

    Its first argument is a function, which is replaced by a watched one. The solver calls
    `answer_in_time` before the first evaluation that may take long.
    """
    name = next(iter(signature(solver).parameters))

    @wraps(solver)
    def solved(*given: P.args, **options: P.kwargs) -> R:
        if not given:  # the function is passed by its name, or left out
            return solved(options.pop(name), **options) if name in options else solver(**options)  # type: ignore[call-arg, arg-type]
        h: Any = given[0]
        limit: Any = options.get("time_limit")
        if limit is None or not isinstance(h, SetFunction | DifferenceOfSubmodular):
            return solver(*given, **options)
        watch = Watch(Deadline(limit))
        for F in (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,):
            F._require_normalized()
        options["time_limit"] = watch.deadline.left()
        try:
            return solver(watch(h), *given[1:], **options)  # type: ignore[arg-type, type-var]
        except TimeUp:
            if watch.answer is None:
                raise
            found: R = watch.answer()
            return found

    return solved


def _replaced(F: SetFunction, leaf: Callable[[SetFunction], SetFunction]) -> SetFunction:
    """Return F with other functions in place of those that can only be evaluated.

    Nothing is evaluated.
    """
    if not F._by_value():
        return F
    if not isinstance(F, Sum | View | Concave):
        return leaf(F)
    made = copy.copy(F)
    vars(made).pop("_watch", None)
    if isinstance(made, Sum):
        made.terms = tuple((a, _replaced(G, leaf)) for a, G in made.terms)
    elif isinstance(made, View):
        made.parent = _replaced(made.parent, leaf)
    else:
        made.F = _replaced(made.F, leaf)
    return made


class Watched(SetFunction):
    """A function that tests a deadline before each evaluation of another function.

    Attributes
    ----------
    F : SetFunction
        The other function.
    deadline : Deadline
    lowest, best : float and ndarray of bool
        The lowest value among all evaluated sets, and its set; at most that of the empty set.
    """

    def __init__(self, F: SetFunction, deadline: Deadline) -> None:
        self.n, self.F, self.deadline = F.n, F, deadline
        self.monotone, self.symmetric, self.integral = F.monotone, F.symmetric, F.integral
        self.cut_representable, self._tents = F.cut_representable, F._tents
        self.lowest, self.best = 0.0, np.zeros(F.n, dtype=np.bool_)
        cls = type(F)
        self._walks = cls._sweep is SetFunction._sweep and cls.greedy is SetFunction.greedy
        self._own_marginals = cls.marginals is not SetFunction.marginals
        self._normalized = F._normalized

    def _look(self) -> None:
        if self.deadline.passed():
            raise TimeUp

    def value(self, mask: Array) -> float:
        """Evaluate the function at a set."""
        self._look()
        value = self.F.value(mask.copy())
        if value < self.lowest:
            self.lowest, self.best = value, mask.copy()
        return value

    def greedy(self, order: ArrayLike) -> Array:
        """Return the marginal gain of each element along an order."""
        if self._walks:
            return super().greedy(order)
        self._look()
        return self.F.greedy(order)

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        if not self._own_marginals:
            return super().marginals(mask)
        self._look()
        return self.F.marginals(mask)

    def as_cut(self) -> CutForm:
        """Return the graph of the function."""
        return self.F.as_cut()

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        if self._walks:
            self._walk(scale, order, gains)
        else:
            self._look()
            self.F._sweep(scale, order, gains)

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        if self._own_marginals:
            return self.marginals(mask.copy())[elements]
        return np.array([self._gain(state, mask, int(i)) for i in elements], dtype=np.float64)

    def _by_value(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self.F)
