"""
One batch, five mixers
======================

The same eight photographs, mixed by all mixers of `comixup`. They are called in the same way, and
each returns the images, the labels and a plan.
"""

import matplotlib.pyplot as plt
import numpy as np

from comixup import CoMixup, CutMix, InputMixup, PuzzleMix
from comixup.cli.demo import photographs

images, names = photographs()
images = np.ascontiguousarray(images[:, ::2, ::2].transpose(0, 3, 1, 2))  # (8, 3, 128, 128)
labels = np.arange(8)

# %%
# Without saliency maps of a network, those that use saliency compute it from the images.

mixers = {
    "as they are": None,
    "InputMixup": InputMixup(num_classes=8, seed=1),
    "CutMix": CutMix(num_classes=8, seed=1),
    "PuzzleMix": PuzzleMix(num_classes=8, seed=1),
    "CoMixup": CoMixup(num_classes=8, group_size=8, grid=8, seed=1),
}
figure, axes = plt.subplots(len(mixers), 8, figsize=(10, 9), layout="constrained")
for row, (name, mixer) in zip(axes, mixers.items(), strict=True):
    mixed, rows = (images, np.eye(8)) if mixer is None else mixer(images, labels)
    for axis, picture, weights in zip(row, mixed, rows, strict=True):
        axis.imshow(picture.transpose(1, 2, 0))
        main = [k for k in np.argsort(-weights)[:3] if weights[k] > 0.05]
        axis.set_xlabel("\n".join(f"{names[k]} {weights[k]:.0%}" for k in main), fontsize=6)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plt.show()

# %%
# The labels of Co-Mixup often have more than two entries; shown are the three largest.
