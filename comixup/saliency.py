"""Saliency maps, which show where the content of an image is, from gradients or without a network.

Every function returns nonnegative maps of shape (batch, *spatial). `patch_weights` sums them over
patches: it returns the fraction of the saliency of an image that lies in each patch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from comixup._base import validate
from comixup._base.patch_grid import patch_edges, pool
from comixup._base.patch_saliency import warn_of_uniform, weights_and_peaks
from comixup._base.types import Array, ArrayLike

__all__ = ["from_gradient", "local_contrast", "patch_weights", "spectral_residual"]


def patch_weights(
    saliency: ArrayLike, grid: int | Sequence[int] = 4, *, zero_saliency: str = "raise"
) -> Array:
    r"""Pool saliency maps to patch weights that sum to 1 per input.

    Parameters
    ----------
    saliency : array_like of shape (B, \*spatial)
        Nonnegative, 1 to 3 spatial dimensions, at any resolution of at least one pixel per patch.
    grid : int or sequence of int, default 4
        Number of patches along every axis, or one number per axis. Patch k of K covers the pixels
        floor(k S / K) .. floor((k + 1) S / K) - 1 of S, so that every pixel counts once.
    zero_saliency : {"raise", "uniform", "warn"}, default "raise"
        What to do with a map that is zero everywhere or holds NaN or infinity: raise an error that
        names the samples, or give all patches the weight of their area, with a warning that counts
        them ("warn") or without.

    Returns
    -------
    ndarray of float64, shape (B, \*grid)
        The weight of each patch.

    Raises
    ------
    ValueError, TypeError
        If maps are negative, empty, of a wrong shape, or smaller than the grid; if a map is zero or
        not finite and `zero_saliency` is "raise".

    Examples
    --------
    >>> patch_weights([[0.0, 1.0, 1.0, 2.0, 0.0]], grid=2)
    array([[0.25, 0.75]])
    """
    pooled = weights_and_peaks(saliency, grid, zero_saliency=zero_saliency)
    if zero_saliency == "warn":
        warn_of_uniform(pooled.n_uniform, len(pooled.weights))
    return pooled.weights


def from_gradient(gradient: ArrayLike, *, channels: str = "first") -> Array:
    r"""Turn the gradient of a loss with respect to images into saliency: the norm over channels.

    Parameters
    ----------
    gradient : array_like of float, shape (B, C, \*spatial) or (B, \*spatial, C)
        The gradient, at any scale; only ratios within a sample matter.
    channels : {"first", "last"}, default "first"
        Where the channel axis is.

    Returns
    -------
    ndarray of float, shape (B, \*spatial)
        The l2 norm over channels, as published [1]_. For a gradient that is zero or not finite, so
        is the map: see `zero_saliency` of `patch_weights`.

    Raises
    ------
    ValueError, TypeError
        If `gradient` or `channels` is not as described.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021.

    Examples
    --------
    >>> from_gradient([[[3.0, 0.0], [-4.0, 1.0]]])
    array([[5., 1.]])
    """
    axis = 1 if validate.choice("channels", channels, ("first", "last")) == "first" else -1
    array = validate.as_array("gradient", gradient, "floats of shape (batch, channels, *spatial)")
    if not 3 <= array.ndim <= 5 or 0 in array.shape:
        raise ValueError(
            "gradient needs a batch axis, a channel axis and 1 to 3 spatial axes, none empty, got "
            f"the shape {array.shape}"
        )
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    with np.errstate(all="ignore"):
        # Scaled per sample, so that squares of tiny gradients (1e-30 in float32) do not vanish.
        scale = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True)
        scale = np.where(scale > 0, scale, 1)
        norm = np.sqrt(np.square(array / scale).sum(axis=axis))
        return norm * np.squeeze(scale, axis=axis)


def spectral_residual(images: ArrayLike, *, channels: str = "first", size: int = 64) -> Array:
    r"""Compute saliency without a network, from the residual of the log amplitude spectrum.

    Parameters
    ----------
    images : array_like of float or uint8, shape (B, C, \*spatial) or (B, \*spatial, C)
        Channels are averaged.
    channels : {"first", "last"}, default "first"
        Where the channel axis is.
    size : int, default 64
        Pixels along the shorter spatial axis at which the spectrum is taken (published: 64); larger
        images are averaged down to it and the map is interpolated back. The scale matters: at full
        resolution only texture is salient.

    Returns
    -------
    ndarray of float64, shape (B, \*spatial)
        Zero where the image is constant.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    References
    ----------
    .. [1] X. Hou, L. Zhang, "Saliency detection: a spectral residual approach", CVPR 2007,
       equations 9-12.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((1, 1, 32, 32)) / 5
    >>> image[0, 0, 20:24, 5:9] = 1.0
    >>> row, column = np.unravel_index(spectral_residual(image).argmax(), (32, 32))
    >>> bool(18 <= row <= 25 and 3 <= column <= 10)
    True
    """
    return spectral_of_gray(_gray(images, channels), validate.integer("size", size, 4))


def spectral_of_gray(gray: Array, size: int = 64) -> Array:
    r"""Return the spectral residual of the means over channels, float64 (B, \*spatial)."""
    from scipy import ndimage

    spatial = gray.shape[1:]
    scale = min(1.0, size / min(spatial))
    small = tuple(max(1, round(s * scale)) for s in spatial)
    x = pool(gray, small) / pool(np.ones((1, *spatial)), small)
    axes = tuple(range(1, x.ndim))
    with np.errstate(all="ignore"):  # tensors may have images that are not finite
        x = x - x.mean(axis=axes, keepdims=True)
        spectrum = np.fft.fftn(x, axes=axes)
        amplitude = np.abs(spectrum)
        largest = amplitude.max(axis=axes, keepdims=True)
        # The floor keeps exact zeros of synthetic images from looking infinitely unexpected.
        amplitude = amplitude + 1e-6 * largest + np.finfo(np.float64).tiny
        log_amplitude = np.log(amplitude)
        window = (1, *(min(3, s) for s in small))
        residual = log_amplitude - ndimage.uniform_filter(log_amplitude, window, mode="wrap")
        phase = spectrum / amplitude
        saliency = np.abs(np.fft.ifftn(np.exp(residual) * phase, axes=axes)) ** 2
        saliency = ndimage.gaussian_filter(saliency, (0.0, *(2.5 * s / 64 for s in small)))
        flat = largest <= 1e-12 * (1 + np.abs(gray).max(axis=axes, keepdims=True))
        return _enlarge(np.where(flat, 0.0, saliency), spatial)


def local_contrast(
    images: ArrayLike, *, channels: str = "first", sigma: float | None = None
) -> Array:
    r"""Compute saliency without a network: the standard deviation of brightness around every pixel.

    Parameters
    ----------
    images : array_like of float or uint8, shape (B, C, \*spatial) or (B, \*spatial, C)
        Channels are averaged.
    channels : {"first", "last"}, default "first"
        Where the channel axis is.
    sigma : float, optional
        Width of the Gaussian window in pixels; a 24th of the shorter spatial axis by default, at
        least 1. The image continues as its mirror image beyond the border.

    Returns
    -------
    ndarray of float64, shape (B, \*spatial)
        In units of the images; zero where the image is constant.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> image = np.zeros((1, 1, 9))
    >>> image[0, 0, 4] = 3.0
    >>> local_contrast(image, sigma=0.5).round(2)
    array([[0.  , 0.  , 0.05, 0.93, 1.23, 0.93, 0.05, 0.  , 0.  ]])
    """
    return contrast_of_gray(_gray(images, channels), sigma)


def contrast_of_gray(gray: Array, sigma: float | None = None) -> Array:
    r"""Return the local contrast of the means over channels, float64 (B, \*spatial)."""
    from scipy import ndimage

    width = max(1.0, min(gray.shape[1:]) / 24) if sigma is None else sigma
    width = validate.real("sigma", width, positive=True)
    axes = tuple(range(1, gray.ndim))
    x = gray - gray.mean(axis=axes, keepdims=True)  # centered: E[x^2] - E[x]^2 loses less
    window = (0.0, *(width,) * len(axes))
    mean = ndimage.gaussian_filter(x, window)
    variance = ndimage.gaussian_filter(x * x, window) - mean**2
    noise = 1e-12 * np.square(x).max(axis=axes, keepdims=True)  # what rounding leaves of zero
    return np.sqrt(np.where(variance > noise, variance, 0.0))


METHODS: dict[str, Callable[..., Array]] = {
    "spectral": spectral_residual,
    "contrast": local_contrast,
}
OF_GRAY: dict[str, Callable[[Array], Array]] = {
    "spectral": spectral_of_gray,
    "contrast": contrast_of_gray,
}


def _gray(images: ArrayLike, channels: str) -> Array:
    validate.choice("channels", channels, ("first", "last"))
    array, _ = validate.image_batch(images, channels)
    return mean_of_channels(array, channels)


def mean_of_channels(array: Array, channels: str) -> Array:
    r"""Return the means over channels, float64 (B, \*spatial), whatever the order in memory is."""
    axis = 1 if channels == "first" else -1
    return np.ascontiguousarray(array).mean(axis=axis, dtype=np.float64)


def _enlarge(maps: Array, spatial: tuple[int, ...]) -> Array:
    """Interpolate linearly, pixel center to pixel center, one axis at a time."""
    for axis, s in enumerate(spatial, start=1):
        n = maps.shape[axis]
        if n == s:
            continue
        edges = patch_edges(s, n)
        centers = (edges[:-1] + edges[1:] - 1) / 2
        left = np.clip(np.searchsorted(centers, np.arange(s), side="right") - 1, 0, max(n - 2, 0))
        right = np.minimum(left + 1, n - 1)
        span = np.maximum(centers[right] - centers[left], 1)
        t = np.clip((np.arange(s) - centers[left]) / span, 0, 1)
        t = t.reshape((-1,) + (1,) * (maps.ndim - 1 - axis))
        maps = (1 - t) * np.take(maps, left, axis=axis) + t * np.take(maps, right, axis=axis)
    return maps
