"""Forward greedy: add the element that lowers h most, and return the best set that was visited."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Subset
from subopt.difference._descent import Descent
from subopt.difference._wording import on_sets
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_sets
@within_time
def forward_greedy(
    h: DifferenceOfSubmodular,
    start: Subset | None = None,
    *,
    patience: int = 0,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by adding elements one by one.

    Parameters
    ----------
    %(h)s
    %(start)s
    patience : int, default 0
        Number of elements to add in a row without a new lowest value before the run ends; with n,
        all elements are added.
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        No worse than `start`. The status is ``EFFORT_LIMIT`` unless a limit ended the run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    One iteration adds one element and costs one call of ``h.marginals``. Elements that belong to
    every minimizer, or to none, are fixed first.

    Examples
    --------
    >>> h = Cardinality([0, 1, 2, 2]) - Cardinality([0, 2, 4, 4])
    >>> forward_greedy(h).S
    array([0, 1])
    """
    patience = validate.natural("patience", patience)
    run = Descent(h, start, "forward_greedy", time_limit=time_limit, callback=callback)
    S, waited, status = run.mask.copy(), 0, None
    while status is None and not S.all() and waited <= patience:
        if (status := run.stopped()) is not None:
            break
        gains = run.gains(S)[0]
        run.n_iter += 1
        gains[S] = np.inf
        i = int(gains.argmin())
        if gains[i] >= 0 and waited >= patience:
            run.tell()
            break
        S[i] = True
        waited = 0 if run.offer(S) else waited + 1
        run.tell()
    return run.result(Status.EFFORT_LIMIT if status is None else status)
