"""What mixing costs in a training step: solver and gather against two forward/backward passes.

    SUBOPT_DATA=... python benchmarks/training_step.py [--repeats 7] [--device cpu] [--arch resnet8]

A batch of 100 CIFAR images (of the data set, else random), saliency from the clean pass, published
settings. The passes are the clean one and the mixed one; mixing is everything between: pooling, the
copy of patch weights to the host, the plan, the gather, the labels. Both are timed in one step, by
the wall clock and by processor time (for when others use the machine); medians over steps. To
reach: 5 % of the passes on a CPU, 10 ms on a GPU.
"""

import argparse
import os
import pathlib
import sys
import time

import numpy as np
import torch
from torch.nn import functional

from comixup.torch import (
    CoMixup,
    CutMix,
    InputMixup,
    PuzzleMix,
    gradient_norm,
    softmax_binary_cross_entropy,
)

sys.path.append(str(pathlib.Path(__file__).parents[1] / "examples"))
from networks import ARCHITECTURES, network


def batches(n, size=100):
    """Yield n normalized batches of the CIFAR-100 subset, or of noise."""
    rng = np.random.default_rng(0)
    path = pathlib.Path(os.environ.get("SUBOPT_DATA", "")) / "cifar100_subset.npz"
    if os.environ.get("SUBOPT_DATA") and path.is_file():
        data = np.load(path)
        x, y = data["x_train"], data["y_train"]
    else:
        print("SUBOPT_DATA is not set, or has no cifar100_subset.npz: random images")
        x = rng.integers(0, 256, (1000, 3, 32, 32), dtype=np.uint8)
        y = rng.integers(0, 100, 1000)
    for _ in range(n):
        rows = rng.choice(len(x), size, replace=False)
        images = (torch.from_numpy(x[rows]).float() / 255 - 0.5) / 0.25
        yield images, torch.from_numpy(y[rows].astype(np.int64))


def clock(device):
    """Return seconds of the wall clock and of all threads of this process."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return np.array([time.perf_counter(), time.process_time()])


def timed_step(model, optimizer, images, labels, mix):
    """Return seconds of the two passes and of mixing, each by both clocks."""
    device = images.device
    start = clock(device)
    leaf = images.clone().requires_grad_()
    logits = model(leaf)
    (2 * functional.cross_entropy(logits, labels) / logits.shape[1]).backward()
    before = clock(device)
    mixed, rows = mix(images, labels, gradient_norm(leaf.grad))
    after = clock(device)
    softmax_binary_cross_entropy(model(mixed), rows).backward()
    end = clock(device)
    optimizer.step()
    optimizer.zero_grad()
    return (before - start) + (end - after), after - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--arch", choices=tuple(ARCHITECTURES))
    options = parser.parse_args()
    device = torch.device(options.device)
    arch = options.arch or ("preactresnet18" if device.type == "cuda" else "resnet20")
    target = "10 ms" if device.type == "cuda" else "5 %"
    if device.type != "cuda":
        print("no measurement on a GPU: no CUDA device, or another one was asked for")
    torch.manual_seed(0)
    model = network(arch, 100).to(device)
    n_weights = sum(p.numel() for p in model.parameters())
    print(
        f"{arch} ({n_weights / 1e3:.0f} k weights) on {device}, {torch.get_num_threads()} threads"
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    mixers = {
        f"CoMixup, effort {effort}": CoMixup(num_classes=100, effort=effort, seed=0)
        for effort in ("fast", "default")
    }
    for side in (4, 16):
        mixers[f"PuzzleMix, {side}x{side}"] = PuzzleMix(grids=(side,), num_classes=100, seed=0)
    mixers["CutMix"] = CutMix(num_classes=100, seed=0)
    mixers["InputMixup"] = InputMixup(num_classes=100, seed=0)
    times = {name: [] for name in mixers}
    for step, (images, labels) in enumerate(batches(options.repeats + 1)):
        images, labels = images.to(device), labels.to(device)
        for name, mix in mixers.items():  # interleaved: all see the machine in the same moods
            seconds = timed_step(model, optimizer, images, labels, mix)
            if step > 0:  # the first compiles
                times[name].append(seconds)
    print(f"medians of {options.repeats} steps; to reach with CoMixup: {target}")
    for name, rows in times.items():
        (passes, passes_cpu), (mixing, mixing_cpu) = np.median(rows, axis=0)
        print(
            f"  {name:24s} mixing {1e3 * mixing:7.2f} ms, passes {1e3 * passes:7.1f} ms: "
            f"{100 * mixing / passes:5.2f} % ({100 * mixing_cpu / passes_cpu:5.2f} % by processor)"
        )


if __name__ == "__main__":
    main()
