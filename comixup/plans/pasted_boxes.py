"""`BoxPlan`: one box of a partner pasted over every input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.public import public
from comixup._base.streams import Key
from comixup._base.types import Array, ArrayLike
from comixup._base.wording import documented
from comixup.plans.base import Mixture
from comixup.plans.gather import blend_of
from comixup.plans.pairs import PairPlan, merged


@documented
@public
@dataclass(frozen=True, eq=False, repr=False)
class BoxPlan(PairPlan):
    r"""Output j is input j with one box of its partner pasted over it.

    `share` follows from the boxes, so that labels correspond to areas. Use `from_boxes` to make a
    plan; the constructor raises an error for any other share.

    Parameters
    ----------
    %(partner)s
    %(share)s
    %(spatial)s
    %(plan_key)s
    boxes : array_like of int, shape (B, dimensions, 2)
        First pixel and the one after the last along every spatial axis.

    Examples
    --------
    >>> plan = BoxPlan.from_boxes([1, 0], [[[1, 3]], [[0, 4]]], spatial=(4,))
    >>> plan.apply(np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.uint8))
    array([[1, 6, 7, 4],
           [1, 2, 3, 4]], dtype=uint8)
    >>> plan.share
    array([0.5, 0. ])
    """

    boxes: Array = None  # type: ignore[assignment]  # no default: the base class has one

    _arrays: ClassVar[tuple[str, ...]] = ("partner", "share", "boxes")

    def __post_init__(self) -> None:
        super().__post_init__()
        boxes = _checked_boxes(self.boxes, len(self), self.spatial)
        share = _area_left(boxes, self.spatial)
        wrong = ~np.isclose(self.share, share, rtol=0, atol=1e-6)
        if wrong.any():
            j = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"share needs the part of the area that boxes leave, but share[{j}] is "
                f"{self.share[j]} and boxes[{j}] leaves {share[j]}. BoxPlan.from_boxes computes it."
            )
        boxes.setflags(write=False)
        object.__setattr__(self, "boxes", boxes)

    @classmethod
    @documented
    def from_boxes(
        cls,
        partner: ArrayLike,
        boxes: ArrayLike,
        *,
        spatial: Sequence[int],
        key: Key | None = None,
    ) -> BoxPlan:
        """Make a plan from boxes within the spatial shape.

        Parameters
        ----------
        %(partner)s
        boxes : array_like of int, shape (B, dimensions, 2)
            First pixel and the one after the last along every spatial axis.
        spatial : sequence of int
            Spatial shape of the images.
        %(plan_key)s

        Returns
        -------
        BoxPlan
            With the shares that the boxes leave.

        Raises
        ------
        ValueError
            If the fields do not fit together.
        """
        shape = tuple(validate.integer("spatial", s, 1) for s in spatial)
        array = _checked_boxes(boxes, np.size(partner), shape)
        return cls(np.asarray(partner), _area_left(array, shape), shape, key, array)

    def apply(self, array: ArrayLike, *, channels: str = "first", blend: str | None = None) -> Any:
        r"""Mix an array with one entry per input, at any resolution.

        Parameters
        ----------
        array : array_like of shape (B, ..., \*spatial), (B, \*spatial, ...) or (B, \*spatial)
            Images, feature maps, masks. At another resolution the ends of boxes are rounded down.
        channels : {"first", "last"}, default "first"
            Where channel axes are, if there are any.
        blend : {"mean", "first"}, optional
            As in `MixPlan.apply`; a box divides no pixel, so both are the same.

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
        values = self._checked(array, channels, len(self.spatial))
        if blend is not None:
            blend_of(blend, values.dtype)
        inside = self.inside(values.shape, channels)
        return like(array, np.where(inside, values[self.partner], values))

    def ends(self, shape: Sequence[int], channels: str = "first") -> list[tuple[int, Array, Array]]:
        """Return the ends of the boxes in an array of a given shape.

        Parameters
        ----------
        shape : sequence of int
            Shape of the array.
        channels : {"first", "last"}, default "first"
            Where its channel axes are.

        Returns
        -------
        list of (axis, starts, stops)
            For every spatial axis, the first entry and the one after the last, both (B,).
        """
        d, ndim = len(self.spatial), len(shape)
        axes = range(ndim - d, ndim) if channels == "first" else range(1, 1 + d)
        scaled = [self.boxes[:, k] * shape[axis] // self.spatial[k] for k, axis in enumerate(axes)]
        return [(axis, e[:, 0], e[:, 1]) for axis, e in zip(axes, scaled, strict=True)]

    def inside(
        self,
        shape: Sequence[int],
        channels: str = "first",
        *,
        asarray: Callable[[Array], Any] = np.asarray,
    ) -> Any:
        """Return which entries of an array the partner fills, bool, broadcastable to `shape`.

        Parameters
        ----------
        shape : sequence of int
            Shape of the array.
        channels : {"first", "last"}, default "first"
            Where its channel axes are.
        asarray : callable, optional
            Converts numpy arrays to arrays of the library that is to be used.

        Returns
        -------
        array of bool
            Has length 1 along axes that are not spatial.
        """
        column = (-1,) + (1,) * (len(shape) - 1)
        mask: Any = True
        for axis, *ends in self.ends(shape, channels):
            at = asarray(np.arange(shape[axis])).reshape((-1,) + (1,) * (len(shape) - 1 - axis))
            start, stop = (asarray(end).reshape(column) for end in ends)
            mask = mask & (start <= at) & (at < stop)
        return mask

    def _coverage(self, output: int) -> tuple[Array, Array]:
        pasted = np.zeros(self.spatial)
        pasted[tuple(slice(*ends) for ends in self.boxes[output].tolist())] = 1
        return merged(output, self.partner[output], np.stack([1 - pasted, pasted]))

    def _seen(self, saliency: Array) -> tuple[Array, Array]:
        axes = tuple(range(1, saliency.ndim))
        inside = self.inside(saliency.shape)
        own = np.where(inside, 0, saliency).sum(axis=axes)
        return own, np.where(inside, saliency[self.partner], 0).sum(axis=axes)

    def _keeping(self, mask: Array) -> Mixture:
        boxes = np.where(mask[:, None, None], 0, self.boxes)
        partner = np.where(mask, np.arange(len(self)), self.partner)
        return BoxPlan.from_boxes(partner, boxes, spatial=self.spatial, key=self.key)


def _checked_boxes(boxes: Any, n: int, spatial: tuple[int, ...]) -> Array:
    """Return boxes as a new int64 array (n, dimensions, 2), all within the spatial shape."""
    if boxes is None:
        raise ValueError("boxes is needed, one for each input. BoxPlan.from_boxes makes a plan.")
    if not spatial:
        raise ValueError("spatial needs at least one axis for boxes to lie in, got ()")
    array = np.array(boxes)
    shape = (n, len(spatial), 2)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise ValueError(
            f"boxes needs integers of shape {shape}, got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    good = (array[..., 0] >= 0) & (array[..., 0] <= array[..., 1]) & (array[..., 1] <= spatial)
    if not good.all():
        j = int(np.flatnonzero(~good.all(axis=1))[0])
        raise ValueError(
            f"boxes needs 0 <= start <= stop <= {spatial}, but boxes[{j}] is {array[j].tolist()}"
        )
    return array.astype(np.int64)


def _area_left(boxes: Array, spatial: tuple[int, ...]) -> Array:
    """Return the part of the pixels that lies outside of each box, (n,)."""
    pasted: Array = np.diff(boxes, axis=2).prod(axis=(1, 2)) / math.prod(spatial)
    return 1 - pasted
