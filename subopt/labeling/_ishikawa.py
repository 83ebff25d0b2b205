"""Exact minimum for convex costs on ordered labels, by one minimum cut.

And for every table that is submodular in the order of the labels, which is all that it needs.
"""

from __future__ import annotations

import numpy as np

from subopt._base.answer import Status
from subopt.labeling.cut_graphs import mixed_differences, solve
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified


def ishikawa(energy: LabelingEnergy) -> Labeling:
    """Minimize a labeling energy that is convex in the differences of labels.

    Parameters
    ----------
    energy : LabelingEnergy
        Such as metric "linear" or "quadratic" without truncation, or any table and weights with
        ``weight * (T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1]) <= 0``. Any unary costs;
        no label costs. With two labels this is every energy that one cut can minimize.

    Returns
    -------
    Labeling
        With a `CutGraphCertificate`; the status is OPTIMAL. Of several minimizers, the lowest.

    Raises
    ------
    TypeError, ValueError
        If `energy` is no `LabelingEnergy`, has label costs, or a table that is not as needed; the
        message names the labels.

    Notes
    -----
    The graph has n (L - 1) nodes, and an arc per edge and nonzero bend of the table: m (L - 1) for
    "linear", m (L - 1) for "quadratic" too, and up to m (L - 1)^2 for other tables.

    References
    ----------
    .. [1] H. Ishikawa, "Exact optimization for Markov random fields with convex priors", IEEE TPAMI
       25(10), 2003.
    .. [2] D. Schlesinger, B. Flach, "Transforming an arbitrary minsum problem into a binary one",
       TU Dresden, 2006.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3, 9], [2, 1, 2], [9, 3, 0]], metric="linear", weights=0.5)
    >>> result = ishikawa(energy)
    >>> result.labels, result.value, result.status.name, result.certificate.check(energy)
    (array([0, 1, 2]), 2.0, 'OPTIMAL', 2.0)
    """
    _check(energy)
    cut, certificate = solve("ordered", energy)
    labels = np.asarray(cut.source_side).reshape(energy.n, -1).sum(axis=1)
    labeling = Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=Status.SLOW_PROGRESS,
        method="ishikawa",
        n_cuts=1,
    )
    return certified(energy, labeling, certificate)


def _check(energy: LabelingEnergy) -> None:
    require_energy("ishikawa", energy)
    if energy.label_costs.any():
        raise ValueError(
            "ishikawa takes no label costs. alpha_expansion, alpha_beta_swap and icm take them."
        )
    m = mixed_differences(energy.table)
    if not len(energy.weights) or not m.size:
        return
    for e in (int(energy.weights.argmax()), int(energy.weights.argmin())):
        w = energy.weights[e]
        if (w * m > 0).any():
            i, j = map(int, np.argwhere(w * m > 0)[0])
            raise ValueError(
                "ishikawa needs weight * (T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1]) "
                f"<= 0, but it is {w * m[i, j]:g} for i = {i}, j = {j} and edge {e} of weight "
                f"{w:g}. alpha_expansion takes any metric, alpha_beta_swap less; with two labels, "
                "qpbo takes any table."
            )
