"""
Total variation: the proximal operator of a cut
===============================================

The Lovász extension of the cut of a grid is the total variation of an image. `prox` removes noise
exactly, by nested minimum cuts, and one call of `regularization_path` holds every threshold.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data, transform

from subopt import Cut, prox

image = transform.resize(data.camera()[20:320, 120:420] / 255.0, (72, 72), anti_aliasing=True)
noisy = image + np.random.default_rng(0).normal(scale=0.12, size=image.shape)
nodes = np.arange(image.size).reshape(image.shape)
edges = np.concatenate([
    np.stack([nodes[:-1].ravel(), nodes[1:].ravel()], axis=1),
    np.stack([nodes[:, :-1].ravel(), nodes[:, 1:].ravel()], axis=1),
])  # fmt: skip
variation = Cut.from_edges(edges, n=image.size)

# %%
# prox(F, y) minimizes f(w) + ½ ‖w - y‖². The factor of F is the strength.

figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
axes[0].imshow(noisy, cmap="gray", vmin=0, vmax=1)
axes[0].set_title(f"noisy, error {np.std(noisy - image):.3f}")
for axis, strength in zip(axes[1:], (0.05, 0.1, 0.3), strict=True):
    smooth = prox(strength * variation, noisy.ravel()).reshape(image.shape)
    axis.imshow(smooth, cmap="gray", vmin=0, vmax=1)
    axis.set_title(f"strength {strength}, error {np.std(smooth - image):.3f}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()
