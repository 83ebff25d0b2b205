"""What all mixers share: the call, labels, the switch, and random numbers.

A mixer plans from a `Summary` of the batch, a few numbers a patch, and knows neither images nor
the library that they are kept in. So the same planning serves numpy here and tensors on any device
in `comixup.torch`: pool there, plan here, gather there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.streams import SWITCH, Key, require_seed
from comixup._base.types import RNG
from comixup.mixers.summary import Needs, Summary, summarize
from comixup.plans.base import Mixture
from comixup.plans.labels import as_label_matrix, smoothed
from comixup.plans.patches import MixPlan


class MixedBatch(NamedTuple):
    r"""A mixed batch; unpacks as ``images, labels, plan = mixer.mix(...)``.

    Attributes
    ----------
    images : array
        Of the shape, dtype and library of the images that came in.
    labels : array of shape (B, K) or None
        Soft labels; ``None`` if no labels came in.
    plan : MixPlan, BlendPlan or BoxPlan
        How they were made.
    """

    images: Any
    labels: Any
    plan: Any


@dataclass(frozen=True, kw_only=True)
class Mixer:
    """The options and the call that all mixers share; the mixers say how to plan.

    See `CoMixup` for the parameters.
    """

    num_classes: int | None = None
    label_smoothing: float = 0.0
    prob: float = 1.0
    off_epoch: int | None = None
    channels: str = "first"
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("prob", "label_smoothing"):
            if validate.real(name, getattr(self, name)) > 1:
                raise ValueError(f"{name} needs a number in 0..1, got {getattr(self, name)}")
        validate.choice("channels", self.channels, ("first", "last"))
        if self.num_classes is not None:
            validate.integer("num_classes", self.num_classes, 1)
        if self.off_epoch is not None:
            validate.integer("off_epoch", self.off_epoch, 0)
        if self.seed is not None:
            require_seed("seed", self.seed)

    def mix(
        self,
        images: Any,
        labels: Any = None,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int = 0,
        epoch: int = 0,
        rank: int = 0,
    ) -> MixedBatch:
        r"""Mix a batch.

        Parameters
        ----------
        images : array of float or uint8, shape (B, C, \*spatial) or (B, \*spatial, C)
            As `channels` says; 1 to 3 spatial dimensions. Never changed. Anything that speaks
            DLPack or the array API will do, and comes back in kind.
        labels : array_like, int of shape (B,) or real of shape (B, K), optional
            Class indices (with `num_classes`), or one-hot, soft or multi-label rows.
        saliency : array_like of shape (B, \*spatial) or (B, \*grid), or str, optional
            Nonnegative maps, or "spectral" (default) or "contrast" to compute them from the images,
            see `comixup.saliency`. Mixers that plan without saliency check its shape alone.
        rng : numpy.random.Generator, int or None
            Seed of this call; a generator gives (and advances by) one draw. By default the `seed`
            of the mixer.
        step : int, default 0
            Number of the training step: with one seed for a whole run, every step gets its own
            random streams.
        epoch : int, default 0
            Number of the epoch; batches are left as they are from `off_epoch` on.
        rank : int, default 0
            Number of this process among those that each mix a part of the data with one seed.

        Returns
        -------
        MixedBatch
            ``images`` of the same shape and dtype, ``labels`` (B, K), and the ``plan``.

        Raises
        ------
        ValueError, TypeError
            If the input is not as described; the message names what came and the way out.
        """
        key = Key.of_call(self.seed, rng, step, rank)
        return self.member(key).mix_with(key, images, labels, saliency, epoch=epoch)

    __call__ = mix

    def member(self, key: Key) -> Mixer:
        """Return the mixer that mixes this batch: itself, unless there is a choice."""
        return self

    def is_on(self, key: Key, epoch: int) -> bool:
        """Say whether this batch gets mixed at all."""
        epoch = validate.integer("epoch", epoch, 0)
        if self.off_epoch is not None and epoch >= self.off_epoch:
            return False
        return self.prob >= 1 or bool(key.stream(SWITCH).random() < self.prob)

    @property
    def uses_saliency(self) -> bool:
        """Whether plans depend on saliency."""
        return False

    def needs(self, key: Key, spatial: tuple[int, ...]) -> Needs:
        """Say what a plan for this call is made from."""
        return Needs()

    def solve(self, summary: Summary, key: Key) -> Mixture:
        """Plan a batch."""
        raise NotImplementedError

    def mix_with(
        self, key: Key, images: Any, labels: Any, saliency: Any, *, epoch: int = 0
    ) -> MixedBatch:
        """Mix a batch with the random numbers of `key`."""
        batch, spatial = validate.image_batch(images, self.channels)
        rows = None if labels is None else as_label_matrix(labels, len(batch), self.num_classes)
        plan: Mixture
        if self.is_on(key, epoch):
            needs = self.needs(key, spatial)
            plan = self.solve(summarize(batch, self.channels, saliency, needs), key)
        else:
            plan = MixPlan.identity(len(batch), spatial)
        if rows is not None:
            kind = labels if hasattr(labels, "__dlpack__") else images
            rows = like(kind, smoothed(plan.apply_labels(rows), self.label_smoothing))
        return MixedBatch(like(images, plan.apply(batch, channels=self.channels)), rows, plan)
