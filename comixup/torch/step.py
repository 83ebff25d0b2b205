"""`training_step`: clean pass, saliency, mix, mixed pass, and the gradients of both passes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base import validate
from comixup.plans.base import Mixture
from comixup.torch.ada_mixup import AdaMixUp, Losses
from comixup.torch.eager import eager
from comixup.torch.inputs import logits_of, require_enough_logits, require_targets, require_tensor
from comixup.torch.losses import LOSSES, softmax_binary_cross_entropy
from comixup.torch.saliency import (
    NO_GRADIENT,
    gradient_norm,
    input_saliency,
    leaf_of,
    without_exchange,
)
from comixup.torch.tensor_mixer import TensorMixer

HALF = (torch.float16, torch.bfloat16)
OUT_OF_MEMORY = torch.cuda.OutOfMemoryError
NEEDS_A_LOSS = (
    "{}, so loss={!r} does not apply: pass a loss such as "
    "torch.nn.functional.mse_loss or torch.nn.functional.binary_cross_entropy_with_logits"
)


class StepResult(NamedTuple):
    """The results of a training step, without graphs.

    Parameters
    ----------
    loss : Tensor
        The loss that was differentiated: the sum of the other three.
    clean_loss : Tensor
        ``clean_weight * 2 CE / K``; zero without a clean pass.
    mixed_loss : Tensor
        Loss of the mixed images.
    logits : Tensor of shape (B, K)
        Logits of the mixed images.
    plan : MixPlan, BlendPlan or BoxPlan
        The plan of the mixture.
    mixer_loss : Tensor
        Loss of a mixer that is trained; zero for others.
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
    saliency: Tensor | str | Callable[[Tensor, Tensor], Tensor] | None = None,
    step: int | None = None,
    epoch: int = 0,
    amp: torch.dtype | None = None,
    scale: Callable[[Tensor], Tensor] | None = None,
    logits: Callable[[Any], Tensor] | None = None,
    interpolate: bool = False,
) -> StepResult:
    r"""Add the gradients of one mixed batch to the parameters.

    As in the publication, a mixer that uses saliency needs a clean pass in training mode. Its loss
    is ``clean_weight * 2 CE / K``, and the gradient with respect to the images gives the saliency.
    A pass on the mixed images follows. Each pass is backpropagated before the next begins, so that
    the step needs the memory of one pass. The caller zeroes gradients and steps the optimizer.

    With `AdaMixUp`, real images and blends share one pass, and the mixer gets gradients as well.
    The clean loss is then the loss of the real images, by `loss`.

    Parameters
    ----------
    model : Module
        Takes images and returns logits (B, K), or a dict, tuple or output object with logits. In
        `DistributedDataParallel`, gradients are exchanged once, in the mixed pass.
    images : Tensor of float, shape (B, C, \*spatial)
        The images, in the layout of the mixer; not modified.
    labels : Tensor, int of shape (B,) or of shape (B, K)
        Class indices or rows; K is taken from the logits. If the mixer has ``targets="values"``,
        real numbers of shape (B, ...): regression targets, or binary labels.
    mix : TensorMixer
        The mixer.
    loss : {"bce", "ce"} or callable, default "bce"
        Loss of the mixed pass: "bce", the binary cross entropy of the softmax (published for
        CIFAR), "ce", soft cross entropy (ImageNet), or ``loss(logits, rows)``. Values and single
        logits need a callable, e.g. `mse_loss` or `binary_cross_entropy_with_logits`; the clean
        loss is then ``clean_weight * loss(logits, labels)``.
    clean_weight : float, default 1.0
        Weight of the clean loss. With 0, saliency is computed in evaluation mode without any effect
        on the model. Mixers without saliency have no clean pass.
    saliency : Tensor of shape (B, \*spatial), str or callable, optional
        Nonnegative maps of the batch, e.g. from a `CachedSaliency`; or a function
        ``saliency(images, labels)`` that returns them, e.g. an `AveragedSaliency`, which is called
        only if maps are used; or "spectral" or "contrast" to compute them from the images only. By
        default the gradient of the clean loss, as published. If `saliency` is given, a clean pass
        computes no gradient with respect to images.
    step, epoch
        As in `TensorMixer.mix`.
    amp : torch.dtype, optional
        Run the forward passes under autocast to this type, e.g. ``torch.bfloat16``.
    scale : callable, optional
        ``scaler.scale`` of a `torch.amp.GradScaler`: applied to losses before `backward`. Where a
        gradient overflows, which makes the scaler skip the step, saliency is uniform.
    logits : callable, optional
        Takes the output of the model and returns logits (B, K). By default these are the output
        itself if it is a tensor, its entry or attribute ``logits``, or the first item of a tuple.
    interpolate : bool, default False
        For losses that take class indices, such as a focal loss. `loss` is called as
        ``loss(logits, indices)`` for each source of the outputs, must return one number per output
        or several (``reduction="none"``), and is averaged by area, or by `labels_by` of the mixer.

    Returns
    -------
    StepResult
        The losses, logits and plan of the step.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, labels and logits differ in the number of classes, the
        model returns no logits or detaches its input, or no gradient is recorded.

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
    if not torch.is_grad_enabled():
        raise ValueError("training_step adds gradients, but is called within torch.no_grad()")
    values = mix.mixer.targets == "values"
    labels = require_targets(labels, n, values)
    named, criterion = _named(loss, interpolate=interpolate, values=values)
    if interpolate and mix.mixer.labels_by == "maximum":
        raise ValueError(
            "labels_by='maximum' takes rows of labels, so interpolate=True does not apply: use a "
            "loss of rows, such as binary_cross_entropy_with_logits"
        )
    key = mix.key(step=step)
    mixer = mix.active(key, epoch)
    none = torch.zeros((), device=images.device)
    if isinstance(mix, AdaMixUp) and mixer is not None:
        if interpolate:
            raise ValueError("AdaMixUp blends labels: it takes a loss of rows, not of indices")
        found_in = mix.losses(
            model, images, labels, criterion, key, _autocast(images, amp), logits=logits
        )
        # in the mean over K outputs, cross entropy is divided by K; 2 / K as for the clean loss
        balance = 2 / found_in.logits.shape[1] if named == "bce" else 1.0
        return _learned(found_in, clean_weight, balance, scale)
    passes = _Passes(model, labels, criterion, named, interpolate, logits, mix.mixer, amp, scale)
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
        found = passes.logits_of(model(mixed))
    mixed_loss = _backpropagated(passes.mixed(mix, plan, found), scale)
    return StepResult(clean + mixed_loss, clean, mixed_loss, found.detach(), plan, none)


def _named(loss: Any, *, interpolate: bool, values: bool) -> tuple[str | None, Any]:
    """Return the name of a loss, None for one of the caller, and the function."""
    if callable(loss):
        return None, loss
    name = validate.choice("loss", loss, tuple(LOSSES))
    if interpolate:
        raise ValueError(
            "interpolate=True is for a loss of class indices, e.g. loss=partial("
            "cross_entropy, reduction='none'); 'bce' and 'ce' take rows"
        )
    if values:
        raise ValueError(NEEDS_A_LOSS.format("targets='values' are not classes", name))
    return name, LOSSES[name]


def _backpropagated(loss: Tensor, scale: Callable[[Tensor], Tensor] | None) -> Tensor:
    """Backpropagate a loss, and return it without its graph."""
    if loss.numel() != 1:
        raise ValueError(
            f"loss needs to return a number, got the shape {tuple(loss.shape)}: use "
            "reduction='mean', or interpolate=True for a loss of class indices"
        )
    if not loss.requires_grad:
        raise ValueError(
            "the loss depends on no parameter that requires a gradient: all of the model is frozen"
        )
    (loss if scale is None else scale(loss)).backward()
    return loss.detach()


def _learned(
    found: Losses, weight: float, balance: float, scale: Callable[[Tensor], Tensor] | None
) -> StepResult:
    """Backpropagate the losses of a mixer that learns, to the model and to the mixer.

    `balance` is the factor of the loss of the mixer that makes it comparable to the other two.
    """
    real, intrusion = weight * found.real, balance * found.intrusion
    total = _backpropagated(real + found.mixed + intrusion, scale)
    return StepResult(
        total,
        real.detach(),
        found.mixed.detach(),
        found.logits.detach(),
        found.plan,
        intrusion.detach(),
    )


class _Passes(NamedTuple):
    """The passes of a model over a batch with given labels, clean and mixed."""

    model: nn.Module
    labels: Tensor
    loss: Callable[..., Tensor]
    named: str | None  # which of `LOSSES` the loss is
    interpolate: bool  # whether the loss takes class indices
    select: Callable[[Any], Tensor] | None  # the option `logits`
    mixer: Any
    amp: torch.dtype | None
    scale: Callable[[Tensor], Tensor] | None

    @property
    def values(self) -> bool:
        """Whether labels are numbers instead of classes."""
        return bool(self.mixer.targets == "values")

    @property
    def ignored(self) -> int | None:
        """Index of samples without a label."""
        index: int | None = self.mixer.ignore_index
        return index

    def logits_of(self, output: Any) -> Tensor:
        """Return the checked logits in the output of the model."""
        found = logits_of(output, len(self.labels), self.select, of_values=self.values)
        require_enough_logits(self.labels, found, values=self.values, ignored=self.ignored)
        if self.named is not None and found.shape[1] == 1:
            raise ValueError(
                NEEDS_A_LOSS.format("the softmax of a single logit is 1 whatever it is", self.named)
            )
        return found.float() if self.values and found.dtype in HALF else found

    def mixed(self, mix: TensorMixer, plan: Mixture, found: Tensor) -> Tensor:
        """Return the loss of the logits of mixed images."""
        if self.interpolate:
            by = self.mixer.labels_by
            return plan.interpolate_loss(lambda y: self.loss(found, y), self.labels, by=by).mean()
        rows = mix.labels(plan, self.labels, None if self.values else found.shape[1])
        if self.named == "bce" and self.ignored is not None and self.labels.ndim == 1:
            labeled = mix.labeled(plan, self.labels != self.ignored)
            return softmax_binary_cross_entropy(found, rows, labeled)
        try:
            return self.loss(found, rows)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            if self.labels.ndim == 2 or self.values or isinstance(error, OUT_OF_MEMORY):
                raise
            raise ValueError(
                f"loss fails for rows of labels {tuple(rows.shape)} ({error}). If it is a loss of "
                "class indices, pass interpolate=True and let it return one number per sample "
                "(reduction='none')."
            ) from error

    def clean_with_saliency(
        self, images: Tensor, mix: TensorMixer, weight: float
    ) -> tuple[Tensor, Tensor]:
        """Return the clean loss, backpropagated, and the saliency."""
        layout = mix.mixer.layout_of(tuple(images.shape))
        if not images.is_floating_point():
            raise TypeError(
                "saliency is a gradient with respect to the images, which therefore need floats, "
                f"got {images.dtype}. Convert them, or say saliency='spectral'."
            )
        if weight == 0:

            def loss_of(output: Any, labels: Tensor) -> Tensor:
                return self.entropy(self.logits_of(output)) * len(images)

            saliency_of = input_saliency(
                self.model, images, self.labels, loss_of, layout=layout.axes
            )
            with _autocast(images, self.amp), saliency_of as saliency:
                return torch.zeros((), device=images.device), self.labeled_or_even(saliency)
        leaf = leaf_of(images)
        loss = self.clean(leaf, weight)
        if leaf.grad is None:
            raise ValueError(
                f"{NO_GRADIENT} The gradients of the clean pass have been added: zero them."
            )
        saliency = self.labeled_or_even(gradient_norm(layout.arrange(leaf.grad, first=True)))
        return loss, saliency if self.scale is None else _uniform_where_infinite(saliency)

    def labeled_or_even(self, saliency: Tensor) -> Tensor:
        """Return saliency, set to 1 for samples without a label, whose loss has no gradient."""
        if self.ignored is None or self.labels.ndim == 2:
            return saliency
        column = (self.labels == self.ignored).reshape(-1, *(1,) * (saliency.ndim - 1))
        return saliency.masked_fill(column, 1)

    def clean(self, images: Tensor, weight: float) -> Tensor:
        """Return the clean loss, backpropagated."""
        with without_exchange(self.model):
            with _autocast(images, self.amp):
                logits = self.logits_of(self.model(images.clone()))  # it may begin in place
                loss = weight * self.published(logits)
            if not loss.requires_grad:
                raise ValueError(NO_GRADIENT)
            return _backpropagated(loss, self.scale)

    def published(self, logits: Tensor) -> Tensor:
        """Return ``2 CE / K``, or the loss of the caller where there are no classes."""
        entropy = self.entropy(logits)
        return entropy if self.by_caller(logits) else 2 / logits.shape[1] * entropy

    def entropy(self, logits: Tensor) -> Tensor:
        """Return the mean cross entropy, or the loss of the caller where there are no classes."""
        if self.by_caller(logits):
            loss = self.loss(logits, self.labels)
            return loss.mean() if self.interpolate else loss
        with torch.autocast(logits.device.type, enabled=False):
            if self.ignored is None or self.labels.ndim == 2:
                return functional.cross_entropy(logits.float(), self.labels)
            total = functional.cross_entropy(
                logits.float(), self.labels, ignore_index=self.ignored, reduction="sum"
            )
            return total / (self.labels != self.ignored).sum().clamp(min=1)

    def by_caller(self, logits: Tensor) -> bool:
        """Return whether cross entropy does not apply, as for a single logit."""
        return self.values or logits.shape[1] == 1


def _uniform_where_infinite(saliency: Tensor) -> Tensor:
    # a scaler expects overflows and skips the step: no reason to stop, nor to wait for the device
    column = (-1,) + (1,) * (saliency.ndim - 1)
    finite = saliency.flatten(1).sum(dim=1).isfinite().reshape(column)
    return torch.where(finite, saliency, torch.ones_like(saliency))


def _autocast(images: Tensor, amp: torch.dtype | None) -> AbstractContextManager[Any]:
    return nullcontext() if amp is None else torch.autocast(images.device.type, dtype=amp)
