"""Hypothesis strategies for set functions, masks and orders; Hypothesis is imported when called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.testing.families import FAMILIES

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def set_functions(
    families: Iterable[str] | None = None, *, min_n: int = 1, max_n: int = 6
) -> SearchStrategy[SetFunction]:
    """Return a Hypothesis strategy for random submodular functions of the built-in families.

    Parameters
    ----------
    families : iterable of str, optional
        Keys of `FAMILIES`; all by default.
    min_n, max_n : int
        Sizes of the ground set.
    """
    from hypothesis import strategies as st

    names = sorted(FAMILIES) if families is None else list(families)
    return st.builds(
        lambda name, n, seed: FAMILIES[name](np.random.default_rng(seed), n),
        st.sampled_from(names),
        st.integers(min_n, max_n),
        st.integers(0, 2**16),
    )


def compositions(*, min_n: int = 1, max_n: int = 6) -> SearchStrategy[SetFunction]:
    """Return a strategy for nonnegative sums of restrictions, contractions and complements."""
    from hypothesis import strategies as st

    @st.composite
    def composition(draw: Any) -> SetFunction:
        n = draw(st.integers(min_n, max_n))
        total: SetFunction | None = None
        for _ in range(draw(st.integers(1, 3))):
            F = draw(set_functions(min_n=n + 1, max_n=n + 2))
            gone = draw(st.sets(st.integers(0, F.n - 1), min_size=F.n - n, max_size=F.n - n))
            left = [i for i in range(F.n) if i not in gone]
            G = F.restrict(left) if draw(st.booleans()) else F.contract(gone)
            G = G.complement() if draw(st.booleans()) else G
            G = draw(st.sampled_from([0.5, 1, 2])) * G
            total = G if total is None else total + G
        assert total is not None
        return total

    return composition()


def masks(n: int) -> SearchStrategy[Array]:
    """Return a strategy for subsets of n elements as boolean masks (n,)."""
    from hypothesis import strategies as st

    return st.integers(0, 2**n - 1).map(lambda k: (k >> np.arange(n)) & 1 == 1)


def orders(n: int) -> SearchStrategy[Array]:
    """Return a strategy for orders of n elements."""
    from hypothesis import strategies as st

    return st.permutations(range(n)).map(lambda order: np.array(order, dtype=np.intp))
