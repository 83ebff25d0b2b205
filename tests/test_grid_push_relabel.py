"""Push-relabel on grids against search trees and against a plain breadth-first search."""

from collections import deque

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from naive_grid import grid_problems, random_grid

from subopt import grid_cut, grid_cut_many, max_flow
from subopt.graph.grid import _layout as grid_layout
from subopt.graph.grid import _push_relabel as kernels
from subopt.graph.grid import _solve as grid_solve
from subopt.graph.grid._input import grids
from subopt.graph.grid._layout import Network, layout, load, terms
from subopt.graph.grid._push_relabel import Pushes, exact_labels, labels, narrow_end, push
from subopt.graph.grid._search_trees import settle
from subopt.graph.grid._solve import workspace

SHAPES = [(9, 13), (40,), (3, 4, 5), (1, 30), (2, 2, 17), (24, 2)]


@pytest.fixture(autouse=True)
def _push_relabel_everywhere(monkeypatch):
    monkeypatch.setattr(grid_layout, "SMALL", 0)
    monkeypatch.setattr(grid_solve, "_LOOKS", 0)


def trees_only(*args, **options):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_PATIENCE", "_LOOKS", "_LONG"):
            patch.setattr(grid_solve, name, 10**9)
        return grid_cut(*args, **options)


def towards(direction, *args, **options):
    """Cut with supply pushed along the arcs (0), or demand against them (1)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "narrow_end", lambda *_: np.int64(direction))
        return grid_cut(*args, **options)


def box(rng, shape, *, whole=True):
    """Random weights, and terminals at the two ends of the last axis."""

    def numbers(size):
        return rng.integers(0, 20, size) if whole else rng.random(size)

    source, sink = np.zeros((2, *shape), dtype=np.int64 if whole else np.float64)
    source[..., 0], sink[..., -1] = 50, 50
    weights = []
    for axis in range(len(shape)):
        size = tuple(n - (i == axis) for i, n in enumerate(shape))
        weights.append((numbers(size), numbers(size)))
    return source, sink, weights


@given(
    rng=numbers(),
    shape=st.sampled_from(SHAPES),
    whole=st.booleans(),
    maximal=st.booleans(),
    direction=st.integers(0, 1),
)
def test_push_relabel_finds_the_cuts_of_trees(rng, shape, whole, maximal, direction):
    args = box(rng, shape, whole=whole)
    ours = towards(direction, *args, maximal=maximal)
    trees = trees_only(*args, maximal=maximal)
    assert ours.value == pytest.approx(trees.value, abs=1e-9)
    if whole:
        assert (ours.source_side == trees.source_side).all()
    assert ours.check(*args) == pytest.approx(0, abs=1e-9)


@given(
    grid=grid_problems() | grid_problems(whole=False),
    maximal=st.booleans(),
    direction=st.integers(0, 1),
)
def test_push_relabel_takes_any_grid(grid, maximal, direction):
    args, options = grid
    whole = grid[0][0].dtype.kind == "i"
    ours = towards(direction, *args, **options, maximal=maximal)
    trees = trees_only(*args, **options, maximal=maximal)
    assert ours.value == pytest.approx(trees.value, abs=1e-9)
    if whole:
        assert (ours.source_side == trees.source_side).all()
    assert ours.check(*args, **options) == pytest.approx(0, abs=1e-9)


@given(rng=numbers(), shape=st.sampled_from(SHAPES), exponent=st.integers(-280, 280))
def test_push_relabel_ends_at_any_scale(rng, shape, exponent):
    source, sink, weights = box(rng, shape, whole=False)
    scale = 10.0**exponent
    scaled = scale * source, scale * sink, [(scale * f, scale * b) for f, b in weights]
    ours = grid_cut(*scaled)
    assert ours.value == pytest.approx(scale * trees_only(source, sink, weights).value)
    assert ours.check(*scaled) <= 1e-12 * ours.value


@given(rng=numbers(), whole=st.booleans())
def test_many_grids(rng, whole):
    grid = [box(rng, (5, 7), whole=whole) for _ in range(3)]
    weights = [tuple(np.stack([g[2][q][i] for g in grid]) for i in (0, 1)) for q in (0, 1)]
    args = np.stack([g[0] for g in grid]), np.stack([g[1] for g in grid]), weights
    cuts = grid_cut_many(*args, flow=True)
    assert cuts.check(*args) == pytest.approx(0, abs=1e-9)
    assert cuts.values == pytest.approx([trees_only(*g).value for g in grid])


@pytest.mark.parametrize("big", [2**30 - 1, 2**31 - 1, 2**51 - 1])
@pytest.mark.parametrize("direction", [0, 1])
def test_excess_does_not_pile_up_beyond_what_a_number_holds(big, direction):
    source = np.zeros((7, 7), dtype=np.int64)
    source[:, :-1] = big
    sink = np.zeros((7, 7), dtype=np.int64)
    sink[3, -1] = big
    for s, t, weights in ((source, sink, [(big, big), (big, 0)]), (sink, source, [big // 2, 1])):
        result = towards(direction, s, t, weights)
        assert result.value == trees_only(s, t, weights).value
        assert result.check(s, t, weights) == 0


def test_long_paths_are_handed_over_at_once(monkeypatch):
    monkeypatch.undo()
    calls = []
    monkeypatch.setattr(kernels, "push", lambda *args: calls.append(1) or push(*args))
    monkeypatch.setattr(grid_layout, "SMALL", 0)
    args = box(np.random.default_rng(0), (4, 60))
    result = grid_cut(*args)
    assert calls
    assert result.value == trees_only(*args).value
    calls.clear()
    grid_cut(*box(np.random.default_rng(0), (4, 10)))
    assert not calls


def loaded(args, options):
    problem = grids(*args, options["offsets"], options["periodic"])
    plan = layout(1, problem.shape, problem.offsets, problem.periodic)
    work = workspace(plan, problem.dtype)
    load(terms(problem), 0, plan, work.excess, work.residual)
    network = Network(plan.shift, plan.wrap, work.residual, work.excess)
    with np.errstate(over="ignore"):
        settle(plan.degree, np.uint64(plan.first), network, work.search)
    return plan, work, network


def heads(plan, v):
    ends = [(v + int(step)) for step in plan.shift.view(np.int64)]
    return ends if plan.wrap is None else [int(plan.wrap[u]) for u in ends]


@given(rng=numbers(), against=st.booleans())
def test_labels_are_distances_to_demand(rng, against):
    plan, work, network = loaded(*random_grid(rng))
    degree = len(plan.shift)
    if against:
        work.excess[:] = -work.excess
    room = labels(work.search, against)
    with np.errstate(over="ignore"):
        top, count = exact_labels(plan.degree, network, room)
    nodes = plan.nodes(np.arange(plan.cells)).ravel().tolist()
    into = {u: [] for u in range(plan.cells)}
    for v in nodes:
        for k, u in enumerate(heads(plan, v)):
            if work.residual[v * degree + k] > 0:
                tail, head = (u, v) if against else (v, u)
                into[head].append(tail)
    distance = dict.fromkeys(np.flatnonzero(work.excess < 0).tolist(), 0)
    queue = deque(distance)
    while queue:
        u = queue.popleft()
        for v in into[u]:
            if v not in distance:
                distance[v] = distance[u] + 1
                queue.append(v)
    waiting = {v for v in nodes if work.excess[v] > 0 and v in distance}
    assert set(room.queue[: int(count)].tolist()) == waiting
    far = plan.cells - 1
    deepest = max((distance[v] for v in waiting), default=0)
    for v in nodes:
        if v in distance and distance[v] <= deepest:
            assert room.label[v] == distance[v]
        else:  # a lower bound suffices for cells that no excess is behind
            assert deepest < room.label[v] <= distance.get(v, far) or far == 0
    counts = np.bincount(room.label, minlength=plan.cells)
    assert (counts == room.tally).all()
    assert top == max((room.label[v] for v in range(plan.cells) if room.label[v] < far), default=0)


@given(rng=numbers(), whole=st.booleans(), against=st.booleans(), looks=st.integers(0, 300))
def test_pushing_in_slices_moves_excess_along_residual_capacities(rng, whole, against, looks):
    plan, work, network = loaded(*random_grid(rng, whole=whole))
    degree = len(plan.shift)
    if against:
        work.excess[:] = -work.excess
    excess, residual = work.excess.copy(), work.residual.copy()
    room, progress = labels(work.search, against), Pushes(*np.array([[0], [0], [2**62], [0]]))
    most = work.excess.dtype.type(2**31 - 1)
    calls = 0
    with np.errstate(over="ignore"):
        while not push(plan.degree, network, room, progress, most, int(against), looks):
            calls += 1
            assert calls < 10**5
            assert (work.residual >= 0).all()
    assert ((work.excess >= 0) | (work.excess >= excess)).all()  # demand is met, never made
    change = np.zeros(plan.cells)
    for v in plan.nodes(np.arange(plan.cells)).ravel().tolist():
        for k, u in enumerate(heads(plan, v)):
            moved = residual[v * degree + k] - work.residual[v * degree + k]
            if u == v:
                continue
            back = residual[u * degree + (k ^ 1)] - work.residual[u * degree + (k ^ 1)]
            assert moved == pytest.approx(-back, abs=1e-12)
            change[v] += moved if against else -moved
    assert work.excess - excess == pytest.approx(change, abs=1e-9)


def test_narrow_end():
    for first, last, answer in ((9, 1, 1), (1, 9, 0)):
        args = [[9, 0, 0]], [[0, 0, 9]], [0, ([[first, last]], 0)]
        plan, _, network = loaded(args, {"offsets": None, "periodic": False})
        with np.errstate(over="ignore"):
            assert narrow_end(plan.degree, network) == answer


def test_a_box_as_max_flow_sees_it():
    source, sink, weights = args = box(np.random.default_rng(3), (6, 5, 30))
    nodes = np.arange(source.size).reshape(source.shape)
    tails, heads_, forward, backward = [], [], [], []
    for axis, (f, b) in enumerate(weights):
        tails.append(nodes.take(range(nodes.shape[axis] - 1), axis).ravel())
        heads_.append(nodes.take(range(1, nodes.shape[axis]), axis).ravel())
        forward.append(f.ravel())
        backward.append(b.ravel())
    arcs = (np.concatenate(part) for part in (tails, heads_, forward, backward))
    other = max_flow(*arcs, source_capacity=source.ravel(), sink_capacity=sink.ravel())
    ours = grid_cut(*args)
    assert ours.value == other.value
    assert (ours.source_side.ravel() == other.source_side).all()
