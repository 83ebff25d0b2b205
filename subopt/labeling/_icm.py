"""Iterated conditional modes: every node in turn takes the label that is best for it.

Takes any energy, label costs and negative weights included, and finds poor local minima: for
what no cut can do, and to finish what something better has begun.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.jit import njit
from subopt._base.types import ArrayLike
from subopt.labeling._magnitude import rounding
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, local


def icm(
    energy: LabelingEnergy, *, initial: ArrayLike | None = None, max_cycles: int = 1000
) -> Labeling:
    r"""Minimize any labeling energy node by node.

    Parameters
    ----------
    energy : LabelingEnergy
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default the cheapest label of every node.
    max_cycles : int, default 1000
        Passes over all nodes at most.

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM, no change of one label lowers the energy, or ITERATION_LIMIT.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; the message names the entry.

    Notes
    -----
    A pass costs O((n + m) L) for n nodes, m edges and L labels.

    References
    ----------
    .. [1] J. Besag, "On the statistical analysis of dirty pictures", J. Royal Statistical Society B
       48(3), 1986, section 2.5.

    Examples
    --------
    >>> unary = [[0, 1], [1, 0], [0, 1]]
    >>> energy = LabelingEnergy(unary, weights=[-2.0, 0.6], edges=[(0, 1), (1, 2)])
    >>> icm(energy).labels
    array([0, 1, 0])
    """
    require_energy("icm", energy)
    if initial is None:
        labels = energy.costs.argmin(axis=0)
    else:
        labels = energy.check_labels("initial", initial)
    cycles = validate.positive_int("max_cycles", max_cycles)
    count = np.bincount(labels, minlength=energy.n_labels)
    done = _descend(
        energy.costs,
        energy.tables,
        energy.adjacency,
        np.array(energy.label_costs),
        labels,
        count,
        float(rounding(energy)),
        cycles,
    )
    return local(energy, labels, "icm", done=done)


@njit
def _descend(costs, tables, graph, label_costs, labels, count, tolerance, cycles):
    """Improve nodes in turn; return whether none can be improved any more."""
    indptr, heads, _, weight, turned, _ = graph
    n_labels, n = costs.shape
    cost = np.empty(n_labels)
    for _ in range(cycles):
        improved = False
        for k in range(n):
            now = labels[k]
            count[now] -= 1
            for a in range(n_labels):
                cost[a] = costs[a, k]
                if count[a] == 0:
                    cost[a] += label_costs[a]
            for e in range(indptr[k], indptr[k + 1]):
                t, c = turned[e], labels[heads[e]]
                for a in range(n_labels):
                    cost[a] += weight[e] * tables[t, a, c]
            best = np.argmin(cost)
            if cost[best] < cost[now] - tolerance:
                labels[k] = best
                improved = True
            count[labels[k]] += 1
        if not improved:
            return True
    return False
