"""Maximum flow against its definition, scipy, networkx, and its own certificate."""

import os
import pathlib
import subprocess
import sys

import numba
import numpy as np
import pytest
from drawn import numbers
from flow_graphs import (
    EIGHTHS,
    INF,
    TENTHS,
    cut,
    fuzz,
    graphs,
    hard_graph,
    is_a_flow,
    minimum_cuts,
    random_graph,
    twin_of_augment,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

import subopt
from subopt.graph import network as kernels
from subopt.graph._max_flow import METHODS
from subopt.graph._search import push
from subopt.graph.augment import augment, augment_within

JIT_OFF = bool(numba.config.DISABLE_JIT)


@pytest.mark.parametrize("method", METHODS)
@given(problem=graphs(7) | graphs(7, EIGHTHS))
def test_is_the_minimum_over_all_cuts(method, problem):
    graph, terminals = problem
    whole = graph[2].dtype.kind == "i"
    best, sides = minimum_cuts(graph, terminals)
    small = subopt.max_flow(*graph, **terminals, method=method)
    large = subopt.max_flow(*graph, **terminals, method=method, maximal=True)
    assert small.value == pytest.approx(best, abs=1e-9)
    assert isinstance(small.value, int) == whole
    assert (small.source_side == np.logical_and.reduce(sides)).all()
    assert (large.source_side == np.logical_or.reduce(sides)).all()
    for result in (small, large):
        assert result.check(*graph, **terminals) == pytest.approx(0, abs=1e-9)
        assert is_a_flow(graph, terminals, result.flow)
        assert method == "auto" or result.method == method


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [50, 400])
def test_hard_graphs(method, n):
    for seed in range(4):
        graph, terminals = hard_graph(seed, n)
        result = subopt.max_flow(*graph, **terminals, method=method)
        other = subopt.max_flow(*graph, **terminals, maximal=True)
        assert result.check(*graph, **terminals) == 0
        assert is_a_flow(graph, terminals, result.flow)
        assert result.value == other.value
        assert (result.source_side <= other.source_side).all()


def test_push_relabel_goes_on_where_trees_stop():
    graph, terminals = hard_graph(0, 300)
    (tails, heads, c, r), supply = graph, terminals["source_capacity"] - terminals["sink_capacity"]
    network, slot = kernels.csr(300, tails, heads)
    answers = set()
    for limit in (0, 1, 1000, 10000, 10**9):
        residual = np.empty(len(network.heads))
        kernels.fill(slot, network.twin, c.astype(float), r.astype(float), residual)
        excess, work = supply.astype(float), kernels.workspace(300, len(residual))
        trees = augment_within(300, network, residual, excess, work, np.int64(limit))
        assert trees == (limit == 10**9)
        answers.add((np.maximum(excess, 0).sum(), work.side.tobytes()))
    assert len(answers) == 1


@pytest.mark.parametrize("looks", [1, 50, 5000])
@pytest.mark.parametrize("seed", range(3))
def test_push_relabel_goes_on_after_it_had_to_stop(seed, looks):
    n = 60
    (tails, heads, c, r), terminals = hard_graph(seed, n)
    supply = terminals["source_capacity"] - terminals["sink_capacity"]
    network, slot = kernels.csr(n, tails, heads)
    left = []
    for stops in (False, True):
        residual = np.empty(len(network.heads))
        kernels.fill(slot, network.twin, c.astype(float), r.astype(float), residual)
        excess, work = supply.astype(float), kernels.workspace(n, len(residual))
        kernels.open_arcs(n, network, residual, work)
        done, calls = False, 0
        while not done:
            # labels are found anew at first and after many looks: both are stopped now and then
            work.state[0]["stop"] = stops and calls % 3 == 0
            done = push(n, network.indptr, residual, excess, work, np.int64(looks))
            assert not (done and work.state[0]["stop"])
            calls += 1
        left.append((np.maximum(excess, 0).sum(), np.maximum(-excess, 0).sum()))
    assert left[0] == left[1]


@pytest.mark.parametrize("method", METHODS)
@given(problem=graphs(12))
def test_scaling_to_large_ints(method, problem):
    graph, terminals = problem
    scale = 2**52 + 1
    large = *graph[:2], *(scale * c for c in graph[2:])
    ends = {name: scale * c for name, c in terminals.items()}
    one = subopt.max_flow(*graph, **terminals, method=method)
    result = subopt.max_flow(*large, **ends, method=method)
    assert result.value == scale * one.value
    assert (result.source_side == one.source_side).all()
    assert result.flow.dtype == np.int64
    assert result.check(*large, **ends) == 0


def test_agrees_with_scipy():
    # seeds, because many graphs are the point: 10,000 in the deep profile
    for seed in range(10 * settings().max_examples):
        n = 1 + seed % 30
        (tails, heads, c, r), terminals = random_graph(seed, n)
        matrix = np.zeros((n + 2, n + 2), dtype=np.int32)
        np.add.at(matrix, (tails, heads), c)
        np.add.at(matrix, (heads, tails), r)
        np.fill_diagonal(matrix, 0)
        matrix[n, :n] = terminals["source_capacity"]
        matrix[:n, n + 1] = terminals["sink_capacity"]
        method = METHODS[seed % len(METHODS)]
        ours = subopt.max_flow(tails, heads, c, r, **terminals, method=method)
        assert ours.value == maximum_flow(csr_array(matrix), n, n + 1).flow_value, seed
        assert ours.check(tails, heads, c, r, **terminals) == 0


@given(problem=graphs(12, TENTHS))
def test_agrees_with_networkx(problem):
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    (tails, heads, c, _), terminals = problem
    n = len(terminals["source_capacity"])
    graph = networkx.DiGraph()
    graph.add_nodes_from(["s", "t"])
    for v in range(n):
        graph.add_edge("s", v, capacity=terminals["source_capacity"][v])
        graph.add_edge(v, "t", capacity=terminals["sink_capacity"][v])
    for tail, head, capacity in zip(tails.tolist(), heads.tolist(), c, strict=True):
        if tail != head:
            before = graph.get_edge_data(tail, head, {"capacity": 0.0})["capacity"]
            graph.add_edge(tail, head, capacity=before + capacity)
    value = networkx.maximum_flow_value(graph, "s", "t")
    assert subopt.max_flow(tails, heads, c, **terminals).value == pytest.approx(value, abs=1e-9)


def claim(value, side, flow):
    """An answer that somebody could give."""
    status = subopt.Status.OPTIMAL
    return subopt.Flow(value=value, status=status, method="", source_side=side, flow=flow)


@given(
    problem=graphs(7),
    sides=st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=5),
    noise=st.lists(st.integers(-20, 20), min_size=28, max_size=28),
)
def test_the_certificate_accepts_no_other_cut(problem, sides, noise):
    graph, terminals = problem
    best, _ = minimum_cuts(graph, terminals)
    flow = subopt.max_flow(*graph, **terminals).flow
    for whole in sides:
        side = np.array(whole[: len(terminals["source_capacity"])])
        value = cut(graph, terminals, side)
        assert claim(value, side, flow).check(*graph, **terminals) == value - best
        other = claim(value, side, np.array(noise[: len(flow)], int))
        assert other.check(*graph, **terminals) >= value - best
        with pytest.raises(subopt.CertificateError, match="value is -1, but the cut"):
            claim(-1, side, flow).check(*graph, **terminals)


@given(problem=graphs(12))
def test_the_kernel_equals_its_naive_twin(problem):
    (tails, heads, c, r), terminals = problem
    n = len(terminals["source_capacity"])
    supply = terminals["source_capacity"] - terminals["sink_capacity"]
    network, slot = kernels.csr(n, tails, heads)
    residual = np.zeros(len(network.heads))
    kernels.fill(slot, network.twin, c.astype(float), r.astype(float), residual)
    excess = supply.astype(np.float64)
    work = kernels.workspace(n, len(residual))
    augment(n, network, residual, excess, work)
    value, side = twin_of_augment(n, tails, heads, c, r, supply)
    assert np.maximum(supply, 0).sum() - np.maximum(excess, 0).sum() == value
    assert (work.side == side).all()
    assert (network.twin[network.twin] == np.arange(len(network.twin))).all()
    words = work.ends[:-1]
    assert (words >> kernels.HEAD == network.heads).all()
    assert ((words >> kernels.TWIN) & np.uint64(2**32 - 1) == network.twin).all()
    assert ((words & kernels.AHEAD != 0) == (residual > 0)).all()
    assert ((words & kernels.BACK != 0) == (residual[network.twin] > 0)).all()


@pytest.mark.parametrize("seed", [121662, 146953, 175879, 237642])
def test_a_node_above_a_gap_is_taken_from_the_tally_once(seed):
    # rare: a label that was counted too low looked like a gap, and demand beyond it was given up
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    m = int(rng.integers(n, 3 * n + 1))
    tails, heads = rng.integers(0, n, (2, m))
    capacities = rng.integers(0, 20, (2, m))
    source, sink = rng.integers(0, 30, (2, n))
    terminals = {"source_capacity": source, "sink_capacity": sink}
    flow = subopt.max_flow(tails, heads, *capacities, **terminals, method="push_relabel")
    assert flow.check(tails, heads, *capacities, **terminals) == 0


@pytest.mark.parametrize("method", METHODS)
@given(rng=numbers(), n=st.integers(2, 40))
def test_a_saturated_arc_is_exactly_saturated(method, rng, n):
    # numbers of 53 random bits are the point: their sums are rounded
    tails, heads = rng.integers(0, n, (2, 3 * n))
    forward, backward = np.where(rng.random((2, 3 * n)) < 0.3, 0.0, rng.doubles((2, 3 * n)))
    source, sink = rng.doubles((2, n))
    terminals = {"source_capacity": source, "sink_capacity": sink}
    result = subopt.max_flow(tails, heads, forward, backward, **terminals, method=method)
    tail, head = result.source_side[tails], result.source_side[heads]
    assert ((-backward <= result.flow) & (result.flow <= forward)).all()
    np.testing.assert_array_equal(result.flow[tail & ~head], forward[tail & ~head])
    np.testing.assert_array_equal(result.flow[~tail & head], -backward[~tail & head])


@pytest.mark.parametrize("back", [2**52, 2**58, 2**59])
def test_ints_as_large_as_allowed(back):
    arcs = [0, 1], [1, 2], [2**52, 2**58], [back, back]
    terminals = {"source_capacity": [2**54, 0, 0], "sink_capacity": [0, 0, 2**54]}
    flow = subopt.max_flow(*arcs, **terminals)
    assert (flow.value, flow.flow.tolist()) == (2**52, [2**52, 2**52])
    assert flow.check(*arcs, **terminals) == 0


def test_clrs_figure_26_1():
    # Cormen, Leiserson, Rivest, Stein, "Introduction to algorithms", 3rd ed.: value 23
    tails, heads = [0, 0, 1, 2, 2, 3, 3, 4, 4], [1, 2, 3, 1, 4, 2, 5, 3, 5]
    capacity = [16, 13, 12, 4, 14, 9, 20, 7, 4]
    graph = {"source_capacity": {0: INF}, "sink_capacity": {5: INF}, "n": 6}
    result = subopt.max_flow(tails, heads, capacity, **graph)
    assert result.value == 23
    assert isinstance(result.value, int)
    assert result.flow.dtype == np.int64
    assert result.source_side.tolist() == [True, True, True, False, True, False]
    assert result.check(tails, heads, capacity, **graph) == 0


def test_infinite_capacities():
    chain = {"source_capacity": {0: INF}, "sink_capacity": {3: INF}, "n": 4}
    result = subopt.max_flow([0, 1, 2], [1, 2, 3], [INF, 2.5, INF], [INF, INF, INF], **chain)
    assert result.value == 2.5
    assert result.flow.tolist() == [2.5, 2.5, 2.5]
    assert result.source_side.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="finite cut"):
        subopt.max_flow([0, 1, 2], [1, 2, 3], [INF, INF, INF], **chain)
    with pytest.raises(ValueError, match="finite cut"):
        subopt.max_flow([], [], [], source_capacity=[INF], sink_capacity=[INF])


def test_small_graphs():
    nothing = subopt.max_flow([], [], [], source_capacity=[], sink_capacity=[])
    assert (nothing.value, len(nothing.source_side), len(nothing.flow)) == (0, 0, 0)
    loop = subopt.max_flow([0], [0], [5], source_capacity=[3], sink_capacity=[2])
    assert (loop.value, loop.flow.tolist(), loop.source_side.tolist()) == (2, [0], [True])


def test_large_ints_are_exact_or_refused():
    big = 2**58 + 1
    terminals = {"source_capacity": [big, 1], "sink_capacity": {1: big + 3}, "n": 2}
    result = subopt.max_flow([0], [1], [big], **terminals)
    assert result.value == big + 1
    assert result.flow.tolist() == [big]
    assert result.check([0], [1], [big], **terminals) == 0
    with pytest.raises(ValueError, match=r"less than 2\*\*61"):
        subopt.max_flow([0], [1], [2**61], source_capacity=[1, 0], sink_capacity=[0, 1])
    with pytest.raises(ValueError, match=r"capacity\[0\] is 18446744073709551615"):
        subopt.max_flow([0], [1], np.array([2**64 - 1], dtype=np.uint64), **terminals)


def test_the_certificate_refuses_what_it_cannot_add_up():
    empty, nothing = np.zeros(8, dtype=bool), np.zeros(1, dtype=np.int64)
    terminals = {"source_capacity": [2**61] * 8, "sink_capacity": [1] * 8}
    with pytest.raises(ValueError, match="less than 2\\*\\*61"):
        claim(0, empty, nothing).check([0], [1], [1], **terminals)
    large = {"source_capacity": [2**49] * 8, "sink_capacity": [1] * 8}
    assert claim(2**52, empty, nothing).check([0], [1], [1], **large) == 2**52 - 8
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"flow\[1\] is {wrong}"):
            claim(0, empty, np.array([0, wrong])).check([0, 1], [1, 2], [1, INF], **large)
    with pytest.raises(ValueError, match=r"shape \(1,\), got \(2,\)"):
        claim(0, empty, np.zeros(2)).check([0], [1], [1], **large)


def test_infinite_terminals_are_exact():
    # many infinite numbers would not add up exactly if they were simply large
    n = 40
    tails, heads = np.arange(n - 1), np.arange(1, n)
    capacity = np.full(n - 1, 2**46 + 1)
    source = np.where(np.arange(n) % 2 == 0, INF, 0)
    terminals = {"source_capacity": source, "sink_capacity": {1: INF, n - 1: 2**46}}
    for method in METHODS:
        result = subopt.max_flow(tails, heads, capacity, capacity, **terminals, method=method)
        assert result.value == 2 * (2**46 + 1) + 2**46
        assert result.check(tails, heads, capacity, capacity, **terminals) == 0


NUMBERS = st.sampled_from([0, 1, 2.5, -1, INF, -INF, np.nan, 2**40, 2**62, 2**64, 1e308, True])
ODD = st.sampled_from([None, "x", [[1, 2]], {"a": 1}, {0: 1}, {7: 1}, 3, -1, [], [None], 1j])


@given(data=st.data(), n=st.sampled_from([None, 0, 2, 3, -1, 2.0, "n"]))
def test_anything_is_answered_or_refused(data, n):
    node = st.sampled_from([0, 1, 2, 2, 1, -1, 3, 2**31, 2**40, 0.5])
    m = data.draw(st.integers(0, 3))
    arrays = [
        data.draw(st.lists(values, min_size=m, max_size=m) | ODD)
        for values in (node, node, NUMBERS, NUMBERS)
    ]
    ends = {
        f"{end}_capacity": data.draw(st.lists(NUMBERS, min_size=2, max_size=3) | ODD)
        for end in ("source", "sink")
    }
    try:
        result = subopt.max_flow(*arrays, **ends, n=n)
    except (ValueError, TypeError):
        return
    gap = result.check(*arrays, **ends, n=n)
    assert gap == pytest.approx(0, abs=1e-9 * max(1, result.value))


@given(drawn=graphs(8), rng=numbers())
def test_bad_entries_are_named_and_bad_arrays_refused(drawn, rng):
    fuzz(rng, *drawn)


@pytest.mark.skipif(JIT_OFF, reason="checks bounds of compiled code")
def test_kernels_stay_within_bounds():
    script = pathlib.Path(__file__).with_name("flow_graphs.py")
    changed = {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"] + "-bounds",
        "PYTHONPATH": str(script.parents[1]),
    }
    subprocess.run([sys.executable, script], check=True, env=os.environ | changed)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"capacity": [1.0, -2.0]}, ValueError, r"capacity\[1\] is -2"),
        ({"capacity": [1.0, np.nan]}, ValueError, r"capacity\[1\] is nan"),
        ({"capacity": [1.0]}, ValueError, r"shape \(2,\), got \(1,\)"),
        ({"capacity": ["a", "b"]}, TypeError, "real numbers"),
        ({"reverse_capacity": [1, -1]}, ValueError, r"reverse_capacity\[1\] is -1"),
        ({"tails": [0, 3]}, ValueError, r"tails\[1\] is 3"),
        ({"heads": [-1, 0]}, ValueError, r"heads\[0\] is -1"),
        ({"heads": [0]}, ValueError, "one entry per arc"),
        ({"tails": [0.0, 1.0]}, TypeError, "integers"),
        ({"source_capacity": [1, 2]}, ValueError, r"shape \(3,\)"),
        ({"sink_capacity": {3: 1.0}}, ValueError, r"0\.\.2"),
        ({"source_capacity": {}, "sink_capacity": {}, "n": None}, ValueError, "number of nodes"),
    ],
)
def test_errors(change, error, message):
    given = {"tails": [0, 1], "heads": [1, 2], "capacity": [1, 1], "n": 3}
    given |= {"source_capacity": {0: 1}, "sink_capacity": {2: 1}} | change
    with pytest.raises(error, match=message):
        subopt.max_flow(**given)
