"""Local search by flips and swaps, down to a set that none of them improves.

The marginals of f and g give the change of every flip. Flips that lower h are made one by one; the
gain of each is evaluated again just before. When no flip lowers h, swaps are tried, one element at
a time, and only where diminishing returns of g allow an improvement. Let d be the gain of i in g at
S. If j joins S, it decreases by at most d - g(i | V - i); if j leaves S, it increases by at most
g(i | ∅) - d.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, Subset
from subopt.difference._descent import Descent
from subopt.difference._fixing import unfixed
from subopt.difference._wording import on_sets
from subopt.difference.local_minimum import STAY, LocalMinimumCertificate, flip, swap
from subopt.functions.algebra import DifferenceOfSubmodular, require_difference
from subopt.functions.watched import within_time
from subopt.submodular.result import Result

MOVES = ("flip", "swap", "drop")


@on_sets
@within_time
def local_search(
    h: DifferenceOfSubmodular,
    start: Subset | None = None,
    *,
    moves: tuple[str, ...] = ("flip", "swap"),
    max_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by moves to better neighbors.

    Parameters
    ----------
    %(h)s
    %(start)s
    moves : tuple of {"flip", "swap", "drop"}, default ("flip", "swap")
        "flip" adds or removes one element, "swap" exchanges one element for another, "drop"
        removes one element.
    %(max_iter)s
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        No worse than `start`. If the status is ``LOCAL_MINIMUM``, the certificate names the moves
        that do not improve the set.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    One iteration is a call of ``f.marginals`` and of ``g.marginals``, and the flips that these
    suggest, or else one swap. With "flip", elements that belong to every minimizer, or to none, are
    fixed first.

    Examples
    --------
    >>> h = Cut([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) - Cardinality([0, 2, 4, 5])
    >>> result = local_search(h, [0])
    >>> result.S, result.value, result.certificate.neighborhoods
    (array([0, 1, 2]), -5.0, ('flip', 'swap'))
    """
    require_difference(h)
    if not isinstance(moves, tuple) or not moves:
        raise ValueError(f"moves needs a tuple of some of {', '.join(MOVES)}, got {moves!r}")
    for kind in moves:
        validate.choice("moves", kind, MOVES)
    run = Descent(
        h,
        start,
        "local_search",
        max_iter=max_iter,
        time_limit=time_limit,
        callback=callback,
        fixed=None if "flip" in moves else unfixed,
    )
    return search(run, moves, reach(run.h) if "swap" in moves else None)


def reach(h: DifferenceOfSubmodular) -> tuple[Array, Array]:
    """Return the smallest and the largest gain of every element in g, for `search`."""
    whole = np.ones(h.n, dtype=np.bool_)
    return h.g.marginals(whole), h.g.marginals(~whole)


def search(run: Descent, moves: tuple[str, ...], gains_of_g: tuple[Array, Array] | None) -> Result:
    """Search from the set of `run`."""
    add, drop = "flip" in moves, "flip" in moves or "drop" in moves
    while (status := run.stopped()) is None:
        run.n_iter += 1
        S = run.mask
        gains, _, g_gains = run.gains(S)
        move = flip(S, gains, add=add, drop=drop)
        if move != STAY:
            improved = run.offer(_flips(run.h, S, gains, add, drop))
            improved = improved or run.offer(move.applied(S))
        elif gains_of_g is not None:
            left = np.where(S, g_gains - gains_of_g[0], gains_of_g[1] - g_gains)
            move = swap(run.h, S, gains, reach=left, noise=run.noise, first=True)
            improved = move != STAY and run.offer(move.applied(S))
        else:
            improved = False
        run.tell()
        if not improved:
            status = Status.LOCAL_MINIMUM
            break
    if status is not Status.LOCAL_MINIMUM:
        return run.result(status)
    exhausted = tuple(name for name in ("flip", "swap") if name in moves)
    if not exhausted:  # "drop" alone is no neighborhood that certificates know
        return run.end(Status.STATIONARY, None)
    return run.end(status, LocalMinimumCertificate(exhausted))


def _flips(h: DifferenceOfSubmodular, S: Array, gains: Array, add: bool, drop: bool) -> Array:
    """Make all flips that lower h, the best first, if they still do when it is their turn."""
    change = np.where(S, -gains if drop else math.inf, gains if add else math.inf)
    candidates = np.flatnonzero(change < 0)
    state = h.incremental(S)
    for i in candidates[np.argsort(change[candidates], kind="stable")]:
        gain = state.gain(int(i))
        if S[i] and gain > 0:
            state.remove(int(i))
        elif not S[i] and gain < 0:
            state.add(int(i))
    return state.mask
