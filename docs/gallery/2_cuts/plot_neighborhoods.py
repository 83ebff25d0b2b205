"""
What a neighborhood does to a shape
===================================

The price of an outline depends on which neighbors are counted. With 4 neighbors it is the length in
city blocks, and round things become octagons or squares; with more, it comes close to the true
length.
"""

import matplotlib.pyplot as plt
import numpy as np

from subopt import grid_cut, grid_neighbors

size = 160
y, x = np.mgrid[:size, :size] - size / 2 + 0.5
rng = np.random.default_rng(0)
disc = np.hypot(x, y) < 55
noisy = disc + rng.normal(scale=3.0, size=disc.shape)

# %%
# Each offset stands for a line of some direction. Its weight is the angle to the next direction
# divided by twice its length, so that a straight outline costs its length in every direction that
# is an offset (Cauchy and Crofton).

neighborhoods = {
    4: grid_neighbors(2, 4),
    8: grid_neighbors(2, 8),
    16: [*grid_neighbors(2, 8), (1, 2), (2, 1), (1, -2), (2, -1)],
}
figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
axes[0].imshow(noisy, cmap="gray")
axes[0].set_title("a noisy disc")
for axis, (count, offsets) in zip(axes[1:], neighborhoods.items(), strict=True):
    angles = np.arctan2(*np.array(offsets).T) % np.pi
    order = np.argsort(angles)
    gaps = np.empty(len(offsets))
    gaps[order] = np.diff(np.append(angles[order], angles[order[0]] + np.pi))
    before = np.empty(len(offsets))
    before[order] = np.roll(gaps[order], 1)
    weights = 9.0 * (gaps + before) / 4 / np.linalg.norm(offsets, axis=1)
    cut = grid_cut(
        np.maximum(noisy - 0.5, 0), np.maximum(0.5 - noisy, 0), list(weights), offsets=offsets
    )
    axis.imshow(np.where(cut.source_side, 0.9, 0.2), cmap="gray", vmin=0, vmax=1)
    axis.contour(disc, [0.5], colors="tab:red", linewidths=1)
    wrong = 100 * (cut.source_side != disc).mean()
    axis.set_title(f"{count} neighbors, {wrong:.1f} % wrong")
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()
