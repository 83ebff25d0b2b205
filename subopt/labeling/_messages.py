"""Compiled: sequential tree-reweighted message passing, for lower bounds and good first labels.

The edges are covered by chains along which the nodes are in increasing order: the i-th edge of a
node to an earlier neighbour is continued by its i-th edge to a later one. So max(earlier, later)
chains, at least one, pass through a node, and get equal parts of its cost. A sweep visits the nodes
in order; at a node the costs of its chains are averaged, and each passes on by dynamic programming
what it knows. The bound, the sum over the chains of their minima, never falls. ``messages[e]`` is
what the node whose row has arc e knows from the other end.

V. Kolmogorov, "Convergent tree-reweighted message passing for energy minimization", IEEE TPAMI
28(10), 2006, section 4.
"""

import numpy as np

from subopt._base.jit import any_order_without_nan, njit
from subopt._base.types import Array

FORWARD, BACKWARD = np.int64(0), np.int64(1)  # directions: by increasing or decreasing index


# minima and sums may be taken in any order, in vector registers: a bound is checked afterwards
@any_order_without_nan()
def sweep(costs, tables, uniform, graph, messages, direction, total):
    """Visit all nodes in one direction; return the bound.

    `costs` has the shape (n, labels). The bound is that of the chains after the sweep, see `split`.
    """
    indptr, heads, twin, weight, turned, _ = graph
    n, n_labels = costs.shape
    number = total.dtype.type
    bound = 0.0
    for step in range(n):
        p = step if direction == FORWARD else n - 1 - step
        for a in range(n_labels):
            total[a] = costs[p, a]
        come, go = 0, 0
        for e in range(indptr[p], indptr[p + 1]):
            passed = (heads[e] < p) == (direction == FORWARD)
            come += passed
            go += not passed
            for a in range(n_labels):
                total[a] += messages[e, a]
        chains = max(come, go, 1)
        part = number(1.0 / chains)
        lowest = number(np.inf)
        for a in range(n_labels):
            total[a] *= part
            lowest = min(lowest, total[a])
        bound += (chains - go) * lowest  # of the chains that end here
        for e in range(indptr[p], indptr[p + 1]):
            if (heads[e] < p) != (direction == FORWARD):
                back = twin[e]
                lowest = number(np.inf)
                for a in range(n_labels):
                    lowest = min(lowest, total[a] - messages[e, a])
                bound += lowest
                if uniform > 0.0 and weight[e] >= 0.0:
                    most = number(weight[e] * uniform)
                    for b in range(n_labels):
                        messages[back, b] = min(total[b] - messages[e, b] - lowest, most)
                else:
                    _send(total, messages, e, back, lowest, weight[e], tables, turned[e])
    return bound


@any_order_without_nan()
def _send(total, messages, e, back, lowest, weight, tables, t):
    n_labels = total.shape[0]
    for b in range(n_labels):
        best = total.dtype.type(np.inf)
        for a in range(n_labels):  # the row of the table that lies in order
            best = min(best, total[a] - messages[e, a] + weight * tables[1 - t, b, a])
        messages[back, b] = best - lowest


@njit
def choose(costs, tables, graph, messages, labels, cost):
    """Choose labels in order of the nodes, each for what is known of the later ones."""
    indptr, heads, _, weight, turned, _ = graph
    n, n_labels = costs.shape
    for p in range(n):
        for a in range(n_labels):
            cost[a] = costs[p, a]
        for e in range(indptr[p], indptr[p + 1]):
            t, w = turned[e], weight[e]
            if heads[e] < p:
                c = labels[heads[e]]
                for a in range(n_labels):
                    cost[a] += w * tables[1 - t, c, a]
            else:
                for a in range(n_labels):
                    cost[a] += messages[e, a]
        best = 0
        for a in range(1, n_labels):
            if cost[a] < cost[best]:
                best = a
        labels[p] = best


@njit
def split(costs, graph, first, messages, parts):
    """Write the costs that the chains through every node have, but for the last of them."""
    indptr, heads = graph[0], graph[1]
    n, n_labels = costs.shape
    for p in range(n):
        chains = first[p + 1] - first[p] + 1
        for j in range(chains - 1):
            for a in range(n_labels):
                parts[first[p] + j, a] = costs[p, a] / chains
        earlier, later = 0, 0
        for e in range(indptr[p], indptr[p + 1]):
            j = earlier if heads[e] < p else later
            earlier += heads[e] < p
            later += heads[e] > p
            for k in range(chains - 1):
                for a in range(n_labels):
                    parts[first[p] + k, a] += messages[e, a] / chains
            if j < chains - 1:
                for a in range(n_labels):
                    parts[first[p] + j, a] -= messages[e, a]


@njit
def chain_minima(costs, tables, graph, first, parts, cost_to_go):
    """Return the sum over all chains of their minima, by dynamic programming from the last node."""
    indptr, heads, _, weight, turned, edge = graph
    n_labels, n = costs.shape
    bound = 0.0
    cost = np.empty(n_labels)
    for p in range(n - 1, -1, -1):
        chains = first[p + 1] - first[p] + 1
        for j in range(chains):
            for a in range(n_labels):
                if j < chains - 1:
                    cost[a] = parts[first[p] + j, a]
                else:  # the last chain has what is left
                    cost[a] = costs[a, p]
                    for i in range(first[p], first[p + 1]):
                        cost[a] -= parts[i, a]
            before = -1
            earlier, later = 0, 0
            for e in range(indptr[p], indptr[p + 1]):
                if heads[e] < p:
                    if earlier == j:
                        before = e
                    earlier += 1
                else:
                    if later == j:
                        for a in range(n_labels):
                            cost[a] += cost_to_go[edge[e], a]
                    later += 1
            if before < 0:
                lowest = np.inf
                for a in range(n_labels):
                    lowest = min(lowest, cost[a])
                bound += lowest
                continue
            t, w = turned[before], weight[before]
            for b in range(n_labels):  # at the earlier node
                lowest = np.inf
                for a in range(n_labels):
                    lowest = min(lowest, cost[a] + w * tables[t, a, b])
                cost_to_go[edge[before], b] = lowest
    return bound


def uniform(table: Array) -> float:
    """Return the cost of two different labels if it is the same for all, and else 0."""
    most = float(table.max())
    apart = most * (1.0 - np.eye(len(table)))
    return most if np.array_equal(table, apart) else 0.0
