"""
Scribbles to a segmentation of a photograph
===========================================

Somebody has marked a few strokes of the object and a few of the background. A minimum cut finds the
rest: it weighs how well each pixel fits the colors under the strokes against the length of the
outline, which is cheap where the photograph has an edge.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.mixture import GaussianMixture

from subopt import LabelingEnergy, grid_cut, grid_neighbors, minimize, segment

image = load_sample_image("flower.jpg") / 255.0
height, width = image.shape[:2]

# %%
# The strokes are two masks. Here they are drawn by hand, as rectangles; an editor would give you
# masks of any shape.

flower, ground = np.zeros((2, height, width), dtype=bool)
flower[90:100, 290:430] = flower[150:240, 350:362] = flower[270:278, 300:400] = True
ground[15:25, 40:600] = ground[380:400, 150:600] = ground[100:330, 60:70] = True
ground[150:330, 580:590] = ground[60:72, 400:520] = ground[60:72, 100:240] = True


def draw(axis, picture, title):
    axis.imshow(picture)
    axis.set(title=title, xticks=[], yticks=[])


marked = image.copy()
marked[flower], marked[ground] = (1.0, 0.2, 0.2), (0.2, 0.5, 1.0)
figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
draw(axis, marked, "red: flower, blue: background")

# %%
# In one call
# -----------
#
# `segment` does all that this page explains. It takes the labels of the marked pixels, and 0 where
# nothing is known.

seeds = np.where(flower, 2, np.where(ground, 1, 0))
found = segment(image, seeds)
print(found)

figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
shown = np.where((found.labels == 2)[..., None], image, 0.25 * image + 0.75)
draw(axis, shown, "segment(image, seeds)")

# %%
# The rest of the page builds such a problem step by step, for those who want other costs.
#
# What each pixel costs
# ---------------------
#
# A mixture of five normal distributions describes the colors under the strokes. The cost of a
# label is minus the log-likelihood of the color, at most 20. ``source_capacity`` is the cost of
# *not* being on the source's side, so it holds the costs of the background. An infinite capacity
# ties a marked pixel to its stroke.


def costs(mask):
    mixture = GaussianMixture(5, random_state=0).fit(image[mask])
    return np.minimum(-mixture.score_samples(image.reshape(-1, 3)), 20).reshape(height, width)


not_flower, not_ground = costs(ground), costs(flower)
least = np.minimum(not_flower, not_ground)
source, sink = not_flower - least, not_ground - least
source[flower], sink[ground] = np.inf, np.inf

# %%
# What the outline costs
# ----------------------
#
# Each pixel has eight neighbors. To separate two of them is cheap where their colors differ. There
# is one array of weights per offset, of the shape of the pairs of neighbors.

offsets = grid_neighbors(2, 8)
contrast = []
for down, right in offsets:
    first = image[: height - down, max(0, -right) : width - max(0, right)]
    second = image[down:, max(0, right) : width - max(0, -right)]
    squares = ((first - second) ** 2).sum(axis=-1)
    contrast.append(np.exp(-squares / (2 * squares.mean())) / np.hypot(down, right))


def cut_at(smoothness):
    return grid_cut(source, sink, [smoothness * w for w in contrast], offsets=offsets)


# %%
# The cut
# -------
#
# Without an outline price, every pixel is on its own. A high price removes thin parts.

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, smoothness in zip(axes, (0.0, 3.0, 20.0), strict=True):
    cut = cut_at(smoothness)
    shown = np.where(cut.source_side[..., None], image, 0.25 * image + 0.75)
    draw(axis, shown, f"outline price {smoothness:g}")

# %%
# The answer comes with a proof: ``check`` recomputes the cut and a flow from the capacities. It is
# the distance from the minimum, 0 up to rounding.

cut = cut_at(20.0)
print(cut)
print("gap:", cut.check(source, sink, [20.0 * w for w in contrast], offsets=offsets))

# %%
# A large photograph
# ------------------
#
# The first call compiles the solver, which takes some seconds; later calls do not. At 2000 x 1340
# pixels, a call takes a second or two. ``verbose=True`` says what happens meanwhile.

scale = 2000 / width
rows = (np.arange(int(height * scale)) / scale).astype(int)
columns = (np.arange(2000) / scale).astype(int)
large = np.ix_(rows, columns)
begin = time.perf_counter()
cut = grid_cut(source[large], sink[large], 5.0)
print(cut.source_side.shape, f"{time.perf_counter() - begin:.1f} s")

# %%
# More than two labels
# --------------------
#
# With several kinds of strokes, `LabelingEnergy` takes one cost per pixel and label, labels last.
# ``fixed`` holds the labels that are known, and -1 elsewhere. Here the yellow middle of the flower
# is a label of its own.

middle = np.zeros_like(flower)
middle[190:200, 330:400] = True
petals = flower & ~np.isin(np.arange(height), np.arange(130, 245))[:, None]
masks = (ground, petals, middle)
unary = np.stack([costs(mask) for mask in masks], axis=-1)
unary -= unary.min(axis=-1, keepdims=True)
fixed = np.full((height, width), -1)
for label, mask in enumerate(masks):
    fixed[mask] = label
energy = LabelingEnergy(unary, weights=12.0, fixed=fixed)
labeling = minimize(energy)
print(labeling)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
palette = np.array([[0.75, 0.78, 0.8], [0.85, 0.3, 0.45], [0.98, 0.8, 0.2]])
draw(axes[0], image, "photograph")
draw(axes[1], palette[labeling.labels], "background, petals, middle")
