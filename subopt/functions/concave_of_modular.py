"""Sums of concave functions of modular functions, also called feature-based functions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import copied
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._phi import CALLABLE, Phi, PhiSpec, phi
from subopt.functions._sparse import (
    compress,
    dense,
    freeze,
    nonnegative_entries,
    row_of,
    shown,
    sums,
    take_rows,
    weights_for,
)
from subopt.functions.algebra import SetFunction


class ConcaveOfModularData(NamedTuple):
    """Weights of each element, in compressed rows: one row per element."""

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64, groups
    weights: Array  # (nnz,) float64, nonnegative
    base: Array  # (groups,) float64: weight of contracted elements
    scales: Array  # (groups,) float64, nonnegative


@documented_like(SetFunction)
class ConcaveOfModular(SetFunction):
    """F(S) = sum over groups of scale * phi(w(S)), with one row of weights w per group.

    A sweep costs O(nnz + groups), `value` and `marginals` O(n + nnz), where nnz is the number of
    nonzero weights. Weights are stored in sparse form.

    Parameters
    ----------
    weights : array_like or scipy sparse matrix, shape (groups, n)
        Nonnegative weights of the elements in each group.
    phi : str, tuple or callable, default "sqrt"
        "sqrt", "log1p", ("power", a) with 0 < a <= 1, ("min", cap), or a concave callable with
        phi(0) = 0. A callable that accepts arrays is faster. Concavity of a callable is checked on
        a grid of 65 points.
    scales : array_like of float, shape (groups,), optional
        Nonnegative factor of each group; ones by default.

    Raises
    ------
    ValueError
        If a weight or scale is negative or not finite, or phi is not one of the above.

    Examples
    --------
    >>> F = ConcaveOfModular([[1, 3, 0], [0, 0, 4]], "sqrt")
    >>> F([0, 1]), F.greedy([0, 1, 2])
    (2.0, array([1., 1., 2.]))
    """

    def __init__(
        self, weights: Any, phi: PhiSpec = "sqrt", scales: ArrayLike | None = None
    ) -> None:
        groups, elements, w, (n_groups, n) = nonnegative_entries("weights", weights)
        factors = weights_for("scales", scales, n_groups, "group")
        largest = sums(groups, w, 1).max()
        indptr, indices, (w,) = compress(n, n_groups, elements, groups, (w,))
        data = ConcaveOfModularData(indptr, indices, w, np.zeros(n_groups), factors)
        self._build(data, Phi(phi, float(largest)))

    def _build(self, data: ConcaveOfModularData, phi: Phi) -> None:
        self.n = len(data.indptr) - 1
        self.monotone = phi.increasing
        self._phi, self._data = phi, data
        freeze(data)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, from the weight of the set in each group."""
        d, levels = self._data, self._levels(validate.mask(mask, self.n))
        return float(d.scales @ (self._phi(levels) - self._phi(d.base)))

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        mask = validate.mask(mask, self.n)
        d, rows = self._data, row_of(self._data.indptr)
        levels, counts = self._state(mask)
        here, inside = levels[d.indices], mask[rows]
        # where no other element of the group is in S, use the exact level: sqrt would amplify the
        # rounding error of the difference
        low = np.where(inside, here - d.weights, here)
        low = np.where(counts[d.indices] == inside, d.base[d.indices], low)
        parts = d.scales[d.indices] * (self._phi(low + d.weights) - self._phi(low))
        return sums(rows, parts, self.n)

    def _source(self) -> str | None:
        d, groups = self._data, len(self._data.base)
        if self._phi.code == CALLABLE:
            return None
        matrix = dense(self.n, d.indptr, d.indices, d.weights, groups).T
        contracted = ""
        if d.base.any():  # the weight of contracted elements, as that of one more element
            matrix = np.column_stack([matrix, d.base])
            contracted = f".contract([{self.n}])"
        phi, scales = self._phi.spec, shown(d.scales)
        return f"ConcaveOfModular({shown(matrix)}, {phi!r}, {scales}){contracted}"

    def _levels(self, mask: Array) -> Array:
        d = self._data
        used = mask[row_of(d.indptr)]
        return d.base + sums(d.indices[used], d.weights[used], len(d.base))

    def _state(self, mask: Array) -> Any:
        d = self._data
        used = mask[row_of(d.indptr)]
        return self._levels(mask), np.bincount(d.indices[used], minlength=len(d.base))

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        (levels, counts), d = state, self._data
        row = slice(d.indptr[i], d.indptr[i + 1])
        groups, w = d.indices[row], d.weights[row]
        low = levels[groups] - w if mask[i] else levels[groups]
        low = np.where(counts[groups] == mask[i], d.base[groups], low)  # no other element is in
        return float(d.scales[groups] @ (self._phi(low + w) - self._phi(low)))

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        (levels, counts), d = state, self._data
        row = slice(d.indptr[i], d.indptr[i + 1])
        groups = d.indices[row]
        counts[groups] += -1 if mask[i] else 1
        levels[groups] += -d.weights[row] if mask[i] else d.weights[row]
        levels[groups] = np.where(counts[groups] == 0, d.base[groups], levels[groups])

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        if self._phi.code == CALLABLE:
            return super()._gains(state, mask, elements)
        result = np.empty(len(elements))
        _gains(self._data, self._phi.code, self._phi.parameter, *state, mask, elements, result)
        return result

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        d = self._data
        if self._phi.code != CALLABLE:
            _sweep(d, self._phi.code, self._phi.parameter, scale, order, gains)
            return
        low, high = np.zeros(len(d.weights)), np.zeros(len(d.weights))
        _sweep_levels(d, order, low, high)
        parts = d.scales[d.indices] * (self._phi(high) - self._phi(low))
        gains += scale * sums(row_of(d.indptr), parts, self.n)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        d = self._data
        inside = np.zeros(self.n, dtype=np.bool_)
        inside[before] = True
        indptr, used = take_rows(d.indptr, kept)
        data = d._replace(
            indptr=indptr,
            indices=d.indices[used],
            weights=d.weights[used],
            base=self._levels(inside),
        )
        part = ConcaveOfModular.__new__(ConcaveOfModular)
        part._build(data, self._phi)
        return part


@njit
def _sweep(f, code, parameter, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`.

    `code` and `parameter` say which phi it is, see `subopt.functions._phi.phi`.
    """
    level = copied(f.base)
    reached = np.empty(level.shape[0])
    for g in range(level.shape[0]):
        reached[g] = phi(code, parameter, level[g])
    for i in order:
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            g = f.indices[e]
            level[g] += f.weights[e]
            value = phi(code, parameter, level[g])
            total += f.scales[g] * (value - reached[g])
            reached[g] = value
        gains[i] += scale * total


@njit
def _sweep_levels(f, order, low, high):
    """Set the argument of phi before and after each entry of the matrix is added, in an order.

    For functions phi in Python. `low` and `high` have shape (nnz,), float64.
    """
    level = copied(f.base)
    for i in order:
        for e in range(f.indptr[i], f.indptr[i + 1]):
            g = f.indices[e]
            low[e] = level[g]
            level[g] += f.weights[e]
            high[e] = level[g]


@njit
def _gains(f, code, parameter, levels, counts, mask, elements, result):
    """Write the gains of some elements to `result`, see `subopt.functions.oracle`.

    `code` and `parameter` say which phi it is. `levels` (groups,) float64 and `counts` (groups,)
    int64 are the weight of the elements of S in each group, and their number.
    """
    for k in range(elements.shape[0]):
        i = elements[k]
        inside = 1 if mask[i] else 0
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            g = f.indices[e]
            low = levels[g] - inside * f.weights[e]
            if counts[g] == inside:  # nobody else is there
                low = f.base[g]
            more = phi(code, parameter, low + f.weights[e]) - phi(code, parameter, low)
            total += f.scales[g] * more
        result[k] = total
