"""The pass of double greedy, which `double_greedy` and `supsub` share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.incremental import prefers


def double_greedy_mask(
    h: DifferenceOfSubmodular,
    order: Array,
    rng: np.random.Generator | None,
    expired: Callable[[], bool] = lambda: False,
) -> Array:
    """Return the set at which a growing and a shrinking set meet.

    Parameters
    ----------
    h : DifferenceOfSubmodular
    order : ndarray of intp, shape (n,)
        The order in which elements are decided.
    rng : Generator or None
        Source of random decisions. None decides by the larger saving.
    expired : callable
        Whether the time is over; elements that are not decided by then are left out.
    """
    low, high = h.incremental(), h.incremental(np.ones(h.n, dtype=np.bool_))
    for i in order:
        if expired():
            break
        saved_by_adding, saved_by_removing = -low.gain(i), high.gain(i)
        if not math.isfinite(saved_by_adding + saved_by_removing):
            validate.finite(h, np.array([saved_by_adding, saved_by_removing]))
        if prefers(saved_by_adding, saved_by_removing, rng):
            low.add(i)
        else:
            high.remove(i)
    return low.mask.copy()
