"""Neighbourhoods given as arrays around a node, as `scipy.ndimage` and PyMaxflow have them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._types import Array, ArrayLike
from subopt.graph._grid_input import periodic_axes
from subopt.graph._grid_layout import heads, tails


class GridStructure(NamedTuple):
    """The arguments `weights` and `offsets` of `grid_cut`."""

    weights: list[Any]
    offsets: list[tuple[int, ...]]


def grid_structure(
    structure: ArrayLike,
    weights: ArrayLike = 1,
    *,
    shape: Sequence[int],
    symmetric: bool = False,
    periodic: bool | Sequence[bool] = False,
) -> GridStructure:
    """Return the weights and offsets of `grid_cut` for a structure array.

    The meaning is that of ``add_grid_edges`` in PyMaxflow: every node p has arcs to ``p + offset``
    of capacity ``weights[p] * structure[center + offset]``. What several calls add up to there
    needs one structure here, or several cuts' weights added.

    Parameters
    ----------
    structure : array_like, odd length along every axis
        Zero where there is no neighbour; its center is the node itself and does not count.
    weights : array_like
        One number per node, or what broadcasts to `shape`.
    shape : sequence of int
        Shape of the grid.
    symmetric : bool, default False
        Give every arc one of the same capacity back. If the structure holds both an offset and its
        opposite, the two add up.
    periodic : bool or sequence of bool, default False
        As for `grid_cut`, which needs it as well.

    Returns
    -------
    GridStructure
        A pair ``weights, offsets``.

    Raises
    ------
    ValueError, TypeError
        If the structure has an even length, other axes than the grid, or no neighbour, if weights
        do not broadcast, or if `shape` or `periodic` do not describe a grid.

    Examples
    --------
    >>> structure = [[0, 0, 0], [0, 0, 2], [0, 1, 0]]  # right 2, down 1
    >>> weights, offsets = grid_structure(structure, shape=(2, 2), symmetric=True)
    >>> offsets
    [(0, 1), (1, 0)]
    >>> grid_cut([[9, 0], [0, 0]], [[0, 0], [0, 9]], weights, offsets=offsets).value
    2
    """
    around: Array = np.asarray(structure)
    shape = _lengths(shape)
    if around.ndim != len(shape) or any(n % 2 == 0 for n in around.shape):
        raise ValueError(
            f"structure needs {len(shape)} axes, as the grid, each of odd length, got the shape "
            f"{around.shape}"
        )
    try:
        node = np.broadcast_to(np.asarray(weights), shape)
    except ValueError as error:
        raise ValueError(
            f"weights needs one number per node, or to broadcast to {shape}, got the shape "
            f"{np.shape(weights)}"
        ) from error
    center = np.array(around.shape) // 2
    axes = periodic_axes(periodic, len(shape))
    result = GridStructure([], [])
    for place in np.argwhere((around != 0) | (around[(slice(None, None, -1),) * len(shape)] != 0)):
        offset = tuple(int(o) for o in place - center)
        if offset <= (0,) * len(shape):
            continue
        forward = node[tails(offset, shape, axes)] * around[tuple(center + offset)]
        backward = heads(node, offset, shape, axes) * around[tuple(center - offset)]
        if symmetric:
            result.weights.append(forward + backward)
        else:
            result.weights.append((forward, backward))
        result.offsets.append(offset)
    if not result.offsets:
        raise ValueError("structure needs a neighbour: an entry off its center that is not zero")
    return result


def _lengths(shape: Any) -> tuple[int, ...]:
    try:
        lengths = tuple(operator.index(n) for n in shape)
    except TypeError as error:
        raise TypeError(
            f"shape needs one int per axis, such as (480, 640), got {shape!r}"
        ) from error
    if min(lengths, default=0) < 0:
        raise ValueError(f"shape needs ints >= 0, got {lengths}")
    return lengths
