"""Mixers for PyTorch: tensors of any device and dtype in and out, a training step, saliency.

The mixers are those of `comixup`, with the same options. A plan needs the saliency and the mean
colors of each patch. They are pooled on the device and copied to the host; images stay on their
device.
"""

from comixup.torch.ada_mixup import AdaMixUp
from comixup.torch.ahead import PlanAhead
from comixup.torch.collate import MixCollate
from comixup.torch.evaluate import Predictions, activation_maps, predict
from comixup.torch.gather import apply, apply_labels, apply_values
from comixup.torch.hidden import mixed_at
from comixup.torch.losses import soft_accuracy, soft_cross_entropy, softmax_binary_cross_entropy
from comixup.torch.mixers import CoMixup, CutMix, InputMixup, PuzzleMix, RandomChoice
from comixup.torch.saliency import gradient_norm, input_saliency, undisturbed
from comixup.torch.sources import AveragedSaliency, CachedSaliency, grad_cam
from comixup.torch.step import StepResult, training_step
from comixup.torch.tensor_mixer import TensorMixer

__all__ = [
    "AdaMixUp",
    "AveragedSaliency",
    "CachedSaliency",
    "CoMixup",
    "CutMix",
    "InputMixup",
    "MixCollate",
    "PlanAhead",
    "Predictions",
    "PuzzleMix",
    "RandomChoice",
    "StepResult",
    "TensorMixer",
    "activation_maps",
    "apply",
    "apply_labels",
    "apply_values",
    "grad_cam",
    "gradient_norm",
    "input_saliency",
    "mixed_at",
    "predict",
    "soft_accuracy",
    "soft_cross_entropy",
    "softmax_binary_cross_entropy",
    "training_step",
    "undisturbed",
]
