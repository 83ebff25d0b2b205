"""Compiled: capacities of a stack of grids into a workspace, and what cuts of the stack weigh.

Both read the arrays of the caller where they lie: as one run of numbers and four steps, of the
problem and the three axes of the grid, which are 0 where one number serves all. Places in arrays
are unsigned, see `subopt.graph._grid_kernels`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array
from subopt.graph._grid_input import Grids, vector
from subopt.graph._grid_layout import Layout, Vector, short, tails

_0, _1 = np.uint64(0), np.uint64(1)


class Terms(NamedTuple):
    """Two arrays of capacities: of the terminals, or of the arcs along an offset and back."""

    box: tuple[Vector, Vector, Vector, Vector]  # first tail, tails an axis, way to the head, shape
    ahead: Array  # flat: from the source, or forward
    ahead_step: tuple[int, int, int, int]
    back: Array  # flat: to the sink, or backward
    back_step: tuple[int, int, int, int]


def terms(problem: Grids) -> list[Terms]:
    """Return the capacities of the terminals, then those along each offset."""
    shape, periodic = problem.shape, problem.periodic
    offsets = ((0, 0, 0), *problem.offsets)
    ahead, back = [problem.source, *problem.forward], [problem.sink, *problem.backward]
    result = []
    for offset, a, b in zip(offsets, ahead, back, strict=True):
        places = tails(offset, shape, periodic)
        firsts = [place.start for place in places]
        counts = [place.stop - place.start for place in places]
        box = vector(firsts), vector(counts), short(offset, shape, periodic), shape
        result.append(Terms(box, a.ravel(), _steps(a), b.ravel(), _steps(b)))
    return result


def _steps(array: Array) -> tuple[int, int, int, int]:
    n, a, b, c = array.shape
    return (n > 1) * a * b * c, (a > 1) * b * c, (b > 1) * c, int(c > 1)


def load(parts: list[Terms], start: int, plan: Layout, excess: Array, residual: Array) -> None:
    """Write the capacities of the problems from `start` where the kernels read them."""
    stack = np.int64(start), np.int64(plan.stack), plan.place
    arcs = np.uint64(len(plan.shift))
    with np.errstate(over="ignore"):  # unsigned steps wrap around; numpy says so without the JIT
        _load_nodes(*parts[0], *stack, excess)
        for q, part in enumerate(parts[1:]):
            if plan.shift[2 * q]:  # else these arcs are loops, or there are none
                _load_arcs(*part, *stack, arcs, np.uint64(2 * q), residual)


def weigh(parts: list[Terms], start: int, sides: Array, values: Array) -> None:
    """Write what cuts around `sides`, (problems, shape), of the problems from `start` weigh."""
    flat = sides.reshape(len(sides), math.prod(sides.shape[1:]))
    with np.errstate(over="ignore"):
        _cut_nodes(*parts[0], np.int64(start), flat, values)
        for part in parts[1:]:
            _cut_arcs(*part, np.int64(start), flat, values)


@njit
def _load_nodes(box, source, source_step, sink, sink_step, start, count, place, excess):
    last, ahead, back = np.uint64(box[1][2]), np.uint64(source_step[3]), np.uint64(sink_step[3])
    for p in range(count):
        for i in range(box[1][0]):
            for j in range(box[1][1]):
                s = _row(source_step, start + p, i, j)
                t = _row(sink_step, start + p, i, j)
                v = np.uint64(place[0] + p * place[1] + i * place[2] + j * place[3])
                for k in range(_0, last):
                    excess[v + k] = source[s + k * ahead] - sink[t + k * back]


@njit
def _load_arcs(
    box, forward, forward_step, backward, backward_step, start, count, place, arcs, arc, residual
):
    first, last = np.uint64(box[0][2]), np.uint64(box[1][2])
    ahead, back = np.uint64(forward_step[3]), np.uint64(backward_step[3])
    begin, n, turn = _way(box)
    for p in range(count):
        for i in range(box[1][0]):
            a = box[0][0] + i
            for j in range(box[1][1]):
                b = box[0][1] + j
                s = _row(forward_step, start + p, i, j)
                t = _row(backward_step, start + p, i, j)
                plane = place[0] + p * place[1]
                v = np.uint64(plane + a * place[2] + b * place[3]) + first
                u = np.uint64(plane + _head(box, 0, a) * place[2] + _head(box, 1, b) * place[3])
                for k in range(_0, last):
                    head = begin + k
                    head = head + turn if head >= n else head
                    residual[(v + k) * arcs + arc] = forward[s + k * ahead]
                    residual[(u + head) * arcs + arc + _1] = backward[t + k * back]


@njit
def _cut_nodes(box, source, source_step, sink, sink_step, start, sides, values):
    last, ahead, back = np.uint64(box[1][2]), np.uint64(source_step[3]), np.uint64(sink_step[3])
    for p in range(np.uint64(sides.shape[0])):
        total, v = values[p] * 0, _0
        for i in range(box[1][0]):
            for j in range(box[1][1]):
                s = _row(source_step, start + np.int64(p), i, j)
                t = _row(sink_step, start + np.int64(p), i, j)
                row = values[p] * 0  # sums of rows, and then of their sums, round less
                for k in range(_0, last):
                    row += sink[t + k * back] if sides[p, v + k] else source[s + k * ahead]
                total += row
                v += last
        values[p] = total


@njit
def _cut_arcs(box, forward, forward_step, backward, backward_step, start, sides, values):
    first, last = np.uint64(box[0][2]), np.uint64(box[1][2])
    ahead, back = np.uint64(forward_step[3]), np.uint64(backward_step[3])
    begin, n, turn = _way(box)
    for p in range(np.uint64(sides.shape[0])):
        total = values[p] * 0
        for i in range(box[1][0]):
            a = box[0][0] + i
            for j in range(box[1][1]):
                b = box[0][1] + j
                s = _row(forward_step, start + np.int64(p), i, j)
                t = _row(backward_step, start + np.int64(p), i, j)
                v = np.uint64((a * box[3][1] + b) * box[3][2]) + first
                u = np.uint64((_head(box, 0, a) * box[3][1] + _head(box, 1, b)) * box[3][2])
                row = values[p] * 0
                for k in range(_0, last):
                    head = begin + k
                    head = head + turn if head >= n else head
                    tail = sides[p, v + k]
                    if tail != sides[p, u + head]:
                        row += forward[s + k * ahead] if tail else backward[t + k * back]
                total += row
        values[p] += total


@njit
def _row(step, p, i, j):
    """Return where the numbers of a row of nodes or arcs begin."""
    return np.uint64(p * step[0] + i * step[1] + j * step[2])


@njit
def _head(box, axis, x):
    """Return where the arc from x leads along an axis; only around a periodic one it wraps."""
    x += box[2][axis]
    n = box[3][axis]
    return x + n if x < 0 else x - n if x >= n else x


@njit
def _way(box):
    """Return the same for rows: the first head, and what to add from which on, all modulo 2**64."""
    way, n = np.int64(box[2][2]), np.int64(box[3][2])
    return np.uint64(box[0][2] + way), np.uint64(n), np.uint64(n if way < 0 else -n)
