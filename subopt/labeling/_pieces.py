"""Compiled: the network of a connected piece of a move, and its minimum cut.

Nodes of a piece may take label b; what is next to it stays as it is. See `_moves` for the energies
and for ``room``.
"""

from __future__ import annotations

import numpy as np

from subopt._jit import njit
from subopt.graph.augment import augment_within
from subopt.labeling._room import CUTS, MOVES

TREES = np.int64(2**40)  # trees alone: they are faster here than anything after them


@njit(inline="always")
def capacity_of(tables, weight, t, z, c, b):
    """Return c of an edge whose ends have the labels z and c and may take b; see `_moves`."""
    return (0.5 * weight) * (tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b])


@njit(inline="always")
def connect(graph, root, found, room):
    """Place the nodes to be decided that are connected with one of them; return their number.

    All `found` of them if that is a good part of the graph: in the order of their indices these
    are faster to work with.
    """
    indptr, heads = graph[0], graph[1]
    inside, piece, place = room.inside, room.piece, room.place
    move = room.clock[MOVES]
    size = 0
    if 8 * found > inside.shape[0]:
        for k in range(inside.shape[0]):
            if inside[k] == move:
                inside[k] = -move
                place[k] = size
                piece[size] = k
                size += 1
        return size
    size = 1
    piece[0], place[root], inside[root] = root, 0, -move
    q = 0
    while q < size:
        k = piece[q]
        q += 1
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            if inside[u] == move:
                inside[u] = -move
                place[u] = size
                piece[size] = u
                size += 1
    return size


@njit(inline="always")
def write(tables, graph, labels, only, b, row, size, room):
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
            if only >= 0 and c != only:
                continue
            most = max(capacity_of(tables, weight[e], t, z, c, b), 0.0)
            flow = flows[row, edge[e]]
            flow = max(-most, min(flow if t == 0 else -flow, most))
            wanted -= flow
            if inside[u] == -move:
                at[e] = arcs
                small_heads[arcs] = place[u]
                small_twin[arcs] = twin[e]
                room.capacity[arcs] = most
                room.residual[arcs] = most - flow
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
def solve(size, arcs, room):
    """Find the minimum cut of a piece whose network has been written."""
    small_twin, at = room.network.twin, room.at
    for e in range(arcs):
        small_twin[e] = at[small_twin[e]]
    room.clock[CUTS] += 1
    augment_within(size, room.network, room.residual, room.excess, room.work, TREES)


@njit(inline="always")
def lowered(size, room):
    """Return by how much the cut of a piece lowers E."""
    capacity, side = room.capacity, room.work.side
    small_indptr, small_heads = room.network.indptr, room.network.heads
    total = 0.0
    for i in range(size):
        if side[i]:
            total += room.wanted[i]
            for e in range(small_indptr[i], small_indptr[i + 1]):
                if not side[small_heads[e]]:
                    total -= capacity[e]
    return total


@njit(inline="always")
def open_ends(tables, graph, labels, only, b, row, size, room):
    """Whether nodes that still want b could send more to nodes outside of the piece."""
    indptr, heads, _, weight, turned, edge = graph
    move = room.clock[MOVES]
    for i in range(size):
        if room.work.side[i]:
            k = room.piece[i]
            z = labels[k]
            for e in range(indptr[k], indptr[k + 1]):
                c, t = labels[heads[e]], turned[e]
                if room.inside[heads[e]] == -move or (only >= 0 and c != only):
                    continue
                most = capacity_of(tables, weight[e], t, z, c, b)
                flow = room.flows[row, edge[e]]
                if (flow if t == 0 else -flow) < most:
                    return True
    return False


@njit(inline="always")
def keep_flow(graph, row, size, room):
    """Store the flow of a piece for the next expansion of the label."""
    indptr, heads, _, _, turned, edge = graph
    small_indptr, small_heads = room.network.indptr, room.network.heads
    move = room.clock[MOVES]
    for i in range(size):
        k, arc = room.piece[i], small_indptr[i]
        for e in range(indptr[k], indptr[k + 1]):
            if room.inside[heads[e]] == -move:
                if small_heads[arc] > i:
                    flow = room.capacity[arc] - room.residual[arc]
                    room.flows[row, edge[e]] = flow if turned[e] == 0 else -flow
                arc += 1
