"""
Few labels, many points: cuts of a neighbor graph
=================================================

Two of 400 points have a label. Each point is joined with its nearest neighbors, and the minimum cut
that separates the two labels follows the gap between the moons.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.neighbors import kneighbors_graph

from subopt import Cut, Modular, minimize, queyranne

points, moon = make_moons(400, noise=0.09, random_state=1)
graph = kneighbors_graph(points, 8, mode="distance")
graph.data = np.exp(-((graph.data / 0.12) ** 2))
graph = graph.maximum(graph.T).tocoo()
upper = graph.row < graph.col
edges, weights = np.stack([graph.row, graph.col], axis=1)[upper], graph.data[upper]

# %%
# The two labels are prices that no cut can pay.

first, second = np.flatnonzero(moon == 0)[3], np.flatnonzero(moon == 1)[8]
prices = np.zeros(len(points))
prices[first], prices[second] = -1e3, 1e3
cut = Cut.from_edges(edges, weights, n=len(points))
result = minimize(cut + Modular(prices))
print(result.method, f"{100 * np.mean(result.mask == (moon == 0)):.1f} % right")

# %%
# Without any label, `queyranne` finds the best cut of all that are neither empty nor everything. It
# separates an outlier: a small cut need not be a good cluster. It takes O(n³) evaluations, so this
# is every fifth point.

few = np.arange(0, 400, 5)
distance = np.linalg.norm(points[few][:, None] - points[few], axis=2)
smallest = queyranne(Cut(np.exp(-((distance / 0.12) ** 2)) * (distance > 0)))

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
axes[0].plot(*points[edges].transpose(2, 1, 0), color="0.85", linewidth=0.6, zorder=0)
axes[0].scatter(*points.T, c=np.where(result.mask, "tab:blue", "tab:orange"), s=14)
axes[0].scatter(*points[[first, second]].T, c="black", marker="*", s=160)
axes[0].set_title("two labels (stars) and a minimum cut")
axes[1].scatter(*points[few].T, c=np.where(smallest.mask, "tab:red", "0.7"), s=24)
axes[1].set_title(
    f"no label: the smallest cut has {min(len(smallest.S), 80 - len(smallest.S))} point(s)"
)
for axis in axes:
    axis.set(xticks=[], yticks=[], aspect="equal")
plt.show()
