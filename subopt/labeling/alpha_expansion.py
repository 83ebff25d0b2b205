"""Alpha-expansion: any nodes may take one label at once, optimally, by a minimum cut.

For a metric the answer costs at most 2 max(V) / min(V) times as much as the best labeling, pairwise
(Boykov, Veksler, Zabih, "Fast approximate energy minimization via graph cuts", IEEE TPAMI 23(11),
2001, theorem 6.1); with a lower bound it is usually seen to be within a percent. Work follows the
change: every label keeps the flow of its last expansion, the next one starts from there, and looks
only at the surroundings of nodes that this leaves unsettled (compare P. Kohli, P. Torr, "Dynamic
graph cuts for efficient inference in Markov random fields", IEEE TPAMI 29(12), 2007).
"""

from __future__ import annotations

import numpy as np

from subopt import _validate
from subopt._jit import njit
from subopt._types import ArrayLike
from subopt.labeling import _batch, _moves
from subopt.labeling._batch import LabelingBatch
from subopt.labeling._moves import MOVES, begin, connect, lowered, relabel, solve
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.labeling import Labeling, local, rounding

MEMORY = 2**29  # bytes for the flows of all labels; with more they are not kept


def alpha_expansion(
    energy: LabelingEnergy, *, initial: ArrayLike | None = None, max_cycles: int = 1000
) -> Labeling:
    r"""Minimize a labeling energy with a metric by expansion moves.

    Parameters
    ----------
    energy : LabelingEnergy
        With weights >= 0 and a metric: ``table[a, a] + table[b, c] <= table[b, a] + table[a, c]``
        for all labels; no label costs.
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default the cheapest single label everywhere.
    max_cycles : int, default 1000
        How often to try all labels; a handful is enough.

    Returns
    -------
    Labeling
        ``status`` is LOCAL, no expansion of any label lowers the energy, or MAX_ITER.

    Raises
    ------
    ValueError
        If the table is no metric or a weight negative; the message names them and what to use.

    References
    ----------
    .. [1] Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts",
       IEEE TPAMI 23(11), 2001.
    .. [2] P. Kohli, P. H. S. Torr, "Dynamic graph cuts for efficient inference in Markov random
       fields", IEEE TPAMI 29(12), 2007.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5)
    >>> result = alpha_expansion(energy)
    >>> result.labels, result.value, result.status.name
    (array([0, 1, 2]), 2.0, 'LOCAL')
    """
    _check(energy)
    labels = _batch.start(energy, initial)
    room = _room(energy)
    cycles = _validate.positive_int("max_cycles", max_cycles)
    _, done = expand_all(
        energy.costs, energy.tables, energy.adjacency, labels, rounding(energy), cycles, room
    )
    return local(energy, labels, "alpha_expansion", done=done, n_cuts=int(room.clock[_moves.CUTS]))


def alpha_expansion_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None
) -> LabelingBatch:
    r"""Expand many problems that differ in their unary costs, in one call.

    Parameters
    ----------
    energy : LabelingEnergy
        The graph, the weights and the metric; its unary costs are not used.
    unaries : array_like of shape (P, \*grid, L) or (P, n, L)
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.

    Returns
    -------
    LabelingBatch

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if the energy is not as `alpha_expansion` needs it.

    Examples
    --------
    >>> energy = LabelingEnergy(np.zeros((4, 4, 3)), weights=0.2)
    >>> many = alpha_expansion_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> many.labels.shape, many.values.shape
    ((100, 4, 4), (100,))
    """
    _check(energy)
    return _batch.run(expand_many, energy, unaries, lambda: (_room(energy),), threads)


def _room(energy: LabelingEnergy) -> _moves.Room:
    L, m = energy.n_labels, len(energy.tails)
    # on a small graph the first cycle is most of the work, and starts from nothing anyway
    kept = L if energy.n > FEW and 8 * L * m <= MEMORY else 1
    return _moves.room(energy.n, m, L, L, kept)


def _check(energy: LabelingEnergy) -> None:
    _batch.check("alpha_expansion", energy)
    table = energy.table
    slack = 1e-12 * np.abs(table).max(initial=0.0)
    for a in range(energy.n_labels):
        short = table[:, a, None] + table[a] - table - table[a, a]
        if (short < -slack).any():
            b, c = map(int, np.argwhere(short < -slack)[0])
            raise ValueError(
                f"alpha_expansion needs a metric, but for the labels {b}, {a}, {c} the table has "
                f"[{b}, {c}] + [{a}, {a}] = {table[b, c] + table[a, a]:g} > [{b}, {a}] + "
                f"[{a}, {c}] = {table[b, a] + table[a, c]:g}. alpha_beta_swap does not need the "
                "triangle inequality; with two labels, qpbo takes any table."
            )


FEW, MORE = np.int64(500), np.int64(8)


@njit
def expand_all(costs, tables, graph, labels, tolerance, cycles, room):
    """Expand all labels in turn until none lowers E; return E, and whether none does."""
    value = begin(costs, tables, graph, labels, room)
    n_labels = costs.shape[0]
    idle = 0
    for step in range(cycles * n_labels):
        gained = expand(costs, tables, graph, labels, step % n_labels, tolerance, room)
        value -= gained
        idle = idle + 1 if gained == 0.0 else 1
        if idle >= n_labels:
            return value, True
    return value, False


@njit
def expand_many(costs, tables, graph, labels, values, tolerance, room):
    """Expand problem after problem."""
    for p in range(costs.shape[0]):
        values[p], _ = expand_all(
            costs[p], tables, graph, labels[p], tolerance[p], np.int64(1000), room
        )


@njit(inline="always")
def expand(costs, tables, graph, labels, b, tolerance, room):
    """Let any nodes take label b if that lowers E; return by how much it did.

    Work follows the change, not the graph: it starts from the nodes that want b more than the flow
    has settled so far, which can only be near a change since b was last expanded, and takes in the
    nodes that those may push over. All others keep their labels in any case.
    """
    flows = room.flows
    row = b if flows.shape[0] > 1 else 0
    if flows.shape[0] == 1:
        flows[0] = 0.0
        room.last[b] = -1
    gained = 0.0
    limit = np.int64(0)
    again = True
    while again:
        again = False
        room.clock[MOVES] += 1
        found, whole, limit = _spread(costs, tables, graph, labels, b, row, limit, room)
        for q in range(found):
            if room.inside[room.queue[q]] == room.clock[MOVES]:
                size = connect(graph, room.queue[q], found, room)
                solve(size, _write(tables, graph, labels, b, row, size, room), room)
                if flows.shape[0] > 1 or not whole:
                    _keep_flow(graph, row, size, room)
                if not whole and _open(tables, graph, labels, b, row, size, room):
                    again = True
                    continue
                gain = lowered(labels, b, size, room)
                if gain > tolerance:
                    gained += gain
                    for i in range(size):
                        if room.work.side[i]:
                            relabel(costs, graph, labels, room.piece[i], b, True, room)
    room.last[b] = room.clock[MOVES]
    return gained


@njit(inline="always")  # a call would pass all arrays of the room, node by node
def _gain(costs, tables, graph, labels, b, row, k, room):
    """Set what b costs node k more than its label, with what the flow takes out of it."""
    indptr, heads, _, weight, turned, edge = graph
    z = labels[k]
    zb, bb = 0.0, 0.0
    total = 0.0
    for e in range(indptr[k], indptr[k + 1]):
        c, t = labels[heads[e]], turned[e]
        zb, bb = tables[t, z, b], tables[t, b, b]
        bc, zc = tables[t, b, c], tables[t, z, c]
        half = 0.5 * weight[e]
        capacity = half * (zb + bc - zc - bb)
        flow = room.flows[row, edge[e]]
        if t == 1:
            flow = -flow
        total += half * (bc - zc + bb - zb) + max(-capacity, min(flow, capacity))
    room.seen[k] = room.clock[MOVES]
    room.inflow[k] = 0.0
    room.gain[k] = costs[b, k] - room.unary[k] + total


@njit(inline="always")
def _spread(costs, tables, graph, labels, b, row, limit, room):
    """List nodes to be decided; return their number, whether these are all, and the next limit.

    All of them: those that want b, and those that may be pushed over, because they could not take
    what their listed neighbours could send them all together.
    """
    indptr, heads, _, weight, turned, edge = graph
    stamp, seen, inside = room.stamp, room.seen, room.inside
    gain, inflow, queue = room.gain, room.inflow, room.queue
    move, last = room.clock[MOVES], room.last[b]
    found = 0
    for k in range(labels.shape[0]):
        if stamp[k] > last and labels[k] != b:
            _gain(costs, tables, graph, labels, b, row, k, room)
            if gain[k] < 0.0:
                inside[k] = move
                queue[found] = k
                found += 1
    if found == 0:
        return found, True, limit
    limit = max(limit, FEW, 2 * found)
    whole = True
    if 8 * found > labels.shape[0]:  # as good as all: do not ask
        found = 0
        for k in range(labels.shape[0]):
            if labels[k] != b:
                if seen[k] != move:
                    _gain(costs, tables, graph, labels, b, row, k, room)
                inside[k] = move
                queue[found] = k
                found += 1
        return found, True, limit
    q = 0
    while q < found:
        k = queue[q]
        q += 1
        z = labels[k]
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            c, t = labels[u], turned[e]
            if inside[u] == move or c == b:
                continue
            if seen[u] != move:
                _gain(costs, tables, graph, labels, b, row, u, room)
            most = (0.5 * weight[e]) * (
                tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b]
            )
            flow = room.flows[row, edge[e]]
            inflow[u] += most - max(-most, min(flow if t == 0 else -flow, most))
            if inflow[u] > gain[u]:
                if found < limit:
                    inside[u] = move
                    queue[found] = u
                    found += 1
                else:
                    whole = False
    return found, whole, MORE * limit


@njit(inline="always")
def _write(tables, graph, labels, b, row, size, room):
    """Write the network of a piece; return the number of arcs."""
    indptr, heads, twin, weight, turned, edge = graph
    inside, piece, place, at, flows = room.inside, room.piece, room.place, room.at, room.flows
    small_indptr, small_heads, small_twin = room.network
    move = room.clock[MOVES]
    arcs = 0
    for i in range(size):
        k = piece[i]
        z = labels[k]
        gain = wanted = room.gain[k]
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            c, t = labels[u], turned[e]
            most = (0.5 * weight[e]) * (
                tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b]
            )
            most = max(most, 0.0)
            flow = flows[row, edge[e]]
            flow = max(-most, min(flow if t == 0 else -flow, most))
            wanted -= flow
            if inside[u] == -move:
                at[e] = arcs
                small_heads[arcs] = place[u]
                small_twin[arcs] = twin[e]
                room.capacity[arcs] = most
                room.residual[arcs, 0] = most - flow
                room.residual[arcs, 1] = most + flow
                arcs += 1
                continue
            wanted += most
            if c != b and room.inflow[u] <= room.gain[u]:  # it can take whatever it is sent
                gain += most - flow
                flows[row, edge[e]] = most if t == 0 else -most
        small_indptr[i + 1] = arcs
        room.excess[i] = -gain
        room.wanted[i] = -wanted
    return arcs


@njit(inline="always")
def _open(tables, graph, labels, b, row, size, room):
    """Whether nodes that still want b could send more to nodes outside of the piece."""
    indptr, heads, _, weight, turned, edge = graph
    move = room.clock[MOVES]
    for i in range(size):
        if room.work.side[i]:
            k = room.piece[i]
            z = labels[k]
            for e in range(indptr[k], indptr[k + 1]):
                c, t = labels[heads[e]], turned[e]
                if room.inside[heads[e]] == -move:
                    continue
                most = (0.5 * weight[e]) * (
                    tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b]
                )
                flow = room.flows[row, edge[e]]
                if (flow if t == 0 else -flow) < most:
                    return True
    return False


@njit(inline="always")
def _keep_flow(graph, row, size, room):
    """Store the flow of a piece for the next expansion of the label."""
    indptr, turned, edge = graph[0], graph[4], graph[5]
    small_indptr, small_heads = room.network.indptr, room.network.heads
    for i in range(size):
        arc = small_indptr[i]
        for e in range(indptr[room.piece[i]], indptr[room.piece[i] + 1]):
            if arc < small_indptr[i + 1] and room.at[e] == arc:
                if small_heads[arc] > i:
                    flow = room.capacity[arc] - room.residual[arc, 0]
                    room.flows[row, edge[e]] = flow if turned[e] == 0 else -flow
                arc += 1
