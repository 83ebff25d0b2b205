"""Many grids in one call are each grid alone; threads and stacks change nothing."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from naive_grid import problem, random_grid

from subopt import CertificateError, GridFlows, grid_cut, grid_cut_many
from subopt.graph.grid import _layout as grid_layout
from subopt.graph.grid import many as grid_many
from subopt.graph.grid._layout import layout
from subopt.graph.grid._solve import solve, workspace


@given(rng=numbers(), many=st.integers(1, 7), whole=st.booleans(), maximal=st.booleans())
def test_each_is_the_cut_alone(rng, many, whole, maximal):
    args, options = random_grid(rng, whole=whole, many=many)
    cuts = grid_cut_many(*args, **options, maximal=maximal, flow=True, threads=1)
    assert (cuts.values.dtype.kind == "i") == whole
    for b in range(many):
        alone = problem(args, b)
        one = grid_cut(*alone, **options, maximal=maximal)
        assert cuts.values[b] == pytest.approx(one.value, abs=1e-9)
        if whole:
            assert (cuts.source_sides[b] == one.source_side).all()
        # the flow of the stack proves the cut alone
        assert one.check(*alone, **options) == pytest.approx(0, abs=1e-9)
    assert cuts.check(*args, **options) == pytest.approx(np.zeros(many), abs=1e-9)


@given(rng=numbers(), threads=st.integers(2, 3), cells=st.integers(1, 300))
def test_threads_and_stacks_change_nothing(rng, threads, cells):
    args, options = random_grid(rng, many=9)
    one = grid_cut_many(*args, **options, flow=True, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_many, "_CELLS", cells)
        other = grid_cut_many(*args, **options, flow=True, threads=threads)
        plain = grid_cut_many(*args, **options, threads=threads)  # many stacks in a call
    for cuts in (other, plain):
        assert (one.values == cuts.values).all()
        assert (one.source_sides == cuts.source_sides).all()
    assert (other.check(*args, **options) == 0).all()


@given(
    rng=numbers(),
    whole=st.booleans(),
    maximal=st.booleans(),
    shape=st.sampled_from([(8, 8), (13, 10), (11, 17), (7, 5, 6), (3, 70), (190,), (16, 20)]),
)
def test_bits_and_trees_agree(rng, whole, maximal, shape):
    offsets = [tuple(int(o) for o in row) for row in rng.integers(-2, 3, (6, len(shape)))]
    offsets = [o for o in dict.fromkeys(offsets) if o > (0,) * len(shape)]
    source, sink = rng.integers(0, 30, (2, 3, *shape)) * rng.choice([0, 1], (2, 3, *shape))
    weights = [(int(a), int(b)) for a, b in rng.integers(0, 12, (len(offsets), 2))]
    args = (source, sink, weights) if whole else (source / 7, sink / 7, weights)
    options = {"offsets": offsets, "maximal": maximal, "flow": True, "threads": 1}
    bits = grid_cut_many(*args, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_layout, "SMALL", 0)
        trees = grid_cut_many(*args, **options)
    assert bits.values == pytest.approx(trees.values, abs=1e-9)
    assert bits.check(*args, offsets=offsets) == pytest.approx(np.zeros(3), abs=1e-9)
    if whole:
        assert (bits.source_sides == trees.source_sides).all()


@given(rng=numbers())
def test_a_workspace_serves_one_problem_after_another(rng):
    shape = tuple(int(n) for n in rng.integers(1, 7, 2))
    plan = layout(1, (1, *shape), ((0, 1, 0), (0, 0, 1)), (False, False, False))
    work = workspace(plan, np.int32)
    side = np.empty((1, 1, *shape), dtype=np.bool_)
    for _ in range(4):
        source, sink, forward, backward = rng.integers(0, 9, (4, *shape))
        plan.nodes(work.excess)[0, 0] = source - sink
        arcs = plan.arcs(work.residual)[0, 0]
        arcs[:-1, :, 0], arcs[1:, :, 1] = forward[:-1], backward[:-1]
        arcs[:, :-1, 2], arcs[:, 1:, 3] = forward[:, :-1], backward[:, :-1]
        solve(plan, work, False, side)
        weights = [(forward[:-1], backward[:-1]), (forward[:, :-1], backward[:, :-1])]
        alone = grid_cut(source, sink, weights)
        assert (side[0, 0] == alone.source_side).all()
        # what the source still has was not pushed
        assert source.sum() - plan.nodes(work.excess).clip(min=0).sum() == alone.value


def test_a_wrong_flow_leaves_a_gap():
    args = [[[5, 0, 0]]] * 2, [[[0, 0, 5]]] * 2, [0, [[1, 2]]]
    cuts = grid_cut_many(*args, flow=True)
    assert cuts.check(*args).tolist() == [0, 0]
    wrong = [flow.copy() for flow in cuts.flow]
    wrong[1][1] = 0
    cuts = GridFlows(cuts.values, cuts.source_sides, wrong, "by hand")
    assert cuts.check(*args).tolist() == [0, 1]
    with pytest.raises(
        CertificateError, match=r"values\[0\] is 1, but the cut .*\[0\] has capacity 3"
    ):
        cuts.check(*args[:2], [0, [[3, 3]]])
    with pytest.raises(CertificateError, match=r"source_sides of shape \(1, 1, 3\), got \(2, 1, 3"):
        cuts.check([[[5, 0, 0]]], [[[0, 0, 5]]], 1)
    bare = grid_cut_many(*args)  # its flows are computed again
    assert bare.check(*args).tolist() == [0, 0]
    sides = bare.source_sides.copy()
    sides[1] = [[True, True, True]]
    wrong = GridFlows(np.array([1, 5]), sides, None, "by hand")
    assert wrong.check(*args).tolist() == [0, 4]
    with pytest.raises(CertificateError, match=r"values\[0\] is 1, but the cut"):
        bare.check(*args[:2], [0, [[3, 3]]])
    with pytest.raises(ValueError, match="flow=True"):
        _ = wrong[0].flow


def test_one_terminal_and_weights_may_serve_all():
    rng = np.random.default_rng(0)
    source, sink, w0 = rng.random((5, 3, 4)), rng.random((3, 4)), rng.random((2, 4))
    cuts = grid_cut_many(source, sink, [w0, 0.5])
    for b in range(5):
        assert cuts.values[b] == pytest.approx(grid_cut(source[b], sink, [w0, 0.5]).value)


def test_infinity_is_as_large_as_one_problem_needs():
    # of all problems together the capacities are beyond what float64 holds
    rng = np.random.default_rng(0)
    shape = 30, 3, 3
    source, sink = rng.integers(0, 10**7, (2, *shape)) * 10**6
    weights = [rng.integers(0, 10**13, (30, 2, 3)), 10**13 - 1]
    source, infinite = source.astype(float), rng.integers(0, 9, 30)
    source.reshape(30, 9)[np.arange(30), infinite] = np.inf
    cuts = grid_cut_many(source, sink, weights, flow=True, threads=1)
    assert cuts.values.dtype == np.int64
    assert cuts.source_sides.reshape(30, 9)[np.arange(30), infinite].all()
    assert (cuts.check(source, sink, weights) == 0).all()
    alone = [grid_cut(source[b], sink[b], [weights[0][b], weights[1]]).value for b in range(30)]
    assert cuts.values.tolist() == alone


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 2), (0, 0), (1, 1, 1, 1)])
def test_nothing_to_cut(shape):
    cuts = grid_cut_many(np.ones(shape), 2, 1)
    assert isinstance(cuts, GridFlows)
    assert cuts.values.tolist() == [np.prod(shape[1:])] * shape[0]
    assert cuts.source_sides.shape == shape


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="after the axis of problems"):
        grid_cut_many([1, 2], [1, 2], 1)
    with pytest.raises(ValueError, match=r"after the axis of problems.*\(\)"):
        grid_cut_many(1, 1, 1)
    with pytest.raises(ValueError, match=r"\(2, 3\), or \(4, 2, 3\) with one row per problem"):
        grid_cut_many(np.ones((4, 2, 3)), np.ones((3, 2, 3)), 1)
    with pytest.raises(ValueError, match=r"weights\[0\].*\(1, 3\), or \(4, 1, 3\)"):
        grid_cut_many(np.ones((4, 2, 3)), 1, [np.ones((3, 1, 3)), 1])
    with pytest.raises(ValueError, match="sink of problem 1"):
        grid_cut_many([[0, np.inf], [np.inf, 0]], [[0, 0], [0, np.inf]], np.inf)
    with pytest.raises(ValueError, match="threads"):
        grid_cut_many([[1]], [[1]], 1, threads=0)
