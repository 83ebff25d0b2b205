"""`path` and `prox` against brute force and against each other."""

import copy
import itertools
import pickle
import time
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from drawn import numbers
from families import points, size_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from test_decomposed import by_wolfe
from test_max_flow_minimize import CUTS
from test_minimize_laws import drawn, every_family, lattice

from subopt import (
    Cardinality,
    Cut,
    Function,
    Modular,
    Status,
    min_norm_point,
    minimize,
    prox,
    regularization_path,
)
from subopt.submodular import _minimum_norm, _nested_grid_cuts
from subopt.submodular._string_pieces import LONG, Rest, equal_pieces_on_path, pieces_on_path
from subopt.submodular._taut_string import NO_ROOM, PROVEN, Path, path_work, values_on_path
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 8))


@every_family
@few
@given(data=st.data(), n=st.integers(1, 6))
def test_the_path_has_the_minimizers_for_every_price(family, data, n):
    F = drawn(data, family, n)
    nested = regularization_path(F)
    assert not nested.masks[0].any()
    assert nested.masks[-1].all()
    assert (np.diff(nested.alphas) < 0).all()
    assert (nested.masks[:-1] <= nested.masks[1:]).all()
    between = (nested.alphas[1:] + nested.alphas[:-1]) / 2
    outside = [nested.alphas[0] + 1, nested.alphas[-1] - 1]
    for alpha in (*between, *outside, 0.0):
        G = F + Modular(np.full(n, alpha))
        lowest = lattice(G)[0]
        result = nested.result(alpha)
        assert result.value == pytest.approx(lowest, abs=1e-6)
        assert result.certificate.check(G, result.mask) <= 1e-6
    for j, alpha in enumerate(nested.alphas):
        G = F + Modular(np.full(n, alpha))
        lowest = lattice(G)[0]
        assert G.value(nested.masks[j]) == pytest.approx(lowest, abs=1e-6)
        assert G.value(nested.masks[j + 1]) == pytest.approx(lowest, abs=1e-6)


@every_family
@few
@given(data=st.data(), n=st.integers(1, 6))
def test_prox_is_a_minimum(family, data, n):
    F, y, z = drawn(data, family, n), data.draw(points(n), "y"), data.draw(points(n), "z")
    kept = y.copy()
    w = prox(F, y)
    np.testing.assert_array_equal(y, kept)

    def objective(v):
        return F.lovasz(v) + 0.5 * np.sum((v - y) ** 2)

    for step in (1e-3, 0.1, 1.0):
        v = w + step * z
        assert objective(w) <= objective(v) - 0.4 * np.sum((v - w) ** 2) + 1e-6
    # y - w is a base, so w = y - projection: prox is nonexpansive
    assert np.linalg.norm(prox(F, z) - w) <= np.linalg.norm(z - y) + 1e-5


def test_total_variation_of_a_chain_keeps_the_mean():
    rng = np.random.default_rng(0)
    chain = 3 * Cut.from_edges([(i, i + 1) for i in range(99)])
    y = np.repeat([0.0, 1.0, -1.0, 2.0], 25) * 4 + rng.normal(size=100)
    w = prox(chain, y)
    assert w.mean() == pytest.approx(y.mean())
    assert len(np.unique(w.round(9))) < 30
    # thresholds of prox are minimizers of F - y + α|S|
    for alpha in (-1.0, 0.5, 3.0):
        result = min_norm_point(chain + Modular(alpha - y), minimizer="minimal")
        np.testing.assert_array_equal(w > alpha, result.mask)


def test_errors():
    F = Cut.from_edges([(0, 1), (1, 2)]) + Modular([1, -2, 0.5])
    general = F + Function(3, lambda mask: float(mask.any()))
    with pytest.raises(ValueError, match=r"weights needs numbers > 0, but weights\[1\] is 0"):
        prox(F, np.zeros(3), [1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="weights needs one number per element"):
        prox(F, np.zeros(3), [1.0])
    with pytest.raises(ValueError, match="y needs one number per element"):
        prox(F, [1.0])
    with pytest.raises(RuntimeError, match="max_iter = 1 sweeps"):
        regularization_path(general, max_iter=1, distance=0.0)
    with pytest.raises(RuntimeError, match=r"time_limit = 0 seconds were not enough"):
        prox(general, np.zeros(F.n), distance=0.0, time_limit=0)
    with pytest.raises(ValueError, match="time_limit"):
        regularization_path(F, time_limit=-1)
    with pytest.raises(TypeError, match="SetFunction is needed"):
        prox(np.sqrt, [1.0])
    assert regularization_path(F.restrict([])).masks.shape == (1, 0)


def chain(rng, n):
    """Paths, some of them broken, with elements in any order."""
    order = rng.permutation(n)
    used = rng.random(n - 1) < 0.8
    ends = np.stack([order[:-1], order[1:]], axis=1)[used]
    arcs, weights = np.concatenate([ends, ends[:, ::-1]]), rng.integers(0, 4, 2 * len(ends))
    return Cut.from_edges(arcs, weights, n=n, directed=True)


@given(rng=numbers(), n=st.integers(1, 9))
def test_paths_with_weights(rng, n):
    F, y, weights = chain(rng, n) + Modular(rng.normal(size=n)), rng.normal(size=n), rng.random(n)
    y = y.round(1)
    weights += 0.1
    np.testing.assert_allclose(prox(F, y, weights), by_wolfe(F, y, weights), atol=1e-6)


@pytest.mark.parametrize("family", [*CUTS, "roots of groups", "graphic rank", "entropy"])
@given(data=st.data(), n=st.integers(1, 6))
def test_weights_for_every_algorithm(family, data, n):
    F, y = drawn(data, family, n), data.draw(points(n), "y")
    weights = np.abs(data.draw(points(n), "weights")) / 3 + 0.1
    size = 1 + np.abs(all_values(F)).max()
    np.testing.assert_allclose(prox(F, y), by_wolfe(F, y), atol=1e-6 * size)
    w = prox(F, y, weights)
    np.testing.assert_allclose(w, by_wolfe(F, y, weights), atol=1e-5 * size)
    for alpha in (-1.0, 0.0, 0.7):  # thresholds of the prox are minimizers
        G = F + Modular(weights * (alpha - y))
        assert G.value(w > alpha) <= all_values(G).min() + 1e-5 * size


@every_family
@few
@given(data=st.data(), n=st.integers(1, 6), power=st.sampled_from([-12, -7, 3, 12]))
def test_scaling_scales_prox_and_path(family, data, n, power):
    F, y, scale = drawn(data, family, n), data.draw(points(n), "y"), 10.0**power
    size = max(float(np.abs(y).max()), size_of(F))
    w = prox(F, y)
    np.testing.assert_allclose(prox(scale * F, scale * y), scale * w, atol=1e-6 * scale * size)
    nested, scaled = regularization_path(F), regularization_path(scale * F)
    leaves = scale * nested.leaves
    np.testing.assert_allclose(scaled.leaves, leaves, atol=1e-6 * scale * size)
    for alpha in (*scaled.alphas, 0.0):
        assert scaled.result(alpha).status is Status.OPTIMAL


def exact_prox(F, edges, capacities, y, weights):
    """The values in exact arithmetic, by the definition: blocks are split as long as that pays."""
    n = F.n
    y, weights, capacities = ([Fraction(float(x)) for x in a] for a in (y, weights, capacities))
    values = [Fraction(0)] * n

    def cut(mask):
        ends = zip(edges, capacities, strict=True)
        return sum((c for (i, j), c in ends if (i in mask) != (j in mask)), Fraction(0))

    def solve(inside, block):
        rest = sum(weights[i] * y[i] for i in block) - cut(inside | block) + cut(inside)
        level = rest / sum(weights[i] for i in block)

        def over(part):
            costs = sum(weights[i] * (level - y[i]) for i in part)
            return cut(inside | part) - cut(inside) + costs

        subsets = (frozenset(c) for k in range(n + 1) for c in itertools.combinations(block, k))
        part = min(subsets, key=over)
        if over(part) >= 0:
            for i in block:
                values[i] = level
        else:
            solve(inside, part)
            solve(inside | part, block - part)

    solve(frozenset(), frozenset(range(n)))
    return np.array([float(v) for v in values])


@pytest.mark.parametrize("edges", [
    [(0, 1), (1, 2), (2, 3)], [(1, 0), (3, 2)], [(0, 1), (1, 2), (2, 0), (2, 3)], []
], ids=["path", "two paths", "triangle", "no edges"])  # fmt: skip
@given(rng=numbers())
def test_numbers_of_very_different_sizes(edges, rng):
    capacities = rng.integers(0, 10, len(edges)) * 10.0 ** rng.integers(-9, 13, len(edges))
    y = rng.integers(-9, 10, 4) * 10.0 ** rng.integers(-9, 13, 4)
    weights = rng.choice([1.0, 2.0, 0.5, 1000.0], 4)
    F = Cut.from_edges(edges, capacities, n=4)
    w, expected = prox(F, y, weights), exact_prox(F, edges, capacities, y, weights)
    # errors count relative to the numbers of the elements that have the same value
    sizes = np.abs(y) + F._range().size / weights
    sizes = np.array([sizes[expected == v].max() for v in expected])
    assert (np.abs(w - expected) <= 1e-10 * sizes).all()


def naive_proof(target, weights, forward, backward, values):
    """Whether the flow that values leave lies within the capacities, and saturates steps."""
    flow = magnitude = 0.0
    for k in range(len(target)):
        flow += target[k] - weights[k] * values[k]
        magnitude += abs(target[k]) + weights[k] * abs(values[k])
        if k + 1 < len(target):
            rounding = 2.0**-40 * magnitude
            if not -backward[k] - rounding <= flow <= forward[k] + rounding:
                return False
            there = forward[k] if values[k] > values[k + 1] else -backward[k]
            if values[k] != values[k + 1]:
                if not abs(flow - there) <= rounding:
                    return False
                flow, magnitude = there, abs(there)
    return abs(flow) <= 2.0**-40 * magnitude


@given(rng=numbers(), n=st.integers(1, 12), room=st.sampled_from([4, 8, None]))
def test_what_a_taut_string_says_to_have_proven(rng, n, room):
    def sizes():
        return 10.0 ** rng.integers(-12, 13, n) if rng.random() < 0.5 else np.ones(n)

    target, forward, backward = rng.integers(-9, 10, n) * sizes(), sizes(), sizes()
    weights = rng.choice([1.0, 2.0, 0.5], n) * sizes()
    one = np.full(1, weights[0])
    values, same, strided = np.empty((3, n))
    found = values_on_path(
        Path(target, weights, forward, backward, 1, 1.0), values, path_work(n, room)
    )
    if found == NO_ROOM:
        assert room is not None
        return
    if found == PROVEN:
        assert naive_proof(target, weights, forward, backward, values)
    else:
        assert max(np.abs(np.log10(a)).max() for a in (forward, backward, weights)) > 1
    # one weight for all members, and capacities that lie in other arrays
    pairs = np.repeat(forward / 2, 2), np.repeat(backward / 2, 2)
    again = Path(target, np.full(n, weights[0]), forward, backward, 1, 1.0)
    other = Path(target, one, *pairs, 2, 2.0)
    assert values_on_path(again, same, path_work(n)) == values_on_path(other, strided, path_work(n))
    np.testing.assert_array_equal(same, strided)


def test_numbers_of_the_issue():
    tiny = 1e-9 * Cut.from_edges([(0, 1), (1, 2)])
    np.testing.assert_allclose(prox(tiny, [2e-9, -1e-9, 1e-9]), [1e-9, 5e-10, 5e-10], rtol=1e-12)


def test_strings_of_many_knots():
    n = 3000  # the values rise: all knots are in use at once
    y = np.arange(n) / 7.0
    w = prox(Cut.grid(n), y)
    assert len(np.unique(w)) > n - 20
    np.testing.assert_allclose(w, prox(Cut.grid(n), y[::-1])[::-1], atol=1e-9)
    for same in (y.tolist(), np.repeat(y, 2)[::2], np.ma.array(y), y.astype(">f8")):
        np.testing.assert_array_equal(prox(Cut.grid(n), same), w)
    y.setflags(write=False)
    np.testing.assert_array_equal(prox(Cut.grid(n), y), w)


def test_long_chains_and_grids():
    rng = np.random.default_rng(0)
    n = 10_000
    F = Cut.from_edges(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1))
    y = rng.normal(size=n)
    w = prox(F, y)
    nested = regularization_path(F + Modular(-y))
    np.testing.assert_allclose(nested.leaves, w, atol=1e-9)
    assert nested.result(0.2).gap <= 1e-9
    assert repr(nested).startswith("RegularizationPath(")
    sizes = Cardinality(np.sqrt, 50) + Modular(rng.normal(size=50).round(1))
    assert regularization_path(sizes).result(0.1).gap <= 1e-12


class Slow(Exception):
    pass


@pytest.mark.parametrize("method", ["auto", "min_norm_point", "frank_wolfe"])
@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_time_limits_end_a_sweep(method, limit):
    evaluated = []

    def value(mask):
        evaluated.append(mask)
        if len(evaluated) > 3000:
            raise Slow
        while limit and time.monotonic() < start + len(evaluated) * 1e-3:
            pass
        return float(np.sqrt(mask.sum()) - 0.2 * mask.sum())

    start = time.monotonic()
    F = Function(400, value, cache_size=0)
    result = minimize(F, method=method, time_limit=limit)
    assert result.status is Status.TIME_LIMIT
    assert result.value <= 0.0
    assert result.lower_bound == -np.inf
    assert result.value == pytest.approx(F.value(result.mask.copy()))


@pytest.mark.parametrize("method", ["auto", "min_norm_point", "frank_wolfe", "decomposed"])
def test_a_callback_ends_a_run(method):
    rng = np.random.default_rng(0)
    F = Cut.from_edges(rng.integers(0, 30, (90, 2))) + Cardinality(np.sqrt, 30)
    F = F - Modular(rng.random(30))

    def stop(result):
        raise StopIteration

    result = minimize(F, method=method, callback=stop)
    assert result.status in (Status.INTERRUPTED, Status.OPTIMAL)
    assert result.lower_bound <= min_norm_point(F).value <= result.value + 1e-9
    assert result.check(F) == pytest.approx(result.gap, abs=1e-8)


@given(
    rng=numbers(),
    rows=st.integers(2, 5),
    columns=st.integers(2, 5),
    power=st.sampled_from([-9, 0, 6]),
)
def test_grids_are_divided_like_graphs(rng, rows, columns, power):
    n, scale = rows * columns, 10.0**power
    weights = [rng.integers(0, 4, (rows - 1, columns)), rng.random((rows, columns - 1))]
    F = 0.5 * scale * Cut.grid((rows, columns), weights)
    seen = any(w.any() for w in weights)
    if rng.random() < 0.5:  # one-way arcs
        arcs = [(k, k + 1) for k in range(n - 1) if (k + 1) % columns]
        arcs += [(k + columns, k) for k in range(n - columns)]
        capacity = rng.random(len(arcs))
        seen = capacity[columns - n :].any()  # of the arcs along columns, which tell the width
        F = scale * Cut.from_edges(arcs, capacity, directed=True, n=n)
    F = F + Modular(scale * rng.integers(-2, 3, n))
    y = scale * (rng.integers(-3, 4, n) if rng.random() < 0.5 else rng.normal(size=n))
    slopes = rng.integers(1, 4, n).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_nested_grid_cuts, "LEAST", 1)
        patch.setattr(_nested_grid_cuts, "FEW", rng.choice([0.0, 0.5, 1.1]))
        grid = _nested_grid_cuts.as_grid(F)
        assert grid is not None or not seen
        ours = prox(F, y, slopes)
    graph = prox(F, y, slopes)
    np.testing.assert_allclose(ours, graph, rtol=0, atol=1e-12 * scale)


def test_other_graphs_are_no_grids():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_nested_grid_cuts, "LEAST", 1)
        ring = Cut.from_edges([(k, (k + 1) % 12) for k in range(12)])
        wrapped = Cut.from_edges([(k, k + 1) for k in range(11)] + [(k, k + 4) for k in range(8)])
        cube = Cut.grid((2, 3, 4))
        for F in (
            ring,
            wrapped,
            cube,
            Cut.grid(12),
            Cut(np.ones((6, 6)) - np.eye(6)),
            2 * ring + cube.restrict(range(12)),
        ):
            assert _nested_grid_cuts.as_grid(F) is None
        assert _nested_grid_cuts.as_grid(Cut.grid((3, 4)) + Modular(np.ones(12))).shape == (3, 4)


def test_divide_and_conquer_ends_with_a_part_that_is_not_solved(monkeypatch):
    """A minimization that a time limit stops has not shown how its block is divided."""
    F = Function(4, lambda mask: float(mask.any())) + Modular([-3.0, 1.0, 5.0, 2.0])
    found = _minimum_norm.minimum_norm(F, None, 10**6)
    whole = _minimum_norm._divided(F, F.greedy, np.ones(4), found, 10**6, None)
    assert whole.finished
    np.testing.assert_allclose(whole.x, found.x, atol=1e-9)
    solve = _minimum_norm.min_norm_point
    stopped = partial(solve, eliminate=False)
    monkeypatch.setattr(
        _minimum_norm, "min_norm_point", lambda H, **_: stopped(H, time_limit=0, start=None)
    )
    assert not _minimum_norm._divided(F, F.greedy, np.ones(4), found, 10**6, None).finished


@given(rng=numbers(), n=st.integers(1, 40), exact=st.booleans())
def test_pieces_are_those_of_the_string(rng, n, exact):
    def sizes():
        return 10.0 ** rng.integers(-12, 13, n) if rng.random() < 0.3 else np.ones(n)

    target, forward, backward = rng.integers(-9, 10, n) * sizes(), sizes(), sizes()
    weights = rng.choice([1.0, 2.0, 0.5], n) * sizes()
    if exact:
        forward, backward = rng.integers(0, 5, (2, n)) * 1.0
    path = Path(target, weights, forward, backward, 1, 1.0)
    values, other, rest = np.empty(n), np.empty(n), no_rest()
    found = pieces_on_path(path, values, rest)
    if found == PROVEN:
        assert naive_proof(target, weights, forward, backward, values)
        if values_on_path(path, other, path_work(n)) == PROVEN:
            # flows are proven; a value is a difference of flows, divided by its weight
            most = max(np.abs(target).max(), np.abs(weights * other).max())
            np.testing.assert_allclose(
                weights * values, weights * other, rtol=1e-9, atol=1e-9 * most
            )
    elif found == LONG:
        assert n > 1
    # one weight for all members, and one capacity for all edges
    path = Path(target, weights[:1], forward[:1], backward[:1], 0, 2.0)
    first = pieces_on_path(path, values, no_rest())
    path = Path(target, np.full(n, weights[0]), *np.tile([[forward[0]], [backward[0]]], n), 1, 2.0)
    assert pieces_on_path(path, other, no_rest()) == first
    if first != LONG:
        np.testing.assert_array_equal(values, other)
    path = Path(target, np.ones(1), forward[:1], backward[:1], 0, 2.0)
    first = pieces_on_path(path, values, no_rest())
    found = equal_pieces_on_path(path, other, no_rest())
    if LONG not in (first, found):
        np.testing.assert_array_equal(values, other)
        assert first == found
    if found == PROVEN:
        caps = np.full(n, 2 * forward[0]), np.full(n, 2 * backward[0])
        assert naive_proof(target, np.ones(n), *caps, other)


def no_rest():
    return Rest(np.zeros(1, dtype=np.int64), np.zeros(1), np.array([-np.inf, np.inf]))


@given(rng=numbers(), n=st.integers(50, 400), weighted=st.booleans(), capacity=st.integers(1, 5000))
def test_signals_whose_pieces_are_found_late(rng, n, weighted, capacity):
    # a slow curve after noise: every piece of the curve ends long before it is seen to end
    curve = np.cumsum(np.cumsum(rng.choice([-1.0, 1.0], n // 3).repeat(3)))
    y = np.concatenate([rng.integers(-9, 10, n) * 1.0, curve])
    weights = rng.integers(1, 4, len(y)) * 1.0 if weighted else None
    given_weights = np.ones(len(y)) if weights is None else weights
    caps = np.full(len(y), float(capacity))
    values = prox(Cut.grid(len(y), float(capacity)), y, weights)
    assert naive_proof(given_weights * y, given_weights, caps, caps, values)
    if weights is None:
        path = Path(y, np.ones(1), caps[:1], caps[:1], 0, 1.0)
        assert equal_pieces_on_path(path, np.empty(len(y)), no_rest()) in (PROVEN, LONG)


@pytest.mark.parametrize("size", [2, 3, 50])
def test_grids_that_are_built_when_they_are_needed(size):
    rng = np.random.default_rng(size)
    for F in (
        Cut.grid(size),
        Cut.grid(size, [np.append(0.0, rng.random(size - 2))]),
        Cut.grid((size, 3), [2.0, 1.5]),
    ):
        n, edges, integral = F.n, F.n_edges, F.integral
        assert "_data" not in vars(F)
        again = pickle.loads(pickle.dumps(F))
        assert "_data" not in vars(again)
        assert (n, integral) == (len(F._data.indptr) - 1, bool((F._data.forward % 1 == 0).all()))
        assert edges == len(F._data.indices) // 2 == F.n_edges
        mask = rng.random(n) < 0.5
        assert F.value(mask) == again.value(mask) == copy.copy(F).value(mask)
        np.testing.assert_array_equal(F.marginals(mask), again.marginals(mask))
        d = F._data
        same = Cut(csr_array((d.forward, d.indices, d.indptr), shape=(n, n)))
        assert (same.value(mask), same.n_edges) == (F.value(mask), edges)
