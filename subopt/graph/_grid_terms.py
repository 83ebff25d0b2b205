"""Compiled: capacities of a stack of grids into a workspace, and what cuts of the stack weigh.

Both read the arrays of the caller where they lie: as one run of numbers and four steps, of the
problem and the three axes of the grid, which are 0 where one number serves all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array
from subopt.graph._grid_input import Grids, vector
from subopt.graph._grid_layout import Layout, Vector, short, tails


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
    _load_nodes(*parts[0], *stack, excess)
    arcs = np.int64(len(plan.shift))
    for q, part in enumerate(parts[1:]):
        if plan.shift[2 * q]:  # else these arcs are loops, or there are none
            _load_arcs(*part, *stack, arcs, np.int64(2 * q), residual)


def weigh(parts: list[Terms], start: int, sides: Array, values: Array) -> None:
    """Write what cuts around `sides`, (problems, shape), of the problems from `start` weigh."""
    flat = sides.reshape(len(sides), -1)
    _cut_nodes(*parts[0], np.int64(start), flat, values)
    for part in parts[1:]:
        _cut_arcs(*part, np.int64(start), flat, values)


@njit
def _load_nodes(box, source, source_step, sink, sink_step, start, count, place, excess):
    for p in range(count):
        for i in range(box[1][0]):
            for j in range(box[1][1]):
                s = (start + p) * source_step[0] + i * source_step[1] + j * source_step[2]
                t = (start + p) * sink_step[0] + i * sink_step[1] + j * sink_step[2]
                v = place[0] + p * place[1] + i * place[2] + j * place[3]
                for k in range(box[1][2]):
                    excess[v + k] = source[s + k * source_step[3]] - sink[t + k * sink_step[3]]


@njit
def _load_arcs(
    box, forward, forward_step, backward, backward_step, start, count, place, arcs, arc, residual
):
    for p in range(count):
        for i in range(box[1][0]):
            a = box[0][0] + i
            for j in range(box[1][1]):
                b = box[0][1] + j
                s = (start + p) * forward_step[0] + i * forward_step[1] + j * forward_step[2]
                t = (start + p) * backward_step[0] + i * backward_step[1] + j * backward_step[2]
                v = place[0] + p * place[1] + a * place[2] + b * place[3] + box[0][2]
                u = place[0] + p * place[1] + _head(box, 0, a) * place[2]
                u += _head(box, 1, b) * place[3]
                for k in range(box[1][2]):
                    head = u + _head(box, 2, box[0][2] + k)
                    residual[(v + k) * arcs + arc] = forward[s + k * forward_step[3]]
                    residual[head * arcs + arc + 1] = backward[t + k * backward_step[3]]


@njit
def _head(box, axis, x):
    """Return where the arc from x leads along an axis; only around a periodic one it wraps."""
    x += box[2][axis]
    n = box[3][axis]
    return x + n if x < 0 else x - n if x >= n else x


@njit
def _cut_nodes(box, source, source_step, sink, sink_step, start, sides, values):
    for p in range(sides.shape[0]):
        total, v = values[p] * 0, 0
        for i in range(box[1][0]):
            for j in range(box[1][1]):
                s = (start + p) * source_step[0] + i * source_step[1] + j * source_step[2]
                t = (start + p) * sink_step[0] + i * sink_step[1] + j * sink_step[2]
                row = values[p] * 0  # sums of rows, and then of their sums, round less
                for k in range(box[1][2]):
                    inside = sides[p, v + k]
                    row += sink[t + k * sink_step[3]] if inside else source[s + k * source_step[3]]
                total += row
                v += box[1][2]
        values[p] = total


@njit
def _cut_arcs(box, forward, forward_step, backward, backward_step, start, sides, values):
    for p in range(sides.shape[0]):
        total = values[p] * 0
        for i in range(box[1][0]):
            a = box[0][0] + i
            for j in range(box[1][1]):
                b = box[0][1] + j
                s = (start + p) * forward_step[0] + i * forward_step[1] + j * forward_step[2]
                t = (start + p) * backward_step[0] + i * backward_step[1] + j * backward_step[2]
                v = (a * box[3][1] + b) * box[3][2] + box[0][2]
                u = (_head(box, 0, a) * box[3][1] + _head(box, 1, b)) * box[3][2]
                row = values[p] * 0
                for k in range(box[1][2]):
                    tail, head = sides[p, v + k], sides[p, u + _head(box, 2, box[0][2] + k)]
                    if tail != head:
                        row += (
                            forward[s + k * forward_step[3]]
                            if tail
                            else backward[t + k * backward_step[3]]
                        )
                total += row
        values[p] += total
