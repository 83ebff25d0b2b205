"""The pairs of grid nodes that are neighbors."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array


def neighbours(grid: tuple[int, ...]) -> Array:
    """Return the pairs of patches that are neighbours along an axis: tails and heads, (2, E)."""
    index = np.arange(math.prod(grid)).reshape(grid)
    ends = [
        np.stack([np.delete(index, -1, axis).ravel(), np.delete(index, 0, axis).ravel()])
        for axis in range(len(grid))
    ]
    return np.concatenate(ends, axis=1)
