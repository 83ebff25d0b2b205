"""Graphs in compressed rows, and the room that a maximum flow needs.

Every arc is stored in the rows of both ends, as itself and as its twin that runs back. A word of the
workspace has the head of an arc and two bits, whether it and its twin have capacity left, so a
search looks at 4 bytes an arc, in its own rows only, whether it goes along the arcs or against
them.
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
    """What a maximum flow writes to, besides residual capacities and excesses.

    30 bytes a node and 4 an arc.
    """

    ends: Array  # (arcs,) uint32, 4 times the head, + AHEAD and BACK if open; see `open_arcs`
    side: Array  # (n,) bool; afterwards: the smallest source side
    supply: Array  # (n,) like the excess
    queue: Array  # (n + 1,) int32
    label: Array  # (n,) int32: length of a path to a root, < 0 to demand; or a distance from demand
    parent: Array  # (n,) int32, in `boykov_kolmogorov`
    arc: Array  # (n,) int32, the arc to the parent; or the current one of `push_relabel`
    active: Array  # (n + 1,) int32, a queue of nodes; or how many nodes have some label
    waits: Array  # (n,) bool, whether a node is in that queue
    state: Array  # (2,) int64


# bits of `Workspace.ends`, and where the head begins; unsigned, so that numba leaves out tests for
# negative indices
AHEAD, BACK, HEAD = np.uint64(1), np.uint64(2), np.uint64(2)


def workspace(n: int, arcs: int, dtype: Any = np.float64) -> Workspace:
    """Return room for graphs of up to n nodes and so many arcs, twins included."""
    return Workspace(
        np.empty(arcs, dtype=np.uint32),
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=dtype),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
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
            residual[a] = forward[e]
            residual[np.uint32(twin[a])] = backward[e]


@njit
def drain(slot, twin, forward, backward, residual, flow):
    """Set the flow of the arcs to what is missing from their capacities."""
    for e in range(slot.shape[0]):
        a = slot[e]
        if a < 0:
            flow[e] = 0
        elif forward[e] <= backward[e]:  # the larger one may be so large that it is rounded
            flow[e] = forward[e] - residual[a]
        else:
            flow[e] = residual[np.uint32(twin[a])] - backward[e]


@njit
def open_arcs(n, network, residual, work):
    """Set `work.ends` to the heads of the arcs and what is open of them."""
    indptr, heads, twin = network
    ends = work.ends
    for e in range(np.uint64(indptr[n])):
        ahead, back = residual[e] > 0, residual[np.uint32(twin[e])] > 0
        ends[e] = (np.uint64(heads[e]) << HEAD) + ahead * AHEAD + back * BACK


@njit
def send(ends, residual, e, t, amount):
    """Let an amount > 0 flow along arc e, whose twin is t; return whether that closed e."""
    residual[e] -= amount
    residual[t] += amount
    closed = residual[e] <= 0
    ends[e] = (ends[e] | AHEAD | BACK) - closed * AHEAD
    ends[t] = (ends[t] | AHEAD | BACK) - closed * BACK
    return closed
