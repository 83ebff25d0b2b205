"""One training step as published: clean pass, saliency, mix, mixed pass, gradients of both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base import validate
from comixup.mixers.base import Mixer
from comixup.plans.base import Mixture
from comixup.torch.eager import eager
from comixup.torch.inputs import logits_of, require_enough_logits, require_tensor
from comixup.torch.losses import LOSSES
from comixup.torch.mixers import TensorMixer
from comixup.torch.saliency import (
    NO_GRADIENT,
    gradient_norm,
    input_saliency,
    sum_of_losses,
    without_exchange,
)


class StepResult(NamedTuple):
    """What a training step computed, without its graph.

    Attributes
    ----------
    loss : Tensor
        What gradients were taken of: the sum of the other two.
    clean_loss : Tensor
        ``clean_weight * 2 CE / K``; zero without a clean pass.
    mixed_loss : Tensor
    logits : Tensor of shape (B, K)
        For the mixed images.
    plan : MixPlan, BlendPlan or BoxPlan
    """

    loss: Tensor
    clean_loss: Tensor
    mixed_loss: Tensor
    logits: Tensor
    plan: Any


@eager
def training_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mix: TensorMixer,
    *,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "bce",
    clean_weight: float = 1.0,
    step: int | None = None,
    epoch: int = 0,
    amp: torch.dtype | None = None,
    scale: Callable[[Tensor], Tensor] | None = None,
    logits: Callable[[Any], Tensor] | None = None,
    interpolate: bool = False,
) -> StepResult:
    r"""Add the gradients of one mixed batch to the parameters.

    As published: with a mixer that uses saliency, a clean pass in training mode, whose loss is
    ``clean_weight * 2 CE / K`` and whose gradient with respect to the images is the saliency; then
    a pass on the mixed images. Each of the two is backpropagated once, so memory is that of one.
    Zeroing gradients and stepping the optimizer is left to the caller.

    Parameters
    ----------
    model : Module
        Gets images, returns logits (B, K), or a dict, tuple or output object with them. In
        `DistributedDataParallel`, gradients are exchanged once, with the mixed pass.
    images : Tensor of float, shape (B, C, \*spatial)
    labels : Tensor, int of shape (B,) or of shape (B, K)
        K is taken from the logits.
    mix : TensorMixer
    loss : {"bce", "ce"} or callable, default "bce"
        Of the mixed pass: binary cross entropy of the softmax (published for CIFAR), soft cross
        entropy (ImageNet), or ``loss(logits, rows)``.
    clean_weight : float, default 1.0
        With 0 saliency comes from a pass in evaluation mode that leaves no trace. Mixers that use
        no saliency have no clean pass.
    step, epoch
        As in `TensorMixer.mix`.
    amp : torch.dtype, optional
        Run the forward passes under autocast to this type, e.g. ``torch.bfloat16``.
    scale : callable, optional
        ``scaler.scale`` of a `torch.amp.GradScaler`: applied to losses before `backward`. Where a
        gradient overflows, which makes the scaler skip the step, saliency is uniform.
    logits : callable, optional
        Gets what the model returns, returns logits (B, K). By default they are a tensor itself, the
        entry or attribute ``logits``, or the first item of a tuple.
    interpolate : bool, default False
        For a `loss` that wants class indices, such as a focal loss: it is called as
        ``loss(logits, indices)`` for each source of the outputs, must return one number for every
        output (``reduction="none"``), and is averaged by area.

    Returns
    -------
    StepResult

    Raises
    ------
    ValueError, TypeError
        If the input is not as described, labels have another number of classes than the logits, the
        model returns no logits, or it detaches the images that it gets.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> mix = CoMixup(seed=0)
    >>> result = training_step(model, torch.rand(6, 1, 8, 8), torch.arange(6), mix)
    >>> optimizer.step(); optimizer.zero_grad()
    >>> bool(result.loss == result.clean_loss + result.mixed_loss)
    True
    """
    arranged = mix.arrange(require_tensor(images))
    validate.real("clean_weight", clean_weight)
    if not callable(loss):
        loss = LOSSES[validate.choice("loss", loss, tuple(LOSSES))]
        if interpolate:
            raise ValueError(
                "interpolate=True is for a loss of class indices, e.g. loss=partial("
                "cross_entropy, reduction='none'); 'bce' and 'ce' take rows"
            )
    key = mix.key(step=step)
    clean, saliency = _clean_pass(
        model, images, labels, mix, mix.active(key, epoch), clean_weight, amp, scale, logits
    )
    plan: Mixture = mix.planning(key, images, saliency, epoch=epoch)()
    mixed = mix.finish(plan, images, None).images
    with _autocast(images, amp):
        found = logits_of(model(mixed), len(arranged), logits)
    require_enough_logits(labels, found)
    if interpolate:
        of_indices = loss
        mixed_loss = plan.interpolate_loss(lambda y: of_indices(found, y), labels).mean()
    else:
        mixed_loss = loss(found, mix.labels(plan, labels, found.shape[1]))
    (mixed_loss if scale is None else scale(mixed_loss)).backward()
    mixed_loss = mixed_loss.detach()
    return StepResult(clean + mixed_loss, clean, mixed_loss, found.detach(), plan)


def _clean_pass(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mix: TensorMixer,
    mixer: Mixer | None,
    weight: float,
    amp: torch.dtype | None,
    scale: Callable[[Tensor], Tensor] | None,
    choose: Callable[[Any], Tensor] | None,
) -> tuple[Tensor, Tensor | None]:
    """Return the clean loss, backpropagated, and the saliency, if the mixer uses any."""
    none = torch.zeros((), device=images.device)
    if mixer is None or not mixer.uses_saliency:
        return none, None
    layout = mix.mixer.layout_of(tuple(images.shape))

    def logits_for(output: Any) -> Tensor:
        found = logits_of(output, len(images), choose)
        require_enough_logits(labels, found)
        return found

    def of_output(output: Any, labels: Tensor) -> Tensor:
        return sum_of_losses(logits_for(output), labels)

    if weight == 0:
        saliency_of = input_saliency(model, images, labels, of_output, layout=layout.axes)
        with _autocast(images, amp), saliency_of as saliency:
            return none, saliency
    leaf = images.detach().clone().requires_grad_()
    with without_exchange(model):
        with _autocast(images, amp):
            logits = logits_for(model(leaf))
        with torch.autocast(images.device.type, enabled=False):
            loss = 2 * weight / logits.shape[1] * functional.cross_entropy(logits.float(), labels)
        if not loss.requires_grad:
            raise ValueError(NO_GRADIENT)
        (loss if scale is None else scale(loss)).backward()
    if leaf.grad is None:
        raise ValueError(
            f"{NO_GRADIENT} The gradients of the clean pass have been added: zero them."
        )
    saliency = gradient_norm(layout.arrange(leaf.grad, first=True))
    return loss.detach(), saliency if scale is None else _uniform_where_infinite(saliency)


def _uniform_where_infinite(saliency: Tensor) -> Tensor:
    # a scaler expects overflows and skips the step: no reason to stop, nor to wait for the device
    column = (-1,) + (1,) * (saliency.ndim - 1)
    finite = saliency.flatten(1).sum(dim=1).isfinite().reshape(column)
    return torch.where(finite, saliency, torch.ones_like(saliency))


def _autocast(images: Tensor, amp: torch.dtype | None) -> AbstractContextManager[Any]:
    return nullcontext() if amp is None else torch.autocast(images.device.type, dtype=amp)
