"""Violations of diminishing returns: over all sets for small n, along greedy sweeps for large n.

Every greedy sweep of a submodular F is a base x, so that x(S) <= F(S) for all S, in particular for
the sets that another sweep builds up. Each pair of sweeps therefore gives n inequalities without
further evaluations. If one fails, a search finds two elements and a set that violate diminishing
returns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.watched import TimeUp, watched

EVERYWHERE = 6
"""Up to this n a spot check evaluates all sets."""
SLACK = 1e-6
"""A spot check ignores violations up to this fraction of the largest value."""
SHARE = 0.25
"""Largest fraction of the time limit that a spot check takes."""


@dataclass(frozen=True)
class Violation:
    """Proof that F is not submodular: the gain of i grows when j is added before.

    Attributes
    ----------
    S : tuple of int
        A set without i and j, in ascending order.
    i : int
        The element that is added.
    j : int
        The element whose presence increases the gain of i.
    values : tuple of four floats
        F(S), F(S + i), F(S + j) and F(S + i + j).
    """

    S: tuple[int, ...]
    i: int
    j: int
    values: tuple[float, float, float, float]

    @property
    def before(self) -> float:
        """Gain of i without j: ``F(S + i) - F(S)``."""
        return self.values[1] - self.values[0]

    @property
    def after(self) -> float:
        """Gain of i after j: ``F(S + j + i) - F(S + j)``."""
        return self.values[3] - self.values[2]

    @property
    def amount(self) -> float:
        """Amount of the violation: `after` minus `before`, positive."""
        return self.after - self.before

    def __str__(self) -> str:
        left = (f"F(S + {self.i}) - F(S)", f"F(S + {self.j} + {self.i}) - F(S + {self.j})")
        width = max(map(len, left))
        return (
            f"{self.i} gains more after {self.j}. With S = {list(self.S)}:\n"
            f"    {left[0]:{width}} = {self.before:.9g}\n"
            f"    {left[1]:{width}} = {self.after:.9g}   (more by {self.amount:.3g})"
        )


def all_masks(n: int) -> Array:
    """Return all subsets as rows of booleans (2^n, n); element i is bit i of the row number."""
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1


def all_values(F: SetFunction) -> Array:
    """Evaluate F at all 2^n sets.

    Parameters
    ----------
    F : SetFunction
        A function of at most 24 elements.

    Returns
    -------
    ndarray of float64, shape (2 ** n,)
        Entry k is the value of the set of the elements i for which bit i of k is set.

    Raises
    ------
    ValueError
        If n > 24.

    Examples
    --------
    >>> all_values(Modular([1, 2]))
    array([0., 1., 2., 3.])
    """
    if F.n > 24:
        raise ValueError(f"2^n values need n <= 24, got n = {F.n}. Restrict F to a smaller set.")
    return np.array([F.value(mask) for mask in all_masks(F.n)])


def smallest(F: SetFunction, limit: tuple[float, float]) -> Violation | None:
    """Return the largest violation among those with the smallest S, or None if there is none.

    Violations of at most ``max(limit[0], limit[1] * max |F|)`` are ignored. 2^n values.
    """
    values = all_values(F)
    least = max(limit[0], limit[1] * float(np.abs(values).max()))
    index = np.arange(len(values))
    size = all_masks(F.n).sum(axis=1)
    worst: tuple[int, float, int, int, int] | None = None
    for i in range(F.n):
        for j in range(i + 1, F.n):
            k = index[(index >> i & 1 == 0) & (index >> j & 1 == 0)]
            both = values[k | 1 << i | 1 << j] + values[k]
            excess = both - values[k | 1 << i] - values[k | 1 << j]
            bad = np.flatnonzero(excess > least)
            if bad.size:
                best = bad[np.lexsort((-excess[bad], size[k[bad]]))[0]]
                found = (int(size[k[best]]), -float(excess[best]), i, j, int(k[best]))
                worst = found if worst is None else min(worst, found)
    if worst is None:
        return None
    *_, i, j, k = worst
    four = (values[k], values[k | 1 << i], values[k | 1 << j], values[k | 1 << i | 1 << j])
    here, one, other, both = map(float, four)
    S = tuple(e for e in range(F.n) if k >> e & 1)
    return Violation(S, i, j, (here, one, other, both))


def look(F: SetFunction, S: Array, i: int, j: int, limit: tuple[float, float]) -> Violation | None:
    """Return the violation at S, i and j after removing unnecessary elements of S, or None.

    Violations of at most ``max(limit[0], limit[1] * max |F|)``, over the four values, are ignored.
    """

    def tried(S: Array) -> Violation | None:
        found = _violation(F, S, i, j)
        exceeds = found.amount > max(limit[0], limit[1] * max(map(abs, found.values)))
        return found if exceeds else None

    S = S.copy()
    found = tried(S)
    if found is not None:
        for e in np.flatnonzero(S):
            S[e] = False
            less = tried(S)
            found, S[e] = (found, True) if less is None else (less, False)
    return found


def _violation(F: SetFunction, S: Array, i: int, j: int) -> Violation:
    values = []
    for more in ([], [i], [j], [i, j]):
        mask = S.copy()
        mask[more] = True
        values.append(float(F.value(mask)))
    here, one, other, both = values
    return Violation(tuple(np.flatnonzero(S).tolist()), i, j, (here, one, other, both))


# A spot check at the front door ----------------------------------------------------------------


def spot_check(F: SetFunction) -> Violation | None:
    """Test diminishing returns at a few sets, if F can only be evaluated; return a violation.

    For n up to 6 all 2^n values are used. For larger n, four greedy sweeps are compared: a random
    order, its reverse, and the order with adjacent elements swapped, in two ways. A function that
    passes this test need not be submodular.
    """
    if not F._by_value():
        return None
    if F.n <= EVERYWHERE:
        found = smallest(F, (0.0, SLACK))
        # values of a sum have rounding errors as large as those of its terms
        return None if found is None else smallest(F, (SLACK * _largest(F), SLACK))
    return violation_among(F, np.array(list(_orders(F.n))), SLACK)


def violation_among(F: SetFunction, orders: Array, tol: float) -> Violation | None:
    """Return a violation that greedy sweeps along some orders show, or None.

    Violations of at most `tol` times the largest value on the sweeps, or the largest number that a
    gain is computed from, are ignored; more for large n, because errors of gains add up.
    """
    vertices = np.array([F.greedy(order) for order in orders])
    along = np.cumsum(vertices[:, orders], axis=2)  # [p, q, k]: vertex p at k + 1 elements of q
    values = np.array([along[q, q] for q in range(len(orders))])
    excess = along - values
    p, q, k = (int(e) for e in np.unravel_index(excess.argmax(), excess.shape))
    tol *= spread(F.n)
    if not excess[p, q, k] > tol * np.abs(values).max():
        return None
    if not excess[p, q, k] > tol * _largest(F):
        return None
    inside = np.zeros(F.n, dtype=np.bool_)
    inside[orders[q, : k + 1]] = True
    return _followed(F, inside, orders[p], vertices[p])


def spread(n: int) -> float:
    """Return the factor by which errors of single gains may grow in a sum of up to n of them.

    Independent errors grow with the square root of n. Up to n = 9 the tolerances allow for it.
    """
    return max(1.0, math.sqrt(n) / 3)


def _largest(F: SetFunction) -> float:
    """Return the largest number that a gain of F is computed from."""
    return float(F._range().size.max(initial=0.0))


def _orders(n: int) -> Iterator[Array]:
    order = np.random.default_rng(0).permutation(n)
    yield order
    yield order[::-1]
    for first in (0, 1):
        swapped, last = order.copy(), n - (n - first) % 2
        swapped[first:last] = order[first:last].reshape(-1, 2)[:, ::-1].ravel()
        yield swapped


def _followed(F: SetFunction, T: Array, order: Array, vertex: Array) -> Violation:
    """Return a violation, given that the greedy vertex x of an order has x(T) > F(T).

    Some element i of T has a larger gain after all its predecessors in the order than after only
    those predecessors that are in T. Bisection over the predecessors outside T finds one, j, that
    increases the gain of i when it is added.
    """
    within, rest = order[T[order]], order[~T[order]]
    rises = (vertex - F.greedy(np.concatenate([within, rest])))[within]
    i = int(within[rises.argmax()])
    before = order[: int(np.flatnonzero(order == i)[0])]
    start, added = T & np.isin(np.arange(F.n), before), before[~T[before]]

    def gain(count: int) -> float:
        mask = start.copy()
        mask[added[:count]] = True
        low = F.value(mask.copy())
        mask[i] = True
        return F.value(mask) - low

    disagreement = ValueError(
        f"greedy of {F!r} contradicts its values; subopt.testing.assert_consistent(F) shows where"
    )
    if not len(added):
        raise disagreement
    low, high = 0, len(added)
    while high - low > 1:
        middle = (low + high) // 2
        first, second = gain(middle) - gain(low), gain(high) - gain(middle)
        low, high = (low, middle) if first > second else (middle, high)
    S = start.copy()
    S[added[:low]] = True
    j = int(added[low])
    found = _violation(F, S, i, j)
    if not found.amount > 0:
        raise disagreement
    return look(F, S, i, j, (found.amount / 2, 0.0)) or found


def require_submodular(name: str, F: SetFunction, time_limit: float | None = None) -> None:
    """Raise `ValueError` if a spot check finds that F is not submodular.

    It ends without a result after a quarter of the time limit.
    """
    if not F._by_value():
        return
    require_set_function(F)
    part = Deadline(None if time_limit is None else SHARE * time_limit)
    try:
        found = spot_check(F if time_limit is None else watched(F, part))
    except TimeUp:
        return
    if found is not None:
        raise _not_submodular(name, F, found)


def require_submodular_parts(h: Any, time_limit: float | None = None) -> None:
    """Raise as `require_submodular` does for f and g of f - g, or for a set function.

    An estimated decomposition says itself that its parts may not be submodular.
    """
    if not hasattr(h, "g"):
        require_submodular("F", h, time_limit)
    elif not h.estimated:
        half = None if time_limit is None else time_limit / 2
        require_submodular("f of f - g", h.f, half)
        require_submodular("g of f - g", h.g, half)


def refuse(name: str, F: SetFunction, orders: Array) -> None:
    """Raise `ValueError` if sweeps along some orders show that F is not submodular.

    A solver calls this when its sweeps of F, or of a restriction of F, contradict each other.
    """
    if (found := violation_among(F, orders, SLACK)) is not None:
        raise _not_submodular(name, F, found)


def _not_submodular(name: str, F: SetFunction, found: Violation) -> ValueError:
    i, j = found.i, found.j
    sets = ("S", f"S + {i}", f"S + {j}", f"S + {i} + {j}")
    values = ", ".join(f"F({S}) = {v:.9g}" for S, v in zip(sets, found.values, strict=True))
    shown = name.removesuffix(" of maximize")
    return ValueError(
        f"{shown} needs to be submodular, but of {F!r}, {found}\n"
        f"    {values}\n{_WAYS_OUT.get(name, _WAYS_OUT['F'])} For n > 12, "
        "nothing is proven unless decompose gets a curvature. See docs/functions.md."
    )


_WAYS_OUT = {
    "F": (
        "A bound on its minimum would be wrong. minimize(F, method='brute_force') takes any "
        "function of up to 20 elements; for more, write it as a difference f - g of submodular "
        "ones, as decompose(F) does: minimize(decompose(F))."
    ),
    "F of maximize": (
        "An upper bound on its maximum would be wrong. minimize(-decompose(F)) maximizes any "
        "function, as a difference of submodular ones."
    ),
    "f of f - g": (
        "A bound on the minimum of f - g would be wrong. Write decompose(f) - g, which is a "
        "difference of submodular functions."
    ),
    "g of f - g": (
        "A bound on the minimum of f - g would be wrong. Write f - decompose(g), which is a "
        "difference of submodular functions."
    ),
}
