"""What solvers of set functions return: a set, its value, and a bound with evidence for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base.answer import Answer
from subopt._base.types import Array


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Result(Answer):
    """A set, its value, and a lower bound on the minimum with evidence for it.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    value : float
        ``F.value(mask)``.
    lower_bound : float
        No set has a lower value. Minus infinity if nothing is known.
    status : Status
        Why the solver stopped.
    certificate : Certificate or None
        Evidence for `lower_bound`: ``result.check(F)`` recomputes `gap` from F alone.
    method : str
        What ran, and for `minimize` why it was picked.
    n_iter : int
        Iterations of the solver.
    n_evals : int
        Greedy sweeps, calls of `marginals` and single values of F.
    """

    mask: Array
    n_iter: int = 0
    n_evals: int = 0

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(value={self.value:.9g}, lower_bound={self.lower_bound:.9g}, "
            f"{int(self.mask.sum())} of {len(self.mask)} elements, {self.status.name}, "
            f"method={self.method!r})"
        )

    @property
    def S(self) -> Array:
        """The elements of the set, sorted."""
        return np.flatnonzero(self.mask)

    @property
    def set(self) -> frozenset[int]:
        """The elements of the set, as a Python set."""
        return frozenset(self.S.tolist())
