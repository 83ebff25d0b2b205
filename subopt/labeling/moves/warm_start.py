"""Compiled: initial labels and flows of moves, from a few sweeps of message passing.

Messages divide the energy among nodes and edges nearly as in a dual optimum. The difference of the
messages for label b at the two ends of an edge is a flow of the expansion of b; this is the
primal-dual view of moves (N. Komodakis, G. Tziritas, "Approximate labeling via graph cuts based on
linear programming", IEEE TPAMI 29(8), 2007). Further sweeps push remaining excess to neighbors, for
all labels at once. Any flow is a valid start, so single precision is sufficient. Costs are in units
of the largest cost of an edge, minus the smallest cost of each node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.jit import in_python, inner, without_nan
from subopt._base.types import Array
from subopt.labeling._adjacency import Adjacency, table_at
from subopt.labeling._messages import (
    BACKWARD,
    FORWARD,
    Linear,
    Tables,
    choose,
    shape_of,
    sweep,
)
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves.workspace import parts

SWEEPS, PUSHES = np.int64(16), np.int64(3)
TRIED = np.int64(3)  # number of sweeps after which labels are compared with given ones
# a sweep over a general table takes O(m labels^2), as much as some moves: the number of sweeps is
# limited such that each message reads at most this many rows of the table
LINEAR = np.int64(32)  # rows that a message of a linear table takes as long as
ROWS = np.int64(160)
LEAST = 0.01  # the last sweep is one that raises the bound by less than this fraction of the total
MANY, LESS = np.int64(128), 0.003  # the same from so many labels on: moves take longer there
LARGEST = np.float32(1e30)
TINY = 1e-230  # edge costs up to this count as 0, because the unit would overflow other costs
EPS = np.float32(1e-5)  # additional amount pushed to a node, larger than rounding errors


class Terms(NamedTuple):
    """The costs of edges in the units of a start."""

    graph: Adjacency  # with float32 weights
    tables: Array  # (2 or 2 m, labels, labels) float32
    alike: Array  # (labels,) float32, the diagonal of the one table
    unit: float  # one unit, in the units of the energy
    uniform: float  # of `Tables`
    linear: Linear | None  # of `Shape`


class Draft(NamedTuple):
    """Workspace of a start; float32."""

    costs: Array  # (n, labels)
    messages: Array  # (arcs, labels)
    flows: Array  # (edges, labels), from the first end to the second
    scratch: Array  # (3, labels)


def terms(energy: LabelingEnergy) -> Terms:
    """Return the costs of edges in units of the largest."""
    T = energy.seen_tables
    table = T - T.min(axis=(1, 2), keepdims=True)
    most = float(table.max(initial=0.0))
    largest = float(np.abs(energy.weights).max(initial=0.0) * most)
    unit = 2.0 ** np.ceil(np.log2(largest)) if largest > TINY else 1.0
    scale = max(most, 1e-300)
    small = (table / scale).astype(np.float32)
    graph, shape = energy.adjacency, shape_of(energy.tables)
    weight = (graph.weight * (scale / unit if largest > TINY else 0.0)).astype(np.float32)
    return Terms(
        graph._replace(weight=weight),
        small,
        np.diag(small[0]).copy() if len(small) else np.zeros(energy.n_labels, np.float32),
        np.float64(unit),  # not a float: without the JIT that would take the type of the flows
        np.float64(shape.uniform / scale),
        shape.linear and Linear(*(np.float64(part / scale) for part in shape.linear)),
    )


class WarmStart(NamedTuple):
    """What `prepare` needs besides a problem."""

    terms: Terms
    draft: Draft


def draft(n: int, edges: int, labels: int, flows: Array | None = None) -> Draft:
    """Allocate the workspace of a start.

    Messages take the memory of `flows` (edges, labels) float64, which `prepare` overwrites when it
    has read them: to touch new memory takes about as long as two sweeps.
    """
    if flows is None:
        flows = np.empty((edges, labels))
    return Draft(
        np.empty((n, labels), np.float32),
        flows.view(np.float32).reshape(2 * edges, labels),
        np.empty((edges, labels), np.float32),
        np.empty((3, labels), np.float32),
    )


def prepare(
    costs: Array,
    least: Array,
    terms: Terms,
    labels: Array,
    given: bool,
    better: Callable[[Array, Array], bool] | None,
    pairs: bool,
    draft: Draft,
    flows: Array,
    stop: Array,
) -> None:
    """Set flows for moves, and unless they are given the labels.

    costs : (n, labels) float64
    least : (n,) float64, the smallest of each row
    terms : Terms
    labels : (n,) int64, read if `given`, else overwritten
    better : callable, whether its first labels are better than its second ones: given labels are
        then overwritten by better ones; None if they have to stay
    given, pairs : bool; `pairs` for swaps, where neighbors with a third label stay as they are
    draft : Draft
    flows : (edges, labels) float64, overwritten; of no meaning if the flag `stop` is set
    stop : (1,) int8, the flag that ends it
    """
    for part in parts(*draft.costs.shape):
        if stop[0] != 0:
            return
        with np.errstate(over="ignore"):
            above = costs[part] - least[part, None]
            above /= terms.unit
        np.minimum(above, LARGEST, out=draft.costs[part], casting="unsafe")
    for part in parts(*draft.messages.shape):
        if stop[0] != 0:
            return
        draft.messages[part] = 0.0
    _sweep_and_choose(terms, labels, given, better, draft, stop)
    in_python(_settle)(terms, labels, pairs, draft, stop)
    for part in parts(*draft.flows.shape):
        if stop[0] != 0:
            return
        np.multiply(draft.flows[part], terms.unit, out=flows[part], dtype=np.float64)


@inner
def prepare_next(costs, terms, labels, given, pairs, draft, flows, stop):
    """Like `prepare`, for callers that are compiled; the given labels stay."""
    n, n_labels = costs.shape
    for k in range(n):
        least = costs[k, 0]
        for a in range(1, n_labels):
            least = min(least, costs[k, a])
        for a in range(n_labels):
            draft.costs[k, a] = min((costs[k, a] - least) / terms.unit, LARGEST)
    for e in range(draft.messages.shape[0]):
        for a in range(n_labels):
            draft.messages[e, a] = 0.0
    _pass(terms, draft, np.int64(0), SWEEPS, 0.0, 0.0, stop)
    if not given and stop[0] == 0:
        first = draft.scratch[0]
        choose(draft.costs, terms.tables, terms.graph, draft.messages, labels, first, stop)
    _settle(terms, labels, pairs, draft, stop)
    for e in range(draft.flows.shape[0]):
        for a in range(n_labels):
            flows[e, a] = draft.flows[e, a] * terms.unit


def _sweep_and_choose(
    terms: Terms,
    labels: Array,
    given: bool,
    better: Callable[[Array, Array], bool] | None,
    draft: Draft,
    stop: Array,
) -> None:
    """Pass messages, and set the labels that they lead to, unless given labels stay.

    With `better`, few sweeps are made first. Then the given labels are either better than those
    that messages lead to, and more sweeps save few moves; or they are left for good.
    """
    passed = in_python(_pass)
    begin, first, last, leave = np.int64(0), 0.0, 0.0, not given
    other = np.empty_like(labels)
    args = draft.costs, terms.tables, terms.graph, draft.messages, other, draft.scratch[0], stop
    if given and better is not None:
        begin, first, last = passed(terms, draft, begin, TRIED, first, last, stop)
        if stop[0] != 0:
            return
        choose(*args)
        if stop[0] != 0:
            return
        if leave := better(other, labels):
            labels[:] = other
    if leave or begin == 0:
        passed(terms, draft, begin, SWEEPS, first, last, stop)
        if stop[0] != 0:
            return
    if leave:
        choose(*args)
        if stop[0] != 0:
            return
        if better is None or better(other, labels):
            labels[:] = other


@inner
def _pass(terms, draft, begin, end, first, last, stop):
    """Make the sweeps `begin` to `end`, or until they bring little; return the next, two bounds.

    The bounds are those after the first and after the last sweep; `first` and `last` are those of
    earlier calls. The next sweep is `SWEEPS` if another one would bring little. Most sweeps are not
    made for tables for which they take long.
    """
    graph, messages, scratch = terms.graph, draft.messages, draft.scratch
    tables = Tables(terms.tables, terms.uniform)
    n_labels = draft.costs.shape[1]
    rows = n_labels if terms.linear is None else min(n_labels, LINEAR)
    least = LEAST if n_labels < MANY else LESS
    sweeps = SWEEPS if terms.uniform > 0.0 else max(np.int64(1), min(SWEEPS, ROWS // rows))
    for i in range(begin, min(end, sweeps)):
        sweep(draft.costs, tables, terms.linear, graph, messages, FORWARD, scratch, stop)
        bound = sweep(draft.costs, tables, terms.linear, graph, messages, BACKWARD, scratch, stop)
        if stop[0] != 0:
            break
        if i > 0 and bound - last <= least * (bound - first):
            return SWEEPS, first, bound
        first = bound if i == 0 else first
        last = bound
    return end, first, last


@inner
def _settle(terms, labels, pairs, draft, stop):
    """Set the flows for some labels, given the messages."""
    if stop[0] != 0:
        return
    _read_off(terms, labels, draft.messages, draft.flows, stop)
    for i in range(PUSHES):
        if stop[0] != 0:
            return
        _push(terms, draft, labels, pairs, BACKWARD if i % 2 == 0 else FORWARD, stop)


@without_nan
def _read_off(terms, labels, messages, flows, stop):
    """Set the flow of every label to what both ends of an edge say of it, on average.

    Not all of them if the flag `stop` is set.
    """
    graph, tables = terms.graph, terms.tables
    half = np.float32(0.5)
    for p in range(labels.shape[0]):
        if p % 1024 == 0 and stop[0] != 0:
            return
        z = labels[p]
        for e in range(graph.indptr[p], graph.indptr[p + 1]):
            if graph.turned[e] == 0:
                y, back, i, h = (
                    labels[graph.heads[e]],
                    graph.twin[e],
                    graph.edge[e],
                    half * graph.weight[e],
                )
                known, t = messages[e, z] - messages[back, y], table_at(graph, e)
                for b in range(flows.shape[1]):
                    # half of what b costs p more next to y, less what it costs y more next to p
                    apart = h * (tables[t ^ 1, y, b] - tables[t, z, b])
                    flows[i, b] = half * (messages[e, b] - messages[back, b] - known) - apart


@without_nan
def _push(terms, draft, labels, pairs, direction, stop):
    """Make nodes content with their labels at the cost of neighbors further on, where they can.

    `pairs`: for moves in which neighbors with other labels stay as they are.
    """
    graph, tables, alike = terms.graph, terms.tables, terms.alike
    costs, flows, gain = draft.costs, draft.flows, draft.scratch[0]
    n, n_labels = costs.shape
    none, half, one = np.float32(0.0), np.float32(0.5), np.float32(1.0)
    eps = EPS
    for step in range(n):
        if step % 256 == 0 and stop[0] != 0:
            return
        k = step if direction == FORWARD else n - 1 - step
        z = labels[k]
        for b in range(n_labels):
            gain[b] = costs[k, b] - costs[k, z]
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            t, i, y, h = (
                table_at(graph, e),
                graph.edge[e],
                labels[graph.heads[e]],
                half * graph.weight[e],
            )
            sign, now = one if graph.turned[e] == 0 else -one, tables[t, z, y]
            if pairs and y != z:
                for b in range(n_labels):
                    gain[b] += graph.weight[e] * (tables[t ^ 1, y, b] - now)
                continue
            if graph.step > 0:
                for b in range(n_labels):
                    alike[b] = tables[t, b, b]
            for b in range(n_labels):
                zb, by = tables[t, z, b], tables[t ^ 1, y, b]
                most = h * (zb + by - now - alike[b])
                flow = max(-most, min(most, sign * flows[i, b]))
                flows[i, b] = sign * flow
                gain[b] += h * (by - now + alike[b] - zb) + flow
        least = none
        for b in range(n_labels):
            least = min(least, gain[b])
        if least == none:
            continue
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            t, i, y, h = (
                table_at(graph, e),
                graph.edge[e],
                labels[graph.heads[e]],
                half * graph.weight[e],
            )
            if (graph.heads[e] > k) != (direction == FORWARD) or (pairs and y != z):
                continue
            sign, now = one if graph.turned[e] == 0 else -one, tables[t, z, y]
            if graph.step > 0:
                for b in range(n_labels):
                    alike[b] = tables[t, b, b]
            for b in range(n_labels):
                most = h * (tables[t, z, b] + tables[t ^ 1, y, b] - now - alike[b])
                flow = sign * flows[i, b]
                more = min(max(eps - gain[b], none), max(most - flow, none))
                gain[b] += more
                flows[i, b] = sign * (flow + more)
