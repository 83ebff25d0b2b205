"""Rank functions of partition and graphic matroids."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import copied
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._graph_rows import edge_ends
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm


@documented_like(SetFunction)
class MatroidRank(SetFunction):
    """F(S) = size of a largest independent subset of S in a matroid.

    Use `MatroidRank.partition`, `MatroidRank.graphic` or `MatroidRank.from_networkx` to create one;
    the class itself cannot be instantiated.

    Raises
    ------
    TypeError
        If the class is called.

    Examples
    --------
    >>> MatroidRank.partition([0, 0, 0, 1], capacities=[2, 1]).greedy([0, 1, 2, 3])
    array([1., 1., 0., 1.])
    >>> MatroidRank.graphic([(0, 1), (1, 2), (0, 2)]).greedy([0, 1, 2])
    array([1., 1., 0.])
    """

    monotone = True
    integral = True

    def __init__(self) -> None:
        raise TypeError(
            "MatroidRank is made by MatroidRank.partition(labels, capacities) or "
            "MatroidRank.graphic(edges)"
        )

    @staticmethod
    def partition(labels: ArrayLike, capacities: ArrayLike | int = 1) -> MatroidRank:
        """Return the rank of sets with at most ``capacities[b]`` elements of block b.

        Parameters
        ----------
        labels : array_like of int, shape (n,)
            The block of each element, in 0..blocks - 1.
        capacities : int or array_like of int, shape (blocks,), default 1
            Nonnegative capacity of each block; one number applies to all blocks.

        Returns
        -------
        MatroidRank
            S -> sum over blocks B of ``min(|S ∩ B|, capacity of B)``. A sweep costs O(n log n).

        Raises
        ------
        ValueError
            If a label or capacity is not an integer in its range.
        """
        return _PartitionRank(labels, capacities)

    @staticmethod
    def graphic(edges: ArrayLike, n_vertices: int | None = None) -> MatroidRank:
        """Return the rank of sets of edges of a graph: the size of a spanning forest.

        Parameters
        ----------
        edges : array_like of int, shape (m, 2)
            The two ends of each element, which is an edge (n = m). Loops and parallel edges are
            allowed.
        n_vertices : int, optional
            Number of vertices; by default the largest end plus one.

        Returns
        -------
        MatroidRank
            S -> number of vertices minus number of connected components of the graph with the
            edges S. A sweep is one pass of union-find.

        Raises
        ------
        ValueError
            If `edges` does not hold integers of shape (m, 2) in 0..n_vertices - 1.
        """
        return _GraphicRank(edges, n_vertices)

    @staticmethod
    def from_networkx(graph: Any) -> MatroidRank:
        """Return the rank of sets of edges of a networkx graph.

        Parameters
        ----------
        graph : networkx.Graph, DiGraph, MultiGraph or MultiDiGraph
            The graph; element k is the k-th edge of ``list(graph.edges)``. Directions of edges are
            ignored.

        Returns
        -------
        MatroidRank
            The rank function of the graphic matroid, as from `MatroidRank.graphic`.

        Examples
        --------
        >>> import networkx as nx
        >>> F = MatroidRank.from_networkx(nx.cycle_graph("abcd"))
        >>> F.n, F([0, 1, 2, 3])
        (4, 3.0)
        """
        number = {node: k for k, node in enumerate(graph)}
        ends = [(number[u], number[v]) for u, v in graph.edges(data=False)]
        return _GraphicRank(np.array(ends, dtype=np.intp).reshape(-1, 2), max(len(number), 1))

    def value(self, mask: Array) -> float:
        """Evaluate the rank of a set, by one sweep over its elements."""
        gains = np.zeros(self.n)
        self._sweep(1.0, np.flatnonzero(validate.mask(mask, self.n)), gains)
        return float(gains.sum())


class _PartitionRank(MatroidRank):
    def __init__(self, labels: ArrayLike, capacities: ArrayLike | int) -> None:
        b = validate.rectangular("labels", labels)
        if b.ndim != 1 or (b.size and b.dtype.kind not in "iu"):
            raise ValueError(f"labels needs integers of shape (n,), got {b.dtype} and {b.shape}")
        b = b.astype(np.int64)
        blocks = int(b.max(initial=-1)) + 1
        c = validate.rectangular("capacities", capacities)
        if c.ndim == 0:
            c = np.full(blocks, c)
        if c.ndim != 1 or (c.size and c.dtype.kind not in "iu"):
            raise ValueError(f"capacities needs integers >= 0, one per block, got {capacities!r}")
        if (c < 0).any():
            k = int(np.argmax(c < 0))
            raise ValueError(f"capacities needs integers >= 0, but capacities[{k}] is {c[k]}")
        bad = (b < 0) | (b >= len(c))
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(
                f"labels needs blocks in 0..{len(c) - 1}, one per capacity, but labels[{i}] is "
                f"{b[i]}"
            )
        self.n = len(b)
        self.cut_representable = True
        self._labels, self._capacities = b, c.astype(np.int64)

    def value(self, mask: Array) -> float:
        counts = self._counts(validate.mask(mask, self.n))
        return float(np.minimum(counts, self._capacities).sum())

    def marginals(self, mask: Array) -> Array:
        mask = validate.mask(mask, self.n)
        others = self._counts(mask)[self._labels] - mask
        return (others < self._capacities[self._labels]).astype(np.float64)

    def as_cut(self) -> CutForm:
        # one auxiliary node per block: min(k, c) is c if the node is in, k if it is out
        sizes = np.bincount(self._labels, minlength=len(self._capacities))
        limited = (self._capacities > 0) & (self._capacities < sizes)
        free = (self._capacities >= sizes)[self._labels]
        members = np.flatnonzero(limited[self._labels])
        return CutForm(
            self.n,
            len(self._capacities),
            members,
            self.n + self._labels[members],
            np.ones(len(members)),
            np.zeros(len(members)),
            np.concatenate([free, np.where(limited, self._capacities, 0)]).astype(np.float64),
        )

    def _source(self) -> str:
        labels, capacities = self._labels.tolist(), self._capacities.tolist()
        return f"MatroidRank.partition({labels}, {capacities})"

    def _counts(self, mask: Array) -> Array:
        return np.bincount(self._labels[mask], minlength=len(self._capacities))

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        # an element is independent if its position within its block is below the capacity
        labels = self._labels[order]
        by_block = np.argsort(labels, kind="stable")
        sizes = np.bincount(labels, minlength=len(self._capacities))
        position = np.empty(len(order), dtype=np.int64)
        first = np.repeat(np.cumsum(sizes) - sizes, sizes)
        position[by_block] = np.arange(len(order)) - first
        gains[order] += scale * (position < self._capacities[labels])


class GraphicData(NamedTuple):
    """The edges of a graph."""

    tails: Array  # (n,) int64
    heads: Array  # (n,) int64
    n_vertices: int


class _GraphicRank(MatroidRank):
    def __init__(self, edges: ArrayLike, n_vertices: int | None) -> None:
        ends, vertices = edge_ends(edges, n_vertices, "n_vertices", "")
        self.n = len(ends)
        tails, heads = (np.array(ends[:, k], order="C") for k in (0, 1))
        self._data = GraphicData(tails, heads, vertices)

    def marginals(self, mask: Array) -> Array:
        result = np.zeros(self.n)
        _marginals_graphic(self._data, validate.mask(mask, self.n), result)
        return result

    def _source(self) -> str:
        ends = np.stack([self._data.tails, self._data.heads], axis=1).tolist()
        return f"MatroidRank.graphic({ends}, {self._data.n_vertices})"

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep_graphic(self._data, scale, order, gains)


@njit
def _sweep_graphic(f, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`."""
    # union-find with path halving: an edge is independent if it joins two trees
    parent = np.arange(f.n_vertices)
    for i in order:
        u, v = f.tails[i], f.heads[i]
        while parent[u] != u:
            parent[u] = parent[parent[u]]
            u = parent[u]
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        if u != v:
            parent[u] = v
            gains[i] += scale


@njit
def _marginals_graphic(f, mask, result):
    """Write the gains of all n edges to `result` (n,) float64, given `mask` (n,) bool."""
    # an edge outside S has gain 1 if it joins two components of S; an edge inside S has gain 1 if
    # it is a bridge: no other edge of S leads from below it to above it in the depth-first forest
    first = np.zeros(f.n_vertices + 1, np.int64)
    for i in range(mask.shape[0]):
        if mask[i]:
            first[f.tails[i]] += 1
            first[f.heads[i]] += 1
    for u in range(f.n_vertices):
        first[u + 1] += first[u]
    edges = np.empty(first[f.n_vertices], np.int64)
    for i in range(mask.shape[0]):
        if mask[i]:
            for u in (f.tails[i], f.heads[i]):
                first[u] -= 1
                edges[first[u]] = i
    at, root = copied(first), np.full(f.n_vertices, -1)
    entered, low = np.zeros(f.n_vertices, np.int64), np.zeros(f.n_vertices, np.int64)
    path, came_by = np.empty(f.n_vertices, np.int64), np.empty(f.n_vertices, np.int64)
    time = 0
    for r in range(f.n_vertices):
        if root[r] >= 0:
            continue
        depth, path[0], came_by[0] = 0, r, -1
        root[r], entered[r], low[r] = r, time, time
        while depth >= 0:
            u = path[depth]
            if at[u] < first[u + 1]:
                i = edges[at[u]]
                at[u] += 1
                v = f.tails[i] + f.heads[i] - u
                if root[v] < 0:
                    time += 1
                    depth += 1
                    path[depth], came_by[depth] = v, i
                    root[v], entered[v], low[v] = r, time, time
                elif i != came_by[depth]:
                    low[u] = min(low[u], entered[v])
            else:
                if depth > 0:
                    above = path[depth - 1]
                    low[above] = min(low[above], low[u])
                    if low[u] > entered[above]:
                        result[came_by[depth]] = 1.0
                depth -= 1
        time += 1
    for i in range(mask.shape[0]):
        if not mask[i] and root[f.tails[i]] != root[f.heads[i]]:
            result[i] = 1.0
