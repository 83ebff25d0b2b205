"""Concave functions of the number of elements: F(S) = values[|S|]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import shown
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm, bends, concave_cut_form
from subopt.functions.oracle import GainRange


@documented_like(SetFunction)
class Cardinality(SetFunction):
    """F(S) = ``values[|S|]`` for a concave table of values.

    A sweep, `value` and `marginals` cost O(n).

    Parameters
    ----------
    values : array_like of float, shape (n + 1,), or callable
        The concave table, with ``values[0] = 0``; or a function that is called with every size
        0..n, as an integer, and returns the entry of the table.
    n : int, optional
        Size of the ground set; required for a callable.

    Attributes
    ----------
    values : ndarray of float64, shape (n + 1,)
        The table, read-only.

    Raises
    ------
    TypeError
        If `values` is a callable and n is missing.
    ValueError
        If the table is not concave, does not begin with 0 or does not have n + 1 finite entries.

    Examples
    --------
    >>> F = Cardinality(lambda k: k * (4 - k), n=4)
    >>> F([0, 3]), F.symmetric, F.greedy([3, 2, 1, 0])
    (4.0, True, array([-3., -1.,  1.,  3.]))
    """

    cut_representable = True

    def __init__(self, values: ArrayLike | Callable[[int], float], n: int | None = None) -> None:
        if callable(values):
            if n is None:
                raise TypeError("Cardinality of a callable needs n: Cardinality(np.sqrt, n=10)")
            n = validate.natural("n", n)
            values = [values(k) for k in range(n + 1)]
        table = validate.real_array("values", values)
        if table.ndim != 1 or not len(table) or (n is not None and len(table) != n + 1):
            raise ValueError(
                f"values needs n + 1 numbers, for the sizes 0, ..., n; got shape {table.shape}"
                + ("" if n is None else f" for n = {n}")
            )
        check_concave("values", table)
        table.setflags(write=False)
        self.n = len(table) - 1
        self.values = table
        self.monotone = bool((np.diff(table) >= 0).all())
        self.symmetric = bool(np.array_equal(table, table[::-1]))
        self.integral = bool((table == np.rint(table)).all())
        self._tents = len(bends(table)[0])

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: look up its size."""
        return float(self.values[np.count_nonzero(validate.mask(mask, self.n))])

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element: one of two slopes of the table."""
        mask = validate.mask(mask, self.n)
        size = np.count_nonzero(mask)
        others = np.where(mask, size - 1, size)
        return self.values[np.minimum(others + 1, self.n)] - self.values[others]

    def as_cut(self) -> CutForm:
        """Return the graph with one auxiliary node and n arcs per breakpoint of the table."""
        return concave_cut_form(self.n, [(np.arange(self.n)[None], self.values, np.ones(1))])

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the table in reverse."""
        return _derived(self.values[::-1] - self.values[-1])

    def _source(self) -> str:
        return f"Cardinality({shown(self.values)})"

    def _state(self, mask: Array) -> Any:
        return [int(np.count_nonzero(mask))]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        others = state[0] - int(mask[i])
        return float(self.values[others + 1] - self.values[others])

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        others = state[0] - mask[elements]
        gains: Array = self.values[others + 1] - self.values[others]
        return gains

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        state[0] += -1 if mask[i] else 1

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        gains[order] += scale * np.diff(self.values[: len(order) + 1])

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        first, last = len(before), len(before) + len(kept)
        return _derived(self.values[first : last + 1] - self.values[first])

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        # a gain is a difference of two entries, each of which is rounded
        return GainRange(low, high, size + np.abs(self.values).max() / 512)

    def _scaled(self, scale: float) -> SetFunction | None:
        if scale <= 0:
            return None
        return self if scale == 1 else Cardinality(scale * self.values)

    def _merged(self, scale: float, other: SetFunction, other_scale: float) -> SetFunction | None:
        if not isinstance(other, Cardinality):
            return None
        return _derived(scale * self.values + other_scale * other.values)


def _derived(table: Array) -> Cardinality:
    """Return the function of a table that is concave up to the rounding of its computation.

    The rounding errors can be much larger than the entries of the table. The slopes that are
    nonincreasing and nearest to those of the table change it by no more than these errors.
    """
    if not _is_concave(table):
        from scipy.optimize import isotonic_regression  # takes long to import

        slopes = isotonic_regression(np.diff(table), increasing=False).x
        table = np.concatenate([table[:1], np.cumsum(slopes)])
    return Cardinality(table)


def _is_concave(table: Array) -> bool:
    return not len(table) > 2 or bool(_bends(table).max() <= 1e-12 * np.abs(table).max())


def _bends(table: Array) -> Array:
    return table[2:] - 2 * table[1:-1] + table[:-2]


def check_concave(name: str, table: Array) -> None:
    """Raise unless a table of values at 0, 1, ... begins with 0 and is concave."""
    if table[0] != 0:
        raise ValueError(
            f"{name}[0] = F(∅) needs to be 0, got {table[0]:g}. Subtract it: {name} - {name}[0]."
        )
    if not _is_concave(table):
        k = int(_bends(table).argmax()) + 1
        raise ValueError(
            f"{name} needs to be concave for F to be submodular, but {name}[{k}] = {table[k]:g} "
            f"lies below the mean of its neighbors {table[k - 1]:g} and {table[k + 1]:g}. "
            "Write a function that is not concave as a difference Cardinality(a) - Cardinality(b)."
        )
