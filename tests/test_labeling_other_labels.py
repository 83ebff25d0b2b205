"""Moves to few of many labels, and other labels in use where labels cost something."""

import itertools

import naive_energy as naive
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from test_labeling_moves import metric_table, random_energy, shapes, whole_moves

from subopt import LabelingEnergy, alpha_expansion
from subopt._base.options import Deadline
from subopt.labeling.moves import driver, expand, other_labels
from subopt.labeling.moves.candidates import FEW
from subopt.labeling.moves.workspace import move_workspace, piece_workspace, problem_of

MANY = 2 * int(FEW) + 1


@given(rng=numbers(), shape=shapes, pairs=st.booleans(), kept=st.booleans())
def test_moves_to_few_of_many_labels_leave_none_of_theirs(rng, shape, pairs, kept):
    energy = random_energy(rng, shape, MANY, metric_table(rng, MANY))
    n, m, some = energy.n, len(energy.tails), rng.choice(MANY, 2, replace=False)
    moves = np.array([some, some[::-1]] if pairs else [[-1, b] for b in some])
    labels = rng.choice(some, n) if pairs else rng.integers(0, MANY, n)
    space = move_workspace(n, m, MANY, pairs=pairs, kept=kept)
    cycles = driver.Limits(expand.CYCLES, Deadline())
    spaces = space, piece_workspace(n, m)
    done, _ = driver._made(energy, problem_of(energy), moves, labels, spaces, cycles)
    assert done
    for only, b in moves.tolist():
        choices = [{z, b} if only in (-1, z) else {z} for z in labels.tolist()]
        best = min(energy.value(np.array(y)) for y in itertools.product(*choices))
        assert energy.value(labels) <= best


def with_label_costs(rng, shape, L):
    energy = random_energy(rng, shape, L, metric_table(rng, L))
    costs = rng.choice([0, 3, 20, 500], L)
    ends = np.stack([energy.tails, energy.heads], axis=1)
    return LabelingEnergy(
        energy.costs.T,
        edges=ends,
        weights=energy.weights,
        metric=energy.table,
        label_costs=costs,
    )


@given(rng=numbers(), shape=shapes, L=st.integers(1, 6))
def test_no_exchange_of_a_label_is_left(rng, shape, L):
    energy = with_label_costs(rng, shape, L)
    labels = rng.integers(0, L, energy.n)
    before, moves = energy.value(labels), expand.expansions(L)
    better, _ = other_labels._exchange(
        whole_moves(energy), moves, labels, lambda some: (True, 0), Deadline()
    )
    value = energy.value(labels)
    assert value < before if better else value == before
    used = np.unique(labels)
    for l in used:
        inside = labels == l
        more = energy.costs[:, inside].sum(axis=1) - energy.costs[l, inside].sum()
        order = [b for b in np.argsort(more, kind="stable") if b not in used]
        for b in order[: other_labels.NEAREST]:
            if more[b] <= other_labels.SMALL * energy.label_costs[b]:
                assert value <= energy.value(np.where(inside, b, labels))


@given(rng=numbers(), shape=shapes, L=st.integers(1, 6))
def test_other_labels_never_raise_the_energy(rng, shape, L):
    energy = with_label_costs(rng, shape, L)
    labels = rng.integers(0, L, energy.n)
    before, moves, whole = energy.value(labels), expand.expansions(L), whole_moves(energy)
    spaces, cycles = (whole.space, whole.cut), driver.Limits(expand.CYCLES, Deadline())

    def plain(some):
        return driver._made(energy, whole.problem, some, labels, spaces, cycles)

    changed, _ = other_labels.improve(whole, moves, labels, plain, Deadline())
    assert energy.value(labels) < before if changed else energy.value(labels) == before


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_a_label_more_is_used_where_the_others_adapt_to_it(scale):
    # 0 and 10 cost more than 10 alone, 0 and 15 less; no expansion leads there
    points = np.array([0, 0, 10, 10, 20, 20])
    unary = (points[:, None] - np.arange(21.0)) ** 2
    energy = LabelingEnergy(
        scale * unary, weights=scale * 15.0, label_costs=np.full(21, scale * 190.0)
    )
    start = np.full(6, 10)
    assert energy.value(start) == pytest.approx(scale * 590.0, rel=1e-12)
    for b in range(21):
        assert naive.best_expansion(energy, start, b) >= energy.value(start)
    result = alpha_expansion(energy, start=start)
    assert result.value == pytest.approx(scale * 495.0, rel=1e-12)
    assert len(np.unique(result.labels)) == 2
