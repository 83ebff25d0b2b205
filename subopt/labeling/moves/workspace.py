"""What compiled moves read and write besides the problem.

Arrays of one shape are the rows of one: an argument of compiled code costs time whenever something
that takes it is compiled or called.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.graph.network import Network, Workspace, workspace

# rows of Room.when, entries are numbers of moves: the move in which the label of a node, or one
# next to it, last changed; the move for which GAIN and INFLOW hold; the move in which it has to be
# decided, minus that once it is placed
STAMP, SEEN, INSIDE = range(3)
# rows of Room.node: nodes to be decided; nodes that may want the label, in pieces that were too
# small; connected ones of the first; the position there of a node; nodes to be priced or looked at
QUEUE, WAITING, PIECE, PLACE, FRESH = range(5)
# rows of Room.number: what taking the label costs a node more and the flow out of it; what nodes to
# be decided could push to it; of a piece, what nodes want it where all others stay as they are
GAIN, INFLOW, WANTED = range(3)
MOVES, CUTS = range(2)  # entries of Room.clock


class Room(NamedTuple):
    """What moves read and write besides the problem; allocated once for a graph."""

    when: Array  # (3, n) int64
    node: Array  # (5, n) int32
    number: Array  # (3, n)
    carriers: Array  # (labels,) int64, nodes that carry a label
    gains: Array  # (3, labels) what labels cost a node more, flows of an edge, costs of no change
    wanted: Array  # (1 or labels, labels) int8, whether some node may want a move
    last: Array  # (1 or labels, labels) int64, when a move was last made
    clock: Array  # (2,) int64
    flows: Array  # (1 or labels, edges) flow from the first end of an edge to the second
    at: Array  # (arcs,) int32, where an arc went in the network of the piece
    network: Network
    residual: Array  # (arcs,)
    excess: Array  # (n,)
    work: Workspace


def room(n: int, edges: int, labels: int, *, pairs: bool, kept: bool) -> Room:
    """Return room for moves on a graph; of `pairs` of labels or not, with flows `kept` for all."""
    arcs = 2 * edges
    return Room(
        when=np.zeros((3, n), np.int64),
        node=np.empty((5, n), np.int32),
        number=np.empty((3, n)),
        carriers=np.zeros(labels, np.int64),
        gains=np.empty((3, labels)),
        wanted=np.zeros((labels if pairs else 1, labels), np.int8),
        last=np.zeros((labels if pairs else 1, labels), np.int64),
        clock=np.zeros(2, np.int64),
        flows=np.zeros((labels if kept else 1, edges)),
        at=np.empty(arcs, np.int32),
        network=Network(
            np.zeros(n + 1, np.int32), np.empty(arcs, np.int32), np.empty(arcs, np.int32)
        ),
        residual=np.empty(arcs),
        excess=np.empty(n),
        work=workspace(n, arcs),
    )
