"""accelerate: mix after the loader; the mixer's counter is saved and loaded with the rest."""

import tempfile

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from comixup.torch import CutMix

CLASSES = 3


def load(n):
    """Return noise in which the color of the class is brighter: images (n, 3, 16, 16), labels."""
    labels = torch.arange(n) % CLASSES
    images = torch.rand(n, 3, 16, 16)
    images[torch.arange(n), labels] += 0.3
    return images, labels


def main():
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)  # without cpu=True, on the device that there is
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    loader = DataLoader(TensorDataset(*load(240)), batch_size=40, shuffle=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    mix = CutMix(num_classes=CLASSES, seed=0)
    accelerator.register_for_checkpointing(mix)
    for _ in range(10):
        for images, labels in loader:
            images, rows = mix(images, labels)  # each process draws its own
            loss = nn.functional.cross_entropy(model(images), rows)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
    with tempfile.TemporaryDirectory() as folder:
        accelerator.save_state(folder)
        step, mix.step = mix.step, 0
        accelerator.load_state(folder)
        if mix.step != step:
            raise SystemExit(f"the mixer is at step {mix.step} after loading, not {step}")
    images, labels = load(90)
    with torch.no_grad():
        error = (model.eval()(images).argmax(1) != labels).float().mean().item()
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f} after {step} steps, found by accelerate")


if __name__ == "__main__":
    main()
