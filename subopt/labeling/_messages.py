"""Compiled: sequential tree-reweighted message passing, for lower bounds and good initial labels.

The edges are covered by chains along which the nodes are in increasing order: the i-th edge of a
node to an earlier neighbor is continued by its i-th edge to a later one. The number of chains
through a node is the larger of its numbers of earlier and later neighbors, and at least 1; its
unary cost is divided equally among them. A sweep visits the nodes in order. At each node the costs
of its chains are averaged and passed on along each chain by dynamic programming. The bound, the sum
of the minima of all chains, never decreases. ``messages[e]`` is the message that the node whose row
contains arc e receives from the other end. Costs are finite.

V. Kolmogorov, "Convergent tree-reweighted message passing for energy minimization", IEEE TPAMI
28(10), 2006, section 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inlined_without_nan, small_first_uncounted, uncounted, without_nan
from subopt._base.types import Array
from subopt.labeling._adjacency import table_at

FEW = 8  # labels up to which tables are not taken as linear


class Linear(NamedTuple):
    """A table min(slope |a - b|, most)."""

    slope: float
    most: float


class Tables(NamedTuple):
    """The tables of an energy, for kernels."""

    values: Array  # (2 or 2 m, labels, labels)
    uniform: float  # cost of two different labels if it is the same for all pairs, else 0


class Shape(NamedTuple):
    """What is known of a table for all edges, where sending takes less than all pairs of labels."""

    uniform: float = 0.0  # as in `Tables`
    linear: Linear | None = None  # without it, numba leaves out what it is for


def shape_of(tables: Array) -> Shape:
    """Return the shape of the one table of an energy; of no use where each edge has its own."""
    if len(tables) != 1 or tables.shape[-1] < 2 or not 0.0 < (most := float(tables.max())) < np.inf:
        return Shape()
    table, label = tables[0], np.arange(tables.shape[-1])
    apart = np.abs(np.subtract.outer(label, label))
    if np.array_equal(table, most * np.minimum(apart, 1)):
        return Shape(most)
    slope = float(table[0, 1])
    # messages may round: what they prove is computed from the energy
    linear = slope > 0.0 and np.allclose(table, np.minimum(slope * apart, most), 1e-12, 0.0)
    # for few labels, all pairs are faster than passes over them
    return Shape(0.0, Linear(slope, most)) if linear and len(label) > FEW else Shape()


ONE, TWO, FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
FORWARD, BACKWARD = np.int64(0), np.int64(1)  # directions: by increasing or decreasing index


@without_nan
def sweep(costs, tables, linear, graph, messages, direction, scratch, stop):
    """Visit all nodes in one direction; return the bound.

    `costs` has the shape (n, labels), `scratch` (3, labels); `linear` is that of `Shape`. The bound
    is that of the chains after the sweep, minus infinity if the flag `stop` ended it; messages are
    valid then as well.
    """
    n, n_labels = costs.shape
    total, left, least, values = scratch[0], scratch[1], scratch[2], tables.values
    number = total.dtype.type
    bound = 0.0
    for step in range(n):
        p = step if direction == FORWARD else n - 1 - step
        if step % 256 == 0 and stop[0] != 0:
            return -np.inf
        first, last = np.uint64(graph.indptr[p]), np.uint64(graph.indptr[p + 1])
        come = 0
        for e in range(first, last):
            come += (graph.heads[e] < p) == (direction == FORWARD)
        go = np.int64(last - first) - come
        chains = max(come, go, 1)
        part, lowest = number(1.0 / chains), number(np.inf)
        if last - first == FOUR:  # most nodes of images: one pass over four messages is faster
            second, third, fourth = first + ONE, first + TWO, last - ONE
            for a in range(n_labels):
                own = costs[p, a] + messages[first, a] + messages[second, a]
                total[a] = (own + messages[third, a] + messages[fourth, a]) * part
                lowest = min(lowest, total[a])
        else:
            for a in range(n_labels):
                total[a] = costs[p, a]
            for e in range(first, last):
                for a in range(n_labels):
                    total[a] += messages[e, a]
            for a in range(n_labels):
                total[a] *= part
                lowest = min(lowest, total[a])
        bound += (chains - go) * lowest  # of the chains that end here
        if tables.uniform > 0.0 and go == 2:
            # two messages at once, as at most nodes of images: loops over few labels take longer
            # to start than to run
            e = first
            while (graph.heads[e] < p) == (direction == FORWARD):
                e += ONE
            f = e + ONE
            while (graph.heads[f] < p) == (direction == FORWARD):
                f += ONE
            if graph.weight[e] >= 0.0 and graph.weight[f] >= 0.0:
                lowest, other = number(np.inf), number(np.inf)
                for a in range(n_labels):
                    left[a] = total[a] - messages[e, a]
                    least[a] = total[a] - messages[f, a]
                    lowest, other = min(lowest, left[a]), min(other, least[a])
                bound += lowest
                bound += other
                most = number(graph.weight[e] * tables.uniform)
                more = number(graph.weight[f] * tables.uniform)
                back, there = np.uint64(graph.twin[e]), np.uint64(graph.twin[f])
                for b in range(n_labels):
                    messages[back, b] = min(left[b] - lowest, most)
                    messages[there, b] = min(least[b] - other, more)
                continue
        for e in range(first, last):
            if (graph.heads[e] < p) != (direction == FORWARD):
                back = np.uint64(graph.twin[e])
                lowest = number(np.inf)
                for a in range(n_labels):
                    left[a] = total[a] - messages[e, a]
                    lowest = min(lowest, left[a])
                bound += lowest
                if tables.uniform > 0.0 and graph.weight[e] >= 0.0:
                    most = number(graph.weight[e] * tables.uniform)
                    for b in range(n_labels):
                        messages[back, b] = min(left[b] - lowest, most)
                    continue
                if linear is not None:  # noqa: SIM102 (numba leaves out just this form)
                    if graph.weight[e] >= 0.0:
                        slope = number(graph.weight[e] * linear.slope)
                        most = number(graph.weight[e] * linear.most)
                        _send_linear(scratch, messages, back, lowest, slope, most)
                        continue
                # all labels b at once, in vector registers, and four labels a per pass over them;
                # not in a function, because counting references to its arrays would take longer
                t, w = np.uint64(table_at(graph, e)), graph.weight[e]
                for b in range(n_labels):
                    least[b] = number(np.inf)
                for i in range(n_labels // 4):
                    a = np.uint64(4 * i)
                    c, d = a + ONE, a + TWO
                    q, r, s, u = left[a], left[c], left[d], left[d + ONE]
                    for b in range(n_labels):
                        one = min(q + w * values[t, a, b], r + w * values[t, c, b])
                        two = min(s + w * values[t, d, b], u + w * values[t, d + ONE, b])
                        least[b] = min(least[b], min(one, two))
                for a in range(4 * (n_labels // 4), n_labels):
                    for b in range(n_labels):
                        least[b] = min(least[b], left[a] + w * values[t, a, b])
                for b in range(n_labels):
                    messages[back, b] = least[b] - lowest
    return bound


@inlined_without_nan
def _send_linear(scratch, messages, back, lowest, slope, most):
    """Send ``min_a left[a] - lowest + min(slope |a - b|, most)``; `left` is row 1 of `scratch`.

    Labels 1, 2, 4, ... apart are compared in turn, which reaches all distances.
    """
    now, then = scratch[1], scratch[2]
    n_labels = now.shape[0]
    for b in range(n_labels):
        now[b] -= lowest
    k = 1
    while k < n_labels and slope * k < most:
        step = now.dtype.type(slope * k)
        for b in range(n_labels):
            then[b] = now[b]
        # slices: indices that may be negative would keep the compiler from vector registers
        low, high = then[: n_labels - k], then[k:]
        low_before, high_before = now[: n_labels - k], now[k:]
        for b in range(n_labels - k):
            high[b] = min(high[b], low_before[b] + step)
        for b in range(n_labels - k):
            low[b] = min(low[b], high_before[b] + step)
        now, then = then, now
        k *= 2
    for b in range(n_labels):
        messages[back, b] = min(now[b], most)


@uncounted
def choose(costs, tables, graph, messages, labels, cost, stop):
    """Choose labels in the order of the nodes, each given the messages from later nodes.

    labels : (n,) int64, overwritten up to where the flag `stop` ended it
    cost : (labels,), scratch
    """
    n, n_labels = costs.shape
    for p in range(n):
        if p % 1024 == 0 and stop[0] != 0:
            return
        for a in range(n_labels):
            cost[a] = costs[p, a]
        for e in range(graph.indptr[p], graph.indptr[p + 1]):
            t, w = table_at(graph, e) ^ 1, graph.weight[e]
            if graph.heads[e] < p:
                c = labels[graph.heads[e]]
                for a in range(n_labels):
                    cost[a] += w * tables[t, c, a]
            else:
                for a in range(n_labels):
                    cost[a] += messages[e, a]
        best = 0
        for a in range(1, n_labels):
            if cost[a] < cost[best]:
                best = a
        labels[p] = best


@small_first_uncounted
def give(costs, graph, messages, total, given, stop):
    """Set the messages of a certificate after a sweep in direction BACKWARD.

    total : (labels,) float64, scratch
    given : (2, edges, labels) float64, overwritten up to where the flag `stop` ended it

    A node keeps as many parts of its cost as chains end there, and leaves one to each of its edges
    to an earlier node; these edges give what they pass on to the earlier one.
    """
    n, n_labels = costs.shape
    for p in range(n):
        if p % 1024 == 0 and stop[0] != 0:
            return
        for a in range(n_labels):
            total[a] = costs[p, a]
        come, go = 0, 0
        for e in range(graph.indptr[p], graph.indptr[p + 1]):
            come += graph.heads[e] > p
            go += graph.heads[e] < p
            for a in range(n_labels):
                total[a] += messages[e, a]
        part = 1.0 / max(come, go, 1)
        for e in range(graph.indptr[p], graph.indptr[p + 1]):
            if graph.heads[e] < p:
                t, i, back = graph.turned[e], graph.edge[e], graph.twin[e]
                for a in range(n_labels):
                    given[t, i, a] = messages[e, a] - part * total[a]
                    given[1 - t, i, a] = messages[back, a]
