"""timm: `CoMixup` in the place of `timm.data.Mixup`; all else is timm's."""

import timm
import torch
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2
from torch.utils.data import DataLoader, TensorDataset

from comixup.torch import CoMixup

CLASSES = 3


def load(n):
    """Return noise in which the color of the class is brighter: images (n, 3, 32, 32), labels."""
    labels = torch.arange(n) % CLASSES
    images = torch.rand(n, 3, 32, 32)
    images[torch.arange(n), labels] += 0.3
    return images, labels


def main():
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(*load(240)), batch_size=40, shuffle=True)
    model = timm.create_model("test_resnet", num_classes=CLASSES)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=3e-3)
    mixup_fn = CoMixup(num_classes=CLASSES, seed=0)  # was timm.data.Mixup(num_classes=CLASSES)
    criterion = SoftTargetCrossEntropy()
    for _ in range(5):
        for images, labels in loader:
            images, rows = mixup_fn(images, labels)
            optimizer.zero_grad()
            criterion(model(images), rows).backward()
            optimizer.step()
    images, labels = load(90)
    with torch.no_grad():
        error = (model.eval()(images).argmax(1) != labels).float().mean().item()
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f}, found by {type(model).__name__} of timm")


if __name__ == "__main__":
    main()
