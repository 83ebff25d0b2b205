"""Projection onto the base polytope of a path in linear time, by a taut string in a tube.

For weights w, capacities `forward` and `backward`, and positive parts (.)+, the problem

    min over v   sum of w_i (v_i - y_i)² / 2 + sum of forward_k (v_k - v_{k+1})+
                 + sum of backward_k (v_{k+1} - v_k)+

has the solution v = (target - result) / w, where target = w y and result is the output of
`onto_path`. Let f_k be the flow out of the first k + 1 members, and T_k the sum of the target over
these members. As a function of the partial sums of w, f_k - T_k is the taut string: its ends are
fixed, it lies between the walls -backward_k - T_k and forward_k - T_k, and its slopes are -v.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array


class PathWork(NamedTuple):
    """Workspace of projections onto parts of up to `size` members."""

    target: Array  # (size,) float64: the point to project
    result: Array  # (size,) float64: the projection
    passed: Array  # (size + 1,) float64: partial sums of the target
    upper: Array  # (size + 1,) int64: members at the corners of the string below the upper wall
    lower: Array  # (size + 1,) int64: members at the corners of the string above the lower wall
    upper_flow: Array  # (size + 1,) float64: flow at the corners `upper`
    lower_flow: Array  # (size + 1,) float64: flow at the corners `lower`


def path_work(size: int) -> PathWork:
    """Return a workspace for parts of up to `size` members."""
    floats, ends = np.empty((5, size + 1)), np.empty((2, size + 1), dtype=np.int64)
    return PathWork(floats[0], floats[1], floats[2], ends[0], ends[1], floats[3], floats[4])


@njit
def onto_path(size, target, at, forward, backward, result, work):
    """Project a target onto the base polytope of a path; O(size).

    After the last knot that is final, the string lies between two chains of corners that begin at
    this knot: the taut string below the upper wall, and the one above the lower wall. When the next
    wall crosses the chain of the other wall, the first corner of that chain becomes final.

    Parameters
    ----------
    size : int
        Number of members.
    target : ndarray of float64, shape (size,)
        The point to project.
    at : ndarray of float64, shape (size + 1,)
        Partial sums of the weights; 0, 1, 2, ... for the Euclidean projection.
    forward, backward : ndarray of float64, shape (size,)
        Capacities from each member to the next one and back; the last entries are 0.
    result : ndarray of float64, shape (size,)
        Receives the projection.
    work : PathWork
        Workspace.
    """
    passed, upper, lower = work.passed, work.upper, work.lower
    high_flow, low_flow = work.upper_flow, work.lower_flow
    passed[0] = 0.0
    upper[0] = lower[0] = -1
    high_flow[0] = low_flow[0] = 0.0
    a = b = c = d = 0  # first and last corner of the upper chain, and of the lower chain
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
    # both chains end at the fixed end, so at most one of them has corners before it
    if d == c + 1:
        for k in range(a + 1, b + 1):
            _draw(upper, high_flow, k, target, at, result)
    else:
        for k in range(c + 1, d + 1):
            _draw(lower, low_flow, k, target, at, result)


@njit
def _slope(passed, at, i, flow_i, k, flow_k):
    # slope of the string from the corner at member i to the corner at member k
    rise = (flow_k - flow_i) - (passed[k + 1] - passed[i + 1])
    return rise / (at[k + 1] - at[i + 1])


@njit
def _draw(corners, flows, k, target, at, result):
    # add up the members of this piece only: differences of long partial sums lose precision
    first, last = corners[k - 1] + 1, corners[k]
    total = 0.0
    for i in range(first, last + 1):
        total += target[i]
    slope = ((flows[k] - flows[k - 1]) - total) / (at[last + 1] - at[first])
    for i in range(first, last + 1):
        result[i] = target[i] + slope * (at[i + 1] - at[i])
