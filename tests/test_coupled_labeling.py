"""Laws of the coupled labeling problem and its search."""

import dataclasses
import os
import time

import naive_labeling
import numpy as np
import pytest
import recorded
from coupled_problems import SEEDS, problems, scale
from hypothesis import given
from hypothesis import strategies as st

from subopt import CoupledLabelingProblem, Status, minimize, minimize_many

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") != "1"


@given(problems(grids=[(1,), (3,), (2, 2), (2, 1, 2)], inputs=(1, 3), outputs=(1, 3)), SEEDS)
def test_energy_is_the_formula(problem, seed):
    shape = (problem.n_outputs, *problem.grid)
    z = np.random.default_rng(seed).dirichlet(np.ones(problem.n_inputs), size=shape)
    assert problem.energy(z) == pytest.approx(naive_labeling.energy(problem, z), rel=1e-9, abs=1e-9)


@given(problems(), SEEDS, st.sampled_from(["fast", "default"]))
def test_value_is_the_energy_and_never_rises(problem, seed, effort):
    effort = effort if JIT else "fast"
    result = minimize(problem, rng=seed, effort=effort)
    assert result.value == pytest.approx(problem.energy(result.shares), abs=scale(problem))
    assert np.all(np.diff(result.energies) <= scale(problem))
    assert result.value == result.energies[-1]
    assert len(result.energies) == result.n_sweeps
    whole = np.arange(problem.n_outputs) % problem.n_inputs
    start = np.broadcast_to(
        whole.reshape(-1, *[1] * (len(problem.grid) + 1)), (problem.n_outputs, *problem.grid, 1)
    )
    assert result.value <= problem.energy(problem.shares(start)) + scale(problem)
    assert np.allclose(result.shares.sum(axis=-1), 1)
    assert np.all(np.diff(result.sources, axis=-1) >= 0)
    assert result.status is Status.EFFORT_LIMIT


TINY = [
    problems(grids=[(1,), (2,), (3,), (2, 2)], inputs=(2, 2), outputs=(1, 2), levels=(1, 1)),
    problems(grids=[(1,), (2,)], inputs=(1, 3), outputs=(2, 2), levels=(1, 2)),
]


@given(st.one_of(*TINY), SEEDS)
def test_brute_force_bounds_the_result_and_the_bound(problem, seed):
    best = naive_labeling.minimum(problem)
    result = minimize(problem, rng=seed, effort="default", lower_bound=True)
    assert result.value >= best - scale(problem)
    assert result.lower_bound <= best + scale(problem)
    assert result.gap == result.value - result.lower_bound
    assert result.certificate.check(problem) == pytest.approx(result.lower_bound)


@pytest.mark.skipif(not JIT, reason="thousands of rounds, compiled only")
@given(st.one_of(*TINY), SEEDS)
def test_best_effort_finds_the_minimum_of_tiny_problems(problem, seed):
    result = minimize(problem, rng=seed, effort="best")
    assert result.value <= naive_labeling.minimum(problem) + scale(problem)


@given(problems(grids=[(4,), (3, 3)]), SEEDS)
def test_without_coupling_and_smoothness_the_bound_is_tight(problem, seed):
    free = CoupledLabelingProblem(
        problem.unary, n_outputs=problem.n_outputs, smoothness=0, coupling=0, levels=problem.levels
    )
    result = minimize(free, rng=seed, effort="fast", lower_bound=True)
    assert result.status is Status.OPTIMAL
    assert result.gap == pytest.approx(0, abs=scale(free))


@given(problems(inputs=(2, 5)), SEEDS)
def test_permuting_the_inputs_permutes_the_energy_of_an_answer(problem, seed):
    order = np.random.default_rng(seed).permutation(problem.n_inputs)
    permuted = dataclasses.replace(
        problem,
        unary=problem.unary[order],
        compatibility=problem.compatibility[np.ix_(order, order)],
    )
    result = minimize(problem, rng=seed, effort="fast")
    energy = permuted.energy(result.shares[..., order])
    assert energy == pytest.approx(result.value, abs=scale(problem))


@given(st.lists(problems(), max_size=4), SEEDS)
def test_threads_do_not_matter(some, seed):
    runs = [minimize_many(some, rng=seed, threads=n, effort="fast") for n in (1, 2, 3)]
    for results in zip(*runs, strict=True):
        assert len({r.sources.tobytes() for r in results}) == 1
        assert len({r.energies.tobytes() for r in results}) == 1


@given(problems(), SEEDS)
def test_the_same_seed_gives_the_same_answer_and_input_is_not_changed(problem, seed):
    unary = np.array(problem.unary)
    copy = CoupledLabelingProblem(unary, n_outputs=problem.n_outputs)
    first = minimize(copy, rng=seed, effort="fast")
    assert np.array_equal(unary, problem.unary)
    unary[:] = np.pi  # the problem has its own copy
    second = minimize(copy, rng=np.random.default_rng(seed), effort="fast")
    assert np.array_equal(first.sources, second.sources)
    with pytest.raises(dataclasses.FrozenInstanceError):
        copy.levels = 1
    with pytest.raises(ValueError, match="read-only"):
        copy.unary[0] = 0


# --- limits and progress


def group(m=20, grid=(4, 4), seed=0):
    c = np.random.default_rng(seed).random((m, *grid)) ** 3
    return CoupledLabelingProblem(-c / c.reshape(m, -1).sum(axis=1).reshape(-1, *[1] * len(grid)))


def test_one_generator_for_all_problems_does_not_depend_on_threads():
    runs = []
    for threads in (1, 4):
        rng = np.random.default_rng(5)
        results = minimize_many([group(4)] * 8, rng=[rng] * 8, threads=threads, effort="fast")
        runs.append([r.sources.tobytes() for r in results])
    assert runs[0] == runs[1]


def test_max_sweeps_that_suffice_are_not_a_stop():
    full = minimize(group(), rng=0, effort="fast")
    same = minimize(group(), rng=0, effort="fast", max_sweeps=full.n_sweeps)
    assert same.status is full.status is Status.EFFORT_LIMIT


def test_max_sweeps_and_callback():
    seen = []
    result = minimize(group(6, (8, 8)), rng=0, max_sweeps=3, callback=seen.append)
    assert result.status is Status.ITERATION_LIMIT
    assert result.n_sweeps == len(seen) == 3
    assert [r.value for r in seen] == list(result.energies)
    assert all(r.sources.shape == (6, 8, 8, 2) for r in seen)


def test_a_stepped_search_is_the_same_search():
    plain, stepped = (minimize(group(), rng=0, callback=c) for c in (None, lambda _: None))
    assert np.array_equal(plain.sources, stepped.sources)


def test_time_limit_returns_the_best_so_far():
    start = time.perf_counter()
    result = minimize(group(), rng=0, time_limit=0.2)
    assert 0.15 < time.perf_counter() - start < 20
    assert result.status is Status.TIME_LIMIT
    assert minimize(group(), rng=0, time_limit=0.0).n_sweeps == 1
    assert minimize(group(6, (16, 16)), rng=0, time_limit=0.1).sources.shape == (6, 16, 16, 2)


def test_an_interrupt_in_the_callback_gets_out():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(group(3), rng=0, callback=stop)


def test_a_tampered_certificate_raises():
    problem = group(4)
    certificate = minimize(problem, rng=0, effort="fast", lower_bound=True).certificate
    other = np.full_like(certificate.relaxed, 0.5)
    for change in (
        {"bound": certificate.bound + 1},
        {"prices": certificate.prices[:-1]},
        {"prices": certificate.prices * np.nan},
        {"relaxed": other},
    ):
        with pytest.raises(ValueError, match=r"prove|shape|finite|sum to 1"):
            dataclasses.replace(certificate, **change).check(problem)


# --- bad input

U = np.zeros((2, 3, 3))
BAD = {
    "nan": ((np.where(np.arange(18).reshape(2, 3, 3) == 5, np.nan, U),), {}, r"unary\[0, 1, 2\]"),
    "infinite": ((U - np.inf,), {}, "finite"),
    "object": ((np.array([[None, 1], [2, 3]]),), {}, "dtype object"),
    "complex": ((U * 1j,), {}, "real numbers"),
    "text": (("saliency",), {}, "real numbers"),
    "no grid": ((np.zeros(3),), {}, "1, 2 or 3 dimensions"),
    "4-D grid": ((np.zeros((2, 1, 1, 1, 1)),), {}, "1, 2 or 3 dimensions"),
    "no inputs": ((np.zeros((0, 3)),), {}, "no empty axis"),
    "empty grid": ((np.zeros((3, 0)),), {}, "no empty axis"),
    "ragged": (([[1.0], [1.0, 2.0]],), {}, "unary"),
    "huge": ((U + 1e301,), {}, r"up to 1e\+60.*largest is 1e\+301"),
    "huge coupling": ((U,), {"coupling": 1e200}, "coupling needs a number up to"),
    "huge A": ((U,), {"compatibility": np.full((2, 2), 1e99)}, "compatibility needs numbers up to"),
    "negative smoothness": ((U,), {"smoothness": -1}, "smoothness needs a finite number >= 0"),
    "nan coupling": ((U,), {"coupling": np.nan}, "coupling needs a finite number >= 0"),
    "text threshold": ((U,), {"threshold": "0.8"}, "threshold needs a number"),
    "kind": ((U,), {"threshold_kind": "firm"}, "'hard', 'soft'"),
    "levels 0": ((U,), {"levels": 0}, "levels needs an integer >= 1"),
    "levels 1.5": ((U,), {"levels": 1.5}, "levels needs an integer"),
    "levels True": ((U,), {"levels": True}, "levels needs an integer"),
    "no outputs": ((U,), {"n_outputs": 0}, "n_outputs needs an integer >= 1"),
    "A shape": ((U,), {"compatibility": np.eye(3)}, r"= \(2, 2\), got \(3, 3\)"),
    "A negative": ((U,), {"compatibility": [[1, 0], [-1, 1]]}, r"compatibility\[1, 0\] is -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_problems_say_what_to_do(case):
    args, options, message = BAD[case]
    with pytest.raises((ValueError, TypeError), match=message):
        CoupledLabelingProblem(*args, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effort": "much"}, "'fast', 'default', 'best'"),
        ({"rng": -1}, "rng needs"),
        ({"rng": "seed"}, "rng needs"),
        ({"max_sweeps": 0}, "max_sweeps needs an integer >= 1"),
        ({"time_limit": -1.0}, "time_limit needs"),
    ],
)
def test_bad_options_say_what_to_do(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        minimize(CoupledLabelingProblem(U), **options)


def test_bad_calls_say_what_to_do():
    problem = CoupledLabelingProblem(U)
    with pytest.raises(TypeError, match=r"got ndarray.*CoupledLabelingProblem\(unary\)"):
        minimize(U)
    with pytest.raises(ValueError, match=r"shares needs the shape .* = \(2, 3, 3, 2\)"):
        problem.energy(np.ones((2, 3, 3, 1)))
    with pytest.raises(ValueError, match=r"shares\[0, 0, 0\] = \[1. 1.\]"):
        problem.energy(np.ones((2, 3, 3, 2)))
    with pytest.raises(ValueError, match=r"indices in 0..1, got 0..7"):
        problem.shares([[[0], [7]]])
    with pytest.raises(TypeError, match="sources needs integers"):
        problem.shares([[[0.5]]])
    with pytest.raises(ValueError, match="one entry for each of the 1 problems, got 2"):
        minimize_many([problem], rng=[0, 1])
    with pytest.raises(TypeError, match="rng needs"):
        minimize_many([problem], rng="seed")
    with pytest.raises(TypeError, match="for one, call minimize"):
        minimize_many(problem)
    with pytest.raises(ValueError, match="is for mode='search'"):
        minimize(problem, mode="published", effort="fast")
    with pytest.raises(ValueError, match="threads needs"):
        minimize_many([problem], threads=0)
    assert minimize_many([]) == []


# --- recorded cases


@pytest.fixture(scope="module")
def cases(data_dir):
    return recorded.coupled(data_dir)


@pytest.mark.parametrize("case", range(37))
def test_recorded_energies_are_reproduced(cases, case):
    problem, known, shares = cases[case].problem, cases[case].known, cases[case].shares
    assert problem.energy(shares) == pytest.approx(known["published"], abs=1e-9)


@pytest.mark.skipif(not JIT, reason="compiled only: 20 to 100 inputs")
@pytest.mark.parametrize("case", range(37))
def test_recorded_cases_are_solved_better(cases, case):
    problem, known = cases[case].problem, cases[case].known
    fast = np.median([minimize(problem, rng=seed, effort="fast").value for seed in range(9)])
    assert fast <= min(known["published"], known["identity"]) + 1e-9
    default = np.median([minimize(problem, rng=seed).value for seed in range(5)])
    assert default <= known["best_known"] + 0.03 * abs(known["best_known"])
