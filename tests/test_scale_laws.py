"""Scaling a function, or forcing elements by huge weights, changes nothing but the values."""

import math
from fractions import Fraction

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES, size_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_max_flow_minimize import CUTS

from subopt import (
    Budget,
    Cardinality,
    ConcaveOfModular,
    Coverage,
    Cut,
    Function,
    HypergraphCut,
    Modular,
    Status,
    k_way_partition,
    maximize,
    min_norm_point,
    minimize,
    queyranne,
    regularization_path,
    symmetrize,
)
from subopt.functions.algebra import terms_of
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 6))
powers = st.sampled_from([-30, -12, -7, -1, 0, 3, 12, 16, 30])  # 1e16: integers that floats round
METHODS = {
    "sort": ["cardinality"],
    "max_flow": CUTS,
    "decomposed": CUTS,
    "min_norm_point": list(FAMILIES),
    "frank_wolfe": list(FAMILIES),
}
EXTREMES = ("sort", "max_flow", "min_norm_point")
PAIRS = [(method, family) for method, names in METHODS.items() for family in names]


def member(family, rng, n):
    """A function of the family less weights that make ties, or minima inside."""
    F = FAMILIES[family](rng, n)
    gains = F.marginals(rng.random(n) < 0.5)
    size = float(np.abs(gains).max())
    return F - Modular([gains, np.rint(gains), size * rng.random(n)][rng.integers(3)])


def minimizers(F):
    """The minimum, and the smallest and the largest minimizer; no value is nearly minimal."""
    values, size = all_values(F), size_of(F)
    best = values <= values.min() + 1e-10 * size
    assume((best == (values <= values.min() + 1e-5 * size)).all())
    sets = (np.flatnonzero(best)[:, None] >> np.arange(F.n)) & 1 == 1
    return values.min(), sets.all(axis=0), sets.any(axis=0)


@pytest.mark.parametrize("method", ["min_norm_point", "max_flow", "decomposed"])
@few
@given(rng=numbers(), n=st.integers(2, 6), power=st.sampled_from([11, 13, 14]), huge=st.booleans())
def test_whole_numbers_are_compared_to_the_last_digit(method, rng, n, power, huge):
    A = rng.integers(0, 4, (n, n)).astype(float)
    A = np.triu(np.where(rng.random((n, n)) < 0.5, np.rint(A * 10.0**power / (4 * n * n)), A), 1)
    w = rng.integers(-6, 7, n) + huge * np.rint(rng.integers(-3, 4, n) * 10.0**power / 100)
    F = Cut(A + A.T) + Modular(w)
    sets = all_masks(n)
    exact = [
        sum(int(w[i]) for i in np.flatnonzero(S))
        + sum(int(a) for a in A[S][:, ~S].ravel())
        + sum(int(a) for a in A[~S][:, S].ravel())
        for S in sets
    ]
    best = sets[np.array([value == min(exact) for value in exact])]
    for kind, expected in (
        ("any", None),
        ("minimal", best.all(axis=0)),
        ("maximal", best.any(axis=0)),
    ):
        if kind != "any" and method not in EXTREMES:
            continue
        result = minimize(F, method=method, minimizer=kind)
        assert result.value == min(exact)
        assert result.lower_bound <= min(exact)
        assert result.value - result.check(F) <= min(exact)
        if expected is not None:
            np.testing.assert_array_equal(result.mask, expected)


@pytest.mark.parametrize(("method", "family"), PAIRS)
@few
@given(rng=numbers(), n=st.integers(1, 6), power=powers)
def test_scaling_changes_the_values_and_nothing_else(method, family, rng, n, power):
    F = member(family, rng, n)
    lowest, smallest, largest = minimizers(F)
    scale, size = 10.0**power, 10.0**power * size_of(F)
    expected = {"any": None, "minimal": smallest, "maximal": largest}
    for kind in expected if method in EXTREMES else ["any"]:
        result = minimize(scale * F, method=method, minimizer=kind)
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(scale * lowest, rel=1e-9, abs=1e-6 * size)
        assert result.gap <= 1e-6 * size * n
        assert result.check(scale * F) <= 2e-6 * size * n
        if kind != "any":
            np.testing.assert_array_equal(result.mask, expected[kind])


DOORS = {
    "auto": minimize,
    "brute_force": lambda F: minimize(F, method="brute_force"),
    "without elimination": lambda F: min_norm_point(F, eliminate=False),
    "frank_wolfe": lambda F: minimize(F, method="frank_wolfe"),
    "a size": lambda F: minimize(F, size=(1, max(1, F.n - 1)), rng=0),
    "queyranne": lambda F: queyranne(symmetrize(F + F.complement())),
    "three parts": lambda F: k_way_partition(F, min(3, F.n)),
    "maximize": maximize,
    "maximize among few": lambda F: maximize(F, max(1, F.n // 2)),
}


@pytest.mark.parametrize("door", DOORS)
@few
@given(
    rng=numbers(),
    family=st.sampled_from(sorted(FAMILIES)),
    n=st.integers(2, 6),
    power=st.sampled_from([-40, 40]),
)
def test_powers_of_two_change_the_values_and_nothing_else(door, rng, family, n, power):
    # no number rounds differently, and multiples of 0.3 are no integers, whose bounds round
    F, scale = 0.3 * member(family, rng, n), 2.0**power
    one, other = DOORS[door](F), DOORS[door](scale * F)
    chosen = "labels" if door == "three parts" else "mask"
    np.testing.assert_array_equal(getattr(one, chosen), getattr(other, chosen))
    assert one.status is other.status
    close = 1e-11 * size_of(F)
    bound = "upper_bound" if "maximize" in door else "lower_bound"
    for name in ("value", bound):
        assert getattr(other, name) / scale == pytest.approx(getattr(one, name), abs=close)


@pytest.mark.parametrize(("method", "family"), PAIRS)
@few
@given(rng=numbers(), n=st.integers(2, 6), force=st.sampled_from([1e6, 1e9, 1e12]))
def test_a_huge_weight_forces_elements_in(method, family, rng, n, force):
    F = member(family, rng, n)
    forced = rng.random(n) < 0.4
    assume(not forced.all())
    rest = F.contract(forced)
    lowest, smallest, largest = minimizers(rest)
    size = size_of(rest)
    expected = {"any": None, "minimal": smallest, "maximal": largest}
    G = F + Modular(np.where(forced, -force * size_of(F), 0.0))
    if G._by_value():
        return  # where values are all that is known, these have lost the digits of the others
    for kind in expected if method in EXTREMES else ["any"]:
        result = minimize(G, method=method, minimizer=kind)
        assert result.status is Status.OPTIMAL
        assert result.mask[forced].all()
        assert rest.value(result.mask[~forced]) <= lowest + 1e-5 * size * n
        if kind != "any":
            np.testing.assert_array_equal(result.mask[~forced], expected[kind])


@pytest.mark.parametrize(("F", "smallest", "largest"), [
    (HypergraphCut([[0, 1, 2]], splitting="star") + Modular([-1, 0, 2]), [], [0, 1]),
    (Cardinality([0, 2.4, 2.1999999999999997]) + Modular([-0.5, -1.7]), [], [0, 1]),
    (Cut.from_edges([(1, 2)], [1.5], n=3) + Modular([-1e12, -0.2, -0.7]), [0, 1, 2], [0, 1, 2]),
    (0.1 * Cut([[0, 1], [1, 0]]) + Modular([-0.1, 0.1]), [], [0, 1]),
    (HypergraphCut([[0, 1, 2, 3, 4]], [0.3]) + Modular([0.1, 0.2, -0.3, 0, 0]), [], range(5)),
    (Cut.from_edges([(0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5)], [0.3] * 7)
     + Modular([-2999999.7, -0.8999999999999999, 0, -3e6, 0.29999999999999993, 3000000.3]),
     [0, 1, 3], range(5)),
    (2e-12 * Cut.from_edges([(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5), (3, 5)],
                            [1, 4, 4, 4, 4, 1, 1], n=6)
     + 5e-13 * HypergraphCut([[0, 2, 3, 4, 5], [2, 3, 4, 5], [0, 1, 2, 3, 5], [2, 3]],
                             [1.7462674750451832, 0.026644608665971535, 0.017339469412162162,
                              0.0004526696979616816], n=6, splitting="all-or-nothing")
     + Modular([4.4090173611433637e-13, 7.99566513264696e-12, 8.443228020927788e-12,
                2.0066611521664924e-12, -1.6886456041855577e-11, -2e-12]), [], range(6)),
], ids=["star", "rounded table", "forced", "tenths", "sum of tenths", "tenths beside millions",
        "a small hyperedge"])  # fmt: skip
@pytest.mark.parametrize("method", ["auto", "min_norm_point"])
def test_ties_up_to_rounding(F, smallest, largest, method):
    for kind, expected in (("minimal", smallest), ("maximal", largest)):
        result = minimize(F, method=method, minimizer=kind)
        assert result.S.tolist() == list(expected)
        assert result.status is Status.OPTIMAL
        assert result.gap <= 1e-6


@pytest.mark.parametrize("unit", [0.1, 0.3, 0.7])
@given(rng=numbers(), n=st.integers(2, 6), force=st.sampled_from([0.0, 1e6, 1e9]))
def test_ties_of_integers_are_ties_of_multiples_that_round(unit, rng, n, force):
    weights = np.triu(rng.integers(0, 4, (n, n)), 1)
    unary, forced = rng.integers(-4, 5, n), rng.integers(-1, 2, n)
    edges = np.argwhere(weights)
    w = weights[tuple(edges.T)]
    exact = Cut.from_edges(edges, w, n=n) + Modular(unary + 100 * forced * (force > 0))
    rounded = Cut.from_edges(edges, unit * w, n=n) + Modular(unit * unary + force * forced)
    for kind in ("minimal", "maximal"):
        expected = minimize(exact, method="brute_force", minimizer=kind).S.tolist()
        for method in ("max_flow", "min_norm_point"):
            found = minimize(rounded, method=method, minimizer=kind)
            assert found.S.tolist() == expected
            assert found.status is Status.OPTIMAL


@given(rng=numbers(), n=st.integers(1, 6))
def test_the_rest_of_numbers_that_cancel_is_known_to_be_inexact(rng, n):
    w = rng.normal(size=(3, n)) * [[1.0], [1e9], [1e-3]]
    F = Modular(w[0]) + 0.5 * Modular(w[1]) + 0.3 * Modular(w[2]) - Modular(w[1] / 2)
    for i in range(n):
        exact = Fraction(float(w[0, i])) + Fraction(0.3) * Fraction(float(w[2, i]))
        assert abs(exact - Fraction(float(F.weights[i]))) <= Fraction(float(F._error[i]))
    pairs = np.triu(rng.random((n + 2, n + 2)) + 0.1, 1)
    minor = Cut(pairs + pairs.T).contract([0]).restrict(range(n))
    weights = terms_of(minor)[-1][1]
    for i in range(n):
        exact = Fraction(float(pairs[i + 1, -1])) - Fraction(float(pairs[0, i + 1]))
        assert abs(exact - Fraction(float(weights.weights[i]))) <= Fraction(
            float(weights._error[i])
        )


@pytest.mark.parametrize("w", [[-3.5, 1.25, 0], [-3, 2, 0], [-3.1, 1.2, 0]])
@pytest.mark.parametrize("large", [1e6, 1e9, 1e12, 1e13, 2.0**50])
@pytest.mark.parametrize("method", ["auto", "max_flow", "min_norm_point"])
def test_a_large_weight_that_is_taken_back_changes_nothing(method, large, w):
    M = Modular([large, 0, large])
    F = Cut.from_edges([(0, 1), (1, 2)], [1, 1], n=3) + Modular(w) + M - M
    lowest = minimize(F, method="brute_force").value
    for kind in ("minimal", "maximal"):
        result = minimize(F, method=method, minimizer=kind)
        assert result.S.tolist() == [0]
        assert result.value == lowest
        assert lowest - 1e-2 <= result.lower_bound <= lowest
        assert result.check(F) == pytest.approx(result.gap, abs=1e-9)


@pytest.mark.parametrize("method", ["auto", "max_flow", "min_norm_point"])
def test_a_known_error_of_weights_is_no_part_of_a_bound(method):
    M = Modular([1e14, 0])  # it leaves -0.0156 of the first weight
    F = Cut.from_edges([(0, 1)], [0.028]) + Modular([-0.0094, 0.0119]) + M - M
    lowest = minimize(F, method="brute_force").value
    for kind in ("any", "minimal", "maximal"):
        result = minimize(F, method=method, minimizer=kind)
        assert result.lower_bound <= lowest
        assert result.check(F) == pytest.approx(result.gap, abs=1e-12)
        assert result.status is Status.OPTIMAL


@pytest.mark.parametrize("family", FAMILIES)
@given(rng=numbers())
def test_what_is_computed_from_nothing_is_a_float(family, rng):
    F = FAMILIES[family](rng, 2)
    for G in (F, F.contract([0]), F.restrict([0]), F.complement()):
        for mask in (np.zeros(G.n, bool), np.ones(G.n, bool)):
            assert G.marginals(mask).dtype == np.float64
            assert isinstance(G.value(mask), float)


def test_a_difference_of_coverages_without_free_items():
    F = Coverage([[1], [1], [1]]) - Coverage([[1], [1], [1]], [2.0])
    assert minimize(F, rng=0).value == -1


@given(rng=numbers(), n=st.integers(7, 12))
def test_an_element_that_gains_more_after_all_others_is_seen(rng, n):
    F = FAMILIES["coverage"](rng, n)
    bonus = 1.0 + float(np.abs(F.marginals(np.zeros(n, bool))).max())
    G = Function(n, lambda mask: F.value(mask) + bonus * float(mask.all()))
    with pytest.raises(ValueError, match="gains more after"):
        min_norm_point(G)


@given(rng=numbers(), n=st.integers(7, 12))
def test_a_base_that_exceeds_the_function_is_seen(rng, n):
    lowered = rng.random((3, n)) < 0.5  # three sets that are worth less than their neighbors allow
    F = Function(n, lambda mask: -9.0 * (lowered == mask).all(axis=1).any() * mask.any() + 0.0)
    found = seen(F)
    assert found is None or "gains more after" in found


def seen(F):
    """The refusal, or None if the answer is one that does not meet the lowered sets."""
    try:
        result = minimize(F)
    except ValueError as error:
        return str(error)
    assert result.value in (0.0, -9.0)
    return None


@given(rng=numbers(), n=st.integers(1, 5))
def test_elements_whose_gains_are_rounding_errors(rng, n):
    # the last element fills all caps, so that nothing is left for the first one
    weights = np.concatenate([rng.random((2, n + 1)), np.full((2, 1), 3.0)], axis=1)
    capped = ConcaveOfModular(weights, ("min", 3.0)) + 0.3 * Coverage(rng.random((n + 2, 3)) < 0.5)
    F = 0.3 * capped.contract([n + 1])
    one, other = F.greedy(rng.permutation(n + 1)), F.greedy(rng.permutation(n + 1))
    F = F - Modular((one + other) / 2)
    for solver in (min_norm_point, lambda F: min_norm_point(F, eliminate=False)):
        result = solver(F)
        assert result.status is Status.OPTIMAL
        assert result.gap <= 1e-9


@pytest.mark.parametrize("method", ["frank_wolfe", "decomposed"])
@given(rng=numbers(), n=st.integers(2, 6))
def test_forced_elements_do_not_hide_a_gap(method, rng, n):
    edges = [(i, j) for i in range(n) for j in range(i) if rng.random() < 0.5]
    F = Cut.from_edges(edges, rng.integers(1, 5, len(edges)), n=n)
    F = F + Modular(rng.integers(-3, 4, n) + 6e6 * rng.integers(-1, 2, n))
    result = minimize(F, method=method)
    assert result.status is Status.OPTIMAL
    assert result.value == all_values(F).min()
    assert result.gap <= 1e-3


def of_mixed_scales(rng, n):
    """A sum of cuts, weights and a coverage of very different sizes, and its exact values."""

    def numbers(size, *, signed=False):
        w = rng.integers(1, 10, size) * 10.0 ** rng.integers(-9, 13, size)
        w[rng.random(size) < 0.2] = 0.0
        return w * rng.choice([-1, 1], size) if signed else w

    u, items = numbers(n, signed=True), rng.random((n, 4)) < 0.4
    v = numbers(4) if rng.random() < 0.5 else np.zeros(4)
    edges = [(i, j) for i in range(n) for j in range(i) if rng.random() < 0.6]
    w = numbers(len(edges))
    F = Cut.from_edges(edges, w, n=n) + Modular(u) + Coverage(items, v)

    def least(masks):
        """Rounding of the values of some sets, relative to the numbers that they are sums of."""
        sizes = (float(exact(m)) + 2 * float(np.abs(np.minimum(u[m], 0)).sum()) for m in masks)
        return 4 * math.ulp(max(sizes))

    def exact(mask):
        total = sum((Fraction(float(x)) for x in u[mask]), Fraction(0))
        total += sum(Fraction(float(x)) for x in v[items[mask].any(axis=0)])
        return total + sum(
            Fraction(float(c)) for (i, j), c in zip(edges, w, strict=True) if mask[i] != mask[j]
        )

    return F, exact, least


SOLVERS = {
    "max_flow": lambda F: minimize(F, method="max_flow"),
    "min_norm_point": min_norm_point,
    "no elimination": lambda F: min_norm_point(F, eliminate=False),
    "frank_wolfe": lambda F: minimize(F, method="frank_wolfe", max_iter=300),
    "decomposed": lambda F: minimize(F, method="decomposed", max_iter=300),
    "path": lambda F: regularization_path(F).result(0.0),
}


@pytest.mark.parametrize("method", SOLVERS)
@given(rng=numbers(), n=st.integers(1, 6))
def test_claims_about_sums_of_very_different_scales_hold(method, rng, n):
    F, exact, rounding = of_mixed_scales(rng, n)
    best = min(all_masks(n), key=exact)
    lowest, result = exact(best), SOLVERS[method](F)
    least = rounding([best, result.mask])  # values are rounded
    assert float(result.lower_bound - lowest) <= least
    assert float(exact(result.mask) - lowest) <= result.gap + least
    for number in (result.value, result.lower_bound, result.gap):
        assert type(number) is float


@pytest.mark.parametrize("method", ["frank_wolfe", "decomposed", "path"])
@given(rng=numbers(), n=st.integers(1, 6))
def test_optimal_means_that_the_gap_is_small_for_each_element(method, rng, n):
    F, exact, rounding = of_mixed_scales(rng, n)
    values = {tuple(mask): exact(mask) for mask in all_masks(n)}
    lowest, result = min(values.values()), SOLVERS[method](F)
    if result.status is not Status.OPTIMAL or values[tuple(result.mask)] == lowest:
        return
    size = F._range().size
    best = np.array([mask for mask, value in values.items() if value == lowest])
    over = float(exact(result.mask) - lowest)
    least = 4e-12 * float(size.sum()) + rounding([*best, result.mask])
    assert over <= max(1e-6 * size[mask != result.mask].min() for mask in best) + least


@given(rng=numbers(), n=st.integers(1, 6), kind=st.sampled_from(["any", "minimal", "maximal"]))
def test_optimal_means_that_rounding_explains_the_gap(rng, n, kind):
    F, exact, rounding = of_mixed_scales(rng, n)
    values = {tuple(mask): exact(mask) for mask in all_masks(n)}
    lowest, sizes = min(values.values()), F._range().size
    best = np.array([mask for mask, value in values.items() if value == lowest])

    def apart(mask):
        return float(((best != mask) @ sizes).min())

    result = min_norm_point(F, minimizer=kind)
    over = float(exact(result.mask) - lowest)
    least = rounding([*best, result.mask])
    if result.status is Status.OPTIMAL:
        assert result.gap <= 4e-12 * float(sizes.sum()) + least
        assert over <= 4e-12 * apart(result.mask) + least
    others = (m for m, value in values.items() if value != lowest)
    clear = all(values[m] - lowest > 1e-6 * apart(np.array(m)) + least for m in others)
    if clear and kind != "any":
        expected = best.all(axis=0) if kind == "minimal" else best.any(axis=0)
        np.testing.assert_array_equal(result.mask, expected)


def of_large_integers(rng, n, high):
    """A sum of integers up to 10^(high + 1), its exact values, and sums of absolute values."""

    def whole(size):
        w = rng.integers(0, 10, size) * 10 ** rng.integers(0, high, size).astype(np.int64)
        return np.asarray(w + rng.integers(0, 10, size), dtype=np.int64)

    masks, items = all_masks(n), rng.random((n, 4)) < 0.4
    u, v = whole(n) * (rng.integers(0, 2, n) * 2 - 1), whole(4)
    edges = np.argwhere(np.triu(rng.random((n, n)) < 0.5, 1))
    w = whole(len(edges))
    F = Cut.from_edges(edges, w, n=n) + Modular(u) + Coverage(items, v)
    positive = (masks[:, edges[:, 0]] != masks[:, edges[:, 1]]) @ w
    positive += (masks[:, :, None] & items).any(axis=1) @ v
    return F, positive + masks @ u, positive + masks @ np.abs(u)


HALF = {"size": (1, 4)}
SPENT = {"constraints": Budget([1, 2, 3, 4, 5, 6, 7, 8], 9)}
BOUNDED = {
    "branch_and_bound": ({}, "f - g", {"rng": 0}),
    "branch_and_bound, sizes": (HALF, "f - g", {"rng": 0}),
    "branch_and_bound, budget": (SPENT, "f - g", {"rng": 0}),
    "branch_and_bound, 2 nodes": ({}, "f - g", {"rng": 0, "max_nodes": 2}),
    "milp": ({}, "f - g", {}),
    "lagrangian, sizes": (HALF, "F", {}),
    "lagrangian, budget": (SPENT, "F", {}),
    "maximize": ({}, "F", {}),
    "maximize, sizes": (HALF, "F", {}),
}


@pytest.mark.parametrize("name", BOUNDED)
@given(rng=numbers(), high=st.sampled_from([2, 9, 12, 14, 16]))
def test_claims_about_large_integers_hold(name, rng, high):
    n, masks, method = 8, all_masks(8), name.split(",")[0]
    limits, kind, options = BOUNDED[name]
    h, values, sizes = of_large_integers(rng, n, high)
    if kind == "f - g":
        g, less, more = of_large_integers(rng, n, high)
        h, values, sizes = h - g, values - less, sizes + more
    if method == "maximize":
        result = maximize(h, **limits)
        values, bound = -values, -result.upper_bound
    else:
        result = minimize(h, method=method, **limits, **options)
        bound = result.lower_bound
    allowed = np.ones(len(masks), dtype=bool)
    if "size" in limits:
        allowed = (masks.sum(axis=1) >= 1) & (masks.sum(axis=1) <= 4)
    elif limits:
        allowed = masks @ np.arange(1, 9) <= 9
    best = np.where(allowed, values, np.iinfo(np.int64).max).argmin()
    here = (masks == result.mask).all(axis=1).argmax()
    assert allowed[here]
    over, size = int(values[here] - values[best]), float(sizes[[here, best]].max())
    least = 4 * math.ulp(size) if size >= 2.0**51 else 0.0  # values are rounded
    if high <= 12 and "nodes" not in name and method != "milp":  # whose answers are reported
        assert bound > -math.inf
    assert bound == -math.inf or Fraction(bound) - int(values[best]) <= least
    assert over <= result.gap + least
    if result.certificate is not None:
        assert over <= result.check(h) + least
    if result.status is Status.OPTIMAL:
        assert over <= 4e-12 * size * (result.gap > 0) + least


@pytest.mark.parametrize("F", [
    Coverage([[1, 0], [0, 0], [1, 1]], [7e-6, 1e-6]) + Cut.from_edges([(0, 2)], [6e11], n=3),
    Cut.from_edges([(0, 1), (2, 3)], [6e11, 1.0]) + Modular([1.0, -1.0, -0.25, 0.5]),
])  # fmt: skip
def test_no_gap_hides_beside_a_huge_weight(F):
    result = min_norm_point(F)
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(all_values(F).min(), abs=1e-2)
    assert result.gap <= 1e-2


def test_a_gain_of_one_ulp_is_no_gain():
    # found by benchmarks/minimizers_exact.py: the gains of element 0 cancel up to 2e-17
    groups = [
        [0.0, 6.0851750635092925, 4.784188105130084, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.8072020875146462, 1.5188491436503206, 0.19512551297038985, 0.7741058587864812],
        [0.49141736761354465, 0.24593992519948324, 0.0, 0.0, 0.0, 0.2085040418242094],
    ]
    weights = [
        -0.14742521028406338,
        -0.37378197755984494,
        -0.5421606262543939,
        -0.0963387891641033,
        -0.029268826945558473,
    ]
    F = 0.3 * ConcaveOfModular(groups, ("min", 2)).contract([5]) + Modular(weights)
    for eliminate in (True, False):
        result = min_norm_point(F, eliminate=eliminate)
        assert result.status is Status.OPTIMAL
        assert result.gap <= 1e-12
