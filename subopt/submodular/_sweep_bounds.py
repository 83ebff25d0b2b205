"""What one greedy sweep along a point x proves: bounds, and elements that are in or out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import small_first as njit


class Scan(NamedTuple):
    """One sweep along ascending x, evaluated."""

    low: float  # the lowest value of a prefix, at most 0
    size: int  # the length of that prefix
    negative: float  # the sum of the negative entries of x
    gap: float  # the value of the best prefix less that sum, from differences of single elements
    best: int  # the length of that prefix
    square: float  # x @ x
    excess: float  # x @ x - x @ gains, 0 at the minimum norm
    first: int  # the elements before are in every minimizer, by this order alone
    last: int  # the elements from here on are in none, by this order alone
    head: int  # the same by x: for the orders that x is made of, moved to the front
    tail: int  # and to the back
    excess_at: int  # the size of the prefix where x exceeds F most: F is not submodular; else 0


ROUNDING = 2.0**-46
"""Relative error that a gain may have, of the numbers that it is computed from."""
SLACK = 1e-6
"""The same where F is known by its values only, which may be rough."""


@njit
def ends(gains, sizes):
    """Return (a, b): before a all gains along an order are negative, from b on all are positive.

    F(i) < 0 for the first element i, so its gains are negative in any order; with i at the front,
    so are those of the second; and from the other end alike. Strict, beyond rounding errors of the
    element, so that the smallest and the largest minimizer are kept.
    """
    n = gains.shape[0]
    a = 0
    while a < n and gains[a] < -64 * ROUNDING * sizes[a]:
        a += 1
    b = n
    while b > a and gains[b - 1] > 64 * ROUNDING * sizes[b - 1]:
        b -= 1
    return a, b


@njit
def scan(xs, gains, sizes):
    """Return what a sweep proves, as the fields of `Scan`.

    From x, the gains, and the sizes of the numbers that gains are computed from, in its order.

    Let A be the first elements, slack = F(A) - x(A). Moving A to the front of all orders that make
    x raises entries of x in A and lowers the others, by at most slack in sum. So if all entries in
    A are below -slack they stay negative, and A is in every minimizer; if all others are above
    slack, none of them is in any.
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
    # F(A) - sum of min(x, 0) is slack(A) + what x has above 0 in A and below 0 outside
    missing = np.zeros(n + 1)
    for k in range(n - 1, -1, -1):
        missing[k] = missing[k + 1] + max(-xs[k], 0.0)
    gap, best, above = missing[0], 0, 0.0
    head, tail, excess_at = 0, n, 0
    slack, rounding, worst, largest = 0.0, 0.0, 0.0, 0.0
    if n and xs[0] > ROUNDING * sizes[0]:
        tail = 0
    for k in range(n):
        slack += gains[k] - xs[k]
        above += max(xs[k], 0.0)
        if slack + above + missing[k + 1] < gap:
            gap, best = slack + above + missing[k + 1], k + 1
        rounding += ROUNDING * sizes[k]  # what it may hide
        largest = max(largest, sizes[k])
        if slack < worst and slack < -SLACK * largest and k + 1 < n:
            worst, excess_at = slack, k + 1
        at_most = max(slack, 0.0) + rounding
        if at_most < -xs[k]:
            head = k + 1
        if tail == n and k + 1 < n and at_most < xs[k + 1]:
            tail = k + 1
    excess = square - product
    return low, size, negative, gap, best, square, excess, first, last, head, tail, excess_at
