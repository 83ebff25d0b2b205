"""Arcs of a graph in bulk: lists of arcs, and all arcs of a grid along one offset.

A `Lattice` keeps what `add_grid_edges` was told, and no list of arcs. It turns into a list only
where a graph as a whole is not a grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.graph.grid._layout import heads, tails


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
        nodes = np.arange(self.nodes.start, self.nodes.stop).reshape(self.shape)
        return listed(nodes, self.offset, self.periodic, self.forward, self.backward)


Parts = Sequence[Arcs | Lattice]


def listed(nodes: Array, offset: Any, periodic: Any, forward: Array, backward: Array) -> Arcs:
    """Return the arcs of a grid of any nodes along an offset."""
    tail = nodes[tails(offset, nodes.shape, periodic)]
    head = heads(nodes, offset, nodes.shape, periodic)
    parts = (np.broadcast_to(part, tail.shape).ravel() for part in (forward, backward))
    return without_loops(tail.ravel(), head.ravel(), *parts)


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


def along_structure(
    nodes: Array, weights: Array, structure: Array, symmetric: bool, periodic: Sequence[bool]
) -> list[Arcs | Lattice]:
    """Return the arcs from every node to the neighbors that a structure names.

    Parameters
    ----------
    nodes : ndarray of int64
        A grid of nodes.
    weights : ndarray, broadcastable to the grid
        Capacities of the arcs that leave a node, times the entry of the structure.
    structure : ndarray
        With as many axes as the grid, all of odd lengths.
    symmetric : bool
        Whether the capacities hold in both directions.
    periodic : sequence of bool
        Whether the last node of an axis is followed by its first.
    """
    first = int(nodes.flat[0])
    is_range = np.array_equal(nodes.ravel(), np.arange(first, first + nodes.size))
    nothing = np.zeros((), dtype=weights.dtype)
    result: list[Arcs | Lattice] = []
    for place in np.argwhere(structure):
        offset = tuple(int(i) - n // 2 for i, n in zip(place, structure.shape, strict=True))
        wraps = tuple(bool(w and o) for w, o in zip(periodic, offset, strict=True))
        if not any(o % n if w else o for o, n, w in zip(offset, nodes.shape, wraps, strict=True)):
            continue  # loops
        forward = weights
        if weights.ndim:
            forward = np.broadcast_to(weights, nodes.shape)[tails(offset, nodes.shape, wraps)]
        forward = np.asarray(forward * structure[tuple(place)])
        backward = forward if symmetric else nothing
        if is_range:
            result.append(Lattice(first, nodes.shape, offset, wraps, forward, backward))
        else:
            result.append(listed(nodes, offset, wraps, forward, backward))
    return [part for part in result if part.size]
