"""A function known by its values only is looked at before a bound is promised: with what work."""

import numpy as np
import pytest
from drawn import made_by, numbers
from families import FAMILIES, ByValue
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    BaseCertificate,
    CertificateError,
    Concave,
    Coverage,
    DifferenceOfSubmodular,
    Function,
    Modular,
    decompose,
    minimize,
    normalize,
)
from subopt.functions.diminishing_returns import EVERYWHERE, _largest, spot_check
from subopt.testing import FAMILIES as BUILT_IN
from subopt.testing import assert_submodular, check_submodular


class Counted(ByValue):
    calls = 0

    def value(self, mask):
        self.calls += 1
        return super().value(mask)


def together(n, i, j, bonus=1.0):
    """Prices, and a bonus for two elements: the only second difference that is not 0."""
    weights = np.linspace(-1, 1, n)
    return Function(n, lambda mask: float(weights @ mask) + bonus * float(mask[i] and mask[j]))


@pytest.mark.parametrize("family", FAMILIES)
@given(rng=numbers(), n=st.integers(1, 12), scale=st.integers(-8, 8))
def test_no_submodular_function_is_refused(family, rng, n, scale):
    F = FAMILIES[family](rng, n)
    assert spot_check(F) is None
    # of a function that is known by its values, rounding is relative to the values
    if np.abs(np.cumsum(F.greedy(np.arange(n)))).max() > 1e-6 * _largest(F):
        assert spot_check(ByValue(10.0**scale * F)) is None


@pytest.mark.parametrize("family", ["entropy", "log determinant", "facility location"])
@given(rng=numbers())
def test_values_may_be_rough(family, rng):
    F = FAMILIES[family](rng, 20)
    assert spot_check(Function(20, lambda mask: np.float32(F.value(mask)))) is None


def test_only_what_is_known_by_values_is_looked_at():
    rng = np.random.default_rng(0)
    for name, build in BUILT_IN.items():
        assert build(rng, 5)._by_value() == (name == "callable"), name
    F, cover = Counted(Coverage(np.eye(9))), Coverage(np.eye(9))
    F.monotone = True
    for made in (
        F + cover,
        F - Modular(np.ones(9)),
        F.restrict([1, 3]),
        Concave(F),
        F.complement(),
    ):
        assert made._by_value()
    assert normalize(Function(9, F.value))._by_value()
    assert not (cover + Modular(np.ones(9))).restrict([1])._by_value()


@given(n=st.integers(2, 40), data=st.data())
def test_two_elements_that_need_each_other_are_found_wherever_they_are(n, data):
    i = data.draw(st.integers(0, n - 1))
    j = data.draw(st.integers(0, n - 2).map(lambda j: j + (j >= i)))
    F = together(n, i, j)
    found = spot_check(F)
    assert {found.i, found.j} == {i, j}
    assert found.S == ()
    assert found.amount == pytest.approx(1.0)
    sets = [], [found.i], [found.j], [i, j]
    np.testing.assert_array_equal(found.values, [F(S) for S in sets])


def random_table(rng, n):
    table = rng.normal(size=2**n) * np.minimum(np.arange(2**n), 1)
    return Function(n, lambda mask: float(table[mask @ (1 << np.arange(n))]))


@given(F=made_by(random_table, st.integers(3, EVERYWHERE)))
def test_what_is_found_is_the_worst_violation(F):
    found = spot_check(F)
    assert found == check_submodular(F, rtol=1e-6)
    if found is not None:
        require_violation(F, found)


@pytest.mark.parametrize("n", [7, 8, 9])
@pytest.mark.parametrize("seed", range(5))
def test_a_violation_is_found_along_any_way(n, seed):
    F = random_table(np.random.default_rng(seed), n)
    found = spot_check(F)
    assert found is not None  # of so many values at random, some fail on any way
    require_violation(F, found)


def require_violation(F, found):
    assert not {found.i, found.j} & set(found.S)
    S = list(found.S)
    expected = F(S), F([*S, found.i]), F([*S, found.j]), F([*S, found.i, found.j])
    assert found.values == expected
    assert found.values[0] + found.values[3] > found.values[1] + found.values[2]


@given(n=st.integers(2, EVERYWHERE), rng=numbers())
def test_small_functions_are_looked_at_everywhere(n, rng):
    F, one, size = FAMILIES["coverage"](rng, n), rng.random(n) < 0.7, rng.uniform(0.1, 2)
    G = Function(n, lambda mask: F.value(mask) + size * float((mask == one).all() and mask.any()))
    assert (spot_check(G) is None) == (check_submodular(G, rtol=1e-6) is None)


@pytest.mark.parametrize("n", [0, 1, 2, EVERYWHERE, EVERYWHERE + 1, 8, 31, 32])
def test_how_many_values_it_takes(n):
    F = Counted(Modular(np.ones(n)))
    assert spot_check(F) is None
    assert F.calls == (2**n if n <= EVERYWHERE else 4 * n + 1)  # F(∅) once


SUPERMODULAR = Function(9, lambda mask: float(mask.sum()) ** 2 - 5 * float(mask.sum()))


@pytest.mark.parametrize(
    "F",
    [
        SUPERMODULAR,
        SUPERMODULAR + Modular(np.arange(9)),
        0.5 * SUPERMODULAR,
        SUPERMODULAR.contract([2]),
        SUPERMODULAR.complement(),
        DifferenceOfSubmodular(SUPERMODULAR, Modular(np.ones(9))),
        SUPERMODULAR - Coverage(np.eye(9)),
        Coverage(np.eye(9)) - SUPERMODULAR,
    ],
    ids=lambda F: repr(F)[:40],
)
def test_minimize_refuses_and_says_what_to_do(F):
    with pytest.raises(ValueError, match=r"gains more after [^$]*decompose\([Ffg]\)") as caught:
        minimize(F)
    assert "With S = []" in str(caught.value)
    assert "F(S) = " in str(caught.value)
    assert minimize(F, method="brute_force").value == minimize(F, method="brute_force").lower_bound


def test_the_ways_out():
    exact = minimize(SUPERMODULAR, method="brute_force")
    assert minimize(decompose(SUPERMODULAR), rng=0).value == exact.value == -6
    with pytest.raises(ValueError, match="g of f - g needs to be submodular"):
        minimize(Coverage(np.eye(9)) - SUPERMODULAR, method="branch_and_bound")
    assert minimize(SUPERMODULAR - Coverage(np.eye(9)), method="local_search").value < -6


def test_a_certificate_looks_for_itself():
    F = together(9, 2, 7)
    certificate = BaseCertificate(np.arange(9)[None], np.ones(1), -9.0)
    with pytest.raises(CertificateError, match=r"not submodular: \d gains more after"):
        certificate.check(F, [0, 1])


def test_a_greedy_that_is_not_what_values_say():
    class Wrong(ByValue):
        def greedy(self, order):
            return np.arange(1.0, self.n + 1)[np.argsort(order)]

    with pytest.raises(ValueError, match="assert_consistent"):
        minimize(Wrong(Modular(np.ones(9))))
    assert_submodular(Wrong(Modular(np.ones(9))))
    certificate = minimize(Modular(np.ones(9)), method="min_norm_point").certificate
    with pytest.raises(CertificateError, match="assert_consistent"):
        certificate.check(Wrong(Modular(np.ones(9))), [])
