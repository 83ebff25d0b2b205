"""A graph, the costs of labels at its nodes and edges, and energies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat.gco._errors import (
    DataTypeNotSupportedError,
    IndexOutOfBoundError,
    ShapeMismatchError,
)

_UNSET = 0.01  # costs of different labels in a graph of floats, while nothing else is said


class Problem:
    """A graph, what labels cost in it, and labels."""

    nb_sites: int
    nb_labels: int
    energy_is_float: bool
    handle: int | None = None  # not None for a graph that exists

    def create_general_graph(
        self, num_sites: int, num_labels: int, energy_is_float: bool = False
    ) -> None:
        """Create a graph without edges; what was said before is forgotten.

        Parameters
        ----------
        num_sites, num_labels : int
            Numbers of nodes and of labels.
        energy_is_float : bool, default False
            Whether costs are floats. If not, they are cut off to integers.
        """
        self.handle = id(self)
        self.nb_sites, self.nb_labels = int(num_sites), int(num_labels)
        self.energy_is_float = bool(energy_is_float)
        self._dtype = np.float64 if energy_is_float else np.int64
        self._unary = np.zeros((self.nb_sites, self.nb_labels), dtype=self._dtype)
        self._by_site = self._by_pair = False  # whether single calls have set the costs
        self._edges: list[tuple[Array, Array, Array]] = []  # from, to, weights
        self._smooth: Array | None = None
        self._function: Callable[[int, int, int, int], float] | None = None
        self._labels = np.zeros(self.nb_sites, dtype=np.int32)
        self._table_moves: tuple[Any, Any] | None = None

    def destroy_graph(self) -> None:
        """Forget the graph."""
        for name in list(vars(self)):
            delattr(self, name)

    def set_data_cost(self, unary: ArrayLike) -> None:
        """Set the costs of labels at nodes.

        Parameters
        ----------
        unary : array_like, shape (num_sites, num_labels)
            The costs.

        Raises
        ------
        ShapeMismatchError
            If the shape differs.
        """
        costs: Array = np.asarray(unary)
        if costs.shape != self._unary.shape:
            raise ShapeMismatchError(
                f"Unary costs need the shape {self._unary.shape}, got {costs.shape}"
            )
        self._unary, self._table_moves = costs.astype(self._dtype), None
        self._by_site = False

    def set_site_data_cost(self, site: int, label: int, e: float) -> None:
        """Set the cost of one label at one node; others are 0 unless set by this method.

        Parameters
        ----------
        site, label : int
            The node and the label.
        e : int or float
            The cost.

        Raises
        ------
        IndexOutOfBoundError
            If there is no such node or label.
        """
        site, label = self._node(site), self._label(label)
        if not self._by_site:  # GCO forgets an array
            self._unary, self._by_site = np.zeros_like(self._unary), True
        self._unary[site, label] = self._dtype(e)
        self._table_moves = None

    def set_neighbor_pair(self, s1: int, s2: int, w: float) -> None:
        """Add an edge.

        Parameters
        ----------
        s1, s2 : int
            Its ends: ``s1 < s2``.
        w : int or float
            Its weight.

        Raises
        ------
        IndexOutOfBoundError
            If there are no such nodes, or not in this order.
        """
        if not 0 <= s1 < s2 < self.nb_sites:
            raise IndexOutOfBoundError(
                f"An edge needs two nodes 0 <= s1 < s2 < {self.nb_sites}, got {s1} and {s2}"
            )
        self._add(np.array([s1]), np.array([s2]), np.array([self._dtype(w)]))

    def set_all_neighbors(self, s1: ArrayLike, s2: ArrayLike, w: ArrayLike) -> None:
        """Add edges.

        Parameters
        ----------
        s1, s2 : array_like of int, shape (m,)
            Their ends.
        w : array_like, shape (m,)
            Their weights.

        Raises
        ------
        IndexOutOfBoundError
            If there are no such nodes.
        ShapeMismatchError
            If the arrays differ in length.
        """
        first, second = (np.asarray(ends).ravel().astype(np.int64) for ends in (s1, s2))
        weights = np.asarray(w).ravel().astype(self._dtype)
        if not len(first) == len(second) == len(weights):
            raise ShapeMismatchError(
                "Edges need as many first ends as second ends and weights, got "
                f"{len(first)}, {len(second)} and {len(weights)}"
            )
        for ends in (first, second):
            wrong = (ends < 0) | (ends >= self.nb_sites)
            if wrong.any():
                raise IndexOutOfBoundError(
                    f"Edges need nodes 0..{self.nb_sites - 1}, got {ends[np.argmax(wrong)]}"
                )
        # no edge joins a node with itself; the order is that in which costs are looked up
        joined = first != second
        low, high = np.minimum(first, second), np.maximum(first, second)
        self._add(low[joined], high[joined], weights[joined])

    def _add(self, low: Array, high: Array, weights: Array) -> None:
        self._edges.append((low, high, weights))
        self._table_moves = None

    def set_smooth_cost(self, cost: ArrayLike) -> None:
        """Set the costs of pairs of labels at the ends of an edge of weight 1.

        Parameters
        ----------
        cost : array_like, shape (num_labels, num_labels)
            The costs, symmetric. As long as none are set, different labels cost 1, or 0.01 if
            costs are floats.

        Raises
        ------
        DataTypeNotSupportedError
            If the matrix is not square or not symmetric.
        ShapeMismatchError
            If it has another size.
        """
        table: Array = np.asarray(cost)
        if table.ndim != 2 or table.shape[0] != table.shape[1] or (table != table.T).any():
            raise DataTypeNotSupportedError(
                f"Costs of pairs need a symmetric square matrix, got the shape {table.shape}"
                + (" and no symmetry" if table.shape == table.T.shape else "")
            )
        if len(table) != self.nb_labels:
            raise ShapeMismatchError(
                f"Costs of pairs need the shape {(self.nb_labels,) * 2}, got {table.shape}"
            )
        self._smooth, self._function = table.astype(self._dtype), None
        self._by_pair, self._table_moves = False, None

    def set_pair_smooth_cost(self, l1: int, l2: int, cost: float) -> None:
        """Set the cost of one pair of labels; others are 0 unless set by this method.

        Parameters
        ----------
        l1, l2 : int
            The labels, that of the node with the larger number first.
        cost : int or float
            The cost.

        Raises
        ------
        IndexOutOfBoundError
            If there are no such labels.
        """
        a, b = self._label(l1), self._label(l2)
        if not self._by_pair or self._smooth is None:  # GCO forgets a matrix or function
            self._smooth = np.zeros((self.nb_labels,) * 2, dtype=self._dtype)
            self._function, self._by_pair = None, True
        self._smooth[a, b] = self._dtype(cost)
        self._table_moves = None

    def set_smooth_cost_function(self, fun: Callable[[int, int, int, int], float]) -> None:
        """Set a function for the costs of pairs, in place of a matrix.

        Parameters
        ----------
        fun : callable
            ``fun(s1, s2, l1, l2)`` is the cost of the labels l1 and l2 at the nodes ``s1 > s2``,
            which is multiplied by the weight of the edge. Called four times per edge and move.
        """
        self._function, self._table_moves, self._by_pair = fun, None, False

    def init_label_at_site(self, site: int, label: int) -> None:
        """Set the label of a node.

        Parameters
        ----------
        site, label : int
            The node and the label.

        Raises
        ------
        IndexOutOfBoundError
            If there is no such node or label.
        """
        self._labels[self._node(site)] = self._label(label)

    def get_label_at_site(self, site: int) -> Any:
        """Return the label of a node.

        Parameters
        ----------
        site : int
            The node.

        Returns
        -------
        int

        Raises
        ------
        IndexOutOfBoundError
            If there is no such node.
        """
        return self._labels[self._node(site)]

    def get_labels(self) -> Array:
        """Return the labels of all nodes.

        Returns
        -------
        ndarray of int32, shape (num_sites,)
        """
        return self._labels.copy()

    def compute_data_energy(self) -> Any:
        """Return the costs of the labels at all nodes.

        Returns
        -------
        int or float
        """
        return self._number(self._unary[np.arange(self.nb_sites), self._labels].sum())

    def compute_smooth_energy(self) -> Any:
        """Return the costs of the labels at the ends of all edges.

        Returns
        -------
        int or float
        """
        low, high, _ = self._all_edges()
        edges = np.arange(len(low))
        return self._number(self._pairs(edges, self._labels[high], self._labels[low]).sum())

    def compute_energy(self) -> Any:
        """Return the energy: the sum of all costs.

        Returns
        -------
        int or float
        """
        return self.compute_data_energy() + self.compute_smooth_energy()

    def _all_edges(self) -> tuple[Array, Array, Array]:
        """Return the smaller and the larger ends of all edges, and weights."""
        if not self._edges:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, np.zeros(0, dtype=self._dtype)
        if len(self._edges) > 1:
            low, high, weights = map(np.concatenate, zip(*self._edges, strict=True))
            self._edges = [(low, high, weights)]
        return self._edges[0]

    def _pairs(self, edges: Array, high_labels: Array, low_labels: Array) -> Array:
        """Return the costs of edges with labels at their larger and smaller ends."""
        low, high, weights = self._all_edges()
        if self._function is None:
            return weights[edges] * self._table()[high_labels, low_labels]
        ends = high[edges], low[edges], high_labels, low_labels
        rows = zip(*(part.tolist() for part in ends), strict=True)
        costs = np.array([self._function(*row) for row in rows], dtype=self._dtype)
        return weights[edges] * costs

    def _table(self) -> Array:
        if self._smooth is not None:
            return self._smooth
        different = 1 - np.eye(self.nb_labels, dtype=np.int64)
        return different * _UNSET if self.energy_is_float else different

    def _number(self, energy: Any) -> Any:
        return float(energy) if self.energy_is_float else np.int64(energy)

    def _node(self, site: int) -> int:
        if not 0 <= site < self.nb_sites:
            raise IndexOutOfBoundError(f"There are nodes 0..{self.nb_sites - 1}, got {site}")
        return int(site)

    def _label(self, label: int) -> int:
        if not 0 <= label < self.nb_labels:
            raise IndexOutOfBoundError(f"There are labels 0..{self.nb_labels - 1}, got {label}")
        return int(label)
