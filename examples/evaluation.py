"""What is reported of a trained network: errors, calibration, robustness, localization."""

import numpy as np
import torch

from comixup.evaluate import (
    calibration,
    error_rate,
    gaussian_noise,
    localization,
    replace_at_random,
)
from comixup.torch import activation_maps, predict

BATCH = 200
SIGMA = 0.1  # of the range of the images: of 255 for uint8, of what is seen in training else
REPLACED = 0.1  # part of the pixels, where there are no boxes to tell the background


def test_error(model, data, prepare):
    """Return the part of the test images that are misclassified."""
    return error_rate(*predict(model, _batches(data.x_test, data.y_test, prepare)))


def evaluated(model, data, prepare, seed):
    """Return all that there is to say about the test images, as plain numbers.

    With boxes, corruption spares what is in them: the background is replaced by that of another
    image, or gets noise. Without, a tenth of all pixels is replaced by noise, or all get noise.
    """
    logits, labels = predict(model, _batches(data.x_test, data.y_test, prepare))
    probabilities = torch.from_numpy(logits).double().softmax(dim=1).numpy()
    calibrated = calibration(probabilities, labels)
    found = {
        "error": error_rate(logits, labels),
        "ece": calibrated.ece,
        "mce": calibrated.mce,
        "cross_entropy": float(-np.log(_own(probabilities, labels) + 1e-300).mean()),
    }
    if logits.shape[1] > 5:  # of five classes, the label always is among the five highest
        found["error_top5"] = error_rate(logits, labels, k=5)
    for name, images in _corrupted(data, seed).items():
        found[f"error_{name}"] = error_rate(*predict(model, _batches(images, labels, prepare)))
    if data.boxes_test is not None:
        maps = [
            activation_maps(model, images, of_batch, layer="relu", head="head").cpu().numpy()
            for images, of_batch in _batches(data.x_test, data.y_test, prepare)
        ]
        located = localization(
            np.concatenate(maps), _corners(data.boxes_test), logits.argmax(axis=1) == labels
        )
        found["localized"] = located.gt_known
        found["localized_and_classified"] = located.top1
        found["iou"] = located.mean_iou
    return found


def _batches(x, y, prepare):
    for start in range(0, len(x), BATCH):
        rows = slice(start, start + BATCH)
        yield prepare(torch.from_numpy(x[rows])), torch.from_numpy(y[rows])


def _corrupted(data, seed):
    rng, sigma = np.random.default_rng(seed), SIGMA
    if data.x_test.dtype != np.uint8:  # floats may be in 0..1, in 0..255, or in anything
        sigma *= float(data.x_train.max()) - float(data.x_train.min())
    if data.boxes_test is None:
        replaced = replace_at_random(data.x_test, REPLACED, rng, by="noise")
        return {"replaced": replaced, "noise": gaussian_noise(data.x_test, sigma, rng)}
    boxes = _corners(data.boxes_test)
    replaced = replace_at_random(data.x_test, rng=rng, boxes=boxes)
    return {"replaced": replaced, "noise": gaussian_noise(data.x_test, sigma, rng, boxes=boxes)}


def _corners(inclusive):
    return list(np.asarray(inclusive)[:, None] + [0, 0, 1, 1])


def _own(probabilities, labels):
    return np.take_along_axis(probabilities, labels[:, None], axis=1)
