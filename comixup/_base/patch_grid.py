"""The patch grid: how pixels are divided among patches, and sums over patches.

Patch k of K along an axis of S pixels is the range floor(k S / K) .. floor((k + 1) S / K): patches
partition the axis exactly, their sizes differ by at most one pixel, and larger ones are spread
evenly. This one rule is used for pooling, for mixing and for label areas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from comixup._base import validate
from comixup._base.types import Array


def patch_edges(size: int, patches: int) -> Array:
    """Return the ``patches + 1`` pixel positions at which patches begin and end.

    Examples
    --------
    >>> patch_edges(32, 5)
    array([ 0,  6, 12, 19, 25, 32])
    """
    return np.arange(patches + 1) * size // patches


def patch_pixels(grid: Sequence[int], spatial: Sequence[int]) -> Array:
    r"""Return how many pixels every patch has, as int64 of shape (\*grid)."""
    sizes = [np.diff(patch_edges(s, g)) for s, g in zip(spatial, grid, strict=True)]
    return reduce(np.multiply.outer, sizes)


def pool(maps: Array, grid: Sequence[int]) -> Array:
    r"""Sum maps (B, \*spatial) over patches, to float64 (B, \*grid)."""
    sums = maps
    for axis, patches in enumerate(grid, start=1):
        if sums.shape[axis] != patches:
            starts = patch_edges(sums.shape[axis], patches)[:-1]
            sums = np.add.reduceat(sums, starts, axis=axis, dtype=np.float64)
    return sums.astype(np.float64, copy=False)


def overlaps(size: int, patches: int, cells: int) -> Array:
    """Return the fraction of each cell of a map in each patch of an axis, (patches, cells).

    Patches and cells both divide an axis of `size` pixels. Cells have equal, fractional lengths.

    Examples
    --------
    >>> overlaps(6, 2, 3)
    array([[2., 1., 0.],
           [0., 1., 2.]])
    """
    ends = patch_edges(size, patches)[:, None]
    borders = np.arange(cells + 1) * (size / cells)
    stop = np.minimum(ends[1:], borders[1:])
    return np.maximum(stop - np.maximum(ends[:-1], borders[:-1]), 0.0)


def pool_cells(maps: Array, grid: Sequence[int], spatial: Sequence[int]) -> Array:
    r"""Sum maps (B, \*cells) of another resolution than the image over its patches, in float64."""
    sums = maps.astype(np.float64, copy=False)
    for axis, (size, patches) in enumerate(zip(spatial, grid, strict=True), start=1):
        weights = overlaps(size, patches, maps.shape[axis])
        sums = np.moveaxis(np.moveaxis(sums, axis, -1) @ weights.T, -1, axis)
    return sums


def as_grid(grid: int | Sequence[int], n_spatial: int) -> tuple[int, ...]:
    """Return `grid` as one number of patches per spatial axis."""
    if not isinstance(grid, Sequence):
        return (validate.integer("grid", grid, 1),) * n_spatial
    if len(grid) != n_spatial:
        raise ValueError(
            f"grid needs one number of patches for each of the {n_spatial} spatial axes, got "
            f"{tuple(grid)}. An int means the same number along every axis."
        )
    return tuple(validate.integer(f"grid[{axis}]", g, 1) for axis, g in enumerate(grid))


def require_fit(name: str, spatial: Sequence[int], grid: Sequence[int]) -> None:
    """Raise unless every patch gets at least one pixel."""
    if any(s < g for s, g in zip(spatial, grid, strict=True)):
        raise ValueError(
            f"{name} needs at least one pixel per patch, but its spatial shape is {tuple(spatial)} "
            f"and the grid is {tuple(grid)} ({math.prod(grid)} patches). Choose a smaller grid; if "
            "the last axis holds channels, say channels='last'."
        )
