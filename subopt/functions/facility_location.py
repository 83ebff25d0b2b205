"""Facility location: each client is assigned to the most similar element of the set."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array
from subopt.functions._sparse import compress, dense, freeze, nonnegative_entries, shown, take_rows
from subopt.functions.algebra import SetFunction


class FacilityLocationData(NamedTuple):
    """Similarities in compressed rows: one row per element."""

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64, clients
    similarity: Array  # (nnz,) float64, positive
    base: Array  # (clients,) float64: largest similarity to a contracted element


@documented_like(SetFunction)
class FacilityLocation(SetFunction):
    """F(S) = sum over clients of the largest similarity to an element of S.

    A sweep costs O(nnz + clients), `value` and `marginals` O(n + clients + nnz), where nnz is the
    number of nonzero similarities. Zeros are not stored.

    Parameters
    ----------
    similarity : array_like or scipy sparse matrix, shape (clients, n)
        Nonnegative similarity of each client to each element.

    Raises
    ------
    ValueError
        If a similarity is negative or not finite; the message names it.

    Examples
    --------
    >>> F = FacilityLocation([[3, 1], [0, 2]])
    >>> F([1]), F.greedy([1, 0])
    (3.0, array([2., 3.]))
    """

    monotone = True

    def __init__(self, similarity: Any) -> None:
        if isinstance(similarity, np.ndarray) and similarity.ndim == 2:
            self._build(_from_dense(similarity))
            return
        clients, elements, s, (n_clients, n) = nonnegative_entries("similarity", similarity)
        indptr, indices, (s,) = compress(n, n_clients, elements, clients, (s,))
        self._build(FacilityLocationData(indptr, indices, s, np.zeros(n_clients)))

    def _build(self, data: FacilityLocationData) -> None:
        self.n = len(data.indptr) - 1
        self.integral = all(bool((x == np.rint(x)).all()) for x in (data.similarity, data.base))
        self._data = data
        freeze(data)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, by one sweep over its elements."""
        gains = np.zeros(self.n)
        _sweep(self._data, 1.0, np.flatnonzero(validate.mask(mask, self.n)), gains)
        return float(gains.sum())

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        result = np.empty(self.n)
        _marginals(self._data, validate.mask(mask, self.n), result)
        return result

    def _source(self) -> str | None:
        d = self._data
        if not len(d.base):
            return None
        matrix = dense(self.n, d.indptr, d.indices, d.similarity, len(d.base)).T
        if not d.base.any():
            return f"FacilityLocation({shown(matrix)})"
        # contracted elements, as one more element
        matrix = np.column_stack([matrix, d.base])
        return f"FacilityLocation({shown(matrix)}).contract([{self.n}])"

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        d = self._data
        base = d.base.copy()
        _sweep_best(d, before, base)
        indptr, used = take_rows(d.indptr, kept)
        part = FacilityLocation.__new__(FacilityLocation)
        part._build(FacilityLocationData(indptr, d.indices[used], d.similarity[used], base))
        return part


def _from_dense(similarity: Array) -> FacilityLocationData:
    """Return the nonzero entries, without temporary arrays larger than the result."""
    matrix = validate.real_array("similarity", similarity, copy=False)
    if matrix.size and matrix.min() < 0:
        c, i = np.unravel_index(int(matrix.argmin()), matrix.shape)
        raise ValueError(
            f"similarity needs numbers >= 0, but similarity[{c}, {i}] is {matrix[c, i]:g}. Clip or "
            "shift it, or write a difference f - g of two functions."
        )
    n_clients, n = matrix.shape
    counts = np.count_nonzero(matrix, axis=0)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices, values = np.empty(indptr[-1], dtype=np.int64), np.empty(indptr[-1])
    for k in range(n):
        column = matrix[:, k]
        clients = np.flatnonzero(column)
        indices[indptr[k] : indptr[k + 1]] = clients
        values[indptr[k] : indptr[k + 1]] = column[clients]
    return FacilityLocationData(indptr, indices, values, np.zeros(n_clients))


@njit
def _sweep_best(f, order, best):
    for i in order:
        for e in range(f.indptr[i], f.indptr[i + 1]):
            best[f.indices[e]] = max(best[f.indices[e]], f.similarity[e])


@njit
def _sweep(f, scale, order, gains):
    best = f.base.copy()
    for i in order:
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            more = f.similarity[e] - best[f.indices[e]]
            if more > 0:
                total += more
                best[f.indices[e]] = f.similarity[e]
        gains[i] += scale * total


@njit
def _marginals(f, mask, result):
    # removing the element that serves a client costs best - second
    best, second = f.base.copy(), f.base.copy()
    server = np.full(best.shape[0], -1)
    for i in range(mask.shape[0]):
        if mask[i]:
            for e in range(f.indptr[i], f.indptr[i + 1]):
                c, s = f.indices[e], f.similarity[e]
                if s > best[c]:
                    second[c] = best[c]
                    best[c] = s
                    server[c] = i
                elif s > second[c]:
                    second[c] = s
    for i in range(mask.shape[0]):
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            c = f.indices[e]
            if server[c] == i:
                total += best[c] - second[c]
            elif f.similarity[e] > best[c]:
                total += f.similarity[e] - best[c]
        result[i] = total
