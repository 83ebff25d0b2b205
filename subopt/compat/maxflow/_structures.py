"""Neighborhoods as arrays: the center of the array is a node, other entries are its neighbors."""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array


def vonNeumann_structure(ndim: int = 2, directed: bool = False) -> Array:
    """Return the structure of the nearest neighbors along the axes.

    Parameters
    ----------
    ndim : int, default 2
        Number of axes.
    directed : bool, default False
        Whether to include only one of two opposite neighbors, for
        ``add_grid_edges(..., symmetric=True)``.

    Returns
    -------
    ndarray of float, shape (3, ..., 3)
        1 for neighbors, 0 elsewhere.

    Examples
    --------
    >>> vonNeumann_structure(2, directed=True)
    array([[0., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    result = np.zeros((3,) * ndim)
    for axis in range(ndim):
        place = [1] * ndim
        for place[axis] in (2,) if directed else (0, 2):
            result[tuple(place)] = 1.0
    return result


def moore_structure(ndim: int = 2, directed: bool = False) -> Array:
    """Return the structure of all nodes of the surrounding cube.

    Parameters
    ----------
    ndim : int, default 2
        Number of axes.
    directed : bool, default False
        Whether to include only one of two opposite neighbors, for
        ``add_grid_edges(..., symmetric=True)``.

    Returns
    -------
    ndarray of float, shape (3, ..., 3)
        1 for neighbors, 0 elsewhere. Undirected structures also have a 1 at the center, which
        `add_grid_edges` skips.

    Examples
    --------
    >>> moore_structure(2, directed=True)
    array([[0., 0., 0.],
           [0., 0., 1.],
           [1., 1., 1.]])
    """
    result = np.ones((3,) * ndim)
    if directed:
        result.reshape(-1)[: result.size // 2 + 1] = 0.0
    return result
