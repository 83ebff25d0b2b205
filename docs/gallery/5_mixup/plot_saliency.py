"""
Saliency without a network
==========================

Two maps that need no network: the spectral residual, and the contrast with the surroundings. Both
are pooled to the grid of patches on which the solver works.
"""

import matplotlib.pyplot as plt
import numpy as np

from comixup import patch_weights
from comixup.cli.demo import photographs
from comixup.saliency import METHODS

images, names = photographs()
images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))

figure, axes = plt.subplots(5, 8, figsize=(10, 6.6), layout="constrained")
for axis, picture, name in zip(axes[0], images, names, strict=True):
    axis.imshow(picture.transpose(1, 2, 0))
    axis.set_title(name, fontsize=8)
for k, (method, compute) in enumerate(METHODS.items()):
    maps = compute(images)
    pooled = patch_weights(maps, 8)
    for j in range(8):
        axes[1 + 2 * k, j].imshow(maps[j], cmap="magma")
        axes[2 + 2 * k, j].imshow(pooled[j], cmap="magma")
    axes[1 + 2 * k, 0].set_ylabel(method)
    axes[2 + 2 * k, 0].set_ylabel("8 x 8 patches")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()
