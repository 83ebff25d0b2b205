"""Co-Mixup on plain arrays: saliency maps and labels in, a mixed batch out."""

from comixup import evaluate, saliency
from comixup.base import MixedBatch
from comixup.boxes import MixedBoxes
from comixup.cutmix import CutMix
from comixup.input_mixup import InputMixup, ManifoldMixup
from comixup.mixer import CoMixup
from comixup.pairs import BlendPlan, BoxPlan
from comixup.plan import MixPlan
from comixup.puzzle_mix import PuzzleMix
from comixup.random_choice import RandomChoice
from comixup.saliency import patch_weights

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
