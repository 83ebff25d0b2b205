"""Families against other libraries and against recorded instances."""

import re

import networkx as nx
import numpy as np
import pytest
import recorded
import scipy.sparse as sp
import scipy.stats
from scipy.sparse.csgraph import maximum_flow

from subopt import (
    Concave,
    ConcaveOfModular,
    Coverage,
    Cut,
    Entropy,
    FacilityLocation,
    GaussianMutualInformation,
    HypergraphCut,
    LogDeterminant,
    MatroidRank,
    Modular,
)
from subopt.testing import all_values, assert_submodular, brute_force

RNG = np.random.default_rng(7)
MASK = RNG.random(12) < 0.5


def weighted(graph):
    for k, (_, _, data) in enumerate(graph.edges(data=True)):
        data["weight"] = k % 5
    return graph


@pytest.mark.parametrize(
    "graph",
    [
        weighted(nx.gnp_random_graph(12, 0.4, seed=1)),
        weighted(nx.gnp_random_graph(12, 0.4, seed=1, directed=True)),
        weighted(nx.relabel_nodes(nx.cycle_graph(12), "abcdefghijkl".__getitem__)),
        nx.MultiGraph(nx.path_graph(12)),
    ],
)
@pytest.mark.parametrize("weight", ["weight", None])
def test_edge_boundary_of_networkx(graph, weight):
    F = Cut.from_networkx(graph, weight)
    nodes = list(graph)
    S = [nodes[i] for i in np.flatnonzero(MASK)]
    boundary = nx.edge_boundary(graph, S, data=weight or False, default=1)
    assert F.value(MASK) == sum(edge[2] if weight else 1 for edge in boundary)
    assert F.symmetric != graph.is_directed()


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weight", [0, 2, 0.5, np.float32(1.5), np.array(3)])
def test_one_weight_is_that_of_all_edges(weight, directed):
    edges = [(0, 1), (1, 2), (2, 0), (0, 1)]
    F = Cut.from_edges(edges, weight, directed=directed)
    G = Cut.from_edges(edges, np.full(4, weight), directed=directed)
    np.testing.assert_array_equal(all_values(F), all_values(G))


def test_cuts_from_every_kind_of_input_are_equal():
    A = np.triu(RNG.integers(0, 3, (12, 12)), 1)
    i, j = np.nonzero(A)
    undirected = [
        Cut(A + A.T),
        Cut((A + A.T + 5 * np.eye(12)).tolist()),
        *(Cut(make(A + A.T)) for make in (sp.csr_matrix, sp.csc_array, sp.coo_array, sp.lil_array)),
        Cut.from_edges(np.stack([i, j], axis=1), A[i, j], n=12),
        Cut.from_edges(np.repeat(np.stack([i, j], axis=1), A[i, j], axis=0), n=12),
        HypergraphCut(np.stack([i, j], axis=1).tolist(), A[i, j], n=12),
        Cut(A, directed=True) + Cut(A.T, directed=True),
    ]
    order = RNG.permutation(12)
    for F in undirected:
        np.testing.assert_array_equal(F.greedy(order), undirected[0].greedy(order))
    assert undirected[0].n_edges == len(i)
    assert Cut(A, directed=True).value(MASK) == A[np.ix_(MASK, ~MASK)].sum()


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_matrix])
def test_dense_and_sparse_input(make):
    W = RNG.integers(0, 3, (12, 9))
    w = RNG.random(9)
    covered = (W[MASK] > 0).any(axis=0)
    assert Coverage(make(W), w).value(MASK) == pytest.approx(w[covered].sum())
    best = W[MASK].max(axis=0).sum()
    assert FacilityLocation(make(W.T)).value(MASK) == best
    roots = np.sqrt(W[MASK].sum(axis=0))
    assert ConcaveOfModular(make(W.T)).value(MASK) == pytest.approx(roots.sum())
    split = covered & (W[~MASK] > 0).any(axis=0)
    assert HypergraphCut(make(W), w).value(MASK) == pytest.approx(w[split].sum())


def test_log_determinants():
    X = RNG.normal(size=(12, 12))
    K = X @ X.T + np.eye(12)
    sets = [np.ix_(mask, mask) for mask in (MASK, ~MASK, MASK | True)]
    inside, outside, whole = (np.linalg.slogdet(K[S])[1] for S in sets)
    assert LogDeterminant(K).value(MASK) == pytest.approx(inside)
    assert GaussianMutualInformation(K).value(MASK) == pytest.approx(
        0.5 * (inside + outside - whole)
    )
    assert LogDeterminant(K).monotone  # all eigenvalues are at least 1
    assert not LogDeterminant(0.1 * K).monotone


def test_entropy_of_scipy():
    data = RNG.choice(["a", "b", "c"], (200, 12))
    labels = RNG.integers(0, 2, 200)

    def entropy(columns):
        return scipy.stats.entropy(np.unique(columns, axis=0, return_counts=True)[1], base=2)

    joint = np.column_stack([data[:, MASK], labels.astype(str)])
    assert Entropy(data).value(MASK) == pytest.approx(entropy(data[:, MASK]))
    conditional = Entropy(data, labels)
    assert conditional.value(MASK) == pytest.approx(entropy(joint) - entropy(labels))
    two = Entropy(data, np.stack([labels, labels // 2], axis=1), base=np.e)
    assert two.value(MASK) == pytest.approx(conditional.value(MASK) * np.log(2))


def test_graphic_rank_of_no_edges():
    assert MatroidRank.graphic([]).n == 0
    assert MatroidRank.graphic([], n_vertices=3)([]) == 0.0


def test_graphic_rank_of_networkx():
    graph = nx.gnm_random_graph(8, 12, seed=3)
    edges = np.array(graph.edges)
    forest = nx.Graph(edges[MASK].tolist())
    rank = forest.number_of_nodes() - nx.number_connected_components(forest)
    assert MatroidRank.graphic(edges).value(MASK) == rank


@pytest.mark.parametrize("phi", [np.sqrt, lambda t: float(t) ** 0.5])
def test_a_callable_phi_is_the_named_one(phi):
    W, order = RNG.random((3, 12)), RNG.permutation(12)
    F, G = ConcaveOfModular(W, "sqrt"), ConcaveOfModular(W, phi)
    np.testing.assert_allclose(G.greedy(order), F.greedy(order))
    rest = np.arange(12) != 1
    np.testing.assert_allclose(
        G.contract([1]).marginals(MASK[rest]), F.marginals(MASK | ~rest)[rest]
    )
    H = Concave(Modular(W[0]), phi)
    np.testing.assert_allclose(H.greedy(order), ConcaveOfModular(W[:1]).greedy(order))


def minimum_by_scipy(form):
    """Return the minimum of an integral `CutForm` by the maximum flow of scipy."""
    size = form.n + form.n_aux
    source, sink, nodes = size, size + 1, np.arange(size)
    # a node is in the set on the side of the source
    tails = np.concatenate([form.tails, form.heads, np.full(size, source), nodes])
    heads = np.concatenate([form.heads, form.tails, nodes, np.full(size, sink)])
    terminals = np.maximum(-form.unary, 0), np.maximum(form.unary, 0)
    w = np.concatenate([form.capacities, form.reverse, *terminals])
    np.testing.assert_array_equal(w, np.rint(w))
    graph = sp.coo_array((w.astype(np.int32), (tails, heads)), shape=(size + 2, size + 2)).tocsr()
    for name in ("indices", "indptr"):  # older scipy makes them as long as those of coo_array
        setattr(graph, name, getattr(graph, name).astype(np.int32))
    flow = maximum_flow(graph, source, sink).flow_value
    return flow - np.maximum(-form.unary, 0).sum() + form.offset


@pytest.mark.parametrize("name", ["rgg500", "rgg1000", "grid529", "grid1024"])
def test_recorded_minima_of_cuts_by_maximum_flow(data_dir, name):
    F, best = recorded.submodular(data_dir, name)
    assert minimum_by_scipy(F.as_cut()) == best
    S = np.random.default_rng(0).random(F.n) < 0.1
    # over the sets that contain S, over those that do not meet it, and over all of them flipped
    assert F.value(S) + minimum_by_scipy(F.contract(S).as_cut()) >= best
    assert minimum_by_scipy(F.restrict(~S).as_cut()) >= best
    flipped = F.complement()
    assert F.value(S | True) + minimum_by_scipy(flipped.as_cut()) == best


def test_gadgets_have_the_minimum_of_brute_force():
    rng = np.random.default_rng(5)
    edges = [rng.choice(9, size, replace=False).tolist() for size in (2, 3, 4, 6, 6)]
    F = (
        HypergraphCut(edges, 12 * 10 * rng.integers(0, 4, 5), n=9)
        + Coverage(rng.integers(0, 2, (9, 5)), rng.integers(0, 90, 5))
        + Modular(rng.integers(-400, 90, 9))
    )
    assert minimum_by_scipy(F.as_cut()) == brute_force(F)[1] < 0


@pytest.mark.parametrize("name", ["conc500", "conc1000", "iwata100", "iwata500"])
def test_recorded_minima_of_cardinality_by_sorting(data_dir, name):
    F, best = recorded.submodular(data_dir, name)
    u = next(term.weights for _, term in F.terms if isinstance(term, Modular))
    gains = F.greedy(np.argsort(u, kind="stable"))
    values = np.cumsum(gains[np.argsort(u, kind="stable")])
    assert min(0.0, values.min()) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", ["grp500", "gp100", "gp200"])
def test_recorded_minima_are_not_undercut(data_dir, name):
    F, best = recorded.submodular(data_dir, name)
    y, lowest = F.greedy(np.arange(F.n)), 0.0
    for t in range(100):  # Frank-Wolfe on the base polytope: F between its two bounds
        order = np.argsort(y, kind="stable")
        gains = F.greedy(order)
        lowest = min(lowest, np.cumsum(gains[order]).min())
        assert np.minimum(y, 0).sum() - 1e-9 <= best <= lowest + 1e-9
        y += 2 / (t + 2) * (gains - y)
    assert lowest < 0.9 * best
    assert_submodular(F, n_samples=20)


def test_bins_of_entropy_are_quantiles_and_own_values_are_warned_of():
    column = RNG.permutation(np.arange(100.0)) + 0.5
    data = np.stack([column, np.repeat([1.0, 2.0], 50)], axis=1)
    with pytest.warns(UserWarning, match=r"data\[:, 0\] has 100 values.*bins=10"):
        unbinned = Entropy(data)
    assert unbinned([0]) == pytest.approx(np.log2(100))
    F = Entropy(data, bins=4)
    assert F([0]) == pytest.approx(2)  # four bins of 25 rows
    assert F([1]) == pytest.approx(1)  # equal values share a bin
    assert Entropy(data, bins=1)([0, 1]) == 0
    codes = np.digitize(column, [25, 50, 75])
    assert F([0, 1]) == pytest.approx(Entropy(np.stack([codes, data[:, 1]], axis=1))([0, 1]))
    with pytest.raises(TypeError, match="text"):
        Entropy([["a"], ["b"]], bins=2)
    with pytest.raises(ValueError, match="bins"):
        Entropy(data, bins=0)


@pytest.mark.parametrize(
    "shape", [6, (6,), (2, 3), (3, 1), (1, 4), (2, 2, 2), (3, 4, 2), (0, 3), ()]
)
def test_grids_are_cuts_of_their_edges(shape):
    axes = (shape,) if isinstance(shape, int) else shape
    k = np.arange(np.prod(axes, dtype=int)).reshape(axes)
    edges, weights, per_axis = [], [], []
    for a in range(len(axes)):
        one, two = (
            np.moveaxis(np.moveaxis(k, a, 0)[part], 0, a) for part in (np.s_[:-1], np.s_[1:])
        )
        w = RNG.integers(0, 4, one.shape)
        per_axis.append(w)
        edges += zip(one.ravel(), two.ravel(), strict=True)
        weights += w.ravel().tolist()
    edges = np.array(edges, dtype=int).reshape(-1, 2)
    F, expected = Cut.grid(shape, per_axis), Cut.from_edges(edges, weights, n=k.size)
    for one, two in zip(F._data, expected._data, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (F.n, F.symmetric, F.integral) == (expected.n, expected.symmetric, expected.integral)
    ones = Cut.grid(shape, 2.5)._data
    for one, two in zip(
        ones, Cut.from_edges(edges, np.full(len(edges), 2.5), n=k.size)._data, strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("shape", "weights", "words"),
    [
        ((2, 3), [1.0], ["one array per axis", "2"]),
        ((2, 3), [[[1, 2, 3]], [1, 2, 3]], ["weights[1]", "(2, 2)", "(3,)"]),
        ((2, 3), [-1.0, 1.0], ["weights[0]", "(0, 0)", "-1"]),
        ((2, 3), np.nan, ["weights[0]", "nan"]),
        ((2, -3), 1.0, ["shape[1]", "-3"]),
    ],
)
def test_grids_name_what_is_wrong(shape, weights, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        Cut.grid(shape, weights)
    assert all(word in str(caught.value) for word in words)
