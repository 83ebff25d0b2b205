"""`MixPlan`: which input fills which patch of which output.

A plan can be applied to images, labels and masks, saved, loaded and drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from comixup._base import validate
from comixup._base.interchange import like
from comixup._base.patch_grid import patch_edges, require_fit
from comixup._base.public import public
from comixup._base.types import Array, ArrayLike
from comixup._base.wording import documented
from comixup.plans import fields, gather
from comixup.plans.base import Mixture, salient_parts
from comixup.plans.draw import draw_group
from comixup.plans.labels import as_label_matrix, mix_rows
from comixup.plans.patch_fields import PatchFields
from comixup.plans.points import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@public
@dataclass(frozen=True, eq=False, repr=False)
class MixPlan(PatchFields):
    r"""The inputs that fill each patch of each output.

    `CoMixup.mix` and `CoMixup.plan` make plans; use the constructor for your own.

    Attributes
    ----------
    sources : ndarray of intp, shape (B, \*grid, levels)
        Indices into the batch: patch k of output j is filled by ``sources[j, k]`` in equal parts;
        levels is 1 or 2.
    group_edges : ndarray of int64, shape (G + 1,)
        Group g consists of inputs and outputs ``group_edges[g]`` to ``group_edges[g + 1] - 1``.
        Outputs mix inputs of their own group only.
    energies : ndarray of float64, shape (G,)
        Energy of every group's mixture, lower is better; NaN if unknown.
    spatial : tuple of int
        Spatial shape of the images that the plan was made for; shares of labels refer to it.
    seed : int
        Seed of the random streams.
    keys : ndarray of int64, shape (G, 2)
        (step, group number) of every group: with the seed, the key of its random stream.
    moves : ndarray of intp, shape (B, \*grid, levels), optional
        Which patch of the source fills the patch, as a flat index; by default the same one.

    Raises
    ------
    ValueError, TypeError
        If the fields do not fit together; the message names the entry.

    Examples
    --------
    The left half of output 0 is input 1, and output 1 is the mean of both everywhere:

    >>> plan = MixPlan.from_sources([[[1, 1], [0, 0]], [[0, 1], [0, 1]]], spatial=(4,))
    >>> plan.apply(np.array([[10, 11, 12, 13], [20, 21, 22, 23]], dtype=np.uint8))
    array([[20, 21, 12, 13],
           [15, 16, 17, 18]], dtype=uint8)
    >>> plan.apply_labels([0, 1], num_classes=2)
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """

    def apply(self, array: ArrayLike, *, channels: str = "first", blend: str | None = None) -> Any:
        r"""Mix an array with one entry per input.

        Parameters
        ----------
        array : array_like of shape (B, ..., \*spatial), (B, \*spatial, ...) or (B, \*spatial)
            Images, feature maps, masks: any spatial size of at least one pixel per patch and any
            number of channel axes, none included.
        channels : {"first", "last"}, default "first"
            Where channel axes are, if there are any.
        blend : {"mean", "first"}, optional
            The value of a patch that is divided between two inputs. "mean": their mean; integers
            are rounded, halves up. "first": only the input with the lower index, for masks of class
            indices, which have no mean. By default the mean for floats, uint8 and uint16; other
            dtypes, which may be class indices, need an explicit choice.

        Returns
        -------
        array
            Of the same shape, dtype and library, never a view of `array`.

        Raises
        ------
        ValueError, TypeError
            If the leading axis is not the batch, a spatial axis is shorter than the grid, or the
            dtype has no mean.
        """
        validate.choice("channels", channels, ("first", "last"))
        needed = "numbers of shape (batch, ..., *spatial)"
        values = validate.as_array("array", array, needed)
        validate.same_batch("array", values, len(self), "inputs of the plan")
        d = len(self.grid)
        if values.ndim < 1 + d or values.dtype.itemsize > 8:
            raise ValueError(
                f"array needs {needed} with {d} spatial axes and at most 8 bytes per number, got "
                f"the shape {values.shape} and dtype {values.dtype}"
            )
        spatial = values.shape[-d:] if channels == "first" else values.shape[1 : 1 + d]
        require_fit("array", spatial, self.grid)
        mean = self.levels > 1 and gather.blend_of(blend, values.dtype) == "mean"
        moves = None if self.moves is None else self._flat(self.moves)
        self.require_movable(spatial)
        mixed = gather.gather(values, self._flat(self.sources), self.grid, channels, mean, moves)
        return like(array, mixed)

    @documented
    def apply_labels(
        self,
        labels: ArrayLike,
        *,
        num_classes: int | None = None,
        by: Any = "area",
        spatial: Sequence[int] | None = None,
    ) -> Any:
        """Mix labels: each input counts for the share of pixels that it fills.

        Parameters
        ----------
        %(labels)s
        %(num_classes)s
        by : "area", "maximum" or saliency maps, default "area"
            As in `Mixture.apply_labels`.
        spatial : sequence of int, optional
            Spatial shape on which shares are measured; that of the plan by default. It matters only
            where patches differ in size.

        Returns
        -------
        %(mixed_labels)s

        Raises
        ------
        ValueError, TypeError
            If labels are not as described; the message names the entry.
        """
        if not (isinstance(by, str) and by == "area"):
            if spatial is not None:
                raise ValueError("spatial says where areas are measured: leave it out with by=...")
            return super().apply_labels(labels, num_classes=num_classes, by=by)
        rows = as_label_matrix(labels, len(self), num_classes)
        shape = self.spatial if spatial is None else tuple(spatial)
        if len(shape) != len(self.grid):
            raise ValueError(f"spatial needs {len(self.grid)} axes as the grid has, got {shape}")
        require_fit("spatial", shape, self.grid)
        return like(labels, mix_rows(self._table(shape), self.group_edges, rows))

    @cached_property
    def slots(self) -> tuple[Array, Array]:
        """Sources of every output and their shares, both (B, S), largest first.

        S is the largest number of sources; outputs with fewer have themselves with share 0.
        """
        table = self._table(self.spatial)
        starts = np.repeat(self.group_edges[:-1], np.diff(self.group_edges))
        order = np.argsort(-table, axis=1, kind="stable")[:, : int(self.n_sources.max())]
        weights = np.take_along_axis(table, order, axis=1)
        own = np.arange(len(self))[:, None]
        return np.where(weights > 0, order + starts[:, None], own), weights

    def _keeping(self, mask: Array) -> Mixture:
        column = mask.reshape((-1,) + (1,) * (self.sources.ndim - 1))
        own = np.arange(len(self)).reshape(column.shape)
        still = fields.origins({**self._fields(), "moves": None})
        changed = np.logical_or.reduceat(mask, self.group_edges[:-1])
        return replace(
            self,
            sources=np.where(column, own, self.sources),
            energies=np.where(changed, np.nan, self.energies),
            moves=None if self.moves is None else np.where(column, still, self.moves),
        )

    def _coverage(self, output: int) -> tuple[Array, Array]:
        if self.moves is not None:
            raise ValueError("boxes cannot follow patches that move: plan with transport=False")
        used = np.unique(self.sources[output])
        part = self.sources[output][None] == used.reshape((-1,) + (1,) * self.sources[0].ndim)
        weights = part.mean(axis=-1)
        for axis, (s, g) in enumerate(zip(self.spatial, self.grid, strict=True), start=1):
            weights = np.repeat(weights, np.diff(patch_edges(s, g)), axis=axis)
        return used, weights

    def _shown(self, output: int, pixels: Sequence[Array]) -> Iterator[Shown]:
        if self.moves is None:
            yield from super()._shown(output, pixels)
            return
        starts = gather.patch_starts(self.spatial, self.grid)
        corners = np.stack(np.unravel_index(starts, self.spatial), axis=1)
        of_pixel = gather.patch_of_pixels(self.spatial, self.grid)
        sources = self.sources[output].reshape(-1, self.levels)
        moves = self.moves[output].reshape(-1, self.levels)
        for i in np.unique(sources).tolist():
            patch = of_pixel[tuple(pixels[i].T)]
            part = (sources == i) & (moves == patch[:, None, None])
            rows, places = np.nonzero(part.any(axis=2))
            shifts = corners[places] - corners[patch[rows]]
            yield i, rows, shifts, part.mean(axis=2)[rows, places]

    def visible(self, saliency: ArrayLike) -> Array:
        r"""Return how much of the saliency of the sources of `slots` is shown in every output.

        Parameters
        ----------
        saliency : array_like of shape (B, \*spatial), or at another resolution
            Nonnegative maps.

        Returns
        -------
        ndarray of float64, shape (B, S)
            In 0..1, of the saliency of each source; zero for unused slots.
        """
        weights = salient_parts(saliency, len(self), self.spatial, self.grid)
        weights = weights.reshape(len(self), -1)
        sources, shares = self.slots
        used = self._flat(self.sources)
        seen = weights[used, self._flat(self.origins)] / self.levels
        parts = [np.where(used == s[:, None, None], seen, 0).sum((1, 2)) for s in sources.T]
        return np.where(shares > 0, np.stack(parts, axis=1), 0)

    def draw(
        self,
        images: ArrayLike,
        *,
        channels: str = "first",
        labels: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        saliency: ArrayLike | None = None,
        group: int = 0,
    ) -> Figure:
        r"""Draw one group: inputs, saliency, outputs with their sources outlined, soft labels.

        Parameters
        ----------
        images : array_like of shape (B, C, H, W) or (B, H, W, C)
            The inputs, with 1 or 3 channels; floats that leave 0..1 are scaled to it.
        channels : {"first", "last"}, default "first"
            Where the channel axis is.
        labels : array_like of int, shape (B,), or real, shape (B, K), optional
            Labels of the inputs; without them bars show the share of every input.
        names : sequence of str, optional
            Names of the K classes, or of the B inputs if there are no labels.
        saliency : array_like of shape (B, \*spatial), optional
            Drawn as a second row.
        group : int, default 0
            Which group to draw.

        Returns
        -------
        matplotlib.figure.Figure
            ``figure.savefig(...)`` writes it. It is not registered with pyplot.
        """
        return draw_group(self, images, channels, labels, names, saliency, group)

    def require_movable(self, spatial: tuple[int, ...]) -> None:
        """Raise unless every patch that moves has the size of the position it moves to.

        Parameters
        ----------
        spatial : tuple of int
            Of the array that the plan is to be applied to.

        Raises
        ------
        ValueError
            If a patch would move to a place of another size.
        """
        if self.moves is None:
            return
        shapes = gather.patch_shapes(spatial, self.grid)
        if (shapes[self._flat(self.moves)] != shapes[:, None]).any():
            raise ValueError(
                f"array has the spatial shape {tuple(spatial)}, on which the plan moves patches to "
                f"places of another size. It fits the shape {self.spatial} that it was made for, "
                f"and shapes that the grid {self.grid} divides."
            )
