"""Arcs of a graph in bulk: lists of arcs, and all arcs of a grid along one offset.

A `Lattice` stores the arguments of `add_grid_edges` for one offset. They are expanded to a list of
arcs only if the graph as a whole is not a grid. A `SmallGrid` stores the arguments for all offsets
of one call; its arcs are written as records if the whole graph is small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.compat.maxflow._structures import vonNeumann_structure
from subopt.graph.grid._layout import ARCS, heads, tails

Shape = tuple[int, ...]

_SMALL = 2000  # nodes of grids whose arcs are remembered


class Arcs(NamedTuple):
    """Arcs from tails to heads, none of them a loop."""

    tails: Array  # (m,) int64
    heads: Array  # (m,) int64
    forward: Array  # (m,), int64 or float64
    backward: Array  # (m,) same

    @property
    def size(self) -> int:
        """Number of arcs."""
        return len(self.tails)


class Lattice(NamedTuple):
    """Arcs from p to ``p + offset`` for the nodes of a grid that have that neighbor.

    Nodes are ``first, first + 1, ...`` in the order of the grid.
    """

    first: int
    shape: tuple[int, ...]
    offset: tuple[int, ...]
    periodic: tuple[bool, ...]  # False along axes without a step
    forward: Array  # one per arc, in the order of the tails; without dimensions: one for all
    backward: Array

    @property
    def size(self) -> int:
        """Number of arcs."""
        return math.prod(self.tail_shape)

    @property
    def tail_shape(self) -> tuple[int, ...]:
        """Shape of an array with one entry per arc."""
        return tuple(
            n if wraps else max(n - abs(o), 0)
            for n, o, wraps in zip(self.shape, self.offset, self.periodic, strict=True)
        )

    @property
    def nodes(self) -> slice:
        """The nodes of the grid."""
        return slice(self.first, self.first + math.prod(self.shape))

    def at_heads(self, part: Array) -> Array:
        """Return one entry per arc, in the order of the heads."""
        shifts = [o * wraps for o, wraps in zip(self.offset, self.periodic, strict=True)]
        return np.roll(part, shifts, range(part.ndim)) if part.ndim and any(shifts) else part

    def turned(self) -> Lattice:
        """Return the same arcs, described from their heads."""
        return self._replace(
            offset=tuple(-o for o in self.offset),
            forward=self.at_heads(self.backward),
            backward=self.at_heads(self.forward),
        )

    def plus(self, other: Lattice) -> Lattice:
        """Return these arcs with the capacities of others along the same offset added."""
        return self._replace(
            forward=np.asarray(self.forward + other.forward),
            backward=np.asarray(self.backward + other.backward),
        )

    def squeezed(self) -> Lattice:
        """Return the same arcs on a grid without axes of length 1."""
        keep = [axis for axis, n in enumerate(self.shape) if n > 1]
        if len(keep) == len(self.shape):
            return self
        result = self._replace(
            shape=tuple(self.shape[axis] for axis in keep),
            offset=tuple(self.offset[axis] for axis in keep),
            periodic=tuple(self.periodic[axis] for axis in keep),
        )
        forward, backward = (
            part.reshape(result.tail_shape) if part.ndim else part
            for part in (self.forward, self.backward)
        )
        return result._replace(forward=forward, backward=backward)

    def listed(self) -> Arcs:
        """Return the arcs as a list."""
        if math.prod(self.shape) > _SMALL:
            nodes = np.arange(self.nodes.start, self.nodes.stop).reshape(self.shape)
            return listed(nodes, self.offset, self.periodic, self.forward, self.backward)
        tail, head = _ends(self.shape, self.offset, self.periodic)
        if self.first:
            tail, head = tail + self.first, head + self.first
        forward, backward = (
            part.ravel() if part.ndim else np.full(len(tail), part)
            for part in (self.forward, self.backward)
        )
        return Arcs(tail, head, forward, backward)


class SmallGrid(NamedTuple):
    """Arcs along all offsets of a structure, on a grid of few nodes."""

    first: int
    shape: tuple[int, ...]
    periodic: tuple[bool, ...]
    weights: Array  # one, or one per node
    structure: Array | None
    symmetric: bool
    ends: _Ends  # the arcs, of nodes 0, 1, ...

    @property
    def size(self) -> int:
        """Number of arcs."""
        return len(self.ends.tails)

    def records(self) -> Array:
        """Return tail, head, capacity and reverse capacity of each arc; not to be written to."""
        weights = self.weights
        if weights.shape:
            return _records(self.ends, self.first, weights, self.structure is None, self.symmetric)
        of_one = self.ends, self.first, weights.item(), weights.dtype.char
        return _constant_records(*of_one, self.structure is None, self.symmetric)

    def lattices(self) -> list[Lattice]:
        """Return the same arcs, one lattice per offset."""
        return _lattices(*self[:-1])


def _records(ends: _Ends, first: int, weights: Array, nearest: bool, symmetric: bool) -> Array:
    result = ends.records.astype(weights.dtype)
    if first:
        result[:, :2] += first
    forward = weights.ravel()[ends.tails] if weights.shape else weights
    if not nearest:
        forward = forward * ends.entries
    if symmetric:
        result.T[2:] = forward
    else:
        result[:, 2] = forward
    return result


@lru_cache(maxsize=8)
def _constant_records(
    ends: _Ends, first: int, weight: float, code: str, nearest: bool, symmetric: bool
) -> Array:
    return _records(ends, first, np.array(weight, dtype=code), nearest, symmetric)


@dataclass(frozen=True, eq=False)  # a key of caches that is equal to itself only
class _Ends:
    tails: Array
    heads: Array
    entries: Array  # of the structure
    records: Array  # (m, 4), tails, heads and zeros


class Places(NamedTuple):
    """Where the arcs of some small grids lie if nodes are words of bits, see `_dinic_bits`."""

    steps: Array  # (2 arcs,) uint64: ways of the arcs, modulo 2**64 and modulo the bits of a set
    kinds: Array  # (m,) uint8: which of the arcs of its tail an arc is
    first: int  # cell of the first node
    words: int  # of a set


Parts = Sequence[Arcs | Lattice]  # what is solved


def listed(nodes: Array, offset: Any, periodic: Any, forward: Array, backward: Array) -> Arcs:
    """Return the arcs of a grid of any nodes along an offset; where it is -1, there is no node."""
    tail = nodes[tails(offset, nodes.shape, periodic)]
    head = heads(nodes, offset, nodes.shape, periodic)
    parts = (np.broadcast_to(part, tail.shape).ravel() for part in (forward, backward))
    arcs = without_loops(tail.ravel(), head.ravel(), *parts)
    there = (arcs.tails >= 0) & (arcs.heads >= 0)
    return arcs if there.all() else Arcs(*(column[there] for column in arcs))


@lru_cache(maxsize=64)
def _ends(shape: Shape, offset: Shape, periodic: tuple[bool, ...]) -> tuple[Array, Array]:
    """Return the tails and heads of the arcs of a grid of nodes 0, 1, ..., none of them a loop."""
    nodes = np.arange(math.prod(shape)).reshape(shape)
    nothing = np.zeros(())
    arcs = listed(nodes, offset, periodic, nothing, nothing)
    return arcs.tails, arcs.heads


def without_loops(tail: Array, head: Array, forward: Array, backward: Array) -> Arcs:
    """Return arcs without those from a node to itself, which no cut contains."""
    keep = tail != head
    if keep.all():
        return Arcs(tail, head, forward, backward)
    return Arcs(tail[keep], head[keep], forward[keep], backward[keep])


def all_arcs(parts: Parts, dtype: Any) -> Arcs:
    """Return all arcs in one list."""
    lists = [part.listed() if isinstance(part, Lattice) else part for part in parts]
    if len(lists) == 1:
        return lists[0]
    ends, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=dtype)
    columns = zip(Arcs(ends, ends, nothing, nothing), *lists, strict=True)
    return Arcs(*(np.concatenate(column) for column in columns))


def all_ends(parts: Parts) -> tuple[Array, Array]:
    """Return the tails and heads of all arcs, as int32."""
    tail, head = np.empty((2, sum(part.size for part in parts)), dtype=np.int32)
    done = 0
    for part in parts:
        here = slice(done, done := done + part.size)
        if isinstance(part, Lattice):
            nodes = np.arange(part.nodes.start, part.nodes.stop, dtype=np.int32)
            grid, where = nodes.reshape(part.shape), (part.offset, part.shape, part.periodic)
            tail[here].reshape(part.tail_shape)[...] = grid[tails(*where)]
            head[here].reshape(part.tail_shape)[...] = heads(grid, *where)
        else:
            tail[here], head[here] = part.tails, part.heads
    return tail, head


def all_capacities(parts: Parts) -> tuple[Array, Array]:
    """Return the capacities of all arcs in both directions, as float64."""
    forward, backward = np.empty((2, sum(part.size for part in parts)))
    done = 0
    for part in parts:
        here = slice(done, done := done + part.size)
        for numbers, given in ((forward, part.forward), (backward, part.backward)):
            numbers[here] = given.ravel() if given.ndim else given
    return forward, backward


def records_of(part: Arcs | Lattice | SmallGrid) -> Array:
    """Return tail, head, capacity and reverse capacity of each arc."""
    if isinstance(part, SmallGrid):
        return part.records()
    arcs = part.listed() if isinstance(part, Lattice) else part
    result = np.empty((arcs.size, 4), dtype=arcs.forward.dtype)
    for k, column in enumerate(arcs):
        result[:, k] = column
    return result


def arcs_of(records: Array) -> Arcs:
    """Return arcs of records, but for loops."""
    ends = records[:, :2].astype(np.int64)
    return without_loops(ends[:, 0], ends[:, 1], records[:, 2], records[:, 3])


def grid_arcs(
    nodes: Array,
    first: int,
    weights: Array,
    structure: Array | None,
    symmetric: bool,
    periodic: tuple[bool, ...],
) -> Sequence[Arcs | Lattice | SmallGrid]:
    """Return the arcs from every node to the neighbors that a structure names.

    Parameters
    ----------
    nodes : ndarray of int64
        A grid of nodes; where it is -1, there is no node.
    first : int
        The first node if they are consecutive, see `first_of`, else -1.
    weights : ndarray
        Capacity of the arcs that leave a node, one or of the shape of the grid. It is multiplied by
        the entry of the structure.
    structure : ndarray, optional
        With at most as many axes as the grid, all of odd lengths. By default the nearest neighbors.
    symmetric : bool
        Whether the capacities hold in both directions.
    periodic : tuple of bool
        Whether the last node of an axis is followed by its first.
    """
    if first >= 0 and nodes.size <= _SMALL:
        if weights.base is not None or weights.shape:
            weights = weights.copy()  # the caller may write to what it gave
        shape = nodes.shape
        if structure is None:
            ends = _nearest_ends(shape, periodic, symmetric)
        else:
            structure = structure.copy()
            entries = structure.dtype.char, structure.tobytes()
            ends = _structure_ends(shape, periodic, structure.shape, *entries)
        return (SmallGrid(first, shape, periodic, weights, structure, symmetric, ends),)
    lattices = _lattices(max(first, 0), nodes.shape, periodic, weights, structure, symmetric)
    if first >= 0:
        return lattices
    return [
        listed(nodes, part.offset, part.periodic, part.forward, part.backward) for part in lattices
    ]


def _lattices(
    first: int,
    shape: Shape,
    periodic: tuple[bool, ...],
    weights: Array,
    structure: Array | None,
    symmetric: bool,
) -> list[Lattice]:
    if structure is None:
        steps = _nearest(shape, periodic, symmetric)
    else:
        named = np.flatnonzero(structure)
        offsets = _offsets(shape, periodic, structure.shape, tuple(named.tolist()))
        pairs = zip(offsets, structure.ravel()[named].tolist(), strict=True)
        steps = tuple((*step, entry) for step, entry in pairs if step is not None)
    nothing = np.zeros((), dtype=weights.dtype)
    result: list[Lattice] = []
    for offset, wraps, where, entry in steps:
        forward = weights[where] if weights.ndim else weights
        forward = np.asarray(forward if structure is None else forward * entry)
        if forward is weights or forward.base is not None:
            forward = forward.copy()  # the caller may write to what it gave
        backward = forward if symmetric else nothing
        result.append(Lattice(first, shape, offset, wraps, forward, backward))
    return result


@lru_cache(maxsize=256)
def _nearest_ends(shape: Shape, periodic: tuple[bool, ...], symmetric: bool) -> _Ends:
    return _all_ends(shape, _nearest(shape, periodic, symmetric))


@lru_cache(maxsize=256)
def _structure_ends(
    shape: Shape, periodic: tuple[bool, ...], around: Shape, code: str, entries: bytes
) -> _Ends:
    structure = np.frombuffer(entries, dtype=code).reshape(around)
    parts = _lattices(0, shape, periodic, np.ones((), dtype=code), structure, False)
    steps = [(part.offset, part.periodic, None, part.forward) for part in parts]
    return _all_ends(shape, steps)


def _all_ends(shape: Shape, steps: Sequence[Any]) -> _Ends:
    parts = [(*_ends(shape, offset, wraps), entry) for offset, wraps, _, entry in steps]
    counts = [len(tail) for tail, *_ in parts]
    tails, heads = (np.concatenate([np.zeros(0, np.int64), *(p[k] for p in parts)]) for k in (0, 1))
    records = np.zeros((len(tails), 4))
    records[:, 0], records[:, 1] = tails, heads
    entries = np.repeat(np.array([entry for *_, entry in parts]), counts)
    return _Ends(tails, heads, entries, records)


@lru_cache(maxsize=64)
def places_of(n: int, *grids: _Ends) -> Places | None:
    """Return where the arcs of grids lie, in a graph of n nodes; None if there are too many kinds.

    Arcs are of the same kind if their heads lie equally far behind their tails.
    """
    ways = np.concatenate([ends.heads - ends.tails for ends in grids])
    far, where = np.unique(np.abs(ways), return_inverse=True)
    if not 0 < len(far) <= ARCS // 2:
        return None
    words = -(-n // 64)
    steps = np.stack([far, -far], axis=1).ravel()
    both = np.concatenate([steps, steps % (64 * words)]).astype(np.int64).view(np.uint64)
    kinds = (2 * where + (ways < 0)).astype(np.uint8)
    return Places(both, kinds, int(far[-1]), words)


def first_of(nodes: Array) -> int:
    """Return the first node if the nodes are consecutive in the order of the grid, else -1."""
    count = nodes.size
    if not count:
        return -1
    first = nodes.item(0)
    if first < 0 or nodes.item(-1) != first + count - 1:
        return -1
    if count <= _SMALL:
        same = nodes.tobytes() == _range(first, count)
    else:
        same = np.array_equal(nodes.ravel(), np.arange(first, first + count))
    return first if same else -1


@lru_cache(maxsize=64)
def _range(first: int, count: int) -> bytes:
    return np.arange(first, first + count).tobytes()


@lru_cache(maxsize=256)
def _nearest(shape: Shape, periodic: tuple[bool, ...], symmetric: bool) -> tuple[Any, ...]:
    """Return what `_offsets` does, for the nearest neighbors, with 1 as the entry of each."""
    structure = vonNeumann_structure(len(shape), symmetric)
    named = tuple(np.flatnonzero(structure).tolist())
    steps = _offsets(shape, periodic, structure.shape, named)
    return tuple((*step, 1) for step in steps if step is not None)


@lru_cache(maxsize=256)
def _offsets(
    shape: Shape, periodic: tuple[bool, ...], around: Shape, named: tuple[int, ...]
) -> tuple[Any, ...]:
    """Return the offset, axes that wrap, and tails of arcs for entries of a structure.

    `around` is the shape of the structure. None stands for entries without arcs.
    """
    around = (1,) * (len(shape) - len(around)) + around
    result: list[Any] = []
    for place in zip(*(axis.tolist() for axis in np.unravel_index(named, around)), strict=True):
        offset = tuple(i - n // 2 for i, n in zip(place, around, strict=True))
        wraps = tuple(w and o != 0 for w, o in zip(periodic, offset, strict=True))
        axes = list(zip(offset, shape, wraps, strict=True))
        loops = not any(o % n if w else o for o, n, w in axes)
        some = all(w or abs(o) < n for o, n, w in axes)
        result.append((offset, wraps, tails(offset, shape, wraps)) if some and not loops else None)
    return tuple(result)
