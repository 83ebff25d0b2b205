"""Predictions and class activation maps of a network, for `comixup.evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base.types import Array
from comixup.torch.inputs import logits_of, require_classes, require_images
from comixup.torch.saliency import device_of, undisturbed

UPSAMPLING = {3: "linear", 4: "bilinear", 5: "trilinear"}


class Predictions(NamedTuple):
    """Logits and labels, on the host.

    Parameters
    ----------
    logits : ndarray of float32 or float64, shape (B, K)
        Output of the network.
    labels : ndarray of shape (B,) or (B, K)
        The labels of the batches.
    """

    logits: Array
    labels: Array


def predict(
    model: nn.Module,
    batches: Iterable[Any],
    device: torch.device | str | None = None,
    *,
    logits: Callable[[Any], Tensor] | None = None,
) -> Predictions:
    """Run a network in evaluation mode over batches, and restore its mode.

    Parameters
    ----------
    model : Module
        Takes images and returns logits (B, K), or a dict, tuple or output object with logits.
    batches : iterable of (images, labels, ...)
        The batches, e.g. a `DataLoader` that does not shuffle. Parts after the labels are ignored.
    device : torch.device or str, optional
        Device for the images; by default that of the first parameter.
    logits : callable, optional
        As in `training_step`: takes the output of the model and returns the logits.

    Returns
    -------
    Predictions
        Logits and labels of all batches, concatenated.

    Raises
    ------
    ValueError
        If there is no batch, or the model does not return logits (B, K).

    Examples
    --------
    >>> from comixup import evaluate
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> batches = [(torch.rand(6, 1, 8, 8), torch.arange(6)) for _ in range(3)]
    >>> logits, labels = predict(model, batches)
    >>> logits.shape, 0 <= evaluate.error_rate(logits, labels) <= 1
    ((18, 10), True)
    """
    device = device_of(model) if device is None else torch.device(device)
    found, labels = [], []
    with undisturbed(model, device), torch.no_grad():
        model.eval()
        for images, of_batch, *_ in batches:
            if not isinstance(images, Tensor):
                raise TypeError(
                    "batches needs tuples (images, labels, ...) with a tensor of images, got "
                    f"{type(images).__name__}. Of dicts, pass ((b['image'], b['label']) for b in "
                    "batches)."
                )
            # a copy: the model may begin in place
            out = model(images.to(device, non_blocking=True, copy=True))
            out = logits_of(out, len(images), logits)
            found.append(out.to(torch.promote_types(out.dtype, torch.float32)).cpu())
            labels.append(torch.as_tensor(of_batch).cpu())
    if not found:
        raise ValueError("batches needs at least one batch (images, labels), got none")
    return Predictions(torch.cat(found).numpy(), torch.cat(labels).numpy())


def activation_maps(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    layer: nn.Module | str,
    head: nn.Module | str,
) -> Tensor:
    r"""Return class activation maps at the size of the images; the model is not changed.

    The map of a class is the sum of the channels of `layer`, weighted by the row of that class in
    the weight of `head`; it is upsampled linearly.

    Parameters
    ----------
    model : Module
        A network that averages the output of `layer` over space and hands it to `head`.
    images : Tensor of float, shape (B, C, \*spatial)
        The images, preprocessed for the network.
    labels : Tensor of int, shape (B,)
        The class whose map is computed, for each image.
    layer : Module or str
        The layer whose output (B, channels, \*space) is averaged, or its name in the model.
    head : Linear or str
        The layer with the weight (classes, channels), or its name; a convolution of size 1 is
        accepted.

    Returns
    -------
    Tensor of float32 or float64, shape (B, \*spatial)
        Maps of any sign, on the device of the images.

    Raises
    ------
    ValueError, TypeError
        If images, labels or the weight of `head` are not as described, a label is no class of
        `head`, or `layer` does not return (B, channels, \*space) once.
    AttributeError
        If the model has no module of the name `layer` or `head`.

    References
    ----------
    .. [1] B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, "Learning deep features for
       discriminative localization", CVPR 2016, section 2.

    Examples
    --------
    >>> layers = nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    >>> model = nn.Sequential(*layers, nn.Linear(8, 10))
    >>> images, labels = torch.rand(6, 3, 32, 32), torch.arange(6)
    >>> activation_maps(model, images, labels, layer="1", head="4").shape
    torch.Size([6, 32, 32])
    """
    images = require_images(images)
    layer = model.get_submodule(layer) if isinstance(layer, str) else layer
    head = model.get_submodule(head) if isinstance(head, str) else head
    weight = getattr(head, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2 or weight[0, 0].numel() != 1:
        raise TypeError(
            "head needs a weight of shape (classes, channels), as nn.Linear has, got "
            f"{type(head).__name__}"
        )
    labels = _class_indices(labels, len(images))
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        # a copy: a layer after this one may work in place
        seen.append(output.clone() if isinstance(output, Tensor) else output)

    handle = layer.register_forward_hook(keep)
    try:
        with undisturbed(model, images.device), torch.no_grad():
            model.eval()
            model(images.clone())
    finally:
        handle.remove()
    return _weighted(seen, weight.detach().flatten(1), labels.to(weight.device), images)


def _class_indices(labels: Any, n: int) -> Tensor:
    """Return labels as int64: as an index, uint8 and bool are masks."""
    needed = f"one class index for each of the {n} images"
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"labels needs a tensor of {needed}, got {type(labels).__name__}. Convert it first: "
            "torch.as_tensor(labels)."
        )
    indices = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    if labels.shape != (n,) or not indices:
        raise ValueError(
            f"labels needs {needed}, got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    return labels.long()


def _weighted(seen: list[Tensor], weight: Tensor, labels: Tensor, images: Tensor) -> Tensor:
    """Return the channels that were seen, summed with the weights of the classes, upsampled."""
    shapes = [tuple(s.shape) if isinstance(s, Tensor) else type(s).__name__ for s in seen]
    needed = (len(images), weight.shape[1])
    if len(seen) != 1 or shapes[0][:2] != needed or len(shapes[0]) != images.ndim:
        raise ValueError(
            f"layer needs to run once and return (batch, channels, *space) = ({needed[0]}, "
            f"{needed[1]}, ...), the channels that head weights; it returned {shapes}"
        )
    require_classes(labels, len(weight))
    channels = seen[0].to(torch.promote_types(seen[0].dtype, torch.float32))
    rows = weight[labels].to(channels.dtype)
    with torch.autocast(channels.device.type, enabled=False):
        maps = torch.einsum("bc...,bc->b...", channels, rows)[:, None]
    size = tuple(images.shape[2:])
    mode = UPSAMPLING[images.ndim]
    return functional.interpolate(maps, size, mode=mode, align_corners=False)[:, 0]
