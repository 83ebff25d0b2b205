"""Iterated conditional modes: each node in turn takes its best label, given the other labels.

The method accepts every energy, with label costs, negative weights and forbidden labels, but finds
poor local minima. It is useful for energies that no minimum cut applies to, and to improve the
labels of another method.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.jit import njit
from subopt._base.options import documented
from subopt._base.report import reported
from subopt._base.types import Array, ArrayLike
from subopt.labeling._magnitude import simple_labels
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, local


@reported
@documented
def icm(
    energy: LabelingEnergy,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 1000,
    verbose: bool = False,
) -> Labeling:
    r"""Minimize any labeling energy node by node.

    Parameters
    ----------
    energy : LabelingEnergy
        The energy, with any costs.
    start : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from. By default the cheapest label of every node, or the one label that is
        best for all nodes, whichever has the lower energy.
    max_iter : int, default 1000
        Largest number of passes over all nodes.
    %(verbose)s

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM, if no change of one label lowers the energy, or
        ITERATION_LIMIT.

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
    labels = simple_labels(energy) if start is None else energy.check_labels("start", start)
    done = improve(energy, labels, validate.positive_int("max_iter", max_iter))
    return local(energy, labels, "icm", done=done)


def improve(energy: LabelingEnergy, labels: Array, passes: int = 1000) -> bool:
    """Improve labels in place; return whether no change of a single label improves them further."""
    count = np.bincount(labels, minlength=energy.n_labels)
    return bool(
        _descend(
            energy.costs,
            energy.tables,
            energy.adjacency,
            np.array(energy.label_costs),
            labels,
            count,
            np.int64(passes),
        )
    )


@njit
def _descend(costs, tables, graph, label_costs, labels, count, passes):
    """Improve nodes in turn; return whether none can be improved further.

    Costs are relative to the label that a node has. A change has to lower the number of forbidden
    labels and pairs, or else the cost, by more than the rounding error of its terms.
    """
    n_labels, n = costs.shape
    cost, size = np.empty(n_labels), np.empty(n_labels)
    forbidden = np.empty(n_labels, np.int64)
    for _ in range(passes):
        improved = False
        for k in range(n):
            now = labels[k]
            count[now] -= 1
            terms = 3
            _start_node(costs[:, k], now, label_costs, count, (cost, size, forbidden))
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                w = graph.weight[e]
                if w == 0.0:
                    continue
                t, c = graph.turned[e], labels[graph.heads[e]]
                terms += 1
                base = tables[t, now, c]
                base = base if base < np.inf else 0.0
                for a in range(n_labels):
                    more = tables[t, a, c]
                    if more == np.inf:
                        forbidden[a] += 1
                    else:
                        cost[a] += w * (more - base)
                        size[a] += abs(w * (more - base))
            best = now
            for a in range(n_labels):
                if forbidden[a] < forbidden[best] or (
                    forbidden[a] == forbidden[best] and cost[a] < cost[best]
                ):
                    best = a
            rounding = terms * 2.0**-51 * (size[best] + size[now])
            if forbidden[best] < forbidden[now] or cost[best] < cost[now] - rounding:
                labels[k] = best
                improved = True
            count[labels[k]] += 1
        if not improved:
            return True
    return False


@njit
def _start_node(unary, now, label_costs, count, out):
    """Set the costs of the labels of a node without its edges."""
    cost, size, forbidden = out
    base = unary[now] if unary[now] < np.inf else 0.0
    for a in range(unary.shape[0]):
        used = label_costs[a] if count[a] == 0 else 0.0
        if unary[a] == np.inf:
            forbidden[a] = 1
            cost[a] = used
        else:
            forbidden[a] = 0
            cost[a] = unary[a] - base + used
        size[a] = abs(cost[a])
