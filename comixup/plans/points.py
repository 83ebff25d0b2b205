"""Keypoints after mixing: each stays where its pixel is shown, moves with its patch, or is hidden.

A box is clipped to its visible part; a point is kept or dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from comixup._base import validate
from comixup._base.public import public
from comixup._base.types import Array, ArrayLike

# of an input: which of its points are shown, how far they move (in pixels), and how much is shown
Shown: TypeAlias = "tuple[int, Array, Array, Array]"


@public
class MixedPoints(NamedTuple):
    """The keypoints of one output.

    Parameters
    ----------
    points : ndarray of float64, shape (n, dimensions)
        Positions of the visible points, (x, y) in images.
    sources : ndarray of int64, shape (n,)
        Index of the input that each point comes from.
    rows : ndarray of int64, shape (n,)
        Index of the point among the points of that input: ``labels[source][row]`` is its label.
    visible : ndarray of float64, shape (n,)
        Share of the input in the pixel of the point, to weight its loss.
    """

    points: Array
    sources: Array
    rows: Array
    visible: Array

    def __repr__(self) -> str:
        """Show how many there are, and of which inputs."""
        return (
            f"MixedPoints({len(self.points)} points of inputs {np.unique(self.sources).tolist()})"
        )


def mix_points(
    shown_of: Callable[[int, Sequence[Array]], Iterable[Shown]],
    points: Sequence[ArrayLike],
    *,
    n: int,
    spatial: tuple[int, ...],
    min_visible: float,
) -> list[MixedPoints]:
    r"""Return the points of every output.

    Parameters
    ----------
    shown_of : callable
        ``shown_of(output, pixels)`` with the pixels (m, dimensions) of the points of every input.
    points : sequence of n array_like, each (m, dimensions)
        Of the inputs, the last spatial axis first: (x, y).
    n : int
    spatial : tuple of int
    min_visible : float
        In 0..1: points whose pixel shows less of their input are dropped.
    """
    validate.fraction("min_visible", min_visible)
    if not spatial:
        raise ValueError("points need images of at least one spatial dimension, got none")
    if len(points) != n:
        raise ValueError(f"points needs one array for each of the {n} inputs, got {len(points)}")
    arrays = [_point_array(i, p, spatial) for i, p in enumerate(points)]
    limit = np.array(spatial) - 1
    pixels = [np.minimum(a[:, ::-1].astype(np.int64), limit) for a in arrays]
    return [_points_of(shown_of(j, pixels), arrays, min_visible) for j in range(n)]


def _point_array(i: int, points: Any, spatial: tuple[int, ...]) -> Array:
    """Return the points (m, dimensions) of image i, all within it."""
    d = len(spatial)
    needed = f"positions {'(x, y)' if d == 2 else 'in pixels'} of shape (n, {d})"
    array = validate.as_array(f"points[{i}]", points, needed).astype(np.float64)
    if array.size == 0:
        return array.reshape(0, d)
    if array.ndim != 2 or array.shape[1] != d:
        raise ValueError(f"points[{i}] needs {needed}, got the shape {array.shape}")
    good = ((array >= 0) & (array <= spatial[::-1])).all(axis=1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"points[{i}] needs positions in 0..{spatial[::-1]}, but row {row} is "
            f"{array[row].tolist()}. Leave out points that are not in the image."
        )
    return array


def _points_of(shown: Iterable[Shown], points: list[Array], min_visible: float) -> MixedPoints:
    parts = []
    for source, rows, shifts, visible in shown:
        kept = (visible > 0) & (visible >= min_visible)
        rows = rows[kept]
        moved = points[source][rows] + shifts[kept][:, ::-1]
        parts.append((moved, np.full(len(rows), source), rows, visible[kept]))
    return MixedPoints(*(np.concatenate(column) for column in zip(*parts, strict=True)))
