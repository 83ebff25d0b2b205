"""Edges of labeling energies, and their weights and tables, read from callers and checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike
from subopt.graph.grid._input import offset_vectors, periodic_axes
from subopt.labeling._cost_arguments import numbers
from subopt.labeling._grid_edges import neighbors, pairs_at


class EdgeGroups(NamedTuple):
    """The edges, in groups that arguments have one entry for: axes, or offsets, or just one."""

    tails: Array  # (m,)
    heads: Array  # (m,)
    sides: list[tuple[int, ...]]  # shape of each group; together they have m edges
    what: str  # what there is one group per: "axis", "offset", or "" for a graph
    shape: tuple[int, ...]  # of the nodes
    offsets: list[tuple[int, ...]]  # of the groups of a grid
    periodic: tuple[bool, ...]


class GraphCosts(NamedTuple):
    """Edges, weights and unary costs of a graph of a caller."""

    unary: Any
    edges: Array  # (m, 2)
    weights: Any


def graph(
    edges: ArrayLike | None,
    offsets: Sequence[Sequence[int]] | None,
    periodic: bool | Sequence[bool],
    shape: tuple[int, ...],
) -> EdgeGroups:
    """Return the edges of a grid, or of a graph if `edges` are given."""
    around = periodic_axes(periodic, len(shape))
    n = math.prod(shape)
    if edges is not None:
        if offsets is not None or any(around):
            raise ValueError("offsets and periodic are for grids; leave out edges")
        tails, heads = _edges(edges, n)
        return EdgeGroups(tails, heads, [(len(tails),)], "", shape, [], ())
    steps = offset_vectors(offsets, len(shape))
    if offsets is None and not any(around):
        tails, heads = neighbors(shape)
        sides = [
            tuple(length - (a == axis) for a, length in enumerate(shape))
            for axis in range(len(shape))
        ]
        return EdgeGroups(tails, heads, sides, "axis", shape, steps, around)
    ends = _offset_pairs(steps, shape, around)
    none = [np.zeros(0, dtype=np.int64)]  # no offsets, no edges
    tails, heads = (
        np.concatenate([*none, *(pair[end].ravel() for pair in ends)]) for end in (0, 1)
    )
    what = "axis" if offsets is None else "offset"
    return EdgeGroups(tails, heads, [t.shape for t, _ in ends], what, shape, steps, around)


def weights_of(weights: Any, graph: EdgeGroups) -> Array:
    """Return the weight of every edge."""
    sides = graph.sides
    if isinstance(weights, list | tuple) and graph.what and len(weights) == len(sides):
        parts = [validate.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
    else:
        whole = validate.real_array("weights", weights)
        if whole.ndim and not graph.what and whole.shape != sides[0]:
            raise ValueError(
                f"weights needs a number or one for each of the {sides[0][0]} edges, got shape "
                f"{whole.shape}"
            )
        if whole.ndim and (len(sides) > 1 or whole.shape != sides[0]):
            a_list = isinstance(weights, list | tuple)
            got = len(weights) if a_list else f"an array of shape {whole.shape}"
            raise ValueError(
                f"weights needs a number, or a list with one entry per {graph.what}: {len(sides)}, "
                f"got {got}; each is a number or an array, of the shapes {sides}"
            )
        parts = [whole] * len(sides)
    for i, (part, side) in enumerate(zip(parts, sides, strict=True)):
        if part.shape not in ((), side):
            raise ValueError(
                f"weights[{i}] needs a number or the shape {side}, one number per edge of this "
                f"{graph.what}, got {part.shape}"
            )
    spread = [np.broadcast_to(part, side).ravel() for part, side in zip(parts, sides, strict=True)]
    return np.concatenate([np.zeros(0), *spread])


def tables_of(tables: Any, graph: EdgeGroups, L: int) -> Array:
    """Return the table of every edge, (m, L, L); a single one if there are no edges."""
    m, sides = len(graph.tails), graph.sides
    if isinstance(tables, list | tuple) and graph.what and len(tables) == len(sides):
        parts = [numbers(f"tables[{i}]", part) for i, part in enumerate(tables)]
        for i, (part, side) in enumerate(zip(parts, sides, strict=True)):
            if part.shape != (*side, L, L):
                raise ValueError(
                    f"tables[{i}] needs a table per edge of this {graph.what}, shape "
                    f"{(*side, L, L)}, got {part.shape}"
                )
        array = np.concatenate([part.reshape(-1, L, L) for part in parts])
        return array if m else np.zeros((1, L, L))
    array = numbers("tables", tables)
    if not m and not array.size:
        return np.zeros((1, L, L))
    if array.shape != (m, L, L):
        per = f", or a list with one array per {graph.what}" if graph.what else ""
        raise ValueError(
            f"tables needs the shape (edges, labels, labels) = {(m, L, L)}{per}, got {array.shape}"
        )
    return np.array(array)


def masked(costs: Array, weights: Array, mask: ArrayLike, graph: EdgeGroups) -> tuple[Array, Array]:
    """Return costs and weights of the nodes of a mask; the others cost nothing, with label 0."""
    inside = validate.rectangular("mask", mask)
    if inside.dtype != np.bool_ or inside.shape not in (graph.shape, (costs.shape[1],)):
        raise ValueError(
            f"mask needs booleans of shape {graph.shape}, got dtype {inside.dtype} and shape "
            f"{inside.shape}"
        )
    inside = inside.ravel()
    nothing = np.where(np.arange(len(costs)) == 0, 0.0, np.inf)[:, None]
    both = inside[graph.tails] & inside[graph.heads]
    return np.where(inside, costs, nothing), np.where(both, weights, 0.0)


def read_graph(unary: Any, graph: Any, weight: str | None) -> GraphCosts:
    """Read a networkx graph or a sparse matrix."""
    if hasattr(graph, "edges") and hasattr(graph, "nodes"):
        return _from_networkx(unary, graph, weight)
    if weight != "weight":
        raise ValueError(
            f"weight names an attribute of the edges of a networkx graph, got weight={weight!r} "
            "and a matrix, whose entries are the weights. Leave weight out."
        )
    return _from_sparse(unary, graph)


def _from_networkx(unary: Any, graph: Any, weight: str | None) -> GraphCosts:
    nodes = list(graph)
    place = {node: v for v, node in enumerate(nodes)}
    if isinstance(unary, str):
        lost = [node for node, c in graph.nodes(data=unary) if c is None]
        if lost:
            raise ValueError(
                f"unary needs the attribute {unary!r} of nodes, but {lost[0]!r} has none"
            )
        unary = [c for _, c in graph.nodes(data=unary)]
    unary = validate.rectangular("unary", unary)
    weights: Any = 1.0
    if weight is not None:
        if graph.number_of_edges():
            validate.attribute("weight", weight, graph.edges(data=True), "edge", "weight 1")
        weights = [1.0 if w is None else w for _, _, w in graph.edges(data=weight)]
    edges = np.array([(place[p], place[q]) for p, q in graph.edges()], dtype=np.int64)
    rows = unary.shape[:1]
    if rows != (len(nodes),):
        raise ValueError(f"unary needs a row for each of the {len(nodes)} nodes, got {rows}")
    return GraphCosts(unary, edges.reshape(-1, 2), weights)


def _from_sparse(unary: Any, matrix: Any) -> GraphCosts:
    import scipy.sparse  # it takes longer to load than all of this package

    if not scipy.sparse.issparse(matrix):
        dense = validate.rectangular("graph", matrix)
        if dense.ndim != 2:
            raise TypeError(
                "from_graph needs a networkx graph or a square matrix, got "
                f"{type(matrix).__name__}. For pairs of nodes, use "
                "LabelingEnergy(unary, edges=pairs)."
            )
        matrix = validate.numeric("graph", dense).astype(np.float64)
    unary = validate.rectangular("unary", unary)
    entries = scipy.sparse.coo_array(matrix)
    if entries.ndim != 2 or entries.shape[0] != entries.shape[1]:
        raise ValueError(f"from_graph needs a square matrix, got shape {entries.shape}")
    rows = unary.shape[:1]
    if rows != entries.shape[:1]:
        raise ValueError(f"unary needs a row for each of the {entries.shape[0]} nodes, got {rows}")
    i, j, w = entries.row, entries.col, entries.data
    used = w != 0
    if (i[used] == j[used]).any():
        at = int(i[used][np.argmax(i[used] == j[used])])
        raise ValueError(
            f"A matrix of weights needs zeros on its diagonal, but [{at}, {at}] is not. A loop "
            "costs weight * table[l, l]: add that to unary."
        )
    above, below = i < j, i > j
    if (used & above).any() and (used & below).any():
        if abs(entries.tocsr() - entries.T.tocsr()).max() != 0:
            raise ValueError(
                "A matrix of weights needs to be symmetric, or to have each edge in one triangle "
                "only. For (M + M.T) / 2 or M + M.T, say which."
            )
        below = np.zeros_like(below)
    keep = above if (used & above).any() or not (used & below).any() else below
    return GraphCosts(unary, np.stack([i[keep], j[keep]], axis=1), w[keep])


def _offset_pairs(
    vectors: list[tuple[int, ...]], shape: tuple[int, ...], periodic: tuple[bool, ...]
) -> list[tuple[Array, Array]]:
    """Return the ends of the edges of every offset."""
    ends = [pairs_at(shape, vector, periodic) for vector in vectors]
    for i, (tails, heads) in enumerate(ends):
        if (tails == heads).any():
            raise ValueError(
                f"offsets[{i}] = {vectors[i]} joins nodes with themselves around the periodic axes "
                f"of a grid of shape {shape}. Leave this offset out, or give periodic as one bool "
                "per axis, False where the grid is that short."
            )
    return ends


def _edges(edges: ArrayLike, n: int) -> tuple[Array, Array]:
    """Return the two ends of all edges of a graph with n nodes."""
    pairs = validate.rectangular("edges", edges)
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
