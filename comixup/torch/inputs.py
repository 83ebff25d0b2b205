"""Checks of tensors, with messages that say what is needed, what was passed and how to proceed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from comixup._base import validate
from comixup.plans.labels import NEEDED, NO_NUMBER, NUMBERS, no_weight, require_row_shape

IMAGES = "a tensor of floats or uint8, of shape (batch, channels, *spatial), or as layout= says"


def require_tensor(images: Any) -> Tensor:
    """Return `images` if they are a tensor of floats or uint8, of any shape."""
    if not isinstance(images, Tensor):
        raise TypeError(
            f"images needs {IMAGES}, got {type(images).__name__}. For arrays there is "
            "comixup.CoMixup."
        )
    if not (images.is_floating_point() or images.dtype == torch.uint8):
        raise TypeError(f"images needs {IMAGES}, got {images.dtype}. Convert it first.")
    if images.layout != torch.strided or images.is_meta:
        got = "a tensor on the device 'meta'" if images.is_meta else f"{images.layout}"
        raise TypeError(f"images needs a dense tensor with values, got {got}. Convert it first.")
    return images


def host_array(tensor: Tensor) -> Any:
    """Return a tensor of the CPU as an array; raise if its values are not there to be read."""
    try:
        return tensor.resolve_neg().numpy()
    except RuntimeError as error:
        raise TypeError(
            "the plan depends on the values of the images and of their saliency, which cannot be "
            f"read within torch.func.grad, vmap and the like ({error}). Mix outside, and pass the "
            "mixed images in; or make the plan outside, and apply it within by "
            "comixup.torch.apply(plan, images)."
        ) from error


def require_images(images: Any) -> Tensor:
    r"""Return `images` if they are a tensor (B, C, \*spatial) of floats or uint8."""
    images = require_tensor(images)
    if not 3 <= images.ndim <= 5 or 0 in images.shape:
        raise ValueError(
            f"images needs {IMAGES} with 1 to 3 spatial dimensions and no empty axis, got "
            f"{tuple(images.shape)}. Gray images need a channel axis: images[:, None]."
        )
    validate.require_layout(tuple(images.shape), "first")
    return images


def logits_of(
    output: Any,
    n: int,
    choose: Callable[[Any], Tensor] | None = None,
    *,
    of_values: bool = False,
) -> Tensor:
    """Return the logits (n, K) in the output of a model; the error states how to select them.

    By default these are a tensor itself, the entry or attribute ``logits``, or the first item of a
    tuple. For targets that are values, any shape (n, ...) is accepted.
    """
    found = output
    if choose is not None:
        found = choose(output)
    elif isinstance(output, Mapping) and "logits" in output:
        found = output["logits"]
    elif isinstance(getattr(output, "logits", None), Tensor):
        found = output.logits
    elif isinstance(output, tuple | list) and output:
        found = output[0]
    fits = isinstance(found, Tensor) and (found.ndim >= 1 if of_values else found.ndim == 2)
    if not fits or len(found) != n:
        came = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"model needs to return {'a tensor' if of_values else 'logits'} of shape (batch, "
            f"{'...' if of_values else 'classes'}) for {n} images, got {came}"
            f"{'' if found is output else f' in a {type(output).__name__}'}. Say where they are: "
            "logits=lambda output: output['out'], for instance."
        )
    return found


def require_targets(labels: Any, n: int, values: bool) -> Tensor:
    """Return labels of a training step: int64 class indices, or floats."""
    if isinstance(labels, Mapping):
        raise TypeError(
            "training_step has one head, but labels is a dict. For several heads mix first, "
            "images, labels = mix(images, labels), and add up the losses of the heads."
        )
    labels = require_labels(labels, "real numbers of shape (batch, ...)" if values else NEEDED)
    if labels.ndim >= 3 and not labels.is_floating_point():
        raise TypeError(
            f"labels needs a number or a row per image, got {_shown(labels)}. Mix masks by "
            "comixup.torch.apply(plan, masks, blend='first'), or let MixCollate carry them."
        )
    if labels.ndim == 0 or len(labels) != n:
        raise ValueError(f"labels needs one entry for each of the {n} images, got {_shown(labels)}")
    if values or labels.ndim == 2:
        return labels if labels.is_floating_point() else labels.to(torch.float32)
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"labels needs {NEEDED}, got {_shown(labels)}. {NUMBERS}")
    return labels.long()


def _shown(labels: Tensor) -> str:
    return f"{labels.dtype} of shape {tuple(labels.shape)}"


def require_enough_logits(
    labels: Tensor, logits: Tensor, *, values: bool = False, ignored: int | None = None
) -> None:
    """Raise at the first class index that has no logit, or if rows have more or fewer."""
    if values:
        a, b = tuple(labels.shape), tuple(logits.shape)
        if a != b and (a == (*b, 1) or b == (*a, 1)):  # a loss would compare all with all
            raise ValueError(
                f"the model returns the shape {b}, but labels has {a}: a loss would compare all "
                "pairs. Say logits=lambda output: output[:, 0], or pass labels[:, None]."
            )
        return
    K = logits.shape[1]
    if labels.ndim == 2:
        if labels.shape[1] != K:
            column = " Of a column of class indices, pass labels[:, 0]."
            raise ValueError(
                f"the model returns {K} logits, but labels has rows of {labels.shape[1]} classes, "
                f"shape {tuple(labels.shape)}.{column if labels.shape[1] == 1 else ''}"
            )
        return
    outside = (labels < 0) | (labels >= K)
    if ignored is not None:
        outside &= labels != ignored
    if outside.any():
        i = int(outside.nonzero()[0])
        raise ValueError(
            f"the model returns {K} logits, for class indices in 0..{K - 1}, but labels[{i}] is "
            f"{int(labels[i])}. Give the model one output per class, leave such samples out, or "
            "give the mixer ignore_index=... if they have no label."
        )


def require_labels(labels: Any, needed: str) -> Tensor:
    """Return `labels` if they are a tensor."""
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"labels needs a tensor of {needed}, got {type(labels).__name__}. Convert it first: "
            "torch.as_tensor(labels, device=images.device)."
        )
    return labels


def label_rows(
    labels: Any, n: int, num_classes: int | None, ignore_index: int | None = None
) -> Tensor:
    """Return labels as float rows (n, K), zero where a label is to be ignored."""
    labels = require_labels(labels, NEEDED)
    if labels.ndim not in (1, 2) or len(labels) != n:
        raise ValueError(f"labels needs {NEEDED} of {n} inputs, got {tuple(labels.shape)}")
    if labels.ndim == 2:
        return _given_rows(labels, num_classes)
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"labels needs {NEEDED}, got {_shown(labels)}. {NUMBERS}")
    if num_classes is None:
        raise ValueError(NO_NUMBER)
    num_classes = validate.class_count("num_classes", num_classes)
    labels = labels.long()
    if ignore_index is not None:
        counted = labels != ignore_index
        labels = labels.where(counted, 0)
    require_classes(labels, num_classes)
    rows = torch.nn.functional.one_hot(labels, num_classes).to(torch.float32)
    return rows if ignore_index is None else rows * counted[:, None]


def require_classes(labels: Tensor, num_classes: int) -> None:
    """Raise at the first of the class indices (n,) that is not in 0 .. num_classes - 1."""
    low, high = (int(v) for v in torch.aminmax(labels))
    if low < 0 or high >= num_classes:
        outside = (labels < 0) | (labels >= num_classes)
        i = int(outside.nonzero()[0])
        raise ValueError(validate.no_class(num_classes, i, labels[i], outside.sum()))


def _given_rows(rows: Tensor, num_classes: int | None) -> Tensor:
    shape = tuple(rows.shape)
    whole = not rows.is_floating_point() and rows.dtype != torch.bool
    require_row_shape(shape, num_classes, whole and shape[1] == 1 and bool(rows.max() > 1))
    rows = rows if rows.is_floating_point() else rows.to(torch.float32)
    low, high = torch.aminmax(rows) if len(rows) else (rows.sum(), rows.sum())
    if not (low >= 0 and high < math.inf):
        bad = ~((rows >= 0) & (rows < math.inf))
        i, k = bad.nonzero()[0].tolist()
        raise ValueError(no_weight(i, k, rows[i, k].item(), int(bad.sum())))
    return rows
