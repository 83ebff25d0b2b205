"""What is left of a ground set once elements are known to be in or out, and the proof of it.

V is divided into blocks that follow each other in every order that the certificate uses: those
that are in, the free elements, those that are out. A block that is in has a base, within the minor
that it is the ground set of, whose entries are all < 0; one that is out has entries > 0. Then for
the base made of all of them, min(., 0) sums to F(in) on the first blocks and to 0 on the last, so
that eliminating elements costs nothing of the lower bound: it is part of the certificate.
"""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import refuse
from subopt.functions.modular import Modular
from subopt.functions.oracle import GainRange
from subopt.submodular._orders import Block, product
from subopt.submodular._sweep_bounds import ROUNDING, SLACK, Scan, ends

ENOUGH = 0.5
"""A minor is made when at most this share of the elements is left: making it is not free."""


FORCED = 64.0
"""A minor is also made when decided elements have gains this many times those of the others."""
DIGITS = 1e-8
"""The gap at which to stop unless told otherwise, relative to the largest gain that is left."""


def default_tol(gains: GainRange, digits: float = DIGITS) -> float:
    """Return the gap at which to stop: small against the gains, but no less than rounding errors.

    Of elements that are in or out by their own gains, only the range of these counts.
    """
    low, high, size = gains
    decided = (high < -64 * ROUNDING * size) | (low > 64 * ROUNDING * size)
    largest = np.where(decided, np.abs(high - low), np.maximum(np.abs(low), np.abs(high)))
    rounding = ROUNDING * np.where(decided, size / 64, size).sum()
    return float(digits * largest.max(initial=0.0) + rounding)


def whole_gap(gap: float) -> float:
    """Return the gap of an integral function, given a bound on it that is exact up to rounding."""
    return float(math.floor(gap + max(1e-3, 1e-12 * gap)))


class Reduction:
    """F on its free elements, given what is in and out.

    Attributes
    ----------
    function : SetFunction
        T -> F(in ∪ T) - F(in) on the free elements; its element j is ``free[j]``.
    free : ndarray of intp
        Elements that may be in or out.
    inside : list of Block
        Elements that every minimizer contains, by when they were found.
    outside : list of Block
        Elements that no minimizer contains; those found first come last.
    gains : GainRange
        ``function(j | all others)`` and ``function({j})``, the range of entry j of a base, and the
        size of the numbers that the gains of j are computed from.
    n_evals : int
        Number of sweeps and of calls of `marginals`.
    """

    def __init__(self, F: SetFunction, *, elementary: bool = True) -> None:
        self.F = self.function = F
        self.free = np.arange(F.n)
        self.inside: list[Block] = []
        self.outside: list[Block] = []
        self.n_evals = 0
        self._elementary, self._by_value = elementary, F._by_value()
        self._fix_elements()

    def sweep(self, order: Array) -> Array:
        """Return the greedy vertex of `function` for an order of the free elements."""
        gains = np.zeros(len(order))
        self.function._sweep(1.0, order, gains)
        self.n_evals += 1
        self._check_finite(gains)
        return gains

    def _check_finite(self, gains: Array) -> None:
        if not math.isfinite(gains.sum()):
            i = int(np.argmin(np.isfinite(gains)))
            raise ValueError(
                f"{self.F!r} needs finite values, but a gain of element {self.free[i]} is "
                f"{gains[i]}"
            )

    @property
    def largest(self) -> float:
        """The largest gain of a free element, in absolute value."""
        return float(max(np.abs(g).max(initial=0.0) for g in (self.gains.low, self.gains.high)))

    def eliminate(self, inside: Block, outside: Block) -> float:
        """Take local elements in and out, with combinations of their orders as the evidence.

        Returns what the elements that are now in are worth, given those that were before.
        """
        return self._take(inside, outside) + self._fix_elements()

    def local(self, orders: Array) -> Array:
        """Return orders of V, or of more than the free elements, as orders of these."""
        number = np.full(self.F.n, -1)
        number[self.free] = np.arange(len(self.free))
        found = number[orders]
        return found[found >= 0].reshape(len(orders), len(self.free))

    def mask(self, chosen: Array) -> Array:
        """Return the subset of V that consists of what is in and of some free elements."""
        mask = np.zeros(self.F.n, dtype=np.bool_)
        for block in self.inside:
            mask[block.orders[0]] = True
        mask[self.free[chosen]] = True
        return mask

    def certificate(self, orders: Array, weights: Array) -> Block:
        """Return orders of all of V from a combination of orders of the free elements."""
        middle = [Block(self.free[orders], weights)] if len(self.free) else []
        return product(self.F.n, [*self.inside, *middle, *self.outside[::-1]])

    def _compare(self, low: Array, high: Array, size: Array) -> None:
        """Raise if an element gains more after all others than after none."""
        excess = low - high - SLACK * size
        if excess.size and excess.max() > 0:
            worst = int(excess.argmax())
            others = np.delete(np.arange(len(low)), worst)
            orders = np.array([[worst, *others], [*others, worst]], dtype=np.intp)
            refuse("F", self.F, self.certificate(orders, np.full(2, 0.5)).orders)

    def require(self, found: Scan, order: Array, orders: Array, weights: Array) -> None:
        """Raise if a sweep shows that x, made of these orders, is no base: F is not submodular."""
        if found.excess_at and self._by_value:
            orders = np.concatenate([orders, order[None]])
            weights = np.concatenate([weights, [weights.mean()]])
            refuse("F", self.F, self.certificate(orders, weights / weights.sum()).orders)

    def _take(self, inside: Block, outside: Block) -> float:
        kept = np.ones(len(self.free), dtype=np.bool_)
        for block, blocks in ((inside, self.inside), (outside, self.outside)):
            if block.orders.shape[1]:
                blocks.append(Block(self.free[block.orders], block.weights))
                kept[block.orders[0]] = False
        G, first, worth = self.function, inside.orders[0], 0.0
        if first.size:
            whole = np.zeros(G.n, dtype=np.bool_)
            whole[first] = True
            worth = G.value(whole)
            self.n_evals += 1
        self.free = self.free[kept]
        nothing = Modular(np.zeros(0))
        self.function = G._minor(first, np.flatnonzero(kept)) if len(self.free) else nothing
        return worth

    def _fix_elements(self) -> float:
        """Apply the elementary tests, and those along the one order that they suggest.

        Returns what the elements that they took in are worth.
        """
        worth = 0.0
        while True:
            G, n = self.function, len(self.free)
            if n == 0:
                self.gains = GainRange(np.zeros(0), np.zeros(0), np.zeros(0))
                return worth
            self.gains = low, high, size = G._range()
            self.n_evals += 2
            self._check_finite(high)
            self._check_finite(low)
            if self._by_value:
                self._compare(low, high, size)
            if not self._elementary:
                return worth
            # those with F(i) < 0 first, those with F(i | V - i) > 0 last, the others between
            margin = 64 * ROUNDING * size
            key = np.where(low > margin, np.inf, low + high)
            order = np.where(high < -margin, -np.inf, key).argsort(kind="stable")
            a, b = ends(self.sweep(order)[order], size[order])
            largest = np.maximum(np.abs(low), np.abs(high))[order]
            decided = max(largest[:a].max(initial=0.0), largest[b:].max(initial=0.0))
            forced = decided > FORCED * largest[a:b].max(initial=0.0)
            if b - a == n or (b - a > ENOUGH * n and not forced):
                return worth
            one = np.ones(1)
            worth += self._take(Block(order[None, :a], one), Block(order[None, b:], one))
