"""Compiled: expansion and swap moves in the order, and with the ties, of GCO.

Every move is one maximum flow on the whole graph. `subopt.labeling.moves` is faster, because it
looks at the surroundings of changes only, but ends in other local minima.

In a move node v takes label f_v or s_v, with x_v = 1 for s_v. Up to a constant the energy is a cut
with symmetric capacities, with V the cost of an edge,

    sum_v e_v x_v + sum_(t, h) c |x_t - x_h|,
    c = (V(s, f) + V(f, s) - V(f, f) - V(s, s)) / 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array
from subopt.graph.augment import augment, reach
from subopt.graph.network import Network, Workspace, csr, fill, workspace

_ROUNDING = 8 * 2.0**-53  # of a sum of four terms, relative to them


class Problem(NamedTuple):
    """Costs of labels at nodes, and of pairs of labels at the ends of edges."""

    unary: Array  # (n, labels) float64
    tails: Array  # (m,) int32
    heads: Array  # (m,) int32
    weights: Array  # (m,) float64
    table: Array  # (labels, labels) float64, for tail and head


class Room(NamedTuple):
    """The network of all moves, and what they write to."""

    network: Network
    slot: Array  # (m,) int32, where edges went
    first: Array  # (n,) int32, labels of a move
    second: Array  # (n,) int32
    capacity: Array  # (m,) float64
    residual: Array  # (arcs,) float64
    excess: Array  # (n,) float64
    work: Workspace


def room(problem: Problem) -> Room:
    """Return the network of a problem without loops."""
    n, m = len(problem.unary), len(problem.tails)
    network, slot = csr(n, problem.tails, problem.heads)
    arcs = len(network.heads)
    return Room(
        network,
        slot,
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(m),
        np.empty(arcs),
        np.empty(n),
        workspace(n, arcs),
    )


@njit
def move(problem, space, alpha, beta, labels):
    """Let nodes with one of two labels choose between them, or all nodes take `beta` if alpha < 0.

    Returns 1 if the energy is lower, 0 if not, and -1 - e if no cut can express the costs of edge
    e. Labels are overwritten: by an expansion if that is better, as far as possible; by a swap in
    any case, with `beta` where that is better.
    """
    unary, tails, heads, weights, table = problem
    network, slot, first, second, capacity, residual, excess, work = space
    for v in range(labels.shape[0]):
        now = labels[v]
        either = (now == alpha) | (now == beta)
        first[v] = alpha if either & (alpha >= 0) else now
        second[v] = beta if either | (alpha < 0) else now
        excess[v] = unary[v, second[v]] - unary[v, first[v]]
    for e in range(tails.shape[0]):
        t, h, w = tails[e], heads[e], weights[e]
        neither, both = w * table[first[t], first[h]], w * table[second[t], second[h]]
        tail, head = w * table[second[t], first[h]], w * table[first[t], second[h]]
        c = 0.5 * (tail + head - neither - both)
        if c < 0:
            if c < -_ROUNDING * (abs(tail) + abs(head) + abs(neither) + abs(both)):
                return -1 - e
            c = 0.0
        excess[t] += tail - neither - c
        excess[h] += head - neither - c
        capacity[e] = c
    fill(slot, network.twin, capacity, capacity, residual)
    n = np.int64(labels.shape[0])
    augment(n, network, residual, excess, work)
    if alpha >= 0:
        reach(n, network.indptr, excess, work, np.int64(-1))
    # a node takes its second label where it can reach demand, or where supply cannot reach it
    for v in range(labels.shape[0]):
        if work.side[v] != (alpha >= 0):
            second[v] = first[v]
    change, size = 0.0, 0.0
    for v in range(labels.shape[0]):
        old, new = unary[v, labels[v]], unary[v, second[v]]
        change += new - old
        size += abs(new - old)
    for e in range(tails.shape[0]):
        t, h = tails[e], heads[e]
        old, new = table[labels[t], labels[h]], table[second[t], second[h]]
        change += weights[e] * (new - old)
        size += abs(weights[e] * (new - old))
    lower = change < -_ROUNDING * size
    if lower | (alpha >= 0):
        labels[:] = second
    return np.int64(lower)


@njit
def expand(problem, space, order, count, labels):
    """Expand the first labels of an order; those that did not help move behind the others.

    Returns how many labels helped, or -1 - e as `move`.
    """
    k = 0
    while k < count:
        helped = move(problem, space, np.int64(-1), order[k], labels)
        if helped < 0:
            return helped
        if helped > 0:
            k += 1
        else:
            count -= 1
            order[k], order[count] = order[count], order[k]
    return count


@njit
def cycle(problem, space, pairs, labels):
    """Make moves one after the other; return how many helped, or -1 - e as `move`."""
    count = 0
    for k in range(pairs.shape[0]):
        helped = move(problem, space, pairs[k, 0], pairs[k, 1], labels)
        if helped < 0:
            return helped
        count += helped
    return count
