"""Compiled: energies and lower bounds in twice the working precision, with an error bound.

A sum is three numbers ``(high, low, error)``: it lies within ``error`` of ``high + low``. Additions
and products are error-free transformations (T. J. Dekker, "A floating-point technique for extending
the available precision", Numerische Mathematik 18, 1971), so that `error` stays 0 unless more than
106 bits are needed. Values and certificates are computed with these functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inner, slab
from subopt._base.jit import small_first_uncounted as njit
from subopt._base.types import Array


class Costs(NamedTuple):
    """An energy without label costs, as arrays for kernels."""

    unary: Array  # (labels, n), may be infinite
    tables: Array  # (1 or edges, labels, labels), may be infinite; one for all, or one per edge
    weights: Array  # (edges,)
    tails: Array  # (edges,) int64
    heads: Array  # (edges,) int64
    uniform: float  # cost of two different labels if all pairs have it and equal ones cost 0, or 0


class Reparametrization(NamedTuple):
    """Messages from edges to their ends; each number is the sum of a high and a low part."""

    high: Array  # (2, edges, labels): to the first and to the second end
    low: Array  # (2, edges, labels); (2, 0, 0) if all are 0
    shares: Array  # (n, labels) >= 0, shares of the label costs; (0, 0) without label costs


@inner
def two_sum(a, b):
    """Return the rounded sum and its rounding error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inner
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


@inner
def add(total, x):
    """Return a sum with one more summand: its high and low part, and a bound of what they lack."""
    high, low, error = total
    high, rest = two_sum(high, x)
    low, lost = two_sum(low, rest)
    return high, low, error + abs(lost)


@inner
def _add_to_three(total, x):
    """Return a sum of three parts, each the rounding of the one before, with one more summand."""
    high, low, lowest = total
    high, rest = two_sum(high, x)
    low, lost = two_sum(low, rest)
    return high, low, lowest + lost


@njit
def energy_of(costs, labels):
    """Return the energy of a labeling as a sum of three parts; inf if it has a forbidden cost."""
    unary, tables, weights = costs.unary, costs.tables, costs.weights
    tails, heads = costs.tails, costs.heads
    own = 0 if tables.shape[0] == 1 else 1
    total = (0.0, 0.0, 0.0)
    for k in range(labels.shape[0]):
        c = unary[labels[k], k]
        if c == np.inf:
            return c, 0.0, 0.0
        total = _add_to_three(total, c)
    for e in range(weights.shape[0]):
        c, w = tables[own * e, labels[tails[e]], labels[heads[e]]], weights[e]
        if w != 0.0 and c != 0.0:
            if c == np.inf:
                return c, 0.0, 0.0
            high, low = two_product(w, c)
            total = _add_to_three(total, high)
            if low != 0.0:
                total = _add_to_three(total, low)
    return total


FIRST, SECOND = np.int64(0), np.int64(1)  # ends of an edge: numba compiles anew for literals
LANES = 8  # sums that take turns, because each has to wait for its last addition


def bound_of(
    costs: Costs, given: Reparametrization, labels: Array, unit: float, stop: Array
) -> tuple[tuple[float, float, float], float]:
    """Return the sum of the minima of all nodes and edges, and the part of the gap above rounding.

    Nodes get their unary costs, shares, and what their edges give; edges keep the rest. The second
    number adds up the slacks of `labels` at nodes and edges that exceed `unit` times the numbers
    that they are made of. What is returned has no meaning if the flag `stop` is set.
    """
    n_labels, n = costs.unary.shape
    high, low = np.empty((2, n, n_labels))
    lost = node_costs(costs, given, high, low, np.zeros(n_labels), stop)
    sums, slack, best = np.zeros((LANES, 3)), np.empty(n), np.empty(n, np.int32)
    rough = 0.0
    if _add_nodes(high, low, labels, sums, slack, best, stop):
        rough = _rough_nodes(costs, given, labels, unit, slack, best, np.zeros(n), stop)
    rough += _add_edges(costs, given, labels, unit, sums, stop)
    return _total(sums, lost), rough


@njit
def _total(sums, lost):
    """Return all sums (LANES, 3) as one; `lost` is a bound of what they lack besides."""
    total = (0.0, 0.0, lost)
    for lane in range(LANES):
        high, low, error = add(add(total, sums[lane, 0]), sums[lane, 1])
        total = (high, low, error + sums[lane, 2])
    return total


@inner
def _into(sums, lane, x):
    """Add a number to one of the sums."""
    high, error = two_sum(sums[lane, 0], x)
    low, lost = two_sum(sums[lane, 1], error)
    sums[lane, 0], sums[lane, 1] = high, low
    sums[lane, 2] += abs(lost)


@njit
def node_costs(costs, given, high, low, missing, stop):
    """Set what labels cost at nodes with what edges give, as two parts; return an error bound.

    high, low : (n, labels) float64, overwritten unless the flag `stop` is set meanwhile; infinite
        and 0 for a label that is forbidden
    missing : (labels,) float64, zeros; what the two parts lack at most
    """
    unary = costs.unary
    n, n_labels = high.shape
    shared, both = given.shares.shape[0] > 0, given.low.shape[1] > 0
    for k in range(n):
        if k % 4096 == 0 and stop[0] != 0:
            return 0.0
        for a in range(n_labels):
            high[k, a], low[k, a] = unary[a, k], 0.0
            if shared and unary[a, k] < np.inf:
                high[k, a], low[k, a] = two_sum(unary[a, k], given.shares[k, a])
    for t in range(2):
        ends = costs.tails if t == 0 else costs.heads
        part, rest = slab(given.high, t), slab(given.low, t)
        for e in range(ends.shape[0]):
            if e % 4096 == 0 and stop[0] != 0:
                return 0.0
            k = ends[e]
            for turn in range(2 if both else 1):
                more = part if turn == 0 else rest
                for a in range(n_labels):
                    # selected, not skipped: the compiler turns the loop into vectors
                    allowed = high[k, a] < np.inf
                    s, error = two_sum(high[k, a] if allowed else 0.0, more[e, a])
                    r, lost = two_sum(low[k, a], error)
                    high[k, a] = s if allowed else np.inf
                    low[k, a] = r if allowed else 0.0
                    missing[a] += abs(lost) if allowed else 0.0
    total = 0.0
    for a in range(n_labels):
        total += missing[a]
    for k in range(n):
        if k % 4096 == 0 and stop[0] != 0:
            return total
        for a in range(n_labels):
            if low[k, a] != 0.0:
                high[k, a], low[k, a] = two_sum(high[k, a], low[k, a])
    return total


@njit
def _add_nodes(high, low, labels, sums, slack, best, stop):
    """Add the minima of all nodes; return whether `labels` (n,) have a slack at one of them.

    False if the flag `stop` ended it.

    high, low (n, L) are the costs, in two parts. Written: sums (LANES, 3), best (n,), the label of
    the minimum, and slack (n,), the cost of the label of `labels` above it.
    """
    loose = False
    for k in range(labels.shape[0]):
        if k % 4096 == 0 and stop[0] != 0:
            return False
        b = 0
        for a in range(1, high.shape[1]):
            if high[k, a] < high[k, b] or (high[k, a] == high[k, b] and low[k, a] < low[k, b]):
                b = a
        _into(sums, k % LANES, high[k, b])
        if low[k, b] != 0.0:
            _into(sums, k % LANES, low[k, b])
        x = labels[k]
        best[k] = b
        slack[k] = 0.0 if x == b else (high[k, x] - high[k, b]) + (low[k, x] - low[k, b])
        loose |= slack[k] > 0.0
    return loose


@njit
def _rough_nodes(costs, given, labels, unit, slack, best, size, stop):
    """Add up the slacks of nodes that are more than the rounding of what they are made of.

    labels, best, slack (n,) as in `_add_nodes`; size (n,) zeros.
    """
    unary = costs.unary
    for k in range(labels.shape[0]):
        if slack[k] > 0.0:
            size[k] = abs(unary[labels[k], k] - unary[best[k], k])
    for t in range(2):
        ends = costs.tails if t == 0 else costs.heads
        for e in range(ends.shape[0]):
            if e % 4096 == 0 and stop[0] != 0:
                return 0.0
            k = ends[e]
            if slack[k] > 0.0:
                size[k] += abs(given.high[t, e, labels[k]]) + abs(given.high[t, e, best[k]])
    rough = 0.0
    for k in range(labels.shape[0]):
        rough += 0.0 if slack[k] <= unit * size[k] else slack[k]
    return rough


@njit
def _add_edges(costs, given, labels, unit, sums, stop):
    """Add the minima of all edges; return the slacks of `labels` that are no rounding.

    Only pairs that may be a minimum, judged in doubles, are computed in twice the precision.
    """
    tables, weights, uniform = costs.tables, costs.weights, costs.uniform
    tails, heads = costs.tails, costs.heads
    own = 0 if tables.shape[0] == 1 else 1
    p_high, q_high = slab(given.high, FIRST), slab(given.high, SECOND)
    exact = given.low.shape[1] == 0
    p_low, q_low = slab(given.low, FIRST), slab(given.low, SECOND)
    n_labels = tables.shape[1]
    rough = 0.0
    for e in range(weights.shape[0]):
        if e % 4096 == 0 and stop[0] != 0:
            return rough
        w, row_of = weights[e], own * e
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
        if alike and exact:
            high, low, i = _least_of_equal(p_high, q_high, e)
            j = i
            m, k = p_high[e, first], q_high[e, second]
            top, rest, error = _edge_cost(w, tables[row_of, first, second], m, k, 0.0, 0.0)
            if top < high or (top == high and rest < low):
                high, low, i, j = top, rest, first, second
        else:
            for a in range(-1 if alike else 0, n_labels):
                row = first if a < 0 else a
                start = second if a < 0 else (a if alike else 0)
                for b in range(start, start + 1 if alike else n_labels):
                    c = w * tables[row_of, row, b] if w != 0.0 else 0.0
                    m, k = p_high[e, row], q_high[e, b]
                    near = 1e-14 * (abs(c) + abs(m) + abs(k))
                    if c == np.inf or c - m - k - near > roughly:
                        continue
                    roughly = min(roughly, c - m - k + near)
                    m_low, k_low = (0.0, 0.0) if exact else (p_low[e, row], q_low[e, b])
                    top, rest, lost = _edge_cost(w, tables[row_of, row, b], m, k, m_low, k_low)
                    error = max(error, lost)
                    if top < high or (top == high and rest < low):
                        high, low, i, j = top, rest, row, b
        lane = e % LANES
        if high != 0.0:
            _into(sums, lane, high)
        if low != 0.0:
            _into(sums, lane, low)
        sums[lane, 2] += error
        x, y = labels[tails[e]], labels[heads[e]]
        if x == i and y == j:
            continue
        c = w * tables[row_of, x, y] if w != 0.0 else 0.0
        m, k = p_high[e, x], q_high[e, y]
        if c == np.inf:
            rough = np.inf
            continue
        m_low, k_low = (0.0, 0.0) if exact else (p_low[e, x], q_low[e, y])
        value = _edge_cost(w, tables[row_of, x, y], m, k, m_low, k_low)
        slack = (value[0] - high) + (value[1] - low)
        if slack > 0.0:
            size = abs(c - (w * tables[row_of, i, j] if w != 0.0 else 0.0))
            size += abs(m) + abs(p_high[e, i]) + abs(k) + abs(q_high[e, j])
            rough += 0.0 if slack <= unit * size else slack
    return rough


@inner
def _least_of_equal(p, q, e):
    """Return the least cost of two equal labels, in two parts, and the label.

    Without messages they cost nothing.
    """
    best = 0
    most, rest = two_sum(p[e, 0], q[e, 0])
    for a in range(1, p.shape[1]):
        s, error = two_sum(p[e, a], q[e, a])
        if s > most or (s == most and error > rest):
            most, rest, best = s, error, a
    return -most, -rest, best


@inner
def _edge_cost(w, c, m, k, m_low, k_low):
    """Return w c - (m + m_low) - (k + k_low) as a normalized sum; w c is finite."""
    total = (0.0, 0.0, 0.0)
    if w != 0.0 and c != 0.0:
        high, low = two_product(w, c)
        total = (high, low, 0.0)
    if m != 0.0 or k != 0.0:
        total = add(add(total, -m), -k)
    if m_low != 0.0 or k_low != 0.0:
        total = add(add(total, -m_low), -k_low)
    high, low, error = total
    high, low = two_sum(high, low)
    return high, low, error


@njit
def messages_of(weights, terms, arcs, flow, high, low, stop):
    """Set what edges give to their ends: terms of one node, and the flow along arcs that begin.

    terms : (2, 1 or edges, labels - 1) float64, of x > i at both ends, times the weight of the edge
    arcs : (2, labels - 1, K) int64, the numbers of the arcs at [x > i] of each end, then -1
    flow : (2, edges, K) float64, high and low part of the flow along arc k of each edge
    high, low : (2, edges, labels) float64, overwritten up to where the flag `stop` ended it
    """
    own = 0 if terms.shape[1] == 1 else 1
    for t in range(2):
        sign = 1.0 if t == 0 else -1.0
        for e in range(weights.shape[0]):
            if e % 4096 == 0 and stop[0] != 0:
                return
            total = (0.0, 0.0, 0.0)
            high[t, e, 0] = low[t, e, 0] = 0.0
            for i in range(terms.shape[2]):
                c = terms[t, own * e, i]
                if c != 0.0:
                    product, error = two_product(weights[e], c)
                    total = add(add(total, product), error)
                for place in range(arcs.shape[2]):
                    k = arcs[t, i, place]
                    if k < 0:
                        break
                    if flow[0, e, k] != 0.0:
                        total = add(total, sign * flow[0, e, k])
                    if flow[1, e, k] != 0.0:
                        total = add(total, sign * flow[1, e, k])
                high[t, e, i + 1], low[t, e, i + 1] = two_sum(total[0], total[1])
