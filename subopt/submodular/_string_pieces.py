"""The problem of `_taut_string` piece by piece, which is faster where pieces are short.

A piece is a run of members with one value. Each edge of the piece bounds this value from below and
from above: at the lower bound, the flow on the edge is its capacity forward, at the upper bound its
capacity backward. Members are added as long as no lower bound exceeds an upper bound. Otherwise the
piece ends at the edge whose bound was attained first, and the next one starts there, so that some
members are visited again. This is the algorithm of L. Condat, "A direct algorithm for 1-D total
variation denoising", IEEE Signal Processing Letters 20 (2013), here with weights, with capacities
of both directions, and without divisions before a piece has ended. It takes O(size²) if all pieces
are found late; the run ends then, and `values_on_path` does the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit, uncounted
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


@uncounted
def equal_pieces_on_path(path, values, rest):
    """Find the values of a path whose weights are 1 and whose capacities do not change.

    The arguments and the result are those of `pieces_on_path`, which this is a faster form of: the
    weight of a piece is its length, and a piece of one member needs no division and no proof.
    """
    target = path.target
    ahead, back = path.scale * path.forward[0], path.scale * path.backward[0]
    size, last = target.shape[0], target.shape[0] - 1
    start, before, visits = 0, 0.0, 0
    proven, least, largest = True, -np.inf, np.inf
    while start < last:
        k, total = start + 1, target[start] + before
        a, c = total - ahead, total + back
        total += target[k]
        p, q = (total - ahead, total + back) if k < last else (total, total)
        rises = p > 2.0 * c
        if rises or q < 2.0 * a:
            value = c if rises else a
            proven &= least <= value <= largest
            least, largest = (value if rises else -np.inf), (np.inf if rises else value)
            values[start], start, before = value, k, (-back if rises else ahead)
            continue
        b = d = 1.0
        low, high, weight = start, start, 2.0
        end, after, value = last, 0.0, 0.0
        while True:
            up, down = p * b >= a * weight, q * d <= c * weight
            a, b, low = (p if up else a), (weight if up else b), (k if up else low)
            c, d, high = (q if down else c), (weight if down else d), (k if down else high)
            if k == last:
                value, rises = total / weight, False
                break
            k += 1
            weight += 1.0
            total += target[k]
            p = q = total
            if k < last:
                p -= ahead
                q += back
            rises, falls = p * d > c * weight, q * b < a * weight
            if rises | falls:
                end = high if rises else low
                value = (c if rises else a) / (d if rises else b)
                after = -back if rises else ahead
                break
        visits += k - start
        if visits > VISITS * size:
            rest.start[0], rest.flow[0] = start, before
            rest.bounds[0], rest.bounds[1] = least, largest
            return LONG if proven else UNPROVEN
        proven &= least <= value <= largest
        least, largest = (value if rises else -np.inf), (np.inf if rises else value)
        flow, lowest, highest, magnitude = before, 0.0, 0.0, abs(before) + abs(after)
        for i in range(start, end + 1):
            values[i] = value
            flow += target[i] - value
            magnitude += abs(target[i]) + abs(value)
            if i < end:
                lowest, highest = min(lowest, flow), max(highest, flow)
        rounding = ROUNDING * magnitude
        proven &= highest <= ahead + rounding and -lowest <= back + rounding
        proven &= abs(flow - after) <= rounding
        start, before = end + 1, after
    if start == last:
        values[last] = target[last] + before
        proven &= least <= values[last] <= largest
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
