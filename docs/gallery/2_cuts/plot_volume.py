"""
A surface in a noisy volume
===========================

A cut of a three-dimensional grid: 64 x 64 x 64 voxels, of which a knot is filled. The noise is
twice as large as the difference between inside and outside.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial import cKDTree

from subopt import grid_cut

t = np.linspace(0, 2 * np.pi, 400)
knot = np.stack(
    [np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=1
)
points = np.stack(np.meshgrid(*[np.linspace(-3.6, 3.6, 64)] * 3, indexing="ij"), axis=-1)
inside = cKDTree(knot).query(points.reshape(-1, 3))[0].reshape(64, 64, 64) < 0.65
noisy = inside + np.random.default_rng(0).normal(scale=2.0, size=inside.shape)

# %%
# With one number as `weights`, every voxel has six neighbors at that price.

grid_cut(
    noisy[:4, :4, :4] > 0, noisy[:4, :4, :4] <= 0, 1.0
)  # compiles, so that the next one does not
begin = time.perf_counter()
cut = grid_cut(np.maximum(noisy - 0.5, 0), np.maximum(0.5 - noisy, 0), 1.1)
print(f"{time.perf_counter() - begin:.2f} s, {cut.method}")
print(f"{100 * (cut.source_side == inside).mean():.1f} % of the voxels are right")

figure = plt.figure(figsize=(10, 3.6), layout="constrained")
for k, (title, volume) in enumerate((("noisy", noisy > 0.5), ("cut", cut.source_side))):
    axis = figure.add_subplot(1, 3, k + 1)
    axis.imshow(noisy[:, :, 32] if k == 0 else volume[:, :, 32], cmap="gray")
    axis.set(title=f"{title}, middle slice", xticks=[], yticks=[])
axis = figure.add_subplot(1, 3, 3, projection="3d")
shown = cut.source_side[::2, ::2, ::2]
height = np.broadcast_to(np.arange(32) / 31, shown.shape)
axis.voxels(shown, facecolors=plt.get_cmap("viridis")(height))
axis.set(title="the cut, every second voxel")
axis.set_axis_off()
axis.set_box_aspect((1, 1, 0.9), zoom=1.4)
plt.show()
