"""`BlendPlan`: every input blended with one partner, as a weighted mean of whole images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from comixup._base.interchange import like
from comixup._base.public import public
from comixup._base.types import Array, ArrayLike
from comixup._base.wording import documented
from comixup.plans.gather import blend_of
from comixup.plans.pairs import PairPlan, merged, weighted


@documented
@public
@dataclass(frozen=True, eq=False, repr=False)
class BlendPlan(PairPlan):
    r"""Output j is ``share[j] * input[j] + (1 - share[j]) * input[partner[j]]``.

    Parameters
    ----------
    %(partner)s
    %(share)s
    %(spatial)s
    %(plan_key)s

    Examples
    --------
    >>> plan = BlendPlan([1, 0], [0.75, 0.75], spatial=(2,))
    >>> plan.apply(np.array([[0.0, 4.0], [8.0, 0.0]]))
    array([[2., 3.],
           [6., 1.]])
    """

    def apply(self, array: ArrayLike, *, channels: str = "first", blend: str | None = None) -> Any:
        """Mix an array with one entry per input: images, hidden layers, masks.

        Parameters
        ----------
        array : array_like of shape (B, ...)
            An array with any number of axes.
        channels : {"first", "last"}, default "first"
            As in `MixPlan.apply`; a blend is the same either way.
        blend : {"mean", "first"}, optional
            "mean": the weighted mean; integers are rounded, halves up. "first": only the input with
            the larger share, the own input in a tie. By default the mean for floats, uint8 and
            uint16; other dtypes, which may be class indices, need an explicit choice.

        Returns
        -------
        array
            Of the same shape, dtype and library, never a view of `array`.

        Raises
        ------
        ValueError
            If the shape does not fit the plan, or `channels` or `blend` is unknown.
        TypeError
            If `array` does not hold numbers.
        """
        values = self._checked(array, channels, 0)
        if blend_of(blend, values.dtype) == "first":
            return like(array, values[self.larger])
        single = values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 1)
        precision = np.dtype(np.float32 if single else np.float64)
        share = self.share.astype(precision).reshape((-1,) + (1,) * (values.ndim - 1))
        mixed = weighted(values, values[self.partner].astype(precision), share)
        if values.dtype.kind != "f":
            mixed = np.floor(mixed + 0.5)
        return like(array, mixed.astype(values.dtype, copy=False))

    def _coverage(self, output: int) -> tuple[Array, Array]:
        weights = np.array([self.share[output], 1 - self.share[output]])
        weights = weights.reshape((2,) + (1,) * len(self.spatial))
        return merged(output, self.partner[output], weights * np.ones(self.spatial))

    def _seen(self, saliency: Array) -> tuple[Array, Array]:
        return self.share, 1 - self.share
