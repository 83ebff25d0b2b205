"""Local search by flips and swaps, down to a set that none of them improves.

Marginals of f and of g give the change of every flip; those that lower h are made one by one, each
checked by its gain at the time. Swaps are looked at when no flip is left, element by element, and
only where diminishing returns of g leave room: the presence of j lowers the gain of i in g by no
more than from g(i | ∅) to what it is, and by no more than it could from what it is to g(i | V - i).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, Subset
from subopt.difference._descent import ROUNDING, Descent, Limits, require_difference, significant
from subopt.difference.local_minimum import STAY, LocalMinimumCertificate, flip, swap
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.submodular.result import Result

MOVES = ("flip", "swap", "drop")


def local_search(
    h: DifferenceOfSubmodular,
    start: Subset = (),
    *,
    moves: tuple[str, ...] = ("flip", "swap"),
    max_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by moves to better neighbours.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    start : boolean mask (n,) or iterable of int, default ()
        The first set.
    moves : tuple of {"flip", "swap", "drop"}, default ("flip", "swap")
        "flip": add or remove one element; "swap": exchange one for another; "drop": remove one.
    max_iter : int, default 100_000
        Largest number of rounds: one call of `marginals` and the flips that it suggests, or swaps.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` after every round that improves.

    Returns
    -------
    Result
        No worse than `start`. If it is ``LOCAL_MINIMUM``, the certificate says in what respect.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

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
    descent = Descent(h, start, "local_search", Limits.of(max_iter, time_limit), callback)
    return search(descent, moves, reach(h) if "swap" in moves else None)


def reach(h: DifferenceOfSubmodular) -> tuple[Array, Array]:
    """Return the smallest and the largest gain of every element in g, for `search`."""
    whole = np.ones(h.n, dtype=np.bool_)
    return h.g.marginals(whole), h.g.marginals(~whole)


def search(
    descent: Descent, moves: tuple[str, ...], gains_of_g: tuple[Array, Array] | None
) -> Result:
    """Run the search from the set of `descent`."""
    h, status = descent.h, None
    add, drop = "flip" in moves, "flip" in moves or "drop" in moves
    while status is None:
        descent.n_iter += 1
        S = descent.mask
        f_gains, g_gains = h.f.marginals(S.copy()), h.g.marginals(S.copy())
        descent.n_evals += 2
        gains = significant(f_gains, g_gains, descent.size)
        move = flip(S, gains, add=add, drop=drop)
        if move != STAY:
            improved = descent.offer(_flips(h, S, gains, add, drop))
            improved = improved or descent.offer(move.applied(S))
        elif gains_of_g is not None:
            room = np.where(S, g_gains - gains_of_g[0], gains_of_g[1] - g_gains)
            slack = ROUNDING * float(
                np.abs(f_gains).max(initial=0) + np.abs(g_gains).max(initial=0)
            )
            move = swap(h, S, gains, reach=room + slack, enough=-slack)
            improved = move != STAY and descent.offer(move.applied(S))
        else:
            improved = False
        if improved:
            descent.tell()
            status = descent.limits.reached(descent.n_iter)
        else:
            status = Status.LOCAL_MINIMUM
    if status is not Status.LOCAL_MINIMUM:
        return descent.result(status)
    exhausted = tuple(name for name in ("flip", "swap") if name in moves)
    if not exhausted:  # of "drop" alone
        return descent.end(Status.STATIONARY, None)
    return descent.end(status, LocalMinimumCertificate(exhausted))


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
