"""Bounding boxes after mixing: each box is cut to the visible pixels of its image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from comixup._base import validate
from comixup._base.public import public
from comixup._base.types import Array, ArrayLike


@public
class MixedBoxes(NamedTuple):
    """The boxes of one output.

    Parameters
    ----------
    boxes : ndarray of float64, shape (n, 4)
        Corners (x0, y0, x1, y1) of the visible parts.
    sources : ndarray of int64, shape (n,)
        Index of the input that each box comes from.
    rows : ndarray of int64, shape (n,)
        Index of the box among the boxes of that input: ``labels[source][row]`` is its label.
    visible : ndarray of float64, shape (n,)
        Fraction of the area of the box that is visible, to weight its loss.
    """

    boxes: Array
    sources: Array
    rows: Array
    visible: Array

    def __repr__(self) -> str:
        """Show how many there are, and of which inputs."""
        return f"MixedBoxes({len(self.boxes)} boxes of inputs {np.unique(self.sources).tolist()})"


def mix_boxes(
    coverages: Iterable[tuple[Array, Array]],
    boxes: Sequence[ArrayLike],
    *,
    n: int,
    spatial: tuple[int, ...],
    min_visible: float,
) -> list[MixedBoxes]:
    """Return the boxes of every output.

    Parameters
    ----------
    coverages : iterable of n pairs
        Of every output: its sources (s,) and how much of each pixel they fill (s, height, width).
    boxes : sequence of n array_like, each (m, 4)
        Of the inputs.
    n : int
    spatial : tuple of int
        Height and width.
    min_visible : float
        In 0..1: boxes of which less than this part of the area is left are dropped.
    """
    validate.fraction("min_visible", min_visible)
    if len(spatial) != 2:
        raise ValueError(f"boxes need images of 2 spatial dimensions, got {spatial}")
    if len(boxes) != n:
        raise ValueError(f"boxes needs one array for each of the {n} inputs, got {len(boxes)}")
    arrays = [box_array(i, b, spatial) for i, b in enumerate(boxes)]
    return [_boxes_of(sources, weights, arrays, min_visible) for sources, weights in coverages]


def box_array(i: int, boxes: Any, spatial: tuple[int, ...]) -> Array:
    """Return the boxes (n, 4) of image i, all within it; a single box may be (4,)."""
    needed = "corners (x0, y0, x1, y1) of shape (n, 4)"
    array = validate.as_array(f"boxes[{i}]", boxes, needed).astype(np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    shape, array = array.shape, np.atleast_2d(array)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes[{i}] needs {needed}, got the shape {shape}")
    height, width = spatial
    low, high = array[:, :2], array[:, 2:]
    good = (low >= 0).all(1) & (low < high).all(1) & (high <= (width, height)).all(1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"boxes[{i}] needs 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}, but row {row} "
            f"is {array[row].tolist()}"
        )
    return array


def _boxes_of(sources: Array, weights: Array, boxes: list[Array], min_visible: float) -> MixedBoxes:
    kept, source_of, row_of, visible = [], [], [], []
    for i, weight in zip(sources.tolist(), weights, strict=True):
        for row, box in enumerate(boxes[i]):
            left, part = _visible(box, weight)
            if part > 0 and part >= min_visible:
                kept.append(left)
                source_of.append(i)
                row_of.append(row)
                visible.append(part)
    return MixedBoxes(
        np.array(kept, dtype=np.float64).reshape(-1, 4),
        np.array(source_of, dtype=np.int64),
        np.array(row_of, dtype=np.int64),
        np.array(visible, dtype=np.float64),
    )


def _visible(box: Array, weight: Array) -> tuple[Array, float]:
    """Return the smallest box around what is left, and how much of the area that is."""
    x0, y0, x1, y1 = box
    left, top = int(x0), int(y0)
    # how much of every pixel row and column lies within the box: corners may cut pixels
    across = np.minimum(np.arange(left, int(np.ceil(x1))) + 1, x1)
    across = across - np.maximum(np.arange(left, int(np.ceil(x1))), x0)
    down = np.minimum(np.arange(top, int(np.ceil(y1))) + 1, y1)
    down = down - np.maximum(np.arange(top, int(np.ceil(y1))), y0)
    inside = weight[top : top + len(down), left : left + len(across)]
    part = float(down @ inside @ across / ((x1 - x0) * (y1 - y0)))
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if len(columns) == 0:
        return box, 0.0
    shown = [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]
    return np.clip(shown, [x0, y0, x0, y0], [x1, y1, x1, y1]), part
