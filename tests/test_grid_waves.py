"""Waves against trees, against bits and against the definition; the flows that they leave."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from naive_grid import arcs, grid_problems

from subopt import grid_cut, grid_cut_many, grid_neighbors
from subopt.graph.grid import _layout as grid_layout
from subopt.graph.grid import _solve as grid_solve
from subopt.graph.grid._input import grids
from subopt.graph.grid._layout import Network, empty_sets, layout, load, terms
from subopt.graph.grid._push_relabel import _layers, fill_sets, wave
from subopt.graph.grid._search_trees import settle
from subopt.graph.grid._solve import workspace

# rows of one word less a cell, of one and two words, and of more; borders and planes in between
SHAPES = [(2, 62), (3, 63), (9, 64), (5, 65), (4, 127), (3, 129), (40,), (200,), (5, 6, 7), (1, 9)]


@pytest.fixture(autouse=True)
def _waves_everywhere(monkeypatch):
    monkeypatch.setattr(grid_layout, "SMALL", 0)
    monkeypatch.setattr(grid_solve, "_PATIENCE", 0)
    monkeypatch.setattr(grid_solve, "_LOOKS", 10**9)
    monkeypatch.setattr(grid_solve, "_LONG", 10**9)


def trees_only(*args, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_solve, "_PATIENCE", 10**9)
        return grid_cut(*args, **options)


def dense(rng, shape, *, whole=True, many=()):
    """Capacities that make supply and demand meet all over the grid."""
    near = {1: [2], 2: [4, 8], 3: [6, 26]}[len(shape)]
    offsets = grid_neighbors(len(shape), near[int(rng.integers(len(near)))])
    if rng.random() < 0.3:
        offsets = [
            *offsets,
            tuple(int(i == 0) * min(3, shape[0] + 1) + 2 for i in range(len(shape))),
        ]

    def numbers(size):
        return rng.integers(0, 30, (*many, *size)) if whole else rng.random((*many, *size))

    def weight(size):
        return numbers(size) // 3 if rng.random() < 0.5 else numbers(size)

    ends = [
        tuple(max(0, n - abs(o)) for n, o in zip(shape, offset, strict=True)) for offset in offsets
    ]
    weights = [(weight(size), weight(size)) for size in ends]
    return (numbers(shape), numbers(shape), weights), {"offsets": offsets}


def outflow(args, options, flow):
    n = args[0].size
    tails, heads, forward, backward = arcs(args, options | {"periodic": [False] * args[0].ndim})
    sent = np.concatenate([np.ravel(f) for f in flow])
    assert ((sent <= forward + 1e-12) & (-sent <= backward + 1e-12)).all()
    return (np.bincount(tails, sent, n) - np.bincount(heads, sent, n)).reshape(args[0].shape)


@given(rng=numbers(), shape=st.sampled_from(SHAPES), whole=st.booleans(), maximal=st.booleans())
def test_waves_change_no_cut(rng, shape, whole, maximal):
    args, options = dense(rng, shape, whole=whole)
    ours = grid_cut(*args, **options, maximal=maximal)
    trees = trees_only(*args, **options, maximal=maximal)
    assert ours.value == pytest.approx(trees.value, abs=1e-9)
    assert (ours.source_side == trees.source_side).all()
    assert ours.check(*args, **options) == pytest.approx(0, abs=1e-9)


@given(rng=numbers(), shape=st.sampled_from(SHAPES), exponent=st.integers(-280, 280))
def test_waves_end_at_any_scale(rng, shape, exponent):
    args, options = dense(rng, shape, whole=False)
    scale = 10.0**exponent
    pairs = [(scale * f, scale * g) for f, g in args[2]]
    scaled = scale * args[0], scale * args[1], pairs
    ours = grid_cut(*scaled, **options)
    assert ours.value == pytest.approx(scale * trees_only(*args, **options).value)
    assert ours.check(*scaled, **options) <= 1e-12 * ours.value


@given(grid=grid_problems() | grid_problems(whole=False))
def test_waves_change_no_cut_of_odd_grids(grid):
    args, options = grid
    whole = grid[0][0].dtype.kind == "i"
    ours, trees = (cut(*args, **options) for cut in (grid_cut, trees_only))
    assert ours.value == pytest.approx(trees.value, abs=1e-9)
    if whole:  # rounding may tell two cuts of one value apart
        assert (ours.source_side == trees.source_side).all()
    assert ours.check(*args, **options) == pytest.approx(0, abs=1e-9)


@given(rng=numbers(), shape=st.sampled_from(SHAPES), whole=st.booleans())
def test_the_flow_after_waves_is_conserved(rng, shape, whole):
    args, options = dense(rng, shape, whole=whole)
    result = grid_cut(*args, **options)
    out = outflow(args, options, result.flow)
    # what a node sends out it gets from the source, what it takes in it gives to the sink
    assert ((out <= args[0] + 1e-9) & (-out <= args[1] + 1e-9)).all()


def test_supply_that_got_stuck_goes_back():
    source, sink, weight = np.pad([[9, 0, 0], [0, 0, 9], [9, 2, 0]], [(0, 0), (0, 9)])
    args = source, sink, [weight[:-1]]
    result = grid_cut(*args)
    left = result.certificate._flow
    assert left._plan.nodes(left.moved[0]).ravel()[:3].tolist() == [0, 7, -7]
    assert (result.value, result.source_side[:3].tolist()) == (2, [True, True, False])
    assert result.flow[0][:2].tolist() == [2, 2]
    assert result.check(*args) == 0
    assert trees_only(*args).certificate._flow.moved is None


@given(rng=numbers(), maximal=st.booleans(), threads=st.integers(1, 3))
def test_many_grids_after_waves(rng, maximal, threads):
    shape = (6, 11)
    args, options = dense(rng, shape, many=(3,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("subopt.graph.grid.many._CELLS", 150)
        cuts = grid_cut_many(*args, **options, flow=True, maximal=maximal, threads=threads)
    assert (cuts.check(*args, **options) == 0).all()
    for b in range(3):
        one = args[0][b], args[1][b], [(f[b], g[b]) for f, g in args[2]]
        assert (
            cuts.source_sides[b] == trees_only(*one, **options, maximal=maximal).source_side
        ).all()
        out = outflow(one, options, [flow[b] for flow in cuts.flow])
        assert ((out <= one[0]) & (-out <= one[1])).all()


@given(rng=numbers())
def test_threads_change_no_bit_of_an_answer(rng):
    args, options = dense(rng, (6, 11), whole=False, many=(3,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("subopt.graph.grid.many._CELLS", 150)
        one, other = (
            grid_cut_many(*args, **options, flow=True, threads=threads) for threads in (1, 3)
        )
    assert (one.values == other.values).all()
    assert all((a == b).all() for a, b in zip(one.flow, other.flow, strict=True))


@pytest.mark.parametrize("big", [2**30 - 1, 2**31 - 1, 2**51 - 1])
def test_supply_does_not_pile_up_beyond_what_a_number_holds(big):
    source = np.zeros((7, 7), dtype=np.int64)
    source[:, :-1] = 2 * big
    sink = np.zeros((7, 7), dtype=np.int64)
    sink[3, -1] = big + 5
    weights = [(big, big), (big, 0)]  # all supply can run to one node
    for terminals in ((source, sink), (np.minimum(source, big), sink)):
        result = grid_cut(*terminals, weights)
        assert result.value == trees_only(*terminals, weights).value == big + 5 - 5 * (big == 0)
        assert result.check(*terminals, weights) == 0


def loaded(args, options):
    problem = grids(*args, options["offsets"], False)
    plan = layout(1, problem.shape, problem.offsets, problem.periodic)
    work = workspace(plan, problem.dtype)
    load(terms(problem), 0, plan, work.excess, work.residual)
    network = Network(plan.shift, None, work.residual, work.excess)
    with np.errstate(over="ignore"):
        settle(plan.degree, np.uint64(plan.first), network, work.search)
    words = -(-plan.cells // 64) + 2
    room = empty_sets(len(plan.shift), words)
    return plan, work, room, np.empty((9, words), dtype=np.uint64)


def members(row, cells):
    """Cells of a set: cell v is bit v + 64."""
    bits = np.unpackbits(row.view(np.uint8), bitorder="little")
    return set((np.flatnonzero(bits) - 64).tolist()) & set(range(-64, cells + 64))


@given(rng=numbers(), shape=st.sampled_from(SHAPES))
def test_layers_are_distances_to_demand(rng, shape):
    args, options = dense(rng, shape)
    plan, work, room, layer = loaded(args, options)
    with np.errstate(over="ignore"):
        fill_sets(plan.degree, work.excess, work.search.outward, room)
        top = int(_layers(plan.degree, plan.shift, room, layer))
    steps, degree = plan.shift.view(np.int64), len(plan.shift)
    level = {int(v): 0 for v in np.flatnonzero(work.excess < 0)}
    supply = set(np.flatnonzero(work.excess > 0).tolist())
    assert members(room.supply, plan.cells) == supply
    assert members(room.demand, plan.cells) == set(level)
    last = 0
    for row in range(9):
        front = {v for v, distance in level.items() if distance == row}
        assert members(layer[row], plan.cells) == front
        last = row if row and front & supply else last
        if not front:
            break
        for u in front:
            for k in range(degree):
                v = u - int(steps[k])
                if 0 <= v < plan.cells and work.residual[v * degree + k] > 0:
                    level.setdefault(v, row + 1)
    assert top == last


@given(rng=numbers(), shape=st.sampled_from(SHAPES), whole=st.booleans(), most=st.integers(1, 60))
def test_waves_move_supply_along_residual_capacities(rng, shape, whole, most):
    args, options = dense(rng, shape, whole=whole)
    plan, work, room, layer = loaded(args, options)
    excess, residual = work.excess.copy(), work.residual.copy()
    top, degree = work.excess.dtype.type(most), len(plan.shift)
    with np.errstate(over="ignore"):
        network = Network(plan.shift, None, work.residual, work.excess)
        fill_sets(plan.degree, work.excess, work.search.outward, room)
        while wave(plan.degree, network, top, room, layer) > 0:
            pass
    assert (work.residual >= 0).all()
    assert (work.excess <= np.maximum(excess, most)).all()
    assert ((work.excess >= 0) | (work.excess >= excess)).all()  # demand is met, never made
    moved = (residual - work.residual).reshape(-1, degree)
    back = np.arange(degree) ^ 1
    change = np.zeros(plan.cells)
    for k, step in enumerate(plan.shift.view(np.int64).tolist()):
        v = np.flatnonzero(moved[:, k])
        np.testing.assert_allclose(moved[v, k], -moved[v + step, back[k]], atol=1e-12)
        np.add.at(change, v, -moved[v, k])
    np.testing.assert_allclose(work.excess - excess, change, atol=1e-9)
