"""Bounds and proven elements from one greedy sweep along a point x of the base polytope."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array


class Scan(NamedTuple):
    """Results of a sweep in the order of ascending x. A prefix is a set of first elements."""

    low: float  # the lowest value of a prefix, at most 0
    size: int  # the length of that prefix
    negative: float  # the sum of the negative entries of x, a lower bound on F
    gap: float  # the smallest F(prefix) - negative, computed without cancellation
    best: int  # the length of that prefix
    square: float  # x @ x
    excess: float  # x @ x - x @ gains, 0 at the point of smallest norm
    first: int  # elements before this position are in every minimizer, by this order alone
    last: int  # elements from this position on are in no minimizer, by this order alone
    head: int  # elements before this position are in every minimizer, by the entries of x
    tail: int  # elements from this position on are in no minimizer, by the entries of x
    excess_at: int  # length of the prefix where x exceeds F most, if F is not submodular, else 0


ROUNDING = 2.0**-46
"""Largest error of a gain, relative to the numbers that it is computed from."""
SLACK = 1e-6
"""The same for functions that can only be evaluated, whose values may be less accurate."""


@njit
def ends(gains, sizes):
    """Return (a, b): gains before position a are negative, gains from position b on are positive.

    If the first element i has F(i) < 0, its gain is negative in every order, so it is in every
    minimizer; given i, the same holds for the second element, and so on. From the end of the order
    the argument is the same, with positive gains and no minimizer. Signs count only beyond the
    rounding error of the element, so that neither the smallest nor the largest minimizer is lost.
    """
    n = gains.shape[0]
    a = 0
    while a < n and gains[a] < -64 * ROUNDING * sizes[a]:
        a += 1
    b = n
    while b > a and gains[b - 1] > 64 * ROUNDING * sizes[b - 1]:
        b -= 1
    return a, b


def scan(xs: Array, gains: Array, sizes: Array) -> Scan:
    """Return what a sweep finds, from x, the gains and their magnitudes in one order."""
    return Scan(*_scan(xs, gains, sizes))


@njit
def _scan(xs, gains, sizes):
    """Return the fields of `Scan`, as a plain tuple.

    Let A be a prefix and slack = F(A) - x(A). Moving A to the front of all orders whose combination
    is x increases entries of x in A and decreases the others, by at most slack in total. So if all
    entries in A are below -slack, they stay negative, and A is in every minimizer. If all other
    entries are above slack, none of these elements is in any minimizer. The bounds are valid for
    any order; they are close if x ascends, or x divided by positive numbers.
    """
    n = xs.shape[0]
    first, last = ends(gains, sizes)
    low, size, reached = 0.0, 0, 0.0
    negative, square, product = 0.0, 0.0, 0.0
    for k in range(n):
        reached += gains[k]
        if reached < low:
            low, size = reached, k + 1
        negative += min(xs[k], 0.0)
        square += xs[k] * xs[k]
        product += xs[k] * gains[k]
    # F(A) - sum of min(x, 0) = slack(A) + sum of max(x, 0) in A + sum of max(-x, 0) outside A
    missing = np.zeros(n + 1)
    least = np.full(n + 1, np.inf)  # the smallest entry from position k on, less its rounding error
    for k in range(n - 1, -1, -1):
        missing[k] = missing[k + 1] + max(-xs[k], 0.0)
        least[k] = min(least[k + 1], xs[k] - ROUNDING * sizes[k])
    gap, best, above = missing[0], 0, 0.0
    head, tail, excess_at = 0, n, 0
    slack, rounding, worst, largest, highest = 0.0, 0.0, 0.0, 0.0, -np.inf
    if n and least[0] > 0.0:
        tail = 0
    for k in range(n):
        slack += gains[k] - xs[k]
        above += max(xs[k], 0.0)
        if slack + above + missing[k + 1] < gap:
            gap, best = slack + above + missing[k + 1], k + 1
        rounding += ROUNDING * sizes[k]  # largest error of slack
        largest, highest = max(largest, sizes[k]), max(highest, xs[k])
        if slack < worst and slack < -SLACK * largest and k + 1 < n:
            worst, excess_at = slack, k + 1
        at_most = max(slack, 0.0) + rounding
        if at_most < -highest:
            head = k + 1
        if tail == n and k + 1 < n and at_most < least[k + 1]:
            tail = k + 1
    excess = square - product
    return low, size, negative, gap, best, square, excess, first, last, head, tail, excess_at


class Bracket(NamedTuple):
    """The least value of F that is known, and how far it is from the bound."""

    low: float
    gap: float
    size: int | None  # length of the prefix that has this value; None: the set that had it before


def bracket(found: Scan, low: float) -> Bracket:
    """Return what a sweep adds, if the least value so far is `low`.

    The gap of a prefix is computed without cancellation, so where it is at most the difference of
    value and bound it replaces both.
    """
    size = found.size if found.low < low else None
    low = min(low, float(found.low))
    gap = max(0.0, low - float(found.negative))
    if found.gap <= gap:
        return Bracket(float(found.negative + found.gap), max(0.0, float(found.gap)), found.best)
    return Bracket(low, gap, size)
