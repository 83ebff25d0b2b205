"""Compiled: the cut of a small graph in one call, where the overhead of calls dominates.

A graph of small grids is cut by Dinic's algorithm on bit sets, other graphs by search trees.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from subopt._base.jit import inner, slab
from subopt._base.jit import small_first as njit
from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs, Lattice, Places, arcs_of
from subopt.compat.maxflow._cut import Cut
from subopt.compat.maxflow._numbers import BOOL, EXACT, INT
from subopt.graph.augment import ONE, PATIENCE, augment_opened, reach
from subopt.graph.grid._dinic_bits import Bits, cut_bits
from subopt.graph.grid._layout import Network, Sets
from subopt.graph.network import STATE, Workspace, drain, link_rows

SMALL = 20_000  # nodes and arcs
SMALL_GRID = 2500  # the same, of grids: above, they are solved faster as grids
LEAST, MOST = 64, 1024  # nodes of grids for which bit sets are faster than search trees

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


def cut_records(
    n: int, m: int, records: bytes | bytearray, dtype: Any, places: Places | None = None
) -> SmallCut | None:
    """Cut a graph of records: m edges of four numbers, then terminals of three.

    `places` tells where the edges lie if they form grids, see `places_of`. Returns None where this
    needs more care: negative capacities, large ints, and no finite cut.
    """
    numbers, left = _frombuffer(records, dtype), _empty(n + m)
    limit = EXACT if dtype is INT else _INFINITE
    if places is None:
        side = _empty(n, BOOL)
        value = cut_numbers(n, m, numbers, limit, side, left)
    else:
        sides = _empty((1, n), BOOL)
        with np.errstate(over="ignore"):  # unsigned steps wrap; numpy says so without the JIT
            value = cut_grid(n, m, numbers, limit, places, sides, left)
        side = sides[0]
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
    nodes = np.empty(3 * n)
    value, large = read(n, m, numbers, limit, ints, room, nodes, left)
    if value < np.inf:
        rest = cut(n, m, ints, room, nodes[:n], side, left[n:])
        value = value + rest if rest < large else np.inf
    return value


@inner
def read(n, m, numbers, limit, ints, room, nodes, left):
    """Take records apart; return what flows through nodes directly, and what is as infinite.

    Written: tails and heads to `ints` (2 m,), finite capacities in both directions to `room`
    (2 m,), finite excesses to the first third of `nodes` (3 n,), and the excesses as they are to
    `left` (n,). Where this needs more care, the first result is infinite.
    """
    tails, heads, forward, backward = ints[:m], ints[m : 2 * m], room[:m], room[m : 2 * m]
    excess, source, sink = nodes[:n], nodes[n : 2 * n], nodes[2 * n :]
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
        return np.inf, np.inf
    # no flow is larger than the total: more than that is as good as infinite
    large = 4.0 * total if total > 0 else 1.0
    for v in range(n):
        value += min(source[v], sink[v])
        left[v] = source[v] - sink[v]
        excess[v] = max(min(left[v], large), -large)
    for e in range(m):
        forward[e], backward[e] = min(forward[e], large), min(backward[e], large)
    return value, large


@inner
def crossing(m, tails, heads, forward, backward, side):
    """Return the capacity of the edges from one side to the other."""
    value = 0.0
    for e in range(m):
        tail, head = side[tails[e]], side[heads[e]]
        if tail != head:
            value += forward[e] if head else backward[e]
    return value


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
        np.zeros(1, dtype=STATE),
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
    return value + crossing(m, tails, heads, forward, backward, side)


@njit
def cut_grid(n, m, numbers, limit, places, sides, left):
    """Do what `cut_numbers` does, for grids; `sides` has the shape (1, n)."""
    steps, first, words = places.steps, places.first, places.words
    degree, cells = steps.shape[0] // 2, n + 2 * first
    ints, room, nodes = np.empty(2 * m, dtype=np.int32), np.empty(2 * m), np.empty(3 * n)
    value, large = read(n, m, numbers, limit, ints, room, nodes, left)
    if not value < np.inf:
        return np.inf
    excess, residual, given = np.zeros(cells), np.zeros(cells * degree), np.zeros(cells * degree)
    for v in range(n):
        excess[first + v] = nodes[v]
    for e in range(m):
        a, b = slots(e, degree, places, ints)
        residual[a] += room[e]
        residual[b] += room[m + e]
    for a in range(cells * degree):
        given[a] = residual[a]
    sets = np.empty(3 * words, dtype=np.uint64)
    supply, demand, seen = sets[:words], sets[words : 2 * words], sets[2 * words :]
    gates = np.empty((2 * degree, words), dtype=np.uint64)
    layers = np.empty((n + 1, words), dtype=np.uint64)
    paths = np.empty(2 * n + 2, dtype=np.uint64)
    bits = Bits(
        steps[degree:],
        Sets(supply, demand, seen, gates[:degree]),
        gates[degree:],
        layers,
        paths[: n + 1],
        paths[n + 1 :],
        np.empty(n + 1),
    )
    network = Network(steps[:degree], None, residual, excess)
    kind = np.uint64(degree), np.uint64(words), np.uint64(first)
    cut_bits(*kind, network, bits, True, sides)
    side, rest = slab(sides, 0), 0.0
    for v in range(n):
        side[v] = not side[v]
        rest += max(nodes[v], 0.0) if side[v] else max(-nodes[v], 0.0)
    divide(m, places, ints, room, given, residual, left[n:])
    rest += crossing(m, ints[:m], ints[m:], room[:m], room[m:], side)
    return value + rest if rest < large else np.inf


@inner
def slots(e, degree, places, ints):
    """Return the slots of an edge and of its twin."""
    k = np.int64(places.kinds[e])
    tail, head = ints[e], ints[places.kinds.shape[0] + e]
    return (places.first + tail) * degree + k, (places.first + head) * degree + (k ^ 1)


@inner
def divide(m, places, ints, room, given, residual, flow):
    """Divide what flows between two nodes among the edges between them.

    Read: the capacities of the edges in `room` (2 m,), and of slots, `given` before the flow and
    `residual` after it. Written: `flow` (m,). See `drain` for why the sum is taken on two ways.
    """
    degree = places.steps.shape[0] // 2
    for e in range(m):
        a, b = slots(e, degree, places, ints)
        ahead, back = room[e], room[m + e]
        if residual[a] <= 0:
            flow[e] = ahead
        elif residual[b] <= 0:
            flow[e] = -back
        else:
            direct = given[a] <= 16.0 * given[b]
            sent = given[a] - residual[a] if direct else residual[b] - given[b]
            sent = max(-back, min(sent, ahead))
            flow[e] = sent
            given[a] -= sent
            given[b] += sent
