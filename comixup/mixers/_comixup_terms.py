"""The coupled labeling problem of a group of images, from their patch weights.

`subopt.CoupledLabelingProblem` defines the energy. This module computes the two terms that depend
on data.
"""

from __future__ import annotations

import numpy as np

from comixup._base.types import Array


def unary(weights: Array, prior: Array, prior_weight: float) -> Array:
    r"""Return c[i, k] = - weights[i, k] - (prior_weight / N) log prior[i].

    Parameters
    ----------
    weights : ndarray of shape (m, \*grid)
        Part of the saliency of input i in patch k; sums to 1 per input. N patches.
    prior : ndarray of shape (m,)
        Positive, sums to 1: how readily each input is used, one Dirichlet draw per group. Only the
        ratios matter, since every patch is filled exactly once.
    prior_weight : float
        eta >= 0.

    Examples
    --------
    >>> unary(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1.0, 1.0]), 0.05)
    array([[-0.5, -0.5],
           [-1. , -0. ]])
    """
    N = weights[0].size
    log_prior = np.log(np.maximum(prior, np.finfo(np.float64).tiny))
    return -weights - (prior_weight / N) * log_prior.reshape((-1,) + (1,) * (weights.ndim - 1))


def compatibility(peaks: Array, distance_weight: float) -> Array:
    r"""Return A = (1 - omega) I + omega m D / sum(D).

    D[i, i'] is the L1 distance between the most salient positions of i and i'. Where all positions
    coincide (or m = 1) there is nothing to tell inputs apart by: A = I.

    Parameters
    ----------
    peaks : ndarray of shape (m, dimensions)
        Most salient position of every input, in any unit.
    distance_weight : float
        omega in [0, 1].

    Examples
    --------
    >>> compatibility(np.array([[0.0, 0.0], [1.0, 2.0]]), 0.5)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    m = len(peaks)
    D = np.abs(peaks[:, None] - peaks[None]).sum(axis=-1)
    total = D.sum()
    if total == 0:
        return np.eye(m)
    return (1 - distance_weight) * np.eye(m) + (distance_weight * m / total) * D
