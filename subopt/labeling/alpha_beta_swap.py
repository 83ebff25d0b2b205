"""Alpha-beta swap: the nodes with one of two labels get either anew, optimally, by a minimum cut.

The table need not be a metric (Boykov, Veksler, Zabih, "Fast approximate energy minimization via
graph cuts", IEEE TPAMI 23(11), 2001, section 3). Work follows the change: the nodes of a swap fall
apart into connected pieces, and a piece that did not change, nor anything next to it, since the two
labels were last swapped is still as good as it can get.
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


def alpha_beta_swap(
    energy: LabelingEnergy, *, initial: ArrayLike | None = None, max_cycles: int = 1000
) -> Labeling:
    r"""Minimize a labeling energy by swap moves.

    Parameters
    ----------
    energy : LabelingEnergy
        With weights >= 0 and ``table[a, a] + table[b, b] <= table[a, b] + table[b, a]`` for all
        labels; no label costs.
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from; by default the cheapest single label everywhere.
    max_cycles : int, default 1000
        How often to try all pairs of labels; a handful is enough.

    Returns
    -------
    Labeling
        ``status`` is LOCAL, no swap of any two labels lowers the energy, or MAX_ITER.

    Raises
    ------
    ValueError
        If a pair of labels or a weight is not as needed; the message names them.

    References
    ----------
    .. [1] Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts",
       IEEE TPAMI 23(11), 2001, section 3.

    Examples
    --------
    >>> energy = LabelingEnergy(
    ...     [[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5, metric="quadratic", truncation=3
    ... )
    >>> result = alpha_beta_swap(energy)
    >>> result.labels, result.value
    (array([0, 1, 2]), 2.0)
    """
    _check(energy)
    labels = _batch.start(energy, initial)
    room = _room(energy)
    cycles = _validate.positive_int("max_cycles", max_cycles)
    _, done = swap_all(
        energy.costs,
        energy.tables,
        energy.adjacency,
        labels,
        _local(energy),
        rounding(energy),
        cycles,
        room,
    )
    return local(energy, labels, "alpha_beta_swap", done=done, n_cuts=int(room.clock[_moves.CUTS]))


def alpha_beta_swap_many(
    energy: LabelingEnergy, unaries: ArrayLike, *, threads: int | None = None
) -> LabelingBatch:
    r"""Swap in many problems that differ in their unary costs, in one call.

    Parameters
    ----------
    energy : LabelingEnergy
        The graph, the weights and the table; its unary costs are not used.
    unaries : array_like of shape (P, \*grid, L) or (P, n, L)
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.

    Returns
    -------
    LabelingBatch

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if the energy is not as `alpha_beta_swap` needs it.

    Examples
    --------
    >>> energy = LabelingEnergy(np.zeros((4, 4, 3)), weights=0.2)
    >>> many = alpha_beta_swap_many(energy, np.random.default_rng(0).random((100, 4, 4, 3)))
    >>> many.labels.shape, many.values.shape
    ((100, 4, 4), (100,))
    """
    _check(energy)
    return _batch.run(swap_many, energy, unaries, lambda: (_local(energy), _room(energy)), threads)


def _room(energy: LabelingEnergy) -> _moves.Room:
    L = energy.n_labels
    return _moves.room(energy.n, len(energy.tails), L, L * L, 1)


def _local(energy: LabelingEnergy) -> bool:
    """Whether any two labels differ by the same amount next to every third one."""
    T = energy.table
    apart = ~np.eye(energy.n_labels, dtype=np.bool_)
    return bool(np.unique(T[apart]).size <= 1)


def _check(energy: LabelingEnergy) -> None:
    _batch.check("alpha_beta_swap", energy)
    T = energy.table
    bend = T + T.T - np.diag(T) - np.diag(T)[:, None]
    wrong = bend < -1e-12 * np.abs(T).max(initial=0.0)
    if wrong.any():
        a, b = map(int, np.argwhere(wrong)[0])
        raise ValueError(
            f"alpha_beta_swap needs table[a, a] + table[b, b] <= table[a, b] + table[b, a], but "
            f"for the labels {a}, {b} it is {T[a, a] + T[b, b]:g} > {T[a, b] + T[b, a]:g}. icm "
            "takes any table; with two labels, qpbo does."
        )


@njit
def swap_all(costs, tables, graph, labels, local, tolerance, cycles, room):
    """Swap all pairs of labels in turn until none lowers E; return E, and whether none does.

    `local`: what a label costs more than another does not depend on a third one next to it, so
    that a pair need not be swapped again unless a node with one of them changed.
    """
    value = begin(costs, tables, graph, labels, room)
    n_labels = costs.shape[0]
    carriers, changed, last = room.carriers, room.changed, room.last
    for _ in range(cycles):
        before = value
        for a in range(n_labels):
            for b in range(a + 1, n_labels):
                pair = a * n_labels + b
                if carriers[a] + carriers[b] == 0 or max(changed[a], changed[b]) <= last[pair]:
                    continue
                value -= swap(costs, tables, graph, labels, a, b, pair, local, tolerance, room)
        if value == before:
            return value, True
    return value, False


@njit
def swap_many(costs, tables, graph, labels, values, tolerance, local, room):
    """Swap in problem after problem."""
    for p in range(costs.shape[0]):
        values[p], _ = swap_all(
            costs[p], tables, graph, labels[p], local, tolerance[p], np.int64(1000), room
        )


@njit(inline="always")
def swap(costs, tables, graph, labels, a, b, pair, local, tolerance, room):
    """Reassign a and b to the nodes that have either, if that lowers E; return by how much."""
    stamp, inside, queue, piece, clock = room.stamp, room.inside, room.queue, room.piece, room.clock
    clock[MOVES] += 1
    move, last = clock[MOVES], room.last[pair]
    found = 0
    for k in range(labels.shape[0]):
        if labels[k] == a or labels[k] == b:
            inside[k] = move
            queue[found] = k
            found += 1
    gained = 0.0
    for q in range(found):
        if inside[queue[q]] == move:
            size = connect(graph, queue[q], np.int64(0), room)
            new = False
            for i in range(size):
                new |= stamp[piece[i]] > last
            if new and _tempted(costs, tables, graph, labels, a, b, size, room):
                solve(size, _write(tables, graph, labels, a, b, size, room), room)
                gain = lowered(labels, b, size, room)
                if gain > tolerance:
                    gained += gain
                    for i in range(size):
                        better = b if room.work.side[i] else a
                        if labels[piece[i]] != better:
                            relabel(costs, graph, labels, piece[i], better, local, room)
    room.last[pair] = move
    return gained


@njit(inline="always")
def _tempted(costs, tables, graph, labels, a, b, size, room):
    """Set what b costs every node of a piece more than a; whether a swap could lower E."""
    indptr, heads, _, weight, turned, _ = graph
    some_a, some_b, some_want = False, False, False
    for i in range(size):
        k = room.piece[i]
        gain = costs[b, k] - costs[a, k]
        for e in range(indptr[k], indptr[k + 1]):
            c, t = labels[heads[e]], turned[e]
            if c in (a, b):
                gain += (0.5 * weight[e]) * (
                    tables[t, b, a] - tables[t, a, a] + tables[t, b, b] - tables[t, a, b]
                )
            else:
                gain += weight[e] * (tables[t, b, c] - tables[t, a, c])
        room.gain[k] = gain
        some_a |= labels[k] == a
        some_b |= labels[k] == b
        some_want |= gain < 0.0 if labels[k] == a else gain > 0.0
    return (some_a and some_b) or some_want


@njit(inline="always")
def _write(tables, graph, labels, a, b, size, room):
    """Write the network of a piece; return the number of arcs."""
    indptr, heads, twin, weight, _, _ = graph
    piece, place, at = room.piece, room.place, room.at
    small_indptr, small_heads, small_twin = room.network
    # both directions of an edge are the same sum
    bend = 0.5 * (tables[0, a, b] + tables[0, b, a] - tables[0, a, a] - tables[0, b, b])
    arcs = 0
    for i in range(size):
        k = piece[i]
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            if labels[u] == a or labels[u] == b:
                at[e] = arcs
                small_heads[arcs] = place[u]
                small_twin[arcs] = twin[e]
                most = max(weight[e] * bend, 0.0)
                room.capacity[arcs] = room.residual[arcs, 0] = room.residual[arcs, 1] = most
                arcs += 1
        small_indptr[i + 1] = arcs
        room.excess[i] = room.wanted[i] = -room.gain[k]
    return arcs
