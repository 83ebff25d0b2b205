"""Modular bounds are bounds, tight where they say, for every family and every set."""

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES
from hypothesis import given
from hypothesis import strategies as st

from subopt import Cardinality, Cut, Modular, modular_lower, modular_upper
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values

KINDS = ("grow", "shrink", "bar")
some = {"rng": numbers(), "n": st.integers(1, 6)}


def problem(family, rng, n):
    F = FAMILIES[family](rng, n)
    values = all_values(F)
    return rng, F, values, 1e-9 * (1 + np.abs(values).max()), rng.random(n) < 0.5


def over_all_sets(bound):
    return np.array([bound.value(mask) for mask in all_masks(bound.n)])


def number(mask):
    return int(mask @ (1 << np.arange(len(mask))))


@pytest.mark.parametrize("family", FAMILIES)
@given(**some)
def test_the_lower_bound_holds_and_is_tight_on_its_chain(family, rng, n):
    rng, F, values, slack, S = problem(family, rng, n)
    scores = rng.integers(0, 3, n)
    bound = modular_lower(F, S, tie_break=scores)
    assert (over_all_sets(bound) <= values + slack).all()
    order = np.concatenate(
        [rng.permutation(np.flatnonzero(S)), rng.permutation(np.flatnonzero(~S))]
    )
    for chosen, chain in ((modular_lower(F, S, order), order), (bound, by_score(S, scores))):
        assert chosen.constant == 0
        for k in range(n + 1):
            prefix = np.isin(np.arange(n), chain[:k])
            assert chosen.value(prefix) == pytest.approx(values[number(prefix)], abs=slack)


def by_score(S, scores):
    """The definition: elements of S first, by descending score, ties by index."""
    return sorted(range(len(S)), key=lambda i: (not S[i], -scores[i], i))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
@given(**some)
def test_the_upper_bounds_hold_and_are_tight(family, kind, rng, n):
    _, F, values, slack, S = problem(family, rng, n)
    bound = modular_upper(F, S, kind)
    assert (over_all_sets(bound) >= values - slack).all()
    assert bound.value(S) == pytest.approx(values[number(S)], abs=slack)
    assert bound(np.flatnonzero(S)) == bound.value(S)
    assert bound.minimum() == pytest.approx(over_all_sets(bound).min(), abs=slack)
    looser = over_all_sets(modular_upper(F, S, "bar"))
    assert (looser >= over_all_sets(bound) - slack).all()


@pytest.mark.parametrize("n", [0, 1])
def test_the_smallest_ground_sets(n):
    F = Modular(np.full(n, -2.0))
    for bound in (modular_lower(F, []), *(modular_upper(F, [], kind) for kind in KINDS)):
        assert bound.n == n
        assert (bound.constant, bound.weights.tolist()) == (0.0, [-2.0] * n)


def test_errors_say_what_is_needed():
    F = Cardinality([0, 1, 1, 1])
    with pytest.raises(ValueError, match=r"first, but order\[0\] = 0 is not in S. tie_break"):
        modular_lower(F, [2], [0, 1, 2])
    with pytest.raises(ValueError, match=r"every element of 0\.\.2 exactly once, but 1 is missing"):
        modular_lower(F, [0], [0, 0, 2])
    with pytest.raises(ValueError, match="an order or a tie_break, not both"):
        modular_lower(F, [0], [0, 1, 2], tie_break=[1, 2, 3])
    with pytest.raises(ValueError, match=r"one score per element, shape \(3,\), got \(2,\)"):
        modular_lower(F, [0], tie_break=[1, 2])
    with pytest.raises(ValueError, match="kind must be one of 'grow', 'shrink', 'bar'; got 'hat'"):
        modular_upper(F, [0], "hat")
    with pytest.raises(ValueError, match=r"in 0..2, but element 3 was given"):
        modular_upper(F, [3])
    with pytest.raises(TypeError, match="SetFunction is needed, got DifferenceOfSubmodular"):
        modular_lower(Cut(np.ones((2, 2)) - np.eye(2)) - Cardinality([0, 1, 1]), [])
