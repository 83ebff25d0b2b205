"""
Swap timm for Co-Mixup in a training script
===========================================

A training script that uses ``timm.data.Mixup`` or ``torchvision.transforms.v2.CutMix`` needs one
other line. A second step takes saliency from the network, as published.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from comixup.torch import CoMixup, CutMix, training_step

torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
images = torch.tensor(digits.images[:, None], dtype=torch.float32) / 16
images = nn.functional.interpolate(images, scale_factor=2, mode="bilinear")  # 16 x 16 pixels
targets = torch.tensor(digits.target)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, test = order[:300], order[300:]


def network():
    torch.manual_seed(1)
    layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


# %%
# The line that changes
# ---------------------
#
# Before::
#
#     mixup_fn = timm.data.Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, num_classes=10)
#
# After:

mixup_fn = CoMixup(num_classes=10, group_size=20, seed=0)

# %%
# Everything else stays. The labels of a mixed batch are rows of weights, which the cross-entropy of
# torch takes as they are. A batch that is not mixed has rows as well.

mixed = mixup_fn(images[train[:20]], targets[train[:20]])
print(mixed.images.shape, mixed.labels.shape)
print("inputs per output:", mixed.plan.n_sources.mean())

figure, axes = plt.subplots(4, 10, figsize=(8, 3.6), layout="constrained")
for row, picture in ((0, images[train[:10]]), (1, mixed.images[:10])):
    for axis, digit in zip(axes[2 * row], picture, strict=True):
        axis.imshow(digit[0], cmap="gray_r")
for axis, label in zip(axes[1], targets[train[:10]], strict=True):
    axis.bar(range(10), np.eye(10)[label], color="#08519c")
for axis, weights in zip(axes[3], mixed.labels[:10], strict=True):
    axis.bar(range(10), weights, color="#08519c")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
for axis in (*axes[1], *axes[3]):
    axis.set_ylim(0, 1)
    axis.set_box_aspect(0.5)
figure.suptitle("ten images and their labels; ten of the mixed batch and theirs")

# %%
# A training loop
# ---------------
#
# The loop of a script that used timm, with nothing else changed:


def loop(mixup_fn, epochs=25):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    errors = []
    for epoch in range(epochs):
        batches = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(epoch))]
        for rows in batches.split(60):
            batch, labels = images[rows], targets[rows]
            if mixup_fn is not None:
                batch, labels = mixup_fn(batch, labels)
            loss = nn.functional.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            wrong = model(images[test]).argmax(dim=1) != targets[test]
        errors.append(100 * wrong.float().mean().item())
    return errors


# %%
# Saliency from the network
# -------------------------
#
# Called as above, saliency comes from the images. As published, it is the gradient of the loss, at
# the price of one more pass per step. `training_step` does that pass, uses its loss as well, mixes,
# and adds the gradients of both passes.


def published(epochs=25):
    model, mixup_fn = network(), CoMixup(num_classes=10, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    errors = []
    for epoch in range(epochs):
        batches = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(epoch))]
        for rows in batches.split(60):
            training_step(model, images[rows], targets[rows], mixup_fn)
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            wrong = model(images[test]).argmax(dim=1) != targets[test]
        errors.append(100 * wrong.float().mean().item())
    return errors


curves = {
    "no mixing": loop(None),
    "CutMix": loop(CutMix(num_classes=10, seed=0)),
    "Co-Mixup, saliency of images": loop(CoMixup(num_classes=10, seed=0)),
    "Co-Mixup, training_step": published(),
}
figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for name, errors in curves.items():
    axis.plot(range(1, len(errors) + 1), errors, label=name)
axis.set(xlabel="epoch", ylabel="test images misclassified (%)", ylim=(0, 25))
axis.legend(frameon=False)
plt.show()

# %%
# A small network on 300 digits of 16 x 16 pixels, one seed: no mixer helps here, and the curves
# only show that the scripts work. :doc:`/results` has tables of real runs.
