"""Numbers of all sizes, infinity and ties: what is claimed holds in exact rational arithmetic."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from exact_energy import Exact, arguments
from hypothesis import given
from hypothesis import strategies as st

from subopt import CertificateError, LabelingEnergy, Status, minimize
from subopt.labeling import _alpha_beta_swap, _alpha_expansion, _fusion, _ishikawa, _qpbo

CAN_SOLVE = {
    "ishikawa": _ishikawa.can_solve,
    "qpbo": _qpbo.can_solve,
    "alpha_expansion": _alpha_expansion.can_solve,
    "alpha_beta_swap": _alpha_beta_swap.can_solve,
    "fusion": _fusion.can_solve,
}
METHODS = ("ishikawa", "qpbo", "alpha_expansion", "alpha_beta_swap", "fusion", "icm", "dual_bound")


def require_truth(energy, exact, result, least, minimizers):
    """No claim of an answer is more than exact arithmetic says."""
    x = tuple(result.labels.ravel().tolist())
    own = exact.value(x)
    assert result.value == energy.value(result.labels)
    assert result.value == (math.inf if own is None else float(own))
    if least is None:
        assert own is None
        assert result.status is not Status.OPTIMAL or result.lower_bound == math.inf
        return
    assert result.lower_bound <= float(least)
    if result.status is Status.OPTIMAL:
        assert own is not None
        rounding = min(exact.apart(x, y) for y in minimizers) / 2**44
        assert own - least <= rounding
    if result.certificate is not None:
        gap = result.check(energy)
        assert own is None or Fraction(gap) >= own - least
        for y in minimizers[:1]:
            assert result.certificate.check(energy, np.array(y).reshape(energy.shape)) >= 0.0
        claim = math.nextafter(float(least), math.inf)
        with pytest.raises(CertificateError):
            replace(result.certificate, lower_bound=claim).check(energy, result)


def require_no_better_move(exact, result):
    """No single move of the method lowers the energy, by more than rounding of what changes."""
    x = tuple(result.labels.ravel().tolist())
    own = exact.value(x)
    if own is None or result.status is not Status.LOCAL_MINIMUM:
        return
    for y in exact.moves(x, result.method):
        other = exact.value(y)
        assert other is None or own - other <= exact.apart(x, y) / 2**44


@given(arguments=arguments())
def test_claims_hold_exactly(arguments):
    energy = LabelingEnergy(**arguments)
    exact = Exact(energy)
    least, minimizers = exact.minimum()
    results = [minimize(energy, lower_bound=True)]
    for method in METHODS:
        fits = CAN_SOLVE.get(method)
        if fits is None or fits(energy) is None:
            results.append(minimize(energy, method=method, lower_bound=True))
        else:
            with pytest.raises(ValueError, match="does not fit"):
                minimize(energy, method=method)
    for result in results:
        require_truth(energy, exact, result, least, minimizers)
        require_no_better_move(exact, result)
    # "auto" is no worse than what it could have returned
    auto = results[0]
    if auto.method == "ishikawa" and least is not None:
        x = tuple(auto.labels.ravel().tolist())
        own = exact.value(x)
        assert own is not None
        assert own - least <= min(exact.apart(x, y) for y in minimizers) / 2**40


INF = np.inf
POTTS = 1.0 - np.eye(3)
EXAMPLES = {
    "a jump that costs 1e12": (
        {
            "unary": [[0, 0.1, 9], [0.15, 0, 9]],
            "metric": [[0, 0.4, 1e12], [0.4, 0, 0.4], [1e12, 0.4, 0]],
        },
        0.1,
    ),
    "a jump that is forbidden": (
        {
            "unary": [[0, 0.1, 9], [0.15, 0, 9]],
            "metric": [[0, 0.4, INF], [0.4, 0, 0.4], [INF, 0.4, 0]],
        },
        0.1,
    ),
    "a link of 1e13": (
        {
            "unary": [[0, 0.4, 0.9], [0.4, 0, 0.9], [0.4, 0, 0.9], [0, 0.4, 0.9]],
            "weights": [0.3, 1e13, 0.3],
        },
        0.6,
    ),
    "equal labels that attract": (
        {"unary": np.zeros((2, 3)), "metric": np.diag([5.0, 5.0, -10.0])},
        -10.0,
    ),
    "ties on both sides": (
        {"unary": np.repeat([[[0, 1], [0, 1], [1, 0], [1, 0]]], 2, axis=0), "weights": 3},
        4.0,
    ),
    "a label that is forbidden": ({"unary": [[INF, 1.0], [0.0, 5.0]], "weights": 2.0}, 3.0),
    "an order of labels": (
        {"unary": [[0.0, 3], [2, 0], [4, 0]], "metric": [[0, 0], [INF, 0]], "fixed": [-1, -1, 0]},
        6.0,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name):
    arguments, value = EXAMPLES[name]
    energy = LabelingEnergy(**arguments)
    result = minimize(energy, lower_bound=True)
    assert result.value == value
    assert result.status is Status.OPTIMAL
    assert result.check(energy) <= 1e-15 * max(1.0, value)
    if energy.is_grid:
        last = np.full(energy.shape, energy.n_labels - 1)
        assert minimize(energy, start=last, lower_bound=True).value == value
    if energy.n_labels == 2:
        assert minimize(energy, method="qpbo").value == value


def test_ordinary_differences_far_above_the_smallest_entry_are_not_lost():
    # negative weights exchange signs: one entry then lies 1e15 below the others
    energy = LabelingEnergy(
        unary=[[0.15, 0.2, 0.9], [0.1, 2, 7], [0.2, 0, 0.3], [1e8 + 0.25, 0.9, 0.2]],
        edges=[[3, 2], [2, 0]],
        weights=[-2.5, -2.0],
        metric=[[0.87, 1e15, 0.33], [0.4, 0.46, 0.75], [0.68, 0.55, 0.16]],
    )
    exact = Exact(energy)
    least, minimizers = exact.minimum()
    for method in ("auto", "dual_bound", "fusion", "icm"):
        result = minimize(energy, method=method, lower_bound=True)
        require_truth(energy, exact, result, least, minimizers)


def test_moves_with_label_costs_beside_huge_costs_leave_none_that_helps():
    rng = np.random.default_rng(0)
    tried = 0
    for _ in range(30):
        unary = rng.choice([0.1, 0.3, 0.9, 2.5, 1e15, 1e15 + 1.0], (4, 3))
        weights = rng.choice([0.1, 0.4, 1e13], 3)
        energy = LabelingEnergy(unary, weights=weights, label_costs=rng.choice([0.2, 1.0, 1e8], 3))
        exact = Exact(energy)
        for method in ("alpha_expansion", "alpha_beta_swap"):
            result = minimize(energy, method=method)
            tried += result.status is Status.LOCAL_MINIMUM
            require_no_better_move(exact, result)
    assert tried > 30


def test_a_huge_cost_does_not_make_ordinary_weights_rounding_errors():
    energy = LabelingEnergy(
        unary=[[0.5, 0.5, 1e15, 0.2], [0.6, 0.1, 0, 1e12], [0.1, 0.8, 0.3, 1e15]],
        edges=[[0, 2], [0, 1], [2, 1]],
        weights=[-2.5, 0.1, 2.0],
        metric="linear",
    )
    assert "weights >= 0" in _alpha_expansion.can_solve(energy)


def layers(rng, forbidden):
    apart = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).astype(float)
    unary = rng.random((12, 15, 4))
    return LabelingEnergy(unary, weights=0.2, metric=np.where(apart > 1, forbidden, apart))


@pytest.mark.parametrize("seed", range(3))
def test_a_huge_number_is_as_good_as_infinity(seed):
    labelings = [
        minimize(layers(np.random.default_rng(seed), f)) for f in (INF, 1e6, 1e12, 1e15, 1e30)
    ]
    for result in labelings:
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(labelings[0].value, rel=1e-14)
        np.testing.assert_array_equal(result.labels, labelings[0].labels)


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("change", [1e6, 1e8, 1e12])
def test_a_constant_changes_nothing_but_the_value(n_labels, change):
    rng = np.random.default_rng(0)
    unary = rng.integers(0, 64, (20, 20, n_labels)) / 16
    base = minimize(LabelingEnergy(unary, weights=0.75), lower_bound=True)
    moved = LabelingEnergy(unary + change, weights=0.75)
    result = minimize(moved, lower_bound=True)
    np.testing.assert_array_equal(result.labels, base.labels)
    assert result.status is base.status
    assert Exact(moved).value(result.labels.ravel().tolist()) == Fraction(base.value) + 400 * int(
        change
    )


@pytest.mark.parametrize("method", ["qpbo", "ishikawa"])
def test_one_enormous_weight_hides_nothing(method):
    rng = np.random.default_rng(0)
    unary, down, right = rng.random((12, 12, 2)), np.full((11, 12), 0.3), np.full((12, 11), 0.3)
    down[5, 5] = 1e15
    energy = LabelingEnergy(unary, weights=[down, right])
    result = minimize(energy, method=method)
    assert result.status is Status.OPTIMAL
    assert result.check(energy) < 1e-12
    again = minimize(LabelingEnergy(unary, weights=[np.minimum(down, 1e3), right]), method=method)
    assert result.value == pytest.approx(again.value, abs=1e-12)


@pytest.mark.parametrize("n_labels", [2, 4])
def test_weights_of_all_sizes(n_labels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 8, (16, 16)).repeat(2, 0).repeat(2, 1) / 8
    unary = (image[..., None] - np.linspace(0, 1, n_labels)) ** 2
    weights = [1e-3 / (1e-9 + np.abs(np.diff(image, axis=axis))) for axis in range(2)]
    energy = LabelingEnergy(unary, weights=weights)
    result = minimize(energy, lower_bound=True)
    assert result.check(energy) == pytest.approx(result.gap, abs=1e-9)
    if n_labels == 2:
        assert result.status is Status.OPTIMAL
        assert result.gap < 1e-9


@given(
    unary=st.lists(st.sampled_from([(0, 0), (0, 1), (1, 0), (0, 1e15)]), min_size=2, max_size=4),
    links=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-7.0, 3.0, 1e15])), min_size=1),
    metric=st.sampled_from(["potts", "linear"]),
)
def test_negative_weights_beside_huge_costs_are_not_dropped(unary, links, metric):
    n = len(unary)
    edges = np.array([(v % (n - 1), v % (n - 1) + 1) for v, _ in links]).reshape(-1, 2)
    energy = LabelingEnergy(unary, edges=edges, weights=[w for _, w in links], metric=metric)
    exact = Exact(energy)
    for method in ("alpha_expansion", "alpha_beta_swap"):
        if CAN_SOLVE[method](energy) is None:
            require_no_better_move(exact, minimize(energy, method=method))


def test_a_table_of_single_precision_is_what_it_was_meant_to_be():
    points = np.linspace(0, 1, 12, dtype=np.float32)
    table = np.abs(points[:, None] - points)
    unary = np.random.default_rng(0).random((4, 5, 12))
    result = minimize(LabelingEnergy(unary, metric=table))
    assert result.method == "ishikawa"
    assert result.gap < 1e-5
    expected = minimize(LabelingEnergy(unary, metric=table.astype(float).round(6)))
    assert result.value == pytest.approx(expected.value, abs=1e-4)


def test_signs_and_rounded_zeros_are_folded():
    unary = np.random.default_rng(0).random((9, 9, 3))
    expected = minimize(LabelingEnergy(unary, weights=0.3))
    signs = minimize(LabelingEnergy(unary, weights=-0.3, metric=-POTTS))
    assert signs.value == expected.value
    weights = [np.full((8, 9), 0.3), np.full((9, 8), 0.3)]
    weights[0][3, 4] = -1e-17
    dropped = minimize(LabelingEnergy(unary, weights=weights))
    assert dropped.method == "alpha_expansion"


def test_one_huge_entry_does_not_make_a_metric():
    table = np.array([[0, 0.4, 1e12], [0.4, 0, 0.4], [1e12, 0.4, 0]])
    energy = LabelingEnergy(np.zeros((2, 3)), metric=table)
    assert "it needs a metric" in _alpha_expansion.can_solve(energy)


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_get_the_best_of_what_fits(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(4, 4))
    energy = LabelingEnergy(rng.normal(size=(8, 8, 4)), metric=table + table.T)
    result = minimize(energy)
    for method in ("fusion", "icm", "dual_bound"):
        assert result.value <= minimize(energy, method=method).value + 1e-9


def test_what_cannot_be_satisfied_has_an_infinite_value():
    energy = LabelingEnergy([[INF, 1.0], [0.0, INF]], metric=[[0, INF], [INF, 0]])
    for method in ("auto", "icm", "dual_bound", "fusion", "qpbo"):
        result = minimize(energy, method=method)
        assert result.value == INF
        assert result.status is not Status.OPTIMAL
