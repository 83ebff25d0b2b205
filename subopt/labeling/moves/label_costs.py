"""Moves when using a label costs something: one more node in the cut for every label in use.

In a move nodes take label b or stay. The cost of another label is saved if all nodes that have it
take b, and that of b is paid, if no node has it yet, once one takes it:

    h_l [some node with label l stays] = min_y  h_l (1 - y) + sum_k h_l y (1 - x_k),
    h_b [some node takes b]            = min_y  h_b y + sum_k h_b x_k (1 - y),

both submodular, so the best move is a minimum cut (A. Delong, A. Osokin, H. Isack, Y. Boykov, "Fast
approximate energy minimization with label costs", International Journal of Computer Vision 96(1),
2012, section 3). These nodes join all others, so that nothing of a cut can be kept: each one is
made of the whole graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.types import Array
from subopt.graph._max_flow import Arcs, minimum_cut_until
from subopt.labeling.energy import LabelingEnergy


def descend_whole(
    energy: LabelingEnergy, moves: Array, labels: Array, limits: Any
) -> tuple[bool, int]:
    """Make all moves in turn until none lowers E; return whether none does, and the cuts."""
    value = energy.value(labels)
    idle = cuts = 0
    for step in range(limits.cycles * len(moves)):
        if limits.deadline.passed():
            break
        only, b = moves[step % len(moves)]
        free = labels != b if only < 0 else (labels == only) & (labels != b)
        idle += 1
        if free.any():
            cuts += 1
            taken = np.flatnonzero(free)[_best_move(energy, labels, free, b, limits.deadline)]
            moved = labels.copy()
            moved[taken] = b
            other = energy.value(moved)
            if other < value:
                labels[:], value, idle = moved, other, 1
        if idle >= len(moves):
            return True, cuts
    return False, cuts


def _best_move(energy: LabelingEnergy, labels: Array, free: Array, b: int, deadline: Any) -> Array:
    """Return which of the free nodes should take label b; no more than needed."""
    nodes, place = np.flatnonzero(free), np.cumsum(free) - 1
    n, now = len(nodes), labels[free]
    p, q, inner, cost = _edges(energy, labels, free, b)
    cost = cost[free] + energy.costs[b, free] - energy.costs[now, nodes]
    # one node for every label that free nodes have, and a last one for b if no node has it
    used, group = np.unique(now, return_inverse=True)
    saved = energy.label_costs[used]
    paid = 0.0 if (labels == b).any() else float(energy.label_costs[b])
    first, last = np.arange(n), n + len(used)
    tails = np.concatenate([place[p], n + group, first])
    heads = np.concatenate([place[q], first, np.full(n, last)])
    forward = np.concatenate([inner, saved[group], np.full(n, paid)])
    backward = np.concatenate([inner, np.zeros(2 * n)])
    excess = np.concatenate([-cost, saved, [-paid]])
    side, _ = minimum_cut_until(Arcs(tails, heads, forward, backward), excess, deadline)
    return side[:n]


def _edges(
    energy: LabelingEnergy, labels: Array, free: Array, b: int
) -> tuple[Array, Array, Array, Array]:
    """Return the edges between free nodes, their capacities, and what b costs nodes more."""
    T, w = energy.tables, energy.weights
    p, q = energy.tails, energy.heads
    e = np.arange(len(w)) if energy.own else 0
    stay = T[e, labels[p], labels[q]]
    p_moves, q_moves = T[e, b, labels[q]] - stay, T[e, labels[p], b] - stay
    both_move = T[e, b, b] - stay
    both = free[p] & free[q]
    share = np.where(both, 0.5 * (both_move - p_moves - q_moves), 0.0)
    cost = np.bincount(p, w * (p_moves + share), energy.n)
    cost += np.bincount(q, w * (q_moves + share), energy.n)
    return p[both], q[both], np.maximum(-w * share, 0.0)[both], cost
