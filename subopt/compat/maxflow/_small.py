"""Compiled: the cut of a small graph in one call, for graphs so small that each call counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs
from subopt.graph.augment import ONE, PATIENCE, augment_opened, reach
from subopt.graph.network import STATES, Workspace, _link, drain

SMALL = 5000  # nodes and arcs
SMALL_GRID = 2500  # the same, of grids: above, they are solved faster as grids
EXACT = 2.0**52  # ints whose absolute values add up to less are exact


class SmallCut(NamedTuple):
    """The cut of a small graph."""

    value: float
    sink_side: Array  # (n,) bool, the smallest one
    excess: Array  # (n,) float64: from the source less to the sink
    flow: Array  # (m,) float64


def cut_single(n: int, edges: Array, terminals: Array, is_int: bool) -> SmallCut | None:
    """Cut a graph of flat arrays: tail, head, capacities; and node, from the source, to the sink.

    Returns None where this needs more care: negative capacities, large ints, and no finite cut.
    """
    fine, *answer = single(n, edges, terminals, EXACT if is_int else np.inf)
    return SmallCut(*answer) if fine else None


def cut_arcs(arcs: Arcs, source: Array, sink: Array, is_int: bool) -> SmallCut | None:
    """Cut a graph of arcs, or return None as `cut_single`."""
    numbers = (part.astype(np.float64) for part in (arcs.forward, arcs.backward, source, sink))
    fine, *answer = careful(arcs.tails, arcs.heads, *numbers, EXACT if is_int else np.inf)
    return SmallCut(*answer) if fine else None


@njit
def cut(tails, heads, forward, backward, excess):
    """Return the smallest side of the sink, a maximum flow, and its value.

    Ends are int32, capacities and excesses float64 and finite; excesses are overwritten.
    """
    n, m = excess.shape[0], tails.shape[0]
    indptr = np.empty(n + 1, dtype=np.int32)
    slot = np.empty(m, dtype=np.int32)
    residual = np.empty(2 * m, dtype=np.float64)
    ends = np.empty(2 * m + 1, dtype=np.uint64)
    _link(tails, heads, forward, backward, indptr, slot, residual, ends)
    work = Workspace(
        ends,
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=np.float64),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.zeros(STATES, dtype=np.int64),
    )
    before = np.empty(n, dtype=np.float64)
    for v in range(n):
        before[v] = excess[v]
    augment_opened(n, indptr, residual, excess, work, PATIENCE * (n + 2 * m))
    flow = np.empty(m, dtype=np.float64)
    drain(slot, ends, forward, backward, residual, flow)
    reach(n, indptr, excess, work, -ONE)
    value = 0.0
    for v in range(n):
        if work.side[v]:
            value += max(before[v], 0.0)
        else:
            value += max(-before[v], 0.0)
    for e in range(m):
        tail, head = work.side[tails[e]], work.side[heads[e]]
        if tail != head:
            value += forward[e] if head else backward[e]
    return work.side, flow, value


@njit
def careful(tails, heads, forward, backward, source, sink, limit):
    """Return whether all numbers are usual ones, and then what `SmallCut` has.

    Capacities are overwritten. They are usual if they are >= 0, have a finite cut, and the finite
    ones add up to less than the limit.
    """
    n, m = source.shape[0], tails.shape[0]
    total, usual = 0.0, True
    for e in range(m):
        usual &= (forward[e] >= 0) & (backward[e] >= 0)
        total += forward[e] if forward[e] < np.inf else 0.0
        total += backward[e] if backward[e] < np.inf else 0.0
    for v in range(n):
        usual &= (abs(source[v]) < np.inf) | (abs(sink[v]) < np.inf)
        total += abs(source[v]) if abs(source[v]) < np.inf else 0.0
        total += abs(sink[v]) if abs(sink[v]) < np.inf else 0.0
    side, flow, value = np.zeros(n, dtype=np.bool_), forward, 0.0
    if not (usual & (total < limit)):
        return False, value, side, source, flow
    for v in range(n):
        value += min(source[v], sink[v])
        source[v] -= sink[v]
    # no flow is larger than the total: more than that is as good as infinite
    large = 4.0 * total if total > 0 else 1.0
    ends = tails.astype(np.int32), heads.astype(np.int32)
    numbers = np.minimum(forward, large), np.minimum(backward, large)
    side, flow, rest = cut(*ends, *numbers, np.maximum(np.minimum(source, large), -large))
    return rest < large, value + rest, side, source, flow


@njit
def single(n, edges, terminals, limit):
    """Do what `careful` does for a graph of flat arrays."""
    m = edges.shape[0] // 4
    source, sink = np.zeros(n), np.zeros(n)
    tails, heads = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    forward, backward = np.empty(m), np.empty(m)
    for e in range(m):
        tails[e], heads[e] = edges[4 * e], edges[4 * e + 1]
        forward[e], backward[e] = edges[4 * e + 2], edges[4 * e + 3]
    for k in range(terminals.shape[0] // 3):
        v = np.int64(terminals[3 * k])
        source[v] += terminals[3 * k + 1]
        sink[v] += terminals[3 * k + 2]
    return careful(tails, heads, forward, backward, source, sink, limit)
