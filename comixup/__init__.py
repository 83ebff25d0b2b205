"""Co-Mixup on plain arrays: saliency maps and labels in, a mixed batch out."""

from comixup import saliency
from comixup.mixer import CoMixup, MixedBatch
from comixup.plan import MixPlan
from comixup.saliency import patch_weights

__all__ = ["CoMixup", "MixPlan", "MixedBatch", "patch_weights", "saliency"]
