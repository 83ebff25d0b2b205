"""Co-Mixup on plain arrays: saliency maps and labels in, a mixed batch out."""

from comixup import evaluate, saliency
from comixup._base.public import publish
from comixup.mixers.batch import MixedBatch
from comixup.mixers.comixup import CoMixup
from comixup.mixers.cutmix import CutMix
from comixup.mixers.input_mixup import InputMixup
from comixup.mixers.manifold_mixup import ManifoldMixup
from comixup.mixers.puzzle_mix import PuzzleMix
from comixup.mixers.random_choice import RandomChoice
from comixup.plans.boxes import MixedBoxes
from comixup.plans.pairs import BlendPlan, BoxPlan
from comixup.plans.patches import MixPlan
from comixup.saliency import patch_weights
from subopt import __version__ as __version__

__all__ = [
    "BlendPlan",
    "BoxPlan",
    "CoMixup",
    "CutMix",
    "InputMixup",
    "ManifoldMixup",
    "MixPlan",
    "MixedBatch",
    "MixedBoxes",
    "PuzzleMix",
    "RandomChoice",
    "evaluate",
    "patch_weights",
    "saliency",
]

publish(__name__, (value for name, value in vars().copy().items() if name in __all__))
