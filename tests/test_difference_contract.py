"""What all methods for f - g promise: scale, forced elements, interruption, estimates, evidence."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from differences import pair, size_of
from drawn import numbers
from hypothesis import given, settings
from hypothesis import strategies as st

import subopt
from subopt import (
    CertificateError,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Function,
    Modular,
    Status,
    branch_and_bound,
    decompose,
    milp,
    minimize,
)
from subopt._base.options import OPTIONS
from subopt.difference import TreeCertificate
from subopt.difference._fixing import fix
from subopt.difference.exact._milp import can_solve
from subopt.difference.local_minimum import LocalMinimumCertificate
from subopt.difference.select import METHODS, minimize_difference, options
from subopt.difference.submodular_case import SubmodularCertificate
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 4))
EXACT = ("auto", "branch_and_bound", "milp", "brute_force")
EXTRA = {"auto": {"starts": 2, "threads": 1, "rng": 0}, "branch_and_bound": {"rng": 0}}
SCALES = [2.0**-40, 1e-12, 1e-5, 1e5, 1e12]


def solve(h, method):
    return minimize(h, method=method, **EXTRA.get(method, {}))


def solvable(h, method):
    return method != "milp" or can_solve(h) is None


@pytest.mark.parametrize("method", METHODS)
@few
@given(rng=numbers(), n=st.integers(1, 7), scale=st.sampled_from(SCALES))
def test_scaling_changes_nothing_but_the_values(method, rng, n, scale):
    h = pair(rng, n)
    if not solvable(h, method):
        return
    one, other = solve(h, method), solve(scale * h, method)
    close = 1e-9 * size_of(h)
    if math.frexp(scale)[0] == 0.5:  # no rounding differs, so that ties are broken alike
        assert other.value / scale == pytest.approx(one.value, abs=close)
        assert other.status is one.status
    if method in EXACT:
        lowest = all_values(h).min()
        for result, unit in ((one, 1.0), (other, scale)):
            assert result.value / unit == pytest.approx(lowest, abs=close)
            if method in ("branch_and_bound", "brute_force"):
                assert result.lower_bound / unit == pytest.approx(lowest, abs=close)
            if method == "milp":
                assert result.solver_bound / unit == pytest.approx(lowest, abs=1e-6 * size_of(h))
    if other.certificate is not None:
        gap = other.check(scale * h)
        assert gap == other.gap or gap / scale == pytest.approx(other.gap / scale, abs=close)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "brute_force"])
@few
@given(
    rng=numbers(),
    n=st.integers(1, 6),
    weight=st.sampled_from([1e4, 1e8, 1e12]),
    data=st.data(),
)
def test_huge_weights_force_elements_and_change_nothing_else(method, rng, n, weight, data):
    size, where = n + 3, data.draw(st.permutations(range(n + 3)), label="order of elements")
    base = pair(rng, size)
    into, out, kept = where[:2], where[2:3], np.sort(where[3:])
    forced = np.zeros(size)
    forced[into] = -weight * (1 + size_of(base))
    forced[out] = weight * (1 + size_of(base))
    h = base + Modular(forced)
    rest = base.contract(into).restrict(
        [k for k, e in enumerate(sorted(set(where) - set(into))) if e not in out]
    )
    if not (solvable(h, method) and solvable(rest, method)):
        return
    result, expected = solve(h, method), solve(rest, method)
    assert result.mask[into].all()
    assert not result.mask[out].any()
    close = 1e-9 * size_of(rest)
    assert rest.value(result.mask[kept]) == pytest.approx(expected.value, abs=close)
    if method in ("auto", "branch_and_bound"):
        assert result.status is Status.OPTIMAL
        assert result.check(h) <= 1e-9 * size_of(base)
    elif result.certificate is not None:
        result.check(h)


@given(rng=numbers(), n=st.integers(1, 7))
def test_decided_elements_are_in_all_minimizers_or_in_none(rng, n):
    h = pair(rng, n)
    fixed = fix(h)
    values = all_values(h)
    lowest = np.flatnonzero(values <= values.min() + 1e-12 * size_of(h))
    members = (lowest[:, None] >> np.arange(n)) & 1 == 1
    decided = np.ones(n, dtype=bool)
    decided[fixed.free] = False
    assert (members[:, decided] == fixed.inside[decided]).all()
    left, bit = all_values(fixed.h), 1 << fixed.free
    codes = (((np.arange(len(left))[:, None] >> np.arange(len(bit))) & 1) * bit).sum(axis=1)
    base = int(fixed.inside @ (1 << np.arange(n)))
    np.testing.assert_allclose(
        left, values[base + codes] - values[base], rtol=0, atol=1e-9 * size_of(h) + 1e-300
    )


@given(
    items=st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=1, max_size=6),
    weights=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    method=st.sampled_from(["auto", "branch_and_bound", "milp", "local_search", "subsup"]),
)
def test_few_items_that_cancel(items, weights, method):
    covered = np.array(items) > 1
    h = Coverage(covered) - Coverage(covered, weights)
    if not isinstance(h, DifferenceOfSubmodular):
        h = DifferenceOfSubmodular(h, Modular(np.zeros(len(items))))
    result = solve(h, method)
    if method in EXACT:
        assert result.value == all_values(h).min()


# Limits ------------------------------------------------------------------------------------------


def problem(n=10):
    rng = np.random.default_rng(1)
    A, B = (np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.6), 1) for _ in range(2))
    return DifferenceOfSubmodular(Cut(A + A.T) + Modular(rng.normal(size=n)), Cut(B + B.T))


ITERATIVE = [name for name in METHODS if "callback" in options(name)]


@pytest.mark.parametrize("method", ITERATIVE)
def test_stop_iteration_ends_a_run_with_the_best_answer_so_far(method):
    h, seen = problem(), []

    def stop(result):
        seen.append(result)
        raise StopIteration

    result = minimize(h, method=method, callback=stop)
    assert len(seen) == 1
    assert result.value <= seen[0].value
    assert result.value == pytest.approx(h.value(result.mask))
    assert result.status is Status.INTERRUPTED

    def fail(result):
        raise RuntimeError("of the caller")

    with pytest.raises(RuntimeError, match="of the caller"):
        minimize(h, method=method, callback=fail)


@pytest.mark.parametrize("method", ITERATIVE)
def test_callbacks_are_called_at_least_once(method):
    flat = DifferenceOfSubmodular(Modular([1.0, 2.0, 0.5]), Modular([0.0, 0.0, 0.0]))
    timed = {"time_limit": 0} if "time_limit" in options(method) else {}
    for h, limits in ((flat, {}), (problem(), {}), (problem(20), timed)):
        seen = []
        last = minimize(h, method=method, callback=seen.append, **limits)
        assert seen
        assert seen[-1].value >= last.value


@pytest.mark.parametrize("method", [name for name in METHODS if "time_limit" in options(name)])
def test_without_time_there_is_an_answer(method):
    h = problem(20)
    result = minimize(h, method=method, time_limit=0)
    assert result.value == pytest.approx(h.value(result.mask))
    assert result.status in (Status.TIME_LIMIT, Status.REPORTED_OPTIMAL)  # HiGHS may be quick
    if result.certificate is not None:
        assert result.check(h) == pytest.approx(result.gap) or result.gap == math.inf


def test_limits_of_iterations_and_nodes_have_names_of_their_own():
    h = problem(14)
    assert branch_and_bound(h, max_nodes=1).status is Status.NODE_LIMIT
    assert subopt.modmod(h, max_iter=1).status is Status.ITERATION_LIMIT


@pytest.mark.parametrize("effort", ["fast", "default", "best"])
def test_more_effort_is_no_worse_and_the_best_proves(effort):
    h = problem(14)
    results = [minimize(h, effort=e, rng=0, threads=1) for e in ("fast", "default", "best")]
    values = [result.value for result in results]
    assert values == sorted(values, reverse=True)
    assert results[-1].status is Status.OPTIMAL
    assert results[-1].check(h) <= 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_options_of_a_method_are_taken_and_others_are_not(method):
    h = problem(5)
    known = {
        "max_iter": 3, "inner_iter": 3, "rho": 0.0, "memory": 2, "tangents": 2, "step": 0.1,
        "patience": 2, "moves": ("flip",), "tie_break": "gains", "start": [], "time_limit": 9.0,
        "tol": 0.1, "max_nodes": 5, "starts": 1, "effort": "fast", "threads": 1,
        "randomized": False, "order": range(5), "minimizer": "any", "callback": print,
        "verbose": False, "executor": ThreadPoolExecutor(1),
    }  # fmt: skip
    taken = [name for name in options(method) if name != "rng"]
    assert set(taken) <= set(known)
    for name in taken:
        points = name == "start" and ("dca" in method or method == "projected_subgradient")
        value = [0.0] * 5 if points else known[name]
        minimize_difference(h, method=method, **{name: value if name != "callback" else id})
    for name in set(known) - set(taken):
        with pytest.raises(TypeError, match=f"got {name}"):
            minimize_difference(h, method=method, **{name: known[name]})


def test_shared_options_are_documented():
    for method, run in METHODS.items():
        assert "%(" not in run.__doc__, method
        for name in options(method):
            assert f"\n    {name} : " in run.__doc__, (method, name)
            if name in OPTIONS and method != "brute_force":
                assert OPTIONS[name]


# Claims ------------------------------------------------------------------------------------------


def estimate():
    def value(mask):
        return 30.0 * float(mask[:3].all()) - float(mask[:3].sum()) - 0.1 * float(mask.sum())

    h = decompose(Function(14, value), n_samples=20)
    assert h.estimated
    return h


@pytest.mark.parametrize(
    "made", [lambda h: h, lambda h: -h, lambda h: 2 * h + Modular(np.ones(14))]
)
@pytest.mark.parametrize("method", ["auto", "branch_and_bound"])
def test_nothing_is_proven_from_an_estimate(method, made):
    h = made(estimate())
    result = minimize(h, method=method, **({"starts": 2} if method == "auto" else {}))
    assert result.status is not Status.OPTIMAL
    assert result.lower_bound == -math.inf
    assert result.gap == math.inf
    assert result.check(h) == math.inf
    exact = branch_and_bound(problem(14), max_nodes=1)
    with pytest.raises(CertificateError, match="is an estimate"):
        exact.certificate.check(h, result)


def test_an_estimate_without_curvature_is_not_taken_for_submodular():
    h = decompose(Function(13, lambda mask: -20.0 * float(mask.sum() == 11)), n_samples=1)
    assert h.estimated
    result = minimize(h, starts=1, rng=0)
    assert result.status is not Status.OPTIMAL
    assert result.lower_bound == -math.inf
    assert minimize(h.restrict(range(12)), method="brute_force").value == -20.0


def test_results_need_to_have_their_value():
    h = problem(8)
    for result in (minimize(h, rng=0), subopt.subsup(h), branch_and_bound(h)):
        assert result.check(h) == result.certificate.check(h, result)
        with pytest.raises(CertificateError, match="at the set, not"):
            result.check(
                h + Modular(np.full(8, -0.25)) if result.mask.any() else 2 * h + Modular([-1.0] * 8)
            )


BROKEN = [None, 3, "flip", (), (None,), [[]], ..., (np.nan,), ((1, 2, 3),)]


@pytest.mark.parametrize("field", ["neighborhoods", "lower_bound", "steps", "answer", "step"])
@pytest.mark.parametrize("wrong", BROKEN, ids=repr)
def test_malformed_evidence_is_a_certificate_error(field, wrong):
    h = problem(9)
    tree = branch_and_bound(h, rng=0)
    certificates = {
        "neighborhoods": lambda: LocalMinimumCertificate(wrong),
        "lower_bound": lambda: LocalMinimumCertificate(("flip",), wrong),
        "steps": lambda: TreeCertificate(wrong, tree.lower_bound),
        "answer": lambda: tree.certificate,
        "step": lambda: TreeCertificate(
            tuple(step._replace(inside=wrong) for step in tree.certificate.steps), tree.lower_bound
        ),
    }
    answer = wrong if field == "answer" else tree.mask
    if field == "answer" and wrong == ():
        assert certificates[field]().check(h, ()) >= 0  # the empty set is an answer
        return
    with pytest.raises(CertificateError):
        certificates[field]().check(h, answer)


@given(rng=numbers())
@few
def test_random_changes_of_a_tree_never_raise_its_bound(rng):
    h = problem(9)
    certificate = branch_and_bound(h, rng=0).certificate
    steps = list(certificate.steps)
    for _ in range(rng.integers(1, 4)):
        j = int(rng.integers(len(steps)))
        step = steps[j]
        name = rng.choice(step._fields)
        value = getattr(step, name)
        if name == "reason":
            value = rng.choice(["split", "marginals", "costs", "bound", "exhausted", "x"])
        elif name in ("inside", "outside"):
            value = rng.integers(-2, 11, rng.integers(0, 3))
        elif name == "children":
            value = tuple(rng.integers(-1, len(steps) + 1, rng.integers(0, 3)).tolist())
        elif value is not None:
            inner = rng.choice(value._fields)
            array = getattr(value, inner)
            value = value._replace(
                **{inner: rng.permutation(array.ravel()).reshape(array.shape) + rng.integers(2)}
            )
        steps[j] = step._replace(**{name: value})
    try:
        gap = TreeCertificate(tuple(steps), certificate.lower_bound).check(h, np.zeros(9, bool))
    except CertificateError:
        return
    assert gap >= -all_values(h).min() - 1e-9


def test_a_modular_g_has_evidence_about_the_difference():
    h = DifferenceOfSubmodular(problem(8).f, Modular(np.linspace(-1, 1, 8)))
    result = minimize(h)
    assert isinstance(result.certificate, SubmodularCertificate)
    assert result.check(h) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(CertificateError, match="not known to be modular"):
        result.certificate.check(problem(8), result)


def test_milp_says_before_it_solves_whether_it_can():
    h = problem(6)
    assert can_solve(h) is None
    other = h + Function(6, lambda mask: float(np.sqrt(mask.sum())))
    assert "Function" in can_solve(other)
    with pytest.raises(TypeError, match="branch_and_bound takes any function"):
        milp(other)


@pytest.mark.parametrize("options", [
    {}, {"method": "subsup"}, {"method": "modmod", "tie_break": "random"},
    {"method": "double_greedy", "randomized": True}, {"method": "milp"},
], ids=str)  # fmt: skip
def test_many_problems_take_the_options_of_one(options):
    problems = [problem(5), problem(6)]
    draws = options.get("method") not in ("subsup", "milp")  # others refuse what they do not use
    answers = subopt.minimize_many(problems, rng=0 if draws else None, **options)
    for h, answer in zip(problems, answers, strict=True):
        assert answer.value == h.value(answer.mask)


def test_a_gap_that_is_left_is_reported():
    rng = np.random.default_rng(4)
    A, B = (np.triu(rng.random((30, 30)), 1) for _ in range(2))
    h = DifferenceOfSubmodular(Cut(A + A.T) + Modular(rng.normal(size=30)), Cut(B + B.T))
    result = minimize(h, rng=0, starts=1, threads=1)
    assert result.status is Status.LOCAL_MINIMUM
    assert 0 < result.gap < math.inf
    assert result.check(h) == pytest.approx(result.gap)
    assert LocalMinimumCertificate(("flip", "swap")).check(h, result) == math.inf
    limited = minimize(h, rng=0, effort="best", starts=1, threads=1, time_limit=0.5)
    assert limited.status is Status.TIME_LIMIT
    assert limited.value == h.value(limited.mask) < 0
