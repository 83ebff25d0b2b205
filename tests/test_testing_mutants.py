"""The score of `subopt.testing`: wrong functions and solvers that the documented pattern catches.

Each is wrong by little, seldom, at ties, at some scale, or for the largest n only.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from subopt import Concave, Coverage, Cut, Function, MatroidRank, Modular, SetFunction, View
from subopt.testing import (
    FAMILIES,
    all_values,
    assert_consistent,
    assert_minimizer,
    assert_submodular,
    brute_force,
    problems,
    set_functions,
)

pattern = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def exact(F):
    return brute_force(F)[0]


def better_of_nothing_and_all(F):
    return np.full(F.n, F.value(np.ones(F.n, bool)) < 0)


def adds_while_it_helps(F):
    mask = np.zeros(F.n, bool)
    for _ in range(F.n):
        gains = np.where(mask, np.inf, F.marginals(mask))
        if gains.min() >= 0:
            break
        mask[gains.argmin()] = True
    return mask


def removes_while_it_helps(F):
    mask = np.ones(F.n, bool)
    for _ in range(F.n):
        gains = np.where(mask, F.marginals(mask), -np.inf)
        if gains.max() <= 0:
            break
        mask[gains.argmax()] = False
    return mask


def negative_entries_of_one_vertex(F):
    return F.greedy(np.arange(F.n)) < 0


def first_parts_of_one_order(F):
    order = F.marginals(np.zeros(F.n, bool)).argsort()
    values = np.concatenate([[0.0], F.greedy(order)[order].cumsum()])
    mask = np.zeros(F.n, bool)
    mask[order[: values.argmin()]] = True
    return mask


def without_the_sixth_element(F):
    mask = exact(F)
    mask[5:] = False
    return mask


def never_three(F):
    mask = exact(F)
    return mask if mask.sum() != 3 else np.zeros(F.n, bool)


def absolute_tolerance(F):
    values = all_values(F)
    k = int(np.argmax(values <= values.min() + 1e-6))
    return (k >> np.arange(F.n)) & 1 == 1


def wide_tolerance(F):
    values = all_values(F)
    k = int(np.argmax(values <= values.min() + 1e-4 * np.abs(values).max()))
    return (k >> np.arange(F.n)) & 1 == 1


def in_single_precision(F):
    values = (all_values(F) / (np.abs(all_values(F)).max() or 1.0)).round(2)
    return (int(values.argmin()) >> np.arange(F.n)) & 1 == 1


def never_the_last_element(F):
    mask = exact(F)
    mask[-1] = False
    return mask


def single_flips(F):
    mask = np.zeros(F.n, bool)
    for _ in range(2**F.n):
        gains = np.where(mask, -1.0, 1.0) * F.marginals(mask)
        if gains.min() >= 0:
            break
        mask[gains.argmin()] ^= True
    return mask


def swaps_two_when_there_are_five(F):
    mask = exact(F)
    if F.n == 5:
        mask[[0, 1]] = mask[[1, 0]]
    return mask


def returns_values(F):
    return np.where(exact(F), 0.5, 0.0)


SOLVERS = [
    better_of_nothing_and_all,
    adds_while_it_helps,
    removes_while_it_helps,
    negative_entries_of_one_vertex,
    first_parts_of_one_order,
    without_the_sixth_element,
    never_three,
    absolute_tolerance,
    wide_tolerance,
    in_single_precision,
    never_the_last_element,
    single_flips,
    swaps_two_when_there_are_five,
    returns_values,
]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
def test_wrong_solvers_are_caught(solver):
    @pattern
    @given(F=problems())
    def law(F):
        assert_minimizer(F, solver(F))

    with pytest.raises(AssertionError, match=r"does not minimize|No set was returned"):
        law()


@pattern
@given(F=problems())
def test_a_right_solver_is_not(F):
    assert_minimizer(F, exact(F))
    assert_submodular(F)


class Wrong(SetFunction):
    """A cover with a bonus for some sets."""

    def __init__(self, F, bonus):
        self.n, self.inner, self.bonus = F.n, F, bonus

    def value(self, mask):
        return float(self.inner.value(mask) + self.bonus(mask))


class WrongGreedy(Wrong):
    def greedy(self, order):
        gains = super().greedy(order)
        gains[order[-1]] += 1e-5
        return gains


class WrongMarginals(Wrong):
    def marginals(self, mask):
        return Function(self.n, self.value).marginals(np.zeros(self.n, bool))


class WrongWhenLastIsFirst(Wrong):
    def greedy(self, order):
        gains = super().greedy(order)
        if order[0] == self.n - 1:
            gains[order[0]] += 1e-5
        return gains


class WrongMarginalsOfAll(Wrong):
    def marginals(self, mask):
        return super().marginals(mask) + 1e-5 * float(mask.all())


class WrongBetweenSets(Wrong):
    def lovasz(self, x):
        return super().lovasz(x) - 1e-3 * float(np.ptp(x) * (1 - np.ptp(x)))


class Forgetful(Wrong):
    calls = 0

    def value(self, mask):
        self.calls += 1
        return super().value(mask) + 1e-3 * (self.calls % 7 == 0) * float(mask.any())


def claims(**flags):
    return lambda F: Function(F.n, F.value, **flags)


FUNCTIONS = {
    "a bonus for two": lambda F: Wrong(F, lambda mask: 0.01 * float(mask[:2].all())),
    "a bonus for all": lambda F: Wrong(F, lambda mask: 0.01 * float(mask.all())),
    "a small convex term": lambda F: Wrong(F, lambda mask: 1e-6 * float(mask.sum()) ** 2),
    "tiny and supermodular": lambda F: Wrong(0 * F, lambda mask: 1e-12 * float(mask.sum()) ** 2),
    "not a number for all": lambda F: Wrong(F, lambda mask: np.nan if mask.all() else 0.0),
    "a wrong last gain": lambda F: WrongGreedy(F, lambda mask: 0.0),
    "marginals of the empty set": lambda F: WrongMarginals(F, lambda mask: 0.0),
    "symmetric, it says": claims(symmetric=True),
    "monotone, it says": lambda F: claims(monotone=True)(F - Modular(np.full(F.n, 0.3))),
    "integral, it says": lambda F: claims(integral=True)(0.3 * F),
    "integral but for one set": lambda F: claims(integral=True)(
        Wrong(MatroidRank.partition([0] * F.n, [2]), lambda mask: -0.5 * float(mask.all()))
    ),
    "greedy if the last element is first": lambda F: WrongWhenLastIsFirst(F, lambda mask: 0.0),
    "marginals of all elements": lambda F: WrongMarginalsOfAll(F, lambda mask: 0.0),
    "an extension between sets": lambda F: WrongBetweenSets(F, lambda mask: 0.0),
    "values that change": lambda F: Forgetful(F, lambda mask: 0.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_functions_are_caught(name):
    @pattern
    @given(F=set_functions(["coverage", "cut"], min_n=3))
    def law(F):
        G = FUNCTIONS[name](F)
        assert_submodular(G)
        assert_consistent(G)

    with pytest.raises(AssertionError, match=r"Function|Wrong|Forgetful"):
        law()


def rebuilt(F):
    """What the expression that a function prints evaluates to."""
    import subopt

    names = {name: getattr(subopt, name) for name in subopt.__all__}
    return eval(repr(F), vars(subopt) | names | {"np": np})


# no expression can hold a Python callable
CALLABLES = {"any phi of groups", "capped rank", "callable"}


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - CALLABLES))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_repr_rebuilds_the_function(family, data):
    F = data.draw(set_functions([family], max_n=5))
    half = data.draw(st.sets(st.sampled_from(range(F.n)))) if F.n else []
    minors = [F.contract(half), F.restrict(range(len(half), F.n))]  # also on no elements
    parts = [F, *minors, minors[1].complement(), F.complement(), 0.3 * F]
    G = data.draw(st.sampled_from(parts))
    if data.draw(st.booleans()):
        G = G + Concave(Coverage(np.eye(G.n)) + Coverage(np.ones((G.n, 1))))
    values = all_values(G)
    size = 1e-12 * float(np.abs(values).max())
    np.testing.assert_allclose(all_values(rebuilt(G)), values, rtol=1e-12, atol=size)
    h = rebuilt(G - Coverage(np.eye(G.n)))
    np.testing.assert_allclose(all_values(h.f), values, rtol=1e-12, atol=size)


@pytest.mark.parametrize("family", sorted(CALLABLES))
def test_repr_of_a_callable_says_so(family):
    F = FAMILIES[family](np.random.default_rng(0), 3)
    name = f"{type(F).__name__}(n=3)"
    assert repr(F) == name
    none, one, rest = (np.array(S, dtype=np.intp) for S in ([], [1], [0, 2]))
    assert repr(View(F, none, rest)) == f"{name}.restrict([0, 2])"
    assert repr(View(F, one, rest)) == f"{name}.contract([1])"
    assert repr(View(F, none, rest, flipped=True)) == f"{name}.restrict([0, 2]).complement()"


def test_repr_of_combinations():
    F = 2 * Cut.from_edges([(0, 1)]) + Modular([1.5, 0])
    assert repr(F) == "2 * Cut([[0, 1], [1, 0]]) + Modular([1.5, 0.0])"
    assert repr(Cut.from_edges([(0, 1)], n=40)) == "Cut(n=40)"
    assert repr(rebuilt(0 * Cut.from_edges([(0, 1)]))) == "Sum(2, ())"


@pattern
@given(F=problems(min_n=2))
def test_most_problems_have_minima_inside(F):
    values = all_values(F)
    best = np.flatnonzero(values <= values.min() + 1e-9 * np.abs(values).max())
    inside.append(0 not in best and 2**F.n - 1 not in best)
    if len(inside) == 200:
        assert np.mean(inside) >= 0.5


inside: list[bool] = []
