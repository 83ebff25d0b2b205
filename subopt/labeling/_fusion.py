"""Fusion moves: each node keeps its label or takes the one of a proposal, by roof duality.

Proposals are single labels, as in expansions, and labelings found by other methods. The table need
not be a metric. Nodes for which the roof dual does not decide keep their label, so that no fusion
increases the energy (V. Lempitsky, C. Rother, S. Roth, A. Blake, "Fusion moves for Markov random
field optimization", IEEE TPAMI 32(8), 2010).
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.options import Deadline, documented, reported
from subopt._base.types import Array, ArrayLike
from subopt.labeling import _icm
from subopt.labeling._magnitude import bounded, simple_labels, simplified
from subopt.labeling._roof import Binary, over, solved, without_least
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, local, local_status


@reported
@documented
def fusion(
    energy: LabelingEnergy,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Labeling:
    r"""Minimize a labeling energy with any table by fusion moves.

    Parameters
    ----------
    energy : LabelingEnergy
        Any tables and weights, no label costs.
    start : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default those that `icm` finds.
    %(max_iter)s
        Each tries all labels.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM, if neither the roof dual of an expansion of any label nor a
        change of one label lowers the energy, else ITERATION_LIMIT or TIME_LIMIT.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if `energy` has label costs.

    Notes
    -----
    An expansion costs a maximum flow on up to 2 n nodes and 2 m arcs.

    References
    ----------
    .. [1] V. Lempitsky, C. Rother, S. Roth, A. Blake, "Fusion moves for Markov random field
       optimization", IEEE TPAMI 32(8), 2010.

    Examples
    --------
    Equal labels that have a negative cost are not a metric:

    >>> energy = LabelingEnergy(np.zeros((2, 3)), metric=np.diag([5.0, 5.0, -10.0]))
    >>> fusion(energy).labels, fusion(energy).value
    (array([2, 2]), -10.0)
    """
    require_energy("fusion", energy)
    if (reason := can_solve(energy)) is not None:
        raise ValueError(f"fusion does not fit: {reason}. alpha_beta_swap and icm take them.")
    cycles = validate.positive_int("max_iter", max_iter)
    deadline = Deadline(time_limit)
    simple = simplified(energy)
    labels = simple_labels(simple) if start is None else energy.check_labels("start", start)
    if start is None:
        _icm.improve(energy, labels, deadline=deadline)
    cuts, done = 0, False
    for _ in range(cycles):
        before = labels
        for a in range(energy.n_labels):
            if deadline.passed():
                break
            proposal = np.full(energy.n, a, np.int64)
            labels = fused(energy, simple, labels, proposal, deadline)
            cuts += 1
        _icm.improve(energy, labels, deadline=deadline)
        if deadline.passed():
            break
        if not energy.is_lower(labels, before):
            done = True
            break
    status = local_status(done=done, stopped=deadline.passed())
    return local(energy, labels, "fusion", status, n_cuts=cuts)


def can_solve(energy: LabelingEnergy) -> str | None:
    """Return why `fusion` does not fit an energy; None if it fits."""
    return "it takes no label costs" if energy.label_costs.any() else None


def fused(
    energy: LabelingEnergy, simple: LabelingEnergy, x: Array, y: Array, deadline: Deadline
) -> Array:
    """Return the best of two labelings and their fusion by roof duality."""
    if energy.is_lower(y, x):
        x, y = y, x
    free = x != y
    if not free.any():
        return x
    work = bounded(simple, x)
    if over(len(energy.tails), deadline):
        return x
    kept, choice = np.zeros(int(free.sum()), bool), _choice(work, free, x, y)
    if over(len(energy.tails), deadline):
        return x
    chosen = solved(choice, kept, deadline, probe=False)
    if not chosen.any():
        return x
    z = x.copy()
    z[np.flatnonzero(free)[chosen]] = y[free][chosen]
    return z if energy.is_lower(z, x) else x


def _choice(energy: LabelingEnergy, free: Array, x: Array, y: Array) -> Binary:
    """Return the energy of taking y, 1, or keeping x, 0, at the free nodes."""
    p, q, w, T = energy.tails, energy.heads, energy.weights, energy.tables
    edge = np.arange(len(w)) if energy.own else np.zeros(len(w), np.int64)
    place = np.cumsum(free) - 1
    node = np.flatnonzero(free)
    cost = energy.costs[y[node], node] - energy.costs[x[node], node]
    both, one = free[p] & free[q], free[p] != free[q]
    some = p[one], q[one]
    step = w[one] * (
        T[
            edge[one],
            np.where(free[some[0]], y[some[0]], x[some[0]]),
            np.where(free[some[1]], y[some[1]], x[some[1]]),
        ]
        - T[edge[one], x[some[0]], x[some[1]]]
    )
    np.add.at(cost, place[np.where(free[some[0]], some[0], some[1])], step)
    p, q, w, edge = p[both], q[both], w[both], edge[both]
    pairs, L = np.empty((len(p), 2, 2)), energy.n_labels
    for i, a in enumerate((x[p], y[p])):
        for j, b in enumerate((x[q], y[q])):
            pairs[:, i, j] = w * T.ravel().take((edge * L + a) * L + b)
    return Binary(cost, without_least(pairs), place[p], place[q])
