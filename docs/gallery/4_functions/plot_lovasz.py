"""
The Lovász extension
====================

A set function is known at the corners of the cube. The Lovász extension is linear between the
corners that an order of the coordinates passes. It is convex exactly if the function is submodular;
for a difference f - g it is a difference of two convex functions.
"""

import matplotlib.pyplot as plt
import numpy as np

from subopt import Cut, Modular

f = Cut([[0, 2.0], [2.0, 0]]) + Modular([-0.8, 0.4])
g = Cut([[0, 2.6], [2.6, 0]]) + Modular([-0.8, 0.7])
grid = np.linspace(0, 1, 61)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
for axis, function, title in zip(axes, (f, g, f - g), ("f", "g", "f - g"), strict=True):
    surface = np.array([[function.lovasz([x, y]) for x in grid] for y in grid])
    shown = axis.contourf(grid, grid, surface, 14, cmap="viridis")
    axis.contour(grid, grid, surface, 14, colors="white", linewidths=0.5)
    axis.plot([0, 1], [0, 1], color="white", linestyle=":")
    for S, corner in (((), (0, 0)), ((0,), (1, 0)), ((1,), (0, 1)), ((0, 1), (1, 1))):
        axis.annotate(
            f"{function(list(S)):.1f}",
            corner,
            xytext=(9 if corner[0] == 0 else -9, 9 if corner[1] == 0 else -9),
            textcoords="offset points",
            ha="left" if corner[0] == 0 else "right",
            va="bottom" if corner[1] == 0 else "top",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    axis.set(title=title, xticks=[0, 1], yticks=[0, 1], aspect="equal")
    figure.colorbar(shown, ax=axis, shrink=0.8)
plt.show()

# %%
# Below the dotted line the order is (0, 1), above it (1, 0): the extension is linear on each side.
