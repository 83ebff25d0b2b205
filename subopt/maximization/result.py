"""`MaximizationResult`: a set, its value, and an upper bound with its certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from subopt._base.answer import SetAnswer, shown
from subopt._base.answer import gap as distance


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MaximizationResult(SetAnswer):
    """A set, its value, and an upper bound on the maximum with evidence for it.

    The mirror image of `Result`: the maximum is at least `value`, at most `upper_bound`, and `gap`
    is the distance between these.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    value : float
        ``F.value(mask)``.
    upper_bound : float
        No feasible set has a larger value. Infinity if nothing is known.
    lower_bound : float
        Always minus infinity: maximization bounds values from above only.
    status : Status
        Why the solver stopped.
    method : str
        The method that ran, and why it was chosen.
    certificate : Certificate or None
        Evidence for `upper_bound`: ``result.check(F)`` recomputes `gap` from F alone.
    n_iter : int
        Iterations of the solver: elements that were added, exchanged, or decided.
    n_evals : int
        Marginal gains that were computed; all n of them for one set count n.
    """

    upper_bound: float = math.inf
    lower_bound: float = field(default=-math.inf, init=False)

    @property
    def gap(self) -> float:
        """Largest possible distance from `value` to the maximum: ``upper_bound - value``."""
        return distance(self.upper_bound, self.value)

    @property
    def ratio(self) -> float:
        """The share of the maximum that is proven: ``value / upper_bound``, from 0 to 1."""
        if self.gap == 0:
            return 1.0
        return max(0.0, self.value / self.upper_bound) if self.upper_bound > 0 else 0.0

    def _proven(self) -> str:
        return f"value={shown(self.value)}, upper_bound={shown(self.upper_bound)}"
