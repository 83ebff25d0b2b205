"""
One sharp photograph from three
===============================

Three photographs of one scene, each sharp somewhere else. The label of a pixel is the photograph
that it is taken from: one that is sharp there, with seams where the photographs agree.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage
from skimage import data, transform

from subopt import LabelingEnergy, minimize

scene = transform.resize(data.coffee() / 255.0, (150, 225), anti_aliasing=True)
depth = np.linspace(0, 1, scene.shape[0])[:, None] + np.zeros(scene.shape[1])
stack = []
for focus in (0.15, 0.5, 0.85):
    layers = [ndimage.gaussian_filter(scene, (s, s, 0)) for s in range(6)]
    strength = np.clip(np.round(10 * np.abs(depth - focus)), 0, 5).astype(int)
    stack.append(np.choose(strength[..., None], layers))
stack = np.array(stack)

# %%
# Sharp is where the second derivatives are large. The cost of a label is how much sharper another
# photograph is.

detail = np.array([ndimage.gaussian_laplace(view.mean(axis=-1), 1.0) for view in stack])
sharp = np.array([ndimage.uniform_filter(np.abs(d), 5) for d in detail])
unary = (sharp.max(axis=0) - sharp).transpose(1, 2, 0)
energy = LabelingEnergy(unary / unary.max(), weights=0.02)
labeling = minimize(energy, lower_bound=True)
print(labeling)

rows, columns = np.indices(labeling.labels.shape)
merged = stack[labeling.labels, rows, columns]
figure, axes = plt.subplots(2, 3, figsize=(10, 4.9), layout="constrained")
for k, view in enumerate(stack):
    axes[0, k].imshow(view)
    axes[0, k].set_title(f"photograph {k}")
axes[1, 0].imshow(labeling.labels, cmap="viridis")
axes[1, 0].set_title("which one is taken where")
axes[1, 1].imshow(merged)
axes[1, 1].set_title("merged")
axes[1, 2].imshow(np.abs(merged - scene).mean(axis=-1), cmap="magma", vmax=0.2)
axes[1, 2].set_title("error")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()
