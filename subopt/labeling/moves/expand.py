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

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.labeling.moves.candidates import BALL, begin, look, spread
from subopt.labeling.moves.local_cut import connect, keep, solve, write
from subopt.labeling.moves.warm_start import prepare
from subopt.labeling.moves.workspace import FRESH, INSIDE, MOVES, PIECE, QUEUE, STAMP, WAITING

CYCLES = np.int64(1000)  # as good as forever


def expansions(n_labels: int) -> Array:
    """List the labels that any nodes may take."""
    return np.stack([np.full(n_labels, -1), np.arange(n_labels)], axis=1)


def swaps(n_labels: int) -> Array:
    """List pairs of labels, there and back: nodes with the first may take the second.

    The k (k - 1) moves of the first k labels come first.
    """
    b, a = np.tril_indices(n_labels, -1)
    pairs = np.stack([a, b, b, a], axis=1).reshape(-1, 2)
    return pairs if len(pairs) else np.zeros((1, 2), np.int64)


@njit
def descend(costs, tables, graph, moves, labels, tolerance, cycles, room):
    """Make all moves in turn until none lowers E; return whether none does.

    A move ``(only, b)`` lets nodes with the label `only`, or all if that is -1, take label b. There
    is a better swap of a and b only if there is a better move (a, b) or (b, a), because E is
    submodular in the nodes that have either.
    """
    begin(costs, tables, graph, labels, room)
    count = moves.shape[0]
    i, idle = 0, 0
    for _ in range(cycles * count):
        only, b = moves[i, 0], moves[i, 1]
        i = i + 1 if i + 1 < count else 0
        idle += 1
        wanted = room.wanted[max(only, 0), b] != 0
        if wanted and _expand(costs, tables, graph, labels, only, b, tolerance, room):
            idle = 1
        if idle >= count:
            return True
    return False


@njit
def descend_many(costs, terms, tables, graph, moves, labels, values, tolerance, draft, room):
    """Solve problem after problem."""
    given, pairs = np.bool_(False), room.last.shape[0] > 1
    for p in range(costs.shape[0]):
        if room.flows.shape[0] == costs.shape[1]:
            prepare(costs[p], terms, labels[p], given, pairs, draft, room.flows)
        descend(costs[p], tables, graph, moves, labels[p], tolerance[p], CYCLES, room)
        values[p] = _energy(costs[p], tables, graph, labels[p])


@njit
def _energy(costs, tables, graph, labels):
    """Return the energy of a labeling."""
    indptr, heads, _, weight, turned, _ = graph
    value = 0.0
    for k in range(labels.shape[0]):
        edges = 0.0
        for e in range(indptr[k], indptr[k + 1]):
            edges += 0.5 * weight[e] * tables[turned[e], labels[k], labels[heads[e]]]
        value += costs[labels[k], k] + edges
    return value


@njit(inline="always")
def _expand(costs, tables, graph, labels, only, b, tolerance, room):
    """Let nodes take label b if that lowers E; return whether it did.

    Work follows the change, not the graph: it starts from the nodes that want b more than the flow
    has settled so far, which can only be near a change since this move was last made, and takes in
    the nodes that those may push over. All others keep their labels in any case.
    """
    node, clock = room.node, room.clock
    at, kept = max(only, 0), room.flows.shape[0] > 1
    move = only, b, b if kept else np.int64(0)
    if not kept:
        room.flows[0] = 0.0
        room.last[at, b] = -1
    lower = False
    waiting, limit = np.int64(-1), BALL  # at first all nodes are looked at
    while waiting != 0:
        clock[MOVES] += 1
        found, whole, limit = spread(costs, tables, graph, labels, move, waiting, limit, room)
        waiting = fresh = np.int64(0)
        for q in range(found):
            if room.when[INSIDE, node[QUEUE, q]] == clock[MOVES]:
                size = connect(graph, node[QUEUE, q], found, room)
                write(tables, graph, labels, move, size, room)
                gain = solve(size, room)
                more = (kept or not whole) and keep(tables, graph, labels, move, size, room)
                if more and not whole:
                    for i in range(size):
                        if room.work.side[i]:
                            node[WAITING, waiting] = node[PIECE, i]
                            waiting += 1
                elif gain > tolerance:
                    lower = True
                    fresh = _take(graph, labels, b, size, fresh, room)
        if kept:
            look(costs, tables, graph, labels, fresh, room)
        elif fresh > 0:  # without the flows nobody knows who else is concerned
            room.wanted[:] = 1
    room.last[at, b] = clock[MOVES]
    room.wanted[at, b] = 0
    return lower


@njit(inline="always")
def _take(graph, labels, b, size, fresh, room):
    """Give a side of a piece its new label; return how many nodes have to be looked at by now."""
    for i in range(size):
        if room.work.side[i]:
            k = room.node[PIECE, i]
            room.carriers[labels[k]] -= 1
            room.carriers[b] += 1
            labels[k] = b
            fresh = _touch(k, fresh, room)
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                fresh = _touch(graph.heads[e], fresh, room)
    return fresh


@njit
def _touch(k, fresh, room):
    """List a node that changed, or one next to it, unless that is done."""
    if room.when[STAMP, k] == room.clock[MOVES]:
        return fresh
    room.when[STAMP, k] = room.clock[MOVES]
    room.node[FRESH, fresh] = k
    return fresh + 1
