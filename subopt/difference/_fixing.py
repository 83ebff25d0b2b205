"""Elements that are in all minimizers, or in none: they are fixed before a search.

Diminishing returns bound the gain of an element i in h = f - g over all sets S:

    f(i | V - i) - g(i | ∅)  <=  h(S + i) - h(S - i)  <=  f(i | ∅) - g(i | V - i).

If the upper bound is negative, i belongs to every minimizer; if the lower one is positive, to none.
Fixing such elements tightens the bounds of the others, so this is repeated. It also makes searches
independent of huge weights: callers force elements by weights like 1e12, and differences of other
values would disappear in their rounding errors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.difference.exact._interval import Parts, Ranges
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.modular import Modular
from subopt.submodular._sweep_bounds import ROUNDING

CLEAR = 64 * ROUNDING
"""A gain has a sign if it exceeds this share of the numbers that it is computed from."""


class Fixed(NamedTuple):
    """A difference, and its restriction to the elements that are not fixed.

    Attributes
    ----------
    given : DifferenceOfSubmodular
        h, on all n elements.
    h : DifferenceOfSubmodular
        ``T -> h(inside ∪ T) - h(inside)`` on the free elements; its element k is ``free[k]``.
    inside : ndarray of bool, shape (n,)
        Elements that are fixed to be in.
    free : ndarray of intp
        Elements that are not fixed.
    rounds : tuple of (ndarray of intp, ndarray of intp)
        The elements that each round fixed, in and out.
    ranges : Ranges
        Ranges of the gains of free elements.
    """

    given: DifferenceOfSubmodular
    h: DifferenceOfSubmodular
    inside: Array
    free: Array
    rounds: tuple[tuple[Array, Array], ...]
    ranges: Ranges

    def lift(self, mask: Array) -> Array:
        """Return the set of all elements that a set of free ones stands for."""
        result = self.inside.copy()
        result[self.free] = mask
        return result


def gain_ranges(h: DifferenceOfSubmodular) -> Ranges:
    """Bound the gains of all elements; two calls of `marginals` of f and of g."""
    f, g = h.f._range(), h.g._range()
    low, high = f.low - g.high, f.high - g.low
    if (parts := Parts.of(h)).falling:  # these parts of h never rise
        high = np.minimum(high, parts.f._range().high - parts.g._range().low)
    validate.finite("f - g", low)
    return Ranges(low, validate.finite("f - g", high), f.size + g.size)


def fix(h: DifferenceOfSubmodular) -> Fixed:
    """Fix elements until none is decided. Nothing is fixed if submodularity is an estimate."""
    rest, inside, free = h, np.zeros(h.n, dtype=np.bool_), np.arange(h.n)
    ranges, rounds = gain_ranges(h), []
    while not h.estimated:
        low, high, size = ranges
        into, out = high < -CLEAR * size, low > CLEAR * size
        if (into & out).any():  # low > high: f or g is not submodular, and the bounds are void
            return unfixed(h)
        if not (into | out).any():
            break
        rounds.append((free[into], free[out]))
        inside[free[into]] = True
        rest = minor(rest, np.flatnonzero(into), np.flatnonzero(~(into | out)))
        free = free[~(into | out)]
        ranges = gain_ranges(rest)
    return Fixed(h, rest, inside, free, tuple(rounds), ranges)


def unfixed(h: DifferenceOfSubmodular) -> Fixed:
    """Return h as it is, with all elements free."""
    return Fixed(h, h, np.zeros(h.n, dtype=np.bool_), np.arange(h.n), (), gain_ranges(h))


def minor(h: DifferenceOfSubmodular, before: Array, kept: Array) -> DifferenceOfSubmodular:
    """Return ``T -> h(before ∪ T) - h(before)`` on the elements `kept`."""
    if len(kept):
        return h._minor(before, kept)
    nothing = Modular(np.zeros(0))
    return DifferenceOfSubmodular(nothing, nothing, estimated=h.estimated)
