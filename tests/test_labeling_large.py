"""Hard constraints: costs that nobody pays change neither answers nor what is said of them."""

import itertools
from dataclasses import replace

import naive_energy as naive
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    CertificateError,
    LabelingEnergy,
    Status,
    alpha_beta_swap,
    alpha_expansion,
    alpha_expansion_many,
    dual_bound,
    icm,
    minimize,
)

shapes = st.sampled_from([(1,), (5,), (2, 3)])


def with_a_cost_nobody_pays(rng, energy, large):
    """Raise the cost of a label that no minimizer has at a node, if there is one."""
    _, minimizers = naive.minimum(energy)
    used = np.zeros((energy.n, energy.n_labels), dtype=bool)
    for x in minimizers:
        used[np.arange(energy.n), x] = True
    unary = energy.unary.reshape(energy.n, -1)
    if not used.all():
        k, a = rng.choice(np.argwhere(~used))
        unary[k, a] += large
    return LabelingEnergy(
        unary.reshape(energy.unary.shape), weights=float(energy.weights.max(initial=0.0))
    )


@given(rng=numbers(), shape=shapes, L=st.integers(2, 3), digits=st.integers(0, 15))
def test_a_cost_that_nobody_pays_does_not_count(rng, shape, L, digits):
    unary = rng.normal(size=(*shape, L)) - 1e3 * (rng.integers(3) == 0)
    energy = LabelingEnergy(unary, weights=float(rng.choice([0.0, 0.1, 1.0])))
    harder = with_a_cost_nobody_pays(rng, energy, 10.0**digits)
    expected, result = minimize(energy, lower_bound=True), minimize(harder, lower_bound=True)
    least, _ = naive.minimum(energy)
    if L == 2:  # an exact method: the answer is the same
        assert result.value == pytest.approx(expected.value, abs=1e-12)
        assert result.status is expected.status is Status.OPTIMAL
    assert result.lower_bound <= least + 1e-9
    assert result.status is not Status.OPTIMAL or result.value <= least + 1e-9
    result.check(harder)
    bound = dual_bound(harder)
    assert bound.lower_bound <= least + 1e-9
    with pytest.raises(CertificateError):
        replace(bound.certificate, lower_bound=least + 1e-4).check(harder, bound)
    initial = rng.integers(0, L, energy.n)
    for solver in (alpha_expansion, alpha_beta_swap, icm):
        x = solver(harder, start=initial)
        assert x.status is Status.LOCAL_MINIMUM
        for k, a in itertools.product(range(energy.n), range(L)):
            y = x.labels.ravel().copy()
            y[k] = a
            assert x.value <= harder.value(y) + 1e-9
    x = alpha_expansion(harder, start=initial)
    for a in range(L):
        assert x.value <= naive.best_expansion(harder, x.labels.ravel(), a) + 1e-9


def image_with_seeds(large):
    rng = np.random.default_rng(0)
    unary = rng.random((16, 16, 3))
    known, labels = rng.random((16, 16)) < 0.2, rng.integers(0, 3, (16, 16))
    unary[known[..., None] & (np.arange(3) != labels[..., None])] += large
    return LabelingEnergy(unary, weights=0.2), np.where(known, labels, 0)


def test_seeds_of_any_cost_have_the_answer_of_moderate_ones():
    energy, initial = image_with_seeds(1e3)
    expected, start = minimize(energy, lower_bound=True), alpha_expansion(energy, start=initial)
    assert expected.status is Status.OPTIMAL  # by the labels of the bound
    many = alpha_expansion_many(energy, energy.unary[None])
    for large in (1e6, 1e9, 1e12, 1e15):
        energy, _ = image_with_seeds(large)
        result = minimize(energy, lower_bound=True)
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(expected.value, rel=1e-3)
        assert result.lower_bound == pytest.approx(expected.lower_bound, rel=1e-3)
        again = alpha_expansion(energy, start=initial)
        np.testing.assert_array_equal(again.labels, start.labels)
        batch = alpha_expansion_many(energy, energy.unary[None])
        assert batch.values[0] == pytest.approx(many.values[0], rel=1e-3)
        assert batch.values[0] == pytest.approx(energy.value(batch.labels[0]), abs=1e-9)


def test_a_label_too_costly_to_use_does_not_count():
    unary = [[0.0, 5, 5]] * 4 + [[5.0, 0, 5]] * 4
    energy = LabelingEnergy(unary, weights=0.1, label_costs=[0.1, 0.1, 1e15])
    for solver in (alpha_expansion, icm):
        assert solver(energy, start=[1] * 4 + [0] * 4).value == pytest.approx(0.3)


def test_one_seed_makes_no_room_for_claims():
    unary = np.random.default_rng(0).random((8, 8, 3))
    unary[0, 0, 1:] = 1e12
    energy = LabelingEnergy(unary, weights=0.2)
    result = dual_bound(energy)
    result.check(energy)
    with pytest.raises(CertificateError, match="prove"):
        replace(result.certificate, lower_bound=result.lower_bound + 1e-5).check(energy, result)


@pytest.mark.parametrize("tiny", [0.0, 1e-320, 1e-310, 1e-240])
@pytest.mark.parametrize("size", [1.0, 1e60])
def test_weights_of_next_to_nothing_are_nothing(tiny, size):
    unary = np.random.default_rng(0).random((4, 4, 3))
    table = size * (1.0 - np.eye(3))
    weights = [np.full((3, 4), tiny), np.zeros((4, 3))]
    for costs in (unary, tiny * unary):
        energy = LabelingEnergy(costs, weights=weights, metric=table)
        result = alpha_expansion(energy)
        assert result.status is Status.LOCAL_MINIMUM
        if costs is unary:
            np.testing.assert_array_equal(result.labels, unary.argmin(axis=-1))


def test_many_labels_start_from_messages_too():
    # on a path the messages of a single sweep there and back are exact
    L = 170
    rng = np.random.default_rng(0)
    energy = LabelingEnergy(rng.integers(0, 100, (6, L)), metric="linear", truncation=9)
    first = alpha_expansion(energy, max_iter=1)
    assert first.value == pytest.approx(dual_bound(energy).lower_bound)
    assert first.status is Status.LOCAL_MINIMUM  # nothing was left to improve
