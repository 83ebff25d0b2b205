"""Minimum cuts of grids against general graphs, scipy, networkx and their own certificate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_grid import arcs, cut, grid_problems, random_grid
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

import subopt
from subopt import grid_cut, grid_neighbors

INF = np.inf


@given(grid=grid_problems() | grid_problems(whole=False), maximal=st.booleans())
def test_is_the_cut_of_the_graph_with_those_arcs(grid, maximal):
    args, options = grid
    whole = grid[0][0].dtype.kind == "i"
    source, sink = (terminal.ravel() for terminal in args[:2])
    ours = grid_cut(*args, **options, maximal=maximal)
    graph = subopt.max_flow(
        *arcs(args, options), source_capacity=source, sink_capacity=sink, maximal=maximal
    )
    assert ours.value == pytest.approx(graph.value, abs=1e-9)
    assert isinstance(ours.value, int) == whole
    assert ours.value == pytest.approx(cut(args, options, ours.source_side), abs=1e-9)
    assert ours.source_side.shape == args[0].shape
    if whole:  # rounding may tell two cuts of one value apart
        assert (ours.source_side.ravel() == graph.source_side).all()
    assert ours.check(*args, **options) == pytest.approx(0, abs=1e-9)


@given(grid=grid_problems())
def test_agrees_with_scipy(grid):
    args, options = grid
    n = args[0].size
    tails, heads, forward, backward = arcs(args, options)
    matrix = np.zeros((n + 2, n + 2), dtype=np.int32)
    np.add.at(matrix, (tails, heads), forward)
    np.add.at(matrix, (heads, tails), backward)
    np.fill_diagonal(matrix, 0)
    matrix[n, :n], matrix[:n, n + 1] = args[0].ravel(), args[1].ravel()
    assert grid_cut(*args, **options).value == maximum_flow(csr_array(matrix), n, n + 1).flow_value


@given(grid=grid_problems())
def test_agrees_with_networkx(grid):
    networkx = pytest.importorskip("networkx", reason="networkx is not installed")
    args, options = grid
    graph = networkx.DiGraph()
    graph.add_nodes_from(["s", "t"])

    def add(tail, head, capacity):
        if tail != head:
            before = graph.get_edge_data(tail, head, {"capacity": 0})["capacity"]
            graph.add_edge(tail, head, capacity=before + int(capacity))

    for tail, head, forward, backward in zip(*arcs(args, options), strict=True):
        add(tail, head, forward)
        add(head, tail, backward)
    for v, (source, sink) in enumerate(zip(args[0].flat, args[1].flat, strict=True)):
        add("s", v, source)
        add(v, "t", sink)
    assert grid_cut(*args, **options).value == networkx.maximum_flow_value(graph, "s", "t")


@given(grid=grid_problems())
def test_the_flow_is_conserved_and_within_the_capacities(grid):
    args, options = grid
    result = grid_cut(*args, **options)
    tails, heads, forward, backward = arcs(args, options)
    flow = np.concatenate([np.ravel(f) for f in result.flow] or [np.zeros(0, int)])
    assert flow.dtype == np.int64
    assert ((flow <= forward) & (-flow <= backward)).all()
    n = args[0].size
    out = np.bincount(tails, flow, n) - np.bincount(heads, flow, n)
    source, sink = (terminal.ravel() for terminal in args[:2])
    # what a node sends out it gets from the source, what it takes in it gives to the sink
    assert ((out <= source) & (-out <= sink)).all()
    assert (np.minimum(source - out, sink) + out).clip(min=out).sum() >= result.value
    assert np.minimum(source, sink + out).sum() == result.value


@given(grid=grid_problems())
def test_the_smallest_side_is_a_subset_of_the_largest(grid):
    args, options = grid
    small, large = (grid_cut(*args, **options, maximal=m) for m in (False, True))
    assert small.value == large.value
    assert not (small.source_side & ~large.source_side).any()


@given(grid=grid_problems(), scale=st.integers(2, 2**40))
def test_scaling_scales(grid, scale):
    (source, sink, weights), options = grid
    scaled = [tuple(x * scale for x in w) if isinstance(w, tuple) else w * scale for w in weights]
    one = grid_cut(source, sink, weights, **options)
    other = grid_cut(source * scale, sink * scale, scaled, **options)
    assert other.value == one.value * scale
    assert (other.source_side == one.source_side).all()


@given(grid=grid_problems())
def test_transposing_transposes(grid):
    (source, sink, weights), options = grid
    offsets = options["offsets"]
    if offsets is None:
        offsets = np.eye(source.ndim, dtype=int).tolist()

    def turn(weight):
        return tuple(map(turn, weight)) if isinstance(weight, tuple) else np.transpose(weight)

    one = grid_cut(source, sink, weights, **options)
    other = grid_cut(
        source.T,
        sink.T,
        [turn(w) for w in weights],
        offsets=[offset[::-1] for offset in offsets],
        periodic=options["periodic"][::-1],
    )
    assert other.value == one.value
    assert (other.source_side == one.source_side.T).all()


@given(grid=grid_problems())
def test_swapping_the_terminals_complements(grid):
    (source, sink, weights), options = grid
    back = [w[::-1] if isinstance(w, tuple) else w for w in weights]
    one = grid_cut(source, sink, weights, **options)
    other = grid_cut(sink, source, back, **options, maximal=True)
    assert other.value == one.value
    assert (other.source_side == ~one.source_side).all()


@given(grid=grid_problems())
def test_an_opposite_offset_swaps_the_directions(grid):
    (source, sink, weights), options = grid
    if options["offsets"] is None or any(options["periodic"]):
        return  # around an axis, arrays start at another node
    back = [w[::-1] if isinstance(w, tuple) else w for w in weights]
    opposite = [tuple(-o for o in offset) for offset in options["offsets"]]
    one = grid_cut(source, sink, weights, **options)
    other = grid_cut(source, sink, back, offsets=opposite)
    assert (other.source_side == one.source_side).all()


def test_the_check_sees_a_wrong_cut():
    args = [[5, 0, 0]], [[0, 0, 5]], [0, [[1, 2]]]
    result = grid_cut(*args)
    assert (result.value, result.check(*args)) == (1, 0)
    assert replace(result, value=5, source_side=np.zeros((1, 3), bool)).check(*args) == 4
    less = [[5, 0, 0]], [[0, 0, 5]], [0, [[0.5, 2]]]
    assert replace(result, value=0.5).check(*less) == 0  # clipped, still a bound
    more = [[5, 0, 0]], [[0, 0, 5]], [0, [[4, 2]]]
    assert replace(result, value=4).check(*more) == 3
    for wrong, problem in ((7, args), (1, less), (1 + 1e-8, args), (np.nan, args)):
        with pytest.raises(subopt.CertificateError, match=f"value is {wrong}, but the cut .* has"):
            replace(result, value=wrong).check(*problem)


def test_the_check_needs_the_grid_of_the_answer():
    args = [[5, 0, 0]], [[0, 0, 5]], [0, [[1, 2]]]
    result = grid_cut(*args)
    error = subopt.CertificateError
    with pytest.raises(error, match=r"source_side of shape \(1, 3\), got \(3,\)"):
        replace(result, source_side=result.source_side[0]).check(*args)
    with pytest.raises(error, match="one flow per offset: 3, got 2"):
        result.check(*args[:2], 1, offsets=[(1, 0), (0, 1), (1, 1)])
    with pytest.raises(error, match=r"flow\[1\] of shape \(1, 1\), got \(1, 2\)"):
        result.check(*args[:2], 1, offsets=[(1, 0), (0, 2)])
    result.flow[1] = np.array([[0, np.nan]])
    with pytest.raises(error, match=r"flow\[1\]\[0, 1\] is nan"):
        result.check(*args)


@pytest.mark.parametrize(
    "shape", [(0,), (1,), (0, 3), (3, 0), (1, 1), (1, 5), (2, 1, 1), (2, 0, 2)]
)
@pytest.mark.parametrize("periodic", [False, True])
def test_degenerate_shapes(shape, periodic):
    source = np.arange(np.prod(shape)).reshape(shape)
    result = grid_cut(source, 1, 1, periodic=periodic)
    assert result.source_side.shape == shape
    assert result.value == cut(
        (source, np.ones_like(source), [1] * len(shape)),
        {"offsets": None, "periodic": [periodic] * len(shape)},
        result.source_side,
    )
    assert result.check(source, 1, 1, periodic=periodic) == 0


def test_offsets_that_leave_the_grid_join_nothing():
    result = grid_cut([3, 0], [0, 3], [5, np.zeros(0)], offsets=[(2,), (-7,)])
    assert (result.value, result.source_side.tolist()) == (0, [True, False])


def test_infinite_capacities_tie_nodes_to_terminals_and_to_each_other():
    source, sink = np.array([INF, 0, 0, 1]), np.array([0, 1, 2, INF])
    result = grid_cut(source, sink, [[INF, 4, 2]])
    assert (result.value, result.source_side.tolist()) == (6, [True, True, False, False])
    assert isinstance(result.value, int)
    assert result.check(source, sink, [[INF, 4, 2]]) == 0
    halves = grid_cut(source / 2, sink / 2, [[INF, 2.25, 1]])
    assert halves.value == pytest.approx(3)
    with pytest.raises(ValueError, match="path of infinite capacities"):
        grid_cut([INF, 0], [0, INF], INF)
    with pytest.raises(ValueError, match="path of infinite capacities"):
        grid_cut([0.5, INF], [0, INF], 1)


def test_ints_are_exact_up_to_the_limit():
    big = 2**52 - 1
    result = grid_cut([big, 0], [0, big], [[big]])
    assert result.value == big
    assert grid_cut([2**31, 7], [3, 2**31], [([2**31 - 1], [2**31 - 1])]).value == 2**31 + 3
    with pytest.raises(ValueError, match="below 2\\*\\*52"):
        grid_cut([2**53, 0], [0, 1], 1)
    with pytest.raises(ValueError, match="below 2\\*\\*63"):
        grid_cut(np.full((64, 64), 2**52), 0, 1)
    with pytest.raises(ValueError, match="finite in float64"):
        grid_cut([1e308, 1e308], [0, 1], 1)
    with pytest.raises(ValueError, match="finite in float64"):
        grid_cut([1e308, INF], [0, 1], 1)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"source_capacity": 1, "sink_capacity": 1}, ValueError, "1 to 3 dimensions"),
        ({"source_capacity": np.ones((2,) * 4)}, ValueError, r"shape \(2, 2, 2, 2\)"),
        ({"sink_capacity": np.ones((3, 2))}, ValueError, r"shape \(2, 3\), got \(3, 2\)"),
        ({"source_capacity": [[1, 2], [3]]}, ValueError, "rectangular"),
        ({"source_capacity": [["a", "b", "c"]] * 2}, TypeError, "real numbers"),
        (
            {"source_capacity": [[0, 1, 2], [3, -4, 5]]},
            ValueError,
            r"source_capacity\[1, 1\] is -4",
        ),
        ({"sink_capacity": [[0, np.nan, 2]] * 2}, ValueError, r"sink_capacity\[0, 1\] is nan"),
        ({"weights": -1}, ValueError, "weights is -1"),
        ({"weights": None}, TypeError, "weights needs one number"),
        ({"weights": "ab"}, TypeError, "weights needs one number"),
        ({"weights": [1]}, ValueError, "one entry per offset: 2, got 1"),
        ({"weights": [1, np.ones((2, 3))]}, ValueError, r"weights\[1\].*\(2, 2\), got \(2, 3\)"),
        ({"weights": [(1, 2, 3), 1]}, ValueError, r"weights\[0\].*tuple of 3"),
        ({"weights": [(1, [[0, 1, -2]]), 1]}, ValueError, r"weights\[0\]\[1\]\[0, 2\] is -2"),
        ({"offsets": [(1, 0), (0, 0)]}, ValueError, r"offsets\[1\] is zero"),
        ({"offsets": [(1, 0), (-1, 0)]}, ValueError, r"offsets\[0\] and offsets\[1\]"),
        ({"offsets": [(1, 0), (1,)]}, ValueError, r"offsets\[1\] needs one int per axis"),
        ({"offsets": [(1, 0), 3]}, TypeError, r"offsets\[1\] is 3"),
        ({"offsets": [(1, 0), (0, 0.5)]}, TypeError, r"offsets\[1\] is \(0, 0.5\)"),
        ({"offsets": [(i, 1) for i in range(15)]}, ValueError, "at most 14 offsets"),
        ({"periodic": [True]}, TypeError, "2 of them"),
        ({"periodic": "yes"}, TypeError, "periodic needs"),
    ],
)
def test_bad_input_is_named(change, error, match):
    given = {"source_capacity": np.ones((2, 3)), "sink_capacity": np.ones((2, 3)), "weights": 1}
    with pytest.raises(error, match=match):
        grid_cut(**given | change)


def test_arguments_are_left_alone():
    args, options = random_grid(np.random.default_rng(3))
    copies = [args[0].copy(), args[1].copy()]
    for array in args[:2]:
        array.flags.writeable = False
    grid_cut(*args, **options)
    assert all((a == b).all() for a, b in zip(args, copies, strict=False))


@given(grid=grid_problems() | grid_problems(whole=False))
def test_the_answer_does_not_follow_what_the_caller_changes(grid):
    args, options = grid
    pairs = [w if isinstance(w, tuple) else (w,) for w in args[2]]
    given = [tuple(np.array(w) for w in pair) for pair in pairs]
    weights = [pair if len(pair) == 2 else pair[0] for pair in given]
    result = grid_cut(*args[:2], weights, **options)
    for pair in given:
        for array in pair:
            array[...] = 50
    for ours, flow in zip(result.flow, grid_cut(*args, **options).flow, strict=True):
        np.testing.assert_array_equal(ours, flow)


def test_cuts_through_many_infinities_do_not_wrap_around():
    ends, weights = np.full((64, 64), INF), np.zeros((63, 64), dtype=np.int64)
    for k in range(30, 52):
        weights[0, 0] = 2**k
        with pytest.raises(ValueError, match=r"path of infinite capacities|below 2\*\*52"):
            grid_cut(ends, ends, [weights, 0])


def test_a_color_picture_is_no_volume_unless_it_is_said_to_be_one():
    picture = np.ones((20, 30, 3))
    with pytest.raises(ValueError, match=r"a picture with 3 channels.*offsets=grid_neighbors"):
        grid_cut(picture, picture, 1)
    assert grid_cut(picture, picture, 1, offsets=grid_neighbors(3, 6)).source_side.shape == (
        20,
        30,
        3,
    )
    arrays = [np.ones((19, 30, 3)), np.ones((20, 29, 3)), np.ones((20, 30, 2))]
    assert grid_cut(picture, picture, arrays).source_side.shape == (20, 30, 3)
    assert grid_cut(picture, picture, [1, 1, 1]).source_side.shape == (20, 30, 3)
    assert grid_cut(picture[:8], picture[:8], 1).source_side.shape == (8, 30, 3)
