"""Alpha-expansion: moves in which any set of nodes may change to one label, by a minimum cut.

Without label costs and with unary costs >= 0, the energy of the answer is at most 2 max(V) / min(V)
times the minimum, where V ranges over pairs of different labels (Boykov, Veksler, Zabih, "Fast
approximate energy minimization via graph cuts", IEEE TPAMI 23(11), 2001, theorem 6.1). With label
costs another bound holds (A. Delong and others, reference 3 below). A lower bound usually shows
that the answer is within one percent of the minimum.

Initial labels and flows are computed by message passing. The flow of the last expansion of each
label is kept. The next expansion of the label starts from it, and examines only the surroundings of
nodes that the flow leaves undecided (compare P. Kohli, P. Torr, "Dynamic graph cuts for efficient
inference in Markov random fields", IEEE TPAMI 29(12), 2007, and the primal-dual moves of
N. Komodakis, G. Tziritas, "Approximate labeling via graph cuts based on linear programming", IEEE
TPAMI 29(8), 2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.options import reported
from subopt._base.types import Array, ArrayLike
from subopt.labeling._magnitude import simplified
from subopt.labeling._wording import on_moves
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves import driver
from subopt.labeling.moves.driver import LabelingBatch
from subopt.labeling.moves.expand import expansions
from subopt.labeling.result import Labeling

_OTHERS = (
    "alpha_beta_swap does not need the triangle inequality, and fusion takes any table; with two "
    "labels, qpbo takes any table."
)


@reported
@on_moves
def alpha_expansion(
    energy: LabelingEnergy,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Labeling:
    r"""Minimize a labeling energy with a metric by expansion moves.

    Parameters
    ----------
    energy : LabelingEnergy
        With weights >= 0 and a metric: ``table[a, a] + table[b, c] <= table[b, a] + table[a, c]``
        for all labels. The table need not be symmetric, and every edge may have
        its own.
    %(start)s
    %(max_iter)s
        Each tries all labels; a handful is usually enough.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM if no expansion of any label lowers the energy, else
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
       IEEE TPAMI 23(11), 2001.
    .. [2] P. Kohli, P. H. S. Torr, "Dynamic graph cuts for efficient inference in Markov random
       fields", IEEE TPAMI 29(12), 2007.
    .. [3] A. Delong, A. Osokin, H. N. Isack, Y. Boykov, "Fast approximate energy minimization with
       label costs", International Journal of Computer Vision 96(1), 2012.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5)
    >>> result = alpha_expansion(energy)
    >>> result.labels, result.value, result.status.name
    (array([0, 1, 2]), 2.0, 'LOCAL_MINIMUM')
    """
    driver.require("alpha_expansion", energy, can_solve, _OTHERS)
    return driver.solve(
        "alpha_expansion", energy, expansions(energy.n_labels), start, max_iter, time_limit
    )


@on_moves
def alpha_expansion_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None, executor: Any = None
) -> LabelingBatch:
    r"""Run `alpha_expansion` on many problems that differ in their unary costs.

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
    >>> many = alpha_expansion_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> len(many), many.labels.shape, many.values.shape
    (100, (100, 4, 4), (100,))
    """
    driver.require("alpha_expansion", energy, can_solve, _OTHERS)
    return driver.solve_many(
        "alpha_expansion", energy, unaries, expansions(energy.n_labels), threads, executor
    )


def can_solve(energy: LabelingEnergy) -> str | None:
    """Return why `alpha_expansion` does not fit an energy; None if it fits."""
    simple = simplified(energy)
    if (reason := driver.negative_weight(simple)) is not None:
        return reason
    T = simple.tables
    if simple.terms.uniform > 0.0 or _is_linear(T):
        return None
    for a in range(energy.n_labels):
        direct = T + T[:, a, a, None, None]
        to, back = T[:, :, a, None], T[:, a, None, :]
        around = to + back
        wrong = direct > around + simple.table_rounding * (np.abs(to) + np.abs(back))
        if wrong.any():
            e, b, c = map(int, np.argwhere(wrong)[0])
            name = f"tables[{e}]" if energy.own else "table"
            return (
                f"it needs a metric, but for the labels {b}, {a}, {c} the {name} has [{b}, {c}] + "
                f"[{a}, {a}] = {direct[e, b, c]:g} > [{b}, {a}] + [{a}, {c}] = "
                f"{around[e, b, c]:g}"
            )
    return None


def _is_linear(tables: Array) -> bool:
    """Tell whether all edges have the table min(slope |a - b|, most), up to rounding.

    It is a metric then, which takes longer to see from all triples of labels.
    """
    if len(tables) != 1 or tables.shape[-1] < 2 or not tables[0, 0, 1] > 0.0:
        return False
    label, most = np.arange(tables.shape[-1]), float(tables.max())
    apart = np.abs(np.subtract.outer(label, label))
    if most == np.inf:
        return False
    line = np.minimum(tables[0, 0, 1] * apart, most)
    return bool((np.abs(tables[0] - line) <= 2.0**-50 * line).all())
