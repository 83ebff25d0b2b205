"""Gather: fill the patches of every output from its sources, for arrays of any layout.

One kernel serves all layouts. It sees an array as (batch, outer, rows, columns): columns are the
last spatial axis (with the channels, if these come last), rows are all other spatial axes, and
outer are the axes between the batch and the spatial axes.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from comixup._base import validate
from comixup._base.patch_grid import patch_edges, patch_pixels
from comixup._base.types import Array
from subopt.compiling import njit


def gather(
    array: Array,
    sources: Array,
    grid: tuple[int, ...],
    channels: str,
    mean: bool,
    moves: Array | None = None,
) -> Array:
    r"""Fill patches of `array` (B, ...) from its own rows; `sources` is (B, N, levels).

    `moves` (B, N, levels) says from which patch of the source; by default from the same.
    """
    d = len(grid)
    first = channels == "first" or array.ndim == 1 + d
    spatial = array.shape[-d:] if first else array.shape[1 : 1 + d]
    outer = math.prod(array.shape[1:-d]) if first else 1
    rows = math.prod(spatial[:-1])
    work = _workable(array, mean).reshape(len(array), outer, rows, -1)
    column = work.shape[-1] // spatial[-1]  # numbers per column: channels, bytes
    edges = patch_edges(spatial[-1], grid[-1]) * column
    out = np.empty_like(work)
    if moves is None:
        shifts = np.zeros(sources.shape, dtype=np.int64)
    else:
        starts = patch_starts(spatial, grid) * column
        shifts = starts[moves] - starts[:, None]
    first_patch = _first_patch_of_row(spatial, grid)
    _gather(_readonly(work), sources, shifts, first_patch, edges, mean, out)
    if not mean:
        return out.view(array.dtype).reshape(array.shape)
    return out.reshape(array.shape).astype(array.dtype, copy=False)


def _workable(array: Array, mean: bool) -> Array:
    """Return the same numbers in one of the few dtypes for which the kernel gets compiled.

    What is only copied is bytes. Every other conversion is exact, there and back.
    """
    if not mean:
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if array.dtype.kind == "f":
        dtype = np.dtype(np.float64 if array.dtype.itemsize == 8 else np.float32)
    else:
        dtype = np.dtype(np.uint8 if array.dtype == np.uint8 else np.int64)
    return np.ascontiguousarray(array, dtype=dtype)


def _readonly(array: Array) -> Array:
    # Read-only and writable arrays are different types to numba; one of the two is enough.
    view = array.view()
    view.setflags(write=False)
    return view


def _first_patch_of_row(spatial: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Return for every row of pixels the flat index of the first patch that it crosses."""
    patch = np.zeros((1,) * (len(grid) - 1), dtype=np.int64)
    for axis, (s, g) in enumerate(zip(spatial[:-1], grid[:-1], strict=True)):
        of_pixel = np.repeat(np.arange(g), np.diff(patch_edges(s, g))) * math.prod(grid[axis + 1 :])
        patch = patch + of_pixel.reshape((s,) + (1,) * (len(grid) - 2 - axis))
    return np.ascontiguousarray(patch.reshape(-1))


def patch_starts(spatial: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Return the flat index of the first pixel of every patch."""
    corners = np.meshgrid(
        *(patch_edges(s, g)[:-1] for s, g in zip(spatial, grid, strict=True)), indexing="ij"
    )
    return np.ravel_multi_index([c.reshape(-1) for c in corners], spatial)


def patch_of_pixels(spatial: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Return the flat index of the patch that each pixel lies in, of shape `spatial`."""
    patch = np.arange(math.prod(grid)).reshape(grid)
    for axis, (s, g) in enumerate(zip(spatial, grid, strict=True)):
        patch = np.repeat(patch, np.diff(patch_edges(s, g)), axis=axis)
    return patch


def patch_shapes(spatial: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Return which patches are of the same shape: one number for every shape."""
    sizes = [np.diff(patch_edges(s, g)) for s, g in zip(spatial, grid, strict=True)]
    shapes = np.stack([a.reshape(-1) for a in np.meshgrid(*sizes, indexing="ij")], axis=1)
    return np.unique(shapes, axis=0, return_inverse=True)[1].reshape(-1)


def patch_area(grid: tuple[int, ...], spatial: tuple[int, ...]) -> Array:
    """Return the pixel counts of all patches, flat."""
    return patch_pixels(grid, spatial).reshape(-1)


def blend_of(blend: str | None, dtype: np.dtype[Any]) -> str:
    """Return how halves are put together, or say that a choice is needed."""
    if blend is None:
        if dtype.kind == "f" or dtype in (np.uint8, np.uint16):
            return "mean"
        raise TypeError(
            f"blend is needed for dtype {dtype}, which may hold class indices or flags: "
            "blend='first' keeps one of the two inputs of a divided patch, blend='mean' averages."
        )
    if validate.choice("blend", blend, ("mean", "first")) == "mean" and dtype in (bool, np.uint64):
        raise TypeError(
            f"blend='mean' needs floats or integers of up to 63 bits, got dtype {dtype}. Use "
            "blend='first', or convert the array to float32 first."
        )
    return blend


def _mean(a: Any, b: Any) -> Any:
    # This body runs when the JIT is off; compiled code gets the overload below.
    return 0.5 * a + 0.5 * b if isinstance(a, np.floating) else (int(a) + int(b) + 1) >> 1


@overload(_mean, inline="always")
def _compiled_mean(a, b):
    if isinstance(a, numba.types.Float):
        return lambda a, b: 0.5 * a + 0.5 * b
    # Rounds halves up without ever leaving the integer type.
    return lambda a, b: (a >> 1) + (b >> 1) + ((a | b) & 1)


@njit
def _gather(array, sources, shifts, first_patch, edges, mean, out):
    """Fill the outputs of a plan, run by run along rows of pixels.

    array, out : (batch, outer, rows, row length)
        Images, and where outputs are written; `outer` is the axis of channels if that is the first.
    sources : (outputs, patches, levels) int64
        The inputs that fill each patch; only the first and the last are read.
    shifts : (outputs, patches, levels) int64
        What is added to the flat index within a plane, for patches that moved.
    first_patch : (rows,) int64
        The first patch that a row of pixels crosses.
    edges : (patches per row + 1,) int64
        Where each patch begins in a row, and where the last one ends.
    mean : bool
        Whether two sources are averaged; else the first is taken.
    """
    n_outputs, n_outer, n_rows, n_columns = array.shape
    last = sources.shape[2] - 1
    plane = n_rows * n_columns
    # Flat views, and one look at the sources for all of `outer`: runs are only a few pixels long.
    pixels, filled = array.reshape(array.size), out.reshape(array.size)
    for j in range(n_outputs):
        for r in range(n_rows):
            patch = first_patch[r]
            for k in range(edges.shape[0] - 1):
                a = sources[j, patch + k, 0]
                b = sources[j, patch + k, last]
                # patches of one shape differ by a constant in flat index
                at_a = a * n_outer * plane + shifts[j, patch + k, 0]
                at_b = b * n_outer * plane + shifts[j, patch + k, last]
                n = edges[k + 1] - edges[k]
                for c in range(n_outer):
                    run = (c * n_rows + r) * n_columns + edges[k]
                    at = j * n_outer * plane + run
                    of_a = at_a + run
                    target, first = filled[at : at + n], pixels[of_a : of_a + n]
                    if at_a == at_b or not mean:
                        for x in range(n):
                            target[x] = first[x]
                    else:
                        of_b = at_b + run
                        second = pixels[of_b : of_b + n]
                        for x in range(n):
                            target[x] = _mean(first[x], second[x])
