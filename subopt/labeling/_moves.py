"""Compiled moves: every node has two labels to choose from, and one minimum cut chooses for all.

In a move node k takes label z_k or o_k: in an expansion of alpha the label it has or alpha, in a
swap of a and b one of these if it has one of these. With V the cost of an edge, and x_k = 1 for
o_k, E is up to a constant a cut with symmetric capacities,

    sum_k e_k x_k + sum_{(k, u)} c_ku |x_k - x_u|,
    c_ku = (V(z_k, o_u) + V(o_k, z_u) - V(z_k, z_u) - V(o_k, o_u)) / 2,
    e_k  = what o_k costs more than z_k
           + sum_u (V(o_k, z_u) - V(z_k, z_u) + V(o_k, o_u) - V(z_k, o_u)) / 2.

Any numbers f_ku = -f_uk of size up to c_ku are a flow: with it node k has e_k + sum_u f_ku and the
arc from k to u has c_ku - f_ku left. So the flow of the last move, cut off at the new capacities,
is where the next one starts.
"""

from typing import NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array
from subopt.graph.augment import augment_within
from subopt.graph.network import Network, Workspace, workspace

MOVES, CUTS = range(2)  # entries of Room.clock
TREES = np.int64(2**40)


class Room(NamedTuple):
    """What moves read and write besides the problem; allocated once for a graph."""

    unary: Array  # (n,) cost of the label that a node has
    stamp: Array  # (n,) int64, move in which its label, or one next to it, last changed
    seen: Array  # (n,) int64, move for which `gain` and `inflow` hold
    inside: Array  # (n,) int64, move in which it has to be decided; minus that: placed
    gain: Array  # (n,) e and the flow out of the node
    inflow: Array  # (n,) what nodes to be decided could push to it
    queue: Array  # (n,) int32, nodes to be decided
    piece: Array  # (n,) int32, connected ones of these
    place: Array  # (n,) int32, their position there
    at: Array  # (arcs,) int32, where an arc went in the network of the piece
    network: Network
    capacity: Array  # (arcs,) c
    residual: Array  # (arcs, 2)
    excess: Array  # (n,)
    wanted: Array  # (n,) -e, where nodes outside of the piece stay as they are
    work: Workspace
    flows: Array  # (1 or labels, edges) flow from the first end of an edge to the second
    clock: Array  # (2,) int64
    last: Array  # (moves,) int64, when a move was last found to be optimal
    carriers: Array  # (labels,) int64, nodes that carry a label
    changed: Array  # (labels,) int64, move in which such a node, or one next to it, last changed


def room(n: int, edges: int, labels: int, moves: int, flows: int) -> Room:
    """Return room for moves on a graph of n nodes."""
    arcs = 2 * edges
    return Room(
        unary=np.empty(n),
        stamp=np.zeros(n, np.int64),
        seen=np.zeros(n, np.int64),
        inside=np.zeros(n, np.int64),
        gain=np.empty(n),
        inflow=np.empty(n),
        queue=np.empty(n, np.int32),
        piece=np.empty(n, np.int32),
        place=np.empty(n, np.int32),
        at=np.empty(arcs, np.int32),
        network=Network(
            np.zeros(n + 1, np.int32), np.empty(arcs, np.int32), np.empty(arcs, np.int32)
        ),
        capacity=np.empty(arcs),
        residual=np.empty((arcs, 2)),
        excess=np.empty(n),
        wanted=np.empty(n),
        work=workspace(n),
        flows=np.zeros((flows, edges)),
        clock=np.zeros(2, np.int64),
        last=np.zeros(moves, np.int64),
        carriers=np.zeros(labels, np.int64),
        changed=np.zeros(labels, np.int64),
    )


@njit
def begin(costs, tables, graph, labels, room):
    """Set what is kept of a labeling; return its unary and pairwise cost."""
    indptr, heads, _, weight, turned, _ = graph
    unary, stamp, seen, inside = room.unary, room.stamp, room.seen, room.inside
    room.clock[:] = 0
    room.last[:] = -1
    room.flows[:] = 0.0
    room.carriers[:] = 0
    room.changed[:] = 0
    value = 0.0
    for k in range(labels.shape[0]):
        b = labels[k]
        room.carriers[b] += 1
        unary[k] = costs[b, k]
        stamp[k] = seen[k] = inside[k] = 0
        edges = 0.0
        for e in range(indptr[k], indptr[k + 1]):
            edges += weight[e] * tables[turned[e], b, labels[heads[e]]]
        value += unary[k] + 0.5 * edges
    return value


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
def solve(size, arcs, room):
    """Find the minimum cut of a piece whose network has been written."""
    small_twin, at = room.network.twin, room.at
    for e in range(arcs):
        small_twin[e] = at[small_twin[e]]
    room.clock[CUTS] += 1
    augment_within(size, room.network, room.residual, room.excess, room.work, TREES)


@njit(inline="always")
def lowered(labels, b, size, room):
    """Return by how much the cut of a piece, source side b, lowers E."""
    piece, capacity, wanted, side = room.piece, room.capacity, room.wanted, room.work.side
    small_indptr, small_heads = room.network.indptr, room.network.heads
    total = 0.0
    for i in range(size):
        before, after = labels[piece[i]] == b, side[i]
        if after == before:
            continue
        total += wanted[i] if after else -wanted[i]
        for e in range(small_indptr[i], small_indptr[i + 1]):
            j = small_heads[e]
            there = labels[piece[j]] == b
            if side[j] == there:  # else both change, and differ as they did
                total += -capacity[e] if there == before else capacity[e]
    return total


@njit(inline="always")  # a call would pass all arrays of the room, node by node
def relabel(costs, graph, labels, k, new, local, room):
    """Give node k a new label and update what is kept; `local`: for labels next to it as well."""
    indptr, heads = graph[0], graph[1]
    unary, stamp, carriers, changed = room.unary, room.stamp, room.carriers, room.changed
    move = room.clock[MOVES]
    old = labels[k]
    labels[k] = new
    carriers[old] -= 1
    carriers[new] += 1
    changed[old] = changed[new] = move
    unary[k] = costs[new, k]
    stamp[k] = move
    for e in range(indptr[k], indptr[k + 1]):
        stamp[heads[e]] = move
        if not local:
            changed[labels[heads[e]]] = move
