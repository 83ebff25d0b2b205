"""What answers of flows offer: time limits, interruptions, evidence, cut arcs, what is left."""

import numpy as np
import pytest
from drawn import numbers
from flow_graphs import TENTHS, graphs
from hypothesis import given
from hypothesis import strategies as st
from naive_grid import arcs, grid_problems

import subopt
from subopt import CertificateError, GridProblem, Status, grid_cut, grid_cut_many, max_flow
from subopt.graph import _search
from subopt.graph.grid import _layout as grid_layout
from subopt.graph.grid import _solve as grid_solve


class Never:
    """A deadline that has passed."""

    def __init__(self, *_):
        pass

    def passed(self):
        return True


@pytest.fixture
def tiny_slices(monkeypatch):
    monkeypatch.setattr(_search, "SLICE", 5)
    monkeypatch.setattr(grid_solve, "_SLICE", 5)
    monkeypatch.setattr(grid_layout, "SMALL", 0)


def box(rng, shape):
    source, sink = np.zeros((2, *shape), dtype=np.int64)
    source[..., 0], sink[..., -1] = 50, 50
    sizes = [tuple(n - (i == k) for i, n in enumerate(shape)) for k in range(len(shape))]
    return source, sink, [(rng.integers(0, 20, s), rng.integers(0, 20, s)) for s in sizes]


def as_graph(args):
    tails, heads, forward, backward = arcs(args, {"offsets": None, "periodic": [False] * 2})
    source, sink = (part.ravel() for part in args[:2])
    return (tails, heads, forward, backward), {"source_capacity": source, "sink_capacity": sink}


def holds(flow, exact, gap):
    """An answer that was stopped brackets the minimum, and its evidence says what it says."""
    assert flow.lower_bound <= exact.value <= flow.value
    assert flow.gap == gap
    assert flow.status is (Status.OPTIMAL if gap == 0 else Status.TIME_LIMIT)


@given(problem=graphs(9), method=st.sampled_from(["auto", "push_relabel"]))
def test_a_stopped_flow_brackets_the_minimum(problem, method):
    graph, terminals = problem
    exact = max_flow(*graph, **terminals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_search, "SLICE", 3)
        patch.setattr("subopt.graph._max_flow.Deadline", Never)
        flow = max_flow(*graph, **terminals, method=method, time_limit=0)
    holds(flow, exact, flow.check(*graph, **terminals))


@given(rng=numbers(), patience=st.sampled_from([0, 0.5]), looks=st.sampled_from([0, 3]))
def test_a_stopped_grid_brackets_the_minimum(rng, patience, looks):
    args = box(rng, (5, 30))
    exact = grid_cut(*args)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_layout, "SMALL", 0)
        patch.setattr(grid_solve, "_SLICE", 50)
        patch.setattr(grid_solve, "_PATIENCE", patience)
        patch.setattr(grid_solve, "_LOOKS", looks)
        patch.setattr("subopt.graph.grid.cut.Deadline", Never)
        cut = grid_cut(*args, time_limit=0)
    holds(cut, exact, cut.check(*args))


def test_infinite_cuts_of_stopped_searches_have_infinite_values(tiny_slices, monkeypatch):
    monkeypatch.setattr("subopt.graph.grid.cut.Deadline", Never)
    source, sink, weights = box(np.random.default_rng(1), (4, 40))
    source, sink = (np.where(part > 0, np.inf, 0) for part in (source, sink))
    cut = grid_cut(source, sink, weights, time_limit=0)
    assert cut.lower_bound <= cut.value


@pytest.mark.parametrize("stopped", [False, True])
def test_a_dynamic_flow_goes_on_after_a_time_limit(tiny_slices, monkeypatch, stopped):
    graph, terminals = as_graph(box(np.random.default_rng(4), (6, 9)))
    exact = max_flow(*graph, **terminals)
    network = subopt.DynamicMaxFlow(*graph, **terminals)
    rng = np.random.default_rng(0)
    for _ in range(4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("subopt.graph.dynamic.Deadline", Never)
            if stopped:
                patch.setattr("subopt.graph.dynamic.PATIENCE", 0)
            flow = network.solve(time_limit=0)
        holds(flow, exact, flow.check(*graph, **terminals))
        nodes = rng.choice(54, 5, replace=False)
        terminals["source_capacity"][nodes] = amounts = rng.integers(0, 60, 5)
        network.change(nodes, source_capacity=amounts)
        exact = max_flow(*graph, **terminals)
    flow = network.solve()
    assert flow.value == exact.value
    assert (flow.source_side == exact.source_side).all()
    assert flow.check(*graph, **terminals) == 0


class Interrupting(Never):
    """A deadline at which somebody presses Ctrl-C."""

    def passed(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize("patience", [0, 6])
def test_a_dynamic_flow_goes_on_after_ctrl_c(tiny_slices, patience):
    graph, terminals = as_graph(box(np.random.default_rng(5), (6, 9)))
    network = subopt.DynamicMaxFlow(*graph, **terminals)
    for _ in range(3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("subopt.graph.dynamic.Deadline", Interrupting)
            patch.setattr("subopt.graph.dynamic.PATIENCE", patience)
            with pytest.raises(KeyboardInterrupt):
                network.solve()
    flow, exact = network.solve(), max_flow(*graph, **terminals)
    assert flow.value == exact.value
    assert (flow.source_side == exact.source_side).all()
    assert flow.check(*graph, **terminals) == 0


@given(problem=graphs(8) | graphs(8, TENTHS))
def test_what_flows_and_cuts_consist_of(problem):
    graph, terminals = problem
    tails, heads, c, r = graph
    flow = max_flow(*graph, **terminals)
    crossing, ahead = flow.cut_arcs(*graph, **terminals)
    side = flow.source_side
    assert set(crossing.tolist()) == {
        e
        for e in range(len(tails))
        if (side[tails[e]] and not side[heads[e]] and c[e] > 0)
        or (side[heads[e]] and not side[tails[e]] and r[e] > 0)
    }
    assert (ahead == side[tails[crossing]]).all()
    source, sink = (np.asarray(terminals[f"{end}_capacity"]) for end in ("source", "sink"))
    weight = np.where(ahead, c[crossing], r[crossing]).sum()
    assert flow.value == pytest.approx(weight + source[~side].sum() + sink[side].sum())
    forward, backward = flow.residual_capacity(*graph, **terminals)
    np.testing.assert_allclose(forward + backward, c + r)
    assert ((forward >= 0) & (backward >= 0)).all()
    into, out = flow.terminal_flow(*graph, **terminals)
    assert into.sum() == pytest.approx(flow.value)
    assert out.sum() == pytest.approx(flow.value)
    assert ((into <= source + 1e-9) & (out <= sink + 1e-9)).all()
    assert min(into.min(initial=0), out.min(initial=0)) >= -1e-9


@given(grid=grid_problems() | grid_problems(whole=False))
def test_what_flows_and_cuts_of_grids_consist_of(grid):
    args, options = grid
    cut = grid_cut(*args, **options)
    total = 0.0
    source, sink = (np.broadcast_to(part, cut.source_side.shape) for part in args[:2])
    left = cut.residual_capacity(*args, **options)
    for crossing, flow, (forward, backward) in zip(
        cut.cut_arcs(*args, **options), cut.flow, left, strict=True
    ):
        assert crossing.shape == flow.shape
        assert min(forward.min(initial=0), backward.min(initial=0)) >= -1e-9
        # the arcs of the cut are full, so that they carry what they weigh
        total += float((crossing * flow).sum())
        np.testing.assert_allclose(np.where(crossing > 0, forward, 0), 0, atol=1e-9)
        np.testing.assert_allclose(np.where(crossing < 0, backward, 0), 0, atol=1e-9)
    side = cut.source_side
    assert total + source[~side].sum() + sink[side].sum() == pytest.approx(cut.value)
    into, out = cut.terminal_flow(*args, **options)
    assert into.sum() == pytest.approx(cut.value)
    assert out.sum() == pytest.approx(cut.value)
    assert ((into <= source + 1e-9) & (out <= sink + 1e-9)).all()


@given(grid=grid_problems())
def test_problems_as_one_object(grid):
    args, options = grid
    cut = grid_cut(*args, **options)
    problem = GridProblem(*args, **options)
    assert cut.check(problem) == cut.certificate.check(problem, cut.source_side) == 0
    assert cut.certificate.check({**vars(problem)}, cut) == 0
    other = ~cut.source_side
    weight = grid_cut(*args, **options).certificate.check(problem, other)
    assert weight >= 0


def test_batches_are_sequences_of_answers():
    rng = np.random.default_rng(0)
    source, sink = rng.integers(0, 9, (2, 6, 3, 4))
    cuts = grid_cut_many(source, sink, 2, flow=True)
    assert len(cuts) == 6
    assert [cut.value for cut in cuts] == cuts.values.tolist()
    assert cuts[-1].check(source[-1], sink[-1], 2) == 0
    assert len(cuts[1:3]) == 2
    bare = grid_cut_many(source, sink, 2)
    assert bare[2].value == cuts[2].value
    assert bare[2].check(source[2], sink[2], 2) == 0
    with pytest.raises(CertificateError, match="value"):
        bare[2].check(source[1], sink[1], 9)
    with pytest.raises(ValueError, match="flow=True"):
        bare[2].terminal_flow(source[2], sink[2], 2)
    with pytest.raises(ValueError, match="read-only"):
        bare.values[0] = 3
    flows = subopt.max_flow_many(
        [0], [1], [2], source_capacity=source.reshape(36, 2), sink_capacity=sink.reshape(36, 2)
    )
    assert [flow.value for flow in flows] == flows.values.tolist()
    with pytest.raises(ValueError, match="read-only"):
        flows[3].flow[0] = 1


def test_masks_are_refused():
    masked = np.ma.array([[3, 4]], mask=[[False, True]])
    with pytest.raises(ValueError, match=r"sink_capacity\[0, 1\] is masked.*filled"):
        grid_cut([[1, 2]], masked, 1)
    with pytest.raises(ValueError, match=r"capacity\[1\] is masked"):
        max_flow([0, 0], [1, 1], masked[0], source_capacity=[1, 0], sink_capacity=[0, 1])
    plain = np.ma.array([[3, 4]], mask=False)
    assert grid_cut([[1, 2]], plain, 1).value == 3


def test_whole_structures_keep_ints():
    weights, offsets = subopt.grid_structure(np.ones((3, 3)), 2, shape=(2, 3))
    assert all(part.dtype.kind == "i" for pair in weights for part in pair)
    value = grid_cut(
        np.eye(2, 3, dtype=int) * 9, np.ones((2, 3), int), weights, offsets=offsets
    ).value
    assert isinstance(value, int)


def test_a_negative_weight_of_a_grid_is_no_terminal():
    with pytest.raises(ValueError, match=r"weights\[0\]\[0, 1\] is -1\.$"):
        grid_cut([[1, 2], [3, 4]], 1, [[[3, -1]], 1])
