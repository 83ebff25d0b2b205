"""Compiled moves: every node chooses between two labels, and one minimum cut decides for all.

In a move, node k takes label z_k or o_k. In an expansion of alpha, z_k is the current label and
o_k = alpha for all nodes; in one direction of a swap, this holds for the nodes with the other label
of the two, and all other nodes keep their label. With V the cost of an edge, and x_k = 1 for o_k,
the energy is, up to a constant, a cut with symmetric capacities:

    sum_k e_k x_k + sum_{(k, u)} c_ku |x_k - x_u|,
    c_ku = (V(z_k, o_u) + V(o_k, z_u) - V(z_k, z_u) - V(o_k, o_u)) / 2,
    e_k  = (unary cost of o_k) - (unary cost of z_k)
           + sum_u (V(o_k, z_u) - V(z_k, z_u) + V(o_k, o_u) - V(z_k, o_u)) / 2.

Any numbers f_ku = -f_uk with |f_ku| <= c_ku are a flow that a maximum-flow algorithm can start
from: node k then has the excess e_k + sum_u f_ku, and the arc from k to u the residual capacity
c_ku - f_ku. Each move therefore starts from the flow of the last move of its label, clipped to the
new capacities.
"""

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as small_first
from subopt._base.jit import uncounted as njit
from subopt._base.types import Array
from subopt.labeling._adjacency import table_at
from subopt.labeling._exact import add, two_product
from subopt.labeling.moves.candidates import BALL, begin, clear, look, spread
from subopt.labeling.moves.local_cut import connect, keep, lowers, solve, write
from subopt.labeling.moves.warm_start import prepare_next
from subopt.labeling.moves.workspace import Move, Problem

CYCLES = np.int64(1000)  # practically no limit


def expansions(n_labels: int) -> Array:
    """Return one move per label: all nodes may take it."""
    return np.stack([np.full(n_labels, -1), np.arange(n_labels)], axis=1)


def swaps(n_labels: int) -> Array:
    """Return the ordered pairs of labels: nodes with the first label may take the second one.

    The k (k - 1) moves of the first k labels come first.
    """
    b, a = np.tril_indices(n_labels, -1)
    pairs = np.stack([a, b, b, a], axis=1).reshape(-1, 2)
    return pairs if len(pairs) else np.zeros((1, 2), np.int64)


@small_first
def descend(problem, moves, labels, cycles, space, cut):
    """Make all moves in turn until none lowers the energy; return whether this was reached.

    problem : Problem
    moves : (moves, 2) int64, rows (only, label)
    labels : (n,) int64, overwritten
    cycles : int64, largest number of times that all moves are made
    space : MoveWorkspace
    cut : PieceWorkspace

    A move ``(only, b)`` lets nodes with the label `only`, or all nodes if that is -1, take label b.
    If some swap of a and b lowers the energy, then so does a move (a, b) or (b, a), because the
    energy is submodular in the nodes with either label.
    """
    begin(problem, moves, labels, space)
    count = moves.shape[0]
    i, idle = 0, 0
    for _ in range(cycles * count):
        if space.stop[0] != 0:
            return False
        only, b = moves[i, 0], moves[i, 1]
        i = i + 1 if i + 1 < count else 0
        idle += 1
        wanted = space.wanted[max(only, 0), b] != 0
        if wanted and _expand(problem, labels, only, b, space, cut, True):
            idle = 1
        if idle >= count:
            return space.stop[0] == 0  # else the last cut may not be known
    return False


@small_first
def examine(problem, moves, labels, space, cut):
    """Find the flows of moves without making any: they show by how much each could lower E.

    Arguments are those of `descend`; flows need to be kept for all labels.
    """
    begin(problem, moves, labels, space)
    for i in range(moves.shape[0]):
        only, b = moves[i, 0], moves[i, 1]
        if space.stop[0] != 0:
            return
        if space.wanted[max(only, 0), b] != 0:
            _expand(problem, labels, only, b, space, cut, False)


@njit
def descend_many(costs, first, moves, labels, values, start, space, cut):
    """Solve problems that differ in the costs of labels only.

    costs : (problems, n, labels) float64
    first : Problem, for its tables and graph
    moves : (moves, 2) int64, rows `only` and `label`
    labels : (problems, n) int64, overwritten
    values : (problems,) float64, filled with the energies
    start : WarmStart
    space, cut : as for `descend`
    """
    given, pairs = np.bool_(False), space.wanted.shape[0] > 1
    for p in range(costs.shape[0]):
        if space.stop[0] != 0:
            return
        problem = Problem(costs[p], first.tables, first.graph, first.uniform)
        if space.flows.shape[1] == costs.shape[2]:
            prepare_next(
                costs[p], start.terms, labels[p], given, pairs, start.draft, space.flows, space.stop
            )
        descend(problem, moves, labels[p], CYCLES, space, cut)
        values[p] = _energy(problem, labels[p])


@inner
def _energy(problem, labels):
    """Return the energy of a labeling, rounded once."""
    tables, graph = problem.tables, problem.graph
    total = (0.0, 0.0, 0.0)
    for k in range(labels.shape[0]):
        total = add(total, problem.costs[k, labels[k]])
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            if graph.turned[e] == 0:
                c = tables[table_at(graph, e), labels[k], labels[graph.heads[e]]]
                high, low = two_product(graph.weight[e], c)
                total = add(add(total, high), low)
    return total[0] + total[1]


@njit(inline="always")
def _expand(problem, labels, only, b, space, cut, take):
    """Let nodes take label b if that lowers E and they may `take` it; return whether it did.

    Work follows the change, not the graph: it starts from the nodes that want b more than the flow
    has settled so far, which can only be near a change since this move was last made, and takes in
    the nodes that those may push over. All others keep their labels in any case.
    """
    at, kept = max(only, 0), space.flows.shape[1] > 1
    move = Move(only, b, b if kept else np.int64(0))
    if not kept:
        clear(space.flows)
    lower = False
    waiting, limit = np.int64(-1), BALL  # at first all nodes are looked at
    while waiting != 0:
        space.moves[0] += 1
        found, whole, limit = spread(problem, labels, move, waiting, limit, space)
        if space.stop[0] != 0:
            return lower
        waiting = fresh = np.int64(0)
        for q in range(found):
            if space.inside[space.queue[q]] == space.moves[0]:
                size = connect(problem.graph, space.queue[q], found, space)
                write(problem, labels, move, size, space, cut)
                solve(size, space.cuts, space.stop, cut)
                if space.stop[0] != 0:  # the cut is not known
                    return lower
                more = (kept or not whole) and keep(problem, labels, move, size, space, cut)
                if more and not whole:
                    for i in range(size):
                        if cut.work.side[i]:
                            space.waiting[waiting] = space.piece[i]
                            waiting += 1
                elif take and lowers(problem, labels, move, size, space, cut.work.side):
                    lower = True
                    fresh = _take(problem.graph, labels, b, size, fresh, space, cut.work.side)
        if kept:
            look(problem, labels, fresh, space)
        elif fresh > 0:  # without the flows nobody knows who else is concerned
            for k in range(space.wanted.shape[0]):
                for a in range(space.wanted.shape[1]):
                    space.wanted[k, a] = 1
    space.wanted[at, b] = 0
    return lower


@njit(inline="always")
def _take(graph, labels, b, size, fresh, space, side):
    """Give a side of a piece its new label; return how many nodes have to be looked at by now."""
    now = space.moves[0]
    for i in range(size):
        if side[i]:
            k = space.piece[i]
            space.carriers[labels[k]] -= 1
            space.carriers[b] += 1
            labels[k] = b
            fresh = _touch(k, fresh, space.fresh, space.stamp, now)
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                fresh = _touch(graph.heads[e], fresh, space.fresh, space.stamp, now)
    return fresh


@inner
def _touch(k, fresh, listed, stamp, now):
    """List a node that changed, or one next to it, unless that is done."""
    if stamp[k] == now:
        return fresh
    stamp[k] = now
    listed[fresh] = k
    return fresh + 1
