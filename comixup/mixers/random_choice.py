"""`RandomChoice`: one of several mixers, drawn for every batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from comixup._base import validate
from comixup._base.layout import Layout, decide
from comixup._base.options import names_options
from comixup._base.public import public
from comixup._base.streams import CHOICE, Key
from comixup.mixers.base import Mixer

_SHARED = (
    "num_classes",
    "label_smoothing",
    "targets",
    "labels_by",
    "ignore_index",
    "channels",
    "layout",
)


@public
@names_options
@dataclass(frozen=True, repr=False)
class RandomChoice(Mixer):
    """Mix every batch with one of several mixers, drawn at random.

    Parameters
    ----------
    mixers : sequence of mixers
        The mixers. They must agree on `num_classes`, `label_smoothing`, `targets`, `labels_by`,
        `ignore_index`, `channels` and `layout`, so that all batches have the same form. Each keeps
        its own `prob`, `image_prob` and `off_epoch`.
    probabilities : sequence of float, optional
        Nonnegative numbers, one per mixer, which need not sum to 1. Equal by default.
    seed : int, optional
        Seed of calls without `rng`. Without both, every call draws a new one. The seeds of the
        mixers are not used.

    Raises
    ------
    TypeError
        If one of `mixers` is not a mixer of this package, or is a `RandomChoice` itself.
    ValueError
        If there are no mixers, or mixers that differ in a shared option; or if `probabilities` are
        not one nonnegative number per mixer.

    Examples
    --------
    >>> mix = RandomChoice([InputMixup(num_classes=10), CutMix(num_classes=10)], [0.3, 0.7], seed=0)
    >>> images = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    >>> [type(mix(images, np.arange(6), step=step).plan).__name__ for step in range(4)]
    ['BoxPlan', 'BoxPlan', 'BoxPlan', 'BlendPlan']
    """

    mixers: Sequence[Mixer] = ()
    probabilities: Sequence[float] | None = None

    def __init__(
        self,
        mixers: Sequence[Mixer],
        probabilities: Sequence[float] | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        mixers = tuple(mixers)
        for i, mixer in enumerate(mixers):
            if not isinstance(mixer, Mixer) or isinstance(mixer, RandomChoice):
                raise TypeError(
                    f"mixers[{i}] needs a mixer such as CutMix(), got {type(mixer).__name__}"
                )
            for name in _SHARED:
                if getattr(mixer, name) != getattr(mixers[0], name):
                    raise ValueError(
                        f"mixers need the same {name}, but mixers[{i}] has "
                        f"{getattr(mixer, name)} and mixers[0] has {getattr(mixers[0], name)}"
                    )
        if not mixers:
            raise ValueError("mixers needs at least one mixer, got none")
        even = (1.0,) * len(mixers)
        weights = even if probabilities is None else tuple(probabilities)
        weights = tuple(validate.real(f"probabilities[{i}]", p) for i, p in enumerate(weights))
        if len(weights) != len(mixers) or sum(weights) == 0:
            raise ValueError(
                f"probabilities needs {len(mixers)} numbers >= 0, not all 0, got {weights}"
            )
        values = {name: getattr(mixers[0], name) for name in _SHARED}
        values |= {"mixers": mixers, "probabilities": weights, "seed": seed}
        for field in fields(self):
            object.__setattr__(self, field.name, values.get(field.name, field.default))
        super().__post_init__()

    def __repr__(self) -> str:
        """Show what the constructor takes."""
        seed = "" if self.seed is None else f", seed={self.seed}"
        return f"RandomChoice({list(self.mixers)}, {list(self.probabilities or ())}{seed})"

    def member(self, key: Key) -> Mixer:
        """Return the mixer of this batch.

        Parameters
        ----------
        key : Key
            Key of the random numbers of the call.

        Returns
        -------
        mixer of comixup
            One of `mixers`.
        """
        assert self.probabilities is not None
        bounds = np.cumsum(self.probabilities)
        at = np.searchsorted(bounds, key.stream(CHOICE).random() * bounds[-1], side="right")
        return self.mixers[min(int(at), len(self.mixers) - 1)]

    def layout_of(self, shape: tuple[int, ...]) -> Layout:
        """Return the layout of images of a shape that all mixers accept.

        Parameters
        ----------
        shape : tuple of int
            Shape of the images.

        Returns
        -------
        Layout
            One letter per axis.

        Raises
        ------
        ValueError
            If the shape fits more than one layout.
        """
        least = max(mixer.least_spatial for mixer in self.mixers)
        found = decide(shape, channels=self.channels, layout=self.layout, least=least)
        return self.checked(found)

    @property
    def uses_saliency(self) -> bool:
        """Whether any of the mixers that may be drawn depends on saliency."""
        assert self.probabilities is not None
        pairs = zip(self.mixers, self.probabilities, strict=True)
        return any(mixer.uses_saliency and p > 0 for mixer, p in pairs)
