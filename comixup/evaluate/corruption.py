"""Corrupted images, to measure the robustness of a network.

With boxes, only the background is changed: the pixels outside of all boxes of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.interchange import items, like
from comixup._base.streams import require_seed
from comixup._base.types import RNG, Array
from comixup.plans.boxes import box_array


def replace_at_random(
    images: Any,
    fraction: float = 1.0,
    rng: RNG = None,
    *,
    boxes: Sequence[Any] | None = None,
    by: str = "image",
    channels: str = "first",
) -> Any:
    r"""Replace pixels by those of other images, or by noise.

    With boxes and the default arguments, the background is taken from another image.

    Parameters
    ----------
    images : array of float or uint8, shape (B, C, \*spatial) or (B, \*spatial, C)
        The images, not modified. Arrays of other libraries are accepted and returned.
    fraction : float, default 1.0
        Probability with which a pixel is replaced, in all of its channels.
    rng : numpy.random.Generator or int, optional
        Source of randomness, or a seed for one. None draws a seed from the operating system.
    boxes : sequence of B array_like, each (n, 4) or (4,), optional
        Boxes that are kept, for images of two dimensions: corners (x0, y0, x1, y1) in pixels, where
        pixel i covers i to i + 1. If your corners name the last pixel, add 1 to x1 and y1. Pixels
        whose center is in a box are kept.
    by : {"image", "noise"}, default "image"
        The source of new pixels. "image": the same position in another image of the batch, which
        is drawn for each image. "noise": uniform between the smallest and the largest value of
        the channel in the batch.
    channels : {"first", "last"}, default "first"

    Returns
    -------
    array
        Has the shape, dtype and library of `images`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or there is no other image to take pixels from.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021, on robustness.

    Examples
    --------
    >>> images = np.arange(2, dtype=np.uint8).repeat(16).reshape(2, 1, 4, 4)
    >>> replace_at_random(images, boxes=[[[0, 0, 3, 2]], [[1, 1, 4, 4]]], rng=0)[0, 0]
    array([[0, 0, 0, 1],
           [0, 0, 0, 1],
           [1, 1, 1, 1],
           [1, 1, 1, 1]], dtype=uint8)
    """
    batch, spatial = validate.image_batch(images, _layout(channels))
    validate.fraction("fraction", fraction)
    validate.choice("by", by, ("image", "noise"))
    random = _generator(rng)
    noise = by == "noise"
    other = _noise(batch, channels, random) if noise else batch[_others(len(batch), random)]
    free = background(boxes, len(batch), spatial)
    free &= random.random(free.shape) < fraction
    return like(images, np.where(_over_channels(free, channels), other, batch))


def gaussian_noise(
    images: Any,
    sigma: float = 0.1,
    rng: RNG = None,
    *,
    boxes: Sequence[Any] | None = None,
    channels: str = "first",
) -> Any:
    r"""Add independent Gaussian noise to every number of images, or of their background.

    Parameters
    ----------
    images : array of float or uint8, shape (B, C, \*spatial) or (B, \*spatial, C)
        The images, not modified. Arrays of other libraries are accepted and returned.
    sigma : float, default 0.1
        Standard deviation for images in 0..1; it is multiplied by 255 for uint8. For normalized
        images, divide it by their scale.
    rng : numpy.random.Generator or int, optional
        Source of randomness, or a seed for one. None draws a seed from the operating system.
    boxes : sequence of B array_like, each (n, 4) or (4,), optional
        Boxes that are kept, as in `replace_at_random`.
    channels : {"first", "last"}, default "first"

    Returns
    -------
    array
        Has the shape, dtype and library of `images`. uint8 is rounded and clipped, floats are not.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described.

    Examples
    --------
    >>> images = np.full((1, 1, 2, 3), 0.5, dtype=np.float32)
    >>> noisy = gaussian_noise(images, 0.1, rng=0, boxes=[[0, 0, 2, 2]])
    >>> (noisy != images)[0, 0].astype(int), noisy.dtype.name
    (array([[0, 0, 1],
           [0, 0, 1]]), 'float32')
    """
    batch, spatial = validate.image_batch(images, _layout(channels))
    sigma = validate.real("sigma", sigma)
    free = _over_channels(background(boxes, len(batch), spatial), channels)
    noise = _generator(rng).normal(size=batch.shape)
    if batch.dtype == np.uint8:
        noisy: Array = np.clip(np.rint(batch + 255 * sigma * noise), 0, 255)
    else:
        noisy = batch + sigma * noise
    return like(images, np.where(free, noisy.astype(batch.dtype), batch))


def background(boxes: Any, n: int, spatial: tuple[int, ...]) -> Array:
    r"""Return which pixels (n, \*spatial) are in none of the boxes of their image."""
    free = np.ones((n, *spatial), dtype=bool)
    if boxes is None:
        return free
    if len(spatial) != 2:
        raise ValueError(f"boxes need images of 2 spatial dimensions, got {spatial}")
    boxes = items(boxes)
    if len(boxes) != n:
        raise ValueError(f"boxes needs one array for each of the {n} images, got {len(boxes)}")
    y, x = (np.arange(s) + 0.5 for s in spatial)
    for i, of_image in enumerate(boxes):
        for x0, y0, x1, y1 in box_array(i, of_image, spatial):
            inside = ((y0 <= y) & (y < y1))[:, None] & ((x0 <= x) & (x < x1))
            free[i] &= ~inside
    return free


def _generator(rng: RNG) -> np.random.Generator:
    seed = rng if rng is None or isinstance(rng, np.random.Generator) else require_seed("rng", rng)
    return np.random.default_rng(seed)


def _layout(channels: str) -> str:
    return validate.choice("channels", channels, ("first", "last"))


def _over_channels(mask: Array, channels: str) -> Array:
    return np.expand_dims(mask, 1 if channels == "first" else -1)


def _others(n: int, rng: np.random.Generator) -> Array:
    """Return for every image the index of another one, evenly drawn."""
    if n < 2:
        raise ValueError(
            "by='image' needs at least two images, to take pixels of one for the other, got one. "
            "Pass more, or by='noise'."
        )
    return (np.arange(n) + rng.integers(1, n, n)) % n


def _noise(batch: Array, channels: str, rng: np.random.Generator) -> Array:
    axis = 1 if channels == "first" else batch.ndim - 1
    others = tuple(a for a in range(batch.ndim) if a != axis)
    low, high = batch.min(axis=others, keepdims=True), batch.max(axis=others, keepdims=True)
    if batch.dtype == np.uint8:
        return rng.integers(
            low, high.astype(np.int64) + 1, size=batch.shape, dtype=np.int64
        ).astype(np.uint8)
    return (low + (high.astype(np.float64) - low) * rng.random(batch.shape)).astype(batch.dtype)
