"""Malformed input: every message names the entry and the way out."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from subopt import (
    Cardinality,
    Concave,
    ConcaveOfModular,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Entropy,
    FacilityLocation,
    Function,
    GaussianMutualInformation,
    HypergraphCut,
    LogDeterminant,
    MatroidRank,
    Modular,
    SetFunction,
    minimize,
    normalize,
)

NAN = [[0.0, np.nan], [1.0, 0.0]]
NEGATIVE = [[0.0, 1.0], [-2.0, 0.0]]
PAIR = Cut([[0, 1], [1, 0]])


def squares(n):
    return [k * k for k in range(n + 1)]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Modular([1, np.inf]), ["weights[1]", "inf"]),
        (lambda: Modular([[1.0]]), ["(1, 1)", "np.ravel"]),
        (lambda: Modular(np.ma.array([1.0, 2.0], mask=[0, 1])), ["weights[1] is masked", "filled"]),
        (lambda: Modular(["a"]), ["real numbers", "asarray"]),
        (lambda: Cut([[0, 1], [2, 0]]), ["adjacency[0, 1] is 1", "is 2", "directed=True", ".T"]),
        (lambda: Cut(NEGATIVE, directed=True), ["adjacency[1, 0] is -2", "Cut(negative)"]),
        (lambda: Cut(sp.csr_array(NEGATIVE), directed=True), ["adjacency[1, 0] is -2"]),
        (lambda: Cut(NAN), ["adjacency[0, 1] is nan"]),
        (lambda: Cut(sp.coo_array(NAN)), ["adjacency[0, 1] is nan"]),
        (lambda: Cut(np.ones((2, 3))), ["square", "(2, 3)", "from_edges"]),
        (lambda: Cut([(0, 1), (1, 2)]), ["tuples", "from_edges"]),
        (lambda: Cut(nx.path_graph(3)), ["from_networkx"]),
        (lambda: Coverage([[0, 1], [2]]), ["membership", "differ in length", "csr_array"]),
        (lambda: Coverage([{1, 2}, {2}]), ["membership", "got sets", "Build it"]),
        (lambda: Coverage([["a"], ["b", "a"]]), ["membership", "got sets"]),
        (lambda: Cut.from_edges([("a", "b")]), ["edges", "Number the nodes"]),
        (lambda: Concave(Modular([1]), 3), ["log1p", "got 3"]),
        (lambda: Concave(Modular([1]), ("min",)), ["cap", "('min',)"]),
        (lambda: Cut(np.ones(3)), ["matrix", "(3,)"]),
        (lambda: Cut.from_edges([(0, 5)], n=3), ["0..2", "edges[0]", "(0, 5)"]),
        (lambda: Cut.from_edges([(0, 1), (1, 2)], [1, -3]), ["weights[1] is -3"]),
        (lambda: Cut.from_edges([(0, 1, 0.5)]), ["(m, 2)", "second argument"]),
        (lambda: Cut.from_edges([(0, 1)], [1, 2]), ["one number per edge"]),
        (lambda: Cut.from_edges([(0, 1), (1, 2)], -3), ["weights[0] is -3"]),
        (lambda: Cut.from_edges([(0, 1)], [[1]]), ["one number per edge, 1", "(1, 1)"]),
        (lambda: HypergraphCut([[0, 7]], n=3), ["edges[0] has 7", "0..2"]),
        (lambda: HypergraphCut([[0, 1]], [-1]), ["weights[0] is -1"]),
        (lambda: HypergraphCut([["a"]]), ["edges[0]"]),
        (lambda: HypergraphCut([[0, 1]], splitting="some"), ["all-or-nothing", "'some'"]),
        (lambda: HypergraphCut([[0, 1, 2]], splitting=lambda k, m: k * k), ["concave", "3)"]),
        (lambda: HypergraphCut([[0, 1]], splitting=lambda k, m: k), ["splitting(2, 2)"]),
        (lambda: HypergraphCut(np.eye(2), n=3), ["n = 3", "2 rows"]),
        (lambda: Coverage(NAN), ["membership[0, 1] is nan"]),
        (lambda: Coverage([[1, 0], [1, -2]]), ["membership[1, 1] is -2", "0 is for what is not"]),
        (lambda: Coverage(sp.csr_array([[1, -1]])), ["membership[0, 1] is -1", "weights"]),
        (lambda: Coverage([[1, 0]], weights=[1]), ["one number per item", "(2,)"]),
        (lambda: Coverage([[1, 0]], weights=[1, -1]), ["weights[1] is -1", "f - g"]),
        (lambda: Cardinality(squares(3)), ["values[1] = 1", "concave"]),
        (lambda: Cardinality([1, 2]), ["values[0]", "values - values[0]"]),
        (lambda: Cardinality([0, 1, 2], n=3), ["n + 1", "n = 3"]),
        (lambda: Cardinality(np.sqrt), ["needs n"]),
        (lambda: Cardinality([0, np.nan]), ["values[1] is nan"]),
        (lambda: ConcaveOfModular(NEGATIVE), ["weights[1, 0] is -2"]),
        (lambda: ConcaveOfModular(np.eye(2), "cube"), ["log1p", "'cube'"]),
        (lambda: ConcaveOfModular(np.eye(2), ("power", 2)), ["exponent", "2"]),
        (lambda: ConcaveOfModular(np.eye(2), ("min", -1)), ["min", "-1"]),
        (lambda: ConcaveOfModular(np.eye(2), lambda t: t + 1), ["phi(0)", "lambda t"]),
        (lambda: ConcaveOfModular(np.eye(2), lambda t: t**2), ["concave", "phi("]),
        (lambda: ConcaveOfModular(np.eye(2), lambda t: np.nan * t), ["finite"]),
        (lambda: Concave(PAIR), ["monotone", "F.monotone = True"]),
        (lambda: Concave("sqrt", PAIR), ["SetFunction"]),
        (lambda: Concave(Coverage(np.eye(3)), lambda t: t * (3 - t)), ["does not decrease"]),
        (lambda: FacilityLocation(NEGATIVE), ["similarity[1, 0] is -2"]),
        (lambda: LogDeterminant([[1, 2], [2, 1]]), ["positive definite", "-1", "np.eye(2)"]),
        (lambda: LogDeterminant([[1, 0.5], [0, 1]]), ["kernel[0, 1]", "symmetric"]),
        (lambda: LogDeterminant(np.ones(3)), ["(n, n)", "(3,)"]),
        (lambda: GaussianMutualInformation(np.zeros((2, 2))), ["positive definite"]),
        (lambda: Entropy([0, 1]), ["(rows, columns)"]),
        (lambda: Entropy([[0.0], [np.nan]]), ["data[1, 0] is NaN"]),
        (lambda: Entropy([[0], [1]], condition=[0, 1, 2]), ["2 rows", "3"]),
        (lambda: Entropy([[0], [1]], base=1), ["base", "np.e"]),
        (lambda: Entropy(np.array([[None]])), ["dtype object"]),
        (lambda: MatroidRank(), ["MatroidRank.partition", "MatroidRank.graphic"]),
        (lambda: MatroidRank.partition([0, 3], [1, 1]), ["labels[1] is 3", "0..1"]),
        (lambda: MatroidRank.partition([0.5]), ["integers"]),
        (lambda: MatroidRank.partition([0], [-1]), [">= 0"]),
        (lambda: MatroidRank.graphic([(0, 9)], 3), ["edges[0] is (0, 9)", "0..2"]),
        (lambda: MatroidRank.graphic([0, 1]), ["(m, 2)"]),
        (lambda: MatroidRank.graphic([(0, 1)], -1), ["n_vertices", ">= 0", "-1"]),
        (lambda: Function(2, lambda mask: 1.0), ["F(∅) = 0", "is 1", "mask.sum()"]),
        (lambda: Function(2, lambda mask: None), ["finite real", "[]", "None"]),
        (lambda: Function(2, lambda mask: float(mask[0]) and np.nan)([0]), ["S = [0]", "nan"]),
        (lambda: Function(lambda mask: 0, 2), ["n and then a callable"]),
        (lambda: Function(-1, lambda mask: 0.0), ["n needs an integer >= 0"]),
    ],
)
def test_constructors(make, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda F: F([0, 2]), ["0..1", "element 2"]),
        (lambda F: F([-1]), ["element -1"]),
        (lambda F: F([0, 0]), ["looks like a mask", "dtype=bool"]),
        (lambda F: F([0.5]), ["integers"]),
        (lambda F: F(1), ["[i]"]),
        (lambda F: F([[0]]), ["[i]"]),
        (lambda F: F(np.ones(3, bool)), ["2 elements", "(3,)"]),
        (lambda F: F.value([True]), ["2 elements", "F([0, 3])"]),
        (lambda F: F.value([0, 2]), ["mask[1] is 2", "F([0, 3])"]),
        (lambda F: F.value(["a", "b"]), ["booleans"]),
        (lambda F: F.greedy([0]), ["permutation of 0..1"]),
        (lambda F: F.greedy([0, 0]), ["1 is missing"]),
        (lambda F: F.greedy([0, 7]), ["1 is missing"]),
        (lambda F: F.greedy([0.0, 1.0]), ["float64", "argsort"]),
        (lambda F: F.lovasz([1.0]), ["(2,)", "(1,)"]),
        (lambda F: F.lovasz([1.0, np.nan]), ["x[1] is nan"]),
        (lambda F: F.restrict([3]), ["element 3"]),
        (lambda F: F.contract([3]), ["element 3"]),
        (lambda F: F + Modular([1.0]), ["n = 2 and n = 1", "restrict"]),
        (lambda F: F - Cut([[0]]), ["n = 2", "n = 1"]),
        (lambda F: -2 * F, ["-2", "f - g"]),
        (lambda F: F * np.inf, ["finite"]),
        (lambda F: -F, ["f - g"]),
    ],
)
def test_calls(call, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(PAIR)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("call", [lambda F: F + 1, lambda F: F * "2", lambda F: F - 1])
def test_operators_of_other_types(call):
    with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
        call(PAIR)


def test_division():
    with pytest.raises(ZeroDivisionError):
        PAIR / 0
    with pytest.raises(TypeError):
        PAIR / "2"


def test_differences_are_named():
    h = PAIR - Cardinality([0, 1, 1])
    assert isinstance(h, DifferenceOfSubmodular)
    assert (h.n, h([0])) == (2, 0.0)


class Shifted(SetFunction):
    n = 3

    def value(self, mask):
        return float(mask.any()) + 1.0


def test_normalize():
    with pytest.raises(ValueError, match=r"F\(∅\) needs to be 0.* 1 there.*normalize"):
        Shifted().greedy([0, 1, 2])
    F = normalize(Shifted())
    np.testing.assert_array_equal(F.greedy([1, 0, 2]), [0, 1, 0])
    assert normalize(F) is F


def test_a_subclass_without_value():
    class Nothing(SetFunction):
        n = 2

    with pytest.raises(NotImplementedError, match="needs a method value"):
        Nothing()([0])


def test_a_subclass_without_n():
    class Nothing(SetFunction):
        def value(self, mask):
            return 0.0

    with pytest.raises(AttributeError, match="Nothing needs an attribute n"):
        minimize(Nothing())
    with pytest.raises(AttributeError, match="'Nothing' object has no attribute 'm'"):
        _ = Nothing().m
    Nothing.n = "3"
    with pytest.raises(TypeError, match="n of Nothing needs an integer >= 0, got '3'"):
        minimize(Nothing())


def test_the_cache_of_a_callable():
    calls = []

    def value(mask):
        calls.append(mask)
        return np.float32(mask.sum())

    F = Function(3, value, cache_size=2)
    assert (F([0]), F([0]), F([]), F.n_evals) == (1.0, 1.0, 0.0, 2)
    assert (F([1]), F([1]), F.n_evals) == (1.0, 1.0, 4)  # full: not kept any more
    assert len(calls) == 4


def test_data_are_copied_and_read_only():
    w = np.ones(3)
    F = Modular(w)
    w[0] = 5.0
    assert F([0]) == 1.0
    with pytest.raises(ValueError, match="read-only"):
        F.weights[0] = 2.0
    K = np.eye(2)
    G = LogDeterminant(K)
    K[0, 0] = 9.0
    assert G([0]) == 0.0


@pytest.mark.parametrize("dtype", [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 64)])
def test_edges_of_every_integer_type(dtype):
    edges = np.array([[0, 1], [1, 2]], dtype=dtype)
    assert Cut.from_edges(edges)([1]) == 2
    assert MatroidRank.graphic(edges)([0, 1]) == 2
    assert MatroidRank.graphic(edges, 3)([0]) == 1
