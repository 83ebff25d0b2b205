"""`path` and `prox` against brute force and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_minimize_laws import every_family, lattice, member

from subopt import Cut, Modular, min_norm_point, path, prox

few = settings(max_examples=max(3, settings().max_examples // 8))
seeds = st.integers(0, 2**32 - 1)


@every_family
@few
@given(seed=seeds, n=st.integers(1, 6))
def test_the_path_has_the_minimizers_for_every_price(family, seed, n):
    F = member(family, seed, n)
    nested = path(F)
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
@given(seed=seeds, n=st.integers(1, 6))
def test_prox_is_a_minimum(family, seed, n):
    F = member(family, seed, n)
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    kept = y.copy()
    w = prox(F, y)
    np.testing.assert_array_equal(y, kept)

    def objective(v):
        return F.lovasz(v) + 0.5 * np.sum((v - y) ** 2)

    for step in (1e-3, 0.1, 1.0):
        v = w + step * rng.normal(size=n)
        assert objective(w) <= objective(v) - 0.4 * np.sum((v - w) ** 2) + 1e-6
    # y - w is a base, so w = y - projection: prox is nonexpansive
    z = rng.normal(size=n)
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
    with pytest.raises(ValueError, match="y needs one number per element"):
        prox(F, [1.0])
    with pytest.raises(RuntimeError, match="max_iter = 1 sweeps"):
        path(F, max_iter=1, tol=0.0)
    with pytest.raises(RuntimeError, match=r"time_limit = 0 seconds were not enough"):
        prox(F, np.zeros(F.n), tol=0.0, time_limit=0)
    with pytest.raises(ValueError, match="time_limit"):
        path(F, time_limit=-1)
    with pytest.raises(TypeError, match="SetFunction is needed"):
        prox(np.sqrt, [1.0])
    assert path(F.restrict([])).masks.shape == (1, 0)
