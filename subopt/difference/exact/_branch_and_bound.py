"""Branch and bound for differences of submodular functions: exact, or with a proven gap.

An interval of sets is bounded by a convex relaxation (`_relaxation`). What its reduced costs, and
the ranges of the marginals, rule out is fixed; what is small enough is tried; anything else is
split at one element. Best bound first, with dives. The prefixes of all greedy orders that come up
are candidates for the answer, and the best are improved by flips. What was found of every interval
is a step of the certificate.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, round_up
from subopt._base.types import RNG, Array, Subset
from subopt.difference.exact._incumbent import Incumbent
from subopt.difference.exact._interval import Evidence, Interval, Parts
from subopt.difference.exact._relaxation import Start, relax, root_start
from subopt.difference.exact.tree_certificate import (
    BOUND,
    COSTS,
    EXHAUSTED,
    MARGINALS,
    SPLIT,
    Step,
    TreeCertificate,
    combine,
    difference,
    least_cost,
    size_of,
)
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.submodular.result import Result

SMALL = 7
"""Up to this many free elements all sets are tried: 35 sweeps are faster than a linear program."""
ORDERS = 8
"""Random orders whose best prefixes are tried to begin with."""
ROOT_ITER, ITER = 200, 30
"""Linear programs at the root, and at any other interval."""
FEW, TRIES = 4, 16
"""Where parts of h fall: how few parts an interval is divided into, and how often it is tried."""
ACCURACY = 0.1
"""A relaxation is accurate enough when this share of what is missing to the best value is open."""
DIVE_EVERY = 8
"""One in so many times, the better child is explored at once, to its end."""
NONE = np.zeros(0, dtype=np.intp)
NOTHING = (-math.inf, -math.inf)


def branch_and_bound(
    h: DifferenceOfSubmodular | SetFunction,
    *,
    gap: float = 0.0,
    time_limit: float | None = None,
    node_limit: int | None = None,
    start: Subset | None = None,
    callback: Callable[[Result], object] | None = None,
    rng: RNG = None,
) -> Result:
    """Minimize a difference of submodular functions to a proven gap.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
        f - g with f and g submodular, which is not checked. A `SetFunction` counts as f alone.
    gap : float, default 0
        Stop when ``value - lower_bound <= gap``, in the units of h. Rounding, 1e-12 of the numbers
        in f and g, is always allowed for.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    node_limit : int, optional
        Largest number of intervals to bound.
    start : boolean mask (n,) or iterable of int, optional
        A set to begin with, say the answer of another method.
    callback : callable, optional
        Called with a `Result` whenever the value or the lower bound has improved. To stop from
        there, raise.
    rng : Generator, int or None
        Source of the orders that local search starts from.

    Returns
    -------
    Result
        With a `TreeCertificate`; ``n_iter`` counts intervals. ``status`` is ``OPTIMAL`` (to within
        `gap`), ``TIME_LIMIT`` or ``ITERATION_LIMIT`` (`node_limit`); in any case
        ``lower_bound <= min h <= value``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    The problem is NP-hard and the number of intervals exponential at worst. How large n may be
    depends on how close the modular upper bounds of g come: they are best where g is a `Cut`,
    `Coverage`, `Cardinality`, `ConcaveOfModular`, ... (see `cap_form`), or where f - g is minus a
    mutual information; for other g they are those of `modular_upper` [1]_ and combinations of
    them.

    References
    ----------
    .. [1] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference
       between submodular functions, with applications", UAI 2012.

    Examples
    --------
    >>> h = Coverage(np.eye(4, 6) + np.eye(4, 6, 2)) - Cardinality([0, 3, 4, 4.5, 4.5])
    >>> result = branch_and_bound(h, rng=0)
    >>> result.value, result.lower_bound, result.certificate.check(h, result.mask)
    (-1.0, -1.0, 0.0)
    """
    h = difference(h)
    gap = validate.nonnegative("gap", gap)
    if node_limit is not None:
        node_limit = validate.positive_int("node_limit", node_limit)
    seconds = math.inf if time_limit is None else validate.nonnegative("time_limit", time_limit)
    masks = [] if start is None else [validate.subset(start, h.n)]
    search = _Search(h, gap, time.monotonic() + seconds, node_limit or math.inf, callback)
    return search.run(masks, validate.generator(rng))


class _Open(NamedTuple):
    """An interval that is bounded, and not closed: a step without children so far."""

    bound: float
    step: int
    inside: Array
    free: Array
    start: Start
    value: float  # h(inside)


class _Fixed(NamedTuple):
    """What is left of an interval of which elements were fixed."""

    own: tuple[float, float]  # what is proven of all of it, and of what is not left
    step: int
    inside: Array
    free: Array
    start: Start
    above: float


class _Search:
    """One run: the best set so far, the steps so far, and the intervals that are open."""

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        gap: float,
        deadline: float,
        node_limit: float,
        callback: Callable[[Result], object] | None,
    ) -> None:
        self.h, self.gap, self.deadline, self.node_limit = h, gap, deadline, node_limit
        self.callback = callback
        self.parts = Parts.of(h)
        self.rounding = 1e-12 * size_of(self.parts)
        self.steps: list[Step] = []
        self.own: list[tuple[float, float]] = []
        self.open: dict[int, _Open] = {}
        self.heap: list[tuple[float, int, int]] = []
        self.best = Incumbent(h, self.rounding, deadline)
        self.n_nodes = 0
        self.told = (math.inf, -math.inf)

    def run(self, masks: list[Array], rng: np.random.Generator) -> Result:
        n = self.h.n
        self.rng = rng
        for mask in [np.zeros(n, np.bool_), *masks]:
            self.best.descend(mask)
        for _ in range(ORDERS):
            if not self._stopped():
                self.best.offer_prefix(rng.permutation(n))
        none = np.zeros(n, np.bool_)
        self._explore(self._new_step(), none, np.arange(n), root_start(n), -math.inf, [])
        rounds = 0
        while self.open and not self._stopped():
            self._tell()
            node = self._best_open()
            if node.bound >= self.cutoff:
                break
            rounds += 1
            children = self._expand(node)
            while rounds % DIVE_EVERY == 0 and children and not self._stopped():
                children = self._expand(min(children, key=lambda c: (c.bound, c.value)))
        result = self._result()
        if self.callback is not None and (result.value, result.lower_bound) != self.told:
            self.callback(result)
        return result

    @property
    def cutoff(self) -> float:
        """Intervals with bounds from here on need not be looked at any more."""
        if self.parts.integral:  # bounds are rounded up to integers by the certificate
            return self.best.value - max(self.gap, 1 - 2e-4)
        return self.best.value - max(self.gap, self.rounding)

    def _stopped(self) -> bool:
        return self.n_nodes >= self.node_limit or time.monotonic() > self.deadline

    def _best_open(self) -> _Open:
        while self.heap[0][2] not in self.open:
            heapq.heappop(self.heap)
        return self.open[self.heap[0][2]]

    # Intervals ----------------------------------------------------------------------------------

    def _expand(self, node: _Open) -> list[_Open]:
        """Split an open interval at one element or several, and return what is open of its parts.

        With elements q, r, ...: the sets with q; those without q and with r; ...; without any.
        """
        del self.open[node.step]
        interval = Interval(self.parts, node.inside, node.free)  # made anew: too large to keep
        j, left = node.step, np.ones(interval.size, dtype=np.bool_)
        opened: list[_Open] = []
        low = math.inf
        for where in self._branch(node, interval):
            left[where] = False
            element = interval.free[where : where + 1]
            out, into = children = (self._new_step(), self._new_step())
            self.steps[j] = Step(SPLIT, element, NONE, self.steps[j].evidence, children)
            with_it = self._mask(interval, element)
            low = min(low, self._explore_part(into, with_it, left, node, opened))
            j = out
        low = min(low, self._explore_part(j, interval.inside, left, node, opened))
        if low >= self.own[node.step][0]:  # the parts prove as much
            self.steps[node.step] = self.steps[node.step]._replace(evidence=None)
            self.own[node.step] = NOTHING
        return opened

    def _explore_part(
        self, j: int, inside: Array, left: Array, node: _Open, opened: list[_Open]
    ) -> float:
        free, start = node.free[left], node.start.take(np.flatnonzero(left))
        return self._explore(j, inside, free, start, node.bound, opened)

    def _explore(
        self, j: int, inside: Array, free: Array, start: Start, above: float, opened: list[_Open]
    ) -> float:
        """Do for an interval what needs no branching, and return what is proven of it."""
        fixed: list[tuple[float, float]] = []  # a loop: there may be n fixings, one in another
        low = self._look(j, inside, free, start, above, opened)
        while isinstance(low, _Fixed):
            fixed.append(low.own)
            low = self._look(*low[1:], opened)
        for own in reversed(fixed):
            low = max(own[0], min(own[1], low))
        return low

    def _look(
        self, j: int, inside: Array, free: Array, start: Start, above: float, opened: list[_Open]
    ) -> float | _Fixed:
        """Close an interval, open it, or fix some of its elements."""
        self.n_nodes += 1
        interval = Interval(self.parts, inside, free)
        self.best.offer(inside, interval.value)
        if interval.size <= SMALL:
            low, chosen = interval.exhausted()
            self.best.offer(self._mask(interval, free[chosen]), low)
            return self._close(j, Step(EXHAUSTED, NONE, NONE, None, ()), (low, low))
        low_marginals, high_marginals = interval.ranges
        into = high_marginals <= 0
        out = (low_marginals >= 0) & ~into
        if into.any() or out.any():
            return self._fix(j, interval, into, out, MARGINALS, None, NOTHING, start, above)
        relaxed = relax(
            interval,
            start,
            self.cutoff,
            lambda order, values: self._candidate(interval, order, values),
            max_iter=ITER if j else ROOT_ITER,
            accuracy=ACCURACY,
            noise=1e3 * self.rounding,
            expired=lambda: time.monotonic() > self.deadline,
        )
        low, evidence = relaxed.bound, relaxed.evidence
        start = Start(relaxed.x, evidence.orders, evidence.points, evidence.kinds)
        if low < self.cutoff:
            into = low - relaxed.costs >= self.cutoff
            out = low + relaxed.costs >= self.cutoff
            if into.any() or out.any():
                other = low + least_cost(free, relaxed.costs, free[into], free[out])
                own = self._rounded(low), self._rounded(other)
                return self._fix(j, interval, into, out, COSTS, evidence, own, start, above)
            node = _Open(max(low, above), j, inside, free, start, interval.value)
            self.open[j] = node
            opened.append(node)
            heapq.heappush(self.heap, (node.bound, -j, j))
        low = self._rounded(low)
        return self._close(j, Step(BOUND, NONE, NONE, evidence, ()), (low, low))

    def _fix(
        self,
        j: int,
        interval: Interval,
        into: Array,
        out: Array,
        reason: str,
        evidence: Evidence | None,
        own: tuple[float, float],
        start: Start,
        above: float,
    ) -> _Fixed:
        """Fix elements, and return what is left to explore."""
        child, left = self._new_step(), ~(into | out)
        free, inside = interval.free, interval.inside.copy()
        inside[free[into]] = True
        above = max(above, own[0])
        rest = start.take(np.flatnonzero(left))
        self._close(j, Step(reason, free[into], free[out], evidence, (child,)), own)
        known = own if reason == COSTS else (-math.inf, math.inf)
        return _Fixed(known, child, inside, free[left], rest, above)

    def _branch(self, node: _Open, interval: Interval) -> list[int]:
        """Return the numbers of the free elements to split at."""
        if self.parts.falling:
            return self._needed(node, interval)
        low, high = interval.ranges
        x = node.start.x
        return [int(np.argmax((0.05 + np.minimum(x, 1 - x)) * (high - low)))]

    def _needed(self, node: _Open, interval: Interval) -> list[int]:
        """Return few elements one of which is in every set that is better than the best.

        The others are as many as there can be, in a random order, while the falling parts stay too
        high for anything better: the smallest of what some orders leave.
        """
        least = self.cutoff - (self.own[node.step][0] - interval.fall)
        best = list(range(interval.size))
        for _ in range(TRIES):
            if len(best) <= FEW:
                break
            order = self.rng.permutation(interval.size)
            best = interval.needed(order, least, len(best) - 1) or best
        return best

    def _new_step(self) -> int:
        self.steps.append(Step(BOUND, NONE, NONE, None, ()))
        self.own.append(NOTHING)
        return len(self.steps) - 1

    def _close(self, j: int, step: Step, own: tuple[float, float]) -> float:
        self.steps[j], self.own[j] = step, own
        return own[0]

    def _rounded(self, low: float) -> float:
        return round_up(low, 1e-4) if self.parts.integral else low

    # The answer ---------------------------------------------------------------------------------

    def _mask(self, interval: Interval, elements: Array) -> Array:
        mask = interval.inside.copy()
        mask[elements] = True
        return mask

    def _candidate(self, interval: Interval, order: Array, values: Array) -> None:
        """Take note of the lowest prefix of an order."""
        k = int(values.argmin())
        if values[k] < self.best.value - self.rounding:
            self.best.offer(self._mask(interval, interval.free[order[:k]]), float(values[k]))

    def _tell(self) -> None:
        if self.callback is None:
            return
        low = min(self.best.value, self._best_open().bound)
        if self.best.value < self.told[0] or low > self.told[1]:
            result = self._result()
            self.told = result.value, result.lower_bound
            self.callback(result)

    def _result(self) -> Result:
        bound = min(self.best.value, combine(self.steps, np.array(self.own)))
        if self.best.value - bound <= max(self.gap, self.rounding):
            status = Status.OPTIMAL
        elif self.n_nodes >= self.node_limit:
            status = Status.ITERATION_LIMIT
        else:
            status = Status.TIME_LIMIT
        return Result(
            mask=self.best.mask.copy(),
            value=self.best.value,
            lower_bound=bound,
            status=status,
            certificate=TreeCertificate(tuple(self.steps), bound),
            method="branch_and_bound",
            n_iter=self.n_nodes,
            n_evals=self.best.n_evals,
        )
