"""`GraphInt` and `GraphFloat`: flow networks that are built call by call, and solved.

The first call of `maxflow` solves the whole network. If only the capacities of a few terminals are
added after that, the network and its search trees are kept, and the next call pushes the
difference. After other changes, the residual capacities replace the capacities, and the graph is
solved as if it had been built with them.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from subopt._base.types import Array
from subopt.compat.maxflow import _small
from subopt.compat.maxflow._arcs import Places, SmallGrid, all_arcs, places_of, records_of
from subopt.compat.maxflow._building import Building
from subopt.compat.maxflow._cut import minimum_cut
from subopt.compat.maxflow._kept import KeptNetwork, keep
from subopt.compat.maxflow._numbers import (
    BOOL,
    FLOAT,
    INT,
    float_amounts,
    grid_of_nodes,
    identifier,
    int_amounts,
)
from subopt.compat.maxflow._small import cut_records

_FEW = 8  # a change of less than one node in so many goes on with the trees of the last search


class _Graph(Building):
    """What graphs with int and float capacities share."""

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
        if self._solved is None:
            if not self._solve_small():
                self._solve()
        elif self._tedges or self._grid_tedges:
            self._resume()
        return self._value

    def _solve_small(self) -> bool:
        """Solve a small graph in one compiled call; return whether that was possible."""
        n, edges, places = self._n, self._edges, None
        m = len(edges) // 32
        if not self._parts and self._source is None:
            if n + m > _small.SMALL:
                return False
            records: bytes | bytearray = edges + self._tedges
        else:
            places = self._places()
            if places is None and n + m + self._part_edges // 2 > _small.SMALL_GRID:
                return False
            parts = [records_of(part) for part in self._parts]
            m += sum(map(len, parts))  # opposite edges of grids may be one arc after a flow
            records = b"".join([edges, *parts, self._tedges, self._array_terminals()])
        cut = cut_records(n, m, records, self._dtype, places)
        if cut is None:
            return False
        self._solved, self._open, self._tedges = cut, 0, bytearray()
        whole = self._code == "q"  # the constant may be too large for floats
        self._value = self._constant + (int(cut.value) if whole else float(cut.value))
        self._segments = cut.sink_side.tobytes()
        return True

    def _places(self) -> Places | None:
        """Return where the edges lie if they are those of small grids, for bit sets of nodes."""
        if self._edges or not self._parts or not _small.LEAST < self._n <= _small.MOST:
            return None
        grids = [part.ends for part in self._parts if part.__class__ is SmallGrid]
        return places_of(self._n, *grids) if len(grids) == len(self._parts) else None

    def _array_terminals(self) -> bytes:
        """Return the records of terminals that are in arrays."""
        if self._source is None or self._sink is None:
            return b""
        n = min(self._n, len(self._source))
        records = np.empty((n, 3), dtype=self._dtype)
        records[:, 0] = np.arange(n)
        records[:, 1], records[:, 2] = self._source[:n], self._sink[:n]
        return records.tobytes()

    def _solve(self) -> None:
        self._flush()
        excess, constant = _normal_form(*(part[: self._n] for part in self._reserve()))
        cut, value = minimum_cut(excess, self._parts)
        self._solved, self._open = cut, 0
        self._value = self._constant + constant + type(constant)(value)
        self._segments = cut.sink_side.tobytes()

    def _resume(self) -> None:
        """Solve again after capacities of terminals were added."""
        terminals = self._pending_terminals()
        nodes, source, sink = terminals
        kept, known = self._solved, len(self._segments)
        if len(nodes) * _FEW < known == self._n:
            if not isinstance(kept, KeptNetwork):
                kept = keep(*self._left())
            if kept is not None and kept.takes(source, sink):
                self._solved = kept
                more, side = kept.add(*terminals)
                self._value += more
                self._segments = side.tobytes()
                return
        self._settle()
        self._add_terminals(*terminals)
        self._solve()

    def _settle(self) -> None:
        """Replace the capacities by what the last flow has left of them."""
        self._part_edges = self.get_edge_count()  # opposite ones may be one part afterwards
        excess, self._parts = self._left()
        self._solved, self._open, self._edges = None, self._n, bytearray()
        self._source, self._sink = np.maximum(excess, 0), np.maximum(-excess, 0)
        self._constant = self._value

    def _left(self) -> tuple[Array, list[Any]]:
        """Return the excesses and arcs that the last flow has left."""
        left: tuple[Array, list[Any]] = self._solved.residual()
        return left

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
        except (IndexError, TypeError, ValueError):
            pass
        i = identifier(i)
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
        nodes = grid_of_nodes(nodeids)
        first = self._require("get_grid_segments", nodes, 0)
        if first >= 0:
            return self._sides()[first : first + nodes.size].reshape(nodes.shape).copy()
        sides: Array = np.asarray(self._sides()[nodes])
        return sides

    get_segments = get_grid_segments

    def mark_node(self, i: int) -> None:
        """Say that a node has changed, which graphs know themselves.

        Parameters
        ----------
        i : int
            The node; need not be in the graph.
        """
        identifier(i)

    def mark_grid_nodes(self, nodeids: Array) -> None:
        """Say that nodes have changed, which graphs know themselves.

        Parameters
        ----------
        nodeids : ndarray of int
            Identifiers of the nodes; need not be in the graph.
        """
        grid_of_nodes(nodeids)

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

        if self._solved is not None:
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
        excess, _ = _normal_form(*(part[: self._n] for part in self._reserve()))
        for i, weight in enumerate(excess.tolist()):
            if weight > 0:
                result.add_edge("s", i, weight=weight)
            elif weight < 0:
                result.add_edge(i, "t", weight=-weight)
        return result

    def _sides(self) -> Array:
        """Return which nodes are on the sink's side."""
        known = np.frombuffer(self._segments, BOOL)
        if len(known) == self._n:
            return known
        return np.concatenate([known, np.zeros(self._n - len(known), dtype=np.bool_)])


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

    _dtype = INT
    _code = "q"
    _edge = struct.Struct("qqqq").pack
    _terminal = struct.Struct("qqq").pack
    _amounts = staticmethod(int_amounts)

    def _plain(self) -> GraphInt:
        return GraphInt()


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

    _dtype = FLOAT
    _code = "d"
    _edge = struct.Struct("dddd").pack
    _terminal = struct.Struct("ddd").pack
    _amounts = staticmethod(float_amounts)

    def _plain(self) -> GraphFloat:
        return GraphFloat()


def _normal_form(source: Array, sink: Array) -> tuple[Array, Any]:
    """Return source minus sink, and what flows through all nodes directly."""
    through = np.minimum(source, sink)
    constant = through.sum().item()
    if constant == np.inf:  # nothing else is left at nodes that have both
        both = np.isinf(through)
        source, sink = np.where(both, 0.0, source), np.where(both, 0.0, sink)
    return source - sink, constant
