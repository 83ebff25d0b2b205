"""Lower bounds and exact minima of labeling energies, and the evidence for them."""

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
    alpha_expansion,
    dual_bound,
    ishikawa,
    minimize,
    qpbo,
)
from subopt._base.interruptible import flag
from subopt.labeling import _messages
from subopt.labeling.moves import warm_start
from subopt.labeling.select import minimize_labeling


def random_graph(rng, n):
    pairs = [(p, q) for p in range(n) for q in range(n) if p != q]
    return [pairs[i] for i in rng.integers(0, len(pairs), 2 * n)] if pairs else []


@given(rng=numbers(), n=st.integers(1, 6), L=st.integers(1, 3), potts=st.booleans())
def test_the_dual_bound_is_one_and_can_be_checked(rng, n, L, potts):
    edges = random_graph(rng, n)
    energy = LabelingEnergy(
        rng.normal(size=(n, L)),
        edges=edges,
        weights=rng.normal(size=len(edges)),
        metric="potts" if potts else rng.normal(size=(L, L)),
        label_costs=rng.random(L) * rng.integers(2),
    )
    least, minimizers = naive.minimum(energy)
    result = dual_bound(energy, max_iter=20)
    assert result.lower_bound <= least + 1e-9 <= result.value + 2e-9
    assert result.value == energy.value(result.labels)
    assert result.check(energy) == pytest.approx(result.gap)
    # whatever the messages are, they prove a bound, and what is proven of a minimizer is a gap
    messages = result.certificate.messages + rng.normal(size=(2, len(edges), L))
    wrong = replace(result.certificate, messages=messages, lower_bound=-np.inf)
    assert result.value - wrong.check(energy, result) <= least + 1e-9
    assert wrong.check(energy, list(minimizers[0])) >= -1e-12
    with pytest.raises(CertificateError, match="messages prove"):
        replace(result.certificate, lower_bound=least + 1.0).check(energy, result)
    with pytest.raises(CertificateError, match="finite messages of shape"):
        replace(wrong, messages=messages[:, :, 1:]).check(energy, result)
    with pytest.raises(CertificateError, match="labels needs"):
        result.certificate.check(energy, np.full(n, L))


@given(rng=numbers(), n=st.integers(1, 6), L=st.integers(1, 3), large=st.booleans())
def test_label_costs_are_shared_by_the_nodes(rng, n, L, large):
    edges = random_graph(rng, n)
    costs = rng.integers(0, 9, L) * (1e9 if large else 1.0)
    energy = LabelingEnergy(
        rng.normal(size=(n, L)), edges=edges, weights=rng.random(len(edges)), label_costs=costs
    )
    least, _ = naive.minimum(energy)
    result = dual_bound(energy)
    certificate = result.certificate
    slack = 1e-9 * max(1.0, abs(least))
    even = replace(certificate, shares=None, lower_bound=-np.inf).check(energy, result)
    assert result.check(energy) == pytest.approx(result.gap, abs=2 * np.spacing(abs(result.value)))
    assert max(result.value - even, result.lower_bound) <= least + slack
    if costs.any():
        assert certificate.shares.min() >= 0.0
        # other shares prove a bound as well, but not more than there is to share
        other = replace(certificate, shares=0.5 * certificate.shares, lower_bound=-np.inf)
        assert result.value - other.check(energy, result) <= least + slack
        for shares in (certificate.shares + 5.0, -1.0 - certificate.shares):
            with pytest.raises(CertificateError, match="shares need numbers >= 0"):
                replace(certificate, shares=shares).check(energy, result)


def test_shares_find_out_which_labels_are_worth_their_cost():
    # 20 places for facilities, 30 customers: the linear relaxation is tight
    rng = np.random.default_rng(0)
    places, customers = rng.random((20, 2)), rng.random((30, 2))
    distance = np.linalg.norm(customers[:, None] - places, axis=2)
    energy = LabelingEnergy(distance, edges=[], label_costs=np.full(20, 0.8))
    result = dual_bound(energy)
    even = replace(result.certificate, shares=None, lower_bound=-np.inf).check(energy, result)
    assert result.gap < 1e-6
    assert result.value == pytest.approx(8.61530361)  # by HiGHS
    assert result.value - even < 0.6 * result.lower_bound


@given(rng=numbers(), n=st.integers(2, 6), L=st.integers(1, 3), size=st.integers(-3, 300))
def test_large_evidence_proves_no_more(rng, n, L, size):
    edges = random_graph(rng, n)
    energy = LabelingEnergy(rng.normal(size=(n, L)), edges=edges, weights=rng.normal(size=2 * n))
    least, _ = naive.minimum(energy)
    result = dual_bound(energy, max_iter=3)
    messages = result.certificate.messages
    for other in (
        messages * 10.0**size,
        messages + 10.0**size * rng.normal(size=messages.shape),
    ):
        wrong = replace(result.certificate, messages=other)
        with pytest.raises(CertificateError):
            replace(wrong, lower_bound=least + 1e-6).check(energy, result)
        if size <= 100:
            assert replace(wrong, lower_bound=-np.inf).check(energy, result) >= (
                result.value - least - 1e-9
            )


@given(rng=numbers(), n=st.integers(2, 5), L=st.integers(1, 3))
def test_rest_is_part_of_the_evidence(rng, n, L):
    energy = LabelingEnergy(rng.normal(size=(n, L)), weights=0.3)
    certificate = dual_bound(energy).certificate
    high = np.round(certificate.messages, 3)
    split = replace(certificate, messages=high, rest=certificate.messages - high)
    labels = np.zeros(n, np.int64)
    assert split.check(energy, labels) == certificate.check(energy, labels)


@given(rng=numbers(), n=st.integers(1, 6), L=st.integers(1, 3))
def test_the_dual_bound_of_a_chain_is_the_minimum(rng, n, L):
    order = np.arange(n)[:: rng.choice([1, -1])]
    energy = LabelingEnergy(
        rng.normal(size=(n, L)),
        edges=np.stack([order[:-1], order[1:]], axis=1),
        weights=rng.normal(size=n - 1),
        metric=rng.normal(size=(L, L)),
    )
    least, _ = naive.minimum(energy)
    result = dual_bound(energy)
    assert result.lower_bound == pytest.approx(least)
    assert result.value == pytest.approx(least)
    assert result.status is Status.OPTIMAL


def test_more_sweeps_never_lower_the_bound():
    rng = np.random.default_rng(0)
    energy = LabelingEnergy(rng.random((6, 5, 4)), weights=0.3, metric="linear", truncation=2)
    bounds = [dual_bound(energy, max_iter=k, tol=0).lower_bound for k in range(1, 12)]
    assert (np.diff(bounds) >= -1e-12).all()
    value = alpha_expansion(energy).value
    assert bounds[-1] <= value + 1e-9
    assert value - dual_bound(energy).lower_bound < 0.05 * value


@given(rng=numbers(), shape=st.sampled_from([(1,), (4,), (2, 3)]), L=st.integers(1, 4))
def test_convex_costs_are_minimized_exactly(rng, shape, L):
    steps = np.sort(rng.integers(-4, 5, 2 * L)).cumsum().astype(float)
    d = np.subtract.outer(np.arange(L), np.arange(L)) + L - 1
    energy = LabelingEnergy(
        rng.integers(-9, 9, (*shape, L)),
        weights=float(rng.integers(0, 4)),
        metric=[steps[d], "linear", "quadratic"][rng.integers(3)],
    )
    least, minimizers = naive.minimum(energy)
    result = ishikawa(energy)
    assert result.value == pytest.approx(least)
    assert result.status is Status.OPTIMAL
    assert result.check(energy) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_array_equal(result.labels.ravel(), np.min(minimizers, axis=0))


@given(rng=numbers(), n=st.integers(1, 7))
def test_roof_duality_is_persistent_and_bounds(rng, n):
    edges = random_graph(rng, n)
    energy = LabelingEnergy(
        rng.integers(-9, 9, (n, 2)),
        edges=edges,
        weights=rng.integers(-4, 5, len(edges)),
        metric=rng.integers(-3, 4, (2, 2)),
    )
    least, minimizers = naive.minimum(energy)
    result = qpbo(energy)
    assert result.lower_bound <= least + 1e-9 <= result.value + 2e-9
    assert result.check(energy) == pytest.approx(result.gap)
    for x in minimizers:
        np.testing.assert_array_equal(
            result.labels[result.persistent], np.array(x)[result.persistent]
        )
    with pytest.raises(CertificateError, match="messages prove"):
        replace(result.certificate, lower_bound=least + 1.0).check(energy, result)


@given(rng=numbers(), n=st.integers(1, 7))
def test_two_submodular_labels_are_solved_alike(rng, n):
    edges = random_graph(rng, n)
    energy = LabelingEnergy(rng.normal(size=(n, 2)), edges=edges, weights=rng.random(len(edges)))
    least, _ = naive.minimum(energy)
    for result in (ishikawa(energy), qpbo(energy), alpha_expansion(energy)):
        assert result.value == pytest.approx(least)
    assert qpbo(energy).status is Status.OPTIMAL


@given(rng=numbers(), n=st.integers(1, 7))
def test_of_submodular_pairs_all_that_minimizers_share_is_persistent(rng, n):
    edges = random_graph(rng, n)
    energy = LabelingEnergy(
        rng.integers(-3, 4, (n, 2)), edges=edges, weights=rng.integers(0, 3, len(edges))
    )
    least, minimizers = naive.minimum(energy)
    result = qpbo(energy)
    assert (result.value, result.lower_bound, result.status) == (least, least, Status.OPTIMAL)
    shared = (np.array(minimizers) == minimizers[0]).all(axis=0)
    np.testing.assert_array_equal(result.persistent, shared)
    assert result.check(energy) == 0.0


@pytest.mark.parametrize(
    ("options", "labels", "method"),
    [
        ({"metric": "linear"}, 3, "ishikawa"),
        ({}, 3, "alpha_expansion"),
        ({"metric": "quadratic", "truncation": 5}, 4, "alpha_beta_swap, dual_bound, fusion"),
        ({"weights": -1.0}, 2, "qpbo"),
        ({"weights": -1.0}, 3, "dual_bound, fusion, then icm"),
        ({"weights": -0.3, "metric": np.eye(3) - 1.0}, 3, "alpha_expansion"),
        ({"label_costs": [1.0, 0.0, 0.0]}, 3, "alpha_expansion"),
        ({"label_costs": [1.0, 2.0]}, 2, "alpha_expansion"),
    ],
)
def test_the_front_door_takes_what_fits(options, labels, method):
    unary = np.random.default_rng(0).random((2, 3, labels))
    energy = LabelingEnergy(unary, **options)
    result = minimize(energy, lower_bound=True)
    assert result.method.startswith(method)
    assert result.check(energy) == pytest.approx(result.gap, abs=1e-12)
    assert result.lower_bound <= naive.minimum(energy)[0] + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_no_bound_exceeds_its_value_by_rounding(seed):
    unary = np.random.default_rng(seed).random((30, 30, 4))
    energy = LabelingEnergy(unary, metric="linear", weights=0.1)
    for result in (ishikawa(energy), dual_bound(energy)):
        assert result.lower_bound <= result.value
        assert result.check(energy) == pytest.approx(result.gap, abs=1e-9)


def test_the_front_door_refuses_what_does_not_fit():
    energy = LabelingEnergy(np.zeros((2, 3)), metric="quadratic")
    with pytest.raises(ValueError, match="alpha_expansion does not fit: it needs a metric"):
        minimize(energy, method="alpha_expansion")
    with pytest.raises(
        TypeError, match="by 'ishikawa' takes method, lower_bound, time_limit, verbose; got start"
    ):
        minimize(energy, method="ishikawa", start=[0, 0])
    with pytest.raises(TypeError, match="dual_bound needs a LabelingEnergy, got int"):
        dual_bound(3)
    with pytest.raises(TypeError, match="minimize needs a LabelingEnergy, got int"):
        minimize_labeling(3)
    with pytest.raises(ValueError, match="method must be one of"):
        minimize(energy, method="annealing")
    with pytest.raises(
        TypeError, match="by 'auto' takes method, lower_bound, start, time_limit; got"
    ):
        minimize(energy, effort="best")


def test_known_labels_are_not_lost():
    energy = LabelingEnergy(np.zeros((3, 2)), edges=[(0, 1), (1, 2), (2, 0)], weights=-1.0)
    best = np.array([0, 1, 1])
    for method in ("auto", "fusion", "icm", "dual_bound"):
        assert minimize(energy, method=method, start=best).value == energy.value(best)


@given(
    costs=st.lists(st.integers(0, 20), min_size=40, max_size=40),
    most=st.sampled_from([1.0, 2.5, 7.0, 100.0]),
    weight=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_linear_tables_send_what_all_pairs_would(costs, most, weight):
    label = np.arange(10)
    table = np.minimum(1.5 * np.abs(np.subtract.outer(label, label)), most)
    energy = LabelingEnergy(np.array(costs, float).reshape(4, 10), weights=weight, metric=table)
    sent = []
    tables = _messages.Tables(energy.seen_tables, 0.0)
    for linear in (_messages.shape_of(energy.tables).linear, None):
        messages, scratch = np.zeros((6, 10)), np.zeros((3, 10))
        for way in (_messages.FORWARD, _messages.BACKWARD):
            first = np.ascontiguousarray(energy.costs.T), tables, linear
            rest = energy.adjacency, messages, way, scratch, flag()
            bound = _messages.sweep(*first, *rest)
        sent.append((bound, messages))
    assert sent[0][0] == pytest.approx(sent[1][0], rel=1e-12)
    np.testing.assert_allclose(sent[0][1], sent[1][1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", ["potts", "linear", "quadratic"])
def test_moves_start_from_messages_of_the_same_shape(metric):
    energy = LabelingEnergy(np.zeros((3, 12)), weights=2.0, metric=metric)
    terms = warm_start.terms(energy)
    uniform, linear = _messages.shape_of(energy.tables)
    scale = energy.tables.max() / terms.tables.max()
    assert terms.uniform * scale == pytest.approx(uniform, rel=1e-6)
    assert (uniform > 0) == (metric == "potts")
    assert (terms.linear is None) == (linear is None) == (metric != "linear")
    if linear is not None:
        np.testing.assert_allclose(np.array(terms.linear) * scale, linear, rtol=1e-6)
