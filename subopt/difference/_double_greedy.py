"""Double greedy: add each element to ∅ or remove it from V, whichever saves more.

If f is modular, -h is submodular. If moreover h <= 0 everywhere, the value is at most a third of
the minimum, and with random decisions at most half of it on average. For other h, the result is a
cheap first set without a guarantee.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import RNG, ArrayLike
from subopt.difference._descent import Descent
from subopt.difference._double_greedy_pass import double_greedy_mask
from subopt.difference._wording import on_sets
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


@on_sets
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
    %(h)s
    order : array_like of int, shape (n,), optional
        The order in which elements are decided; by index if None.
    randomized : bool, default False
        Whether an element is added with a probability in proportion to what adding it saves. If
        False, it is added if that saves at least as much as removing it.
    %(rng)s
        It is used only if `randomized` is True.

    Returns
    -------
    Result
        With the status ``EFFORT_LIMIT``; never worse than ∅.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    The pass takes 2n single gains.

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
    randomized = validate.flag("randomized", randomized)
    if rng is not None and not randomized:
        raise ValueError("rng draws the decisions of randomized=True; without it nothing is drawn")
    source = validate.generator(rng) if randomized else None
    run = Descent(h, (), "double_greedy")
    order = np.arange(h.n) if order is None else validate.order(order, h.n)
    number = np.full(h.n, -1)
    number[run.fixed.free] = np.arange(run.h.n)
    left = number[order]
    run.n_iter = 1
    run.offer(double_greedy_mask(run.h, left[left >= 0], source))
    run.n_evals += 2 * run.h.n + 2
    return run.result(Status.EFFORT_LIMIT)
