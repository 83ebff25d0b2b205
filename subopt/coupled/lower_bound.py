"""Lower bounds for coupled labelings by prices on the totals of the inputs.

See `subopt.coupled.certificate` for the bound that a pair (prices, relaxed labeling) proves. This
module searches for such a pair, by subgradient steps on the prices, each with one Frank-Wolfe step
on the relaxed labeling. The search uses floating point. The bound of the final pair is computed
exactly, and rounded down.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.coupled.certificate import LabelingCertificate, proven_bound, rounded_down
from subopt.coupled.problem import CoupledLabelingProblem


def lower_bound(
    problem: CoupledLabelingProblem, value: float, *, iterations: int = 300
) -> LabelingCertificate:
    """Bound the energy of all labelings from below by Lagrangian prices on the input totals.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    value : float
        Energy of some labeling. It scales the steps and does not affect validity.
    iterations : int, default 300
        Number of subgradient steps on the prices, each with one Frank-Wolfe step on the relaxed
        labeling. One step costs O(N m + L m' N m) operations of numpy.

    Returns
    -------
    LabelingCertificate
        The best pair that was seen, and its bound. It holds for labelings with ``problem.levels``
        parts per patch.

    Raises
    ------
    ValueError, TypeError
        If `iterations` is not a positive integer.

    Notes
    -----
    The relaxation assumes that input i is used by as few outputs as possible. With a threshold the
    bound is therefore weak: expect a gap of 10 to 40 % of the energy.
    """
    N, m = problem.n_patches, problem.n_inputs
    costs = _total_costs(problem)
    prices = np.zeros(m)
    relaxed = np.full((*problem.grid, m), 1.0 / m)
    first = best_pair = (prices, relaxed)
    best = -np.inf
    step = 1.0
    for _ in range(validate.positive_int("iterations", iterations)):
        bound, vertex, totals = _dual(problem, prices, relaxed, costs)
        if bound > best:
            best, best_pair = bound, (prices, relaxed)
        else:
            step *= 0.97
        if bound >= value:
            break
        ascent = problem.n_outputs * vertex.reshape(N, m).sum(axis=0) - totals
        # exact line search of the quadratic between the point and the best vertex
        direction = vertex - relaxed
        slope = float(np.sum(_gradient(problem, prices, relaxed) * direction))
        curvature = problem.smoothness / N * _roughness(direction)
        length = 1.0 if curvature <= 0 else min(1.0, -slope / curvature)
        relaxed = relaxed + max(length, 0.0) * direction
        relaxed /= relaxed.sum(axis=-1, keepdims=True)
        squared = float(ascent @ ascent)
        if squared > 0.0:
            prices = prices + step * max(value - bound, 0.0) / squared * ascent
    # where no price helps, the first pair is the best one; rounding must not hide that
    pairs = [first] if best_pair is first else [first, best_pair]
    bound_of_pair = [proven_bound(problem, *pair) for pair in pairs]
    proven = max(bound_of_pair)
    return LabelingCertificate(rounded_down(proven), *pairs[bound_of_pair.index(proven)])


def _dual(
    problem: CoupledLabelingProblem, prices: Array, relaxed: Array, costs: Array
) -> tuple[float, Array, Array]:
    """Return the bound, the vertex that minimizes the tangent, and the cheapest totals."""
    gradient = _gradient(problem, prices, relaxed)
    lowest = gradient.min(axis=-1, keepdims=True)
    # f(z0) - grad . z0 is minus the quadratic part, which the gradient counts twice
    quadratic = problem.smoothness / problem.n_patches * _roughness(relaxed) / 2
    labeling = float(lowest.sum()) - quadratic
    vertex = np.zeros_like(relaxed)
    np.put_along_axis(vertex, gradient.argmin(axis=-1, keepdims=True), 1.0, axis=-1)
    priced = costs - prices[:, None] * _totals(problem)
    best = priced.argmin(axis=1)
    bound = problem.n_outputs * labeling + float(priced[np.arange(len(best)), best].sum())
    return bound, vertex, _totals(problem)[best]


def _gradient(problem: CoupledLabelingProblem, prices: Array, relaxed: Array) -> Array:
    gradient = np.moveaxis(problem.unary, 0, -1) + prices
    for axis in range(len(problem.grid)):
        step = problem.smoothness / problem.n_patches * np.diff(relaxed, axis=axis)
        before = [slice(None)] * relaxed.ndim
        after = [slice(None)] * relaxed.ndim
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        gradient[tuple(before)] -= step
        gradient[tuple(after)] += step
    return gradient


def _roughness(relaxed: Array) -> float:
    """Return the sum of squared differences of neighbors."""
    return float(sum(np.sum(np.diff(relaxed, axis=axis) ** 2) for axis in range(relaxed.ndim - 1)))


def _totals(problem: CoupledLabelingProblem) -> Array:
    """All values that the total of an input can take."""
    slots = problem.n_outputs * problem.n_patches * problem.levels
    return np.arange(slots + 1) / problem.levels


def _total_costs(problem: CoupledLabelingProblem) -> Array:
    """Return phi (m, totals), as in `certificate._cheapest_totals` but in floating point."""
    N, A = problem.n_patches, problem.compatibility
    P = _totals(problem)
    own = A.diagonal()[:, None]
    other = np.where(np.eye(len(A), dtype=bool), np.inf, A).min(axis=1, initial=np.inf)
    other = np.where(np.isfinite(other), other, 0.0)[:, None]
    largest = A.max(axis=1)[:, None]
    used = own * P + other * (P[-1] - P) - N * largest
    phi = P * problem.penalty(np.maximum(used, 0.0))
    if problem.threshold_kind == "hard" and problem.threshold > 0:
        free = problem.gate
        with np.errstate(divide="ignore", invalid="ignore"):
            least = P - free / own
            users = np.floor(np.where(least > 0, P / least * (1 + 1e-12), np.inf))
            rest = np.where(least > 0, P - N * users, 0.0)
        phi = np.maximum(phi, free * np.maximum(rest, 0.0))
    return problem.coupling / N * phi
