"""The DC algorithm on the Lovász extension of f - g.

For ρ = 0 it is `subsup` that may start from fractions. For ρ > 0 steps are shorter and iterates
stay fractional for longer; the best level set of every iterate is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point, start_point
from subopt.difference._descent import Limits
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def dca(
    h: DifferenceOfSubmodular,
    start: ArrayLike | None = None,
    *,
    rho: float = 0.0,
    max_iter: int = 1000,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by the DC algorithm, with regularization.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : array_like, shape (n,), optional
        A mask, or numbers in [0, 1]; all 1/2 by default.
    rho : float, default 0.0
        Regularization, in the units of h. A step is a submodular minimization for 0, else a
        proximal step, which starts from the base of the last one.
    max_iter : int, default 1000
        Largest number of steps.
    inner_iter : int, default 100_000
        Largest number of sweeps of the inner solver in one step.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` after every step.

    Returns
    -------
    Result
        The best level set of all iterates, whose values in the Lovász extension descend. If the
        last iterate is a set, no flip of it is better, as ties in a tangent are broken by
        marginals; the certificate says whether that is so for the result.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] M. El Halabi, G. Orfanides and T. Hoheisel, "Difference of submodular minimization via DC
       programming", ICML 2023, section 3.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> dca(h).value, dca(h, rho=0.1).value
    (-5.0, -5.0)
    """
    limits = Limits.of(max_iter, time_limit)
    program = DCProgram(h, "dca", limits, callback, rho=rho, inner_iter=inner_iter)

    def advance(here: Point) -> Point | None:
        there = program.point(program.step(program.tangent(here.x, program.scores(here))))
        return there if there.value < here.value - here.rounding else None

    return program.run(start_point(start, h.n), advance)
