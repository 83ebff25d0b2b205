"""Projection onto the base polytope of a path, in linear time: a taut string through a tube.

For weights w, capacities `forward` and `backward`, and positive parts (.)+, the problem

    min over v   sum of w_i (v_i - y_i)² / 2 + sum of forward_k (v_k - v_{k+1})+
                 + sum of backward_k (v_{k+1} - v_k)+

has the solution v of `values_on_path` for target = w y, and target - w v is the projection. It is
found by dynamic programming, as in N. A. Johnson, "A dynamic programming algorithm for the fused
lasso and L0-segmentation", Journal of Computational and Graphical Statistics 22 (2013), here with
weights and with capacities of both directions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array

ROUNDING = 2.0**-40
"""Largest error of a flow, relative to the numbers of its piece."""


class PathWork(NamedTuple):
    """Workspace of projections onto parts of up to `size` members."""

    target: Array  # (size,) float64: what the other parts leave for each member
    result: Array  # (size,) float64: the projection
    lowest: Array  # (size,) float64: the smallest value of each member, whatever follows
    highest: Array  # (size,) float64: the largest one
    places: Array  # (2 size,) float64: the knots
    slopes: Array  # (2 size,) float64: what the slope grows by at each knot
    shifts: Array  # (2 size,) float64: what the intercept grows by there


def path_work(size: int) -> PathWork:
    """Return a workspace for parts of up to `size` members."""
    return PathWork(*np.empty((4, size)), *np.empty((3, 2 * size)))


@njit
def onto_path(size, target, weights, forward, backward, result, work):
    """Project a target onto the base polytope of a path; O(size).

    Parameters
    ----------
    size : int
        Number of members.
    target : ndarray of float64, shape (size,)
    weights : ndarray of float64, shape (size,)
        Positive: ones for the Euclidean projection.
    forward, backward : ndarray of float64, shape (size,)
        Capacities >= 0 from each member to the next one and back; the last entry is not read.
    result : ndarray of float64, shape (size,)
        Where the projection goes.
    work : PathWork
    """
    values_on_path(size, target, weights, forward, backward, result, work)
    for k in range(size):
        result[k] = target[k] - weights[k] * result[k]


@njit
def values_on_path(size, target, weights, forward, backward, values, work):
    """Find the values v of the problem above; O(size). Arguments as for `onto_path`.

    The minimum cost of the first members is a function of the value v of the last of them. Its
    derivative is piecewise linear and increasing in v. The capacities to the next member clip the
    derivative from below and above; the points where this happens are the smallest and the largest
    value that the member can take, whatever follows. The values are then computed from the last
    member to the first.
    """
    lowest, highest = work.lowest, work.highest
    places, slopes, shifts = work.places, work.slopes, work.shifts
    # the knots in use; a member adds one at each end at most. Indices without a sign are faster
    one = np.uint64(1)
    first, last = np.uint64(size), np.uint64(size - 1)
    slope = weights[0]
    low = high = -target[0]  # the derivative is low + slope v before all knots, high + .. after
    for k in range(size - 1):
        a, b = slope, low + forward[k]
        while first <= last and a * places[first] + b < 0.0:
            a += slopes[first]
            b += shifts[first]
            first += one
        a = max(a, slope)  # cancellation may have left less
        at = -b / a
        first -= one
        lowest[k] = places[first] = at
        slopes[first], shifts[first] = a, b
        a, b = slope, high - backward[k]
        while last > first and a * places[last] + b > 0.0:
            a -= slopes[last]
            b -= shifts[last]
            last -= one
        a = max(a, slope)
        highest[k] = max(-b / a, at)
        last += one
        places[last] = highest[k]
        slopes[last], shifts[last] = -a, -b
        slope = weights[k + 1]
        low, high = -forward[k] - target[k + 1], backward[k] - target[k + 1]
    while first <= last and slope * places[first] + low < 0.0:
        slope += slopes[first]
        low += shifts[first]
        first += one
    slope = max(slope, weights[size - 1])
    # Between pieces of different values an edge is saturated. The value of a piece comes from sums
    # over its members alone: those that went through the knots would cost digits
    value, end, after = -low / slope, size, 0.0
    total, weight = target[size - 1], weights[size - 1]
    for k in range(size - 2, -1, -1):
        here = min(max(value, lowest[k]), highest[k])
        if here != value:
            flow = forward[k] if here > value else -backward[k]
            exact = (total + flow - after) / weight
            for i in range(k + 1, end):
                values[i] = exact
            value, end, after = here, k + 1, flow
            total = weight = 0.0
        total += target[k]
        weight += weights[k]
    exact = (total - after) / weight
    for i in range(end):
        values[i] = exact


@njit
def proves(size, target, weights, forward, backward, values):
    """Return whether values solve the problem above, up to rounding errors of each piece; O(size).

    The flow that the values imply must lie within the capacities and saturate the edges between
    pieces. This may fail where numbers of very different sizes are added, because sums lose digits.
    """
    flow = magnitude = 0.0
    for k in range(size):
        flow += target[k] - weights[k] * values[k]
        magnitude += abs(target[k]) + weights[k] * abs(values[k])
        if k + 1 == size:
            break
        rounding = ROUNDING * magnitude
        if not -backward[k] - rounding <= flow <= forward[k] + rounding:
            return False
        if values[k] != values[k + 1]:
            down = values[k] > values[k + 1]
            there = forward[k] if down else -backward[k]
            if not abs(flow - there) <= rounding:
                return False
            flow, magnitude = there, abs(there)
    return abs(flow) <= ROUNDING * magnitude
