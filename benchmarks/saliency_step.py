"""What a whole training step costs by mixer and by where saliency comes from, in plain steps.

    SUBOPT_DATA=... python benchmarks/saliency_step.py [--repeats 7] [--amp bfloat16]

Steps of `comixup.torch.training_step` with resnet20 on batches of 100 CIFAR images, on one thread;
a plain step has no mixing. All kinds take turns, so that they see the machine in the same moods;
medians of the processor time, and of its ratio to the plain step of the same turn. Maps that are
cached cost the pass of their `refresh`, here every 5 epochs: a fifth of one for each step.
"""

import argparse
import functools
import time

import numpy as np
import torch
from training_step import batches, network

from comixup.torch import (
    AdaMixUp,
    AveragedSaliency,
    CachedSaliency,
    CoMixup,
    CutMix,
    InputMixup,
    PuzzleMix,
    grad_cam,
    input_saliency,
    training_step,
)

EPOCHS = 5  # between two refreshes


def kinds(model):
    """Return, by name, the mixer, the options of the step, and what follows it."""
    averaged = AveragedSaliency(model)

    def activation(images, labels):
        return grad_cam(model, images, labels, layer="relu")

    def co():
        return CoMixup(zero_saliency="uniform", seed=0, threads=1)

    return {
        "no mixing": (InputMixup(prob=0.0), {}, None),
        "CutMix": (CutMix(seed=0), {}, None),
        "AdaMixUp": (AdaMixUp(head=model.head, seed=0), {}, None),
        "Puzzle Mix": (PuzzleMix(zero_saliency="uniform", seed=0, threads=1), {}, None),
        "Co-Mixup, gradient": (co(), {}, None),
        "Co-Mixup, gradient, no clean loss": (co(), {"clean_weight": 0}, None),
        "Co-Mixup, Grad-CAM": (co(), {"saliency": activation}, None),
        "Co-Mixup, Grad-CAM, no clean loss": (
            co(),
            {"saliency": activation, "clean_weight": 0},
            None,
        ),
        "Co-Mixup, averaged weights": (
            co(),
            {"saliency": averaged},
            functools.partial(averaged.update, model),
        ),
        "Co-Mixup, cached": (co(), {"saliency": "cached"}, None),
        "Co-Mixup, cached, no clean loss": (co(), {"saliency": "cached", "clean_weight": 0}, None),
    }


def timed(model, optimizer, images, labels, kind, amp):
    """Return the processor time of one step, with its part of a refresh."""
    mix, options, follow = kind
    options = dict(options)
    spent = 0.0
    if options.get("saliency") == "cached":

        def source(images, labels):
            precision = torch.autocast("cpu", amp, enabled=amp is not None)
            with precision, input_saliency(model, images, labels) as maps:
                return maps

        cache = CachedSaliency(source)
        begin = time.process_time()
        cache.refresh([(images, labels)])
        spent = (time.process_time() - begin) / EPOCHS
        options["saliency"] = cache(torch.arange(len(images)))
    begin = time.process_time()
    training_step(model, images, labels, mix, amp=amp, **options)
    optimizer.step()
    optimizer.zero_grad()
    if follow is not None:
        follow()
    return spent + time.process_time() - begin


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--amp", choices=("bfloat16",))
    options = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = network("resnet20", 100).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    amp = None if options.amp is None else getattr(torch, options.amp)
    steps = kinds(model)
    times = {name: [] for name in steps}
    for turn, (images, labels) in enumerate(batches(options.repeats + 1)):
        images = images.contiguous(memory_format=torch.channels_last)
        for name, kind in steps.items():
            seconds = timed(model, optimizer, images, labels, kind, amp)
            if turn > 0:  # the first compiles
                times[name].append(seconds)
    plain = np.array(times["no mixing"])
    print(f"resnet20, batches of 100, medians of {options.repeats} steps on one thread")
    for name, seconds in times.items():
        ratio = np.median(np.array(seconds) / plain)
        print(f"  {name:34s} {1e3 * np.median(seconds):7.0f} ms {ratio:6.2f} plain steps")


if __name__ == "__main__":
    main()
