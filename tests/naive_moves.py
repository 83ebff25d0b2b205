"""The best move as one cut of the whole graph, from nothing: the twin of moves that keep flows."""

import numpy as np

from subopt.graph._max_flow import minimum_cut


def best_move(energy, labels, free, b):
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
    side, _, _ = minimum_cut(tails, heads, forward, backward, excess)
    return side[:n]


def _edges(energy, labels, free, b):
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
