"""Elimination of elements that are in every minimizer or in none, and the certificate of it.

V is divided into blocks that follow each other in every order of the certificate: first the blocks
of elements inside every minimizer, then the free elements, then the blocks of elements outside.
Each block has a base of the minor of F on the block: with negative entries if the block is inside,
with positive entries if it is outside. In the base of F that they form together, the negative
entries of the first blocks sum to F(inside), and the last blocks have none. Eliminating elements
therefore does not weaken the lower bound, and is proven by the same certificate.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import refuse, spread
from subopt.functions.modular import Modular
from subopt.functions.oracle import GainRange
from subopt.functions.watched import TimeUp
from subopt.submodular._contradictions import Sweeps, growing_gain, out_of_range
from subopt.submodular._orders import Block, product
from subopt.submodular._sweep_bounds import ROUNDING, SLACK, Scan, ends
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result

ENOUGH = 0.5
"""Elements are eliminated if at most this fraction is left, because a minor has a cost."""
DIGITS = 1e-6
"""The default tolerance of iterative methods, relative to gains of the elements that are open."""
FORCED = 64.0
"""They are also eliminated if their gains are this many times larger than those of the others."""


def rounding_error(gains: GainRange) -> float:
    """Return the rounding error of the gains; less of elements that their signs decide."""
    size = gains.size
    return float(ROUNDING * np.where(_decided(gains), size / 64, size).sum())


def local_tol(gains: GainRange, x: Array, gap: float, digits: float = DIGITS) -> float:
    """Return the gap at which an iterative method stops, relative to the elements that are open.

    If the base x proves a gap, a minimizer differs from {x < 0} only in elements with |x_i| <= gap.
    The tolerance is `digits` times the smallest gain of such an element, so that large gains of
    other elements do not hide a difference, plus the rounding errors of the gains. For elements
    that are decided by the sign of their gains, the range of the gain counts instead.
    """
    low, high, size = gains
    reach = np.where(_decided(gains), high - low, np.maximum(np.abs(low), np.abs(high)))
    some = reach > 64 * ROUNDING * size
    open_ones = some & (np.abs(x) <= gap + ROUNDING * size)
    smallest = reach[open_ones if open_ones.any() else some].min(initial=np.inf)
    return digits * float(smallest if smallest < np.inf else 0.0) + rounding_error(gains)


def _decided(gains: GainRange) -> Array:
    margin = 64 * ROUNDING * gains.size
    decided: Array = (gains.high < -margin) | (gains.low > margin)
    return decided


def counts_exactly(F: SetFunction, sizes: Array) -> bool:
    """Return whether sums of gains of F are integers that floats hold exactly."""
    return F.integral and float(sizes.sum()) < 2.0**53


class Reduction:
    """F on the elements that are not decided yet.

    Attributes
    ----------
    function : SetFunction
        T -> F(inside ∪ T) - F(inside) on the free elements; its element j is ``free[j]``.
    free : ndarray of intp
        The elements that are not decided.
    inside : list of Block
        Elements that are in every minimizer, in the order in which they were found.
    outside : list of Block
        Elements that are in no minimizer, in the order in which they were found, which is the
        reverse of their order in the certificate.
    gains : GainRange
        For each free element j the range of entry j of a base of `function`, and the magnitude of
        the numbers that the gains of j are computed from.
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
        self._worth = 0.0  # F(inside)
        self._largest = 0.0  # the largest number that a gain is computed from
        self._sweeps = Sweeps(F.n) if self._by_value else None
        self._fix_elements()

    def sweep(self, order: Array) -> Array:
        """Return the greedy vertex of `function` for an order of the free elements."""
        gains = self._swept(order)
        if self._sweeps is not None:
            self._remember(self._sweeps, order, gains)
        return gains

    def _swept(self, order: Array) -> Array:
        gains = np.zeros(len(order))
        self.function._sweep(1.0, order, gains)
        self.n_evals += 1
        self._check_finite(gains)
        return gains

    def _remember(self, sweeps: Sweeps, order: Array, gains: Array) -> None:
        """Compare a sweep with the range of gains and with all earlier sweeps.

        Raise if together they show that F is not submodular.
        """
        limit = SLACK * spread(self.F.n) * self._largest
        excess, orders = out_of_range(self.gains, order, gains, limit, self._swept)
        if excess > limit:
            refuse("F", self.F, self.certificate(orders, np.full(2, 0.5)).orders)
        inside, outside = (
            np.concatenate([np.zeros(0, dtype=np.intp), *(block.orders[0] for block in blocks)])
            for blocks in (self.inside, self.outside[::-1])
        )
        excess, orders = sweeps.add(inside, self.free[order], outside, self._worth, gains[order])
        if excess > limit:
            refuse("F", self.F, orders)

    def confirmed(self, result: Result) -> Result:
        """Return an answer, or raise if values near it show that F is not submodular.

        If F can only be evaluated, this takes n more values, which are compared with all sweeps.
        """
        if self._sweeps is None or not self.F.n:
            return result
        certificate, mask = result.certificate, result.mask
        assert isinstance(certificate, BaseCertificate)
        try:
            gains = self.F.marginals(mask.copy())
        except TimeUp:
            return result
        flipped = result.value + np.where(mask, -gains, gains)
        excess, i, order = self._sweeps.excess(mask, flipped)
        lower = int(flipped.argmin())
        limit = SLACK * spread(self.F.n) * self._largest
        if excess > limit or result.value - flipped[lower] > limit:
            near = mask.copy()
            near[i if excess > limit else lower] ^= True
            through = np.argsort(~near, kind="stable")
            if excess <= limit:  # the sweep of the certificate that exceeds F most at that set
                at = [self.F.greedy(p)[near].sum() for p in certificate.orders]
                order = certificate.orders[int(np.argmax(at))]
            refuse("F", self.F, np.array([order, through]))
        return replace(result, n_evals=result.n_evals + 1)

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
        """Eliminate free elements, given combinations of their orders as evidence.

        Returns the value, given the elements that were inside before, of those inside now.
        """
        return self._take(inside, outside) + self._fix_elements()

    def local(self, orders: Array) -> Array:
        """Restrict orders of V to the free elements, in local numbers."""
        number = np.full(self.F.n, -1)
        number[self.free] = np.arange(len(self.free))
        found = number[orders]
        return found[found >= 0].reshape(len(orders), len(self.free))

    def gap(self, orders: Array, weights: Array, mask: Array) -> tuple[float, Array]:
        """Return the value of a set less the bound of a combination of orders, and the base x.

        Terms >= 0 are added, so that nothing cancels: where S has larger gains when it comes first
        in an order, and entries of x that are positive in S or negative outside.
        """
        x, missing = np.zeros(len(mask)), 0.0
        for order, weight in zip(orders, weights, strict=True):
            gains = self.sweep(order)
            x += weight * gains
            inside = mask[order]
            if not inside[: np.count_nonzero(mask)].all():
                first = self.sweep(np.concatenate([order[inside], order[~inside]]))
                missing += weight * max(0.0, float((first - gains)[mask].sum()))
        return missing + float(np.maximum(np.where(mask, x, -x), 0.0).sum()), x

    def mask(self, chosen: Array) -> Array:
        """Return the mask of the eliminated elements inside and of some free elements."""
        mask = np.zeros(self.F.n, dtype=np.bool_)
        for block in self.inside:
            mask[block.orders[0]] = True
        mask[self.free[chosen]] = True
        return mask

    def certificate(self, orders: Array, weights: Array) -> Block:
        """Extend a combination of orders of the free elements to orders of V."""
        middle = [Block(self.free[orders], weights)] if len(self.free) else []
        return product(self.F.n, [*self.inside, *middle, *self.outside[::-1]])

    def require(self, found: Scan, order: Array, orders: Array, weights: Array) -> None:
        """Raise if a sweep shows that the combination x of some orders exceeds F at a set."""
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
            self._worth += worth
            self.n_evals += 1
        self.free = self.free[kept]
        nothing = Modular(np.zeros(0))
        self.function = G._minor(first, np.flatnonzero(kept)) if len(self.free) else nothing
        return worth

    def _fix_elements(self) -> float:
        """Eliminate elements by the signs of their gains, alone and along one order.

        Returns the value of the elements that are now inside.
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
                self._largest = max(self._largest, float(size.max()))
                if (orders := growing_gain(self.gains)) is not None:
                    refuse("F", self.F, self.certificate(orders, np.full(2, 0.5)).orders)
            if not self._elementary:
                return worth
            # first elements with F(i) < 0, last those with F(V) - F(V - i) > 0, others in between
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
