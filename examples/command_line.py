"""What can be said on the command line of train.py, and the mixer that it asks for."""

import argparse
import math

import torch
from networks import ARCHITECTURES

from comixup.cli.dataset import UsageError
from comixup.torch import CoMixup, CutMix, InputMixup, PuzzleMix, RandomChoice


def any_of_them(seed):
    """Return one of the other mixers for each batch, with their published settings."""
    uniform = {"zero_saliency": "uniform"}
    mixers = [InputMixup(), CutMix(), PuzzleMix(**uniform), CoMixup(**uniform)]
    return RandomChoice(mixers, seed=seed)


MIXERS = {  # class, what is always said, our options and its names for them
    "none": (InputMixup, {"prob": 0.0}, {}),
    "input": (InputMixup, {}, {"alpha": "alpha", "prob": "prob"}),
    "cutmix": (CutMix, {}, {"alpha": "alpha", "prob": "prob"}),
    "puzzle": (
        PuzzleMix,
        {"zero_saliency": "uniform"},
        {"alpha": "alpha", "prob": "prob", "threads": "threads"},
    ),
    "comixup": (
        CoMixup,
        {"zero_saliency": "uniform"},
        {
            "grid": "grid",
            "group": "group_size",
            "effort": "effort",
            "solver": "mode",
            "prob": "prob",
            "threads": "threads",
        },
    ),
    "random": (any_of_them, {}, {}),
}
# what may differ when a run is continued; of data, the hash counts and not the path
NOT_SETTINGS = ("data", "out", "device", "threads", "quiet", "tensorboard")


def sizes(text):
    """Read 4 or 4x8."""
    try:
        return [int(part) for part in text.split("x")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"needs 4 or 4x8, got {text!r}") from None


def parser(description):
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(description=description)
    add = result.add_argument
    add("data", help=".npz file, CIFAR folder, folder of images, or torchvision:NAME:ROOT")
    add("out", help="folder of this run; the same command continues it")
    add("--classes", type=int, help="use only the first classes")
    add("--per-class", type=int, help="use only the first training images of each class")
    add("--mixer", choices=tuple(MIXERS), default="comixup")
    add("--effort", choices=("fast", "default", "best"), help="of Co-Mixup's solver")
    add("--solver", choices=("search", "published"), help="of Co-Mixup: ours, or the published")
    add("--grid", type=sizes, help="patches of Co-Mixup along every axis, or along each: 4, 1x16")
    add("--group", type=int, help="images that Co-Mixup mixes with each other (20)")
    add("--alpha", type=float, help="of the Beta distribution of the other mixers (1)")
    add("--prob", type=float, help="probability with which a batch is mixed (1)")
    add("--arch", choices=tuple(ARCHITECTURES), default="preactresnet18")
    add("--epochs", type=int, default=300)
    add("--batch", type=int, default=100)
    add("--loss", choices=("bce", "ce"), default="bce", help="of the mixed images")
    add("--lr", type=float, default=0.2)
    add("--momentum", type=float, default=0.9)
    add("--weight-decay", type=float, default=1e-4)
    add("--schedule", choices=("step", "cosine"), default="step")
    add("--crop", type=sizes, default=[4], help="pixels of random shift: 4, or 0x2 for each axis")
    add("--flip", action=argparse.BooleanOptionalAction, default=True, help="flip at random")
    add("--seed", type=int, default=0)
    add("--eval-every", type=int, default=1, help="epochs between looks at the test error")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, help="threads of the CPU")
    add("--tensorboard", action="store_true", help="log to OUT/tensorboard as well")
    add("--quiet", action="store_true")
    return result


def check(options, command):
    """Refuse what makes no sense, before anything is read or written."""
    known = MIXERS[options.mixer][2]
    for name in ("effort", "solver", "grid", "group", "alpha", "prob"):
        if getattr(options, name) is not None and name not in known:
            command.error(f"--{name} is not for --mixer {options.mixer}")
    for name in ("epochs", "batch", "eval_every", "threads", "classes", "per_class"):
        value = getattr(options, name)
        if value is not None and value < 1:
            command.error(f"--{name.replace('_', '-')} needs an integer >= 1, got {value}")
    for name, fits, needed in (
        ("lr", 0 < options.lr < math.inf, "a finite number > 0"),
        ("momentum", 0 <= options.momentum < 1, "a number >= 0 and < 1"),
        ("weight_decay", 0 <= options.weight_decay < math.inf, "a finite number >= 0"),
        ("seed", 0 <= options.seed < 2**64, "an integer in 0..2**64 - 1"),
    ):
        if not fits:
            got = getattr(options, name)
            command.error(f"--{name.replace('_', '-')} needs {needed}, got {got}")
    if min(options.crop) < 0:
        command.error(f"--crop needs pixels >= 0, got {'x'.join(map(str, options.crop))}")
    if options.solver == "published" and options.effort is not None:
        command.error("--effort is for --solver search: the published rule has a fixed length")


def settings_of(options):
    """Return what determines the result, but for the data."""
    return {name: value for name, value in vars(options).items() if name not in NOT_SETTINGS}


def make_mixer(options, dimensions):
    """Return the mixer; all it draws is keyed by the seed and the number of the step."""
    kind, always, names = MIXERS[options.mixer]
    given = {theirs: getattr(options, ours) for ours, theirs in names.items()}
    given = {name: value for name, value in given.items() if value is not None}
    if "grid" in given:
        given["grid"] = per_axis("--grid", given["grid"], dimensions)
    try:
        return kind(seed=options.seed, **always, **given)
    except ValueError as error:
        raise UsageError(f"--mixer {options.mixer}: {error}") from error


def per_axis(name, values, dimensions):
    """Return a number for every axis."""
    if len(values) not in (1, dimensions):
        raise UsageError(f"{name} needs one number or {dimensions}, got {len(values)}")
    return values * dimensions if len(values) == 1 else values
