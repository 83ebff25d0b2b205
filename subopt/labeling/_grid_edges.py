"""Pairs of neighboring nodes on grids."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array


def neighbors(grid: tuple[int, ...]) -> Array:
    """Return the pairs of nodes next to each other along an axis: tails and heads, (2, E)."""
    index = np.arange(math.prod(grid)).reshape(grid)
    views = [np.moveaxis(index, axis, 0) for axis in range(len(grid))]
    ends = [
        [np.moveaxis(view[part], 0, axis).ravel() for axis, view in enumerate(views)]
        for part in (slice(None, -1), slice(1, None))
    ]
    return np.stack([np.concatenate(end) for end in ends])


def pairs_at(
    grid: tuple[int, ...], offset: tuple[int, ...], periodic: tuple[bool, ...]
) -> tuple[Array, Array]:
    """Return the nodes p for which ``p + offset`` exists, and these nodes, in one shape."""
    tails = heads = np.arange(math.prod(grid)).reshape(grid)
    for axis, (step, around) in enumerate(zip(offset, periodic, strict=True)):
        if around:
            heads = np.roll(heads, -step, axis)
            continue
        first, last = max(-step, 0), grid[axis] - max(step, 0)
        here = (slice(None),) * axis
        tails = tails[(*here, slice(first, max(first, last)))]
        heads = heads[(*here, slice(first + step, max(first, last) + step))]
    return tails, heads
