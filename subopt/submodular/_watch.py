"""What solvers return when a time limit ends a run before a bound is known."""

from __future__ import annotations

import numpy as np

from subopt._base.answer import Status
from subopt.functions.algebra import SetFunction
from subopt.functions.watched import Watched
from subopt.submodular.result import Result


def no_bound(F: SetFunction, method: str) -> Result:
    """Return the best set that a watched function was evaluated at, without a lower bound."""
    mask, value = np.zeros(F.n, dtype=np.bool_), 0.0
    if isinstance(F, Watched):
        mask, value = F.best.copy(), F.lowest
    return Result(mask=mask, value=value, status=Status.TIME_LIMIT, method=method)
