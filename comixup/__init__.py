"""Co-Mixup on plain arrays: mixes a batch of images from its saliency maps and labels.

Names are loaded on first use, so that importing `comixup` does not load numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from subopt import __version__ as __version__

if TYPE_CHECKING:
    from comixup import evaluate as evaluate
    from comixup import saliency as saliency
    from comixup.mixers.batch import MixedBatch as MixedBatch
    from comixup.mixers.comixup import CoMixup as CoMixup
    from comixup.mixers.cutmix import CutMix as CutMix
    from comixup.mixers.input_mixup import InputMixup as InputMixup
    from comixup.mixers.manifold_mixup import ManifoldMixup as ManifoldMixup
    from comixup.mixers.puzzle_mix import PuzzleMix as PuzzleMix
    from comixup.mixers.random_choice import RandomChoice as RandomChoice
    from comixup.plans.blends import BlendPlan as BlendPlan
    from comixup.plans.boxes import MixedBoxes as MixedBoxes
    from comixup.plans.pasted_boxes import BoxPlan as BoxPlan
    from comixup.plans.patches import MixPlan as MixPlan
    from comixup.plans.points import MixedPoints as MixedPoints
    from comixup.saliency import patch_weights as patch_weights

_MODULES = ("evaluate", "saliency")
_HOME = {
    "BlendPlan": "plans.blends",
    "BoxPlan": "plans.pasted_boxes",
    "CoMixup": "mixers.comixup",
    "CutMix": "mixers.cutmix",
    "InputMixup": "mixers.input_mixup",
    "ManifoldMixup": "mixers.manifold_mixup",
    "MixPlan": "plans.patches",
    "MixedBatch": "mixers.batch",
    "MixedBoxes": "plans.boxes",
    "MixedPoints": "plans.points",
    "PuzzleMix": "mixers.puzzle_mix",
    "RandomChoice": "mixers.random_choice",
    "patch_weights": "saliency",
}
__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value  # the next look-up finds it at once
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
