"""Branch and bound: the minimum, and a certificate that proves it, for all families."""

import math
from itertools import pairwise

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import subopt.difference.exact._search as solver
from subopt import (
    Budget,
    Cardinality,
    Cut,
    DifferenceOfSubmodular,
    Entropy,
    Function,
    GaussianMutualInformation,
    Groups,
    Modular,
    Status,
    branch_and_bound,
    decompose,
)
from subopt.constraints.build import constraints_of
from subopt.difference.exact._branch_and_bound import search
from subopt.difference.exact._columns import Columns
from subopt.difference.exact._fractional_bounds import KINDS, Majorant
from subopt.difference.exact._interval import Interval, Parts, chains
from subopt.difference.exact.tree_certificate import parts_of
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 6))
every_family = pytest.mark.parametrize("family", FAMILIES)
NAMES = sorted(FAMILIES)


def problem(family, rng, n, others=NAMES):
    """A family minus another one, neither of which is much larger."""
    f, g = FAMILIES[family](rng, n), FAMILIES[rng.choice(others)](rng, n)
    a, b = (max(1e-9, np.abs(all_values(F)).max()) for F in (f, g))
    f = f * (max(1, round(b / a)) if rng.integers(3) else b / a) if a > 1e-8 < b else f
    return DifferenceOfSubmodular(*((f, g) if rng.integers(2) else (g, f)))


def features(rng, n, price=0.1):
    """A price per column minus what the columns tell of a class."""
    D, C = rng.integers(0, 2, (14, n)), rng.integers(0, 3, 14)
    prices = Modular(rng.choice([price, 2 * price], n))
    return DifferenceOfSubmodular(Entropy(D, C) + prices, Entropy(D))


def searched(h, **options):
    """Branch and bound that does not try all sets of anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "SMALL", 0)
        return branch_and_bound(h, rng=0, **options)


def size(h):
    return 1e-8 * (1 + np.abs(all_values(h.f)).max() + np.abs(all_values(h.g)).max())


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 9))
def test_it_finds_the_minimum_and_proves_it(family, rng, n):
    h = problem(family, rng, n)
    lowest, tol = all_values(h).min(), size(h)
    for solve in (searched, branch_and_bound):
        result = solve(h)
        assert result.status is Status.OPTIMAL
        assert result.value == h.value(result.mask.copy())
        assert result.lower_bound <= result.value <= lowest + tol
        assert result.lower_bound >= lowest - tol
        assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=tol)


@few
@given(rng=numbers(), n=st.integers(2, 5), far=st.integers(1, 8), flipped=st.booleans())
def test_gains_much_smaller_than_the_numbers_they_come_from_are_rounded(rng, n, far, flipped):
    # nearly independent coordinates: a gain of 10**-2k is a difference of logarithms of order one
    X = rng.normal(size=(n, n))
    F = GaussianMutualInformation(rng.uniform(0.2, 3) * np.eye(n) + 10.0**-far * X @ X.T)
    scale = max(2.0**-50, np.abs(all_values(F)).max())
    G = Modular(rng.normal(size=n) * scale)
    h = DifferenceOfSubmodular(G, F) if flipped else DifferenceOfSubmodular(F, G)
    lowest, rounding = all_values(h).min(), 1e-6 * scale + 2.0**-48 * n
    for solve in (searched, branch_and_bound):
        result = solve(h)
        assert result.status is Status.OPTIMAL
        assert lowest - rounding <= result.lower_bound <= lowest + rounding
        assert result.value <= lowest + rounding
        assert result.check(h) == pytest.approx(result.gap, abs=rounding)


@few
@given(rng=numbers(), n=st.integers(1, 8), widest=st.sampled_from([0, 4, math.inf]))
def test_bounds_at_the_best_set_hold(rng, n, widest):
    # as for large intervals, which get no linear programs if they are wider than `widest`
    h = problem(rng.choice(NAMES), rng, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "SMALL", 0)
        patch.setattr(solver, "WIDE", 1)
        result = search(h, None, rng=0, widest=widest)
    lowest, rounding = all_values(h).min(), size(h)
    assert result.lower_bound <= lowest + rounding
    assert lowest <= result.value + rounding
    assert result.check(h) == pytest.approx(result.gap, abs=rounding)
    if widest == math.inf:
        assert result.gap <= rounding
    elif result.gap > rounding:
        assert result.status is Status.NODE_LIMIT


@few
@given(rng=numbers(), n=st.integers(1, 9), price=st.sampled_from([0.0, 0.03, 0.1, 1.0]))
def test_features_are_selected_with_a_bound_of_their_own(rng, n, price):
    h = features(rng, n, price)
    assert Parts.of(h).falling
    result = searched(h)
    assert result.value == pytest.approx(all_values(h).min(), abs=1e-8)
    assert result.gap <= 1e-7
    assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=1e-8)


@given(rng=numbers(), n=st.integers(2, 8))
def test_the_best_set_and_the_bound_only_improve(rng, n):
    h = problem("coverage", rng, n)
    lowest, tol, seen = all_values(h).min(), size(h), []
    final = searched(h, callback=seen.append)
    assert seen[-1].value == final.value
    for before, after in pairwise(seen):
        assert after.value <= before.value
        assert after.lower_bound >= before.lower_bound - tol
    for result in seen:
        assert result.lower_bound - tol <= lowest <= result.value + tol
        assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=tol)


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 8), limit=st.integers(1, 6))
def test_limits_leave_a_bracket(family, rng, n, limit):
    h = problem(family, rng, n)
    result = searched(h, max_nodes=limit)
    lowest, tol = all_values(h).min(), size(h)
    assert result.lower_bound - tol <= lowest <= result.value + tol
    assert result.status in (Status.OPTIMAL, Status.NODE_LIMIT)
    assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=tol)
    more = searched(h, max_nodes=limit + 5, start=result.mask)
    assert more.value <= result.value
    assert more.lower_bound >= result.lower_bound - tol


def test_no_time_at_all():
    h = problem("facility location", np.random.default_rng(5), 8)
    result = searched(h, time_limit=0)
    assert result.status in (Status.OPTIMAL, Status.TIME_LIMIT)
    assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=1e-8)


@given(rng=numbers(), n=st.integers(2, 7), gap=st.sampled_from([0.5, 1.0, 2.0]))
def test_a_gap_may_remain(rng, n, gap):
    h = problem("cut", rng, n)
    result = searched(h, tol=gap)
    assert result.status is Status.OPTIMAL
    assert result.gap <= gap + size(h)
    assert all_values(h).min() >= result.value - gap - size(h)


# What it is made of -------------------------------------------------------------------------------


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 6))
def test_majorants_are_above_and_tight_at_sets(family, rng, n):
    G = FAMILIES[family](rng, n)
    values, bounds = all_values(G), Majorant(G)
    tol = 1e-9 * (1 + np.abs(values).max())
    points = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    where = rng.integers(2**n)
    for kind in bounds.kinds:
        for x in (rng.random(n), points[where]):
            constant, weights = bounds.at(x, kind)
            assert (constant + points @ weights >= values - tol).all()
        if KINDS[kind] in ("grow", "shrink"):
            assert constant + points[where] @ weights == pytest.approx(values[where], abs=tol)


@few
@given(rng=numbers(), n=st.integers(1, 7), constrained=st.booleans())
def test_all_sets_of_features_are_tried(rng, n, constrained):
    h = features(rng, n, 0.05)
    limits = constraints_of(n)
    if constrained:
        costs = rng.integers(0, 4, n)
        parts = [Budget(costs, rng.integers(0, costs.sum() + 1)), Groups(rng.integers(0, 2, n), 2)]
        size = tuple(sorted(rng.integers(0, n + 1, 2).tolist()))
        try:
            limits = constraints_of(n, size=size, constraints=parts)
        except ValueError:  # no set is feasible
            return
    inside, free = rng.random(n) < 0.2, rng.random(n) < 0.9
    inside &= ~free
    given_ = None if limits.trivial else limits
    interval = Interval(parts_of(h, given_), inside, np.flatnonzero(free), given_)
    if interval.uncertainty is None:  # nothing is free, or all of a class
        return
    best = math.inf
    for S in (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1:
        if S[inside].all() and not S[~(inside | free)].any() and limits.feasible(S):
            best = min(best, h.value(S))
    for most in (math.inf, best - 0.01, best + 0.1):
        low, chosen = interval.exhausted(most)
        assert low == pytest.approx(min(best, most), abs=1e-9)
        if low < most:
            mask = inside.copy()
            mask[interval.free[chosen]] = True
            assert limits.feasible(mask)
            assert h.value(mask) == pytest.approx(low, abs=1e-9)


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 6))
def test_bounds_and_costs_of_intervals_hold(family, rng, n):
    h = problem(family, rng, n) if rng.integers(5) else features(rng, n)
    kind = rng.integers(0, 3, n)
    interval = Interval(Parts.of(h), kind == 1, np.flatnonzero(kind == 2))
    m = interval.size
    points, shares = rng.random((3, m)), rng.dirichlet(np.ones(3))
    kinds = rng.choice(interval.majorant.kinds, 3).astype(np.int8)
    orders = np.array([rng.permutation(m) for _ in range(2)]).reshape(2, m)
    evidence = solver.Evidence(orders, rng.dirichlet(np.ones(2)), points, kinds, shares)
    low, costs = interval.bound(evidence)
    lowest, chosen = interval.exhausted()
    inside = [interval.inside.copy() for _ in range(2**m)]
    tol, values = size(h), []
    for k, mask in enumerate(inside):
        mask[interval.free[(k >> np.arange(m)) & 1 == 1]] = True
        values.append(h.value(mask))
        T = mask[interval.free]
        paid = np.where(T, np.maximum(costs, 0), np.maximum(-costs, 0))
        assert values[-1] >= low + paid.max(initial=0.0) - tol
    assert min(values) == pytest.approx(lowest, abs=tol)
    best = interval.inside.copy()
    best[interval.free[chosen]] = True
    assert h.value(best) == pytest.approx(lowest, abs=tol)
    ranges = interval.ranges
    for mask in inside:
        gains = h.marginals(mask)[interval.free]
        assert (ranges.low - tol <= gains).all()
        assert (gains <= ranges.high + tol).all()


@given(rng=numbers(), n=st.integers(1, 7))
def test_sets_without_the_needed_elements_are_no_better(rng, n):
    h = features(rng, n)
    interval = Interval(Parts.of(h), np.zeros(n, dtype=np.bool_), np.arange(n))
    least = interval.fall * rng.random()
    found = interval.needed(rng.permutation(n), least, n)
    left = np.setdiff1d(np.arange(n), found)
    rest = np.zeros(n, dtype=np.bool_)
    rest[left] = True
    assert interval.parts.fallen(rest) >= least - 1e-9
    for i in found:  # no more could be left out
        rest[i] = True
        assert interval.parts.fallen(rest) < least + 1e-9
        rest[i] = False
    if found:
        assert interval.needed(rng.permutation(n), least, 0) is None


@pytest.mark.parametrize("n", range(9))
def test_every_set_is_a_prefix_of_a_chain(n):
    orders = chains(n)
    assert len(orders) == math.comb(n, n // 2)
    assert len({frozenset(order[:k]) for order in orders.tolist() for k in range(n + 1)}) == 2**n


def test_elements_may_be_fixed_one_after_the_other():
    n = 700  # each of them once its neighbor is in: no recursion is that deep
    path = Cut.from_edges(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1))
    weights = np.full(n, -0.5)
    weights[0] = -3.0
    result = branch_and_bound(path + Modular(weights), rng=0)
    assert result.value == result.lower_bound == weights.sum()


@pytest.mark.parametrize("part", ["f", "g", "F"])
def test_parts_that_are_not_submodular_are_refused(part):
    """Pairs that are worth more together: bounds on the minimum would be wrong."""
    pairs = np.triu(np.ones((9, 9)), 1)
    bad = Function(9, lambda mask: float(mask @ pairs @ mask))
    good = Cardinality(np.sqrt(np.arange(10)))
    h, name = {"f": (bad - good, "f of"), "g": (good - bad, "g of"), "F": (bad, "F")}[part]
    with pytest.raises(ValueError, match=f"{name}.*needs to be submodular"):
        branch_and_bound(h)
    assert branch_and_bound(-decompose(bad)).value == -36


@given(numbers(), st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2))
def test_linear_programs_over_cuts_end_at_an_optimum(rng, m, k, p, r):
    """Cuts come one by one; weights prove what the point attains, and what HiGHS finds."""
    size = 10.0 ** rng.integers(-6, 7)
    draw = rng.choice([rng.normal, lambda size: rng.integers(-3, 4, size)])
    vertices, bounds, constants = (
        size * draw(size=(k, m)),
        size * draw(size=(p, m)),
        size * draw(size=p),
    )
    matrix = rng.integers(0, 5, (r, m)) / 4
    limits = matrix.sum(axis=1) * rng.choice([0.0, 0.5, 0.7])
    program = Columns(vertices[:1], bounds[:1], constants[:1], matrix, limits)
    for j in range(1, max(k, p)):
        program.solve()
        program.add(vertices[j : j + 1], bounds[j : j + 1], constants[j : j + 1])
    x, weights, shares, prices = program.solve()
    assert ((x >= 0) & (x <= 1)).all()
    assert (matrix @ x <= limits + 1e-7).all()
    assert min(v.min(initial=0.0) for v in (weights, shares, prices)) >= 0
    assert [weights.sum(), shares.sum()] == pytest.approx([1, 1])
    costs = weights @ vertices - shares @ bounds + prices @ matrix
    proven = np.minimum(costs, 0).sum() - shares @ constants - prices @ limits
    value = (vertices @ x).max() - (constants + bounds @ x).min()
    assert proven == pytest.approx(value, abs=1e-6 * size)

    rows = np.zeros((k + p + r, m + 2))
    rows[:, :m] = np.concatenate([vertices, -bounds, size * matrix]) / size
    rows[:k, m] = rows[k : k + p, m + 1] = -1
    right = np.concatenate([np.zeros(k), constants / size, limits])
    box = [(0, 1)] * m + [(None, None)] * 2
    known = linprog([0] * m + [1, 1], rows, right, bounds=box).fun
    assert value == pytest.approx(known * size, abs=1e-6 * size)
