"""Cut functions minimized by one maximum flow, against all subsets; the flow as the proof."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES
from hypothesis import given
from hypothesis import strategies as st
from test_minimize_laws import lattice

from subopt import (
    CertificateError,
    Cut,
    Entropy,
    FlowCertificate,
    Modular,
    Status,
    all_minimizers,
    minimize,
)
from subopt.graph import _search
from subopt.submodular.max_flow import max_flow_minimize

CUTS = [
    "modular",
    "cut",
    "directed cut",
    "hypergraph cut",
    "star hypergraph",
    "clique hypergraph",
    "coverage",
    "cardinality",
]


def member(family, other, rng, n):
    F = FAMILIES[family](rng, n) + 0.5 * FAMILIES[other](rng, n) - Modular(rng.integers(0, 4, n))
    return F.contract([0]).complement() if rng.integers(2) else F


@pytest.mark.parametrize("family", CUTS)
@given(rng=numbers(), n=st.integers(1, 6), other=st.sampled_from(CUTS))
def test_finds_the_smallest_and_the_largest_minimizer(family, rng, n, other):
    F = member(family, other, rng, n)
    lowest, smallest, largest = lattice(F, tol=1e-9)
    for kind, expected in (("minimal", smallest), ("maximal", largest), ("any", None)):
        result = max_flow_minimize(F, minimizer=kind)
        assert result.status is Status.OPTIMAL
        assert result.value == F.value(result.mask.copy()) == pytest.approx(lowest, abs=1e-9)
        if expected is not None:
            np.testing.assert_array_equal(result.mask, expected)
        assert result.lower_bound - 1e-9 <= lowest
        assert result.gap <= 1e-8
        assert result.certificate.check(F, result.mask) == pytest.approx(result.gap, abs=1e-9)


@pytest.mark.parametrize("family", CUTS)
@pytest.mark.parametrize("limit", [0.0, 60.0])
@given(rng=numbers(), n=st.integers(1, 6), kind=st.sampled_from(["any", "minimal", "maximal"]))
def test_a_time_limit_leaves_a_set_and_a_bound(family, limit, rng, n, kind):
    F = member(family, "cut", rng, n)
    lowest = lattice(F, tol=1e-9)[0]
    for result in (
        max_flow_minimize(F, minimizer=kind, time_limit=limit),
        minimize(F, minimizer=kind, time_limit=limit),
    ):
        assert result.status in (Status.OPTIMAL, Status.TIME_LIMIT)
        assert result.status is Status.OPTIMAL or limit == 0
        assert result.lower_bound - 1e-9 <= lowest <= result.value + 1e-9
        assert result.value == F.value(result.mask.copy()) <= 1e-9
        assert result.check(F) == pytest.approx(result.gap, abs=1e-9)
        if result.status is Status.OPTIMAL:
            assert result.value == pytest.approx(lowest, abs=1e-9)


def test_a_search_that_takes_longer_is_stopped(monkeypatch):
    monkeypatch.setattr(_search, "SLICE", 8)  # as if the graph were large
    F = Cut.grid((12, 12)) + Modular(np.random.default_rng(0).normal(size=144))
    result = minimize(F, time_limit=0)
    assert result.status is Status.TIME_LIMIT
    assert result.lower_bound <= result.value <= 0
    with pytest.raises(RuntimeError, match="time_limit = 0 seconds were not enough"):
        all_minimizers(F, time_limit=0)


@pytest.mark.parametrize("family", CUTS)
@given(rng=numbers(), n=st.integers(2, 6), other=st.sampled_from(CUTS))
def test_any_flow_proves_a_bound_and_no_more(family, rng, n, other):
    F = member(family, other, rng, n)
    result = max_flow_minimize(F)
    lowest, flow = result.value, result.certificate.flow
    # not conserved, beyond the capacities: what is left of it proves less, never too much
    wild = flow + rng.normal(size=flow.shape) * rng.integers(0, 9)
    gap = FlowCertificate(wild, -np.inf).check(F, result.mask)
    assert gap >= 0
    bad = [
        replace(result.certificate, lower_bound=lowest + 0.1 + 1e-6 * abs(lowest)),
        FlowCertificate(np.append(flow, 0.0), lowest),
        FlowCertificate(np.append(flow, np.nan)[1:], lowest),
    ]
    for certificate in bad[: 2 + bool(len(flow))]:
        with pytest.raises(CertificateError):
            certificate.check(F, result.mask)
    lower = F + Modular(np.full(F.n, -1.0 - 2 * np.abs(F.as_cut().unary).sum()))
    with pytest.raises(CertificateError, match="proves"):
        replace(result.certificate, lower_bound=lowest).check(lower, result.mask)


def test_auto_takes_it_and_says_so():
    F = Cut([[0, 2], [2, 0]]) + Modular([-1, 3])
    assert minimize(F).method == "max_flow, because F is the cut function of a graph"


def test_functions_that_are_no_cuts_say_so():
    with pytest.raises(TypeError, match="not known to be a cut function"):
        max_flow_minimize(Entropy(np.eye(3)))
