"""The named sets of runs: what is trained on what, with which options, and with how many seeds."""

from typing import NamedTuple

from prepare_data import digits, tiny_imagenet, tiny_imagenet_32

SEEDS, MORE_SEEDS = 3, 5


class Experiment(NamedTuple):
    """What is trained on what: options of all runs, and those of each.

    `data` gets the folder of the data and a folder for what is made of it, and returns what
    train.py gets, or a dict of that by the first part of the names of runs. Runs named in `more`
    have five seeds, the others three. Differences are reported from `reference`. Runs of other
    sets that belong to the table as well are in `borrowed`, with the name of their set.
    """

    data: object
    options: str
    runs: dict[str, str]
    more: tuple[str, ...] = ()
    reference: str | None = None
    borrowed: dict[str, str] = {}  # noqa: RUF012  (never changed)

    def seeds(self, run):
        """Return how many seeds a run has."""
        return MORE_SEEDS if run in self.more else SEEDS


def cifar(data, made):
    """Return the file of the subset of CIFAR-100."""
    return data / "cifar100_subset.npz"


DEFAULT = "Co-Mixup, effort default"
COMIXUP = {
    "Co-Mixup, published update rule": "--mixer comixup --solver published",
    "Co-Mixup, effort fast": "--mixer comixup --effort fast",
    DEFAULT: "--mixer comixup --effort default",
}
BEST = {"Co-Mixup, effort best": "--mixer comixup --effort best"}
BASELINES = {
    "CutMix": "--mixer cutmix",
    "Puzzle Mix": "--mixer puzzle",
    "Input Mixup": "--mixer input",
}
OVERFIT = (
    "--classes 20 --per-class 100 --arch resnet20 --epochs 100 --schedule cosine --batch 100 "
    "--lr 0.1 --amp bfloat16 --eval-every 10"
)

EXPERIMENTS = {
    "overfit": Experiment(
        cifar,
        OVERFIT,
        {
            "vanilla": "--mixer none",
            DEFAULT: COMIXUP[DEFAULT],
            **BASELINES,
            **COMIXUP,
            **BEST,
            "clean loss, no mixing": "--mixer identity",
            "Co-Mixup, saliency of other images": "--mixer other --effort default",
            "Co-Mixup, patches in random order": "--mixer patches --effort default",
            "AdaMixUp": "--mixer ada",
            "Manifold Mixup": "--mixer manifold",
            "vanilla, CPU time of Co-Mixup": "--mixer none --epochs 220",
        },
        ("vanilla", "CutMix", "Puzzle Mix", *COMIXUP, *BEST),
        DEFAULT,
    ),
    "overfit-saliency": Experiment(
        cifar,
        OVERFIT,
        {
            "gradient, no clean loss": f"{COMIXUP[DEFAULT]} --clean-weight 0",
            "Grad-CAM": f"{COMIXUP[DEFAULT]} --saliency cam",
            "Grad-CAM, no clean loss": f"{COMIXUP[DEFAULT]} --saliency cam --clean-weight 0",
            "averaged weights": f"{COMIXUP[DEFAULT]} --saliency ema",
            "cached for 5 epochs": f"{COMIXUP[DEFAULT]} --saliency cached",
            "cached for 5 epochs, no clean loss": (
                f"{COMIXUP[DEFAULT]} --saliency cached --clean-weight 0"
            ),
        },
        reference=DEFAULT,
        borrowed={DEFAULT: "overfit"},
    ),
    "overfit-ablations": Experiment(
        cifar,
        OVERFIT,
        {
            "groups of 2": f"{COMIXUP[DEFAULT]} --group 2",
            "groups of 5": f"{COMIXUP[DEFAULT]} --group 5",
            "grid 2x2": f"{COMIXUP[DEFAULT]} --grid 2",
            "grid 8x8": f"{COMIXUP[DEFAULT]} --grid 8",
            "coupling 0": f"{COMIXUP[DEFAULT]} --coupling 0",
            "levels 1": f"{COMIXUP[DEFAULT]} --levels 1",
        },
        reference=DEFAULT,
        borrowed=dict.fromkeys((*COMIXUP, *BEST), "overfit"),
    ),
    "overfit-tiny-imagenet": Experiment(
        tiny_imagenet_32,
        "--per-class 100 --arch resnet20 --epochs 100 --schedule cosine --batch 100 --lr 0.1 "
        "--amp bfloat16 --eval-every 10",
        {
            "vanilla": "--mixer none",
            DEFAULT: COMIXUP[DEFAULT],
            **BASELINES,
            **COMIXUP,
            "clean loss, no mixing": "--mixer identity",
        },
        reference=DEFAULT,
    ),
    "overfit-digits": Experiment(
        digits,
        "--per-class 6 --arch resnet20 --epochs 100 --schedule cosine --batch 20 --lr 0.1 "
        "--no-flip --amp bfloat16 --eval-every 20",
        {
            **{
                f"2-D, {run}": f"{options} --crop 2x4"
                for run, options in {
                    "vanilla": "--mixer none",
                    DEFAULT: COMIXUP[DEFAULT],
                    **BASELINES,
                    "Manifold Mixup": "--mixer manifold",
                    "AdaMixUp": "--mixer ada",
                    "clean loss, no mixing": "--mixer identity",
                    "Co-Mixup, saliency of other images": "--mixer other --effort default",
                    **COMIXUP,
                    **BEST,
                }.items()
            },
            "1-D, vanilla": "--mixer none",
            "1-D, CutMix": "--mixer cutmix",
            "1-D, Co-Mixup, 16 patches of time": "--mixer comixup --grid 16",
        },
        reference=f"2-D, {DEFAULT}",
    ),
    "cifar": Experiment(
        cifar,
        "--classes 10 --per-class 100 --arch resnet8 --epochs 40 --schedule cosine --batch 40 "
        "--eval-every 10",
        {
            "vanilla": "--mixer none",
            "Input Mixup": "--mixer input",
            "CutMix": "--mixer cutmix",
            "Puzzle Mix": "--mixer puzzle",
            **COMIXUP,
        },
        reference=DEFAULT,
    ),
    "tiny-imagenet": Experiment(
        tiny_imagenet,
        "--per-class 50 --arch resnet8 --epochs 15 --schedule cosine --batch 40 --eval-every 5",
        {
            "vanilla": "--mixer none",
            "CutMix": "--mixer cutmix",
            "Co-Mixup": "--mixer comixup",
        },
        reference="Co-Mixup",
    ),
    "audio": Experiment(
        digits,
        "--per-class 12 --arch resnet8 --epochs 100 --schedule cosine --batch 20 --no-flip "
        "--eval-every 10",
        {
            "2-D, vanilla": "--mixer none --crop 2x4",
            "2-D, CutMix": "--mixer cutmix --crop 2x4",
            "2-D, Co-Mixup, 4x4 patches of frequency x time": "--mixer comixup --crop 2x4",
            "2-D, Co-Mixup, 1x16 patches of time": "--mixer comixup --crop 2x4 --grid 1x16",
            "1-D, vanilla": "--mixer none",
            "1-D, Co-Mixup, 16 patches of time": "--mixer comixup --grid 16",
        },
    ),
}
