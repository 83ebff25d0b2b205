"""Evaluation of trained networks: error rates, calibration, robustness, localization.

The functions take arrays of any library. `comixup.torch.predict` and
`comixup.torch.activation_maps` compute these arrays from a network.
"""

from comixup.evaluate._localization import Localization, bounding_box, box_iou, localization
from comixup.evaluate._temperature import temperature
from comixup.evaluate.corruption import gaussian_noise, replace_at_random
from comixup.evaluate.scores import Calibration, calibration, error_rate

__all__ = [
    "Calibration",
    "Localization",
    "bounding_box",
    "box_iou",
    "calibration",
    "error_rate",
    "gaussian_noise",
    "localization",
    "replace_at_random",
    "temperature",
]
