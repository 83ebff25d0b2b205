"""Iterated conditional modes: each node in turn takes its best label, given the other labels.

The method accepts every energy, with label costs, negative weights and forbidden labels, but finds
poor local minima. It is useful for energies that no minimum cut applies to, and to improve the
labels of another method.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.interruptible import flag, interruptible, is_short
from subopt._base.jit import inner, uncounted
from subopt._base.options import Deadline, documented, reported
from subopt._base.types import Array, ArrayLike
from subopt.labeling._adjacency import Adjacency, table_at
from subopt.labeling._exact import add, two_product
from subopt.labeling._magnitude import simple_labels
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, local, local_status


@reported
@documented
def icm(
    energy: LabelingEnergy,
    *,
    start: ArrayLike | None = None,
    max_iter: int = 1000,
    time_limit: float | None = None,
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
    %(max_iter)s
        Each is a pass over all nodes.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        ``status`` is LOCAL_MINIMUM, if no change of one label lowers the energy, else
        ITERATION_LIMIT or TIME_LIMIT.

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
    deadline = Deadline(time_limit)
    passes = validate.positive_int("max_iter", max_iter)
    done = improve(energy, labels, passes, deadline=deadline)
    return local(energy, labels, "icm", local_status(done=done, stopped=deadline.passed()))


def improve(
    energy: LabelingEnergy, labels: Array, passes: int = 1000, *, deadline: Deadline | None = None
) -> bool:
    """Improve labels in place; return whether no change of a single label improves them further."""
    if deadline is not None and deadline.passed():
        return False
    count = np.bincount(labels, minlength=energy.n_labels)
    stop = flag()
    terms = Terms(energy.costs, energy.seen_tables, energy.adjacency, np.array(energy.label_costs))
    n_labels = energy.n_labels
    here = NodeCosts(np.empty(n_labels), np.empty(n_labels), np.empty(n_labels, np.int64))
    args = terms, labels, count, here, np.int64(passes), stop
    short = is_short(16 * n_labels * (energy.n + len(energy.tails)))  # there are several passes
    return bool(interruptible(_descend, *args, stop=stop, deadline=deadline, short=short))


class Terms(NamedTuple):
    """An energy as kernels read it."""

    costs: Array  # (labels, n)
    tables: Array  # (2 or 2 m, labels, labels), from the first and from the second end of edges
    graph: Adjacency
    label_costs: Array  # (labels,)


class NodeCosts(NamedTuple):
    """What the labels of a node cost, relative to its own."""

    cost: Array  # (labels,)
    size: Array  # (labels,) of the numbers that it is made of
    forbidden: Array  # (labels,) int64, number of infinite ones


@uncounted
def _descend(terms, labels, count, here, passes, stop):
    """Improve nodes in turn; return whether none can be improved further.

    Costs are relative to the label that a node has. A change has to lower the number of forbidden
    labels and pairs, or else the cost; where rounding leaves that open, `_change` tells.
    """
    costs, tables, graph = terms.costs, terms.tables, terms.graph
    n_labels, n = costs.shape
    cost, size, forbidden = here.cost, here.size, here.forbidden
    for _ in range(passes):
        improved = False
        for k in range(n):
            if k % 256 == 0 and stop[0] != 0:
                return False
            now = labels[k]
            count[now] -= 1
            parts = 3
            _start_node(costs[:, k], now, terms.label_costs, count, here)
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                w = graph.weight[e]
                if w == 0.0:
                    continue
                t, c = table_at(graph, e), labels[graph.heads[e]]
                parts += 1
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
            unit = parts * 2.0**-51
            rounding = unit * (size[best] + size[now])
            if forbidden[best] == forbidden[now] and cost[best] >= cost[now] - rounding:
                best, least = now, 0.0
                for a in range(n_labels):
                    near = cost[a] <= cost[now] + unit * (size[a] + size[now])
                    if a != now and forbidden[a] == forbidden[now] and near and size[a] > 0.0:
                        change = _change(terms, labels, count, k, a)
                        if change < least:
                            best, least = a, change
            improved |= best != now
            labels[k] = best
            count[best] += 1
        if not improved:
            return True
    return False


@inner
def _start_node(unary, now, label_costs, count, out):
    """Set the costs of the labels of a node without its edges."""
    cost, size, forbidden = out.cost, out.size, out.forbidden
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


@inner
def _change(terms, labels, count, k, a):
    """Return what label a costs node k more than its label does, with an error below its size.

    `count` is without this node.
    """
    costs, tables, graph = terms.costs, terms.tables, terms.graph
    label_costs = terms.label_costs
    now, total = labels[k], (0.0, 0.0, 0.0)
    for side in range(2):
        label, sign = (now, -1.0) if side else (a, 1.0)
        c = costs[label, k]
        total = add(total, sign * c if c < np.inf else 0.0)
        total = add(total, sign * label_costs[label] if count[label] == 0 else 0.0)
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            w, c = graph.weight[e], tables[table_at(graph, e), label, labels[graph.heads[e]]]
            if w != 0.0 and c < np.inf:
                high, low = two_product(w, sign * c)
                total = add(add(total, high), low)
    high, low, error = total
    change = high + low
    return change if abs(change) > error else 0.0
