"""Little runs of examples/train.py: data of three colors, a tiny network, what a run wrote."""

import csv

import numpy as np
import torch
import train
from networks import ARCHITECTURES

ARCHITECTURES["tiny"] = (8, 1, 2)
TIMES = ("seconds", "cpu_seconds", "mixer_seconds", "plain_seconds")
SMALL = ["--arch", "tiny", "--batch", "8", "--epochs", "2", "--crop", "2"]


def images(n, seed=0, side=8, classes=3):
    """Return images (n, 3, side, side) of which a class has a color of its own, and labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 120, (n, 3, side, side), dtype=np.uint8)
    x[np.arange(n), y] += 100
    return x, y


def saved(path, side=8):
    (x, y), (x_test, y_test) = images(20, side=side), images(9, seed=1, side=side)
    np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test, names=["r", "g", "b"])
    return str(path)


def run(data, out, *options, expect=0):
    assert train.main([data, str(out), *SMALL, "--quiet", *options]) == expect


def log(out):
    with open(out / "log.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def checkpoint(out):
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    for row in state["history"]:
        for name in TIMES:
            row.pop(name)
    return state


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}
