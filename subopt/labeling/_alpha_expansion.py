"""Alpha-expansion: any nodes may take one label at once, optimally, by a minimum cut.

Without label costs, and with unary costs >= 0, the answer costs at most 2 max(V) / min(V) times as
much as the best labeling, V of two different labels (Boykov, Veksler, Zabih, "Fast approximate
energy minimization via graph cuts", IEEE TPAMI 23(11), 2001, theorem 6.1); with label costs another
bound holds (A. Delong and others, reference 3 below). With a lower bound it is usually seen to be
within a percent.

Work follows the change: labels and flows start from messages, every label keeps the flow of its
last expansion, the next one starts from there, and looks only at the surroundings of nodes that
this leaves unsettled (compare P. Kohli, P. Torr, "Dynamic graph cuts for efficient inference in
Markov random fields", IEEE TPAMI 29(12), 2007, and the primal-dual moves of N. Komodakis, G.
Tziritas, "Approximate labeling via graph cuts based on linear programming", IEEE TPAMI 29(8),
2007).
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import ArrayLike
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves import driver
from subopt.labeling.moves.driver import LabelingBatch
from subopt.labeling.moves.expand import expansions
from subopt.labeling.result import Labeling


def alpha_expansion(
    energy: LabelingEnergy, *, initial: ArrayLike | None = None, max_cycles: int = 1000
) -> Labeling:
    r"""Minimize a labeling energy with a metric by expansion moves.

    Parameters
    ----------
    energy : LabelingEnergy
        With weights >= 0 and a metric: ``table[a, a] + table[b, c] <= table[b, a] + table[a, c]``
        for all labels.
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default what message passing suggests.
    max_cycles : int, default 1000
        How often to try all labels; a handful is enough.

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM if no expansion of any label lowers the energy, or
        ITERATION_LIMIT.

    Raises
    ------
    ValueError
        If the table is no metric or a weight negative; the message names them and what to use.

    Notes
    -----
    For m edges and L labels, about 20 m L bytes while it starts and 8 m L afterwards; where
    8 m L are more than 512 MiB it starts from the cheapest label, and keeps no flows. With label
    costs every move is a cut of the whole graph.

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
    _check(energy)
    return driver.solve("alpha_expansion", energy, expansions(energy.n_labels), initial, max_cycles)


def alpha_expansion_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None
) -> LabelingBatch:
    r"""Expand many problems that differ in their unary costs, in one call.

    Parameters
    ----------
    energy : LabelingEnergy
        The graph, the weights and the metric; its unary costs are not used.
    unaries : array_like of shape (P, \*grid, L) or (P, n, L)
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.

    Returns
    -------
    LabelingBatch

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if the energy is not as `alpha_expansion` needs it.

    Examples
    --------
    >>> energy = LabelingEnergy(np.zeros((4, 4, 3)), weights=0.2)
    >>> many = alpha_expansion_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> many.labels.shape, many.values.shape
    ((100, 4, 4), (100,))
    """
    _check(energy)
    return driver.solve_many(energy, unaries, expansions(energy.n_labels), threads)


def _check(energy: LabelingEnergy) -> None:
    driver.check("alpha_expansion", energy)
    table = energy.table
    slack = 1e-12 * np.abs(table).max(initial=0.0)
    for a in range(energy.n_labels):
        short = table[:, a, None] + table[a] - table - table[a, a]
        if (short < -slack).any():
            b, c = map(int, np.argwhere(short < -slack)[0])
            raise ValueError(
                f"alpha_expansion needs a metric, but for the labels {b}, {a}, {c} the table has "
                f"[{b}, {c}] + [{a}, {a}] = {table[b, c] + table[a, a]:g} > [{b}, {a}] + "
                f"[{a}, {c}] = {table[b, a] + table[a, c]:g}. alpha_beta_swap does not need the "
                "triangle inequality; with two labels, qpbo takes any table."
            )
