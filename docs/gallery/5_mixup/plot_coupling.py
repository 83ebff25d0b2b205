"""
What the coupling of the outputs does
=====================================

Co-Mixup fills each patch of each output with a patch of an input. The term that couples outputs
keeps them from taking the same salient inputs over and over.
"""

import matplotlib.pyplot as plt
import numpy as np

from comixup import CoMixup
from comixup.cli.demo import photographs

images, names = photographs()
images = np.ascontiguousarray(images[:, ::2, ::2].transpose(0, 3, 1, 2))

figure, axes = plt.subplots(
    2, 9, figsize=(10, 3.2), layout="constrained", width_ratios=[*[1] * 8, 1.6]
)
for row, coupling in zip(axes, (0.0, 1.0), strict=True):
    mixer = CoMixup(
        num_classes=8, group_size=8, grid=8, coupling=coupling, prior_weight=0.0, seed=3
    )
    mixed = mixer(images, np.arange(8))
    for axis, picture in zip(row[:8], mixed.images, strict=True):
        axis.imshow(picture.transpose(1, 2, 0))
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"coupling {coupling:g}")
    row[8].bar(range(8), mixed.labels.sum(axis=0), color="#08519c")
    row[8].axhline(1, color="black", linewidth=0.8)
    row[8].set(xticks=range(8), ylim=(0, 5), xlabel="input" if coupling else "")
    row[8].set_title("share in all outputs", fontsize=8)
    row[8].tick_params(labelsize=7)
plt.show()
