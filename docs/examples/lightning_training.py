"""Lightning: `MixCallback` mixes each training batch; the module stays as it is."""

import logging
import tempfile
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from comixup.torch import CoMixup
from comixup.torch.lightning import MixCallback

CLASSES = 3


class Classifier(LightningModule):
    """A small network with the loss that takes class indices and rows alike."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
        )

    def forward(self, images):
        return self.network(images)

    def training_step(self, batch, batch_idx):
        images, labels = batch  # mixed: labels are rows
        return nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, batch, batch_idx):
        images, labels = batch  # as the loader gives them
        self.log("error", (self(images).argmax(1) != labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)


def load(n):
    """Return noise in which the color of the class is brighter: images (n, 3, 16, 16), labels."""
    labels = torch.arange(n) % CLASSES
    images = torch.rand(n, 3, 16, 16)
    images[torch.arange(n), labels] += 0.3
    return TensorDataset(images, labels)


def main():
    mix = CoMixup(num_classes=CLASSES, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_epochs=10, callbacks=[MixCallback(mix)], accelerator="cpu",
            default_root_dir=folder, logger=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(
            Classifier(),
            DataLoader(load(240), batch_size=40, shuffle=True),
            DataLoader(load(90), batch_size=90),
        )
        error = float(trainer.callback_metrics["error"])
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f}, found by Lightning")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Lightning's advice about workers, for data in memory
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    seed_everything(0, verbose=False)
    main()
