"""Mixers on tensors: pool on the device, plan on the host, gather on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from comixup._base.streams import Key, as_seed
from comixup._base.types import RNG
from comixup.mixers import comixup, cutmix, input_mixup, puzzle_mix, random_choice
from comixup.mixers.base import MixedBatch, Mixer
from comixup.plans.base import Mixture
from comixup.plans.patches import MixPlan
from comixup.torch.gather import apply, apply_labels
from comixup.torch.inputs import require_images
from comixup.torch.pooling import summarize


class TensorMixer:
    r"""A mixer of `comixup` on tensors: ``images, labels = mix(images, labels, saliency)``.

    Parameters
    ----------
    mixer : mixer of comixup
        With ``channels="first"``, the layout of PyTorch.

    Attributes
    ----------
    step : int
        Number of the next call that is not given its own. With `seed`, which is drawn once if the
        mixer has none, it is all the state there is: set it to continue a run.
    mixup_enabled : bool
        Whether to mix at all; the switch that timm's training script turns off.

    Raises
    ------
    ValueError, TypeError
        If `mixer` is no mixer of `comixup`, or one with its channels last.

    Examples
    --------
    >>> mix = CoMixup(num_classes=10, seed=0)
    >>> images, labels = torch.rand(20, 3, 32, 32), torch.arange(20) % 10
    >>> images, labels = mix(images, labels, saliency=torch.rand(20, 32, 32))
    >>> images.shape, labels.shape, mix.step
    (torch.Size([20, 3, 32, 32]), torch.Size([20, 10]), 1)
    """

    learns = False  # whether `training_step` trains the mixer along with the model

    def __init__(self, mixer: Mixer) -> None:
        if not isinstance(mixer, Mixer):
            raise TypeError(f"mixer needs a mixer of comixup, got {type(mixer).__name__}")
        if mixer.channels != "first":
            raise ValueError("channels needs to be 'first', the layout of PyTorch")
        self.mixer = mixer
        self.seed = as_seed(mixer.seed)
        self.step = 0
        self.mixup_enabled = True

    def __call__(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int | None = None,
        epoch: int = 0,
        rank: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Mix a batch and return images and labels; see `mix`."""
        mixed = self.mix(images, labels, saliency, rng=rng, step=step, epoch=epoch, rank=rank)
        return mixed.images, mixed.labels

    def mix(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int | None = None,
        epoch: int = 0,
        rank: int | None = None,
    ) -> MixedBatch:
        r"""Mix a batch and return images, labels and the plan.

        Parameters
        ----------
        images : Tensor of float or uint8, shape (B, C, \*spatial)
            On any device. Never changed; whether they are finite is not checked.
        labels : Tensor, int of shape (B,) or of shape (B, K), optional
            Class indices (with `num_classes`), or one-hot, soft or multi-label rows. ``None`` for
            ``plan.interpolate_loss(loss, labels)``.
        saliency : Tensor of shape (B, \*spatial) or (B, \*grid), or str, optional
            Nonnegative maps, e.g. from `input_saliency`; or "spectral" (default) or "contrast" to
            compute them from the images, on the host.
        rng, epoch
            As in `comixup.CoMixup.mix`.
        step : int, optional
            Number of the step; counted by default.
        rank : int, optional
            Number of this process; that of `torch.distributed` by default, 0 without it.

        Returns
        -------
        MixedBatch

        Raises
        ------
        ValueError, TypeError
            If the input is not as described; the message names what came and the way out.
        """
        key = self.key(rng, step, rank)
        return self.finish(self.planning(key, images, saliency, epoch=epoch)(), images, labels)

    def key(self, rng: RNG = None, step: int | None = None, rank: int | None = None) -> Key:
        """Return what the random numbers of a call are keyed by, and count the call."""
        if step is None:
            step = self.step
            self.step += 1
        rank = _rank() if rank is None else rank
        return Key.of_call(self.seed, rng, step, rank)

    def active(self, key: Key, epoch: int = 0) -> Mixer | None:
        """Return the mixer that mixes the batch of this key, or None if it stays as it is."""
        member = self.mixer.member(key)
        return member if self.mixup_enabled and member.is_on(key, epoch) else None

    def planning(
        self, key: Key, images: Tensor, saliency: Any = None, *, epoch: int = 0
    ) -> Callable[[], Mixture]:
        """Return a function that plans, and touches the device no more."""
        images = require_images(images)
        n, spatial = len(images), tuple(images.shape[2:])
        member = self.active(key, epoch)
        if member is None:
            return lambda: MixPlan.identity(n, spatial)
        summary = summarize(images, saliency, member.needs(key, spatial))
        return lambda: member.solve(summary(), key)

    def finish(self, plan: Mixture, images: Tensor, labels: Tensor | None) -> MixedBatch:
        """Apply a plan to images and labels."""
        rows = None if labels is None else self.labels(plan, labels)
        return MixedBatch(apply(plan, images), rows, plan)

    def labels(self, plan: Mixture, labels: Tensor, num_classes: int | None = None) -> Tensor:
        """Return the mixed and smoothed label rows (B, K)."""
        K = self.mixer.num_classes if num_classes is None else num_classes
        rows = apply_labels(plan, labels, num_classes=K)
        amount = self.mixer.label_smoothing
        return rows if amount == 0 else (1 - amount) * rows + amount / rows.shape[1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mixer!r})"


class CoMixup(TensorMixer):
    """`comixup.CoMixup` on tensors; the same options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(comixup.CoMixup(**settings))


class PuzzleMix(TensorMixer):
    """`comixup.PuzzleMix` on tensors; the same options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(puzzle_mix.PuzzleMix(**settings))


class InputMixup(TensorMixer):
    """`comixup.InputMixup` on tensors; the same options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(input_mixup.InputMixup(**settings))


class CutMix(TensorMixer):
    """`comixup.CutMix` on tensors; the same options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cutmix.CutMix(**settings))


class RandomChoice(TensorMixer):
    """`comixup.RandomChoice` on tensors, of mixers of `comixup` or of `comixup.torch`.

    Raises
    ------
    ValueError, TypeError
        As `comixup.RandomChoice`, and if a mixer is an `AdaMixUp`, which needs training.
    """

    def __init__(
        self,
        mixers: Sequence[Mixer | TensorMixer],
        probabilities: Sequence[float] | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        for i, m in enumerate(mixers):
            if isinstance(m, TensorMixer) and m.learns:
                raise TypeError(
                    f"mixers[{i}] needs a mixer that learns nothing, got {type(m).__name__}: it "
                    "needs training in every step. Use it alone."
                )
        plain = [m.mixer if isinstance(m, TensorMixer) else m for m in mixers]
        super().__init__(random_choice.RandomChoice(plain, probabilities, seed=seed))


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    return 0
