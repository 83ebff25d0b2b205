"""The point of smallest norm in the base polytope, up to a given distance, by Wolfe's algorithm.

Elements are not eliminated, because all entries of the point are needed. For each order that the
algorithm visits, the isotonic regression of the gains gives a candidate, which is the exact
solution as soon as the order is that of the solution. Where numbers of very different sizes leave
an error that is large for some elements, the point is found by divide and conquer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.answer import Status
from subopt._base.jit import njit
from subopt._base.options import Deadline, silent
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.modular import Modular
from subopt.functions.oracle import GainRange
from subopt.submodular._active_set import ActiveSet
from subopt.submodular._contradictions import compared
from subopt.submodular._min_norm_point import min_norm_point
from subopt.submodular._orders import Block, product
from subopt.submodular._sweep_bounds import ROUNDING
from subopt.submodular.certificates import BaseCertificate

EPS = 2.0**-52
PATIENCE = 100
"""The run ends after this many sweeps without progress, plus one per element."""
LOCAL = 1e-9
"""Largest error of an entry of the base, relative to the gain of its element."""
COARSE = 1e-7
"""Beyond this error, the point is found by divide and conquer."""


class Levels(NamedTuple):
    """The best point of a run, and the base that bounds its distance to the solution."""

    x: Array  # (n,)
    order: Array  # (n,) elements by ascending x
    base: Array  # (n,) a base: the combination of the greedy vertices of `orders`
    orders: Array  # (k, n)
    weights: Array  # (k,)
    distance: float  # upper bound on the distance of x to the point of smallest norm
    n_evals: int
    finished: bool  # False if max_iter or the deadline ended the run


def minimum_norm(
    F: SetFunction,
    tol: float | None,
    max_iter: int,
    start: tuple[Array, Array] | None = None,
    deadline: Deadline | None = None,
    scales: Array | None = None,
    *,
    divide: bool = True,
) -> Levels:
    """Return the point of smallest norm up to a Euclidean distance of `tol`.

    Parameters
    ----------
    F : SetFunction
        Submodular.
    tol : float or None
        Distance at which to stop. None: 1e-9 times the diameter of a box that contains the base
        polytope, plus the rounding error of the gains; and 1e-9 times the range of its gain for
        each entry of the base.
    max_iter : int
        Largest number of sweeps.
    start : tuple of ndarray, optional
        Orders and weights of a base to start from, e.g. the solution for a similar F.
    deadline : Deadline, optional
        When to stop with the best point so far.
    scales : ndarray of float64, shape (n,), optional
        Positive numbers. The norm that is minimized is that of x / sqrt(scales).
    divide : bool, default True
        Whether to find the point by divide and conquer where this algorithm does not come close
        enough, because of rounding errors.

    Returns
    -------
    Levels
        The best point. The run also ends if there is no progress for `PATIENCE` sweeps.

    Raises
    ------
    ValueError
        If F can only be evaluated, and sweeps of the run show that it is not submodular.
    """
    scales, given = np.ones(F.n) if scales is None else scales, tol is not None
    root = np.sqrt(scales)
    order = np.arange(F.n)
    orders, weights = (order[None], np.ones(1)) if start is None else start
    gains = F._range()
    sweep = compared(F, gains) if F._by_value() else F.greedy
    vertices = np.array([sweep(o) for o in orders]).reshape(orders.shape) / root
    reach = (gains.high - gains.low) / root
    if tol is None:
        tol = 1e-9 * float(np.sqrt(reach @ reach)) + EPS * float(np.linalg.norm(gains.size / root))
    active = ActiveSet(orders, vertices, weights, float(reach @ reach))
    best, finished, patience = math.inf, False, 0
    for n_evals in range(len(orders) + 3, len(orders) + max_iter + 3):
        order = order[(active.x / root)[order].argsort(kind="stable")]
        vertex = sweep(order)
        fit = np.empty(F.n)
        fit[order] = _isotonic(vertex[order], scales[order])
        vertex /= root
        # primal minus dual: f(w) + ½||w||² + ½||x||² for w = -fit
        norm, point = float(active.x @ active.x), fit * root
        gap = max(0.0, 0.5 * float(point @ point) - float(point @ vertex) + 0.5 * norm)
        distance = math.sqrt(2 * gap)
        patience += 1
        if distance < best:
            patience = 0 if distance < 0.9 * best else patience
            best, combination = distance, active.combination()
            found = Levels(fit * scales, order, active.x * root, *combination, best, n_evals, False)
        small = best <= tol and (given or _error(found, gains) <= LOCAL)
        small = small or bool(norm - active.x @ vertex <= 1e-15 * norm)
        finished = small or not active.add(order, vertex) or patience > PATIENCE + F.n
        if finished or (deadline is not None and deadline.passed()):
            break
    found = found._replace(n_evals=n_evals, finished=finished)
    close = best <= tol and (given or _error(found, gains) <= COARSE)
    if close or not finished or not divide:
        return found
    return _divided(F, sweep, scales, found, max_iter, deadline)


def _error(found: Levels, gains: GainRange) -> float:
    """Return the largest distance of the base from x, relative to the range of each gain."""
    reach = gains.high - gains.low + EPS / LOCAL * 256 * gains.size
    apart = np.abs(found.base - found.x)
    return float(
        np.divide(apart, reach, out=np.zeros(len(reach)), where=reach > 0).max(initial=0.0)
    )


def _divided(
    F: SetFunction,
    sweep: Callable[[Array], Array],
    scales: Array,
    found: Levels,
    max_iter: int,
    deadline: Deadline | None,
) -> Levels:
    """Return the point of smallest norm by divide and conquer, one minimization per step.

    For gains or scales of very different sizes, one norm has not enough digits for all elements. If
    no subset of a block of elements has a negative value at the level at which the block as a whole
    has the value 0, all its entries are on this level. Otherwise a minimizer splits it in two [1]_.

    .. [1] H. Groenevelt, "Two algorithms for maximizing a separable concave function over a
       polymatroid feasible region", European Journal of Operational Research 54, 1991.
    """
    x, parts, n_evals = np.empty(F.n), [], found.n_evals
    before = np.zeros(0, dtype=np.intp)
    waiting = [(np.arange(F.n), -math.inf, math.inf)]
    while waiting:
        block, low, high = waiting.pop()
        left = math.inf if deadline is None else deadline.left()
        if left <= 0 or n_evals > max_iter:
            return found._replace(n_evals=n_evals, finished=False)
        G = F._minor(before, block)
        scale = scales[block]
        whole = G.value(np.ones(len(block), dtype=np.bool_)) / scale.sum()
        level = min(max(whole, low), high)
        rest = (whole - level) * scale.sum()  # the value of the block, which is 0 up to rounding
        H = G + Modular(-level * scale)
        with silent():  # one of many
            result = min_norm_point(H, time_limit=None if left == math.inf else left)
        n_evals += result.n_evals + 1
        if result.status is Status.TIME_LIMIT or result.certificate is None:
            return found._replace(n_evals=n_evals, finished=False)
        if isinstance(result.certificate, BaseCertificate) and not _pays(H, result.mask, rest):
            x[block] = level * scale
            parts.append(Block(block[result.certificate.orders], result.certificate.weights))
            before = np.concatenate([before, block])
        else:
            waiting.append((block[~result.mask], level, high))
            waiting.append((block[result.mask], low, level))
    orders, weights = product(F.n, parts)
    base = np.zeros(F.n)
    for order, weight in zip(orders, weights, strict=True):
        base += weight * sweep(order)
    n_evals += len(weights)
    return Levels(x, before, base, orders, weights, found.distance, n_evals, True)


def _pays(H: SetFunction, mask: Array, total: float) -> bool:
    """Return whether a set has a negative value, beyond rounding, given the value of V.

    The gains of the set and of the rest add up to it, so those with smaller numbers tell.
    """
    if mask.all() or not mask.any():
        return False
    gains, size = H.greedy(np.argsort(~mask, kind="stable")), H._range().size
    sides = [(float(gains[S].sum()), float(size[S].sum())) for S in (mask, ~mask)]
    value, rounding = min((sides[0], (total - sides[1][0], sides[1][1])), key=lambda side: side[1])
    return value < -ROUNDING * rounding


@njit
def _isotonic(gains, scales):
    """Return the nondecreasing sequence nearest to gains / scales, by pooling adjacent violators.

    `gains` and `scales` are (n,) float64; distances are weighted by the scales.
    """
    n = gains.shape[0]
    means, totals, sizes, k = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64), 0
    for i in range(n):
        means[k], totals[k], sizes[k] = gains[i] / scales[i], scales[i], 1
        while k and means[k - 1] >= means[k] - 1e-12 * (abs(means[k]) + abs(means[k - 1])):
            total = totals[k - 1] + totals[k]
            # from the mean with the larger total, which is the more accurate one
            if totals[k] <= totals[k - 1]:
                means[k - 1] += (means[k] - means[k - 1]) * totals[k] / total
            else:
                means[k - 1] = means[k] + (means[k - 1] - means[k]) * totals[k - 1] / total
            totals[k - 1] = total
            sizes[k - 1] += sizes[k]
            k -= 1
        k += 1
    fit, i = np.empty(n), 0
    for j in range(k):
        for _ in range(sizes[j]):
            fit[i] = means[j]
            i += 1
    return fit
