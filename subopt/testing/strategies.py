"""Hypothesis strategies for set functions, masks and orders.

Hypothesis is imported only when a strategy is called.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base import jit
from subopt._base.options import documented_with
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.modular import Modular
from subopt.testing.families import FAMILIES

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_sized = documented_with(
    {
        "families": ("iterable of str", "Keys of `FAMILIES`; all by default."),
        "min_n": ("int", "Smallest size of the ground set."),
        "max_n": (
            "int",
            "Largest size of the ground set. Sizes in the larger half of the range are drawn\n"
            "twice as often.",
        ),
    }
)


@_sized
def set_functions(
    families: Iterable[str] | None = None, *, min_n: int = 1, max_n: int = 6
) -> SearchStrategy[SetFunction]:
    """Return a Hypothesis strategy for submodular functions of the built-in families.

    Hypothesis draws every number of a function. Failing examples therefore shrink, and their
    ``repr`` is an expression that can be pasted (except for functions of a Python callable).

    Parameters
    ----------
    %(families)s
    %(min_n)s
    %(max_n)s

    Returns
    -------
    hypothesis.strategies.SearchStrategy of SetFunction
        The strategy, to be used in ``@given``.

    Raises
    ------
    ValueError, TypeError
        If `families` is no list of keys of `FAMILIES`, or is empty.
    """
    from hypothesis import strategies as st

    names = _names(families)
    _prepare(names)

    @st.composite
    def member(draw: Any) -> SetFunction:
        n = draw(_sizes(min_n, max_n))
        return FAMILIES[draw(st.sampled_from(names))](_Drawn(draw), n)  # type: ignore[arg-type]

    return member()


@_sized
def problems(
    families: Iterable[str] | None = None, *, min_n: int = 1, max_n: int = 6
) -> SearchStrategy[SetFunction]:
    """Return a Hypothesis strategy for functions to minimize, to test solvers.

    Most of them have minimizers that are neither ∅ nor V: modular weights are added to a member of
    a family such that a random set is a minimizer, either the only one, by a large or small margin,
    or one of several. One in five functions gets random weights instead. Some functions are
    multiplied by 1e-9 or 1e9.

    The families are compiled when this is called: 10 s on a machine where none has run, 1 s later.

    Parameters
    ----------
    %(families)s
    %(min_n)s
    %(max_n)s

    Returns
    -------
    hypothesis.strategies.SearchStrategy of SetFunction
        The strategy, to be used in ``@given``.

    Raises
    ------
    ValueError, TypeError
        If `families` is no list of keys of `FAMILIES`, or is empty.
    """
    from hypothesis import strategies as st

    functions = set_functions(families, min_n=min_n, max_n=max_n)  # compiled now, not in a test

    @st.composite
    def problem(draw: Any) -> SetFunction:
        F = draw(functions)
        scale = draw(st.sampled_from([1.0, 1.0, 1.0, 1e-9, 1e9]))
        if draw(st.integers(0, 4)) == 4:
            return scale * (F + Modular(_Drawn(draw).normal(size=F.n)))
        order, other = (np.array(draw(st.permutations(range(F.n))), np.intp) for _ in range(2))
        size = draw(st.integers(0, F.n)) if F.n < 2 else 1 + draw(st.integers(0, F.n - 2))
        margin = draw(st.sampled_from([1.0, 0.1, 0.01, 1e-4, 0.0]))
        gains = F.greedy(order)
        if draw(st.booleans()):
            # the mean of two vertices of the base polytope, both tight at the same set
            first = np.isin(other, order[:size])
            gains = (gains + F.greedy(np.concatenate([other[first], other[~first]]))) / 2
        margins = np.full(F.n, margin)
        margins[order[:size]] *= -1
        return scale * (F + Modular(margins - gains))

    return problem()


def _names(families: Iterable[str] | None) -> list[str]:
    """Return names of families, or say which there are."""
    if families is None:
        return sorted(FAMILIES)
    names = [families] if isinstance(families, str) else list(families)
    for name in names:
        if name not in FAMILIES:
            raise ValueError(f"families needs some of {', '.join(FAMILIES)}; got {name!r}")
    if isinstance(families, str):
        raise TypeError(f"families needs a list of names; for one, [{families!r}]")
    if not names:
        raise ValueError("families needs at least one name; without it, all families are drawn")
    return names


def _prepare(names: list[str]) -> None:
    """Do now what would take long within the first examples of a test.

    Hypothesis allows 0.2 s per example and 1 s for the first ten draws by default.
    """
    for name in names:
        _compiled(name)
    _constants_read()


@functools.cache
def _compiled(family: str) -> None:
    """Compile a family now: within a test it would exceed the deadlines of Hypothesis."""
    before, jit.interpret_small = jit.interpret_small, False
    try:
        F = FAMILIES[family](np.random.default_rng(0), 2)
        F.greedy(np.arange(F.n))
        F.marginals(np.arange(F.n) == 0)
        F.value(np.arange(F.n) == 0)
    finally:
        jit.interpret_small = before


def _constants_read() -> None:
    import hypothesis

    if not hypothesis.currently_in_test_context():  # nested tests are not allowed
        _read_constants()


@functools.cache
def _read_constants() -> None:
    """Let Hypothesis read the sources of the modules that are being developed.

    It uses the constants in them as examples. It reads them at a random draw, and all of them again
    after each change, which takes 0.2 s for the modules of this package.
    """
    import hypothesis
    from hypothesis import strategies as st

    # each number is one of these constants with a probability of 1 / 20
    numbers = st.tuples(*[st.integers(-1000, 1000)] * 200)
    settings = hypothesis.settings(
        database=None, max_examples=2, phases=[hypothesis.Phase.generate], deadline=None
    )
    with warnings.catch_warnings(), contextlib.suppress(hypothesis.errors.NoSuchExample):
        # a conftest.py makes strategies before all plugins are set up, of which Hypothesis warns
        warnings.simplefilter("ignore")
        hypothesis.find(numbers, lambda drawn: False, settings=settings)


@_sized
def compositions(*, min_n: int = 1, max_n: int = 6) -> SearchStrategy[SetFunction]:
    """Return a Hypothesis strategy for sums of restrictions, contractions and complements.

    A sum has one to three terms, each with a factor 0.5, 1 or 2, from any of the `FAMILIES`. These
    are compiled when this is called, as by `problems`.

    Parameters
    ----------
    %(min_n)s
    %(max_n)s

    Returns
    -------
    hypothesis.strategies.SearchStrategy of SetFunction
        The strategy, to be used in ``@given``.
    """
    from hypothesis import strategies as st

    _prepare(sorted(FAMILIES))

    @st.composite
    def composition(draw: Any) -> SetFunction:
        n = draw(_sizes(min_n, max_n))
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
    """Return a Hypothesis strategy for subsets of the ground set.

    Parameters
    ----------
    n : int
        Size of the ground set.

    Returns
    -------
    hypothesis.strategies.SearchStrategy of ndarray
        Boolean masks (n,).
    """
    from hypothesis import strategies as st

    bits = st.lists(st.booleans(), min_size=n, max_size=n)
    return bits.map(lambda mask: np.array(mask, dtype=bool))  # as it is printed


def orders(n: int) -> SearchStrategy[Array]:
    """Return a Hypothesis strategy for orders of the ground set.

    Parameters
    ----------
    n : int
        Size of the ground set.

    Returns
    -------
    hypothesis.strategies.SearchStrategy of ndarray
        Permutations of 0..n - 1, as arrays of intp.
    """
    from hypothesis import strategies as st

    return st.permutations(range(n)).map(lambda order: np.array(order, dtype=np.intp))


def _sizes(min_n: int, max_n: int) -> SearchStrategy[int]:
    from hypothesis import strategies as st

    # st.integers would prefer small sizes, which find fewer errors
    sizes = list(range(min_n, max_n + 1))
    return st.sampled_from(sizes + sizes[(len(sizes) + 1) // 2 :])


class _Drawn:
    """A substitute for a numpy Generator: Hypothesis draws the numbers, with three decimals."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def _array(self, low: Any, high: Any, size: Any, scale: float) -> Any:
        from hypothesis import strategies as st

        shape: Any = () if size is None else size
        lows, highs = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
        drawn = [
            self._draw(st.integers(int(a), int(b))) / scale
            if scale > 1
            else self._draw(st.integers(int(a), int(b)))
            for a, b in zip(lows.ravel(), highs.ravel(), strict=True)
        ]
        return drawn[0] if shape == () else np.array(drawn).reshape(shape)

    def integers(self, low: Any, high: Any, size: Any = None) -> Any:
        if size is None and np.ndim(high):
            size = np.shape(high)
        return self._array(low, np.asarray(high) - 1, size, 1.0)

    def random(self, size: Any = None) -> Any:
        return self._array(0, 999, size, 1000.0)

    def exponential(self, *, size: Any = None) -> Any:
        return self._array(0, 5000, size, 1000.0)

    def normal(self, *, size: Any = None) -> Any:
        return self._array(-3000, 3000, size, 1000.0)

    def uniform(self, low: float, high: float) -> Any:
        return low + (high - low) * self.random()

    def permutation(self, n: int) -> Array:
        from hypothesis import strategies as st

        return np.array(self._draw(st.permutations(range(n))), dtype=np.intp)

    def choice(self, values: Any, size: int | None = None, *, replace: bool = True) -> Any:
        options = list(range(values) if isinstance(values, int) else values)
        if not replace:
            return np.array([options[i] for i in self.permutation(len(options))[:size]])
        index = self.integers(0, len(options), size)
        return options[index] if size is None else np.array([options[i] for i in index])
