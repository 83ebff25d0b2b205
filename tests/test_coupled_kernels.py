"""The kernels of the coupled labeling search against the definition of the energy."""

import dataclasses

import coupled_doors as doors
import numpy as np
import pytest
from coupled_problems import SEEDS, problems, scale
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import CoupledLabelingProblem
from subopt.coupled import _coarsening, _rounds, local_search

LARGE = [(20,), (4, 4), (5, 7), (3, 4, 5), (33,), (9, 2)]


class Run:
    """A level, what a search writes to, and random sources."""

    def __init__(self, problem, depth, seed):
        rng = np.random.default_rng(seed)
        levels, self.constant = _coarsening.levels(problem)
        self.problem, self.depth, self.level = problem, depth, levels[depth]
        shape = (problem.n_outputs, len(self.level.size), problem.levels)
        sources = rng.integers(0, problem.n_inputs, shape)
        seed = np.array([seed + 1], dtype=np.uint64)
        work = local_search.work_arrays(self.level, sources, seed)
        self.state, self.kept, self.scratch, self.chance = self.work = work
        self.value = self.rebuild()

    def rebuild(self):
        self.scratch.stale[:] = True
        return self.constant + doors.rebuild(self.level, self.state, self.kept, self.scratch)

    def sources(self):
        sources = self.state.sources
        for graph in _coarsening.graphs(self.problem.grid)[: self.depth][::-1]:
            sources = sources[:, graph.parent]
        return sources.reshape(self.problem.n_outputs, *self.problem.grid, self.problem.levels)

    def energy(self):
        return self.problem.energy(self.problem.shares(self.sources()))

    def snapshot(self):
        state = self.state
        np.testing.assert_array_equal(listed(state), state.use > 0)
        arrays = (state.sources, state.use, state.load, state.field, state.terms)
        return [np.copy(a) for a in (*arrays, state.inputs["total"], state.inputs["active"])]


def listed(state):
    """Return what `users` says of inputs and outputs."""
    j = np.arange(state.use.shape[1])
    return (state.users[:, j // 64] >> (j % 64).astype(np.uint64)) & np.uint64(1) == 1


@pytest.fixture(autouse=True)
def _bits_wrap():
    with np.errstate(over="ignore"):  # as in `local_search`
        yield


def depths(problem):
    return range(len(_coarsening.graphs(problem.grid)))


def without_cross_terms(problem):
    return dataclasses.replace(problem, compatibility=np.diag(problem.compatibility.diagonal()))


@given(problems(grids=LARGE), SEEDS)
def test_every_level_has_the_energy_of_the_finest(problem, seed):
    for depth in depths(problem):
        run = Run(problem, depth, seed)
        assert run.value == pytest.approx(run.energy(), abs=scale(problem))


@given(problems(grids=LARGE), SEEDS)
def test_what_a_search_keeps_is_what_rebuilding_gives(problem, seed):
    for depth in depths(problem):
        run = Run(problem, depth, seed)
        _rounds.improve(run.level, *run.work, np.array([0, 4]), np.empty(2))
        doors.perturb_and_roll_back(run.level, *run.work)
        kept = run.snapshot()
        run.rebuild()
        for old, new in zip(kept, run.snapshot(), strict=True):
            np.testing.assert_allclose(old, new, atol=scale(problem))


@given(numbers(), st.integers(60, 140), SEEDS)
def test_outputs_beyond_a_word_of_bits(rng, outputs, seed):
    problem = CoupledLabelingProblem(
        rng.random((3, 2, 2)), n_outputs=outputs, compatibility=rng.random((3, 3)), threshold=0.3
    )
    run = Run(problem, 0, seed)
    assert run.value == pytest.approx(run.energy(), abs=scale(problem))
    energies = np.empty(2)
    _rounds.improve(run.level, *run.work, np.array([0, 2]), energies)
    assert energies[-1] + run.constant == pytest.approx(run.energy(), abs=scale(problem))
    run.snapshot()


@given(problems(grids=LARGE, inputs=(2, 5)), numbers(), SEEDS)
def test_prices_are_changes_of_energy(problem, rng, seed):
    """One slot from u to b changes E as field and prices say, if A does not couple u and b."""
    problem = without_cross_terms(problem)
    run = Run(problem, depths(problem)[-1], seed)
    level, state, scratch = run.level, run.state, run.scratch
    if len(set(level.size)) > 1:
        run.level = level = level._replace(unit=float(level.size[0]))
        run.rebuild()
    j, k = rng.integers(problem.n_outputs), 0
    u = state.sources[j, k, 0]
    b = (u + 1) % problem.n_inputs
    doors.set_prices(level, state, scratch, j)
    own = state.field[j, k, b] - state.field[j, k, u] + level.degree[k]
    priced = own + scratch.prices["add"][b] + scratch.prices["remove"][u]
    asked = own + doors.coupling_change(level, state, scratch, j, u, b, level.size[k])
    before = run.energy()
    state.sources[j, k, 0] = b
    change = run.energy() - before
    assert priced == pytest.approx(change, abs=scale(problem))
    assert asked == pytest.approx(change, abs=scale(problem))


@given(problems(grids=[(4,), (2, 2), (3, 3)], inputs=(2, 4), outputs=(1, 3)), SEEDS)
def test_where_nothing_moves_no_slot_improves(problem, seed):
    """Prices are exact if A does not couple inputs: full visits end in a minimum over slots."""
    problem = without_cross_terms(problem)
    run = Run(problem, 0, seed)
    for _ in range(100):
        outputs = range(problem.n_outputs)
        if not sum(doors.visit(run.level, run.state, run.scratch, j, False) for j in outputs):
            break
    sources = run.sources()
    energy = run.energy()
    for index in np.ndindex(sources.shape):
        for b in range(problem.n_inputs):
            changed = sources.copy()
            changed[index] = b
            assert problem.energy(problem.shares(changed)) >= energy - scale(problem)


@given(problems(grids=LARGE, inputs=(2, 5)), numbers(), SEEDS)
def test_changes_stay_exact_from_move_to_move(problem, rng, seed):
    """Without a threshold no gate flips, so the change of any move is exact for any A."""
    problem = dataclasses.replace(problem, threshold=0.0)
    run = Run(problem, depths(problem)[-1], seed)
    level, state, scratch = run.level, run.state, run.scratch
    j = rng.integers(problem.n_outputs)
    doors.set_prices(level, state, scratch, j)
    for _ in range(4):
        k = rng.integers(len(level.size))
        u, b = state.sources[j, k, 0], rng.integers(problem.n_inputs)
        if u == b:
            continue
        slots = state.sources[j, k] == u
        moved = (j, u, b, slots.sum() * level.size[k])
        before = run.energy()
        doors.fill_field(level, state, j)
        change = doors.coupling_change(level, state, scratch, *moved) - state.terms[j]
        doors.move(level, state, scratch, *moved)
        state.sources[j, k][slots] = b
        doors.fill_field(level, state, j)
        change += state.terms[j]
        assert change == pytest.approx(run.energy() - before, abs=scale(problem))


@given(problems(grids=LARGE), SEEDS)
def test_a_rolled_back_trial_leaves_no_trace(problem, seed):
    run = Run(problem, 0, seed)
    before = run.snapshot()
    doors.perturb_and_roll_back(run.level, *run.work)
    for old, new in zip(before, run.snapshot(), strict=True):
        np.testing.assert_allclose(old, new, atol=scale(problem))
    assert not run.scratch.changed.any()
