"""Compiled: the cut of a small graph in one call, where the overhead of calls dominates."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs, Lattice, arcs_of
from subopt.compat.maxflow._cut import Cut
from subopt.graph.augment import ONE, PATIENCE, augment_opened, reach
from subopt.graph.network import STATES, Workspace, drain, link_rows

SMALL = 20_000  # nodes and arcs
SMALL_GRID = 2500  # the same, of grids: above, they are solved faster as grids
EXACT = 2.0**52  # ints whose absolute values add up to less are exact
INT, FLOAT = np.dtype(np.int64), np.dtype(np.float64)  # numpy has one object for each

_BOOL = np.dtype(np.bool_)
_frombuffer, _empty, _INFINITE = np.frombuffer, np.empty, math.inf


class SmallCut(NamedTuple):
    """The cut of a small graph."""

    value: float
    sink_side: Array  # (n,) bool, the smallest one
    numbers: Array  # of its records: see `cut_records`
    left: Array  # (n + m,) float64: excesses from the source less to the sink, and the flow

    def residual(self) -> tuple[Array, list[Arcs | Lattice]]:
        """Return the excesses and arcs that the flow leaves."""
        n = len(self.sink_side)
        excess, flow = self.left[:n], self.left[n:]
        edges = self.numbers[: 4 * len(flow)].reshape(-1, 4)
        flow = flow[edges[:, 0] != edges[:, 1]]
        cut = Cut(self.value, self.sink_side, excess.astype(edges.dtype), [(arcs_of(edges), flow)])
        return cut.residual()


def cut_records(n: int, m: int, records: bytearray, dtype: Any) -> SmallCut | None:
    """Cut a graph of records: m edges of four numbers, then terminals of three.

    Returns None where this needs more care: negative capacities, large ints, and no finite cut.
    """
    numbers, side, left = _frombuffer(records, dtype), _empty(n, _BOOL), _empty(n + m)
    value = cut_numbers(n, m, numbers, EXACT if dtype is INT else _INFINITE, side, left)
    return SmallCut(value, side, numbers, left) if value < _INFINITE else None


@njit
def cut_numbers(n, m, numbers, limit, side, left):
    """Return the value of a cut, or infinity where this needs more care.

    `numbers` are those of records, see `cut_records`. Finite ones are exact if their absolute
    values add up to less than the limit. Afterwards `side` is the smallest side of the sink, and
    `left` is as in `SmallCut`.
    """
    # one allocation is faster than many
    ints, room = np.empty(3 * m + 6 * n + 3, dtype=np.int32), np.empty(4 * m + 2 * n)
    tails, heads, forward, backward = ints[:m], ints[m : 2 * m], room[:m], room[m : 2 * m]
    nodes = np.empty(3 * n)
    source, sink, excess = nodes[:n], nodes[n : 2 * n], nodes[2 * n :]
    total, usual = 0.0, True
    for e in range(m):
        tails[e], heads[e] = np.int32(numbers[4 * e]), np.int32(numbers[4 * e + 1])
        ahead, back = float(numbers[4 * e + 2]), float(numbers[4 * e + 3])
        forward[e], backward[e] = ahead, back
        usual &= (ahead >= 0) & (back >= 0)
        total += ahead if ahead < np.inf else 0.0
        total += back if back < np.inf else 0.0
    for v in range(n):
        source[v] = sink[v] = 0.0
    for k in range(4 * m, numbers.shape[0], 3):
        v = np.int64(numbers[k])
        if v >= 0:
            supply, demand = float(numbers[k + 1]), float(numbers[k + 2])
            source[v] += supply
            sink[v] += demand
            total += abs(supply) if abs(supply) < np.inf else 0.0
            total += abs(demand) if abs(demand) < np.inf else 0.0
    value = 0.0
    for v in range(n):
        usual &= (source[v] == source[v]) & (sink[v] == sink[v])
        usual &= (abs(source[v]) < np.inf) | (abs(sink[v]) < np.inf)
    if not (usual & (total < limit)):
        return np.inf
    # no flow is larger than the total: more than that is as good as infinite
    large = 4.0 * total if total > 0 else 1.0
    for v in range(n):
        value += min(source[v], sink[v])
        left[v] = source[v] - sink[v]
        excess[v] = max(min(left[v], large), -large)
    for e in range(m):
        forward[e], backward[e] = min(forward[e], large), min(backward[e], large)
    rest = cut(n, m, ints, room, excess, side, left[n:])
    return value + rest if rest < large else np.inf


@njit
def cut(n, m, ints, room, excess, side, flow):
    """Find the smallest side of the sink and a maximum flow, and return its value.

    ints : (3 m + 6 n + 3,) int32
        Tails and heads, and room.
    room : (4 m + 2 n,) float64
        Finite capacities in both directions, and room.
    excess : (n,) float64
        Finite; overwritten.
    """
    tails, heads, forward, backward = ints[:m], ints[m : 2 * m], room[:m], room[m : 2 * m]
    slot, indptr, ints = ints[2 * m : 3 * m], ints[3 * m : 3 * m + n + 1], ints[3 * m + n + 1 :]
    residual, supply, before = room[2 * m : 4 * m], room[4 * m : 4 * m + n], room[4 * m + n :]
    ends = np.empty(2 * m + 1, dtype=np.uint64)
    link_rows(tails, heads, forward, backward, indptr, slot, residual, ends)
    work = Workspace(
        ends,
        side,
        supply,
        ints[: n + 1],
        ints[n + 1 : 2 * n + 1],
        ints[2 * n + 1 : 3 * n + 1],
        ints[3 * n + 1 : 4 * n + 1],
        ints[4 * n + 1 : 5 * n + 2],
        np.empty(n, dtype=np.bool_),
        np.zeros(STATES, dtype=np.int64),
    )
    for v in range(n):
        before[v] = excess[v]
    augment_opened(n, indptr, residual, excess, work, PATIENCE * (n + 2 * m))
    drain(slot, ends, forward, backward, residual, flow)
    reach(n, indptr, excess, work, -ONE)
    value = 0.0
    for v in range(n):
        if side[v]:
            value += max(before[v], 0.0)
        else:
            value += max(-before[v], 0.0)
    for e in range(m):
        tail, head = side[tails[e]], side[heads[e]]
        if tail != head:
            value += forward[e] if head else backward[e]
    return value
