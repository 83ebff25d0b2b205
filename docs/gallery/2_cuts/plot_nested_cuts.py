"""
All cuts for all thresholds at once
===================================

What is brighter than a threshold, with a smooth outline? As the threshold falls, the region can
only grow. `parametric_max_flow` finds the answers for all thresholds in one call: one number per
pixel, the parameter at which it joins.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data, transform

from subopt import parametric_max_flow

image = transform.resize(data.coins() / 255.0, (76, 96), anti_aliasing=True)
nodes = np.arange(image.size).reshape(image.shape)
tails = np.concatenate([nodes[:-1].ravel(), nodes[:, :-1].ravel()])
heads = np.concatenate([nodes[1:].ravel(), nodes[:, 1:].ravel()])
price = np.full(len(tails), 0.12)

# %%
# The supply of a pixel is its brightness plus t: for t = -0.6 only what is brighter than 0.6 wants
# to be inside.

cuts = parametric_max_flow(
    tails, heads, price, price,
    supply=image.ravel(), slope=np.ones(image.size), interval=(-1.0, 0.0),
)  # fmt: skip
print(len(np.unique(cuts.joins)), "different cuts")

# %%
# The map of -t is the photograph with smooth outlines at every level, which is its denoising by
# total variation. Any threshold of it is a minimum cut.

level = -cuts.joins.reshape(image.shape)
figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
axes[0].imshow(image, cmap="gray", vmin=0, vmax=1)
axes[0].set_title("photograph")
axes[1].imshow(level, cmap="gray", vmin=0, vmax=1)
axes[1].set_title("the threshold at which a pixel joins")
axes[2].imshow(image, cmap="gray", vmin=0, vmax=1)
axes[2].contour(level, np.linspace(0.3, 0.8, 8), cmap="viridis", linewidths=1)
axes[2].set_title("eight of the cuts")
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()
