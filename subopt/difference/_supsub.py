"""The supermodular-submodular procedure: replace f by a modular upper bound.

The bound minus g is supermodular, nowhere below h, and equal to h at S. Minimizing it is NP-hard,
so each step searches for a better set by flips from S and by double greedy, under all three upper
bounds of f, and takes the set with the lowest h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from subopt._base.types import Array, Subset
from subopt.difference._descent import Descent
from subopt.difference._double_greedy_pass import double_greedy_mask
from subopt.difference._wording import on_sets
from subopt.difference.bounds import Supergradients
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.modular import Modular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_sets
@within_time
def supsub(
    h: DifferenceOfSubmodular,
    start: Subset | None = None,
    *,
    max_iter: int = 1000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by approximate minimization of modular upper bounds of f minus g.

    Parameters
    ----------
    %(h)s
    %(start)s
    %(max_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        No worse than `start`. If the status is ``STATIONARY``, the certificate says that no flip
        of one element improves the set.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    One iteration makes, for each of three bounds, up to 2n flips at the cost of one call of
    ``g.marginals`` each, and 2n single gains.

    References
    ----------
    .. [1] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference between
       submodular functions, with applications", UAI 2012, section 3.2.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> supsub(h).value
    -5.0
    """
    run = Descent(h, start, "supsub", max_iter=max_iter, time_limit=time_limit, callback=callback)
    f, g, n = run.h.f, run.h.g, run.h.n
    bounds = Supergradients(f)

    def step(S: Array) -> Iterator[Array]:
        run.n_evals += 1
        for weights in bounds.at(S, f.marginals(S.copy())):
            yield _flips(weights, S.copy(), run)
            if run.deadline.passed():
                return
            upper = DifferenceOfSubmodular(Modular(weights), g)
            yield double_greedy_mask(upper, np.arange(n), None, run.deadline.passed)
            run.n_evals += 2 * n + 2

    return run.run(step)


def _flips(weights: Array, S: Array, run: Descent) -> Array:
    """Flip the best element of weights - g until none is better, up to 2n times."""
    for _ in range(2 * len(S)):
        gains = run.significant(weights, run.h.g.marginals(S.copy()))
        run.n_evals += 1
        change = np.where(S, -gains, gains)
        if not change.size or change.min() >= 0 or run.deadline.passed():
            break
        i = int(change.argmin())
        S[i] = not S[i]
    return S
