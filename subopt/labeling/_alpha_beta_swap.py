"""Alpha-beta swap: moves in which nodes exchange two labels, by a minimum cut.

The table need not be a metric (Boykov, Veksler, Zabih, "Fast approximate energy minimization via
graph cuts", IEEE TPAMI 23(11), 2001, section 3). As a function of the nodes with either label, the
energy is submodular. If a swap lowers it, then so does a swap in which nodes change in one
direction only. Swaps are therefore computed one direction at a time, as expansions of label b into
the nodes with label a.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.options import reported
from subopt._base.types import ArrayLike
from subopt.labeling._magnitude import simplified
from subopt.labeling._wording import on_moves
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves import driver
from subopt.labeling.moves.driver import LabelingBatch
from subopt.labeling.moves.expand import swaps
from subopt.labeling.result import Labeling

_OTHERS = "fusion and icm take any table; with two labels, qpbo does."


@reported
@on_moves
def alpha_beta_swap(
    energy: LabelingEnergy,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Labeling:
    r"""Minimize a labeling energy by swap moves.

    Parameters
    ----------
    energy : LabelingEnergy
        An energy with weights >= 0 and ``table[a, a] + table[b, b] <= table[a, b] + table[b, a]``
        for all labels a, b.
    %(start)s
    %(max_iter)s
        Each tries all pairs of labels; a handful is usually enough.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM if no swap of any two labels lowers the energy, else
        ITERATION_LIMIT or TIME_LIMIT.

    Raises
    ------
    %(errors)s

    Notes
    -----
    %(moves_notes)s

    References
    ----------
    .. [1] Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts",
       IEEE TPAMI 23(11), 2001, section 3.
    .. [2] A. Delong, A. Osokin, H. N. Isack, Y. Boykov, "Fast approximate energy minimization with
       label costs", International Journal of Computer Vision 96(1), 2012.

    Examples
    --------
    >>> energy = LabelingEnergy(
    ...     [[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5, metric="quadratic", truncation=3
    ... )
    >>> result = alpha_beta_swap(energy)
    >>> result.labels, result.value
    (array([0, 1, 2]), 2.0)
    """
    driver.require("alpha_beta_swap", energy, can_solve, _OTHERS)
    return driver.solve(
        "alpha_beta_swap", energy, swaps(energy.n_labels), start, max_iter, time_limit
    )


@on_moves
def alpha_beta_swap_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None, executor: Any = None
) -> LabelingBatch:
    r"""Run `alpha_beta_swap` on many problems that differ in their unary costs.

    Parameters
    ----------
    %(energy)s
    %(unaries)s
    %(threads)s
    %(executor)s

    Returns
    -------
    %(many_returns)s

    Raises
    ------
    %(errors)s

    Examples
    --------
    >>> energy = LabelingEnergy(np.zeros((4, 4, 3)), weights=0.2)
    >>> many = alpha_beta_swap_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> len(many), many.labels.shape, many.values.shape
    (100, (100, 4, 4), (100,))
    """
    driver.require("alpha_beta_swap", energy, can_solve, _OTHERS)
    return driver.solve_many(
        "alpha_beta_swap", energy, unaries, swaps(energy.n_labels), threads, executor
    )


def can_solve(energy: LabelingEnergy) -> str | None:
    """Return why `alpha_beta_swap` does not fit an energy; None if it fits."""
    simple = simplified(energy)
    if (reason := driver.negative_weight(simple)) is not None:
        return reason
    T = simple.tables
    back, equal = T.swapaxes(1, 2), np.diagonal(T, axis1=1, axis2=2)
    alike, apart = equal[:, :, None] + equal[:, None], T + back
    wrong = alike > apart + simple.table_rounding * (np.abs(T) + np.abs(back))
    if not wrong.any():
        return None
    e, a, b = map(int, np.argwhere(wrong)[0])
    edge = f" of edge {e}" if energy.own else ""
    return (
        f"it needs table[a, a] + table[b, b] <= table[a, b] + table[b, a], but for the labels {a}, "
        f"{b}{edge} it is {alike[e, a, b]:g} > {apart[e, a, b]:g}"
    )
