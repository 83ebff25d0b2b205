"""Slow twins of the comixup layer: one pixel at a time, straight from the definitions."""

import itertools
import math

import numpy as np


def patch_of_pixel(pixel, size, patches):
    """The patch k with floor(k S / K) <= pixel < floor((k + 1) S / K)."""
    return next(
        k for k in range(patches) if k * size // patches <= pixel < (k + 1) * size // patches
    )


def patch_index(pixel, spatial, grid):
    return tuple(patch_of_pixel(p, s, g) for p, s, g in zip(pixel, spatial, grid, strict=True))


def pool(maps, grid):
    sums = np.zeros((len(maps), *grid))
    for b in range(len(maps)):
        for pixel in np.ndindex(*maps.shape[1:]):
            sums[(b, *patch_index(pixel, maps.shape[1:], grid))] += float(maps[(b, *pixel)])
    return sums


def apply(sources, array, *, n_spatial, channels="first", blend="mean"):
    """Fill every pixel of every output from its patch's sources; channel axes go along."""
    x = array
    if channels == "last":
        x = np.moveaxis(x, range(1, 1 + n_spatial), range(-n_spatial, 0))
    spatial, grid = x.shape[-n_spatial:], sources.shape[1:-1]
    out = np.empty_like(x)
    for j in range(len(x)):
        for pixel in np.ndindex(*spatial):
            parts = sources[(j, *patch_index(pixel, spatial, grid))]
            values = [x[(i, ..., *pixel)] for i in parts]
            out[(j, ..., *pixel)] = average(values[0], values[-1], x.dtype, blend)
    if channels == "last":
        out = np.moveaxis(out, range(-n_spatial, 0), range(1, 1 + n_spatial))
    return out


def average(a, b, dtype, blend):
    if blend == "first" or np.array_equal(a, b):
        return a
    if dtype.kind == "f":
        return (np.asarray(a, dtype=np.float64) + np.asarray(b, dtype=np.float64)) / 2
    total = np.asarray(a).astype(object) + np.asarray(b).astype(object) + 1
    return np.asarray(total // 2).astype(dtype)  # halves are rounded up


def shares(sources, spatial):
    """Share of the pixels of output j that input i fills, counted pixel by pixel."""
    B, grid, levels = len(sources), sources.shape[1:-1], sources.shape[-1]
    out = np.zeros((B, B))
    for j, pixel in itertools.product(range(B), np.ndindex(*spatial)):
        for i in sources[(j, *patch_index(pixel, spatial, grid))]:
            out[j, i] += 1 / levels
    return out / math.prod(spatial)


def local_contrast(image, sigma):
    """Standard deviation in a Gaussian window, 1-D, mirrored at the border."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    padded = np.pad(image, radius, mode="symmetric")
    out = np.empty(len(image))
    for x in range(len(image)):
        window = padded[x : x + 2 * radius + 1]
        mean = (weights * window).sum()
        out[x] = np.sqrt((weights * (window - mean) ** 2).sum())
    return out
