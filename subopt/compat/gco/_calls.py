"""Calls that label a whole graph or image."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.compat.gco._errors import DataTypeNotSupportedError
from subopt.compat.gco._graph import GCO
from subopt.compat.gco._images import get_images_edges_diag, get_images_edges_vh

_NUMBERS = (np.int32, np.int64, np.float32, np.float64, np.longdouble)
_ALGORITHMS = ("expansion", "swap")


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
        Costs of labels at the ends of an edge of weight 1, symmetric. By default what a graph has
        where nothing is said: for different labels, 1 if all costs are ints, and 0.01 if not.
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
    given = [("Unary", unary)]
    if pairwise_cost is not None:
        given.append(("Pairwise", np.asarray(pairwise_cost)))
    for name, costs in given:
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
    is_float = any(costs.dtype.kind == "f" for _, costs in [*given, ("", weights)])
    graph.create_general_graph(n, k, is_float)
    graph.set_data_cost(unary)
    graph.set_all_neighbors(ends[:, 0], ends[:, 1], weights)
    if pairwise_cost is not None:
        graph.set_smooth_cost(pairwise_cost)
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
    """Label the pixels of an image, with edges of weight 1, and sqrt(2) along diagonals.

    Parameters
    ----------
    unary_cost : array_like, shape (height, width, labels)
        Costs of labels at pixels. If they are ints, all edges have weight 1.
    pairwise_cost : array_like, shape (labels, labels)
        Costs of labels at the ends of an edge of weight 1, symmetric.
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
    unary = np.asarray(unary_cost)
    height, width, _ = unary.shape
    down, right = np.ones((height - 1, width), np.int32), np.ones((height, width - 1), np.int32)
    length = math.sqrt(2) if unary.dtype.kind == "f" else 1  # gco-wrapper cuts it off to an int
    diagonal = np.full((height - 1, width - 1), length) if connect == 8 else None
    return cut_grid_graph(
        unary_cost, pairwise_cost, down, right, diagonal, diagonal, n_iter, algorithm
    )


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
