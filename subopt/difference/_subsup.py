"""The submodular-supermodular procedure: replace g by a modular lower bound and minimize exactly.

f minus the bound is submodular, above h and equal to it at S, so its minimizer is no worse than S.
The bound is tight along a whole chain through S. In the order of "gains" the chain holds the best
removal and the best addition, so a set that the procedure does not leave is a local minimum [2]_.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from subopt._base import validate
from subopt._base.types import RNG, Array, Subset
from subopt.difference._descent import Descent, Limits, inner_solver, require_difference
from subopt.difference.bounds import submodular_upper
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def subsup(
    h: DifferenceOfSubmodular,
    start: Subset = (),
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
    h : DifferenceOfSubmodular
        f - g.
    start : boolean mask (n,) or iterable of int, default ()
        The first set.
    tie_break : {"gains", "random"}, default "gains"
        The order of the bound within S and outside. "gains": by ascending marginals of h. "random":
        at random, and by gains when a random order brings nothing.
    rng : numpy.random.Generator, int or None
        For "random".
    max_iter : int, default 1000
        Largest number of steps.
    inner_iter : int, default 100_000
        Largest number of sweeps of the inner solver in one step; fewer are cheaper, and the values
        still descend.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` after every step that improves.

    Returns
    -------
    Result
        No worse than `start`. If it is ``STATIONARY``, the certificate says that no flip is better.

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
    require_difference(h)
    random = validate.choice("tie_break", tie_break, ("gains", "random")) == "random"
    rng = validate.generator(rng)
    limits = Limits.of(max_iter, time_limit)
    inner = inner_solver(h, limits, inner_iter)
    descent = Descent(h, start, "subsup", limits, callback)

    def step(S: Array) -> Iterator[Array]:
        before = descent.value
        if random:
            yield inner(submodular_upper(h, S, tie_break=rng.random(h.n))).mask
        if descent.value == before:
            yield inner(submodular_upper(h, S, tie_break=-h.marginals(S))).mask
        descent.n_evals += inner.spent()

    return descent.run(step)
