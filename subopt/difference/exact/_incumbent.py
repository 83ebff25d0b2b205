"""The best set so far, and local search by flips for what may become it."""

from __future__ import annotations

import math
import time

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import DifferenceOfSubmodular


class Incumbent:
    """The best set of a search.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; there is one after the first `descend`.
    value : float
        h of it.
    n_evals : int
        Calls of `marginals` and sweeps.
    """

    mask: Array

    def __init__(self, h: DifferenceOfSubmodular, rounding: float, deadline: float) -> None:
        self.h, self.rounding, self.deadline = h, rounding, deadline
        self.value, self.n_evals = math.inf, 0

    def offer(self, mask: Array, value: float) -> None:
        """Take note of a set, if it is better."""
        if value < self.value:
            self.descend(mask)

    def offer_prefix(self, order: Array) -> None:
        """Take note of the lowest prefix of an order, if it is better."""
        values = np.concatenate([[0.0], np.cumsum(self.h.greedy(order)[order])])
        mask = np.zeros(self.h.n, dtype=np.bool_)
        mask[order[: int(values.argmin())]] = True
        self.n_evals += 1
        self.offer(mask, float(values.min()))

    def descend(self, mask: Array) -> None:
        """Flip the best element until none is better, and take note of what comes out."""
        mask = mask.copy()
        value = self.h.value(mask)
        while True:
            if value < self.value:
                self.mask, self.value = mask.copy(), value
            if not mask.size or time.monotonic() > self.deadline:
                return
            gains = self.h.marginals(mask)
            self.n_evals += 1
            change = np.where(mask, -gains, gains)
            i = int(change.argmin())
            if change[i] >= -self.rounding:
                return
            mask[i] = not mask[i]
            lower = self.h.value(mask)
            if lower >= value:  # a difference of rounding
                return
            value = lower
