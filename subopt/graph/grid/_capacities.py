"""Compiled: copies capacities of a stack of grids into a workspace, and evaluates cuts.

The arrays of the caller are read in place: each is a flat array, and one row of a table describes
its layout. Part 0 holds the capacities of the terminals, part q + 1 those along offset q and back.
Positions in arrays are unsigned, see `subopt.graph.grid._search_trees`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.graph.grid._input import Grids
from subopt.graph.grid._layout import Layout, short, tails
from subopt.graph.grid._search_trees import ARCS

_0, _1 = np.uint64(0), np.uint64(1)

# First columns of the table, three each, one per axis of the grid: node of the first tail, number
# of tails, distance to the head, number of nodes. Then, four each, the strides of both arrays along
# the problems and the axes; a stride is 0 if the entries are all the same.
_FIRST, _COUNT, _WAY, _SHAPE, _AHEAD, _BACK = 0, 3, 6, 9, 12, 16


class Terms(NamedTuple):
    """All capacities of a stack of grids, in parts."""

    table: Array  # (parts, 20) int64
    ahead: tuple[Array, ...]  # flat: from the source, or forward
    back: tuple[Array, ...]  # flat: to the sink, or backward


def terms(problem: Grids) -> Terms:
    """Return the capacities of the terminals, then those along each offset."""
    shape, periodic = problem.shape, problem.periodic
    ahead, back = [problem.source, *problem.forward], [problem.sink, *problem.backward]
    table = []
    for offset, a, b in zip(((0, 0, 0), *problem.offsets), ahead, back, strict=True):
        places = tails(offset, shape, periodic)
        first = [place.start for place in places]
        count = [place.stop - place.start for place in places]
        way = short(offset, shape, periodic)
        table.append([*first, *count, *way, *shape, *_steps(a), *_steps(b)])
    return Terms(np.array(table, dtype=np.int64), _flat(ahead), _flat(back))


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
    with np.errstate(over="ignore"):  # unsigned steps wrap around; numpy says so without the JIT
        for q in range(len(parts.table)):
            runs, where = (parts.ahead[q], parts.back[q]), (start, plan.stack, plan.place)
            load_part(parts.table, q, *runs, *where, plan.shift, excess, residual)


def weigh(parts: Terms, start: int, sides: Array, values: Array) -> None:
    """Add what cuts around `sides`, (problems, nodes), of the problems from `start` on weigh."""
    with np.errstate(over="ignore"):
        for q in range(len(parts.table)):
            weigh_part(parts.table, q, parts.ahead[q], parts.back[q], start, sides, values)


@njit
def load_part(table, q, ahead, back, start, count, place, shift, excess, residual):
    """Write one part of `count` problems."""
    arcs, arc = np.uint64(shift.shape[0]), np.uint64(max(2 * q - 2, 0))
    if q > 0 and shift[arc] == 0:
        return  # these arcs are loops, or there are none
    last = np.uint64(table[q, _COUNT + 2])
    ahead_step, back_step = np.uint64(table[q, _AHEAD + 3]), np.uint64(table[q, _BACK + 3])
    begin, n, turn = _turn(table, q)
    for p in range(count):
        for i in range(table[q, _COUNT]):
            for j in range(table[q, _COUNT + 1]):
                s = _row(table, q, _AHEAD, start + p, i, j)
                t = _row(table, q, _BACK, start + p, i, j)
                plane = place[0] + p * place[1]
                a, b = table[q, _FIRST] + i, table[q, _FIRST + 1] + j
                v = np.uint64(plane + a * place[2] + b * place[3] + table[q, _FIRST + 2])
                if q == 0:
                    for k in range(_0, last):
                        excess[v + k] = ahead[s + k * ahead_step] - back[t + k * back_step]
                    continue
                a, b = _head(table, q, 0, a), _head(table, q, 1, b)
                u = np.uint64(plane + a * place[2] + b * place[3])
                for k in range(_0, last):
                    head = begin + k
                    head = head + turn if head >= n else head
                    residual[(v + k) * arcs + arc] = ahead[s + k * ahead_step]
                    residual[(u + head) * arcs + arc + _1] = back[t + k * back_step]


@njit
def weigh_part(table, q, ahead, back, start, sides, values):
    """Add what the cuts weigh in one part."""
    last = np.uint64(table[q, _COUNT + 2])
    ahead_step, back_step = np.uint64(table[q, _AHEAD + 3]), np.uint64(table[q, _BACK + 3])
    begin, n, turn = _turn(table, q)
    for p in range(sides.shape[0]):
        total = values[p] * 0
        for i in range(table[q, _COUNT]):
            for j in range(table[q, _COUNT + 1]):
                s = _row(table, q, _AHEAD, start + p, i, j)
                t = _row(table, q, _BACK, start + p, i, j)
                a, b = table[q, _FIRST] + i, table[q, _FIRST + 1] + j
                v = np.uint64((a * table[q, _SHAPE + 1] + b) * table[q, _SHAPE + 2])
                v += np.uint64(table[q, _FIRST + 2])
                a, b = _head(table, q, 0, a), _head(table, q, 1, b)
                u = np.uint64((a * table[q, _SHAPE + 1] + b) * table[q, _SHAPE + 2])
                row = values[p] * 0  # sums of rows, and then of their sums, round less
                for k in range(_0, last):
                    head = begin + k
                    head = head + turn if head >= n else head
                    # the source lies on its side, the sink does not
                    tail = sides[p, v + k] != (q == 0)
                    if q == 0 or tail != sides[p, u + head]:
                        row += ahead[s + k * ahead_step] if tail else back[t + k * back_step]
                total += row
        values[p] += total


@njit(inline="always")
def _row(table, q, steps, p, i, j):
    """Return where the numbers of a row of nodes or arcs begin."""
    return np.uint64(p * table[q, steps] + i * table[q, steps + 1] + j * table[q, steps + 2])


@njit(inline="always")
def _head(table, q, axis, x):
    """Return where the arc from x leads along an axis; only around a periodic one it wraps."""
    x += table[q, _WAY + axis]
    n = table[q, _SHAPE + axis]
    return x + n if x < 0 else x - n if x >= n else x


@njit(inline="always")
def _turn(table, q):
    """Return the first head of a row, and from which on to add what, all modulo 2**64."""
    way, n = table[q, _WAY + 2], table[q, _SHAPE + 2]
    return np.uint64(table[q, _FIRST + 2] + way), np.uint64(n), np.uint64(n if way < 0 else -n)
