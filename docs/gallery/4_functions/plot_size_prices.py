"""
Which elements stay as they become more expensive
=================================================

The minimizers of ``F + α|S|`` are nested: as the price α of an element rises, elements leave one
after the other. `regularization_path` finds all of these sets with one certificate for all of
them.
"""

import matplotlib.pyplot as plt
import numpy as np

from subopt import Coverage, Modular, regularization_path

# %%
# Which projects should be done? Each has a profit, and needs the tools that are near to it. A tool
# is paid once, however many projects use it: the cost of a set of projects is a coverage function.
# α is a price that every project pays in addition.

rng = np.random.default_rng(3)
projects, tools = rng.random((40, 2)), rng.random((300, 2))
near = np.linalg.norm(projects[:, None] - tools, axis=2) < 0.16
F = Coverage(near, weights=np.full(300, 0.1)) - Modular(0.14 * near.sum(axis=1) - 0.4)
path = regularization_path(F)
print(len(path.alphas), "different sets")

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
prices = np.sort(path.alphas)
sizes = [path.at(price).sum() for price in prices]
axes[0].step(prices, sizes, where="pre", color="#08519c")
axes[0].set(xlabel="price α", ylabel="projects that are done")
axes[1].scatter(*tools.T, s=5, color="0.8")
shown = axes[1].scatter(*projects.T, c=path.leaves, s=120, cmap="viridis", edgecolor="black")
axes[1].set(title="the price at which a project is dropped", xticks=[], yticks=[], aspect="equal")
figure.colorbar(shown, ax=axes[1])
plt.show()
