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
PROVEN, UNPROVEN, NO_ROOM = 0, 1, 2
"""What `values_on_path` returns."""


class Path(NamedTuple):
    """The problem above. Capacities lie in other arrays, so that these need no copies."""

    target: Array  # (size,) float64
    weights: Array  # (size,) float64, positive; or (1,), the weight of all members
    forward: Array  # float64: the capacity to the next member is scale * forward[stride * k]
    backward: Array  # float64: the capacity back, in the same way
    stride: int
    scale: float


class PathWork(NamedTuple):
    """Workspace of projections onto parts of up to `size` members."""

    target: Array  # (size,) float64: what the other parts leave for each member
    result: Array  # (size,) float64: the projection
    lowest: Array  # (size,) float64, of projections that are not onto paths
    highest: Array  # (size,) float64: the largest value of each member, whatever follows
    places: Array  # (room,) float64: the knots, in a ring; room is a power of two
    slopes: Array  # (room,) float64: what the slope grows by at each knot
    shifts: Array  # (room,) float64: what the intercept grows by there


def path_work(size: int, room: int | None = None) -> PathWork:
    """Return a workspace for parts of up to `size` members.

    `room` is a power of two, the largest number of knots; by default there is room for all.
    """
    room = 1 << (2 * size + 2).bit_length() if room is None else room
    return PathWork(*np.empty((4, size)), *np.empty((3, room)))


@njit
def onto_path(path, result, work):
    """Project a target onto the base polytope of a path; O(size).

    Parameters
    ----------
    path : Path
        Its weights are ones for the Euclidean projection.
    result : ndarray of float64, shape (size,)
        Where the projection goes.
    work : PathWork
        With room for all knots.
    """
    values_on_path(path, result, work)
    step = min(path.weights.shape[0] - 1, 1)
    for k in range(path.target.shape[0]):
        result[k] = path.target[k] - path.weights[step * k] * result[k]


@njit
def values_on_path(path, values, work):
    """Find the values v of the problem above; O(size).

    The minimum cost of the first members is a function of the value v of the last of them. Its
    derivative is piecewise linear and increasing in v. The capacities to the next member clip the
    derivative from below and above; the points where this happens are the smallest and the largest
    value that the member can take, whatever follows. The values are then computed from the last
    member to the first.

    Parameters
    ----------
    path : Path
        The problem, with at least one member.
    values : ndarray of float64, shape (size,)
        Where the values go.
    work : PathWork
        Workspace.

    Returns
    -------
    int
        `PROVEN` if the flow that the values imply lies within the capacities and saturates the
        edges between pieces, up to rounding errors of each piece. `UNPROVEN` if not, which may
        happen where numbers of very different sizes are added, because sums lose digits. `NO_ROOM`
        if there were more knots than room.
    """
    target, weights, scale = path.target, path.weights, path.scale
    size, step = target.shape[0], min(weights.shape[0] - 1, 1)
    lowest, highest = values, work.highest  # the smallest values lie where the values will
    places, slopes, shifts = work.places, work.slopes, work.shifts
    # the knots in use; a member adds one at each end at most. Indices without a sign are faster
    one, room = np.uint64(1), np.uint64(places.shape[0])
    ring = room - one
    first, last = np.uint64(size + 1), np.uint64(size)
    slope = weights[0]
    low = high = -target[0]  # the derivative is low + slope v before all knots, high + .. after
    for k in range(size - 1):
        ahead, back = scale * path.forward[path.stride * k], scale * path.backward[path.stride * k]
        if last + one + one + one > room + first:
            return NO_ROOM
        a, b = slope, low + ahead
        while first <= last and a * places[first & ring] + b < 0.0:
            a += slopes[first & ring]
            b += shifts[first & ring]
            first += one
        a = max(a, slope)  # cancellation may have left less
        at = -b / a
        first -= one
        lowest[k] = places[first & ring] = at
        slopes[first & ring], shifts[first & ring] = a, b
        a, b = slope, high - back
        while last > first and a * places[last & ring] + b > 0.0:
            a -= slopes[last & ring]
            b -= shifts[last & ring]
            last -= one
        a = max(a, slope)
        highest[k] = max(-b / a, at)
        last += one
        places[last & ring] = highest[k]
        slopes[last & ring], shifts[last & ring] = -a, -b
        slope = weights[step * (k + 1)]
        low, high = -ahead - target[k + 1], back - target[k + 1]
    while first <= last and slope * places[first & ring] + low < 0.0:
        slope += slopes[first & ring]
        low += shifts[first & ring]
        first += one
    slope = max(slope, weights[step * (size - 1)])
    # Between pieces of different values an edge is saturated. The value of a piece comes from sums
    # over its members alone: those that went through the knots would cost digits
    value, end, after = -low / slope, size, 0.0
    total, weight = target[size - 1], weights[step * (size - 1)]
    proven, least, largest = True, -np.inf, np.inf  # what the next piece needs to lie between
    for k in range(size - 2, -1, -1):
        here = min(max(value, lowest[k]), highest[k])
        if here != value:
            index = path.stride * k
            flow = scale * path.forward[index] if here > value else -scale * path.backward[index]
            exact = (total + flow - after) / weight
            proven &= least <= exact <= largest
            proven &= _filled(path, step, k + 1, end, exact, flow, after, values)
            least, largest = (exact, np.inf) if here > value else (-np.inf, exact)
            value, end, after = here, k + 1, flow
            total = weight = 0.0
        total += target[k]
        weight += weights[step * k]
    exact = (total - after) / weight
    proven &= least <= exact <= largest
    proven &= _filled(path, step, 0, end, exact, 0.0, after, values)
    return PROVEN if proven else UNPROVEN


@njit
def _filled(path, step, start, end, exact, before, after, values):
    """Give the members of a piece their value; return whether the flow lies within the capacities.

    The piece has members `start` to `end` - 1 of the path and the value `exact`; ``path.weights``
    are read with stride `step`. `before` and `after` is the flow on the edges to the piece and from
    it. `values` (size,) float64 is written.
    """
    flow, magnitude = after, abs(after)
    for i in range(end - 1, start - 1, -1):
        values[i] = exact
        pull = path.weights[step * i] * exact
        flow -= path.target[i] - pull
        magnitude += abs(path.target[i]) + abs(pull)
        if i > start:
            index, rounding = path.stride * (i - 1), ROUNDING * magnitude
            ahead, back = path.scale * path.forward[index], path.scale * path.backward[index]
            if not -back - rounding <= flow <= ahead + rounding:
                for j in range(start, i):
                    values[j] = exact
                return False
    return abs(flow - before) <= ROUNDING * (magnitude + abs(before))
