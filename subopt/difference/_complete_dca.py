"""The complete DC algorithm: among the tangents at a point, search for the one that leads lowest.

This is a concave minimization over the subgradients of g at x, approximated by Frank-Wolfe. Each
iteration solves the inner problem of a DC step and breaks the ties of x by its solution, which
gives the next tangent, until a tangent brings no improvement. The method stops at a point only if
none of these tangents leads to a lower one.
"""

from __future__ import annotations

from collections.abc import Callable

from subopt._base import validate
from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point
from subopt.difference._wording import on_points
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_points
@within_time
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
    %(h)s
    %(start)s
    %(rho)s
    tangents : int, default 10
        Largest number of tangents, each with one inner problem, per step.
    %(max_iter)s
    %(inner_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        The best level set of all iterates, whose values in the Lovász extension descend.

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
    tangents = validate.positive_int("tangents", tangents)
    program = DCProgram(
        h,
        "complete_dca",
        start,
        rho=rho,
        inner_iter=inner_iter,
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
    )

    def advance(here: Point) -> Point | None:
        y = program.tangent(here.x, program.scores(here))
        best = None
        for _ in range(tangents):
            there = program.point(program.step(y))
            if best is None or there.value < best.value:
                best = there
            following = program.tangent(here.x, there.x)  # ties by where the step led
            if (there.x - here.x) @ (
                following - y
            ) <= here.rounding or program.run.deadline.passed():
                break
            y = following
        assert best is not None
        return best if best.value < here.value - here.rounding else None

    return program.follow(advance)
