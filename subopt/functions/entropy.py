"""Empirical entropy of discrete data, computed by partition refinement."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.jit import njit
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import freeze
from subopt.functions.algebra import SetFunction
from subopt.functions.oracle import GainRange


class EntropyData(NamedTuple):
    """Columns of integer codes, and a partition of the rows into blocks of equal rows."""

    codes: Array  # (n, rows) int32: value of each entry, as a number 0, 1, ... within its column
    n_codes: int  # largest code plus 1
    rows: Array  # (rows,) int64: row numbers, grouped by block
    starts: Array  # (blocks,) int64: first position of a block in `rows`; blocks of one row, which
    # cannot be split, are left out
    stops: Array  # (blocks,) int64: one past the last position of a block
    cost: Array  # (rows + 1,) float64: (c / N) log c, so that H = log N - sum over blocks of cost


@documented_like(SetFunction)
class Entropy(SetFunction):
    """F(S) = H(D_S), the empirical entropy of the columns S of discrete data.

    With `condition` it is the conditional entropy H(D_S | C). A sweep refines a partition of the
    rows column by column and costs O(n rows) for all n entropies; rows that are the only one in
    their block need no further work. `value` costs ``O(|S| rows)``, `marginals`
    ``O((n + |S| log |S|) rows)``.

    Parameters
    ----------
    data : array_like, shape (rows, n)
        Integers, booleans, strings or floats without NaN; only equality of entries matters.
        Continuous data needs `bins`.
    condition : array_like, shape (rows,) or (rows, k), optional
        Discrete columns C to condition on.
    base : float, default 2
        Base of the logarithm: 2 for bits, ``np.e`` for nats.
    bins : int, optional
        Number of bins into which the values of each column of `data` are divided first, with about
        equally many rows per bin; `data` then needs to be numeric. Equal values share a bin, and
        columns with at most so many different values stay as they are. `condition` is not binned.

    Raises
    ------
    TypeError
        If data or condition is neither numeric nor text, or `bins` is given for text.
    ValueError
        If a shape is wrong, a number is NaN, or base or bins is out of range.

    Warns
    -----
    UserWarning
        If more than half of the rows of a column of floats have a value that no other row has. Such
        a column determines nearly all others.

    Examples
    --------
    >>> F = Entropy([[0, 0], [0, 1], [1, 0], [1, 0]])
    >>> F([0]), F.greedy([0, 1])
    (1.0, array([1. , 0.5]))
    >>> Entropy([[0, 0], [0, 1], [1, 0], [1, 0]], condition=[0, 0, 1, 1])([0, 1])
    0.5
    """

    monotone = True

    def __init__(
        self,
        data: ArrayLike,
        condition: ArrayLike | None = None,
        base: float = 2,
        *,
        bins: int | None = None,
    ) -> None:
        columns = _discrete("data", data)
        if bins is not None:
            columns = binned(columns, validate.size("bins", validate.positive_int("bins", bins)))
        elif columns.dtype.kind == "f":
            _warn_of_own_values(columns)
        n_rows, self.n = columns.shape
        self._base = validate.nonnegative("base", base)
        if self._base <= 1:
            raise ValueError(f"base needs a number > 1, got {base}. np.e gives nats.")
        codes = np.empty((self.n, n_rows), dtype=np.int32)
        for i in range(self.n):
            codes[i] = np.unique(columns[:, i], return_inverse=True)[1]
        counts = np.arange(n_rows + 1, dtype=np.float64)
        cost = counts * np.log(np.maximum(counts, 1)) / (n_rows * np.log(self._base))
        blocks = np.zeros(n_rows, dtype=np.int64)
        if condition is not None:
            C = _discrete("condition", condition)
            if len(C) != n_rows:
                raise ValueError(f"condition needs {n_rows} rows like data, got {len(C)}")
            for column in C.T:
                blocks = _joined(blocks, np.unique(column, return_inverse=True)[1])
        rows = np.argsort(blocks, kind="stable").astype(np.int64)
        sizes = np.bincount(blocks)
        stops = np.cumsum(sizes).astype(np.int64)
        many = sizes > 1
        n_codes = int(codes.max(initial=-1)) + 1
        self._build(EntropyData(codes, n_codes, rows, (stops - sizes)[many], stops[many], cost))

    def _build(self, data: EntropyData) -> None:
        self.n, self._data = len(data.codes), data
        freeze(data)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, by one sweep over its columns."""
        gains = np.zeros(self.n)
        self._sweep(1.0, np.flatnonzero(validate.mask(mask, self.n)), gains)
        return float(gains.sum())

    def marginals(self, mask: Array) -> Array:
        """Return the entropy of each column given the columns of the other elements of a set."""
        mask = validate.mask(mask, self.n)
        result = np.zeros(self.n)
        S = np.flatnonzero(mask)
        _gains(self._given(S), np.flatnonzero(~mask), result)
        # gains of elements of S: divide S into halves, each given the other, down to one element
        parts = [(S, self._data)] if len(S) else []
        while parts:
            part, others = parts.pop()
            if len(part) == 1:
                _gains(others, part, result)
                continue
            left, right = part[: len(part) // 2], part[len(part) // 2 :]
            parts += [(left, self._given(right, others)), (right, self._given(left, others))]
        return result

    def _given(self, before: Array, data: EntropyData | None = None) -> EntropyData:
        """Return the data with the blocks refined by some columns."""
        data = self._data if data is None else data
        rows, blocks = self._workspaces()
        side, m = _sweep(data, 0.0, before, np.zeros(self.n), rows, blocks)
        starts, stops = (blocks[side, end, :m].copy() for end in (0, 1))
        data = data._replace(rows=rows[side].copy(), starts=starts, stops=stops)
        freeze(data)
        return data

    def _workspaces(self) -> tuple[Array, Array]:
        n_rows = len(self._data.rows)
        return np.zeros((2, n_rows), np.int64), np.empty((2, 2, n_rows // 2), np.int64)

    def _source(self) -> str | None:
        d, condition = self._data, ""
        if len(d.starts) != 1 or d.stops[0] - d.starts[0] != len(d.rows):
            blocks = -np.ones(len(d.rows), dtype=np.int64)
            for b, (start, stop) in enumerate(zip(d.starts, d.stops, strict=True)):
                blocks[d.rows[start:stop]] = b
            alone = blocks < 0  # rows that are the only one in their block
            blocks[alone] = len(d.starts) + np.arange(np.count_nonzero(alone))
            condition = f", {blocks.tolist()}"
        base = "" if self._base == 2 else f", base={self._base!r}"
        return f"Entropy({d.codes.T.tolist()}{condition}{base})"

    def _state(self, mask: Array) -> Any:
        return [self._given(np.flatnonzero(mask))]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        others = state[0] if not mask[i] else self._given(np.setdiff1d(np.flatnonzero(mask), i))
        gains = np.zeros(self.n)
        _gains(others, np.array([i]), gains)
        return float(gains[i])

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        if mask[i]:
            state[0] = self._given(np.setdiff1d(np.flatnonzero(mask), i))
        else:
            state[0] = self._given(np.array([i]), state[0])

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        _sweep(self._data, scale, order, gains, *self._workspaces())

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        part = Entropy.__new__(Entropy)
        part._base = self._base
        part._build(self._given(before)._replace(codes=self._data.codes[kept]))
        return part

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        d = self._data
        # a gain is what splitting the blocks takes off their cost, and may cancel to zero
        return GainRange(low, high, size + d.cost[d.stops - d.starts].sum())


def _discrete(name: str, values: ArrayLike) -> Array:
    array = validate.rectangular(name, values)
    if array.ndim == 1 and name == "condition":
        array = array[:, None]
    if array.ndim != 2 or not len(array):
        raise ValueError(f"{name} needs the shape (rows, columns), got {array.shape}")
    if array.dtype.kind not in "biufUS":
        raise TypeError(
            f"{name} needs integers, booleans or strings, got dtype {array.dtype}. "
            "np.unique(column, return_inverse=True)[1] codes a column."
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        row, column = np.argwhere(np.isnan(array))[0]
        raise ValueError(
            f"{name}[{row}, {column}] is NaN, which equals nothing. Give missing entries a value "
            "of their own, e.g. np.nan_to_num(data, nan=-1)."
        )
    return array


def binned(columns: Array, bins: int) -> Array:
    """Return the number of the bin of each entry, by quantiles of its column.

    The last value of each bin is a quantile. A value that makes up more than one bin gets a bin of
    its own; otherwise a column in which the largest value dominates would become constant.
    """
    if columns.dtype.kind in "US":
        raise TypeError("bins needs numeric data, got text: leave bins out, text is discrete")
    codes, wanted = np.empty(columns.shape, dtype=np.int64), np.arange(1, bins + 1)
    for i, column in enumerate(columns.T):
        values, number, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(values) > bins:
            last = np.searchsorted(np.cumsum(counts) * bins, wanted * len(column))
            several = last[1:][last[1:] == last[:-1]]
            number = np.searchsorted(np.unique([*last, *(several - 1)]), number)
        codes[:, i] = number
    return codes


def _warn_of_own_values(columns: Array) -> None:
    """Warn of continuous data, in which every row is a value of its own."""
    n_rows = len(columns)
    for i, column in enumerate(columns.T if n_rows >= 8 else ()):
        values, counts = np.unique(column, return_counts=True)
        alone = int((counts == 1).sum())
        if alone > n_rows / 2 and (values != np.rint(values)).any():
            warnings.warn(
                f"data[:, {i}] has {alone} values that occur once in {n_rows} rows, and so tells "
                "rows apart and determines other columns. For continuous data pass bins=10, or "
                "bin it first.",
                stacklevel=3,
            )
            return


def _joined(blocks: Array, codes: Array) -> Array:
    pair = blocks * (int(codes.max()) + 1) + codes
    return np.unique(pair, return_inverse=True)[1]


@njit
def _sweep(f, scale, order, gains, rows, blocks):
    """Add `scale` times the gains along an order to `gains`, see `subopt.functions.oracle`.

    Return the side of the workspace that holds the last partition, and its number of blocks.

    rows : (2, rows) int64, blocks : (2, 2, blocks) int64
        Workspace, one side before and one side after a column: the rows grouped by block, and the
        first position of each block and one past its last.
    """
    # without slices: each one would add half a second of compilation time
    codes, cost, n_blocks = f.codes, f.cost, f.starts.shape[0]
    for r in range(f.rows.shape[0]):
        rows[0, r] = f.rows[r]
    for b in range(n_blocks):
        blocks[0, 0, b], blocks[0, 1, b] = f.starts[b], f.stops[b]
    counts, place = np.zeros(f.n_codes, np.int64), np.zeros(f.n_codes, np.int64)
    seen = np.empty(f.n_codes, np.int64)
    side = 0
    for k in range(order.shape[0]):
        i, gain, n_new = order[k], 0.0, 0
        for b in range(n_blocks):
            first, last, n_seen = blocks[side, 0, b], blocks[side, 1, b], 0
            if f.n_codes == 2:  # zeros to the front, ones to the back, in one pass
                low, high = first, last
                for r in range(first, last):
                    row = rows[side, r]
                    c = codes[i, row]
                    high -= c
                    rows[1 - side, high if c else low] = row
                    low += 1 - c
                gain += cost[last - first] - cost[low - first] - cost[last - low]
                if low - first > 1:
                    blocks[1 - side, 0, n_new], blocks[1 - side, 1, n_new] = first, low
                    n_new += 1
                if last - low > 1:
                    blocks[1 - side, 0, n_new], blocks[1 - side, 1, n_new] = low, last
                    n_new += 1
                continue
            for r in range(first, last):
                c = codes[i, rows[side, r]]
                if counts[c] == 0:
                    seen[n_seen] = c
                    n_seen += 1
                counts[c] += 1
            gain += cost[last - first]
            position = first
            for s in range(n_seen):
                c = seen[s]
                place[c] = position
                gain -= cost[counts[c]]
                position += counts[c]
                if counts[c] > 1:  # a block of one row cannot be split further
                    blocks[1 - side, 0, n_new], blocks[1 - side, 1, n_new] = place[c], position
                    n_new += 1
                counts[c] = 0
            for r in range(first, last):
                c = codes[i, rows[side, r]]
                rows[1 - side, place[c]] = rows[side, r]
                place[c] += 1
        gains[i] += scale * gain
        side, n_blocks = 1 - side, n_new
    return side, n_blocks


@njit
def _gains(f, elements, gains):
    """Write to `gains` (n,) the gain of each of some columns, given the blocks of `f`.

    Counts suffice for that: no partition is refined.
    """
    counts, seen = np.zeros(f.n_codes, np.int64), np.empty(f.n_codes, np.int64)
    for i in elements:
        gain = 0.0
        for b in range(f.starts.shape[0]):
            n_seen = 0
            if f.n_codes == 2:
                ones, size = 0, f.stops[b] - f.starts[b]
                for r in range(f.starts[b], f.stops[b]):
                    ones += f.codes[i, f.rows[r]]
                gain += f.cost[size] - f.cost[ones] - f.cost[size - ones]
                continue
            for r in range(f.starts[b], f.stops[b]):
                c = f.codes[i, f.rows[r]]
                if counts[c] == 0:
                    seen[n_seen] = c
                    n_seen += 1
                counts[c] += 1
            gain += f.cost[f.stops[b] - f.starts[b]]
            for s in range(n_seen):
                gain -= f.cost[counts[seen[s]]]
                counts[seen[s]] = 0
        gains[i] = gain
