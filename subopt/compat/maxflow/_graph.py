"""`GraphInt` and `GraphFloat`: flow networks that are built call by call.

A graph keeps what it was told as arrays. `maxflow` solves all of it at once. The first change after
that replaces the capacities by what the flow has left of them, so that a later search only has to
push the difference.
"""

from __future__ import annotations

import math
import operator
from array import array
from typing import Any, ClassVar, TypeVar

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat.maxflow._arcs import Arcs, Lattice, all_arcs, along_structure, without_loops
from subopt.compat.maxflow._cut import Cut, minimum_cut
from subopt.compat.maxflow._structures import vonNeumann_structure

_Self = TypeVar("_Self", bound="_Graph")


class _Graph:
    """What graphs with int and float capacities share."""

    _dtype: ClassVar[Any]
    _code: ClassVar[str]  # of `array`
    _number: ClassVar[Any]  # from what is not a number of this kind

    def __init__(self, est_node_num: int = 0, est_edge_num: int = 0, copy_rhs: Any = None) -> None:
        operator.index(est_node_num), operator.index(est_edge_num)
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
        self._source = np.zeros(0, dtype=self._dtype)  # capacities from the source, and more room
        self._sink = np.zeros(0, dtype=self._dtype)
        self._constant: Any = 0
        self._parts: list[Arcs | Lattice] = []
        self._edge_count = 0
        self._edges = array(self._code)  # (tail, head, capacity, reverse capacity), flat
        self._tedges = array(self._code)  # (node, from the source, to the sink), flat
        self._cut: Cut | None = None  # of the capacities as they are
        self._value: Any = None
        self._segments = b""  # of the last maxflow

    def copy(self: _Self) -> _Self:
        """Return a copy; after `maxflow`, its capacities are what the flow has left."""
        result = _KINDS[self._code]()
        result._take(self)
        return result

    def _take(self, other: _Graph) -> None:
        self._flush()
        other._flush()
        for name in ("_n", "_constant", "_edge_count", "_cut", "_value", "_segments"):
            setattr(self, name, getattr(other, name))
        self._source, self._sink = other._source.copy(), other._sink.copy()
        self._parts = list(other._parts)

    def get_node_count(self) -> int:
        """Return the number of nodes, without the source and the sink."""
        return self._n

    def get_edge_count(self) -> int:
        """Return the number of edges between nodes; both directions count."""
        self._flush()
        return self._edge_count

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
        return self.add_grid_nodes((_whole(num_nodes),))

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
        lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        lengths = tuple(operator.index(n) for n in lengths)
        if min(lengths, default=0) < 0:
            raise ValueError(f"A grid of nodes needs lengths >= 0, got {shape}")
        first = self._n
        self._n += math.prod(lengths)
        return np.arange(first, self._n).reshape(lengths)

    def add_edge(self, i: int, j: int, capacity: Any, rcapacity: Any) -> None:
        """Add an edge between two nodes.

        Parameters
        ----------
        i, j : int
            The nodes. An edge from a node to itself is ignored.
        capacity, rcapacity : int or float
            Capacities from i to j and from j to i.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        """
        if self._cut is not None:
            self._settle()
        if not (0 <= i < self._n and 0 <= j < self._n):
            self._refuse_edge(i, j)
        try:
            self._edges.extend((i, j, capacity, rcapacity))
        except TypeError:
            del self._edges[len(self._edges) // 4 * 4 :]
            row = (_whole(i), _whole(j), self._number(capacity), self._number(rcapacity))
            self._edges.extend(row)
        except OverflowError:
            del self._edges[len(self._edges) // 4 * 4 :]
            raise

    def add_edges(
        self, i: ArrayLike, j: ArrayLike, capacity: ArrayLike, rev_capacity: ArrayLike
    ) -> None:
        """Add an edge between each pair of nodes.

        Parameters
        ----------
        i, j : array_like of int
            The nodes.
        capacity, rev_capacity : array_like
            Capacities from i to j and from j to i.

        Raises
        ------
        ValueError
            If the arrays differ in size.
        RuntimeError
            If a node is not in the graph.
        """
        tail, head = (_nodes(ends).ravel() for ends in (i, j))
        forward, backward = (self._amounts(part).ravel() for part in (capacity, rev_capacity))
        if not len(tail) == len(head) == len(forward) == len(backward):
            raise ValueError(
                "add_edges needs arrays of the same size, got "
                f"{len(tail)}, {len(head)}, {len(forward)} and {len(backward)} entries"
            )
        if not (self._inside(tail) and self._inside(head)):
            wrong = int(np.argmax((tail < 0) | (tail >= self._n) | (head < 0) | (head >= self._n)))
            self._refuse_edge(tail[wrong], head[wrong])
        arcs = without_loops(tail, head, forward, backward)
        self._append(Arcs(*map(np.array, arcs)))  # the caller may write to what it gave

    def add_tedge(self, i: int, cap_source: Any, cap_sink: Any) -> None:
        """Add capacities from the source to a node, and from it to the sink.

        Parameters
        ----------
        i : int
            The node. What is added to it several times adds up.
        cap_source, cap_sink : int or float
            The capacities; may be negative.

        Raises
        ------
        RuntimeError
            If the node is not in the graph.
        """
        if self._cut is not None:
            self._settle()
        if not 0 <= i < self._n:
            raise RuntimeError(self._outside("add_tedge", i))
        try:
            self._tedges.extend((i, cap_source, cap_sink))
        except TypeError:
            del self._tedges[len(self._tedges) // 3 * 3 :]
            row = _whole(i), self._number(cap_source), self._number(cap_sink)
            self._tedges.extend(row)
        except OverflowError:
            del self._tedges[len(self._tedges) // 3 * 3 :]
            raise

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
            Identifiers of the nodes.
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
        nodes = _grid_of_nodes(nodeids)
        symmetric = bool(_whole(symmetric))
        amounts = self._amounts(weights)
        d = nodes.ndim
        if structure is None:
            structure = vonNeumann_structure(d, symmetric)
        around = self._amounts(structure)
        if around.ndim > d:
            raise ValueError(f"structure needs at most {d} axes, as the grid, got {around.ndim}")
        around = around.reshape((1,) * (d - around.ndim) + around.shape)
        if any(n % 2 == 0 for n in around.shape):
            raise RuntimeError(f"structure needs odd lengths, got the shape {around.shape}")
        np.broadcast_to(amounts, nodes.shape)  # raises
        wraps = list(periodic) if np.ndim(periodic) else [periodic] * d
        if len(wraps) < d:
            raise RuntimeError(f"periodic needs one entry per axis: {d}, got {len(wraps)}")
        self._require("add_grid_edges", nodes)
        if nodes.size:
            wraps = [bool(w) for w in wraps[:d]]
            self._append(*along_structure(nodes, amounts, around, symmetric, wraps))

    def add_grid_tedges(self, nodeids: Array, sourcecaps: ArrayLike, sinkcaps: ArrayLike) -> None:
        """Add capacities from the source to the nodes of a grid, and from them to the sink.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes.
        sourcecaps, sinkcaps : array_like
            Capacities: numbers, or what broadcasts to `nodeids`. May be negative.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        ValueError
            If capacities do not broadcast to the grid.
        """
        nodes = _grid_of_nodes(nodeids)
        source, sink = (
            np.broadcast_to(self._amounts(part), nodes.shape) for part in (sourcecaps, sinkcaps)
        )
        self._require("add_grid_tedges", nodes)
        if not nodes.size:
            return
        if self._cut is not None:
            self._settle()
        self._reserve()
        nodes = nodes.ravel()
        first = int(nodes[0])
        if np.array_equal(nodes, np.arange(first, first + nodes.size)):
            place = slice(first, first + nodes.size)
            self._source[place] += source.ravel()
            self._sink[place] += sink.ravel()
        else:
            np.add.at(self._source, nodes, source.ravel())
            np.add.at(self._sink, nodes, sink.ravel())

    def maxflow(self, reuse_trees: bool = False) -> Any:
        """Find a maximum flow and return its value, the capacity of a minimum cut.

        Parameters
        ----------
        reuse_trees : bool, default False
            A hint that little has changed since the last call. Every search goes on from the last
            flow in any case, and what has changed is known without `mark_node`.

        Returns
        -------
        int or float

        Raises
        ------
        ValueError
            If no cut is finite, if the capacities of an edge add up to less than 0, or if ints are
            too large to be exact.
        """
        if self._cut is None:
            self._flush()
            source, sink = self._source[: self._n], self._sink[: self._n]
            excess, constant = _normal_form(source, sink)
            self._cut = minimum_cut(excess, self._parts)
            self._value = type(constant)(self._constant + constant + self._cut.value)
            self._segments = self._cut.sink_side.tobytes()
        return self._value

    def get_segment(self, i: int) -> int:
        """Return 0 if a node is on the source's side of the minimum cut, and 1 if not.

        Parameters
        ----------
        i : int
            The node.

        Returns
        -------
        int

        Raises
        ------
        RuntimeError
            If the node is not in the graph.
        """
        try:
            if i >= 0:
                return self._segments[i]
        except (IndexError, TypeError):
            pass
        i = _whole(i)
        if not 0 <= i < self._n:
            raise RuntimeError(self._outside("get_segment", i))
        return self._segments[i] if i < len(self._segments) else 0

    def get_grid_segments(self, nodeids: Array) -> Array:
        """Return which nodes are on the sink's side of the minimum cut.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes.

        Returns
        -------
        ndarray of bool, of the same shape
            Where several cuts are minimum, the sink's side is the smallest one. Nodes that
            `maxflow` did not know yet are on the source's side.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        """
        nodes = _grid_of_nodes(nodeids)
        self._require("get_grid_segments", nodes)
        return self._sides()[nodes]

    get_segments = get_grid_segments

    def mark_node(self, i: int) -> None:
        """Say that a node has changed; graphs know this, so only the node is checked.

        Parameters
        ----------
        i : int
            The node.

        Raises
        ------
        RuntimeError
            If the node is not in the graph.
        """
        if not 0 <= i < self._n:
            raise RuntimeError(self._outside("mark_node", i))

    def mark_grid_nodes(self, nodeids: ArrayLike) -> None:
        """Say that nodes have changed; graphs know this, so only the nodes are checked.

        Parameters
        ----------
        nodeids : array_like of int
            Identifiers of the nodes.

        Raises
        ------
        RuntimeError
            If a node is not in the graph.
        """
        self._require("mark_grid_nodes", _nodes(nodeids))

    def get_nx_graph(self) -> Any:
        """Return the network as a networkx graph.

        Returns
        -------
        networkx.DiGraph
            Nodes are identifiers, ``"s"`` and ``"t"``. The attribute ``weight`` of an edge is the
            capacity that is left, which is all of it before `maxflow`; edges without any are
            missing. The attribute ``segment`` of a node is that of `get_segment`.
        """
        import networkx

        if self._cut is not None:
            self._settle()
        self._flush()
        result = networkx.DiGraph()
        segments = self._sides().astype(int).tolist()
        result.add_nodes_from((i, {"segment": segment}) for i, segment in enumerate(segments))
        result.add_nodes_from(("s", "t"))
        arcs = all_arcs(self._parts, self._dtype)
        ahead, back = arcs.tails * self._n + arcs.heads, arcs.heads * self._n + arcs.tails
        keys, where = np.unique(np.concatenate([ahead, back]), return_inverse=True)
        weights = np.zeros(len(keys), dtype=self._dtype)
        np.add.at(weights, where, np.concatenate([arcs.forward, arcs.backward]))
        for key, weight in zip(keys.tolist(), weights.tolist(), strict=True):
            if weight:
                result.add_edge(*divmod(key, self._n), weight=weight)
        excess, _ = _normal_form(self._source[: self._n], self._sink[: self._n])
        for i, weight in enumerate(excess.tolist()):
            if weight > 0:
                result.add_edge("s", i, weight=weight)
            elif weight < 0:
                result.add_edge(i, "t", weight=-weight)
        return result

    def add_lattice(self, lattice: Lattice) -> None:
        """Add edges of a grid along one offset, with capacities for each of them."""
        self._append(lattice)

    def _append(self, *parts: Arcs | Lattice) -> None:
        if self._cut is not None:
            self._settle()
        self._parts.extend(parts)
        self._edge_count += 2 * sum(part.size for part in parts)

    def _settle(self) -> None:
        """Replace the capacities by what the last flow has left of them."""
        cut, self._cut = self._cut, None
        assert cut is not None
        excess, self._parts = cut.residual()
        self._source, self._sink = np.maximum(excess, 0), np.maximum(-excess, 0)
        self._constant = self._value

    def _reserve(self) -> None:
        """Give every node a place in the arrays."""
        if len(self._source) < self._n:
            room = np.zeros(max(self._n, 2 * len(self._source)), dtype=self._dtype)
            for name in ("_source", "_sink"):
                before = getattr(self, name)
                after = room.copy()
                after[: len(before)] = before
                setattr(self, name, after)

    def _flush(self) -> None:
        """Move what single calls have added into arrays."""
        self._reserve()
        if self._tedges:
            rows = np.array(self._tedges).reshape(-1, 3)
            nodes = rows[:, 0].astype(np.int64)
            np.add.at(self._source, nodes, rows[:, 1])
            np.add.at(self._sink, nodes, rows[:, 2])
            self._tedges = array(self._code)
        if self._edges:
            columns = np.array(self._edges).reshape(-1, 4).T
            ends = columns[:2].astype(np.int64)
            self._edges = array(self._code)
            self._append(without_loops(*ends, *np.ascontiguousarray(columns[2:])))

    def _sides(self) -> Array:
        """Return which nodes are on the sink's side."""
        known = np.frombuffer(self._segments, dtype=np.bool_)
        if len(known) == self._n:
            return known
        return np.concatenate([known, np.zeros(self._n - len(known), dtype=np.bool_)])

    def _inside(self, nodes: Array) -> bool:
        return not nodes.size or bool(nodes.min() >= 0 and nodes.max() < self._n)

    def _require(self, name: str, nodes: Array) -> None:
        if not self._inside(nodes):
            wrong = nodes[(nodes < 0) | (nodes >= self._n)].flat[0]
            raise RuntimeError(self._outside(name, wrong))

    def _outside(self, name: str, i: Any) -> str:
        return f"{name}: node {i} is not in the graph, which has {self._n} nodes"

    def _refuse_edge(self, i: Any, j: Any) -> None:
        inside = 0 <= i < self._n
        which = "second" if inside else "first"
        raise RuntimeError(
            f"An edge needs two nodes of the graph, but its {which} node, {j if inside else i}, is "
            f"not in the graph, which has {self._n} nodes"
        )

    def _amounts(self, values: ArrayLike) -> Array:
        raise NotImplementedError


def _whole(value: Any) -> int:
    """Return a number as an int, cut off."""
    return operator.index(value) if hasattr(value, "__index__") else int(_real(value))


def _real(value: Any) -> float:
    """Return a number as a float."""
    if isinstance(value, str | bytes):
        raise TypeError(f"A number is needed, got {value!r}")
    return float(value)


class GraphInt(_Graph):
    """A flow network with int capacities.

    Parameters
    ----------
    est_node_num, est_edge_num : int, default 0
        How many nodes and edges will be added; nothing is reserved.
    copy_rhs : GraphInt, optional
        A graph to copy.

    Examples
    --------
    >>> g = GraphInt()
    >>> nodes = g.add_grid_nodes((2, 3))
    >>> g.add_grid_edges(nodes, 2)
    >>> g.add_grid_tedges(nodes, [[9, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 9]])
    >>> g.maxflow()
    5
    >>> g.get_grid_segments(nodes)
    array([[False, False, False],
           [False, False,  True]])
    """

    _dtype = np.int64
    _code = "q"

    _number = staticmethod(_whole)

    def _amounts(self, values: ArrayLike) -> Array:
        given: Array = np.asarray(values)
        kind = given.dtype.kind
        if kind in "fu" and given.size and not np.abs(given).max() < 2.0**63:
            raise OverflowError(
                "A GraphInt needs capacities that are ints of 64 bits, but one of them is "
                f"{given.flat[int(np.argmin(np.abs(given).ravel() < 2.0**63))]}. Use a GraphFloat."
            )
        return given.astype(np.int64, copy=False)


class GraphFloat(_Graph):
    """A flow network with float capacities, which may be infinite.

    Parameters
    ----------
    est_node_num, est_edge_num : int, default 0
        How many nodes and edges will be added; nothing is reserved.
    copy_rhs : GraphFloat, optional
        A graph to copy.

    Examples
    --------
    >>> g = GraphFloat()
    >>> i, j = g.add_nodes(2)
    >>> g.add_edge(i, j, 1.5, 0.0)
    >>> g.add_tedge(i, float("inf"), 0.0)
    >>> g.add_tedge(j, 0.0, 2.0)
    >>> g.maxflow(), g.get_segment(i), g.get_segment(j)
    (1.5, 0, 1)
    """

    _dtype = np.float64
    _code = "d"

    _number = staticmethod(_real)

    def _amounts(self, values: ArrayLike) -> Array:
        return np.asarray(values).astype(np.float64, copy=False)


_KINDS: dict[str, Any] = {"q": GraphInt, "d": GraphFloat}


def _nodes(nodes: ArrayLike) -> Array:
    return np.asarray(nodes).astype(np.int64, copy=False)


def _grid_of_nodes(nodeids: Any) -> Array:
    if not isinstance(nodeids, np.ndarray):
        raise TypeError(f"nodeids needs a numpy array, got {type(nodeids).__name__}")
    return nodeids.astype(np.int64, copy=False)


def _normal_form(source: Array, sink: Array) -> tuple[Array, Any]:
    """Return source minus sink, and what flows through all nodes directly."""
    through = np.minimum(source, sink)
    constant = through.sum().item()
    if constant == np.inf:  # nothing else is left at nodes that have both
        both = np.isinf(through)
        source, sink = np.where(both, 0.0, source), np.where(both, 0.0, sink)
    return source - sink, constant
