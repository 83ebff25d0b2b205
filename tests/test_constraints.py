"""Constraints: feasibility, single changes, modular functions over feasible sets, and conflicts."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from feasible_sets import all_masks, cases, is_feasible
from hypothesis import assume, given
from hypothesis import strategies as st

from subopt import Budget, Groups
from subopt.constraints.build import constraints_of
from subopt.constraints.modular import complete, laminar, least


def made(case):
    """The constraints of a case and all feasible sets; cases without any are set aside."""
    n, said = case
    feasible = [m for m in all_masks(n) if is_feasible(set(np.flatnonzero(m)), **said)]
    assume(feasible)
    return constraints_of(n, **said), np.array(feasible)


@given(cases())
def test_feasible_sets_are_those_of_the_definition(case):
    n, said = case
    expected = [is_feasible(set(np.flatnonzero(m)), **said) for m in all_masks(n)]
    try:
        of = constraints_of(n, **said)
    except ValueError:
        assert not any(expected)
        return
    assert any(expected)
    assert of.feasible_rows(all_masks(n)).tolist() == expected
    assert [not of.violations(m) for m in all_masks(n)] == expected


@given(cases(), st.data())
def test_single_changes_keep_sets_feasible(case, data):
    of, feasible = made(case)
    S = data.draw(st.sampled_from(list(feasible)))
    add, remove, use = of.additions(S), of.removals(S), of.usage(S)
    for i in range(of.n):
        other = S.copy()
        other[i] = not S[i]
        assert (remove if S[i] else add)[i] == of.feasible(other)
        assert use.fits(i) == add[i]
    for i, j in itertools.product(np.flatnonzero(S), np.flatnonzero(~S)):
        other = S.copy()
        other[i], other[j] = False, True
        assert of.joining(S, i)[j] == of.leaving(S, j)[i] == of.feasible(other)
        if not of.include[i]:
            use.remove(i)
            assert use.fits(j) == of.feasible(other)
            use.add(i)


@given(cases(), st.lists(st.integers(-5, 5), min_size=6, max_size=6))
def test_modular_functions_over_feasible_sets(case, numbers):
    of, feasible = made(case)
    weights = np.array(numbers[: of.n], dtype=float)
    best = min(weights[m].sum() for m in feasible)
    for exact in (False, True):
        found = least(of, weights, exact=exact)
        assert of.feasible(found.mask)
        assert found.value == pytest.approx(weights[found.mask].sum(), abs=1e-12)
        assert found.bound <= best + 1e-9
        assert best <= found.value + 1e-9
    assert found.value == pytest.approx(best, abs=1e-9)
    if laminar(of.layers) is not None and not of.purses:
        assert found.bound == found.value


@given(cases(), st.data())
def test_any_set_can_be_completed_to_a_feasible_one(case, data):
    of, feasible = made(case)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=of.n, max_size=of.n)), dtype=bool)
    done = complete(of, mask, np.arange(of.n, dtype=float))
    assert of.feasible(done)
    if of.feasible(mask):
        assert (done == mask).all()
    assert any((done == m).all() for m in feasible)


@given(cases(), st.data())
def test_prices_weigh_feasible_sets_by_at_most_their_constant(case, data):
    of, feasible = made(case)
    prices = np.array(
        data.draw(st.lists(st.integers(0, 9), min_size=of.n_rows, max_size=of.n_rows)), dtype=float
    )
    weights, constant = of.priced(prices)
    np.testing.assert_allclose(of.matrix().toarray().T @ prices, weights)
    for S in feasible:
        np.testing.assert_allclose(of.matrix() @ S, of.usages(S))
        assert (of.usages(S) <= of.limits() + 1e-9).all()
        assert weights[S].sum() <= constant + 1e-9


@given(cases(), st.data())
def test_parts_of_feasible_sets_are_feasible_in_the_minor(case, data):
    of, feasible = made(case)
    S = data.draw(st.sampled_from(list(feasible)))
    fixed = np.array(data.draw(st.lists(st.booleans(), min_size=of.n, max_size=of.n)), dtype=bool)
    inside, kept = np.flatnonzero(S & fixed), np.flatnonzero(~fixed)
    minor = of.minor(inside, kept)
    assert minor.feasible(S[kept])
    outside = (of.include & fixed & ~S) | (of.exclude & fixed & S)
    for T in all_masks(len(kept)) if not outside.any() else []:
        whole = S & fixed
        whole[kept] = T
        assert minor.feasible(T) == of.feasible(whole)


def test_nested_groups_are_solved_by_sorting():
    pairs, fours = Groups([0, 0, 1, 1, 2, 2], 1), Groups([0, 0, 0, 0, 1, 1], {0: 1, 1: 2})
    of = constraints_of(6, constraints=[fours, pairs])
    assert laminar(of.layers) is not None
    found = least(of, np.array([-1.0, -5, -3, -2, -1, -1]))
    assert (found.value, found.bound) == (-6.0, -6.0)
    crossing = constraints_of(6, constraints=[Groups([0, 1] * 3, 1), pairs])
    assert laminar(crossing.layers) is None


CONFLICTS = [
    ({"size": 7}, "at least 7 elements, but there are 5: 2 too few"),
    ({"size": (3, 2)}, r"low <= high, got \(3, 2\)"),
    ({"include": [1, 3], "exclude": [3]}, r"include and exclude share \[3\]"),
    ({"size": (0, 1), "include": [0, 1, 2]}, "include has 3 elements, but size allows 1: 2 too"),
    ({"size": 4, "exclude": [0, 1]}, "exclude leaves 3 of 5: 1 too few"),
    (
        {"include": [0, 2], "constraints": [Groups(list("aaabb"), {"a": 1, "b": None})]},
        r"2 elements of group 'a', but constraints\[0\] \(Groups\) allows 1: 1 too many",
    ),
    (
        {"include": [0, 2], "constraints": [Groups([0] * 5, 4), Budget([5, 1, 2, 1, 1], 6)]},
        r"include costs 7, but constraints\[1\] \(Budget\) allows 6: 1 too much",
    ),
    (
        {"size": 3, "constraints": Groups([0, 0, 1, 1, 1], 1)},
        r"at least 3 elements, but constraints\[0\] \(Groups\) allows 2: 1 too few",
    ),
    (
        {"size": (3, None), "constraints": Budget([1, 2, 3, 4, 5], 5)},
        "the cheapest cost 6, but .* allows 5: 1 too much",
    ),
    (
        {"size": 2, "constraints": [Groups([0, 0, 1, 1, 1], 1), Budget([1, 2, 3, 4, 5], 3)]},
        "all constraints together allow 1: 1 too few",
    ),
    ({"constraints": Budget([1, 2], 3)}, "is about 2 elements, but the function has n = 5"),
    ({"include": [7]}, r"include needs elements in 0\.\.4"),
]


@pytest.mark.parametrize(("said", "message"), CONFLICTS, ids=range(len(CONFLICTS)))
def test_conflicts_say_which_and_by_how_much(said, message):
    with pytest.raises(ValueError, match=message):
        constraints_of(5, **said)


WRONG = [
    (lambda: Budget([1, -2], 3), ValueError, r"costs\[1\] is -2"),
    (lambda: Budget(2, 3), ValueError, r"size=\(0, k\)"),
    (lambda: Budget([1], -3), ValueError, "limit needs a finite number >= 0"),
    (lambda: Groups([0, 1], True), TypeError, "limits needs an integer"),
    (lambda: Groups(["a", "b"], {"a": 1}), ValueError, "'b', the label of element 1, has none"),
    (lambda: Groups([0, 2], [1, 1]), ValueError, "label 1 is 2"),
    (lambda: Groups([0, 1], -1), ValueError, "limits needs an integer >= 0"),
    (lambda: Groups({0, 1}, 1), TypeError, "a sequence with one label per element"),
    (lambda: Groups({0: 1, 1: 2}, 1), TypeError, "a sequence with one label per element"),
    (lambda: Groups([0.0, math.nan], 1), ValueError, "label 1 is nan"),
    (lambda: Groups(np.array([math.nan, 0.0]), 1), ValueError, "label 0 is nan"),
    (lambda: constraints_of(3, size=np.array(2)), TypeError, r"an integer k or a pair"),
    (lambda: Groups("ab", 1), TypeError, "one label per element"),
    (lambda: Groups([[0], [1]], 1), TypeError, "keys of a dict"),
    (lambda: constraints_of(3, size="2"), TypeError, r"an integer k or a pair"),
    (lambda: constraints_of(3, size=-1), ValueError, "size needs an integer >= 0"),
    (lambda: constraints_of(3, constraints=[3]), TypeError, "entry 0 is 3"),
    (lambda: constraints_of(3, constraints=3), TypeError, "a list of Budget and Groups"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_malformed_constraints_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_huge_limits_of_groups_are_no_limits():
    assert Groups([0, 0], 10**30).limits == {0: 2}
    assert constraints_of(2, constraints=Groups([0, 0], 10**30)).feasible(np.ones(2, dtype=bool))


def test_rounding_of_sums_does_not_matter():
    of = constraints_of(3, constraints=Budget([0.1, 0.1, 0.1], 0.3))
    assert of.feasible(np.ones(3, dtype=bool))
    assert Budget([1, 2], 3) == Budget([1.0, 2.0], 3.0) != Budget([1, 2], 4)
    assert Groups(np.array([0, 1]), 1) == Groups([0, 1], [1, 1]) != Groups([0, 1], 2)


@given(cases())
def test_what_constraints_decide_holds_for_all_feasible_sets(case):
    of, feasible = made(case)
    assert not of.empty()
    into, out = of.decided()
    loose = of.loose() & ~of.include & ~of.exclude
    for S in feasible:
        assert S[into].all()
        assert not S[out].any()
        assert of.feasible(S | loose)


@given(cases(), st.data())
def test_minors_that_are_called_empty_are_empty(case, data):
    of, _ = made(case)
    fixed = np.array(data.draw(st.lists(st.booleans(), min_size=of.n, max_size=of.n)), dtype=bool)
    minor = of.minor(np.flatnonzero(fixed), np.flatnonzero(~fixed))
    if minor.empty():
        assert not minor.feasible_rows(all_masks(minor.n)).any()


@given(cases(), st.data())
def test_feasible_prefixes_of_an_order(case, data):
    n, said = case
    of, _ = made((n, said | {"include": [], "exclude": []}))
    order = np.array(data.draw(st.permutations(range(n))), dtype=np.intp)
    low, high = of.prefixes(order)
    for k in range(n + 1):
        mask = np.zeros(n, dtype=bool)
        mask[order[:k]] = True
        assert of.feasible(mask) == (low <= k <= high)


scales = st.integers(-300, 300).map(lambda k: 10.0**k)
costs = st.one_of(
    st.integers(0, 9).map(float),
    st.floats(0.0, 1.0),
    st.sampled_from([0.1, 0.2, 0.3, 1e12, 5e-324, 1e308]),
    st.tuples(st.floats(0.5, 2.0), scales).map(lambda pair: pair[0] * pair[1]),
)


@given(st.lists(costs, min_size=1, max_size=6), st.data())
def test_budgets_are_kept_to_the_last_digit(costs, data):
    n = len(costs)
    masks = all_masks(n)
    sums = [sum(map(Fraction, np.array(costs)[m].tolist()), Fraction(0)) for m in masks]
    near = data.draw(st.sampled_from([x for x in sums if x <= Fraction(1.7e308)]))
    limit = data.draw(st.sampled_from([float(near), math.nextafter(float(near), 0.0)]))
    of = constraints_of(n, constraints=Budget(costs, limit))
    slack = Fraction(limit) * Fraction(n + 2, 2**52)
    if all(x.is_integer() for x in [*costs, limit]) and limit < 2**53:
        slack = Fraction(0)
    for m, total in zip(masks, sums, strict=True):
        feasible = of.feasible(m)
        assert feasible or total > limit
        assert not feasible or total <= limit + slack
        # sums in another order, step by step, and of parts say the same
        order = np.array(data.draw(st.permutations(range(n)), label="order"))
        use = of.usage(np.zeros(n, dtype=bool))
        assert feasible == all(use.fits(i) and not use.add(i) for i in order[m[order]])
        inside = np.flatnonzero(m)[: int(m.sum()) // 2]
        kept = np.setdiff1d(np.arange(n), inside)
        if of.feasible(np.isin(np.arange(n), inside)):
            assert of.minor(inside, kept).feasible(m[kept]) == feasible
        assert feasible == (not of.violations(m))


@given(st.lists(costs, min_size=1, max_size=5), st.integers(0, 31), st.integers(-40, 40))
def test_the_unit_of_costs_changes_nothing(costs, chosen, k):
    n, factor = len(costs), 2.0**k
    assume(all(x == 0 or 1e-290 < x < 1e289 for x in costs))
    limit = math.fsum(x for i, x in enumerate(costs) if chosen >> i & 1)
    numbers = [*costs, limit]
    assume(all(x.is_integer() for x in numbers) or not any(x.is_integer() for x in numbers))
    given, scaled = (
        constraints_of(n, constraints=Budget(np.array(costs) * c, limit * c)) for c in (1, factor)
    )
    if all(x.is_integer() for x in numbers) and limit >= 2**36:
        return  # integers with so many digits are no longer seen to be some
    assert given.feasible_rows(all_masks(n)).tolist() == scaled.feasible_rows(all_masks(n)).tolist()
