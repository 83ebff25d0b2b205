"""Labeling energies with ordered labels as minimum cuts, and messages from the maximum flow.

`ordered` has one binary variable [x_v > i] per node and label except the last, and is exact for
tables that are submodular in the order of the labels.

The flow along the arcs of an edge gives its messages (`certificates`). If capacities of very
different magnitude leave rounding errors in the flow, the residual problem, whose numbers are
small, is solved again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.graph._max_flow import minimum_cut
from subopt.graph.grid.cut import grid_cut
from subopt.labeling._exact import Reparametrization, all_node_costs
from subopt.labeling._magnitude import bounded, power_above, simple_labels, simplified
from subopt.labeling.certificates import Measure, evidence, measure
from subopt.labeling.energy import LabelingEnergy

ROUNDS = 6  # largest number of times that the residual problem is solved
SMALL = 2**12  # largest n L for which it is solved again to remove rounding errors
GRID = 4096  # number of nodes from which two labels on a grid are solved by `grid_cut`


class OrderedTable(NamedTuple):
    """A table as capacities of arcs between [x_p > i] and [x_q > j], and unary costs."""

    i: Array  # (K,) of the arc k
    j: Array  # (K,)
    forward: Array  # (K,) capacity from i to j, may be infinite
    backward: Array  # (K,)
    first: Array  # (L - 1,) cost of x_p > i
    second: Array  # (L - 1,) cost of x_q > j


class Cut(NamedTuple):
    """Labels of a minimum cut, and messages from its flow."""

    labels: Array  # (n,)
    given: Reparametrization
    measure: Measure
    cuts: int


def ordered_table(energy: LabelingEnergy) -> OrderedTable | str:
    """Return the table as capacities, or the reason why this is not possible."""
    T = energy.table
    w = energy.weights
    if len(w) and w.min() < 0.0 < w.max() and T.max() > T.min():
        return f"it needs weights of one sign, but they reach from {w.min():g} to {w.max():g}"
    if len(w) and w.max() <= 0.0 and w.min() < 0.0:
        T = -T
    far, near = _extended(T)
    m_far, m = _mixed(far), _mixed(near)
    size = _mixed(np.abs(near), -1.0)
    wrong = (m_far > 0) | ((m_far == 0) & (m > energy.table_rounding * size))
    if wrong.any():
        e = int(np.argmax(np.abs(w))) if len(w) else 0
        return _refusal(energy, e, T)
    bent = (m_far < 0) | ((m_far == 0) & (m < 0.0))
    capacity = np.where(m_far < 0, np.inf, np.where(bent, -m, 0.0))
    diagonal = np.arange(len(T) - 1)
    equal = np.diagonal(near)
    if (np.diagonal(far) != 0).any():
        l = int(np.argmax(np.diagonal(far) != 0))
        return f"it needs pairs of equal labels to be allowed, but table[{l}, {l}] is infinite"
    half = np.diff(equal) / 2
    up = np.where(far[diagonal + 1, diagonal] > 0, np.inf, near[diagonal + 1, diagonal])
    down = np.where(far[diagonal, diagonal + 1] > 0, np.inf, near[diagonal, diagonal + 1])
    up, down = up - equal[:-1] - half, down - equal[:-1] - half
    shift = np.where(up < 0, up, np.where(down < 0, -down, 0.0))
    straight = ~np.diagonal(bent)  # no arc: the terms of one node take it all
    forward = np.where(np.tri(len(m), k=-1, dtype=bool), capacity, 0.0)
    backward = np.where(np.tri(len(m), k=-1, dtype=bool).T, capacity, 0.0)
    np.fill_diagonal(forward, np.where(straight, 0.0, np.maximum(up - shift, 0.0)))
    np.fill_diagonal(backward, np.where(straight, 0.0, np.maximum(down + shift, 0.0)))
    i, j = np.nonzero(bent)
    return OrderedTable(i, j, forward[i, j], backward[i, j], half + shift, half - shift)


def _mixed(table: Array, sign: float = 1.0) -> Array:
    """Return T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1], or with the sign +."""
    return table[1:, 1:] + table[:-1, :-1] - sign * (table[1:, :-1] + table[:-1, 1:])


def _extended(table: Array) -> tuple[Array, Array]:
    """Return how far each pair is from one that is allowed, and the least cost of such a pair.

    T = far K + near, for any K that is large enough, is as good as infinity. It is submodular if
    there is a submodular extension: a partial minimum over pairs of labels (c, d) of
    ``T[c, d] + K |a - c| + K |b - d|``.
    """
    far = np.where(np.isfinite(table), 0, 4 * len(table))
    near = np.where(np.isfinite(table), table, np.inf)
    if far.any():
        for axis in range(2):
            f, t = np.moveaxis(far, axis, 0), np.moveaxis(near, axis, 0)  # views
            for step in (*range(1, len(table)), *range(-len(table) + 1, 0)):
                at, before = (step, step - 1) if step > 0 else (-step - 1, -step)
                other = f[before] + 1
                closer = (other < f[at]) | ((other == f[at]) & (t[before] < t[at]))
                f[at] = np.where(closer, other, f[at])
                t[at] = np.where(closer, t[before], t[at])
    return far, near


def _refusal(energy: LabelingEnergy, e: int, table: Array) -> str:
    far, near = _extended(table)
    m = np.where(_mixed(far) > 0, np.inf, np.where(_mixed(far) < 0, -np.inf, _mixed(near)))
    i, j = np.unravel_index(int(np.argmax(m)), m.shape)
    w = float(energy.weights[e]) if len(energy.weights) else 1.0
    size = abs(w) * m[i, j] if w else m[i, j]
    return (
        "it needs weight * (T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1]) <= 0, but that "
        f"is {size:g} for i = {i}, j = {j} and edge {e} of weight {w:g}"
    )


def ordered(energy: LabelingEnergy, table: OrderedTable) -> Cut:
    """Minimize an energy whose table is submodular in the order of the labels."""
    simple = simplified(energy)
    labels = simple_labels(energy)
    flow = np.zeros((2, len(energy.tails), len(table.i)))  # high and low part
    given = _as_messages(energy, table, flow)
    best: Measure | None = None
    for cuts in range(ROUNDS):
        work = bounded(simple, labels)
        step, found, crossing = _cut_of_what_is_left(work, table, given, flow, labels)
        if crossing == 0.0:
            break
        if not energy.is_lower(labels, found):
            labels = found
        flow = np.stack(sum_and_error(*_add((flow[0], flow[1]), step)))
        given = _as_messages(energy, table, flow)
        before, best = best, measure(energy, labels, given)
        if best.gap == 0.0 or (best.rounding and energy.n * energy.n_labels > SMALL):
            return Cut(labels, given, best, cuts + 1)
        if before is not None and not best.gap < before.gap:
            return Cut(labels, given, best, cuts + 1)
    if best is None:
        best = measure(energy, labels, given)
    return Cut(labels, given, best, cuts)


def _cut_of_what_is_left(
    energy: LabelingEnergy,
    table: OrderedTable,
    given: Reparametrization,
    flow: Array,
    labels: Array,
) -> tuple[Array, Array, float]:
    """Return additional flow along the arcs, labels, and the cost of the given labels."""
    n, L = energy.n, energy.n_labels
    if given.high.any():
        high, low = np.empty((n, L)), np.empty((n, L))
        all_node_costs(energy.costs, energy.adjacency, given, high, low)
        cost = np.diff(high, axis=1) + np.diff(low, axis=1)  # of x_v > i
    else:
        cost = np.ascontiguousarray(np.diff(energy.costs, axis=0).T)
    w = np.abs(energy.weights)[:, None]
    with np.errstate(invalid="ignore"):
        forward = np.where(w == 0.0, 0.0, w * table.forward)
        backward = np.where(w == 0.0, 0.0, w * table.backward)
    forward = np.maximum((forward - flow[0]) - flow[1], 0.0)
    backward = np.maximum((backward + flow[0]) + flow[1], 0.0)
    above = labels[:, None] > np.arange(L - 1)
    p_above, q_above = above[energy.tails][:, table.i], above[energy.heads][:, table.j]
    crossing = float(
        np.where(above, np.maximum(cost, 0.0), np.maximum(-cost, 0.0)).sum()
        + forward[p_above & ~q_above].sum()
        + backward[q_above & ~p_above].sum()
    )
    if crossing == 0.0:
        return np.zeros(flow.shape[1:]), labels, crossing
    if crossing == np.inf:  # nothing allowed is known: every finite cut is below this
        crossing = float(np.abs(cost).sum())
        crossing += float(forward.sum(where=np.isfinite(forward)))
        crossing += float(backward.sum(where=np.isfinite(backward)))
    top = power_above(2.0 * crossing)  # no minimum cut has an arc of this capacity
    forward, backward = np.minimum(forward, top), np.minimum(backward, top)
    cost = np.clip(cost, -top, top)
    if (
        L == 2
        and energy.has_default_edges
        and n >= GRID
        and len(energy.shape) <= 3
        and len(table.i)
    ):
        side, step = _on_the_grid(energy, cost[:, 0], forward[:, 0], backward[:, 0])
        return step[:, None], side.astype(np.int64), crossing
    node = np.arange(n * (L - 1)).reshape(n, L - 1)
    up, down = node[:, 1:].ravel(), node[:, :-1].ravel()  # x > i + 1 needs x > i
    m = forward.size
    side, sent, _ = minimum_cut(
        node.size,
        np.concatenate([node[energy.tails][:, table.i].ravel(), up]),
        np.concatenate([node[energy.heads][:, table.j].ravel(), down]),
        np.concatenate([forward.ravel(), np.full(len(up), top)]),
        np.concatenate([backward.ravel(), np.zeros(len(up))]),
        -cost.ravel(),
    )
    step = np.clip(sent[:m].reshape(forward.shape), -backward, forward)
    return step, side.reshape(n, L - 1).sum(axis=1), crossing


def _on_the_grid(
    energy: LabelingEnergy, cost: Array, forward: Array, backward: Array
) -> tuple[Array, Array]:
    """Return the source side of the minimum cut of a grid, and its flow."""
    weights, start = [], 0
    for axis in range(len(energy.shape)):
        side = tuple(length - (a == axis) for a, length in enumerate(energy.shape))
        part = slice(start, start + int(np.prod(side)))
        weights.append((forward[part].reshape(side), backward[part].reshape(side)))
        start = part.stop
    grid = cost.reshape(energy.shape)
    cut = grid_cut(np.maximum(-grid, 0.0), np.maximum(grid, 0.0), weights)
    flow = np.concatenate([f.ravel() for f in cut.flow])
    return cut.source_side.ravel(), np.clip(flow, -backward, forward)


def _as_messages(energy: LabelingEnergy, table: OrderedTable, flow: Array) -> Reparametrization:
    """Return the messages of the edges: unary costs, and the flow along their arcs."""
    L, m = energy.n_labels, len(energy.tails)
    w, exact = np.abs(energy.weights), bool(flow[1].any())
    high, low = np.zeros((2, m, L)), np.zeros((2, m, L))
    for end, terms, place in ((0, table.first, table.i), (1, table.second, table.j)):
        sign = 1.0 if end == 0 else -1.0
        for i in range(L - 1):
            total = high[end, :, i], low[end, :, i]
            if terms[i] != 0.0:
                product, error = _two_product(w, terms[i])
                total = _add(_add(total, product), error)
            for k in np.flatnonzero(place == i):
                total = _add(total, sign * flow[0, :, k])
                if exact:
                    total = _add(total, sign * flow[1, :, k])
            high[end, :, i + 1], low[end, :, i + 1] = sum_and_error(*total)
    return evidence(high, low if low.any() else None, None)


def sum_and_error(a: Array, b: Array) -> tuple[Array, Array]:
    """Return rounded sums and their rounding errors."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: Array, b: float) -> tuple[Array, Array]:
    product = a * b
    c = 134217729.0 * a
    a_high = c - (c - a)
    d = 134217729.0 * b
    b_high = d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _add(total: tuple[Array, Array], x: Array) -> tuple[Array, Array]:
    high, error = sum_and_error(total[0], x)
    return high, total[1] + error
