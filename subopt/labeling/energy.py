"""Labeling energies: the cost of a label for every node of a grid or a graph.

    E(x) = sum_v unary[v, x_v] + sum_{edges (p, q)} weight[p, q] * table[x_p, x_q]
           + sum_l label_cost[l] * [some node has label l]

with one table for all edges, or one per edge.

`LabelingEnergy` is the definition, in plain numpy, that all solvers are tested against. It also
checks all inputs (`_cost_arguments`, `_edge_arguments`). Further requirements of a solver, such as
a metric, convexity or two labels, are checked by the solver.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import options_named
from subopt._base.types import Array, ArrayLike
from subopt.labeling import _cost_arguments as given_costs
from subopt.labeling import _edge_arguments as given_edges
from subopt.labeling._adjacency import Adjacency, adjacency
from subopt.labeling._exact import Costs, energy_of


def read_only(labels: Array) -> Array:
    """Return labels as kernels get them: one more would be compiled for writable ones."""
    view = labels.view()
    view.setflags(write=False)
    return view


class LabelingEnergy:
    r"""Unary costs, pairwise costs on the edges of a grid or a graph, and costs of labels.

    Parameters
    ----------
    unary : array_like of shape (\*grid, L) or (n, L)
        ``unary[v, l]`` is the cost of label l at node v: any real number, or ``np.inf`` to forbid
        the label there. Without `edges`, the leading axes are those of a grid, in which nodes next
        to each other along an axis are neighbors.
    edges : array_like of int, shape (m, 2), optional
        Pairs of nodes, for a graph that is not a grid. The costs of parallel edges add up.
    weights : float or array_like of shape (m,), or one such array per axis of a grid
        Weight of every edge. On a grid of shape (H, W): ``[w0 of shape (H - 1, W), w1 of shape
        (H, W - 1)]``. Negative weights are allowed, but not supported by all solvers.
    metric : {"potts", "linear", "quadratic"} or array_like of shape (L, L)
        ``table[a, b]`` is the cost of an edge with label a at its first end and b at its second.
        "potts" is ``[a != b]``, "linear" ``|a - b|``, "quadratic" ``(a - b)**2``. An entry
        ``np.inf`` forbids the pair on every edge of positive weight; an edge of weight 0 costs
        nothing.
    truncation : float, optional
        Largest entry of a "linear" or "quadratic" table; larger entries are replaced by it.
    tables : array_like of shape (m, L, L), or list of array_like, optional
        A table per edge, in place of `metric`; on a grid a list with one array per axis, or per
        entry of `offsets`, whose shape is that of its `weights` and (L, L). The tables need not be
        symmetric: the first end of an edge of a grid is the one with the lower index.
    label_costs : array_like of shape (L,), optional
        Nonnegative costs of the labels, paid once for every label that occurs.
    fixed : array_like of int, shape (\*grid,) or (n,), optional
        Known labels of nodes, -1 where the label is not known. All other labels of nodes with known
        labels are forbidden.
    mask : array_like of bool, shape (\*grid,) or (n,), optional
        Nodes that belong to the problem. The others get label 0 and cost nothing, and their edges
        are left out. Not together with `label_costs`, which count all nodes.
    offsets : sequence of tuples of int, optional
        Neighbors on a grid: node p is joined to node ``p + offset`` for every offset. By default
        one step along every axis. `weights` is then a number, or a list with one entry per offset:
        a number, or an array whose shape is that of the grid minus ``abs(offset)`` (not reduced
        along periodic axes).
    periodic : bool or sequence of bool, default False
        Whether the last node of an axis is joined to its first node; one value per axis, or one for
        all.
    label_axis : int, optional
        Axis of the labels in `unary`; the last one by default. A grid whose shape looks as if its
        labels came first, such as (3, 20, 30) or (21, 480, 640), needs it.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message names the entry.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3], [2, 1], [3, 0]], weights=1.5)
    >>> energy.value([0, 1, 1])
    2.5
    """

    @options_named
    def __init__(
        self,
        unary: ArrayLike,
        *,
        edges: ArrayLike | None = None,
        weights: float | ArrayLike | Sequence[ArrayLike] = 1.0,
        metric: str | ArrayLike = "potts",
        truncation: float | None = None,
        tables: ArrayLike | Sequence[ArrayLike] | None = None,
        label_costs: ArrayLike | None = None,
        fixed: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        offsets: Sequence[Sequence[int]] | None = None,
        periodic: bool | Sequence[bool] = False,
        label_axis: int | None = None,
    ) -> None:
        costs = given_costs.unary_costs(unary, label_axis, is_grid=edges is None)
        self.shape: tuple[int, ...] = costs.shape[:-1]
        self.n = math.prod(self.shape)
        self.n_labels = L = costs.shape[-1]
        # one row per label, because moves read one label of all nodes
        self.costs = np.array(costs.reshape(self.n, -1).T, order="C")
        if fixed is not None:
            self.costs = given_costs.fix(self.costs, fixed, self.shape)
        graph = given_edges.graph(edges, offsets, periodic, self.shape)
        self.is_grid, self.edge_groups = edges is None, graph
        self.tails, self.heads = graph.tails, graph.heads
        self.weights = given_edges.weights_of(weights, graph)
        if mask is not None:
            given_costs.require_no("mask", label_costs=label_costs)
            self.costs, self.weights = given_edges.masked(self.costs, self.weights, mask, graph)
        given_costs.require_a_label(self.costs, self.shape)
        if tables is None:
            self.metric = metric if isinstance(metric, str) else "table"
            self.tables = given_costs.common_table(metric, truncation, L)[None]
        else:
            given_costs.require_no("tables", truncation=truncation, metric=metric)
            self.metric = "table per edge"
            self.tables = given_edges.tables_of(tables, graph, L)
        # relative rounding error of the entries, so that a metric in single precision is recognized
        single = given_costs.is_single(metric if tables is None else tables)
        self.table_rounding = 2.0**-20 if single else 2.0**-46
        given_costs.require_no_reward(self.tables, self.weights)
        self.label_costs = np.zeros(L)
        if label_costs is not None:
            self.label_costs = given_costs.costs_of_labels(label_costs, L)
        parts = {"unary": costs, "weights": self.weights, "metric": self.tables}
        for name, values in (parts | {"label_costs": self.label_costs}).items():
            given_costs.require_sums(name, values)
        for array in (
            self.costs,
            self.tails,
            self.heads,
            self.weights,
            self.tables,
            self.label_costs,
        ):
            array.setflags(write=False)

    @classmethod
    @options_named
    def from_graph(
        cls,
        unary: ArrayLike | str,
        graph: Any,
        *,
        weight: str | None = "weight",
        metric: str | ArrayLike = "potts",
        truncation: float | None = None,
        tables: ArrayLike | Sequence[ArrayLike] | None = None,
        label_costs: ArrayLike | None = None,
        fixed: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> LabelingEnergy:
        """Build an energy on a networkx graph, a region adjacency graph or a sparse matrix.

        Parameters
        ----------
        unary : array_like of shape (n, L), or str
            Costs of labels; rows in the order of the nodes of the graph, or the name of the
            attribute of its nodes that holds them.
        graph : networkx.Graph, or sparse matrix of shape (n, n)
            A graph (`skimage.graph.RAG` is one), or a matrix of weights: symmetric, or with each
            edge in one of its triangles.
        weight : str or None, default "weight"
            Attribute of edges with their weights; edges without it have weight 1. None: all have.
            Not for matrices.
        metric, truncation : optional
            As in `LabelingEnergy`.
        tables : array_like of shape (edges, L, L), optional
            As in `LabelingEnergy`, in the order of ``graph.edges``, or of the entries
            ``scipy.sparse.coo_array(matrix)`` in the upper triangle, or in the lower one if that is
            empty.
        label_costs, fixed, mask : optional
            As in `LabelingEnergy`.

        Returns
        -------
        LabelingEnergy
            Node v is the v-th of ``list(graph)``, or row v of the matrix.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described; the message names the edge.

        Examples
        --------
        >>> import scipy.sparse
        >>> weights = scipy.sparse.coo_array([[0, 2.0, 0], [2.0, 0, 0.5], [0, 0.5, 0]])
        >>> energy = LabelingEnergy.from_graph([[0, 3], [2, 1], [3, 0]], weights)
        >>> energy.value([0, 1, 1])
        3.0
        """
        found = given_edges.read_graph(unary, graph, weight)
        return cls(
            found.unary,
            edges=found.edges,
            weights=found.weights,
            metric=metric,
            truncation=truncation,
            tables=tables,
            label_costs=label_costs,
            fixed=fixed,
            mask=mask,
        )

    def __repr__(self) -> str:
        graph = "grid " + "x".join(map(str, self.shape)) if self.is_grid else f"{self.n} nodes"
        extra = ", label costs" if self.label_costs.any() else ""
        return (
            f"LabelingEnergy({graph}, {len(self.tails)} edges, {self.n_labels} labels, "
            f"{self.metric}{extra})"
        )

    @property
    def unary(self) -> Array:
        r"""Unary costs, shape (\*grid, L); a copy."""
        return self.costs.T.reshape(*self.shape, self.n_labels).copy()

    def value(self, labels: ArrayLike) -> float:
        r"""Evaluate the energy E(x) of a labeling, as defined above.

        Parameters
        ----------
        labels : array_like of int, shape (\*grid,) or (n,)
            The label of each node.

        Returns
        -------
        float
            The sum, rounded once; infinite if it contains a forbidden label or pair.

        Raises
        ------
        TypeError, ValueError
            If `labels` is not one label from 0 to L - 1 per node.
        """
        x = self.check_labels("labels", labels)
        parts = self._parts(x)
        if not self.label_costs.any():
            return math.fsum(parts)
        return math.fsum([*parts, *self._paid(x)])

    def _parts(self, x: Array) -> tuple[float, float, float]:
        """Return the energy without label costs as a sum of three parts, infinite if forbidden."""
        parts: tuple[float, float, float] = energy_of(self.terms, read_only(x))
        return parts

    def _paid(self, x: Array) -> Array:
        """Return the costs of the labels that occur."""
        paid: Array = self.label_costs[np.bincount(x, minlength=self.n_labels) > 0]
        return paid

    def is_lower(self, x: Array, y: Array) -> bool:
        """Return whether one labeling has a lower energy than another.

        Parameters
        ----------
        x, y : ndarray of int64, shape (n,)
            Labels of all nodes.

        Returns
        -------
        bool
            Whether the energy of `x` is lower than that of `y`. The difference is computed in twice
            the working precision.
        """
        if np.array_equal(x, y):
            return False
        a, b = self._parts(x), self._parts(y)
        if np.inf in (a[0], b[0]):
            return bool(a[0] < b[0])
        if not self.label_costs.any():
            return math.fsum([*a, *(-part for part in b)]) < 0.0
        return math.fsum([*a, *(-part for part in b), *self._paid(x), *-self._paid(y)]) < 0.0

    def check_labels(self, name: str, labels: ArrayLike) -> Array:
        r"""Check labels, and return them as a new flat array.

        Parameters
        ----------
        name : str
            Name of the argument, for error messages.
        labels : array_like of int, shape (\*grid,) or (n,)
            The label of each node.

        Returns
        -------
        ndarray of int64, shape (n,)
            The labels.

        Raises
        ------
        ValueError
            If the shape is another one, or a label is not an integer in 0..L - 1; the message names
            the entry.
        """
        x = validate.rectangular(name, labels)
        if x.shape not in (self.shape, (self.n,)) or x.dtype.kind not in "iu":
            raise ValueError(
                f"{name} needs integers of shape {self.shape}, got dtype {x.dtype} and shape "
                f"{x.shape}"
            )
        if x.size and (x.min() < 0 or x.max() >= self.n_labels):
            index = tuple(map(int, np.argwhere((x < 0) | (x >= self.n_labels))[0]))
            raise ValueError(
                f"{name} needs labels in 0..{self.n_labels - 1}, but "
                f"{name}[{', '.join(map(str, index))}] is {x[index]}"
            )
        return x.astype(np.int64).ravel()

    @property
    def table(self) -> Array:
        """The table of all edges, (L, L).

        Raises
        ------
        AttributeError
            If every edge has a table of its own.
        """
        if len(self.tables) > 1 or self.metric == "table per edge":
            raise AttributeError("Every edge of this energy has a table of its own, see `tables`")
        table: Array = self.tables[0]
        return table

    @property
    def own(self) -> int:
        """1 if every edge has a table of its own, else 0: edge e has ``tables[own * e]``."""
        return int(len(self.tables) != 1)

    @cached_property
    def seen_tables(self) -> Array:
        """Tables from the first and from the second ends of edges in turn, (2 or 2 m, L, L)."""
        both = np.stack([self.tables, self.tables.swapaxes(1, 2)], axis=1)
        return both.reshape(-1, self.n_labels, self.n_labels)

    @cached_property
    def terms(self) -> Costs:
        """The energy without label costs, as arrays for kernels."""
        alike = uniform(self.tables)
        return Costs(self.costs, self.tables, self.weights, self.tails, self.heads, alike)

    @cached_property
    def adjacency(self) -> Adjacency:
        """Both directions of every edge, in compressed rows."""
        return adjacency(self.n, self.tails, self.heads, self.weights, 2 * self.own)

    @cached_property
    def least_costs(self) -> Array:
        """The cost of the cheapest label of every node, (n,)."""
        least: Array = self.costs.min(axis=0)
        return least

    def _with(self, **changes: Array) -> LabelingEnergy:
        """Return the same energy with other costs, weights, tables or label_costs."""
        other = copy(self)
        vars(other).pop("terms", None)
        for name, derived in _DERIVED.items():
            if name in changes:
                vars(other).pop(derived, None)
        for name, array in changes.items():
            array.setflags(write=False)
            setattr(other, name, array)
        return other


# attributes that are computed from others when they are first asked for
_DERIVED = {"costs": "least_costs", "weights": "adjacency", "tables": "seen_tables"}


def uniform(tables: Array) -> float:
    """Return the cost of two different labels if it is the same for all pairs, else 0."""
    if len(tables) != 1 or not 0.0 < (most := float(tables.max())) < np.inf:
        return 0.0
    table = tables[0]
    return most if np.array_equal(table, most * (1.0 - np.eye(len(table)))) else 0.0


def require_energy(name: str, energy: Any) -> None:
    """Raise unless what a method was called with is a `LabelingEnergy`."""
    if not isinstance(energy, LabelingEnergy):
        raise TypeError(f"{name} needs a LabelingEnergy, got {type(energy).__name__}")
