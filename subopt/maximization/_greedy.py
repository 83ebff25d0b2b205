"""Greedy: add the element with the largest gain, or gain per cost, until none fits or helps."""

from __future__ import annotations

import math

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.constraints.limits import TICK
from subopt.constraints.modular import complete
from subopt.functions.incremental import prefers
from subopt.maximization._queue import LazyQueue
from subopt.maximization._run import Run


def relative_costs(run: Run) -> Array:
    """Return which share of the budgets each element takes, (n,), summed over budgets."""
    costs = np.zeros(run.F.n)
    for purse in run.of.purses:
        costs += purse.costs / (purse.most or TICK)
    return costs


def greedy(run: Run, *, by_cost: bool = False) -> None:
    """Add elements by gain, or by gain per cost, and offer the set; lazily.

    The same sets as by evaluating all gains at every step, as long as rounding does not make gains
    rise. Ties go to the smallest number.
    """
    mask, costs = run.of.include.copy(), relative_costs(run) if by_cost else None
    state, use = run.state(mask), run.of.usage(mask)
    value = float(run.F.value(mask.copy()))
    queue = LazyQueue(run.free, _scores(run.first_gains[run.free], run.free, costs))
    path: list[int] = []

    def evaluate(elements: Array) -> Array:
        return _scores(run.gains(state, mask, elements), elements, costs)

    while use.size < run.of.high:
        best = queue.pick(evaluate, use.fits, run.stopped)
        if best is None or (not -best[0] > 0 and use.size >= run.of.low):
            break
        if run.stopped():
            break
        i = best[1]
        gain = float(run.F._gain(state, mask, i))
        run.F._flip(state, mask, i, gain)
        mask[i] = True
        use.add(i)
        value += gain
        path.append(i)
        if run.of.low <= use.size:
            run.tell(mask, value)
    if use.size < run.of.low:  # the limits, or the time, leave no way on from here
        elements, scores = queue.bounds()
        guide = np.full(run.F.n, -math.inf)
        guide[elements] = scores
        guide[mask] = math.inf
        mask = complete(run.of, mask, np.clip(guide, -1e300, 1e300))
    run.path = run.path or path
    run.offer(mask)


def _scores(gains: Array, elements: Array, costs: Array | None) -> Array:
    if costs is None:
        return gains
    own = costs[elements]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = gains / own
    free: Array = np.where(gains > 0, math.inf, gains)
    return np.where(own > 0, ratio, free)


def stochastic_greedy(run: Run, epsilon: float, rng: np.random.Generator) -> None:
    """Add the best of a random sample at every step.

    Samples have ``(n / k) log(1 / epsilon)`` elements, so that they hold an element of an optimal
    set often enough: for monotone F and a size, 1 - 1/e - epsilon of the maximum on average.
    """
    mask = run.of.include.copy()
    state, use = run.state(mask), run.of.usage(mask)
    value = float(run.F.value(mask.copy()))
    rest, left = run.free.copy(), len(run.free)
    limited = bool(run.of.layers or run.of.purses)
    steps = max(1, min(run.of.high - use.size, left))
    size = max(1, math.ceil(left / steps * math.log(1 / epsilon)))
    path: list[int] = []
    while use.size < run.of.high and left and not run.stopped():
        places = rng.choice(left, min(size, left), replace=False, shuffle=False)
        places.sort()
        if limited and not (fits := run.of.additions(mask))[rest[places]].all():
            rest = rest[:left][fits[rest[:left]]]  # those that do not fit never will
            left = len(rest)
            continue
        gains = run.gains(state, mask, rest[places])
        k = int(gains.argmax())
        if not gains[k] > 0 and use.size >= run.of.low:
            if len(places) >= left or run.F.monotone:
                break
            # these do not help now, so they never will
            keep = np.ones(left, dtype=np.bool_)
            keep[places[~(gains > 0)]] = False
            rest, left = rest[:left][keep], int(keep.sum())
            continue
        i = int(rest[places[k]])
        run.F._flip(state, mask, i, float(gains[k]))
        mask[i] = True
        use.add(i)
        value += float(gains[k])
        path.append(i)
        rest[places[k]] = rest[left - 1]
        left -= 1
        if use.size >= run.of.low:
            run.tell(mask, value)
    run.path = run.path or path
    run.offer(complete(run.of, mask))


def double_greedy(run: Run, rng: np.random.Generator | None) -> None:
    """Decide the elements one by one: a growing and a shrinking set meet.

    With random decisions at least half of the maximum on average, else a third of it, if F >= 0 and
    any set of free elements is feasible.
    """
    low, high = run.F.incremental(run.of.include), run.F.incremental(~run.of.exclude)
    for i in run.free.tolist():
        if run.stopped():
            break
        run.n_evals += 2
        added, removed = low.gain(i), -high.gain(i)
        validate.finite(run.F, np.array([added, removed]))
        if prefers(added, removed, rng):
            low.add(i)
        else:
            high.remove(i)
        run.tell(low.mask, low.value)
    run.offer(low.mask)
