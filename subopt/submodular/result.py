"""`Result`, the answer of solvers of set functions: a set, its value and a lower bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base.answer import SetAnswer, Status
from subopt.functions.algebra import SetFunction
from subopt.functions.watched import Watched


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Result(SetAnswer):
    """A set, its value, and a lower bound on the minimum with a certificate.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    value : float
        ``F.value(mask)``.
    lower_bound : float
        A lower bound on the value of every set. Minus infinity if no bound is known.
    status : Status
        Why the solver stopped.
    certificate : Certificate or None
        Evidence for `lower_bound`: ``result.check(F)`` recomputes `gap` from F alone.
    method : str
        The method that ran; if `minimize` chose it, also why.
    n_iter : int
        Number of iterations of the solver.
    n_evals : int
        Number of greedy sweeps, calls of `marginals` and single values of F.
    """


def no_bound(F: SetFunction, method: str) -> Result:
    """Return the best set that a watched function was evaluated at, without a lower bound."""
    mask, value = np.zeros(F.n, dtype=np.bool_), 0.0
    if isinstance(F, Watched):
        mask, value = F.best.copy(), F.lowest
    return Result(mask=mask, value=value, status=Status.TIME_LIMIT, method=method)
