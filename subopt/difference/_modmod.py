"""The modular-modular procedure: replace f from above and g from below, and pick by sign.

A step is a closed form. By gains, the lower bound of g is tight at the best removal and the best
addition; so is the "grow" bound of f at every removal, and the "shrink" bound at every addition.
Hence a set that the procedure does not leave is a local minimum, as for `subsup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from subopt._base import validate
from subopt._base.types import RNG, Array, Subset
from subopt.difference._descent import Descent, Limits, require_difference
from subopt.difference.bounds import Supergradients, chain
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def modmod(
    h: DifferenceOfSubmodular,
    start: Subset = (),
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
    h : DifferenceOfSubmodular
        f - g.
    start : boolean mask (n,) or iterable of int, default ()
        The first set.
    tie_break : {"gains", "random"}, default "gains"
        The order of the lower bound within S and outside. "gains": by ascending marginals of h.
        "random": at random, and by gains when a random order brings nothing.
    rng : numpy.random.Generator, int or None
        For "random".
    max_iter : int, default 10_000
        Largest number of steps. Each is one sweep of g and a call of ``f.marginals`` and
        ``g.marginals``.
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
    .. [1] R. Iyer and J. Bilmes, "Algorithms for approximate minimization of the difference between
       submodular functions, with applications", UAI 2012, section 3.3.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> modmod(h).value
    -5.0
    """
    require_difference(h)
    random = validate.choice("tie_break", tie_break, ("gains", "random")) == "random"
    rng = validate.generator(rng)
    descent = Descent(h, start, "modmod", Limits.of(max_iter, time_limit), callback)
    bounds = Supergradients(h.f)

    def step(S: Array) -> Iterator[Array]:
        before, f_gains = descent.value, h.f.marginals(S.copy())
        uppers = bounds.at(S, f_gains)
        descent.n_evals += 2
        if random:
            lower = h.g.greedy(chain(S, rng.random(h.n)))
            yield from (upper < lower for upper in uppers)
        if descent.value == before:
            lower = h.g.greedy(chain(S, h.g.marginals(S.copy()) - f_gains))
            descent.n_evals += 2
            yield from (upper < lower for upper in uppers)

    return descent.run(step)
