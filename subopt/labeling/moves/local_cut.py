"""Compiled: the network of a connected piece of a move, and its minimum cut.

Nodes of a piece may take a label; the nodes around it keep theirs. See `expand` for the energy and
`workspace` for `problem`, `move`, `space` and `cut`, the workspace of the piece. `size` is the
number of nodes in the piece. All loops over large pieces end soon after ``space.stop`` is set; what
they leave is valid for `begin` of another run, but the cut of the piece is not known.
"""

from __future__ import annotations

import numpy as np

from subopt._base.jit import inner
from subopt.graph.augment import settle
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import open_arcs
from subopt.labeling._adjacency import table_at
from subopt.labeling._exact import add
from subopt.labeling.moves.candidates import PART, settled

SLICE = np.int64(2**20)  # looks at arcs between two looks at whether to stop


@inner
def connect(graph, root, found, space):
    """List the connected component of a node among the nodes to be decided; return its size.

    If the `found` nodes to be decided are a large part of the graph, list all of them in the order
    of their indices, which is faster.
    """
    move = space.moves[0]
    size = 0
    if PART * found > space.inside.shape[0]:
        for k in range(space.inside.shape[0]):
            if space.inside[k] == move:
                space.piece[size] = k
                size += 1
    else:
        space.piece[0], space.inside[root] = root, -move
        size = 1
        q = 0
        while q < size:
            k = space.piece[q]
            q += 1
            for e in range(graph.indptr[k], graph.indptr[k + 1]):
                if space.inside[graph.heads[e]] == move:
                    space.inside[graph.heads[e]] = -move
                    space.piece[size] = graph.heads[e]
                    size += 1
    for i in range(size):
        space.inside[space.piece[i]] = -move
        space.place[space.piece[i]] = i
    return size


@inner
def write(problem, labels, move, size, space, cut):
    """Write the network of a piece."""
    b = move.label
    graph = problem.graph
    flows, residual, at, network = space.flows, cut.residual, cut.at, cut.network
    placed = -space.moves[0]
    arcs = 0
    for i in range(size):
        if i % 1024 == 0 and space.stop[0] != 0:
            return
        k = space.piece[i]
        z = labels[k]
        gain = space.gain[k]
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            u = graph.heads[e]
            c = labels[u]
            if move.only >= 0 and c != move.only:
                continue
            most, flow = settled(problem, e, flows[graph.edge[e], move.column], z, c, b)
            if space.inside[u] == placed:
                at[e] = arcs
                network.heads[arcs] = space.place[u]
                network.twin[arcs] = graph.twin[e]
                residual[arcs] = most - flow
                arcs += 1
                continue
            if c != b and space.inflow[u] <= space.gain[u]:  # it can take whatever it is sent
                gain += most - flow
                flows[graph.edge[e], move.column] = most if graph.turned[e] == 0 else -most
        network.indptr[i + 1] = arcs
        cut.excess[i] = -gain
    for e in range(arcs):
        network.twin[e] = at[network.twin[e]]


@inner
def solve(size, cuts, stop, cut):
    """Find the minimum cut of a piece whose network has been written; none, when it has to stop.

    By search trees alone: on pieces of images and of random graphs, they are as fast as anything
    after them, and other methods would have to be compiled with every move.
    """
    network, residual, excess, work = cut.network, cut.residual, cut.excess, cut.work
    cuts[0] += 1
    left = stop[0] == 0
    if left:
        open_arcs(size, network, residual, work)
        left = settle(size, network.indptr, residual, excess, work)
    if left:
        plant(size, excess, work)
        while not grow(network.indptr, residual, excess, work, SLICE):
            if stop[0] != 0:
                left = False
                break
    for i in range(size):
        work.side[i] = left and work.label[i] > 0


@inner
def lowers(problem, labels, move, size, space, side):
    """Tell whether E falls, by more than its rounding, if a side of a piece takes its new label."""
    b = move.label
    costs, tables, graph = problem.costs, problem.tables, problem.graph
    placed = -space.moves[0]
    change, magnitude = (0.0, 0.0, 0.0), 0.0
    for i in range(size):
        if i % 1024 == 0 and space.stop[0] != 0:
            return False
        if not side[i]:
            continue
        k = space.piece[i]
        z = labels[k]
        more = costs[k, b] - costs[k, z]
        change = add(change, more)
        magnitude += abs(more)
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            u, t, w = graph.heads[e], table_at(graph, e), graph.weight[e]
            c = labels[u]
            if space.inside[u] == placed and side[space.place[u]]:  # both change: half at each end
                more = 0.5 * w * (tables[t, b, b] - tables[t, z, c])
            else:
                more = w * (tables[t, b, c] - tables[t, z, c])
            change = add(change, more)
            magnitude += abs(more)
    return change[0] + change[1] < -(2.0**-50) * magnitude  # terms are rounded, their sum is not


@inner
def keep(problem, labels, move, size, space, cut):
    """Store the flow of a piece; return whether nodes that still want the label could send more.

    To nodes outside of the piece, that is.
    """
    b = move.label
    graph = problem.graph
    side, residual, network = cut.work.side, cut.residual, cut.network
    placed = -space.moves[0]
    more = False
    for i in range(size):
        if i % 1024 == 0 and space.stop[0] != 0:
            return more
        k, arc = space.piece[i], network.indptr[i]
        for e in range(graph.indptr[k], graph.indptr[k + 1]):
            c, t, f = labels[graph.heads[e]], graph.turned[e], graph.edge[e]
            if space.inside[graph.heads[e]] == placed:
                if t == 0:
                    flow = 0.5 * (residual[network.twin[arc]] - residual[arc])
                    space.flows[f, move.column] = flow
                arc += 1
            elif side[i] and not more and (move.only < 0 or c == move.only):
                most, flow = settled(problem, e, space.flows[f, move.column], labels[k], c, b)
                more = flow < most
    return more
