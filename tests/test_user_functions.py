"""Functions of users: what their methods return, whatever numbers they compute with."""

import decimal
from fractions import Fraction

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES, ByValue
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    DifferenceOfSubmodular,
    Function,
    MatroidRank,
    Modular,
    SetFunction,
    Status,
    decompose,
    maximize,
    min_norm_point,
    minimize,
    prox,
    queyranne,
    regularization_path,
)
from subopt.testing import all_values, assert_consistent, brute_force, masks

NUMBERS = {
    "fractions": Fraction,
    "booleans": lambda v: np.bool_(v > 0),
    "booleans of Python": lambda v: v > 0,
    "integers of 8 bits": np.int8,
    "unsigned integers of 8 bits": lambda v: np.uint8(max(v, 0)),
    "single precision": np.float32,
    "extended precision": np.longdouble,
    "integers": int,
    "arrays without axes": np.array,
}
NO_NUMBERS = {
    "nothing": lambda v: None,
    "strings": lambda v: "1",
    "complex numbers": lambda v: complex(v, 0),
    "arrays": lambda v: np.array([v]),
    "decimals": decimal.Decimal,
}
SOLVERS = {
    "auto": minimize,
    "min_norm_point": min_norm_point,
    "frank_wolfe": lambda F: minimize(F, method="frank_wolfe"),
    "brute_force": lambda F: minimize(F, method="brute_force"),
    "prox": lambda F: prox(F, np.zeros(F.n)),
    "regularization_path": regularization_path,
    "decompose": decompose,
    "maximize": lambda F: maximize(F, size=2),
    "queyranne": queyranne,
    "a difference": lambda F: minimize(DifferenceOfSubmodular(F, Modular(np.ones(F.n))), rng=0),
    "a size": lambda F: minimize(F, size=2),
}


class Converted(SetFunction):
    """A function whose values are numbers of another type."""

    def __init__(self, F, convert):
        self.n, self.F, self.convert = F.n, F, convert

    def value(self, mask):
        return self.convert(self.F.value(mask))


class OwnMethods(Converted):
    def greedy(self, order):
        return [self.convert(gain) for gain in self.F.greedy(order)]

    def marginals(self, mask):
        return np.array([self.convert(gain) for gain in self.F.marginals(mask)])


def rank(data, n):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n), "labels")
    limits = data.draw(st.lists(st.integers(0, 2), min_size=3, max_size=3), "limits")
    return MatroidRank.partition(labels, limits)


@pytest.mark.parametrize("kind", [*NUMBERS, "tensors"])
@given(data=st.data(), n=st.integers(1, 6))
def test_values_are_floats_whatever_they_are_computed_with(kind, data, n):
    convert = NUMBERS.get(kind) or pytest.importorskip("torch").tensor
    F, S = rank(data, n), data.draw(masks(n), "S")
    exact = Function(n, lambda mask: float(F.value(mask) > 0 if "bool" in kind else F.value(mask)))
    for G in (Converted(F, convert), OwnMethods(F, convert)):
        assert type(G.value(S)) is float
        assert G.value(S) == exact.value(S)
        if "bool" in kind and isinstance(G, OwnMethods):
            continue  # its gains are not those of its values
        assert_consistent(G)
        for H in (G + Modular(np.ones(n)), G.contract([0]), G.restrict([0]), G.complement()):
            assert type(H.value(np.ones(H.n, bool))) is float
            assert H.marginals(np.ones(H.n, bool)).dtype == np.float64
        u = Modular(data.draw(st.lists(st.integers(-2, 2), min_size=n, max_size=n), "u"))
        for method in ("auto", "min_norm_point", "brute_force"):
            result = minimize(G + u, method=method)
            assert type(result.value) is float
            assert result.value == pytest.approx(brute_force(exact + u)[1], abs=1e-7)
            assert result.status is Status.OPTIMAL


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("own", [Converted, OwnMethods])
def test_what_is_no_number_is_refused(kind, own):
    G = own(MatroidRank.partition([0, 0, 1], [1, 1]), NO_NUMBERS[kind])
    said = {
        "value": r"value of \w+ needs to return finite real numbers, but at S = \[0\]",
        "greedy": r"greedy of OwnMethods needs to return 3 real numbers, one per element",
        "marginals": r"marginals of OwnMethods needs to return 3 real numbers, one per element",
    }
    with pytest.raises(TypeError, match=said["value"]):
        G([0])
    if own is OwnMethods and kind != "arrays":
        for name, argument in (("greedy", [0, 1, 2]), ("marginals", np.zeros(3, bool))):
            with pytest.raises(TypeError, match=said[name]):
                getattr(G, name)(argument)
    if kind == "nothing":
        with pytest.raises(TypeError, match="Does it end without a return"):
            minimize(G)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 10**400])
def test_values_that_are_not_finite_are_refused(solver, bad):
    def value(mask):
        return bad if mask.sum() in (2, 6) else float(min(mask.sum(), 8 - mask.sum()))

    class Bad(SetFunction):
        n, symmetric = 8, True

        def value(self, mask):
            return value(mask)

    for F in (Bad(), Function(8, value, symmetric=True)):
        with pytest.raises(ValueError, match=r"finite real numbers, but at S = \[.*returned"):
            SOLVERS[solver](F)


def test_a_callable_that_takes_its_mask_for_a_list_of_elements_is_told_so():
    price = np.ones((3, 2))
    with pytest.raises(TypeError, match=r"is a mask of booleans; np.flatnonzero\(mask\) lists"):
        Function(3, lambda elements: price[elements])([0])


def test_methods_of_a_class_that_is_no_set_function():
    class Values:
        def value(self, mask):
            return np.uint8(mask.sum())

    class Both(Values, SetFunction):
        n = 3

    class More(Both):
        def value(self, mask):
            return super().value(mask) + np.float32(mask[0])

    assert all_values(Both()).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert Both().marginals([True, False, False]).tolist() == [1, 1, 1]
    assert More()([0]) == 2.0


@pytest.mark.parametrize("family", ["coverage", "cut", "entropy", "no edges"])
@given(rng=numbers(), n=st.integers(2, 9), power=st.integers(-9, 9))
def test_sums_that_cancel_are_not_refused(family, rng, n, power):
    # where all terms cancel, rounding errors are left, which violate diminishing returns
    F, u, scale = FAMILIES[family](rng, n), Modular(rng.normal(size=n)), 10.0**power
    result = minimize(scale * (ByValue(F + u) - u))
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(scale * brute_force(F)[1], abs=1e-6 * scale * n)


@given(n=st.integers(1, 6), data=st.data())
def test_loops_and_free_elements_of_a_matroid_leave_small_weights_alone(n, data):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n), "labels")
    F = MatroidRank.partition(labels, [0, n, 0])
    weights = [data.draw(st.sampled_from([-1e-9, 1e-9, -3e-10])) for _ in range(n)]
    G = 1e6 * F + Modular(np.where(np.array(labels) == 1, -1e6, 0.0) + weights)
    for kind in ("minimal", "maximal"):
        result = minimize(1e6 * F + Modular(weights), method="max_flow", minimizer=kind)
        expected = (np.array(labels) != 1) & (np.array(weights) < 0)
        np.testing.assert_array_equal(result.mask, expected)
        assert minimize(G, method="max_flow", minimizer=kind).status is Status.OPTIMAL


@pytest.mark.parametrize("dtype", ["u1", "u8", "i1", "i8", ">i4"])
def test_matroids_take_integers_of_all_kinds(dtype):
    labels = np.array([0, 1, 1, 0], dtype)
    F = MatroidRank.partition(labels, np.array([1, 2], dtype))
    np.testing.assert_array_equal(
        all_values(F), all_values(MatroidRank.partition(labels.tolist(), [1, 2]))
    )
    edges = np.array([(0, 1), (1, 2), (2, 0)], dtype)
    F = MatroidRank.graphic(edges)
    np.testing.assert_array_equal(all_values(F), all_values(MatroidRank.graphic(edges.tolist())))
