"""Changed terminals, parameters, many problems, and graphs from elsewhere, against fresh flows."""

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.sparse
from drawn import numbers
from flow_graphs import EIGHTHS, INF, INTS, TENTHS, cut, graphs, hard_graph, is_a_flow, minimum_cuts
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import maximum_flow

import subopt

# --- dynamic


TERMINALS = st.tuples(
    st.booleans(),
    st.sampled_from(["source_capacity", "sink_capacity"]),
    st.lists(st.tuples(st.integers(0, 11), st.none() | INTS), max_size=12),  # None: as it was
)


@given(problem=graphs(12) | graphs(12, TENTHS), steps=st.lists(TERMINALS, max_size=5))
def test_changed_terminals_equal_a_fresh_start(problem, steps):
    graph, terminals = problem
    whole = graph[2].dtype.kind == "i"
    dynamic = subopt.DynamicMaxFlow(*graph, **terminals)
    now = {name: values.copy() for name, values in terminals.items()}
    for maximal, name, changes in [*steps, (False, "source_capacity", [])]:
        ours = dynamic.solve(maximal=maximal)
        fresh = subopt.max_flow(*graph, **now, maximal=maximal)
        assert ours.value == pytest.approx(fresh.value, abs=1e-9)
        assert isinstance(ours.value, int) == whole
        assert ours.check(*graph, **now) == pytest.approx(0, abs=1e-9)
        assert is_a_flow(graph, now, ours.flow)
        if whole:  # ties that rounding does not break
            assert (ours.source_side == fresh.source_side).all()
        nodes = np.array([v % len(now[name]) for v, _ in changes], dtype=int)
        values = [
            now[name][v] if x is None else x for v, (_, x) in zip(nodes, changes, strict=True)
        ]
        dynamic.change(nodes, **{name: np.array(values, now[name].dtype)})
        now[name][nodes] = values


CHANGES = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4)),
    max_size=5,
)


@given(problem=graphs(8), changes=CHANGES, scale=st.sampled_from([1, 0.1]))
def test_changed_arcs_are_as_a_new_graph(problem, changes, scale):
    (tails, heads, *capacities), terminals = problem
    capacities = [scale * part for part in capacities]
    terminals = {name: scale * values for name, values in terminals.items()}
    dynamic = subopt.DynamicMaxFlow(tails, heads, *capacities, **terminals)
    for backward, change in [(False, []), *changes]:
        arcs = np.array([arc % max(len(tails), 1) for arc, _ in change], dtype=int)
        values = scale * np.array([amount for _, amount in change], dtype=int)
        if len(tails):
            name = "reverse_capacity" if backward else "capacity"
            dynamic.change_arcs(arcs, **{name: values})
            capacities[backward] = capacities[backward].copy()
            capacities[backward][arcs] = values
        ours = dynamic.solve()
        fresh = subopt.max_flow(tails, heads, *capacities, **terminals)
        assert ours.value == pytest.approx(fresh.value, abs=1e-9)
        graph = tails, heads, *capacities
        assert ours.check(*graph, **terminals) == pytest.approx(0, abs=1e-9)
        assert is_a_flow(graph, terminals, ours.flow)
        if scale == 1:
            assert isinstance(ours.value, int)
            assert (ours.source_side == fresh.source_side).all()


@pytest.mark.parametrize("seed", range(20))
def test_changed_terminals_of_hard_graphs(seed):
    graph, terminals = hard_graph(seed, 60)
    rng = np.random.default_rng(seed)
    dynamic = subopt.DynamicMaxFlow(*graph, **terminals)
    for _ in range(6):
        result = dynamic.solve()
        fresh = subopt.max_flow(*graph, **terminals)
        assert result.value == fresh.value
        assert (result.source_side == fresh.source_side).all()
        assert is_a_flow(graph, terminals, result.flow)
        nodes, values = rng.integers(0, 60, 5), rng.integers(0, 500, 5)
        terminals["sink_capacity"] = terminals["sink_capacity"].copy()
        terminals["sink_capacity"][nodes] = values
        dynamic.change(nodes, sink_capacity=values)


@given(rng=numbers(), n=st.integers(1, 8))
def test_a_number_above_all_others_leaves_nothing_behind(rng, n):
    tails, heads = rng.integers(0, n, (2, 3 * n))
    capacity, source, sink = rng.random(3 * n), rng.random(n), rng.random(n)
    dynamic = subopt.DynamicMaxFlow(
        tails, heads, capacity, source_capacity=source, sink_capacity=sink
    )
    fresh = subopt.max_flow(tails, heads, capacity, source_capacity=source, sink_capacity=sink)
    v = [int(rng.integers(n))]
    for large in (1e18, 1e9):
        dynamic.solve()
        dynamic.change(v, source_capacity=[large])
        dynamic.solve()
        dynamic.change(v, source_capacity=source[v])
        assert dynamic.solve().value == pytest.approx(fresh.value, abs=1e-9)


def test_what_the_caller_writes_later_does_not_matter():
    graph, terminals = hard_graph(0, 30)
    fresh = subopt.max_flow(*graph, **terminals)
    dynamic = subopt.DynamicMaxFlow(*graph, **terminals)
    for values in (*graph, *terminals.values()):
        values[:] = 1
    assert dynamic.solve().value == fresh.value


def test_errors_of_changes():
    graph = ([0], [1], [2]), {"source_capacity": [1, 0], "sink_capacity": [0, 1]}
    dynamic = subopt.DynamicMaxFlow(*graph[0], **graph[1])
    with pytest.raises(ValueError, match=r"nodes\[0\] is 2"):
        dynamic.change([2], source_capacity=[1])
    with pytest.raises(ValueError, match=r"source_capacity\[1\] is -1"):
        dynamic.change([0, 1], source_capacity=[1, -1])
    endless = subopt.DynamicMaxFlow([0], [1], [INF], **graph[1])
    endless.change([0], source_capacity=[INF])
    assert endless.solve().value == 1
    endless.change([1], sink_capacity=[INF])
    with pytest.raises(ValueError, match="needs a finite cut"):
        endless.solve()
    endless.change_arcs([0], capacity=[2**40])  # the infinite ones grow
    assert endless.solve().value == 2**40
    with pytest.raises(ValueError, match="got neither"):
        dynamic.change([0])
    with pytest.raises(TypeError, match=r"shape \(nodes,\)"):
        dynamic.change(0, source_capacity=[1])
    with pytest.raises(ValueError, match=r"needs arcs in 0..0, but arcs\[0\] is 1"):
        dynamic.change_arcs([1], capacity=[1])
    with pytest.raises(ValueError, match=r"reverse_capacity\[0\] is -1"):
        dynamic.change_arcs([0], capacity=[0], reverse_capacity=[-1])
    with pytest.raises(ValueError, match="got neither"):
        dynamic.change_arcs([0])
    assert dynamic.solve().value == 1  # a change that was refused changed nothing


def test_errors_of_cuts_name_what_came():
    road, ends = ([0, 1], [1, 2], [2, 3]), {"source_capacity": {0: 9}, "sink_capacity": {2: 9}}
    flow = subopt.max_flow(*road, **ends, n=3)
    for method in ("minimum_cuts", "cut_arcs", "residual_capacity", "terminal_flow"):
        with pytest.raises(ValueError, match=r"3 nodes and 2 arcs, got 3 nodes and 1 arcs"):
            getattr(flow, method)([0], [1], [2], **ends, n=3)
    with pytest.raises(ValueError, match="connect the terminals 0 and 2"):
        subopt.multiway_cut([0, 1, 0], [1, 2, 2], [INF, INF, 1], terminals=[0, 2])
    tree = subopt.gomory_hu_tree(*road)
    with pytest.raises(TypeError, match=r"u needs to be a node in 0..2, got 'a'"):
        tree.value("a", 1)
    with pytest.raises(ValueError, match="or use max_flow"):
        subopt.grid_cut([[2**53, 0]], [[0, 2**53]], weights=[1, 1])


@given(rng=numbers(), n=st.integers(1, 6), whole=st.booleans())
def test_infinite_capacities_come_and_go(rng, n, whole):
    m = 2 * n

    def some(k):
        numbers = rng.integers(0, 9, k).astype(float) * rng.choice([1.0, 1e3, 1e9], k)
        numbers = numbers if whole else numbers / 3
        return np.where(rng.random(k) < 0.25, INF, numbers)

    graph = [rng.integers(0, n, m), rng.integers(0, n, m), some(m), some(m)]
    terminals = {"source_capacity": some(n), "sink_capacity": some(n)}
    dynamic = subopt.DynamicMaxFlow(*graph, **terminals)
    for _ in range(6):
        try:
            expected = subopt.max_flow(*graph, **terminals)
        except ValueError:
            with pytest.raises(ValueError, match="needs a finite cut"):
                dynamic.solve()
        else:
            found = dynamic.solve()
            assert found.value == pytest.approx(expected.value, rel=1e-12)
            assert not whole or found.value == expected.value
            assert not whole or (found.source_side == expected.source_side).all()
            assert found.check(*graph, **terminals) <= (0 if whole else 1e-9 * found.value)
        k = int(rng.integers(1, 4))
        if rng.random() < 0.5:
            nodes, name = rng.integers(0, n, k), str(rng.choice(list(terminals)))
            terminals[name] = terminals[name].copy()
            values = some(k)
            for v, c in zip(nodes, values, strict=True):
                terminals[name][v] = c
            dynamic.change(nodes, **{name: values})
        else:
            arcs, values = rng.integers(0, m, k), some(k)
            for e, c in zip(arcs, values, strict=True):
                graph[2][e] = c
            dynamic.change_arcs(arcs, capacity=values)


# --- parametric


@given(
    problem=graphs(7),
    slopes=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    others=st.lists(st.floats(-5, 5), max_size=3),
)
def test_cuts_of_a_parameter_are_those_of_every_value(problem, slopes, others):
    graph, terminals = problem
    supply = terminals["source_capacity"] - terminals["sink_capacity"]
    slope = np.array(slopes[: len(supply)])
    cuts = subopt.parametric_max_flow(*graph, supply=supply, slope=slope, interval=(-5, 5))
    breaks = cuts.breakpoints
    ends = np.concatenate([[-5.0], breaks, [5.0]])
    between = (ends[1:] + ends[:-1]) / 2
    for t in np.concatenate([between, [-5, 5], others]):
        if len(breaks) and 0 < np.abs(breaks - t).min() < 1e-9:
            continue
        now = supply + t * slope
        terminals = {"source_capacity": np.maximum(now, 0), "sink_capacity": np.maximum(-now, 0)}
        best, _ = minimum_cuts(graph, terminals)
        assert cut(graph, terminals, cuts.at(t)) == pytest.approx(best, abs=1e-8)
        fresh = subopt.max_flow(*graph, **terminals)
        if not len(breaks) or np.abs(breaks - t).min() > 1e-9:
            assert (cuts.at(t) == fresh.source_side).all()
    assert (np.diff([cuts.at(t).sum() for t in np.linspace(-5, 5, 9)]) >= 0).all()
    problem = {"supply": supply, "slope": slope, "interval": (-5, 5)}
    assert cuts.check(*graph, **problem) == pytest.approx(0, abs=1e-7)
    values = []
    for first, last in itertools.pairwise(ends):  # midpoints of short pieces
        width = (last - first) / 200
        for t in first + width * (np.arange(200) + 0.5):
            now = supply + t * slope
            pair = {"source_capacity": np.maximum(now, 0), "sink_capacity": np.maximum(-now, 0)}
            values.append(width * cut(graph, pair, cuts.at(t)))
    assert cuts.value == pytest.approx(sum(values), rel=1e-4, abs=1e-3)
    worse = dataclasses.replace(cuts, joins=np.full(len(supply), -np.inf))
    with pytest.raises(subopt.CertificateError):
        dataclasses.replace(worse, value=cuts.value - 1).check(*graph, **problem)


def test_total_variation_of_a_step():
    # min over x of |x - y|^2 / 2 + |x_0 - x_1|: both move by one towards each other
    cuts = subopt.parametric_max_flow(
        [0], [1], [1.0], [1.0], supply=[0.0, -4.0], slope=[1.0, 1.0], interval=(-10, 10)
    )
    assert cuts.joins.tolist() == [1.0, 3.0]
    assert cuts.breakpoints.tolist() == [1.0, 3.0]
    assert cuts.at(2.0).tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": [1, -1]}, r"slope\[1\] is -1"),
        ({"slope": [1]}, "same shape"),
        ({"supply": [1, np.nan]}, r"supply\[1\] is nan"),
        ({"interval": (1, 0)}, "rising order"),
        ({"interval": 3}, "two finite numbers in rising order, got 3"),
        ({"interval": (0, 1, 2)}, r"two finite numbers in rising order, got \(0, 1, 2\)"),
        ({"supply": 1}, r"same shape \(n,\), got \(\) and \(2,\)"),
        ({"capacity": [np.nan]}, r"capacity\[0\] is nan"),
        ({"heads": [2]}, r"heads\[0\] is 2"),
    ],
)
def test_errors_of_parameters(change, message):
    given = {"tails": [0], "heads": [1], "capacity": [1], "supply": [0, 0], "slope": [1, 1]}
    with pytest.raises(ValueError, match=message):
        subopt.parametric_max_flow(**(given | {"interval": (0, 1)} | change))
    cuts = subopt.parametric_max_flow(**given, interval=(0, 1))
    with pytest.raises(ValueError, match=r"parameter needs to be in 0\.\.1, got 2"):
        cuts.at(2)


# --- many


@given(
    problem=graphs(7) | graphs(7, EIGHTHS),
    rows=st.lists(st.lists(INTS, min_size=42, max_size=42), min_size=1, max_size=4),
    own_arcs=st.booleans(),
    maximal=st.booleans(),
)
def test_many_equal_one_by_one(problem, rows, own_arcs, maximal):
    (tails, heads, c, r), ends = problem
    n, problems, numbers = len(ends["source_capacity"]), len(rows), np.array(rows)
    terminals = numbers[:, :n] + ends["source_capacity"], numbers[:, 7 : 7 + n]
    if own_arcs:
        c = numbers[:, 14 : 14 + len(tails)]
    answers = [
        subopt.max_flow_many(
            *(tails, heads, c, r),
            source_capacity=terminals[0],
            sink_capacity=terminals[1],
            maximal=maximal,
            threads=threads,
        )
        for threads in (1, 3)
    ]
    assert len(answers[0]) == problems
    for k in range(problems):
        graph = tails, heads, c if c.ndim == 1 else c[k], r
        own = {"source_capacity": terminals[0][k], "sink_capacity": terminals[1][k]}
        one = subopt.max_flow(*graph, **own, maximal=maximal)
        for answer in answers:
            flow = answer[k]
            assert flow.value == pytest.approx(one.value, abs=1e-9)
            assert type(flow.value) is type(one.value)
            assert (flow.source_side == one.source_side).all()
            assert flow.check(*graph, **own) == pytest.approx(0, abs=1e-9)
    assert (answers[0].flows == answers[1].flows).all()


def test_errors_of_many():
    terminals = {"source_capacity": [[1, 0], [2, 0]], "sink_capacity": [[0, 1], [0, 1]]}
    with pytest.raises(ValueError, match=r"capacity\[1, 0\] is -1"):
        subopt.max_flow_many([0], [1], [[1], [-1]], **terminals)
    with pytest.raises(ValueError, match=r"shape \(2, 1\), got \(3, 1\)"):
        subopt.max_flow_many([0], [1], [[1], [1], [1]], **terminals)
    with pytest.raises(ValueError, match=r"shape \(problems, n\)"):
        subopt.max_flow_many([0], [1], [1], source_capacity=[1, 0], sink_capacity=[0, 1])
    for ends in ((3, [[0, 1]]), ([[0, 1]], 3), ([[[0, 1]]], [[0, 1]])):
        with pytest.raises(ValueError, match=r"shape \(n,\) or \(problems, n\).*got \("):
            subopt.max_flow_many([0], [1], [1], source_capacity=ends[0], sink_capacity=ends[1])
    with pytest.raises(ValueError, match="in problem 1"):
        subopt.max_flow_many(
            [0], [1], [[1], [INF]], source_capacity=[[INF, 0]] * 2, sink_capacity=[[0, INF]] * 2
        )
    nothing = subopt.max_flow_many(
        [0], [1], [1], source_capacity=np.zeros((0, 2)), sink_capacity=np.zeros((0, 2))
    )
    assert len(nothing) == 0


# --- graphs from elsewhere


@given(rng=numbers(), n=st.integers(2, 20))
def test_a_sparse_matrix(rng, n):
    dense = rng.integers(0, 20, (n, n), dtype=np.int32) * (rng.random((n, n)) < 0.4)
    matrix = scipy.sparse.csr_array(dense)
    problem = subopt.FlowProblem.from_sparse(matrix, 0, n - 1)
    flow = problem.max_flow()
    assert flow.value == maximum_flow(matrix, 0, n - 1).flow_value
    assert problem.check(flow) == 0
    assert (0 in problem.source_nodes(flow)) > (n - 1 in problem.source_nodes(flow))


@pytest.mark.parametrize("kind", ["Graph", "DiGraph", "MultiGraph", "MultiDiGraph"])
@given(rng=numbers())
def test_a_networkx_graph(kind, rng):
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    graph = getattr(networkx, kind)()
    graph.add_nodes_from("sabcdt")
    for _ in range(12):
        v, u = rng.choice(list("sabcdt"), 2, replace=False)
        graph.add_edge(str(v), str(u), weight=int(rng.integers(0, 9)))
    graph.add_edge("c", "d")  # no limit
    problem = subopt.FlowProblem.from_networkx(graph, "s", "t", capacity="weight")
    flow = problem.max_flow(maximal=True)
    assert problem.check(flow) == 0
    simple = networkx.DiGraph()
    simple.add_nodes_from("sabcdt")
    for v, u, c in graph.edges(data="weight"):
        for tail, head in ((v, u),) if graph.is_directed() else ((v, u), (u, v)):
            before = simple.get_edge_data(tail, head, {"capacity": 0})["capacity"]
            simple.add_edge(tail, head, capacity=before + (1000 if c is None else c))
    assert flow.value == networkx.maximum_flow_value(simple, "s", "t")


def test_several_sources_and_sinks():
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    graph = networkx.path_graph(5)
    networkx.set_edge_attributes(graph, 3, "capacity")
    problem = subopt.FlowProblem.from_networkx(graph, [0, 4], [2])
    flow = problem.max_flow()
    assert (flow.value, flow.check(problem)) == (6, 0)
    problem = subopt.FlowProblem.from_networkx(graph, {0: 1, 4: np.inf}, {2: 9})
    flow = problem.max_flow()
    assert (flow.value, flow.check(problem)) == (4, 0)
    assert problem.source_nodes(flow) == [4]
    assert problem.cut_edges(flow) == [(4, 3)]
    grid = networkx.grid_2d_graph(2, 2)  # whose nodes are tuples
    networkx.set_edge_attributes(grid, 1, "capacity")
    assert subopt.FlowProblem.from_networkx(grid, (0, 0), [(1, 1), (1, 0)]).max_flow().value == 2
    matrix = np.array([[0, 2, 0], [0, 0, 1], [0, 0, 0]])
    assert subopt.FlowProblem.from_sparse(matrix, [0, 1], 2).max_flow().value == 1
    with pytest.raises(ValueError, match="source needs at least one node"):
        subopt.FlowProblem.from_sparse(matrix, [], 2)
    with pytest.raises(ValueError, match="two nodes, but both are 2"):
        subopt.FlowProblem.from_networkx(graph, [0, 2], [2])
    with pytest.raises(ValueError, match=r"source\[0\] is -1"):
        subopt.FlowProblem.from_sparse(matrix, {0: -1}, 2)


@pytest.mark.parametrize("big", [2**53 + 1, 2**59 + 1])
def test_ints_beside_infinity_are_exact(big):
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    graph = networkx.DiGraph()
    graph.add_edge("s", "a", capacity=big)
    graph.add_edge("a", "t")
    graph.add_edge("s", "t", capacity=1)
    problem = subopt.FlowProblem.from_networkx(graph, "s", "t")
    flow = problem.max_flow()
    assert (flow.value, flow.lower_bound, flow.check(problem)) == (big + 1, big + 1, 0)
    forward, backward = flow.residual_capacity(problem)
    assert forward.tolist() == [0, 0, np.inf]
    assert backward.tolist() == [big, 1, big]
    source, sink = flow.terminal_flow(problem)
    assert source.tolist() == [big + 1, 0, 0]
    assert sink.tolist() == [0, 0, big + 1]
    terminals = {"source_capacity": [np.inf, 0], "sink_capacity": [0, np.inf]}
    assert subopt.max_flow([0, 0], [1, 1], [big, 1], **terminals).value == big + 1
    many = subopt.max_flow_many(
        [0], [1], [big], source_capacity=[[np.inf, 0], [big - 5, 0]], sink_capacity=[0, np.inf]
    )
    assert many.values.tolist() == [big, big - 5]


@given(
    problem=graphs(8) | graphs(8, TENTHS),
    exponent=st.integers(-15, 15),
    marks=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_infinity_does_what_a_huge_number_does_at_any_scale(problem, exponent, marks):
    graph, terminals = problem
    whole = graph[2].dtype.kind == "i"
    scale = 1 if whole else 10.0**exponent
    graph = *graph[:2], *(scale * np.asarray(part) for part in graph[2:])
    terminals = {name: scale * np.asarray(part) for name, part in terminals.items()}
    total = float(sum(np.sum(part) for part in (*graph[2:], *terminals.values())))

    def forbid(part, number):
        return np.where(
            marks[8:][: len(part)] if part is graph[2] else marks[: len(part)], number, part
        )

    never, huge = ((*graph[:2], forbid(graph[2], x), graph[3]) for x in (np.inf, 4 * total + 1))
    first = {**terminals, "source_capacity": forbid(terminals["source_capacity"], np.inf)}
    second = {**terminals, "source_capacity": forbid(terminals["source_capacity"], 4 * total + 1)}
    best, other = subopt.max_flow(*never, **first), subopt.max_flow(*huge, **second)
    assert best.value == pytest.approx(other.value, rel=1e-9, abs=0)
    assert best.check(*never, **first) <= 1e-12 * best.value
    if whole:
        assert (best.source_side == other.source_side).all()


def test_errors_of_problems():
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    with pytest.raises(ValueError, match="two nodes"):
        subopt.FlowProblem.from_sparse(np.eye(3), 1, 1)
    with pytest.raises(ValueError, match=r"0\.\.2, got 3"):
        subopt.FlowProblem.from_sparse(np.eye(3), 1, 3)
    with pytest.raises(ValueError, match="square"):
        subopt.FlowProblem.from_sparse(np.ones((2, 3)), 0, 1)
    graph = networkx.path_graph(3)
    with pytest.raises(ValueError, match="sink needs to be a node"):
        subopt.FlowProblem.from_networkx(graph, 0, "x")
    unlimited = r"capacity='capacity' needs .* none has it: edge \(0, 1\) has no attributes"
    with pytest.raises(ValueError, match=unlimited):
        subopt.FlowProblem.from_networkx(graph, 0, 2)
    graph.add_edge(0, 1, capacity=np.inf)
    with pytest.raises(ValueError, match="finite cut"):
        subopt.FlowProblem.from_networkx(graph, 0, 2).max_flow()
    with pytest.raises(
        ValueError, match=r"'capactiy' .* edge \(0, 1\) has 'capacity'\. .* no limit"
    ):
        subopt.FlowProblem.from_networkx(graph, 0, 2, capacity="capactiy")
    no_edges = networkx.empty_graph(3)
    assert subopt.FlowProblem.from_networkx(no_edges, 0, 2).max_flow().value == 0
    networkx.set_edge_attributes(graph, -1, "capacity")
    with pytest.raises(ValueError, match=r"capacity of edge \(0, 1\) is -1"):
        subopt.FlowProblem.from_networkx(graph, 0, 2).max_flow()
