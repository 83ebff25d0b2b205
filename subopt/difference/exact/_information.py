"""Compiled: all sets of an interval on which h is minus a mutual information plus weights.

The mutual information of columns and a class is the entropy of the class minus its conditional
entropy, which is a sum over blocks of rows with equal columns. Depth-first search adds one element
at a time, so that a set costs one pass over the rows of mixed blocks. The supersets of a set are
skipped if none is feasible, or if a lower bound from the negative weights and the information of
all remaining columns is not below the best value.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.entropy import Entropy
from subopt.functions.modular import Modular

WORK = 2.0**25
"""Largest number of sets times rows, about a tenth of a second: nothing ends it earlier."""
WIDEST = 64
"""Largest number of elements."""


class _Counts(NamedTuple):
    """Numbers per code or class, (rows + 1,) int64; `place` and `number` are 0 between calls."""

    place: Array  # of each code: rows that have it, then where the next one goes
    seen: Array  # the codes of a block
    number: Array  # of each class: rows of a block that have it


class Uncertainty(NamedTuple):
    """Uncertainty of the class of each row, given the block of the row and columns."""

    codes: Array  # (m, rows) int32: value of each entry
    after: Array  # (m + 1, rows) int64: number of the values of columns k, k + 1, ... together
    classes: Array  # (rows,) int64
    rows: Array  # (mixed rows,) int64: row numbers, grouped by block
    starts: Array  # (blocks,) int64: first position of a block of rows of several classes
    stops: Array  # (blocks,) int64: one past its last position
    cost: Array  # (rows + 1,) float64: (c / N) log c
    scale: float  # of the uncertainty
    weights: Array  # (m,) float64
    usage: Array  # (limits, m) float64, at least 0: what elements use of the limits
    limits: Array  # (limits,) float64
    fewest: int  # elements of a set


def too_many(n: int, region: Constraints | None) -> bool:
    """Return whether there are too many sets on n elements, however few rows there are."""
    return n > WIDEST or _count(n, region) > WORK


def _count(n: int, region: Constraints | None) -> int:
    most = n if region is None else max(0, min(region.high, n))
    return sum(math.comb(n, k) for k in range(most + 1))


def uncertainty(
    f: SetFunction,
    g: SetFunction,
    falling: tuple[tuple[float, SetFunction, SetFunction], ...],
    region: Constraints | None,
) -> Uncertainty | None:
    """Return f - g plus falling parts in this form, or None if that is not possible or too large.

    Parameters
    ----------
    f, g : SetFunction
        On m elements.
    falling : tuple of (float, SetFunction, SetFunction)
        Factors and entropies whose difference falls, on the same elements.
    region : Constraints or None
        The feasible sets.
    """
    if len(falling) != 1 or f.n == 0 or too_many(f.n, region):
        return None
    if region is not None and (region.include.any() or region.exclude.any()):
        return None
    plus, minus = _weights(f), _weights(g)
    scale, F, G = falling[0]
    if plus is None or minus is None or not isinstance(F, Entropy) or not isinstance(G, Entropy):
        return None
    mixed, finer = G._data, F._data
    n_rows = len(mixed.rows)
    classes = np.arange(n_rows) + len(finer.starts)  # rows that are alone, in a class of their own
    for k, (first, last) in enumerate(zip(finer.starts, finer.stops, strict=True)):
        classes[finer.rows[first:last]] = k
    classes = np.unique(classes, return_inverse=True)[1].astype(np.int64).ravel()
    blocks = [
        mixed.rows[first:last]
        for first, last in zip(mixed.starts, mixed.stops, strict=True)
        if np.ptp(classes[mixed.rows[first:last]]) > 0
    ]
    sizes = np.array([len(block) for block in blocks], dtype=np.int64)
    if _count(f.n, region) * int(sizes.sum()) > WORK:
        return None
    stops = np.cumsum(sizes)
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *blocks])
    weights = plus - minus
    after = np.zeros((f.n + 1, n_rows), dtype=np.int64)
    for k in range(f.n - 1, -1, -1):
        joint = after[k + 1] * (int(mixed.codes[k].max(initial=0)) + 1) + mixed.codes[k]
        after[k] = np.unique(joint, return_inverse=True)[1].ravel()
    usage, limits, fewest = np.zeros((0, f.n)), np.zeros(0), 0
    if region is not None:  # the first row is minus the size
        usage, limits = region.matrix().toarray()[1:], region.limits()[1:]
        fewest = max(0, region.low)
    starts, codes, cost = stops - sizes, mixed.codes, mixed.cost
    return Uncertainty(
        codes,
        after,
        classes,
        rows,
        starts,
        stops,
        cost,
        float(scale),
        weights,
        usage,
        limits,
        fewest,
    )


def lowest(problem: Uncertainty, most: float) -> tuple[float, Array] | None:
    """Return the minimum over feasible sets, relative to ∅, and where it is.

    Returns None if no feasible set is below `most`.
    """
    m, n_rows = problem.codes.shape
    chosen = np.zeros(m, dtype=np.bool_)
    rows = np.empty((m + 2, len(problem.rows)), dtype=np.int64)
    blocks = np.empty((m + 2, 2, max(1, len(problem.rows) // 2)), dtype=np.int64)
    counts = _Counts(*np.zeros((3, n_rows + 1), dtype=np.int64))
    used = np.zeros((m + 1, len(problem.limits)))
    value = float(_lowest(problem, float(most), chosen, rows, blocks, counts, used))
    return (value, chosen) if value < most else None


def _weights(F: SetFunction) -> Array | None:
    weights = np.zeros(F.n)
    for scale, G in terms_of(F):
        if not isinstance(G, Modular):
            return None
        weights = weights + scale * G.weights
    return weights


@njit
def _lowest(p, most, chosen, rows, blocks, counts, used):
    """Return the minimum over feasible sets if it is below `most`, else `most`.

    Depth d of the workspace describes the set of the d elements that were added last; row m + 1 of
    `rows` and `blocks` is used for bounds.

    p : Uncertainty
        Its m elements are columns.
    chosen : (m,) bool
        Receives the minimizer, if there is one below `most`.
    rows : (m + 2, mixed rows) int64
        Row numbers, grouped by block.
    blocks : (m + 2, 2, blocks) int64
        First position of each block of several classes, and one past its last.
    counts : _Counts
        Workspace of `_split` and `_mixture`.
    used : (m + 1, limits) float64
        How much of the limits the set uses.
    """
    m = p.codes.shape[0]
    falls = np.zeros(m + 1)  # what the negative weights of columns k, k + 1, ... save
    for k in range(m - 1, -1, -1):
        falls[k] = falls[k + 1] + min(p.weights[k], 0.0)
    uncertain, weight, n_blocks = np.zeros(m + 2), np.zeros(m + 2), np.zeros(m + 2, np.int64)
    element = np.zeros(m + 2, np.int64)  # the one that was added at each depth
    n_blocks[0] = p.starts.shape[0]
    for r in range(p.rows.shape[0]):
        rows[0, r] = p.rows[r]
    for b in range(n_blocks[0]):
        blocks[0, 0, b], blocks[0, 1, b] = p.starts[b], p.stops[b]
        uncertain[0] += _mixture(p, rows[0], p.starts[b], p.stops[b], counts)
    best = most
    if p.fewest == 0 and _within(p.limits, used[0]):
        best = min(best, 0.0)
    depth, k = 0, 0
    while True:
        if k == m:
            if depth == 0:
                return best
            k = element[depth] + 1
            depth -= 1
            continue
        # the next set: that of this depth, and column k
        now = depth + 1
        for row in range(p.limits.shape[0]):
            used[now, row] = used[depth, row] + p.usage[row, k]
        if not _within(p.limits, used[now]):
            k += 1
            continue
        element[now], weight[now] = k, weight[depth] + p.weights[k]
        uncertain[now], n_blocks[now] = _split(
            p, p.codes[k], rows, blocks, n_blocks[depth], depth, now, counts
        )
        value = weight[now] + p.scale * (uncertain[now] - uncertain[0])
        if value < best and now >= p.fewest:
            best = value
            chosen[:] = False
            for d in range(1, now + 1):
                chosen[element[d]] = True
        k += 1
        # what follows this set: all columns from k on may be added to it
        low = weight[now] + falls[k] - p.scale * uncertain[0]
        if k == m or low >= best or now + m - k < p.fewest:
            continue
        if n_blocks[now] > 0 and k < m - 1:
            rest = _split(p, p.after[k], rows, blocks, n_blocks[now], now, m + 1, counts)[0]
            if low + p.scale * rest >= best:
                continue
        depth = now


@njit
def _within(limits, used):
    """Return whether `used` (limits,) is at most `limits` (limits,) everywhere."""
    within = True
    for row in range(limits.shape[0]):
        within = within and used[row] <= limits[row]
    return within


@njit
def _split(p, codes, rows, blocks, n_blocks, at, to, counts):
    """Divide the blocks of depth `at` by a column; return the uncertainty left, and their number.

    `codes` (rows,) is the column; the new blocks are those of depth `to`. See `_lowest`.
    """
    total, n_new = 0.0, 0
    place, seen = counts.place, counts.seen
    for b in range(n_blocks):
        first, last, n_seen = blocks[at, 0, b], blocks[at, 1, b], 0
        for r in range(first, last):
            c = codes[rows[at, r]]
            if place[c] == 0:
                seen[n_seen] = c
                n_seen += 1
            place[c] += 1
        position = first
        for s in range(n_seen):
            c = seen[s]
            size = place[c]
            place[c] = position
            position += size
        for r in range(first, last):
            row = rows[at, r]
            c = codes[row]
            rows[to, place[c]] = row
            place[c] += 1
        begin = first
        for s in range(n_seen):
            c = seen[s]
            end = place[c]
            place[c] = 0
            if end - begin > 1:
                mixed = _mixture(p, rows[to], begin, end, counts)
                if mixed > 0:
                    total += mixed
                    blocks[to, 0, n_new], blocks[to, 1, n_new] = begin, end
                    n_new += 1
            begin = end
    return total, n_new


@njit
def _mixture(p, rows, first, last, counts):
    """Return the uncertainty of the class in a block, ``rows[first:last]``; 0 for one class."""
    number, one = counts.number, p.classes[rows[first]]
    same = True
    for r in range(first, last):
        c = p.classes[rows[r]]
        number[c] += 1
        same = same and c == one
    total = 0.0
    if not same:
        total = p.cost[last - first]
    for r in range(first, last):
        c = p.classes[rows[r]]
        if not same and number[c] > 0:
            total -= p.cost[number[c]]
        number[c] = 0
    return total
