"""Laws of the coupled labeling problem and its search."""

import dataclasses
import os
import time
from fractions import Fraction

import naive_labeling
import numpy as np
import pytest
import recorded
from coupled_problems import SEEDS, problems, scale
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import CertificateError, CoupledLabelingProblem, Status, minimize, minimize_many
from subopt.coupled import certificate, local_search

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") != "1"


@given(problems(grids=[(1,), (3,), (2, 2), (2, 1, 2)], inputs=(1, 3), outputs=(1, 3)), numbers())
def test_energy_is_the_formula(problem, rng):
    shape = (problem.n_outputs, *problem.grid)
    z = rng.dirichlet(np.ones(problem.n_inputs), size=shape)
    assert problem.energy(z) == pytest.approx(naive_labeling.energy(problem, z), rel=1e-9, abs=1e-9)


@given(problems(), SEEDS, st.sampled_from(["fast", "default"]))
def test_value_is_the_energy_and_never_rises(problem, seed, effort):
    effort = effort if JIT else "fast"
    result = minimize(problem, rng=seed, effort=effort)
    assert result.value == pytest.approx(problem.energy(result.shares), abs=scale(problem))
    assert np.all(np.diff(result.energies) <= scale(problem))
    assert result.value == result.energies[-1]
    assert len(result.energies) == result.n_iter
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
def test_certificates_prove_bounds_on_all_labelings(problem, seed):
    """In exact arithmetic: no bound is above the minimum, and the gap is the gap."""
    result = minimize(problem, rng=seed, effort="fast", lower_bound=True)
    exact = {
        certificate.exact_energy(problem, certificate.slots_of(problem, sources))
        for sources in naive_labeling.every_labeling(problem)
    }
    proven = certificate.proven_bound(
        problem, result.certificate.prices, result.certificate.relaxed
    )
    assert result.lower_bound <= proven <= min(exact)
    value = certificate.exact_energy(problem, certificate.slots_of(problem, result))
    assert result.value == float(value)
    for answer in (result, result.sources, result.shares):
        assert Fraction(result.certificate.check(problem, answer)) >= value - proven
    assert result.check(problem) == pytest.approx(result.gap, abs=4 * np.spacing(abs(result.value)))
    assert (result.status is Status.OPTIMAL) == (result.gap <= np.spacing(abs(result.value)))


@given(st.one_of(*TINY), SEEDS, st.sampled_from(["fast", "default", "best"]))
def test_tiny_problems_are_solved(problem, seed, effort):
    result = minimize(problem, rng=seed, effort=effort)
    assert result.value <= naive_labeling.minimum(problem) + scale(problem)
    assert result.method == "enumeration of all labelings"


@given(problems(grids=[(1,), (2,), (3,)], inputs=(2, 3), outputs=(2, 3), levels=(1, 1)), numbers())
def test_exact_energies_are_energies(problem, rng):
    shape = (problem.n_outputs, *problem.grid, problem.levels)
    sources = rng.integers(0, problem.n_inputs, shape)
    exact = certificate.exact_energy(problem, certificate.slots_of(problem, sources))
    energy = problem.energy(problem.shares(sources))
    assert float(exact) == pytest.approx(energy, rel=1e-9, abs=scale(problem))


@pytest.mark.skipif(not JIT, reason="thousands of rounds, compiled only")
@given(
    problems(grids=[(1,), (2,), (3,)], inputs=(2, 3), outputs=(2, 3), levels=(1, 2)),
    numbers(),
)
def test_the_search_finds_minima_that_its_moves_leave(problem, rng):
    """Where A couples inputs, a visit can leave the minimum: what a perturbation hits is kept."""
    if not naive_labeling.count(problem) <= 729:
        return
    limits = local_search._Limits(local_search.EFFORTS["best"], None, None)
    search = local_search._Search(problem, rng, limits, None)
    for _ in search.run(step=False):
        pass
    minimum = naive_labeling.minimum(dataclasses.replace(problem, levels=1))
    assert search.result().value <= minimum + scale(problem)


# --- sizes of numbers


def exact_problem(rng, m, J, grid, **options):
    """Costs are multiples of 1/64, so that sums are exact at any scale."""
    return CoupledLabelingProblem(
        rng.integers(-64, 65, (m, *grid)) / 64, n_outputs=J, smoothness=0.25, **options
    )


@given(numbers(), SEEDS, st.sampled_from([(2,), (4, 4), (5, 7)]), st.integers(-40, 40))
def test_a_scale_changes_nothing_but_the_numbers(rng, seed, grid, exponent):
    problem = exact_problem(rng, 4, 4, grid, compatibility=rng.random((4, 4)))
    c = 2.0**exponent
    scaled = dataclasses.replace(
        problem,
        unary=c * problem.unary,
        smoothness=c * problem.smoothness,
        coupling=c * problem.coupling,
    )
    one, other = (minimize(p, rng=seed, lower_bound=True) for p in (problem, scaled))
    assert np.array_equal(one.sources, other.sources)
    assert other.value == c * one.value
    assert other.lower_bound == pytest.approx(c * one.lower_bound, rel=1e-12)
    assert one.status is other.status


@given(numbers(), SEEDS, st.sampled_from([(2,), (4, 4), (5, 7)]), st.sampled_from([1.0, 1e6, -1e9]))
def test_a_constant_changes_nothing_but_the_numbers(rng, seed, grid, constant):
    problem = exact_problem(rng, 4, 4, grid)
    raised = dataclasses.replace(problem, unary=problem.unary + constant)
    one, other = (minimize(p, rng=seed, effort="fast") for p in (problem, raised))
    assert np.array_equal(one.sources, other.sources)
    all_ = constant * 4 * np.prod(grid)
    assert other.value == pytest.approx(one.value + all_, abs=4 * np.spacing(abs(all_)))


@given(
    numbers(), SEEDS, st.sampled_from([(2,), (4, 4), (5, 7)]), st.sampled_from([1e9, 1e15, 1e40])
)
def test_what_is_forbidden_is_avoided_and_hides_nothing(rng, seed, grid, huge):
    """A huge cost acts as a prohibition; ordinary costs beside it are still minimized."""
    problem = exact_problem(rng, 4, 3, grid, coupling=0.0)
    unary = np.array(problem.unary)
    forbidden = rng.random(unary.shape) < 0.5
    forbidden[rng.integers(4)] = False
    unary[forbidden] = huge
    problem = dataclasses.replace(problem, unary=unary, smoothness=0.0)
    result = minimize(problem, rng=seed, lower_bound=True)
    best = 3 * unary.min(axis=0).sum()
    assert result.value == pytest.approx(best, abs=1e-12)
    assert result.status is Status.OPTIMAL
    assert result.lower_bound == pytest.approx(best, abs=1e-12)
    smooth = dataclasses.replace(problem, smoothness=0.25, coupling=1.0)
    result = minimize(smooth, rng=seed, effort="fast")
    assert result.value < 1e6
    assert result.value == pytest.approx(smooth.energy(result.shares), abs=1e-9)


@st.composite
def mixed_scales(draw):
    """A problem whose weights differ by many orders of magnitude, entry by entry."""
    m = draw(st.integers(2, 4))
    numbers = st.builds(lambda k, e: k * 10.0**e, st.integers(0, 9), st.integers(-9, 14))
    signed = st.builds(lambda x, minus: -x if minus else x, numbers, st.booleans())
    grid = draw(st.sampled_from([(9,), (2, 3), (2, 2, 2)]))
    size = m * int(np.prod(grid))
    return CoupledLabelingProblem(
        np.reshape(draw(st.lists(signed, min_size=size, max_size=size)), (m, *grid)),
        n_outputs=draw(st.integers(2, 3)),
        compatibility=np.reshape(draw(st.lists(numbers, min_size=m * m, max_size=m * m)), (m, m)),
        smoothness=draw(numbers),
        coupling=draw(numbers),
        threshold=draw(st.sampled_from([0.0, 0.5, 1.0])),
        threshold_kind=draw(st.sampled_from(["hard", "soft"])),
        levels=draw(st.integers(1, 2)),
    )


@given(mixed_scales(), st.sampled_from(["fast", "published"]))
def test_values_have_their_digits_where_weights_differ_by_orders_of_magnitude(problem, way):
    """A value may be off by rounding of the terms that it is the sum of, and by nothing else."""
    options = {"method": way} if way == "published" else {"effort": way}
    result = minimize(problem, rng=0, **options)
    slots = certificate.slots_of(problem, result)
    exact = certificate.exact_energy(problem, slots)
    size = certificate.exact_energy(problem, slots, absolute=True)
    assert abs(Fraction(result.value) - exact) <= size * Fraction(2) ** -44
    assert result.value == problem._energy_of_sources(result.sources)  # for all methods
    again = minimize(problem, start=result, rng=1, effort="fast")
    assert again.value <= result.value


def test_a_bound_that_misses_by_little_is_not_optimal():
    """At costs of 1e-12 every gap is below 1e-9: OPTIMAL must not follow from that."""
    c = np.random.default_rng(0).random((4, 3, 3))
    small = CoupledLabelingProblem(-1e-12 * c, smoothness=1e-12, coupling=1e-12)
    result = minimize(small, rng=0, effort="fast", lower_bound=True)
    assert 0 < result.gap < 1e-9
    assert result.status is Status.EFFORT_LIMIT


@given(problems(grids=[(4,), (3, 3)]), SEEDS)
def test_without_coupling_and_smoothness_the_bound_is_tight(problem, seed):
    free = CoupledLabelingProblem(
        problem.unary, n_outputs=problem.n_outputs, smoothness=0, coupling=0, levels=problem.levels
    )
    result = minimize(free, rng=seed, effort="fast", lower_bound=True)
    assert result.status is Status.OPTIMAL
    assert result.gap == pytest.approx(0, abs=scale(free))


@given(problems(inputs=(2, 5)), numbers(), SEEDS)
def test_permuting_the_inputs_permutes_the_energy_of_an_answer(problem, rng, seed):
    order = rng.permutation(problem.n_inputs)
    permuted = dataclasses.replace(
        problem,
        unary=problem.unary[order],
        compatibility=problem.compatibility[np.ix_(order, order)],
    )
    result = minimize(problem, rng=seed, effort="fast")
    energy = permuted.energy(result.shares[..., order])
    assert energy == pytest.approx(result.value, abs=scale(problem))


@given(st.lists(problems(grids=[(1,), (5,), (2, 2), (4, 4)]), max_size=3), SEEDS)
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


def test_max_iter_that_suffices_is_not_a_stop():
    full = minimize(group(), rng=0, effort="fast")
    same = minimize(group(), rng=0, effort="fast", max_iter=full.n_iter)
    assert same.status is full.status is Status.EFFORT_LIMIT


def test_max_iter_and_callback():
    seen = []
    result = minimize(group(6, (8, 8)), rng=0, max_iter=3, callback=seen.append)
    assert result.status is Status.ITERATION_LIMIT
    assert result.n_iter == len(seen) == 3
    assert [r.value for r in seen] == pytest.approx(list(result.energies), rel=1e-14)
    assert all(r.sources.shape == (6, 8, 8, 2) for r in seen)


def test_a_stepped_search_is_the_same_search():
    plain, stepped = (minimize(group(), rng=0, callback=c) for c in (None, lambda _: None))
    assert np.array_equal(plain.sources, stepped.sources)
    assert np.array_equal(plain.energies, stepped.energies)


@pytest.mark.parametrize("method", ["search", "published"])
@pytest.mark.parametrize("grid", [(1,), (4, 4)])
def test_stop_iteration_ends_the_run_with_the_answer_so_far(method, grid):
    def stop(result):
        seen.append(result)
        raise StopIteration

    seen = []
    result = minimize(group(2, grid), method=method, rng=0, callback=stop)
    assert result.status is Status.INTERRUPTED
    assert len(seen) == result.n_iter == 1
    assert np.array_equal(result.sources, seen[0].sources)


@given(problems(inputs=(2, 5)), numbers(), SEEDS)
def test_a_start_is_never_made_worse(problem, rng, seed):
    shape = (problem.n_outputs, *problem.grid, problem.levels)
    sources = rng.integers(0, problem.n_inputs, shape)
    result = minimize(problem, rng=seed, effort="fast", start=sources)
    assert result.value <= problem.energy(problem.shares(sources)) + scale(problem)
    again = minimize(problem, rng=seed, effort="fast", start=result)
    assert again.value <= result.value + scale(problem)
    whole = minimize(problem, rng=seed, effort="fast", start=sources[..., :1])
    assert whole.sources.shape == shape


def test_time_limit_returns_the_best_so_far():
    start = time.perf_counter()
    result = minimize(group(), rng=0, time_limit=0.2)
    assert 0.15 < time.perf_counter() - start < 20
    assert result.status is Status.TIME_LIMIT
    first = minimize(group(), rng=0, time_limit=0)
    assert (first.n_iter, first.status) == (1, Status.TIME_LIMIT)
    assert minimize(group(6, (16, 16)), rng=0, time_limit=0.1).sources.shape == (6, 16, 16, 2)


def test_an_interrupt_in_the_callback_gets_out():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(group(3), rng=0, callback=stop)


def test_certificates_that_are_wrong_or_malformed_raise():
    problem = group(4)
    result = minimize(problem, rng=0, effort="fast", lower_bound=True)
    good = result.certificate
    for change in (
        {"lower_bound": np.nextafter(good.lower_bound, 1)},
        {"lower_bound": np.nan},
        {"lower_bound": None},
        {"lower_bound": np.inf},
        {"prices": good.prices[:-1]},
        {"prices": good.prices * np.nan},
        {"prices": None},
        {"prices": np.array(["a"] * 4)},
        {"relaxed": good.relaxed[0]},
        {"relaxed": good.relaxed.astype(complex)},
        {"relaxed": np.full_like(good.relaxed, np.inf)},
        {"relaxed": np.full_like(good.relaxed, 0.5) * np.arange(4)},
    ):
        with pytest.raises(CertificateError):
            dataclasses.replace(good, **change).check(problem, result)
    for answer in (
        None,
        "labels",
        result.sources[0],
        result.sources + 4,
        result.shares * 0.9,
        np.full_like(result.shares, 0.25),
        result.shares * np.nan,
        dataclasses.replace(result, value=result.value - 1e-9),
        dataclasses.replace(result, value=np.nan),
    ):
        with pytest.raises(CertificateError):
            good.check(problem, answer)
    with pytest.raises(CertificateError):
        good.check(group(5), result)


def test_arrays_of_answers_are_read_only():
    result = minimize(group(4), rng=0, effort="fast", lower_bound=True)
    arrays = (result.sources, result.shares, result.energies)
    for array in (*arrays, result.certificate.prices, result.certificate.relaxed):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    plain = minimize(group(4), rng=0, effort="fast")
    assert (plain.lower_bound, plain.gap, plain.check(group(4))) == (-np.inf, np.inf, np.inf)


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
        ({"max_iter": 0}, "max_iter needs an integer >= 1"),
        ({"start": [[0]]}, r"start needs integers of shape .* = \(2, 3, 3, 2\)"),
        ({"start": np.zeros((2, 3, 3, 3), int)}, "parts that divides levels=2, got 3"),
        (
            {"start": np.full((2, 3, 3, 1), 2)},
            r"start needs inputs in 0..1, but start\[0, 0, 0, 0\] is 2",
        ),
        ({"mode": "search"}, "minimize has no option .mode."),
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
    with pytest.raises(ValueError, match=r"indices in 0..1, but sources\[0, 1, 0\] is 7"):
        problem.shares([[[0], [7]]])
    with pytest.raises(TypeError, match="sources needs integers"):
        problem.shares([[[0.5]]])
    with pytest.raises(ValueError, match="one entry for each of the 1 problems, got 2"):
        minimize_many([problem], rng=[0, 1])
    with pytest.raises(TypeError, match="rng needs"):
        minimize_many([problem], rng="seed")
    with pytest.raises(TypeError, match="for one, call minimize"):
        minimize_many(problem)
    with pytest.raises(TypeError, match=r"takes .*; got effort"):
        minimize(problem, method="published", effort="fast")
    with pytest.raises(ValueError, match="threads needs"):
        minimize_many([problem], threads=0)
    assert len(minimize_many([])) == 0


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
