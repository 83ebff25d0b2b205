"""The DC algorithm with extrapolation: tangents are taken at a point ahead of the iterate.

The extrapolated point is used only if its value is no worse than the worst of the last few
iterates. Values may therefore rise for a while; the answer is the best level set of all points.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.types import ArrayLike
from subopt.difference._dc_program import DCProgram, Point
from subopt.difference._wording import on_points
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result


@on_points
@within_time
def accelerated_dca(
    h: DifferenceOfSubmodular,
    start: ArrayLike | None = None,
    *,
    rho: float | None = None,
    memory: int = 5,
    max_iter: int = 1000,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by the DC algorithm with extrapolation.

    Parameters
    ----------
    %(h)s
    %(start)s
    %(rho)s
    memory : int, default 5
        Number of iterates. The extrapolated point is used if its value is no worse than the worst
        of the last `memory` iterates. With 1, values descend.
    %(max_iter)s
    %(inner_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        The best level set of all points.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] D. N. Phan, H. M. Le and H. A. Le Thi, "Accelerated difference of convex functions
       algorithm and its application to sparse binary logistic regression", IJCAI 2018.
    .. [2] M. El Halabi, G. Orfanides and T. Hoheisel, "Difference of submodular minimization via DC
       programming", ICML 2023, section 5.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> accelerated_dca(h).value
    -5.0
    """
    recent: deque[float] = deque(maxlen=min(validate.positive_int("memory", memory), 2**31))
    program = DCProgram(
        h,
        "accelerated_dca",
        start,
        rho=rho,
        inner_iter=inner_iter,
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
    )
    before, momentum = program.start, 1.0

    def advance(here: Point) -> Point | None:
        nonlocal before, momentum
        recent.append(here.value)
        following = 0.5 * (1 + math.sqrt(1 + 4 * momentum**2))
        x = np.clip(here.x + (momentum - 1) / following * (here.x - before), 0.0, 1.0)
        momentum, before = following, here.x
        ahead = program.point(x)
        base = ahead if ahead.value <= max(recent) else here
        there = program.point(program.step(program.tangent(base.x, program.scores(base))))
        moved = np.abs(there.x - here.x).max(initial=0.0) > 1e-6
        return there if moved and there.value < max(recent) - here.rounding else None

    return program.follow(advance)
