"""The best set of a search, and local search by flips from sets that may improve on it.

Under constraints only feasible sets are kept, and swaps of two elements are tried as well.
"""

from __future__ import annotations

import math

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.difference.local_minimum import STAY, best_move
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

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        deadline: Deadline,
        constraints: Constraints | None = None,
    ) -> None:
        self.h, self._deadline, self._constraints = h, deadline, constraints
        self.value, self.n_evals = math.inf, 0

    def offer(self, mask: Array, value: float) -> None:
        """Improve a set if it is better than the best so far, given h there."""
        if value < self.value:
            self.descend(mask)

    def offer_prefix(self, order: Array) -> None:
        """Improve the lowest prefix of an order if it is better than the best set so far."""
        values = np.concatenate([[0.0], np.cumsum(self.h.greedy(order)[order])])
        if self._constraints is not None:
            low, high = self._constraints.prefixes(order)
            values[:low] = values[max(0, high + 1) :] = math.inf
        mask = np.zeros(self.h.n, dtype=np.bool_)
        mask[order[: int(values.argmin())]] = True
        self.n_evals += 1
        self.offer(mask, float(values.min()))

    def descend(self, mask: Array) -> None:
        """Flip the best element until the value stops falling, and keep the set if it is best."""
        mask = mask.copy()
        if self._constraints is not None and not self._constraints.feasible(mask):
            return
        value = self.h.value(mask)
        while True:
            if value < self.value:
                self.mask, self.value = mask.copy(), value
            if not mask.size or self._deadline.passed():
                return
            gains = self.h.marginals(mask)
            self.n_evals += 1
            if self._constraints is not None:
                move = best_move(self.h, mask, gains, self._constraints)
                mask = move.applied(mask)
                lower = self.h.value(mask)
                if move == STAY or not lower < value:
                    return
                value = lower
                continue
            change = np.where(mask, -gains, gains)
            i = int(change.argmin())
            if not change[i] < 0:
                return
            mask[i] = not mask[i]
            lower = self.h.value(mask)
            if not lower < value:  # the change was rounding
                return
            value = lower
