"""Labeling energies: the cost of a label for every node of a grid or a graph.

    E(x) = sum_v unary[v, x_v] + sum_{edges (p, q)} weight[p, q] * table[x_p, x_q]
           + sum_l label_cost[l] * [some node has label l]

`LabelingEnergy` checks the input and evaluates the definition in numpy; solvers are tested against
it. Further requirements of a solver (a metric, convexity, two labels) are checked by the solver.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import njit
from subopt._base.types import Array, ArrayLike
from subopt.graph.grid._input import periodic_axes
from subopt.labeling._exact import Costs, energy_of
from subopt.labeling._grid_edges import neighbours, pairs_at

PICTURE = 32  # least height and width of what may be a picture with the labels first
LARGEST = 1e60  # largest number that is accepted, so that sums and products stay finite


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
    label_costs : array_like of shape (L,), optional
        Nonnegative costs of the labels, paid once for every label that occurs.
    fixed : array_like of int, shape (\*grid,) or (n,), optional
        Known labels of nodes, -1 where the label is not known. All other labels of nodes with known
        labels are forbidden.
    offsets : sequence of tuples of int, optional
        Neighbors on a grid: node p is joined to node ``p + offset`` for every offset. By default
        one step along every axis. `weights` is then a number, or a list with one entry per offset:
        a number, or an array whose shape is that of the grid minus ``abs(offset)`` (not reduced
        along periodic axes).
    periodic : bool or sequence of bool, default False
        Whether the last node of an axis is joined to its first node; one value per axis, or one for
        all.
    label_axis : int, optional
        The axis of `unary` that runs over the labels; the last one by default. It needs to be given
        where few numbers come first in the shape of a picture, such as (3, 480, 640).

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
        fixed: ArrayLike | None = None,
        offsets: Sequence[Sequence[int]] | None = None,
        periodic: bool | Sequence[bool] = False,
        label_axis: int | None = None,
    ) -> None:
        costs = _labels_last(numbers("unary", unary), label_axis)
        if costs.ndim < 2 or 0 in costs.shape:
            raise ValueError(
                "unary needs the shape (*grid, labels) or (nodes, labels) with no empty axis, got "
                f"{costs.shape}"
            )
        self.shape: tuple[int, ...] = costs.shape[:-1]
        self.n = math.prod(self.shape)
        self.n_labels = costs.shape[-1]
        # one row per label, because moves read one label of all nodes
        self.costs = np.array(costs.reshape(self.n, -1).T, order="C")
        if fixed is not None:
            self.costs = _fix(self.costs, fixed, self.shape)
        _require_a_label(self.costs, self.shape)
        self.is_grid = edges is None
        around = periodic_axes(periodic, len(self.shape))
        if edges is not None and (offsets is not None or any(around)):
            raise ValueError("offsets and periodic are for grids; leave out edges")
        self.has_default_edges = edges is None and offsets is None and not any(around)
        if self.has_default_edges:
            self.tails, self.heads = neighbours(self.shape)
            self.weights = _grid_weights(weights, self.shape)
        elif edges is None:
            ends = _offset_pairs(offsets, self.shape, around)
            self.weights = _offset_weights(weights, [t.shape for t, _ in ends])
            self.tails, self.heads = (
                np.concatenate([pair[end].ravel() for pair in ends]) for end in (0, 1)
            )
        else:
            self.tails, self.heads = _edges(edges, self.n)
            self.weights = _edge_weights(weights, len(self.tails))
        self.metric = metric if isinstance(metric, str) else "table"
        self.table = _table(metric, truncation, self.n_labels)
        # relative rounding error of the entries, so that a metric in single precision is recognized
        single = getattr(metric, "dtype", None) in (np.float32, np.float16)
        self.table_rounding = 2.0**-20 if single else 2.0**-46
        _require_no_reward(self.table, self.weights)
        self.label_costs = np.zeros(self.n_labels)
        if label_costs is not None:
            self.label_costs = _label_costs(label_costs, self.n_labels)
        parts = {"unary": costs, "weights": self.weights, "metric": self.table}
        for name, values in (parts | {"label_costs": self.label_costs}).items():
            require_sums(name, values)
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
        r"""Evaluate the energy E(x) of a labeling, as defined above.

        Parameters
        ----------
        labels : array_like of int, shape (\*grid,) or (n,)
            The label of each node.

        Returns
        -------
        float
            The sum, rounded once; infinite if it contains a forbidden label or pair.
        """
        x = self.check_labels("labels", labels)
        parts = energy_of(self.terms, x)
        if not self.label_costs.any():
            return math.fsum(parts)
        return math.fsum([*parts, *self.label_costs[np.unique(x)]])

    def is_lower(self, x: Array, y: Array) -> bool:
        """Return whether one labeling has a lower energy than another, also by less than rounding.

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
        a, b = energy_of(self.terms, x), energy_of(self.terms, y)
        if np.inf in (a[0], b[0]):
            return bool(a[0] < b[0])
        own, other = self.label_costs[np.unique(x)], -self.label_costs[np.unique(y)]
        return math.fsum([*a, *(-part for part in b), *own, *other]) < 0.0

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
        """Costs of an edge as seen from its first end and from its second end, shape (2, L, L)."""
        return np.stack([self.table, self.table.T])

    @cached_property
    def terms(self) -> Costs:
        """The energy without label costs, as arrays for kernels."""
        return Costs(
            self.costs, self.table, self.weights, self.tails, self.heads, uniform(self.table)
        )

    @cached_property
    def adjacency(self) -> Adjacency:
        """Both directions of every edge, in compressed rows."""
        return adjacency(self.n, self.tails, self.heads, self.weights)

    def _with(self, **changes: Array) -> LabelingEnergy:
        """Return the same energy with other costs, weights, table or label_costs."""
        other = copy(self)
        vars(other).pop("terms", None)
        if "weights" in changes:
            vars(other).pop("adjacency", None)
        for name, array in changes.items():
            array.setflags(write=False)
            setattr(other, name, array)
        return other


class Adjacency(NamedTuple):
    """Both directions of every edge, in compressed rows."""

    indptr: Array  # (n + 1,) int64
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32: position of the arc in the other direction
    weight: Array  # (arcs,) float64
    turned: Array  # (arcs,) int8: 1 if the arc leads from the second end of its edge to the first
    edge: Array  # (arcs,) int32: number of the edge


def adjacency(n: int, tails: Array, heads: Array, weights: Array) -> Adjacency:
    """Return the adjacency of the edges; within a row, in the order of the edges."""
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
    for e in range(tails.shape[0]):
        rows.indptr[tails[e] + 1] += 1
        rows.indptr[heads[e] + 1] += 1
    for v in range(cursor.shape[0]):
        rows.indptr[v + 1] += rows.indptr[v]
        cursor[v] = rows.indptr[v]
    for e in range(tails.shape[0]):
        p, q = tails[e], heads[e]
        i = cursor[p]
        cursor[p] = i + 1
        j = cursor[q]
        cursor[q] = j + 1
        rows.heads[i], rows.heads[j] = q, p
        rows.twin[i], rows.twin[j] = j, i
        rows.weight[i] = rows.weight[j] = weights[e]
        rows.turned[i], rows.turned[j] = 0, 1
        rows.edge[i] = rows.edge[j] = e


def uniform(table: Array) -> float:
    """Return the cost of two different labels if it is the same for all pairs, else 0."""
    most = float(table.max())
    if not 0.0 < most < np.inf:
        return 0.0
    return most if np.array_equal(table, most * (1.0 - np.eye(len(table)))) else 0.0


def _labels_last(costs: Array, label_axis: int | None) -> Array:
    """Return unary costs with the labels on the last axis, where `label_axis` says they are not."""
    if label_axis is not None:
        try:
            return np.ascontiguousarray(np.moveaxis(costs, label_axis, -1))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"label_axis needs an axis of unary, which has {costs.ndim}, got {label_axis!r}"
            ) from None
    if costs.ndim == 3 and min(costs.shape[1:]) >= max(PICTURE, 8 * costs.shape[0]):
        L, H, W = costs.shape
        raise ValueError(
            f"unary of shape {costs.shape} may be {L} labels for a picture of {H}x{W}, or {W} "
            f"labels for a grid of {L}x{H}. Say label_axis=0 for the former, label_axis=-1 for the "
            "latter."
        )
    return costs


def numbers(name: str, values: ArrayLike) -> Array:
    """Return costs as a C-contiguous float64 array of numbers or +inf, or name an invalid entry."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} needs a rectangular array of numbers, but its rows differ in length"
        ) from error
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs real numbers, got an array of dtype {array.dtype} and shape "
            f"{array.shape}. Convert it first, e.g. np.asarray({name}, dtype=float)."
        )
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill it, with np.inf for forbidden labels")
    array = np.ascontiguousarray(array, dtype=np.float64)
    if array.size and not array.min() > -np.inf:  # NaN compares as false
        bad = ~(array > -np.inf)
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} needs numbers, or np.inf for what is forbidden, but "
            f"{name}[{', '.join(map(str, index))}] is {array[index]} ({int(bad.sum())} such "
            "entries)"
        )
    return array


def require_sums(name: str, values: Array) -> None:
    """Raise if finite numbers are so large that sums of them may not be finite."""
    if not values.size:
        return
    most = values.max()
    if most == np.inf:
        most = values.max(where=np.isfinite(values), initial=-np.inf)
    if max(most, -values.min()) > LARGEST:
        raise ValueError(
            f"{name} needs numbers up to {LARGEST:g}, so that sums are finite; np.inf forbids"
        )


def _fix(costs: Array, fixed: ArrayLike, shape: tuple[int, ...]) -> Array:
    labels = np.asarray(fixed)
    n_labels, n = costs.shape
    if labels.shape not in (shape, (n,)) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"fixed needs integers of shape {shape}, -1 for free nodes, got dtype {labels.dtype} "
            f"and shape {labels.shape}"
        )
    bad = np.argwhere((labels < -1) | (labels >= n_labels))
    if len(bad):
        index = tuple(map(int, bad[0]))
        raise ValueError(
            f"fixed needs labels in 0..{n_labels - 1}, or -1, but "
            f"fixed[{', '.join(map(str, index))}] is {labels[index]}"
        )
    labels = labels.ravel()
    other = (labels >= 0) & (np.arange(n_labels)[:, None] != labels)
    return np.where(other, np.inf, costs)


def _require_a_label(costs: Array, shape: tuple[int, ...]) -> None:
    lost = np.isposinf(costs).all(axis=0) if costs.max() == np.inf else np.zeros(1, bool)
    if lost.any():
        index = tuple(map(int, np.unravel_index(int(np.argmax(lost)), shape)))
        raise ValueError(
            f"unary and fixed need to allow a label at every node, but at node "
            f"{index if len(index) > 1 else index[0]} all are infinite"
        )


def _require_no_reward(table: Array, weights: Array) -> None:
    """Raise if an edge would be infinitely cheap, or allow no pair of labels at all."""
    if table.max() < np.inf:
        return
    forbidden = np.isposinf(table)
    if (weights < 0).any():
        e = int(np.argmin(weights))
        raise ValueError(
            "An infinite entry of the table needs weights >= 0, but weights of edge "
            f"{e} is {weights[e]:g}"
        )
    if forbidden.all():
        raise ValueError("metric needs a finite entry: a table that forbids all pairs has no use")


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


def _offset_pairs(
    offsets: Sequence[Sequence[int]] | None, shape: tuple[int, ...], periodic: tuple[bool, ...]
) -> list[tuple[Array, Array]]:
    """Return the ends of the edges of every offset."""
    d = len(shape)
    if offsets is None:
        offsets = [tuple(int(a == axis) for a in range(d)) for axis in range(d)]
    vectors: list[tuple[int, ...]] = []
    for i, offset in enumerate(offsets):
        try:
            vector = tuple(operator.index(step) for step in offset)
        except TypeError as error:
            raise TypeError(
                f"offsets needs tuples of ints, but offsets[{i}] is {offset!r}"
            ) from error
        if len(vector) != d:
            raise ValueError(f"offsets[{i}] needs one int per axis of the grid: {d}, got {offset}")
        if vector in vectors or tuple(-step for step in vector) in vectors:
            raise ValueError(f"offsets[{i}] = {vector} joins the same nodes as an earlier one")
        vectors.append(vector)
    ends = [pairs_at(shape, vector, periodic) for vector in vectors]
    for i, (tails, heads) in enumerate(ends):
        if (tails == heads).any():
            raise ValueError(f"offsets[{i}] = {vectors[i]} joins nodes with themselves")
    return ends


def _offset_weights(weights: Any, sides: list[tuple[int, ...]]) -> Array:
    if isinstance(weights, list | tuple) or np.ndim(weights) > 0:
        if len(weights) != len(sides):
            raise ValueError(
                f"weights needs a number, or one entry per offset: {len(sides)}, got {len(weights)}"
            )
        parts = [validate.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
    else:
        parts = [validate.real_array("weights", weights)] * len(sides)
    for i, (part, side) in enumerate(zip(parts, sides, strict=True)):
        if part.shape not in ((), side):
            raise ValueError(f"weights[{i}] needs a number or the shape {side}, got {part.shape}")
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
        table = numbers("metric", metric)
        if table.shape != (L, L):
            raise ValueError(
                f"metric needs a table of shape (labels, labels) = {(L, L)}, got {table.shape}"
            )
        return np.array(table)
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
