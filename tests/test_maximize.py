"""Laws of `maximize`: over families x constraints x methods, against all sets."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from drawn import numbers
from families import FAMILIES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from subopt import (
    Budget,
    Cardinality,
    CertificateError,
    ConcaveOfModular,
    Coverage,
    Cut,
    FacilityLocation,
    Function,
    Groups,
    LogDeterminant,
    Modular,
    SetFunction,
    maximize,
    maximize_stream,
)
from subopt.constraints.build import constraints_of
from subopt.functions.diminishing_returns import all_masks
from subopt.maximization.prices import most
from subopt.testing import set_functions

few = settings(max_examples=max(4, settings().max_examples // 3))
seeds = st.integers(0, 2**32 - 1)
MONOTONE = ["coverage", "facility location", "roots of groups", "partition rank", "entropy"]


@dataclasses.dataclass
class Case:
    """A function, the options that say which sets are feasible, and all of these."""

    F: SetFunction
    options: dict
    feasible: np.ndarray  # (sets, n)
    values: np.ndarray  # (sets,)

    @property
    def size(self):
        """What rounding is relative to."""
        return float(self.F._range().size.sum()) + float(np.abs(self.values).max())


KINDS = ("none", "size", "sizes", "budget", "groups", "both", "three")


@st.composite
def constraints(draw, n, kinds=KINDS, fixed=(0, 0, 0, 1, 2)):
    options = {}
    kind = draw(st.sampled_from(kinds))
    if kind == "size":
        options["size"] = draw(st.integers(0, n))
    if kind in ("sizes", "both"):
        options["size"] = tuple(sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))))
    parts = []
    if kind in ("budget", "both", "three"):
        costs = st.lists(st.sampled_from([0, 0.5, 1, 2, 3.3]), min_size=n, max_size=n)
        parts.append(Budget(draw(costs), draw(st.sampled_from([0, 1, 2.5, 5]))))
    if kind in ("groups", "three"):
        labels = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
        parts.append(Groups(labels, draw(st.lists(st.integers(0, 3), min_size=3, max_size=3))))
    if kind == "three" and draw(st.booleans()):
        parts.append(Budget(np.arange(n), draw(st.integers(0, 5))))
    role = draw(st.lists(st.sampled_from(fixed), min_size=n, max_size=n))
    options["include"] = [i for i in range(n) if role[i] == 1]
    options["exclude"] = [i for i in range(n) if role[i] == 2]
    return options | {"constraints": parts}


@st.composite
def cases(draw, families=None, **limited):
    F = draw(set_functions(families))
    options = draw(constraints(F.n, **limited))
    try:
        of = constraints_of(F.n, **options)
    except ValueError:
        assume(False)
    feasible = np.array([mask for mask in all_masks(F.n) if of.feasible(mask)])
    return Case(F, options, feasible, np.array([F.value(mask.copy()) for mask in feasible]))


def solve(case, method, **more):
    if method == "stochastic_greedy":
        more = {"rng": 0, **more}
    return maximize(case.F, method=method, **case.options, **more)


MONOTONE_ONLY = {"families": MONOTONE, "kinds": ("none", "size", "sizes"), "fixed": (0, 0, 2)}
METHODS = [
    ("auto", "fast", {}),
    ("auto", "default", {}),
    ("auto", "best", {}),
    ("greedy", "default", {}),
    ("stochastic_greedy", "default", {}),
    ("double_greedy", "default", {"kinds": ("none",)}),
    ("local_search", "best", {}),
    ("sieve", "default", MONOTONE_ONLY),
]


@pytest.mark.parametrize(("method", "effort", "limited"), METHODS)
@few
@given(data=st.data())
def test_answers_are_feasible_and_bounds_hold(method, effort, limited, data):
    case = data.draw(cases(**limited))
    result = solve(case, method, effort=effort)
    assert (case.feasible == result.mask).all(axis=1).any()
    best, rounding = case.values.max(), 1e-12 * case.size
    assert result.value == case.F.value(result.mask.copy())
    assert result.value <= best + rounding
    assert result.upper_bound >= best - rounding
    gap = result.check(case.F)
    assert best - rounding <= result.value + gap <= result.upper_bound + 1e-9 * case.size
    assert result.lower_bound == -math.inf
    assert result.gap == max(0.0, result.upper_bound - result.value)
    if result.status.name == "OPTIMAL":
        assert result.value >= best - 1e-10 * case.size


@few
@given(case=cases())
def test_auto_finds_the_maximum_of_small_problems_or_does_not_claim_it(case):
    result = solve(case, "auto", effort="best")
    exact = result.value >= case.values.max() - 1e-10 * case.size
    assert exact or (result.status.name != "OPTIMAL" and result.gap > 0)
    fast = solve(case, "auto", effort="fast")
    assert result.value >= fast.value - 1e-12 * case.size


@given(data=st.data())
def test_greedy_reaches_its_share_of_the_maximum(data):
    F = data.draw(set_functions(MONOTONE))
    k = data.draw(st.integers(0, F.n))
    best = max(F.value(mask.copy()) for mask in all_masks(F.n) if mask.sum() <= k)
    assert maximize(F, (0, k), method="greedy").value >= (1 - 1 / np.e) * best - 1e-12
    assert maximize(F, k, method="greedy").value >= (1 - 1 / np.e) * best - 1e-12
    if k:
        found = maximize_stream([np.arange(F.n)], F.restrict, k, epsilon=0.1)
        assert found.value >= 0.4 * best - 1e-12
        assert found.upper_bound >= best - 1e-12


SEEDS = range(40)


def at_least(values, share, best):
    """Whether a mean of random values can be so large a share of the maximum."""
    spread = np.std(values) / np.sqrt(len(values))
    return np.mean(values) >= share * best - 4 * spread - 1e-9 * best


@settings(max_examples=12)
@given(F=set_functions(["cut", "directed cut", "hypergraph cut", "coverage"], max_n=6))
def test_double_greedy_reaches_its_share_of_the_maximum(F):
    best = max(F.value(mask.copy()) for mask in all_masks(F.n))  # these functions are >= 0
    assert maximize(F, method="double_greedy", effort="fast").value >= best / 3 - 1e-9 * best
    drawn = [
        maximize(F, method="double_greedy", effort="fast", randomized=True, rng=seed).value
        for seed in SEEDS
    ]
    assert at_least(drawn, 1 / 2, best)


@settings(max_examples=12)
@given(data=st.data())
def test_stochastic_greedy_reaches_its_share_of_the_maximum(data):
    F = data.draw(set_functions(MONOTONE, max_n=6))
    k, epsilon = data.draw(st.integers(0, F.n)), data.draw(st.sampled_from([0.1, 0.5]))
    best = max(F.value(mask.copy()) for mask in all_masks(F.n) if mask.sum() <= k)
    drawn = [
        maximize(F, k, method="stochastic_greedy", effort="fast", epsilon=epsilon, rng=seed).value
        for seed in SEEDS
    ]
    assert at_least(drawn, 1 - 1 / np.e - epsilon, best)


def naive_greedy(F, of):
    mask = of.include.copy()
    while True:
        gains = np.where(of.additions(mask), F.marginals(mask.copy()), -np.inf)
        i = int(gains.argmax())
        if not np.isfinite(gains[i]) or (gains[i] <= 0 and mask.sum() >= of.low):
            return mask
        mask[i] = True


@given(case=cases())
def test_lazy_greedy_is_greedy(case):
    assume(case.F.integral)  # so that no rounding makes gains rise
    of = constraints_of(case.F.n, **case.options)
    mask = naive_greedy(case.F, of)
    assume(mask.sum() >= of.low)  # a greedy set that cannot go on is completed
    result = solve(case, "greedy", effort="fast")
    if not of.purses:  # else the better of two
        np.testing.assert_array_equal(result.mask, mask)
    assert result.value >= case.F.value(mask.copy())


def test_lazy_greedy_is_greedy_on_many_elements():
    rng = np.random.default_rng(0)
    F = Coverage(sp.random(400, 300, density=0.03, format="csr", rng=rng))
    G = FacilityLocation(rng.integers(0, 30, (60, 200)) * (rng.random((60, 200)) < 0.2))
    for H in (F, G, F.restrict(range(200)) + 2 * G):
        result = maximize(H, 25, method="greedy", effort="fast")
        np.testing.assert_array_equal(result.mask, naive_greedy(H, constraints_of(H.n, size=25)))


@pytest.mark.parametrize("family", FAMILIES)
@given(rng=numbers(), n=st.integers(1, 7))
def test_gains_of_many_elements_are_those_of_single_ones(family, rng, n):
    F = FAMILIES[family](rng, n)
    mask = rng.random(n) < 0.5
    walk = F.incremental(mask)
    noise = 1e-12 * (F._range().size + abs(F.value(np.ones(n, dtype=np.bool_))))
    for i in rng.integers(0, n, 4).tolist():
        elements = rng.permutation(n)[: rng.integers(0, n + 1)]
        got = F._gains(walk._state, walk.mask, elements)
        one = [F._gain(walk._state, walk.mask, int(e)) for e in elements]
        np.testing.assert_allclose(got, one, rtol=1e-9, atol=noise.max())
        np.testing.assert_allclose(
            got, F.marginals(walk.mask.copy())[elements], rtol=1e-9, atol=noise.max()
        )
        walk.add(i) if rng.random() < 0.6 else walk.remove(i)


LEVELED = {
    "coverage": FAMILIES["coverage"],
    "facility location": FAMILIES["facility location"],
    "cut": FAMILIES["cut"],
    "directed cut": FAMILIES["directed cut"],
    "no edges": lambda rng, n: Cut(np.zeros((n, n))),
    "contracted": lambda rng, n: FAMILIES["facility location"](rng, n + 1).contract([0]),
    "sum": lambda rng, n: (
        2 * FAMILIES["coverage"](rng, n)
        + FAMILIES["facility location"](rng, n)
        + FAMILIES["modular"](rng, n)
    ),
}


@pytest.mark.parametrize("family", LEVELED)
@given(rng=numbers(), n=st.integers(1, 6))
def test_functions_of_levels_are_above_and_convex(family, rng, n):
    F = LEVELED[family](rng, n)
    assert F._has_levels
    S, T = rng.random((2, n)) < 0.5
    constant, weights = F._above(F._levels(S))
    gains = F.marginals(S.copy())
    assert constant == pytest.approx(F.value(S.copy()) - weights[S].sum())
    np.testing.assert_allclose(weights[~S], gains[~S], atol=1e-12)
    low, high = F._levels(np.zeros(n, bool)), F._levels(np.ones(n, bool))
    a, b = (low + rng.random(len(low)) * (high - low) for _ in range(2))
    for levels in (a, b, F._levels(S)):
        constant, weights = F._above(levels)
        for mask in all_masks(n):
            assert constant + weights[mask].sum() >= F.value(mask.copy()) - 1e-12

    def at(levels):
        constant, weights = F._above(levels)
        return constant + weights[T].sum()

    assert at(b) >= at(a) + F._slope(a, np.flatnonzero(T)) @ (b - a) - 1e-12


@given(data=st.data(), n=st.integers(1, 6))
def test_prices_bound_modular_functions(data, n):
    options = data.draw(constraints(n))
    try:
        of = constraints_of(n, **options)
    except ValueError:
        assume(False)
    weights = np.array(data.draw(st.lists(st.integers(-4, 6), min_size=n, max_size=n))) / 2
    inner, free = of.reduced(), of.free
    found = most(inner, weights[free])
    assert (found.prices >= 0).all()
    sums = [weights[mask].sum() for mask in all_masks(n) if of.feasible(mask)]
    bound = found.bound + weights[of.include].sum()
    assert bound >= max(sums) - 1e-9
    if not of.purses:  # a matroid: the bound is exact
        assert bound == pytest.approx(max(sums), abs=1e-9)


def test_a_budget_has_the_bound_of_the_fractional_knapsack():
    rng = np.random.default_rng(0)
    for _ in range(50):
        costs, weights = rng.integers(1, 9, 12), rng.random(12)
        limit = float(rng.integers(5, 30))
        order = np.argsort(-weights / costs)
        left, expected = limit, 0.0
        for i in order:
            share = min(1.0, left / costs[i])
            expected += share * weights[i]
            left -= share * costs[i]
        of = constraints_of(12, constraints=Budget(costs, limit))
        assert most(of, weights).bound == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("exponent", [-40, 40])
@few
@given(case=cases())
def test_scale_changes_nothing_but_the_values(exponent, case):
    scale = 2.0**exponent  # about 1e-12 and 1e12
    for effort in ("fast", "best"):
        one = solve(case, "auto", effort=effort)
        other = maximize(scale * case.F, effort=effort, **case.options)
        np.testing.assert_array_equal(one.mask, other.mask)
        rounding = 1e-9 * scale * case.size
        assert other.value == pytest.approx(scale * one.value, rel=1e-12, abs=rounding * 1e-3)
        best = scale * case.values.max()
        assert other.upper_bound >= best - rounding * 1e-3
        if not case.F.integral:  # else bounds are rounded to integers, which scale changes
            assert abs(other.upper_bound - scale * one.upper_bound) <= rounding


@few
@given(case=cases(), seed=seeds)
def test_a_seed_decides_everything(case, seed):
    assume(case.F.n > 1)
    runs = [maximize(case.F, method="stochastic_greedy", rng=seed, **case.options) for _ in "ab"]
    np.testing.assert_array_equal(runs[0].mask, runs[1].mask)
    assert runs[0].upper_bound == runs[1].upper_bound
    free = {k: v for k, v in case.options.items() if k in ("include", "exclude")}
    runs = [
        maximize(case.F, method="double_greedy", randomized=True, rng=seed, **free) for _ in "ab"
    ]
    np.testing.assert_array_equal(runs[0].mask, runs[1].mask)


@few
@given(case=cases())
def test_wrong_evidence_is_refused(case):
    result = solve(case, "auto", effort="best")
    certificate, F = result.certificate, case.F
    worst = case.feasible[case.values.argmin()]
    gap = certificate.check(F, worst)
    assert F.value(worst.copy()) + gap >= case.values.max() - 1e-10 * case.size

    def refused(**changes):
        with pytest.raises(CertificateError):
            dataclasses.replace(certificate, **changes).check(F, result)

    refused(upper_bound=case.values.max() - 1e-3 * case.size - 1.0)
    refused(prices=certificate.prices - 1.0)
    refused(prices=certificate.prices[:-1])
    refused(levels=np.zeros(10_000))
    refused(sets=(np.array([F.n]),), shares=np.ones(1), levels=None)
    refused(sets=(np.array([0]),), shares=np.array([2.0]), levels=None)
    if case.options["exclude"]:
        refused(sets=(np.array(case.options["exclude"]),), shares=np.ones(1), levels=None)
    infeasible = [m for m in all_masks(F.n) if not (case.feasible == m).all(axis=1).any()]
    for mask in infeasible[:3]:
        with pytest.raises(CertificateError, match="not feasible"):
            certificate.check(F, mask)
    with pytest.raises(CertificateError):
        dataclasses.replace(result, value=result.value + 1 + case.size).check(F)


def test_a_certificate_of_a_function_that_is_not_submodular_is_refused():
    F = Function(4, lambda mask: float(mask.sum()) ** 2)
    with pytest.raises(ValueError, match="submodular"):
        maximize(F, 2)
    G = Function(4, lambda mask: float(mask.sum()) ** 0.5)
    certificate = maximize(G, 2).certificate
    with pytest.raises(CertificateError, match="not submodular"):
        certificate.check(F, [0, 1])


@given(data=st.data(), chunk=st.integers(1, 4))
def test_streams_keep_what_they_need(data, chunk):
    F = data.draw(set_functions(MONOTONE, min_n=2, max_n=7))
    k = data.draw(st.integers(1, F.n))
    order = np.array(data.draw(st.permutations(range(F.n))))
    calls = []

    def build(items):
        calls.append(len(items))
        return F.restrict(sorted(items)) if isinstance(items, list) else part(items)

    def part(items):
        return Function(
            len(items),
            lambda mask: F.value(np.isin(np.arange(F.n), items[mask])),
            monotone=True,
        )

    chunks = [order[i : i + chunk] for i in range(0, F.n, chunk)]
    result = maximize_stream(iter(chunks), build, k)
    assert len(result.mask) == F.n
    assert result.mask.sum() <= k
    np.testing.assert_array_equal(result.items, order[result.mask])
    assert result.value == pytest.approx(F(result.items), abs=1e-9)
    best = max(F.value(mask.copy()) for mask in all_masks(F.n) if mask.sum() <= k)
    assert result.upper_bound >= best - 1e-9
    whole = part(order)
    assert result.value + result.check(whole) >= best - 1e-9


def naive_sieves(values, k, epsilon):
    """The algorithm of streams element by element: the largest value of the sets of all sieves.

    `values` is a function of lists of elements 0, 1, ...
    """
    base, largest, ended, sieves = 1 + epsilon, 0.0, 0.0, {}
    count = values([]).n
    for i in range(count):
        largest = max(largest, values([i]).value)
        if not largest > 0:
            continue
        power = math.log(largest) / math.log(base)
        low = math.floor(power - math.log(2 * k) / math.log(base))
        for p in sorted(sieves):
            if p < low:
                ended = max(ended, values(sieves.pop(p)).value)
        highest = max(sieves, default=low - 1)
        for p in range(max(low, highest + 1), math.ceil(power) + 1):
            sieves[p] = []
        for p, S in sieves.items():
            if len(S) < k and values([*S, i]).value - values(S).value >= base**p:
                S.append(i)
    return max([ended, *(values(S).value for S in sieves.values())])


class Values(NamedTuple):
    n: int
    value: float


@given(data=st.data(), k=st.integers(1, 6), epsilon=st.sampled_from([0.1, 0.5, 1.0]))
def test_chunks_of_a_stream_do_not_change_the_set(data, k, epsilon):
    F = data.draw(set_functions(["coverage", "facility location", "partition rank"], min_n=2))
    assume(F.integral)
    n = F.n
    # singles that grow far, so that sieves begin and end within chunks
    weights = data.draw(st.lists(st.sampled_from([0, 1, 2, 7, 40, 600]), min_size=n, max_size=n))
    F = F + Modular(weights)
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1))))
    chunks = np.split(np.arange(n), cuts)
    found = maximize_stream(chunks, F.restrict, k, epsilon=epsilon)
    whole = maximize_stream([np.arange(n)], F.restrict, k, epsilon=epsilon)
    np.testing.assert_array_equal(found.mask, whole.mask)
    assert found.value == naive_sieves(lambda S: Values(n, F(S)), k, epsilon)
    chunk = data.draw(st.integers(1, n))
    one, all_at_once = (
        maximize(F, (0, k), method="sieve", epsilon=epsilon, chunk=c) for c in (chunk, n)
    )
    np.testing.assert_array_equal(one.mask, all_at_once.mask)
    # unlike a stream, maximize knows n: thresholds are for no more elements than there are
    assert one.value == maximize_stream(chunks, F.restrict, min(k, n), epsilon=epsilon).value


def test_streams_of_lists_and_nothing():
    build = {"a": {1, 2}, "b": {2}, "c": {3, 4, 5}}

    def words(items):
        rows = [[word in build[name] for word in range(6)] for name in items]
        return Coverage(np.array(rows))

    result = maximize_stream([["b"], ["a", "c"]], words, size=2)
    assert result.items == ["a", "c"]
    assert (result.value, result.S.tolist()) == (5.0, [1, 2])
    empty = maximize_stream([], words, size=2)
    assert (len(empty.mask), empty.value) == (0, 0.0)
    with pytest.raises(ValueError, match="needs functions that are known to be monotone"):
        maximize_stream([["a", "b"]], lambda items: Cut(np.ones((2, 2)) - np.eye(2)), size=1)
    with pytest.raises(TypeError, match="chunks needs arrays or lists"):
        maximize_stream(iter([1, 2]), words, size=2)
    with pytest.raises(ValueError, match="build needs to return a function of the 1 elements"):
        maximize_stream([["a"]], lambda items: words(["a", "b"]), size=2)


def test_sparse_and_dense_similarities_are_one_function():
    rng = np.random.default_rng(0)
    A = np.where(rng.random((150, 40)) < 0.3, rng.random((150, 40)), 0.0)
    twice = sp.coo_array(
        (np.tile(A[A > 0] / 2, 2), [np.tile(x, 2) for x in np.nonzero(A)]), shape=A.shape
    )
    stored_zero = sp.csc_array(A)
    stored_zero.data[:5] = 0.0
    full = np.maximum(A, 1e-3)
    masks_ = rng.random((5, 40)) < 0.2
    for dense, other in (
        (A, twice),
        (A, sp.csr_matrix(A)),
        (stored_zero.toarray(), stored_zero),
        (full, sp.csr_array(full)),
        (full, full.tolist()),
        (full, np.asfortranarray(full)),
    ):
        F, G = FacilityLocation(dense), FacilityLocation(other)
        for mask in masks_:
            assert F.value(mask) == pytest.approx(dense[:, mask].max(axis=1).sum())
            assert G.value(mask) == pytest.approx(F.value(mask))
            np.testing.assert_allclose(F.marginals(mask), G.marginals(mask), atol=1e-12)
        part = F.contract([3]).restrict(range(20))
        np.testing.assert_allclose(part.marginals(masks_[0, :20]), _minor(F, masks_[0, :20]))
    assert len(stored_zero.data) == (A > 0).sum()  # what callers hand in stays as it is


def _minor(F, mask):
    left = [i for i in range(F.n) if i != 3][:20]
    inner = np.zeros(F.n, bool)
    inner[3] = True
    inner[np.array(left)[mask]] = True
    return F.marginals(inner)[left]


def test_wrong_entries_of_sparse_matrices_are_named():
    for data, what in ((-1.0, "-1"), (np.nan, "nan"), (np.inf, "inf")):
        bad = sp.csr_matrix(([1.0, data], ([0, 1], [1, 2])), shape=(3, 4))
        with pytest.raises(ValueError, match=rf"similarity\[1, 2\] is {what}"):
            FacilityLocation(bad)
        with pytest.raises(ValueError, match=rf"membership\[1, 2\] is {what}"):
            Coverage(bad)
        with pytest.raises(ValueError, match=rf"similarity\[1, 2\] is {what}"):
            FacilityLocation(bad.toarray())


def test_many_elements_lazily_and_without_dense_matrices():
    n = 30_000
    rng = np.random.default_rng(0)
    near = (np.arange(n)[:, None] + rng.integers(-50, 50, (n, 4))) % n
    A = sp.csr_matrix((rng.random(4 * n), near.ravel(), np.arange(0, 4 * n + 1, 4)), shape=(n, n))
    F = FacilityLocation(A)
    result = maximize(F, 20, effort="fast")
    assert result.mask.sum() == 20
    assert result.n_evals < 5 * n
    assert result.check(F) <= result.gap * (1 + 1e-9)


def test_a_proof_ends_the_search():
    F = Modular([3.0, 1.0, -2.0, 5.0, 0.0])
    result = maximize(F, 2)
    assert (result.S.tolist(), result.value, result.upper_bound) == ([0, 3], 8.0, 8.0)
    assert result.status.name == "OPTIMAL"
    assert result.ratio == 1.0
    assert maximize(F).S.tolist() == [0, 1, 3]
    assert maximize(F, (None, 1)).S.tolist() == [3]
    assert maximize(F, 5).value == 7.0
    assert maximize(F, 0).S.tolist() == []


@pytest.mark.parametrize("method", ["auto", "local_search", "double_greedy", "sieve"])
def test_nothing_to_choose_from(method):
    for F, fixed in ((Modular(np.zeros(0)), []), (Coverage(np.eye(3)), [0, 1, 2])):
        result = maximize(F, method=method, effort="best", exclude=fixed)
        assert (result.value, result.upper_bound, result.status.name) == (0.0, 0.0, "OPTIMAL")
        assert result.check(F) == 0.0


def test_limits_of_time_and_callbacks():
    rng = np.random.default_rng(0)
    F = FacilityLocation(rng.random((30, 40)))
    options = {"size": 6, "include": [1], "constraints": [Groups(np.arange(40) % 10, 1)]}
    stopped = maximize(F, time_limit=0, **options)
    assert stopped.status.name == "TIME_LIMIT"
    assert stopped.mask.sum() == 6
    assert stopped.check(F) == pytest.approx(stopped.gap)
    seen = []

    def follow(result):
        seen.append(result.value)
        if len(seen) == 2:
            raise StopIteration

    result = maximize(F, (0, 6), callback=follow)
    assert result.status.name == "INTERRUPTED"
    assert len(seen) == 2
    assert result.value >= seen[-1]


@pytest.mark.parametrize("method", sorted({row[0] for row in METHODS}))
def test_every_method_tells_its_callback(method):
    F = FacilityLocation(np.random.default_rng(0).random((30, 40)))
    options = {} if method == "double_greedy" else {"size": 6}
    if method == "stochastic_greedy":
        options["rng"] = 0
    told = []
    result = maximize(F, method=method, callback=told.append, **options)
    assert told
    assert all(len(answer.S) == 6 for answer in told if options)
    assert max(answer.value for answer in told) <= result.value + 1e-12

    calls = []

    def stop(answer):
        calls.append(answer)
        raise StopIteration

    stopped = maximize(F, method=method, callback=stop, **options)
    assert len(calls) == 1
    assert stopped.value >= calls[0].value - 1e-12  # the value was a sum of gains


def test_polish_improves_greedy():
    # greedy takes the large set first, and the pair of the others is better
    F = Coverage([[1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]])
    G = F + Modular([0.5, 0, 0])
    assert maximize(G, 2, method="greedy").value < maximize(G, 2, effort="best").value == 8.0
    result = maximize(G, 2, method="local_search", start=[0, 1])
    assert result.S.tolist() == [1, 2]
    assert result.status.name == "OPTIMAL"


def test_double_greedy_of_a_cut():
    F = Cut.from_edges([(i, (i + 1) % 8) for i in range(8)])
    result = maximize(F, method="double_greedy")
    assert result.value >= 8 / 3
    assert maximize(F).value == 8.0
    assert maximize(F, effort="best").upper_bound >= 8.0


def test_determinants_are_added_to_row_by_row():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 20))
    F = LogDeterminant(X @ X.T / 20 + 0.5 * np.eye(60))
    result = maximize(F, 10, method="greedy", effort="fast")
    assert result.value == pytest.approx(F(result.S))
    np.testing.assert_array_equal(result.mask, naive_greedy(F, constraints_of(60, size=10)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "gready"}, ValueError, "method must be one of"),
        ({"effort": "slow"}, ValueError, "effort must be one of"),
        ({"rng": 0}, TypeError, "maximize by 'auto' takes no options; got rng"),
        ({"epsilon": 0.1}, TypeError, "got epsilon"),
        ({"method": "stochastic_greedy", "epsilon": 1.5}, ValueError, "between 0 and 1"),
        ({"method": "double_greedy", "size": 2}, ValueError, "decides every element once"),
        ({"method": "double_greedy", "rng": 0}, ValueError, "randomized=True"),
        ({"method": "sieve", "include": [0]}, ValueError, "sieve has no include"),
        ({"method": "local_search", "size": 2, "start": [0]}, ValueError, "start needs to be"),
        ({"size": 9}, ValueError, "there are 4"),
        ({"tol": -1}, ValueError, "tol"),
        ({"callback": 3}, TypeError, "callback needs to be callable"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    F = ConcaveOfModular(np.eye(4))
    with pytest.raises(error, match=message):
        maximize(F, **options)


def test_other_functions_are_refused():
    with pytest.raises(TypeError, match=r"call minimize\(-h\)"):
        maximize(Cut(np.zeros((2, 2))) - Coverage(np.eye(2)), 1)
    with pytest.raises(TypeError, match="SetFunction is needed"):
        maximize(np.ones(3), 1)
    with pytest.raises(ValueError, match="sieve needs a function that is known to be monotone"):
        maximize(Cut(np.ones((3, 3))), 1, method="sieve")


def test_bounds_of_integers_are_rounded_as_their_check_does():
    F = Cardinality([0, 6_000_000, 6_000_008, 6_000_014])
    result = maximize(F, constraints=[Budget([9, 5, 2_000_000], 2_000_009)])
    assert (result.value, len(result.S)) == (6_000_008, 2)
    assert result.check(F) <= result.gap
