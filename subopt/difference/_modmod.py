"""The modular-modular procedure: replace f by a modular upper bound and g by a lower one.

A step has a closed form: take the elements whose weight is negative. If its order is sorted by
gains, the lower bound of g is tight at the best removal and at the best addition. The "grow" bound
of f is tight at every removal, the "shrink" bound at every addition. A set that no step improves is
therefore a local minimum, as for `subsup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from subopt._base.types import RNG, Array, Subset
from subopt.difference._descent import Descent, source_of_orders
from subopt.difference._wording import on_sets
from subopt.difference.bounds import Supergradients, chain
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_sets
@within_time
def modmod(
    h: DifferenceOfSubmodular,
    start: Subset | None = None,
    *,
    tie_break: str = "gains",
    rng: RNG = None,
    max_iter: int = 10_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by modular upper bounds of f minus modular lower bounds of g.

    Parameters
    ----------
    %(h)s
    %(start)s
    %(tie_break)s
    %(rng)s
        It is used only if `tie_break` is "random".
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
    One iteration is a greedy sweep of g and a call of ``f.marginals`` and of ``g.marginals``.

    References
    ----------
    .. [1] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference between
       submodular functions, with applications", UAI 2012, section 3.3.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> modmod(h).value
    -5.0
    """
    orders = source_of_orders(tie_break, rng)
    run = Descent(h, start, "modmod", max_iter=max_iter, time_limit=time_limit, callback=callback)
    f, g = run.h.f, run.h.g
    bounds = Supergradients(f)

    def step(S: Array) -> Iterator[Array]:
        before, f_gains = run.value, f.marginals(S.copy())
        uppers = bounds.at(S, f_gains)
        run.n_evals += 2
        if orders is not None:
            lower = g.greedy(chain(S, orders.random(f.n)))
            yield from (upper < lower for upper in uppers)
        if run.value == before:
            lower = g.greedy(chain(S, g.marginals(S.copy()) - f_gains))
            run.n_evals += 2
            yield from (upper < lower for upper in uppers)

    return run.run(step)
