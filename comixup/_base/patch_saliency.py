"""Saliency maps of callers, checked and pooled to patches."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from comixup._base import validate
from comixup._base.patch_grid import as_grid, patch_pixels, pool, pool_cells, require_fit
from comixup._base.types import Array, ArrayLike

ZERO_SALIENCY = ("raise", "uniform", "warn")


class Pooled(NamedTuple):
    r"""Saliency pooled to patches.

    Attributes
    ----------
    weights : ndarray of float64, shape (B, \*grid)
        Fraction of the saliency of each sample that lies in each patch.
    peaks : ndarray of float64, shape (B, dimensions)
        Most salient positions.
    n_uniform : int
        Number of samples without saliency, whose weights are uniform.
    """

    weights: Array
    peaks: Array
    n_uniform: int


def warn_of_uniform(n_uniform: int, n: int, more: str = "") -> None:
    """Warn that some of n samples have no saliency; nothing happens if there are none."""
    if n_uniform:
        warnings.warn(
            f"{n_uniform} of {n} samples have no saliency (it is zero, or not finite): all of "
            f"their pixels count as equally salient. {more}zero_saliency='uniform' mixes without "
            "this warning, 'raise' stops and names the samples.",
            stacklevel=3,
        )


def weights_and_peaks(
    saliency: ArrayLike,
    grid: int | Sequence[int],
    *,
    zero_saliency: str,
    spatial: tuple[int, ...] | None = None,
) -> Pooled:
    r"""Return patch weights (B, \*grid) and the most salient positions (B, dimensions).

    Maps may be of another resolution than the images if the `spatial` shape of these is given.
    """
    validate.choice("zero_saliency", zero_saliency, ZERO_SALIENCY)
    maps = validate.as_array("saliency", saliency, "numbers >= 0 of shape (batch, *spatial)")
    if not 2 <= maps.ndim <= 4 or 0 in maps.shape:
        raise ValueError(
            "saliency needs the shape (batch, *spatial) with 1 to 3 spatial dimensions and no "
            f"empty axis, got {maps.shape}. Gradients with a channel axis go through "
            "comixup.saliency.from_gradient first."
        )
    maps = np.ascontiguousarray(maps)  # the order of sums is that of memory
    grid = as_grid(grid, maps.ndim - 1)
    resolution = maps.shape[1:]
    target = resolution if spatial is None else spatial
    other = resolution not in (target, grid)
    if not other:
        require_fit("saliency", resolution, grid)
    with np.errstate(all="ignore"):
        sums = pool_cells(maps, grid, target) if other else pool(maps, grid)
    _require_nonnegative(maps)
    peaks = np.stack(
        np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]), axis=1
    ).astype(np.float64)
    if other:
        peaks = centers_in_pixels(peaks, resolution, target)
        resolution = target
    return normalized(sums, peaks, resolution, maps, zero_saliency)


def require_map_shape(
    shape: tuple[int, ...], images: tuple[int, ...], spatial: tuple[int, ...]
) -> None:
    """Raise unless there is one map per image, of any resolution, with the axes of the image."""
    n = images[0]
    if len(shape) == 1 + len(spatial) and shape[0] == n and 0 not in shape:
        if len(spatial) < 2 or (shape[-2] - shape[-1]) * (spatial[-2] - spatial[-1]) >= 0:
            return
        raise ValueError(
            f"saliency of shape {shape} is turned against images of {spatial} pixels: one is "
            "higher than wide, the other wider than high. Maps need the axes (batch, height, "
            "width)."
        )
    raise ValueError(
        f"saliency needs numbers >= 0 of shape (batch, *spatial) = {(n, *spatial)}, or at another "
        f"resolution, such as one number per patch, got the shape {shape}. "
        + (
            "If the images are gray, give them their channel axis: images[:, None]."
            if len(shape) == 3 and shape == images
            else "Of maps with one channel, pass saliency[:, 0]."
            if len(shape) == len(spatial) + 2 and shape[1] == 1
            else "Gradients with a channel axis go through comixup.saliency.from_gradient first."
        )
    )


def centers_in_pixels(peaks: Array, cells: Sequence[int], spatial: Sequence[int]) -> Array:
    """Convert the centers of cells of a map to positions in pixels."""
    moved: Array = (peaks + 0.5) * (np.array(spatial) / np.array(cells)) - 0.5
    return moved


def normalized(
    sums: Array, peaks: Array, shape: tuple[int, ...], maps: Array, zero_saliency: str
) -> Pooled:
    r"""Return pooled maps (B, \*grid) scaled to sum 1, and peaks, with samples of none replaced.

    `shape` is the spatial shape that was pooled; `maps`, of that shape or pooled, are what a
    message quotes.
    """
    grid = sums.shape[1:]
    with np.errstate(all="ignore"):
        totals = sums.reshape(len(sums), -1).sum(axis=1)
    bad = ~((totals > 0) & np.isfinite(totals))
    if bad.any():
        if zero_saliency == "raise":
            raise ValueError(_bad_maps_message(maps, np.flatnonzero(bad)))
        sums, totals, peaks = sums.copy(), totals.copy(), peaks.copy()
        sums[bad] = patch_pixels(grid, shape)
        totals[bad] = np.prod(shape)
        peaks[bad] = (np.array(shape) - 1) / 2
    weights = sums / totals.reshape((-1,) + (1,) * len(grid))
    return Pooled(weights, peaks, int(bad.sum()))


def _require_nonnegative(maps: Array) -> None:
    if maps.dtype.kind not in "if" or maps.min() >= 0:
        return
    negative = np.argwhere(maps < 0)  # none if the minimum is NaN: that is another complaint
    if len(negative):
        index = tuple(negative[0].tolist())
        raise ValueError(
            f"saliency needs numbers >= 0, but saliency[{', '.join(map(str, index))}] is "
            f"{maps[index]} ({len(negative)} such entries). Take np.abs, or "
            "comixup.saliency.from_gradient for a gradient."
        )


def _bad_maps_message(maps: Array, samples: Array) -> str:
    flat: Array = maps[samples].reshape(len(samples), -1)
    finite = np.asarray(np.isfinite(flat).all(axis=1))
    names = ", ".join(
        f"{i} ({'zero' if ok and not row.any() else 'sum too large' if ok else 'not finite'})"
        for i, ok, row in zip(samples[:10], finite[:10], flat[:10], strict=True)
    )
    more = f" and {len(samples) - 10} more" if len(samples) > 10 else ""
    return (
        "saliency needs a finite map with at least one number > 0 for every sample, but not for "
        f"sample{'s' if len(samples) > 1 else ''} {names}{more}. Use zero_saliency='uniform' to "
        "weight all pixels of such samples equally, or mix without them."
    )
