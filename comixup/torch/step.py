"""`training_step`: clean pass, saliency, mix, mixed pass, and the gradients of both passes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base import validate
from comixup._base.streams import Key
from comixup.plans.base import Mixture
from comixup.torch.ada_mixup import AdaMixUp
from comixup.torch.eager import eager
from comixup.torch.inputs import logits_of, require_enough_logits, require_tensor
from comixup.torch.losses import LOSSES
from comixup.torch.saliency import (
    NO_GRADIENT,
    gradient_norm,
    input_saliency,
    sum_of_losses,
    without_exchange,
)
from comixup.torch.tensor_mixer import TensorMixer


class StepResult(NamedTuple):
    """What a training step computed, without its graph.

    Parameters
    ----------
    loss : Tensor
        What gradients were taken of: the sum of the other three.
    clean_loss : Tensor
        ``clean_weight * 2 CE / K``; zero without a clean pass.
    mixed_loss : Tensor
        Of the mixed images.
    logits : Tensor of shape (B, K)
        For the mixed images.
    plan : MixPlan, BlendPlan or BoxPlan
        How they were mixed.
    mixer_loss : Tensor
        Of a mixer that learns; zero for others.
    """

    loss: Tensor
    clean_loss: Tensor
    mixed_loss: Tensor
    logits: Tensor
    plan: Any
    mixer_loss: Tensor

    def __repr__(self) -> str:
        return (
            f"StepResult(loss={self.loss.item():.6g}, clean_loss={self.clean_loss.item():.6g}, "
            f"mixed_loss={self.mixed_loss.item():.6g}, logits=<{tuple(self.logits.shape)}>, "
            f"plan={type(self.plan).__name__})"
        )


@eager
def training_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mix: TensorMixer,
    *,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "bce",
    clean_weight: float = 1.0,
    saliency: Tensor | Callable[[Tensor, Tensor], Tensor] | None = None,
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

    `AdaMixUp` has a step of its own: real images and blends in one pass, and gradients for the
    mixer too; the clean loss is that of the real images, by `loss`.

    Parameters
    ----------
    model : Module
        Gets images, returns logits (B, K), or a dict, tuple or output object with them. In
        `DistributedDataParallel`, gradients are exchanged once, with the mixed pass.
    images : Tensor of float, shape (B, C, \*spatial)
        Or in the layout of the mixer; never changed.
    labels : Tensor, int of shape (B,) or of shape (B, K)
        K is taken from the logits.
    mix : TensorMixer
        What plans and mixes.
    loss : {"bce", "ce"} or callable, default "bce"
        Of the mixed pass: binary cross entropy of the softmax (published for CIFAR), soft cross
        entropy (ImageNet), or ``loss(logits, rows)``.
    clean_weight : float, default 1.0
        With 0 saliency comes from a pass in evaluation mode that leaves no trace. Mixers that use
        no saliency have no clean pass.
    saliency : Tensor of shape (B, \*spatial) or callable, optional
        Nonnegative maps of the batch, e.g. from a `CachedSaliency`, or ``saliency(images,
        labels)`` that returns them, e.g. an `AveragedSaliency`; called only where maps are used.
        By default the gradient of the clean loss, as published. A clean pass for its loss alone
        has no gradient with respect to images.
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
    n = len(mix.arrange(require_tensor(images)))
    validate.real("clean_weight", clean_weight)
    if not callable(loss):
        loss = LOSSES[validate.choice("loss", loss, tuple(LOSSES))]
        if interpolate:
            raise ValueError(
                "interpolate=True is for a loss of class indices, e.g. loss=partial("
                "cross_entropy, reduction='none'); 'bce' and 'ce' take rows"
            )
    key = mix.key(step=step)
    mixer = mix.active(key, epoch)
    none = torch.zeros((), device=images.device)
    if isinstance(mix, AdaMixUp) and mixer is not None:
        if interpolate or logits is not None:
            raise ValueError("AdaMixUp takes a model that returns logits, and a loss of rows")
        return _learning_step(model, images, labels, mix, loss, clean_weight, key, amp, scale)

    def logits_for(output: Any) -> Tensor:
        found = logits_of(output, n, logits)
        require_enough_logits(labels, found)
        return found

    passes = _Passes(model, labels, logits_for, amp, scale)
    clean, maps = none, None
    if mixer is not None and mixer.uses_saliency:
        if saliency is None:
            clean, maps = passes.clean_with_saliency(images, mix, clean_weight)
        else:
            with _autocast(images, amp):
                maps = saliency(images, labels) if callable(saliency) else saliency
            if clean_weight > 0:
                clean = passes.clean(images, clean_weight)
    plan: Mixture = mix.planning(key, images, maps, epoch=epoch)()
    mixed = mix.finish(plan, images, None).images
    with _autocast(images, amp):
        found = logits_for(model(mixed))
    if interpolate:
        of_indices = loss
        mixed_loss = plan.interpolate_loss(lambda y: of_indices(found, y), labels).mean()
    else:
        mixed_loss = loss(found, mix.labels(plan, labels, found.shape[1]))
    (mixed_loss if scale is None else scale(mixed_loss)).backward()
    mixed_loss = mixed_loss.detach()
    return StepResult(clean + mixed_loss, clean, mixed_loss, found.detach(), plan, none)


def _learning_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    mix: AdaMixUp,
    loss: Callable[[Tensor, Tensor], Tensor],
    weight: float,
    key: Key,
    amp: torch.dtype | None,
    scale: Callable[[Tensor], Tensor] | None,
) -> StepResult:
    """Backpropagate the losses of a mixer that learns, to the model and to the mixer."""
    found = mix.losses(model, images, labels, loss, key, _autocast(images, amp))
    real = weight * found.real
    total = real + found.mixed + found.intrusion
    (total if scale is None else scale(total)).backward()
    return StepResult(
        total.detach(),
        real.detach(),
        found.mixed.detach(),
        found.logits.detach(),
        found.plan,
        found.intrusion.detach(),
    )


class _Passes(NamedTuple):
    """Clean passes of a model over a batch with given labels."""

    model: nn.Module
    labels: Tensor
    logits_for: Callable[[Any], Tensor]
    amp: torch.dtype | None
    scale: Callable[[Tensor], Tensor] | None

    def clean_with_saliency(
        self, images: Tensor, mix: TensorMixer, weight: float
    ) -> tuple[Tensor, Tensor]:
        """Return the clean loss, backpropagated, and the saliency."""
        layout = mix.mixer.layout_of(tuple(images.shape))
        if weight == 0:

            def loss_of(output: Any, labels: Tensor) -> Tensor:
                return sum_of_losses(self.logits_for(output), labels)

            saliency_of = input_saliency(
                self.model, images, self.labels, loss_of, layout=layout.axes
            )
            with _autocast(images, self.amp), saliency_of as saliency:
                return torch.zeros((), device=images.device), saliency
        leaf = images.detach().clone().requires_grad_()
        loss = self.clean(leaf, weight)
        if leaf.grad is None:
            raise ValueError(
                f"{NO_GRADIENT} The gradients of the clean pass have been added: zero them."
            )
        saliency = gradient_norm(layout.arrange(leaf.grad, first=True))
        return loss, saliency if self.scale is None else _uniform_where_infinite(saliency)

    def clean(self, images: Tensor, weight: float) -> Tensor:
        """Return the clean loss, backpropagated."""
        with without_exchange(self.model):
            with _autocast(images, self.amp):
                logits = self.logits_for(self.model(images))
            with torch.autocast(images.device.type, enabled=False):
                entropy = functional.cross_entropy(logits.float(), self.labels)
                loss = 2 * weight / logits.shape[1] * entropy
            if not loss.requires_grad:
                raise ValueError(NO_GRADIENT)
            (loss if self.scale is None else self.scale(loss)).backward()
        return loss.detach()


def _uniform_where_infinite(saliency: Tensor) -> Tensor:
    # a scaler expects overflows and skips the step: no reason to stop, nor to wait for the device
    column = (-1,) + (1,) * (saliency.ndim - 1)
    finite = saliency.flatten(1).sum(dim=1).isfinite().reshape(column)
    return torch.where(finite, saliency, torch.ones_like(saliency))


def _autocast(images: Tensor, amp: torch.dtype | None) -> AbstractContextManager[Any]:
    return nullcontext() if amp is None else torch.autocast(images.device.type, dtype=amp)
