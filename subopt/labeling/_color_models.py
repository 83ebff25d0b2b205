"""Mixtures of Gaussians as color models, fitted to the pixels of a label."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from subopt._base.types import Array

LEAST_SPREAD = 1e-3  # of a Gaussian, as a part of the standard deviation of the image
NOISY = 5  # pixels that spread as noise does, added to those of a Gaussian
FITS = 3  # times that pixels are assigned to Gaussians when a mixture is fitted first
BLOCK = 1 << 14  # pixels whose terms are computed together


class Mixture(NamedTuple):
    """Gaussians and their weights."""

    share: Array  # (K,)
    mean: Array  # (K, channels)
    root: Array  # (K, channels, channels), inverse of the Cholesky factor of the covariance


def fitted(
    part: Array, components: int, noise: float, floor: float, before: Mixture | None = None
) -> Mixture:
    """Fit a mixture to the pixels of a label: by splits at first, then from the one before.

    `noise` is the variance of a channel that noise explains, `floor` the least one of a Gaussian.
    """
    if before is None:
        enough = 1 + len(part) // (10 * (1 + part.shape[1]))  # pixels to fit so many to
        group, times = _split(part, min(components, enough)), FITS
    else:
        group, times = _nearest(before, part), 1
    mixture = _of_groups(part, group, noise, floor)
    for _ in range(times - 1):
        mixture = _of_groups(part, _nearest(mixture, part), noise, floor)
    return mixture


def _split(part: Array, components: int) -> Array:
    """Split pixels at the mean along the axis of largest variance, until there are enough groups.

    M. Orchard, C. Bouman, "Color quantization of images", IEEE Transactions on Signal Processing
    39(12), 1991.
    """
    group = np.zeros(len(part), np.int64)
    for new in range(1, components):
        axes = []
        for g in range(new):
            own = part[group == g]
            size, axis = np.linalg.eigh(np.cov(own.T, bias=True).reshape(2 * own.shape[1:]))
            axes.append((float(size[-1]) * len(own), axis[:, -1]))
        g = max(range(new), key=lambda g: axes[g][0])
        if axes[g][0] <= 0:
            break
        here = np.flatnonzero(group == g)
        along = part[here] @ axes[g][1]
        group[here[along > along.mean()]] = new
    return group


def _of_groups(part: Array, group: Array, noise: float, floor: float) -> Mixture:
    """Return a Gaussian for each group that has pixels; few pixels count as if there was noise."""
    share, mean, root = [], [], []
    for g in np.unique(group):
        own = part[group == g]
        spread = np.cov(own.T, bias=True).reshape(2 * own.shape[1:])
        least = floor + NOISY * noise / (len(own) + NOISY)
        spread = spread * (len(own) / (len(own) + NOISY)) + least * np.eye(len(spread))
        share.append(len(own) / len(part))
        mean.append(own.mean(axis=0))
        root.append(np.linalg.inv(np.linalg.cholesky(spread)))
    return Mixture(np.array(share), np.array(mean), np.array(root))


def _terms(mixture: Mixture, pixels: Array) -> Array:
    """Return -log(share * density) of each Gaussian, (K, n), without the constant."""
    terms = np.empty((len(mixture.share), len(pixels)))
    channels = np.ascontiguousarray(pixels.T)
    for k, (share, mean, root) in enumerate(zip(*mixture, strict=True)):
        away = root @ (channels - mean[:, None])
        scale = math.log(share) + float(np.log(np.diag(root)).sum())
        terms[k] = 0.5 * np.einsum("ck,ck->k", away, away) - scale
    return terms


def _nearest(mixture: Mixture, pixels: Array) -> Array:
    """Return the Gaussian that each pixel most likely belongs to."""
    parts = [np.argmin(_terms(mixture, block), axis=0) for block in _blocks(pixels)]
    return np.concatenate(parts)


def costs_of(mixture: Mixture, pixels: Array) -> Array:
    """Return the negative log-likelihood of every pixel."""
    parts = []
    for block in _blocks(pixels):
        terms = _terms(mixture, block)
        least = terms.min(axis=0)
        parts.append(least - np.log(np.exp(least - terms).sum(axis=0)))
    return np.concatenate(parts)


def _blocks(pixels: Array) -> list[Array]:
    """Return the pixels in blocks whose terms fit the cache."""
    return [pixels[k : k + BLOCK] for k in range(0, max(len(pixels), 1), BLOCK)]
