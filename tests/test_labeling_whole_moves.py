"""Moves that follow changes, in regions of all sizes: none is left that takes the whole graph."""

import numba
import numpy as np
import pytest
from naive_moves import best_move
from scipy.ndimage import gaussian_filter

from subopt import (
    LabelingEnergy,
    Status,
    alpha_beta_swap,
    alpha_beta_swap_many,
    alpha_expansion,
    alpha_expansion_many,
)
from subopt.labeling.moves import driver


def smooth_energy(rng):
    """Costs with regions of some size, on a grid or a sparse graph, and a metric."""
    a, b = rng.integers(10, 50, 2)
    L = int(rng.integers(2, 6))
    unary = gaussian_filter(rng.normal(size=(a, b, L)), (rng.integers(0, 6),) * 2 + (0,))
    unary *= rng.choice([0.1, 1.0, 10.0]) / unary.std()
    apart = np.abs(np.subtract.outer(np.arange(L), np.arange(L))).astype(float)
    table = [np.minimum(apart, 1.0), np.minimum(apart, 2.0), apart][rng.integers(3)]
    weight = rng.choice([0.2, 1.0, 3.0, 10.0])
    costs = rng.choice([0.0, 1.0, 30.0, 1000.0], L) if rng.random() < 0.4 else None
    if rng.random() < 0.5:
        return LabelingEnergy(unary, weights=weight, metric=table, label_costs=costs)
    n = a * b
    ends = rng.integers(0, n, (int(n * rng.choice([1.2, 2.0, 4.0])), 2))
    ends = ends[ends[:, 0] != ends[:, 1]]
    weights = rng.random(len(ends)) * weight
    unary = unary.reshape(n, L)
    if rng.random() < 0.3:  # a metric of its own for every edge
        tables = table * rng.choice([0.5, 1.0], (len(ends), 1, 1))
        return LabelingEnergy(unary, edges=ends, weights=weights, tables=tables, label_costs=costs)
    return LabelingEnergy(unary, edges=ends, weights=weights, metric=table, label_costs=costs)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap])
@pytest.mark.parametrize("memory", [driver.MEMORY, 0])
def test_no_move_of_the_whole_graph_is_left(solver, memory, seed):
    rng = np.random.default_rng(seed)
    energy = smooth_energy(rng)
    initial = [None, np.zeros(energy.n, int), rng.integers(0, energy.n_labels, energy.n)][seed % 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "MEMORY", memory)
        result = solver(energy, start=initial)
    assert result.status is Status.LOCAL_MINIMUM
    x = result.labels.ravel()
    labels = range(energy.n_labels)
    swaps = [(a, b) for a in labels for b in labels if a != b]
    for a, b in swaps if solver is alpha_beta_swap else [(-1, b) for b in labels]:
        free = x != b if a < 0 else x == a
        if free.any():
            y = x.copy()
            y[np.flatnonzero(free)[best_move(energy, x, free, b)]] = b
            assert energy.value(y) >= result.value - 1e-9 * np.abs(energy.costs).mean()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("solver", [alpha_expansion_many, alpha_beta_swap_many])
@pytest.mark.parametrize("memory", [driver.MEMORY, 0])
def test_values_are_energies_whatever_is_forbidden(solver, memory, seed):
    rng = np.random.default_rng(seed)
    unaries = rng.random((3, 6, 6, 3))
    unaries[rng.random(unaries.shape) < 0.3] = 1e12
    unaries[..., 2] = np.minimum(unaries[..., 2], 1.0)  # one label is allowed everywhere
    energy = LabelingEnergy(unaries[0], weights=0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "MEMORY", memory)
        many = solver(energy, unaries)
    for unary, labels, value in zip(unaries, many.labels, many.values, strict=True):
        expected = LabelingEnergy(unary, weights=0.3).value(labels)
        assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of nodes")
@pytest.mark.parametrize("costs", [None, [40.0, 0.0, 300.0]])
def test_large_random_graphs(costs):
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 5000, (20_000, 2))
    edges = edges[edges[:, 0] != edges[:, 1]]
    unary = rng.integers(0, 100, (5000, 3)).astype(float)
    energy = LabelingEnergy(unary, edges=edges, weights=10.0, label_costs=costs)
    result = alpha_expansion(energy)
    assert result.status is Status.LOCAL_MINIMUM
    x = result.labels
    for b in range(3):
        free = x != b
        y = x.copy()
        y[np.flatnonzero(free)[best_move(energy, x, free, b)]] = b
        assert energy.value(y) >= result.value
