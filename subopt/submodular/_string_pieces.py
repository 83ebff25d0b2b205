"""The problem of `_taut_string` piece by piece, which is faster where pieces are short.

A piece is a run of members with one value. Its value is at least that at which the flow on each of
its edges is the capacity forward, and at most that at which it is the capacity back. Members are
added as long as the largest of the lower bounds is at most the smallest of the upper ones.
Otherwise the piece ends at the edge that has the bound which was reached first, and the next one
starts there, so that some members are visited again. This is the algorithm of L. Condat, "A direct
algorithm for 1-D total variation denoising", IEEE Signal Processing Letters 20 (2013), here with
weights, with capacities of both directions, and without divisions before a piece has ended. It
takes O(size²) if all pieces are found late; the run ends then, and `values_on_path` does the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.submodular._taut_string import PROVEN, ROUNDING, UNPROVEN

LONG = 3
"""What `pieces_on_path` returns if it has visited members too often."""
VISITS = 6
"""Visits per member, on average, after which it gives up."""


class Rest(NamedTuple):
    """Where a run gave up."""

    start: Array  # (1,) int64: the first member without a value
    flow: Array  # (1,) float64: the flow on the edge to it
    bounds: Array  # (2,) float64: its value lies between these


@njit
def pieces_on_path(path, values, rest):
    """Find the values of a path; see `values_on_path`.

    Parameters
    ----------
    path : Path
        The problem, with at least one member.
    values : ndarray of float64, shape (size,)
        Where the values go.
    rest : Rest
        Where the members that have no value begin, if the run gives up.

    Returns
    -------
    int
        `PROVEN`, `UNPROVEN` or `LONG`.
    """
    target, weights, scale, stride = path.target, path.weights, path.scale, path.stride
    size, step = target.shape[0], min(weights.shape[0] - 1, 1)
    start, before, visits, last = 0, 0.0, 0, size - 1
    proven, least, largest = True, -np.inf, np.inf  # what the next piece needs to lie between
    while start < size:
        k, end, after = start, last, 0.0
        weight, total = weights[step * k], target[k] + before
        value, rises = total / weight, False
        if k < last:
            # the bounds are a / b and c / d
            a, b, low = total - scale * path.forward[stride * k], weight, k
            c, d, high = total + scale * path.backward[stride * k], weight, k
            while True:
                k += 1
                weight += weights[step * k]
                total += target[k]
                p = q = total
                if k < last:
                    p -= scale * path.forward[stride * k]
                    q += scale * path.backward[stride * k]
                # branches that depend on the signal are mispredicted, so only its ends have one
                rises, falls = p * d > c * weight, q * b < a * weight
                if rises | falls:
                    end = high if rises else low
                    value = (c if rises else a) / (d if rises else b)
                    ahead = scale * path.forward[stride * end]
                    back = scale * path.backward[stride * end]
                    after = -back if rises else ahead
                    break
                up, down = p * b >= a * weight, q * d <= c * weight
                a, b, low = (p if up else a), (weight if up else b), (k if up else low)
                c, d, high = (q if down else c), (weight if down else d), (k if down else high)
                if k == last:
                    value = total / weight
                    break
            visits += k - start
            if visits > VISITS * size:
                rest.start[0], rest.flow[0] = start, before
                rest.bounds[0], rest.bounds[1] = least, largest
                return LONG if proven else UNPROVEN
        proven &= least <= value <= largest
        least, largest = (value if rises else -np.inf), (np.inf if rises else value)
        if end == start:
            values[start] = value
        else:
            proven &= _filled(path, step, start, end, value, before, after, values)
        start, before = end + 1, after
    return PROVEN if proven else UNPROVEN


@njit
def _filled(path, step, start, end, value, before, after, values):
    """Give the members of a piece their value; return whether the flow lies within the capacities.

    `before` and `after` is the flow on the edges to the piece and from it.
    """
    flow, magnitude, within = before, abs(before) + abs(after), True
    for i in range(start, end + 1):
        values[i] = value
        pull = path.weights[step * i] * value
        flow += path.target[i] - pull
        magnitude += abs(path.target[i]) + abs(pull)
        if i < end:
            index, rounding = path.stride * i, ROUNDING * magnitude
            within &= flow <= path.scale * path.forward[index] + rounding
            within &= -flow <= path.scale * path.backward[index] + rounding
    return within and abs(flow - after) <= ROUNDING * magnitude
