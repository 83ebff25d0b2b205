"""Plans that mix every input with one partner: whole images blended, or a box pasted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.public import public
from comixup._base.streams import Key
from comixup._base.types import Array, ArrayLike
from comixup.plans.base import Mixture
from comixup.plans.gather import blend_of
from comixup.plans.labels import as_label_matrix


@dataclass(frozen=True, eq=False, repr=False)
class PairPlan(Mixture):
    r"""Every output is its own input mixed with one partner.

    Attributes
    ----------
    partner : ndarray of intp, shape (B,)
        Index of the other input of every output.
    share : ndarray of float64, shape (B,)
        Part of output j that input j fills, in 0..1; the partner fills the rest.
    spatial : tuple of int
        Spatial shape of the images that it was made for.
    key : Key, optional
        Seed, step and rank that it was drawn with.
    """

    partner: Array
    share: Array
    spatial: tuple[int, ...]
    key: Key | None = None

    def __post_init__(self) -> None:
        partner, share = np.array(self.partner), np.array(self.share, dtype=np.float64)
        n = len(partner) if partner.ndim == 1 else 0
        if n == 0 or partner.dtype.kind not in "iu" or partner.min() < 0 or partner.max() >= n:
            raise ValueError(
                "partner needs one index into the batch for each of its inputs, got dtype "
                f"{partner.dtype} and {partner}"
            )
        if share.shape != (n,) or not ((share >= 0) & (share <= 1)).all():
            raise ValueError(f"share needs {n} numbers in 0..1, got {share}")
        partner = partner.astype(np.intp)
        for array in (partner, share):
            array.setflags(write=False)
        object.__setattr__(self, "partner", partner)
        object.__setattr__(self, "share", share)
        spatial = tuple(validate.integer("spatial", s, 1) for s in self.spatial)
        object.__setattr__(self, "spatial", spatial)

    def __len__(self) -> int:
        """Return the number B of inputs, and of outputs."""
        return len(self.partner)

    @property
    def slots(self) -> tuple[Array, Array]:
        """Sources of every output, itself and its partner, and their shares, both (B, 2)."""
        own = np.arange(len(self))
        return np.stack([own, self.partner], 1), np.stack([self.share, 1 - self.share], 1)

    @property
    def larger(self) -> Array:
        """Source of every output with the larger share, itself in a tie, (B,)."""
        return np.where(self.share >= 0.5, np.arange(len(self)), self.partner)

    @property
    def shares(self) -> Array:
        """Part of output j that input i fills, (B, B); rows sum to 1."""
        sources, weights = self.slots
        dense = np.zeros((len(self), len(self)))
        np.add.at(dense, (np.arange(len(self))[:, None], sources), weights)
        return dense

    @property
    def n_sources(self) -> Array:
        """Number of inputs that each output is made of, int64 of shape (B,)."""
        return (self.shares > 0).sum(axis=1)

    def apply_labels(self, labels: ArrayLike, *, num_classes: int | None = None) -> Any:
        """Mix labels: each input counts for its share.

        Parameters
        ----------
        labels : array_like, int of shape (B,) or real of shape (B, K)
            Class indices (with `num_classes`), or one-hot, soft or multi-label rows.
        num_classes : int, optional
            Number K of classes; needed for class indices.

        Returns
        -------
        array of shape (B, K)
            float32 for integer labels, otherwise of the dtype of `labels`.
        """
        rows = as_label_matrix(labels, len(self), num_classes)
        mixed = weighted(rows, rows[self.partner], self.share[:, None])
        return like(labels, mixed.astype(rows.dtype, copy=False))

    def _keeping(self, mask: Array) -> Mixture:
        own = np.arange(len(self))
        partner, share = np.where(mask, own, self.partner), np.where(mask, 1.0, self.share)
        return replace(self, partner=partner, share=share)

    def __repr__(self) -> str:
        size = "x".join(map(str, self.spatial)) or "any"
        low, high = self.share.min(), self.share.max()
        return (
            f"{type(self).__name__}: {len(self)} outputs of {size} pixels, own shares from "
            f"{low:.3f} to {high:.3f}"
        )

    def _checked(self, array: Any, channels: str, n_spatial: int) -> Array:
        validate.choice("channels", channels, ("first", "last"))
        needed = "numbers of shape (batch, ..., *spatial)"
        values = validate.as_array("array", array, needed)
        validate.same_batch("array", values, len(self), "inputs of the plan")
        if values.ndim < 1 + n_spatial:
            raise ValueError(
                f"array needs {needed} with {n_spatial} spatial axes, got the shape {values.shape}"
            )
        return values


@public
@dataclass(frozen=True, eq=False, repr=False)
class BlendPlan(PairPlan):
    r"""Output j is ``share[j] * input[j] + (1 - share[j]) * input[partner[j]]``.

    Parameters
    ----------
    partner : array_like of int, shape (B,)
        Index of the other input of every output.
    share : array_like of float, shape (B,)
        Part of output j that input j fills, in 0..1.
    spatial : tuple of int
        Spatial shape of the images that it was made for.
    key : Key, optional
        What it was drawn with.

    Examples
    --------
    >>> plan = BlendPlan([1, 0], [0.75, 0.75], spatial=(2,))
    >>> plan.apply(np.array([[0.0, 4.0], [8.0, 0.0]]))
    array([[2., 3.],
           [6., 1.]])
    """

    def apply(self, array: ArrayLike, *, channels: str = "first", blend: str | None = None) -> Any:
        """Mix anything that is aligned with the batch: images, hidden layers, masks.

        Parameters
        ----------
        array : array_like of shape (B, ...)
            Of any number of axes.
        channels : {"first", "last"}, default "first"
            As in `MixPlan.apply`; a blend is the same either way.
        blend : {"mean", "first"}, optional
            "mean": weighted (integers are rounded, halves up); "first": the input with the larger
            share alone, itself in a tie. By default the mean for floats, uint8 and uint16; other
            dtypes, which may be class indices, need an explicit choice.

        Returns
        -------
        array
            Of the same shape, dtype and library, never a view of `array`.
        """
        values = self._checked(array, channels, 0)
        if blend_of(blend, values.dtype) == "first":
            return like(array, values[self.larger])
        single = values.dtype.kind == "f" and values.dtype.itemsize <= 4
        precision = np.dtype(np.float32 if single else np.float64)
        share = self.share.astype(precision).reshape((-1,) + (1,) * (values.ndim - 1))
        mixed = weighted(values, values[self.partner].astype(precision), share)
        if values.dtype.kind != "f":
            mixed = np.floor(mixed + 0.5)
        return like(array, mixed.astype(values.dtype, copy=False))

    def coverage(self, output: int) -> tuple[Array, Array]:
        r"""Return what covers an output.

        Parameters
        ----------
        output : int
            Which of the outputs.

        Returns
        -------
        sources : ndarray of int, shape (s,)
            The inputs that it is made of.
        weights : ndarray of float64, shape (s, \*spatial)
            How much of each pixel they fill; sums to 1 over sources.
        """
        weights = np.array([self.share[output], 1 - self.share[output]])
        weights = weights.reshape((2,) + (1,) * len(self.spatial))
        return _merged(output, self.partner[output], weights * np.ones(self.spatial))


@public
@dataclass(frozen=True, eq=False, repr=False)
class BoxPlan(PairPlan):
    r"""Output j is input j with one box of its partner pasted over it.

    `share` follows from the boxes, so that labels are true to area: make one by `from_boxes`. The
    constructor refuses any other share.

    Parameters
    ----------
    partner : array_like of int, shape (B,)
        Index of the other input of every output.
    share : array_like of float, shape (B,)
        Part of output j that input j fills, in 0..1.
    spatial : tuple of int
        Spatial shape of the images that it was made for.
    key : Key, optional
        What it was drawn with.
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
        partner : array_like of int, shape (B,)
            Index of the other input of every output.
        boxes : array_like of int, shape (B, dimensions, 2)
            First pixel and the one after the last along every spatial axis.
        spatial : sequence of int
            Spatial shape of the images.
        key : Key, optional
            What it was drawn with.

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
        r"""Mix anything that is aligned with the batch, at any resolution.

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
        """
        values = self._checked(array, channels, len(self.spatial))
        if blend is not None:
            blend_of(blend, values.dtype)
        inside = self.inside(values.shape, channels)
        return like(array, np.where(inside, values[self.partner], values))

    def ends(self, shape: Sequence[int], channels: str = "first") -> list[tuple[int, Array, Array]]:
        """Return where boxes are in an array of a shape.

        Parameters
        ----------
        shape : sequence of int
            Of the whole array.
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
            Of the whole array.
        channels : {"first", "last"}, default "first"
            Where its channel axes are.
        asarray : callable, optional
            Makes arrays of the library that is to do the work of those of numpy.

        Returns
        -------
        array of bool
            1 along axes that are not spatial.
        """
        column = (-1,) + (1,) * (len(shape) - 1)
        mask: Any = True
        for axis, *ends in self.ends(shape, channels):
            at = asarray(np.arange(shape[axis])).reshape((-1,) + (1,) * (len(shape) - 1 - axis))
            start, stop = (asarray(end).reshape(column) for end in ends)
            mask = mask & (start <= at) & (at < stop)
        return mask

    def coverage(self, output: int) -> tuple[Array, Array]:
        r"""Return what covers an output.

        Parameters
        ----------
        output : int
            Which of the outputs.

        Returns
        -------
        sources : ndarray of int, shape (s,)
            The inputs that it is made of.
        weights : ndarray of float64, shape (s, \*spatial)
            How much of each pixel they fill; sums to 1 over sources.
        """
        pasted = np.zeros(self.spatial)
        pasted[tuple(slice(*ends) for ends in self.boxes[output].tolist())] = 1
        return _merged(output, self.partner[output], np.stack([1 - pasted, pasted]))

    def _keeping(self, mask: Array) -> Mixture:
        boxes = np.where(mask[:, None, None], 0, self.boxes)
        partner = np.where(mask, np.arange(len(self)), self.partner)
        return BoxPlan.from_boxes(partner, boxes, spatial=self.spatial, key=self.key)


def weighted(own: Any, partner: Any, share: Any) -> Any:
    """Return the blend of two arrays of any library."""
    return share * own + (1 - share) * partner


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


def _merged(own: int, partner: int, weights: Array) -> tuple[Array, Array]:
    if own == partner:
        return np.array([own]), weights.sum(axis=0, keepdims=True)
    order = [0, 1] if own < partner else [1, 0]
    return np.array([own, partner])[order], weights[order]
