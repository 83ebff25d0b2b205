"""Bounds of f - g on a large interval from the modular upper bounds of g at one set.

With such a bound c + w in place of g, the difference is a submodular function, f - w, minus a
constant. The point of smallest norm of f - w gives the base of f that proves the best bound for
this w. Where the bounds of g are tight near the best set, as for concave functions of sums of many
weights, this takes few sweeps, whereas cutting planes would need hundreds of linear programs of
this size.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.difference.exact._interval import Evidence, Interval
from subopt.functions.modular import Modular
from subopt.submodular._min_norm_point import min_norm_point
from subopt.submodular.certificates import BaseCertificate


def anchored(
    interval: Interval, inside: Array, *, vertices: int, time_left: float
) -> list[Evidence]:
    """Return evidence for bounds of h on an interval: one per kind of modular bounds at a set.

    Parameters
    ----------
    interval : Interval
        Without constraints.
    inside : ndarray of bool, shape (free,)
        The free elements that are in the set.
    vertices : int
        Largest number of greedy vertices for each of the bounds.
    time_left : float
        Seconds.
    """
    x, found = inside.astype(np.float64), []
    small = np.int8 if interval.size < 128 else np.int32
    seen: list[Array] = []
    for kind in interval.majorant.kinds:
        weights = interval.majorant.at(x, kind)[1]
        if any(np.array_equal(weights, w) for w in seen):
            continue
        seen.append(weights)
        result = min_norm_point(
            interval.f + Modular(-weights),
            max_iter=vertices,
            time_limit=None if time_left == np.inf else time_left,
        )
        certificate = result.certificate
        if isinstance(certificate, BaseCertificate):
            found.append(
                Evidence(
                    np.asarray(certificate.orders, dtype=small),
                    np.asarray(certificate.weights),
                    x[None],
                    np.array([kind], dtype=np.int8),
                    np.ones(1),
                )
            )
    return found
