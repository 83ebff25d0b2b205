"""How a flow network is built call by call.

Single edges, single terminals and the terminals of small grids are appended to one list of records,
with the number type of the graph (int or float). Grids and arrays of edges are stored as parts. All
other terminal capacities are stored in one array per terminal. Nothing is solved here.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar, TypeVar

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat.maxflow._arcs import (
    Arcs,
    Lattice,
    SmallGrid,
    arcs_of,
    first_of,
    grid_arcs,
    without_loops,
)
from subopt.compat.maxflow._numbers import (
    column,
    extent,
    grid_of_nodes,
    identifier,
    lengths_of,
    nodes_of,
    whole,
)

_Self = TypeVar("_Self", bound="Building")

_MOST = 2**31  # nodes
_FEW = 2000  # nodes of grids whose terminals are records
_FEWEST = 20  # the same, written one by one, which takes less time than arrays
_PLAIN = (int, float)
_UNUSUAL = struct.error, TypeError, ValueError, OverflowError  # of numbers that do not fit a record


class Building:
    """The calls that build a graph."""

    _dtype: ClassVar[Any]
    _code: ClassVar[str]  # of the numbers of records
    _edge: ClassVar[Any]  # from tail, head, capacity and reverse capacity to a record
    _terminal: ClassVar[Any]  # from node, capacities from the source and to the sink to a record
    _amounts: ClassVar[Any]  # from arrays of callers

    _edges: bytearray
    _tedges: bytearray
    _parts: list[Any]  # Arcs, Lattice and SmallGrid
    _grid_tedges: list[tuple[Array, Array, Array]]  # after a flow
    _n = 0
    _open = 0  # nodes as long as edges can be appended, and 0 after a flow
    _part_edges = 0
    _constant: Any = 0
    _source: Array | None = None  # capacities from the source, and more room
    _sink: Array | None = None
    _solved: Any = None  # a cut of all that was added before the last terminals
    _value: Any = None
    _segments = b""  # of the last maxflow

    # in `__new__`, because subclasses need not call `__init__`
    def __new__(
        cls: type[_Self], est_node_num: int = 0, est_edge_num: int = 0, copy_rhs: Any = None
    ) -> _Self:
        if not (est_node_num.__class__ is est_edge_num.__class__ is int):
            est_node_num, est_edge_num = identifier(est_node_num), identifier(est_edge_num)
        if est_node_num >= _MOST or est_edge_num >= _MOST:
            identifier(max(est_node_num, est_edge_num))  # raises
        graph: _Self = object.__new__(cls)
        graph._edges, graph._tedges = bytearray(), bytearray()
        graph._parts, graph._grid_tedges = [], []
        if copy_rhs is not None:
            if getattr(copy_rhs, "_code", None) != cls._code:
                kind = "GraphInt" if cls._code == "q" else "GraphFloat"
                raise TypeError(f"copy_rhs needs a {kind}, got {type(copy_rhs).__name__}")
            graph._take(copy_rhs)
        return graph

    def reset(self) -> None:
        """Remove all nodes and edges."""
        self._edges, self._tedges, self._parts, self._grid_tedges = bytearray(), bytearray(), [], []
        self._n = self._open = self._part_edges = self._constant = 0
        self._source = self._sink = self._solved = self._value = None
        self._segments = b""

    def copy(self: _Self) -> _Self:
        """Return a copy; after `maxflow`, its capacities are what the flow has left.

        Returns
        -------
        GraphInt or GraphFloat
            A graph of the same class.
        """
        result: _Self = self._plain()
        result._take(self)
        return result

    __copy__ = copy  # graphs must not share what they are built from

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
        self._parts, self._open = list(other._parts), self._n

    def get_node_count(self) -> int:
        """Return the number of nodes, without the source and the sink.

        Returns
        -------
        int
        """
        return self._n

    def get_edge_count(self) -> int:
        """Return the number of edges between nodes; both directions count.

        Returns
        -------
        int
        """
        ends = self._records(self._edges, 4)[:, :2].astype(np.int64)
        return self._part_edges + 2 * int(np.count_nonzero(ends[:, 0] != ends[:, 1]))

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

        Raises
        ------
        OverflowError
            If there would be 2**31 nodes or more.
        """
        if num_nodes.__class__ is not int or num_nodes < 0:
            (num_nodes,) = lengths_of((whole(num_nodes),))
        first = self._n
        last = first + num_nodes
        if last >= _MOST:
            raise OverflowError(f"A graph has room for fewer than 2**31 nodes, got {last}")
        self._n = last
        if self._solved is None:
            self._open = last
        return np.arange(first, last)

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
        lengths = shape if shape.__class__ is tuple else lengths_of(shape)
        count = 1
        for length in lengths:
            if length.__class__ is not int or length < 0:
                lengths_of(shape)  # raises, unless all are ints of numpy
            count *= int(length)
        return Building.add_nodes(self, count).reshape(lengths)  # subclasses may have another one

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
        try:
            if -1 < i < self._open > j > -1:
                self._edges += self._edge(i, j, capacity, rcapacity)
                return
        except _UNUSUAL:
            pass
        self._add_unusual_edge(i, j, capacity, rcapacity)

    def _add_unusual_edge(self, *edge: Any) -> None:
        i, j = map(identifier, edge[:2])
        row = column(self._code, edge[2:]).tolist()
        if -1 in (i, j):
            return
        if not (0 <= i < self._n and 0 <= j < self._n):
            self._refuse_edge(i, j)
        if self._solved is not None:
            self._settle()
        self._edges += self._edge(i, j, *row)

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
        try:
            if -1 < i < self._n:
                self._tedges += self._terminal(i, cap_source, cap_sink)
                return
        except _UNUSUAL:
            pass
        i, row = identifier(i), column(self._code, (cap_source, cap_sink)).tolist()
        if 0 <= i < self._n:
            self._tedges += self._terminal(i, *row)
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
        flag: Any = symmetric
        symmetric = flag is True or (flag is not False and bool(whole(flag)))
        amounts = self._amounts(weights)
        shape = nodes.shape
        d = len(shape)
        around = None if structure is None else self._amounts(structure)
        if around is not None:
            if around.ndim > d:
                raise ValueError(
                    f"structure needs at most {d} axes, as the grid, got {around.ndim}"
                )
            for length in around.shape:
                if length % 2 == 0:
                    raise RuntimeError(f"structure needs odd lengths, got the shape {around.shape}")
        if amounts.shape and amounts.shape != shape:
            amounts = np.broadcast_to(amounts, shape)  # raises
        if periodic.__class__ is bool:
            wraps = (periodic,) * d
        else:
            wraps = tuple(map(bool, periodic)) if np.ndim(periodic) else (bool(periodic),) * d
        if len(wraps) < d:
            raise RuntimeError(f"periodic needs one entry per axis: {d}, got {len(wraps)}")
        first = self._require("add_grid_edges", nodes)
        if nodes.size and shape:
            self._append(*grid_arcs(nodes, first, amounts, around, symmetric, wraps[:d]))

    def add_grid_tedges(self, nodeids: Array, sourcecaps: ArrayLike, sinkcaps: ArrayLike) -> None:
        """Add capacities from the source to the nodes of a grid, and from them to the sink.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes. Where it is -1, there is no node.
        sourcecaps, sinkcaps : array_like
            Capacities: numbers, or what broadcasts to `nodeids`. May be negative. Where `nodeids`
            has an axis of length 1, a node gets all capacities along it.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        ValueError
            If capacities do not broadcast to the grid, or have more axes.
        """
        nodes = grid_of_nodes(nodeids)
        room = len(self._tedges) < 24 * (self._n + _FEW)
        if room and nodes.size <= _FEWEST:
            few = self._terminal_records(nodes.ravel().tolist(), sourcecaps, sinkcaps)
            if few:
                self._tedges += few
                return
        source, sink = self._amounts(sourcecaps), self._amounts(sinkcaps)
        shape = nodes.shape
        if source.shape not in ((), shape) or sink.shape not in ((), shape):
            nodes, source, sink = _together(nodes, source, sink)
            shape = nodes.shape
        self._require("add_grid_tedges", nodes)
        count = nodes.size
        if count <= _FEW and room:
            records = np.empty((*shape, 3), dtype=self._dtype)
            records[..., 0], records[..., 1], records[..., 2] = nodes, source, sink
            self._tedges += records.tobytes()
            return
        nodes = nodes.ravel()
        source, sink = (
            part.ravel() if part.shape else np.full(count, part) for part in (source, sink)
        )
        if nodes.min() < 0:
            there = nodes >= 0
            nodes, source, sink = nodes[there], source[there], sink[there]
        if self._solved is not None:  # the caller may write to what it gave
            self._grid_tedges.append((nodes.copy(), source.copy(), sink.copy()))
        else:
            self._add_terminals(*self._pending_terminals())
            self._add_terminals(nodes, source, sink)

    def _terminal_records(self, nodes: list[int], source: Any, sink: Any) -> bytes:
        """Return records of few nodes with equal capacities; empty where this needs more care."""
        simple = source.__class__ in _PLAIN and sink.__class__ in _PLAIN
        if simple and nodes and min(nodes) >= -1 and max(nodes) < self._n:
            pack = self._terminal
            try:
                return b"".join([pack(node, source, sink) for node in nodes])
            except _UNUSUAL:
                pass
        return b""

    def add_lattice(self, lattice: Lattice) -> None:
        """Add edges of a grid along one offset, with capacities for each of them.

        Parameters
        ----------
        lattice : Lattice
            The offset, and the capacities.
        """
        self._append(lattice)

    def _append(self, *parts: Arcs | Lattice | SmallGrid) -> None:
        if self._solved is not None:
            self._settle()
        self._parts += parts
        for part in parts:
            self._part_edges += 2 * part.size

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
            rows, self._tedges = self._records(self._tedges, 3), bytearray()
            if rows[:, 0].min() < 0:
                rows = rows[rows[:, 0] >= 0]
            parts.append((rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2]))
        if len(parts) == 1:
            return parts[0]
        ends, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self._dtype)
        first = ends, nothing, nothing
        nodes, source, sink = (np.concatenate(rows) for rows in zip(first, *parts, strict=True))
        return nodes, source, sink

    def _flush(self) -> None:
        """Move what single calls have added into arrays, and small grids into lattices."""
        if self._tedges or self._grid_tedges:
            self._add_terminals(*self._pending_terminals())
        self._reserve()
        parts, self._parts = self._parts, []
        for part in parts:
            self._parts += part.lattices() if isinstance(part, SmallGrid) else (part,)
        if self._edges:
            arcs, self._edges = arcs_of(self._records(self._edges, 4)), bytearray()
            self._append(arcs)

    def _records(self, data: bytearray, width: int) -> Array:
        return np.frombuffer(data, dtype=self._code).reshape(-1, width)

    def _inside(self, nodes: Array) -> bool:
        low, high = extent(nodes)
        return low >= 0 and high < self._n

    def _require(self, name: str, nodes: Array, least: int = -1) -> int:
        """Raise unless the nodes are in the graph; return what `first_of` returns."""
        first = first_of(nodes)
        if first < 0 or first + nodes.size > self._n:
            low, high = extent(nodes)
            if low < least or high >= self._n:
                wrong = nodes[(nodes < least) | (nodes >= self._n)].flat[0]
                raise RuntimeError(self._outside(name, wrong))
        return first

    def _outside(self, name: str, i: Any) -> str:
        return f"{name}: node {i} is not in the graph, which has {self._n} nodes"

    def _refuse_edge(self, i: Any, j: Any) -> None:
        inside = -1 <= i < self._n
        which = "second" if inside else "first"
        raise RuntimeError(
            f"An edge needs two nodes of the graph, but its {which} node, {j if inside else i}, is "
            f"not in the graph, which has {self._n} nodes"
        )


def _together(nodes: Array, source: Array, sink: Array) -> tuple[Array, Array, Array]:
    """Return nodes and their capacities with the same shape; single numbers stay as they are."""
    parts = source, sink
    most = max(1, nodes.ndim)
    for part in parts:
        if part.ndim > most:
            raise ValueError(
                f"Capacities need at most {most} axes, as the grid, got the shape {part.shape}"
            )
    shape = np.broadcast_shapes(nodes.shape, *(part.shape for part in parts))
    nodes = np.broadcast_to(nodes, shape)
    source, sink = (np.broadcast_to(part, shape) if part.shape else part for part in parts)
    return nodes, source, sink
