"""Compiled: the nodes that may take a label in a move, alone or together with their neighbors.

See `expand` for the energy and `workspace` for `problem`, `move` and `space`. `labels` (n,) int64
are the current labels.
"""

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit
from subopt.labeling._adjacency import table_at
from subopt.labeling.moves.workspace import Move

# Largest number of nodes in the first cut, and the factor by which it grows if they are too few.
BALL, GROWTH = np.int64(500), np.int64(3)
PART = np.int64(8)  # if more than 1 / PART of the nodes are to be decided, all nodes are
FEW = np.int64(8)  # if less than 1 / FEW of the labels can be taken, only these are examined


@njit(inline="always")
def begin(problem, moves, labels, space):
    """Set the workspace for a labeling, and examine all nodes for the moves."""
    costs = problem.costs
    n, n_labels = costs.shape
    kept = space.flows.shape[1] > 1
    space.moves[0], space.cuts[0] = 1, 0
    for b in range(n_labels):
        space.carriers[b] = 0
        for a in range(space.wanted.shape[0]):
            space.wanted[a, b] = 0
        for k in range(n if kept else 0):
            space.wish[b, k] = 0
    if not kept:
        clear(space.flows)
    for k in range(n):
        space.carriers[labels[k]] += 1
        space.stamp[k] = space.seen[k] = space.inside[k] = 0
        space.fresh[k] = k
    if FEW * moves.shape[0] >= n_labels:
        look(problem, labels, n, space)
        return
    for i in range(moves.shape[0]):
        only, b = moves[i, 0], moves[i, 1]
        price_all(problem, labels, Move(only, b, b if kept else np.int64(0)), space)
        for k in range(n):
            z = labels[k]
            if z != b and (only < 0 or z == only) and space.gain[k] < 0.0:
                space.wanted[max(only, 0), b] = 1
                if kept:
                    space.wish[b, k] = 1


@inner
def clear(flows):
    """Set the one flow of every edge to 0."""
    for e in range(flows.shape[0]):
        flows[e, 0] = 0.0


@inner
def look(problem, labels, count, space):
    """Mark the moves that would lower the cost of a fresh node, given the flows.

    All labels of a node are examined together, which is faster than one label of all nodes.
    """
    n_labels, pairs, gain = problem.costs.shape[1], space.wanted.shape[0] > 1, space.label_gain
    kept = space.flows.shape[1] > 1
    for b in range(n_labels):
        space.alike[b] = problem.tables[0, b, b]
    for i in range(count):
        if i % 1024 == 0 and space.stop[0] != 0:
            return
        k = space.fresh[i]
        z = labels[k]
        _gains(problem, labels, k, space)
        for b in range(n_labels):
            if gain[b] < 0.0:
                space.wanted[z if pairs else 0, b] = 1
                if kept:
                    space.wish[b, k] = 1


@njit(inline="always")
def _gains(problem, labels, k, space):
    """Set what each label costs node k more than its own, with what the flows take out of it."""
    costs, tables, graph = problem.costs, problem.tables, problem.graph
    gain, flow, alike = space.label_gain, space.label_flow, space.alike
    flows, pairs, same = space.flows, space.wanted.shape[0] > 1, problem.uniform
    n_labels, kept, z = costs.shape[1], flows.shape[1] > 1, labels[k]
    own = costs[k, z]
    for b in range(n_labels):
        gain[b] = costs[k, b] - own
    for e in range(graph.indptr[k], graph.indptr[k + 1]):
        c, t, half = (
            np.uint32(labels[graph.heads[e]]),
            np.uint32(table_at(graph, e)),
            0.5 * graph.weight[e],
        )
        place = graph.edge[e]
        sign = 1.0 if graph.turned[e] == 0 else -1.0
        if same > 0.0:  # the tables need not be read
            saved = gain[c] - 2.0 * half * same
            most = 2.0 * half * same if c == z else half * same
            less = 0.0 if c == z else most
            if not pairs or c == z:
                for b in range(n_labels):
                    sent = sign * (flows[place, b] if kept else flows[place, 0])
                    sent = most if sent > most else sent
                    gain[b] += (sent if sent > -most else -most) - less
            if c != z:
                gain[c] = saved
            continue
        back = t ^ np.uint32(1)
        now = tables[t, z, c]
        if pairs and c != z:
            for b in range(n_labels):
                gain[b] += 2.0 * half * (tables[back, c, b] - now)
            continue
        if graph.step > 0:
            for b in range(n_labels):
                alike[b] = tables[t, b, b]
        for b in range(n_labels):
            flow[b] = sign * (flows[place, b] if kept else flows[place, 0])
        for b in range(n_labels):
            zb, bc, bb = tables[t, z, b], tables[back, c, b], alike[b]
            most = max(half * (zb + bc - now - bb), 0.0)
            gain[b] += half * (bc - now + bb - zb) + max(-most, min(flow[b], most))
    gain[z] = 0.0


@njit
def tally(problem, labels, row, above, below, space):
    """Add up what labels cost nodes more than theirs, and what they cost less; see `_gains`.

    row : (labels,) int64, number of each label in use
    above : (in use, labels) float64, zeros; a sum over the nodes with each label, per new label
    below : (labels,) float64, zeros; a sum over all nodes
    """
    n_labels = below.shape[0]
    for b in range(n_labels):
        space.alike[b] = problem.tables[0, b, b]
    for k in range(labels.shape[0]):
        if k % 1024 == 0 and space.stop[0] != 0:
            return
        _gains(problem, labels, k, space)
        at = row[labels[k]]
        for b in range(n_labels):
            above[at, b] += max(space.label_gain[b], 0.0)
            below[b] -= min(space.label_gain[b], 0.0)


@njit
def list_arcs(problem, labels, move, place, node, capacity, arcs, space):
    """List the arcs of a move of the whole graph with label costs.

    Return how many are between nodes of the graph, which come first, and how many there are.

    place : (n,) int32, number of each node that may take the label; -1 for the others
    node : (labels,) int32, number of the node of each label that may be saved, else -1; `node[b]`
        is the node that pays for the new label b, or -1
    capacity : (labels,) float64, what these labels cost
    arcs : LabelArcs, overwritten
    """
    b, graph = move.label, problem.graph
    count = 0
    for k in range(labels.shape[0]):
        if place[k] < 0:
            continue
        z = labels[k]
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            u, f = graph.heads[e], graph.edge[e]
            if graph.turned[e] == 0 and place[u] >= 0:
                most, flow = settled(problem, e, space.flows[f, move.column], z, labels[u], b)
                arcs.tails[count], arcs.heads[count] = place[k], place[u]
                arcs.forward[count], arcs.backward[count] = most - flow, most + flow
                arcs.edge[count], arcs.flow[count] = f, flow
                count += 1
    between = count
    for k in range(labels.shape[0]):
        if place[k] < 0:
            continue
        z = labels[k]
        if node[z] >= 0:
            arcs.tails[count], arcs.heads[count] = node[z], place[k]
            arcs.forward[count], arcs.backward[count] = capacity[z], 0.0
            count += 1
        if node[b] >= 0:
            arcs.tails[count], arcs.heads[count] = place[k], node[b]
            arcs.forward[count], arcs.backward[count] = capacity[b], 0.0
            count += 1
    return between, count


@inner
def settled(problem, e, flow, z, c, b):
    """Return c_ku of an edge from a node, and how much of its flow fits; see `expand`.

    The node has label z and may take b, the other end has label c. `flow` is that of the edge.
    """
    graph, same = problem.graph, problem.uniform
    if same > 0.0:  # a large table is not in the cache, and Python is slow in calls
        most = 0.0 if z == b or c == b else (2.0 * same if z == c else same)
    else:
        tables, t = problem.tables, table_at(graph, e)
        most = tables[t, z, b] + tables[t, b, c] - tables[t, z, c] - tables[t, b, b]
    most = max(0.5 * graph.weight[e] * most, 0.0)
    return most, max(-most, min(flow if graph.turned[e] == 0 else -flow, most))


@inner
def _price(problem, labels, move, nodes, count, space):
    """Set what a label costs nodes more than theirs, with what the flow takes out of them.

    The numbers have no meaning if it has to stop.
    """
    b = move.label
    costs, tables, graph, same = problem.costs, problem.tables, problem.graph, problem.uniform
    for i in range(count):
        if i % 1024 == 0 and space.stop[0] != 0:
            return
        k = nodes[i]
        z = labels[k]
        gain = costs[k, b] - costs[k, z]
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            c = labels[graph.heads[e]]
            if same > 0.0:
                beside = (0.0 if c == b else same) - (0.0 if c == z else same)
                alike = 0.0 if z == b else -same
            else:
                t = table_at(graph, e)
                beside = tables[t, b, c] - tables[t, z, c]
                alike = tables[t, b, b] - tables[t, z, b]
            if move.only >= 0 and c != move.only:
                gain += graph.weight[e] * beside
                continue
            flow = settled(problem, e, space.flows[graph.edge[e], move.column], z, c, b)[1]
            gain += 0.5 * graph.weight[e] * (beside + alike) + flow
        space.seen[k] = space.moves[0]
        space.gain[k] = gain
        space.inflow[k] = 0.0


@njit
def price_all(problem, labels, move, space):
    """Set what a label costs every node more than its own, with what the flow takes out of it."""
    for k in range(labels.shape[0]):
        space.fresh[k] = k
    _price(problem, labels, move, space.fresh, labels.shape[0], space)


@inner
def spread(problem, labels, move, waiting, limit, space):
    """List nodes to be decided; return their number, whether these are all, and the next limit.

    All of them: those that want the label, and those that may be pushed over, because they could
    not take what their listed neighbors could send them all together. `waiting`: how many nodes
    were left by pieces that were too small, -1 at first.
    """
    b = move.label
    now = space.moves[0]
    none = np.int64(0)  # not a literal, for which numba would compile the others twice
    count = none
    kept = space.flows.shape[1] > 1
    for i in range(labels.shape[0] if waiting < 0 else waiting):
        k = np.int64(i if waiting < 0 else space.waiting[i])
        if waiting >= 0:
            space.fresh[count] = k
            count += 1
        elif not kept or space.wish[b, k] != 0:
            z = labels[k]
            if z != b and (move.only < 0 or z == move.only):
                space.fresh[count] = k
                count += 1
                if kept:
                    space.wish[b, k] = 0
    _price(problem, labels, move, space.fresh, count, space)
    _settle(problem, labels, move, count, space)
    found = none
    for i in range(count):
        k = space.fresh[i]
        if space.gain[k] < 0.0:
            space.inside[k] = now
            space.queue[found] = k
            found += 1
    limit = max(limit, BALL, 2 * found)
    if found == 0:
        return found, True, limit
    if PART * found <= (labels.shape[0] if move.only < 0 else space.carriers[move.only]):
        found, whole = _reach(problem, labels, move, found, limit, space)
        return found, whole, GROWTH * limit
    count = found = none
    for k in range(labels.shape[0]):
        if labels[k] != b and (move.only < 0 or labels[k] == move.only):
            if space.seen[k] != now:
                space.fresh[count] = k
                count += 1
            space.inside[k] = now
            space.queue[found] = k
            found += 1
    _price(problem, labels, move, space.fresh, count, space)
    return found, True, limit


@inner
def _settle(problem, labels, move, count, space):
    """Push what fresh nodes want to save to neighbors that would lose by the label.

    What is left afterwards has to be decided by cuts.
    """
    b, graph, flows = move.label, problem.graph, space.flows
    now, gain = space.moves[0], space.gain
    more = np.int64(0)
    for i in range(count):
        k = space.fresh[i]
        for e in range(graph.indptr[k], graph.indptr[k + 1] if gain[k] < 0.0 else 0):
            u = graph.heads[e]
            c = labels[u]
            if space.seen[u] != now and c != b and (move.only < 0 or c == move.only):
                space.seen[u] = now
                space.piece[more] = u
                more += 1
    _price(problem, labels, move, space.piece, more, space)
    for i in range(count):
        if i % 1024 == 0 and space.stop[0] != 0:
            return
        k = space.fresh[i]
        for e in range(graph.indptr[k], graph.indptr[k + 1] if gain[k] < 0.0 else 0):
            u, f = graph.heads[e], graph.edge[e]
            c = labels[u]
            if c == b or (move.only >= 0 and c != move.only) or gain[u] <= 0.0:
                continue
            most, flow = settled(problem, e, flows[f, move.column], labels[k], c, b)
            sent = max(min(-gain[k], gain[u], most - flow), 0.0)
            flow = min(flow + sent, most)
            flows[f, move.column] = flow if graph.turned[e] == 0 else -flow
            gain[k] += sent
            gain[u] -= sent


@njit(inline="always")
def _reach(problem, labels, move, found, limit, space):
    """Add nodes that may be pushed over, up to a limit; return the number, whether that is all."""
    b = move.label
    graph = problem.graph
    now = space.moves[0]
    whole = True
    first = 0
    while first < found:
        count = np.int64(0)
        for q in range(first, found):
            for e in range(graph.indptr[space.queue[q]], graph.indptr[space.queue[q] + 1]):
                u = graph.heads[e]
                c = labels[u]
                if space.seen[u] != now and c != b and (move.only < 0 or c == move.only):
                    space.seen[u] = now
                    space.fresh[count] = u
                    count += 1
        _price(problem, labels, move, space.fresh, count, space)
        end = found
        for q in range(first, end):
            if q % 1024 == 0 and space.stop[0] != 0:
                return found, whole
            k = space.queue[q]
            z = labels[k]
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                u = graph.heads[e]
                if space.inside[u] == now or space.seen[u] != now:
                    continue
                most, flow = settled(
                    problem, e, space.flows[graph.edge[e], move.column], z, labels[u], b
                )
                space.inflow[u] += most - flow
                if space.inflow[u] > space.gain[u]:
                    if found < limit:
                        space.inside[u] = now
                        space.queue[found] = u
                        found += 1
                    else:
                        whole = False
        first = end
    return found, whole
