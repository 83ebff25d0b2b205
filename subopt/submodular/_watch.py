"""What solvers return when a time limit or a callback ends a run."""

from __future__ import annotations

from collections.abc import Callable

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


def ended_by(callback: Callable[[Result], object] | None, result: Result) -> bool:
    """Call a callback with a result, and return whether it raised StopIteration."""
    if callback is None:
        return False
    try:
        callback(result)
    except StopIteration:
        return True
    return False
