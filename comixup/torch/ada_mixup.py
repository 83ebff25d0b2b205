"""`AdaMixUp`: pairs of images, blended by ratios that a small network proposes for each pair.

A blend may look like a real image of another class; its soft label then contradicts the data
("manifold intrusion"). The policy network learns ranges of ratios without such blends. It is
trained by the loss of the model, and by a discriminator between blends and real images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from comixup._base import validate
from comixup._base.streams import DRAW, Key
from comixup._base.types import Array
from comixup.mixers.base import Mixer
from comixup.plans.base import Mixture
from comixup.plans.blends import BlendPlan
from comixup.plans.labels import smoothed
from comixup.plans.patches import MixPlan
from comixup.torch.inputs import label_rows, logits_of, require_images
from comixup.torch.tensor_mixer import TensorMixer

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@dataclass(frozen=True, kw_only=True, repr=False)
class _Options(Mixer):
    """The options that all mixers share; planning needs the policy network."""


class Losses(NamedTuple):
    """Losses of a step, with their graph, and the data that they were computed from."""

    real: Tensor
    mixed: Tensor
    intrusion: Tensor
    logits: Tensor
    plan: BlendPlan


class AdaMixUp(TensorMixer):
    r"""Blend pairs by ratios from a learned range.

    Output j is ``s[j] * images[j] + (1 - s[j]) * images[partner[j]]`` with ``s[j] = low + width *
    u``, u uniform in 0..1. The policy network gets both images of a pair and proposes ``low`` and
    ``width``, as the first two of three shares that sum to 1. The partners of a batch form one
    random cycle, so that no image is its own partner.

    `training_step` trains the networks along with the model. The loss is the sum of three: the
    loss of the real images, the loss of the blends, and `intrusion_weight` times the binary cross
    entropy of the discriminator. The publication draws two images for each blend, and a third one
    as the real image; here the images of the batch serve as both. Real images and blends pass
    through the model as one batch.

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the images.
    dimensions : {1, 2, 3}, default 2
        Spatial axes of the images.
    head : Linear, optional
        The last layer of the model. With it, the discriminator is a linear function of the input of
        this layer, and so shares all other layers with the model, as published. Without it, the
        discriminator is a small network of its own.
    width : int, default 16
        Channels of the first layer of the small networks.
    intrusion_weight : float, default 1.0
        Factor of the loss of the discriminator, next to cross entropies of the model as published.
        With its default loss, "bce", a mean over K classes, `training_step` also multiplies the
        loss of the discriminator by 2 / K, as it does with clean losses.
    num_classes : int, optional
        Number of classes; needed if labels are class indices, and not by `training_step`.
    label_smoothing : float, default 0.0
        Fraction of every label that is distributed evenly over the classes, after mixing.
    prob : float, default 1.0
        Probability with which a batch is mixed; otherwise it stays as it is.
    off_epoch : int, optional
        Epoch from which on batches stay as they are; never by default.
    seed : int, optional
        Seed of the random streams of calls without `rng`. None uses `torch.initial_seed`, which
        `torch.manual_seed` sets.

    Attributes
    ----------
    networks : Module
        Policy and discriminator. Pass ``mix.parameters()`` to the optimizer of the model, and save
        ``mix.state_dict()`` in checkpoints. Outside of `training_step`, calls use the policy but
        do not train it.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as described.

    Notes
    -----
    The networks are no part of the model: `DistributedDataParallel` does not average their
    gradients.

    References
    ----------
    .. [1] H. Guo, Y. Mao, R. Zhang, "MixUp as locally linear out-of-manifold regularization",
       AAAI 2019.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    >>> mix = AdaMixUp(in_channels=1, head=model[1], seed=0)
    >>> optimizer = torch.optim.SGD([*model.parameters(), *mix.parameters()], lr=0.1)
    >>> result = training_step(model, torch.rand(6, 1, 8, 8), torch.arange(6), mix)
    >>> optimizer.step(); optimizer.zero_grad()
    >>> parts = result.clean_loss + result.mixed_loss + result.mixer_loss
    >>> bool(torch.isclose(result.loss, parts))
    True
    """

    learns = True

    def __init__(
        self,
        *,
        in_channels: int = 3,
        dimensions: int = 2,
        head: nn.Module | None = None,
        width: int = 16,
        intrusion_weight: float = 1.0,
        num_classes: int | None = None,
        label_smoothing: float = 0.0,
        prob: float = 1.0,
        off_epoch: int | None = None,
        seed: int | None = None,
    ) -> None:
        shared = _Options(
            num_classes=num_classes,
            label_smoothing=label_smoothing,
            prob=prob,
            off_epoch=off_epoch,
            channels="first",
            seed=seed,
        )
        super().__init__(shared)
        self.in_channels = validate.integer("in_channels", in_channels, 1)
        self.dimensions = validate.integer("dimensions", dimensions, 1)
        if self.dimensions > 3:
            raise ValueError(f"dimensions needs an integer in 1..3, got {dimensions}")
        width = validate.integer("width", width, 1)
        self.intrusion_weight = validate.real("intrusion_weight", intrusion_weight)
        if head is not None and not isinstance(head, nn.Linear):
            raise TypeError(
                f"head needs the last layer of the model, an nn.Linear, got {type(head).__name__}. "
                "Leave it out to give the discriminator a network of its own."
            )
        self.head = head
        discriminator = (
            _small_network(in_channels, self.dimensions, width, 1)
            if head is None
            else nn.Linear(head.in_features, 1)
        )
        policy = _small_network(2 * in_channels, self.dimensions, width, 3)
        self.networks = nn.ModuleDict({"policy": policy, "discriminator": discriminator})

    def __repr__(self) -> str:
        return f"AdaMixUp{repr(self.mixer).removeprefix('_Options')}"

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters of policy and discriminator, for an optimizer.

        Returns
        -------
        iterator of Parameter
            The parameters of both networks.
        """
        parameters: Iterator[nn.Parameter] = self.networks.parameters()
        return parameters

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a later run needs, policy and discriminator included.

        Returns
        -------
        dict
            The entries of `TensorMixer.state_dict`, and ``networks``.
        """
        return {**super().state_dict(), "networks": self.networks.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state of `state_dict`, policy and discriminator included.

        Parameters
        ----------
        state : mapping
            From `state_dict`.

        Raises
        ------
        ValueError
            If an entry is missing, or not known.
        """
        if "networks" not in state:
            raise ValueError(f"state needs the entry networks, got {', '.join(state)}")
        super().load_state_dict({k: v for k, v in state.items() if k != "networks"})
        self.networks.load_state_dict(state["networks"])

    def to(self, device: torch.device | str) -> AdaMixUp:
        """Move policy and discriminator to a device. Call it before making an optimizer.

        Parameters
        ----------
        device : torch.device or str
            Device of the images.

        Returns
        -------
        AdaMixUp
            The mixer itself.
        """
        self.networks.to(device)
        return self

    def planning(
        self, key: Key, images: Tensor, saliency: Any = None, *, epoch: int = 0
    ) -> Callable[[], Mixture]:
        r"""Propose a range for each pair, on the device of the images.

        Parameters
        ----------
        key : Key
            Key of the call, see `TensorMixer.key`.
        images : Tensor of shape (B, C, \*spatial)
            Images like those that the policy was trained on.
        saliency : None
            Not used.
        epoch : int, default 0
            As in `TensorMixer.mix`.

        Returns
        -------
        callable
            Takes no arguments and returns the plan, without using the device.

        Raises
        ------
        ValueError, TypeError
            If the images are not like those that the mixer was made for.
        """
        images = self._require_images(images)
        spatial = tuple(images.shape[2:])
        if self.active(key, epoch) is None:
            return lambda: MixPlan.identity(len(images), spatial)
        partner, even = _draw(key, len(images))
        with torch.no_grad():
            share = self._share(images, partner, even).cpu().numpy()
        return lambda: BlendPlan(partner, share, spatial, key)

    def ranges(self, images: Tensor, partner: Any) -> Tensor:
        r"""Return the ranges of shares that the policy proposes for pairs.

        Parameters
        ----------
        images : Tensor of shape (B, C, \*spatial)
            Images like those that the policy was trained on.
        partner : array_like of int, shape (B,)
            Index of the other image of each pair.

        Returns
        -------
        Tensor of float32, shape (B, 2)
            Lower and upper end of the range of the share of image j in its own blend.

        Raises
        ------
        ValueError, TypeError
            If the images are not like those that the mixer was made for.
        """
        images = self._require_images(images).float()
        index = torch.tensor(np.asarray(partner), device=images.device)
        parts = self.networks["policy"](torch.cat([images, images[index]], dim=1)).softmax(dim=1)
        return torch.stack([parts[:, 0], parts[:, 0] + parts[:, 1]], dim=1).clamp(max=1)

    def losses(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        loss: Callable[[Tensor, Tensor], Tensor],
        key: Key,
        autocast: AbstractContextManager[Any] | None = None,
        *,
        logits: Callable[[Any], Tensor] | None = None,
    ) -> Losses:
        r"""Return the losses of a training step, with their graph.

        Parameters
        ----------
        model : Module
            Takes images and returns logits (B, K), or a dict, tuple or output object with logits.
        images : Tensor of float, shape (B, C, \*spatial)
            A batch of real images.
        labels : Tensor, int of shape (B,) or of shape (B, K)
            Class indices, or rows.
        loss : callable
            ``loss(logits, rows)``.
        key : Key
            Key of the step, see `TensorMixer.key`.
        autocast : context manager, optional
            Context for the pass of the model.
        logits : callable, optional
            As in `training_step`.

        Returns
        -------
        Losses
            The losses, without weights other than `intrusion_weight`.

        Raises
        ------
        ValueError, TypeError
            If the images are not like those that the mixer was made for.
        """
        images = self._require_images(images)
        n, device = len(images), images.device
        partner, even = _draw(key, n)
        share = self._share(images, partner, even)
        index = torch.as_tensor(partner, device=device)
        column = share.reshape(-1, *(1,) * (images.ndim - 1))
        mixed = (column * images + (1 - column) * images[index]).to(images.dtype)
        both = torch.cat([mixed, images])
        if images.ndim == 4 and images.is_contiguous(memory_format=torch.channels_last):
            both = both.contiguous(memory_format=torch.channels_last)
        with autocast or nullcontext(), _inputs_of(self.head) as seen:
            found = logits_of(model(both.clone()), 2 * n, logits)  # it may begin in place
            features = both if self.head is None else _last(seen, 2 * n).flatten(1)
        real = self.networks["discriminator"](features.float())[:, 0]
        truth = (torch.arange(2 * n, device=device) >= n).float()  # real ones are 1
        intrusion = functional.binary_cross_entropy_with_logits(real, truth)
        rows = label_rows(labels, n, found.shape[1])
        blended = share[:, None] * rows + (1 - share[:, None]) * rows[index]
        return Losses(
            loss(found[n:], smoothed(rows, self.mixer.label_smoothing)),
            loss(found[:n], smoothed(blended.to(rows.dtype), self.mixer.label_smoothing)),
            self.intrusion_weight * intrusion,
            found[:n],
            BlendPlan(partner, share.detach().cpu().numpy(), tuple(images.shape[2:]), key),
        )

    def _share(self, images: Tensor, partner: Array, even: Array) -> Tensor:
        low, high = self.ranges(images, partner).unbind(dim=1)
        return low + (high - low) * torch.as_tensor(even, dtype=low.dtype, device=low.device)

    def _require_images(self, images: Tensor) -> Tensor:
        images = require_images(images)
        if images.ndim != 2 + self.dimensions or images.shape[1] != self.in_channels:
            raise ValueError(
                f"images needs {self.in_channels} channels and {self.dimensions} spatial axes, for "
                f"which this mixer was made, got the shape {tuple(images.shape)}. Set in_channels "
                "and dimensions."
            )
        return images


def _draw(key: Key, n: int) -> tuple[Array, Array]:
    """Return partners that form one cycle, and uniform numbers, both (n,)."""
    rng = key.stream(DRAW)
    order = rng.permutation(n)
    partner = np.empty(n, dtype=np.intp)
    partner[order] = np.roll(order, 1)
    return partner, rng.random(n)


def _small_network(channels: int, dimensions: int, width: int, outputs: int) -> nn.Module:
    """Return two convolutions, a mean over space, and a linear layer: about 10^4 weights."""
    convolution = CONVOLUTIONS[dimensions]
    return nn.Sequential(
        convolution(channels, width, 3, stride=2, padding=1),
        nn.ReLU(),
        convolution(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(2),
        _Mean(),
        nn.Linear(2 * width, outputs),
    )


class _Mean(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.mean(dim=2)


@contextmanager
def _inputs_of(module: nn.Module | None) -> Iterator[list[Tensor]]:
    """Collect the first inputs of a module."""
    seen: list[Tensor] = []
    if module is None:
        yield seen
        return
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()


def _last(seen: list[Tensor], n: int) -> Tensor:
    if not seen or len(seen[-1]) != n:
        raise ValueError(
            "head needs to be a layer of the model that gets one row per image, but "
            + (f"it got the shape {tuple(seen[-1].shape)}" if seen else "the model did not use it")
        )
    return seen[-1]
