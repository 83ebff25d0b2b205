"""What one greedy sweep along a point x proves: bounds, and elements that are in or out."""

from __future__ import annotations

from typing import NamedTuple

from subopt._base.jit import njit


class Scan(NamedTuple):
    """One sweep along ascending x, evaluated."""

    low: float  # the lowest value of a prefix, at most 0
    size: int  # the length of that prefix
    negative: float  # the sum of the negative entries of x
    square: float  # x @ x
    excess: float  # x @ x - x @ gains, 0 at the minimum norm
    first: int  # the elements before are in every minimizer, by this order alone
    last: int  # the elements from here on are in none, by this order alone
    head: int  # the same by x: for the orders that x is made of, moved to the front
    tail: int  # and to the back


@njit
def ends(gains):
    """Return (a, b): before a all gains along an order are negative, from b on all are positive.

    F(i) < 0 for the first element i, so its gains are negative in any order; with i at the front,
    so are those of the second; and from the other end alike. Strict, beyond rounding, so that the
    smallest and the largest minimizer are kept.
    """
    n, largest = gains.shape[0], 0.0
    for gain in gains:
        largest = max(largest, abs(gain))
    margin = 1e-14 * largest
    a = 0
    while a < n and gains[a] < -margin:
        a += 1
    b = n
    while b > a and gains[b - 1] > margin:
        b -= 1
    return a, b


@njit
def scan(xs, gains):
    """Return what a sweep proves, from x and the gains in its order, as the fields of `Scan`.

    Let A be the first elements, slack = F(A) - x(A). Moving A to the front of all orders that make
    x raises entries of x in A and lowers the others, by at most slack in sum. So if all entries in
    A are below -slack they stay negative, and A is in every minimizer; if all others are above
    slack, none of them is in any.
    """
    n = xs.shape[0]
    first, last = ends(gains)
    low, size, reached, largest = 0.0, 0, 0.0, 0.0
    negative, square, product = 0.0, 0.0, 0.0
    for k in range(n):
        reached += gains[k]
        largest = max(largest, abs(reached))
        if reached < low:
            low, size = reached, k + 1
        negative += min(xs[k], 0.0)
        square += xs[k] * xs[k]
        product += xs[k] * gains[k]
    head, tail = 0, n
    slack = 1e-14 * n * largest  # what rounding may hide
    if n and slack < xs[0]:
        tail = 0
    for k in range(n):
        slack += gains[k] - xs[k]
        if slack < -xs[k]:
            head = k + 1
        if tail == n and k + 1 < n and slack < xs[k + 1]:
            tail = k + 1
    return low, size, negative, square, square - product, first, last, head, tail
