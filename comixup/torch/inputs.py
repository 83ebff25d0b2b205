"""Checks of tensors: images and labels, with messages that name what came and the way out."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from comixup._base import validate


def require_images(images: Any) -> Tensor:
    r"""Return `images` if they are a tensor (B, C, \*spatial) of floats or uint8."""
    needed = "a tensor of floats or uint8, of shape (batch, channels, *spatial)"
    if not isinstance(images, Tensor):
        raise TypeError(
            f"images needs {needed}, got {type(images).__name__}. For arrays there is "
            "comixup.CoMixup."
        )
    if not (images.is_floating_point() or images.dtype == torch.uint8):
        raise TypeError(f"images needs {needed}, got {images.dtype}. Convert it first.")
    if not 3 <= images.ndim <= 5 or 0 in images.shape:
        raise ValueError(
            f"images needs {needed} with 1 to 3 spatial dimensions and no empty axis, got "
            f"{tuple(images.shape)}. Grey images need a channel axis: images[:, None]."
        )
    validate.require_layout(tuple(images.shape), "first")
    return images


def label_rows(labels: Any, n: int, num_classes: int | None) -> Tensor:
    """Return labels as float rows (n, K), or say what is wrong with them."""
    needed = "class indices (batch,) or one-hot, soft or multi-label rows (batch, classes)"
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"labels needs a tensor of {needed}, got {type(labels).__name__}. Convert it first: "
            "torch.as_tensor(labels, device=images.device)."
        )
    if labels.ndim not in (1, 2) or len(labels) != n:
        raise ValueError(f"labels needs {needed} of {n} inputs, got {tuple(labels.shape)}")
    if labels.ndim == 2:
        return _given_rows(labels, num_classes)
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"labels needs {needed}, got {labels.dtype} of shape {tuple(labels.shape)}")
    if num_classes is None:
        raise ValueError(
            "labels are class indices, so num_classes is needed. Pass num_classes=..., or "
            "labels=None and take plan.interpolate_loss(loss, labels)."
        )
    require_classes(labels, num_classes)
    return torch.nn.functional.one_hot(labels.long(), num_classes).to(torch.float32)


def require_classes(labels: Tensor, num_classes: int) -> None:
    """Raise at the first of the class indices (n,) that is not in 0 .. num_classes - 1."""
    low, high = (int(v) for v in torch.aminmax(labels))
    if low < 0 or high >= num_classes:
        outside = (labels < 0) | (labels >= num_classes)
        i = int(outside.nonzero()[0])
        raise ValueError(validate.no_class(num_classes, i, labels[i], outside.sum()))


def _given_rows(rows: Tensor, num_classes: int | None) -> Tensor:
    shape = tuple(rows.shape)
    if shape[1] == 0:
        raise ValueError(f"labels needs at least one class, got the shape {shape}")
    indices = not rows.is_floating_point() and rows.dtype != torch.bool
    if shape[1] == 1 and indices and rows.max() > 1:
        raise ValueError(
            f"labels of shape {shape} with values above 1 look like a column of class indices: "
            "pass labels[:, 0], with num_classes."
        )
    if num_classes is not None and shape[1] != num_classes:
        raise ValueError(
            f"labels has {shape[1]} classes a row, but num_classes is {num_classes}. Leave "
            "num_classes out for one-hot, soft or multi-label rows."
        )
    rows = rows if rows.is_floating_point() else rows.to(torch.float32)
    _require_weights(rows)
    return rows


def _require_weights(rows: Tensor) -> None:
    low, high = torch.aminmax(rows) if len(rows) else (rows.sum(), rows.sum())
    if low >= 0 and high < math.inf:
        return
    bad = ~((rows >= 0) & (rows < math.inf))
    i, k = bad.nonzero()[0].tolist()
    raise ValueError(
        f"labels needs finite numbers >= 0, but labels[{i}, {k}] is {rows[i, k].item():g} "
        f"({int(bad.sum())} such entries)."
    )
