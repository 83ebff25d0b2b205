"""Labeling energies with ordered labels as minimum cuts, and messages from the maximum flow.

`ordered` has one binary variable [x_v > i] per node and label except the last, and is exact for
tables that are submodular in the order of the labels.

The flow along the arcs of an edge gives its messages (`certificates`). If capacities of very
different magnitude leave rounding errors in the flow, the residual problem, whose numbers are
small, is solved again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.interruptible import flag, interruptible, is_short
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._exact import Reparametrization, messages_of, node_costs
from subopt.labeling._magnitude import bounded, power_above, simple_labels, simplified
from subopt.labeling.certificates import Measure, evidence, measure, measure_again, weaker
from subopt.labeling.energy import LabelingEnergy

ROUNDS = 6  # largest number of times that the residual problem is solved
SMALL = 2**12  # largest n L for which it is solved again to remove rounding errors
NUMBERS = 2  # that a step goes through per edge and arc of its table, see `is_short`
GRID = 4096  # number of nodes from which two labels on a grid are solved by `grid_cut`


class OrderedTable(NamedTuple):
    """Tables as capacities between [x_p > i] and [x_q > j], and terms of one node.

    Arrays have one row for all edges, or one per edge.
    """

    i: Array  # (K,) of the arc k
    j: Array  # (K,)
    forward: Array  # (1 or m, K) capacity from i to j, may be infinite
    backward: Array  # (1 or m, K)
    terms: Array  # (2, 1 or m, L - 1) cost of x_p > i, and of x_q > j


class Draft(NamedTuple):
    """Labels of a first minimum cut, without a proof."""

    labels: Array  # (n,)
    step: Callable[[], Array]  # its flow along the arcs of the table, (edges, K)
    crossing: float  # cost of the labels before it, relative to the least; 0 if no cut was made


class Cut(NamedTuple):
    """Labels of a minimum cut, and messages from its flow."""

    labels: Array  # (n,)
    given: Reparametrization
    measure: Measure
    cuts: int
    stopped: bool  # by the deadline


def ordered_table(energy: LabelingEnergy) -> OrderedTable | str:
    """Return the tables as capacities, or why they have none."""
    T = energy.tables
    w = energy.weights
    if energy.own:
        T = np.where((w < 0.0)[:, None, None], -T, T)
        T = np.where((w == 0.0)[:, None, None], 0.0, T)
    elif len(w) and w.min() < 0.0 < w.max() and T.max() > T.min():
        return f"it needs weights of one sign, but they reach from {w.min():g} to {w.max():g}"
    elif len(w) and w.max() <= 0.0 and w.min() < 0.0:
        T = -T
    far, near = _extended(T)
    m_far, m = _mixed(far), _mixed(near)
    size = _mixed(np.abs(near), -1.0)
    wrong = (m_far > 0) | ((m_far == 0) & (m > energy.table_rounding * size))
    if wrong.any():
        return _refusal(energy, int(np.argmax(wrong.any(axis=(1, 2)))), far, near)
    bent = (m_far < 0) | ((m_far == 0) & (m < 0.0))
    capacity = np.where(m_far < 0, np.inf, np.where(bent, -m, 0.0))
    step = np.arange(energy.n_labels - 1)
    equal = np.diagonal(near, axis1=1, axis2=2)
    forbidden = np.diagonal(far, axis1=1, axis2=2) != 0
    if forbidden.any():
        e, l = map(int, np.argwhere(forbidden)[0])
        name = f"tables[{e}]" if energy.own else "table"
        return f"it needs pairs of equal labels to be allowed, but {name}[{l}, {l}] is infinite"
    # what x > i costs at each end, in parts as small as possible so that nothing is rounded away
    rise = np.diff(equal, axis=1)
    up = np.where(far[:, step + 1, step] > 0, np.inf, near[:, step + 1, step]) - equal[:, :-1]
    down = np.where(far[:, step, step + 1] > 0, np.inf, near[:, step, step + 1]) - equal[:, :-1]
    falls, rises = up < rise / 2, down < rise / 2
    with np.errstate(invalid="ignore"):
        first = np.where(falls, up, np.where(rises, rise - down, rise / 2))
        second = np.where(falls, rise - up, np.where(rises, down, rise / 2))
    straight = ~np.diagonal(bent, axis1=1, axis2=2)  # no arc: the terms of one node take it all
    lower = np.tri(len(step), k=-1, dtype=bool)
    forward = np.where(lower, capacity, 0.0)
    backward = np.where(lower.T, capacity, 0.0)
    along = np.diagonal(capacity, axis1=1, axis2=2)
    ahead = np.where(falls, 0.0, np.where(rises, along, up - rise / 2))
    back = np.where(falls, along, np.where(rises, 0.0, down - rise / 2))
    forward[:, step, step] = np.where(straight, 0.0, np.maximum(ahead, 0.0))
    backward[:, step, step] = np.where(straight, 0.0, np.maximum(back, 0.0))
    i, j = np.nonzero(bent.any(axis=0))
    terms = np.stack([first, second])
    return OrderedTable(i, j, forward[:, i, j], backward[:, i, j], terms)


def _mixed(T: Array, sign: float = 1.0) -> Array:
    """Return T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1], or with the sign +."""
    return T[:, 1:, 1:] + T[:, :-1, :-1] - sign * (T[:, 1:, :-1] + T[:, :-1, 1:])


def _extended(tables: Array) -> tuple[Array, Array]:
    """Return how far each pair is from one that is allowed, and the least cost of such a pair.

    T = far K + near, for any K that is large enough, is as good as infinity. It is submodular if
    there is a submodular extension: a partial minimum over pairs of labels (c, d) of
    ``T[c, d] + K |a - c| + K |b - d|``.
    """
    L = tables.shape[-1]
    far = np.where(np.isfinite(tables), 0, 4 * L)
    near = np.where(np.isfinite(tables), tables, np.inf)
    if far.any():
        for axis in (1, 2):
            f, t = np.moveaxis(far, axis, 0), np.moveaxis(near, axis, 0)  # views
            for step in (*range(1, L), *range(-L + 1, 0)):
                at, before = (step, step - 1) if step > 0 else (-step - 1, -step)
                other = f[before] + 1
                closer = (other < f[at]) | ((other == f[at]) & (t[before] < t[at]))
                f[at] = np.where(closer, other, f[at])
                t[at] = np.where(closer, t[before], t[at])
    return far, near


def _refusal(energy: LabelingEnergy, row: int, far: Array, near: Array) -> str:
    m = np.where(_mixed(far) > 0, np.inf, np.where(_mixed(far) < 0, -np.inf, _mixed(near)))[row]
    i, j = np.unravel_index(int(np.argmax(m)), m.shape)
    w = energy.weights
    e = row if energy.own else int(np.argmax(np.abs(w))) if len(w) else 0
    weight = float(w[e]) if len(w) else 1.0
    size = abs(weight) * m[i, j] if weight else m[i, j]
    return (
        "it needs weight * (T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1]) <= 0, but that "
        f"is {size:g} for i = {i}, j = {j} and edge {e} of weight {weight:g}"
    )


def draft(energy: LabelingEnergy, table: OrderedTable, deadline: Deadline) -> Draft:
    """Minimize an energy as `ordered` does, by one cut, and leave the proof to it."""
    labels = simple_labels(energy)
    flow = np.zeros((2, len(energy.tails), len(table.i)))
    given = None
    if table.terms.any() and not deadline.passed():
        given = _as_messages(energy, table, flow, deadline)
    work = bounded(simplified(energy), labels)
    if deadline.passed():
        return Draft(labels, lambda: flow[0], 0.0)
    left = _Left(work, table, given, flow, labels, deadline)
    step, found, crossing = _cut_of_what_is_left(left)
    if crossing > 0.0 and not energy.is_lower(labels, found):
        labels = found
    return Draft(labels, step, crossing)


def ordered(
    energy: LabelingEnergy, table: OrderedTable, deadline: Deadline, first: Draft | None = None
) -> Cut:
    """Minimize an energy whose table is submodular in the order of the labels.

    `first` is what `draft` returned for the energy, if it was called already.
    """
    simple = simplified(energy)
    labels, step, crossing = draft(energy, table, deadline) if first is None else first
    if _is_late(energy, table, deadline):
        return _without_proof(energy, labels, int(crossing > 0.0))
    flow = np.zeros((2, len(energy.tails), len(table.i)))  # high and low part
    flow[0] = step()
    proof: tuple[Reparametrization, Measure] | None = None  # the best one
    cuts = 0
    while crossing > 0.0:
        if cuts > 0:
            flow = np.stack(sum_and_error(*_add((flow[0], flow[1]), step())))
        given, cuts = _as_messages(energy, table, flow, deadline), cuts + 1
        late = _is_late(energy, table, deadline)
        found = None if late else measure(energy, labels, given, deadline=deadline)
        stopped = deadline.passed()
        if proof is not None and (found is None or weaker(found, proof[1])):
            best = measure_again(energy, labels, *proof, deadline)
            return Cut(labels, proof[0], best, cuts, stopped)
        if found is None:
            return _without_proof(energy, labels, cuts)
        before, proof = proof, (given, found)
        if found.gap == 0.0 or (found.rounding and energy.n * energy.n_labels > SMALL) or stopped:
            return Cut(labels, *proof, cuts, stopped)
        if cuts == ROUNDS or (before is not None and not found.gap < before[1].gap):
            return Cut(labels, *proof, cuts, stopped)
        work = bounded(simple, labels)
        left = _Left(work, table, given, flow, labels, deadline)
        step, other, crossing = _cut_of_what_is_left(left)
        if crossing > 0.0 and not energy.is_lower(labels, other):
            labels = other
    if proof is None:  # no cut was made
        given = _as_messages(energy, table, flow, deadline)
        if _is_late(energy, table, deadline):
            return _without_proof(energy, labels, 0)
        proof = given, measure(energy, labels, given, deadline=deadline)
    return Cut(labels, *proof, cuts, deadline.passed())


def _is_large(energy: LabelingEnergy, table: OrderedTable) -> bool:
    return not is_short(NUMBERS * len(energy.tails) * max(len(table.i), 1))


def _is_late(energy: LabelingEnergy, table: OrderedTable, deadline: Deadline) -> bool:
    """Return whether the time is over, and what is left to do takes long."""
    return _is_large(energy, table) and deadline.passed()


class _Late(Exception):
    """The time is over, and what is left to do takes long."""


def _without_proof(energy: LabelingEnergy, labels: Array, cuts: int) -> Cut:
    """Return labels for which there was no time to prove anything."""
    nothing = evidence(np.zeros((2, len(energy.tails), energy.n_labels)), None, None)
    unknown = Measure(energy.value(labels), -np.inf, -np.inf, np.inf, False)
    return Cut(labels, nothing, unknown, cuts, True)


class _Left(NamedTuple):
    """What is left to cut: an energy, less what messages and a flow took from it."""

    energy: LabelingEnergy
    table: OrderedTable
    given: Reparametrization | None  # None if nothing has been given to the nodes yet
    flow: Array  # (2, edges, K) along the arcs of the table: high and low part
    labels: Array  # (n,) the best so far
    deadline: Deadline

    def look(self) -> None:
        """Raise `_Late` if the time is over; in large problems, a step takes up to 0.1 s."""
        if _is_late(self.energy, self.table, self.deadline):
            raise _Late

    def costs(self) -> Array:
        """Return the costs of x_v > i, of shape (n, L - 1)."""
        energy, given = self.energy, self.given
        if given is None or not given.high.any():
            return np.ascontiguousarray(np.diff(energy.costs, axis=0).T)
        shape = energy.n, energy.n_labels
        high, low, stop = np.empty(shape), np.empty(shape), flag()
        args = energy.terms, given, high, low, np.zeros(energy.n_labels), stop
        short = not _is_large(energy, self.table)
        interruptible(node_costs, *args, stop=stop, deadline=self.deadline, short=short)
        self.look()
        return np.diff(high, axis=1) + np.diff(low, axis=1)

    def capacities(self) -> tuple[Array, Array]:
        """Return the capacities of the arcs of the table, and against them."""
        flow, w = self.flow, np.abs(self.energy.weights)[:, None]
        both = []
        for capacity, sign in ((self.table.forward, -1.0), (self.table.backward, 1.0)):
            self.look()
            with np.errstate(invalid="ignore"):
                left = np.where(w == 0.0, 0.0, w * capacity)
            if self.given is not None and flow.any():
                self.look()
                left = np.maximum((left + sign * flow[0]) + sign * flow[1], 0.0)
            both.append(left)
        self.look()
        return both[0], both[1]

    def crossing(self, cost: Array, forward: Array, backward: Array) -> float:
        """Return the cost of the labels, relative to the least of each term."""
        energy, table = self.energy, self.table
        above = self.labels[:, None] > np.arange(energy.n_labels - 1)
        crossing = float(np.where(above, np.maximum(cost, 0.0), np.maximum(-cost, 0.0)).sum())
        self.look()
        p_above, q_above = above[energy.tails][:, table.i], above[energy.heads][:, table.j]
        self.look()
        crossing += float(forward[p_above & ~q_above].sum())
        self.look()
        crossing += float(backward[q_above & ~p_above].sum())
        self.look()
        return crossing


def _cut_of_what_is_left(left: _Left) -> tuple[Callable[[], Array], Array, float]:
    """Return additional flow along the arcs, labels, and the cost of the given labels.

    The flow is computed when it is asked for. If the deadline comes before anything is found, the
    flow and the cost are 0, and the labels are the given ones.
    """
    nothing = np.zeros(left.flow.shape[1:])
    try:
        cost = left.costs()
        forward, backward = left.capacities()
        crossing = left.crossing(cost, forward, backward)
        if crossing == 0.0:
            return lambda: nothing, left.labels, 0.0
        step, labels = _further_cut(left, crossing, cost, forward, backward)
    except _Late:
        return lambda: nothing, left.labels, 0.0
    return step, labels, crossing


def _further_cut(
    left: _Left, crossing: float, cost: Array, forward: Array, backward: Array
) -> tuple[Callable[[], Array], Array]:
    """Return the flow and the labels of a minimum cut; `crossing` is the cost of the given ones."""
    energy, table = left.energy, left.table
    if crossing == np.inf:  # nothing allowed is known: every finite cut is below this
        crossing = float(np.abs(cost).sum())
        crossing += float(forward.sum(where=np.isfinite(forward)))
        crossing += float(backward.sum(where=np.isfinite(backward)))
    top = power_above(2.0 * crossing)  # no minimum cut has an arc of this capacity
    forward = np.minimum(forward, top)
    left.look()
    backward = np.minimum(backward, top)
    cost = np.clip(cost, -top, top)
    grid = energy.is_grid and energy.n >= GRID and len(energy.shape) <= 3
    if energy.n_labels == 2 and grid and len(table.i):
        side, step = _on_the_grid(energy, cost[:, 0], forward[:, 0], backward[:, 0], left.deadline)
        return step, side.astype(np.int64)
    left.look()
    side, step = _on_a_graph(left, cost, forward, backward, top)
    return step, side.sum(axis=1)


def _on_a_graph(
    left: _Left, cost: Array, forward: Array, backward: Array, top: float
) -> tuple[Array, Callable[[], Array]]:
    """Return the source side of the minimum cut, (n, L - 1), and what computes its flow."""
    energy, table = left.energy, left.table
    node = np.arange(cost.size, dtype=np.int32).reshape(cost.shape)
    up, down = node[:, 1:].ravel(), node[:, :-1].ravel()  # x > i + 1 needs x > i
    from subopt.graph._max_flow import Arcs, minimum_cut_until  # not all energies need a cut

    tails = np.concatenate([node[energy.tails][:, table.i].ravel(), up])
    left.look()
    heads = np.concatenate([node[energy.heads][:, table.j].ravel(), down])
    left.look()
    ahead = np.concatenate([forward.ravel(), np.full(len(up), top)])
    left.look()
    back = np.concatenate([backward.ravel(), np.zeros(len(up))])
    left.look()
    arcs = Arcs(tails, heads, ahead, back)
    partial = is_short(NUMBERS * forward.size)
    side, sent = minimum_cut_until(arcs, -cost.ravel(), left.deadline, partial=partial)
    if left.deadline.passed() and not side.any() and not sent.any():  # nothing was found
        raise _Late
    sent = np.clip(sent[: forward.size].reshape(forward.shape), -backward, forward)
    return side.reshape(cost.shape), lambda: sent


def _on_the_grid(
    energy: LabelingEnergy, cost: Array, forward: Array, backward: Array, deadline: Deadline
) -> tuple[Array, Callable[[], Array]]:
    """Return the source side of the minimum cut of a grid, and what computes its flow."""
    weights, start = [], 0
    groups = energy.edge_groups
    for side in groups.sides:
        part = slice(start, start + int(np.prod(side)))
        weights.append((forward[part].reshape(side), backward[part].reshape(side)))
        start = part.stop
    grid = cost.reshape(energy.shape)
    limit = deadline.left()
    source, sink = np.maximum(-grid, 0.0), np.maximum(grid, 0.0)
    from subopt.graph.grid.cut import grid_cut

    cut = grid_cut(
        source,
        sink,
        weights,
        offsets=groups.offsets,
        periodic=groups.periodic,
        time_limit=limit,
    )

    def flow() -> Array:
        sent = np.clip(np.concatenate([f.ravel() for f in cut.flow]), -backward, forward)
        return sent[:, None]

    return cut.source_side.ravel(), flow


def _as_messages(
    energy: LabelingEnergy, table: OrderedTable, flow: Array, deadline: Deadline
) -> Reparametrization:
    """Return the messages of the edges: unary costs, and the flow along their arcs.

    If the deadline comes, large energies get a part of them.
    """
    L, m = energy.n_labels, len(energy.tails)
    most = max(int(np.bincount(place, minlength=1).max(initial=0)) for place in (table.i, table.j))
    arcs = np.full((2, L - 1, most), -1)
    for end, place in enumerate((table.i, table.j)):
        for i in range(L - 1):
            here = np.flatnonzero(place == i)
            arcs[end, i, : len(here)] = here
    high, low, stop = np.zeros((2, m, L)), np.zeros((2, m, L)), flag()
    args = np.abs(energy.weights), table.terms, arcs, flow, high, low, stop
    short = not _is_large(energy, table)
    interruptible(messages_of, *args, stop=stop, deadline=deadline, short=short)
    return evidence(high, low if low.any() else None, None)


def sum_and_error(a: Array, b: Array) -> tuple[Array, Array]:
    """Return rounded sums and their rounding errors."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _add(total: tuple[Array, Array], x: Array) -> tuple[Array, Array]:
    high, error = sum_and_error(total[0], x)
    return high, total[1] + error
