"""Cut functions of hypergraphs, with a choice of how the cost depends on the split of an edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import copied
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import compress, entries, freeze, row_of, shown, sums, weights_for
from subopt.functions.algebra import SetFunction
from subopt.functions.cardinality import check_concave
from subopt.functions.cut_form import CutForm, bends, concave_cut_form

_SPLITTINGS: dict[str, Callable[[int, int], float]] = {
    "all-or-nothing": lambda k, m: float(0 < k < m),
    "star": lambda k, m: float(min(k, m - k)),
    "clique": lambda k, m: float(k * (m - k)),
}


class HypergraphCutData(NamedTuple):
    """Edges of each element, in compressed rows, and one table of costs per edge size."""

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64, edges
    weights: Array  # (edges,) float64, nonnegative
    starts: Array  # (edges,) int64: position in `table` where the costs of the edge begin
    table: Array  # float64: for each size m that occurs, the cost if k = 0..m elements are in S


@documented_like(SetFunction)
class HypergraphCut(SetFunction):
    """F(S) = sum over hyperedges e of weight * splitting(``|S ∩ e|``, ``|e|``).

    A sweep costs O(nnz + edges), `value` and `marginals` O(n + nnz), where nnz is the number of
    pairs of an edge and an element of it. They are stored in sparse form.

    Parameters
    ----------
    edges : sequence of sequences of int, or array or scipy sparse matrix of shape (n, edges)
        The elements of each edge, or an incidence matrix, whose nonzero entries mark the elements.
        A numpy array is read as a matrix, a list as a list of edges.
    weights : array_like of float, shape (edges,), optional
        Nonnegative weight of each edge; ones by default.
    n : int, optional
        Size of the ground set. For a list of edges the default is the largest element plus one.
    splitting : {"all-or-nothing", "star", "clique"} or callable, default "all-or-nothing"
        The cost of an edge of m elements if k of them are in S. "all-or-nothing": 1 if
        0 < k < m, else 0. "star": ``min(k, m - k)``. "clique": ``k * (m - k)``. A callable
        ``splitting(k, m)`` must be concave in k and 0 for k = 0 and k = m.

    Raises
    ------
    TypeError
        If an edge is not a list of integers.
    ValueError
        If an element is not in 0..n - 1, a weight is negative or not finite, or `splitting` is not
        one of the above.

    Examples
    --------
    >>> F = HypergraphCut([[0, 1, 2], [2, 3]], weights=[1, 5])
    >>> F([0]), F([0, 1, 2]), F.greedy([0, 1, 2, 3])
    (1.0, 5.0, array([ 1.,  0.,  4., -5.]))
    """

    cut_representable = True

    def __init__(
        self,
        edges: Any,
        weights: ArrayLike | None = None,
        *,
        n: int | None = None,
        splitting: str | Callable[[int, int], float] = "all-or-nothing",
    ) -> None:
        if hasattr(edges, "tocoo") or isinstance(edges, np.ndarray):
            rows, columns, _, (self.n, n_edges) = entries("edges", edges)
            if n is not None and n != self.n:
                raise ValueError(
                    f"n = {n}, but the incidence matrix has {self.n} rows. Leave out n for a "
                    "matrix."
                )
        else:
            rows, columns, self.n, n_edges = _incidence(edges, n)
        w = weights_for("weights", weights, n_edges, "edge")
        indptr, indices, _ = compress(self.n, n_edges, rows, columns, ())
        self._splitting = splitting if isinstance(splitting, str) else None
        sizes = np.bincount(indices, minlength=n_edges)
        table, starts, self._tables = _tables(sizes, splitting)
        self._tents = max((len(bends(t)[0]) for t in self._tables.values()), default=0)
        self.symmetric = all(np.array_equal(t, t[::-1]) for t in self._tables.values())
        self.integral = all(bool((x == np.rint(x)).all()) for x in (w, table))
        self._data = HypergraphCutData(indptr, indices, w, starts, table)
        freeze(self._data)

    @classmethod
    def from_networkx(
        cls,
        graph: Any,
        edges: Iterable[Any],
        weight: str | None = "weight",
        *,
        splitting: str | Callable[[int, int], float] = "all-or-nothing",
    ) -> HypergraphCut:
        """Build the cut function of a hypergraph from its incidence graph.

        Parameters
        ----------
        graph : networkx.Graph
            A bipartite graph, in which every hyperedge is a node that is joined to its elements.
        edges : iterable of nodes
            The nodes that are hyperedges. Element k is the k-th other node of ``list(graph)``.
        weight : str or None, default "weight"
            Name of the attribute of hyperedges that holds the weight. Hyperedges without the
            attribute, or all of them if None, have weight 1. A name other than the default must be
            the name of an attribute of at least one hyperedge.
        splitting : {"all-or-nothing", "star", "clique"} or callable, default "all-or-nothing"
            As for the class.

        Returns
        -------
        HypergraphCut
            The cut function, with one element per node that is not a hyperedge.

        Raises
        ------
        ValueError
            If the graph is not bipartite between hyperedges and elements.

        Examples
        --------
        >>> import networkx as nx
        >>> graph = nx.Graph([("ann", "club"), ("bob", "club"), ("bob", "team"), ("eve", "team")])
        >>> HypergraphCut.from_networkx(graph, ["club", "team"])([0])
        1.0
        """
        chosen = list(dict.fromkeys(edges))
        if missing := [edge for edge in chosen if edge not in graph]:
            raise ValueError(f"edges needs nodes of the graph, but {missing[0]!r} is not one")
        kept = set(chosen)
        number = {node: k for k, node in enumerate(v for v in graph if v not in kept)}
        members = []
        for edge in chosen:
            for node in graph[edge]:
                if node in kept:
                    raise ValueError(
                        f"The graph needs to be bipartite between elements and hyperedges, but "
                        f"the hyperedges {edge!r} and {node!r} are joined"
                    )
            members.append([number[node] for node in graph[edge]])
        for u, v in graph.edges:
            if u not in kept and v not in kept:
                raise ValueError(
                    f"The graph needs to be bipartite between elements and hyperedges, but the "
                    f"elements {u!r} and {v!r} are joined. For a graph use Cut.from_networkx."
                )
        if weight not in (None, "weight"):
            data = [(edge, graph.nodes[edge]) for edge in chosen]
            validate.attribute("weight", weight, data, "hyperedge", "weight 1")
        weights = [graph.nodes[edge].get(weight, 1.0) if weight else 1.0 for edge in chosen]
        return cls(members, weights, n=len(number), splitting=splitting)

    def to_networkx(self, nodes: Iterable[Any] | None = None) -> Any:
        """Return the incidence graph as a networkx graph.

        Parameters
        ----------
        nodes : iterable of hashable, optional
            A name for each element; by default elements are named 0..n - 1.

        Returns
        -------
        networkx.Graph
            A bipartite graph. Hyperedge k is the node ``("edge", k)``, with its attribute "weight".
            The attribute "bipartite" is 0 for elements and 1 for hyperedges. The splitting is not
            stored.

        Raises
        ------
        ValueError
            If `nodes` does not hold n different names.
        """
        import networkx as nx

        names = validate.node_names(nodes, self.n)
        d = self._data
        graph = nx.Graph()
        graph.add_nodes_from(names, bipartite=0)
        for k, w in enumerate(d.weights.tolist()):
            graph.add_node(("edge", k), bipartite=1, weight=w)
        rows = row_of(d.indptr).tolist()
        joined = zip(rows, d.indices.tolist(), strict=True)
        graph.add_edges_from((names[i], ("edge", k)) for i, k in joined)
        return graph

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: add up the costs of the edges that it splits."""
        d = self._data
        used = validate.mask(mask, self.n)[row_of(d.indptr)]
        counts = np.bincount(d.indices[used], minlength=len(d.weights))
        return float(d.weights @ d.table[d.starts + counts])

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        d, rows = self._data, row_of(self._data.indptr)
        inside = validate.mask(mask, self.n)[rows]
        counts = np.bincount(d.indices[inside], minlength=len(d.weights))
        at = d.starts[d.indices] + counts[d.indices] - inside  # counts of the other elements
        parts = d.weights[d.indices] * (d.table[at + 1] - d.table[at])
        return sums(rows, parts, self.n)

    def as_cut(self) -> CutForm:
        """Return the graph with one auxiliary node per edge and breakpoint of its costs."""
        return concave_cut_form(self.n, self._groups())

    def _groups(self) -> list[tuple[Array, Array, Array]]:
        """Return, for every size m, the members (edges, m), table (m + 1,) and weights of edges."""
        d = self._data
        elements = row_of(d.indptr)[np.argsort(d.indices, kind="stable")]
        sizes = np.bincount(d.indices, minlength=len(d.weights))
        first = np.cumsum(sizes) - sizes
        groups = []
        for m, table in self._tables.items():
            edges = np.flatnonzero(sizes == m)
            members = elements[first[edges][:, None] + np.arange(m)]
            groups.append((members, table, d.weights[edges]))
        return groups

    def _source(self) -> str | None:
        d = self._data
        if self._splitting is None:
            return None
        members = [row_of(d.indptr)[d.indices == e].tolist() for e in range(len(d.weights))]
        return (
            f"HypergraphCut({members}, {shown(d.weights)}, n={self.n}, "
            f"splitting={self._splitting!r})"
        )

    def _state(self, mask: Array) -> Any:
        d = self._data
        return np.bincount(d.indices[mask[row_of(d.indptr)]], minlength=len(d.weights))

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        d = self._data
        edges = d.indices[d.indptr[i] : d.indptr[i + 1]]
        at = d.starts[edges] + state[edges] - int(mask[i])
        return float(d.weights[edges] @ (d.table[at + 1] - d.table[at]))

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        state[self._data.indices[self._data.indptr[i] : self._data.indptr[i + 1]]] += (
            -1 if mask[i] else 1
        )

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains)


def _incidence(edges: Sequence[Any], n: int | None) -> tuple[Array, Array, int, int]:
    lists = [
        validate.rectangular(f"edges[{e}]", validate.items(f"edges[{e}]", edge, "elements"))
        for e, edge in enumerate(validate.items("edges", edges, "lists of elements"))
    ]
    for e, members in enumerate(lists):
        if members.ndim != 1 or (members.size and members.dtype.kind not in "iu"):
            raise TypeError(f"edges[{e}] needs to be a list of elements, got {edges[e]!r}")
    rows = np.concatenate([np.zeros(0, dtype=np.intp), *lists]).astype(np.intp)
    columns = np.repeat(np.arange(len(lists)), [len(members) for members in lists])
    size = int(rows.max(initial=-1)) + 1 if n is None else validate.size("n", n)
    bad = (rows < 0) | (rows >= size)
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(
            f"edges needs elements in 0..{size - 1}, but edges[{columns[k]}] has {rows[k]}"
        )
    return rows, columns, size, len(lists)


def _tables(
    sizes: Array, splitting: str | Callable[[int, int], float]
) -> tuple[Array, Array, dict[int, Array]]:
    if isinstance(splitting, str):
        splitting = _SPLITTINGS[validate.choice("splitting", splitting, tuple(_SPLITTINGS))]
    if not callable(splitting):
        raise TypeError(
            f"splitting needs one of {', '.join(map(repr, _SPLITTINGS))}, or a function "
            f"splitting(k, m), got {validate.shortened(splitting)}"
        )
    tables: dict[int, Array] = {}
    starts_of = np.zeros(int(sizes.max(initial=0)) + 1, dtype=np.int64)
    length = 0
    for m in map(int, np.unique(sizes)):
        name = f"[splitting(k, {m}) for k in range({m + 1})]"
        table = validate.real_array(name, [splitting(k, m) for k in range(m + 1)])
        check_concave(name, table)
        if table[m] != 0:
            raise ValueError(
                f"splitting({m}, {m}) needs to be 0, got {table[m]:g}: an edge inside S is not cut"
            )
        tables[m], starts_of[m] = table, length
        length += m + 1
    joined = np.concatenate([np.zeros(0), *tables.values()])
    return joined, starts_of[sizes], tables


@njit
def _sweep(f, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`."""
    at = copied(f.starts)  # position of each edge in the table: one step per element in the set
    for i in order:
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            edge = f.indices[e]
            total += f.weights[edge] * (f.table[at[edge] + 1] - f.table[at[edge]])
            at[edge] += 1
        gains[i] += scale * total
