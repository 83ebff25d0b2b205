"""Programs written for gco-wrapper get the same labels with the stand-in."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import subopt.compat.gco as gco

ALGORITHMS = "expansion", "swap"


@st.composite
def problems(draw, *, table=None):
    """Edges, weights, unary and pairwise costs, first labels: ints, or quarters of them."""
    n, k = draw(st.integers(2, 7)), draw(st.integers(2, 4))
    pairs = list(itertools.combinations(range(n), 2))
    edges = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=9, unique=True))
    weights = draw(st.lists(st.integers(0, 5), min_size=len(edges), max_size=len(edges)))
    unary = draw(st.lists(st.integers(0, 9), min_size=n * k, max_size=n * k))
    x = np.arange(k)
    pairwise = draw(st.sampled_from(["potts", "linear", "truncated"])) if table is None else table
    pairwise = {
        "potts": 1 - np.eye(k, dtype=int),
        "linear": np.abs(x[:, None] - x),
        "truncated": np.minimum(2 * np.abs(x[:, None] - x), 3),
        "quadratic": (x[:, None] - x) ** 2,
    }[pairwise]
    scale = draw(st.sampled_from([1, 0.25]))  # gco-wrapper rounds to hundredths
    first = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return (
        np.array(edges),
        np.array(weights),
        np.array(unary).reshape(n, k) * scale,
        pairwise * scale,
        np.array(first),
    )


def energy_of(edges, weights, unary, pairwise, labels):
    a, b = labels[edges[:, 0]], labels[edges[:, 1]]
    return unary[np.arange(len(unary)), labels].sum() + (weights * pairwise[a, b]).sum()


def graph_of(edges, weights, unary, pairwise, labels, module=gco):
    graph = module.GCO()
    graph.create_general_graph(*unary.shape, unary.dtype.kind == "f")
    graph.set_data_cost(unary)
    graph.set_all_neighbors(edges[:, 0], edges[:, 1], weights)
    graph.set_smooth_cost(pairwise)
    for site, label in enumerate(labels):
        graph.init_label_at_site(site, int(label))
    return graph


def least(edges, weights, unary, pairwise, choices):
    labelings = (np.array(labels) for labels in itertools.product(*choices))
    return min(energy_of(edges, weights, unary, pairwise, labels) for labels in labelings)


@given(problem=problems(), label=st.integers(0, 3))
def test_an_expansion_is_the_best_one(problem, label):
    *costs, first = problem
    label %= costs[2].shape[1]
    graph = graph_of(*problem)
    before = graph.compute_energy()
    assert before == energy_of(*costs, first)
    helped = graph.expansion_on_alpha(label)
    energy = graph.compute_energy()
    assert energy == least(*costs, [{int(x), label} for x in first])
    assert energy == energy_of(*costs, graph.get_labels())
    assert energy == graph.compute_data_energy() + graph.compute_smooth_energy()
    assert helped == (energy < before)
    if not helped:
        assert (graph.get_labels() == first).all()


@given(problem=problems(table="quadratic"), pair=st.permutations(range(4)))
def test_a_swap_is_the_best_one(problem, pair):
    *costs, first = problem
    a, b = [label for label in pair if label < costs[2].shape[1]][:2]
    graph = graph_of(*problem)
    graph.alpha_beta_swap(a, b)
    choices = [{a, b} if x in (a, b) else {int(x)} for x in first]
    assert graph.compute_energy() == least(*costs, choices)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(problem=problems(), given_labels=st.booleans())
def test_no_move_helps_afterwards(algorithm, problem, given_labels):
    edges, weights, unary, pairwise, first = problem
    start = first if given_labels else None
    labels = gco.cut_general_graph(edges, weights, unary, pairwise, -1, algorithm, start)
    assert labels.dtype == np.int32
    energy = energy_of(edges, weights, unary, pairwise, labels)
    k = unary.shape[1]
    if algorithm == "expansion":
        near = [[{int(x), a} for x in labels] for a in range(k)]
    else:
        pairs = itertools.combinations(range(k), 2)
        near = [[set(pair) if x in pair else {int(x)} for x in labels] for pair in pairs]
    assert all(least(edges, weights, unary, pairwise, choices) == energy for choices in near)


@given(problem=problems())
def test_a_function_of_labels_means_what_a_table_means(problem):
    pairwise = problem[3]
    for method in ALGORITHMS:
        by_table, by_function = graph_of(*problem), graph_of(*problem)
        by_function.set_smooth_cost_function(lambda s, t, a, b: pairwise[a, b])
        energies = [getattr(graph, method)() for graph in (by_table, by_function)]
        assert energies[0] == energies[1]
        assert (by_table.get_labels() == by_function.get_labels()).all()


@given(problem=problems(), algorithm=st.sampled_from(ALGORITHMS))
def test_moves_of_large_graphs_are_those_of_small_ones(problem, algorithm):
    edges, weights, unary, pairwise, first = problem
    arguments = edges, weights, unary, pairwise, -1, algorithm, first
    expected = gco.cut_general_graph(*arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gco._graph, "_TOGETHER", 0)
        assert (gco.cut_general_graph(*arguments) == expected).all()


def test_a_function_is_called_with_the_larger_node_first():
    seen = []
    graph = gco.GCO()
    graph.create_general_graph(3, 3)
    graph.set_neighbor_pair(0, 2, 5)
    graph.init_label_at_site(0, 1)
    graph.set_smooth_cost_function(lambda *case: seen.append(case) or 7)
    assert graph.compute_smooth_energy() == 35
    assert seen == [(2, 0, 0, 1)]


@given(problem=problems())
def test_labels_are_those_of_gco(problem):
    peer = pytest.importorskip("gco", reason="gco-wrapper is not installed")
    edges, weights, unary, pairwise, first = problem
    factor = (
        1  # gco-wrapper's own makes zeros of ints, and rounds tables so that they are no metric
    )
    for algorithm in ALGORITHMS:
        for start in (None, first):
            arguments = edges, weights, unary, pairwise, -1, algorithm, start, factor
            ours = gco.cut_general_graph(*arguments)
            theirs = peer.cut_general_graph(*arguments)
            assert ours.tolist() == theirs.tolist()
            assert ours.dtype == theirs.dtype


@given(problem=problems(), cycles=st.integers(0, 3))
def test_single_calls_are_those_of_gco(problem, cycles):
    peer = pytest.importorskip("gco", reason="gco-wrapper is not installed")
    k = problem[2].shape[1]
    ours, theirs = graph_of(*problem), graph_of(*problem, module=peer)
    seen = []
    for graph in (ours, theirs):
        log = [graph.compute_energy(), graph.compute_data_energy(), graph.compute_smooth_energy()]
        log += [graph.expansion_on_alpha(k - 1), graph.get_labels().tolist()]
        log += [graph.alpha_beta_swap(0, k - 1), graph.get_labels().tolist()]
        log += [graph.swap(cycles), graph.get_labels().tolist()]
        log += [graph.expansion(cycles), graph.get_labels().tolist(), graph.get_label_at_site(0)]
        seen.append(log)
    assert seen[0] == seen[1]
    theirs.destroy_graph()


def test_grids_have_the_edges_that_are_said():
    rng = np.random.default_rng(0)
    unary, pairwise = rng.integers(0, 9, (3, 4, 3)), 2 * (1 - np.eye(3, dtype=int))
    v, h, dr, dl = (rng.integers(0, 3, shape) for shape in [(2, 4), (3, 3), (2, 3), (2, 3)])
    node = np.arange(12).reshape(3, 4)
    ends = [(node[:-1], node[1:]), (node[:, :-1], node[:, 1:])]
    ends += [(node[:-1, :-1], node[1:, 1:]), (node[:-1, 1:], node[1:, :-1])]
    for count, weights in ((2, (v, h)), (4, (v, h, dr, dl))):
        edges = np.concatenate([np.stack([a.ravel(), b.ravel()], 1) for a, b in ends[:count]])
        weight = np.concatenate([w.ravel() for w in weights])
        expected = gco.cut_general_graph(edges, weight, unary.reshape(12, 3), pairwise)
        assert (gco.cut_grid_graph(unary, pairwise, *weights) == expected).all()
        ones = [np.ones_like(w) for w in weights]
        expected = gco.cut_grid_graph(unary, pairwise, *ones)
        simple = gco.cut_grid_graph_simple(unary, pairwise, connect=2 * count)
        assert (simple == expected).all()
        lengths = [1.0, 1.0, 2**0.5, 2**0.5]
        scaled = [one * length for one, length in zip(ones, lengths, strict=False)]
        costs = rng.random((3, 4, 3))
        expected = gco.cut_grid_graph(costs, 0.2 * pairwise, *scaled)
        simple = gco.cut_grid_graph_simple(costs, 0.2 * pairwise, connect=2 * count)
        assert (simple == expected).all()
    with pytest.raises(AssertionError, match="one entry per edge: 9, got 8"):
        gco.cut_grid_graph(unary, pairwise, v, v)


@pytest.mark.parametrize("kind", [int, float])
def test_diagonal_neighbors_weigh_what_they_do_in_gco(kind):
    theirs = pytest.importorskip("gco", reason="compares with gco-wrapper")
    for cost in range(40):  # of a pixel that has neighbors of another label
        unary = np.zeros((2, 2, 2))
        unary[..., 1] = 90
        unary[1, 1] = cost, 0
        answers = [
            m.cut_grid_graph_simple(unary.astype(kind), 10 * (1 - np.eye(2)), connect=8)
            for m in (theirs, gco)
        ]
        assert (answers[0] == answers[1]).all()


def test_edges_of_images():
    assert [a.tolist() for a in gco.get_images_edges_vh(2, 3)] == [
        [0, 1, 2],
        [0, 1, 3, 4],
        [3, 4, 5],
        [1, 2, 4, 5],
    ]
    assert [a.tolist() for a in gco.get_images_edges_diag(2, 3)] == [
        [0, 1],
        [1, 2],
        [4, 5],
        [3, 4],
    ]


def test_costs_of_a_graph_of_ints_are_cut_off():
    graph = gco.GCO()
    graph.create_general_graph(2, 2)
    graph.set_data_cost(np.full((2, 2), 1.9))
    graph.set_site_data_cost(0, 0, 7.5)
    graph.set_neighbor_pair(0, 1, 2.5)
    graph.set_pair_smooth_cost(0, 1, 3.9)
    graph.init_label_at_site(1, 0)
    assert (graph.compute_energy(), graph.compute_smooth_energy()) == (7, 0)
    graph.init_label_at_site(0, 1)  # the label of the larger node comes first
    assert graph.compute_smooth_energy() == 6
    assert graph.compute_energy() == 6


def test_costs_of_pairs_have_defaults():
    for whole, expected in ((True, 2), (False, 0.02)):
        graph = gco.GCO()
        graph.create_general_graph(2, 2, not whole)
        graph.set_neighbor_pair(0, 1, 2)
        graph.init_label_at_site(0, 1)
        assert graph.compute_energy() == expected
    labels = gco.cut_general_graph([[0, 1]], [3], [[0, 2], [2, 0]])
    assert labels.tolist() == [0, 0]


CALLS = {
    "array": lambda g: g.set_data_cost(np.array([[1, 5], [4, 3], [9, 2]])),
    "other array": lambda g: g.set_data_cost(np.array([[2, 1], [0, 3], [5, 5]])),
    "site": lambda g: g.set_site_data_cost(0, 1, 7),
    "other site": lambda g: g.set_site_data_cost(2, 0, 3),
    "table": lambda g: g.set_smooth_cost(np.array([[0, 2], [2, 0]])),
    "pair": lambda g: g.set_pair_smooth_cost(0, 1, 5),
    "other pair": lambda g: g.set_pair_smooth_cost(1, 0, 4),
    "function": lambda g: g.set_smooth_cost_function(lambda s, t, a, b: 3 * abs(a - b)),
    "one iteration": lambda g: g.swap(1),
    "label": lambda g: g.init_label_at_site(1, 1),
}


@given(calls=st.lists(st.sampled_from(sorted(CALLS)), max_size=8), whole=st.booleans())
def test_costs_are_those_of_gco_in_any_order_of_calls(calls, whole):
    peer = pytest.importorskip("gco", reason="gco-wrapper is not installed")
    assert _energies(peer, calls, whole) == _energies(gco, calls, whole)


def _energies(module, calls, whole):
    graph = module.GCO()
    graph.create_general_graph(3, 2, not whole)
    graph.set_all_neighbors(np.array([0, 1]), np.array([1, 2]), np.array([1, 2]))
    seen = []
    for name in calls:
        CALLS[name](graph)
    for labels in itertools.product(range(2), repeat=3):
        for site, label in enumerate(labels):
            graph.init_label_at_site(site, label)
        seen.append((float(graph.compute_data_energy()), float(graph.compute_smooth_energy())))
    graph.destroy_graph()
    return seen


def test_single_costs_replace_those_that_were_set_together():
    graph = gco.GCO()
    graph.create_general_graph(2, 2)
    graph.set_neighbor_pair(0, 1, 1)
    for forget in (CALLS["table"], CALLS["function"]):
        graph.set_data_cost([[9, 9], [9, 9]])
        graph.set_site_data_cost(0, 0, 5)
        graph.set_site_data_cost(1, 0, 4)
        assert graph.compute_data_energy() == 9
        graph.init_label_at_site(1, 1)
        assert graph.compute_data_energy() == 5
        forget(graph)
        graph.set_pair_smooth_cost(0, 1, 7)
        assert graph.compute_smooth_energy() == 0  # the label of the larger node comes first
        graph.set_pair_smooth_cost(1, 0, 8)
        assert graph.compute_smooth_energy() == 8
        graph.init_label_at_site(1, 0)


def test_graphs_can_change_after_moves():
    graph = gco.GCO()
    graph.create_general_graph(3, 2)
    graph.set_data_cost([[0, 9], [4, 3], [9, 0]])
    assert graph.expansion() == 3
    graph.set_neighbor_pair(0, 1, 5)
    assert graph.expansion() == 4
    graph.set_smooth_cost([[0, 0], [0, 0]])
    assert graph.expansion() == 3
    graph.create_general_graph(2, 5)
    assert graph.get_labels().tolist() == [0, 0]
    graph.destroy_graph()
    with pytest.raises(AttributeError):
        graph.get_labels()


EDGES, ONES = np.array([[0, 1], [1, 2]]), np.ones(2, dtype=int)
UNARY, PAIRWISE = np.zeros((3, 2), dtype=int), 1 - np.eye(2, dtype=int)
ERRORS = [
    (gco.IndexOutOfBoundError, r"nodes 0\.\.2, got 3", (EDGES + 1, ONES, UNARY, PAIRWISE)),
    (gco.IndexOutOfBoundError, "got -1", (EDGES - 1, ONES, UNARY, PAIRWISE)),
    (gco.ShapeMismatchError, r"shape \(2, 2\)", (EDGES, ONES, UNARY, np.zeros((3, 3)))),
    (gco.ShapeMismatchError, "2, 2 and 1", (EDGES, ONES[:1], UNARY, PAIRWISE)),
    (gco.DataTypeNotSupportedError, "square", (EDGES, ONES, UNARY, PAIRWISE[:1])),
    (gco.DataTypeNotSupportedError, "no symmetry", (EDGES, ONES, UNARY, np.triu(PAIRWISE))),
    (gco.DataTypeNotSupportedError, "got bool", (EDGES, ONES, UNARY > 0, PAIRWISE)),
    (gco.DataTypeNotSupportedError, "got int16", (EDGES, ONES, UNARY.astype("int16"), PAIRWISE)),
    (ValueError, r"\(nodes, labels\)", (EDGES, ONES, UNARY[0], PAIRWISE)),
    (ValueError, "'expansion' or 'swap'", (EDGES, ONES, UNARY, PAIRWISE, -1, "both")),
    (IndexError, "3 entries, got 2", (EDGES, ONES, UNARY, PAIRWISE, -1, "swap", [1, 1])),
    (gco.IndexOutOfBoundError, "got 2", (EDGES, ONES, UNARY, PAIRWISE, -1, "swap", [0, 0, 2])),
    (ValueError, "> 0, got 0", (EDGES, ONES, UNARY, PAIRWISE, -1, "swap", None, 0)),
    (gco.PyGcoError, "nodes 0 and 1 of weight -1", (EDGES, -ONES, UNARY, PAIRWISE)),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    error, message, arguments = ERRORS[case]
    with pytest.raises(error, match=message):
        gco.cut_general_graph(*arguments)


def test_errors_of_single_calls():
    graph = gco.GCO()
    with pytest.raises(AttributeError):
        graph.compute_energy()
    graph.create_general_graph(3, 2)
    for call in (
        lambda: graph.set_neighbor_pair(1, 0, 1),
        lambda: graph.set_neighbor_pair(1, 1, 1),
        lambda: graph.set_neighbor_pair(0, 3, 1),
        lambda: graph.init_label_at_site(3, 0),
        lambda: graph.init_label_at_site(0, 2),
        lambda: graph.get_label_at_site(-1),
        lambda: graph.set_site_data_cost(0, 5, 1),
        lambda: graph.expansion_on_alpha(2),
        lambda: graph.alpha_beta_swap(0, 2),
        lambda: graph.set_pair_smooth_cost(2, 0, 1),
    ):
        with pytest.raises(gco.IndexOutOfBoundError):
            call()
    with pytest.raises(gco.ShapeMismatchError, match=r"shape \(3, 2\), got \(2, 2\)"):
        graph.set_data_cost(np.zeros((2, 2)))
    graph.set_neighbor_pair(0, 1, 1)
    graph.set_smooth_cost_function(lambda s, t, a, b: -(a != b))
    with pytest.raises(gco.PyGcoError, match="between the nodes 0 and 1"):
        graph.expansion()


def test_a_graph_that_exists_has_a_handle():
    graph = gco.GCO()
    graph.create_general_graph(3, 2, True)
    assert graph.handle is not None
    graph.destroy_graph()
    assert graph.handle is None
    assert gco.pygco.GCO is gco.GCO


def test_without_costs_of_pairs_a_graph_has_what_gco_has():
    edges, weights = np.array([[0, 1], [1, 2]]), np.ones(2)
    unary = np.array([[0.0, 1, 2], [1, 0, 2], [2, 1, 0]])
    for algorithm in ALGORITHMS:
        found = gco.cut_general_graph(edges, weights, unary, algorithm=algorithm)
        assert found.tolist() == [0, 1, 2]
        ints = weights.astype(int), unary.astype(int)
        potts = gco.cut_general_graph(edges, *ints, algorithm=algorithm)
        table = 1 - np.eye(3, dtype=int)
        assert (potts == gco.cut_general_graph(edges, *ints, table, algorithm=algorithm)).all()
