"""Neighborhoods of grids, by the number of neighbors or as structure arrays.

Structure arrays are those of `scipy.ndimage` and PyMaxflow: one entry per neighbor, centered at the
node.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import ArrayLike
from subopt.graph.grid._input import periodic_axes
from subopt.graph.grid._layout import heads, tails


class GridStructure(NamedTuple):
    """The arguments `weights` and `offsets` of `grid_cut`.

    Parameters
    ----------
    weights : list
        One entry per offset: an array, or a pair (forward, backward) of arrays.
    offsets : list of tuple of int
        Offsets of the neighbors; the opposite of each offset is implied.
    """

    weights: list[Any]
    offsets: list[tuple[int, ...]]


def grid_neighbors(dimensions: int, neighbors: int) -> list[tuple[int, ...]]:
    """Return the offsets of `grid_cut` for a given number of nearest neighbors.

    Parameters
    ----------
    dimensions : int
        Number of dimensions of the grid: 1, 2 or 3.
    neighbors : int
        Number of neighbors: 2 in one dimension, 4 or 8 in two, 6, 18 or 26 in three.

    Returns
    -------
    list of tuples of int
        One offset per pair of opposite neighbors: steps along the axes first, then diagonals.

    Raises
    ------
    ValueError, TypeError
        If `neighbors` is another number.

    Examples
    --------
    >>> offsets = grid_neighbors(2, 8)
    >>> offsets
    [(1, 0), (0, 1), (1, 1), (1, -1)]
    >>> lengths = np.linalg.norm(offsets, axis=1)
    >>> grid_cut([[9, 0], [0, 0]], [[0, 0], [0, 9]], list(1 / lengths), offsets=offsets).value
    2.7071067811865475
    """
    d, count = _integer("dimensions", dimensions), _integer("neighbors", neighbors)
    if not 1 <= d <= 3:
        raise ValueError(f"dimensions needs to be 1, 2 or 3, got {d}")
    steps = [o for o in itertools.product((1, 0, -1), repeat=d) if o > (0,) * d]
    steps.sort(key=np.count_nonzero)
    near = [[o for o in steps if np.count_nonzero(o) <= m] for m in range(1, d + 1)]
    for offsets in near:
        if 2 * len(offsets) == count:
            return offsets
    counts = " or ".join(str(2 * len(offsets)) for offsets in near)
    raise ValueError(f"In {d} dimensions, neighbors needs to be {counts}, got {count}")


def _integer(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} needs an integer, got {value!r}") from error


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
    of capacity ``weights[p] * structure[center + offset]``. Instead of several calls of
    ``add_grid_edges``, use one structure, or add up the weights of several results.

    Parameters
    ----------
    structure : array_like, odd length along every axis
        One entry per offset, zero if it is not a neighbor. The center, which is the node itself, is
        ignored.
    weights : array_like
        One number per node, or an array that broadcasts to `shape`.
    shape : sequence of int
        Shape of the grid.
    symmetric : bool, default False
        Whether to add a reverse arc of the same capacity to every arc. If the structure has both an
        offset and its opposite, their capacities add up.
    periodic : bool or sequence of bool, default False
        As for `grid_cut`, which needs the same value.

    Returns
    -------
    GridStructure
        A pair ``weights, offsets``.

    Raises
    ------
    ValueError, TypeError
        If the structure has an even length, other axes than the grid, or no neighbor, if weights
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
    around = validate.numeric("structure", structure)
    validate.real_array("structure", around, copy=False)
    symmetric = validate.flag("symmetric", symmetric)
    whole = around.dtype.kind == "f" and (around == np.floor(around)).all()
    if whole and np.abs(around).max(initial=0.0) < 2.0**53:
        around = around.astype(np.int64)  # so that np.ones((3, 3)) keeps integer weights integers
    shape = _lengths(shape)
    if around.ndim != len(shape) or any(n % 2 == 0 for n in around.shape):
        raise ValueError(
            f"structure needs {len(shape)} axes, as the grid, each of odd length, got the shape "
            f"{around.shape}"
        )
    node = validate.numeric("weights", weights)
    try:
        node = np.broadcast_to(node, shape)
    except ValueError as error:
        raise ValueError(
            f"weights needs one number per node, or to broadcast to {shape}, got the shape "
            f"{node.shape}"
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
        raise ValueError("structure needs a nonzero entry outside of its center")
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
