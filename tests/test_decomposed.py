"""Sums of simple functions: parts against the function, projections against the general prox."""

import itertools

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES
from hypothesis import given
from hypothesis import strategies as st
from test_max_flow_minimize import CUTS
from test_minimize_laws import grid

from subopt import (
    Cardinality,
    CertificateError,
    Cut,
    Entropy,
    Modular,
    Status,
    SummandCertificate,
    min_norm_point,
    minimize,
)
from subopt.forms.decomposable import summands
from subopt.functions.diminishing_returns import all_masks
from subopt.submodular._minimum_norm import minimum_norm
from subopt.submodular._taut_string import Path, onto_path, path_work
from subopt.submodular.decomposed import _onto_sizes, decomposed
from subopt.testing import all_values

every_pair = (pytest.mark.parametrize("family", CUTS), st.sampled_from(CUTS))


def member(family, other, rng, n):
    F = FAMILIES[family](rng, n) + 0.5 * FAMILIES[other](rng, n)
    return F - Modular(rng.integers(0, 4, n) if rng.integers(2) else 3 * rng.random(n))


def by_parts(parts, mask):
    """The definition of `Summands`, part by part."""
    total = parts.unary[mask].sum()
    for p, is_path in enumerate(parts.is_path):
        k = slice(parts.indptr[p], parts.indptr[p + 1])
        inside = mask[parts.elements[k]]
        if is_path:
            total += parts.first[k][:-1][inside[:-1] & ~inside[1:]].sum()
            total += parts.second[k][:-1][inside[1:] & ~inside[:-1]].sum()
        else:
            total += parts.first[k][: inside.sum()].sum()
    return total


@every_pair[0]
@given(other=every_pair[1], rng=numbers(), n=st.integers(0, 7))
def test_the_parts_add_up_to_the_function(family, other, rng, n):
    F = member(family, other, rng, max(n, 1))
    F = F if n else F.restrict([])
    parts = summands(F)
    masks = all_masks(n)
    np.testing.assert_allclose([by_parts(parts, mask) for mask in masks], all_values(F), atol=1e-9)
    for p in np.flatnonzero(parts.is_path):
        members = parts.elements[parts.indptr[p] : parts.indptr[p + 1]]
        assert len(set(members.tolist())) == len(members) >= 2


@every_pair[0]
@given(other=every_pair[1], rng=numbers(), n=st.integers(1, 7))
def test_finds_the_minimum_and_proves_it(family, other, rng, n):
    F = member(family, other, rng, n)
    result = decomposed(F, tol=1e-6)  # by default 1e-6 of the largest gain
    assert result.status is Status.OPTIMAL
    lowest = all_values(F).min()
    assert result.lower_bound - 1e-9 <= lowest <= result.value == F.value(result.mask.copy())
    assert result.gap <= 1e-6
    assert result.certificate.check(F, result.mask) == pytest.approx(result.gap, abs=1e-8)
    again = minimize(F, method="decomposed", tol=1e-6)
    np.testing.assert_array_equal(again.mask, result.mask)


@every_pair[0]
@given(other=every_pair[1], rng=numbers(), n=st.integers(1, 6))
def test_any_shares_prove_a_bound_and_no_more(family, other, rng, n):
    F = member(family, other, rng, n)
    parts = summands(F)
    x, excess = parts.bound(rng.normal(size=len(parts.elements)) * rng.integers(1, 9))
    masks = all_masks(n)
    assert (masks @ x - excess <= all_values(F) + 1e-9).all()
    result = decomposed(F)
    shares = result.certificate.shares
    for certificate in (
        SummandCertificate(shares, result.value + 0.1 + 1e-6 * abs(result.value)),
        SummandCertificate(np.append(shares, 0.0), result.lower_bound),
        SummandCertificate(np.append(shares, np.nan), result.lower_bound),
    ):
        with pytest.raises(CertificateError):
            certificate.check(F, result.mask)


def test_large_shares_do_not_buy_tolerance():
    F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    with pytest.raises(CertificateError, match="proves"):
        SummandCertificate(np.array([1e15, -1e15]), 1e5).check(F, [0, 1])


def by_wolfe(F, y, weights=None):
    """`prox` by the algorithm for functions of which nothing is known."""
    scales = np.ones(F.n) if weights is None else weights
    return -minimum_norm(F + Modular(-scales * y), 1e-9, 10_000, scales=scales).x / scales


@given(rng=numbers(), n=st.integers(2, 12))
def test_projections_are_those_of_the_general_prox(rng, n):
    target, work, result = rng.normal(size=n) * 3, path_work(n), np.empty(n)
    forward, backward = rng.integers(0, 4, n) * 1.0, rng.random(n) * 2
    forward[-1] = backward[-1] = 0.0
    tails, heads = np.arange(n - 1), np.arange(1, n)
    arcs = np.concatenate([np.stack([tails, heads], 1), np.stack([heads, tails], 1)])
    weights = np.concatenate([forward[:-1], backward[:-1]])
    chain = Cut.from_edges(arcs, weights, n=n, directed=True)
    slopes = np.sort(rng.normal(size=n).round(1))[::-1].copy()
    size = Cardinality(np.concatenate([[0], slopes.cumsum()]))
    # min ½ ||y - t||² over B(F) is t - prox of the extension at t
    onto_path(Path(target, np.ones(1), forward, backward, 1, 1.0), result, work)
    np.testing.assert_allclose(result, target - by_wolfe(chain, target), atol=1e-6)
    _onto_sizes(n, target, slopes, result, work)
    np.testing.assert_allclose(result, target - by_wolfe(size, target), atol=1e-6)


def test_a_grid_falls_into_rows_and_columns():
    parts = summands(grid(7))
    assert parts.is_path.tolist() == [True] * 14
    assert np.diff(parts.indptr).tolist() == [7] * 14
    rows = [parts.elements[a : a + 7] for a in parts.indptr[:-1]]
    assert {tuple(np.diff(row)) for row in rows} == {(1,) * 6, (7,) * 6}


def test_every_edge_is_on_one_path():
    rng = np.random.default_rng(0)
    star = Cut.from_edges([(0, k) for k in range(1, 1001)])
    random = Cut.from_edges(np.unique(np.sort(rng.integers(0, 99, (400, 2))), axis=0), n=99)
    for F in (star, random):
        parts = summands(F)
        paths = [parts.elements[a:b] for a, b in itertools.pairwise(parts.indptr)]
        edges = [pair for path in paths for pair in itertools.pairwise(path.tolist())]
        assert len(edges) == F.n_edges == len({frozenset(edge) for edge in edges})


def test_a_grid_with_a_function_of_the_size():
    F = grid(12) + 2 * Cardinality(np.sqrt, 144)
    seen = []
    result = decomposed(F, callback=seen.append)
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(min_norm_point(F).value, abs=1e-6)
    assert len(seen) == result.n_iter + 1  # the start, too
    for partial in seen:
        assert partial.lower_bound - 1e-9 <= result.value <= partial.value + 1e-9
        assert partial.certificate.check(F, partial.mask) == pytest.approx(partial.gap, abs=1e-8)
    assert decomposed(F, max_iter=1).status is Status.ITERATION_LIMIT
    assert decomposed(F, time_limit=0).status is Status.TIME_LIMIT
    other = decomposed(F, rng=7)
    assert other.value == pytest.approx(result.value, abs=1e-6)


def test_what_is_not_simple_says_so():
    F = Cut([[0, 1], [1, 0]]) + Entropy(np.eye(2))
    with pytest.raises(TypeError, match=r"decomposed needs a sum of .*, got Entropy"):
        minimize(F, method="decomposed")
    with pytest.raises(ValueError, match="finds any minimizer, not the minimal one"):
        minimize(grid(2), method="decomposed", minimizer="minimal")


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(*(
    st.lists(numbers, min_size=n, max_size=n)
    for numbers in (st.integers(-9, 9), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
))))  # fmt: skip
def test_projections_onto_long_paths_meet_the_optimality_conditions(drawn):
    # flow within the capacities, and saturated between members of different values
    target, weights, forward, backward = (np.array(numbers, dtype=float) for numbers in drawn)
    n, result = len(target), np.empty(len(target))
    onto_path(Path(target, weights, forward, backward, 1, 1.0), result, path_work(n))
    flow, values = np.cumsum(result), (target - result) / weights
    assert abs(flow[-1]) < 1e-9
    flow, step = flow[:-1], np.diff(values)
    assert (flow <= forward[:-1] + 1e-9).all()
    assert (flow >= -backward[:-1] - 1e-9).all()
    np.testing.assert_allclose(flow[step < -1e-9], forward[:-1][step < -1e-9], atol=1e-9)
    np.testing.assert_allclose(flow[step > 1e-9], -backward[:-1][step > 1e-9], atol=1e-9)
