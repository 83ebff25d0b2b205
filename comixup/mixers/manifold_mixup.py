"""`ManifoldMixup`: hidden arrays of a random layer, blended as `InputMixup` blends images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from comixup._base import validate
from comixup._base.options import names_options
from comixup._base.public import public
from comixup._base.streams import CHOICE, Key
from comixup._base.types import RNG
from comixup.mixers.input_mixup import InputMixup
from comixup.mixers.summary import Summary
from comixup.plans.blends import BlendPlan


class HiddenPlan(NamedTuple):
    """The layer whose input is mixed, and the plan.

    Attributes
    ----------
    layer : int
        Number of the layer whose input is mixed; 0 is the input of the network.
    plan : BlendPlan
        Applied to the hidden array there, and to the labels.
    """

    layer: int
    plan: BlendPlan


@public
@names_options
@dataclass(frozen=True, kw_only=True)
class ManifoldMixup:
    """Blend the hidden arrays of a random layer instead of images.

    Parameters
    ----------
    n_layers : int, default 3
        The layer is drawn uniformly from 0 .. n_layers - 1, where 0 is the input. The publication
        uses the input and the outputs of the first two residual stages.
    alpha : float, default 2.0
        The share of an input in its own output is drawn from Beta(alpha, alpha).
    mode : {"batch", "elem"}, default "batch"
        Whether there is one draw for the batch or one for each output.
    seed : int, optional
        Seed of calls without `rng`. Without both, every call draws a new one.

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
        validate.integer("n_layers", self.n_layers, 1)
        self._mixer()  # checks the other fields

    def plan(self, n: int, *, rng: RNG = None, step: int = 0, rank: int = 0) -> HiddenPlan:
        """Draw a layer and a plan for a batch.

        Parameters
        ----------
        n : int
            Number of inputs.
        rng, step, rank
            As in `CoMixup.mix`.

        Returns
        -------
        HiddenPlan
            Unpacks into ``layer, plan``.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described.
        """
        n = validate.integer("n", n, 1)
        key = Key.of_call(self.seed, rng, step, rank)
        layer = int(key.stream(CHOICE).integers(self.n_layers))
        return HiddenPlan(layer, self._mixer().solve(Summary(n, ()), key))

    def _mixer(self) -> InputMixup:
        options: dict[str, Any] = {"alpha": self.alpha, "mode": self.mode, "seed": self.seed}
        return InputMixup(**options)
