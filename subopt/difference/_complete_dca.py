"""The complete DC algorithm: of all tangents at a point, look for the one that leads lowest.

That is a concave minimization over the subgradients of g at x. Frank-Wolfe on it breaks the ties of
x by the solution of the step before, until that brings nothing; each iteration is one more step. So
a set that it does not leave withstands more than flips.
"""

from __future__ import annotations

from collections.abc import Callable

from subopt._base import validate
from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point, start_point
from subopt.difference._descent import Limits
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result


def complete_dca(
    h: DifferenceOfSubmodular,
    start: ArrayLike | None = None,
    *,
    rho: float = 0.0,
    tangents: int = 10,
    max_iter: int = 1000,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by the complete DC algorithm.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : array_like, shape (n,), optional
        A mask, or numbers in [0, 1]; all 1/2 by default.
    rho : float, default 0.0
        As in `dca`.
    tangents : int, default 10
        Largest number of tangents, and inner problems, of one step.
    max_iter, inner_iter, time_limit, callback
        As in `dca`.

    Returns
    -------
    Result
        The best level set of all points; the values of iterates in the Lovász extension descend.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] M. El Halabi, G. Orfanides and T. Hoheisel, "Difference of submodular minimization via DC
       programming", ICML 2023, section 4.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> complete_dca(h).value
    -5.0
    """
    limits = Limits.of(max_iter, time_limit)
    program = DCProgram(h, "complete_dca", limits, callback, rho=rho, inner_iter=inner_iter)
    tangents = validate.positive_int("tangents", tangents)

    def advance(here: Point) -> Point | None:
        y = program.tangent(here.x, program.scores(here))
        best = None
        for _ in range(tangents):
            there = program.point(program.step(y))
            if best is None or there.value < best.value:
                best = there
            following = program.tangent(here.x, there.x)  # ties by where the step led
            if (there.x - here.x) @ (following - y) <= here.rounding:
                break
            y = following
        assert best is not None
        return best if best.value < here.value - here.rounding else None

    return program.run(start_point(start, h.n), advance)
