"""Compiled: energies and lower bounds in twice the working precision, with an error bound.

A sum is three numbers ``(high, low, error)``: it lies within ``error`` of ``high + low``. Additions
and products are error-free transformations (T. J. Dekker, "A floating-point technique for extending
the available precision", Numerische Mathematik 18, 1971), so that `error` stays 0 unless more than
106 bits are needed. This is what values and certificates are computed with; no solver rounds here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array

# A slack is attributed to rounding if it is below this part of the numbers that it is made of.
UNIT = 2.0**-46
FIRST, SECOND = np.int64(0), np.int64(1)  # ends of an edge


class Costs(NamedTuple):
    """An energy without label costs, as kernels read it."""

    unary: Array  # (labels, n), may be infinite
    table: Array  # (labels, labels), may be infinite
    weights: Array  # (edges,)
    tails: Array  # (edges,) int64
    heads: Array  # (edges,) int64
    uniform: float  # cost of two different labels if all pairs have it and equal ones cost 0, or 0


class Reparametrization(NamedTuple):
    """What edges give to their ends; each number is the sum of a high and a low part."""

    high: Array  # (2, edges, labels): to the first and to the second end
    low: Array  # (2, edges, labels), or (2, 0, 0) where it is 0
    shares: Array  # (n, labels) >= 0, of the label costs; or (0, 0)


@njit
def two_sum(a, b):
    """Return the rounded sum and its rounding error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@njit
def two_product(a, b):
    """Return the rounded product and its rounding error."""
    p = a * b
    c = 134217729.0 * a
    a_high = c - (c - a)
    a_low = a - a_high
    c = 134217729.0 * b
    b_high = c - (c - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit
def add(total, x):
    """Return a sum of three numbers with one more summand."""
    high, error = two_sum(total[0], x)
    low, lost = two_sum(total[1], error)
    return high, low, total[2] + abs(lost)


@njit
def energy_of(costs, labels):
    """Return the energy of a labeling as a sum; infinite if it contains a forbidden cost."""
    unary, table, weights, tails, heads, _ = costs
    total = (0.0, 0.0, 0.0)
    for k in range(labels.shape[0]):
        c = unary[labels[k], k]
        if c == np.inf:
            return c, 0.0, 0.0
        total = add(total, c)
    for e in range(weights.shape[0]):
        c, w = table[labels[tails[e]], labels[heads[e]]], weights[e]
        if w != 0.0 and c != 0.0:
            if c == np.inf:
                return c, 0.0, 0.0
            high, low = two_product(w, c)
            total = add(add(total, high), low)
    return total


@njit
def bound_of(costs, graph, given, labels):
    """Return the sum of the minima of all nodes and edges, and how much of the gap is no rounding.

    Nodes get their unary costs, shares, and what their edges give; edges keep the rest. The second
    number adds up the slacks of `labels` at nodes and edges that exceed the rounding of the numbers
    that they are made of.
    """
    total, rough = (0.0, 0.0, 0.0), 0.0
    n_labels, n = costs.unary.shape
    high, low, error = np.empty(n_labels), np.empty(n_labels), np.empty(n_labels)
    for k in range(n):
        node_costs(costs.unary, graph, given, k, (high, low, error))
        best = 0
        for a in range(1, n_labels):
            if high[a] < high[best] or (high[a] == high[best] and low[a] < low[best]):
                best = a
        most = 0.0
        for a in range(n_labels):
            most = max(most, error[a])
        total = add(add(total, high[best]), low[best])
        total = (total[0], total[1], total[2] + most)
        x = labels[k]
        slack = (high[x] - high[best]) + (low[x] - low[best])
        if slack > 0.0:
            size = abs(costs.unary[x, k] - costs.unary[best, k])
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                t, i = graph.turned[e], graph.edge[e]
                size += abs(given.high[t, i, x]) + abs(given.high[t, i, best])
            if not slack <= UNIT * size:
                rough += slack
    for e in range(costs.weights.shape[0]):
        edge, slack, size = _edge_minimum(
            costs, given, e, labels[costs.tails[e]], labels[costs.heads[e]]
        )
        total = add(add(total, edge[0]), edge[1])
        total = (total[0], total[1], total[2] + edge[2])
        if not slack <= UNIT * size:
            rough += slack
    return total, rough


@njit
def node_costs(unary, graph, given, k, out):
    """Set the cost of every label of a node with what its edges give, as normalized sums."""
    high, low, error = out
    for a in range(high.shape[0]):
        total = (unary[a, k], 0.0, 0.0)
        if total[0] < np.inf:
            if given.shares.shape[0] > 0:
                total = add(total, given.shares[k, a])
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                t, i = graph.turned[e], graph.edge[e]
                total = add(total, given.high[t, i, a])
                if given.low.shape[1] > 0:
                    total = add(total, given.low[t, i, a])
            high[a], low[a] = two_sum(total[0], total[1])
        else:
            high[a], low[a] = np.inf, 0.0
        error[a] = total[2]


@njit
def edge_cost(costs, given, e, a, b):
    """Return what an edge keeps for a pair of labels, as a sum."""
    high, low = two_product(costs.weights[e], costs.table[a, b])
    total = (high, low, 0.0)
    total = add(add(total, -given.high[0, e, a]), -given.high[1, e, b])
    if given.low.shape[1] > 0:
        total = add(add(total, -given.low[0, e, a]), -given.low[1, e, b])
    high, low = two_sum(total[0], total[1])
    return high, low, total[2]


@njit
def _edge_minimum(costs, given, e, x, y):
    """Return the least that an edge keeps, the slack of a pair of labels, and their magnitude."""
    w = costs.weights[e]
    n_labels = costs.table.shape[0]
    best, error, first, second = (np.inf, 0.0), 0.0, 0, 0
    roughly, i, j = np.inf, 0, 0
    if costs.uniform > 0.0 and w >= 0.0:
        # all pairs of different labels cost the same: the best label of each end, or equal ones
        for a in range(n_labels):
            if _more(given, FIRST, e, a, first):
                first = a
            if _more(given, SECOND, e, a, second):
                second = a
        for a in range(-1, n_labels):
            p, q = (first, second) if a < 0 else (a, a)
            value = edge_cost(costs, given, e, p, q)
            error = max(error, value[2])
            if value[0] < best[0] or (value[0] == best[0] and value[1] < best[1]):
                best, i, j = (value[0], value[1]), p, q
    else:
        for a in range(n_labels):
            for b in range(n_labels):
                c = 0.0 if w == 0.0 else w * costs.table[a, b]
                if c == np.inf:
                    continue
                m, k = given.high[0, e, a], given.high[1, e, b]
                near = 1e-14 * (abs(c) + abs(m) + abs(k))
                if (c - m - k) - near > roughly:
                    continue
                roughly = min(roughly, (c - m - k) + near)
                value = edge_cost(costs, given, e, a, b) if w != 0.0 else _bare(given, e, a, b)
                error = max(error, value[2])
                if value[0] < best[0] or (value[0] == best[0] and value[1] < best[1]):
                    best, i, j = (value[0], value[1]), a, b
    c = 0.0 if w == 0.0 else w * costs.table[x, y]
    if c == np.inf:
        return (best[0], best[1], error), np.inf, 0.0
    value = edge_cost(costs, given, e, x, y) if w != 0.0 else _bare(given, e, x, y)
    slack = (value[0] - best[0]) + (value[1] - best[1])
    size = abs(c - (0.0 if w == 0.0 else w * costs.table[i, j]))
    size += abs(given.high[0, e, x]) + abs(given.high[0, e, i])
    size += abs(given.high[1, e, y]) + abs(given.high[1, e, j])
    return (best[0], best[1], error), max(slack, 0.0), size


@njit
def _bare(given, e, a, b):
    """Return `edge_cost` of an edge of weight 0, whatever its table has."""
    total = (-given.high[0, e, a], 0.0, 0.0)
    total = add(total, -given.high[1, e, b])
    if given.low.shape[1] > 0:
        total = add(add(total, -given.low[0, e, a]), -given.low[1, e, b])
    high, low = two_sum(total[0], total[1])
    return high, low, total[2]


@njit
def _more(given, t, e, a, b):
    """Tell whether an end is given more for one label than for another."""
    if given.high[t, e, a] != given.high[t, e, b]:
        return given.high[t, e, a] > given.high[t, e, b]
    return given.low.shape[1] > 0 and given.low[t, e, a] > given.low[t, e, b]


@njit
def all_node_costs(unary, graph, given, high, low):
    """Set `node_costs` of all nodes, (n, labels)."""
    error = np.empty(high.shape[1])
    for k in range(high.shape[0]):
        node_costs(unary, graph, given, k, (high[k], low[k], error))
