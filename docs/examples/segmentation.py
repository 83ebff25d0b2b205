"""Segmentation by histograms: no model of the object, only that its colors differ from the rest.

Minimizes  smoothness · Cut(S) - n I(inside or outside; color bin).  With the binary entropy b,

    n I = n b(|S| / n) - sum over bins of n_k b(n_k(S) / n_k),

and both terms are submodular functions of S, so this is a difference: f has the cut and the bins, g
the size. The photo is a part of one that comes with scikit-image.
"""

import numpy as np
from skimage import color, data, transform

from subopt import Cardinality, ConcaveOfModular, Cut, minimize

BINS = 5


def binary_entropy(p: np.ndarray) -> np.ndarray:
    """Return the entropy of a coin in nats; 0 at 0 and 1."""
    p = np.clip(p, 0.0, 1.0)
    q = 1 - p
    return -p * np.log(np.where(p > 0, p, 1.0)) - q * np.log(np.where(q > 0, q, 1.0))


def main() -> None:
    photo = transform.resize(data.astronaut()[:256, 96:352], (20, 20), anti_aliasing=True)
    height, width = photo.shape[:2]
    n = height * width
    gray = color.rgb2gray(photo).ravel()
    levels = np.quantile(gray, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(levels, gray)
    sizes = np.bincount(bins, minlength=BINS)

    nodes = np.arange(n).reshape(height, width)
    edges = np.concatenate(
        [
            np.stack([nodes[:, 1:].ravel(), nodes[:, :-1].ravel()], axis=1),
            np.stack([nodes[1:].ravel(), nodes[:-1].ravel()], axis=1),
        ]
    )
    similar = np.exp(-np.abs(gray[edges[:, 0]] - gray[edges[:, 1]]) / 0.1)
    weights = (np.arange(BINS)[:, None] == bins) / sizes[:, None]
    colors = ConcaveOfModular(weights, binary_entropy, scales=sizes)
    size = Cardinality(n * binary_entropy(np.arange(n + 1) / n), n)
    h = 0.8 * Cut.from_edges(edges, similar, n=n) + colors - size

    result = minimize(h, rng=0, starts=8)
    print(f"value {result.value:.4f}, found by {result.method}")
    for row in result.mask.reshape(height, width):
        print("".join("#" if inside else "." for inside in row))
    result.certificate.check(h, result.mask)
    assert result.value < 0  # better than no object at all


if __name__ == "__main__":
    main()
