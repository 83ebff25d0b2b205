"""Double greedy: every element is either added to ∅ or removed from V, whichever pays more.

If f is modular, then -h is submodular; if moreover h <= 0 everywhere, the value is at most a third
of the minimum, and at most half of it on average with random decisions. Otherwise a start.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import RNG, ArrayLike
from subopt.difference._descent import Descent, Limits, require_difference
from subopt.difference._double_greedy_pass import double_greedy_mask
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def double_greedy(
    h: DifferenceOfSubmodular,
    order: ArrayLike | None = None,
    *,
    randomized: bool = False,
    rng: RNG = None,
) -> Result:
    """Minimize f - g by one pass over V from both ends.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    order : array_like of int, shape (n,), optional
        In which order elements are decided; by index by default.
    randomized : bool, default False
        Whether an element is added with a probability in proportion to what adding it saves, or
        always if that is more than what removing it saves.
    rng : numpy.random.Generator, int or None
        For the decisions.

    Returns
    -------
    Result
        ``EFFORT_LIMIT``, and never worse than ∅. 2n single gains.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] N. Buchbinder, M. Feldman, J. Naor and R. Schwartz, "A tight linear time
       (1/2)-approximation for unconstrained submodular maximization", SIAM Journal on Computing
       44(5), 2015.

    Examples
    --------
    >>> h = Modular([1.0, 1.0, 1.0]) - Cardinality([0, 2, 3, 3])
    >>> double_greedy(h).value
    -1.0
    """
    require_difference(h)
    order = np.arange(h.n) if order is None else validate.order(order, h.n)
    chosen = validate.generator(rng) if randomized else None
    descent = Descent(h, (), "double_greedy", Limits.of(1, None), None)
    descent.n_iter = 1
    descent.offer(double_greedy_mask(h, order, chosen))
    descent.n_evals += 2 * h.n + 2
    return descent.result(Status.EFFORT_LIMIT)
