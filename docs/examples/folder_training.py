"""Train on a folder that `comixup mix` wrote: its images and the soft labels of labels.csv."""

import csv
import pathlib
import tempfile

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from comixup.cli import main as comixup_command

COLORS = ("red", "green", "blue")


class MixedFolder(Dataset):
    """Images of an output folder of `comixup mix`, with one row of class shares each."""

    def __init__(self, folder, transform=None):
        self.folder, self.transform = pathlib.Path(folder), transform
        with open(self.folder / "labels.csv", newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        self.classes = header[2:]  # after the file and its sources
        self.files = [row[0] for row in rows]
        self.labels = torch.tensor([[float(share) for share in row[2:]] for row in rows])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        image = Image.open(self.folder / self.files[i]).convert("RGB")
        if self.transform is not None:
            return self.transform(image), self.labels[i]
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        return pixels.float() / 255, self.labels[i]


def draw(color, rng):
    """Return noise in which one color is brighter, 16 x 16 pixels."""
    pixels = rng.integers(0, 180, (16, 16, 3))
    pixels[..., COLORS.index(color)] += 75
    return Image.fromarray(pixels.astype(np.uint8))


def main():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        source, mixed = pathlib.Path(place, "photos"), pathlib.Path(place, "mixed")
        for color in COLORS:
            (source / color).mkdir(parents=True)
            for i in range(40):
                draw(color, rng).save(source / color / f"{i:02d}.png")
        comixup_command(["mix", str(source), str(mixed)])
        data = MixedFolder(mixed)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(15):
            for images, labels in DataLoader(data, batch_size=40, shuffle=True):
                loss = nn.functional.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
    truth = np.arange(90) % 3
    tests = [draw(data.classes[k], rng) for k in truth]
    pixels = torch.from_numpy(np.stack([np.array(image) for image in tests])).permute(0, 3, 1, 2)
    with torch.no_grad():
        error = float((model(pixels.float() / 255).argmax(1).numpy() != truth).mean())
    if error > 0.2:
        raise SystemExit(f"nothing was learned: error {error:.3f}")
    print(f"error {error:.3f}, found by training on {len(data)} mixed images")


if __name__ == "__main__":
    main()
