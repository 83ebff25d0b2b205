"""Coverage functions: the total weight of the items that the elements of a set cover."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import copied
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import (
    compress,
    compressed,
    dense,
    freeze,
    row_of,
    shown,
    weights_for,
)
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm


class CoverageData(NamedTuple):
    """Items of each element, in compressed rows: one row per element."""

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64
    weights: Array  # (items,) float64, nonnegative


@documented_like(SetFunction)
class Coverage(SetFunction):
    """F(S) = total weight of the items that are covered by at least one element of S.

    A sweep costs O(nnz + items), `value` and `marginals` O(n + nnz), where nnz is the number of
    pairs of an element and an item that it covers. They are stored in sparse form.

    Parameters
    ----------
    membership : array_like or scipy sparse matrix, shape (n, items)
        Booleans or nonnegative numbers. Element i covers item u if ``membership[i, u]`` is not
        zero.
    weights : array_like of float, shape (items,), optional
        Nonnegative weight of each item; ones by default.

    Raises
    ------
    ValueError
        If an entry or a weight is negative or not finite, or the shapes do not match.

    Examples
    --------
    >>> F = Coverage([[1, 1, 0], [0, 1, 1]], weights=[1, 2, 4])
    >>> F([0]), F.greedy([0, 1]), F.greedy([1, 0])
    (3.0, array([3., 4.]), array([1., 6.]))
    """

    monotone = True
    cut_representable = True
    _has_levels = True

    def __init__(self, membership: Any, weights: ArrayLike | None = None) -> None:
        if not isinstance(membership, np.ndarray) and _are_sets(membership):
            raise TypeError(
                "membership needs a matrix, one row per element and one column per item, got sets. "
                "Build it: [[item in covered for item in items] for covered in sets]."
            )
        way = "0 is for what is not covered; what items are worth is said by weights."
        indptr, indices, _, (_, items) = compressed("membership", membership, way)
        self._hold(CoverageData(indptr, indices, weights_for("weights", weights, items, "item")))

    def _build(self, n: int, rows: Array, columns: Array, weights: Array) -> None:
        indptr, indices, _ = compress(n, len(weights), rows, columns, ())
        self._hold(CoverageData(indptr, indices, weights))

    def _hold(self, data: CoverageData) -> None:
        self.n = len(data.indptr) - 1
        self.integral = bool((data.weights == np.rint(data.weights)).all())
        self._data = data
        freeze(data)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: add up the weights of the items that it covers."""
        chosen = validate.mask(mask, self.n)[row_of(self._data.indptr)]
        covered = np.zeros(len(self._data.weights), dtype=np.bool_)
        covered[self._data.indices[chosen]] = True
        return float(self._data.weights[covered].sum())

    def marginals(self, mask: Array) -> Array:
        """Return the weight of the items of each element that no other element of a set covers."""
        mask = validate.mask(mask, self.n)
        return self._gains(self._state(mask), mask, np.arange(self.n))

    def as_cut(self) -> CutForm:
        """Return the graph with one auxiliary node per item, joined to the elements covering it."""
        d, items = self._data, len(self._data.weights)
        return CutForm(
            self.n,
            items,
            row_of(d.indptr),
            self.n + d.indices,
            d.weights[d.indices],
            np.zeros(len(d.indices)),
            np.concatenate([np.zeros(self.n), d.weights]),
        )

    def _source(self) -> str | None:
        d, items = self._data, len(self._data.weights)
        covers = dense(self.n, d.indptr, d.indices, np.ones(len(d.indices)), items)
        return f"Coverage({shown(covers)}, {shown(d.weights)})"

    def _state(self, mask: Array) -> Any:
        d = self._data
        return np.bincount(d.indices[mask[row_of(d.indptr)]], minlength=len(d.weights))

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        items = self._data.indices[self._data.indptr[i] : self._data.indptr[i + 1]]
        return float(self._data.weights[items[state[items] == mask[i]]].sum())

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        items = self._data.indices[self._data.indptr[i] : self._data.indptr[i + 1]]
        state[items] += -1 if mask[i] else 1

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        result = np.empty(len(elements))
        _gains(self._data, state, mask, elements, result)
        return result

    def _levels(self, mask: Array) -> Array:
        return np.where(self._state(mask) > 0, self._data.weights, 0.0)

    def _above(self, levels: Array) -> tuple[float, Array]:
        # an item that is covered in part: this much of its weight is paid to nobody
        levels = np.clip(levels, 0.0, self._data.weights)
        result = np.empty(self.n)
        _left(self._data, self._data.weights - levels, result)
        return float(levels.sum()), result

    def _slope(self, levels: Array, elements: Array) -> Array:
        d = self._data
        chosen = np.zeros(self.n, dtype=np.bool_)
        chosen[elements] = True
        slope = 1.0 - self._state(chosen)
        slope[(levels <= 0) & (slope > 0)] = 0.0
        slope[(levels >= d.weights) & (slope < 0)] = 0.0
        return slope

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        new = np.full(self.n, -1)
        new[kept], new[before] = np.arange(len(kept)), -2
        row = new[row_of(self._data.indptr)]
        left = np.ones(len(self._data.weights), dtype=np.bool_)
        left[self._data.indices[row == -2]] = False
        used = (row >= 0) & left[self._data.indices]
        number = np.cumsum(left) - 1
        part = Coverage.__new__(Coverage)
        items = number[self._data.indices[used]]
        part._build(len(kept), row[used], items, self._data.weights[left])
        return part


def _are_sets(rows: Any) -> bool:
    return isinstance(rows, (list, tuple)) and any(
        isinstance(row, (set, frozenset, str, dict))
        or (isinstance(row, (list, tuple)) and any(isinstance(item, str) for item in row))
        for row in rows
    )


@njit
def _sweep(f, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`."""
    left = copied(f.weights)  # weight of each item, set to 0 once it is covered
    for i in order:
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            u = f.indices[e]
            total += left[u]
            left[u] = 0.0
        gains[i] += scale * total


@njit
def _gains(f, times, mask, elements, result):
    """Write the gains of some elements to `result`, see `subopt.functions.oracle`.

    `times` (items,) int64: the number of elements of S that cover each item.
    """
    for k in range(elements.shape[0]):
        i = elements[k]
        alone = 1 if mask[i] else 0  # no other element of the set covers the item
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            if times[f.indices[e]] == alone:
                total += f.weights[f.indices[e]]
        result[k] = total


@njit
def _left(f, left, result):
    """Write to `result` (n,) the sum of `left` (items,) over the items of each element."""
    for i in range(result.shape[0]):
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            total += left[f.indices[e]]
        result[i] = total
