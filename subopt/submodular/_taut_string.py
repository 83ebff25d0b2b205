"""Projection onto the base polytope of a path, in linear time: a taut string through a tube.

For weights w, capacities `forward` and `backward`, and positive parts (.)+, the problem

    min over v   sum of w_i (v_i - y_i)² / 2 + sum of forward_k (v_k - v_{k+1})+
                 + sum of backward_k (v_{k+1} - v_k)+

has the solution v = (target - result) / w for target = w y and the result of `onto_path`. It is
found by dynamic programming, as in N. A. Johnson, "A dynamic programming algorithm for the fused
lasso and L0-segmentation", Journal of Computational and Graphical Statistics 22 (2013), here with
weights and with capacities of both directions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inner, njit
from subopt._base.types import Array


class PathWork(NamedTuple):
    """Workspace of projections onto parts of up to `size` members."""

    target: Array  # (size,) float64: what the other parts leave for each member
    result: Array  # (size,) float64: the projection
    lowest: Array  # (size,) float64: the smallest value of each member, whatever follows
    highest: Array  # (size,) float64: the largest one
    knots: Array  # (2 size, 3) float64: place, and what slope and intercept grow by there


def path_work(size: int) -> PathWork:
    """Return a workspace for parts of up to `size` members."""
    floats = np.empty((4, size))
    return PathWork(floats[0], floats[1], floats[2], floats[3], np.empty((2 * size, 3)))


@njit
def onto_path(size, target, weights, forward, backward, result, work):
    """Project a target onto the base polytope of a path; O(size).

    The cost of the best first members, given the value v of the last one, has a derivative that is
    piecewise linear in v and grows. A capacity cuts it off below and above; where it does, lie the
    smallest and the largest value of that member, whatever follows. The values themselves follow
    from the last to the first.

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
    lowest, highest, knots = work.lowest, work.highest, work.knots
    first, last = size, size - 1  # the knots in use; a member adds one at each end at most
    slope = weights[0]
    low = high = -target[0]  # the derivative is low + slope v before all knots, high + .. after
    for k in range(size - 1):
        a, b = slope, low
        while first <= last and a * knots[first, 0] + b < -forward[k]:
            a += knots[first, 1]
            b += knots[first, 2]
            first += 1
        at = (-forward[k] - b) / a
        first -= 1
        lowest[k] = knots[first, 0] = at
        knots[first, 1], knots[first, 2] = a, b + forward[k]
        a, b = slope, high
        while last > first and a * knots[last, 0] + b > backward[k]:
            a -= knots[last, 1]
            b -= knots[last, 2]
            last -= 1
        highest[k] = max((backward[k] - b) / a, at)
        last += 1
        knots[last, 0] = highest[k]
        knots[last, 1], knots[last, 2] = -a, backward[k] - b
        slope = weights[k + 1]
        low, high = -forward[k] - target[k + 1], backward[k] - target[k + 1]
    while first <= last and slope * knots[first, 0] + low < 0:
        slope += knots[first, 1]
        low += knots[first, 2]
        first += 1
    result[size - 1] = -low / slope
    for k in range(size - 2, -1, -1):
        result[k] = min(max(result[k + 1], lowest[k]), highest[k])
    _exact_pieces(size, target, weights, forward, backward, result)


@inner
def _exact_pieces(size, target, weights, forward, backward, result):
    # Values become the projection. Sums over the members of a piece alone: those that went through
    # the knots would cost digits. Between pieces of different values an edge is saturated.
    begin, flow = 0, 0.0
    while begin < size:
        value, end = result[begin], begin
        total, weight = 0.0, 0.0
        while end < size and result[end] == value:
            total += target[end]
            weight += weights[end]
            end += 1
        after = 0.0
        if end < size:
            after = forward[end - 1] if value > result[end] else -backward[end - 1]
        value = (after - flow - total) / weight
        for i in range(begin, end):
            result[i] = target[i] + value * weights[i]
        begin, flow = end, after
