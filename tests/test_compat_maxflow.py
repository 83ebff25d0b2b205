"""Programs written for PyMaxflow see the same with the stand-in."""

import copy
import itertools
import pickle
import sys
from decimal import Decimal
from fractions import Fraction

import flow_programs
import naive_maxflow
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import subopt.compat.maxflow as maxflow
from subopt.compat.maxflow import _cut, _graph, _small, fastmin

KINDS = st.sampled_from([int, float])


@st.composite
def programs(draw, **options):
    return flow_programs.program(lambda low, high: draw(st.integers(low, high)), **options)


CASES = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), programs(infinite=kind is float)))


@given(program=programs(infinite=True))
def test_programs_with_infinite_edges(program):
    peer = pytest.importorskip("maxflow", reason="PyMaxflow is not installed")
    assert flow_programs.run(maxflow, float, program) == flow_programs.run(peer, float, program)


@given(program=programs(), kind=KINDS)
def test_programs_mean_what_single_edges_mean(program, kind):
    expected = flow_programs.run(naive_maxflow, kind, program)
    assert flow_programs.run(maxflow, kind, program) == expected


@given(program=programs(errors=True), kind=KINDS)
def test_programs_see_what_pymaxflow_shows(program, kind):
    peer = pytest.importorskip("maxflow", reason="PyMaxflow is not installed")
    assert flow_programs.run(maxflow, kind, program) == flow_programs.run(peer, kind, program)


@given(case=CASES)
def test_kept_networks_find_what_a_search_from_scratch_finds(case):
    kind, program = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_small, "SMALL", 0)
        patch.setattr(_small, "SMALL_GRID", 0)
        expected = flow_programs.run(maxflow, kind, program)
        patch.setattr(_cut, "keep", lambda excess, parts: None)
        assert flow_programs.run(maxflow, kind, program) == expected


@given(program=programs(), kind=KINDS)
def test_large_graphs_are_solved_like_small_ones(program, kind):
    expected = flow_programs.run(maxflow, kind, program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_small, "SMALL", 0)
        patch.setattr(_small, "SMALL_GRID", 0)
        assert flow_programs.run(maxflow, kind, program) == expected


@given(case=CASES)
def test_bit_sets_of_nodes_find_what_search_trees_find(case):
    kind, program = case
    expected = flow_programs.run(maxflow, kind, program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_small, "LEAST", 0)
        assert flow_programs.run(maxflow, kind, program) == expected


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("shape", [(65,), (9, 8), (10, 20), (32, 32), (4, 5, 6)])
def test_small_grids_are_solved_by_bit_sets(kind, shape, monkeypatch):
    def build():
        g = maxflow.Graph[kind]()
        g.add_grid_nodes(2)  # no grid begins with the first node
        for weight, periodic in zip(weights, (True, False), strict=True):
            nodes = g.add_grid_nodes(shape)
            g.add_grid_edges(nodes, weight, periodic=periodic)
            g.add_grid_edges(nodes, weight, maxflow.vonNeumann_structure(len(shape)), True)
            g.add_grid_tedges(nodes, *terminals)
        return g

    rng = np.random.default_rng(0)
    weights, terminals = rng.integers(0, 9, (2, *shape)), rng.integers(-9, 99, (2, *shape))
    seen = []
    for most in (0, 1024, 4096):
        monkeypatch.setattr(_small, "MOST", most)
        if most == 4096:
            monkeypatch.setattr(_small, "cut_numbers", refuse)
            monkeypatch.setattr(_graph, "minimum_cut", refuse)
        g = build()
        nodes = np.arange(g.get_node_count())
        seen.append([g.maxflow(), g.get_grid_segments(nodes).tolist()])
        monkeypatch.undo()
        g.add_grid_edges(nodes, 1)  # goes on from what the flow has left
        seen[-1] += [g.maxflow(), g.get_grid_segments(nodes).tolist()]
    assert seen[0] == seen[1] == seen[2]


def test_grids_of_many_kinds_of_arcs_are_solved_by_search_trees(monkeypatch):
    monkeypatch.setattr(_small, "cut_grid", refuse)
    rng = np.random.default_rng(0)
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes((10, 10))
    structure = rng.integers(1, 9, (7, 7))
    g.add_grid_edges(nodes, 1, structure)
    g.add_grid_tedges(nodes, *rng.integers(0, 99, (2, 10, 10)))
    values = [g.maxflow()]
    monkeypatch.setattr(_small, "SMALL_GRID", 0)
    values.append(g.copy().maxflow())  # nothing more flows through what is left
    assert values[0] == values[1] > 0


# Grids are recognized ------------------------------------------------------------------------


def refuse(*arguments, **named):
    raise AssertionError("this should be solved otherwise")


def one_grid(shape=(4, 5), **named):
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes(shape)
    g.add_grid_edges(nodes, np.random.default_rng(0).integers(0, 5, shape), **named)
    g.add_grid_tedges(nodes, *terminals(shape))
    return g, nodes


def terminals(shape):
    return np.random.default_rng(1).integers(0, 9, (2, *shape))


@pytest.mark.parametrize(
    "more",
    [
        lambda g, nodes: None,
        lambda g, nodes: g.add_grid_edges(nodes, 2, symmetric=True),
        lambda g, nodes: g.add_grid_edges(nodes, structure=maxflow.moore_structure(2)),
        lambda g, nodes: g.add_tedge(3, 5, 1),
        lambda g, nodes: g.add_nodes(3),
        lambda g, nodes: g.add_grid_edges(g.add_grid_nodes((1, 3, 2)), 4),
        lambda g, nodes: (g.maxflow(), g.add_grid_edges(nodes, 1), g.add_tedge(0, 9, 0)),
        lambda g, nodes: g.add_grid_edges(np.array(nodes, dtype=np.int32), 1),
    ],
)
def test_grids_are_solved_as_grids(more, monkeypatch):
    monkeypatch.setattr(_small, "SMALL_GRID", 0)
    monkeypatch.setattr(_cut, "_general", refuse)
    g, nodes = one_grid()
    more(g, nodes)
    g.maxflow()


def test_what_is_no_grid_is_solved_as_a_graph(monkeypatch):
    monkeypatch.setattr(_cut, "_with_grid", refuse)
    g, nodes = one_grid()
    g.add_edge(0, 7, 1, 1)
    g.maxflow()
    g, nodes = one_grid()
    g.add_grid_edges(nodes.T, 1)
    g.maxflow()
    g, nodes = one_grid(periodic=True)
    g.add_grid_edges(nodes, 1)
    g.maxflow()


def test_grids_of_more_than_three_axes():
    g, nodes = one_grid((2, 1, 3, 2, 2))
    value = g.copy().maxflow()
    flat = maxflow.GraphInt()
    flat.add_nodes(nodes.size)
    network = g.get_nx_graph()
    for i, j, weight in network.edges(data="weight"):
        if i == "s":
            flat.add_tedge(j, weight, 0)
        elif j == "t":
            flat.add_tedge(i, 0, weight)
        else:
            flat.add_edge(i, j, weight, 0)
    # what flows through a node directly is no longer in the network
    assert value == flat.maxflow() + np.minimum(*terminals(nodes.shape)).sum()


# What single calls do ------------------------------------------------------------------------


def test_the_first_example_of_the_documentation():
    g = maxflow.Graph[int](2, 2)
    nodes = g.add_nodes(2)
    g.add_edge(nodes[0], nodes[1], 1, 2)
    g.add_tedge(nodes[0], 2, 5)
    g.add_tedge(nodes[1], 9, 4)
    assert g.maxflow() == 8
    assert [g.get_segment(i) for i in nodes] == [1, 0]


@pytest.mark.parametrize("kind", [int, float])
def test_types_of_what_is_returned(kind):
    g = maxflow.Graph[kind]()
    nodes = g.add_grid_nodes((2, 3))
    assert nodes.dtype == np.int64
    g.add_grid_edges(nodes, 2)
    g.add_grid_tedges(nodes, np.arange(6).reshape(2, 3), 2)
    assert type(g.maxflow()) is kind
    assert type(g.get_segment(np.int64(0))) is int
    assert g.get_grid_segments(nodes).dtype == np.bool_
    assert g.add_nodes(0).shape == (0,)
    assert g.add_grid_nodes(2).tolist() == [6, 7]
    network = g.get_nx_graph()
    assert {type(w) for _, _, w in network.edges(data="weight")} <= {kind}
    assert {type(i) for i in network if i not in ("s", "t")} == {int}


def edges_of(g):
    return {(i, j): w for i, j, w in g.get_nx_graph().edges(data="weight")}


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 2)])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("structure", ["vonNeumann_structure", "moore_structure"])
def test_structures_against_loops_of_edges(shape, periodic, symmetric, structure):
    around = getattr(maxflow, structure)(len(shape), symmetric)
    weights = np.random.default_rng(1).integers(1, 9, shape)
    g, h = maxflow.GraphInt(), maxflow.GraphInt()
    nodes, _ = g.add_grid_nodes(shape), h.add_grid_nodes(shape)
    g.add_grid_edges(nodes, weights, around, symmetric, periodic)
    for p in np.ndindex(shape):
        for step in itertools.product((-1, 0, 1), repeat=len(shape)):
            there = np.add(p, step)
            there = there % shape if periodic else there
            inside = (there >= 0).all() and (there < shape).all()
            if any(step) and inside and around[tuple(np.add(step, 1))]:
                back = weights[p] if symmetric else 0
                h.add_edge(nodes[p], nodes[tuple(there)], weights[p], back)
    assert edges_of(g) == edges_of(h)
    assert g.get_edge_count() == h.get_edge_count()


def test_structures():
    assert maxflow.vonNeumann_structure(1).tolist() == [1, 0, 1]
    assert maxflow.vonNeumann_structure(2).tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert maxflow.vonNeumann_structure(3).sum() == 6
    assert maxflow.vonNeumann_structure(3, directed=True).sum() == 3
    assert maxflow.moore_structure(2).shape == (3, 3)
    assert maxflow.moore_structure(2, True).tolist() == [[0, 0, 0], [0, 0, 1], [1, 1, 1]]
    half = maxflow.moore_structure(3, True)
    assert (half + half[::-1, ::-1, ::-1]).sum() == 26


def test_a_ring_is_cut_at_two_places():
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes(6)
    g.add_grid_edges(nodes, [5, 1, 5, 5, 2, 5], periodic=True, structure=[0, 0, 1], symmetric=True)
    g.add_tedge(0, 99, 0)
    g.add_tedge(3, 0, 99)
    assert g.maxflow() == 3
    assert g.get_grid_segments(nodes).tolist() == [False, False, True, True, True, False]


def test_weights_of_int_graphs_are_cut_off_before_they_are_multiplied():
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes(3)
    g.add_grid_edges(nodes, 1.7, [0, 0, 2.6])
    assert edges_of(g) == {(0, 1): 2, (1, 2): 2}
    g = maxflow.GraphFloat()
    g.add_grid_edges(g.add_grid_nodes(3), 1.5, [0, 0, 2.5])
    assert edges_of(g) == {(0, 1): 3.75, (1, 2): 3.75}


def test_loops_are_no_edges():
    g = maxflow.GraphInt()
    nodes = g.add_nodes(3)
    g.add_edge(1, 1, 5, 5)
    g.add_edges(nodes, nodes, nodes, nodes)
    g.add_grid_edges(nodes, 1, [1])
    g.add_grid_edges(nodes[:1], 1, periodic=True)
    assert g.get_edge_count() == g.get_edge_num() == 0
    assert g.get_node_count() == g.get_node_num() == 3


def test_what_the_caller_writes_later_changes_nothing():
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes((2, 2))
    weights = np.full((2, 2), 3)
    ends = np.array([0]), np.array([3])
    amounts = np.array([7]), np.array([8])
    one, around = np.array(5), np.array([[0, 0, 0], [0, 0, 2], [0, 1, 0]])
    g.add_grid_edges(nodes, weights)
    g.add_grid_edges(nodes, weights, around)
    g.add_grid_edges(nodes, weights, periodic=True)
    g.add_grid_edges(nodes, one)
    g.add_edges(*ends, *amounts)
    g.add_grid_tedges(nodes, weights, 1)
    before = edges_of(g)
    for array in (weights, one, around, *ends, *amounts, nodes):
        array[...] = 1
    assert edges_of(g) == before


@pytest.mark.parametrize(
    ("shape", "source", "sink"),
    [((1,), [1, 2], [3, 9]), ((3, 1), [[1, 2]], 1), ((1, 3), 2, [[1, 2, 3], [4, 0, 6]])],
)
def test_nodes_along_an_axis_of_length_one_get_all_capacities_along_it(shape, source, sink):
    g, h = maxflow.GraphInt(), maxflow.GraphInt()
    nodes = g.add_grid_nodes(shape)
    h.add_grid_nodes(shape)
    g.add_grid_tedges(nodes, source, sink)
    for row in np.broadcast(nodes, source, sink):
        h.add_tedge(*map(int, row))
    assert edges_of(g) == edges_of(h)
    g.add_grid_tedges(np.array(0), [5, 6], 0)
    h.add_tedge(0, 11, 0)
    g.add_grid_edges(np.array(0), 5)
    assert edges_of(g) == edges_of(h)


def test_copies_are_independent_and_keep_what_the_flow_has_left():
    g, nodes = one_grid()
    before = g.copy()
    value = g.maxflow()
    after = g.copy()
    assert before.get_grid_segments(nodes).any() == 0
    assert (after.get_grid_segments(nodes) == g.get_grid_segments(nodes)).all()
    assert edges_of(after) == edges_of(g) != edges_of(before)
    assert value == after.maxflow() == before.maxflow()
    g.add_tedge(0, 50, 60)
    assert g.maxflow() > value == after.maxflow()
    assert type(maxflow.GraphInt(copy_rhs=g)) is maxflow.GraphInt
    with pytest.raises(TypeError, match="copy_rhs needs a GraphFloat, got GraphInt"):
        maxflow.GraphFloat(copy_rhs=g)


def test_reset_forgets_everything():
    g, _ = one_grid()
    g.maxflow()
    g.reset()
    assert (g.get_node_count(), g.get_edge_count(), g.maxflow()) == (0, 0, 0)
    assert g.add_nodes(2).tolist() == [0, 1]
    assert g.get_grid_segments(np.arange(2)).tolist() == [False, False]


def test_the_network_holds_the_same_cut_as_networkx_finds():
    import networkx as nx

    g, nodes = one_grid((3, 4), symmetric=True)
    network = g.get_nx_graph()
    through = np.minimum(*terminals(nodes.shape)).sum()
    assert g.maxflow() == through + nx.maximum_flow_value(network, "s", "t", capacity="weight")
    left = g.get_nx_graph()
    assert nx.maximum_flow_value(left, "s", "t", capacity="weight") == 0
    segments = nx.get_node_attributes(left, "segment")
    assert [segments[i] for i in nodes.ravel()] == g.get_grid_segments(nodes).ravel().tolist()


def test_nodes_that_a_flow_did_not_know_are_on_the_side_of_the_source():
    g = maxflow.GraphInt()
    old = g.add_nodes(2)
    g.add_grid_tedges(old, 0, 1)
    assert g.get_segment(0) == 0
    g.maxflow()
    new = g.add_nodes(2)
    g.add_grid_tedges(new, 0, 1)
    assert g.get_grid_segments(np.arange(4)).tolist() == [True, True, False, False]
    assert g.get_segment(3) == 0
    g.maxflow()
    assert g.get_segment(3) == 1


@given(
    nodes=st.integers(2, 6),
    edges=st.lists(st.tuples(*[st.integers(0, 5)] * 2, *[st.integers(-4, 9)] * 2), max_size=8),
    terminals=st.lists(st.tuples(st.integers(0, 5), *[st.integers(-5, 9)] * 2), max_size=6),
    kind=KINDS,
)
def test_negative_capacities_mean_negative_costs(nodes, edges, terminals, kind):
    # PyMaxflow takes them as well, and finds this in some cases
    g = maxflow.Graph[kind]()
    g.add_nodes(nodes)
    edges = [(i % nodes, j % nodes, c, max(r, -c)) for i, j, c, r in edges]
    terminals = [(i % nodes, s, t) for i, s, t in terminals]
    for edge in edges:
        g.add_edge(*edge)
    for terminal in terminals:
        g.add_tedge(*terminal)

    def cost(side):
        total = sum(t if side[i] else s for i, s, t in terminals)
        total += sum(c for i, j, c, r in edges if side[i] and not side[j])
        return total + sum(r for i, j, c, r in edges if side[j] and not side[i])

    value = g.maxflow()
    assert value == min(map(cost, itertools.product((False, True), repeat=nodes)))
    assert cost([not g.get_segment(i) for i in range(nodes)]) == value
    g.get_nx_graph()  # makes the residual capacities those of the graph
    assert g.maxflow() == value


def test_infinite_capacities():
    g = maxflow.GraphFloat()
    g.add_nodes(3)
    g.add_edge(0, 1, float("inf"), 0)
    g.add_edge(1, 2, 2.5, float("inf"))
    g.add_tedge(0, float("inf"), 3)
    g.add_tedge(2, 0, float("inf"))
    assert g.maxflow() == 5.5
    assert [g.get_segment(i) for i in range(3)] == [0, 0, 1]
    assert edges_of(g)["s", 0] == edges_of(g)[0, 1] == float("inf")
    assert edges_of(g)[1, 0] == 2.5
    g.add_tedge(1, 0, float("inf"))
    with pytest.raises(ValueError, match="needs a finite cut"):
        g.maxflow()
    g = maxflow.GraphFloat()
    g.add_nodes(2)
    g.add_tedge(0, float("inf"), float("inf"))
    assert g.maxflow() == float("inf")


@pytest.mark.parametrize("grid", [False, True])
def test_the_largest_int_stands_for_infinity(grid):
    most = np.iinfo(np.int64).max
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes(3)
    if grid:
        g.add_grid_edges(nodes, most, [0, 0, 1], symmetric=True)
    else:
        g.add_edge(0, 1, most, most)
        g.add_edge(1, 2, most, most)
    g.add_tedge(0, most, 0)
    g.add_tedge(2, 0, 7)
    assert g.maxflow() == 7
    assert g.get_grid_segments(nodes).tolist() == [False, False, False]
    assert edges_of(g)["s", 0] == most - 7


@pytest.mark.parametrize("reuse", [False, True])
def test_a_flow_goes_on_after_changes(reuse):
    g, nodes = one_grid((6, 7), symmetric=True)
    rng = np.random.default_rng(1)
    for _ in range(5):
        g.maxflow(reuse_trees=reuse)
        change = rng.integers(-4, 9, (2, *nodes.shape)) * (rng.random(nodes.shape) < 0.2)
        g.add_grid_tedges(nodes, *change)
        g.mark_grid_nodes(nodes)
    fresh, _ = one_grid((6, 7), symmetric=True)
    rng = np.random.default_rng(1)
    for _ in range(5):
        change = rng.integers(-4, 9, (2, *nodes.shape)) * (rng.random(nodes.shape) < 0.2)
        fresh.add_grid_tedges(nodes, *change)
    assert g.maxflow(reuse_trees=reuse) == fresh.maxflow()
    assert (g.get_grid_segments(nodes) == fresh.get_grid_segments(nodes)).all()


ERRORS = [
    (RuntimeError, "second node, 3, is not in the graph", lambda g, n: g.add_edge(0, 3, 1, 1)),
    (RuntimeError, "first node, -2, is not in the graph", lambda g, n: g.add_edge(-2, 0, 1, 1)),
    (RuntimeError, "first node, 3, is not", lambda g, n: g.add_edges(n + 2, n, n, n)),
    (RuntimeError, "node 3 is not in the graph", lambda g, n: g.add_tedge(3, 1, 1)),
    (RuntimeError, "node 3 is not", lambda g, n: g.add_grid_edges(n + 1)),
    (RuntimeError, "node -2 is not", lambda g, n: g.add_grid_tedges(n - 2, 1, 1)),
    (RuntimeError, "second node, -2, is not", lambda g, n: g.add_edges(n, n - 2, n, n)),
    (RuntimeError, "node 9 is not", lambda g, n: g.get_segment(9)),
    (RuntimeError, "node -1 is not", lambda g, n: g.get_segment(-1)),
    (RuntimeError, "node 3 is not", lambda g, n: g.get_grid_segments(n + 1)),
    (RuntimeError, "node -1 is not", lambda g, n: g.get_grid_segments(n - 1)),
    (RuntimeError, "odd lengths", lambda g, n: g.add_grid_edges(n, 1, [1, 1])),
    (RuntimeError, "one entry per axis: 1, got 0", lambda g, n: g.add_grid_edges(n, periodic=[])),
    (ValueError, "at most 1 axes", lambda g, n: g.add_grid_edges(n, 1, np.ones((3, 3)))),
    (ValueError, "shape", lambda g, n: g.add_grid_edges(n, [1, 2])),
    (ValueError, "shape", lambda g, n: g.add_grid_tedges(n, 1, [1, 2])),
    (ValueError, "same size", lambda g, n: g.add_edges(n, n, n, n[:2])),
    (ValueError, "lengths >= 0", lambda g, n: g.add_nodes(-1)),
    (TypeError, "numpy array, got list", lambda g, n: g.add_grid_edges([0, 1])),
    (TypeError, "numpy array, got list", lambda g, n: g.add_grid_tedges([0, 1], 1, 1)),
    (TypeError, "numpy array, got list", lambda g, n: g.get_grid_segments([0, 1])),
    (TypeError, "numpy array, got list", lambda g, n: g.mark_grid_nodes([0, 1])),
    (TypeError, None, lambda g, n: g.mark_node("a")),
    (TypeError, None, lambda g, n: g.add_grid_nodes((2.0, 3))),
    (TypeError, None, lambda g, n: g.add_grid_nodes((True, 3))),
    (TypeError, None, lambda g, n: g.add_grid_edges(n, 1j)),
    (TypeError, None, lambda g, n: g.add_edge("0", 1, 1, 1)),
    (TypeError, None, lambda g, n: g.add_edge(0, 1, "1", 1)),
    (TypeError, None, lambda g, n: g.add_tedge(0, None, 1)),
    (TypeError, None, lambda g, n: g.get_segment("a")),
    (TypeError, None, lambda g, n: g.add_grid_edges(n, symmetric=None)),
    (OverflowError, None, lambda g, n: g.add_edge(0, 1, 2**63, 1)),
    (OverflowError, None, lambda g, n: g.add_edge(2**40, 1, 1, 1)),
    (OverflowError, None, lambda g, n: g.get_segment(2**40)),
    (OverflowError, None, lambda g, n: g.add_edge(0, 1, float("inf"), 1)),
    (OverflowError, "Use a GraphFloat", lambda g, n: g.add_grid_edges(n, float("inf"))),
    (ValueError, None, lambda g, n: g.add_tedge(0, float("nan"), 1)),
    (ValueError, "is nan", lambda g, n: g.add_grid_tedges(n, float("nan"), 1)),
    (TypeError, None, lambda g, n: g.add_edge(0, np.array([1]), 1, 1)),
    (TypeError, None, lambda g, n: g.add_tedge(0, 1j, 1)),
    (OverflowError, None, lambda g, n: maxflow.GraphInt(2**33)),
    (TypeError, "needs a GraphInt", lambda g, n: maxflow.GraphInt(0, 0, maxflow.GraphFloat())),
    (ValueError, None, lambda g, n: g.add_grid_edges(n, "a")),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    error, message, call = ERRORS[case]
    g = maxflow.GraphInt()
    nodes = g.add_nodes(3)
    with pytest.raises(error, match=message):
        call(g, nodes)
    assert (g.get_node_count(), g.get_edge_count(), edges_of(g)) == (3, 0, {})


@pytest.mark.parametrize("count", [2**31, 2**40, 2**70])
def test_a_graph_refuses_more_nodes_than_identifiers(count):
    g = maxflow.GraphInt()
    nodes = g.add_nodes(3)
    for add in (g.add_nodes, g.add_grid_nodes):
        with pytest.raises(OverflowError, match=r"fewer than 2\*\*31 nodes"):
            add(count)
    g.add_grid_tedges(nodes, 2, 1)  # the graph is as it was
    assert g.maxflow() == g.get_node_count() == 3


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("grid", [True, False])
def test_values_of_ints_that_floats_cannot_hold_are_exact(small, grid, monkeypatch):
    for name in ("SMALL", "SMALL_GRID"):
        monkeypatch.setattr(_small, name, 10 if small else 0)
    g = maxflow.GraphInt()
    nodes = g.add_nodes(2)
    large = 2**53 + 1
    g.add_tedge(0, large, large)
    assert g.maxflow() == large
    if grid:
        g.add_grid_edges(nodes, 3)
    else:
        g.add_edge(0, 1, 3, 3)
    g.add_tedge(1, 2, 2)  # all that is left is small
    assert g.maxflow() == large + 2


def test_masks_of_identifiers_mean_nothing():
    g = maxflow.GraphInt()
    nodes = np.ma.array(g.add_nodes(3), mask=[False, True, False])
    g.add_grid_edges(nodes, 2)
    g.add_grid_tedges(nodes, [9, 0, 0], [0, 0, 5])
    assert g.maxflow() == 2
    assert g.get_grid_segments(nodes).tolist() == [False, False, True]


def test_edges_that_cost_too_little_are_named():
    g = maxflow.GraphInt()
    g.add_nodes(2)
    g.add_edge(0, 1, -3, 2)
    with pytest.raises(ValueError, match="between nodes 0 and 1 are -3 and 2"):
        g.maxflow()


def test_a_number_that_is_none_is_named():
    g = maxflow.GraphFloat()
    g.add_nodes(2)
    g.add_edge(0, 1, float("nan"), 1)
    g.add_tedge(0, 1, 0)
    with pytest.raises(ValueError, match="nan"):
        g.maxflow()


def test_floats_are_welcome_as_numbers_of_nodes_and_as_capacities():
    g = maxflow.GraphInt()
    g.add_nodes(2.0)
    g.add_edge(0.0, np.int32(1), 2.9, np.float64(1))
    g.add_tedge(0, 3.5, 0)
    g.add_tedge(True, 0, np.int8(9))
    assert edges_of(g) == {(0, 1): 2, (1, 0): 1, ("s", 0): 3, (1, "t"): 9}
    assert g.maxflow() == 2


class Whole:
    def __int__(self):
        return 1

    __index__ = __int__


class Real:
    def __float__(self):
        return 1.5


NUMBERS = [1, True, 1.0, np.int8(1), np.uint64(1), np.float32(1.5), np.bool_(True), np.array(1)]
NUMBERS += [
    np.array(1.5),
    np.ones(2),
    np.zeros(0),
    Fraction(3, 2),
    Decimal("1.5"),
    Whole(),
    Real(),
    2**70,
    0.5,
    float("inf"),
]


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("number", range(len(NUMBERS)))
def test_single_calls_take_the_numbers_that_pymaxflow_takes(number, kind):
    peer = pytest.importorskip("maxflow", reason="PyMaxflow is not installed")
    assert _what_a_number_does(maxflow.Graph[kind], NUMBERS[number]) == _what_a_number_does(
        peer.Graph[kind], NUMBERS[number]
    )


def _what_a_number_does(kind, number):
    g = kind()
    g.add_nodes(2)
    calls = [
        lambda: g.add_edge(number, 0, 3, 3),
        lambda: g.add_edge(0, number, 3, 3),
        lambda: g.add_edge(0, 1, number, 5),
        lambda: g.add_edge(1, 0, 5, number),
        lambda: g.add_tedge(number, 1, 2),
        lambda: g.add_tedge(0, number, 4),
        lambda: g.add_tedge(1, 4, number),
    ]
    seen = []
    for call in calls:
        try:
            seen.append(call())
        except Exception as error:
            seen.append(type(error))
    seen += [g.get_edge_count(), type(g.get_edge_count())]
    if type(number) not in (int, float) or number < 2:  # PyMaxflow loses numbers beside huge ones
        seen += [g.maxflow(), g.get_segment(0), g.get_segment(1)]
    return seen


@pytest.mark.parametrize("large", [2**55, 2**60, 2**62])
def test_large_ints_that_cancel(large):
    g = maxflow.GraphInt()
    g.add_nodes(1)
    g.add_tedge(0, large, 7)
    g.add_tedge(0, 3 - large, 0)
    assert g.maxflow() == 3


@pytest.mark.parametrize("kind", [int, float])
def test_a_small_graph_whose_edges_were_merged_by_a_flow(kind, monkeypatch):
    def build():
        g = maxflow.Graph[kind]()
        nodes = g.add_grid_nodes((2, 3))
        g.add_grid_edges(nodes, [[1, 2, 3], [4, 5, 6]])
        g.add_grid_tedges(nodes, [[9, 0, 4], [0, 7, 0]], [[0, 3, 0], [8, 0, 5]])
        return g

    g, fresh = build(), build()
    monkeypatch.setattr(_small, "SMALL_GRID", 0)  # opposite edges of the grid become one arc
    g.maxflow()
    monkeypatch.undo()
    for graph in (g, fresh):
        graph.add_edge(0, 5, 6, 1)
        graph.add_tedge(5, 0, 7)
    assert g.maxflow() == fresh.maxflow()
    assert [g.get_segment(i) for i in range(6)] == [fresh.get_segment(i) for i in range(6)]
    assert g.get_edge_count() == fresh.get_edge_count() == 30
    g.get_nx_graph()


def test_subclasses_need_not_call_the_constructor():
    class Named(maxflow.GraphFloat):
        def __init__(self, count):
            self.name, self.own = "pair", self.add_nodes(count)

        def add_edge(self, i, j, both):
            super().add_edge(i, j, both, both)

    g = Named(2)
    g.add_edge(*g.own, 2.5)
    g.add_tedge(0, 9, 0)
    g.add_tedge(1, 0, 9)
    assert (g.maxflow(), g.name, type(g.copy())) == (2.5, "pair", maxflow.GraphFloat)


@pytest.mark.parametrize("kind", [int, float])
def test_copies_of_all_kinds_go_on_independently(kind):
    g, _ = one_grid() if kind is int else (maxflow.GraphFloat(), None)
    ways = (copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), type(g).copy)
    g.add_nodes(2)
    g.add_edge(0, 1, 3, 1)
    g.add_tedge(0, 9, 0)
    twins = [way(g) for way in ways]
    for twin in twins:
        twin.add_edge(0, 1, 2, 0)
    g.add_tedge(1, 0, 4)
    assert {twin.get_edge_count() - g.get_edge_count() for twin in twins} == {2}
    for twin in twins:
        twin.add_tedge(1, 0, 4)
    values = [twin.maxflow() for twin in twins]
    assert len(set(values)) == 1
    g.add_edge(0, 1, 2, 0)
    assert g.maxflow() == values[0]


@pytest.mark.parametrize("count", [1, 900])
def test_terminals_of_small_grids_that_are_added_again_and_again(count):
    g, expected = maxflow.GraphFloat(), np.zeros((2, 30))
    nodes = g.add_grid_nodes((5, 6))
    for k in range(count):
        part = np.roll(np.arange(30), k).reshape(5, 6)
        g.add_grid_tedges(nodes, part, 20)
        expected += [part.ravel(), np.full(30, 20)]
    assert g.maxflow() == expected.min(axis=0).sum()
    assert (g.get_grid_segments(nodes).ravel() == (expected[0] < expected[1])).all()


# Expansion and swap moves --------------------------------------------------------------------


@st.composite
def grids_to_label(draw, *, metric):
    shape = draw(st.sampled_from([(1,), (3,), (5,), (2, 3), (1, 4), (2, 2, 2)]))
    labels = draw(st.integers(1, 4))
    kind = draw(KINDS)
    numbers = st.integers(0, 9)
    size = int(np.prod(shape)) * labels
    unary = draw(st.lists(numbers, min_size=size, max_size=size))
    names = np.arange(labels)
    table = draw(
        st.sampled_from(
            [
                3 * (1 - np.eye(labels)),
                np.minimum(2 * np.abs(names[:, None] - names), 5),
                *([] if metric else [(names[:, None] - names) ** 2]),
            ]
        )
    )
    first = draw(st.lists(st.integers(0, labels - 1), min_size=size // labels, max_size=size))
    first = np.array(first[: size // labels], dtype=draw(st.sampled_from([np.int8, np.int64])))
    return (
        np.array(unary).reshape(*shape, labels).astype(kind),
        table.astype(kind),
        first.reshape(shape),
    )


def best_move(unary, binary, labels, choices):
    """The least energy over all labelings whose nodes take one of their choices."""
    best = None
    for chosen in itertools.product(*choices):
        other = np.array(chosen, dtype=int).reshape(labels.shape)
        energy = naive_energy(unary, binary, other)
        best = energy if best is None else min(best, energy)
    return best


def naive_energy(unary, binary, labels):
    total = sum(unary[p][labels[p]] for p in np.ndindex(labels.shape))
    for axis in range(labels.ndim):
        step = np.eye(labels.ndim, dtype=int)[axis]
        for p in np.ndindex(labels.shape):
            q = tuple(np.add(p, step))
            if q[axis] < labels.shape[axis]:
                total += binary[labels[q], labels[p]]
    return total


@given(problem=grids_to_label(metric=True), alpha=st.integers(0, 3))
def test_an_expansion_is_the_best_one(problem, alpha):
    unary, binary, labels = problem
    alpha %= len(binary)
    expected = best_move(unary, binary, labels, [{x, alpha} for x in labels.ravel().tolist()])
    energy, graph = fastmin.aexpansion_grid_step(alpha, unary, binary, labels)
    assert energy == expected == naive_energy(unary, binary, labels)
    assert energy == fastmin.energy_of_grid_labeling(unary, binary, labels)
    assert type(graph) is maxflow.Graph[float if unary.dtype.kind == "f" else int]


@given(problem=grids_to_label(metric=False), alpha=st.integers(0, 3), step=st.integers(1, 3))
def test_a_swap_is_the_best_one(problem, alpha, step):
    unary, binary, labels = problem
    if len(binary) < 2:
        return
    alpha %= len(binary)
    beta = (alpha + 1 + step % (len(binary) - 1)) % len(binary)
    pair = {alpha, beta}
    expected = best_move(
        unary, binary, labels, [pair if x in pair else {x} for x in labels.ravel().tolist()]
    )
    fastmin.abswap_grid_step(alpha, beta, unary, binary, labels)
    assert naive_energy(unary, binary, labels) == expected


@pytest.mark.parametrize("method", ["aexpansion_grid", "abswap_grid"])
@given(problem=grids_to_label(metric=True), given_labels=st.booleans())
def test_no_move_helps_afterwards(method, problem, given_labels):
    unary, binary, first = problem
    result = getattr(maxflow, method)(unary, binary, labels=first if given_labels else None)
    energy = naive_energy(unary, binary, result)
    if method == "aexpansion_grid" and given_labels:
        assert result is first
    labels = range(len(binary))
    moves = [(a,) for a in labels] if "exp" in method else itertools.combinations(labels, 2)
    for move in moves:
        other = result.copy()
        getattr(fastmin, f"{method}_step")(*move, unary, binary, other)
        assert naive_energy(unary, binary, other) == energy


@given(problem=grids_to_label(metric=True), cycles=st.sampled_from([None, 0, 1, 2]))
def test_labelings_are_those_of_pymaxflow(problem, cycles):
    peer = pytest.importorskip("maxflow", reason="PyMaxflow is not installed")
    unary, binary, first = problem
    for method in ("aexpansion_grid", "abswap_grid"):
        for labels in (None, first):
            start = None if labels is None else labels.copy()
            expected = getattr(peer, method)(unary, binary, cycles, start)
            after = None if labels is None else start.tolist()
            start = None if labels is None else labels.copy()
            ours = getattr(maxflow, method)(unary, binary, cycles, start)
            assert ours.tolist() == expected.tolist()
            assert ours.dtype == expected.dtype
            assert labels is None or start.tolist() == after


def test_many_labels_need_a_wider_type():
    for k, kind in ((127, np.int8), (128, np.int64)):
        labels = maxflow.aexpansion_grid(np.eye(2, k), np.zeros((k, k)), 0)
        assert labels.dtype == kind


@pytest.mark.parametrize("method", ["aexpansion_grid", "abswap_grid"])
@pytest.mark.parametrize("whole", [True, False])  # swaps of large numbers are not compiled
@pytest.mark.parametrize("cheapest", [5, 130])
def test_labels_of_a_narrow_type(method, whole, cheapest):
    unary = np.full((2, 3, 140), 9 if whole else 2**50)
    unary[..., cheapest] = 0
    labels, wide = np.zeros((2, 3), np.int8), np.zeros((2, 3), int)
    table = 1 - np.eye(140, dtype=int)
    expected = getattr(maxflow, method)(unary, table, labels=wide)
    assert (expected == cheapest).all()
    if cheapest < 128:
        assert (getattr(maxflow, method)(unary, table, labels=labels) == expected).all()
    else:
        with pytest.raises(ValueError, match="int8 have no room for label 1"):
            getattr(maxflow, method)(unary, table, labels=labels)


UNARY, BINARY = np.ones((2, 3, 3), dtype=int), 1 - np.eye(3, dtype=int)
MOVE_ERRORS = [
    (ValueError, r"shape \(3, 3\)", (UNARY, BINARY[:2])),
    (RuntimeError, "dtype int64 or float64", (UNARY.astype(np.float32), BINARY)),
    (RuntimeError, "dtype of the unary costs, int64", (UNARY, BINARY.astype(float))),
    (RuntimeError, "signed integer", (UNARY, BINARY, None, np.zeros((2, 3)))),
    (RuntimeError, "signed integer", (UNARY, BINARY, None, np.zeros((2, 3), np.uint8))),
    (RuntimeError, r"\(2, 3\), got \(3, 2\)", (UNARY, BINARY, None, np.zeros((3, 2), int))),
    (ValueError, "below 3", (UNARY, BINARY, None, np.full((2, 3), 3))),
    (ValueError, ">= 0", (UNARY, BINARY, None, np.full((2, 3), -1))),
    (TypeError, "integer", (UNARY, BINARY, 1.5)),
    (ValueError, "binary costs need numbers above -inf", (UNARY * 1.0, BINARY - np.inf)),
    (ValueError, "unary costs need numbers above -inf", (UNARY * np.nan, BINARY * 1.0)),
]


@pytest.mark.parametrize("method", ["aexpansion_grid", "abswap_grid"])
@pytest.mark.parametrize("case", range(len(MOVE_ERRORS)))
def test_errors_of_moves(method, case):
    error, message, arguments = MOVE_ERRORS[case]
    with pytest.raises(error, match=message):
        getattr(maxflow, method)(*arguments)


def test_labels_that_do_not_exist():
    labels = np.zeros((2, 3), int)
    with pytest.raises(ValueError, match=r"0\.\.2, got 3"):
        fastmin.aexpansion_grid_step(3, UNARY, BINARY, labels)
    with pytest.raises(TypeError, match="numpy arrays"):
        fastmin.abswap_grid_step(0, 1, UNARY.tolist(), BINARY, labels)


def test_a_program_finds_the_modules_under_their_names(monkeypatch):
    monkeypatch.setitem(sys.modules, "maxflow", maxflow)
    monkeypatch.setitem(sys.modules, "maxflow.fastmin", fastmin)
    namespace = {}
    exec("import maxflow\nfrom maxflow import fastmin\nfrom maxflow.fastmin import *", namespace)
    assert namespace["maxflow"].Graph[float] is namespace["maxflow"].GraphFloat
    assert maxflow.__version__ == maxflow.version.__version__


# Nodes that are not there ---------------------------------------------------------------------


def test_node_minus_one_is_no_node():
    g = maxflow.GraphInt()
    nodes = g.add_grid_nodes((3, 3))
    nodes[1, 1] = -1
    g.add_grid_edges(nodes, 2, maxflow.moore_structure(2, True), symmetric=True)
    g.add_grid_tedges(nodes, 3, 1)
    g.add_edge(-1, 0, 9, 9)
    g.add_edge(0, -1, 9, 9)
    g.add_edges(np.array([-1, 0, 4]), np.array([3, -1, 8]), np.full(3, 7), np.full(3, 7))
    g.add_tedge(-1, 5, 5)
    g.mark_node(-1)
    g.mark_node(99)
    g.mark_grid_nodes(nodes)
    assert edges_of(g)[4, 8] == edges_of(g)[8, 4] == 7
    assert not any(4 in pair and 8 not in pair for pair in edges_of(g))
    assert g.get_edge_count() == 2 * (12 + 1)  # 20 pairs of neighbors, 8 of them with the center
    assert g.maxflow() == 8


@given(program=programs(), kind=KINDS)
def test_kept_trees_find_what_fresh_ones_find(program, kind):
    expected = flow_programs.run(maxflow, kind, program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_graph, "_FEW", 1)
        assert flow_programs.run(maxflow, kind, program) == expected
        patch.setattr(_graph, "_FEW", 10**9)
        assert flow_programs.run(maxflow, kind, program) == expected


def test_few_changes_keep_the_network(monkeypatch):
    g, nodes = one_grid()
    g.maxflow()
    g.add_tedge(3, 9, 0)
    g.maxflow()
    monkeypatch.setattr(maxflow.GraphInt, "_settle", refuse)
    g.add_grid_tedges(nodes[1, 1:2], 0, 7)
    g.add_tedge(3, -4, 0)
    value = g.maxflow()
    monkeypatch.undo()
    fresh, _ = one_grid()
    fresh.add_tedge(3, 5, 0)
    fresh.add_tedge(int(nodes[1, 1]), 0, 7)
    assert value == fresh.maxflow()
    assert (g.get_grid_segments(nodes) == fresh.get_grid_segments(nodes)).all()


def test_ints_that_grow_too_large_for_the_kept_network():
    g, _ = one_grid()
    g.maxflow()
    for _ in range(3):
        g.add_tedge(0, 2**51, 0)
        g.add_tedge(7, 0, 2**51)
        value = g.maxflow()
    fresh, _ = one_grid()
    fresh.add_tedge(0, 3 * 2**51, 0)
    fresh.add_tedge(7, 0, 3 * 2**51)
    assert value == fresh.maxflow()


# Expansions and swaps with forbidden pairs ----------------------------------------------------


@given(
    unary=arrays(np.float64, (3, 4, 3), elements=st.integers(0, 9)),
    forbidden=st.sampled_from(["expansion", "swap"]),
)
def test_infinite_costs_forbid_pairs_as_large_ones_do(unary, forbidden):
    table = np.abs(np.subtract.outer(range(3), range(3))) * 1.0
    method = {"expansion": fastmin.aexpansion_grid, "swap": fastmin.abswap_grid}[forbidden]
    infinite, large = (np.where(table > 1, c, table) for c in (np.inf, 2.0**20))
    assert (method(unary, infinite) == method(unary, large)).all()
    start = np.ones((3, 4), dtype=int)
    labels = method(unary, infinite, labels=start.copy())
    assert (labels == method(unary, large, labels=start.copy())).all()
    if forbidden == "swap":  # expansions need a metric, and 0 and 2 are apart by 2 over 1
        assert fastmin.energy_of_grid_labeling(unary, infinite, labels) < np.inf
    energy, _ = fastmin.aexpansion_grid_step(2, unary, infinite, start)
    assert energy == fastmin.energy_of_grid_labeling(unary, infinite, start)


def test_a_graph_of_which_all_capacities_are_usual_but_one():
    for c in (float("inf"), 2.0**70, 2.0**-70):
        g = maxflow.GraphFloat()
        nodes = g.add_grid_nodes(4)
        g.add_grid_edges(nodes, 2.0**-60, symmetric=True)
        g.add_edge(0, 1, c, 0)
        g.add_tedge(0, 1.0, 0)
        g.add_tedge(3, 0, 1.0)
        assert g.maxflow() == 2.0**-60


@pytest.mark.parametrize("shape", [(4, 3), (3,), (3, 4, 2), ()])
def test_energies_need_labels_of_the_grid(shape):
    with pytest.raises(ValueError, match=r"labels needs the shape of the nodes of unary, \(3, 4\)"):
        fastmin.energy_of_grid_labeling(np.ones((3, 4, 2)), np.eye(2), np.zeros(shape, int))
