"""Paired differences between two sets of runs, with intervals by the bootstrap.

Both sets are of the same seeds and the same test images. A replicate draws seeds with replacement,
and test images with replacement, the same ones for both sets (B. Efron, R. Tibshirani, "An
introduction to the bootstrap", 1993, chapters 8 and 13). With one seed only images are drawn, and
the interval says nothing about other seeds.
"""

from typing import NamedTuple

import numpy as np
from evaluation import unpacked_bits, unpacked_floats

REPLICATES, AT_ONCE = 10_000, 500
LEVEL = 0.95
BINS = 15  # of the expected calibration error, as in comixup.evaluate.calibration


class Interval(NamedTuple):
    """A difference, the interval of the replicates, and the number of seeds."""

    value: float
    low: float
    high: float
    seeds: int


def difference(ours, theirs, measure):
    """Return the difference of two dicts {seed: result}, or None if they share no seed.

    `measure` gets a result and returns numbers (images, parts) of which the value of the run is a
    function: see `error` and `ece`.
    """
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    parts = [[measure(of[seed]) for seed in seeds] for of in (ours, theirs)]
    images = len(parts[0][0])
    rng = np.random.default_rng(0)
    even = np.full((1, images), 1 / images)
    found = []
    for start in range(0, REPLICATES, AT_ONCE):
        n = min(AT_ONCE, REPLICATES - start)
        weights = rng.multinomial(images, even[0], size=n) / images
        by_seed = _values(parts[0], weights) - _values(parts[1], weights)
        drawn = rng.integers(len(seeds), size=(n, len(seeds)))
        found.append(np.take_along_axis(by_seed, drawn, axis=1).mean(axis=1))
    low, high = np.quantile(np.concatenate(found), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = (_values(parts[0], even) - _values(parts[1], even)).mean()
    return Interval(float(value), float(low), float(high), len(seeds))


def _values(parts, weights):
    """Return (replicates, seeds): the sum over parts of the absolute weighted mean."""
    return np.stack([np.abs(weights @ of_seed).sum(axis=1) for of_seed in parts], axis=1)


def error(result):
    """Return one part: whether an image is misclassified."""
    text = result["images"]["right"]
    n = len(unpacked_floats(result["images"]["confidence"]))
    return 1.0 - unpacked_bits(text, n)[:, None]


def ece(result):
    """Return a part per bin: right less confidence, of the images in that bin."""
    confidence = unpacked_floats(result["images"]["confidence"])
    right = unpacked_bits(result["images"]["right"], len(confidence))
    bin_of = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    parts = np.zeros((len(confidence), BINS))
    parts[np.arange(len(confidence)), bin_of] = right - confidence
    return parts
