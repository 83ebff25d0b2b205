"""Compiled: the network of a connected piece of a move, and its minimum cut.

Nodes of a piece may take a label; what is next to it stays as it is. See `_moves` for the energies
and for ``move``, `_room` for ``room``.
"""

from __future__ import annotations

import numpy as np

from subopt._base.jit import njit
from subopt.graph.augment import settle
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import open_arcs
from subopt.labeling.moves.candidates import PART, settled
from subopt.labeling.moves.workspace import CUTS, GAIN, INFLOW, INSIDE, MOVES, PIECE, PLACE, WANTED

FOREVER = np.int64(2**40)  # trees alone: they are faster here than anything after them


@njit
def connect(graph, root, found, room):
    """List the nodes to be decided that are connected with one of them; return their number.

    All `found` of them if that is a good part of the graph: in the order of their indices these
    are faster to work with.
    """
    indptr, heads = graph.indptr, graph.heads
    node, when = room.node, room.when
    move = room.clock[MOVES]
    size = 0
    if PART * found > when.shape[1]:
        for k in range(when.shape[1]):
            if when[INSIDE, k] == move:
                node[PIECE, size] = k
                size += 1
    else:
        node[PIECE, 0], when[INSIDE, root] = root, -move
        size = 1
        q = 0
        while q < size:
            k = node[PIECE, q]
            q += 1
            for e in range(indptr[k], indptr[k + 1]):
                if when[INSIDE, heads[e]] == move:
                    when[INSIDE, heads[e]] = -move
                    node[PIECE, size] = heads[e]
                    size += 1
    for i in range(size):
        when[INSIDE, node[PIECE, i]] = -move
        node[PLACE, node[PIECE, i]] = i
    return size


@njit
def write(tables, graph, labels, move, size, room):
    """Write the network of a piece."""
    indptr, heads, twin, weight, turned, edge = graph
    node, inside, number = room.node, room.when[INSIDE], room.number
    flows, residual, at = room.flows, room.residual, room.at
    small_indptr, small_heads, small_twin = room.network
    only, b, row = move
    placed = -room.clock[MOVES]
    arcs = 0
    for i in range(size):
        k = node[PIECE, i]
        z = labels[k]
        gain = wanted = number[GAIN, k]
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            c = labels[u]
            if only >= 0 and c != only:
                continue
            most, flow = settled(tables, weight[e], turned[e], flows[row, edge[e]], z, c, b)
            wanted -= flow
            if inside[u] == placed:
                at[e] = arcs
                small_heads[arcs] = node[PLACE, u]
                small_twin[arcs] = twin[e]
                residual[arcs] = most - flow
                arcs += 1
                continue
            wanted += most
            if c != b and number[INFLOW, u] <= number[GAIN, u]:  # it can take whatever it is sent
                gain += most - flow
                flows[row, edge[e]] = most if turned[e] == 0 else -most
        small_indptr[i + 1] = arcs
        room.excess[i] = -gain
        number[WANTED, i] = -wanted
    for e in range(arcs):
        small_twin[e] = at[small_twin[e]]


@njit
def solve(size, room):
    """Find the minimum cut of a piece whose network has been written; return what it saves."""
    network, residual, work = room.network, room.residual, room.work
    indptr, heads, twin = network
    room.clock[CUTS] += 1
    open_arcs(size, network, residual, work)
    if not settle(size, indptr, residual, room.excess, work):
        work.side[:size] = False
        return 0.0
    plant(size, room.excess, work)
    grow(indptr, residual, room.excess, work, FOREVER)
    gain = 0.0
    for i in range(size):
        work.side[i] = work.label[i] > 0
        if work.side[i]:
            gain += room.number[WANTED, i]
            for e in range(indptr[i], indptr[i + 1]):
                if work.label[heads[e]] <= 0:
                    gain -= 0.5 * (residual[e] + residual[twin[e]])
    return gain


@njit
def keep(tables, graph, labels, move, size, room):
    """Store the flow of a piece; return whether nodes that still want the label could send more.

    To nodes outside of the piece, that is.
    """
    indptr, heads, _, weight, turned, edge = graph
    inside, side, residual = room.when[INSIDE], room.work.side, room.residual
    only, b, row = move
    placed = -room.clock[MOVES]
    more = False
    for i in range(size):
        k, arc = room.node[PIECE, i], room.network.indptr[i]
        for e in range(indptr[k], indptr[k + 1]):
            c, t, f = labels[heads[e]], turned[e], edge[e]
            if inside[heads[e]] == placed:
                if t == 0:
                    room.flows[row, f] = 0.5 * (residual[room.network.twin[arc]] - residual[arc])
                arc += 1
            elif side[i] and not more and (only < 0 or c == only):
                most, flow = settled(tables, weight[e], t, room.flows[row, f], labels[k], c, b)
                more = flow < most
    return more
