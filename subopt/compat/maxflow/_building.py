"""How a flow network is built call by call.

Single edges and terminals are kept in flat lists, grids and arrays of edges as parts, and
capacities of terminals in one array each. Nothing is solved here.
"""

from __future__ import annotations

import operator
from typing import Any, ClassVar, TypeVar

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat.maxflow._arcs import Arcs, Lattice, along_structure, without_loops
from subopt.compat.maxflow._numbers import (
    column,
    grid_of_nodes,
    identifier,
    lengths_of,
    nodes_of,
    whole,
)

_Self = TypeVar("_Self", bound="Building")

# Capacities of single calls beyond this are looked at. An int: its comparison with ints is fast.
_USUAL = 2**62


class Building:
    """The calls that build a graph."""

    _dtype: ClassVar[Any]
    _code: ClassVar[str]  # of `array`
    _number: ClassVar[Any]  # from what is not a number of this kind
    _amounts: ClassVar[Any]  # from arrays of callers

    def __init__(self, est_node_num: int = 0, est_edge_num: int = 0, copy_rhs: Any = None) -> None:
        if est_node_num.__class__ is not int or est_edge_num.__class__ is not int:
            whole(est_node_num), whole(est_edge_num)
        self.reset()
        if copy_rhs is not None:
            if type(copy_rhs) is not type(self):
                raise TypeError(
                    f"copy_rhs needs a {type(self).__name__}, got {type(copy_rhs).__name__}"
                )
            self._take(copy_rhs)

    def reset(self) -> None:
        """Remove all nodes and edges."""
        self._n = 0
        self._edges: list[Any] = []  # tail, head, capacity, reverse capacity, flat
        self._tedges: list[Any] = []  # node, from the source, to the sink, flat
        self._parts: list[Arcs | Lattice] = []
        self._part_edges = 0
        self._grid_tedges: list[tuple[Array, Array, Array]] = []  # as single ones, in arrays
        self._source: Array | None = None  # capacities from the source, and more room
        self._sink: Array | None = None
        self._constant: Any = 0
        self._solved: Any = None  # a cut of all that was added before the last terminals
        self._value: Any = None
        self._segments = b""  # of the last maxflow

    def copy(self: _Self) -> _Self:
        """Return a copy; after `maxflow`, its capacities are what the flow has left."""
        result: _Self = self._plain()
        result._take(self)
        return result

    def _plain(self) -> Any:
        raise NotImplementedError

    def _settle(self) -> None:
        """Replace the capacities by what the last flow has left of them."""
        raise NotImplementedError

    def _take(self, other: Any) -> None:
        if other._solved is not None:
            other._settle()
        other._flush()
        for name in ("_n", "_constant", "_part_edges", "_value", "_segments"):
            setattr(self, name, getattr(other, name))
        self._source, self._sink = other._source.copy(), other._sink.copy()
        self._parts = list(other._parts)

    def get_node_count(self) -> int:
        """Return the number of nodes, without the source and the sink."""
        return self._n

    def get_edge_count(self) -> int:
        """Return the number of edges between nodes; both directions count."""
        return self._part_edges + 2 * sum(map(operator.ne, self._edges[::4], self._edges[1::4]))

    get_node_num = get_node_count
    get_edge_num = get_edge_count

    def add_nodes(self, num_nodes: int) -> Array:
        """Add nodes and return their identifiers.

        Parameters
        ----------
        num_nodes : int
            How many.

        Returns
        -------
        ndarray of int, shape (num_nodes,)
        """
        if num_nodes.__class__ is not int or num_nodes < 0:
            (num_nodes,) = lengths_of((whole(num_nodes),))
        first, self._n = self._n, self._n + num_nodes
        return np.arange(first, self._n)

    def add_grid_nodes(self, shape: Any) -> Array:
        """Add a grid of nodes and return their identifiers.

        Parameters
        ----------
        shape : int or sequence of int
            Lengths of the axes.

        Returns
        -------
        ndarray of int, of that shape
        """
        lengths = lengths_of(shape)
        count = 1
        for length in lengths:
            count *= length
        first, self._n = self._n, self._n + count
        return np.arange(first, self._n).reshape(lengths)

    def add_edge(self, i: int, j: int, capacity: Any, rcapacity: Any) -> None:
        """Add an edge between two nodes.

        Parameters
        ----------
        i, j : int
            The nodes. An edge from a node to itself is ignored, and one with a node -1.
        capacity, rcapacity : int or float
            Capacities from i to j and from j to i.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        """
        if (
            -_USUAL < capacity < _USUAL > rcapacity > -_USUAL
            and 0 <= i < self._n > j >= 0
            and self._solved is None
        ):
            self._edges += (i, j, capacity, rcapacity)
        else:
            self._add_unusual_edge(i, j, capacity, rcapacity)

    def _add_unusual_edge(self, i: Any, j: Any, capacity: Any, rcapacity: Any) -> None:
        if self._solved is not None:
            self._settle()
        i, j = identifier(i), identifier(j)
        row = column(self._code, [capacity, rcapacity]).tolist()
        if -1 in (i, j):
            return
        if not (0 <= i < self._n and 0 <= j < self._n):
            self._refuse_edge(i, j)
        self._edges += (i, j, *row)

    def add_edges(
        self, i: ArrayLike, j: ArrayLike, capacity: ArrayLike, rev_capacity: ArrayLike
    ) -> None:
        """Add an edge between each pair of nodes.

        Parameters
        ----------
        i, j : array_like of int
            The nodes. Edges with a node -1 are ignored.
        capacity, rev_capacity : array_like
            Capacities from i to j and from j to i.

        Raises
        ------
        ValueError
            If the arrays differ in size.
        RuntimeError
            If a node is not in the graph.
        """
        tail, head = (nodes_of(ends).ravel() for ends in (i, j))
        forward, backward = (self._amounts(part).ravel() for part in (capacity, rev_capacity))
        if not len(tail) == len(head) == len(forward) == len(backward):
            raise ValueError(
                "add_edges needs arrays of the same size, got "
                f"{len(tail)}, {len(head)}, {len(forward)} and {len(backward)} entries"
            )
        if not (self._inside(tail) and self._inside(head)):
            wrong = (tail < -1) | (tail >= self._n) | (head < -1) | (head >= self._n)
            if wrong.any():
                first = int(np.argmax(wrong))
                self._refuse_edge(tail[first], head[first])
            tail, head = np.where(head < 0, head, tail), np.where(tail < 0, tail, head)
        arcs = without_loops(tail, head, forward, backward)
        self._append(Arcs(*map(np.array, arcs)))  # the caller may write to what it gave

    def add_tedge(self, i: int, cap_source: Any, cap_sink: Any) -> None:
        """Add capacities from the source to a node, and from it to the sink.

        Parameters
        ----------
        i : int
            The node. What is added to it several times adds up. Node -1 is ignored.
        cap_source, cap_sink : int or float
            The capacities; may be negative.

        Raises
        ------
        RuntimeError
            If the node is not in the graph.
        """
        if -_USUAL < cap_source < _USUAL > cap_sink > -_USUAL and 0 <= i < self._n:
            self._tedges += (i, cap_source, cap_sink)
            return
        i, row = identifier(i), column(self._code, [cap_source, cap_sink]).tolist()
        if 0 <= i < self._n:
            self._tedges += (i, *row)
        elif i != -1:
            raise RuntimeError(self._outside("add_tedge", i))

    def add_grid_edges(
        self,
        nodeids: Array,
        weights: ArrayLike = 1,
        structure: ArrayLike | None = None,
        symmetric: bool = False,
        periodic: Any = False,
    ) -> None:
        """Add edges from every node of a grid to its neighbors.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes. Where it is -1, there is no node.
        weights : array_like, default 1
            Capacities of the edges that leave a node: one number, or what broadcasts to `nodeids`.
        structure : array_like, optional
            The neighborhood of a node, which is at the center: where entries are not 0 is a
            neighbor, and the edge to it has that many times the capacity in `weights`. Axes that
            are missing are added in front. By default the nearest neighbors along the axes.
        symmetric : bool, default False
            Give every edge the same capacity in both directions.
        periodic : bool or sequence of bool, default False
            Whether the last node of an axis is followed by its first.

        Raises
        ------
        RuntimeError
            If a node is not in the graph, the structure has an axis of even length, or `periodic`
            has too few entries.
        ValueError
            If weights or structure do not fit the grid.
        """
        nodes = grid_of_nodes(nodeids)
        symmetric = bool(whole(symmetric))
        amounts = self._amounts(weights)
        d = nodes.ndim
        around = None if structure is None else self._amounts(structure)
        if around is not None and around.ndim > d:
            raise ValueError(f"structure needs at most {d} axes, as the grid, got {around.ndim}")
        if around is not None and any(n % 2 == 0 for n in around.shape):
            raise RuntimeError(f"structure needs odd lengths, got the shape {around.shape}")
        if amounts.ndim:
            np.broadcast_to(amounts, nodes.shape)  # raises
        if isinstance(periodic, bool):
            wraps = (periodic,) * d
        else:
            wraps = tuple(map(bool, periodic)) if np.ndim(periodic) else (bool(periodic),) * d
        if len(wraps) < d:
            raise RuntimeError(f"periodic needs one entry per axis: {d}, got {len(wraps)}")
        self._require("add_grid_edges", nodes)
        if nodes.size:
            self._append(*along_structure(nodes, amounts, around, symmetric, wraps[:d]))

    def add_grid_tedges(self, nodeids: Array, sourcecaps: ArrayLike, sinkcaps: ArrayLike) -> None:
        """Add capacities from the source to the nodes of a grid, and from them to the sink.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes. Where it is -1, there is no node.
        sourcecaps, sinkcaps : array_like
            Capacities: numbers, or what broadcasts to `nodeids`. May be negative.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        ValueError
            If capacities do not broadcast to the grid.
        """
        nodes = grid_of_nodes(nodeids)
        source, sink = self._amounts(sourcecaps), self._amounts(sinkcaps)
        if not source.shape == sink.shape == nodes.shape:
            source, sink = (np.broadcast_to(part, nodes.shape) for part in (source, sink))
        self._require("add_grid_tedges", nodes)
        if not nodes.size:
            return
        nodes, source, sink = nodes.ravel(), source.ravel(), sink.ravel()
        if nodes.min() < 0:
            there = nodes >= 0
            nodes, source, sink = nodes[there], source[there], sink[there]
        if self._solved is not None:  # the caller may write to what it gave
            self._grid_tedges.append((nodes.copy(), source.copy(), sink.copy()))
        else:
            self._add_terminals(nodes, source, sink)

    def add_lattice(self, lattice: Lattice) -> None:
        """Add edges of a grid along one offset, with capacities for each of them."""
        self._append(lattice)

    def _append(self, *parts: Arcs | Lattice) -> None:
        if self._solved is not None:
            self._settle()
        self._parts.extend(parts)
        self._part_edges += 2 * sum(part.size for part in parts)

    def _add_terminals(self, nodes: Array, source: Array, sink: Array) -> None:
        own_source, own_sink = self._reserve()
        first = int(nodes[0]) if len(nodes) else 0
        last = first + len(nodes)
        if not len(nodes) or (int(nodes[-1]) == last - 1 and (np.diff(nodes) == 1).all()):
            own_source[first:last] += source
            own_sink[first:last] += sink
        else:
            np.add.at(own_source, nodes, source)
            np.add.at(own_sink, nodes, sink)

    def _reserve(self) -> tuple[Array, Array]:
        """Give every node a place in the arrays of terminals, and return these."""
        source, sink = self._source, self._sink
        if source is None or sink is None:
            source, sink = np.zeros((2, self._n), dtype=self._dtype)
        elif len(source) < self._n:
            room = np.zeros((2, max(self._n, 2 * len(source))), dtype=self._dtype)
            room[:, : len(source)] = source, sink
            source, sink = room
        self._source, self._sink = source, sink
        return source, sink

    def _pending_terminals(self) -> tuple[Array, Array, Array]:
        """Return terminals that were added one by one or after a flow, and forget them."""
        parts, self._grid_tedges = self._grid_tedges, []
        if self._tedges:
            flat, self._tedges = self._tedges, []
            source, sink = (column(self._code, flat[k::3]) for k in (1, 2))
            parts.append((column("q", flat[::3]), source, sink))
        if len(parts) == 1:
            return parts[0]
        ends, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self._dtype)
        first = ends, nothing, nothing
        nodes, source, sink = (np.concatenate(rows) for rows in zip(first, *parts, strict=True))
        return nodes, source, sink

    def _flush(self) -> None:
        """Move what single calls have added into arrays."""
        if self._tedges or self._grid_tedges:
            self._add_terminals(*self._pending_terminals())
        self._reserve()
        if self._edges:
            arcs, _ = self._single_arcs()
            self._edges = []
            self._append(arcs)

    def _single_arcs(self) -> tuple[Arcs, Array]:
        """Return the edges that were added one by one, without loops, and which these are."""
        flat = self._edges
        tails, heads = (column("q", flat[k::4]) for k in (0, 1))
        forward, backward = (column(self._code, flat[k::4]) for k in (2, 3))
        keep = tails != heads
        return Arcs(tails[keep], heads[keep], forward[keep], backward[keep]), keep

    def _inside(self, nodes: Array) -> bool:
        return not nodes.size or bool(nodes.min() >= 0 and nodes.max() < self._n)

    def _require(self, name: str, nodes: Array, least: int = -1) -> None:
        if nodes.size and (nodes.min() < least or nodes.max() >= self._n):
            wrong = nodes[(nodes < least) | (nodes >= self._n)].flat[0]
            raise RuntimeError(self._outside(name, wrong))

    def _outside(self, name: str, i: Any) -> str:
        return f"{name}: node {i} is not in the graph, which has {self._n} nodes"

    def _refuse_edge(self, i: Any, j: Any) -> None:
        inside = -1 <= i < self._n
        which = "second" if inside else "first"
        raise RuntimeError(
            f"An edge needs two nodes of the graph, but its {which} node, {j if inside else i}, is "
            f"not in the graph, which has {self._n} nodes"
        )
