"""What compiled moves read and write besides the problem."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._types import Array
from subopt.graph.network import Network, Workspace, workspace

MOVES, CUTS = range(2)  # entries of Room.clock


class Room(NamedTuple):
    """What moves read and write besides the problem; allocated once for a graph."""

    unary: Array  # (n,) cost of the label that a node has
    stamp: Array  # (n,) int64, move in which its label, or one next to it, last changed
    seen: Array  # (n,) int64, move for which `gain` and `inflow` hold
    inside: Array  # (n,) int64, move in which it has to be decided; minus that: placed
    gain: Array  # (n,) e and the flow out of the node
    inflow: Array  # (n,) what nodes to be decided could push to it
    queue: Array  # (n,) int32, nodes to be decided
    waiting: Array  # (n,) int32, nodes that may want the label, in pieces that were too small
    piece: Array  # (n,) int32, connected ones of these
    place: Array  # (n,) int32, their position there
    at: Array  # (arcs,) int32, where an arc went in the network of the piece
    network: Network
    capacity: Array  # (arcs,) c
    residual: Array  # (arcs,)
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
        waiting=np.empty(n, np.int32),
        piece=np.empty(n, np.int32),
        place=np.empty(n, np.int32),
        at=np.empty(arcs, np.int32),
        network=Network(
            np.zeros(n + 1, np.int32), np.empty(arcs, np.int32), np.empty(arcs, np.int32)
        ),
        capacity=np.empty(arcs),
        residual=np.empty(arcs),
        excess=np.empty(n),
        wanted=np.empty(n),
        work=workspace(n, arcs),
        flows=np.zeros((flows, edges)),
        clock=np.zeros(2, np.int64),
        last=np.zeros(moves, np.int64),
        carriers=np.zeros(labels, np.int64),
        changed=np.zeros(labels, np.int64),
    )
