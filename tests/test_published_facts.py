"""Values that other packages publish in their tests, found by our own means.

Facts only: of Submodular.jl (projections onto base polytopes), SubmodularMinimization.jl (minima of
cuts and of powers of the size), proxTV (total variation of small arrays) and apricot (greedy
coverage of random sets).
"""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    Cardinality,
    Coverage,
    Cut,
    Function,
    all_minimizers,
    maximize,
    min_norm_point,
    minimize,
    prox,
)

# F(1) = 3, F(2) = 2, F(12) = 4; a point, its projections onto the base polytope and onto
# {x: x(S) <= F(S) for all S}
POINTS = [
    ([3, 1], [3, 1], [3, 1]),
    ([2, 2], [2, 2], [2, 2]),
    ([0, 0], [2, 2], [0, 0]),
    ([3, 2], [2.5, 1.5], [2.5, 1.5]),
    ([0, 5], [2, 2], [0, 2]),
    ([-2, -2], [2, 2], [-2, -2]),
    ([50, -3], [3, 1], [3, -3]),
    ([-5, 1], [2, 2], [-5, 1]),
]


@pytest.mark.parametrize(("y", "base", "below"), POINTS)
@pytest.mark.parametrize("own", [True, False])
def test_projections_in_the_plane(y, base, below, own):
    values = {(False, False): 0, (True, False): 3, (False, True): 2, (True, True): 4}
    F = Function(2, lambda mask: values[tuple(mask.tolist())])
    if not own:
        F = Coverage([[1, 1, 0], [1, 0, 1]], [1, 2, 1])
    w = prox(F, y)
    np.testing.assert_allclose(y - w, base, atol=1e-8)
    np.testing.assert_allclose(y - np.maximum(w, 0), below, atol=1e-8)


def test_the_point_of_the_permutahedron_nearest_to_another():
    F = Cardinality([4 * k + k / 2 - k * k / 2 for k in range(5)])
    np.testing.assert_allclose(np.array([3, 2, 5, 1]) - prox(F, [3, 2, 5, 1]), [3, 2, 4, 1])


@given(rng=numbers(), n=st.integers(1, 20))
def test_projections_onto_functions_of_the_size_keep_the_order(rng, n):
    g = np.concatenate([[0.0], np.cumsum(-np.sort(-rng.random(n)))])
    y = rng.random(n)
    base = y - prox(Cardinality(g), y)
    assert base.sum() == pytest.approx(g[n], abs=1e-12)
    assert (np.diff(base[y.argsort()]) >= -1e-12).all()


@pytest.mark.parametrize("power", [0.001, 0.01, 0.1, 0.5, 0.75, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 20])
def test_powers_of_the_size(power, n):
    F = Cardinality(lambda k: float(k) ** power, n)
    assert [F(range(k)) for k in range(min(n, 3) + 1)] == [k**power for k in range(min(n, 3) + 1)]
    for method in ("auto", "min_norm_point", "brute_force")[: 2 + (n < 20)]:
        result = minimize(F, method=method)
        assert (result.value, result.S.tolist()) == (0.0, [])
    assert all_minimizers(F).count() == 1
    limited = min_norm_point(F, max_iter=10)
    assert limited.n_iter <= 10
    assert np.isfinite([limited.value, limited.lower_bound]).all()


def test_brute_force_ends_at_20_elements():
    with pytest.raises(ValueError, match="n <= 20"):
        minimize(Cardinality(np.sqrt, 21), method="brute_force")


@pytest.mark.parametrize("edges", [
    [(0, 1), (1, 2), (2, 3)],
    [(0, 1), (0, 2), (1, 2)],
    [(i, j) for j in range(4) for i in range(j)],
], ids=["path", "triangle", "complete graph"])  # fmt: skip
def test_connected_graphs_have_two_smallest_cuts(edges):
    F = Cut.from_edges(edges)
    found = all_minimizers(F)
    assert (found.count(), found.value) == (2, 0.0)
    assert not found.smallest.any()
    assert found.largest.all()
    assert all_minimizers(Cut.from_edges([], n=5)).count() == 32


def test_total_variation_with_weights_that_are_integers():
    y = -np.arange(1, 10) / 10
    for weights in (1, [np.ones((2, 3), int), np.ones((3, 2), int)], [1, 1.0]):
        np.testing.assert_allclose(prox(Cut.grid((3, 3), weights), y), np.full(9, -0.5))


@given(rng=numbers(), rows=st.integers(1, 3), columns=st.integers(2, 3))
def test_equal_weights_are_one_weight(rng, rows, columns):
    y, w = 100 * rng.normal(size=rows * columns), 20 * rng.random()
    own = [np.full((rows - 1, columns), w), np.full((rows, columns - 1), w)]
    shape = (rows, columns)
    same = prox(Cut.grid(shape, w), y)
    np.testing.assert_allclose(prox(Cut.grid(shape, own), y), same, rtol=0, atol=1e-10)
    if rows == 1:
        np.testing.assert_allclose(prox(Cut.grid(columns, w), y), same, rtol=0, atol=1e-10)


def test_greedy_coverage_of_random_sets():
    sets = np.random.RandomState(0).choice(2, size=(300, 1000), p=[0.99, 0.01])
    F = Coverage(sets)
    for size, value in ((1, 20), (2, 39), (3, 57), (4, 74), (5, 91)):
        result = maximize(F, size=size, method="greedy")
        assert result.value == value
    assert {135, 260, 89} <= result.set
