"""Mixing masks of pairs of images: exact minimization over levels, by one minimum cut per pair.

A mask value z = t / L is written as L binary numbers u_1 >= ... >= u_L with t ones. The energy of
a pair is quadratic in z, sum_i U_i(z_i) + sum_ij q_ij z_i z_j. With q <= 0 each product of binary
numbers is submodular (Ishikawa, "Exact optimization for Markov random fields with convex priors",
PAMI 2003), so that the minimum over all masks is a minimum cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from comixup._base.types import Array
from subopt import max_flow_many


class MaskEnergy(NamedTuple):
    """E(z) = sum_i unary[i, z_i L] + sum_e product[e] z_a z_b, of each of P pairs.

    Attributes
    ----------
    unary : ndarray of float64, shape (P, N, L + 1)
    product : ndarray of float64, shape (P, E)
        Not positive.
    ends : ndarray of intp, shape (2, E)
        Patches a and b of every neighboring pair.
    """

    unary: Array
    product: Array
    ends: Array

    def __call__(self, steps: Array) -> Array:
        """Return the energies (P,) of masks ``steps / L``, steps (P, N) in 0..L."""
        z = steps / (self.unary.shape[2] - 1)
        chosen = np.take_along_axis(self.unary, steps[:, :, None], axis=2)[:, :, 0]
        a, b = self.ends
        return chosen.sum(axis=1) + (self.product * z[:, a] * z[:, b]).sum(axis=1)


def mask_energy(
    own: Array,
    other: Array,
    share: Array,
    ends: Array,
    levels: int,
    *,
    smoothness: float,
    prior: float,
    data: Array | None = None,
) -> MaskEnergy:
    """Return the energy of masks, 1 where the other image shows.

        - sum_i (1 - z_i) own_i + z_i other_i  - prior sum_i log p(z_i)
        + sum_ij smoothness (z_i - z_j)^2 + data terms,      p = Binomial(L, 1 - share) / L

    Parameters
    ----------
    own, other : ndarray of shape (P, N)
        Saliency of the two images.
    share : ndarray of shape (P,)
        Expected part of the own image, in 0..1.
    ends : ndarray of shape (2, E)
        Neighboring patches.
    levels : int
        L >= 1.
    smoothness, prior : float
        Weights of the terms.
    data : ndarray of shape (4, P, E), optional
        Cost of an edge whose patches show (own, own), (own, other), (other, own), (other, other);
        between whole levels it is bilinear. Where it would reward masks that differ by more than
        smoothness asks for the opposite, the product is not submodular, and is replaced by the
        plane closest to it on the four corners.
    """
    z = np.arange(levels + 1) / levels
    unary = -((1 - z) * own[:, :, None] + z * other[:, :, None])
    unary -= prior * _log_binomial(levels, 1 - share)[:, None, :]
    degree = np.bincount(ends.ravel(), minlength=own.shape[1])
    unary += smoothness * degree[:, None] * z**2
    product = np.full((len(own), ends.shape[1]), -2.0 * smoothness)
    if data is not None:
        both_own, second, first, both_other = data
        product = product + both_own - second - first + both_other
        excess = np.maximum(product, 0) / 2
        product = np.minimum(product, 0)
        N = own.shape[1]
        slope = _at(ends[0], first - both_own + excess, N)
        slope += _at(ends[1], second - both_own + excess, N)
        unary += slope[:, :, None] * z
    return MaskEnergy(unary, product, ends)


def minimize_masks(energy: MaskEnergy, threads: int | None = None) -> Array:
    """Return the steps (P, N) in 0..L of the masks of least energy.

    Examples
    --------
    >>> own, other = np.array([[0.7, 0.3, 0.0]]), np.array([[0.0, 0.3, 0.7]])
    >>> line = np.array([[0, 1], [1, 2]])
    >>> options = {"smoothness": 0.1, "prior": 0.01}
    >>> energy = mask_energy(own, other, np.array([0.5]), line, 2, **options)
    >>> minimize_masks(energy)
    array([[0, 1, 2]])
    """
    P, N, L = *energy.unary.shape[:2], energy.unary.shape[2] - 1
    # u_a = 1 if the mask is at least a / L: what the a-th step costs
    cost = np.diff(energy.unary, axis=2)
    a, b = energy.ends
    weight = -energy.product / L**2  # -w u v = -w (u + v) / 2 + w (u (1 - v) + v (1 - u)) / 2
    cost -= (L / 2) * (_at(a, weight, N) + _at(b, weight, N))[:, :, None]
    node = np.arange(N * L).reshape(N, L)
    tails, heads = np.repeat(node[a], L, axis=1).ravel(), np.tile(node[b], L).ravel()
    both_ways = np.repeat(weight / 2, L * L, axis=1)
    chain = np.full((P, N * (L - 1)), np.inf)  # u_{a+1} = 1 needs u_a = 1
    cut = max_flow_many(
        np.append(tails, node[:, 1:]),
        np.append(heads, node[:, :-1]),
        np.concatenate([both_ways, chain], axis=1),
        np.concatenate([both_ways, np.zeros(chain.shape)], axis=1),
        source_capacity=np.maximum(-cost, 0).reshape(P, -1),
        sink_capacity=np.maximum(cost, 0).reshape(P, -1),
        threads=threads,
    )
    return cut.source_sides.reshape(P, N, L).sum(axis=2)


def _at(ends: Array, values: Array, N: int) -> Array:
    """Sum values (P, E) of edges at their ends, to (P, N)."""
    P = len(values)
    cell = np.arange(P)[:, None] * N + ends
    return np.bincount(cell.ravel(), values.ravel(), P * N).reshape(P, N)


def _log_binomial(levels: int, p: Array) -> Array:
    """Return logs (P, levels + 1) of the Binomial(levels, p) probabilities of 0..levels."""
    t = np.arange(levels + 1)
    ways = np.cumprod(np.append(1.0, (levels - t[:-1]) / (t[:-1] + 1)))
    tiny = np.finfo(np.float64).tiny
    yes, no = np.log(np.maximum(p, tiny)), np.log(np.maximum(1 - p, tiny))
    return np.log(ways) + t * yes[:, None] + (levels - t) * no[:, None]
