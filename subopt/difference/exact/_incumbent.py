"""The best set of a search, and local search by flips for sets that may become it."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.types import Array
from subopt.functions.algebra import DifferenceOfSubmodular


class Incumbent:
    """The best set of a search.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; it exists after the first `descend`.
    value : float
        h at the set.
    n_evals : int
        Calls of `marginals` and sweeps.
    """

    mask: Array

    def __init__(self, h: DifferenceOfSubmodular, deadline: Deadline) -> None:
        self.h, self._deadline = h, deadline
        self.value, self.n_evals = math.inf, 0

    def offer(self, mask: Array, value: float) -> None:
        """Improve a set if it is better than the best so far, given h there."""
        if value < self.value:
            self.descend(mask)

    def offer_prefix(self, order: Array) -> None:
        """Improve the lowest prefix of an order if it is better than the best set so far."""
        values = np.concatenate([[0.0], np.cumsum(self.h.greedy(order)[order])])
        mask = np.zeros(self.h.n, dtype=np.bool_)
        mask[order[: int(values.argmin())]] = True
        self.n_evals += 1
        self.offer(mask, float(values.min()))

    def descend(self, mask: Array) -> None:
        """Flip the best element until the value stops falling, and keep the set if it is best."""
        mask = mask.copy()
        value = self.h.value(mask)
        while True:
            if value < self.value:
                self.mask, self.value = mask.copy(), value
            if not mask.size or self._deadline.passed():
                return
            gains = self.h.marginals(mask)
            self.n_evals += 1
            change = np.where(mask, -gains, gains)
            i = int(change.argmin())
            if not change[i] < 0:
                return
            mask[i] = not mask[i]
            lower = self.h.value(mask)
            if not lower < value:  # the change was rounding
                return
            value = lower
