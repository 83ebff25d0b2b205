"""Alpha-beta swaps for one labeling: kernels.

    E(l) = sum_k costs[k, l_k] + sum_{neighbours k ~ k'} distance[l_k, l_k']

for distances that are symmetric, nonnegative and zero between equal labels; the triangle inequality
is not needed. A swap of labels a and b reassigns all nodes that carry either, optimally, by one
minimum cut (Boykov, Veksler, Zabih, "Fast approximate energy minimization via graph cuts", IEEE
TPAMI 23(11), 2001, section 3).
"""

from typing import NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array
from subopt.graph.augment import augment
from subopt.graph.network import Network, Workspace, workspace


class Room(NamedTuple):
    """What swaps write to; allocated once for a graph and a number of labels."""

    carriers: Array  # (labels,) nodes that carry a label
    members: Array  # (n,) nodes in the current swap
    place: Array  # (n,) their position among the members, else -1
    at: Array  # (arcs,) where an arc went in the network of the members
    network: Network
    residual: Array  # (arcs,)
    excess: Array  # (n,)
    wanted: Array  # (n,) the excess before the flow: what b costs more than a
    work: Workspace


def room(n: int, arcs: int, labels: int) -> Room:
    """Return room for swaps of some labels on a graph of n nodes."""
    ints = np.int64
    return Room(
        np.zeros(labels, dtype=ints),
        np.empty(n, dtype=ints),
        np.full(n, -1, dtype=ints),
        np.empty(arcs, dtype=ints),
        Network(np.zeros(n + 1, np.int32), np.empty(arcs, np.int32), np.empty(arcs, np.int32)),
        np.empty(arcs),
        np.empty(n),
        np.empty(n),
        workspace(n, arcs),
    )


@njit
def swap(costs, distance, graph, labels, a, b, tolerance, room):
    """Swap a and b in `labels` if that lowers E; return the number of cuts and whether it did."""
    indptr, heads, twin = graph
    count, members, place, at, small, residual, excess, wanted, work = room
    small_indptr, small_heads, small_twin = small
    side = work.side
    n, tempted = np.int64(0), False  # not a literal, for which numba would compile `augment` anew
    for k in range(labels.shape[0]):
        if labels[k] == a or labels[k] == b:
            members[n] = k
            place[k] = n
            more = costs[k, b] - costs[k, a]
            for e in range(indptr[k], indptr[k + 1]):
                c = labels[heads[e]]
                if c != a and c != b:
                    more += distance[b, c] - distance[a, c]
            excess[n] = wanted[n] = more
            tempted |= (more if labels[k] == a else -more) < -tolerance
            n += 1
    lower = False
    # a region of one label is not split for nothing
    cut = tempted or (count[a] > 0 and count[b] > 0)
    if cut:
        weight = distance[a, b]
        arcs = 0
        for i in range(n):
            for e in range(indptr[members[i]], indptr[members[i] + 1]):
                if place[heads[e]] >= 0:
                    at[e] = arcs
                    small_heads[arcs] = place[heads[e]]
                    small_twin[arcs] = twin[e]
                    residual[arcs] = weight
                    arcs += 1
            small_indptr[i + 1] = arcs
        for e in range(arcs):
            small_twin[e] = at[small_twin[e]]
        augment(n, small, residual, excess, work)
        gain = 0.0  # on the source's side: label a
        for i in range(n):
            label = labels[members[i]]
            if label == b:
                gain += wanted[i]
            if not side[i]:
                gain -= wanted[i]
            for e in range(small_indptr[i], small_indptr[i + 1]):
                j = small_heads[e]
                if j > i:
                    gain += weight * (label != labels[members[j]])
                    gain -= weight * (side[i] != side[j])
        lower = gain > tolerance
    for i in range(n):
        k = members[i]
        place[k] = -1
        if lower:
            count[labels[k]] -= 1
            labels[k] = a if side[i] else b
            count[labels[k]] += 1
    return cut, lower


@njit
def swap_all(costs, distance, graph, labels, n_labels, tolerance, room):
    """Swap all pairs of the first `n_labels` labels until none lowers E; return the cuts."""
    count = room.carriers
    count[:] = 0
    for k in range(labels.shape[0]):
        count[labels[k]] += 1
    cuts = 0
    improved = True
    while improved:
        improved = False
        for a in range(n_labels):
            for b in range(a + 1, n_labels):
                if count[a] + count[b] > 0:
                    cut, lower = swap(costs, distance, graph, labels, a, b, tolerance, room)
                    cuts += cut
                    improved |= lower
    return cuts
