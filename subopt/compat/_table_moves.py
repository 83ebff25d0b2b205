"""Compiled: expansion and swap moves in the order, and with the ties, of GCO.

An expansion is one maximum flow on the whole graph, and a swap is one on the nodes with one of its
labels. `subopt.labeling.moves` is faster, because it looks at the surroundings of changes only, but
ends in other local minima.

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
from subopt.graph.augment import PATIENCE, augment, augment_opened, reach
from subopt.graph.network import Network, Workspace, csr, fill, link_rows, workspace

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
    second: Array  # (n,) int32, labels after a move
    capacity: Array  # (m,) float64
    residual: Array  # (arcs,) float64
    excess: Array  # (n,) float64
    work: Workspace
    part: Array  # (3 n + 3 m + 1,) int32, for the part of the graph that a swap cuts


def room(problem: Problem) -> Room:
    """Return the network of a problem without loops."""
    n, m = len(problem.unary), len(problem.tails)
    network, slot = csr(n, problem.tails, problem.heads)
    arcs = len(network.heads)
    return Room(
        network,
        slot,
        np.empty(n, dtype=np.int32),
        np.empty(m),
        np.empty(arcs),
        np.empty(n),
        workspace(n, arcs),
        np.empty(3 * n + 3 * m + 1, dtype=np.int32),
    )


@njit
def move(problem, space, alpha, beta, labels):
    """Let nodes with one of two labels choose between them, or all nodes take `beta` if alpha < 0.

    Returns 1 if an expansion has lowered the energy or a swap has changed labels, 0 if not, and
    -1 - e if no cut can express the costs of edge e. Labels are overwritten: by an expansion if
    that is better, as far as possible; by a swap in any case, with `beta` where that is better.
    """
    if alpha >= 0:
        return swap(problem, space, alpha, beta, labels)
    unary, tails, heads, weights, table = problem
    network, slot, second = space.network, space.slot, space.second
    capacity, residual, excess, work = space.capacity, space.residual, space.excess, space.work
    for v in range(labels.shape[0]):
        excess[v] = unary[v, beta] - unary[v, labels[v]]
    for e in range(tails.shape[0]):
        t, h, w = tails[e], heads[e], weights[e]
        neither, both = w * table[labels[t], labels[h]], w * table[beta, beta]
        tail, head = w * table[beta, labels[h]], w * table[labels[t], beta]
        c = 0.5 * (tail + head - neither - both)
        if c < 0:
            if is_negative(c, tail, head, neither, both):
                return -1 - e
            c = 0.0
        excess[t] += tail - neither - c
        excess[h] += head - neither - c
        capacity[e] = c
    fill(slot, network.twin, capacity, capacity, residual)
    n = np.int64(labels.shape[0])
    augment(n, network, residual, excess, work)
    for v in range(n):  # a node takes the label where supply cannot reach it
        second[v] = labels[v] if work.side[v] else beta
    change, size = 0.0, 0.0
    for v in range(n):
        old, new = unary[v, labels[v]], unary[v, second[v]]
        change += new - old
        size += abs(new - old)
    for e in range(tails.shape[0]):
        t, h = tails[e], heads[e]
        old, new = table[labels[t], labels[h]], table[second[t], second[h]]
        change += weights[e] * (new - old)
        size += abs(weights[e] * (new - old))
    lower = change < -_ROUNDING * size
    if lower:
        labels[:] = second
    return np.int64(lower)


@njit(inline="always")
def is_negative(c, tail, head, neither, both):
    """Return whether the capacity of an edge is below 0 by more than rounding explains."""
    return c < -_ROUNDING * (abs(tail) + abs(head) + abs(neither) + abs(both))


@njit
def swap(problem, space, alpha, beta, labels):
    """Let nodes with one of two labels choose between them, see `move`."""
    unary, tails, heads, weights, table = problem
    capacity, excess = space.capacity, space.excess
    # nodes that can change, their places in this list, and edges between two of them
    end, size = np.int64(labels.shape[0]), np.int64(tails.shape[0])
    nodes, place, edges = space.part[:end], space.part[end : 2 * end], space.part[3 * end + 1 :]
    ends, others, slot = edges[:size], edges[size : 2 * size], edges[2 * size :]
    n = m = 0
    for v in range(labels.shape[0]):
        place[v] = -1
        if (labels[v] == alpha) | (labels[v] == beta):
            nodes[n], place[v] = v, n
            excess[n] = unary[v, beta] - unary[v, alpha]
            n += 1
    for e in range(tails.shape[0]):
        t, h, w = tails[e], heads[e], weights[e]
        a, b = place[t], place[h]
        if (a < 0) & (b < 0):
            continue
        if b < 0:
            excess[a] += w * table[beta, labels[h]] - w * table[alpha, labels[h]]
        elif a < 0:
            excess[b] += w * table[labels[t], beta] - w * table[labels[t], alpha]
        else:
            neither, both = w * table[alpha, alpha], w * table[beta, beta]
            tail, head = w * table[beta, alpha], w * table[alpha, beta]
            c = 0.5 * (tail + head - neither - both)
            if c < 0:
                if is_negative(c, tail, head, neither, both):
                    return -1 - e
                c = 0.0
            excess[a] += tail - neither - c
            excess[b] += head - neither - c
            ends[m], others[m], capacity[m] = a, b, c
            m += 1
    weight, indptr = capacity[:m], space.part[2 * end : 2 * end + n + 1]
    residual, work = space.residual, space.work
    link_rows(ends[:m], others[:m], weight, weight, indptr, slot[:m], residual, work.ends)
    n = np.int64(n)
    augment_opened(n, indptr, residual, excess, work, PATIENCE * (n + 2 * m))
    reach(n, indptr, excess, work, np.int64(-1))
    changed = False
    for k in range(n):  # a node takes `beta` where it can reach demand
        label = beta if work.side[k] else alpha
        changed |= labels[nodes[k]] != label
        labels[nodes[k]] = label
    return np.int64(changed)


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
def cycle(problem, space, pairs, quiet, labels):
    """Make moves one after the other; return how many helped, or -1 - e as `move`.

    quiet : (1,) int64
        How many swaps in a row have changed no label; -1 before the first cycle. What a swap does
        depends on the other labels only, so that it is left out if the others have changed nothing
        since it was made. All cycles have the same pairs.
    """
    count = 0
    for k in range(pairs.shape[0]):
        alpha, beta = pairs[k, 0], pairs[k, 1]
        if (alpha >= 0) & (quiet[0] >= pairs.shape[0] - 1):
            continue
        helped = move(problem, space, alpha, beta, labels)
        if helped < 0:
            return helped
        count += helped
        quiet[0] = 0 if helped > 0 else quiet[0] + 1
    return count
