"""The calls of gco-wrapper 3, on the maximum flows of `subopt.graph`.

Write ``import subopt.compat.gco as gco`` instead of ``import gco``. Moves are made in the same
order, with the same choice among equal ones, so labels agree. Costs are used as they are: nothing
is rounded to integers, and nothing overflows. `subopt.alpha_expansion` and
`subopt.alpha_beta_swap` are faster, usually find lower energies, and can bound them.

Examples
--------
>>> import subopt.compat.gco as gco
>>> unary = np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]])
>>> edges = np.array([[0, 1], [1, 2], [2, 3]])
>>> gco.cut_general_graph(edges, np.ones(3, dtype=int), unary, 2 * (1 - np.eye(3, dtype=int)))
array([0, 1, 1, 2], dtype=int32)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat import _gco_moves
from subopt.compat._pair_moves import NotSubmodularError, best_of_two

__all__ = [
    "GCO",
    "DataTypeNotSupportedError",
    "IndexOutOfBoundError",
    "PyGcoError",
    "ShapeMismatchError",
    "cut_general_graph",
    "cut_grid_graph",
    "cut_grid_graph_simple",
    "get_images_edges_diag",
    "get_images_edges_vh",
]

__version__ = "3.0.9"  # whose calls are available

_NUMBERS = (np.int32, np.int64, np.float32, np.float64, np.longdouble)
_ALGORITHMS = ("expansion", "swap")
_TOGETHER = 1 << 15  # nodes and edges
_UNSET = 0.01  # costs of different labels in a graph of floats, while nothing else is said


class PyGcoError(Exception):
    """What all errors of this module have in common."""


class DataTypeNotSupportedError(PyGcoError):
    """Costs have a type or form that cannot be used."""


class ShapeMismatchError(PyGcoError):
    """Arrays do not fit to each other or to the graph."""


class IndexOutOfBoundError(PyGcoError):
    """A node or a label does not exist."""


class GCO:
    """A graph whose nodes get labels, by moves.

    Call `create_general_graph` first. Labels are 0 until they are set or moves are made.

    Examples
    --------
    >>> graph = GCO()
    >>> graph.create_general_graph(4, 3)
    >>> graph.set_data_cost(np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]]))
    >>> graph.set_all_neighbors(np.arange(3), np.arange(1, 4), np.ones(3, dtype=int))
    >>> graph.set_smooth_cost(1 - np.eye(3, dtype=int))
    >>> int(graph.expansion()), graph.get_labels()
    (5, array([0, 1, 1, 2], dtype=int32))
    """

    nb_sites: int
    nb_labels: int
    energy_is_float: bool

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
        self.nb_sites, self.nb_labels = int(num_sites), int(num_labels)
        self.energy_is_float = bool(energy_is_float)
        self._dtype = np.float64 if energy_is_float else np.int64
        self._unary = np.zeros((self.nb_sites, self.nb_labels), dtype=self._dtype)
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

    def set_site_data_cost(self, site: int, label: int, e: float) -> None:
        """Set the cost of one label at one node.

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
        self._unary[self._node(site), self._label(label)] = self._dtype(e)
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
        self._table_moves = None

    def set_pair_smooth_cost(self, l1: int, l2: int, cost: float) -> None:
        """Set the cost of one pair of labels; the others are 0 unless they were set.

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
        if self._smooth is None:
            self._smooth = np.zeros((self.nb_labels,) * 2, dtype=self._dtype)
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
        self._function, self._table_moves = fun, None

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

    def expansion(self, niters: int = -1) -> Any:
        """Make expansion moves.

        Parameters
        ----------
        niters : int, default -1
            How often all labels are tried at most; until none helps if negative.

        Returns
        -------
        int or float
            The energy.

        Raises
        ------
        PyGcoError
            If the costs of pairs are no metric, and a move needs that.
        """
        order, left = np.arange(self.nb_labels), int(niters)
        if left < 0:
            # all labels, or those that helped if these are few, until none of all helps
            full = count = self.nb_labels
            while True:
                tried, count = count, self._expand(order, count)
                if count == 0 and tried == full:
                    break
                if count == 0 or count >= full // 2:
                    count = full
        while left > 0 and self._cycle([(-1, label) for label in range(self.nb_labels)]):
            left -= 1
        return self.compute_energy()

    def swap(self, niters: int = -1) -> Any:
        """Make swap moves.

        Parameters
        ----------
        niters : int, default -1
            How often all pairs of labels are tried at most; until none helps if negative.

        Returns
        -------
        int or float
            The energy.

        Raises
        ------
        PyGcoError
            If the costs of pairs are no semimetric, and a move needs that.
        """
        labels, left = range(self.nb_labels), int(niters)
        pairs = [(a, b) for a in labels for b in reversed(labels) if a < b]
        energy = self.compute_energy()
        while left != 0:
            self._cycle(pairs)
            left, before = left - 1, energy
            energy = self.compute_energy()
            if not energy < before:
                break
        return energy

    def expansion_on_alpha(self, label: int) -> bool:
        """Make one expansion move.

        Parameters
        ----------
        label : int
            The label that all nodes may take.

        Returns
        -------
        bool
            Whether the energy is lower than before.

        Raises
        ------
        IndexOutOfBoundError
            If there is no such label.
        PyGcoError
            As `expansion`.
        """
        return self._cycle([(-1, self._label(label))]) > 0

    def alpha_beta_swap(self, l1: int, l2: int) -> None:
        """Make one swap move.

        Parameters
        ----------
        l1, l2 : int
            Nodes with one of these labels choose between them.

        Raises
        ------
        IndexOutOfBoundError
            If there are no such labels.
        PyGcoError
            As `swap`.
        """
        self._cycle([(self._label(l1), self._label(l2))])

    def _expand(self, order: Array, count: int) -> int:
        """Expand the first labels of an order, which is changed; return how many helped."""
        if self._is_small():
            return self._checked(_gco_moves.expand(*self._compiled(), order, count, self._labels))
        k = 0
        while k < count:
            if self._move(-1, int(order[k])):
                k += 1
            else:
                count -= 1
                order[[k, count]] = order[[count, k]]
        return count

    def _cycle(self, moves: list[tuple[int, int]]) -> int:
        """Make moves one after the other; return how many helped."""
        if self._is_small():
            pairs = np.array(moves, dtype=np.int64).reshape(-1, 2)
            return self._checked(_gco_moves.cycle(*self._compiled(), pairs, self._labels))
        return sum([self._move(*move) for move in moves])

    def _is_small(self) -> bool:
        """Whether many moves are one compiled call, which Ctrl-C waits for."""
        return self._function is None and self.nb_sites + len(self._all_edges()[0]) < _TOGETHER

    def _compiled(self) -> tuple[Any, Any]:
        """Return what compiled moves need."""
        if self._table_moves is None:
            low, high, weights = self._all_edges()
            problem = _gco_moves.Problem(
                self._unary.astype(np.float64),
                high.astype(np.int32),
                low.astype(np.int32),
                weights.astype(np.float64),
                self._table().astype(np.float64),
            )
            self._table_moves = problem, _gco_moves.room(problem)
        return self._table_moves

    def _checked(self, count: int) -> int:
        if count >= 0:
            return int(count)
        low, high, weights = self._all_edges()
        e = -1 - count
        raise PyGcoError(
            "Expansions need a metric, and swaps a semimetric, with weights >= 0. No cut expresses "
            f"a move for the edge between nodes {low[e]} and {high[e]} of weight {weights[e]}."
        )

    def _move(self, alpha: int, beta: int) -> bool:
        """Make one move; return whether it helped."""
        if self._function is None:
            ends = np.int64(alpha), np.int64(beta)
            move = _gco_moves.move(*self._compiled(), *ends, self._labels)
            return self._checked(move) > 0
        now = self._labels.astype(np.intp)
        either = (now == alpha) | (now == beta)
        swap = alpha >= 0
        first = np.where(either, alpha, now) if swap else now
        second = np.where(either | (not swap), beta, now)
        low, high, _ = self._all_edges()
        # a swap takes the second label where that is better, an expansion keeps the first one there
        here, there = (first, second) if swap else (second, first)
        try:
            moves = best_of_two(here, there, self._unary, (high, low), self._pairs)
        except NotSubmodularError as error:
            raise PyGcoError(str(error)) from error
        before, labels = self.compute_energy(), self._labels
        self._labels = np.where(moves, there, here).astype(np.int32)
        if not swap and not self.compute_energy() < before:
            self._labels = labels
        return bool(self.compute_energy() < before)

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


def cut_general_graph(
    edges: ArrayLike,
    edge_weights: ArrayLike,
    unary_cost: ArrayLike,
    pairwise_cost: ArrayLike | None = None,
    n_iter: int = -1,
    algorithm: str = "expansion",
    init_labels: ArrayLike | None = None,
    down_weight_factor: float | None = None,
) -> Array:
    """Label the nodes of a graph.

    Parameters
    ----------
    edges : array_like of int, shape (m, 2)
        Pairs of nodes.
    edge_weights : array_like, shape (m,)
        Weights of the edges.
    unary_cost : array_like, shape (n, labels)
        Costs of labels at nodes.
    pairwise_cost : array_like, shape (labels, labels), optional
        Costs of labels at the ends of an edge of weight 1, symmetric. By default 1 for different
        labels.
    n_iter : int, default -1
        How often all moves are tried at most; until none helps if negative.
    algorithm : {"expansion", "swap"}, default "expansion"
        Which moves.
    init_labels : array_like of int, shape (n,), optional
        The first labels; 0 by default.
    down_weight_factor : float > 0, optional
        What gco-wrapper multiplies all costs by before it rounds them to integers. Nothing is
        rounded here, and no positive factor changes which labels are best.

    Returns
    -------
    ndarray of int32, shape (n,)

    Raises
    ------
    PyGcoError, ValueError
        If an argument is not as described, or if the costs of pairs do not fit the moves.
    """
    unary, weights = np.asarray(unary_cost), np.asarray(edge_weights)
    if unary.ndim != 2:
        raise ValueError(f"Unary costs need the shape (nodes, labels), got {unary.shape}")
    n, k = unary.shape
    pairwise = 1 - np.eye(k, dtype=int) if pairwise_cost is None else np.asarray(pairwise_cost)
    for name, costs in (("Unary", unary), ("Pairwise", pairwise)):
        if costs.dtype not in _NUMBERS:
            raise DataTypeNotSupportedError(
                f"{name} costs need ints or floats of 32 bits or more, got {costs.dtype}"
            )
    if down_weight_factor is not None and not down_weight_factor > 0:
        raise ValueError(f"down_weight_factor needs a number > 0, got {down_weight_factor}")
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"algorithm needs 'expansion' or 'swap', got {algorithm!r}")
    ends = np.asarray(edges).reshape(-1, 2)
    graph = GCO()
    graph.create_general_graph(n, k, any(a.dtype.kind == "f" for a in (unary, weights, pairwise)))
    graph.set_data_cost(unary)
    graph.set_all_neighbors(ends[:, 0], ends[:, 1], weights)
    graph.set_smooth_cost(pairwise)
    return _labels(graph, n_iter, algorithm, init_labels)


def cut_grid_graph(
    unary_cost: ArrayLike,
    pairwise_cost: ArrayLike,
    cost_v: ArrayLike,
    cost_h: ArrayLike,
    cost_dr: ArrayLike | None = None,
    cost_dl: ArrayLike | None = None,
    n_iter: int = -1,
    algorithm: str = "expansion",
) -> Array:
    """Label the pixels of an image.

    Parameters
    ----------
    unary_cost : array_like, shape (height, width, labels)
        Costs of labels at pixels.
    pairwise_cost : array_like, shape (labels, labels)
        Costs of labels at the ends of an edge of weight 1, symmetric.
    cost_v, cost_h : array_like, shapes (height - 1, width) and (height, width - 1)
        Weights of the edges to the pixel below and to the right.
    cost_dr, cost_dl : array_like, shape (height - 1, width - 1), optional
        Weights of diagonal edges: from (i, j) to (i + 1, j + 1), and from (i, j + 1) to
        (i + 1, j). They count if both are given.
    n_iter, algorithm
        As for `cut_general_graph`.

    Returns
    -------
    ndarray of int32, shape (height * width,)

    Raises
    ------
    PyGcoError, ValueError, AssertionError
        As `cut_general_graph`; AssertionError if weights have another size than their edges.
    """
    unary = np.asarray(unary_cost)
    height, width, k = unary.shape
    v_from, h_from, v_to, h_to = get_images_edges_vh(height, width)
    tails, heads, weights = [v_from, h_from], [v_to, h_to], [cost_v, cost_h]
    if cost_dr is not None and cost_dl is not None:
        dr_from, dl_from, dr_to, dl_to = get_images_edges_diag(height, width)
        tails += [dr_from, dl_from]
        heads += [dr_to, dl_to]
        weights += [cost_dr, cost_dl]
    given = [np.asarray(weight).ravel() for weight in weights]
    for ends, weight in zip(tails, given, strict=True):
        if len(ends) != len(weight):
            raise AssertionError(f"Weights need one entry per edge: {len(ends)}, got {len(weight)}")
    edges = np.stack([np.concatenate(tails), np.concatenate(heads)], axis=1)
    weight = np.concatenate(given)
    return cut_general_graph(edges, weight, unary.reshape(-1, k), pairwise_cost, n_iter, algorithm)


def cut_grid_graph_simple(
    unary_cost: ArrayLike,
    pairwise_cost: ArrayLike,
    n_iter: int = -1,
    connect: int = 4,
    algorithm: str = "expansion",
) -> Array:
    """Label the pixels of an image, with edges of weight 1.

    Parameters
    ----------
    unary_cost : array_like, shape (height, width, labels)
        Costs of labels at pixels.
    pairwise_cost : array_like, shape (labels, labels)
        Costs of labels at the ends of an edge, symmetric.
    n_iter : int, default -1
        As for `cut_general_graph`.
    connect : {4, 8}, default 4
        How many neighbors a pixel has.
    algorithm : {"expansion", "swap"}, default "expansion"
        Which moves.

    Returns
    -------
    ndarray of int32, shape (height * width,)

    Raises
    ------
    PyGcoError, ValueError
        As `cut_general_graph`.
    """
    height, width, _ = np.shape(unary_cost)
    down, right = np.ones((height - 1, width), np.int32), np.ones((height, width - 1), np.int32)
    diagonal = np.ones((height - 1, width - 1), np.int32) if connect == 8 else None
    return cut_grid_graph(
        unary_cost, pairwise_cost, down, right, diagonal, diagonal, n_iter, algorithm
    )


def get_images_edges_vh(height: int, width: int) -> tuple[Array, Array, Array, Array]:
    """Return the edges between pixels and those below and to the right.

    Parameters
    ----------
    height, width : int
        Size of the image.

    Returns
    -------
    v_from, h_from, v_to, h_to : ndarray of int
        Ends of the vertical and of the horizontal edges.
    """
    node = np.arange(height * width).reshape(height, width)
    return node[:-1].ravel(), node[:, :-1].ravel(), node[1:].ravel(), node[:, 1:].ravel()


def get_images_edges_diag(height: int, width: int) -> tuple[Array, Array, Array, Array]:
    """Return the edges between pixels and those below them to the right and to the left.

    Parameters
    ----------
    height, width : int
        Size of the image.

    Returns
    -------
    dr_from, dl_from, dr_to, dl_to : ndarray of int
        Ends of the edges down to the right, and down to the left.
    """
    node = np.arange(height * width).reshape(height, width)
    top, bottom = node[:-1], node[1:]
    return top[:, :-1].ravel(), top[:, 1:].ravel(), bottom[:, 1:].ravel(), bottom[:, :-1].ravel()


def _labels(graph: GCO, n_iter: int, algorithm: str, init_labels: ArrayLike | None) -> Array:
    """Make moves from first labels."""
    if init_labels is not None:
        first = np.asarray(init_labels).ravel()
        if len(first) < graph.nb_sites:
            raise IndexError(f"init_labels needs {graph.nb_sites} entries, got {len(first)}")
        for site in np.flatnonzero(first[: graph.nb_sites]):
            graph.init_label_at_site(int(site), int(first[site]))
    (graph.expansion if algorithm == "expansion" else graph.swap)(n_iter)
    return graph.get_labels()
