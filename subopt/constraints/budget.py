"""Budgets (knapsack constraints): the total cost of a set is at most a limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import ArrayLike


class Budget:
    """Sets whose elements cost at most `limit` in total.

    Parameters
    ----------
    costs : array_like of float, shape (n,)
        The cost of each element, at least 0. If all cost the same, use ``size`` instead.
    limit : float
        The budget, at least 0. If costs and limit are integers and the limit is below ``2**53``,
        sums are exact. Among other numbers, a sum that exceeds the limit by no more than rounding,
        at most ``(n + 2) * 2**-52`` of it, is within the budget: three elements that cost 0.1 fit
        into 0.3.

    Raises
    ------
    TypeError, ValueError
        If a cost or the limit is negative, infinite, or not a number.

    See Also
    --------
    Groups : a limit on the number of elements of each group.
    minimize : takes constraints.

    Examples
    --------
    >>> Budget([4, 2, 2], limit=5)
    Budget(n=3, limit=5)
    """

    def __init__(self, costs: ArrayLike, limit: float) -> None:
        array = validate.real_array("costs", costs)
        if array.ndim != 1:
            raise ValueError(
                f"costs needs one number per element, shape (n,), got shape {array.shape}. If all "
                "elements cost the same, limit their number: size=(0, k)."
            )
        if (array < 0).any():
            i = int(np.argmax(array < 0))
            raise ValueError(f"costs needs numbers >= 0, but costs[{i}] is {array[i]:g}")
        array.setflags(write=False)
        self.costs, self.limit = array, validate.nonnegative("limit", limit)

    def __repr__(self) -> str:
        return f"Budget(n={len(self.costs)}, limit={self.limit:g})"

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Budget):
            return NotImplemented
        return self.limit == other.limit and np.array_equal(self.costs, other.costs)

    __hash__ = None  # type: ignore[assignment]
