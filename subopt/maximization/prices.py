"""The largest modular function over feasible sets, bounded from above by prices of constraints.

Prices y >= 0 of the rows a(S) <= b of the constraints bound every modular function w: for feasible
S, w(S) <= w(S) - (y a)(S) + y b <= sum of max(w - y a, 0) + y b. The least such bound is that of
the linear relaxation: exact for a size and groups, and for one budget the fractional knapsack.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import in_order, scaled_rows

STEPS = 64
"""Largest number of prices that are tried for a budget."""


class Most(NamedTuple):
    """A bound on a modular function over feasible sets, and what it comes from."""

    bound: float
    elements: Array  # a maximizer of the priced function; the best feasible set without budgets
    prices: Array  # (n_rows,)


def most(of: Constraints, weights: Array) -> Most:
    """Bound the largest weight of a feasible set from above.

    Parameters
    ----------
    of : Constraints
        Without elements that are included or excluded, and with feasible sets.
    weights : ndarray of float64, shape (n,)
    """
    if len(of.layers) > 1 or len(of.purses) > 1:
        return _by_linear_program(of, weights)
    return _one_budget(of, weights) if of.purses else _matroid(of, weights)


def bound_of(of: Constraints, weights: Array, prices: Array) -> float:
    """Return the bound that prices prove."""
    extra, constant = of.priced(prices)
    return float(np.maximum(weights - extra, 0.0).sum()) + constant


def _matroid(of: Constraints, weights: Array) -> Most:
    """Take the largest weights that fit; at most one partition into groups, and no budget."""
    high, low = min(of.high, of.n), of.low
    prices = np.zeros(of.n_rows)
    count = np.count_nonzero(weights > 0)
    if of.layers:
        order = in_order(of, [(of.layers[0].labels, of.layers[0].limits)], -weights)
        taken = order[: max(low, np.count_nonzero(weights[order] > 0))]
    elif low <= count <= high:
        taken = np.flatnonzero(weights > 0)
    else:
        size = high if count > high else low
        taken = np.argpartition(-weights, size - 1)[:size] if size else np.zeros(0, np.intp)
    least = float(weights[taken].min(initial=math.inf))
    if high == 0:
        least = float(weights.max(initial=0.0))
    if len(taken) >= high and least > 0:
        prices[1] = least
    elif len(taken) <= low and least < 0:
        prices[0] = -least
    if of.layers:
        labels, limits = of.layers[0].labels, of.layers[0].limits
        # the first weight of each group that is left out, if it would be taken without a limit
        by_group = np.lexsort((-weights, labels))
        place = np.searchsorted(labels[by_group], np.arange(len(limits))) + limits
        inside = place < len(by_group)
        first = by_group[place[inside]]
        own = labels[first] == np.flatnonzero(inside)
        rate = prices[1] - prices[0]
        left_out = np.flatnonzero(inside)[own]
        prices[2 + left_out] = np.maximum(weights[first[own]] - rate, 0.0)
    return Most(bound_of(of, weights, prices), taken, prices)


def _one_budget(of: Constraints, weights: Array) -> Most:
    """Minimize the bound over the price of one budget, a convex piecewise linear function.

    Each price gives a line that touches it from below; the next price is where the last falling and
    the last rising line meet.
    """
    bare = Constraints(of.n, of.low, of.high, of.include, of.exclude, of.layers, ())
    costs, limit = of.purses[0].costs, of.purses[0].most
    best: Most | None = None
    falling: tuple[float, float] | None = None  # height at price 0, slope
    rising: tuple[float, float] | None = None
    price, scale = 0.0, _density(weights, costs)
    for _ in range(STEPS):
        inner = _matroid(bare, weights - price * costs)
        bound = inner.bound + price * limit
        if best is None or bound < best.bound:
            best = Most(bound, inner.elements, np.append(inner.prices, price))
        slope = limit - float(costs[inner.elements].sum())
        line = (bound - price * slope, slope)
        if slope >= 0:
            rising = line
            if price == 0 or slope == 0:
                break
        else:
            falling = line
        if rising is None:  # a price at which the budget suffices is not known yet
            price = max(2 * price, scale)
            if not math.isfinite(price) or price == 0:
                break
            continue
        assert falling is not None
        following = (falling[0] - rising[0]) / (rising[1] - falling[1])
        if not following > 0 or following == price:
            break
        if falling[0] + following * falling[1] >= best.bound:
            break
        price = following
    assert best is not None
    return best._replace(bound=bound_of(of, weights, best.prices))


def _density(weights: Array, costs: Array) -> float:
    """Return the largest ratio of a weight to a cost, from which on nothing with a cost pays."""
    some = (costs > 0) & (weights > 0)
    with np.errstate(over="ignore"):
        return float((weights[some] / costs[some]).max(initial=0.0))


def _by_linear_program(of: Constraints, weights: Array) -> Most:
    """Take the prices of the linear relaxation."""
    from scipy.optimize import linprog

    size = float(np.abs(weights).max(initial=0.0))
    prices, x = np.zeros(of.n_rows), (weights > 0).astype(np.float64)
    if size > 0:
        matrix, limits, rows = scaled_rows(of)
        found = linprog(-weights / size, matrix, limits, bounds=(0.0, 1.0), method="highs")
        if found.x is not None:
            prices = np.maximum(-found.ineqlin.marginals, 0.0) * size / rows
            x = found.x
    return Most(bound_of(of, weights, prices), np.flatnonzero(x > 0.5), prices)
