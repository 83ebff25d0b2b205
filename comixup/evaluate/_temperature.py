"""Temperature scaling: one number that corrects the confidence of a trained network."""

from __future__ import annotations

from typing import Any

import numpy as np

from comixup._base.types import Array
from comixup.evaluate.scores import checked_scores

LIMIT = 60.0  # of |log T|: where the labels are always, or never, those of the largest logits
STEPS = 100  # halvings of the bracket of log T, until it is as narrow as floats allow


def temperature(logits: Any, labels: Any) -> float:
    """Return the temperature T for which ``softmax(logits / T)`` fits the labels best.

    The mean cross entropy of ``softmax(logits / T)`` is convex in 1 / T, so the root of its
    derivative is found by bisection. Fit it on data that neither trained nor tests the network.
    Time: O(B K) for each of about 60 evaluations.

    Parameters
    ----------
    logits : array of shape (B, K)
        Finite numbers.
    labels : array of int, shape (B,)
        Class indices.

    Returns
    -------
    float
        The temperature, in exp(-60)..exp(60). The lower limit is returned if every label has the
        largest logit, the upper limit if logits contain no information about labels, or point to
        other classes.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described; the message names the index.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
       ICML 2017, section 4.2.

    Examples
    --------
    >>> logits, labels = np.array([[2.0, 0.0]] * 4), [0, 0, 0, 1]   # right three times out of four
    >>> T = temperature(logits, labels)
    >>> p = 1 / (1 + np.exp(-2.0 / T))
    >>> round(float(p), 6)
    0.75
    """
    array, indices = checked_scores("logits", logits, labels)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        raise ValueError(
            f"logits needs finite numbers, but logits[{i}] is not finite ({int((~finite).sum())} "
            "such rows). Leave these rows out: no temperature changes their probabilities."
        )
    rows = array.astype(np.float64)
    rows = rows - rows.max(axis=1, keepdims=True)
    own = np.take_along_axis(rows, indices[:, None], axis=1)[:, 0]
    low, high = -LIMIT, LIMIT
    for _ in range(STEPS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _expected(rows, np.exp(-middle)) > own.mean():  # too cold: T grows
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def _expected(rows: Array, inverse: float) -> float:
    """Return the mean over the batch of the logit that is expected at a temperature."""
    weights = np.exp(inverse * rows)
    return float(np.mean((weights * rows).sum(axis=1) / weights.sum(axis=1)))
