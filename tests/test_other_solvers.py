"""Frank-Wolfe and Queyranne against brute force; min-norm point as the other witness."""

import networkx as nx
import numpy as np
import pytest
from families import FAMILIES, ByValue, members_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_minimize_laws import drawn, every_family, grid

from subopt import (
    Cardinality,
    CertificateError,
    Cut,
    Function,
    Modular,
    Status,
    decompose,
    frank_wolfe,
    k_way_partition,
    min_norm_point,
    minimize,
    queyranne,
    symmetrize,
)
from subopt.submodular._queyranne import PendantCertificate
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 8))


@every_family
@few
@given(data=st.data(), n=st.integers(1, 7))
def test_frank_wolfe_brackets_the_minimum(family, data, n):
    F = drawn(data, family, n)
    result = frank_wolfe(F, max_iter=300, tol=1e-4)
    lowest = all_values(F).min()
    assert result.lower_bound - 1e-9 <= lowest <= result.value == F.value(result.mask.copy())
    assert result.certificate.check(F, result.mask) == pytest.approx(result.gap, abs=1e-8)
    assert result.status in (Status.OPTIMAL, Status.ITERATION_LIMIT, Status.SLOW_PROGRESS)
    assert result.gap <= 0.05 * max(1, np.abs(all_values(F)).max())


def test_frank_wolfe_on_a_grid():
    F = grid(10)
    seen = []
    result = frank_wolfe(F, callback=seen.append, tol=1e-5)
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(min_norm_point(F).value, abs=1e-5)
    assert result.certificate.check(F, result.mask) <= 1e-5
    assert seen[0].lower_bound <= result.value
    assert frank_wolfe(F, time_limit=0).status is Status.TIME_LIMIT
    assert minimize(F, method="frank_wolfe", tol=1e-5).value == result.value


SYMMETRIC = [
    name
    for name, make in FAMILIES.items()
    if name not in ("sum", "view") and make(np.random.default_rng(0), 5).symmetric
]


@pytest.mark.parametrize("family", SYMMETRIC)
@few
@given(data=st.data(), n=st.integers(2, 7))
def test_queyranne_is_the_lowest_cut(family, data, n):
    F = data.draw(members_of(family, n), "F")
    if not F.symmetric:
        F = F + F.complement()
    result = queyranne(F)
    assert 0 < result.mask.sum() < n
    lowest = all_values(F)[1:-1].min()
    assert result.value == pytest.approx(lowest, abs=1e-9)
    assert result.certificate.check(F, result.mask) <= 1e-8


def test_queyranne_is_stoer_wagner():
    graph = nx.gnp_random_graph(24, 0.3, seed=2)
    rng = np.random.default_rng(0)
    for _, _, data in graph.edges(data=True):
        data["weight"] = int(rng.integers(1, 9))
    F = Cut.from_networkx(graph)
    result = queyranne(F)
    assert result.value == nx.stoer_wagner(graph)[0]
    orders, bound = result.certificate.orders, result.lower_bound
    worse = [
        PendantCertificate(bound + 1, orders),
        PendantCertificate(bound, orders[:-1]),
        PendantCertificate(bound, (orders[0][::-1], *orders[1:])),
        PendantCertificate(bound, (orders[0][1:], *orders[1:])),
    ]
    for certificate in worse:
        with pytest.raises(CertificateError):
            certificate.check(F, result.mask)
    with pytest.raises(CertificateError, match="other than ∅ and V"):
        result.certificate.check(F, [])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("rounds", [1, 3, 6])
def test_splits_report_their_best_answer_and_end_when_asked(own, rounds):
    F = Cut.from_networkx(nx.gnp_random_graph(8, 0.5, seed=2))
    F = symmetrize(ByValue(F)) if own else F
    for solve in (queyranne, lambda F, callback: k_way_partition(F, 7, callback=callback)):
        seen = []

        def stop(answer, seen=seen):
            seen.append(answer)
            if len(seen) == rounds:
                raise StopIteration

        result = solve(F, callback=stop)
        assert len(seen) == rounds
        assert result.status is Status.INTERRUPTED
        assert (result.value, result.lower_bound) == (seen[-1].value, -np.inf)
        values = [answer.value for answer in seen]
        assert all(answer.status is Status.RUNNING for answer in seen)
        whole = []
        assert solve(F, callback=whole.append).status is not Status.INTERRUPTED
        assert whole[-1].certificate is not None
        assert [answer.value for answer in whole[:rounds]] == values
        if solve is queyranne:
            assert values == sorted(values, reverse=True)
            assert len(whole) == F.n - 1


@pytest.mark.parametrize("limit", [0.0, 60.0])
def test_a_minimum_cut_within_a_time_limit(limit):
    F = Cut.from_networkx(nx.gnp_random_graph(8, 0.5, seed=2))
    result = queyranne(F, time_limit=limit)
    assert result.status is (Status.OPTIMAL if limit else Status.TIME_LIMIT)
    assert result.value == F.value(result.mask.copy())
    parts = k_way_partition(F, 4, time_limit=limit)
    assert parts.status is (Status.EFFORT_LIMIT if limit else Status.TIME_LIMIT)
    assert sorted(np.bincount(parts.labels).tolist())[0] > 0


def test_queyranne_errors():
    with pytest.raises(ValueError, match="is not known to be"):
        queyranne(Cut.from_edges([(0, 1), (1, 2)]) + Modular([1, 2, 3]))
    with pytest.raises(ValueError, match="n >= 2"):
        queyranne(Cut(np.zeros((1, 1))))


@pytest.mark.parametrize(
    "F",
    [Cardinality(np.sqrt, 0), Modular([]), Cut(np.zeros((0, 0))), Function(0, lambda mask: 0.0)],
)
def test_an_empty_ground_set_has_one_set(F):
    for problem in (F, F - Cardinality(np.sqrt, 0), decompose(F)):
        result = minimize(problem)
        assert (result.value, result.set, result.gap) == (0.0, frozenset(), 0.0)


@pytest.mark.parametrize("tol", [0.0, 0.5, 100.0])
def test_brute_force_returns_the_minimum_unless_the_smallest_set_is_asked_for(tol):
    F = Modular([-2.0, 0.25, -0.25])
    best = minimize(F, method="brute_force", tol=tol)
    assert (best.value, best.S.tolist()) == (-2.25, [0, 2])
    smallest = minimize(F, method="brute_force", minimizer="minimal", tol=tol)
    assert smallest.value <= best.value + tol
    assert smallest.mask.sum() == {0.0: 2, 0.5: 1, 100.0: 0}[tol]
