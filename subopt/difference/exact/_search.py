"""The search of branch and bound: intervals of sets, best bound first, with dives.

Each interval is bounded by a convex relaxation (`_relaxation`). Elements are fixed where the ranges
of their marginals, or the reduced costs of the bound, rule out the other side. Small intervals are
tried completely; all others are split at one element or at several. Prefixes of all greedy orders
that come up are candidates for the best set, and the best of them are improved by flips. The bound
of an interval, or its split, becomes a step of the certificate.

Under constraints, intervals without a feasible set are closed, elements that the constraints decide
are fixed, and the relaxation has the constraints as rows. Marginals fix an element only if this
cannot violate a constraint. Decreasing parts of h are not bounded separately then, because they
are smallest at I ∪ free, which may be infeasible.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete, try_complete
from subopt.difference.exact._anchored import anchored
from subopt.difference.exact._incumbent import Incumbent
from subopt.difference.exact._interval import Evidence, Interval, Parts
from subopt.difference.exact._relaxation import Start, relax, root_start
from subopt.difference.exact.tree_certificate import (
    BOUND,
    COSTS,
    DECIDED,
    EXHAUSTED,
    INFEASIBLE,
    MARGINALS,
    SPLIT,
    Rounding,
    Step,
    combine,
    least_cost,
    parts_of,
    rounding_of,
)
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import TimeUp

WIDE = 64
"""From this many free elements on, bounds at the best set come before linear programs."""
VERTICES = (100, 1000)
"""Largest number of greedy vertices for each of these bounds: of intervals too wide to split, and
of others."""
SMALL = 7
"""With at most this many free elements, all sets are tried: 35 sweeps beat a linear program. Where
they take less than a sweep, more are tried (`Interval.few`)."""
ORDERS = 8
"""Number of random orders whose best prefixes are tried first."""
ROOT_ITER, ITER = 200, 3
"""Largest number of linear programs at the root, and at any other interval: its cuts are a start
for the next ones, so that many on the same interval would be a waste."""
FEW, TRIES = 4, 4
"""Where parts of h never rise: a good number of parts to split into, and of attempts at it."""
ACCURACY = 0.3
"""A relaxation is accurate enough if it leaves this share of the missing bound open."""
DIVE_EVERY = 8
"""In one of so many rounds, the better child is explored at once, down to its end."""
NONE = np.zeros(0, dtype=np.intp)
NOTHING = (-math.inf, -math.inf)


class Open(NamedTuple):
    """An interval that is bounded and not closed: so far a step without children."""

    bound: float
    step: int
    inside: Array
    free: Array
    start: Start
    value: float  # h(inside)


class _Left(NamedTuple):
    """What is left of an interval after elements were fixed."""

    own: tuple[float, float]  # what is proven of all its sets, and of those that are not left
    step: int
    inside: Array
    free: Array
    start: Start
    above: float


class Search:
    """One search: the best set, the steps, and the open intervals.

    Parameters
    ----------
    h : DifferenceOfSubmodular
    tol : float
        The gap at which to stop.
    deadline : Deadline
    max_nodes : float
    tell : callable
        Called with the search in every round; returns False to stop it.
    constraints : Constraints, optional
        On all elements; there needs to be a feasible set.
    widest : float
        Intervals with more free elements get no linear programs and are not split.
    parts : Parts, optional
        ``parts_of(h, constraints)``, if they are known.

    Attributes
    ----------
    best : Incumbent
    steps : list of Step
        The tree so far.
    own : list of tuple of float
        What each step proves by itself: of all its sets, and of those that its children lack.
    intervals : dict of int to Open
        The open intervals by their steps.
    rounding : float
        Largest gap that rounding can leave between equal bounds.
    n_nodes : int
        Number of intervals so far.
    late : bool
        Whether the time limit ended the search within an evaluation.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        tol: float,
        deadline: Deadline,
        max_nodes: float,
        tell: Callable[[Search], bool],
        constraints: Constraints | None = None,
        widest: float = math.inf,
        parts: Parts | None = None,
    ) -> None:
        self.h, self.tol, self.deadline, self.max_nodes = h, tol, deadline, max_nodes
        self._tell, self._interrupted, self.late = tell, False, False
        self.constraints, self.widest = constraints, widest
        self.parts = parts_of(h, constraints) if parts is None else parts
        self.rounding, self._rounded = rounding_of(self.parts), Rounding.of(self.parts)
        self.steps: list[Step] = []
        self.best = Incumbent(h, deadline, constraints)
        self.n_nodes = 0
        self.own: list[tuple[float, float]] = []
        self.intervals: dict[int, Open] = {}
        self._heap: list[tuple[float, int, int]] = []

    def run(
        self, masks: list[Array], rng: np.random.Generator, most_open: float = math.inf
    ) -> None:
        """Search from some first sets, until the gap is closed or a limit is reached."""
        n, self._rng = self.h.n, rng
        for mask in [np.zeros(n, np.bool_), *masks]:
            self.best.descend(self._feasible(mask))
        for _ in range(ORDERS):
            if not self._stopped():
                self.best.offer_prefix(rng.permutation(n))
        none = np.zeros(n, np.bool_)
        try:
            self._explore(self._new_step(), none, np.arange(n), root_start(n), -math.inf, [])
        except TimeUp:
            self._undo(0)
            raise
        self.proceed(rng, most_open)

    def proceed(self, rng: np.random.Generator, most_open: float = math.inf) -> None:
        """Expand open intervals until none or a given number is left, or a limit is reached."""
        self._rng, rounds = rng, 0
        while len(self.intervals) < most_open and self.goes_on():
            rounds += 1
            children = self._expand(self._best_open())
            while rounds % DIVE_EVERY == 0 and children and not self._stopped():
                children = self._expand(min(children, key=lambda c: (c.bound, c.value)))

    def tell(self) -> bool:
        """Report progress, and return whether the search may go on."""
        self._interrupted = self._interrupted or not self._tell(self)
        return not self._interrupted

    def goes_on(self) -> bool:
        """Report progress, and return whether the search continues with an interval."""
        if not self.intervals or self._stopped():
            return False
        self.tell()
        node = self._best_open()
        splits = node.bound < self.cutoff and len(node.free) <= self.widest
        return splits and not self._stopped()

    def open_interval(self, node: Open) -> None:
        """Add an open interval."""
        self.intervals[node.step] = node
        heapq.heappush(self._heap, (node.bound, -node.step, node.step))

    def _feasible(self, mask: Array) -> Array:
        return mask if self.constraints is None else complete(self.constraints, mask)

    def proven(self) -> float:
        """Return the lower bound that the steps prove; O(steps)."""
        if not self.steps:
            return -math.inf
        return min(self.best.value, combine(self.steps, np.array(self.own)))

    def lowest_open(self) -> float:
        """Return the lowest bound of an open interval, or the value of the best set if lower."""
        return min(self.best.value, self._best_open().bound) if self.intervals else self.best.value

    @property
    def cutoff(self) -> float:
        """The bound from which on an interval is closed."""
        rounding, slack = self.rounding, self._rounded.slack
        if self.parts.integral:  # the certificate rounds bounds up to integers, if floats can tell
            rounding = 1 - 2 * slack if self._rounded.whole else 2 * slack
        return self.best.value - max(self.tol, rounding)

    def _stopped(self) -> bool:
        return self._interrupted or self.n_nodes >= self.max_nodes or self.deadline.passed()

    def _best_open(self) -> Open:
        while self._heap[0][2] not in self.intervals:
            heapq.heappop(self._heap)
        return self.intervals[self._heap[0][2]]

    # Intervals ----------------------------------------------------------------------------------

    def _expand(self, node: Open) -> list[Open]:
        """Split an open interval at one element or several, and return what is open of its parts.

        With elements q, r, ... the parts are the sets with q; those without q and with r; and so
        on; and those without any of them.
        """
        count, before = len(self.steps), (self.steps[node.step], self.own[node.step])
        try:
            return self._divide(node)
        except TimeUp:
            self._undo(count)
            self.steps[node.step], self.own[node.step] = before
            self.intervals[node.step] = node
            raise

    def _undo(self, count: int) -> None:
        """Forget steps without evidence: all but the first `count`."""
        del self.steps[count:], self.own[count:]
        self.intervals = {j: node for j, node in self.intervals.items() if j < count}

    def _divide(self, node: Open) -> list[Open]:
        del self.intervals[node.step]
        interval = self._interval(node.inside, node.free)  # made anew: too large to keep
        j, left = node.step, np.ones(interval.size, dtype=np.bool_)
        opened: list[Open] = []
        low = math.inf
        for where in self._branch(node, interval):
            left[where] = False
            element = interval.free[where : where + 1]
            out, into = children = (self._new_step(), self._new_step())
            self.steps[j] = Step(SPLIT, element, NONE, self.steps[j].evidence, children)
            with_it = _with(interval.inside, element)
            low = min(low, self._explore_part(into, with_it, left, node, opened))
            j = out
        low = min(low, self._explore_part(j, interval.inside, left, node, opened))
        if low >= self.own[node.step][0]:  # the parts prove as much
            self.steps[node.step] = self.steps[node.step]._replace(evidence=None)
            self.own[node.step] = NOTHING
        return opened

    def _explore_part(
        self, j: int, inside: Array, left: Array, node: Open, opened: list[Open]
    ) -> float:
        free, start = node.free[left], node.start.take(np.flatnonzero(left))
        return self._explore(j, inside, free, start, node.bound, opened)

    def _explore(
        self, j: int, inside: Array, free: Array, start: Start, above: float, opened: list[Open]
    ) -> float:
        """Do for an interval what needs no branching, and return what is proven of it."""
        fixed: list[tuple[float, float]] = []  # a loop, because n fixings may follow each other
        low = self._look(j, inside, free, start, above, opened)
        while isinstance(low, _Left):
            fixed.append(low.own)
            low = self._look(*low[1:], opened)
        for own in reversed(fixed):
            low = max(own[0], min(own[1], low))
        return low

    def _look(
        self, j: int, inside: Array, free: Array, start: Start, above: float, opened: list[Open]
    ) -> float | _Left:
        """Close an interval, open it, or fix some of its elements."""
        self.n_nodes += 1
        interval = self._interval(inside, free)
        self.best.offer(inside, interval.value)
        region = interval.region
        if region is not None and region.empty():
            return self._close(j, Step(INFEASIBLE, NONE, NONE, None, ()), (math.inf, math.inf))
        if interval.size <= SMALL or interval.few:
            low, chosen = interval.exhausted(self.best.value)
            if low < self.best.value:
                self.best.offer(_with(inside, free[chosen]), low)
            return self._close(j, Step(EXHAUSTED, NONE, NONE, None, ()), (low, low))
        if region is not None:
            into, out = region.decided()
            if into.any() or out.any():
                return self._fix(j, interval, (into, out), DECIDED, None, NOTHING, start, above)
        ranges = interval.ranges
        into = ranges.high <= 0
        out = (ranges.low >= 0) & ~into
        if region is not None:
            into, out = into & region.loose(), out & (region.low <= 0)
        if into.any() or out.any():
            return self._fix(j, interval, (into, out), MARGINALS, None, NOTHING, start, above)
        return self._bound(j, interval, start, above, opened)

    def _bound(
        self, j: int, interval: Interval, start: Start, above: float, opened: list[Open]
    ) -> float | _Left:
        """Bound an interval by its relaxation, and close it, open it, or fix elements by costs."""
        free = interval.free
        low, evidence, costs = -math.inf, None, np.zeros(interval.size)
        splits = interval.size <= self.widest
        wide = interval.size >= WIDE or not splits
        if wide and interval.region is None and not self.parts.falling:
            vertices, left = VERTICES[splits], self.deadline.left()
            best = self.best.mask[free]
            for some in anchored(interval, best, vertices=vertices, time_left=left):
                start = start.with_cuts(some)
                if (bound := interval.bound(some))[0] > low:
                    (low, costs), evidence = bound, some
        if low < self.cutoff and splits and self._sides(low, costs) is None:
            relaxed = relax(
                interval,
                start,
                self.cutoff,
                lambda order, values: self._candidate(interval, order, values),
                max_iter=ITER if j else ROOT_ITER,
                accuracy=ACCURACY,
                noise=1e3 * self.rounding,
                expired=self.deadline.passed,
            )
            low, evidence, costs = relaxed.bound, relaxed.evidence, relaxed.costs
            if interval.region is not None:
                self._round(interval, relaxed.x)
            start = Start(relaxed.x, evidence.orders, evidence.points, evidence.kinds)
        if low < self.cutoff:
            if (sides := self._sides(low, costs)) is not None:
                other = low + least_cost(free, costs, free[sides[0]], free[sides[1]])
                own = self._rounded(low), self._rounded(other)
                return self._fix(j, interval, sides, COSTS, evidence, own, start, above)
            node = Open(max(low, above), j, interval.inside, free, start, interval.value)
            self.open_interval(node)
            opened.append(node)
        low = self._rounded(low)
        return self._close(j, Step(BOUND, NONE, NONE, evidence, ()), (low, low))

    def _sides(self, low: float, costs: Array) -> tuple[Array, Array] | None:
        """Return elements that are in, and out of, all better sets by the costs of a bound."""
        into, out = low - costs >= self.cutoff, low + costs >= self.cutoff
        return (into, out) if into.any() or out.any() else None

    def _fix(
        self,
        j: int,
        interval: Interval,
        sides: tuple[Array, Array],
        reason: str,
        evidence: Evidence | None,
        own: tuple[float, float],
        start: Start,
        above: float,
    ) -> _Left:
        """Fix elements in and out, and return what is left to explore."""
        into, out = sides
        child, left, free = self._new_step(), ~(into | out), interval.free
        above = max(above, own[0])
        rest = start.take(np.flatnonzero(left))
        self._close(j, Step(reason, free[into], free[out], evidence, (child,)), own)
        known = own if reason == COSTS else (-math.inf, math.inf)
        return _Left(known, child, _with(interval.inside, free[into]), free[left], rest, above)

    def _interval(self, inside: Array, free: Array) -> Interval:
        return Interval(self.parts, inside, free, self.constraints)

    def _round(self, interval: Interval, x: Array) -> None:
        """Offer a feasible set near a point of the cube as the best set."""
        assert interval.region is not None
        chosen = try_complete(interval.region, x > 0.5, x)
        if chosen is not None:
            mask = _with(interval.inside, interval.free[chosen])
            self.best.offer(mask, self.h.value(mask.copy()))

    def _branch(self, node: Open, interval: Interval) -> list[int]:
        """Return the numbers of the free elements to split at."""
        if self.parts.falling:
            return self._needed(node, interval)
        ranges, x = interval.ranges, node.start.x
        return [int(np.argmax((0.05 + np.minimum(x, 1 - x)) * (ranges.high - ranges.low)))]

    def _needed(self, node: Open, interval: Interval) -> list[int]:
        """Return few elements one of which is in every set that is better than the best one.

        The others are as many as possible, in a random order, such that the falling parts stay too
        high on them for anything better. Returns the smallest result of several orders.
        """
        least = self.cutoff - (self.own[node.step][0] - interval.fall)
        best = list(range(interval.size))
        for _ in range(TRIES):
            if len(best) <= FEW:
                break
            order = self._rng.permutation(interval.size)
            best = interval.needed(order, least, len(best) - 1) or best
        return best

    def _new_step(self) -> int:
        self.steps.append(Step(BOUND, NONE, NONE, None, ()))
        self.own.append(NOTHING)
        return len(self.steps) - 1

    def _close(self, j: int, step: Step, own: tuple[float, float]) -> float:
        self.steps[j], self.own[j] = step, own
        return own[0]

    def _candidate(self, interval: Interval, order: Array, values: Array) -> None:
        """Offer the lowest prefix of an order as the best set."""
        if interval.region is not None:
            low, high = interval.region.prefixes(order)
            if low > high:
                return
            values = np.where(np.arange(len(values)) < low, math.inf, values)[: high + 1]
        k = int(values.argmin())
        if values[k] < self.best.value - self.rounding:
            self.best.offer(_with(interval.inside, interval.free[order[:k]]), float(values[k]))


def _with(inside: Array, elements: Array) -> Array:
    mask = inside.copy()
    mask[elements] = True
    return mask
