"""The kernels of the coupled labeling search against the definition of the energy."""

import dataclasses

import numpy as np
import pytest
from coupled_problems import SEEDS, problems, scale
from hypothesis import given

from subopt.coupled import _coarsening, _rounds, _state, local_search


def states(problem, depth, seed):
    """The work arrays at one level with random sources, and the sources on the finest level."""
    rng = np.random.default_rng(seed)
    level = _coarsening.levels(problem)[depth]
    shape = (problem.n_outputs, len(level.size), problem.levels)
    sources = rng.integers(0, problem.n_inputs, shape)
    work = local_search._work(level, sources, np.array([seed + 1], dtype=np.uint64))
    _state.rebuild(level, work)
    return level, work


def on_the_grid(problem, depth, sources):
    for graph in _coarsening.graphs(problem.grid)[:depth][::-1]:
        sources = sources[:, graph.parent]
    return sources.reshape(problem.n_outputs, *problem.grid, problem.levels)


LARGE = [(20,), (4, 4), (5, 7), (3, 4, 5), (33,), (9, 2)]


@given(problems(grids=LARGE), SEEDS)
def test_every_level_has_the_energy_of_the_finest(problem, seed):
    for depth in range(len(_coarsening.graphs(problem.grid))):
        _, work = states(problem, depth, seed)
        z = problem.shares(on_the_grid(problem, depth, work.sources))
        assert work.energy[0] == pytest.approx(problem.energy(z), abs=scale(problem))


@given(problems(grids=LARGE), SEEDS)
def test_what_a_search_keeps_is_what_rebuilding_gives(problem, seed):
    for depth in range(len(_coarsening.graphs(problem.grid))):
        level, work = states(problem, depth, seed)
        _rounds.improve(level, work, 4, True, np.empty(2))
        kept = [np.copy(a) for a in (work.use, work.load, work.field, work.energy)]
        _state.rebuild(level, work)
        again = (work.use, work.load, work.field, work.energy)
        for old, new in zip(kept, again, strict=True):
            np.testing.assert_allclose(old, new, atol=scale(problem))


@given(problems(grids=LARGE, inputs=(2, 5)), SEEDS)
def test_prices_are_changes_of_energy(problem, seed):
    """One slot from u to b changes E as field and prices say, if A does not couple u and b."""
    A = np.diag(problem.compatibility.diagonal())
    problem = _with(problem, A)
    depth = len(_coarsening.graphs(problem.grid)) - 1
    level, work = states(problem, depth, seed)
    if len(set(level.size)) > 1:
        level = level._replace(par=np.array([*level.par[:3], level.size[0], *level.par[4:]]))
        _state.rebuild(level, work)
    rng = np.random.default_rng(seed)
    j, k = rng.integers(problem.n_outputs), 0
    u = work.sources[j, k, 0]
    b = (u + 1) % problem.n_inputs
    _state.prices(work.use, work.load, work.vec, level.A, level.par, j)
    field = work.field[j, k]
    predicted = (
        field[b] - field[u] + level.degree[k] + work.vec[_state.ADD, b] + work.vec[_state.REMOVE, u]
    )
    asked = _state.coupling_change(
        work.use, work.load, work.vec, level.A, level.par, j, u, b, level.size[k]
    )
    before = problem.energy(problem.shares(on_the_grid(problem, depth, work.sources)))
    work.sources[j, k, 0] = b
    after = problem.energy(problem.shares(on_the_grid(problem, depth, work.sources)))
    assert predicted == pytest.approx(after - before, abs=scale(problem))
    assert field[b] - field[u] + level.degree[k] + asked == pytest.approx(
        after - before, abs=scale(problem)
    )


@given(problems(grids=[(4,), (2, 2), (3, 3)], inputs=(2, 4), outputs=(1, 3)), SEEDS)
def test_where_nothing_moves_no_slot_improves(problem, seed):
    """Prices are exact if A does not couple inputs: full visits end in a minimum over slots."""
    problem = _with(problem, np.diag(problem.compatibility.diagonal()))
    level, work = states(problem, 0, seed)
    _rounds.begin(work)
    for _ in range(100):
        if _rounds.sweep(level, work, np.arange(problem.n_outputs), False) == 0:
            break
    sources = on_the_grid(problem, 0, work.sources)
    energy = problem.energy(problem.shares(sources))
    for index in np.ndindex(sources.shape):
        for b in range(problem.n_inputs):
            changed = sources.copy()
            changed[index] = b
            slack = scale(problem) + level.par[_state.TOLERANCE]
            assert problem.energy(problem.shares(changed)) >= energy - slack


@given(problems(grids=LARGE, inputs=(2, 5)), SEEDS)
def test_changes_stay_exact_from_move_to_move(problem, seed):
    """Without a threshold no gate flips, so the change of any move is exact for any A."""
    problem = dataclasses.replace(problem, threshold=0.0)
    depth = len(_coarsening.graphs(problem.grid)) - 1
    level, work = states(problem, depth, seed)
    rng = np.random.default_rng(seed)
    j = rng.integers(problem.n_outputs)
    _state.prices(work.use, work.load, work.vec, level.A, level.par, j)
    for _ in range(4):
        k = rng.integers(len(level.size))
        u, b = work.sources[j, k, 0], rng.integers(problem.n_inputs)
        n = int(np.sum(work.sources[j, k] == u))
        if u == b:
            continue
        state = (work.use, work.load, work.vec, level.A, level.par, j, u, b, n * level.size[k])
        before = problem.energy(problem.shares(on_the_grid(problem, depth, work.sources)))
        own = -_state.fill_field(level, work, j)
        change = _state.coupling_change(*state)
        _state.move(*state)
        work.sources[j, k][work.sources[j, k] == u] = b
        own += _state.fill_field(level, work, j)
        after = problem.energy(problem.shares(on_the_grid(problem, depth, work.sources)))
        assert own + change == pytest.approx(after - before, abs=scale(problem))


def _with(problem, A):
    return dataclasses.replace(problem, compatibility=A)


@given(problems(grids=LARGE), SEEDS)
def test_a_rolled_back_trial_leaves_no_trace(problem, seed):
    level, work = states(problem, 0, seed)
    kept = [np.copy(a) for a in (work.sources, work.use, work.load, work.field, work.vec[:5])]
    _rounds.begin(work)
    for j in range(problem.n_outputs):
        _rounds.open_output(level, work, j)
        _rounds.refill(work.sources, problem.n_inputs, work.rng, j)
        _state.relabel(level, work, j)
    _rounds.sweep(level, work, np.arange(problem.n_outputs), False)
    _rounds.roll_back(level, work)
    for old, new in zip(
        kept, (work.sources, work.use, work.load, work.field, work.vec[:5]), strict=True
    ):
        np.testing.assert_allclose(old, new, atol=scale(problem))
