"""Minimization under constraints: laws over families, constraints and methods; the door."""

import dataclasses
import math

import numpy as np
import pytest
from differences import KINDS
from drawn import numbers
from families import FAMILIES
from feasible_sets import all_masks, cases, is_feasible, options
from hypothesis import assume, given
from hypothesis import strategies as st

from subopt import (
    Budget,
    Cardinality,
    CertificateError,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Function,
    Groups,
    LabelingEnergy,
    Modular,
    Status,
    branch_and_bound,
    minimize,
    minimize_many,
)
from subopt.constrained import select
from subopt.constrained.certificate import ConstrainedCertificate, Priced
from subopt.constraints.build import constraints_of
from subopt.difference.exact.tree_certificate import DECIDED, INFEASIBLE, MARGINALS

EXACT = ("auto", "branch_and_bound", "brute_force")
DESCENT = ("local_search", "modmod", "subsup", "dca")
F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
H = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) - Cardinality([0, 3, 4, 4])


def problem_of(data, n, differs):
    rng = data.draw(numbers())
    kinds = KINDS if differs else FAMILIES
    return kinds[data.draw(st.sampled_from(sorted(kinds)), label="kind")](rng, n)


def feasible_sets(n, said):
    found = [m for m in all_masks(n) if is_feasible(set(np.flatnonzero(m)), **said)]
    assume(found)
    return found


def size_of(h):
    parts = (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,)
    return 1e-12 + sum(float(part._range().size.sum()) for part in parts)


def seeded(method):
    return {"rng": 0} if select.draws(method) else {}


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("method", EXACT)
@given(case=cases(), data=st.data())
def test_exact_methods_find_the_best_feasible_set(method, differs, case, data):
    n, said = case
    assume(n > 0)
    h, sets = problem_of(data, n, differs), feasible_sets(n, said)
    rounding = 1e-9 * size_of(h)
    best = min(h.value(m.copy()) for m in sets)
    result = minimize(h, method=method, **seeded(method), **said)
    assert any((result.mask == m).all() for m in sets)
    assert result.value == h.value(result.mask.copy())
    assert result.value == pytest.approx(best, abs=rounding)
    assert result.lower_bound <= best + rounding
    assert result.check(h) == pytest.approx(result.gap, abs=rounding)
    if method != "auto":
        assert result.status is Status.OPTIMAL
    again = minimize(h, method=method, **seeded(method), **said)
    assert (again.value, again.lower_bound) == (result.value, result.lower_bound)
    assert (again.mask == result.mask).all()


@pytest.mark.parametrize("method", DESCENT)
@given(case=cases(), data=st.data())
def test_descent_is_feasible_and_never_worse_than_the_start(method, case, data):
    n, said = case
    assume(n > 0)
    h, sets = problem_of(data, n, True), feasible_sets(n, said)
    start = data.draw(st.sampled_from(sets))
    result = minimize(h, method=method, start=start, **said)
    assert any((result.mask == m).all() for m in sets)
    assert result.value <= h.value(start.copy()) + 1e-9 * size_of(h)
    if len({*said["include"], *said["exclude"]}) == n:
        return  # nothing is left to search
    assert result.lower_bound == -math.inf
    if result.certificate is not None:
        assert result.check(h) == math.inf
    if method == "local_search":
        assert result.status is Status.LOCAL_MINIMUM
        assert result.certificate is not None
    anywhere = minimize(h, method=method, start=np.ones(n, dtype=bool), **said)
    assert any((anywhere.mask == m).all() for m in sets)


@given(case=cases(), data=st.data())
def test_prices_bound_submodular_functions(case, data):
    n, said = case
    assume(n > 0)
    G, sets = problem_of(data, n, False), feasible_sets(n, said)
    rounding = 1e-9 * size_of(G)
    best = min(G.value(m.copy()) for m in sets)
    result = minimize(G, method="lagrangian", **said)
    assert any((result.mask == m).all() for m in sets)
    assert result.lower_bound <= best + rounding
    assert best <= result.value + rounding
    assert result.check(G) == pytest.approx(result.gap, abs=rounding)


@given(data=st.data(), n=st.integers(1, 6))
def test_integer_programs_agree_with_brute_force(data, n):
    rng = data.draw(numbers())
    said = data.draw(options(n))
    feasible_sets(n, said)
    h = Coverage(rng.integers(0, 2, (n, 8))) - Cut(np.ones((n, n)) - np.eye(n))
    result, best = (minimize(h, method=m, **said) for m in ("milp", "brute_force"))
    assert result.value == best.value
    assert result.solver_bound == pytest.approx(best.value, abs=1e-6)


PLAIN = [
    *[(F, method) for method in ("auto", "max_flow", "min_norm_point", "frank_wolfe")],
    *[(H, method) for method in ("auto", "subsup", "supsub", "modmod", "dca", "dca_rounded")],
    *[(H, method) for method in ("accelerated_dca", "complete_dca", "projected_subgradient")],
    *[(H, method) for method in ("forward_greedy", "double_greedy", "milp", "branch_and_bound")],
]


@pytest.mark.parametrize(("h", "method"), PLAIN, ids=range(len(PLAIN)))
def test_all_methods_take_fixed_elements(h, method):
    for include, exclude in (([1], []), ([], [0]), ([2], [0]), ([0, 1], [2])):
        seen = []
        more = {} if method in ("milp", "double_greedy") else {"callback": seen.append}
        result = minimize(h, method=method, include=include, exclude=exclude, **more)
        assert result.mask[include].all()
        assert not result.mask[exclude].any()
        assert result.value == h.value(result.mask.copy())
        free = [i for i in range(3) if i not in include + exclude]
        best = min(h([*include, *np.array(free)[m]]) for m in all_masks(len(free)))
        assert result.lower_bound <= best + 1e-9
        assert result.value >= best - 1e-9
        if isinstance(h, DifferenceOfSubmodular) and method != "branch_and_bound":
            continue
        assert result.value == pytest.approx(best)
        assert result.check(h) == pytest.approx(0.0, abs=1e-9)
        assert all(r.mask[include].all() and r.value == h.value(r.mask.copy()) for r in seen)


def test_options_about_elements_are_about_all_of_them():
    start = minimize(F, method="min_norm_point").certificate
    assert minimize(F, method="min_norm_point", start=start, include=[2]).mask[2]
    assert minimize(H, method="dca", start=[0.5, 0.0, 1.0], exclude=[1]).value <= 0
    assert minimize(H, method="modmod", start=[0, 1], exclude=[1], size=1).mask.sum() == 1
    assert minimize(H, method="double_greedy", order=[2, 1, 0], include=[1]).mask[1]


def forged():
    """Answers that are wrong: problem, certificate, answer, and what the message says."""
    n = 11
    rng = np.random.default_rng(0)
    h = Cut(np.ones((n, n)) - np.eye(n)) - Modular(rng.normal(size=n)) - Coverage(np.eye(n, n + 2))
    h = h + Modular(rng.normal(size=n)) - 3 * Cardinality(np.sqrt, n)
    result = minimize(
        h, method="branch_and_bound", rng=0, size=(2, 4), constraints=Budget(np.arange(n), 9)
    )
    tree, of = result.certificate.evidence, result.certificate.constraints
    step = tree.steps[0]

    def altered(**changes):
        steps = (step._replace(**changes), *tree.steps[1:])
        return ConstrainedCertificate(of, dataclasses.replace(tree, steps=steps))

    none = np.zeros(0, dtype=np.intp)
    yield h, result.certificate, np.ones(n, dtype=bool), "its size is 11"
    yield h, result.certificate, [9, 10], "it costs 19"
    yield h, altered(reason=INFEASIBLE, children=(), evidence=None), result, "may be feasible"
    one = np.array([1])
    yield h, altered(reason=DECIDED, inside=one, outside=none), result, "does not hold"
    yield h, altered(reason=MARGINALS, inside=one, outside=none), result, "does not hold"
    higher = dataclasses.replace(tree, lower_bound=tree.lower_bound + 1)
    yield h, ConstrainedCertificate(of, higher), result, "The steps prove"
    narrow = constraints_of(n, size=3)
    yield h, ConstrainedCertificate(narrow, tree), result.mask | (np.arange(n) < 5), "not feasible"
    best = minimize(F, size=2)
    priced, of = best.certificate.evidence, best.certificate.constraints
    if isinstance(priced, Priced):
        wrong = Priced(-np.ones_like(priced.prices), priced.evidence)
        yield F, ConstrainedCertificate(of, wrong), best, "prices >= 0"
    yield F, best.certificate, [2], "its size is 1"
    yield F, best.certificate, dataclasses.replace(best, value=best.value - 1), "not"


@pytest.mark.parametrize(
    ("h", "certificate", "answer", "message"), list(forged()), ids=range(len(list(forged())))
)
def test_forged_evidence_is_rejected(h, certificate, answer, message):
    with pytest.raises(CertificateError, match=message):
        certificate.check(h, answer)


def test_evidence_about_other_constraints_proves_nothing_for_these():
    # sets of size 1 are lower than those of size 3, which the same tree does not bound
    h = Modular(np.arange(9.0)) - Cardinality(np.sqrt, 9)
    result = minimize(h, method="branch_and_bound", size=3, rng=0)
    other = ConstrainedCertificate(constraints_of(9, size=1), result.certificate.evidence)
    with pytest.raises(CertificateError):
        other.check(h, [0])


def test_methods_that_take_no_sizes_say_which_do():
    with pytest.raises(TypeError, match=r"include and exclude, but not size; .*'branch_and_bound'"):
        minimize(F, method="max_flow", size=2)
    with pytest.raises(TypeError, match=r"takes start, max_iter.* got tie_break"):
        minimize(H, method="modmod", tie_break="random", size=2)
    with pytest.raises(TypeError, match="got rho"):
        minimize(H, method="modmod", rho=1.0, include=[1])
    with pytest.raises(ValueError, match="method must be one of"):
        minimize(F, method="subsup", size=2)
    with pytest.raises(TypeError, match="size"):
        minimize(LabelingEnergy([[0, 1], [1, 0]]), size=1)
    with pytest.raises(ValueError, match="at least 4 elements, but there are 3: 1 too few"):
        minimize(F, size=4)


def test_many_problems_under_the_same_constraints():
    batch = minimize_many([F, H, H], size=2, rng=0)
    assert [int(answer.mask.sum()) for answer in batch] == [2, 2, 2]
    assert batch[1].value == batch[2].value


def test_a_function_that_is_not_submodular_is_reported():
    convex = Function(3, lambda mask: float(mask.sum() ** 2))
    with pytest.raises(ValueError, match="submodular"):
        minimize(convex, size=2)
    assert minimize(convex, size=2, method="brute_force").value == 4.0


def test_everything_may_be_decided():
    for h in (F, H):
        for method in ("auto", "branch_and_bound", "brute_force", "local_search"):
            result = minimize(h, method=method, include=[0, 2], size=2, **seeded(method))
            assert result.S.tolist() == [0, 2]
            again = minimize(h, method=method, include=[0], exclude=[1, 2], size=1)
            assert again.S.tolist() == [0]


@pytest.mark.parametrize("h", [F, H])
def test_limits_of_time_and_callbacks_that_end_a_run(h):
    def stop(result):
        assert result.mask.sum() == 2
        raise StopIteration

    for method in ("auto", "branch_and_bound", "local_search"):
        assert minimize(h, method=method, size=2, time_limit=0.0).mask.sum() == 2
        assert minimize(h, method=method, size=2, callback=stop).mask.sum() == 2


def test_efforts_prove_more():
    rng = np.random.default_rng(0)
    n = 14
    h = Coverage(rng.random((n, 20)) * (rng.random((n, 20)) < 0.4)) - 3 * Cardinality(np.sqrt, n)
    said = {"size": (3, 9), "constraints": [Groups(np.arange(n) % 3, 2)], "rng": 0}
    fast, best = (minimize(h, effort=effort, **said) for effort in ("fast", "best"))
    assert best.status is Status.OPTIMAL
    assert fast.value >= best.value
    assert best.check(h) <= 1e-9
    assert best.value == pytest.approx(minimize(h, method="brute_force", **drop(said)).value)


def drop(said):
    return {name: value for name, value in said.items() if name != "rng"}


def test_the_path_of_sizes_is_proven_where_it_is_optimal():
    # minimizers of F + α|S| are optimal for their sizes
    from subopt import regularization_path

    G = Cut.from_edges([(k, k + 1) for k in range(29)]) + Modular(np.cos(np.arange(30.0)))
    for mask in regularization_path(G).masks[1:-1]:
        result = minimize(G, method="lagrangian", size=int(mask.sum()))
        assert result.value == pytest.approx(G.value(mask.copy()))
        assert result.status is Status.OPTIMAL
        assert result.check(G) <= 1e-9


def test_estimates_prove_nothing():
    h = DifferenceOfSubmodular(H.f, H.g, estimated=True)
    result = minimize(h, size=2, rng=0)
    assert result.lower_bound == -math.inf
    assert minimize(h, size=2, rng=0, method="branch_and_bound").lower_bound == -math.inf


@pytest.mark.parametrize("size", [None, 3])
def test_the_largest_effort_takes_its_time_where_nothing_can_be_proven(size):
    H = Cut(np.ones((8, 8)) - np.eye(8)) - Cardinality([0, 4, 6, 7, 7, 7, 7, 7, 7])
    h = DifferenceOfSubmodular(H.f, H.g, estimated=True)
    options = {} if size is None else {"size": size}
    result = minimize(h, effort="best", time_limit=0.2, rng=0, **options)
    assert result.status.name == "TIME_LIMIT"


def test_branch_and_bound_without_constraints_is_as_before():
    assert branch_and_bound(H, rng=0).certificate.constraints is None


def test_few_sets_of_many_elements_are_tried_one_by_one():
    rng = np.random.default_rng(0)
    h = Coverage(rng.random((40, 20)) < 0.2) - 4 * Cardinality(np.sqrt, 40)
    h = h + Modular(rng.normal(size=40))
    result = minimize(h, method="branch_and_bound", size=2, rng=0)
    best = min(h([i, j]) for i in range(40) for j in range(i))
    assert result.value == pytest.approx(best)
    assert result.n_iter == 1
    assert result.check(h) == pytest.approx(0.0, abs=1e-9)
