"""The DC algorithm with rounding: every iterate is replaced by its best level set.

Iterates are sets, so that tangents can be chosen by gains, while a step still sees fractions if
ρ > 0.
"""

from __future__ import annotations

from collections.abc import Callable

from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point, start_point
from subopt.difference._descent import Limits
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


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
    h : DifferenceOfSubmodular
        f - g.
    start : array_like, shape (n,), optional
        A mask, or numbers in [0, 1]; all 1/2 by default.
    rho : float, default 0.0
        As in `dca`.
    max_iter, inner_iter, time_limit, callback
        As in `dca`.

    Returns
    -------
    Result
        The last set; h descends from one to the next.

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
    limits = Limits.of(max_iter, time_limit)
    program = DCProgram(h, "dca_rounded", limits, callback, rho=rho, inner_iter=inner_iter)

    def advance(here: Point) -> Point | None:
        corner = program.corner(here)
        there = program.point(program.step(program.tangent(corner.x, program.scores(corner))))
        there = program.corner(there)
        return there if there.value < corner.value - corner.rounding else None

    return program.run(start_point(start, h.n), advance)
