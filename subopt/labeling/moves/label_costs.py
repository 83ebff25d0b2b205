"""Moves with label costs: the cut has one more node per label in use.

In a move, nodes take label b or keep theirs. The cost of another label is saved if all nodes with
it take b. The cost of b is paid if no node has it yet and some node takes it:

    h_l [some node with label l stays] = min_y  h_l (1 - y) + sum_k h_l y (1 - x_k),
    h_b [some node takes b]            = min_y  h_b y + sum_k h_b x_k (1 - y),

Both terms are submodular, so the best move is a minimum cut (A. Delong, A. Osokin, H. Isack,
Y. Boykov, "Fast approximate energy minimization with label costs", International Journal of
Computer Vision 96(1), 2012, section 3). The additional nodes connect all others, so that every
move is a cut of the whole graph, and no flow is kept.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.graph._max_flow import minimum_cut
from subopt.labeling.energy import LabelingEnergy


def descend_whole(
    energy: LabelingEnergy, moves: Array, labels: Array, cycles: int
) -> tuple[bool, int]:
    """Make all moves in turn until none lowers the energy; return if so, and the number of cuts."""
    value = energy.value(labels)
    idle = cuts = 0
    for step in range(cycles * len(moves)):
        only, b = moves[step % len(moves)]
        free = labels != b if only < 0 else (labels == only) & (labels != b)
        idle += 1
        if free.any():
            cuts += 1
            taken = np.flatnonzero(free)[_best_move(energy, labels, free, b)]
            moved = labels.copy()
            moved[taken] = b
            other = energy.value(moved)
            if other < value:
                labels[:], value, idle = moved, other, 1
        if idle >= len(moves):
            return True, cuts
    return False, cuts


def _best_move(energy: LabelingEnergy, labels: Array, free: Array, b: int) -> Array:
    """Return which of the free nodes should take label b; no more than needed."""
    nodes, place = np.flatnonzero(free), np.cumsum(free) - 1
    n, now = len(nodes), labels[free]
    p, q, inner, cost = _edges(energy, labels, free, b)
    cost = cost[free] + energy.costs[b, free] - energy.costs[now, nodes]
    # one node per label of free nodes, and a last one for b if no node has it
    used, group = np.unique(now, return_inverse=True)
    saved = energy.label_costs[used]
    paid = 0.0 if (labels == b).any() else float(energy.label_costs[b])
    first, last = np.arange(n), n + len(used)
    tails = np.concatenate([place[p], n + group, first])
    heads = np.concatenate([place[q], first, np.full(n, last)])
    forward = np.concatenate([inner, saved[group], np.full(n, paid)])
    backward = np.concatenate([inner, np.zeros(2 * n)])
    excess = np.concatenate([-cost, saved, [-paid]])
    side, _, _ = minimum_cut(last + 1, tails, heads, forward, backward, excess)
    return side[:n]


def _edges(
    energy: LabelingEnergy, labels: Array, free: Array, b: int
) -> tuple[Array, Array, Array, Array]:
    """Return the edges between free nodes, their capacities, and what b costs nodes more."""
    T, w = energy.table, energy.weights
    p, q = energy.tails, energy.heads
    stay = T[labels[p], labels[q]]
    p_moves, q_moves, both_move = T[b, labels[q]] - stay, T[labels[p], b] - stay, T[b, b] - stay
    both = free[p] & free[q]
    share = np.where(both, 0.5 * (both_move - p_moves - q_moves), 0.0)
    cost = np.bincount(p, w * (p_moves + share), energy.n)
    cost += np.bincount(q, w * (q_moves + share), energy.n)
    return p[both], q[both], np.maximum(-w * share, 0.0)[both], cost
