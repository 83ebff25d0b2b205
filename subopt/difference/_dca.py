"""The DC algorithm on the Lovász extension of f - g.

Without regularization it is `subsup`, except that it may start from a fractional point. With
regularization, steps are shorter and iterates stay fractional for longer; the best level set of
every iterate is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point
from subopt.difference._wording import on_points
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_points
@within_time
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
    %(h)s
    %(start)s
    %(rho)s
    %(max_iter)s
    %(inner_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        The best level set of all iterates, whose values in the Lovász extension descend. If the
        last iterate is a set, no flip of it is better, because ties in a tangent are broken by
        marginals; the certificate says whether this holds for the result.

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
    program = DCProgram(
        h,
        "dca",
        start,
        rho=rho,
        inner_iter=inner_iter,
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
    )

    def advance(here: Point) -> Point | None:
        there = program.point(program.step(program.tangent(here.x, program.scores(here))))
        return there if there.value < here.value - here.rounding else None

    return program.follow(advance)
