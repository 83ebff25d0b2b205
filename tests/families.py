"""The functions that every law is tested on: one line a family.

`subopt.testing.FAMILIES` has the built-in ones; here come a user's own subclasses and
combinations, which the laws must hold for as well.
"""

import numpy as np
from hypothesis import strategies as st

from subopt import Cut, Modular, SetFunction
from subopt.functions.algebra import terms_of
from subopt.testing import FAMILIES as BUILT_IN
from subopt.testing import all_values
from subopt.testing.strategies import _Drawn


class ByValue(SetFunction):
    """What a user writes: n and value. The naive twin of every family."""

    def __init__(self, F):
        self.n, self._F = F.n, F

    def value(self, mask):
        assert mask.dtype == np.bool_
        assert mask.shape == (self.n,)
        return self._F.value(mask)


class OwnGreedy(ByValue):
    """A user with a fast greedy of their own, who counts and uses super()."""

    calls = 0

    def greedy(self, order):
        self.calls += 1
        return super().greedy(order)


def _sum(rng, n):
    parts = [BUILT_IN[name](rng, n) for name in rng.choice(sorted(BUILT_IN), 2)]
    return 2 * parts[0] + 0.5 * parts[1] + Modular(rng.normal(size=n))


def _view(rng, n):
    F = BUILT_IN[rng.choice(sorted(BUILT_IN))](rng, n + 2)
    i, j = rng.choice(n + 1, 2, replace=False)
    return F.contract([i]).complement().restrict(np.arange(n + 1) != j)


FAMILIES = BUILT_IN | {
    "by value": lambda rng, n: ByValue(BUILT_IN["coverage"](rng, n)),
    "own greedy": lambda rng, n: OwnGreedy(BUILT_IN["cut"](rng, n)),
    "multiple": lambda rng, n: 3 * BUILT_IN["entropy"](rng, n),
    "minus modular": lambda rng, n: BUILT_IN["cut"](rng, n) - Modular(rng.integers(0, 3, n)),
    "sum": _sum,
    "view": _view,
    "no edges": lambda rng, n: Cut(np.zeros((n, n))),
    "zero": lambda rng, n: 0 * BUILT_IN["cut"](rng, n),
}


@st.composite
def members_of(draw, family, n, weighted=None):
    """Members of a family; Hypothesis draws every number, so that a failure can be pasted.

    `weighted` is a function of the drawn source of numbers and of the member, which changes it.
    """
    rng = _Drawn(draw)
    F = FAMILIES[family](rng, n)
    return F if weighted is None else weighted(rng, F)


def points(n):
    """Points of R^n with three decimals and many ties."""
    entry = st.integers(-2, 2).map(float) | st.integers(-3000, 3000).map(lambda k: k / 1000)
    return st.lists(entry, min_size=n, max_size=n).map(np.array)


def size_of(F):
    """How large the numbers are that values of F are computed from."""

    def size(G):
        return float(max(np.abs(all_values(G)).max(), G._range().size.max(initial=0.0)))

    return sum(a * size(G) for a, G in terms_of(F)) or 1.0
