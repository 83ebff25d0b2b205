"""A difference of submodular functions on an interval of sets, and lower bounds of it.

For I ⊆ S ⊆ I ∪ free write S = I ∪ T. With a base y of f(I ∪ .) - f(I) and a modular upper bound
c + w of g(I ∪ .) - g(I),

    h(S) - h(I) >= y(T) - w(T) - c >= sum of min(y - w, 0) - c.

The base and the bound may be convex combinations of many; `Interval.bound` computes this from
them. Parts of h that are known to fall while S grows (`falling`) are bounded separately: their
minimum is their value at I ∪ free, which is much tighter than the difference of a base and a
modular upper bound.

Constraints enter by a price per row (Lagrange). Prices are weights that are at most a constant on
feasible sets, so that they are added to y - w and to c.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.difference.exact._fractional_bounds import KINDS, Majorant
from subopt.difference.exact._information import Uncertainty, lowest, too_many, uncertainty
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, combination, terms_of
from subopt.functions.entropy import Entropy
from subopt.functions.modular import Modular
from subopt.submodular._sweep_bounds import ROUNDING

FEW, RELAXATION = 12, 128
"""A relaxation evaluates about RELAXATION gains of each element. Sets of more than FEW elements are
never few."""
CHAINED = 7
"""Under constraints, intervals of more free elements are exhausted set by set, not by chains."""


class Evidence(NamedTuple):
    """A convex combination of greedy vertices of f, and one of modular upper bounds of g.

    Orders are of the free elements, by their number among these. Points are those of the cube at
    which the bounds were made, each with its kind in `KINDS`.
    """

    orders: Array  # (k, free) small integers
    weights: Array  # (k,)
    points: Array  # (p, free) float64
    kinds: Array  # (p,) int8
    shares: Array  # (p,)
    prices: Array | None = None  # (rows,) of the constraints, if there are any


class Ranges(NamedTuple):
    """Bounds of the gain of each element over all sets, and how exact computed gains are."""

    low: Array  # (n,)
    high: Array  # (n,)
    size: Array  # (n,) of the numbers that a gain is computed from: rounding is relative to it


class Parts(NamedTuple):
    """f - g by kinds of bounds: f_rest - g_rest + the sum of scale * (f_k - g_k), which falls."""

    f: SetFunction
    g: SetFunction
    falling: tuple[tuple[float, SetFunction, SetFunction], ...]
    integral: bool
    apart: Parts | None = None  # f - g with falling parts, where the bounds set none apart

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return self.f.n

    def fallen(self, mask: Array) -> float:
        """Evaluate the sum of the falling parts at a set."""
        return sum(a * (F.value(mask.copy()) - G.value(mask.copy())) for a, F, G in self.falling)

    @classmethod
    def of(cls, h: DifferenceOfSubmodular) -> Parts:
        """Pair terms of f with terms of g that grow faster."""
        left, right = list(terms_of(h.f)), list(terms_of(h.g))
        falling = []
        for j, (a, F) in enumerate(left):
            for k, (b, G) in enumerate(right):
                scale = min(a, b)
                if scale > 0 and falls(F, G):
                    falling.append((scale, F, G))
                    left[j], right[k] = (a - scale, F), (b - scale, G)
                    a -= scale
        if not falling:
            return cls(h.f, h.g, (), h.integral)
        f, g = (_combined(h.n, terms) for terms in (left, right))
        return cls(f, g, tuple(falling), h.integral)


def falls(F: SetFunction, G: SetFunction) -> bool:
    """Return whether F - G is known never to rise while S grows, as minus a mutual information."""
    if not isinstance(F, Entropy) or not isinstance(G, Entropy):
        return False
    a, b = F._data, G._data
    if a.codes.shape != b.codes.shape or not np.array_equal(a.codes, b.codes):
        return False
    if not np.array_equal(a.cost, b.cost):
        return False
    within = np.arange(a.codes.shape[1]) + a.codes.shape[1]  # a row that is alone is its own block
    for k, (first, last) in enumerate(zip(b.starts, b.stops, strict=True)):
        within[b.rows[first:last]] = k
    blocks = zip(a.starts, a.stops, strict=True)
    return all(np.ptp(within[a.rows[first:last]]) == 0 for first, last in blocks)


class Interval:
    """h on the sets between I and I ∪ free.

    Attributes
    ----------
    inside : ndarray of bool, shape (n,)
        I.
    free : ndarray of intp
        Elements that may be in or out.
    value : float
        h(I).
    f, g : SetFunction
        The functions that are bounded, given I, on the free elements.
    region : Constraints or None
        The feasible sets, given I, of free elements; None if all sets are feasible.
    """

    def __init__(
        self, parts: Parts, inside: Array, free: Array, constraints: Constraints | None = None
    ) -> None:
        self.parts, self.inside, self.free = parts, inside, free
        before = np.flatnonzero(inside)
        self.region = None if constraints is None else constraints.minor(before, free)
        self.f, self.g = _minor(parts.f, before, free), _minor(parts.g, before, free)
        self._before = before
        self.value = parts.f.value(inside.copy()) - parts.g.value(inside.copy())
        self.value += parts.fallen(inside)
        _finite(self.value)

    @property
    def size(self) -> int:
        """Number of free elements."""
        return len(self.free)

    @cached_property
    def majorant(self) -> Majorant:
        """The modular upper bounds of g."""
        return Majorant(self.g)

    @cached_property
    def fall(self) -> float:
        """The lowest value of the falling parts, relative to I; it is at I ∪ free."""
        return float(self.falls_along(np.arange(self.size))[-1])

    @cached_property
    def ranges(self) -> Ranges:
        """Bounds of ``h(S ∪ i) - h(S - i)`` over all S of the interval, for every free i."""
        f, g = self.f._range(), self.g._range()
        low, high, size = f.low - g.high, f.high - g.low, f.size + g.size
        if self.parts.falling:  # by how much these parts fall is not worth computing
            return Ranges(np.full(self.size, -np.inf), _finite(high), size)
        if not self.parts.integral and (self.f._by_value() or self.g._by_value()):
            low, high = low - ROUNDING * size, high + ROUNDING * size
        return Ranges(_finite(low), _finite(high), size)

    def values_along(self, order: Array, gains: Array) -> Array:
        """Return h at all prefixes of an order, of which `gains` are those of f."""
        steps = _finite(gains - self.g.greedy(order))
        along = self.value + np.concatenate([[0.0], np.cumsum(steps[order])])
        return along + self.falls_along(order) if self.parts.falling else along

    def falls_along(self, order: Array) -> Array:
        """Return the falling parts, relative to I, at all prefixes of an order of free elements."""
        path = np.concatenate([self._before, self.free[order]])
        steps = np.zeros(self.parts.n)
        for a, F, G in self.parts.falling:
            F._sweep(a, path, steps)
            G._sweep(-a, path, steps)
        return np.concatenate([[0.0], np.cumsum(steps[self.free[order]])])

    def needed(self, order: Array, least: float, most: int) -> list[int] | None:
        """Return free elements such that the falling parts stay at `least` or above without them.

        Every set at which these parts are lower contains one of the elements. The result is
        minimal: the others are collected greedily in the order given. None if more than `most` are
        needed.
        """
        ids, at, falling = self.free[order], 0.0, self.parts.falling
        found: list[int] = []
        before = self._before
        while len(ids):
            path, steps = np.concatenate([before, ids]), np.zeros(falling[0][1].n)
            for a, F, G in falling:
                F._sweep(a, path, steps)
                G._sweep(-a, path, steps)
            along = at + np.cumsum(steps[ids])
            enough = along >= least
            if enough.all():
                break
            if len(found) == most:
                return None
            k = int(enough.argmin())
            found.append(int(order[k]))
            at = float(along[k - 1]) if k else at
            # contract what has been passed, so that later sweeps have less to refine
            inside = np.concatenate([before, ids[:k]])
            falling = tuple(
                (a, F._minor(inside, ids[k + 1 :]), G._minor(inside, ids[k + 1 :]))
                for a, F, G in falling
            )
            order, before = order[k + 1 :], np.zeros(0, dtype=np.intp)
            ids = np.arange(len(order))
        return found

    def bound(self, evidence: Evidence) -> tuple[float, Array]:
        """Return a lower bound of h on the interval, and its reduced costs.

        For the sets with element i, the bound is higher by the cost of i if that is positive; for
        the sets without i, it is higher by minus the cost if that is negative.
        """
        y = np.zeros(self.size)
        weights, shares = (w / w.sum() for w in (evidence.weights, evidence.shares))
        for order, weight in zip(evidence.orders, weights, strict=True):
            y += weight * self.f.greedy(order)
        constant = 0.0
        parts = zip(evidence.points, evidence.kinds, shares, strict=True)
        for x, kind, share in parts:
            more, w = self.majorant.at(x, int(kind))
            constant += share * more
            y -= share * w
        if self.region is not None and evidence.prices is not None:
            w, more = self.region.priced(evidence.prices)
            constant += more
            y += w
        low = _finite(self.value + self.fall - constant + float(np.minimum(y, 0.0).sum()))
        return low, y

    @cached_property
    def uncertainty(self) -> Uncertainty | None:
        """What remains unknown of a class, if h has that form here and all sets can be tried."""
        parts = self.parts.apart or self.parts
        if not parts.falling or too_many(self.size, self.region):
            return None
        before, free = self._before, self.free
        f, g = self.f, self.g
        if parts is not self.parts:
            f, g = _minor(parts.f, before, free), _minor(parts.g, before, free)
        falling = tuple(
            (a, _minor(F, before, free), _minor(G, before, free)) for a, F, G in parts.falling
        )
        return uncertainty(f, g, falling, self.region)

    @property
    def few(self) -> bool:
        """Whether trying all sets of a feasible size takes less work than a relaxation."""
        if self.uncertainty is not None:
            return True
        if self.region is None:
            return False
        low, high = self.region.low, min(self.region.high, self.size)
        if high > FEW and self.size > FEW:
            return False  # the numbers below would be huge
        count = sum(math.comb(self.size, k) for k in range(low, high + 1))
        return count * max(1, high) <= RELAXATION * self.size

    def exhausted(self, most: float = math.inf) -> tuple[float, Array]:
        """Return the minimum over all feasible sets of the interval, and the chosen free elements.

        The minimum is infinity if no set is feasible. Sets that are not below `most` may be left
        out: if there are no others, the result may be `most` and any set.
        """
        if self.uncertainty is not None:
            found = lowest(self.uncertainty, most - self.value)
            if found is None:
                return most, np.zeros(self.size, dtype=np.bool_)
            return self.value + found[0], found[1]
        region, best, chosen = self.region, self.value, np.zeros(self.size, dtype=np.bool_)
        if region is not None and not region.feasible(chosen):
            best = math.inf
        if region is not None and self.size > CHAINED:
            return self._one_by_one(region)
        for order in chains(self.size):
            values = self.values_along(order, self.f.greedy(order))
            if region is not None:
                low, high = region.prefixes(order)
                values[:low] = values[max(0, high + 1) :] = math.inf
            k = int(values.argmin())
            if values[k] < best:
                best = float(values[k])
                chosen[:] = False
                chosen[order[:k]] = True
        return best, chosen

    def _one_by_one(self, region: Constraints) -> tuple[float, Array]:
        """Return what `exhausted` does, for few sets of many elements."""
        best, chosen = math.inf, np.zeros(self.size, dtype=np.bool_)
        for size in range(region.low, min(region.high, self.size) + 1):
            for elements in combinations(range(self.size), size):
                mask = np.zeros(self.size, dtype=np.bool_)
                mask[list(elements)] = True
                if region.feasible(mask):
                    value = self.value + self.f.value(mask.copy()) - self.g.value(mask.copy())
                    if value < best:
                        best, chosen = float(_finite(value)), mask
        return best, chosen


@lru_cache
def chains(n: int) -> Array:
    """Return the fewest orders of n elements such that every set is a prefix of one of them.

    This is a symmetric chain decomposition, by induction: a chain of sets without element n - 1 is
    continued by its largest set with n - 1, and its other sets with n - 1 form another chain.
    """
    sets: list[list[int]] = [[0]]  # a set is a number, element i its bit i
    for i in range(n):
        longer = [[*chain, chain[-1] | 1 << i] for chain in sets]
        sets = longer + [[S | 1 << i for S in chain[:-1]] for chain in sets if len(chain) > 1]
    bits = (np.array([c[0] for c in sets])[:, None] >> np.arange(n)) & 1
    orders = np.empty((len(sets), n), dtype=np.intp)
    for k, chain in enumerate(sets):
        joined = [(b ^ a).bit_length() - 1 for a, b in pairwise(chain)]
        first = np.flatnonzero(bits[k]).tolist()
        rest = sorted(set(range(n)) - set(first) - set(joined))
        orders[k] = first + joined + rest
    return orders


def check_evidence(evidence: Evidence, size: int, rows: int = 0) -> str | None:
    """Return why evidence for `size` free elements has a wrong shape, or None."""
    if evidence.prices is not None:
        prices = np.asarray(evidence.prices)
        if prices.shape != (rows,) or not (prices >= 0).all() or not np.isfinite(prices).all():
            return f"{rows} constraints need as many prices >= 0, got {prices}"
    orders, points = np.asarray(evidence.orders), np.asarray(evidence.points)
    weights, shares = np.asarray(evidence.weights), np.asarray(evidence.shares)
    if orders.shape != (len(weights), size) or points.shape != (len(shares), size):
        return f"orders {orders.shape} and points {points.shape} do not fit {size} elements"
    if not np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(size), (len(orders), 1))):
        return "an order is not a permutation of the free elements"
    for w in (weights, shares):
        if not (w >= 0).all() or not abs(w.sum() - 1) <= 1e-9:
            return "weights are not convex"
    if not ((points >= 0) & (points <= 1)).all():
        return "a point is outside the cube"
    kinds = np.asarray(evidence.kinds)
    if kinds.shape != shares.shape or not np.isin(kinds, np.arange(len(KINDS))).all():
        return "a modular bound is of no known kind"
    return None


def _finite(numbers: Any) -> Any:
    return validate.finite("f - g", numbers)


def _minor(F: SetFunction, before: Array, free: Array) -> SetFunction:
    if len(free) == 0:
        return Modular(np.zeros(0))
    return F._minor(before, free)


def _combined(n: int, terms: list[tuple[float, SetFunction]]) -> SetFunction:
    return combination(n, [(a, F) for a, F in terms if a > 0])
