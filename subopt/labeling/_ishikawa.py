"""Exact minimization for tables that are submodular in the order of the labels, by one minimum cut.

These are all convex functions of the difference of two labels, and, for two labels, every table
with ``T[0, 0] + T[1, 1] <= T[0, 1] + T[1, 0]``.
"""

from __future__ import annotations

import math

from subopt._base.answer import Status
from subopt._base.options import Deadline, documented, reported
from subopt.labeling._magnitude import simplified
from subopt.labeling._refined import refined
from subopt.labeling.certificates import measure_again
from subopt.labeling.cut_graphs import Cut, OrderedTable, ordered, ordered_table
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.moves.expand import expansions
from subopt.labeling.result import Labeling, certified


@reported
@documented
def ishikawa(
    energy: LabelingEnergy, *, time_limit: float | None = None, verbose: bool = False
) -> Labeling:
    """Minimize a labeling energy whose table is submodular in the order of the labels.

    Parameters
    ----------
    energy : LabelingEnergy
        With ``weight * (T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1]) <= 0`` for all
        labels, such as metric "linear" or "quadratic" without truncation. Any unary costs, no label
        costs. Forbidden pairs are allowed where infinity keeps the table submodular and pairs of
        equal labels are finite. Tables per edge are allowed, each as described.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        With a `MessageCertificate`. The status is OPTIMAL unless rounding left a gap, then
        SLOW_PROGRESS, or TIME_LIMIT, with the bound of the flow found by then if that is computed
        soon after the limit.

    Raises
    ------
    TypeError, ValueError
        If `energy` is no `LabelingEnergy`, has label costs, or a table that is not as needed; the
        message names the labels.

    Notes
    -----
    The graph has n (L - 1) nodes, and one arc per edge and nonzero mixed difference of the table:
    m (L - 1) arcs for "linear" and "quadratic", and up to m (L - 1)^2 for other tables. Two labels
    on a grid are solved by `grid_cut`.

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
    >>> result.labels, result.value, result.status.name, result.certificate.check(energy, result)
    (array([0, 1, 2]), 2.0, 'OPTIMAL', 0.0)
    """
    require_energy("ishikawa", energy)
    deadline = Deadline(time_limit)
    table = _table(energy)
    if isinstance(table, str):
        raise ValueError(
            f"ishikawa does not fit: {table}. alpha_expansion takes any metric, alpha_beta_swap a "
            "semimetric, fusion any table; with two labels, so does qpbo."
        )
    return finished(energy, ordered(energy, table, deadline), deadline)


def finished(energy: LabelingEnergy, cut: Cut, deadline: Deadline) -> Labeling:
    """Return the answer of `ishikawa` for a minimum cut."""
    known = cut.measure.lower_bound > -math.inf
    if known and not cut.measure.rounding:  # costs so large that the cut missed the small ones
        labels = refined(energy, expansions(energy.n_labels), cut.labels, deadline)
        if labels is not cut.labels:
            best = measure_again(energy, labels, cut.given, cut.measure, deadline)
            cut = cut._replace(labels=labels, measure=best)
    labeling = Labeling(
        labels=cut.labels.reshape(energy.shape),
        value=cut.measure.value,
        status=Status.TIME_LIMIT if cut.stopped else Status.SLOW_PROGRESS,
        method="ishikawa",
        n_cuts=cut.cuts,
    )
    return certified(energy, labeling, cut.given, cut.measure)


def can_solve(energy: LabelingEnergy) -> str | None:
    """Return why `ishikawa` does not fit an energy; None if it fits."""
    table = _table(energy)
    return table if isinstance(table, str) else None


def _table(energy: LabelingEnergy) -> OrderedTable | str:
    if energy.label_costs.any():
        return "it takes no label costs"
    return ordered_table(simplified(energy))
