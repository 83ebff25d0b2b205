"""Compiled: which nodes want a label, and which others they may push over. See `_moves`."""

import numpy as np

from subopt._base.jit import njit
from subopt.labeling.moves.workspace import (
    CUTS,
    FRESH,
    GAIN,
    INFLOW,
    INSIDE,
    MOVES,
    QUEUE,
    SEEN,
    STAMP,
    WAITING,
)

# Nodes that are decided together at most, at first, and by how much that grows if they are too few.
BALL, GROWTH = np.int64(500), np.int64(3)
PART = np.int64(8)  # more nodes than one in so many are as good as all: do not ask further


@njit(inline="always")
def begin(costs, tables, graph, labels, room):
    """Set what is kept of a labeling, and look at all nodes."""
    n_labels, n = costs.shape
    room.clock[MOVES], room.clock[CUTS] = 1, 0
    for b in range(n_labels):
        room.carriers[b] = 0
        for a in range(room.last.shape[0]):
            room.last[a, b] = room.wanted[a, b] = 0
    if room.flows.shape[0] == 1:
        room.flows[0] = 0.0
    for k in range(n):
        room.carriers[labels[k]] += 1
        room.when[STAMP, k] = room.when[SEEN, k] = room.when[INSIDE, k] = 0
        room.node[FRESH, k] = k
    look(costs, tables, graph, labels, n, room)


@njit
def look(costs, tables, graph, labels, count, room):
    """Note the moves that fresh nodes want more than the flow has settled.

    All labels of a node at once are cheaper than one label of all nodes, move after move.
    """
    indptr, heads, _, weight, turned, edge = graph
    n_labels = costs.shape[0]
    gain, flow, alike = room.gains[0], room.gains[1], room.gains[2]
    kept, pairs = 1 if room.flows.shape[0] > 1 else 0, room.last.shape[0] > 1
    for b in range(n_labels):
        alike[b] = tables[0, b, b]
    for i in range(count):
        k = room.node[FRESH, i]
        z = labels[k]
        for b in range(n_labels):
            gain[b] = costs[b, k] - costs[z, k]
        for e in range(indptr[k], indptr[k + 1]):
            c, t, half = np.uint32(labels[heads[e]]), np.uint32(turned[e]), 0.5 * weight[e]
            now, sign = tables[t, z, c], 1.0 if t == 0 else -1.0
            if pairs and c != z:
                for b in range(n_labels):
                    gain[b] += 2.0 * half * (tables[1 - t, c, b] - now)
                continue
            for b in range(n_labels):
                flow[b] = sign * room.flows[kept * b, edge[e]]
            for b in range(n_labels):
                zb, bc, bb = tables[t, z, b], tables[1 - t, c, b], alike[b]
                most = max(half * (zb + bc - now - bb), 0.0)
                gain[b] += half * (bc - now + bb - zb) + max(-most, min(flow[b], most))
        gain[z] = 0.0
        for b in range(n_labels):
            if gain[b] < 0.0:
                room.wanted[z if pairs else 0, b] = 1
                room.when[STAMP, k] = room.clock[MOVES]


@njit
def settled(tables, weight, t, flow, z, c, b):
    """Return c of an edge from a node, and the flow that it has of it; see `_moves`."""
    most = 0.5 * weight * (tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b])
    most = max(most, 0.0)
    return most, max(-most, min(flow if t == 0 else -flow, most))


@njit
def _price(costs, tables, graph, labels, move, count, room):
    """Set what a label costs fresh nodes more than theirs, with what the flow takes out of them."""
    indptr, heads, _, weight, turned, edge = graph
    only, b, row = move
    for i in range(count):
        k = room.node[FRESH, i]
        z = labels[k]
        gain = costs[b, k] - costs[z, k]
        for e in range(indptr[k], indptr[k + 1]):
            c, t = labels[heads[e]], turned[e]
            more = tables[t, b, c] - tables[t, z, c]
            if only >= 0 and c != only:
                gain += weight[e] * more
                continue
            _, flow = settled(tables, weight[e], t, room.flows[row, edge[e]], z, c, b)
            gain += 0.5 * weight[e] * (more + tables[t, b, b] - tables[t, z, b]) + flow
        room.when[SEEN, k] = room.clock[MOVES]
        room.number[GAIN, k] = gain
        room.number[INFLOW, k] = 0.0


@njit
def spread(costs, tables, graph, labels, move, waiting, limit, room):
    """List nodes to be decided; return their number, whether these are all, and the next limit.

    All of them: those that want the label, and those that may be pushed over, because they could
    not take what their listed neighbours could send them all together. `waiting`: how many nodes
    were left by pieces that were too small, -1 at first.
    """
    node, when, gain = room.node, room.when, room.number[GAIN]
    only, b, _ = move
    now, last = room.clock[MOVES], room.last[max(only, 0), b]
    none = np.int64(0)  # not a literal, for which numba would compile the others twice
    count = none
    for i in range(labels.shape[0] if waiting < 0 else waiting):
        k = i if waiting < 0 else node[WAITING, i]
        z = labels[k]
        if waiting >= 0 or (when[STAMP, k] > last and z != b and (only < 0 or z == only)):
            node[FRESH, count] = k
            count += 1
    _price(costs, tables, graph, labels, move, count, room)
    found = none
    for i in range(count):
        k = node[FRESH, i]
        if gain[k] < 0.0:
            when[INSIDE, k] = now
            node[QUEUE, found] = k
            found += 1
    limit = max(limit, BALL, 2 * found)
    if found == 0:
        return found, True, limit
    if PART * found <= (labels.shape[0] if only < 0 else room.carriers[only]):
        found, whole = _reach(costs, tables, graph, labels, move, found, limit, room)
        return found, whole, GROWTH * limit
    count = found = none
    for k in range(labels.shape[0]):
        if labels[k] != b and (only < 0 or labels[k] == only):
            if when[SEEN, k] != now:
                node[FRESH, count] = k
                count += 1
            when[INSIDE, k] = now
            node[QUEUE, found] = k
            found += 1
    _price(costs, tables, graph, labels, move, count, room)
    return found, True, limit


@njit(inline="always")
def _reach(costs, tables, graph, labels, move, found, limit, room):
    """Add nodes that may be pushed over, up to a limit; return the number, whether that is all."""
    indptr, heads, _, weight, turned, edge = graph
    node, when, number = room.node, room.when, room.number
    only, b, row = move
    now = room.clock[MOVES]
    whole = True
    first = 0
    while first < found:
        count = np.int64(0)
        for q in range(first, found):
            for e in range(indptr[node[QUEUE, q]], indptr[node[QUEUE, q] + 1]):
                u = heads[e]
                c = labels[u]
                if when[SEEN, u] != now and c != b and (only < 0 or c == only):
                    when[SEEN, u] = now
                    node[FRESH, count] = u
                    count += 1
        _price(costs, tables, graph, labels, move, count, room)
        end = found
        for q in range(first, end):
            k = node[QUEUE, q]
            z = labels[k]
            for e in range(indptr[k], indptr[k + 1]):
                u = heads[e]
                if when[INSIDE, u] == now or when[SEEN, u] != now:
                    continue
                most, flow = settled(
                    tables, weight[e], turned[e], room.flows[row, edge[e]], z, labels[u], b
                )
                number[INFLOW, u] += most - flow
                if number[INFLOW, u] > number[GAIN, u]:
                    if found < limit:
                        when[INSIDE, u] = now
                        node[QUEUE, found] = u
                        found += 1
                    else:
                        whole = False
        first = end
    return found, whole
