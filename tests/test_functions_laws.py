"""Every law for every family, against the definition in terms of `value`."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from families import FAMILIES, ByValue, members_of, points
from feasible_sets import all_masks
from hypothesis import given, settings
from hypothesis import strategies as st

from subopt import (
    Cardinality,
    Concave,
    Cut,
    DifferenceOfSubmodular,
    Modular,
    SetFunction,
    Sum,
    View,
    k_way_partition,
    minimize,
    symmetrize,
)
from subopt.testing import (
    all_values,
    assert_base,
    assert_consistent,
    assert_monotone,
    assert_symmetric,
    brute_force,
    check_submodular,
    compositions,
    masks,
    orders,
)

TOL = 1e-8
few = settings(max_examples=settings().max_examples // 2)  # times some thirty families
every_family = pytest.mark.parametrize("family", FAMILIES)
sizes = st.integers(1, 6)
few_seeds = st.integers(0, 9)


def drawn(data, family, n):
    return data.draw(members_of(family, n), "F")


def members(mask):
    return np.flatnonzero(mask).tolist()


def test_the_table_has_every_family():
    import subopt

    made = {type(FAMILIES[name](np.random.default_rng(0), 4)).__name__ for name in FAMILIES}
    public = {
        name
        for name, cls in vars(subopt).items()
        if isinstance(cls, type) and issubclass(cls, SetFunction) and name != "SetFunction"
    }
    assert public - {"MatroidRank"} <= made


@every_family
@few
@given(data=st.data(), n=st.integers(1, 7))
def test_diminishing_returns(family, data, n):
    F = drawn(data, family, n)
    assert str(check_submodular(F, rtol=TOL)) == "None"


@every_family
@few
@given(data=st.data(), n=sizes)
def test_greedy_is_a_base_and_agrees_with_value(family, data, n):
    F, order = drawn(data, family, n), data.draw(orders(n), "order")
    gains = F.greedy(order)
    assert gains.shape == (n,)
    assert gains.dtype == np.float64
    assert_base(F, gains, rtol=TOL)
    np.testing.assert_allclose(gains, ByValue(F).greedy(order), atol=TOL)


@every_family
@few
@given(data=st.data(), n=sizes, rng=few_seeds)
def test_marginals_by_definition_and_what_it_claims(family, data, n, rng):
    F, mask = drawn(data, family, n), data.draw(masks(n), "mask")
    np.testing.assert_allclose(F.marginals(mask), ByValue(F).marginals(mask), atol=TOL)
    assert_consistent(F, rtol=TOL, rng=rng)
    if F.monotone:
        assert_monotone(F, rtol=TOL)
    if F.symmetric:
        assert_symmetric(F, rtol=TOL)
    if F.integral:
        values = all_values(F)
        np.testing.assert_array_equal(values, np.rint(values))


@every_family
@few
@given(data=st.data(), n=sizes, t=st.integers(0, 10).map(lambda k: k / 10))
def test_lovasz_extends_and_is_convex_and_homogeneous(family, data, n, t):
    F, mask = drawn(data, family, n), data.draw(masks(n), "mask")
    assert F.lovasz(mask) == pytest.approx(F.value(mask), abs=TOL)
    x, y = data.draw(points(n), "x"), data.draw(points(n), "y")
    assert F.lovasz(t * x + (1 - t) * y) <= t * F.lovasz(x) + (1 - t) * F.lovasz(y) + TOL
    assert F.lovasz(3 * x) == pytest.approx(3 * F.lovasz(x), abs=TOL)
    # the minimum over the cube is the minimum over sets
    assert brute_force(F)[1] <= F.lovasz(np.clip(x, 0, 1)) + TOL


@every_family
@few
@given(data=st.data(), n=st.integers(2, 7), rng=few_seeds)
def test_restrict_contract_complement_by_definition(family, data, n, rng):
    F, S = drawn(data, family, n), data.draw(masks(n), "S")
    T = data.draw(masks(int(S.sum())), "T")
    U = data.draw(masks(int((~S).sum())), "U")
    inside, outside = np.flatnonzero(S), np.flatnonzero(~S)

    restricted = F.restrict(S)
    assert restricted.n == S.sum()
    assert restricted.value(T) == pytest.approx(F(inside[T]), abs=TOL)

    contracted = F.contract(members(S))
    assert contracted.n == n - S.sum()
    expected = F(np.concatenate([inside, outside[U]])) - F.value(S)
    assert contracted.value(U) == pytest.approx(expected, abs=TOL)

    expected = F.value(~S) - F.value(np.ones(n, bool))
    assert F.complement().value(S) == pytest.approx(expected, abs=TOL)

    for G in (restricted, contracted, F.complement(), F.complement().contract(S).complement()):
        assert isinstance(G, SetFunction)
        assert_consistent(G, rtol=TOL, rng=rng)


@every_family
@few
@given(data=st.data(), n=st.integers(2, 6), flipped=st.booleans(), far=st.integers(0, 15))
def test_values_of_a_view_are_as_exact_as_differences_and_as_sums(family, data, n, flipped, far):
    # a large weight of one element, which is fixed or not, cancels in one of the two
    F = drawn(data, family, n)
    weights = np.zeros(n)
    weights[data.draw(st.integers(0, n - 1), "large")] = 10.0**far
    F = 1.0 * F + Cut.from_edges([(0, 1)], 10.0**far, n=n, directed=True) + Modular(weights)
    first = data.draw(st.integers(0, n - 1), "before")
    before, kept = np.array([first]), np.flatnonzero(np.arange(n) != first)
    G = View(F, before, kept, flipped=flipped)
    for mask in all_masks(n - 1):
        value, gains = G.value(mask), G.greedy(np.argsort(~mask, kind="stable"))[mask]
        here, offset = F.value(G._lift(mask)), F.value(G._lift(np.zeros(n - 1, dtype=bool)))
        digits = 2.0**-44 * (abs(here) + abs(offset))
        assert value == pytest.approx(here - offset, rel=0, abs=digits)
        if not G._by_value():  # a function that only has values loses digits itself
            digits = 2.0**-44 * (np.abs(gains).sum() + np.abs(G._range().size).sum())
            assert value == pytest.approx(gains.sum(), rel=0, abs=digits)
    assert_consistent(G, rtol=TOL)


@every_family
@few
@given(data=st.data(), n=st.integers(3, 6))
def test_chains_of_views_are_one_view(family, data, n):
    F = drawn(data, family, n)
    first, second, third = data.draw(orders(n), "order")[:3]
    left = [i for i in range(n) if i != first]
    G = F.contract([first]).complement()
    naive = ByValue(ByValue(F).contract([first])).complement()
    assert not (isinstance(G, View) and isinstance(G.parent, View | Sum))
    i, j = left.index(second), left.index(third)
    keep = np.arange(n - 1) != i
    np.testing.assert_allclose(
        all_values(G.restrict(keep)), all_values(naive.restrict(keep)), atol=TOL
    )
    np.testing.assert_allclose(
        all_values(G.contract([i, j])), all_values(naive.contract([i, j])), atol=TOL
    )
    np.testing.assert_allclose(all_values(G.complement()), all_values(naive.complement()), atol=TOL)


@every_family
@few
@given(data=st.data(), n=sizes, other=st.sampled_from(list(FAMILIES)), rng=few_seeds)
def test_sums_and_multiples(family, data, n, other, rng):
    F, G = drawn(data, family, n), data.draw(members_of(other, n), "G")
    mask, order = data.draw(masks(n), "mask"), data.draw(orders(n), "order")
    H = 2 * F + G * 3
    assert H.value(mask) == pytest.approx(2 * F.value(mask) + 3 * G.value(mask), abs=TOL)
    np.testing.assert_allclose(H.greedy(order), 2 * F.greedy(order) + 3 * G.greedy(order), atol=TOL)
    assert_consistent(H, rtol=TOL, rng=rng)
    assert not any(isinstance(term, Sum) for _, term in getattr(H, "terms", ()))
    h = F - G
    assert isinstance(h, SetFunction | DifferenceOfSubmodular)
    assert h.value(mask) == pytest.approx(F.value(mask) - G.value(mask), abs=TOL)
    assert h(members(mask)) == h(mask)
    np.testing.assert_array_equal(sum([F, G]).greedy(order), (F + G).greedy(order))
    assert (F / 2).value(mask) == pytest.approx(F.value(mask) / 2, abs=TOL)


@every_family
@few
@given(data=st.data(), n=st.integers(2, 6), scale=st.sampled_from([0.1, 1 / 3, 0.7, 1e-7, 1e9 / 3]))
def test_what_cancels_up_to_rounding_is_no_error(family, data, n, scale):
    F = scale * drawn(data, family, n)
    kept = data.draw(masks(n), "kept")
    G = F + F.complement()  # 0 where F is modular, up to rounding
    values, whole = all_values(F), F.value(np.ones(n, dtype=bool))
    size = np.abs(values).max() + F._range().size.sum()
    assert np.abs(all_values(G) - (values + values[::-1] - whole)).max() <= TOL * size
    for H in (G.contract(kept), G.restrict(kept), G.restrict(kept).complement()):
        assert np.isfinite(all_values(H)).all()
        assert H.n == 0 or minimize(H).value <= TOL * size


@given(
    slopes=st.lists(st.sampled_from([0.1, 1 / 3, -0.7, 1e9 / 3]), min_size=2, max_size=7),
    scale=st.sampled_from([1.0, 0.1, 3e-7]),
    kept=st.sets(st.integers(0, 6)),
)
def test_tables_whose_slopes_cancel_up_to_rounding(slopes, scale, kept):
    table = np.concatenate([[0.0], np.cumsum(sorted(slopes, reverse=True))])
    F = scale * Cardinality(table)
    n, size = F.n, abs(scale * table).max()
    G = F + F.complement()
    expected = scale * (table + table[::-1] - table[-1])
    assert [G(range(k)) for k in range(n + 1)] == pytest.approx(expected, abs=1e-14 * size)
    H = symmetrize(F.restrict([i for i in range(n) if i in kept]))
    assert H.n < 2 or k_way_partition(H, 2).value >= -1e-14 * size


@every_family
@few
@given(data=st.data(), n=sizes, length=st.integers(0, 6))
def test_sweeps_are_additive_scaled_and_may_stop_early(family, data, n, length):
    F, order = drawn(data, family, n), data.draw(orders(n), "order")
    start = data.draw(points(n), "start")
    gains = start.copy()
    part = order[:length]
    F._sweep(-2.0, part, gains)
    full = F.greedy(order)
    expected = start.copy()
    expected[part] -= 2.0 * full[part]
    np.testing.assert_allclose(gains, expected, atol=TOL)


@every_family
@few
@given(data=st.data(), n=sizes)
def test_inputs_are_not_mutated_and_come_in_any_form(family, data, n):
    F, mask = drawn(data, family, n), data.draw(masks(n), "mask").copy()
    order, x = data.draw(orders(n), "order"), data.draw(points(n), "x")
    for array in (mask, order, x):
        array.setflags(write=False)
    value, gains = F.value(mask), F.greedy(order)
    F.marginals(mask)
    F.lovasz(x)
    S = members(mask)
    forms = [S, tuple(S), set(S), iter(S), np.array(S, dtype=np.uint8), mask, [*S, *S, *S, *S]]
    if 4 * len(S) == n and max(S) <= 1:  # it looks like a mask of integers
        forms.pop()
    assert [F(form) for form in forms] == [value] * len(forms)
    if not isinstance(F, ByValue):  # numbers are for built-in functions; a user sees booleans
        assert F.value(np.repeat(mask, 2)[::2].astype(np.int8)) == value
    assert type(value) is float
    np.testing.assert_array_equal(F.greedy(order.tolist()), gains)
    np.testing.assert_array_equal(F.greedy(np.repeat(order, 2)[::2].astype(np.int32)), gains)


@every_family
@few
@given(data=st.data(), n=sizes, flips=st.lists(st.tuples(st.integers(0, 5), st.booleans())))
def test_incremental_changes_by_definition(family, data, n, flips):
    F, start = drawn(data, family, n), data.draw(masks(n), "start")
    S = F.incremental(start)
    for i, add in flips:
        i %= n
        before, gain = F.value(S.mask), S.gain(i)
        np.testing.assert_allclose(gain, F.marginals(S.mask)[i], atol=TOL)
        change = S.add(i) if add else S.remove(i)
        assert S.mask[i] == add
        assert change == pytest.approx(F.value(S.mask) - before, abs=TOL)
        assert S.value == pytest.approx(F.value(S.mask), abs=TOL)
        with pytest.raises(ValueError, match="Elements need to be in"):
            S.gain(n)


@every_family
@few
@given(data=st.data(), n=st.integers(1, 5))
def test_the_represented_cut_is_the_function(family, data, n):
    F = drawn(data, family, n)
    if not F.cut_representable:
        with pytest.raises(TypeError, match="not known to be a cut"):
            (F if not isinstance(F, Sum | View) else ByValue(F)).as_cut()
        return
    S, order = data.draw(masks(n), "S"), data.draw(orders(n), "order")
    for G in (F, F.contract(S), F.restrict(S), F.complement(), 2 * F + Modular(order)):
        form = G.as_cut()
        assert form.n == G.n
        assert (form.capacities >= 0).all()
        if form.n_aux <= 10:
            mask = data.draw(masks(G.n), "mask")
            assert form.value(mask) == pytest.approx(G.value(mask), abs=TOL)


@given(F=compositions(max_n=5))
def test_compositions(F):
    assert str(check_submodular(F, rtol=TOL)) == "None"
    assert_consistent(F, rtol=TOL)


def test_like_terms_are_merged():
    rng = np.random.default_rng(0)
    F, u = FAMILIES["cut"](rng, 4), Modular([1.0, 2.0, 3.0, 4.0])
    assert [a for a, _ in (F + 2 * F).terms] == [3.0]
    total = F + u + F + u
    assert len(total.terms) == 2
    assert isinstance(u + 2 * u - u, Modular)
    assert isinstance(-u, Modular)
    assert (F + u - u).value(np.ones(4, bool)) == F.value(np.ones(4, bool))
    assert F.complement() is F
    assert F.restrict(range(4)) is F
    assert F.contract([]) is F


def test_a_value_that_spoils_its_mask_spoils_nothing_else():
    class Spoils(ByValue):
        def value(self, mask):
            result = super().value(mask)
            mask[:] = False
            return result

    G = FAMILIES["coverage"](np.random.default_rng(3), 5)
    F = Spoils(G)
    F.monotone = True
    combined = 9 * F + F.complement() + Concave(F, "sqrt")
    naive = 9 * G + G.complement() + Concave(G, "sqrt")
    mask = np.array([True, False, True, True, False])
    kept = mask.copy()
    assert combined.value(mask) == pytest.approx(naive.value(mask))
    assert F(mask) == G(mask)
    assert (F - combined)(mask) == pytest.approx((G - naive)(mask))
    np.testing.assert_allclose(combined.marginals(mask), naive.marginals(mask))
    np.testing.assert_array_equal(mask, kept)


def test_numpy_numbers_are_factors_and_arrays_are_not():
    F = FAMILIES["cut"](np.random.default_rng(0), 4)
    mask = np.array([True, False, True, False])
    assert (np.float64(2) * F * np.int64(3) / np.float32(4)).value(mask) == 1.5 * F.value(mask)
    with pytest.raises(TypeError):
        np.ones(2) * F


@pytest.mark.parametrize("family", ["cut", "roots of groups", "entropy", "minus modular"])
def test_functions_travel_to_other_processes_and_threads(family):
    rng = np.random.default_rng(5)
    F = FAMILIES[family](rng, 6)
    G = pickle.loads(pickle.dumps(F))
    every = [rng.permutation(6) for _ in range(50)]
    with ThreadPoolExecutor(4) as pool:
        for here, there in zip(map(F.greedy, every), pool.map(G.greedy, every), strict=True):
            np.testing.assert_array_equal(here, there)
