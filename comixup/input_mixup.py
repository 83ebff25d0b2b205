"""InputMixup: every image blended with another one of the batch; ManifoldMixup: hidden layers so.

The common baseline (Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond empirical risk minimization",
ICLR 2018), called MixUp in torchvision and Mixup in timm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from comixup import _validate
from comixup._types import RNG, Array
from comixup.base import Mixer
from comixup.pairs import BlendPlan
from comixup.streams import CHOICE, DRAW, Key
from comixup.summary import Summary

MODES = ("batch", "elem")


@dataclass(frozen=True, kw_only=True)
class PairMixer(Mixer):
    """What mixers of pairs share: a random partner for each input, and a random share."""

    alpha: float = 1.0
    mode: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.real("alpha", self.alpha, positive=True)
        _validate.choice("mode", self.mode, MODES)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return partners and shares (n,)."""
        partner = rng.permutation(n)
        size = 1 if self.mode == "batch" else n
        return partner, np.broadcast_to(rng.beta(self.alpha, self.alpha, size), n)


@dataclass(frozen=True, kw_only=True)
class InputMixup(PairMixer):
    r"""Blend every image with another one, and their labels alike.

    Parameters
    ----------
    alpha : float, default 1.0
        The share of an image in its own output is drawn from Beta(alpha, alpha).
    mode : {"batch", "elem"}, default "batch"
        Whether there is one draw for the batch or one for each output.
    num_classes, label_smoothing, prob, off_epoch, channels, seed
        As in `CoMixup`.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk
       minimization", ICLR 2018.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    >>> mixed = InputMixup(num_classes=10)(images, [3, 1, 4, 1, 5, 9], rng=0)
    >>> mixed.images.shape, mixed.labels.shape, round(float(mixed.plan.share[0]), 3)
    ((6, 3, 8, 8), (6, 10), 0.773)
    """

    def solve(self, summary: Summary, key: Key) -> BlendPlan:
        """Plan a batch."""
        partner, share = self.draw(summary.n, key.stream(DRAW))
        return BlendPlan(partner, share, summary.spatial, key)


class HiddenPlan(NamedTuple):
    """Where to mix, and how.

    Attributes
    ----------
    layer : int
        Number of the layer whose input is mixed; 0 is the input of the network.
    plan : BlendPlan
        Applied to the hidden array there, and to the labels.
    """

    layer: int
    plan: BlendPlan


@dataclass(frozen=True, kw_only=True)
class ManifoldMixup:
    """Blend the hidden arrays of a random layer instead of images.

    Parameters
    ----------
    n_layers : int, default 3
        The layer is drawn from 0 .. n_layers - 1, evenly; 0 is the input. Published: the input and
        the outputs of the first two residual stages.
    alpha : float, default 2.0
        The share of an input in its own output is drawn from Beta(alpha, alpha).
    mode : {"batch", "elem"}, default "batch"
        Whether there is one draw for the batch or one for each output.
    seed : int, optional
        Seed of calls without `rng`; without either, every call is fresh.

    References
    ----------
    .. [1] V. Verma, A. Lamb, C. Beckham, A. Najafi, I. Mitliagkas, D. Lopez-Paz, Y. Bengio,
       "Manifold mixup: Better representations by interpolating hidden states", ICML 2019.

    Examples
    --------
    >>> layer, plan = ManifoldMixup(seed=1).plan(4)
    >>> hidden = np.ones((4, 16))                   # whatever the network has at that layer
    >>> layer, plan.apply(hidden).shape, plan.apply_labels([0, 1, 2, 3], num_classes=5).shape
    (2, (4, 16), (4, 5))
    """

    n_layers: int = 3
    alpha: float = 2.0
    mode: str = "batch"
    seed: int | None = None

    def __post_init__(self) -> None:
        _validate.integer("n_layers", self.n_layers, 1)
        self._mixer()  # checks the other fields

    def plan(self, n: int, *, rng: RNG = None, step: int = 0, rank: int = 0) -> HiddenPlan:
        """Draw a layer and a plan for a batch of n inputs; `rng`, `step`, `rank` as in `mix`."""
        n = _validate.integer("n", n, 1)
        key = Key.of_call(self.seed, rng, step, rank)
        layer = int(key.stream(CHOICE).integers(self.n_layers))
        return HiddenPlan(layer, self._mixer().solve(Summary(n, ()), key))

    def _mixer(self) -> InputMixup:
        options: dict[str, Any] = {"alpha": self.alpha, "mode": self.mode, "seed": self.seed}
        return InputMixup(**options)
