"""Forward greedy: add what lowers h most, and remember the best set on the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Subset
from subopt.difference._descent import Descent, Limits, require_difference, significant
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def forward_greedy(
    h: DifferenceOfSubmodular,
    start: Subset = (),
    *,
    patience: int = 0,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by adding elements one by one.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : boolean mask (n,) or iterable of int, default ()
        The set to add to.
    patience : int, default 0
        How many elements to add in a row without reaching a new lowest value; n to go all the way.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` at every new lowest value.

    Returns
    -------
    Result
        ``EFFORT_LIMIT``. One call of ``h.marginals`` per element.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> h = Cardinality([0, 1, 2, 2]) - Cardinality([0, 2, 4, 4])
    >>> forward_greedy(h).S
    array([0, 1])
    """
    require_difference(h)
    patience = validate.natural("patience", patience)
    limits = Limits.of(h.n + 1, time_limit)
    descent = Descent(h, start, "forward_greedy", limits, callback)
    S, waited, status = descent.mask.copy(), 0, Status.EFFORT_LIMIT
    while not S.all():
        if (reached := limits.reached(descent.n_iter)) is not None:
            status = reached
            break
        gains = significant(h.f.marginals(S.copy()), h.g.marginals(S.copy()), 0.0)
        descent.n_iter += 1
        descent.n_evals += 2
        gains[S] = np.inf
        i = int(gains.argmin())
        if gains[i] >= 0 and waited >= patience:
            break
        S[i] = True
        improved = descent.offer(S)
        waited = 0 if improved else waited + 1
        if improved:
            descent.tell()
        elif waited > patience:
            break
    return descent.result(status)
