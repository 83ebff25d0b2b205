"""What a `LabelingEnergy` can be made of: tables per edge, graphs, matrices, masks, any axis."""

import itertools

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from exact_energy import Exact
from hypothesis import given
from hypothesis import strategies as st

from subopt import LabelingEnergy, Status, minimize

APART = np.abs(np.subtract.outer(np.arange(3), np.arange(3))).astype(float)
METHODS = ("auto", "ishikawa", "alpha_expansion", "alpha_beta_swap", "fusion", "icm", "dual_bound")


def brute_force(energy):
    labelings = itertools.product(range(energy.n_labels), repeat=energy.n)
    return min(energy.value(np.array(x).reshape(energy.shape)) for x in labelings)


@given(
    costs=st.lists(st.integers(0, 9), min_size=18, max_size=18),
    scales=st.lists(st.integers(0, 4), min_size=7, max_size=7),
)
def test_scaled_tables_are_weights(costs, scales):
    unary = np.array(costs, float).reshape(2, 3, 3)
    weights = [np.array(scales[:3], float).reshape(1, 3), np.array(scales[3:], float).reshape(2, 2)]
    shared = LabelingEnergy(unary, weights=weights, metric=APART)
    own = LabelingEnergy(unary, tables=[w[..., None, None] * APART for w in weights])
    for method in METHODS:
        a, b = (minimize(e, method=method, lower_bound=True) for e in (shared, own))
        assert a.value == b.value
        assert own.value(a.labels) == shared.value(a.labels)
        assert b.lower_bound <= b.value
        # the gap is a difference of floats, the check of exact sums
        assert b.check(own) == pytest.approx(b.gap, rel=0, abs=4 * np.spacing(abs(b.value)))
    assert minimize(own).status is Status.OPTIMAL
    assert minimize(own).value == brute_force(own)


@given(shifts=st.lists(st.integers(-2, 2), min_size=4, max_size=4))
def test_asymmetric_convex_tables_are_exact(shifts):
    """Phase unwrapping: neighbors differ by a given number, or pay the square of the rest."""
    difference = np.subtract.outer(np.arange(3), np.arange(3))
    tables = np.array([(difference - k) ** 2 for k in shifts], float)
    edges = [(0, 1), (1, 2), (0, 3), (3, 2)]
    unary = [[0, 1, 1], [0, 0, 0], [0, 0, 0], [0.5, 0, 0]]
    energy = LabelingEnergy(unary, edges=edges, tables=tables)
    result = minimize(energy)
    assert result.method == "ishikawa"
    assert result.status is Status.OPTIMAL
    assert result.value == brute_force(energy)
    assert Exact(energy).value(result.labels.tolist()) == result.value
    turned = LabelingEnergy(
        unary, edges=[(q, p) for p, q in edges], tables=tables.transpose(0, 2, 1)
    )
    assert turned.value(result.labels) == result.value
    assert minimize(turned).value == result.value


def test_forbidden_pairs_of_single_edges():
    tables = np.zeros((2, 2, 2))
    tables[0, 0, 0] = np.inf
    energy = LabelingEnergy([[0, 5], [0, 3], [0, 1]], tables=tables)
    result = minimize(energy)
    assert result.labels.tolist() == [0, 1, 0]
    assert result.status is Status.OPTIMAL


def test_graphs_and_matrices_are_the_edges_that_they_have():
    unary = np.random.default_rng(0).random((4, 3))
    edges = np.array([(0, 1), (1, 2), (0, 3)])
    plain = LabelingEnergy(unary, edges=edges, weights=[2.0, 0.5, 1.0])
    graph = nx.Graph()
    graph.add_nodes_from("abcd")
    graph.add_edge("a", "b", weight=2.0)
    graph.add_edge("c", "b", weight=0.5)
    graph.add_edge("a", "d")
    matrix = nx.to_scipy_sparse_array(graph)
    graph.add_nodes_from((v, {"cost": row}) for v, row in zip("abcd", unary, strict=True))
    found = [
        LabelingEnergy.from_graph(unary, graph),
        LabelingEnergy.from_graph("cost", graph),
        LabelingEnergy.from_graph(unary, matrix),
        LabelingEnergy.from_graph(unary, scipy.sparse.triu(matrix)),
        LabelingEnergy.from_graph(unary, scipy.sparse.tril(matrix)),
        LabelingEnergy.from_graph(unary, nx.MultiGraph(graph)),
    ]
    for x in itertools.product(range(3), repeat=4):
        for energy in found:
            assert energy.value(np.array(x)) == pytest.approx(plain.value(np.array(x)), rel=1e-15)
    assert LabelingEnergy.from_graph(unary, graph, weight=None).weights.tolist() == [1, 1, 1]


def test_nodes_outside_of_a_mask_cost_nothing():
    rng = np.random.default_rng(0)
    unary, mask = rng.random((3, 4, 2)), np.arange(4) < np.array([2, 3, 1])[:, None]
    energy = LabelingEnergy(unary, weights=0.4, mask=mask)
    place = np.cumsum(mask.ravel()) - 1
    whole = LabelingEnergy(unary)
    both = mask.ravel()[whole.tails] & mask.ravel()[whole.heads]
    edges = np.stack([place[whole.tails[both]], place[whole.heads[both]]], axis=1)
    inner = LabelingEnergy(unary[mask], edges=edges, weights=0.4)
    result = minimize(energy)
    assert (result.labels[~mask] == 0).all()
    assert result.value == pytest.approx(minimize(inner).value, rel=1e-15)
    assert inner.value(result.labels[mask]) == pytest.approx(result.value, rel=1e-15)


def test_labels_may_come_first():
    unary = np.random.default_rng(0).random((5, 4, 3))
    energy = LabelingEnergy(np.moveaxis(unary, -1, 0), label_axis=0)
    np.testing.assert_array_equal(energy.unary, LabelingEnergy(unary).unary)
    for shape in [(3, 5, 100), (3, 20, 30), (21, 64, 64), (2, 16, 16, 16)]:
        with pytest.raises(ValueError, match="say label_axis=-1 or label_axis=0"):
            LabelingEnergy(np.zeros(shape))
    for shape in [(1, 20, 30), (3, 4, 12), (2, 9, 16), (20, 30, 40), (16, 16, 16)]:
        assert LabelingEnergy(np.zeros(shape)).shape == shape[:-1]
    assert LabelingEnergy(np.zeros((3, 5, 100)), label_axis=-1).n_labels == 100


U = np.zeros((2, 3, 2))
BAD = {
    r"tables\[1\] needs a table per edge of this axis, shape \(2, 2, 2, 2\), got \(2, 2, 2\)": {
        "tables": [np.zeros((1, 3, 2, 2)), np.zeros((2, 2, 2))]
    },
    r"tables needs the shape \(edges, labels, labels\) = \(7, 2, 2\), or a list": {
        "tables": np.zeros((6, 2, 2))
    },
    "tables cannot be combined with metric": {"tables": np.zeros((7, 2, 2)), "metric": "linear"},
    "mask cannot be combined with label_costs": {
        "mask": np.ones((2, 3), bool),
        "label_costs": [1, 1],
    },
    r"mask needs booleans of shape \(2, 3\)": {"mask": np.ones((2, 3))},
    "label_axis needs to be an axis of unary": {"label_axis": 3},
}


@pytest.mark.parametrize("message", BAD)
def test_messages(message):
    with pytest.raises(ValueError, match=message):
        LabelingEnergy(U, **BAD[message])


def test_messages_of_graphs():
    with pytest.raises(ValueError, match="to be symmetric, or to have each edge in one triangle"):
        LabelingEnergy.from_graph(
            U[0], scipy.sparse.coo_array(np.eye(3)[[1, 2, 0]] + np.eye(3, k=-1))
        )
    with pytest.raises(ValueError, match=r"zeros on its diagonal, but \[1, 1\]"):
        LabelingEnergy.from_graph(U[0], scipy.sparse.coo_array(np.diag([0.0, 1.0, 0.0])))
    with pytest.raises(ValueError, match="a row for each of the 4 nodes"):
        LabelingEnergy.from_graph(U[0], nx.path_graph(4), weight=None)
    with pytest.raises(TypeError, match="from_graph has no option 'edges'"):
        LabelingEnergy.from_graph(U[0], nx.path_graph(3), weight=None, edges=[])
    with pytest.raises(TypeError, match="masked"):
        LabelingEnergy(np.ma.masked_equal(np.arange(6.0).reshape(3, 2), 3))
    with pytest.raises(AttributeError, match="a table of its own"):
        _ = LabelingEnergy(U, tables=np.zeros((7, 2, 2))).table


def test_what_is_no_graph_and_no_price_of_a_label():
    with pytest.raises(TypeError, match=r"got list\. For pairs of nodes, use LabelingEnergy"):
        LabelingEnergy.from_graph(np.zeros((2, 2)), [(0, 1)][0:0])
    with pytest.raises(TypeError, match="got NoneType"):
        LabelingEnergy.from_graph(np.zeros((2, 2)), None)
    with pytest.raises(ValueError, match=r"label_costs\[1\] is inf. To forbid"):
        LabelingEnergy(np.zeros((2, 2)), label_costs=[0, np.inf])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("costs", [None, [0.5, 0.25]])
def test_tables_of_no_edges_are_as_no_tables(method, costs):
    unary = [[0.0, 1.0], [2.0, 0.0], [1e12, 3.0]]
    none, edges = np.zeros((0, 2, 2)), np.zeros((0, 2), int)
    energy = LabelingEnergy(unary, edges=edges, tables=none, label_costs=costs)
    if method in ("ishikawa", "fusion") and costs is not None:
        return  # they take no label costs
    result = minimize(energy, method=method, lower_bound=True)
    same = minimize(LabelingEnergy(unary, edges=edges, label_costs=costs), method=method)
    assert result.value == same.value
    assert result.lower_bound <= result.value <= result.lower_bound + 1e-9
