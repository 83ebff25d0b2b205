"""Modular functions over feasible sets: by sorting, by linear programs, by integer programs.

A size and groups that are nested or disjoint form a laminar family. Its independent sets are a
matroid, so that the k elements of least weight are found greedily, for all k at once. Budgets, and
groups that cross each other, are given prices (Lagrange): the price of a single budget is found by
a search in which every step is a sort, several prices by a linear program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.constraints.limits import TICK, Layer, Purse

STEPS = 64
"""Largest number of prices that are tried for one budget."""
CUTS = 32
"""Largest number of sets that an integer program finds and that exceed a budget."""


class Least(NamedTuple):
    """A feasible set, its weight, and a lower bound of the weights of all feasible sets."""

    mask: Array  # (n,) bool
    value: float
    bound: float


def least(of: Constraints, weights: Array, *, exact: bool = False) -> Least:
    """Minimize a modular function over the feasible sets, of which there is at least one.

    Sizes and nested groups are solved exactly, by sorting. Otherwise the linear relaxation gives a
    bound and, rounded, a feasible set; with `exact` an integer program follows where these differ.
    """
    if of.include.any() or of.exclude.any():
        inner = least(of.reduced(), weights[of.free], exact=exact)
        base = float(weights[of.include].sum())
        mask = of.lift(inner.mask)
        return Least(mask, float(weights[mask].sum()), base + inner.bound)
    levels = laminar(of.layers)
    if levels is not None and not of.purses:
        mask = _sorted_out(of, levels, weights)
        value = float(weights[mask].sum())
        return Least(mask, value, value)
    if levels is not None and len(of.purses) == 1:
        found = _one_price(of, levels, of.purses[0], weights)
    else:
        found = _relaxed(of, weights)
    if found is not None and (not exact or found.value <= found.bound):
        return found
    best = integer_program(of, weights)
    assert best is not None, "there is a feasible set"
    mask, value = best, float(weights[best].sum())
    if found is None:
        found = Least(mask, value, -math.inf)
    if value < found.value:
        found = Least(mask, value, found.bound)
    # an integer program has tolerances: its value is the minimum, but proves nothing beyond `bound`
    return found._replace(value=float(weights[found.mask].sum()))


def laminar(layers: Sequence[Layer]) -> list[tuple[Array, Array]] | None:
    """Return groups from inner to outer ones, as labels and limits of disjoint ones each.

    None if two groups cross each other: they overlap, and none holds the other.
    """
    if len(layers) <= 1:
        return [(layer.labels, layer.limits) for layer in layers]
    n = len(layers[0].labels)
    depth = [np.zeros(len(layer.limits), dtype=np.intp) for layer in layers]
    for a in range(len(layers)):
        for b in range(a + 1, len(layers)):
            if _crossing(layers[a], layers[b]):
                return None
    # the depth of a group is the length of the longest chain of groups within it
    sizes = [np.bincount(x.labels[x.labels >= 0], minlength=len(x.limits)) for x in layers]
    for _ in layers:
        for a, outer in enumerate(layers):
            for b, inner in enumerate(layers):
                some = (outer.labels >= 0) & (inner.labels >= 0)
                if a == b or not some.any():
                    continue
                g, k = outer.labels[some], inner.labels[some]
                within = (sizes[b][k] < sizes[a][g]) | ((sizes[b][k] == sizes[a][g]) & (b < a))
                np.maximum.at(depth[a], g[within], depth[b][k[within]] + 1)
    levels = []
    for d in range(1 + max((int(x.max(initial=0)) for x in depth), default=0)):
        labels = np.full(n, -1, dtype=np.intp)
        limits: list[int] = []
        for layer, own in zip(layers, depth, strict=True):
            number = np.append(np.where(own == d, np.cumsum(own == d) - 1 + len(limits), -1), -1)
            mine = number[layer.labels]
            labels = np.where(mine >= 0, mine, labels)
            limits += layer.limits[own == d].tolist()
        levels.append((labels, np.array(limits, dtype=np.int64)))
    return levels


def _crossing(a: Layer, b: Layer) -> bool:
    """Return whether a group of one layer and one of the other overlap without being nested."""
    some = (a.labels >= 0) & (b.labels >= 0)
    width = len(b.limits)
    pairs, counts = np.unique(a.labels[some] * width + b.labels[some], return_counts=True)
    sizes = [np.bincount(x.labels[x.labels >= 0], minlength=len(x.limits)) for x in (a, b)]
    if not len(pairs):
        return False
    least = np.minimum(sizes[0][pairs // width], sizes[1][pairs % width])
    return bool((counts < least).any())


def in_order(of: Constraints, levels: list[tuple[Array, Array]], keys: Array) -> Array:
    """Return elements by ascending keys: the first k are the least k that fit, for every k."""
    order = np.argsort(keys, kind="stable")
    for labels, limits in levels:
        own = labels[order]
        by_group = np.argsort(own, kind="stable")
        grouped = own[by_group]
        rank = np.empty(len(order), dtype=np.intp)
        rank[by_group] = np.arange(len(order)) - np.searchsorted(grouped, grouped, side="left")
        most = np.append(limits, len(order))[own]  # no group: no limit
        order = order[rank < most]
    return order[: max(0, of.high)]


def _sorted_out(of: Constraints, levels: list[tuple[Array, Array]], weights: Array) -> Array:
    """Return the feasible set of least weight, budgets aside."""
    order = in_order(of, levels, weights)
    count = max(of.low, int((weights[order] < 0).sum()))
    assert count <= len(order), "there is a feasible set"
    mask = np.zeros(of.n, dtype=np.bool_)
    mask[order[:count]] = True
    return mask


def _one_price(
    of: Constraints, levels: list[tuple[Array, Array]], purse: Purse, weights: Array
) -> Least | None:
    """Maximize the Lagrangian bound over the price of one budget; None if no set is at hand.

    The bound is a concave function of the price. Each price gives a line that touches it; the next
    price is where the last rising and the last falling line meet.
    """
    bare = Constraints(of.n, of.low, of.high, of.include, of.exclude, of.layers, ())
    best, bound = None, -math.inf
    left: tuple[float, float] | None = None  # a rising line: height at price 0, slope
    right: tuple[float, float] | None = None
    price = 0.0
    scale = float(np.abs(weights).max(initial=0.0)) / (purse.most or TICK)
    for _ in range(STEPS):
        mask = _sorted_out(bare, levels, weights + price * purse.costs)
        value, over = float(weights[mask].sum()), float(purse.costs[mask].sum()) - purse.most
        bound = max(bound, value + price * over)
        if over <= 0:
            right = (value, over)
            if best is None or value < best[1]:
                best = (mask, value)
            if price == 0 or over == 0:
                break
        else:
            left = (value, over)
        if right is None:  # a price at which the budget suffices is not known yet
            price = max(4 * price, scale)
            if not math.isfinite(price) or price > 2.0**200 * scale:
                break
            continue
        assert left is not None
        following = (right[0] - left[0]) / (left[1] - right[1])
        if not following > 0 or following == price:
            break
        if left[0] + following * left[1] <= bound:
            break
        price = following
    if best is None:
        return None
    mask, value = best
    filled = _filled(of, mask, weights)
    lower = float(weights[filled].sum())
    return Least(filled, lower, min(bound, lower)) if lower < value else Least(mask, value, bound)


def _filled(of: Constraints, mask: Array, weights: Array) -> Array:
    """Return a feasible set with elements of negative weight added while they fit."""
    use = of.usage(mask)
    for i in np.flatnonzero(of.additions(mask) & (weights < 0))[
        np.argsort(weights[of.additions(mask) & (weights < 0)], kind="stable")
    ]:
        if use.fits(int(i)):
            use.add(int(i))
    return use.mask


def _relaxed(of: Constraints, weights: Array) -> Least | None:
    """Solve the linear relaxation; round its point. None if there is no feasible set at hand."""
    from scipy.optimize import linprog

    size = float(np.abs(weights).max(initial=0.0))
    if size == 0:
        mask = try_complete(of, np.zeros(of.n, dtype=np.bool_))
        return None if mask is None else Least(mask, 0.0, 0.0)
    matrix, limits, rows = scaled_rows(of)
    found = linprog(weights / size, matrix, limits, bounds=(0.0, 1.0), method="highs")
    if found.x is None:
        return None
    prices = np.maximum(-found.ineqlin.marginals, 0.0) * size / rows
    extra, constant = of.priced(prices)
    bound = float(np.minimum(weights + extra, 0.0).sum()) - constant
    mask = try_complete(of, found.x > 0.5, found.x - 1e-3 * weights / size)
    if mask is None:
        return None
    mask = _filled(of, mask, weights)
    value = float(weights[mask].sum())
    return Least(mask, value, min(bound, value))


def scaled_rows(of: Constraints) -> tuple[Any, Array, Array]:
    """Return the rows, scaled to a largest coefficient of 1, and what they were divided by."""
    matrix, limits = of.matrix(), of.limits()
    rows = row_sizes(matrix)
    from scipy import sparse

    return sparse.diags_array(1 / rows).tocsr() @ matrix, limits / rows, rows


def row_sizes(matrix: Any) -> Array:
    """Return the largest coefficient of each row of a sparse array in compressed rows; 1 for 0."""
    sizes = np.zeros(matrix.shape[0])
    rows = np.repeat(np.arange(len(sizes)), np.diff(matrix.indptr))
    np.maximum.at(sizes, rows, np.abs(matrix.data))
    return np.where(sizes > 0, sizes, 1.0)


def integer_program(of: Constraints, weights: Array) -> Array | None:
    """Return a feasible set of least weight by an integer program, or None if there is none.

    HiGHS has tolerances, in which a set may exceed a budget. Such sets are cut off one by one, and
    if they are many, all limits are lowered by the tolerance.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    size = max(float(np.abs(weights).max(initial=0.0)), 1e-300)
    matrix, limits, _ = scaled_rows(of)
    bounds = Bounds(of.include.astype(np.float64), (~of.exclude).astype(np.float64))
    for k in range(2 * CUTS):
        if k == CUTS:
            limits = limits - 4e-6 * np.maximum(1.0, np.abs(limits))
        found = milp(
            weights / size,
            integrality=np.ones(of.n),
            bounds=bounds,
            constraints=LinearConstraint(matrix, ub=limits),
            options={"mip_rel_gap": 0.0},
        )
        if found.x is None:
            return None
        mask: Array = found.x > 0.5
        if of.feasible(mask):
            return mask
        matrix, limits = without(mask, matrix, limits)
    return None


def without(mask: Array, matrix: Any, limits: Array) -> tuple[Any, Array]:
    """Return rows with one more that all sets satisfy but one."""
    from scipy import sparse

    away = np.where(mask, 1.0, -1.0)[None]  # away(S) <= |mask| - 1
    more = sparse.vstack([matrix, sparse.csr_array(away)], format="csr")
    return more, np.append(limits, mask.sum() - 1.0)


def complete(of: Constraints, mask: Array, scores: Array | None = None) -> Array:
    """Return a feasible set near a given one: elements leave and join until it is feasible.

    Elements with higher scores leave last, and join first. There needs to be a feasible set.
    """
    found = try_complete(of, mask, scores)
    if found is None:  # the order was unlucky: as much of the set as possible
        found = integer_program(of, np.where(mask, -1.0, 1.0 / (of.n + 1)))
    assert found is not None, "there is a feasible set"
    return found


def try_complete(of: Constraints, mask: Array, scores: Array | None = None) -> Array | None:
    """Return a feasible set near a given one by single changes, or None if that fails."""
    keys = np.zeros(of.n) if scores is None else -scores
    mask = (mask | of.include) & ~of.exclude
    if not of.feasible(mask):
        use = of.usage(of.include)
        for i in np.lexsort((keys, ~mask))[: int(mask.sum())]:
            if use.fits(int(i)):
                use.add(int(i))
        mask = use.mask
        if use.size < of.low:
            costs = np.zeros(of.n)
            for purse in of.purses:
                costs += purse.costs / (purse.most or TICK)
            for i in np.lexsort((keys, costs)):
                if use.size >= of.low:
                    break
                if use.fits(int(i)):
                    use.add(int(i))
            mask = use.mask
    return mask if of.feasible(mask) else None
