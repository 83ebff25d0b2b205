"""Graphs in compressed rows, and the room that a maximum flow needs.

Every arc is stored in the rows of both ends, as itself and as its twin that runs back. One word has
the head of an arc, its twin, and two bits, whether these have capacity left. So a search looks at 8
bytes an arc, in its own rows only, along the arcs as well as against them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt._base.types import Array

# Bits of `Workspace.ends`, and where the head begins. Unsigned, here and elsewhere: numba then
# leaves out the tests for negative indices.
AHEAD, BACK, TWIN, HEAD = np.uint64(1), np.uint64(2), np.uint64(2), np.uint64(34)

# Entries of `Workspace.state`: the part of `active` or `queue` that waits; what was read only to
# have it in the cache, because the compiler leaves out a word that nobody keeps; and in
# `push_relabel` the work since labels were exact, the largest label in use, how far it is, and
# whether demand is pushed against the arcs.
FIRST, COUNT, TOUCHED, EFFORT, TOP, STAGE, AGAINST = range(7)


class Network(NamedTuple):
    """Arcs in compressed rows, each with a twin that runs back."""

    indptr: Array  # (n + 1,) int32
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32, the slot of the twin


class Workspace(NamedTuple):
    """What a maximum flow writes to, besides residual capacities and excesses.

    30 bytes a node and 8 an arc.
    """

    ends: Array  # (arcs + 1,) uint64, see `pack`; the last is read where the next row would begin
    side: Array  # (n,) bool; afterwards: the smallest source side
    supply: Array  # (n,) like the excess
    queue: Array  # (n + 1,) int32
    label: Array  # (n,) int32: length of a path to a root, < 0 to demand; or a distance from demand
    parent: Array  # (n,) int32, in `boykov_kolmogorov`
    arc: Array  # (n,) int32, the arc to the parent; or the current one of `push_relabel`
    active: Array  # (n + 1,) int32, a queue of nodes; or how many nodes have some label
    waits: Array  # (n,) bool, whether a node is in that queue
    state: Array  # (7,) int64, see `FIRST`


def require_fit(n: int, m: int) -> None:
    """Raise unless words have room for so many nodes and arcs."""
    if max(n, m) >= 2**30:
        raise ValueError(
            f"Maximum flow needs fewer than 2**30 arcs and 2**30 nodes, got {m} and {n}"
        )


def workspace(n: int, arcs: int, dtype: Any = np.float64) -> Workspace:
    """Return room for graphs of up to n nodes and so many arcs, twins included."""
    require_fit(n, arcs // 2)
    return Workspace(
        np.empty(arcs + 1, dtype=np.uint64),
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=dtype),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.zeros(7, dtype=np.int64),
    )


def csr(n: int, tails: Array, heads: Array) -> tuple[Network, Array]:
    """Return the network of some arcs and their twins, and where arc e went; -1 for a loop."""
    nothing = np.zeros(len(tails))
    indptr, slot, residual, ends = link(n, tails, heads, nothing, nothing)
    words = ends[: len(residual)]
    twin = (words >> TWIN).astype(np.uint32)  # the lower half
    return Network(indptr, (words >> HEAD).astype(np.int32), twin.astype(np.int32)), slot


def link(
    n: int, tails: Array, heads: Array, forward: Array, backward: Array
) -> tuple[Array, Array, Array, Array]:
    """Return row starts, where arc e went, residual capacities and words, as nothing flows."""
    tails = np.ascontiguousarray(tails, dtype=np.int32)
    heads = np.ascontiguousarray(heads, dtype=np.int32)
    indptr = np.empty(n + 1, dtype=np.int32)
    slot = np.empty(len(tails), dtype=np.int32)
    most = 2 * len(tails)
    residual = np.empty(most, dtype=forward.dtype)
    ends = np.empty(most + 1, dtype=np.uint64)
    _link(tails, heads, forward, backward, indptr, slot, residual, ends)
    return indptr, slot, residual[: indptr[n]], ends


@njit
def _link(tails, heads, forward, backward, indptr, slot, residual, ends):
    """Sort arcs and twins into rows, in the order in which they come."""
    indptr[:] = 0
    for e in range(tails.shape[0]):
        v, u = np.uint32(tails[e]), np.uint32(heads[e])  # no tests for negative ones
        indptr[v] += v != u
        indptr[u] += v != u
    for v in range(1, indptr.shape[0]):
        indptr[v] += indptr[v - 1]
    for e in range(tails.shape[0] - 1, -1, -1):  # every row end moves to its start
        v, u = np.uint32(tails[e]), np.uint32(heads[e])
        slot[e] = -1
        if v != u:
            a, b = np.uint32(indptr[v] - 1), np.uint32(indptr[u] - 1)
            indptr[v], indptr[u] = a, b
            residual[a], residual[b] = ahead, back = forward[e], backward[e]
            ends[a], ends[b] = pack(u, b, ahead > 0, back > 0), pack(v, a, back > 0, ahead > 0)
            slot[e] = a


@njit
def pack(head, twin, ahead, back):
    """Return the word of an arc: its head, its twin, and whether these two are open."""
    return (np.uint64(head) << HEAD) + (np.uint64(twin) << TWIN) + ahead * AHEAD + back * BACK


@njit
def twin_of(word):
    """Return the slot of the twin."""
    return (word >> TWIN) & np.uint64(2**32 - 1)


@njit
def fill(slot, twin, forward, backward, residual):
    """Set the residual capacities to those of the arcs, as if nothing flows."""
    for e in range(slot.shape[0]):
        a = slot[e]
        if a >= 0:
            residual[a] = forward[e]
            residual[np.uint32(twin[a])] = backward[e]


@njit
def drain(slot, ends, forward, backward, residual, flow):
    """Set the flow of the arcs to what is missing from their capacities.

    A saturated arc, which its word in `ends` tells, gets exactly its capacity, though residual
    capacities are rounded.
    """
    for e in range(slot.shape[0]):
        a = slot[e]
        if a < 0:
            flow[e] = 0
            continue
        word = ends[a]
        if word & AHEAD == 0:
            flow[e] = forward[e]
        elif word & BACK == 0:
            flow[e] = -backward[e]
        else:  # from the smaller capacity: much larger ones may have lost digits
            if forward[e] <= 16.0 * backward[e]:
                sent = forward[e] - residual[a]
            else:
                sent = residual[twin_of(word)] - backward[e]
            flow[e] = max(-backward[e], min(sent, forward[e]))


@njit
def open_arcs(n, network, residual, work):
    """Set `work.ends` to the heads of the arcs and what is open of them."""
    heads, twin, ends = network.heads, network.twin, work.ends
    for e in range(np.uint64(network.indptr[n])):
        ends[e] = pack(heads[e], twin[e], residual[e] > 0, residual[np.uint32(twin[e])] > 0)


@njit
def send(ends, residual, e, t, amount):
    """Let an amount > 0 flow along arc e, whose twin is t; return whether that closed e."""
    residual[e] -= amount
    residual[t] += amount
    closed = residual[e] <= 0
    ends[e] = (ends[e] | AHEAD | BACK) - closed * AHEAD
    ends[t] = (ends[t] | AHEAD | BACK) - closed * BACK
    return closed
