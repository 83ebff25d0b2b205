"""Error rates and calibration: laws, naive twins, bad input."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup.evaluate import calibration, error_rate, localization, replace_at_random
from subopt.interop import to_numpy


def random_rows(rng, n=20, K=5, digits=2):
    """Probabilities with many ties, and labels."""
    whole = 10 ** int(digits)
    ends = np.sort(rng.integers(0, whole + 1, (n, K - 1)), axis=1)
    return np.diff(ends, prepend=0, append=whole) / whole, rng.integers(0, K, n)


def naive_error(scores, labels, k):
    wrong = 0
    for row, label in zip(scores, labels, strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        wrong += label not in order[:k]
    return wrong / len(scores)


def naive_ece(rows, labels, bins):
    """The definition, sample by sample and bin by bin."""
    total, worst = 0.0, 0.0
    for i in range(bins):
        inside = [
            (max(row), int(np.argmax(row)) == label)
            for row, label in zip(rows, labels, strict=True)
            if i / bins < max(row) <= (i + 1) / bins
        ]
        if inside:
            confidence, right = np.mean(inside, axis=0)
            total += len(inside) * abs(right - confidence)
            worst = max(worst, abs(right - confidence))
    return total / len(rows), worst


@given(rng=numbers(), k=st.integers(1, 5))
def test_the_error_rate_is_its_definition(rng, k):
    rows, labels = random_rows(rng)
    assert error_rate(rows, labels, k) == pytest.approx(naive_error(rows, labels, k))


@given(rng=numbers())
def test_laws_of_error_rates(rng):
    rows, labels = random_rows(rng)
    errors = [error_rate(rows, labels, k) for k in range(1, 6)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0
    assert errors[0] == pytest.approx(np.mean(rows.argmax(axis=1) != labels))
    assert error_rate(np.exp(3 * rows), labels) == errors[0]  # only the order matters
    order = rng.permutation(len(rows))
    assert error_rate(rows[order], labels[order], 2) == errors[1]


def test_integers_and_infinities_are_scores_too():
    assert error_rate([[3, 1], [0, 2]], [0, 0]) == 0.5
    assert error_rate([[-np.inf, 1.0], [-np.inf, 2.0]], np.array([1, 1], dtype=np.uint8)) == 0
    assert error_rate(np.array([[200, 100]], dtype=np.uint8), [0]) == 0


@given(rng=numbers(), bins=st.integers(1, 20))
def test_calibration_is_its_definition(rng, bins):
    rows, labels = random_rows(rng, digits=rng.integers(1, 4))
    result = calibration(rows, labels, bins)
    ece, mce = naive_ece(rows, labels, bins)
    assert result.ece == pytest.approx(ece, abs=1e-12)
    assert result.mce == pytest.approx(mce, abs=1e-12)


@pytest.mark.parametrize("equal_mass", [False, True])
@given(rng=numbers(), bins=st.integers(1, 20))
def test_laws_of_calibration(equal_mass, rng, bins):
    rows, labels = random_rows(rng)
    result = calibration(rows, labels, bins, equal_mass=equal_mass)
    assert 0 <= result.ece <= result.mce <= 1
    assert result.counts.sum() == len(rows)
    assert np.isnan(result.accuracy).tolist() == (result.counts == 0).tolist()
    filled = result.counts > 0
    low, high = result.edges[:-1][filled], result.edges[1:][filled]
    assert (low - 1e-12 <= result.confidence[filled]).all()
    assert (result.confidence[filled] <= high + 1e-12).all()
    # bins together: mean accuracy and mean confidence, of which the difference bounds the ECE
    right = rows.argmax(axis=1) == labels
    weighted = (result.counts[filled] @ result.accuracy[filled]) / len(rows)
    assert weighted == pytest.approx(right.mean())
    assert result.ece >= abs(right.mean() - rows.max(axis=1).mean()) - 1e-12
    # neither the order of samples nor that of classes matters, nor does having everything twice
    order, classes = rng.permutation(len(rows)), rng.permutation(rows.shape[1])
    clear = np.flatnonzero((rows == rows.max(axis=1, keepdims=True)).sum(axis=1) == 1)
    again = calibration(rows[order], labels[order], bins, equal_mass=equal_mass)
    assert again.ece == pytest.approx(result.ece, abs=1e-12)
    doubled = calibration(np.tile(rows, (2, 1)), np.tile(labels, 2), bins, equal_mass=equal_mass)
    assert doubled.ece == pytest.approx(result.ece, abs=1e-12)
    if len(clear):
        one = calibration(rows[clear], labels[clear], bins, equal_mass=equal_mass)
        renamed = np.argsort(classes)[labels[clear]]
        other = calibration(rows[clear][:, classes], renamed, bins, equal_mass=equal_mass)
        assert other.ece == pytest.approx(one.ece, abs=1e-12)


@pytest.mark.parametrize("equal_mass", [False, True])
@pytest.mark.parametrize("bins", [1, 7, 15])
def test_what_is_calibrated_has_no_error(equal_mass, bins):
    """Of 20 samples of confidence c / 20, c are right."""
    rows, labels = [], []
    for c in range(11, 21):
        for i in range(20):
            rows.append([c / 20, 1 - c / 20])
            labels.append(0 if i < c else 1)
    result = calibration(rows, labels, bins, equal_mass=equal_mass)
    assert result.ece == pytest.approx(0, abs=1e-12)
    assert result.mce == pytest.approx(0, abs=1e-12)
    always_sure = calibration(np.eye(2)[np.zeros(200, int)], labels, bins, equal_mass=equal_mass)
    assert always_sure.ece == pytest.approx(1 - np.mean(np.array(labels) == 0))


def test_edges_belong_to_the_bin_below():
    rows = [[0.6, 0.4], [0.8, 0.2], [0.8000001, 0.1999999], [1.0, 0.0]]
    result = calibration(rows, [0, 0, 0, 0], 5)
    assert result.counts.tolist() == [0, 0, 1, 1, 2]
    assert result.edges.tolist() == [0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]


@pytest.mark.parametrize("equal_mass", [False, True])
def test_the_last_edge_holds_rows_that_sum_to_more_than_one(equal_mass):
    rows = [[1.005, 0.0], [0.25, 0.75]]
    assert calibration(rows, [0, 1], 2, equal_mass=equal_mass).edges[-1] == 1.005
    assert calibration(rows[1:], [1], 2, equal_mass=equal_mass).edges[-1] == 1


def test_bins_of_equal_mass():
    rng = np.random.default_rng(0)
    top = rng.permutation(np.linspace(0.5, 0.999, 60))
    result = calibration(np.stack([top, 1 - top], axis=1), np.zeros(60, int), 6, equal_mass=True)
    assert result.counts.tolist() == [10] * 6
    same = calibration([[0.7, 0.3]] * 9, [0] * 9, 3, equal_mass=True)
    assert sorted(same.counts) == [0, 0, 9]
    assert same.ece == pytest.approx(0.3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_low_precisions_are_probabilities(dtype):
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.full(1000, 0.01), 50).astype(dtype)
    labels = rng.integers(0, 1000, 50)
    assert calibration(rows, labels).ece == pytest.approx(
        calibration(rows.astype(np.float64), labels).ece, abs=1e-12
    )
    assert np.isfinite(error_rate(rows, labels, 5))


def torch_tensors():
    torch = pytest.importorskip("torch")
    return lambda a: torch.tensor(a, requires_grad=a.dtype.kind == "f")


def jax_arrays():
    return pytest.importorskip("jax").numpy.asarray


def strict_arrays():
    return pytest.importorskip("array_api_strict").asarray


@pytest.mark.parametrize("library", [torch_tensors, jax_arrays, strict_arrays])
def test_any_array_library(library):
    convert = library()
    rows, labels = random_rows(np.random.default_rng(3))
    rows = rows.astype(np.float32)
    arrays = convert(rows), convert(labels)
    assert error_rate(*arrays) == error_rate(rows, labels)
    assert calibration(*arrays).ece == calibration(rows, labels).ece
    maps = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    boxes = np.array([[0.0, 0, 2, 2]] * 3, dtype=np.float32)
    found = localization(convert(maps), convert(boxes), convert(np.array([True, False, True])))
    assert found.top1 == localization(maps, boxes, [True, False, True]).top1
    images = np.random.default_rng(0).random((3, 2, 4, 5)).astype(np.float32)
    out = replace_at_random(convert(images), boxes=convert(boxes), rng=0)
    assert type(out) is type(convert(images))
    expected = replace_at_random(images, boxes=boxes, rng=0)
    np.testing.assert_array_equal(to_numpy(out), expected)


@pytest.mark.parametrize(
    ("scores", "labels", "k", "error", "words"),
    [
        ([[1.0, np.nan]], [0], 1, ValueError, r"scores\[0\] has a NaN"),
        ([1.0, 2.0], [0], 1, ValueError, r"shape \(2,\)"),
        (np.zeros((0, 3)), [], 1, ValueError, "empty"),
        ([[1.0, 2.0]], [2], 1, ValueError, r"0\.\.1 .*labels\[0\] is 2"),
        ([[1.0, 2.0]], [-1], 1, ValueError, r"labels\[0\] is -1"),
        ([[1.0, 2.0]], [0, 1], 1, ValueError, "one entry for each of the 1 rows"),
        ([[1.0, 2.0]], [[0, 1]], 1, ValueError, "argmax"),
        ([[1.0, 2.0]], [0.0], 1, ValueError, "class indices"),
        ([[1.0, 2.0]], [0], 3, ValueError, r"k needs an integer in 1\.\.2"),
        ([[1.0, 2.0]], [0], 0, ValueError, "k needs"),
        ([[1.0, 2.0]], [0], 1.5, TypeError, "k needs"),
        ([["a", "b"]], [0], 1, TypeError, "scores needs numbers"),
    ],
)
def test_bad_scores(scores, labels, k, error, words):
    with pytest.raises(error, match=words):
        error_rate(scores, labels, k)


@pytest.mark.parametrize(
    ("rows", "bins", "words"),
    [
        ([[0.5, 0.5], [2.0, -1.0]], 15, r"row 1 sums to 1 and its smallest number is -1"),
        ([[3.0, 1.0]], 15, "softmax"),
        ([[0.5, 0.4]], 15, "row 0 sums to 0.9"),
        ([[np.nan, 1.0]], 15, "NaN"),
        ([[0.5, 0.5]], 0, "bins needs an integer"),
    ],
)
def test_bad_probabilities(rows, bins, words):
    with pytest.raises(ValueError, match=words):
        calibration(rows, [0] * len(rows), bins)
