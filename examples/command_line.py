"""What can be said on the command line of train.py, and the mixer that it asks for."""

import argparse
import inspect
import math

import torch
from controls import Identity, OtherSaliency, RandomPatches
from networks import ARCHITECTURES
from saliency_kinds import SALIENCY

from comixup.cli.dataset import UsageError
from comixup.torch import (
    AdaMixUp,
    CoMixup,
    CutMix,
    InputMixup,
    PuzzleMix,
    RandomChoice,
    TensorMixer,
)


def any_of_them(seed):
    """Return one of the other mixers for each batch, with their published settings."""
    mixers = [InputMixup(), CutMix(), PuzzleMix(**UNIFORM), CoMixup(**UNIFORM)]
    return RandomChoice(mixers, seed=seed)


def control(kind):
    """Return a class of `controls` for tensors."""
    return lambda **options: TensorMixer(kind(**options))


UNIFORM = {"zero_saliency": "uniform"}
OF_COMIXUP = {
    "grid": "grid",
    "group": "group_size",
    "coupling": "coupling",
    "levels": "levels",
    "effort": "effort",
    "solver": "mode",
    "prob": "prob",
    "threads": "threads",
}
MIXERS = {  # class, what is always said, our options and its names for them
    "none": (InputMixup, {"prob": 0.0}, {}),
    "input": (InputMixup, {}, {"alpha": "alpha", "prob": "prob"}),
    "cutmix": (CutMix, {}, {"alpha": "alpha", "prob": "prob"}),
    "puzzle": (
        PuzzleMix,
        UNIFORM,
        {"alpha": "alpha", "prob": "prob", "threads": "threads"},
    ),
    "comixup": (CoMixup, UNIFORM, OF_COMIXUP),
    "manifold": (InputMixup, {"prob": 0.0}, {}),  # images stay as they are, see train.py
    "ada": (AdaMixUp, {}, {"prob": "prob"}),
    "identity": (control(Identity), {}, {"prob": "prob"}),
    "patches": (control(RandomPatches), UNIFORM, OF_COMIXUP),
    "other": (control(OtherSaliency), UNIFORM, OF_COMIXUP),
    "random": (any_of_them, {}, {}),
}
MORE = {  # options beside those of the mixers' own, and the mixers that they are for
    "alpha": ("manifold",),
    "layers": ("manifold",),
    "saliency": ("puzzle", "comixup", "patches", "other", "random"),
    "refresh": ("puzzle", "comixup", "patches", "other", "random"),
    "clean_weight": ("puzzle", "comixup", "patches", "other", "random", "identity", "ada"),
}
# what may differ when a run is continued; of data, the hash counts and not the path
NOT_SETTINGS = ("data", "layout", "out", "device", "threads", "quiet", "tensorboard")


def sizes(text):
    """Read 4 or 4x8."""
    try:
        return [int(part) for part in text.split("x")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"needs 4 or 4x8, got {text!r}") from None


def names(text):
    """Read input,stage2block1; the network itself, whose input are images, is called input."""
    return text.split(",")


def parser(description):
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(description=description)
    add = result.add_argument
    add("data", help=".npz file, CIFAR folder, folder of images, or torchvision:NAME:ROOT")
    add("out", help="folder of this run; the same command continues it")
    add("--layout", help="order of the axes of arrays, if the shape does not tell it: BHW")
    add("--classes", type=int, help="use only the first classes")
    add("--per-class", type=int, help="use only the first training images of each class")
    add("--mixer", choices=tuple(MIXERS), default="comixup")
    add("--effort", choices=("fast", "default", "best"), help="of Co-Mixup's solver")
    add("--solver", choices=("search", "published"), help="of Co-Mixup: ours, or the published")
    add("--grid", type=sizes, help="patches of Co-Mixup along every axis, or along each: 4, 1x16")
    add("--group", type=int, help="images that Co-Mixup mixes with each other (20)")
    add("--coupling", type=float, help="weight with which Co-Mixup makes outputs differ (1)")
    add("--levels", type=int, help="inputs that may share a patch of Co-Mixup: 1, or 2 (2)")
    add("--alpha", type=float, help="of the Beta distribution of the other mixers (1; manifold: 2)")
    add("--layers", type=names, help="what Manifold Mixup mixes the input of: input,stage2block1")
    add("--saliency", choices=tuple(SALIENCY), help="where saliency comes from (gradient)")
    add("--refresh", type=int, help="epochs for which cached saliency is kept (5)")
    add("--clean-weight", type=float, help="of the clean loss of mixers with saliency (1)")
    add("--prob", type=float, help="probability with which a batch is mixed (1)")
    add("--arch", choices=tuple(ARCHITECTURES), default="preactresnet18")
    add("--epochs", type=int, default=300)
    add("--batch", type=int, default=100)
    add("--loss", choices=("bce", "ce"), default="bce", help="of the mixed images")
    add("--amp", choices=("bfloat16",), help="type of forward passes, under autocast")
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
    known = [*MIXERS[options.mixer][2], *(n for n, m in MORE.items() if options.mixer in m)]
    for name in dict.fromkeys(["alpha", "prob", *OF_COMIXUP, *MORE]):
        if name != "threads" and getattr(options, name) is not None and name not in known:
            said = name.replace("_", "-")
            command.error(f"--{said} is not for --mixer {options.mixer}")
    if options.refresh is not None and options.saliency != "cached":
        command.error("--refresh is for --saliency cached")
    for name in ("epochs", "batch", "eval_every", "threads", "classes", "per_class", "refresh"):
        value = getattr(options, name)
        if value is not None and value < 1:
            command.error(f"--{name.replace('_', '-')} needs an integer >= 1, got {value}")
    for name, fits, needed in (
        ("lr", 0 < options.lr < math.inf, "a finite number > 0"),
        ("clean_weight", 0 <= (options.clean_weight or 0) < math.inf, "a finite number >= 0"),
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


def make_mixer(options, model, channels, dimensions):
    """Return the mixer; all it draws is keyed by the seed and the number of the step."""
    kind, always, names = MIXERS[options.mixer]
    given = {theirs: getattr(options, ours) for ours, theirs in names.items()}
    given = {name: value for name, value in given.items() if value is not None}
    if options.mixer == "ada":
        given |= {"head": model.head, "in_channels": channels, "dimensions": dimensions}
    if "layout" in inspect.signature(kind).parameters:  # load_data.py sees to it
        given["layout"] = "BCHW" if dimensions == 2 else "BCL"
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
