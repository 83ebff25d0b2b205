"""Weighted graphs of callers as compressed rows: matrices, lists of edges, grids."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import compress, entries


def matrix_arcs(adjacency: Any) -> tuple[int, Array, Array, Array]:
    """Return the number of nodes, and tails, heads and weights of the entries of a matrix."""
    if hasattr(adjacency, "adj"):
        raise TypeError("Cut needs a matrix. For a graph use Cut.from_networkx(graph).")
    if isinstance(adjacency, list) and any(isinstance(row, tuple) for row in adjacency):
        raise TypeError(
            "Cut needs a matrix, and a list of tuples looks like a list of edges: use "
            "Cut.from_edges(edges, weights), or a list of lists for a matrix."
        )
    rows, columns, weights, shape = entries("adjacency", adjacency)
    if shape[0] != shape[1]:
        raise ValueError(
            f"adjacency needs to be square, got shape {shape}. For a list of edges use "
            "Cut.from_edges(edges, weights)."
        )
    return shape[0], rows, columns, weights


def edge_ends(edges: ArrayLike, n: int | None, limit: str, hint: str) -> tuple[Array, int]:
    """Return the two ends of each edge, and the number of nodes; `limit` is what `n` is called."""
    ends = validate.rectangular("edges", edges)
    if ends.size == 0:
        ends = np.zeros((0, 2), dtype=np.intp)
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "iu":
        named = " Number the nodes 0, 1, ...: dict(zip(names, range(len(names))))."
        raise ValueError(
            f"edges needs integers of shape (m, 2), got dtype {ends.dtype} and shape "
            f"{ends.shape}. {hint}{named if ends.dtype.kind in 'USO' else ''}".rstrip()
        )
    largest = int(ends.max()) if ends.size else -1  # unsigned integers have no initial -1
    n = largest + 1 if n is None else validate.size(limit, n)
    bad = ((ends < 0) | (ends >= n)).any(axis=1)
    if bad.any():
        e = int(bad.argmax())
        pair = tuple(int(i) for i in ends[e])
        raise ValueError(f"edges needs ends in 0..{n - 1}, but edges[{e}] is {pair}")
    return ends.astype(np.int64), n


def listed_arcs(
    edges: ArrayLike, weights: ArrayLike | None, n: int | None, directed: bool
) -> tuple[int, Array, Array, Array]:
    """Return the number of nodes, and tails, heads and weights of arcs; two per undirected edge."""
    ends, n = edge_ends(edges, n, "n", "Weights go into the second argument.")
    w = validate.real_array("weights", 1.0 if weights is None else weights)
    if w.shape not in ((), (len(ends),)):
        raise ValueError(
            f"weights needs one number, or one number per edge, {len(ends)}, got {w.shape}"
        )
    w = np.ascontiguousarray(np.broadcast_to(w, len(ends)))
    tails, heads = ends[:, 0], ends[:, 1]
    if not directed:
        tails, heads = np.concatenate([tails, heads]), np.concatenate([heads, tails])
        w = np.concatenate([w, w])
    return n, tails, heads, w


class GridWeights(NamedTuple):
    """The weights of a grid in which nearest neighbors are joined."""

    lengths: tuple[int, ...]
    axes: tuple[Array, ...]  # each broadcasts to the shape of the pairs along its axis

    @property
    def n(self) -> int:
        """Number of cells."""
        return math.prod(self.lengths)

    @property
    def n_edges(self) -> int:
        """Number of pairs with a positive weight."""
        return sum(
            math.prod(_pairs(a, self.lengths)) * int(w.item() != 0)
            if w.size == 1
            else int(np.count_nonzero(self.along(a)))
            for a, w in enumerate(self.axes)
        )

    def along(self, a: int) -> Array:
        """Return the weight of each pair of neighbors along axis a."""
        return np.broadcast_to(self.axes[a], _pairs(a, self.lengths))


def grid_weights(shape: int | Sequence[int], weights: Any) -> GridWeights:
    """Return the weights of a grid, checked."""
    given_lengths = [shape] if isinstance(shape, int | np.integer) else list(shape)
    lengths = [validate.natural(f"shape[{a}]", k) for a, k in enumerate(given_lengths)]
    one = isinstance(weights, numbers.Real)
    if not one and not isinstance(weights, Iterable):
        raise TypeError(f"weights needs a number, or one array per axis, got {weights!r}")
    per_axis = [weights] * len(lengths) if one else list(weights)
    if len(per_axis) != len(lengths):
        raise ValueError(
            f"weights needs a number, or one array per axis, {len(lengths)}, got {len(per_axis)}"
        )
    axes = tuple(_axis_weights(a, given, tuple(lengths)) for a, given in enumerate(per_axis))
    return GridWeights(tuple(lengths), axes)


def grid_rows(grid: GridWeights) -> tuple[Array, Array, Array]:
    """Return indptr, indices and weights of a grid in which nearest neighbors are joined."""
    lengths, n = grid.lengths, grid.n
    # columns in the order of neighbors: back along the first axis, .., on along the first axis
    joined = np.zeros((n, 2 * len(lengths)))
    for a in range(len(lengths)):
        w = grid.along(a)
        if len(lengths) == 1 and n > 1 and w.all():
            return (*_chain(n), np.repeat(w, 2))
        last = [slice(None)] * len(lengths)
        last[a] = slice(1, None)
        joined[:, a].reshape(lengths)[tuple(last)] = w
        last[a] = slice(None, -1)
        joined[:, -1 - a].reshape(lengths)[tuple(last)] = w
    strides = np.array([math.prod(lengths[a + 1 :]) for a in range(len(lengths))], np.int64)
    steps = np.concatenate([-strides, strides[::-1]])
    rows, columns = np.nonzero(joined)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]).astype(np.int64)
    return indptr, rows + steps[columns], joined[rows, columns]


def _pairs(a: int, lengths: Sequence[int]) -> tuple[int, ...]:
    return tuple(max(length - (b == a), 0) for b, length in enumerate(lengths))


def _axis_weights(a: int, given: ArrayLike, lengths: Sequence[int]) -> Array:
    """Return the weights of the pairs of neighbors along axis a, checked."""
    w = validate.real_array(f"weights[{a}]", given)
    pairs = _pairs(a, lengths)
    try:
        whole = np.broadcast_to(w, pairs)
    except ValueError:
        raise ValueError(
            f"weights[{a}] needs to broadcast to the shape of the pairs along axis {a}, {pairs}, "
            f"got {w.shape}"
        ) from None
    if (w < 0).any() and (whole < 0).any():
        at = tuple(int(i) for i in np.argwhere(whole < 0)[0])
        raise ValueError(f"weights[{a}] needs numbers >= 0, but at {at} it is {whole[at]:g}")
    w.setflags(write=False)
    return w


def _chain(n: int) -> tuple[Array, Array]:
    """Return the compressed rows of a path through 0, 1, .., n - 1."""
    indptr = np.arange(-1, 2 * n, 2)
    indptr[0], indptr[n] = 0, 2 * n - 2
    indices = np.empty(2 * n - 2, dtype=np.int64)
    indices[::2] = np.arange(1, n)
    indices[1::2] = np.arange(n - 1)
    return indptr, indices


def joined_rows(
    n: int, tails: Array, heads: Array, weights: Array, directed: bool, name: str
) -> tuple[Array, Array, Array, Array]:
    """Return indptr, indices, and the capacities of each pair in both directions.

    The two arrays of capacities are the same object if the graph is undirected. `name` is that of
    the weights, for messages.
    """
    if (weights < 0).any():
        e = int(np.argmax(weights < 0))
        entry = f"{name}[{tails[e]}, {heads[e]}]" if name == "adjacency" else f"{name}[{e}]"
        raise ValueError(
            f"Cut needs nonnegative weights to be submodular, but {entry} is {weights[e]:g}. For "
            "a signed graph, split it: Cut(positive) - Cut(negative) is a DifferenceOfSubmodular."
        )
    off = (tails != heads) & (weights != 0)
    i, j, w = tails[off], heads[off], weights[off]
    zero = np.zeros(len(w))
    indptr, indices, (forward, backward) = compress(
        n,
        n,
        np.concatenate([i, j]),
        np.concatenate([j, i]),
        (np.concatenate([w, zero]), np.concatenate([zero, w])),
    )
    if not directed:
        _check_symmetric(indptr, indices, forward, backward)
        forward = backward = forward / 2 + backward / 2
    if directed and np.array_equal(forward, backward):
        backward = forward
    return indptr, indices, forward, backward


def _check_symmetric(indptr: Array, indices: Array, forward: Array, backward: Array) -> None:
    difference = np.abs(forward - backward)
    if not difference.size or difference.max() <= 1e-12 * forward.max():
        return
    e = int(difference.argmax())
    i, j = int(np.searchsorted(indptr, e, side="right")) - 1, int(indices[e])
    raise ValueError(
        f"adjacency needs to be symmetric, but adjacency[{i}, {j}] is {forward[e]:g} and "
        f"adjacency[{j}, {i}] is {backward[e]:g}. Pass directed=True for one-way arcs, or "
        "adjacency + adjacency.T to count every entry as an edge."
    )
