"""The point of smallest norm in the base polytope, up to a given distance, by Wolfe's algorithm.

Elements are not eliminated, because all entries of the point are needed. For each order that the
algorithm visits, the isotonic regression of the gains gives a candidate, which is the exact
solution as soon as the order is that of the solution.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.submodular._active_set import ActiveSet
from subopt.submodular._contradictions import compared

EPS = 2.0**-52
PATIENCE = 100
"""The run ends after this many sweeps without progress, plus one per element."""


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
) -> Levels:
    """Return the point of smallest norm up to a Euclidean distance of `tol`.

    Parameters
    ----------
    F : SetFunction
        Submodular.
    tol : float or None
        Distance at which to stop. None: 1e-9 times the diameter of a box that contains the base
        polytope, plus the rounding error of the gains.
    max_iter : int
        Largest number of sweeps.
    start : tuple of ndarray, optional
        Orders and weights of a base to start from, e.g. the solution for a similar F.
    deadline : Deadline, optional
        When to stop with the best point so far.
    scales : ndarray of float64, shape (n,), optional
        Positive numbers. The norm that is minimized is that of x / sqrt(scales).

    Returns
    -------
    Levels
        The best point. The run also ends if there is no progress for `PATIENCE` sweeps.

    Raises
    ------
    ValueError
        If F can only be evaluated, and sweeps of the run show that it is not submodular.
    """
    scales = np.ones(F.n) if scales is None else scales
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
        small = distance <= tol or norm - active.x @ vertex <= 1e-15 * norm
        if small or not active.add(order, vertex) or patience > PATIENCE + F.n:
            finished = True
            break
        if deadline is not None and deadline.passed():
            break
    return found._replace(n_evals=n_evals, finished=finished)


@njit
def _isotonic(gains, scales):
    # pool adjacent violators: the nondecreasing sequence nearest to gains / scales
    n = gains.shape[0]
    means, totals, sizes, k = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64), 0
    for i in range(n):
        means[k], totals[k], sizes[k] = gains[i] / scales[i], scales[i], 1
        while k and means[k - 1] >= means[k] - 1e-12 * (abs(means[k]) + abs(means[k - 1])):
            total = totals[k - 1] + totals[k]
            means[k - 1] += (means[k] - means[k - 1]) * totals[k] / total
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
