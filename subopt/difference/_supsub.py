"""The supermodular-submodular procedure: replace f by a modular upper bound.

The bound minus g is supermodular, above h and equal to it at S. To minimize it is hard, so each
step looks for a better set by flips from S and by double greedy, under all three bounds, and takes
what h itself says is best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from subopt._base.types import Array, Subset
from subopt.difference._descent import Descent, Limits, require_difference, significant
from subopt.difference._double_greedy_pass import double_greedy_mask
from subopt.difference.bounds import Supergradients
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.modular import Modular
from subopt.submodular.result import Result


def supsub(
    h: DifferenceOfSubmodular,
    start: Subset = (),
    *,
    max_iter: int = 1000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by approximate minimization of modular upper bounds of f minus g.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : boolean mask (n,) or iterable of int, default ()
        The first set.
    max_iter : int, default 1000
        Largest number of steps. Each makes up to n flips at the cost of one ``g.marginals``, and
        2n single gains, for each of three bounds.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` after every step that improves.

    Returns
    -------
    Result
        No worse than `start`; a step is taken only if h gets better. If it is ``STATIONARY``, the
        certificate says that no flip is better.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

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
    require_difference(h)
    descent = Descent(h, start, "supsub", Limits.of(max_iter, time_limit), callback)
    bounds = Supergradients(h.f)

    def step(S: Array) -> Iterator[Array]:
        descent.n_evals += 1
        for weights in bounds.at(S, h.f.marginals(S.copy())):
            yield _flips(weights, h, S.copy(), descent)
            upper = DifferenceOfSubmodular(Modular(weights), h.g)
            yield double_greedy_mask(upper, np.arange(h.n), None)
            descent.n_evals += 2 * h.n + 2

    return descent.run(step)


def _flips(weights: Array, h: DifferenceOfSubmodular, S: Array, descent: Descent) -> Array:
    # with diminishing returns of g reversed in -g, one flip can pay for the next
    for _ in range(2 * h.n):
        gains = significant(weights, h.g.marginals(S.copy()), 0.0)
        descent.n_evals += 1
        change = np.where(S, -gains, gains)
        if not change.size or change.min() >= 0 or descent.limits.reached(0) is not None:
            break
        i = int(change.argmin())
        S[i] = not S[i]
    return S
