"""Compiled: energies and lower bounds in twice the working precision, with an error bound.

A sum is three numbers ``(high, low, error)``: it lies within ``error`` of ``high + low``. Additions
and products are error-free transformations (T. J. Dekker, "A floating-point technique for extending
the available precision", Numerische Mathematik 18, 1971), so that `error` stays 0 unless more than
106 bits are needed. Values and certificates are computed with these functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array


class Costs(NamedTuple):
    """An energy without label costs, as arrays for kernels."""

    unary: Array  # (labels, n), may be infinite
    table: Array  # (labels, labels), may be infinite
    weights: Array  # (edges,)
    tails: Array  # (edges,) int64
    heads: Array  # (edges,) int64
    uniform: float  # cost of two different labels if all pairs have it and equal ones cost 0, or 0


class Reparametrization(NamedTuple):
    """Messages from edges to their ends; each number is the sum of a high and a low part."""

    high: Array  # (2, edges, labels): to the first and to the second end
    low: Array  # (2, edges, labels); (2, 0, 0) if all are 0
    shares: Array  # (n, labels) >= 0, shares of the label costs; (0, 0) without label costs


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
def _add_to_three(total, x):
    """Return a sum of three parts, each the rounding of the one before, with one more summand."""
    high, error = two_sum(total[0], x)
    low, lost = two_sum(total[1], error)
    return high, low, total[2] + lost


@njit
def energy_of(costs, labels):
    """Return the energy of a labeling as a sum of three parts; inf if it has a forbidden cost."""
    unary, table, weights, tails, heads, _ = costs
    total = (0.0, 0.0, 0.0)
    for k in range(labels.shape[0]):
        c = unary[labels[k], k]
        if c == np.inf:
            return c, 0.0, 0.0
        total = _add_to_three(total, c)
    for e in range(weights.shape[0]):
        c, w = table[labels[tails[e]], labels[heads[e]]], weights[e]
        if w != 0.0 and c != 0.0:
            if c == np.inf:
                return c, 0.0, 0.0
            high, low = two_product(w, c)
            total = _add_to_three(_add_to_three(total, high), low)
    return total


@njit
def bound_of(costs, graph, given, labels, unit):
    """Return the sum of the minima of all nodes and edges, and the part of the gap above rounding.

    Nodes get their unary costs, shares, and what their edges give; edges keep the rest. The second
    number adds up the slacks of `labels` at nodes and edges that exceed `unit` times the numbers
    that they are made of.
    """
    total, rough = (0.0, 0.0, 0.0), 0.0
    n_labels, n = costs.unary.shape
    high, low, error = np.empty(n_labels), np.empty(n_labels), np.empty(n_labels)
    for k in range(n):
        _set_node_costs(costs.unary, graph, given, k, high, low, error)
        best, most = 0, 0.0
        for a in range(n_labels):
            most = max(most, error[a])
            if high[a] < high[best] or (high[a] == high[best] and low[a] < low[best]):
                best = a
        total = add(add(total, high[best]), low[best])
        total = (total[0], total[1], total[2] + most)
        x = labels[k]
        slack = (high[x] - high[best]) + (low[x] - low[best])
        if slack > 0.0:
            size = abs(costs.unary[x, k] - costs.unary[best, k])
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                t, i = graph.turned[e], graph.edge[e]
                size += abs(given.high[t, i, x]) + abs(given.high[t, i, best])
            rough += 0.0 if slack <= unit * size else slack
    total, more = _add_edges(costs, given, labels, unit, total)
    return total, rough + more


@njit(inline="always")
def _set_node_costs(unary, graph, given, k, high, low, error):
    """Set the cost of every label of a node plus its messages, as normalized sums."""
    given_high, given_low, shares = given.high, given.low, given.shares
    exact = given_low.shape[1] == 0
    for a in range(high.shape[0]):
        high[a], low[a], error[a] = unary[a, k], 0.0, 0.0
        if shares.shape[0] > 0:
            high[a], low[a] = two_sum(high[a], shares[k, a])
    for e in range(graph.indptr[k], graph.indptr[k + 1]):
        t, i = graph.turned[e], graph.edge[e]
        for a in range(high.shape[0]):
            if unary[a, k] < np.inf:
                total = add((high[a], low[a], error[a]), given_high[t, i, a])
                if not exact:
                    total = add(total, given_low[t, i, a])
                high[a], low[a], error[a] = total
    for a in range(high.shape[0]):
        if unary[a, k] < np.inf:
            high[a], low[a] = two_sum(high[a], low[a])
        else:
            high[a], low[a], error[a] = np.inf, 0.0, 0.0


@njit
def _add_edges(costs, given, labels, unit, total):
    """Add the minima of all edges to a sum; return it, and the slacks that exceed rounding.

    Only pairs that may be a minimum, judged in doubles, are computed in twice the precision.
    """
    _, table, weights, tails, heads, uniform = costs
    p_high, q_high = given.high[0], given.high[1]
    exact = given.low.shape[1] == 0
    p_low, q_low = given.low[0], given.low[1]
    n_labels = table.shape[0]
    rough = 0.0
    for e in range(weights.shape[0]):
        w = weights[e]
        high, low, error, i, j = np.inf, 0.0, 0.0, 0, 0
        roughly = np.inf
        first = second = 0
        alike = uniform > 0.0 and w >= 0.0
        if alike:
            # different labels cost the same: the best label of each end, or equal ones
            for a in range(1, n_labels):
                m, k = p_high[e, a] - p_high[e, first], q_high[e, a] - q_high[e, second]
                if m > 0.0 or (m == 0.0 and not exact and p_low[e, a] > p_low[e, first]):
                    first = a
                if k > 0.0 or (k == 0.0 and not exact and q_low[e, a] > q_low[e, second]):
                    second = a
        for a in range(-1 if alike else 0, n_labels):
            row = first if a < 0 else a
            start = second if a < 0 else (a if alike else 0)
            for b in range(start, start + 1 if alike else n_labels):
                c = w * table[row, b] if w != 0.0 else 0.0
                m, k = p_high[e, row], q_high[e, b]
                near = 1e-14 * (abs(c) + abs(m) + abs(k))
                if c == np.inf or c - m - k - near > roughly:
                    continue
                roughly = min(roughly, c - m - k + near)
                m_low, k_low = (0.0, 0.0) if exact else (p_low[e, row], q_low[e, b])
                value = _edge_cost(w, table[row, b], m, k, m_low, k_low)
                error = max(error, value[2])
                if value[0] < high or (value[0] == high and value[1] < low):
                    high, low, i, j = value[0], value[1], row, b
        total = add(add(total, high), low)
        total = (total[0], total[1], total[2] + error)
        x, y = labels[tails[e]], labels[heads[e]]
        if x == i and y == j:
            continue
        c = w * table[x, y] if w != 0.0 else 0.0
        m, k = p_high[e, x], q_high[e, y]
        if c == np.inf:
            rough = np.inf
            continue
        m_low, k_low = (0.0, 0.0) if exact else (p_low[e, x], q_low[e, y])
        value = _edge_cost(w, table[x, y], m, k, m_low, k_low)
        slack = (value[0] - high) + (value[1] - low)
        if slack > 0.0:
            size = abs(c - (w * table[i, j] if w != 0.0 else 0.0))
            size += abs(m) + abs(p_high[e, i]) + abs(k) + abs(q_high[e, j])
            rough += 0.0 if slack <= unit * size else slack
    return total, rough


@njit
def _edge_cost(w, c, m, k, m_low, k_low):
    """Return w c - (m + m_low) - (k + k_low) as a normalized sum; w c is finite."""
    total = (0.0, 0.0, 0.0)
    if w != 0.0 and c != 0.0:
        high, low = two_product(w, c)
        total = (high, low, 0.0)
    total = add(add(total, -m), -k)
    if m_low != 0.0 or k_low != 0.0:
        total = add(add(total, -m_low), -k_low)
    high, low = two_sum(total[0], total[1])
    return high, low, total[2]


@njit
def all_node_costs(unary, graph, given, high, low):
    """Set the costs of the labels of all nodes plus their messages, shape (n, labels)."""
    error = np.empty(high.shape[1])
    for k in range(high.shape[0]):
        _set_node_costs(unary, graph, given, k, high[k], low[k], error)
