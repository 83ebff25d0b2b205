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
from subopt.functions.modular import Modular
from subopt.submodular._orders import Block, product
from subopt.submodular._sweep_bounds import ends

ENOUGH = 0.5
"""A minor is made when at most this share of the elements is left: making it is not free."""


def scale_of(F: SetFunction) -> float:
    """Return what tolerances for F are multiplied by, see `Reduction`."""
    none = np.zeros(F.n, dtype=np.bool_)
    return _scale(F.marginals(~none), F.marginals(none))


def _scale(low: Array, high: Array) -> float:
    """Return the largest gain in absolute value, but at least 1e-6 and at most 1.

    Smaller gains may be all rounding of larger numbers inside F.
    """
    largest = max(float(np.abs(low).max(initial=0.0)), float(np.abs(high).max(initial=0.0)))
    return min(1.0, max(1e-6, largest))


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
    low, high : ndarray of float64
        ``function(j | all others)`` and ``function({j})``: the range of entry j of a base.
    scale : float
        The largest gain of F, between 1e-6 and 1: what tolerances are multiplied by.
    n_evals : int
        Number of sweeps and of calls of `marginals`.
    """

    def __init__(self, F: SetFunction, *, elementary: bool = True) -> None:
        self.F = self.function = F
        self.free = np.arange(F.n)
        self.inside: list[Block] = []
        self.outside: list[Block] = []
        self.base_value = 0.0
        self.n_evals, self.scale = 0, 1.0
        self._elementary = elementary
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

    def eliminate(self, inside: Block, outside: Block) -> None:
        """Take local elements in and out, with combinations of their orders as the evidence."""
        self._take(inside, outside)
        self._fix_elements()

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

    def _take(self, inside: Block, outside: Block) -> None:
        kept = np.ones(len(self.free), dtype=np.bool_)
        for block, blocks in ((inside, self.inside), (outside, self.outside)):
            if block.orders.shape[1]:
                blocks.append(Block(self.free[block.orders], block.weights))
                kept[block.orders[0]] = False
        G, first = self.function, inside.orders[0]
        if first.size:
            whole = np.zeros(G.n, dtype=np.bool_)
            whole[first] = True
            self.base_value += G.value(whole)
            self.n_evals += 1
        self.free = self.free[kept]
        nothing = Modular(np.zeros(0))
        self.function = G._minor(first, np.flatnonzero(kept)) if len(self.free) else nothing

    def _fix_elements(self) -> None:
        """Apply the elementary tests, and those along the one order that they suggest."""
        while True:
            G, n = self.function, len(self.free)
            if n == 0:
                self.high = self.low = np.zeros(0)
                return
            self.high = G.marginals(np.zeros(n, dtype=np.bool_))
            self.low = G.marginals(np.ones(n, dtype=np.bool_))
            self.n_evals += 2
            self._check_finite(self.high)
            self._check_finite(self.low)
            if n == self.F.n:
                self.scale = _scale(self.low, self.high)
            if not self._elementary:
                return
            # those with F(i) < 0 first, those with F(i | V - i) > 0 last, the others between
            key = np.where(self.low > 0, np.inf, self.low + self.high)
            order = np.where(self.high < 0, -np.inf, key).argsort(kind="stable")
            a, b = ends(self.sweep(order)[order])
            if b - a > ENOUGH * n:
                return
            one = np.ones(1)
            self._take(Block(order[None, :a], one), Block(order[None, b:], one))
