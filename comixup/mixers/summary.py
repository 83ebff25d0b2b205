"""`Summary`: the saliency and the mean colors of patches, from which plans are computed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from comixup._base import validate
from comixup._base.patch_grid import patch_pixels, pool, require_fit
from comixup._base.patch_saliency import require_map_shape, weights_and_peaks
from comixup._base.types import Array
from comixup.saliency import METHODS, OF_GRAY, mean_of_channels


class Needs(NamedTuple):
    r"""The data of a batch that a mixer needs.

    Attributes
    ----------
    grid : tuple of int or None
        Patches along every spatial axis for saliency; ``None`` if saliency is not needed.
    colors : bool
        Whether the mean of every patch and channel is needed.
    zero_saliency : {"raise", "uniform", "warn"}
        What to do with samples whose saliency is zero or not finite.
    """

    grid: tuple[int, ...] | None = None
    colors: bool = False
    zero_saliency: str = "raise"


class Summary(NamedTuple):
    r"""The data of a batch of B inputs that a plan is computed from.

    Attributes
    ----------
    n : int
    spatial : tuple of int
    weights : ndarray of float64, shape (B, \*grid), or None
        Fraction of the saliency of an input that lies in each patch; sums to 1.
    peaks : ndarray of float64, shape (B, dimensions), or None
        Most salient position of every input.
    colors : ndarray of float64, shape (B, C, \*grid), or None
        Means over patches.
    n_uniform : int
        Number of inputs without saliency, whose weights are uniform.
    """

    n: int
    spatial: tuple[int, ...]
    weights: Array | None = None
    peaks: Array | None = None
    colors: Array | None = None
    n_uniform: int = 0


def summarize(batch: Array, channels: str, saliency: Any, needs: Needs) -> Summary:
    """Return the data that `needs` describes, for checked images, computing missing maps."""
    spatial = batch.shape[2:] if channels == "first" else batch.shape[1:-1]
    if needs.grid is None:
        require_saliency(saliency, batch.shape, spatial)
        return Summary(len(batch), spatial)
    require_fit("images", spatial, needs.grid)
    maps = saliency_maps(batch, channels, saliency, spatial)
    pooled = weights_and_peaks(
        maps, needs.grid, zero_saliency=needs.zero_saliency, spatial=tuple(spatial)
    )
    colors = patch_means(batch, channels, needs.grid) if needs.colors else None
    return Summary(len(batch), spatial, pooled.weights, pooled.peaks, colors, pooled.n_uniform)


def saliency_maps(batch: Array, channels: str, saliency: Any, spatial: tuple[int, ...]) -> Array:
    """Return the maps that were given, with a check of their shape, or compute them."""
    if saliency is None or isinstance(saliency, str):
        name = "spectral" if saliency is None else saliency
        method = OF_GRAY[validate.choice("saliency", name, tuple(OF_GRAY))]
        return method(mean_of_channels(batch, channels))
    needed = f"numbers >= 0 of shape (batch, *spatial) = {(len(batch), *spatial)}"
    maps = validate.as_array("saliency", saliency, needed)
    require_map_shape(maps.shape, batch.shape, spatial)
    return maps


def require_saliency(saliency: Any, images: tuple[int, ...], spatial: tuple[int, ...]) -> None:
    """Raise if saliency that this mixer does not use is not valid for any mixer."""
    if isinstance(saliency, str):
        validate.choice("saliency", saliency, tuple(METHODS))
    elif saliency is not None:
        require_map_shape(tuple(np.shape(saliency)), images, spatial)


def patch_means(batch: Array, channels: str, grid: tuple[int, ...]) -> Array:
    r"""Return the mean (B, C, \*grid) of every patch and channel."""
    moved = np.ascontiguousarray(batch if channels == "first" else np.moveaxis(batch, -1, 1))
    B, C, *spatial = moved.shape
    sums = pool(moved.reshape(B * C, *spatial), grid)
    return (sums / patch_pixels(grid, spatial)).reshape(B, C, *grid)
