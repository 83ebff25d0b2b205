"""`Mixture`: labels, losses and boxes of mixed outputs, the common part of all plans."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.patch_saliency import require_map_shape, weights_and_peaks
from comixup._base.types import Array, ArrayLike
from comixup._base.wording import documented
from comixup.plans.boxes import MixedBoxes, mix_boxes
from comixup.plans.labels import as_label_matrix
from comixup.plans.points import MixedPoints, Shown, mix_points

if TYPE_CHECKING:
    from typing import Self


LABELS_BY = ("area", "maximum", "saliency")
Plan = TypeVar("Plan", bound="Mixture")


class Mixture:
    """The part of a plan that does not depend on what it mixes: patches, boxes or whole images."""

    spatial: tuple[int, ...]
    _salient: Any = None  # saliency of the inputs, in plans of mixers with labels_by="saliency"

    def __len__(self) -> int:
        """Return the number B of inputs, and of outputs."""
        raise NotImplementedError

    @property
    def slots(self) -> tuple[Array, Array]:
        """Sources of every output and their shares, both (B, S); unused slots have share 0."""
        raise NotImplementedError

    def apply(self, array: Any, *, channels: str = "first", blend: str | None = None) -> Any:
        """Mix an array with one entry per input."""
        raise NotImplementedError

    @documented
    def apply_labels(self, labels: Any, *, num_classes: int | None = None, by: Any = "area") -> Any:
        r"""Mix labels: each input counts for its share.

        Parameters
        ----------
        %(labels)s
        %(num_classes)s
        by : {"area", "maximum", "saliency"} or array_like of shape (B, \*spatial), default "area"
            Weights of the inputs. "area": the area that they fill. "maximum": each class gets its
            largest number among the visible inputs, which is the union of multi-label rows.
            Saliency maps, at any resolution: the fraction of the saliency of an input that is
            visible, or the area if no saliency is visible. "saliency": the maps that the plan was
            made from, if the mixer has ``labels_by="saliency"``; they are not saved with a plan.

        Returns
        -------
        %(mixed_labels)s

        Raises
        ------
        ValueError, TypeError
            If labels or maps are not as described; the message names the entry.

        Examples
        --------
        >>> plan = BlendPlan([1, 0], [0.75, 0.5], spatial=(2,))
        >>> plan.apply_labels([0, 1], num_classes=2)
        array([[0.75, 0.25],
               [0.5 , 0.5 ]], dtype=float32)
        >>> plan.apply_labels([0, 1], num_classes=2, by="maximum")
        array([[1., 1.],
               [1., 1.]], dtype=float32)
        """
        rows = as_label_matrix(labels, len(self), num_classes)
        if isinstance(by, str) and validate.choice("by", by, LABELS_BY) == "maximum":
            sources, weights = self.slots
            used = weights > 0
            first = np.where(used, sources, sources[np.arange(len(self)), used.argmax(1)][:, None])
            return like(labels, np.maximum.reduce([rows[s] for s in first.T]))
        sources, weights = self.slots_by(by)
        parts = (w[:, None] * rows[s] for s, w in zip(sources.T, weights.T, strict=True))
        return like(labels, np.asarray(sum(parts)).astype(rows.dtype, copy=False))

    def slots_by(self, by: Any) -> tuple[Array, Array]:
        r"""Return sources of every output, and their shares by area or saliency.

        Parameters
        ----------
        by : {"area", "saliency"} or array_like of shape (B, \*spatial), or at another resolution
            As in `apply_labels`.

        Returns
        -------
        sources, weights : ndarray of shape (B, S)
            As in `slots`; by saliency, weights are proportional to `visible`.

        Raises
        ------
        ValueError
            If ``by="saliency"`` and the plan has no saliency.
        """
        sources, area = self.slots
        if isinstance(by, str):
            if validate.choice("by", by, ("area", "saliency")) == "area":
                return sources, area
            by = self._salient
            if by is None:
                raise ValueError(
                    "by='saliency' needs the maps that the plan was made from. Plans of mixers "
                    "with labels_by='saliency' have them, unless they were saved or joined: pass "
                    "the maps themselves."
                )
        seen = self.visible(by)
        total = seen.sum(axis=1, keepdims=True)
        return sources, np.where(total > 0, seen / np.where(total > 0, total, 1), area)

    def visible(self, saliency: ArrayLike) -> Array:
        """Return how much of the saliency of the sources of `slots` is shown in every output."""
        raise NotImplementedError

    def apply_values(self, values: Any) -> Any:
        """Mix real numbers, such as regression targets: each input counts for its share.

        Parameters
        ----------
        values : array_like of real numbers, shape (B, ...)
            The numbers, of any sign.

        Returns
        -------
        array of shape (B, ...)
            Mixed numbers, of the dtype and library of `values`; float32 for integers.

        Raises
        ------
        ValueError, TypeError
            If `values` are not numbers, or do not have one entry per input.

        Examples
        --------
        >>> BlendPlan([1, 0], [0.75, 0.5], spatial=()).apply_values([-1.0, 3.0])
        array([0., 1.])
        """
        array = validate.as_array("values", values, "real numbers of shape (batch, ...)")
        validate.same_batch("values", array, len(self), "inputs of the plan")
        if array.dtype.kind != "f":
            array = array.astype(np.float32)
        sources, weights = self.slots
        column = (len(self),) + (1,) * (array.ndim - 1)
        parts = (
            weights[:, s].reshape(column) * array[sources[:, s]] for s in range(sources.shape[1])
        )
        return like(values, np.asarray(sum(parts)).astype(array.dtype, copy=False))

    def keeping(self, outputs: ArrayLike) -> Mixture:
        """Return the plan that leaves some outputs as they are, each equal to its own input.

        Parameters
        ----------
        outputs : array_like of bool, shape (B,)
            Which outputs are not mixed.

        Returns
        -------
        Mixture
            A plan of the same class.

        Raises
        ------
        ValueError
            If `outputs` is not one boolean for each output.

        Examples
        --------
        >>> BlendPlan([1, 0], [0.75, 0.5], spatial=()).keeping([True, False]).shares
        array([[1. , 0. ],
               [0.5, 0.5]])
        """
        mask = np.asarray(outputs)
        if mask.dtype != bool or mask.shape != (len(self),):
            raise ValueError(
                f"outputs needs one boolean for each of the {len(self)} outputs, got dtype "
                f"{mask.dtype} and shape {mask.shape}"
            )
        return remembering(self._keeping(mask), self._salient) if mask.any() else self

    def _keeping(self, mask: Array) -> Mixture:
        raise NotImplementedError

    def coverage(self, output: int) -> tuple[Array, Array]:
        r"""Return the sources of an output, and how much of each pixel they fill.

        Parameters
        ----------
        output : int
            Index of the output.

        Returns
        -------
        sources : ndarray of int, shape (s,)
            The inputs that it is made of.
        weights : ndarray of float64, shape (s, \*spatial)
            How much of each pixel they fill; sums to 1 over sources.

        Raises
        ------
        ValueError
            If patches move.
        """
        return self._coverage(output)

    def _coverage(self, output: int) -> tuple[Array, Array]:
        raise NotImplementedError

    def interpolate_loss(
        self, loss: Callable[[Any], Any], labels: ArrayLike, *, by: Any = "area"
    ) -> Any:
        r"""Mix losses instead of labels, for class indices without a number of classes.

        For losses that are linear in soft labels, as cross entropy is, both are the same.

        Parameters
        ----------
        loss : callable
            Takes labels of shape (B, ...), one source per output, and returns the B losses of the
            outputs for these labels (``reduction="none"``), of shape (B, ...). The number of calls
            is the largest number of sources of an output.
        labels : array_like of shape (B, ...)
            Labels of the inputs, of any kind and library.
        by : {"area", "saliency"} or array_like of shape (B, \*spatial), default "area"
            What losses are weighted by, as in `apply_labels`.

        Returns
        -------
        array of shape (B, ...)
            The weighted losses of every output.

        Raises
        ------
        ValueError
            If `labels` or the result of `loss` do not have one entry per image, or the plan has no
            saliency for ``by="saliency"``.

        Examples
        --------
        >>> from comixup import MixPlan
        >>> plan = MixPlan.from_sources([[[1], [1]], [[0], [1]]], spatial=(2,))
        >>> plan.interpolate_loss(lambda y: np.array([10.0, 20.0])[y], [0, 1])
        array([20., 15.])
        """
        sources, weights = self.slots_by(by)
        values: Any = labels if hasattr(labels, "__dlpack__") else np.asarray(labels)
        if len(values.shape) == 0 or values.shape[0] != len(self):
            raise ValueError(
                f"labels needs one entry for each of the {len(self)} inputs, got the shape "
                f"{tuple(values.shape)}"
            )
        total = None
        for s in range(sources.shape[1]):
            part = loss(values[like(values, sources[:, s])])
            shape = tuple(getattr(part, "shape", ()))
            if shape[:1] != (len(self),):
                raise ValueError(
                    f"loss needs to return one number for each of the {len(self)} outputs, or some "
                    f"for each (reduction='none'), got the shape {shape}"
                )
            precision = np.float64 if "float64" in str(part.dtype) else np.float32
            weight = weights[:, s].astype(precision).reshape(-1, *(1,) * (len(shape) - 1))
            term = part * like(part, weight)
            total = term if total is None else total + term
        return total

    def apply_boxes(
        self, boxes: Sequence[ArrayLike], *, min_visible: float = 0.1
    ) -> list[MixedBoxes]:
        """Cut bounding boxes to what is visible of them.

        Parameters
        ----------
        boxes : sequence of B array_like, each (n, 4)
            Corners (x0, y0, x1, y1) in pixels of the `spatial` shape of the plan, any number per
            image.
        min_visible : float, default 0.1
            Boxes of which less than this fraction of the area is visible are dropped. Pixels that
            show half of each of two inputs count half.

        Returns
        -------
        list of B MixedBoxes
            The boxes of each output.

        Raises
        ------
        ValueError, TypeError
            If boxes are not as described, or patches move.

        Examples
        --------
        >>> from comixup import MixPlan
        >>> plan = MixPlan.from_sources([[[[0], [1]]], [[[1], [1]]]], spatial=(4, 8))
        >>> plan.apply_boxes([[[2, 1, 7, 3]], []])[0].boxes
        array([[2., 1., 4., 3.]])
        """
        coverages = (self.coverage(j) for j in range(len(self)))
        return mix_boxes(
            coverages, boxes, n=len(self), spatial=self.spatial, min_visible=min_visible
        )

    def apply_points(
        self, points: Sequence[ArrayLike], *, min_visible: float = 0.0
    ) -> list[MixedPoints]:
        """Keep the keypoints that are visible; they move along with patches that move.

        Parameters
        ----------
        points : sequence of B array_like, each (n, dimensions)
            Positions in pixels of the `spatial` shape of the plan, the last axis first: (x, y) in
            images. Any number per image.
        min_visible : float, default 0.0
            Points in pixels with a smaller share of their input are dropped, and all with share 0.

        Returns
        -------
        list of B MixedPoints
            The points of each output.

        Raises
        ------
        ValueError, TypeError
            If points are not as described.

        Examples
        --------
        >>> from comixup import MixPlan
        >>> plan = MixPlan.from_sources([[[[0], [1]]], [[[1], [1]]]], spatial=(4, 8))
        >>> found = plan.apply_points([[[2, 1], [7, 3]], [[5, 0]]])[0]
        >>> found.points, found.sources
        (array([[2., 1.],
               [5., 0.]]), array([0, 1]))
        """
        return mix_points(
            self._shown, points, n=len(self), spatial=self.spatial, min_visible=min_visible
        )

    def _shown(self, output: int, pixels: Sequence[Array]) -> Iterator[Shown]:
        """Return of each source which of the points in `pixels` are shown, see `mix_points`."""
        for i, weight in zip(*self.coverage(output), strict=True):
            rows = np.arange(len(pixels[i]))
            yield int(i), rows, np.zeros_like(pixels[i]), weight[tuple(pixels[i].T)]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the plan to an ``.npz`` file, at once or not at all.

        Parameters
        ----------
        path : str or path
            The file to write.
        overwrite : bool, default False
            Whether a file of that name may be replaced.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is false.
        """
        self._write(path, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a plan of this kind that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file to read.

        Returns
        -------
        MixPlan, BlendPlan or BoxPlan
            Equal to the one that was saved.

        Raises
        ------
        ValueError
            If the file is not such a plan, is damaged, or comes from a later version.
        """
        return cls._read(path)

    def _write(self, path: str | os.PathLike[str], overwrite: bool) -> None:
        raise NotImplementedError

    @classmethod
    def _read(cls, path: str | os.PathLike[str]) -> Self:
        raise NotImplementedError


def remembering(plan: Plan, saliency: Any) -> Plan:
    """Let a new plan remember the saliency that it was made from, and return it."""
    if saliency is not None:
        object.__setattr__(plan, "_salient", saliency)
    return plan


def salient_parts(
    saliency: ArrayLike, n: int, spatial: tuple[int, ...], grid: tuple[int, ...]
) -> Array:
    r"""Return the part of the saliency of each of n inputs in every patch, (n, \*grid).

    Maps of zeros count as if all pixels were equally salient.
    """
    maps = validate.as_array("saliency", saliency, "numbers >= 0 of shape (batch, *spatial)")
    require_map_shape(maps.shape, (n, 1, *spatial), spatial)
    return weights_and_peaks(maps, grid, zero_saliency="uniform", spatial=spatial).weights
