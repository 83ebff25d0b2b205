"""Labels: checked, converted from class indices to rows, mixed by shares, and smoothed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.types import Array


def each_head(labels: Any, num_classes: Any, mix: Callable[[Any, Any], Any]) -> Any:
    """Return ``mix(labels, num_classes)``, or a dict of those where labels are a dict of heads."""
    if not isinstance(labels, Mapping):
        if isinstance(num_classes, Mapping):
            raise TypeError(
                f"num_classes names the heads {', '.join(map(repr, num_classes))}, so labels needs "
                f"a dict of them, got {type(labels).__name__}"
            )
        return mix(labels, num_classes)
    if isinstance(num_classes, Mapping):
        missing = [name for name in num_classes if name not in labels]
        if missing:
            raise ValueError(
                f"labels lacks the head {missing[0]!r} of num_classes; it has "
                f"{', '.join(map(repr, labels))}"
            )
    known = num_classes if isinstance(num_classes, Mapping) else dict.fromkeys(labels, num_classes)
    return {name: _named(name, mix, head, known.get(name)) for name, head in labels.items()}


def _named(name: Any, mix: Callable[[Any, Any], Any], head: Any, K: Any) -> Any:
    try:
        return mix(head, K)
    except (ValueError, TypeError) as error:
        raise type(error)(f"head {name!r}: {error}") from error


NEEDED = "class indices (batch,) or one-hot, soft or multi-label rows (batch, classes)"
NUMBERS = (
    "For numbers, such as regression targets or binary labels (batch,), the mixer takes "
    "targets='values'."
)
NO_NUMBER = (
    "labels are class indices, so num_classes is needed (one batch need not hold every class): "
    "pass num_classes=..., or one-hot rows (batch, classes), or labels=None and take "
    "plan.interpolate_loss(loss, labels)."
)


def as_label_matrix(
    labels: Any, n: int, num_classes: int | None, ignore_index: int | None = None
) -> Array:
    """Return int, one-hot, soft or multi-label labels as a float matrix (n, classes).

    Rows of labels that are `ignore_index` are zero.
    """
    array = validate.as_array("labels", labels, NEEDED)
    validate.same_batch("labels", array, n, "inputs")
    if array.ndim == 2:
        return _label_rows(array, num_classes)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise (TypeError if array.ndim == 1 else ValueError)(
            f"labels needs {NEEDED}, got dtype {array.dtype} and shape {array.shape}. {NUMBERS}"
        )
    if num_classes is None:
        raise ValueError(NO_NUMBER)
    num_classes = validate.class_count("num_classes", num_classes)
    counted = np.full(n, True) if ignore_index is None else array != ignore_index
    validate.require_classes(np.where(counted, array, 0), num_classes)
    matrix = np.zeros((n, num_classes), dtype=np.float32)
    matrix[counted, array[counted].astype(np.intp)] = 1
    return matrix


def counted(labels: Any, ignore_index: int | None) -> Any:
    """Return which labels of any library count, or None if all of them do."""
    if ignore_index is None or len(labels.shape) != 1:
        return None
    return labels != ignore_index


def _label_rows(rows: Array, num_classes: int | None) -> Array:
    whole = rows.dtype.kind in "iu"
    require_row_shape(rows.shape, num_classes, whole and rows.max(initial=0) > 1)
    bad = ~((rows >= 0) & (rows < np.inf))
    if bad.any():
        i, k = (int(a) for a in np.argwhere(bad)[0])
        raise ValueError(no_weight(i, k, rows[i, k], int(bad.sum())))
    return rows if rows.dtype.kind == "f" else rows.astype(np.float32)


def require_row_shape(shape: tuple[int, ...], num_classes: int | None, indices: bool) -> None:
    """Raise unless label rows of a shape (n, K) have as many classes as they should.

    `indices` says whether they hold whole numbers above 1.
    """
    if shape[1] == 0:
        raise ValueError(f"labels needs at least one class, got the shape {shape}")
    if shape[1] == 1 and indices:
        raise ValueError(
            f"labels of shape {shape} with values above 1 look like a column of class indices: "
            "pass labels[:, 0], with num_classes."
        )
    if num_classes is not None and shape[1] != num_classes:
        raise ValueError(
            f"labels has {shape[1]} classes per row, but num_classes is {num_classes}. Leave "
            "num_classes out for one-hot, soft or multi-label rows."
        )


def no_weight(i: int, k: int, value: Any, count: int) -> str:
    """Say that ``labels[i, k]``, the first of some, is no part of a label."""
    return (
        f"labels needs finite numbers >= 0, but labels[{i}, {k}] is {value:g} ({count} such "
        "entries)."
    )


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


def smoothed(rows: Any, amount: float, labeled: Any = None) -> Any:
    """Return label rows (B, K) of any library, moved by `amount` towards 1 / K.

    `labeled`, of shape (B,), is the part of every output that has a label; all by default.
    """
    if amount == 0:
        return rows
    even = amount / rows.shape[1]
    return (1 - amount) * rows + (even if labeled is None else even * labeled[:, None])
