"""Saliency from the gradient of the loss of a network, which is not modified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base.layout import parse
from comixup.plans.labels import NEEDED
from comixup.torch.eager import eager
from comixup.torch.inputs import logits_of, require_labels

Loss = Callable[[Tensor, Any], Tensor]
NO_GRADIENT = (
    "the loss has no gradient with respect to the images: the model detaches them, e.g. by "
    "no_grad(), .data, .numpy() or a conversion to integers. Let it pass gradients on, or take "
    "saliency from the images alone: mix(images, labels, 'spectral')."
)


def gradient_norm(gradient: Tensor) -> Tensor:
    r"""Return saliency (B, \*spatial) of a gradient (B, C, \*spatial): the norm over channels.

    Parameters
    ----------
    gradient : Tensor of shape (B, C, \*spatial)
        Gradient of a loss with respect to images.

    Returns
    -------
    Tensor of float32 or float64, shape (B, \*spatial)
        The norms, without a graph.

    Raises
    ------
    ValueError
        If the gradient has fewer than three axes.

    Examples
    --------
    >>> gradient_norm(torch.tensor([[[3.0, 0.0], [-4.0, 1.0]]]))
    tensor([[5., 1.]])
    """
    if gradient.ndim < 3:
        raise ValueError(
            "gradient needs the shape (batch, channels, *spatial), got the shape "
            f"{tuple(gradient.shape)}"
        )
    wide = gradient.detach().to(torch.promote_types(gradient.dtype, torch.float32))
    # scaled per sample, so that squares of tiny gradients do not vanish; few arrays of that size
    axes = tuple(range(1, wide.ndim))
    largest = torch.maximum(wide.amax(axes, keepdim=True), wide.amin(axes, keepdim=True).neg_())
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    return (wide / scale).square_().sum(dim=1).sqrt_().mul_(scale.squeeze(1))


def device_of(model: nn.Module) -> torch.device:
    """Return the device of the first parameter, the CPU if there is none."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


@contextmanager
def undisturbed(model: nn.Module, device: torch.device | None = None) -> Iterator[None]:
    """Context manager that restores the state of a model and of PyTorch at its end.

    It restores the mode of every module, gradients (the same tensors as before: in-place additions
    to them remain), buffers such as running means, the random states of the CPU and of `device`,
    and the autocast cache.

    Parameters
    ----------
    model : Module
        The model to restore.
    device : torch.device, optional
        Device of the data; by default that of the first parameter.

    Yields
    ------
    None
        While the context is active.

    Examples
    --------
    >>> model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    >>> with undisturbed(model):
    ...     _ = model(torch.ones(8, 2)).sum().backward()
    >>> model[0].running_mean, model[0].weight.grad
    (tensor([0., 0.]), None)
    """
    if device is None:
        device = device_of(model)
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    with ExitStack() as stack:
        devices = [device] if device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices=devices))
        if torch.is_autocast_enabled(device.type):
            # what is cached here would carry its graph into the caller's passes
            dtype = torch.get_autocast_dtype(device.type)
            stack.enter_context(torch.autocast(device.type, dtype=dtype, cache_enabled=False))
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            for parameter, gradient in gradients:
                parameter.grad = gradient
            _restore(buffers, device)


def _restore(buffers: list[tuple[Tensor, Tensor]], device: torch.device) -> None:
    """Give buffers their values again. Only what changed: a graph may hold on to the others."""
    with torch.no_grad():
        changed = [(buffer != value).any().to(device) for buffer, value in buffers]
        if not changed:
            return
        # one wait for the device, not one for every buffer
        for (buffer, value), differs in zip(buffers, torch.stack(changed).tolist(), strict=True):
            if differs:
                buffer.copy_(value)


@contextmanager
def input_saliency(
    model: nn.Module,
    images: Tensor,
    labels: Any,
    loss: Loss | None = None,
    *,
    train: bool = False,
    scale: float = 1.0,
    layout: str | None = None,
) -> Iterator[Tensor]:
    r"""Compute saliency from a network, which is not changed.

    This takes one forward pass, and a backward pass to the images. Mode, gradients, buffers, random
    states and the autocast cache are restored at the end of the context.

    Parameters
    ----------
    model : Module
        Takes `images` and returns logits, or with the default `loss` a dict, tuple or output object
        with logits.
    images : Tensor of float, shape (B, C, \*spatial)
        The images, not modified.
    labels : Tensor
        The second argument of `loss`.
    loss : callable, optional
        ``loss(output, labels)`` for the output of the model: a scalar, or one number per sample,
        which are summed. Cross entropy by default, for class indices or rows.
    train : bool, default False
        Whether the pass is in training mode; in evaluation mode by default.
    scale : float, default 1.0
        Factor of the loss, so that gradients do not vanish in float16. Only ratios within a sample
        matter.
    layout : str, optional
        The order of the axes of the images, as in `CoMixup`; channels first by default.

    Yields
    ------
    Tensor of shape (B, \*spatial)
        float32 or float64: the norm of the gradient over channels.

    Raises
    ------
    ValueError, TypeError
        If the images are not floats, or the model detaches them, so that they have no gradient.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> images, labels = torch.rand(6, 1, 8, 8), torch.arange(6)
    >>> with input_saliency(model, images, labels) as saliency:
    ...     mixed, rows = CoMixup(num_classes=10)(images, labels, saliency)
    >>> saliency.shape
    torch.Size([6, 8, 8])
    """
    if not images.is_floating_point():
        raise TypeError(
            f"images needs floats, to have a gradient, got {images.dtype}. Convert them as the "
            "model needs them."
        )
    with undisturbed(model, images.device):
        model.train(train)
        gradient = _gradient_of_images(model, images, labels, loss, scale)
        if layout is not None:
            gradient = parse(layout).arrange(gradient, first=True)
        yield gradient_norm(gradient)


@eager
def _gradient_of_images(
    model: nn.Module, images: Tensor, labels: Any, loss: Loss | None, scale: float
) -> Tensor:
    with torch.inference_mode(False), torch.enable_grad(), without_exchange(model):
        leaf = leaf_of(images)
        output = model(leaf.clone())  # it may begin in place, which no leaf allows
        if loss is None:
            value = sum_of_losses(logits_of(output, len(images)), labels)
        else:
            value = loss(output, labels)
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value.sum() * scale, leaf, allow_unused=True)
    if gradient is None:
        raise ValueError(NO_GRADIENT)
    return gradient


def leaf_of(images: Tensor) -> Tensor:
    """Return images as a leaf that requires a gradient; it shares their memory if it can."""
    return (images.clone() if images.is_inference() else images.detach()).requires_grad_()


def without_exchange(model: nn.Module) -> AbstractContextManager[Any]:
    """Prevent DistributedDataParallel and similar modules from exchanging gradients."""
    return model.no_sync() if hasattr(model, "no_sync") else nullcontext()


def sum_of_losses(logits: Tensor, labels: Any) -> Tensor:
    """Return the sum over the batch of the cross entropies, of class indices or of rows."""
    labels = require_labels(labels, NEEDED)
    if not labels.is_floating_point():
        labels = labels.long() if labels.ndim == 1 else labels.to(logits.dtype)
    return functional.cross_entropy(logits, labels, reduction="sum")
