"""Keras on any of its backends: mixed batches from a data set, then errors and calibration.

With SUBOPT_DATA set, the images are 10 classes of CIFAR-100; else noisy gratings of 4 directions.
"""

import os
import pathlib

import keras
import numpy as np

import comixup
from comixup import evaluate


class Mixed(keras.utils.PyDataset):
    """Batches, shuffled and mixed anew in every epoch."""

    def __init__(self, images, labels, mix, batch_size=50, **options):
        super().__init__(**options)
        self.images, self.labels, self.mix = images, labels, mix
        self.batch_size, self.epoch = batch_size, 0

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, i):
        order = np.random.default_rng(self.epoch).permutation(len(self.images))
        rows = order[self.batch_size * i : self.batch_size * (i + 1)]
        step = self.epoch * len(self) + i
        mixed = self.mix(self.images[rows], self.labels[rows], step=step, epoch=self.epoch)
        return mixed.images, mixed.labels

    def follow(self):
        """Return the callback that counts epochs: data sets also hear of those that Keras tries."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(self, "epoch", epoch)
        )


def load():
    """Return images (n, height, width, channels), labels (n,), those to test on, and classes."""
    if data := os.environ.get("SUBOPT_DATA"):
        cifar = np.load(pathlib.Path(data) / "cifar100_subset.npz")
        parts = []
        for part in ("train", "test"):
            kept = cifar[f"y_{part}"] < 10
            images = cifar[f"x_{part}"][kept].transpose(0, 2, 3, 1) / np.float32(255)
            parts += [images, cifar[f"y_{part}"][kept].astype(np.int64)]
        return *parts, 10
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    y, x = np.mgrid[:16, :16]
    angle = labels[:, None, None] * np.pi / 4
    waves = np.sin(x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, 6, (400, 1, 1)))
    images = 0.5 + 0.4 * waves[..., None] + 0.1 * rng.normal(size=(400, 16, 16, 3))
    images = images.astype(np.float32)
    return images[:300], labels[:300], images[300:], labels[300:], 4


def network(shape, classes):
    """Return a small convolutional network that ends in probabilities."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(16, 3, activation="elu"),  # not relu: all of its units may start dead
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="elu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def main():
    images, labels, test_images, test_labels, classes = load()
    keras.utils.set_random_seed(0)
    model = network(images.shape[1:], classes)
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    mix = comixup.CoMixup(num_classes=classes, channels="last", seed=0)
    data = Mixed(images, labels, mix)
    model.fit(data, epochs=20, callbacks=[data.follow()], verbose=0)
    probabilities = model.predict(test_images, verbose=0)
    error = evaluate.error_rate(probabilities, test_labels)
    ece = evaluate.calibration(probabilities, test_labels).ece
    chance = 1 - 1 / classes
    if error > 0.8 * chance:
        raise SystemExit(f"nothing was learned: error {error:.3f}, by chance {chance:.3f}")
    print(f"error {error:.3f}, ECE {ece:.3f}: found by {keras.backend.backend()}")


if __name__ == "__main__":
    main()
