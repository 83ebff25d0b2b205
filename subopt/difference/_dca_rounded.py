"""The DC algorithm with rounding: every iterate is replaced by its best level set.

Iterates are sets, so that tangents can be chosen by gains. With regularization, the solution of a
step may be fractional before it is rounded.
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
def dca_rounded(
    h: DifferenceOfSubmodular,
    start: ArrayLike | None = None,
    *,
    rho: float = 0.0,
    max_iter: int = 1000,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by the DC algorithm, with rounding after every step.

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
        The last set; h descends from one set to the next.

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
    >>> dca_rounded(h, rho=0.1).value
    -5.0
    """
    program = DCProgram(
        h,
        "dca_rounded",
        start,
        rho=rho,
        inner_iter=inner_iter,
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
    )

    def advance(here: Point) -> Point | None:
        corner = program.corner(here)
        there = program.point(program.step(program.tangent(corner.x, program.scores(corner))))
        there = program.corner(there)
        return there if there.value < corner.value - corner.rounding else None

    return program.follow(advance)
