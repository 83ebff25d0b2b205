"""Cut functions of weighted graphs, directed or undirected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._graph_rows import (
    GridWeights,
    grid_rows,
    grid_weights,
    joined_rows,
    listed_arcs,
    matrix_arcs,
)
from subopt.functions._sparse import dense, freeze, row_of, shown, sums
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm
from subopt.functions.modular import modular_sum


class CutData(NamedTuple):
    """A weighted graph in compressed rows, with the sparsity pattern of A + A^T."""

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64
    forward: Array  # (nnz,) float64: capacity from the row to the column
    backward: Array  # (nnz,) float64: from the column to the row; the same array if undirected


@documented_like(SetFunction)
class Cut(SetFunction):
    """F(S) = total weight of the edges between S and V - S (directed: from S to V - S).

    For m edges, a sweep and `marginals` cost O(n + m), `value` O(n + edges that touch S). The graph
    is stored in sparse form.

    Parameters
    ----------
    adjacency : array_like or scipy sparse matrix, shape (n, n)
        Nonnegative weights. Undirected: a symmetric matrix. Directed: ``adjacency[i, j]`` is the
        weight of the arc from i to j. The diagonal is ignored, because loops are never cut. For a
        list of edges see `from_edges`.
    directed : bool, default False
        Whether `adjacency` holds directed arcs.

    Raises
    ------
    TypeError
        If `adjacency` is a networkx graph or a list of tuples; see `from_networkx`, `from_edges`.
    ValueError
        If a weight is negative or not finite, or the matrix is not square, or it is not symmetric
        although ``directed`` is False; the message names the entry.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]])
    >>> F([1]), F.greedy([0, 1, 2])
    (3.0, array([ 2., -1., -1.]))
    >>> Cut.from_edges([(0, 1), (1, 2)], directed=True)([1, 2])
    0.0
    """

    cut_representable = True
    _has_levels = True
    _normalized = True
    _grid: GridWeights | None = None
    """The weights of a grid, from which `_data` is made when it is needed."""

    def __init__(self, adjacency: Any, *, directed: bool = False) -> None:
        directed = validate.flag("directed", directed)
        self._hold(*joined_rows(*matrix_arcs(adjacency), directed, "adjacency"))

    @classmethod
    def from_edges(
        cls,
        edges: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        n: int | None = None,
        directed: bool = False,
    ) -> Cut:
        """Build the cut function of a list of edges.

        Parameters
        ----------
        edges : array_like of int, shape (m, 2)
            The two ends of each edge; tail and head if ``directed``. The weights of parallel edges
            are added up.
        weights : float or array_like of float, shape (m,), default 1
            Nonnegative weight of all edges, or of each.
        n : int, optional
            Number of nodes; by default the largest end plus one.
        directed : bool, default False
            Whether the edges are directed arcs.

        Returns
        -------
        Cut
            The cut function on n elements.

        Raises
        ------
        ValueError
            If `edges` does not hold integers of shape (m, 2) in 0..n - 1, or a weight is negative
            or not finite.
        """
        self = cls.__new__(cls)
        directed = validate.flag("directed", directed)
        self._hold(*joined_rows(*listed_arcs(edges, weights, n, directed), directed, "weights"))
        return self

    @classmethod
    def grid(cls, shape: int | Sequence[int], weights: Any = 1.0) -> Cut:
        """Build the cut function of a grid in which nearest neighbors are joined; O(n).

        Its Lovász extension is the anisotropic total variation of an array of this shape. One axis
        makes a path.

        Parameters
        ----------
        shape : int or sequence of int
            Lengths of the axes; element k is the k-th entry of an array of this shape in C order.
        weights : float, or sequence with one array_like of float per axis, default 1
            Nonnegative weight of all edges; or one array per axis. The array of axis a must
            broadcast to the shape of the pairs along this axis, which is `shape` with one less on
            axis a.

        Returns
        -------
        Cut
            The cut function on ``prod(shape)`` elements.

        Raises
        ------
        ValueError
            If a length or a weight is negative, a weight is not finite, or the shape of an array
            does not fit.

        Examples
        --------
        >>> F = Cut.grid((2, 3), [1.0, [[2, 3], [4, 5]]])    # down, and to the right
        >>> F([0]), F([0, 1]), F.n_edges
        (3.0, 5.0, 7)
        """
        self = cls.__new__(cls)
        self._grid = grid = grid_weights(shape, weights)
        self.n, self.symmetric = grid.n, True
        self.integral = all(_integral(w) for w in grid.axes)
        return self

    @cached_property
    def _data(self) -> CutData:
        assert self._grid is not None
        indptr, indices, weights = grid_rows(self._grid)
        data = CutData(indptr, indices, weights, weights)
        freeze(data)
        return data

    def _path_weights(self) -> Array | None:
        """Return the weights of the path through 0, 1, .., n - 1, or (1,) if all are equal.

        None if the graph is not known to be this path.
        """
        if self._grid is None or len(self._grid.axes) != 1 or self.n < 2:
            return None
        weights = self._grid.axes[0].reshape(-1)
        return weights if weights.all() else None

    @classmethod
    def from_networkx(cls, graph: Any, weight: str | None = "weight") -> Cut:
        """Build the cut function of a networkx graph.

        Parameters
        ----------
        graph : networkx.Graph, DiGraph, MultiGraph or MultiDiGraph
            The graph; element k is the k-th node of ``list(graph)``. The cut function is directed
            if the graph is.
        weight : str or None, default "weight"
            Name of the edge attribute that holds the weight. Edges without the attribute, or all
            edges if None, have weight 1. A name other than the default must be the name of an
            attribute of at least one edge.

        Returns
        -------
        Cut
            The cut function, with one element per node.

        Raises
        ------
        ValueError
            If no edge has the attribute, or a weight is negative or not finite.
        """
        if weight not in (None, "weight"):
            validate.attribute("weight", weight, graph.edges(data=True), "edge", "weight 1")
        number = {node: k for k, node in enumerate(graph)}
        data = list(graph.edges(data=weight, default=1.0) if weight else graph.edges(data=False))
        edges = [(number[edge[0]], number[edge[1]]) for edge in data]
        weights = [edge[-1] for edge in data] if weight else None
        return cls.from_edges(
            np.array(edges, dtype=np.intp).reshape(-1, 2),
            weights,
            n=len(number),
            directed=graph.is_directed(),
        )

    def to_networkx(self, nodes: Iterable[Any] | None = None) -> Any:
        """Return the graph as a networkx graph with the edge attribute "weight".

        Parameters
        ----------
        nodes : iterable of hashable, optional
            A name for each element, e.g. ``list(graph)`` of the graph that F was built from; by
            default elements are named 0..n - 1. ``[nodes[i] for i in result.S]`` are the names of
            the elements of an answer.

        Returns
        -------
        networkx.Graph or networkx.DiGraph
            Undirected if F is symmetric. Loops are left out, and parallel edges are merged.

        Raises
        ------
        ValueError
            If `nodes` does not hold n different names.

        Examples
        --------
        >>> F = Cut.from_edges([(0, 1), (1, 2)], [2.0, 1.0])
        >>> F.to_networkx(["a", "b", "c"]).edges(data="weight")
        EdgeDataView([('a', 'b', 2.0), ('b', 'c', 1.0)])
        """
        import networkx as nx

        names = validate.node_names(nodes, self.n)
        d, tails = self._data, row_of(self._data.indptr)
        used = (tails < d.indices) if self.symmetric else np.ones(len(tails), dtype=np.bool_)
        used &= d.forward > 0
        graph = nx.Graph() if self.symmetric else nx.DiGraph()
        graph.add_nodes_from(names)
        edges = zip(tails[used].tolist(), d.indices[used].tolist(), d.forward[used], strict=True)
        graph.add_weighted_edges_from((names[i], names[j], float(w)) for i, j, w in edges)
        return graph

    def _source(self) -> str:
        d = self._data
        matrix = shown(dense(self.n, d.indptr, d.indices, d.forward, self.n))
        return f"Cut({matrix})" if self.symmetric else f"Cut({matrix}, directed=True)"

    def _hold(
        self, indptr: Array, indices: Array, forward: Array, backward: Array | None = None
    ) -> None:
        """Keep compressed rows; without `backward`, they are those of an undirected graph."""
        self.n = len(indptr) - 1
        self.symmetric = backward is None or backward is forward
        self.integral = _integral(forward)
        self._data = CutData(indptr, indices, forward, forward if backward is None else backward)
        freeze(self._data)

    @property
    def n_edges(self) -> int:
        """Number of pairs of nodes that are joined by at least one edge or arc."""
        if self._grid is not None:
            return self._grid.n_edges
        return len(self._data.indices) // 2

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: add up the weights of the edges that it cuts."""
        return float(_value(self._data, validate.mask(mask, self.n)))

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        return self._gains(None, validate.mask(mask, self.n), np.arange(self.n))

    def as_cut(self) -> CutForm:
        """Return the graph of F, which has no auxiliary nodes."""
        m = self.n_edges
        tails, heads = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
        capacities, reverse = np.empty(m), np.empty(m)
        _edges(self._data, tails, heads, capacities, reverse)
        return CutForm(self.n, 0, tails, heads, capacities, reverse, np.zeros(self.n))

    def _state(self, mask: Array) -> Any:
        return None

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        pass

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        d = self._data
        row = slice(d.indptr[i], d.indptr[i + 1])
        inside = mask[d.indices[row]]
        return float(np.where(inside, -d.backward[row], d.forward[row]).sum())

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        result = np.empty(len(elements))
        _gains(self._data, mask, elements, result)
        return result

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains)

    # an edge is paid, in both directions, by the first end that is in S; the other end gets back
    # what its direction costs: coverage of the edges, less a modular function

    def _levels(self, mask: Array) -> Array:
        cut = self.as_cut()
        both = cut.capacities + cut.reverse
        return np.where(mask[cut.tails] | mask[cut.heads], both, 0.0)

    def _above(self, levels: Array) -> tuple[float, Array]:
        cut = self.as_cut()
        both = cut.capacities + cut.reverse
        levels = np.clip(levels, 0.0, both)
        left, weights = both - levels, np.zeros(self.n)
        weights += np.bincount(cut.tails, left - cut.reverse, self.n)
        weights += np.bincount(cut.heads, left - cut.capacities, self.n)
        return float(levels.sum()), weights

    def _slope(self, levels: Array, elements: Array) -> Array:
        cut = self.as_cut()
        chosen = np.zeros(self.n)
        chosen[elements] = 1.0
        slope = 1.0 - chosen[cut.tails] - chosen[cut.heads]
        slope[(levels <= 0) & (slope > 0)] = 0.0
        slope[(levels >= cut.capacities + cut.reverse) & (slope < 0)] = 0.0
        return slope

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        # a cut function of the subgraph, plus a modular function for edges to other elements
        inside = np.zeros(self.n, dtype=np.bool_)
        inside[before] = True
        new = np.full(self.n, -1)
        new[kept] = np.arange(len(kept))
        d = self._data
        tails = row_of(d.indptr)
        leaving = (new[tails] >= 0) & (new[d.indices] < 0)
        shift = np.where(inside[d.indices], -d.backward, d.forward)[leaving]
        at = new[tails[leaving]]
        weights, size = (sums(at, x, len(kept)) for x in (shift, np.abs(shift)))
        exact = self.integral and size.max(initial=0.0) < 2.0**53
        error = 0.0 * size if exact else 2.0**-53 * np.bincount(at, minlength=len(kept)) * size
        inner = (new[tails] >= 0) & (new[d.indices] >= 0)
        part = Cut.__new__(Cut)
        ends = new[tails[inner]], new[d.indices[inner]]
        part._hold(*joined_rows(len(kept), *ends, d.forward[inner], True, "weights"))
        return part + modular_sum(weights, error) if weights.any() else part


def _integral(weights: Array) -> bool:
    weights = weights.reshape(-1)
    few = weights[:64]  # most graphs that are not integral are seen to be by a few edges
    return bool((few == np.rint(few)).all() and (weights == np.rint(weights)).all())


@njit
def _edges(f, tails, heads, capacities, reverse):
    """List each edge once, with its smaller end as its tail.

    `tails` and `heads` int64, `capacities` and `reverse` float64 have one entry per edge.
    """
    m = 0
    for i in range(f.indptr.shape[0] - 1):
        for e in range(f.indptr[i], f.indptr[i + 1]):
            if f.indices[e] > i:  # each edge is stored in the rows of both ends
                tails[m], heads[m] = i, f.indices[e]
                capacities[m], reverse[m] = f.forward[e], f.backward[e]
                m += 1


@njit
def _sweep(f, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`."""
    # rank[i] is the step at which i joins; the first end of an edge adds its weight, the second
    # end subtracts it
    rank = np.full(f.indptr.shape[0] - 1, order.shape[0])
    for k in range(order.shape[0]):
        rank[order[k]] = k
    for k in range(order.shape[0]):
        i = order[k]
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            if rank[f.indices[e]] > k:
                total += f.forward[e]
            else:
                total -= f.backward[e]
        gains[i] += scale * total


@njit
def _value(f, mask):
    """Return F(S) of `mask` (n,) bool."""
    total = 0.0
    for i in range(mask.shape[0]):
        if mask[i]:
            for e in range(f.indptr[i], f.indptr[i + 1]):
                if not mask[f.indices[e]]:
                    total += f.forward[e]
    return total


@njit
def _gains(f, mask, elements, result):
    """Write the gains of some elements to `result`, see `subopt.functions.oracle`."""
    for k in range(elements.shape[0]):
        i = elements[k]
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            if mask[f.indices[e]]:
                total -= f.backward[e]
            else:
                total += f.forward[e]
        result[k] = total
