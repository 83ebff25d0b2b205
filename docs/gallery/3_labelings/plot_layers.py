"""
Layers that cannot be skipped
=============================

In a section through ground, layer 3 lies between the layers 2 and 4. An infinite cost forbids that
labels which are no neighbors touch. With this table the minimum is found exactly.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from subopt import LabelingEnergy, minimize

rng = np.random.default_rng(4)
height, width, n_layers = 80, 180, 5
steps = 25 * ndimage.gaussian_filter1d(rng.normal(size=(n_layers - 1, width)), 12, axis=1)
borders = np.sort(np.linspace(15, 65, n_layers - 1)[:, None] + steps, axis=0)
truth = (np.arange(height)[:, None, None] > borders.T).sum(axis=-1)
brightness = np.array([0.2, 0.7, 0.35, 0.85, 0.5])
noisy = brightness[truth] + rng.normal(scale=0.45, size=truth.shape)

# %%
# The same unary costs with two tables: any change costs 1, or only changes by one are allowed.

unary = (noisy[..., None] - brightness) ** 2 / (2 * 0.45**2)
difference = np.abs(np.arange(n_layers)[:, None] - np.arange(n_layers))
neighbors_only = np.where(difference <= 1, difference, np.inf)
potts = minimize(LabelingEnergy(unary, weights=1.0))
ordered = minimize(LabelingEnergy(unary, weights=1.0, metric=neighbors_only))
print(potts)
print(ordered)

figure, axes = plt.subplots(2, 2, figsize=(10, 4.8), layout="constrained")
axes[0, 0].imshow(noisy, cmap="gray")
axes[0, 0].set_title("measured")
for axis, labels, title in (
    (axes[0, 1], truth, "true layers"),
    (axes[1, 0], potts.labels, "any neighbors"),
    (axes[1, 1], ordered.labels, "no layer is skipped"),
):
    axis.imshow(labels, cmap="viridis")
    wrong = "" if labels is truth else f": {100 * (labels != truth).mean():.1f} % wrong"
    axis.set_title(title + wrong)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()
