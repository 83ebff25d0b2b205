"""All minimizers, partitions into k parts and symmetric functions, against brute force."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from families import FAMILIES, ByValue, members_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_minimize_laws import with_minima_inside

from subopt import (
    Cardinality,
    CertificateError,
    Coverage,
    Cut,
    Function,
    Modular,
    PartitionCertificate,
    PendantCertificate,
    Status,
    all_minimizers,
    k_way_partition,
    minimize,
    queyranne,
    symmetrize,
)
from subopt.testing import all_values, assert_submodular, assert_symmetric

few = settings(max_examples=max(4, settings().max_examples // 4))
every_family = pytest.mark.parametrize("family", FAMILIES)


def as_sets(found):
    return [frozenset(np.flatnonzero(mask).tolist()) for mask in found]


def expected_sets(F):
    """The minimizers, whether no other set is almost one, and a unit for rounding errors."""
    values = all_values(F)
    size = max(np.abs(values).max(), float(F._range().size.max(initial=0.0)))
    best = values <= values.min() + 1e-9 * size
    clear = (best == (values <= values.min() + 1e-4 * size)).all()
    sets = {frozenset(i for i in range(F.n) if k >> i & 1) for k in np.flatnonzero(best).tolist()}
    return sets, clear, 1e-9 * size


@every_family
@few
@given(data=st.data(), n=st.integers(0, 6), power=st.sampled_from([-9, 0, 6, 17]))
def test_all_minimizers_are_found_once(family, data, n, power):
    F = data.draw(members_of(family, max(n, 1), with_minima_inside), "F")
    F = 10.0**power * (F if n else F.restrict([]))
    expected, clear, rounding = expected_sets(F)
    lattice = all_minimizers(F)
    found = as_sets(lattice)
    assert len(set(found)) == len(found) == lattice.count()
    if not clear:
        return
    assert set(found) == expected
    assert lattice.value == pytest.approx(minimize(F).value, rel=0, abs=rounding)
    for kind, mask in (("minimal", lattice.smallest), ("maximal", lattice.largest)):
        np.testing.assert_array_equal(mask, minimize(F, minimizer=kind).mask)
    for k in range(2**F.n):
        S = [i for i in range(F.n) if k >> i & 1]
        assert (S in lattice) == (frozenset(S) in expected)


def test_many_minimizers_of_a_large_function():
    n = 200  # pairs of elements that cost 1 if they are separated, and are free together
    F = Cut.from_edges([(2 * i, 2 * i + 1) for i in range(n)])
    lattice = all_minimizers(F)
    assert lattice.count(2**300) == 2**n
    assert [mask.sum() for mask in itertools.islice(lattice, 3)] == [0, 2, 2]
    chain = Cut.from_edges([(i, i + 1) for i in range(n)]) + Modular([1] + [0] * (n - 1) + [-1])
    assert all_minimizers(chain).count() == n + 2
    assert all_minimizers(ByValue(Coverage(np.eye(5)) - Modular(np.ones(5)))).count() == 32


def test_all_minimizers_keep_to_a_time_limit():
    F = ByValue(Coverage(np.eye(9)) - Modular(np.ones(9)))
    with pytest.raises(RuntimeError, match="time_limit = 0 seconds were not enough"):
        all_minimizers(F, time_limit=0)
    assert all_minimizers(F, time_limit=60).count() == 512


@every_family
@few
@given(data=st.data(), n=st.integers(0, 6))
def test_symmetric_functions(family, data, n):
    F = data.draw(members_of(family, max(n, 1)), "F")
    F = F if n else F.restrict([])
    G, values = symmetrize(F), all_values(F)
    assert G.symmetric
    size = 1e-9 * (float(np.abs(values).max()) + 1e-300)
    np.testing.assert_allclose(all_values(G), values + values[::-1] - values[-1], atol=3 * size)
    assert_symmetric(G)
    assert_submodular(G)
    if F.n > 1:
        best = all_values(G)[1:-1].min()
        result = queyranne(G)
        assert result.value == pytest.approx(best, abs=10 * size)
        assert result.check(G) <= 10 * size


def partitions(n, k):
    """All partitions into k nonempty parts, as labels in the order of first elements."""
    for labels in itertools.product(range(k), repeat=n):
        firsts = [labels.index(j) if j in labels else n for j in range(k)]
        if firsts == sorted(set(firsts)) and firsts[-1] < n:
            yield np.array(labels)


def total(F, labels):
    return sum(F.value(labels == j) for j in range(labels.max() + 1))


@every_family
@few
@given(data=st.data(), n=st.integers(1, 6), k=st.integers(1, 4))
def test_partitions_are_within_their_bounds(family, data, n, k):
    F, k = data.draw(members_of(family, n), "F"), min(k, n)
    result = k_way_partition(F, k)
    best = min(total(F, labels) for labels in partitions(n, k))
    size = 1e-9 * (k * float(np.abs(all_values(F)).max()) + float(F._range().size.sum()) + 1e-300)
    assert result.value == pytest.approx(total(F, result.labels), abs=size)
    assert len(result.parts) == k
    assert [part[0] for part in result.parts] == sorted(part[0] for part in result.parts)
    assert result.lower_bound <= best + size <= result.value + 2 * size
    if k <= 2 or k == n:
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(best, abs=size)
    if F.symmetric or F.monotone:
        assert result.value <= (2 - 2 / k) * best + size if k > 1 else True
    assert result.check(F) == pytest.approx(result.gap, abs=2 * size)
    assert result.certificate.check(F, result.labels) == pytest.approx(result.gap, abs=2 * size)


@given(
    slope=st.integers(-1000, 1000),
    power=st.sampled_from([-9, -3, 0, 6]),
    small=st.lists(st.integers(-9, 9), min_size=2, max_size=5),
    k=st.integers(1, 3),
)
def test_partitions_where_slopes_cancel_up_to_rounding(slope, power, small, k):
    n, step = len(small), slope * 10.0**power / 3
    F = Cardinality(np.cumsum([0.0] + [step] * n)) + Modular(1e-7 * abs(step) * np.array(small))
    result = k_way_partition(F, min(k, n))
    assert result.check(F) == pytest.approx(result.gap, abs=1e-9 * abs(step))


def test_partitions_that_are_stopped_hold_the_last_split():
    F = Cut.from_edges([(0, 1), (1, 2), (2, 3)], [5, 1, 5])
    seen = []

    def stop(partition):
        seen.append(partition)
        raise StopIteration

    stopped = k_way_partition(F, 2, callback=stop)
    assert (stopped.value, stopped.status.name) == (seen[0].value, "INTERRUPTED")
    assert stopped.value == k_way_partition(F, 2).value == 2.0
    edges = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 4), (1, 5), (4, 5)]
    F, seen = Cut.from_edges(edges, [8, 1, 2, 6, 7, 6, 4, 5]), []
    last = k_way_partition(F, 4, callback=seen.append)
    assert last.value <= min(partition.value for partition in seen)
    assert last.value == k_way_partition(F, 4).value


def test_wrong_evidence_for_partitions_is_refused():
    F = Cut.from_edges([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3), (5, 6)])
    result = k_way_partition(F, 3)
    certificate = result.certificate
    with pytest.raises(CertificateError, match=r"prove 3, not 3\.5"):
        replace(certificate, lower_bound=3.5).check(F, result)
    with pytest.raises(CertificateError, match="no split of the part"):
        PartitionCertificate(3.0, certificate.splits[:1]).check(F, result)
    part, side, evidence = certificate.splits[0]
    for worse in (~side & (np.arange(7) < 2), side):
        orders = tuple(order[::-1].copy() for order in evidence.orders)
        split = (part, worse, PendantCertificate(0.0, orders))
        with pytest.raises(CertificateError):
            PartitionCertificate(3.0, (split, *certificate.splits[1:])).check(F, result)
    for labels in (np.zeros(6, int), np.zeros(7), [0, 0, 0, 2, 2, 2, 2]):
        with pytest.raises(CertificateError, match="part"):
            certificate.check(F, labels)
    for k, error in ((0, ValueError), (8, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match="k"):
            k_way_partition(F, k)
    with pytest.raises(TypeError, match=r"Function\(n, value\)"):
        k_way_partition(lambda mask: 0.0, 2)


def test_components_are_parts():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.arange(60) % 6)
    edges = [(i, j) for i in range(60) for j in range(i) if groups[i] == groups[j]]
    F = Cut.from_edges(edges, rng.random(len(edges)) + 0.1, n=60)
    result = k_way_partition(F, 6)
    assert result.value == pytest.approx(0.0, abs=1e-9)
    assert all(len({groups[i] for i in part}) == 1 for part in result.parts)
    same = k_way_partition(Cardinality(np.sqrt, 5), 3)
    assert sorted(map(len, same.parts)) == [1, 1, 3]
    own = k_way_partition(Function(5, lambda mask: float(mask.any())), 3)
    assert (own.value, own.lower_bound) == (3.0, 1.0)
