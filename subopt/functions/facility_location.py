"""Facility location: each client is assigned to the most similar element of the set."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import copied
from subopt._base.jit import small_first as njit
from subopt._base.options import documented_like
from subopt._base.types import Array
from subopt.functions._sparse import compressed, freeze, row_of, shown, take_rows
from subopt.functions.algebra import SetFunction


class FacilityLocationData(NamedTuple):
    """Similarities in compressed rows: one row per element.

    The client of entry e of element i is ``indices[e - i * shift]``: a matrix that is mostly full
    is stored with all its entries, and all its rows share one list of clients.
    """

    indptr: Array  # (n + 1,) int64
    indices: Array  # (nnz,) int64, clients; or (clients,), if shift is the number of clients
    similarity: Array  # (nnz,) float64, nonnegative
    base: Array  # (clients,) float64: largest similarity to a contracted element
    shift: int


@documented_like(SetFunction)
class FacilityLocation(SetFunction):
    """F(S) = sum over clients of the largest similarity to an element of S.

    A sweep costs O(nnz + clients), `value` and `marginals` O(n + clients + nnz), where nnz is the
    number of nonzero similarities. Zeros are not stored, unless most similarities are not zero.

    Parameters
    ----------
    similarity : array_like or scipy sparse matrix, shape (clients, n)
        Nonnegative similarity of each client to each element. A matrix in compressed columns
        (``csc``) is used without sorting.

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
    _has_levels = True

    def __init__(self, similarity: Any) -> None:
        if isinstance(similarity, np.ndarray) and similarity.ndim == 2:
            data, integral = _from_dense(similarity)
            self._build(data, integral)
            return
        way = "Clip or shift it, or write a difference f - g of two functions."
        indptr, indices, s, shape = compressed("similarity", similarity, way, columns=True)
        data = FacilityLocationData(indptr, indices, s, np.zeros(shape[0]), 0)
        self._build(data, bool(_integral(s)))

    def _build(self, data: FacilityLocationData, integral: bool) -> None:
        self.n = len(data.indptr) - 1
        self.integral = integral
        self._data = data
        freeze(data)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, by one sweep over its elements."""
        gains = np.zeros(self.n)
        _sweep(self._data, 1.0, np.flatnonzero(validate.mask(mask, self.n)), gains)
        return float(gains.sum())

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        mask = validate.mask(mask, self.n)
        return self._gains(self._state(mask), mask, np.arange(self.n))

    def _entries(self) -> tuple[Array, Array, Array]:
        """Return the similarities that are not 0, by element: elements, clients, and numbers."""
        d = self._data
        elements = row_of(d.indptr)
        clients = d.indices
        if d.shift:
            clients = np.tile(clients, self.n)
        used = d.similarity > 0
        return elements[used], clients[used], d.similarity[used]

    def _source(self) -> str | None:
        d = self._data
        elements, clients, s = self._entries()
        matrix = np.zeros((len(d.base), self.n))
        matrix[clients, elements] = s
        if not d.base.any():
            return f"FacilityLocation({shown(matrix)})"
        # contracted elements, as one more element
        matrix = np.column_stack([matrix, d.base])
        return f"FacilityLocation({shown(matrix)}).contract([{self.n}])"

    def _state(self, mask: Array) -> Any:
        """Return for each client the best and the second best similarity, and who has the best."""
        best, second = self._data.base.copy(), self._data.base.copy()
        server = np.full(len(best), -1)
        _serve(self._data, np.flatnonzero(mask), best, second, server)
        return best, second, server

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return float(self._gains(state, mask, np.array([i]))[0])

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        result = np.empty(len(elements))
        _gains(self._data, *state, mask, elements, result)
        return result

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        best, second, server = state
        if not mask[i]:
            _serve(self._data, np.array([i]), best, second, server)
            return
        left = mask.copy()
        left[i] = False
        best[:] = second[:] = self._data.base
        server[:] = -1
        _serve(self._data, np.flatnonzero(left), best, second, server)

    def _levels(self, mask: Array) -> Array:
        return self._state(mask)[0]

    def _above(self, levels: Array) -> tuple[float, Array]:
        # an element that offers the levels, and is free, raises F; what else is there adds less
        levels = np.maximum(levels, self._data.base)
        none, nobody = np.zeros(self.n, dtype=np.bool_), np.zeros(0, dtype=np.intp)
        result = self._gains((levels, levels, nobody), none, np.arange(self.n))
        return float((levels - self._data.base).sum()), result

    def _slope(self, levels: Array, elements: Array) -> Array:
        slope = np.ones(len(levels))
        _lower(self._data, levels, elements, slope)
        slope[(levels <= self._data.base) & (slope > 0)] = 0.0
        return slope

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        d = self._data
        base = d.base.copy()
        _sweep_best(d, before, base)
        indptr, used = take_rows(d.indptr, kept)
        data = d._replace(
            indptr=indptr,
            indices=d.indices if d.shift else d.indices[used],
            similarity=d.similarity[used],
            base=base,
        )
        part = FacilityLocation.__new__(FacilityLocation)
        part._build(data, bool(_integral(base)) and bool(_integral(data.similarity)))
        return part


TILE = 16
"""Rows and columns of a matrix that are transposed together."""
BLOCK = 64
"""Clients whose gains are added up side by side, where all have a similarity to every element."""


def _from_dense(similarity: Array) -> tuple[FacilityLocationData, bool]:
    """Return the rows with all entries, or without zeros if most are; and if all are integers."""
    numbers = similarity.dtype.kind in "biuf"
    matrix = np.asarray(similarity, dtype=np.float64, order="C") if numbers else similarity
    entries = np.empty(matrix.size)
    used, fractions, wrong = _transpose(matrix, entries, TILE) if numbers else (0, 0, 1)
    if wrong:
        matrix = validate.real_array("similarity", similarity, copy=False)  # names what is wrong
        c, i = np.unravel_index(int(matrix.argmin()), matrix.shape)
        raise ValueError(
            f"similarity needs numbers >= 0, but similarity[{c}, {i}] is {matrix[c, i]:g}. Clip or "
            "shift it, or write a difference f - g of two functions."
        )
    n_clients, n = matrix.shape
    base = np.zeros(n_clients)
    if 2 * used > matrix.size:
        indptr = np.arange(n + 1, dtype=np.int64) * n_clients
        clients = np.arange(n_clients)
        return FacilityLocationData(indptr, clients, entries, base, n_clients), not fractions
    element, clients = np.divmod(np.flatnonzero(entries), max(n_clients, 1))
    indptr = np.searchsorted(element, np.arange(n + 1)).astype(np.int64)
    return FacilityLocationData(indptr, clients, entries[entries != 0], base, 0), not fractions


@njit
def _integral(numbers):
    """Return whether all numbers of a float64 array are integers."""
    fractions = 0
    for k in range(numbers.shape[0]):
        fractions += numbers[k] != np.rint(numbers[k])
    return fractions == 0


@njit
def _transpose(matrix, entries, tile):
    """Write a matrix (clients, n) by columns, in tiles; return three counts of its entries.

    entries : (clients * n,) float64
        Receives the columns one after another; entries that are no numbers >= 0 become 0.

    The counts are of entries that are not 0, that are not integers, and that are no numbers >= 0.
    """
    clients, n = matrix.shape
    used = fractions = wrong = 0
    for first in range(0, clients, tile):
        for left in range(0, n, tile):
            for c in range(first, min(first + tile, clients)):
                for i in range(left, min(left + tile, n)):
                    entries[i * clients + c] = matrix[c, i]
                for i in range(left, min(left + tile, n)):
                    x = matrix[c, i]
                    if not 0 <= x < np.inf:
                        wrong += 1
                        x = 0.0
                    used += x != 0
                    fractions += x != np.rint(x)
    return used, fractions, wrong


@njit
def _sweep_best(f, order, best):
    """Raise `best` (clients,) float64 to the similarity of each client to elements of `order`."""
    for i in order:
        for e in range(f.indptr[i], f.indptr[i + 1]):
            c = f.indices[e - i * f.shift]
            best[c] = max(best[c], f.similarity[e])


@njit
def _sweep(f, scale, order, gains):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`."""
    best = copied(f.base)
    for i in order:
        total = 0.0
        for e in range(f.indptr[i], f.indptr[i + 1]):
            c = f.indices[e - i * f.shift]
            more = f.similarity[e] - best[c]
            if more > 0:
                total += more
                best[c] = f.similarity[e]
        gains[i] += scale * total


@njit
def _serve(f, elements, best, second, server):
    """Let elements join the set; update the two best similarities of each client.

    `best` and `second` (clients,) float64, and `server` (clients,) int64, the element with the best
    one. The second best is needed when the server leaves.
    """
    for i in elements:
        for e in range(f.indptr[i], f.indptr[i + 1]):
            c, s = f.indices[e - i * f.shift], f.similarity[e]
            if s > best[c]:
                second[c] = best[c]
                best[c] = s
                server[c] = i
            elif s > second[c]:
                second[c] = s


@njit
def _gains(f, best, second, server, mask, elements, result):
    """Write the gains of some elements to `result`, see `subopt.functions.oracle`.

    `best`, `second` and `server` (clients,) are the state of S, see `_serve`.
    """
    clients = f.base.shape[0]
    sums = np.zeros(BLOCK)
    for k in range(elements.shape[0]):
        i = elements[k]
        start, stop = f.indptr[i], f.indptr[i + 1]
        total = 0.0
        if mask[i]:  # what its clients lose if it goes
            for e in range(start, stop):
                c = f.indices[e - i * f.shift]
                if server[c] == i:
                    total += best[c] - second[c]
        elif f.shift:  # all clients, in sums that do not wait for each other
            for j in range(BLOCK):
                sums[j] = 0.0
            for first in range(0, clients, BLOCK):
                similarity = f.similarity[start + first : start + min(first + BLOCK, clients)]
                before = best[first : first + BLOCK]
                for j in range(similarity.shape[0]):
                    more = similarity[j] - before[j]
                    sums[j] += more if more > 0 else 0.0
            for j in range(BLOCK):
                total += sums[j]
        else:
            for e in range(start, stop):
                more = f.similarity[e] - best[f.indices[e]]
                if more > 0:
                    total += more
        result[k] = total


@njit
def _lower(f, levels, elements, slope):
    """Subtract 1 from `slope` (clients,) per element with a similarity above the client's level.

    `levels` is (clients,) float64.
    """
    for i in elements:
        for e in range(f.indptr[i], f.indptr[i + 1]):
            c = f.indices[e - i * f.shift]
            if f.similarity[e] > levels[c]:
                slope[c] -= 1.0
