"""Labeling energies: the definition, what it accepts, and its messages."""

import naive_energy as naive
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    LabelingEnergy,
    alpha_beta_swap,
    alpha_beta_swap_many,
    alpha_expansion,
    alpha_expansion_many,
    dual_bound,
    icm,
    ishikawa,
    qpbo,
)


@given(rng=numbers(), n=st.integers(1, 6), L=st.integers(1, 4))
def test_the_value_is_the_formula(rng, n, L):
    pairs = [(p, q) for p in range(n) for q in range(n) if p != q]
    edges = [pairs[i] for i in rng.integers(0, len(pairs), 5)] if pairs else []
    unary, table, label_costs = rng.normal(size=(n, L)), rng.normal(size=(L, L)), rng.random(L)
    weights = rng.normal(size=len(edges))
    energy = LabelingEnergy(
        unary, edges=edges, weights=weights, metric=table, label_costs=label_costs
    )
    x = rng.integers(0, L, n)
    expected = naive.value(unary, edges, weights, table, label_costs, x.tolist())
    assert energy.value(x) == pytest.approx(expected)
    np.testing.assert_array_equal(energy.unary, unary)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2), (1, 1)])
def test_a_grid_is_its_pairs_of_neighbors(shape):
    rng = np.random.default_rng(0)
    unary = rng.random((*shape, 3))
    sides = [tuple(s - (a == i) for a, s in enumerate(shape)) for i in range(len(shape))]
    weights = [rng.random(side) for side in sides]
    grid = LabelingEnergy(unary, weights=weights if len(shape) > 1 else weights[0])
    x = rng.integers(0, 3, shape)
    expected = np.take_along_axis(unary, x[..., None], -1).sum()
    for axis, w in enumerate(weights):
        expected += (w * (np.diff(x, axis=axis) != 0)).sum()
    assert grid.value(x) == pytest.approx(expected)
    assert grid.value(x.ravel()) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("periodic", [False, True])
def test_offsets_join_the_nodes_that_they_say(shape, periodic):
    rng = np.random.default_rng(0)
    offsets = [(0,) * (len(shape) - 1) + (1,), (1,) * len(shape), (-1,) + (2,) * (len(shape) - 1)]
    offsets = offsets[:1] if len(shape) == 1 else offsets
    weights, expected = [], []
    for offset in offsets:
        sides = [s if periodic else s - abs(o) for s, o in zip(shape, offset, strict=True)]
        weights.append(rng.random(sides))
    energy = LabelingEnergy(
        rng.random((*shape, 3)), weights=weights, offsets=offsets, periodic=periodic
    )
    x = rng.integers(0, 3, shape)
    for offset, w in zip(offsets, weights, strict=True):
        for p in np.ndindex(shape):
            q = [i + o for i, o in zip(p, offset, strict=True)]
            inside = all(0 <= i < s for i, s in zip(q, shape, strict=True))
            if periodic or inside:
                place = p if periodic else [i - max(-o, 0) for i, o in zip(p, offset, strict=True)]
                head = tuple(i % s for i, s in zip(q, shape, strict=True))
                expected.append(w[tuple(place)] * (x[p] != x[head]))
    unary = np.take_along_axis(energy.unary, x[..., None], -1).sum()
    assert energy.value(x) == pytest.approx(unary + sum(expected))
    assert f"{len(expected)} edges" in repr(energy)


def test_default_offsets_are_the_neighbors_along_axes():
    unary, weights = np.zeros((3, 4, 2)), [np.ones((2, 4)), np.full((3, 3), 2.0)]
    default = LabelingEnergy(unary, weights=weights)
    same = LabelingEnergy(unary, weights=weights, offsets=[(1, 0), (0, 1)])
    for name in ("tails", "heads", "weights"):
        np.testing.assert_array_equal(getattr(default, name), getattr(same, name))


@pytest.mark.parametrize(
    ("metric", "truncation", "expected"),
    [
        ("potts", None, [[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        ("linear", None, [[0, 1, 2], [1, 0, 1], [2, 1, 0]]),
        ("linear", 1.5, [[0, 1, 1.5], [1, 0, 1], [1.5, 1, 0]]),
        ("quadratic", None, [[0, 1, 4], [1, 0, 1], [4, 1, 0]]),
        ("quadratic", 3, [[0, 1, 3], [1, 0, 1], [3, 1, 0]]),
    ],
)
def test_named_metrics(metric, truncation, expected):
    energy = LabelingEnergy(np.zeros((2, 3)), metric=metric, truncation=truncation)
    np.testing.assert_array_equal(energy.table, expected)


def test_inputs_are_not_changed_and_answers_are_read_only():
    unary = np.arange(12.0).reshape(4, 3)
    kept = unary.copy()
    energy = LabelingEnergy(unary)
    result = alpha_expansion(energy)
    energy.unary[:] = 7.0
    np.testing.assert_array_equal(unary, kept)
    assert energy.value([0, 0, 0, 0]) == 18.0
    parts = [energy.costs, energy.weights, energy.table, energy.tails, energy.label_costs]
    for array in (result.labels, *parts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


U = np.zeros((2, 3, 4))
BAD = {
    "unary needs the shape": lambda: LabelingEnergy([1.0, 2.0]),
    r"unary\[0, 0\] is -inf": lambda: LabelingEnergy([[-np.inf, 0.0]]),
    r"allow a label at every node, but at node \(0, 1\)": lambda: LabelingEnergy(
        np.where(np.arange(3)[:, None] == 1, np.inf, np.zeros((2, 3, 4)))
    ),
    r"fixed\[1\] is 2": lambda: LabelingEnergy(np.zeros((2, 2)), fixed=[-1, 2]),
    "fixed needs integers of shape": lambda: LabelingEnergy(np.zeros((2, 2)), fixed=[0.5, 1.0]),
    r"infinite entry of the table needs weights >= 0": lambda: LabelingEnergy(
        np.zeros((2, 2)), weights=-1, metric=[[0, np.inf], [np.inf, 0]]
    ),
    "offsets and periodic are for grids": lambda: LabelingEnergy(
        np.zeros((3, 2)), edges=[(0, 1)], periodic=True
    ),
    r"offsets\[0\] and offsets\[1\] join the same nodes": lambda: LabelingEnergy(
        U, offsets=[(1, 0), (-1, 0)]
    ),
    r"offsets\[0\] needs one int per axis of the grid: 2": lambda: LabelingEnergy(
        U, offsets=[(1,)]
    ),
    "joins nodes with themselves": lambda: LabelingEnergy(U, offsets=[(2, 0)], periodic=True),
    "one entry per offset: 1, got 2": lambda: LabelingEnergy(U, weights=[1, 2], offsets=[(1, 1)]),
    r"weights\[0\] needs a number or the shape \(1, 2\)": lambda: LabelingEnergy(
        U, weights=[np.ones((2, 3))], offsets=[(1, 1)]
    ),
    "forbids all pairs": lambda: LabelingEnergy(np.zeros((2, 2)), metric=np.full((2, 2), np.inf)),
    r"unary\[0, 1\] is nan": lambda: LabelingEnergy([[0.0, np.nan]]),
    "unary needs numbers up to": lambda: LabelingEnergy([[1e70, 0.0]]),
    r"weights\[1\] needs a number or the shape \(2, 2\)": lambda: LabelingEnergy(
        U, weights=[np.ones((1, 3)), np.ones((2, 3))]
    ),
    "a list with one entry per axis: 2, got an array": lambda: LabelingEnergy(
        U, weights=np.ones((2, 3))
    ),
    "one for each of the 2 edges": lambda: LabelingEnergy(
        np.zeros((3, 2)), edges=[(0, 1), (1, 2)], weights=[1.0]
    ),
    r"edges\[1, 0\] is 3": lambda: LabelingEnergy(np.zeros((3, 2)), edges=[(0, 1), (3, 2)]),
    r"edges\[0\] is \(1, 1\).*add that to unary": lambda: LabelingEnergy(
        np.zeros((3, 2)), edges=[(1, 1)]
    ),
    "metric must be one of": lambda: LabelingEnergy(U, metric="pots"),
    r"metric needs a table of shape \(labels, labels\) = \(4, 4\)": lambda: LabelingEnergy(
        U, metric=np.eye(3)
    ),
    "truncate a table yourself": lambda: LabelingEnergy(U, metric=np.eye(4), truncation=1),
    "takes no truncation": lambda: LabelingEnergy(U, truncation=1),
    r"label_costs\[2\] is -1": lambda: LabelingEnergy(U, label_costs=[0, 0, -1, 0]),
    r"label_costs needs the shape \(labels,\) = \(4,\)": lambda: LabelingEnergy(
        U, label_costs=[1, 2]
    ),
    r"labels\[1, 0\] is 4": lambda: LabelingEnergy(U).value([[0, 0, 0], [4, 0, 0]]),
    "labels needs integers of shape": lambda: LabelingEnergy(U).value(np.zeros((3, 2), int)),
    r"start\[0\] is -1": lambda: alpha_expansion(LabelingEnergy(np.zeros((1, 2))), start=[-1]),
    r"labels 0, 1, 2 the table has \[0, 2\].*4 > .*alpha_beta_swap.*qpbo": lambda: alpha_expansion(
        LabelingEnergy(U, metric="quadratic")
    ),
    "it needs weights >= 0, but that of edge 1 between the nodes 1": lambda: alpha_expansion(
        LabelingEnergy(np.zeros((3, 2)), edges=[(0, 1), (1, 2)], weights=[1, -2])
    ),
    r"labels 0, 1 it is 2 > 0": lambda: alpha_beta_swap(
        LabelingEnergy(np.zeros((2, 2)), metric=np.eye(2))
    ),
    "unaries needs the shape": lambda: alpha_expansion_many(LabelingEnergy(U), np.zeros((5, 4))),
    "threads needs an integer": lambda: alpha_beta_swap_many(
        LabelingEnergy(U), np.zeros((5, 2, 3, 4)), threads=0
    ),
    "i = 0, j = 1": lambda: ishikawa(LabelingEnergy(U)),
    "ishikawa does not fit: it takes no label costs": lambda: ishikawa(
        LabelingEnergy(U, label_costs=[0, 1, 2, 0])
    ),
    "qpbo does not fit: it needs two labels, got 4": lambda: qpbo(LabelingEnergy(U)),
    "max_iter needs an integer": lambda: dual_bound(LabelingEnergy(U), max_iter=0),
}


@pytest.mark.parametrize("message", BAD)
def test_messages(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()


@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap, icm, ishikawa, qpbo])
def test_solvers_say_what_they_need(solver):
    with pytest.raises(TypeError, match=f"{solver.__name__} needs a LabelingEnergy, got list"):
        solver([1, 2])


def test_floats_are_no_edges():
    with pytest.raises(TypeError, match="edges needs integers"):
        LabelingEnergy(np.zeros((3, 2)), edges=[(0.0, 1.0)])


def test_what_is_printed_is_short():
    large = LabelingEnergy(np.random.default_rng(0).random((30, 40, 5)))
    small = LabelingEnergy(np.zeros((4, 2)))
    for answer in (alpha_expansion(large), dual_bound(large), qpbo(small), ishikawa(small)):
        assert f"value={answer.value:.9g}" in repr(answer)
        assert f"labels of shape {answer.labels.shape}" in repr(answer)
        assert len(repr(answer)) + len(repr(answer.certificate)) < 200
    many = alpha_expansion_many(large, np.zeros((7, 30, 40, 5)))
    assert len(many) == 7
    assert many[-1].value == many.values[6]
    assert repr(many) == "LabelingBatch(7 labelings of shape (30, 40))"


def test_labels_may_be_on_another_axis_and_have_to_be_where_that_is_likely():
    unary = np.random.default_rng(0).random((3, 40, 80))
    with pytest.raises(ValueError, match=r"or 3 labels at each of \(40, 80\).*label_axis=0"):
        LabelingEnergy(unary)
    first, last = LabelingEnergy(unary, label_axis=0), LabelingEnergy(np.moveaxis(unary, 0, -1))
    assert first.shape == last.shape == (40, 80)
    assert np.array_equal(first.costs, last.costs)
    assert LabelingEnergy(unary, label_axis=-1).shape == (3, 40)
    for axis in (3, "labels"):
        with pytest.raises(
            (TypeError, ValueError), match="label_axis needs to be an axis of unary"
        ):
            LabelingEnergy(unary, label_axis=axis)
