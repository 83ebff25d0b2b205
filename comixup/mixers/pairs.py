"""`PairMixer`: the common part of mixers of pairs, a random partner and share per input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comixup._base import validate
from comixup._base.types import Array
from comixup.mixers.base import Mixer

MODES = ("batch", "elem")


@dataclass(frozen=True, kw_only=True, repr=False)
class PairMixer(Mixer):
    """What mixers of pairs share: a random partner for each input, and a random share."""

    alpha: float = 1.0
    mode: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.real("alpha", self.alpha, positive=True)
        validate.choice("mode", self.mode, MODES)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw partners and shares. No input is its own partner, unless it is alone.

        Parameters
        ----------
        n : int
            Number of inputs.
        rng : numpy.random.Generator
            Source of random numbers.

        Returns
        -------
        partner : ndarray of intp, shape (n,)
            The other input of each output.
        share : ndarray of float64, shape (n,)
            Share of each input in its own output.
        """
        order = rng.permutation(n)
        partner = np.empty(n, dtype=np.intp)
        partner[order] = np.roll(order, -1)  # one random cycle through all inputs
        size = 1 if self.mode == "batch" else n
        return partner, np.broadcast_to(rng.beta(self.alpha, self.alpha, size), n)
