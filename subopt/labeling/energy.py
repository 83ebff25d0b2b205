"""Labeling energies: a label for every node, costs of labels and of labels of neighbours.

    E(x) = sum_v unary[v, x_v] + sum_{edges (p, q)} weight[p, q] * table[x_p, x_q]
           + sum_l label_cost[l] * [some node has label l]

`LabelingEnergy` is the definition, plain numpy, that every solver is tested against, and the one
place where inputs are checked. What a solver needs of it beyond that (a metric, convexity, two
labels) the solver checks itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import njit
from subopt._base.types import Array, ArrayLike
from subopt.labeling._grid_edges import neighbours

LARGEST = 1e60  # of all numbers: sums and products of two of them are still finite


class LabelingEnergy:
    r"""Unary costs, pairwise costs on the edges of a grid or a graph, and costs of labels.

    Parameters
    ----------
    unary : array_like of shape (\*grid, L) or (n, L)
        ``unary[v, l]`` is the cost of label l at node v; any real numbers. Without `edges`, the
        leading axes are a grid on which nodes next to each other along an axis are neighbours.
    edges : array_like of int, shape (m, 2), optional
        Pairs of nodes, for a graph that is not a grid. Parallel edges add up.
    weights : float or array_like of shape (m,), or one such array per axis of a grid
        Weight of every edge; on a grid of shape (H, W) ``[w0 of shape (H - 1, W), w1 of shape
        (H, W - 1)]``. Negative weights are allowed here, but most solvers refuse them.
    metric : {"potts", "linear", "quadratic"} or array_like of shape (L, L)
        ``table[a, b]`` is the cost of an edge with label a at its first end and b at its second.
        "potts" is ``[a != b]``, "linear" ``|a - b|``, "quadratic" ``(a - b)**2``.
    truncation : float, optional
        The largest entry of a "linear" or "quadratic" table.
    label_costs : array_like of shape (L,), optional
        Costs >= 0 of using a label at all.

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

    def __init__(
        self,
        unary: ArrayLike,
        *,
        edges: ArrayLike | None = None,
        weights: float | ArrayLike | Sequence[ArrayLike] = 1.0,
        metric: str | ArrayLike = "potts",
        truncation: float | None = None,
        label_costs: ArrayLike | None = None,
    ) -> None:
        costs = validate.real_array("unary", unary, copy=False)
        if costs.ndim < 2 or 0 in costs.shape:
            raise ValueError(
                "unary needs the shape (*grid, labels) or (nodes, labels) with no empty axis, got "
                f"{costs.shape}"
            )
        self.shape: tuple[int, ...] = costs.shape[:-1]
        self.n = math.prod(self.shape)
        self.n_labels = costs.shape[-1]
        # label by label, because moves look at one label of all nodes
        self.costs = np.array(costs.reshape(self.n, -1).T, order="C")
        self.is_grid = edges is None
        if edges is None:
            self.tails, self.heads = neighbours(self.shape)
            self.weights = _grid_weights(weights, self.shape)
        else:
            self.tails, self.heads = _edges(edges, self.n)
            self.weights = _edge_weights(weights, len(self.tails))
        self.metric = metric if isinstance(metric, str) else "table"
        self.table = _table(metric, truncation, self.n_labels)
        self.label_costs = np.zeros(self.n_labels)
        if label_costs is not None:
            self.label_costs = _label_costs(label_costs, self.n_labels)
        parts = {"unary": costs, "weights": self.weights, "metric": self.table}
        for name, values in (parts | {"label_costs": self.label_costs}).items():
            if values.size and max(values.max(), -values.min()) > LARGEST:
                raise ValueError(f"{name} needs numbers up to {LARGEST:g}, so that sums are finite")
        for array in (
            self.costs,
            self.tails,
            self.heads,
            self.weights,
            self.table,
            self.label_costs,
        ):
            array.setflags(write=False)

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
        r"""Evaluate E(x) as it is written above.

        Parameters
        ----------
        labels : array_like of int, shape (\*grid,) or (n,)

        Returns
        -------
        float
        """
        x = self.check_labels("labels", labels)
        unary = self.costs[x, np.arange(self.n)].sum()
        pairwise = (self.weights * self.table[x[self.tails], x[self.heads]]).sum()
        return float(unary + pairwise + self.label_costs[np.unique(x)].sum())

    def check_labels(self, name: str, labels: ArrayLike) -> Array:
        """Return labels as a fresh flat int64 array, or name the entry that is wrong."""
        x = np.asarray(labels)
        if x.shape not in (self.shape, (self.n,)) or x.dtype.kind not in "iu":
            raise ValueError(
                f"{name} needs integers of shape {self.shape}, got dtype {x.dtype} and shape "
                f"{x.shape}"
            )
        bad = np.argwhere((x < 0) | (x >= self.n_labels))
        if len(bad):
            index = tuple(map(int, bad[0]))
            raise ValueError(
                f"{name} needs labels in 0..{self.n_labels - 1}, but "
                f"{name}[{', '.join(map(str, index))}] is {x[index]}"
            )
        return x.astype(np.int64).ravel()

    @property
    def tables(self) -> Array:
        """Costs of an edge seen from its first and from its second end, (2, L, L)."""
        return np.stack([self.table, self.table.T])

    @cached_property
    def adjacency(self) -> Adjacency:
        """Both directions of every edge, in compressed rows."""
        return adjacency(self.n, self.tails, self.heads, self.weights)

    def _with_costs(self, costs: Array) -> LabelingEnergy:
        """Return the same with other unary costs, (L, n), read-only."""
        other = copy(self)
        vars(other).update(costs=costs, adjacency=self.adjacency)
        return other


class Adjacency(NamedTuple):
    """Both directions of every edge, row by row."""

    indptr: Array  # (n + 1,) int64
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32, the other direction
    weight: Array  # (arcs,)
    turned: Array  # (arcs,) int8, 1 if the arc leads from the second end of its edge to the first
    edge: Array  # (arcs,) int32


def adjacency(n: int, tails: Array, heads: Array, weights: Array) -> Adjacency:
    """Return the adjacency of some edges; rows in the order of the edges."""
    indptr = np.zeros(n + 1, dtype=np.int64)
    arcs = 2 * len(tails)
    rows = Adjacency(
        indptr,
        np.empty(arcs, np.int32),
        np.empty(arcs, np.int32),
        np.empty(arcs),
        np.empty(arcs, np.int8),
        np.empty(arcs, np.int32),
    )
    _fill(tails, heads, weights, np.empty(n, np.int64), rows)
    return rows


@njit
def _fill(tails, heads, weights, cursor, rows):
    """Sort both directions of all edges into rows by counting."""
    indptr, ends, twin, weight, turned, edge = rows
    for e in range(tails.shape[0]):
        indptr[tails[e] + 1] += 1
        indptr[heads[e] + 1] += 1
    for v in range(cursor.shape[0]):
        indptr[v + 1] += indptr[v]
        cursor[v] = indptr[v]
    for e in range(tails.shape[0]):
        p, q = tails[e], heads[e]
        i = cursor[p]
        cursor[p] = i + 1
        j = cursor[q]
        cursor[q] = j + 1
        ends[i], ends[j] = q, p
        twin[i], twin[j] = j, i
        weight[i] = weight[j] = weights[e]
        turned[i], turned[j] = 0, 1
        edge[i] = edge[j] = e


def _grid_weights(
    weights: float | ArrayLike | Sequence[ArrayLike], shape: tuple[int, ...]
) -> Array:
    sides = [
        tuple(length - (a == axis) for a, length in enumerate(shape)) for axis in range(len(shape))
    ]
    if isinstance(weights, list | tuple) and len(weights) == len(shape):
        parts = [validate.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
    else:
        whole = validate.real_array("weights", weights)  # type: ignore[arg-type]
        if whole.ndim and len(shape) > 1:
            raise ValueError(
                f"weights of a grid with {len(shape)} axes needs a number or a list with one array "
                f"per axis, of the shapes {sides}; got an array of shape {whole.shape}"
            )
        parts = [whole] * len(shape)
    for axis, (part, side) in enumerate(zip(parts, sides, strict=True)):
        if part.ndim and part.shape != side:
            raise ValueError(
                f"weights[{axis}] needs one number per edge along axis {axis}, shape {side}, got "
                f"{part.shape}"
            )
    return np.concatenate(
        [np.broadcast_to(part, side).ravel() for part, side in zip(parts, sides, strict=True)]
    )


def _edge_weights(weights: float | ArrayLike | Sequence[ArrayLike], m: int) -> Array:
    array = validate.real_array("weights", weights)  # type: ignore[arg-type]
    if array.shape not in ((), (m,)):
        raise ValueError(
            f"weights needs a number or one for each of the {m} edges, got shape {array.shape}"
        )
    return np.array(np.broadcast_to(array, (m,)))


def _edges(edges: ArrayLike, n: int) -> tuple[Array, Array]:
    pairs = np.asarray(edges)
    if pairs.size == 0:
        pairs = pairs.reshape(0, 2).astype(np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise TypeError(
            f"edges needs integers of shape (m, 2), got dtype {pairs.dtype} and shape {pairs.shape}"
        )
    bad = np.argwhere((pairs < 0) | (pairs >= n))
    if len(bad):
        e, i = map(int, bad[0])
        raise ValueError(f"edges needs nodes in 0..{n - 1}, but edges[{e}, {i}] is {pairs[e, i]}")
    loop = pairs[:, 0] == pairs[:, 1]
    if loop.any():
        e = int(np.argmax(loop))
        raise ValueError(
            f"edges needs two different ends, but edges[{e}] is ({pairs[e, 0]}, {pairs[e, 1]}). "
            "A loop costs weight * table[l, l]: add that to unary."
        )
    return tuple(np.ascontiguousarray(pairs.T.astype(np.int64)))


def _table(metric: str | ArrayLike, truncation: float | None, L: int) -> Array:
    if not isinstance(metric, str):
        if truncation is not None:
            raise ValueError(
                "truncation is for metric 'linear' or 'quadratic'; truncate a table yourself with "
                "np.minimum"
            )
        table = validate.real_array("metric", metric)
        if table.shape != (L, L):
            raise ValueError(
                f"metric needs a table of shape (labels, labels) = {(L, L)}, got {table.shape}"
            )
        return table
    validate.choice("metric", metric, ("potts", "linear", "quadratic"))
    apart = np.abs(np.subtract.outer(np.arange(L), np.arange(L))).astype(np.float64)
    if metric == "potts":
        if truncation is not None:
            raise ValueError("metric 'potts' takes no truncation; scale it with weights")
        return np.minimum(apart, 1.0)
    table = apart if metric == "linear" else apart**2
    if truncation is None:
        return table
    return np.minimum(table, validate.nonnegative("truncation", truncation))


def _label_costs(label_costs: ArrayLike, L: int) -> Array:
    costs = validate.real_array("label_costs", label_costs)
    if costs.shape != (L,):
        raise ValueError(f"label_costs needs the shape (labels,) = {(L,)}, got {costs.shape}")
    if (costs < 0).any():
        l = int(np.argmin(costs))
        raise ValueError(
            f"label_costs needs numbers >= 0, but label_costs[{l}] is {costs[l]:g}. A reward for "
            "using a label makes the problem hard for every method here."
        )
    return costs


def require_energy(name: str, energy: Any) -> None:
    """Raise unless what a method was called with is a `LabelingEnergy`."""
    if not isinstance(energy, LabelingEnergy):
        raise TypeError(f"{name} needs a LabelingEnergy, got {type(energy).__name__}")
