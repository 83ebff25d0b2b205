"""The convex relaxation of f - g on an interval of sets, by cutting planes.

The relaxation minimizes f^L(x) - g^(x) over the cube, where f^L is the Lovász extension of f, a
maximum of greedy vertices, and g^ the minimum of all modular upper bounds of g. A linear program
over the vertices and bounds found so far gives the next point. Its dual weights are the evidence,
which proves a bound at any time (Kelley). The next cut is made between this point and the best one
so far, because the sequence of these points oscillates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.difference.exact._columns import Columns
from subopt.difference.exact._interval import Evidence, Interval

WIDEST = 64
"""With more free elements than this, HiGHS solves the linear programs: it keeps them sparse."""
TOWARDS_BEST = 0.3
"""Share of the way from the point of the linear program to the best one, where to cut next."""


class Start(NamedTuple):
    """Cuts and a point to begin with: those of the parent, on fewer elements."""

    x: Array  # (free,)
    orders: Array  # (k, free)
    points: Array  # (p, free)
    kinds: Array  # (p,)

    def take(self, kept: Array) -> Start:
        """Return the start on some of the elements, by index."""
        number = np.full(len(self.x), -1)
        number[kept] = np.arange(len(kept))
        found = number[self.orders]
        orders = found[found >= 0].reshape(len(self.orders), len(kept))
        return Start(self.x[kept], orders, self.points[:, kept], self.kinds)

    def with_cuts(self, evidence: Evidence) -> Start:
        """Return the start with the cuts of some evidence added, and at its first point."""
        return Start(
            evidence.points[0],
            np.concatenate([self.orders, evidence.orders.astype(np.intp)]),
            np.concatenate([self.points, evidence.points]),
            np.concatenate([self.kinds, evidence.kinds]),
        )


class Relaxed(NamedTuple):
    """A lower bound of an interval with its evidence, and where it was attained."""

    bound: float
    costs: Array  # (free,) reduced costs
    evidence: Evidence
    x: Array  # (free,) the best point
    value: float  # of the relaxation there: it is between `bound` and this


def root_start(n: int) -> Start:
    """Return the start of an interval without a parent."""
    none = np.zeros((0, n))
    return Start(np.full(n, 0.5), none.astype(np.intp), none, np.zeros(0, dtype=np.int8))


def relax(
    interval: Interval,
    start: Start,
    cutoff: float,
    tell: Callable[[Array, Array], None],
    *,
    max_iter: int,
    accuracy: float,
    noise: float,
    expired: Callable[[], bool],
) -> Relaxed:
    """Bound h on an interval from below, until `cutoff` is reached or progress ends.

    Parameters
    ----------
    interval : Interval
        With at least one free element.
    start : Start
        Cuts to begin with.
    cutoff : float
        A bound at or above this is enough.
    tell : callable
        Takes an order of the free elements and h at its prefixes.
    max_iter : int
        Largest number of linear programs.
    accuracy : float
        Stop when bound and value are closer than this share of what the bound misses to `cutoff`;
        0 for no stop before `noise`.
    noise : float
        Stop when they are closer than this, because linear programs are no more accurate.
    expired : callable
        Returns whether the time limit is reached.
    """
    cuts = _Cuts(interval, start)
    x = best_x = start.x
    best_value, best = math.inf, None
    for _ in range(max_iter):
        value = cuts.add(x, tell)
        inside = cuts.allows(x)
        if inside and value < best_value:
            best_value, best_x = value, x
        if not cuts.new and inside and best is not None:  # x is optimal for the relaxation
            break
        found = cuts.solve()
        low, costs = interval.bound(found.evidence)
        if best is None or low > best.bound:
            best = Relaxed(low, costs, found.evidence, best_x, best_value)
        gap, missing = best_value - best.bound, cutoff - best.bound
        good = accuracy * missing if accuracy else 0.0
        if missing <= 0 or gap <= max(good, noise) or expired():
            break
        x = found.x
        if best_value < math.inf:
            x = (1 - TOWARDS_BEST) * x + TOWARDS_BEST * best_x
        else:  # no point satisfies the constraints yet
            best_x = x
    assert best is not None
    return best._replace(x=best_x, value=best_value)


class _Solution(NamedTuple):
    x: Array
    evidence: Evidence


class _Cuts:
    """Vertices of f and bounds of g, and the linear program over them."""

    def __init__(self, interval: Interval, start: Start) -> None:
        self.interval = interval
        self.small = np.int8 if interval.size < 128 else np.int32
        self.orders = [order.astype(np.intp) for order in start.orders]
        self.vertices = [interval.f.greedy(order) for order in self.orders]
        self.points, self.kinds = list(start.points), [int(k) for k in start.kinds]
        bounds = zip(self.points, self.kinds, strict=True)
        self.bounds = [interval.majorant.at(x, kind) for x, kind in bounds]
        self.rows = None if interval.region is None else _Rows.of(interval.region)
        self.columns: Columns | None = None
        self.taken = (0, 0)  # vertices and bounds that `columns` has

    def allows(self, x: Array) -> bool:
        """Return whether a point satisfies the constraints, to the accuracy of linear programs."""
        return self.rows is None or bool((self.rows.matrix @ x <= self.rows.limits + 1e-7).all())

    def add(self, x: Array, tell: Callable[[Array, Array], None]) -> float:
        """Add the cuts that x violates most, and return the value of the relaxation at x."""
        interval = self.interval
        order = np.argsort(-x, kind="stable")
        gains = interval.f.greedy(order)
        if not interval.parts.falling:  # these are slow to evaluate, and lowest at few elements
            tell(order, interval.values_along(order, gains))
        n_cuts = len(self.vertices) + len(self.bounds)
        if not any(np.array_equal(gains, y) for y in self.vertices):
            self.orders.append(order)
            self.vertices.append(gains)
        bounds = [(interval.majorant.at(x, kind), kind) for kind in interval.majorant.kinds]
        (constant, weights), kind = min(bounds, key=lambda b: b[0][0] + float(b[0][1] @ x))
        if not any(c == constant and np.array_equal(weights, w) for c, w in self.bounds):
            self.points.append(x)
            self.kinds.append(kind)
            self.bounds.append((constant, weights))
        self.new = len(self.vertices) + len(self.bounds) > n_cuts
        base = interval.value + interval.fall
        lowest = min(c + float(w @ x) for c, w in self.bounds)
        return base + max(float(y @ x) for y in self.vertices) - lowest

    def solve(self) -> _Solution:
        """Minimize the larger of all vertices minus the lowest of all bounds over the cube."""
        rows = self.rows
        if len(self.vertices) == len(self.bounds) == 1 and rows is None:
            x = np.where(self.vertices[0] < self.bounds[0][1], 1.0, 0.0)
            return _Solution(x, self._evidence(np.ones(1), np.ones(1), None))
        found = self._by_columns() if self.interval.size <= WIDEST else None
        if found is None:
            found = self._by_highs()
        if found is None:
            k, p = len(self.vertices), len(self.bounds)
            return _Solution(self.points[-1], self._evidence(np.zeros(k), np.zeros(p), None))
        x, weights, shares, duals = found
        prices = None
        if rows is not None:
            prices = np.zeros(rows.total)
            prices[rows.used] = duals / rows.sizes
        return _Solution(x, self._evidence(weights, shares, prices))

    def _by_columns(self) -> tuple[Array, Array, Array, Array] | None:
        """Return x and the weights of vertices, bounds and rows, or None without an optimum."""
        (k, p), m = self.taken, self.interval.size
        vertices, bounds = np.array(self.vertices[k:]), np.array([w for _, w in self.bounds[p:]])
        constants = np.array([c for c, _ in self.bounds[p:]])
        self.taken = len(self.vertices), len(self.bounds)
        if self.columns is not None:
            self.columns.add(vertices.reshape(-1, m), bounds.reshape(-1, m), constants)
        else:
            rows = self.rows
            matrix, limits = (np.zeros((0, m)), np.zeros(0)) if rows is None else rows[:2]
            self.columns = Columns(vertices, bounds, constants, matrix, limits)
        return self.columns.solve()

    def _by_highs(self) -> tuple[Array, Array, Array, Array] | None:
        """Return the same, or None where numbers are too different in size."""
        from scipy.optimize import linprog

        m, k, p = self.interval.size, len(self.vertices), len(self.bounds)
        A = np.zeros((k + p, m + 2))
        A[:k, :m] = self.vertices
        A[k:, :m] = [-w for _, w in self.bounds]
        scale = max(np.abs(A).max(initial=0.0), 1e-300)
        A /= scale
        A[:k, m] = A[k:, m + 1] = -1.0
        b = np.concatenate([np.zeros(k), [c / scale for c, _ in self.bounds]])
        if self.rows is not None:
            extra = np.zeros((len(self.rows.limits), m + 2))
            extra[:, :m] = self.rows.matrix
            A, b = np.concatenate([A, extra]), np.concatenate([b, self.rows.limits])
        cost = np.concatenate([np.zeros(m), np.ones(2)])
        limits = np.array([[0.0, 1.0]] * m + [[-np.inf, np.inf]] * 2)
        found = linprog(cost, A, b, bounds=limits, method="highs")
        if found.x is None:
            return None
        duals = np.maximum(-found.ineqlin.marginals, 0.0)
        x = np.clip(found.x[:m], 0.0, 1.0)
        return x, duals[:k], duals[k : k + p], duals[k + p :] * scale

    def _evidence(self, weights: Array, shares: Array, prices: Array | None) -> Evidence:
        for w in (weights, shares):
            if not w.max() > 0:
                w[-1] = 1.0  # the newest cut, alone
        a, b = (np.flatnonzero(w > 1e-12 * w.max()) for w in (weights, shares))
        return Evidence(
            np.array([self.orders[j] for j in a], dtype=self.small),
            weights[a] / weights[a].sum(),
            np.array([self.points[j] for j in b]),
            np.array([self.kinds[j] for j in b], dtype=np.int8),
            shares[b] / shares[b].sum(),
            prices,
        )


class _Rows(NamedTuple):
    """Constraints that points of the cube can violate, scaled to a largest coefficient of 1."""

    matrix: Array  # (rows, free)
    limits: Array  # (rows,)
    sizes: Array  # (rows,) what the rows were divided by
    used: Array  # their numbers among all rows
    total: int  # number of all rows

    @classmethod
    def of(cls, region: Constraints) -> _Rows:
        matrix, limits = region.matrix().toarray(), region.limits()
        binding = np.maximum(matrix, 0.0).sum(axis=1) > limits
        used = np.flatnonzero(binding & (np.abs(matrix).max(axis=1, initial=0.0) > 0))
        sizes = np.abs(matrix[used]).max(axis=1, initial=0.0)
        return cls(matrix[used] / sizes[:, None], limits[used] / sizes, sizes, used, len(limits))
