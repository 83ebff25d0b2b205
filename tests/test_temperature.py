"""Temperature scaling: the minimum that it claims, on any scale, and its limits."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from comixup.evaluate import temperature


def cross_entropy(logits, labels, T):
    rows = logits / T
    return np.mean(logsumexp(rows, axis=1) - rows[np.arange(len(labels)), labels])


def batch(rng, n=20, classes=5, noise=1.0):
    labels = rng.integers(0, classes, size=n)
    return rng.normal(size=(n, classes)) * noise + np.eye(classes)[labels], labels


@given(rng=numbers())
def test_no_other_temperature_is_better(rng):
    logits, labels = batch(rng)
    T = temperature(logits, labels)
    best = cross_entropy(logits, labels, T)
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2.0):
        assert best <= cross_entropy(logits, labels, factor * T) * (1 + 1e-12)


@given(rng=numbers(), exponent=st.integers(-20, 20), shift=st.floats(-8, 8))
def test_it_scales_with_logits_and_ignores_their_level(rng, exponent, shift):
    logits, labels = batch(rng)
    T = temperature(logits, labels)
    if not 1e-9 < T < 1e9:
        return
    assert temperature(2.0**exponent * logits, labels) == pytest.approx(2.0**exponent * T, rel=1e-6)
    assert temperature(logits + shift, labels) == pytest.approx(T, rel=1e-6)


def test_limits():
    logits, labels = np.eye(4)[[0, 1, 2, 3]] * 3, np.arange(4)
    assert temperature(logits, labels) < 1e-20  # always right: as sure as it can be
    assert temperature(logits, (labels + 1) % 4) > 1e20  # always wrong
    assert np.isfinite(temperature(np.zeros((3, 2)), [0, 1, 0]))
    with pytest.raises(ValueError, match=r"logits\[1\] is not finite"):
        temperature([[0.0, 1.0], [np.inf, 0.0]], [0, 1])
    with pytest.raises(ValueError, match="NaN"):
        temperature([[0.0, np.nan]], [0])
    with pytest.raises(ValueError, match="classes"):
        temperature([[0.0, 1.0]], [2])
