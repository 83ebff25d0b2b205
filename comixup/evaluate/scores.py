"""Error rates and calibration, of scores (B, K) and class indices (B,)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from comixup._base import validate
from comixup._base.types import Array

SLACK = 0.01  # by which rows of probabilities may miss a sum of 1: float16 and 1000 classes do


def error_rate(scores: Any, labels: Any, k: int = 1) -> float:
    """Return the fraction of samples whose label is not among the k highest scores.

    Parameters
    ----------
    scores : array of shape (B, K)
        Logits or probabilities. Infinities are allowed, NaN is not. Of equal scores, that of the
        lower class index ranks higher, as with `numpy.argmax`.
    labels : array of int, shape (B,)
        Class indices.
    k : int, default 1
        Number of highest scores that count.

    Returns
    -------
    float
        The error rate, in 0..1.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described; the message names the index.

    Examples
    --------
    >>> scores = [[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]
    >>> error_rate(scores, [1, 2]), error_rate(scores, [1, 2], k=2)
    (0.5, 0.0)
    """
    array, indices = checked_scores("scores", scores, labels)
    if validate.integer("k", k, 1) > array.shape[1]:
        raise ValueError(f"k needs an integer in 1..{array.shape[1]}, the classes, got {k}")
    own = np.take_along_axis(array, indices[:, None], axis=1)
    lower = np.arange(array.shape[1]) < indices[:, None]
    rank = np.sum((array > own) | ((array == own) & lower), axis=1)
    return float(np.mean(rank >= k))


class Calibration(NamedTuple):
    """Distance of confidence from accuracy, and the data of a reliability diagram; a named tuple.

    Parameters
    ----------
    ece : float
        Expected calibration error: mean of ``|accuracy - confidence|`` over bins, weighted by
        their counts.
    mce : float
        Maximum calibration error: the largest ``|accuracy - confidence|`` of a bin.
    counts : ndarray of int64, shape (bins,)
        Samples in each bin.
    accuracy, confidence : ndarray of float64, shape (bins,)
        Mean of each bin; NaN where it is empty.
    edges : ndarray of float64, shape (bins + 1,)
        Bin i holds ``edges[i] < confidence <= edges[i + 1]``.
    """

    ece: float
    mce: float
    counts: Array
    accuracy: Array
    confidence: Array
    edges: Array

    def __repr__(self) -> str:
        """Show the two errors, and of how many samples."""
        return (
            f"Calibration(ece={self.ece:.6g}, mce={self.mce:.6g}, {self.counts.sum()} samples in "
            f"{len(self.counts)} bins)"
        )


def calibration(
    probabilities: Any, labels: Any, bins: int = 15, *, equal_mass: bool = False
) -> Calibration:
    """Compare confidence with accuracy.

    The confidence of a sample is its largest probability. The sample counts as correct if this is
    the probability of its label. Bins are of equal width: bin i of M holds the samples with
    ``i / M < confidence <= (i + 1) / M``, compared in float64, without any rounding.

    Parameters
    ----------
    probabilities : array of shape (B, K)
        Rows of nonnegative numbers that sum to 1; an error of 0.01 is allowed for low precisions.
    labels : array of int, shape (B,)
        Class indices.
    bins : int, default 15
        Number M of bins; 15 is the published number.
    equal_mass : bool, default False
        Put equally many samples into each bin instead. Equal confidences are kept together, so bins
        may differ in size where there are many, and some may be empty.

    Returns
    -------
    Calibration
        The errors, and the data of a reliability diagram.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described; the message names the index.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
       ICML 2017, section 2.

    Examples
    --------
    >>> rows = [[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.25, 0.75]]
    >>> calibration(rows, [0, 0, 1, 1]).ece, calibration(rows, [0, 1, 1, 1]).ece
    (0.0, 0.25)
    """
    array, indices = checked_scores("probabilities", probabilities, labels)
    _require_probabilities(array)
    bins = validate.integer("bins", bins, 1)
    confidence = array.max(axis=1).astype(np.float64)
    right = (array.argmax(axis=1) == indices).astype(np.float64)
    edges = np.arange(bins + 1) / bins
    edges[-1] = max(1.0, confidence.max())  # rows may sum to a little more than 1
    if equal_mass:
        # observed values, so that a sample lies on an edge and not between two of them
        edges[1:-1] = np.quantile(confidence, edges[1:-1], method="inverted_cdf")
    bin_of = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        accuracy = np.bincount(bin_of, right, bins) / counts
        mean = np.bincount(bin_of, confidence, bins) / counts
    gaps = np.where(counts > 0, np.abs(accuracy - mean), 0.0)
    mce = float(gaps.max())
    ece = min(float(gaps @ counts / len(array)), mce)  # a mean may round to above the largest
    return Calibration(ece, mce, counts, accuracy, mean, edges)


def checked_scores(name: str, scores: Any, labels: Any) -> tuple[Array, Array]:
    """Return checked scores (B, K) and class indices (B,)."""
    needed = "numbers of shape (batch, classes)"
    array = validate.as_array(name, scores, needed)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} needs {needed}, none of them empty, got the shape {array.shape}")
    nan = np.isnan(array).any(axis=1) if array.dtype.kind == "f" else np.zeros(1, dtype=bool)
    if nan.any():
        raise ValueError(
            f"{name} needs numbers, but {name}[{int(np.argmax(nan))}] has a NaN ({int(nan.sum())} "
            "such rows). If the network has diverged, its error rate counts as 1."
        )
    indices = validate.as_array("labels", labels, "class indices of shape (batch,)")
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError(
            f"labels needs class indices of shape (batch,), got dtype {indices.dtype} and shape "
            f"{indices.shape}. Of one-hot rows take labels.argmax(axis=1)."
        )
    validate.same_batch("labels", indices, len(array), f"rows of {name}")
    validate.require_classes(indices, array.shape[1])
    return array, indices.astype(np.int64)


def _require_probabilities(rows: Array) -> None:
    sums = rows.sum(axis=1, dtype=np.float64)
    bad = ~((rows >= 0).all(axis=1) & (np.abs(sums - 1) <= SLACK))
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f"probabilities needs rows >= 0 that sum to 1, but row {i} sums to {sums[i]:g} and its "
            f"smallest number is {rows[i].min():g} ({int(bad.sum())} such rows). Logits go through "
            "a softmax first."
        )
