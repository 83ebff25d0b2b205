"""Local search: add, remove or exchange single elements while that raises F."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array
from subopt.maximization._run import Run

BATCH = 64
"""How many exchanges are evaluated at once, the first time."""


def exchange(run: Run, evaluations: float) -> bool:
    """Improve the best set of the run, and return whether no move is left.

    Parameters
    ----------
    run : Run
    evaluations : float
        Largest number of gains to compute.

    Notes
    -----
    Of the pairs of an element i in S and an element j outside, few need to be evaluated: by
    diminishing returns, F(S - i + j) - F(S) is at most F(j | S) - F(i | V - i).
    """
    if not len(run.free):
        return True
    last = run.n_evals + evaluations
    mask = run.mask.copy()
    while not run.stopped() and run.n_evals + run.F.n <= last:
        gains = run.marginals(mask)
        move = _flip(run, mask, gains)
        if move is None:
            move = _swap(run, mask, gains, last)
        if move is None:
            return not run.stopped() and run.n_evals < last
        if not run.offer(move):  # the gain was rounding after all
            return True
        mask = move
        run.tell(mask, run.value)
    return False


def _flip(run: Run, mask: Array, gains: Array) -> Array | None:
    """Return the set with the best element more or less, or None if none helps."""
    change = np.full(run.F.n, -math.inf)
    joins = run.of.additions(mask)
    change[joins] = gains[joins]
    leaves = run.of.removals(mask)
    change[leaves] = -gains[leaves]
    beyond = np.where(np.isfinite(change), change - run.noise, -math.inf)
    i = int(beyond.argmax())
    if not beyond[i] > 0:
        return None
    result = mask.copy()
    result[i] = not mask[i]
    return result


def _swap(run: Run, mask: Array, gains: Array, last: float) -> Array | None:
    """Return the set after the first exchange that helps, or None."""
    inside = np.flatnonzero(mask & ~run.of.include)
    outside = np.flatnonzero(~mask & ~run.of.exclude)
    high = gains[outside] + 2 * run.noise[outside]  # what may be gained is sorted once for all
    order = np.argsort(-high, kind="stable")
    outside, high = outside[order], high[order]
    limited = bool(run.of.layers or run.of.purses)
    for i in inside[np.argsort(gains[inside], kind="stable")].tolist():
        loss, noise, floor = gains[i], run.noise[i], run.floors[i]
        fits = run.of.joining(mask, i) if limited else None
        rest = mask.copy()
        rest[i] = False
        state, best, at, first, count = None, 0.0, -1, 0, BATCH
        while first < len(outside) and high[first] - floor > best + noise:
            if run.stopped() or run.n_evals >= last:
                return None
            batch = outside[first : first + count]
            first, count = first + count, 2 * count
            batch = batch[run.first_gains[batch] - loss > best + noise]
            if fits is not None:
                batch = batch[fits[batch]]
            if not len(batch):
                continue
            state = run.state(rest) if state is None else state
            change = run.gains(state, rest, batch) - loss - noise - run.noise[batch]
            k = int(change.argmax())
            if change[k] > best:
                best, at = float(change[k]), int(batch[k])
        if at >= 0:
            rest[at] = True
            return rest
    return None
