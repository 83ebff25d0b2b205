"""Saliency from other sources than the loss gradient of the running model.

The argument `saliency` of `training_step` accepts each of them: maps of a batch, or a function
``(images, labels) -> maps``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base import validate
from comixup.torch.evaluate import UPSAMPLING
from comixup.torch.inputs import label_rows, logits_of, require_images
from comixup.torch.saliency import Loss, input_saliency, undisturbed


def grad_cam(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    layer: nn.Module | str,
    *,
    logits: Callable[[Any], Tensor] | None = None,
) -> Tensor:
    r"""Return class activation maps by gradients; the model is not changed.

    The map is the positive part of the sum of the channels of `layer`, each weighted by the mean
    gradient of the logit of the true class with respect to it; the map is upsampled linearly. This
    takes one forward pass, and a backward pass through the layers after `layer`. If these are only
    pooling and a linear layer, the maps are class activation maps up to a factor.

    Parameters
    ----------
    model : Module
        Takes images and returns logits (B, K), or a dict, tuple or output object with logits.
    images : Tensor of float, shape (B, C, \*spatial)
        The images, preprocessed for the model.
    labels : Tensor, int of shape (B,) or of shape (B, K)
        Class indices, or rows that weight the logits.
    layer : Module or str
        A layer that returns (B, channels, \*space), or its name in the model. The logits must
        depend on its output only. Usually the last layer with spatial axes.
    logits : callable, optional
        As in `training_step`: takes the output of the model and returns the logits.

    Returns
    -------
    Tensor of float32 or float64, shape (B, \*spatial)
        Nonnegative maps. A map is zero everywhere if no channel supports the class; see the option
        ``zero_saliency`` of mixers.

    Raises
    ------
    ValueError, TypeError
        If images or labels are not as described, or `layer` does not return (B, channels,
        \*space) once.
    AttributeError
        If the model has no module of the name `layer`.

    References
    ----------
    .. [1] R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: Visual
       explanations from deep networks via gradient-based localization", ICCV 2017, section 3.

    Examples
    --------
    >>> layers = nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    >>> model = nn.Sequential(*layers, nn.Linear(8, 10))
    >>> images, labels = torch.rand(6, 3, 32, 32), torch.arange(6)
    >>> maps = grad_cam(model, images, labels, layer="1")
    >>> maps.shape, bool(maps.min() >= 0)
    (torch.Size([6, 32, 32]), True)
    """
    images = require_images(images)
    layer = model.get_submodule(layer) if isinstance(layer, str) else layer
    seen: list[Any] = []

    def begin_graph(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if not isinstance(output, Tensor) or seen:
            seen.append(output)
            return output
        torch.set_grad_enabled(True)  # until the context around the pass ends
        seen.append(output.detach().requires_grad_())
        return seen[0].clone()  # layers after this one may work in place

    handle = layer.register_forward_hook(begin_graph)
    try:
        with undisturbed(model, images.device), torch.inference_mode(False), torch.no_grad():
            model.eval()
            found = logits_of(model(images.clone()), len(images), logits)
            channels = _channels(seen, images)
            rows = label_rows(labels, len(images), found.shape[1])
            (gradient,) = torch.autograd.grad(found, channels, rows.to(found))
    finally:
        handle.remove()
    wide = torch.promote_types(channels.dtype, torch.float32)
    with torch.autocast(images.device.type, enabled=False), torch.no_grad():
        weights = gradient.to(wide).flatten(2).mean(dim=2)
        maps = torch.einsum("bc...,bc->b...", channels.detach().to(wide), weights).clamp_(min=0)
        size, mode = tuple(images.shape[2:]), UPSAMPLING[images.ndim]
        return functional.interpolate(maps[:, None], size, mode=mode, align_corners=False)[:, 0]


def _channels(seen: list[Any], images: Tensor) -> Tensor:
    shapes = [tuple(s.shape) if isinstance(s, Tensor) else type(s).__name__ for s in seen]
    if len(seen) != 1 or len(shapes[0]) != images.ndim or shapes[0][0] != len(images):
        raise ValueError(
            f"layer needs to run once and return (batch, channels, *space) with "
            f"{images.ndim - 2} spatial axes for {len(images)} images; it returned {shapes}"
        )
    channels: Tensor = seen[0]
    return channels


class AveragedSaliency:
    """Loss-gradient saliency of a model whose weights are running means of the trained ones.

    Parameters
    ----------
    model : Module
        The model in training; it is copied.
    decay : float, default 0.99
        Factor of the previous mean in each step, in 0..1. In step t it is at most
        ``(1 + t) / (10 + t)``, so that the initial weights lose influence quickly.
    loss : callable, optional
        As in `input_saliency`.

    Attributes
    ----------
    model : Module
        The averaged model: running means of parameters and of floating-point buffers, and the
        latest values of other buffers.
    steps : int
        Number of updates.

    Raises
    ------
    ValueError, TypeError
        If `decay` is not as described.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> averaged, mix = AveragedSaliency(model), CoMixup(seed=0)
    >>> for _ in range(3):
    ...     images, labels = torch.rand(6, 1, 8, 8), torch.arange(6)
    ...     result = training_step(model, images, labels, mix, saliency=averaged)
    ...     optimizer.step(); optimizer.zero_grad(); averaged.update(model)
    >>> averaged.steps
    3
    """

    def __init__(self, model: nn.Module, decay: float = 0.99, loss: Loss | None = None) -> None:
        validate.fraction("decay", decay)
        self.decay, self.loss, self.steps = decay, loss, 0
        self.model = copy.deepcopy(model).requires_grad_(False)

    def update(self, model: nn.Module) -> None:
        """Update the means by the weights of the trained model, after a step of its optimizer.

        Parameters
        ----------
        model : Module
            A model with the structure of the copied one.
        """
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        with torch.no_grad():
            for mine, theirs in zip(_tensors(self.model), _tensors(model), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(theirs.to(mine), 1 - kept)
                else:
                    mine.copy_(theirs)

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the maps of a batch, by a pass in evaluation mode."""
        with input_saliency(self.model, images, labels, self.loss) as saliency:
            return saliency

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights and the number of steps.

        Returns
        -------
        dict
            For `load_state_dict`.
        """
        return {"model": self.model.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state.

        Parameters
        ----------
        state : dict
            From `state_dict`.
        """
        self.model.load_state_dict(state["model"])
        self.steps = int(state["steps"])


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


class CachedSaliency:
    r"""Maps of a whole training set, which are stored and recomputed from time to time.

    Steps then need no pass for saliency. Maps belong to the images without augmentation: apply the
    same crops and flips to an image and to its map.

    Parameters
    ----------
    source : callable
        ``source(images, labels)`` returns the maps of a batch.

    Attributes
    ----------
    maps : Tensor or None
        Maps of all images, on the device where they were computed; None before the first `refresh`.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> images, labels = torch.rand(12, 3, 16, 16), torch.arange(12) % 8
    >>> cache = CachedSaliency(lambda images, labels: grad_cam(model, images, labels, layer="1"))
    >>> cache.refresh([(images[:6], labels[:6]), (images[6:], labels[6:])])  # e.g. every 5 epochs
    >>> rows, mix = torch.tensor([7, 0, 3, 11]), CoMixup(zero_saliency="uniform", seed=0)
    >>> result = training_step(
    ...     model, images[rows], labels[rows], mix, saliency=cache(rows), clean_weight=0
    ... )
    """

    def __init__(self, source: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.source = source
        self.maps: Tensor | None = None

    def refresh(self, batches: Iterable[Any]) -> None:
        """Compute all maps again.

        Parameters
        ----------
        batches : iterable of (images, labels)
            All images in the order of their index, not augmented.

        Raises
        ------
        ValueError
            If there is no batch.
        """
        maps = [self.source(images, labels) for images, labels, *_ in batches]
        if not maps:
            raise ValueError("batches needs at least one batch (images, labels), got none")
        self.maps = torch.cat(maps)

    def __call__(self, index: Tensor) -> Tensor:
        r"""Return the maps (n, \*spatial) of images by their index (n,).

        Raises
        ------
        RuntimeError
            If there are no maps yet.
        """
        if self.maps is None:
            raise RuntimeError("there are no maps yet: call refresh(batches) first")
        return self.maps[index.to(self.maps.device)]

    def state_dict(self) -> dict[str, Any]:
        """Return the maps.

        Returns
        -------
        dict
            For `load_state_dict`.
        """
        return {"maps": self.maps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state.

        Parameters
        ----------
        state : dict
            From `state_dict`.
        """
        self.maps = state["maps"]
