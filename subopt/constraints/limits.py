"""Limits on groups of elements and on sums of costs, in numbers whose sums are exact."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array

TICK = 2.0**-53
"""The unit of costs, where the limit is between 1/2 and 1."""
ENDED = 16
"""If all numbers end in at least this many zero bits, they count as integers of some unit."""


class Layer(NamedTuple):
    """Disjoint groups of elements, with a limit each."""

    labels: Array  # (n,) number of the group of each element; -1 for none
    limits: Array  # (groups,) largest number of elements
    names: tuple[Any, ...]  # of the groups, for messages
    source: str  # where they come from, for messages

    def counts(self, mask: Array) -> Array:
        """Return how many elements of each group are in a set."""
        labels = self.labels[mask]
        return np.bincount(labels[labels >= 0], minlength=len(self.limits))


class Purse(NamedTuple):
    """Costs of elements, and the largest sum.

    Costs are multiples of one power of two, and the largest sum is less than 2^53 of it. So sums
    in any order are exact as long as they are within the limit, and a sum that exceeds it is never
    rounded to one that does not.
    """

    costs: Array  # (n,) at most 2
    most: float  # at most 1, and two ticks
    source: str  # where they come from, for messages
    given: Array  # (n,) costs as the caller said them, for messages
    limit: float  # likewise

    @classmethod
    def of(cls, costs: Array, limit: float, source: str) -> Purse:
        """Return costs and a limit as multiples of the last digit of the limit, rounded down.

        Decimal fractions were rounded when they were read, by at most two digits in all. Sums may
        exceed the limit by these two, unless all numbers are integers, or integers of another unit:
        their digits end in `ENDED` zeros.
        """
        if limit == 0:
            return cls(np.where(costs > 0, 2.0, 0.0), 0.0, source, costs, limit)
        exponent = math.frexp(limit)[1]
        with np.errstate(over="ignore"):  # for limits near the largest number, 2 * limit is inf
            numbers = np.ldexp(np.append(np.minimum(costs, 2 * limit), limit), 53 - exponent)
        integers = exponent <= 53 and limit % 1 == 0 and bool((costs % 1 == 0).all())
        whole = integers or bool((numbers % 2.0**ENDED == 0).all())
        ticks, most = np.floor(numbers[:-1]), float(numbers[-1]) + (0.0 if whole else 2.0)
        return cls(ticks * TICK, most * TICK, source, costs, limit)

    def price(self, chosen: Array) -> float:
        """Return what some elements, by mask or index, cost in the numbers of the caller."""
        with np.errstate(over="ignore"):
            return float(self.given[chosen].sum())
