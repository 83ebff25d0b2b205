"""Graphs in compressed rows, and the workspace of a maximum flow.

Every arc is stored twice: in the row of its tail, and, as its reversed twin, in the row of its
head. One 64-bit word holds the head of an arc, the slot of its twin, and two bits that tell whether
the arc and the twin have residual capacity. A search along or against the arcs therefore reads 8
bytes per arc, all of them in the row of the node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit
from subopt._base.types import Array

# Bits of `Workspace.ends`, and positions of the twin and the head. Indices are unsigned here and
# elsewhere, because numba then omits the tests for negative indices.
AHEAD, BACK, TWIN, HEAD = np.uint64(1), np.uint64(2), np.uint64(2), np.uint64(34)

AT_A_TIME = 2**18  # arcs that are sorted at a time, which takes about 0.05 s

# The record that searches keep from slice to slice. It is one array, because every array of a
# NamedTuple makes each call of a kernel slower.
STATE = np.dtype(
    [
        ("first", np.int64),  # position of the first node of the queue in `active` or `queue`
        ("count", np.int64),  # length of this queue
        ("touched", np.int64),  # what was prefetched: the loads are not optimized away then
        ("effort", np.int64),  # of `push_relabel`: the work since labels were exact
        ("top", np.int64),  # the largest label in use
        ("stage", np.int64),  # the stage of the search
        ("against", np.int64),  # whether demand is pushed against the arcs
        ("stop", np.int64),  # whether long loops are to stop, see `interruptible`
    ]
)


class Network(NamedTuple):
    """Arcs in compressed rows, each with a reversed twin."""

    indptr: Array  # (n + 1,) int32
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32, the slot of the twin


class Workspace(NamedTuple):
    """Workspace of a maximum flow: 30 bytes per node and 8 per arc."""

    ends: Array  # (arcs + 1,) uint64, see `pack`; the last entry is read, but not used
    side: Array  # (n,) bool: afterwards the smallest source side
    supply: Array  # (n,) of the dtype of the excess
    queue: Array  # (n + 1,) int32
    label: Array  # (n,) int32: path length to a root, negative in the tree of demand; or, in
    # `push_relabel`, lower bound on the distance to demand
    parent: Array  # (n,) int32, used by `boykov_kolmogorov`
    arc: Array  # (n,) int32: the arc to the parent; or the current arc of `push_relabel`
    active: Array  # (n + 1,) int32: queue of nodes; or the number of nodes with each label
    waits: Array  # (n,) bool: whether a node is in this queue
    state: Array  # (1,) of `STATE`


def require_fit(n: int, m: int) -> None:
    """Raise if there are too many nodes or arcs for the 64-bit words."""
    if max(n, m) >= 2**30:
        raise ValueError(
            f"Maximum flow needs fewer than 2**30 arcs and 2**30 nodes, got {m} and {n}"
        )


def workspace(n: int, arcs: int | Array, dtype: Any = np.float64) -> Workspace:
    """Return a workspace for graphs of up to n nodes and `arcs` arcs, twins included.

    `arcs` is how many, or the words of the arcs.
    """
    if not isinstance(arcs, np.ndarray):
        require_fit(n, arcs // 2)
        arcs = np.empty(arcs + 1, dtype=np.uint64)
    return Workspace(
        arcs,
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=dtype),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.zeros(1, dtype=STATE),
    )


def csr(n: int, tails: Array, heads: Array) -> tuple[Network, Array]:
    """Return the network of arcs and twins, and the slot of each arc; -1 for a loop."""
    nothing = np.zeros(len(tails))
    indptr, slot, residual, ends = link(n, tails, heads, nothing, nothing)
    words = ends[: len(residual)]
    twin = (words >> TWIN).astype(np.uint32)  # the lower half
    return Network(indptr, (words >> HEAD).astype(np.int32), twin.astype(np.int32)), slot


def link(
    n: int, tails: Array, heads: Array, forward: Array, backward: Array
) -> tuple[Array, Array, Array, Array]:
    """Return row starts, the slot of each arc, residual capacities and words, for zero flow."""
    linked = link_until(lambda: False, n, tails, heads, forward, backward)
    assert linked is not None
    return linked


def link_until(
    over: Callable[[], bool], n: int, tails: Array, heads: Array, forward: Array, backward: Array
) -> tuple[Array, Array, Array, Array] | None:
    """Return what `link` does, or None once `over` returns True; only large graphs ask it."""
    m = len(tails)
    tails = np.ascontiguousarray(tails, dtype=np.int32)
    if m > AT_A_TIME and over():
        return None
    heads = np.ascontiguousarray(heads, dtype=np.int32)
    if m > AT_A_TIME and over():
        return None
    indptr = np.empty(n + 1, dtype=np.int32)
    slot = np.empty(m, dtype=np.int32)
    residual = np.empty(2 * m, dtype=forward.dtype)
    ends = np.empty(2 * m + 1, dtype=np.uint64)
    if m <= AT_A_TIME:
        link_rows(tails, heads, forward, backward, indptr, slot, residual, ends)
    else:
        count_rows(tails, heads, indptr)
        for last in range(m, 0, -AT_A_TIME):
            if over():
                return None
            some = slice(max(last - AT_A_TIME, 0), last)
            of_arcs = tails[some], heads[some], forward[some], backward[some]
            place_rows(*of_arcs, indptr, slot[some], residual, ends)
        if over():
            return None
    return indptr, slot, residual[: indptr[n]], ends


@njit
def link_rows(tails, heads, forward, backward, indptr, slot, residual, ends):
    """Sort arcs and twins into rows, in the given order.

    Read: tails, heads (m,) int32; forward, backward (m,), the capacities of both directions.
    Written: indptr (n + 1,) int32, residual and ends (2 m,) by rows, and slot (m,), the place of
    each arc in its row, -1 for loops.
    """
    count_rows(tails, heads, indptr)
    place_rows(tails, heads, forward, backward, indptr, slot, residual, ends)


@njit(inline="always")
def count_rows(tails, heads, indptr):
    """Set `indptr` to the ends of the rows."""
    for v in range(indptr.shape[0]):
        indptr[v] = 0
    for e in range(tails.shape[0]):
        v, u = np.uint32(tails[e]), np.uint32(heads[e])  # no tests for negative ones
        indptr[v] += v != u
        indptr[u] += v != u
    for v in range(1, indptr.shape[0]):
        indptr[v] += indptr[v - 1]


@njit(inline="always")
def place_rows(tails, heads, forward, backward, indptr, slot, residual, ends):
    """Put some arcs, and their twins, at the ends of their rows, which move to their starts."""
    for e in range(tails.shape[0] - 1, -1, -1):
        v, u = np.uint32(tails[e]), np.uint32(heads[e])
        slot[e] = -1
        if v != u:
            a, b = np.uint32(indptr[v] - 1), np.uint32(indptr[u] - 1)
            indptr[v], indptr[u] = a, b
            residual[a], residual[b] = ahead, back = forward[e], backward[e]
            ends[a], ends[b] = pack(u, b, ahead > 0, back > 0), pack(v, a, back > 0, ahead > 0)
            slot[e] = a


@inner
def pack(head, twin, ahead, back):
    """Return the word of an arc: head, slot of the twin, and whether arc and twin are open."""
    return (np.uint64(head) << HEAD) + (np.uint64(twin) << TWIN) + ahead * AHEAD + back * BACK


@inner
def twin_of(word):
    """Return the slot of the twin."""
    return (word >> TWIN) & np.uint64(2**32 - 1)


@njit
def fill(slot, twin, forward, backward, residual):
    """Set the residual capacities to the capacities, for zero flow. Arrays as in `link_rows`."""
    for e in range(slot.shape[0]):
        a = slot[e]
        if a >= 0:
            residual[a] = forward[e]
            residual[np.uint32(twin[a])] = backward[e]


@njit
def drain(slot, ends, forward, backward, residual, flow):
    """Set the flow (m,) of each arc to its capacity minus its residual capacity.

    The flow of a saturated arc, as marked in `ends`, is exactly its capacity, although residual
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
        else:  # use the smaller capacity: a much larger one may have been rounded
            if forward[e] <= 16.0 * backward[e]:
                sent = forward[e] - residual[a]
            else:
                sent = residual[twin_of(word)] - backward[e]
            flow[e] = max(-backward[e], min(sent, forward[e]))


@njit
def open_arcs(n, network, residual, work):
    """Set `work.ends` to the heads of the arcs and whether they are open."""
    heads, twin, ends = network.heads, network.twin, work.ends
    for e in range(np.uint64(network.indptr[n])):
        ends[e] = pack(heads[e], twin[e], residual[e] > 0, residual[np.uint32(twin[e])] > 0)


@inner
def send(ends, residual, e, t, amount):
    """Push a positive amount along arc e, whose twin is t; return whether that closed e."""
    residual[e] -= amount
    residual[t] += amount
    closed = residual[e] <= 0
    ends[e] = (ends[e] | AHEAD | BACK) - closed * AHEAD
    ends[t] = (ends[t] | AHEAD | BACK) - closed * BACK
    return closed
