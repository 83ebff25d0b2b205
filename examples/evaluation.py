"""What is reported of a trained network: errors, calibration, robustness, localization."""

import base64

import numpy as np
import torch

from comixup.evaluate import (
    calibration,
    error_rate,
    gaussian_noise,
    localization,
    replace_at_random,
    temperature,
)
from comixup.torch import activation_maps, predict

BATCH = 200
SIGMA = 0.1  # of the range of the images: of 255 for uint8, of what is seen in training else
REPLACED = 0.1  # part of the pixels, where there are no boxes to tell the background


def test_error(model, data, prepare):
    """Return the part of the test images that are misclassified."""
    return _error(model, data.x_test, data.y_test, prepare)


def evaluated(model, data, prepare, seed):
    """Return all that there is to say about the test images, as plain numbers.

    With boxes, corruption spares what is in them: the background is replaced by that of another
    image, or gets noise. Without, a tenth of all pixels is replaced by noise, or all get noise.
    """
    logits, labels = predict(model, _batches(data.x_test, data.y_test, prepare))
    probabilities, scaled = _softmax(logits), _softmax(_scaled(logits, labels))
    calibrated, after = calibration(probabilities, labels), calibration(scaled, labels)
    found = {
        "error": error_rate(logits, labels),
        "ece": calibrated.ece,
        "mce": calibrated.mce,
        "ece_scaled": after.ece,
        "temperature": temperature(logits, labels),
        "cross_entropy": _cross_entropy(probabilities, labels),
        "cross_entropy_scaled": _cross_entropy(scaled, labels),
        "error_training": _error(model, data.x_train, data.y_train, prepare),
    }
    if logits.shape[1] > 5:  # of five classes, the label always is among the five highest
        found["error_top5"] = error_rate(logits, labels, k=5)
    images = {
        "right": packed_bits(logits.argmax(axis=1) == labels),
        "confidence": packed_floats(probabilities.max(axis=1)),
        "confidence_scaled": packed_floats(scaled.max(axis=1)),
    }
    for name, corrupted in _corrupted(data, seed).items():
        scores, _ = predict(model, _batches(corrupted, labels, prepare))
        found[f"error_{name}"] = error_rate(scores, labels)
        images[f"right_{name}"] = packed_bits(scores.argmax(axis=1) == labels)
    if data.boxes_test is not None:
        maps = [
            activation_maps(model, images, of_batch, layer="relu", head="head").cpu().numpy()
            for images, of_batch in _batches(data.x_test, data.y_test, prepare)
        ]
        located = localization(
            np.concatenate(maps), _corners(data.boxes_test), logits.argmax(axis=1) == labels
        )
        images["iou"] = packed_floats(located.ious)
        found["localized"] = located.gt_known
        found["localized_and_classified"] = located.top1
        found["iou"] = located.mean_iou
    found["reliability"] = {"plain": _bins(calibrated), "scaled": _bins(after)}
    found["images"] = images
    return found


def packed_bits(values):
    """Return booleans, one per test image, as text."""
    return base64.b64encode(np.packbits(values).tobytes()).decode()


def packed_floats(values):
    """Return numbers, one per test image, as text, in half precision."""
    return base64.b64encode(np.asarray(values).astype("<f2").tobytes()).decode()


def unpacked_bits(text, n):
    """Return the first n booleans of a text."""
    found = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    return np.unpackbits(found, count=n).astype(bool)


def unpacked_floats(text):
    """Return the numbers of a text."""
    return np.frombuffer(base64.b64decode(text), dtype="<f2").astype(np.float64)


def _scaled(logits, labels):
    """Divide the logits of each half of the test images by the temperature of the other half.

    Halves are even: of every class, the images take turns.
    """
    rank = np.empty(len(labels), dtype=np.int64)
    rank[np.argsort(labels, kind="stable")] = np.arange(len(labels))
    scaled = logits.astype(np.float64)
    for half in (0, 1):
        of_it = rank % 2 == half
        if not of_it.all():  # of a single image there is no other half
            scaled[of_it] /= temperature(logits[~of_it], labels[~of_it])
    return scaled


def _softmax(logits):
    return torch.from_numpy(logits).double().softmax(dim=1).numpy()


def _cross_entropy(probabilities, labels):
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    return float(-np.log(own + 1e-300).mean())


def _bins(calibrated):
    """Return what a reliability diagram shows; empty bins have None."""
    numbers = {"counts": calibrated.counts.tolist()}
    for name in ("accuracy", "confidence"):
        values = getattr(calibrated, name)
        numbers[name] = [None if np.isnan(v) else round(float(v), 6) for v in values]
    return numbers


def _error(model, x, y, prepare):
    return error_rate(*predict(model, _batches(x, y, prepare)))


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
