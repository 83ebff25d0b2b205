"""The memory layout of grids: rows of cells with a border, problems one after another.

Nodes are cells of one long array. Rows, planes and problems are separated by border cells, as many
as the longest offset needs. Two consecutive rows share the border cells between them. The neighbor
of a cell is therefore always ``cell + shift``, and a neighbor outside the grid is a cell without
arcs. On periodic axes the border is twice as wide, and `wrap` maps each of its cells to a node.
Small grids, whose sets of nodes are bit sets, have no border: arcs that leave the grid are marked
as closed.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from subopt._base.types import Array


Vector = tuple[int, int, int]

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


class Trees(NamedTuple):
    """What `subopt.graph.grid._search_trees` needs of a cell, besides capacities."""

    state: Array  # (cells,) uint8
    outward: Array  # (cells,) uint8 if the degree is None, else uint32; bit k: arc k is open
    inward: Array  # same; bit k: the twin of arc k is open
    stamp: Array  # (cells,) int64; when the distance to the root was last known, and the distance
    queue: Array  # (cells + 1,) uint32
    orphans: Array  # (cells + 1,) uint32


class Network(NamedTuple):
    """Cells, arcs between them, and what is left of their capacities."""

    shift: Array  # (arcs,) uint64, of `Layout`
    wrap: Array | None  # (cells,) uint32, of `Layout`
    residual: Array  # (cells * arcs,) int32 or float64: of arc k of cell v at v * arcs + k
    excess: Array  # (cells,) same dtype: supply if positive, demand if negative


class Labels(NamedTuple):
    """Workspace of `subopt.graph.grid._push_relabel`, in the memory of `Trees`."""

    gate: Array  # (cells,) as `Trees.outward`; bit k: excess can be pushed along arc k
    other: Array  # same; bit k: excess can come in along arc k
    label: Array  # (cells,) int32; lower bound of the number of arcs to the nearest demand
    tally: Array  # (cells,) int32; how many cells have some label
    queue: Array  # (cells + 1,) uint32; cells that wait to push


class Sets(NamedTuple):
    """Sets of nodes as words of bits: node v is bit ``v % 64`` of word ``v // 64``."""

    supply: Array  # (words,) uint64; nodes with supply
    demand: Array  # (words,) uint64; nodes with demand
    seen: Array  # (words,) uint64; nodes that a search has found
    open: Array  # (arcs, words) uint64; tails of the open arcs


class Kind(NamedTuple):
    """What numba compiles kernels anew for."""

    degree: Any  # see `Layout.degree`
    words: Any  # see `Layout.words`


class Bits(NamedTuple):
    """What `subopt.graph.grid._dinic_bits` needs for one grid after another."""

    leap: Array  # (arcs,) uint64; shift modulo the bits of a set
    sets: Sets
    turned: Array  # (arcs, words) uint64; room to turn ``sets.open`` around
    layer: Array  # (nodes + 1, words) uint64
    path: Array  # (nodes + 1,) uint64; the node in each layer
    via: Array  # same; its arc towards the layer before
    bottleneck: Array  # (nodes + 1,) as capacities; what the path from there to its end takes


class Workspace(NamedTuple):
    """What a maximum flow on grids reads and writes. Bytes per cell: see `docs/grid_cuts.md`.

    For a loop over problems of one layout, write all capacities through ``layout.arcs(residual)``
    and ``layout.nodes(excess)`` each time (arcs that leave the grid stay zero), and call
    `subopt.graph.grid._solve.solve`.
    """

    residual: Array  # (cells * arcs,) int32 or float64: of arc k of cell v at v * arcs + k
    excess: Array  # (cells,) same dtype: capacity from the source minus capacity to the sink
    search: Trees | Bits


def workspace(layout: Layout, dtype: Any) -> Workspace:
    """Return room for flows on a layout; capacities and excesses are zero."""
    cells, arcs = layout.cells, len(layout.shift)
    residual, excess = np.zeros(cells * arcs, dtype=dtype), np.zeros(cells, dtype=dtype)
    if layout.small:
        return Workspace(residual, excess, _bits(layout, dtype))
    return Workspace(residual, excess, trees(layout))


def trees(layout: Layout) -> Trees:
    """Return room for trees."""
    cells, bits = layout.cells, np.uint8 if layout.degree is None else np.uint32
    return Trees(
        state=np.empty(cells, dtype=np.uint8),
        outward=np.empty(cells, dtype=bits),
        inward=np.empty(cells, dtype=bits),
        stamp=np.empty(cells, dtype=np.int64),
        queue=np.empty(cells + 1, dtype=np.uint32),
        orphans=np.empty(cells + 1, dtype=np.uint32),
    )


def labels(trees: Trees, against: bool) -> Labels:
    """Return room for push-relabel, along the arcs or against them, where trees had theirs."""
    numbers, cells = trees.stamp.view(np.int32), len(trees.stamp)
    gate, other = trees.outward, trees.inward
    if against:
        gate, other = other, gate
    return Labels(gate, other, numbers[:cells], numbers[cells:], trees.queue)


def empty_sets(arcs: int, words: int) -> Sets:
    """Return room for sets of so many words."""
    supply, demand, seen = np.empty((3, words), dtype=np.uint64)
    return Sets(supply, demand, seen, np.empty((arcs, words), dtype=np.uint64))


def _bits(layout: Layout, dtype: Any) -> Bits:
    arcs, rows = len(layout.shift), max(math.prod(layout.shape), 1) + 1
    words = int(layout.words or 1)
    return Bits(
        leap=(layout.shift.view(np.int64) % (64 * words)).astype(np.uint64),
        sets=empty_sets(arcs, words),
        turned=np.empty((arcs, words), dtype=np.uint64),
        layer=np.empty((rows, words), dtype=np.uint64),
        path=np.empty(rows, dtype=np.uint64),
        via=np.empty(rows, dtype=np.uint64),
        bottleneck=np.empty(rows, dtype=dtype),
    )


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
