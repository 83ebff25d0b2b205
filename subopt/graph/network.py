"""Graphs in compressed rows, and the room that a maximum flow needs.

Every arc is stored in the rows of both ends, as itself and as its twin that runs back. A row also
has the residual capacities of the twins, so a search looks at its own rows only, whether it goes
along the arcs or against them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array


class Network(NamedTuple):
    """Arcs in compressed rows, each with a twin that runs back."""

    indptr: Array  # (n + 1,) int32
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32, the slot of the twin


class Workspace(NamedTuple):
    """What a maximum flow writes to, besides residual capacities and excesses; 26 bytes a node."""

    side: Array  # (n,) bool; afterwards: the smallest source side
    supply: Array  # (n,) like the excess
    queue: Array  # (n + 1,) int32
    label: Array  # (n,) int32: length of a path to a root, < 0 to demand; or a distance from demand
    parent: Array  # (n,) int32, in `boykov_kolmogorov`; the current arcs in `push_relabel`
    active: Array  # (n + 1,) int32, a queue of nodes; or how many nodes have some label
    waits: Array  # (n,) bool, whether a node is in that queue
    state: Array  # (2,) int64


def workspace(n: int, dtype: Any = np.float64) -> Workspace:
    """Return room for graphs of up to n nodes."""
    return Workspace(
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=dtype),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.zeros(2, dtype=np.int64),
    )


def csr(n: int, tails: Array, heads: Array) -> tuple[Network, Array]:
    """Return the network of some arcs and their twins, and where arc e went; -1 for a loop."""
    tails = np.ascontiguousarray(tails, dtype=np.int32)
    heads = np.ascontiguousarray(heads, dtype=np.int32)
    indptr = np.empty(n + 1, dtype=np.int32)
    slot = np.empty(len(tails), dtype=np.int32)
    arcs = 2 * int(np.count_nonzero(tails != heads))
    network = Network(indptr, np.empty(arcs, np.int32), np.empty(arcs, np.int32))
    _link(tails, heads, network, slot)
    return network, slot


@njit
def _link(tails, heads, network, slot):
    """Sort arcs and twins into rows, in the order in which they come."""
    indptr, ends, twin = network
    n = indptr.shape[0] - 1
    indptr[:] = 0
    for e in range(tails.shape[0]):
        if tails[e] != heads[e]:
            indptr[tails[e] + 1] += 1
            indptr[heads[e] + 1] += 1
    for v in range(n):
        indptr[v + 1] += indptr[v]
    for e in range(tails.shape[0]):
        v, u = np.uint32(tails[e]), np.uint32(heads[e])  # no tests for negative ones
        slot[e] = -1
        if v != u:
            a, b = np.uint32(indptr[v]), np.uint32(indptr[u])
            indptr[v] += 1
            indptr[u] += 1
            ends[a], ends[b] = u, v
            twin[a], twin[b] = b, a
            slot[e] = a
    for v in range(n, 0, -1):  # every row start has moved to its end
        indptr[v] = indptr[v - 1]
    indptr[0] = 0


@njit
def fill(slot, twin, forward, backward, residual):
    """Set the residual capacities to those of the arcs, as if nothing flows."""
    for e in range(slot.shape[0]):
        a = slot[e]
        if a >= 0:
            b = np.uint32(twin[a])
            residual[a, 0] = residual[b, 1] = forward[e]
            residual[a, 1] = residual[b, 0] = backward[e]


@njit
def drain(slot, forward, backward, residual, flow):
    """Set the flow of the arcs to what is missing from their capacities."""
    for e in range(slot.shape[0]):
        a = slot[e]
        if a < 0:
            flow[e] = 0
        else:
            ahead, back = forward[e] - residual[a, 0], residual[a, 1] - backward[e]
            # the larger capacity may be so large that it is rounded
            flow[e] = ahead if forward[e] <= backward[e] else back


@njit
def send(residual, e, t, amount):
    """Let an amount flow along arc e, whose twin is t."""
    residual[e, 0] -= amount
    residual[e, 1] += amount
    residual[t, 0] += amount
    residual[t, 1] -= amount
