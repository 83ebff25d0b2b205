"""Compiled moves: every node has two labels to choose from, and one minimum cut chooses for all.

In a move node k takes label z_k or o_k: in an expansion of alpha the label it has or alpha, and so
in one side of a swap, but only if it has the other label of the two; neighbours that have any third
stay as they are, and cost what they cost. With V the cost of an edge, and x_k = 1 for
o_k, E is up to a constant a cut with symmetric capacities,

    sum_k e_k x_k + sum_{(k, u)} c_ku |x_k - x_u|,
    c_ku = (V(z_k, o_u) + V(o_k, z_u) - V(z_k, z_u) - V(o_k, o_u)) / 2,
    e_k  = what o_k costs more than z_k
           + sum_u (V(o_k, z_u) - V(z_k, z_u) + V(o_k, o_u) - V(z_k, o_u)) / 2.

Any numbers f_ku = -f_uk of size up to c_ku are a flow: with it node k has e_k + sum_u f_ku and the
arc from k to u has c_ku - f_ku left. So the flow of the last move, cut off at the new capacities,
is where the next one starts.
"""

import numpy as np

from subopt._jit import njit
from subopt.labeling._pieces import (
    capacity_of,
    connect,
    keep_flow,
    lowered,
    open_ends,
    solve,
    write,
)
from subopt.labeling._room import MOVES
from subopt.labeling._start import prepare

FEW, MORE = np.int64(500), np.int64(4)


@njit
def begin(costs, tables, graph, labels, room):
    """Set what is kept of a labeling; return its unary and pairwise cost."""
    indptr, heads, _, weight, turned, _ = graph
    unary, stamp, seen, inside = room.unary, room.stamp, room.seen, room.inside
    room.clock[:] = 0
    room.last[:] = -1
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


@njit(inline="always")  # a call would pass all arrays of the room, node by node
def relabel(costs, graph, labels, k, new, indifferent, room):
    """Give node k a new label and update what is kept; unless `indifferent` next to it as well."""
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
        if not indifferent:
            changed[labels[heads[e]]] = move


@njit
def descend(costs, tables, graph, moves, indifferent, labels, tolerance, cycles, room):
    """Make all moves in turn until none lowers E; return E, and whether none does.

    A move ``(only, b)`` lets nodes with the label `only`, or all if that is -1, take label b. There
    is a better swap of a and b only if there is a better move (a, b) or (b, a), because E is
    submodular in the nodes that have either. `indifferent`: what a label costs more than another
    does not depend on a third one next to it, so that only moves of labels that changed can have
    become better.
    """
    value = begin(costs, tables, graph, labels, room)
    carriers, changed, last = room.carriers, room.changed, room.last
    count = moves.shape[0]
    idle = 0
    for step in range(cycles * count):
        i = step % count
        only, b = moves[i, 0], moves[i, 1]
        idle += 1
        if only < 0 or (carriers[only] > 0 and max(changed[only], changed[b]) > last[i]):
            gained = expand(costs, tables, graph, labels, only, b, i, indifferent, tolerance, room)
            if gained > 0.0:
                value -= gained
                idle = 1
        if idle >= count:
            return value, True
    return value, False


@njit
def descend_many(
    costs, terms, tables, graph, moves, indifferent, given, labels, values, tolerance, draft, room
):
    """Solve problem after problem."""
    pairs = moves[0, 0] >= 0
    for p in range(costs.shape[0]):
        if room.flows.shape[0] == costs.shape[1]:
            prepare(costs[p], terms, labels[p], given, pairs, draft, room.flows)
        values[p], _ = descend(
            costs[p],
            tables,
            graph,
            moves,
            indifferent,
            labels[p],
            tolerance[p],
            np.int64(1000),
            room,
        )


@njit(inline="always")
def expand(costs, tables, graph, labels, only, b, i, indifferent, tolerance, room):
    """Let nodes take label b if that lowers E; return by how much it did.

    Work follows the change, not the graph: it starts from the nodes that want b more than the flow
    has settled so far, which can only be near a change since this move was last made, and takes in
    the nodes that those may push over. All others keep their labels in any case.
    """
    flows = room.flows
    row = b if flows.shape[0] > 1 else 0
    if flows.shape[0] == 1:
        flows[0] = 0.0
        room.last[i] = -1
    gained = 0.0
    waiting, limit = -1, FEW  # at first all nodes are looked at
    while waiting != 0:
        room.clock[MOVES] += 1
        found, whole, limit = _spread(
            costs, tables, graph, labels, only, b, row, room.last[i], waiting, limit, room
        )
        waiting = 0
        for q in range(found):
            if room.inside[room.queue[q]] == room.clock[MOVES]:
                size = connect(graph, room.queue[q], found, room)
                solve(size, write(tables, graph, labels, only, b, row, size, room), room)
                if flows.shape[0] > 1 or not whole:
                    keep_flow(graph, row, size, room)
                if not whole and open_ends(tables, graph, labels, only, b, row, size, room):
                    for k in range(size):
                        if room.work.side[k]:
                            room.waiting[waiting] = room.piece[k]
                            waiting += 1
                    continue
                gain = lowered(size, room)
                if gain > tolerance:
                    gained += gain
                    for k in range(size):
                        if room.work.side[k]:
                            relabel(costs, graph, labels, room.piece[k], b, indifferent, room)
    room.last[i] = room.clock[MOVES]
    return gained


@njit(inline="always")  # a call would pass all arrays of the room, node by node
def _gain(costs, tables, graph, labels, only, b, row, k, room):
    """Set what b costs node k more than its label, with what the flow takes out of it."""
    indptr, heads, _, weight, turned, edge = graph
    z = labels[k]
    total = 0.0
    for e in range(indptr[k], indptr[k + 1]):
        c, t = labels[heads[e]], turned[e]
        bc, zc = tables[t, b, c], tables[t, z, c]
        if only >= 0 and c != only:
            total += weight[e] * (bc - zc)
            continue
        zb, bb = tables[t, z, b], tables[t, b, b]
        half = 0.5 * weight[e]
        capacity = half * (zb + bc - zc - bb)
        flow = room.flows[row, edge[e]]
        if t == 1:
            flow = -flow
        total += half * (bc - zc + bb - zb) + max(-capacity, min(flow, capacity))
    room.seen[k] = room.clock[MOVES]
    room.inflow[k] = 0.0
    room.gain[k] = costs[b, k] - room.unary[k] + total


@njit(inline="always")
def _spread(costs, tables, graph, labels, only, b, row, last, waiting, limit, room):
    """List nodes to be decided; return their number, whether these are all, and the next limit.

    All of them: those that want b, and those that may be pushed over, because they could not take
    what their listed neighbours could send them all together. `waiting`: how many nodes were left
    by pieces that were too small, -1 at first.
    """
    indptr, heads, _, weight, turned, edge = graph
    stamp, seen, inside = room.stamp, room.seen, room.inside
    gain, inflow, queue = room.gain, room.inflow, room.queue
    move = room.clock[MOVES]
    found = 0
    for i in range(labels.shape[0] if waiting < 0 else waiting):
        k = i if waiting < 0 else room.waiting[i]
        new = stamp[k] > last and labels[k] != b and (only < 0 or labels[k] == only)
        if new or waiting >= 0:
            _gain(costs, tables, graph, labels, only, b, row, k, room)
            if gain[k] < 0.0:
                inside[k] = move
                queue[found] = k
                found += 1
    if found == 0:
        return found, True, limit
    limit = max(limit, FEW, 2 * found)
    whole = True
    free = labels.shape[0] if only < 0 else room.carriers[only]
    if 8 * found > free:  # as good as all: do not ask
        found = 0
        for k in range(labels.shape[0]):
            if labels[k] != b and (only < 0 or labels[k] == only):
                if seen[k] != move:
                    _gain(costs, tables, graph, labels, only, b, row, k, room)
                inside[k] = move
                queue[found] = k
                found += 1
        return found, True, limit
    q = 0
    while q < found:
        k = queue[q]
        q += 1
        z = labels[k]
        for e in range(indptr[k], indptr[k + 1]):
            u = heads[e]
            c, t = labels[u], turned[e]
            if inside[u] == move or c == b or (only >= 0 and c != only):
                continue
            if seen[u] != move:
                _gain(costs, tables, graph, labels, only, b, row, u, room)
            most = capacity_of(tables, weight[e], t, z, c, b)
            flow = room.flows[row, edge[e]]
            inflow[u] += most - max(-most, min(flow if t == 0 else -flow, most))
            if inflow[u] > gain[u]:
                if found < limit:
                    inside[u] = move
                    queue[found] = u
                    found += 1
                else:
                    whole = False
    return found, whole, MORE * limit
