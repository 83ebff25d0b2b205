"""
Where to measure: information at a price
========================================

24 possible places for sensors, along six cable lines. Opening a line costs, and so does a sensor.
What sensors tell about the rest of a Gaussian field is a mutual information, which is submodular.
So cost minus information is a difference of submodular functions.
"""

import matplotlib.pyplot as plt
import numpy as np

from subopt import Coverage, GaussianMutualInformation, Modular, minimize

rng = np.random.default_rng(0)
places = rng.random((24, 2))
line = (places[:, 0] * 6).astype(int)


def kernel(a, b):
    return np.exp(-((np.linalg.norm(a[:, None] - b, axis=2) / 0.25) ** 2))


field = kernel(places, places) + 0.1 * np.eye(24)
opened = Coverage(line[:, None] == np.arange(6), weights=np.full(6, 0.4))
h = opened + Modular(np.full(24, 0.25)) - GaussianMutualInformation(field)
result = minimize(h, rng=0)
print(result)

# %%
# The variance of the field that is left, without sensors and with the chosen ones.

axis_points = np.linspace(0, 1, 60)
everywhere = np.stack(np.meshgrid(axis_points, axis_points), axis=-1).reshape(-1, 2)
chosen = places[result.mask]
cross = kernel(everywhere, chosen)
inverse = np.linalg.inv(kernel(chosen, chosen) + 0.1 * np.eye(len(chosen)))
variance = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross)

figure, axis = plt.subplots(figsize=(6, 4.8), layout="constrained")
shown = axis.imshow(
    variance.reshape(60, 60), origin="lower", extent=(0, 1, 0, 1), cmap="magma", vmin=0, vmax=1
)
for x in np.unique(line):
    on = x in line[result.mask]
    axis.axvspan(
        x / 6, (x + 1) / 6, facecolor="none", edgecolor="white", linewidth=1.5 if on else 0.3
    )
axis.scatter(*places[~result.mask].T, facecolor="none", edgecolor="white", s=30, label="possible")
axis.scatter(*chosen.T, color="#41ab5d", edgecolor="white", s=80, label="chosen")
axis.set(
    title=f"{len(result.S)} sensors on {len(set(line[result.mask]))} of six lines",
    xticks=[],
    yticks=[],
)
axis.legend(
    loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, facecolor="#b6458f"
)  # white rings
figure.colorbar(shown, label="variance that is left")
plt.show()
