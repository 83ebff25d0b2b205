"""The submodular-supermodular procedure: replace g by a modular lower bound and minimize exactly.

f minus the bound is submodular, nowhere below h, and equal to h at S, so that its minimizer is no
worse than S. The bound is tight along a chain of sets through S. If the order of the chain is
sorted by gains, the best removal and the best addition are in the chain, so that a set that no step
improves is a local minimum [2]_.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from subopt._base import validate
from subopt._base.types import RNG, Array, Subset
from subopt.difference._descent import Descent, inner_solver, source_of_orders
from subopt.difference._wording import on_sets
from subopt.difference.bounds import submodular_upper
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_sets
@within_time
def subsup(
    h: DifferenceOfSubmodular,
    start: Subset | None = None,
    *,
    tie_break: str = "gains",
    rng: RNG = None,
    max_iter: int = 1000,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by exact minimization of f minus modular lower bounds of g.

    Parameters
    ----------
    %(h)s
    %(start)s
    %(tie_break)s
    %(rng)s
        It is used only if `tie_break` is "random".
    %(max_iter)s
    %(inner_iter)s
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

    References
    ----------
    .. [1] M. Narasimhan and J. Bilmes, "A submodular-supermodular procedure with applications to
       discriminative structure learning", UAI 2005.
    .. [2] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference between
       submodular functions, with applications", UAI 2012, sections 3.1 and 4.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> result = subsup(h)
    >>> result.S, result.value, result.status.name
    (array([0, 1, 2]), -5.0, 'STATIONARY')
    """
    orders = source_of_orders(tie_break, rng)
    validate.positive_int("inner_iter", inner_iter)
    run = Descent(h, start, "subsup", max_iter=max_iter, time_limit=time_limit, callback=callback)
    inner, rest = inner_solver(run, inner_iter), run.h

    def step(S: Array) -> Iterator[Array]:
        before = run.value
        if orders is not None:
            yield inner(submodular_upper(rest, S, tie_break=orders.random(rest.n))).mask
        if run.value == before:
            yield inner(submodular_upper(rest, S, tie_break=-rest.marginals(S))).mask
        run.n_evals += inner.spent()

    return run.run(step)
