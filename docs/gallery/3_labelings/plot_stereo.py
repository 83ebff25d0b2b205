"""
Depth from two photographs
==========================

The disparity of a pixel says how far it moves between the left and the right photograph: near
things move more. A labeling energy weighs how well the shifted pixels agree against jumps of the
disparity, and the answer comes with a lower bound.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from subopt import LabelingEnergy, minimize

left, right, truth = (view[:500, :740] for view in data.stereo_motorcycle())
left, right = (view.reshape(125, 4, 185, 4, 3).mean(axis=(1, 3)) / 255 for view in (left, right))
shape = left.shape[:2]
truth = np.where(np.isfinite(truth), truth, 0)[2::4, 2::4] / 4

# %%
# The cost of a label is the difference of the colors, at most 0.3, averaged over 3 x 3 pixels.
# Pixels that are not in the other photograph cost the most.

n_labels = 16
unary = np.full((*shape, n_labels), 0.3)
for d in range(n_labels):
    difference = np.abs(left[:, d:] - right[:, : shape[1] - d]).sum(axis=-1)
    unary[:, d:, d] = np.minimum(difference, 0.3)
padded = np.pad(unary, ((1, 1), (1, 1), (0, 0)), mode="edge")
unary = sum(padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)) / 9

# %%
# A jump by one costs less than a jump by many, up to a limit, and jumps are cheap at edges of the
# photograph.

gray = left.mean(axis=-1)
weights = [0.02 + 0.08 * np.exp(-np.abs(np.diff(gray, axis=k)) / 0.05) for k in (0, 1)]
energy = LabelingEnergy(unary, weights=weights, metric="linear", truncation=3)
labeling = minimize(energy, lower_bound=True)
print(labeling)
print(f"at most {100 * labeling.gap / labeling.value:.2f} % above the minimum")

alone = unary.argmin(axis=-1)
figure, axes = plt.subplots(2, 2, figsize=(9, 6.2), layout="constrained")
axes[0, 0].imshow(left)
axes[0, 0].set_title("left photograph")
for axis, picture, title in (
    (axes[0, 1], truth, "measured"),
    (axes[1, 0], alone, "every pixel alone"),
    (axes[1, 1], labeling.labels, "labeling"),
):
    axis.imshow(picture, cmap="turbo", vmin=0, vmax=n_labels - 1)
    wrong = np.abs(picture - truth)[truth > 0] > 1
    axis.set_title(
        title if picture is truth else f"{title}: {100 * wrong.mean():.0f} % off by more than 1"
    )
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()
