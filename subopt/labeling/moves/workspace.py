"""Arrays of compiled moves: the problem, a move, and the workspace.

Moves are numbered from 1. Entries that hold the number of a move become invalid when the next move
begins, so that arrays need not be cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from subopt._base.interruptible import flag, interruptible, is_short
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.graph.network import Network, Workspace, workspace
from subopt.labeling._adjacency import Adjacency
from subopt.labeling.energy import LabelingEnergy

CACHED = 2**15  # numbers that are computed at a time, because they fit into the cache


class Problem(NamedTuple):
    """An energy without label costs, as arrays for kernels."""

    costs: Array  # (n, labels) float64, of each label at each node
    # (2 or 2 edges, labels, labels) float64, of an edge from its first end, and from its second
    tables: Array
    graph: Adjacency
    uniform: float  # cost of two different labels if it is the same for all pairs, else 0


def problem_of(energy: LabelingEnergy) -> Problem:
    """Return an energy as arrays for kernels, without its label costs."""
    costs = np.empty((energy.n, energy.n_labels))
    for part in parts(energy.n, energy.n_labels):
        costs[part] = energy.costs[:, part].T
    costs.setflags(write=False)
    return Problem(costs, energy.seen_tables, energy.adjacency, energy.terms.uniform)


def parts(rows: int, columns: int) -> Iterator[slice]:
    """Yield slices of the rows of a table that are computed at a time."""
    step = max(CACHED // columns, 8)
    for start in range(0, rows, step):
        yield slice(start, start + step)


class Move(NamedTuple):
    """Nodes with the label `only`, or all nodes if that is -1, may take `label`."""

    only: int
    label: int
    column: int  # of MoveWorkspace.flows


class MoveWorkspace(NamedTuple):
    """Workspace of moves, allocated once per graph."""

    # per node
    stamp: Array  # (n,) int64, move in which the label of the node or of a neighbor last changed
    wish: Array  # (labels, n) int8, whether the node may want the label; (1, n) without kept flows
    seen: Array  # (n,) int64, move for which `gain` and `inflow` hold
    inside: Array  # (n,) int64, move in which the node is to be decided; minus that once placed
    gain: Array  # (n,) float64, increase of the cost of the node by the label, plus its outflow
    inflow: Array  # (n,) float64, largest flow to it from nodes to be decided
    place: Array  # (n,) int32, position in `piece`
    # lists of nodes; their lengths are passed along
    queue: Array  # (n,) int32, to be decided
    waiting: Array  # (n,) int32, may want the label, in pieces that were too small
    piece: Array  # (n,) int32, connected nodes of `queue`
    fresh: Array  # (n,) int32, to be priced or looked at
    # per label
    carriers: Array  # (labels,) int64, number of nodes with the label
    label_gain: Array  # (labels,) float64, increase of the cost of one node by each label
    label_flow: Array  # (labels,) float64, flow of one edge in the moves of each label
    alike: Array  # (labels,) float64, cost of an edge whose ends both have the label
    # per move; rows are the labels `only`, or one row for expansions
    wanted: Array  # (1 or labels, labels) int8, whether some node may want the move
    # counters
    moves: Array  # (1,) int64, number of the current move
    cuts: Array  # (1,) int64, number of minimum cuts
    stop: Array  # (1,) int8, whether to stop; see `interruptible`
    # per edge: flow from the first end to the second; a column per label, or one column for all
    flows: Array  # (edges, 1 or labels) float64


class PieceWorkspace(NamedTuple):
    """The network of a connected piece; apart, because every array of a call takes time."""

    at: Array  # (arcs,) int32, where an arc of the graph is in it
    network: Network
    residual: Array  # (arcs,) float64
    excess: Array  # (n,) float64
    work: Workspace


def piece_workspace(n: int, edges: int) -> PieceWorkspace:
    """Allocate a workspace for pieces of a graph with n nodes."""
    arcs = 2 * edges
    heads, twin, at = np.empty((3, arcs), np.int32)
    network = Network(np.zeros(n + 1, np.int32), heads, twin)
    return PieceWorkspace(at, network, np.empty(arcs), np.empty(n), workspace(n, arcs))


def move_workspace(n: int, edges: int, labels: int, *, pairs: bool, kept: bool) -> MoveWorkspace:
    """Allocate a workspace.

    Parameters
    ----------
    n, edges, labels : int
        Size of the graph, and number of labels.
    pairs : bool
        For moves of pairs of labels (swaps), not for expansions.
    kept : bool
        Whether flows are kept for all labels from one move to the next.
    """
    rows = labels if pairs else 1
    stamp, seen, inside = np.zeros((3, n), np.int64)
    gain, inflow = np.empty((2, n))
    place, queue, waiting, piece, fresh = np.empty((5, n), np.int32)
    label_gain, label_flow, alike = np.empty((3, labels))
    return MoveWorkspace(
        stamp=stamp,
        wish=np.zeros((labels if kept else 1, n), np.int8),
        seen=seen,
        inside=inside,
        gain=gain,
        inflow=inflow,
        place=place,
        queue=queue,
        waiting=waiting,
        piece=piece,
        fresh=fresh,
        carriers=np.zeros(labels, np.int64),
        label_gain=label_gain,
        label_flow=label_flow,
        alike=alike,
        wanted=np.zeros((rows, labels), np.int8),
        moves=np.zeros(1, np.int64),
        cuts=np.zeros(1, np.int64),
        stop=flag(),
        flows=np.zeros((edges, labels if kept else 1)),
    )


def called(
    kernel: Callable[..., Any],
    energy: LabelingEnergy,
    args: tuple[Any, ...],
    space: MoveWorkspace,
    deadline: Deadline,
) -> Any:
    """Call a kernel, so that Ctrl-C and the deadline end it if that may take long."""
    size = energy.n_labels * (energy.n + len(energy.tails))
    short = deadline.left() == np.inf and is_short(4 * size)  # moves pass over them repeatedly
    return interruptible(kernel, *args, stop=space.stop, deadline=deadline, short=short)
