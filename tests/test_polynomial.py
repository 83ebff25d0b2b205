"""Polynomials of 0-1 variables: exact as differences, submodular where they are, and QUBO."""

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from subopt import Polynomial, minimize

COEFFICIENTS = st.integers(-4, 4) | st.floats(-2, 2, width=16)


@st.composite
def term_maps(draw, degree=4):
    n = draw(st.integers(0, 5))
    products = st.lists(st.integers(0, max(n - 1, 0)), max_size=degree if n else 0).map(tuple)
    return draw(st.dictionaries(products, COEFFICIENTS, max_size=8)), n


def masks(n):
    return [np.array(m, dtype=bool) for m in itertools.product((False, True), repeat=n)]


def value(terms, mask):
    return math.fsum(c for T, c in terms.items() if T and mask[list(T)].all())


@given(term_maps())
def test_it_is_the_polynomial_and_the_difference_of_submodular_parts(drawn):
    terms, n = drawn
    h = Polynomial(terms, n)
    assert h.constant == terms.get((), 0)
    for mask in masks(n):
        expected = value(terms, mask)
        assert h.value(mask) == pytest.approx(expected, abs=1e-12)
        assert h.f.value(mask) - h.g.value(mask) == pytest.approx(expected, abs=1e-12)
        at = h.multilinear(mask.astype(float))
        assert at == pytest.approx(expected + h.constant, abs=1e-12)
    for part in (h.f, h.g):
        assert is_submodular(lambda mask, part=part: part.value(mask), n, 1e-9)


@given(term_maps(), st.lists(st.integers(-9, 9), min_size=8, max_size=8))
def test_values_have_the_digits_of_the_products_within_the_set(drawn, powers):
    terms, n = drawn
    terms = {T: c * 10.0**e for (T, c), e in zip(terms.items(), powers, strict=False)}
    h = Polynomial(terms, n)
    for mask in masks(n):
        size = sum(abs(c) for T, c in terms.items() if T and mask[list(T)].all())
        assert abs(h.value(mask) - value(terms, mask)) <= 1e-14 * size


def is_submodular(function, n, tol=0.0):
    for mask in masks(n):
        for i, j in itertools.combinations(np.flatnonzero(~mask), 2):
            one, two, both = (mask.copy() for _ in range(3))
            one[i] = two[j] = both[[i, j]] = True
            if function(one) + function(two) < function(both) + function(mask) - tol:
                return False
    return True


@given(term_maps(degree=3))
def test_up_to_degree_three_it_knows_whether_it_is_submodular(drawn):
    terms, n = drawn
    terms = {T: round(c) for T, c in terms.items()}  # the twin below is exact on integers
    h = Polynomial(terms, n)
    assert h.is_submodular == is_submodular(lambda mask: value(terms, mask), n)
    if h.is_submodular:
        assert minimize(h).status.name == "OPTIMAL"
        assert not minimize(h).method.startswith("forward")  # one submodular function, no search


@given(term_maps())
def test_the_minimum_is_that_of_all_sets(drawn):
    terms, n = drawn
    h = Polynomial(terms, n)
    answer = minimize(h, rng=0)
    assert answer.value == pytest.approx(min(value(terms, m) for m in masks(n)), abs=1e-9)
    answer.check(h)


@given(term_maps(degree=3), st.sampled_from([1e-12, 1e-7, 0.1, 1.0, 1e9]))
def test_ties_of_cubic_submodular_ones_at_every_scale(drawn, scale):
    terms, n = drawn
    whole: dict[tuple[int, ...], int] = {}  # what pairs pay for positive products of three
    for T, c in ((tuple(sorted(set(T))), round(c)) for T, c in terms.items() if T):
        whole[T] = whole.get(T, 0) + (c if len(T) != 2 else -abs(c))
        for pair in itertools.combinations(T, 2) if len(T) == 3 and c > 0 else ():
            whole[pair] = whole.get(pair, 0) - c
    h = Polynomial({T: c * scale for T, c in whole.items()}, n)
    exact = [value(whole, mask) for mask in masks(n)]
    best = [mask for mask, v in zip(masks(n), exact, strict=True) if v == min(exact)]
    assert minimize(h).value == pytest.approx(min(exact) * scale, rel=1e-12, abs=1e-14 * scale)
    for method in ("max_flow", "min_norm_point"):
        for kind, join in (("minimal", np.logical_and), ("maximal", np.logical_or)):
            answer = minimize(h.f, method=method, minimizer=kind)
            assert answer.mask.tolist() == join.reduce(best).tolist()


@given(term_maps(), st.data())
def test_the_multilinear_extension_is_the_mean_over_random_sets(drawn, data):
    terms, n = drawn
    x = np.array(data.draw(st.lists(st.floats(0, 1, width=16), min_size=n, max_size=n)))
    chances = (np.where(mask, x, 1 - x).prod() for mask in masks(n))
    mean = sum(p * value(terms, mask) for p, mask in zip(chances, masks(n), strict=True))
    h = Polynomial(terms, n)
    assert h.multilinear(x) == pytest.approx(mean + h.constant, abs=1e-9)


@given(term_maps())
def test_its_terms_and_its_repr_rebuild_it(drawn):
    terms, n = drawn
    h = Polynomial(terms, n)
    again = eval(repr(h), {"Polynomial": Polynomial})
    assert (again.terms, again.n, again.degree) == (h.terms, h.n, h.degree)
    assert all(c != 0 and list(T) == sorted(set(T)) for T, c in h.terms.items())
    assert h.degree == max(map(len, h.terms), default=0)


@given(st.integers(0, 5).flatmap(lambda n: st.lists(
    st.lists(COEFFICIENTS, min_size=n + 1, max_size=n + 1), min_size=n, max_size=n)))  # fmt: skip
def test_qubo_and_ising_are_what_they_say(rows):
    n = len(rows)
    table = np.array(rows, dtype=float).reshape(n, n + 1)
    Q, b = table[:, :n], table[:, n]
    for matrix in (Q, sp.coo_array(Q), sp.csr_matrix(Q)):
        h = Polynomial.from_qubo(matrix, b, 3.0)
        spins = Polynomial.from_ising(matrix, b, 3.0)
        for mask in masks(n):
            x, s = mask.astype(float), 2.0 * mask - 1
            assert h.value(mask) + h.constant == pytest.approx(x @ Q @ x + b @ x + 3, abs=1e-12)
            energy = s @ Q @ s + b @ s + 3
            assert spins.value(mask) + spins.constant == pytest.approx(energy, abs=1e-12)


def test_a_large_sparse_qubo_is_never_dense():
    rng = np.random.default_rng(0)
    n, m = 20_000, 60_000
    Q = sp.coo_array((-rng.integers(1, 9, m), rng.integers(0, n, (2, m))), shape=(n, n))
    h = Polynomial.from_qubo(Q, rng.integers(0, 40, n))
    answer = minimize(h)
    assert h.is_submodular
    assert answer.method.startswith("max_flow")
    assert answer.check(h) == 0


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Polynomial([[1, 2], [3, 4]]), ["(0, 2)", "from_qubo"]),
        (lambda: Polynomial({0: 1.0}), ["(0,)"]),
        (lambda: Polynomial({(0, 1.5): 1.0}), ["integers", "(0, 1.5)"]),
        (lambda: Polynomial({(True,): 1.0}), ["integers"]),
        (lambda: Polynomial({(-1,): 1.0}), ["(-1,)"]),
        (lambda: Polynomial({(3,): 1.0}, n=3), ["0..2", "3"]),
        (lambda: Polynomial({(0,): np.nan}), ["(0,)", "nan"]),
        (lambda: Polynomial({(0,): 10**400}), ["(0,)", "finite"]),
        (lambda: Polynomial({(0,): "1"}), ["(0,)", "'1'"]),
        (lambda: Polynomial.from_qubo([[1, 2]]), ["square", "(1, 2)"]),
        (lambda: Polynomial.from_qubo([[1.0]], [1, 2]), ["linear", "(2,)"]),
        (lambda: Polynomial.from_qubo([[np.inf]]), ["Q[0", "inf"]),
        (lambda: Polynomial.from_ising([[1.0]], [1, 2]), ["fields", "(2,)"]),
        (lambda: Polynomial({(0,): 1}).multilinear([1, 2]), ["x", "(2,)"]),
    ],
)
def test_messages_name_what_is_wrong(build, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        build()
    assert all(word in str(caught.value) for word in words)
