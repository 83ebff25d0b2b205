"""
Segmentation without a model of the object
==========================================

Nothing is known about the object, except that its gray values differ from those of the rest. The
mutual information of "inside" and the gray value is a difference of submodular functions of the set
of pixels. Added to the length of the outline, it is minimized as f - g.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import color, data, transform

from subopt import Cardinality, ConcaveOfModular, Cut, minimize

photo = transform.resize(data.astronaut()[:256, 96:352], (24, 24), anti_aliasing=True)
gray = color.rgb2gray(photo).ravel()
n, n_bins = gray.size, 5
bins = np.searchsorted(np.quantile(gray, np.linspace(0, 1, n_bins + 1)[1:-1]), gray)
sizes = np.bincount(bins, minlength=n_bins)


def entropy(p):
    p, q = np.clip(p, 0, 1), np.clip(1 - p, 0, 1)
    return -p * np.log(np.where(p > 0, p, 1)) - q * np.log(np.where(q > 0, q, 1))


# %%
# ``n I(inside; bin) = n b(|S| / n) - Σ n_k b(|S ∩ bin k| / n_k)``, with the entropy b of a coin.

nodes = np.arange(n).reshape(24, 24)
edges = np.concatenate([
    np.stack([nodes[:, 1:].ravel(), nodes[:, :-1].ravel()], axis=1),
    np.stack([nodes[1:].ravel(), nodes[:-1].ravel()], axis=1),
])  # fmt: skip
similar = np.exp(-np.abs(gray[edges[:, 0]] - gray[edges[:, 1]]) / 0.1)
in_bins = ConcaveOfModular(
    (np.arange(n_bins)[:, None] == bins) / sizes[:, None], entropy, scales=sizes
)
size = Cardinality(n * entropy(np.arange(n + 1) / n), n)

figure, axes = plt.subplots(1, 4, figsize=(10, 2.7), layout="constrained")
axes[0].imshow(photo)
axes[0].set_title("photograph")
for axis, smoothness in zip(axes[1:], (0.5, 0.8, 1.1), strict=True):
    h = smoothness * Cut.from_edges(edges, similar, n=n) + in_bins - size
    result = minimize(h, rng=0, starts=4)
    axis.imshow(np.where(result.mask.reshape(24, 24, 1), photo, 0.25 * photo + 0.75))
    axis.set_title(f"outline {smoothness}: {result.value:.1f}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()
