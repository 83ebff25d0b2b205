"""Pairs of neighbors in images."""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array


def get_images_edges_vh(height: int, width: int) -> tuple[Array, Array, Array, Array]:
    """Return the edges between pixels and those below and to the right.

    Parameters
    ----------
    height, width : int
        Size of the image.

    Returns
    -------
    v_from, h_from, v_to, h_to : ndarray of int
        Ends of the vertical and of the horizontal edges.
    """
    node = np.arange(height * width).reshape(height, width)
    return node[:-1].ravel(), node[:, :-1].ravel(), node[1:].ravel(), node[:, 1:].ravel()


def get_images_edges_diag(height: int, width: int) -> tuple[Array, Array, Array, Array]:
    """Return the edges between pixels and those below them to the right and to the left.

    Parameters
    ----------
    height, width : int
        Size of the image.

    Returns
    -------
    dr_from, dl_from, dr_to, dl_to : ndarray of int
        Ends of the edges down to the right, and down to the left.
    """
    node = np.arange(height * width).reshape(height, width)
    top, bottom = node[:-1], node[1:]
    return top[:, :-1].ravel(), top[:, 1:].ravel(), bottom[:, 1:].ravel(), bottom[:, :-1].ravel()
