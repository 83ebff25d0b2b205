"""Every law for every family and every solver, against brute force."""

import math

import numpy as np
import pytest
import recorded
from drawn import numbers
from families import FAMILIES, ByValue, members_of, size_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from subopt import (
    BaseCertificate,
    Cardinality,
    CertificateError,
    ConcaveOfModular,
    Cut,
    Function,
    MatroidRank,
    Modular,
    SetFunction,
    Status,
    min_norm_point,
    minimize,
    minimize_many,
)
from subopt.submodular.brute_force import brute_force
from subopt.testing import all_values, orders

SOLVERS = {
    "auto": minimize,
    "brute force": brute_force,
    "min-norm point": min_norm_point,
    "without elimination": lambda F, **options: min_norm_point(F, eliminate=False, **options),
}
TOL = 1e-6
few = settings(max_examples=max(4, settings().max_examples // 6))  # times families and solvers
every_family = pytest.mark.parametrize("family", FAMILIES)
every_solver = pytest.mark.parametrize("solver", SOLVERS)


def with_minima_inside(rng, F):
    """A function plus weights, some of them equal."""
    scale = np.abs(all_values(F)).max()
    kind = rng.integers(0, 3)
    if kind == 0:
        return F + Modular(-scale * rng.random(F.n) / max(1, F.n - 1))
    gains = F.marginals(rng.random(F.n) < 0.5)  # zero marginals: many minimizers
    return F - Modular(gains) if kind == 1 else F - Modular(np.rint(gains))


def drawn(data, family, n):
    return data.draw(members_of(family, n, with_minima_inside), "F")


def lattice(F, tol=TOL):
    values = all_values(F)
    best = np.flatnonzero(values <= values.min() + tol)
    masks = (best[:, None] >> np.arange(F.n)) & 1 == 1
    return values.min(), masks.all(axis=0), masks.any(axis=0)


@every_solver
@every_family
@few
@given(data=st.data(), n=st.integers(0, 7))
def test_the_certificate_brackets_the_minimum(solver, family, data, n):
    F = drawn(data, family, max(n, 1))
    F = F if n else F.restrict([])
    result = SOLVERS[solver](F)
    lowest = all_values(F).min()
    assert result.status is Status.OPTIMAL
    assert result.value == F.value(result.mask.copy())
    assert result.gap <= TOL
    assert result.lower_bound - 1e-9 <= lowest <= result.value
    assert result.value <= lowest + TOL
    assert result.certificate.check(F, result.mask) == pytest.approx(result.gap, abs=1e-8)
    assert result.certificate.check(F, result.S) == pytest.approx(result.gap, abs=1e-8)
    assert result.set == set(result.S.tolist())
    again = SOLVERS[solver](F)
    np.testing.assert_array_equal(again.mask, result.mask)
    assert (again.value, again.n_evals) == (result.value, result.n_evals)


@every_solver
@every_family
@few
@given(data=st.data(), n=st.integers(1, 6))
def test_the_smallest_and_the_largest_minimizer(solver, family, data, n):
    F = drawn(data, family, n)
    lowest, smallest, largest = lattice(F)
    above = all_values(F) - lowest
    assume(not ((above > 1e-13 * size_of(F)) & (above <= TOL)).any())  # neither a tie nor apart
    for kind, expected in (("minimal", smallest), ("maximal", largest)):
        tol = {"tol": TOL} if solver == "brute force" else {}
        result = SOLVERS[solver](F, minimizer=kind, **tol)
        np.testing.assert_array_equal(result.mask, expected)
        assert result.gap <= TOL
        assert result.certificate.check(F, result.mask) == pytest.approx(result.gap, abs=1e-8)


@every_family
@few
@given(data=st.data(), n=st.integers(2, 6))
def test_tampered_certificates_raise(family, data, n):
    F = drawn(data, family, n)
    result = min_norm_point(F)
    orders, weights = result.certificate.orders, result.certificate.weights
    bound = result.lower_bound
    worse = [
        BaseCertificate(orders, weights, bound + 0.1 + abs(bound)),
        BaseCertificate(orders, 1.5 * weights, bound),
        BaseCertificate(np.tile(orders, (2, 1)), np.append(2 * weights, -weights), bound),
        BaseCertificate(np.zeros_like(orders), weights, bound),
        BaseCertificate(orders[:, 1:], weights, bound),
        BaseCertificate(orders, weights * np.nan, bound),
    ]
    for certificate in worse:
        with pytest.raises(CertificateError):
            certificate.check(F, result.mask)
    lower = F + Modular(np.full(n, -1.0 - np.abs(all_values(F)).max()))
    with pytest.raises(CertificateError, match="proves"):
        result.certificate.check(lower, result.mask)


def test_a_base_of_a_function_that_is_not_submodular():
    F = Function(2, lambda mask: [0.0, -1.0, 5.0][mask.sum()])
    certificate = BaseCertificate(np.array([[0, 1], [1, 0]]), np.full(2, 0.5), -9.0)
    with pytest.raises(CertificateError, match="not submodular"):
        certificate.check(F, [0])


@every_family
@few
@given(data=st.data(), n=st.integers(1, 7))
def test_any_start_gives_the_minimum(family, data, n):
    F, order = drawn(data, family, n), data.draw(orders(n), "order").copy()
    similar = data.draw(members_of("modular", n), "similar")
    first = min_norm_point(F)
    kept = order.copy()
    for start in (order, order.tolist(), first.certificate):
        result = min_norm_point(F, start=start)
        assert result.gap <= TOL
        assert result.value == pytest.approx(first.value, abs=TOL)
    np.testing.assert_array_equal(order, kept)
    G = F + 0.1 * similar  # a base of a similar function
    again = min_norm_point(G, start=first.certificate, eliminate=False)
    assert again.gap <= TOL


@few
@given(rng=numbers(), n=st.integers(2, 7))
def test_scales_that_differ(rng, n):
    scales = 10.0 ** rng.integers(-4, 6, n)
    A = np.triu(rng.random((n, n)) * np.sqrt(scales[:, None] * scales), 1)
    F = Cut(A + A.T) + Modular(rng.normal(size=n) * scales)
    lowest = all_values(F).min()
    result = min_norm_point(F)
    assert result.lower_bound <= lowest + 1e-9 * abs(lowest)
    assert result.value <= lowest + max(TOL, 1e-9 * abs(lowest))
    tiny = min_norm_point(1e-9 * F, tol=1e-15)
    assert tiny.value == pytest.approx(1e-9 * lowest, abs=1e-15 + 1e-18 * abs(lowest))


@every_family
@few
@given(rng=numbers(), n=st.integers(2, 7), other=st.sampled_from(sorted(FAMILIES)),
       scale=st.sampled_from([1e-9, 1.0, 7e12]))  # fmt: skip
def test_a_base_between_two_vertices_is_reached(family, rng, n, other, scale):
    F = FAMILIES[family](rng, n) + 0.05 * FAMILIES[other](rng, n)
    ends = F.greedy(rng.permutation(n)) + F.greedy(rng.permutation(n))
    F = scale * (F - Modular(ends / 2))
    for start in (None, rng.permutation(n)):
        for eliminate in (True, False):
            result = min_norm_point(F, start=start, eliminate=eliminate)
            assert result.gap <= 1e-11 * float(F._range().size.sum())
            assert result.status is Status.OPTIMAL or not eliminate
            assert result.check(F) <= 1e-11 * float(F._range().size.sum())


@pytest.mark.parametrize("F", [
    Cardinality(lambda k: float(k * (12 - k)), 12) - Modular(np.full(12, 11.0)),
    Cardinality(lambda k: min(k, 4.0), 12) - Modular(np.full(12, 1 / 3)),
    Cut.from_edges([(i, (i + 1) % 12) for i in range(12)]) + Modular([1, -1] * 6),
    ConcaveOfModular(np.ones((1, 12))) - Modular(np.full(12, 12**-0.5)),
], ids=["cardinality", "rank", "cycle", "root"])  # fmt: skip
@pytest.mark.parametrize("eliminate", [True, False])
def test_ties_everywhere(F, eliminate):
    lowest, smallest, largest = lattice(F)
    G = ByValue(F)
    for kind, expected in (("minimal", smallest), ("maximal", largest)):
        result = min_norm_point(G, minimizer=kind, eliminate=eliminate)
        np.testing.assert_array_equal(result.mask, expected)
    for seed in range(5):
        start = np.random.default_rng(seed).permutation(12)
        result = min_norm_point(G, start=start, eliminate=eliminate)
        assert result.value == pytest.approx(lowest, abs=TOL)
        assert result.gap <= TOL


@pytest.mark.parametrize("g", [np.sqrt, lambda k: k * (40.0 - k), lambda k: min(3.0 * k, 17.0)])
@given(rng=numbers(), n=st.integers(1, 40))
def test_sorting_is_the_minimum_of_a_function_of_size(g, rng, n):
    u = rng.normal(size=n) * rng.choice([0.1, 1, 10])
    u = np.rint(u) if rng.integers(2) else u
    F = Cardinality(g, n) + 0.5 * Cardinality(np.sqrt, n) + Modular(u - 0.3)
    result = minimize(F)
    assert result.method.startswith("sort, because")
    other = min_norm_point(F)
    assert result.value == pytest.approx(other.value, abs=TOL)
    assert result.certificate.check(F, result.mask) == pytest.approx(0, abs=1e-9 * (1 + n * n))
    for kind in ("minimal", "maximal"):
        a, b = minimize(F, minimizer=kind), min_norm_point(F, minimizer=kind)
        assert a.value == pytest.approx(b.value, abs=TOL)


@pytest.mark.parametrize("n", [3000, 30000])
@pytest.mark.parametrize("g", [np.sqrt, np.log1p, lambda k: np.minimum(k, 100.0)])
def test_sorting_of_many_elements_is_proven(g, n):
    for seed in range(3):
        u = np.random.default_rng(seed).normal(size=n) / n
        for weights in (np.zeros(n), u, u.round(5), u.round(5) - g(float(n)) / n):
            F = Cardinality(g, n) + Modular(weights)
            result = minimize(F, method="sort")
            assert result.check(F) <= 1e-13 * F._range().size.sum()


def test_sort_where_rotations_are_not_enough():
    F = Cardinality([0, 3.05, 3.09]) + Modular([-3.0, -0.1])
    result = minimize(F)
    assert result.S.tolist() == [0, 1]
    assert result.certificate.check(F, result.mask) <= 1e-12


def test_what_is_picked_and_why():
    cut = Cut.from_edges([(0, 1), (1, 2)])
    assert minimize(Modular([1, -1])).method == "modular, because F is modular"
    assert minimize(0 * cut).method == "modular, because F is modular"
    assert minimize(cut.restrict([])).method.startswith("modular")
    assert minimize(Cardinality(np.sqrt, 3)).method.startswith("sort, because F is a function of")
    assert minimize(cut).method == "max_flow, because F is the cut function of a graph"
    rank = MatroidRank.graphic([(0, 1), (1, 2), (0, 2)])
    assert minimize(rank).method.startswith("min_norm_point, because F is not known to be")
    large = Cut(np.zeros((40, 40))) + Cardinality(np.sqrt, 40)
    assert minimize(large).method.startswith("decomposed, because F is a sum of simple functions")
    assert minimize(large, minimizer="minimal").method.startswith("min_norm_point")
    assert minimize(cut, method="brute_force").method == "brute_force"
    for method in ("modular", "sort"):
        with pytest.raises(TypeError, match=f"{method} needs a .*, got Cut.*method='auto'"):
            minimize(cut, method=method)


def test_errors_at_the_door():
    F = Cut.from_edges([(0, 1), (1, 2)])
    with pytest.raises(TypeError, match="or a LabelingEnergy, got ndarray"):
        minimize(np.zeros(3))
    with pytest.raises(TypeError, match="A DifferenceOfSubmodular is not submodular"):
        min_norm_point(F - Cardinality(np.sqrt, 3))
    with pytest.raises(TypeError, match=r"Function\(n, value\)"):
        min_norm_point(lambda mask: 0.0)
    with pytest.raises(TypeError, match=r"minimize of a SetFunction by .*; got effort"):
        minimize(F, effort="best")
    with pytest.raises(ValueError, match="method must be one of 'auto', 'modular'"):
        minimize(F, method="magic")
    with pytest.raises(TypeError, match="callback needs to be callable, got 3"):
        minimize(F, callback=3)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="too large for floating"):
        minimize(Modular([-1e308, -1e308]))
    for bad in ({"tol": -1.0}, {"tol": math.nan}, {"time_limit": -1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            minimize(F, **bad)
    with pytest.raises(TypeError, match="f - g is a SetFunction if g is modular"):
        minimize(F - Modular(np.ones(3)), starts=8)
    for bad in ({"tol": -1.0}, {"max_iter": 0}, {"minimizer": "least"}, {"time_limit": -1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            min_norm_point(F, **bad)
    with pytest.raises(ValueError, match="every element"):
        min_norm_point(F, start=[0, 0, 1])
    with pytest.raises(CertificateError, match="orders"):
        min_norm_point(F, start=BaseCertificate(np.zeros((1, 2), int), np.ones(1), 0.0))
    with pytest.raises(ValueError, match="n <= 20"):
        minimize(Cut(np.zeros((21, 21))), method="brute_force")

    class Off(SetFunction):
        n = 3

        def value(self, mask):
            return 1.0

    with pytest.raises(ValueError, match="normalize"):
        minimize(Off())

    class NotANumber(SetFunction):
        n = 3

        def value(self, mask):
            return float("nan") if mask.all() else 0.0

    with pytest.raises(ValueError, match="finite real numbers"):
        minimize(NotANumber())
    with pytest.raises(ValueError, match="finite real numbers"):
        minimize(NotANumber(), method="brute_force")


def grid(n, seed=0):
    rng = np.random.default_rng(seed)
    k = np.arange(n * n).reshape(n, n)
    edges = np.concatenate([
        np.stack([k[:, 1:].ravel(), k[:, :-1].ravel()], axis=1),
        np.stack([k[1:].ravel(), k[:-1].ravel()], axis=1),
    ])  # fmt: skip
    return Cut.from_edges(edges, rng.random(len(edges))) + Modular(rng.normal(size=n * n))


def test_stopping_early_is_honest():
    F = grid(8)
    best = min_norm_point(F).value
    seen = []
    result = min_norm_point(F, max_iter=6, callback=seen.append)
    assert (result.status, result.n_iter, len(seen)) == (Status.ITERATION_LIMIT, 6, 6)
    for partial in (*seen, result, min_norm_point(F, time_limit=0)):
        assert partial.gap > TOL
        assert partial.lower_bound <= best <= partial.value
        assert partial.certificate.check(F, partial.mask) == pytest.approx(partial.gap)
    assert min_norm_point(F, time_limit=0).status is Status.TIME_LIMIT
    extreme = []
    min_norm_point(F, minimizer="minimal", callback=extreme.append)
    for partial in extreme:
        assert partial.value == F.value(partial.mask.copy())
        assert partial.certificate.check(F, partial.mask) == pytest.approx(partial.gap)
    bounds = [partial.value for partial in seen]
    assert bounds == sorted(bounds, reverse=True)
    stalled = min_norm_point(F, tol=0.0)
    assert stalled.status in (Status.OPTIMAL, Status.SLOW_PROGRESS)
    assert stalled.gap < 1e-10


@pytest.mark.parametrize("method", ["auto", "min_norm_point", "frank_wolfe", "decomposed"])
@pytest.mark.parametrize("scale", [1e-3, 1e-5, 1e-7])
def test_small_functions_are_minimized_as_well(method, scale):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        weights = Modular(rng.normal(size=36))
        F = grid(6, seed) + Cardinality(np.sqrt, 36) + weights
        result = minimize(scale * F, method=method)
        assert result.value == pytest.approx(scale * min_norm_point(F).value, rel=1e-5)
        for kind in ("minimal", "maximal") if method == "min_norm_point" else ():
            extreme = minimize(scale * F, method=method, minimizer=kind)
            np.testing.assert_array_equal(extreme.mask, min_norm_point(F, minimizer=kind).mask)


def test_an_interrupt_leaves_nothing_behind():
    F = grid(6)

    def interrupt(result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(F, method="min_norm_point", callback=interrupt)
    assert minimize(F).gap <= TOL


def test_methods_of_one_step_report_once():
    for F in (Modular([1.0, -1.0]), Cardinality(np.sqrt, 4), grid(3)):
        seen = []
        result = minimize(F, callback=seen.append)
        assert [partial.value for partial in seen] == [result.value]


def test_many_set_functions():
    Fs = [grid(4, seed) for seed in range(4)]
    one, two = (minimize_many(Fs, threads=threads) for threads in (1, 2))
    assert [a.value for a in one] == [b.value for b in two] == [minimize(F).value for F in Fs]


@pytest.mark.parametrize("name", recorded.SFM)
@pytest.mark.parametrize("solver", ["auto", "min-norm point"])
def test_recorded_minima(data_dir, solver, name):
    import numba

    if numba.config.DISABLE_JIT and name not in ("iwata100", "conc500", "gp100"):
        pytest.skip("minutes without the JIT")
    F, best = recorded.submodular(data_dir, name)
    result = SOLVERS[solver](F)
    assert result.value == pytest.approx(best, abs=1e-9 * max(1, abs(best)))
    assert result.gap <= 1e-6
    assert result.certificate.check(F, result.mask) <= 1e-6
    if solver == "auto":
        return
    start = np.random.default_rng(1).permutation(F.n)
    other = min_norm_point(F, start=start)
    assert other.value == pytest.approx(result.value, abs=1e-9 * max(1, abs(best)))
    for kind in ("minimal", "maximal"):
        extreme = min_norm_point(F, minimizer=kind)
        assert extreme.value == pytest.approx(best, abs=1e-6)
        assert extreme.certificate.check(F, extreme.mask) <= 2e-6
