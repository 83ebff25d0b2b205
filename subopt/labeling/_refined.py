"""Moves as energies of two labels, for small problems with numbers of all sizes.

Compiled moves compute capacities in doubles, where a cost of 1e15 hides one of 0.1. A move is also
an energy of two labels, keep or take, whose costs and tables are entries of the given ones. Setting
it up causes no rounding, and `qpbo` solves it, repeatedly on the residual energy if numbers differ
much in size. Label costs add a node per label, as in `moves.label_costs`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._qpbo import qpbo
from subopt.labeling.energy import LabelingEnergy

SMALL = 2**12  # labels of nodes and edges; larger problems keep what compiled moves found


def refined(energy: LabelingEnergy, moves: Array, labels: Array, deadline: Deadline) -> Array:
    """Return labels after moves ``(only, b)``, see `expand.descend`, until none improves."""
    size = (energy.n + len(energy.tails)) * energy.n_labels
    if size > SMALL:
        return labels
    idle = step = 0
    while idle < len(moves) and not deadline.passed():
        only, b = moves[step % len(moves)]
        step, idle = step + 1, idle + 1
        free = labels != b if only < 0 else (labels == only) & (labels != b)
        if not free.any():
            continue
        choice = _choice(energy, labels, free, int(b))
        taken = qpbo(choice, time_limit=deadline.left()).labels[: energy.n]
        moved = np.where(taken == 1, b, labels)
        if energy.is_lower(moved, labels):
            labels, idle = moved, 0
    return labels


def _choice(energy: LabelingEnergy, labels: Array, free: Array, b: int) -> LabelingEnergy:
    """Return the energy of label 1, take b, and label 0, stay, which others have to."""
    node, taken = np.arange(energy.n), np.where(free, b, labels)
    costs = np.stack([energy.costs[labels, node], energy.costs[taken, node]], axis=1)
    costs[~free, 1] = np.inf
    # forbidden costs of labels that cannot be left have to stay allowed here
    costs[np.isinf(costs).all(axis=1)] = 0.0, 0.0
    costs[~free, 1] = np.inf
    p, q = energy.tails, energy.heads
    edge = np.arange(len(p)) if energy.own else np.zeros(len(p), np.int64)
    pairs = np.empty((len(p), 2, 2))
    for i, at in enumerate((labels, taken)):
        for j, other in enumerate((labels, taken)):
            pairs[:, i, j] = energy.tables[edge, at[p], other[q]]
    pairs[np.isinf(pairs).all(axis=(1, 2))] = 0.0
    ends = np.stack([p, q], axis=1)
    if not energy.label_costs.any():
        return LabelingEnergy(costs, edges=ends, weights=energy.weights, tables=pairs)
    more = _labels_in_use(energy, labels, free, b)
    weights = np.concatenate([energy.weights, np.ones(len(more.tables))])
    return LabelingEnergy(
        np.concatenate([costs, more.costs]),
        edges=np.concatenate([ends, more.edges]),
        weights=weights,
        tables=np.concatenate([pairs, more.tables]),
    )


class _LabelNodes(NamedTuple):
    """Nodes after those of the graph, one per label whose cost a move can change."""

    costs: Array  # (labels, 2)
    edges: Array  # (edges, 2)
    tables: Array  # (edges, 2, 2)


def _labels_in_use(energy: LabelingEnergy, labels: Array, free: Array, b: int) -> _LabelNodes:
    """Return nodes that pay for labels: 1 if a label is given up, and 1 if b comes into use."""
    paid, count = energy.label_costs, np.bincount(labels, minlength=energy.n_labels)
    leaving = count - np.bincount(labels[free], minlength=energy.n_labels) == 0
    given_up = np.flatnonzero((paid > 0.0) & (count > 0) & leaving)
    comes = paid[b] > 0.0 and count[b] == 0
    costs = np.zeros((len(given_up) + comes, 2))
    costs[: len(given_up), 0] = paid[given_up]
    place = np.full(energy.n_labels, -1)
    place[given_up] = energy.n + np.arange(len(given_up))
    node = np.flatnonzero(place[labels] >= 0)
    edges = np.stack([node, place[labels[node]]], axis=1)
    stays = np.array([[0.0, np.inf], [0.0, 0.0]])  # a node keeps a label that is given up
    tables = np.tile(stays, (len(node), 1, 1))
    if comes:
        costs[-1, 1] = paid[b]
        node = np.flatnonzero(free)
        last = np.full(len(node), energy.n + len(given_up))
        edges = np.concatenate([edges, np.stack([node, last], axis=1)])
        tables = np.concatenate([tables, np.tile(stays.T, (len(node), 1, 1))])
    return _LabelNodes(costs, edges, tables)
