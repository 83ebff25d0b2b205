"""User functions that are not submodular in a few places: what a run sees without more values."""

import numpy as np
import pytest
from drawn import numbers
from families import FAMILIES, ByValue
from hypothesis import given, settings
from hypothesis import strategies as st

from subopt import (
    Function,
    Modular,
    SetFunction,
    Status,
    min_norm_point,
    minimize,
    prox,
    regularization_path,
)
from subopt.functions.diminishing_returns import spread
from subopt.submodular._contradictions import Sweeps, out_of_range, single_out
from subopt.submodular._sweep_bounds import SLACK
from subopt.testing import FAMILIES as BUILT_IN
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 4))
METHODS = {
    "min_norm_point": min_norm_point,
    "minimal": lambda F: min_norm_point(F, minimizer="minimal"),
    "without elimination": lambda F: min_norm_point(F, eliminate=False),
    "frank_wolfe": lambda F: minimize(F, method="frank_wolfe"),
    "a path": lambda F: regularization_path(F).result(0.0),
}


class Table(SetFunction):
    """A function given by all its values; set k has the elements of the bits of k."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=float)
        self.n = len(self.values).bit_length() - 1

    def value(self, mask):
        return float(self.values[mask @ (1 << np.arange(self.n))])


def broken(rng, n):
    """Coverage minus weights that make minima inside, changed at a few sets, or on an interval."""
    F = BUILT_IN["coverage"](rng, n)
    values = all_values(F - Modular(F.marginals(rng.random(n) < 0.5)))
    if rng.random() < 0.5:
        some = rng.integers(1, 2**n, 3)
        values[some] += rng.integers(-3, 4, 3)
    else:
        i, j = rng.choice(n, 2, replace=False)
        both = 1 << int(i) | 1 << int(j)
        values[np.arange(2**n) & both == both] += rng.integers(-3, 4)
    return Table(values)


@pytest.mark.parametrize("method", METHODS)
@few
@given(rng=numbers(), n=st.integers(2, 8))
def test_what_a_run_knows_does_not_contradict_its_answer(method, rng, n):
    F = broken(rng, n)
    try:
        result = METHODS[method](F)
    except ValueError as error:
        assert "submodular" in str(error)  # noqa: PT017
        return
    if result.status is not Status.OPTIMAL:
        return
    low, high, size = F._range()
    limit = SLACK * spread(n) * float(size.max()) + 1e-9
    assert (low <= high + limit).all()
    if method in ("without elimination", "a path"):  # with it, orders are joined from parts
        orders = result.certificate.orders
        vertices = np.array([F.greedy(order) for order in orders])
        assert (vertices <= high + limit).all()
        assert (vertices >= low - limit).all()
        for order in orders:
            values = F.greedy(order)[order].cumsum()
            assert (vertices[:, order].cumsum(axis=1) <= values + limit).all()
            assert beyond_single_elements(F, order) <= limit
    if method != "a path":
        for i in range(n):
            near = result.mask.copy()
            near[i] ^= True
            assert result.value <= F.value(near) + limit


def beyond_single_elements(F, order):
    """What `single_out` computes, set by set."""
    low, high, _ = F._range()
    every = F(list(range(F.n)))
    found = [0.0]
    for k in range(1, F.n + 1):
        first, last = order[:k], order[F.n - k :]
        known, rest = F(first.tolist()), F(order[: F.n - k].tolist())
        for i in range(k):
            least = F([int(first[i])]) + np.delete(low[first], i).sum()
            most = rest + np.delete(high[last], i).sum()
            at = every - low[last[i]]
            found += [(least - known) / max(1, k - 1), (at - most) / max(1, k - 1)]
    return max(found)


@given(rng=numbers(), n=st.integers(0, 6))
def test_sweeps_are_compared_with_single_elements_and_all_but_one(rng, n):
    F = Table(np.append(0.0, rng.integers(-3, 4, 2**n - 1)))
    gains, order = F._range(), rng.permutation(n)
    excess, moved = single_out(gains, order, F.greedy(order))
    assert excess == pytest.approx(beyond_single_elements(F, order), abs=1e-9)
    assert sorted(moved) == list(range(n))
    if excess > 1e-9:  # a gain along the new order is that much out of its range
        vertex = F.greedy(moved)
        assert max((vertex - gains.high).max(), (gains.low - vertex).max()) >= excess - 1e-9
        assert out_of_range(gains, order, F.greedy(order), 1e-9, F.greedy)[0] > 1e-9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", [0b111110, 0b000010])
def test_one_set_that_contradicts_the_values_of_single_elements(place, method):
    # F is 0 on the sets of most sweeps; its minimum is where none of them comes by
    values = np.zeros(2**6)
    values[0b110101] = -2.0
    values[place] = 1.0
    with pytest.raises(ValueError, match="needs to be submodular"):
        METHODS[method](Table(values))


@given(rng=numbers(), n=st.integers(1, 6))
def test_sweeps_are_compared_with_all_sets_that_are_known(rng, n):
    F = Table(np.append(0.0, rng.integers(-3, 4, 2**n - 1)))
    sweeps, inside, outside = Sweeps(n), [], []
    sets, bases = [], []  # sets with values; sweeps as what is inside, what is free, and gains
    free = list(range(n))
    for _ in range(4):
        order = np.array([free[k] for k in rng.permutation(len(free))], dtype=np.intp)
        chain = [frozenset([*inside, *order[:k].tolist()]) for k in range(len(order) + 1)]
        values = [F(list(S)) for S in chain]
        gains = dict(zip(order.tolist(), np.diff(values), strict=True))
        bases.append((set(inside), set(free), gains))
        new = [(S, value) for S, value in zip(chain, values, strict=True)]

        def excess(base, S, value):
            first, ground, gains = base
            if not first <= S <= first | ground:
                return -np.inf
            return F(list(first)) + sum(gains[i] for i in S - first) - value

        expected = [excess(base, *one) for base in bases[:-1] for one in new]
        expected += [excess(bases[-1], *one) for one in sets]
        at = values[0]
        found, pair = sweeps.add(
            np.array(inside, dtype=np.intp), order, np.array(outside, dtype=np.intp), at,
            np.diff(values),
        )  # fmt: skip
        assert found == pytest.approx(max([0.0, *expected]) if found > 0 else found)
        assert found >= max([-np.inf, *expected]) - 1e-9
        if found > 1e-9:
            one, other = (F.greedy(order) for order in pair)
            assert len(pair) == 2
            assert not np.array_equal(one, other)
        sets += new
        if len(free) > 1 and rng.random() < 0.6:
            taken = free.pop(int(rng.integers(len(free))))
            (inside if rng.random() < 0.5 else outside).append(taken)
    mask = np.zeros(n, dtype=bool)
    mask[inside] = True
    mask[[i for i in free if rng.random() < 0.5]] = True
    flipped = np.array([F.value(mask ^ (np.arange(n) == i)) for i in range(n)])
    most = [
        excess(base, frozenset(np.flatnonzero(mask ^ (np.arange(n) == i)).tolist()), flipped[i])
        for i in range(n)
        for base in bases
        if i in base[1]
    ]
    assert sweeps.excess(mask, flipped)[0] == pytest.approx(max(most))


@pytest.mark.parametrize("method", [*METHODS, "prox"])
@pytest.mark.parametrize("family", ["coverage", "entropy", "facility location", "cut", "sum"])
@few
@given(rng=numbers(), n=st.integers(1, 24))
def test_no_submodular_function_is_refused_in_single_precision(family, method, rng, n):
    F = FAMILIES[family](rng, n)
    G = F - Modular(F.marginals(rng.random(n) < 0.5))
    rough = Function(n, lambda mask: float(np.float32(G.value(mask))))
    for H in (rough, ByValue(G)):
        result = prox(H, np.zeros(n)) if method == "prox" else METHODS[method](H)
        assert method == "prox" or result.lower_bound <= result.value


def test_many_elements_in_single_precision():
    rng = np.random.default_rng(0)
    F = FAMILIES["coverage"](rng, 120) - Modular(rng.random(120))
    rough = Function(120, lambda mask: float(np.float32(F.value(mask))))
    assert minimize(rough).value == pytest.approx(minimize(F).value, abs=1e-3)


def test_a_bonus_that_only_the_answer_sees():
    # one set next to the minimizer of sqrt(|S|) - weights is lower; sweeps do not meet it
    n = 9
    weights = np.where(np.arange(n) < 4, 0.9, -0.2)

    def value(mask):
        bonus = 5.0 * float(mask.tolist() == [1, 0, 1, 1] + [0] * (n - 4))
        return float(np.sqrt(mask.sum()) - weights @ mask) - bonus

    for method in ("min_norm_point", "frank_wolfe"):
        with pytest.raises(ValueError, match="needs to be submodular"):
            minimize(Function(n, value), method=method)
