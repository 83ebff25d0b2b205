"""The memory layout of grids; compiled: copies of capacities into it, and the values of cuts.

All kernels need the layout and these copies, so both are in one module.

Nodes are cells of one long array. Rows, planes and problems are separated by border cells, as many
as the longest offset needs. Two consecutive rows share the border cells between them. The neighbor
of a cell is therefore always ``cell + shift``, and a neighbor outside the grid is a cell without
arcs. On periodic axes the border is twice as wide, and `wrap` maps each of its cells to a node.
Small grids, whose sets of nodes are bit sets, have no border: arcs that leave the grid are marked
as closed.

The arrays of the caller are read in place: each is a flat array, and `Runs` describes their layout.
Part 0 holds the capacities of the terminals, part q + 1 those along offset q and back. Positions in
arrays are unsigned, see `subopt.graph.grid._search_trees`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit

if TYPE_CHECKING:
    from subopt._base.types import Array


Vector = tuple[int, int, int]

ARCS = 28  # of one node, at most
_0, _1 = np.uint64(0), np.uint64(1)
SMALL = 1024  # largest number of nodes for which bit sets are faster than trees


class Layout(NamedTuple):
    """The cells of some grids of one shape, and their arcs."""

    stack: int  # grids
    shape: Vector  # of a grid; leading ones below three dimensions
    padded: Vector
    first: int  # cell of the first node
    cells: int
    shift: Array  # (arcs of a cell,) uint64, modulo 2**64; arcs 2q and 2q + 1 are twins
    wrap: Array | None  # (cells,) uint32
    small: bool  # sets of nodes are words of bits

    @property
    def degree(self) -> Any:
        """Arcs of a cell, as the kernels want it: None for 4 and no periodic axis."""
        arcs = len(self.shift)
        return None if arcs == 4 and self.wrap is None else np.uint64(arcs)

    @property
    def words(self) -> Any:
        """Words of a set of nodes, as the kernels want it: None for one."""
        words = -(-math.prod(self.shape) // 64)
        return np.uint64(words) if words > 1 else None

    @property
    def places(self) -> Places:
        """Where nodes lie, as kernels take it."""
        a, b, c = self.padded
        return Places(self.stack, self.first, a * b * c, b * c, c)

    def nodes(self, array: Array) -> Array:
        """Return the nodes' part of an array over cells: (grids, shape), a view."""
        return self._inner(array, 1)[..., 0]

    def arcs(self, array: Array) -> Array:
        """Return the nodes' part of an array over arcs: (grids, shape, arcs of a node), a view."""
        return self._inner(array, len(self.shift))

    def _inner(self, array: Array, depth: int) -> Array:
        last = self.first + self.stack * math.prod(self.padded)
        inner = array[self.first * depth : last * depth]
        a, b, c = self.shape
        return inner.reshape((self.stack, *self.padded, depth))[:, :a, :b, :c]


class Places(NamedTuple):
    """Where the nodes of a stack lie."""

    stack: int  # grids
    first: int  # cell of the first node
    grid: int  # cells from a node to the same one of the next grid
    plane: int  # of the next plane
    row: int  # of the next row


class Network(NamedTuple):
    """Cells, arcs between them, and what is left of their capacities."""

    shift: Array  # (arcs,) uint64, of `Layout`
    wrap: Array | None  # (cells,) uint32, of `Layout`
    residual: Array  # (cells * arcs,) int32 or float64: of arc k of cell v at v * arcs + k
    excess: Array  # (cells,) same dtype: supply if positive, demand if negative


class Grids(NamedTuple):
    """Problems on grids of one shape, as callers give them.

    Arrays have four axes, the problems and three of the grid. An axis has length 1 if its entries
    are all the same.
    """

    stack: int  # number of problems
    dimensions: int  # number of dimensions for the caller; `shape` has leading ones
    shape: Vector
    offsets: tuple[Vector, ...]
    periodic: tuple[bool, bool, bool]
    source: Array
    sink: Array
    forward: list[Array]  # one per offset; the same object as in `backward` if symmetric
    backward: list[Array]
    whole: bool  # whether all finite capacities are ints; arrays are int64 then, else float64
    beyond: float  # replaces infinity: more than any finite cut; inf if nothing was infinite
    dtype: Any  # dtype in which flows are computed: int32 or float64
    largest: float  # no capacity is larger


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


class Sets(NamedTuple):
    """Sets of nodes as words of bits: node v is bit ``v % 64`` of word ``v // 64``."""

    supply: Array  # (words,) uint64; nodes with supply
    demand: Array  # (words,) uint64; nodes with demand
    seen: Array  # (words,) uint64; nodes that a search has found
    open: Array  # (arcs, words) uint64; tails of the open arcs


def empty_sets(arcs: int, words: int) -> Sets:
    """Return room for sets of so many words."""
    supply, demand, seen = np.empty((3, words), dtype=np.uint64)
    return Sets(supply, demand, seen, np.empty((arcs, words), dtype=np.uint64))


def layout(
    count: int, shape: Vector, offsets: tuple[Vector, ...], periodic: tuple[bool, bool, bool]
) -> Layout:
    """Lay out `count` grids; arcs 2q and 2q + 1 of a node follow offset q and its opposite."""
    small = not any(periodic) and math.prod(shape) <= SMALL
    plain, steps = _steps(count, shape, offsets, periodic, small)
    if not any(periodic):
        return plain
    offsets = tuple(short(o, shape, periodic) for o in offsets)
    wrap = np.arange(plain.cells, dtype=np.uint32)
    node = plain.nodes(np.arange(plain.cells))
    for k, step in enumerate(steps):
        offset = [o if k % 2 == 0 else -o for o in offsets[k // 2]]
        here = (slice(None), *tails(offset, shape, periodic))
        wrap[node[here] + step] = heads(node, offset, shape, periodic)
    return plain._replace(wrap=wrap)


@functools.lru_cache(maxsize=64)
def _steps(
    count: int,
    shape: Vector,
    offsets: tuple[Vector, ...],
    periodic: tuple[bool, bool, bool],
    small: bool,
) -> tuple[Layout, list[int]]:
    """Return a layout without periodic axes, and the steps of its arcs; often of the same grids."""
    offsets = tuple(short(o, shape, periodic) for o in offsets)
    border = [0 if small else max((abs(o[i]) for o in offsets), default=0) for i in range(3)]
    a, b, c = (n + (p + p * wraps) for n, p, wraps in zip(shape, border, periodic, strict=True))
    steps = [sign * int(np.dot(o, [b * c, c, 1])) for o in offsets for sign in (1, -1)]
    first = max(map(abs, steps), default=0)
    cells = first + count * a * b * c + first
    shift = np.array(steps, dtype=np.int64).view(np.uint64)
    plain = Layout(count, shape, (a, b, c), first, cells, shift, None, small)
    if cells >= 2**31:
        raise ValueError(
            f"A grid cut needs fewer than 2**31 cells, got {cells} for {count} grids of shape "
            f"{shape} with their border"
        )
    return plain, steps


def short(offset: Vector, shape: Vector, periodic: tuple[bool, bool, bool]) -> Vector:
    """Return an offset with the same ends, at most half around periodic axes; zero without arcs."""
    short = [
        (o + n // 2) % n - n // 2 if wraps and n else o
        for o, n, wraps in zip(offset, shape, periodic, strict=True)
    ]
    if any(abs(o) >= n for o, n in zip(short, shape, strict=True)):
        return (0, 0, 0)
    return (short[0], short[1], short[2])


def tails(offset: Any, shape: Any, periodic: Any) -> tuple[Any, ...]:
    """Return where the tails of the arcs along an offset lie."""
    return tuple(
        slice(0, n) if wraps else slice(min(max(-o, 0), n), max(n - max(o, 0), 0))
        for o, n, wraps in zip(offset, shape, periodic, strict=True)
    )


def heads(array: Array, offset: Any, shape: Any, periodic: Any) -> Array:
    """Return what lies at the heads of the arcs along an offset; the last axes are the grid's."""
    axes = range(-len(shape), 0)
    shifts = {axis: -o for axis, o, wraps in zip(axes, offset, periodic, strict=True) if wraps}
    if any(shifts.values()):
        array = np.roll(array, tuple(shifts.values()), tuple(shifts))
    opposite = [-o for o in offset]
    return array[(..., *tails(opposite, shape, periodic))]


def at_heads(array: Array, offset: Any, periodic: Any) -> Array:
    """Return an array over arcs, in the order of their tails, in the order of their heads."""
    shifts = [o * wraps for o, wraps in zip(offset, periodic, strict=True)]
    return np.roll(array, shifts, (-3, -2, -1)) if any(shifts) else array


def terms(problem: Grids) -> Terms:
    """Return the capacities of the terminals, then those along each offset."""
    ahead, back = [problem.source, *problem.forward], [problem.sink, *problem.backward]
    runs = Runs(
        *_ends(problem.shape, problem.offsets, problem.periodic),
        ahead=_numbers([_strides(array) for array in ahead]),
        back=_numbers([_strides(array) for array in back]),
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


def _strides(array: Array) -> tuple[int, int, int, int]:
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


@inner
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


@inner
def _turn(runs, q):
    """Return the first head of a row, and from which on to add what, all modulo 2**64."""
    way, n = runs.way[q, 2], runs.shape[2]
    return np.uint64(runs.first[q, 2] + way), np.uint64(n), np.uint64(n if way < 0 else -n)
