"""Compiled: copies capacities of a stack of grids into a workspace, and evaluates cuts.

The arrays of the caller are read in place: each is a flat array, and `Runs` describes their layout.
Part 0 holds the capacities of the terminals, part q + 1 those along offset q and back. Positions in
arrays are unsigned, see `subopt.graph.grid._search_trees`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.grid._input import Grids
from subopt.graph.grid._layout import Layout, Network, Vector, short, tails
from subopt.graph.grid._search_trees import ARCS

if TYPE_CHECKING:
    from subopt._base.types import Array

_0, _1 = np.uint64(0), np.uint64(1)


class Runs(NamedTuple):
    """Layout of the flat arrays of capacities, part by part."""

    first: Array  # (parts, 3) int64: node of the first tail, along each axis of the grid
    tails: Array  # (parts, 3) int64: number of tails along each axis
    way: Array  # (parts, 3) int64: distance from a tail to its head along each axis
    shape: Array  # (3,) int64: number of nodes along each axis
    ahead: Array  # (parts, 4) int64: strides of `Terms.ahead` along the problems and the axes
    back: Array  # (parts, 4) int64: strides of `Terms.back`; 0 where all entries are the same


class Terms(NamedTuple):
    """All capacities of a stack of grids, in parts."""

    runs: Runs
    ahead: tuple[Array, ...]  # flat: from the source, or forward
    back: tuple[Array, ...]  # flat: to the sink, or backward

    def terminals(self) -> Terms:
        """Return the first part only."""
        runs = self.runs
        return self._replace(runs=Runs(*(rows[:1] if rows.ndim == 2 else rows for rows in runs)))


def terms(problem: Grids) -> Terms:
    """Return the capacities of the terminals, then those along each offset."""
    ahead, back = [problem.source, *problem.forward], [problem.sink, *problem.backward]
    runs = Runs(
        *_ends(problem.shape, problem.offsets, problem.periodic),
        ahead=_numbers([_steps(array) for array in ahead]),
        back=_numbers([_steps(array) for array in back]),
    )
    return Terms(runs, _flat(ahead), _flat(back))


@functools.lru_cache(maxsize=64)
def _ends(
    shape: Vector, offsets: tuple[Vector, ...], periodic: tuple[bool, bool, bool]
) -> tuple[Array, Array, Array, Array]:
    """Return the fields of `Runs` that do not depend on capacities; often of the same grids."""
    offsets = ((0, 0, 0), *offsets)
    places = [tails(offset, shape, periodic) for offset in offsets]
    return (
        _numbers([[place.start for place in axes] for axes in places]),
        _numbers([[place.stop - place.start for place in axes] for axes in places]),
        _numbers([short(offset, shape, periodic) for offset in offsets]),
        _numbers(shape),
    )


def _numbers(rows: Any) -> Array:
    return np.array(rows, dtype=np.int64)


def _steps(array: Array) -> tuple[int, int, int, int]:
    n, a, b, c = array.shape
    return (n > 1) * a * b * c, (a > 1) * b * c, (b > 1) * c, int(c > 1)


def _flat(arrays: list[Array]) -> tuple[Array, ...]:
    """Return arrays as runs of numbers, all of one type and in two lengths: two compilations."""
    runs = [array.reshape(-1) for array in arrays]
    for run in runs:
        run.flags.writeable = False
    most = 3 if len(runs) <= 3 else 1 + ARCS // 2
    return (*runs, *runs[:1] * (most - len(runs)))


def load(parts: Terms, start: int, plan: Layout, excess: Array, residual: Array) -> None:
    """Write the capacities of the problems from `start` on where the searches read them."""
    network = Network(plan.shift, None, residual, excess)
    with np.errstate(over="ignore"):  # unsigned steps wrap around; numpy says so without the JIT
        for q in range(len(parts.runs.first)):
            numbers = parts.ahead[q], parts.back[q]
            load_part(parts.runs, q, *numbers, start, plan.stack, plan.places, network)


def weigh(parts: Terms, start: int, sides: Array, values: Array) -> None:
    """Add what cuts around `sides`, (problems, nodes), of the problems from `start` on weigh."""
    with np.errstate(over="ignore"):
        for q in range(len(parts.runs.first)):
            weigh_part(parts.runs, q, parts.ahead[q], parts.back[q], start, sides, values)


@njit
def load_part(runs, q, ahead, back, start, count, places, network):
    """Write part q of `count` problems, from number `start` on, into a network.

    `ahead` and `back` are the runs of numbers of this part, see `Terms`.
    """
    shift, residual, excess = network.shift, network.residual, network.excess
    arcs, arc = np.uint64(shift.shape[0]), np.uint64(max(2 * q - 2, 0))
    if q > 0 and shift[arc] == 0:
        return  # these arcs are loops, or there are none
    last = np.uint64(runs.tails[q, 2])
    ahead_step, back_step = np.uint64(runs.ahead[q, 3]), np.uint64(runs.back[q, 3])
    begin, n, turn = _turn(runs, q)
    for p in range(count):
        base = places.first + p * places.grid
        for i in range(runs.tails[q, 0]):
            for j in range(runs.tails[q, 1]):
                s, t, a, b, c, d = _row(runs, q, start + p, i, j)
                v = np.uint64(base + a * places.plane + b * places.row + runs.first[q, 2])
                if q == 0:
                    for k in range(_0, last):
                        excess[v + k] = ahead[s + k * ahead_step] - back[t + k * back_step]
                    continue
                u = np.uint64(base + c * places.plane + d * places.row)
                for k in range(_0, last):
                    head = np.uint64(begin + k)
                    head = np.uint64(head + turn) if head >= n else head
                    residual[(v + k) * arcs + arc] = ahead[s + k * ahead_step]
                    residual[(u + head) * arcs + arc + _1] = back[t + k * back_step]


@njit
def weigh_part(runs, q, ahead, back, start, sides, values):
    """Add what the cuts weigh in part q."""
    last = np.uint64(runs.tails[q, 2])
    ahead_step, back_step = np.uint64(runs.ahead[q, 3]), np.uint64(runs.back[q, 3])
    begin, n, turn = _turn(runs, q)
    for p in range(sides.shape[0]):
        total = values[p] * 0
        for i in range(runs.tails[q, 0]):
            for j in range(runs.tails[q, 1]):
                s, t, a, b, c, d = _row(runs, q, start + p, i, j)
                v = np.uint64((a * runs.shape[1] + b) * runs.shape[2] + runs.first[q, 2])
                u = np.uint64((c * runs.shape[1] + d) * runs.shape[2])
                row = values[p] * 0  # sums of rows, and then of their sums, round less
                for k in range(_0, last):
                    head = np.uint64(begin + k)
                    head = np.uint64(head + turn) if head >= n else head
                    # the source lies on its side, the sink does not
                    tail = sides[p, v + k] != (q == 0)
                    if q == 0 or tail != sides[p, u + head]:
                        row += ahead[s + k * ahead_step] if tail else back[t + k * back_step]
                total += row
        values[p] += total


@njit
def _row(runs, q, p, i, j):
    """Describe row (i, j) of the arcs of part q of problem p.

    Return where its numbers begin in both runs, and the first two coordinates of tails and heads.
    """
    ahead, back, first, way, shape = runs.ahead, runs.back, runs.first, runs.way, runs.shape
    s = p * ahead[q, 0] + i * ahead[q, 1] + j * ahead[q, 2]
    t = p * back[q, 0] + i * back[q, 1] + j * back[q, 2]
    a, b = first[q, 0] + i, first[q, 1] + j
    c, d = a + way[q, 0], b + way[q, 1]
    # only around a periodic axis an arc leads beyond the last node
    c = c + shape[0] if c < 0 else c - shape[0] if c >= shape[0] else c
    d = d + shape[1] if d < 0 else d - shape[1] if d >= shape[1] else d
    return np.uint64(s), np.uint64(t), a, b, c, d


@njit
def _turn(runs, q):
    """Return the first head of a row, and from which on to add what, all modulo 2**64."""
    way, n = runs.way[q, 2], runs.shape[2]
    return np.uint64(runs.first[q, 2] + way), np.uint64(n), np.uint64(n if way < 0 else -n)
