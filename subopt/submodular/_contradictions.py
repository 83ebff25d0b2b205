"""Sweeps of a function that can only be evaluated, compared with each other during a run.

A greedy sweep of a submodular F is a base x, so that x(S) <= F(S) for all S, in particular for the
sets that all other sweeps build up. A solver knows these numbers anyway: comparing a sweep with k
earlier ones takes O(k n) operations and no values of F.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import refuse, spread
from subopt.functions.oracle import GainRange
from subopt.submodular._sweep_bounds import SLACK

KEPT = 256
"""Largest number of sweeps that are kept; the oldest ones are replaced."""
ROOM = 2_500_000
"""Largest number of entries of each array of sweeps."""


class Sweeps:
    """The last sweeps of F, each on the elements that were free when it was made.

    A sweep with some elements inside and others outside starts with the set of those inside and
    ends before those outside. Later sweeps have the same elements inside and outside, or more.

    Parameters
    ----------
    n : int
        Size of the ground set.
    """

    def __init__(self, n: int) -> None:
        room = max(2, min(KEPT, ROOM // (n + 1)))
        self._orders = np.empty((room, n), dtype=np.intp)  # of V: inside, free, outside
        self._values = np.empty((room, n + 1))  # F along the order, infinite where not known
        self._gains = np.empty((room, n))  # 0 except for free elements
        self._free = np.empty((room, n), dtype=np.bool_)
        self._at = np.empty(room)  # F(inside)
        self._count = 0

    def add(
        self, inside: Array, order: Array, outside: Array, at: float, gains: Array
    ) -> tuple[float, Array]:
        """Compare a sweep with the earlier ones and keep it.

        Parameters
        ----------
        inside, outside : ndarray of intp
            Elements that come before and after the free ones.
        order : ndarray of intp
            The free elements, in the order of the sweep.
        at : float
            F(inside).
        gains : ndarray of float64
            The gains of the free elements, in this order.

        Returns
        -------
        tuple of float and ndarray of intp, shape (2, n)
            The largest amount by which a sweep exceeds F at a set of another one, and both orders.
        """
        n, first = self._orders.shape[1], len(inside)
        whole = np.concatenate([inside, order, outside])
        values = np.full(n + 1, np.inf)
        values[first : first + len(order) + 1] = at + np.append(0.0, gains.cumsum())
        x, free = np.zeros(n), np.zeros(n, dtype=np.bool_)
        x[order], free[order] = gains, True
        k = min(self._count, len(self._at))
        worst, pair = 0.0, np.array([whole, whole])
        if k:
            orders = self._orders[:k]
            along = self._at[:k, None] + _sums(self._gains[:k, whole])
            excess = [along - values]
            along = at + _sums(x[orders])
            if first or len(outside):  # sets of earlier sweeps without some of those inside
                marks = np.zeros(n, dtype=np.intp)
                marks[inside], marks[outside] = 1, n + 1
                counts = np.concatenate(
                    [np.zeros((k, 1), dtype=np.intp), marks[orders].cumsum(axis=1)], axis=1
                )
                along[counts != first] = -np.inf
            excess.append(along - self._values[:k])
            rows = np.maximum(excess[0].max(axis=1), excess[1].max(axis=1))
            j = int(rows.argmax())
            worst, pair = float(rows[j]), np.array([whole, orders[j]])
        j = self._count % len(self._at)
        self._orders[j], self._values[j], self._gains[j] = whole, values, x
        self._free[j], self._at[j] = free, at
        self._count += 1
        return worst, pair

    def excess(self, mask: Array, flipped: Array) -> tuple[float, int, Array]:
        """Compare the sweeps with the values of the sets that differ from S in one element.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,)
            The set S, with all elements inside and without those outside.
        flipped : ndarray of float64, shape (n,)
            The value of S with element i added or removed.

        Returns
        -------
        tuple of float, int, and ndarray of intp, shape (n,)
            By how much a sweep exceeds F, at most; the element; the order of the sweep.
        """
        k = min(self._count, len(self._at))
        if not k or not len(mask):
            return 0.0, 0, np.arange(len(mask))
        gains = self._gains[:k]
        along = (self._at[:k] + gains[:, mask].sum(axis=1))[:, None] + np.where(mask, -gains, gains)
        excess = np.where(self._free[:k], along - flipped, -np.inf)
        j, i = (int(e) for e in np.unravel_index(excess.argmax(), excess.shape))
        return float(excess[j, i]), i, self._orders[j].copy()


def compared(F: SetFunction, gains: GainRange) -> Callable[[Array], Array]:
    """Return the method `greedy` of F, which raises where sweeps contradict submodularity.

    Parameters
    ----------
    F : SetFunction
        A function that can only be evaluated.
    gains : GainRange
        Bounds of its gains.

    Returns
    -------
    callable
        Takes an order of V and returns the gains, indexed by element.

    Raises
    ------
    ValueError
        If an element has a larger gain after all others than after none.
    """
    if (orders := growing_gain(gains)) is not None:
        refuse("F", F, orders)
    sweeps, limit = Sweeps(F.n), SLACK * spread(F.n) * float(gains.size.max(initial=0.0))
    none = np.zeros(0, dtype=np.intp)

    def sweep(order: Array) -> Array:
        vertex = F.greedy(order)
        for excess, pair in (
            out_of_range(gains, order, vertex, limit, F.greedy),
            sweeps.add(none, order, none, 0.0, vertex[order]),
        ):
            if excess > limit:
                refuse("F", F, pair)
        return vertex

    return sweep


def growing_gain(gains: GainRange) -> Array | None:
    """Return two orders, of an element first and last, if its gain is larger at the end.

    None if no element has a larger gain after all others than after none.
    """
    excess = gains.low - gains.high - SLACK * gains.size
    if not excess.size or excess.max() <= 0:
        return None
    worst = int(excess.argmax())
    return np.array([_moved(worst, len(excess), 0), _moved(worst, len(excess), 1)])


def out_of_range(
    gains: GainRange, order: Array, vertex: Array, limit: float, sweep: Callable[[Array], Array]
) -> tuple[float, Array]:
    """Return by how much a gain is outside of its range, at most, and two orders that show it.

    The second order has that element first if its gain is too large, and last if it is too small.
    If the gains of this sweep are in their ranges, but their sums are not (`single_out`), another
    sweep, with one element moved, has a gain outside of its range.
    """
    excess, orders = _one_out_of_range(gains, order, vertex)
    if excess <= limit:
        average, moved = single_out(gains, order, vertex)
        if average > limit:
            return _one_out_of_range(gains, moved, sweep(moved))
    return excess, orders


def _one_out_of_range(gains: GainRange, order: Array, vertex: Array) -> tuple[float, Array]:
    above, below = vertex - gains.high, gains.low - vertex
    excess = np.maximum(above, below)
    if not excess.size:
        return 0.0, np.array([order, order])
    i = int(excess.argmax())
    return float(excess[i]), np.array([order, _moved(i, len(order), int(below[i] > above[i]))])


def single_out(gains: GainRange, order: Array, vertex: Array) -> tuple[float, Array]:
    """Compare a sweep with the values of all single elements, and of V without one element.

    For a set T that the sweep builds up and an element i of it, ``F(T) - F(i)`` is at least the
    sum of the smallest gains of the others. For a set S and an element i outside it,
    ``F(V - i) - F(S)`` is at most the sum of the largest gains of the elements in between. O(n).

    Returns
    -------
    tuple of float and ndarray of intp, shape (n,)
        By how much this fails, at most, divided by the number of gains in the sum; and the order
        with i moved to the front or to the end. Some gain along that order is outside of its range
        by this amount or more.
    """
    worst, changed = 0.0, order
    if not order.size:
        return worst, changed
    low, high, gain = gains.low[order], gains.high[order], vertex[order]
    number = np.arange(len(order)).clip(1)
    for last, above in enumerate((gain - low, (high - gain)[::-1])):
        reach = (high - low)[::-1] if last else high - low
        excess = (np.maximum.accumulate(reach) - above.cumsum()) / number
        k = int(excess.argmax())
        if excess[k] > worst:
            i = int(reach[: k + 1].argmax())
            i = len(order) - 1 - i if last else i
            rest = np.delete(order, i)
            worst = float(excess[k])
            changed = np.append(rest, order[i]) if last else np.append(order[i], rest)
    return worst, changed


def _moved(i: int, n: int, last: int) -> Array:
    """Return 0, .., n - 1 with element i moved to the front or to the end."""
    others = np.delete(np.arange(n), i)
    return np.append(others, i) if last else np.append([i], others)


def _sums(gains: Array) -> Array:
    """Return the sums of the first 0, 1, .., n entries of each row."""
    result = np.zeros((len(gains), gains.shape[1] + 1))
    gains.cumsum(axis=1, out=result[:, 1:])
    return result
