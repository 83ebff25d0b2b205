"""Projection onto the base polytope of a path, in linear time: a taut string through a tube.

For weights w, capacities `forward` and `backward`, and positive parts (.)+, the problem

    min over v   sum of w_i (v_i - y_i)² / 2 + sum of forward_k (v_k - v_{k+1})+
                 + sum of backward_k (v_{k+1} - v_k)+

has the solution v = (target - result) / w for target = w y and the result of `onto_path`. Let f_k
be the flow out of the first k + 1 members. Then f_k less the sum of target up to k is a string over
the sums of w. It is fixed at both ends, lies between -backward and forward less that sum, and has
the slopes -v.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array


class PathWork(NamedTuple):
    """Workspace of projections onto parts of up to `size` members."""

    target: Array  # (size,) float64: what the other parts leave for each member
    result: Array  # (size,) float64: the projection
    passed: Array  # (size + 1,) float64: sums of the targets of the first members
    upper: Array  # (size + 1,) int64: members at the corners of the string below the upper wall
    lower: Array  # (size + 1,) int64: the same above the lower wall
    upper_flow: Array  # (size + 1,) float64: the flow at these corners
    lower_flow: Array  # (size + 1,) float64


def path_work(size: int) -> PathWork:
    """Return a workspace for parts of up to `size` members."""
    floats, ends = np.empty((5, size + 1)), np.empty((2, size + 1), dtype=np.int64)
    return PathWork(floats[0], floats[1], floats[2], ends[0], ends[1], floats[3], floats[4])


@njit
def onto_path(size, target, at, forward, backward, result, work):
    """Project a target onto the base polytope of a path; O(size).

    From the last knot on, the string lies between the tautest strings below the upper wall and
    above the lower one, two chains of corners that begin at the knot. A wall beyond the chain of
    the other makes the next corner of that the knot.

    Parameters
    ----------
    size : int
        Number of members.
    target : ndarray of float64, shape (size,)
    at : ndarray of float64, shape (size + 1,)
        Sums of the weights of the first members: 0, 1, 2, ... for the Euclidean projection.
    forward, backward : ndarray of float64, shape (size,)
        Capacities from each member to the next one and back; the last entry is 0.
    result : ndarray of float64, shape (size,)
        Where the projection goes.
    work : PathWork
    """
    passed, upper, lower = work.passed, work.upper, work.lower
    high_flow, low_flow = work.upper_flow, work.lower_flow
    passed[0] = 0.0
    upper[0] = lower[0] = -1
    high_flow[0] = low_flow[0] = 0.0
    a = b = c = d = 0  # first and last corner of both
    for k in range(size):
        passed[k + 1] = passed[k] + target[k]
        high, low = forward[k], -backward[k]
        while b > a and _slope(passed, at, upper[b], high_flow[b], k, high) <= _slope(
            passed, at, upper[b - 1], high_flow[b - 1], upper[b], high_flow[b]
        ):
            b -= 1
        while (
            a == b
            and d > c
            and _slope(passed, at, upper[a], high_flow[a], k, high)
            < _slope(passed, at, lower[c], low_flow[c], lower[c + 1], low_flow[c + 1])
        ):
            c += 1
            _draw(lower, low_flow, c, target, at, result)
            upper[a], high_flow[a] = lower[c], low_flow[c]
        b += 1
        upper[b], high_flow[b] = k, high
        while d > c and _slope(passed, at, lower[d], low_flow[d], k, low) >= _slope(
            passed, at, lower[d - 1], low_flow[d - 1], lower[d], low_flow[d]
        ):
            d -= 1
        while (
            c == d
            and b > a
            and _slope(passed, at, lower[c], low_flow[c], k, low)
            > _slope(passed, at, upper[a], high_flow[a], upper[a + 1], high_flow[a + 1])
        ):
            a += 1
            _draw(upper, high_flow, a, target, at, result)
            lower[c], low_flow[c] = upper[a], high_flow[a]
        d += 1
        lower[d], low_flow[d] = k, low
    # both end in the fixed end, so that at most one has corners in between
    if d == c + 1:
        for k in range(a + 1, b + 1):
            _draw(upper, high_flow, k, target, at, result)
    else:
        for k in range(c + 1, d + 1):
            _draw(lower, low_flow, k, target, at, result)


@njit
def _slope(passed, at, i, flow_i, k, flow_k):
    # of the string from the corner at member i to that at member k
    rise = (flow_k - flow_i) - (passed[k + 1] - passed[i + 1])
    return rise / (at[k + 1] - at[i + 1])


@njit
def _draw(corners, flows, k, target, at, result):
    # sums over the members of the piece alone: those from the start would cost digits
    first, last = corners[k - 1] + 1, corners[k]
    total = 0.0
    for i in range(first, last + 1):
        total += target[i]
    slope = ((flows[k] - flows[k - 1]) - total) / (at[last + 1] - at[first])
    for i in range(first, last + 1):
        result[i] = target[i] + slope * (at[i + 1] - at[i])
