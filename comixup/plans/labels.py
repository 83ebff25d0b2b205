"""Labels: class indices or rows, checked, as rows; mixed by shares; smoothed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.types import Array


def as_label_matrix(labels: Any, n: int, num_classes: int | None) -> Array:
    """Return int, one-hot, soft or multi-label labels as a float matrix (n, classes)."""
    needed = "class indices (batch,) or one-hot, soft or multi-label rows (batch, classes)"
    array = validate.as_array("labels", labels, needed)
    validate.same_batch("labels", array, n, "inputs")
    if array.ndim == 2:
        return _label_rows(array, num_classes)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise (TypeError if array.ndim == 1 else ValueError)(
            f"labels needs {needed}, got dtype {array.dtype} and shape {array.shape}"
        )
    if num_classes is None:
        raise ValueError(
            "labels are class indices, so num_classes is needed (one batch need not hold every "
            "class): pass num_classes=..., or one-hot rows (batch, classes)."
        )
    num_classes = validate.integer("num_classes", num_classes, 1)
    validate.require_classes(array, num_classes)
    matrix = np.zeros((n, num_classes), dtype=np.float32)
    matrix[np.arange(n), array.astype(np.intp)] = 1
    return matrix


def _label_rows(rows: Array, num_classes: int | None) -> Array:
    if rows.shape[1] == 0:
        raise ValueError(f"labels needs at least one class, got the shape {rows.shape}")
    if rows.shape[1] == 1 and rows.dtype.kind in "iu" and rows.max(initial=0) > 1:
        raise ValueError(
            f"labels of shape {rows.shape} with values above 1 look like a column of class "
            "indices: pass labels[:, 0], with num_classes."
        )
    if num_classes is not None and rows.shape[1] != num_classes:
        raise ValueError(
            f"labels has {rows.shape[1]} classes a row, but num_classes is {num_classes}. Leave "
            "num_classes out for one-hot, soft or multi-label rows."
        )
    validate.require_finite("labels", rows)
    if rows.min(initial=0) < 0:
        i, k = (int(a) for a in np.argwhere(rows < 0)[0])
        raise ValueError(
            f"labels needs numbers >= 0, but labels[{i}, {k}] is {rows[i, k]:g} "
            f"({int((rows < 0).sum())} such entries)."
        )
    return rows if rows.dtype.kind == "f" else rows.astype(np.float32)


def label_table(sources: Array, starts: Array, width: int, area: Array) -> Array:
    """Return the share of pixels (B, width) that input ``starts[j] + i`` has in output j.

    `sources` is (B, N, levels), `area` the N pixel counts. Counts are exact; one division rounds.
    """
    B, _, levels = sources.shape
    cell = sources - starts[:, None, None] + np.arange(B)[:, None, None] * width
    pixels = np.broadcast_to(area[None, :, None], sources.shape)
    table = np.bincount(cell.ravel(), weights=pixels.ravel(), minlength=B * width)
    return table.reshape(B, width) / (levels * area.sum())


def mix_rows(table: Array, group_edges: Array, rows: Array) -> Array:
    """Return the mixtures (B, K) of `rows` with the weights of `label_table`, group by group."""
    out = np.empty(rows.shape, dtype=rows.dtype)
    for start, stop in itertools.pairwise(group_edges.tolist()):
        out[start:stop] = table[start:stop, : stop - start] @ rows[start:stop].astype(np.float64)
    return out


def smoothed(rows: Array, amount: float) -> Array:
    """Return label rows (B, K) moved by `amount` towards 1 / K."""
    if amount == 0:
        return rows
    return ((1 - amount) * rows + amount / rows.shape[1]).astype(rows.dtype, copy=False)
