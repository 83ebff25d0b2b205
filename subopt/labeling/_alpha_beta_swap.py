"""Alpha-beta swap: the nodes with one of two labels get either anew, optimally, by a minimum cut.

The table need not be a metric (Boykov, Veksler, Zabih, "Fast approximate energy minimization via
graph cuts", IEEE TPAMI 23(11), 2001, section 3). E is submodular in the nodes that have either
label, so a swap helps only if it does where no node takes the first, or none the second: swaps are
made one side at a time, as expansions of b into the nodes that have a, with all that makes these
fast.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import ArrayLike
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves import driver
from subopt.labeling.moves.driver import LabelingBatch
from subopt.labeling.moves.expand import swaps
from subopt.labeling.result import Labeling


def alpha_beta_swap(
    energy: LabelingEnergy, *, initial: ArrayLike | None = None, max_cycles: int = 1000
) -> Labeling:
    r"""Minimize a labeling energy by swap moves.

    Parameters
    ----------
    energy : LabelingEnergy
        With weights >= 0 and ``table[a, a] + table[b, b] <= table[a, b] + table[b, a]`` for all
        labels.
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default what message passing suggests.
    max_cycles : int, default 1000
        How often to try all pairs of labels; a handful is enough.

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM if no swap of any two labels lowers the energy, or
        ITERATION_LIMIT.

    Raises
    ------
    ValueError
        If a pair of labels or a weight is not as needed; the message names them.

    Notes
    -----
    For m edges and L labels, about 20 m L bytes while it starts and 8 m L afterwards; where
    8 m L are more than 512 MiB it starts from the cheapest label, and keeps no flows. With label
    costs every move is a cut of the whole graph.

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
    _check(energy)
    return driver.solve("alpha_beta_swap", energy, swaps(energy.n_labels), initial, max_cycles)


def alpha_beta_swap_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None
) -> LabelingBatch:
    r"""Swap in many problems that differ in their unary costs, in one call.

    Parameters
    ----------
    energy : LabelingEnergy
        The graph, the weights and the table; its unary costs are not used.
    unaries : array_like of shape (P, \*grid, L) or (P, n, L)
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.

    Returns
    -------
    LabelingBatch

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if the energy is not as `alpha_beta_swap` needs it.

    Examples
    --------
    >>> energy = LabelingEnergy(np.zeros((4, 4, 3)), weights=0.2)
    >>> many = alpha_beta_swap_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> many.labels.shape, many.values.shape
    ((100, 4, 4), (100,))
    """
    _check(energy)
    return driver.solve_many(energy, unaries, swaps(energy.n_labels), threads)


def _check(energy: LabelingEnergy) -> None:
    driver.check("alpha_beta_swap", energy)
    T = energy.table
    bend = T + T.T - np.diag(T) - np.diag(T)[:, None]
    wrong = bend < -1e-12 * np.abs(T).max(initial=0.0)
    if wrong.any():
        a, b = map(int, np.argwhere(wrong)[0])
        raise ValueError(
            f"alpha_beta_swap needs table[a, a] + table[b, b] <= table[a, b] + table[b, a], but "
            f"for the labels {a}, {b} it is {T[a, a] + T[b, b]:g} > {T[a, b] + T[b, a]:g}. icm "
            "takes any table; with two labels, qpbo does."
        )
