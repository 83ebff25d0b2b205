"""A lower bound for coupled labelings, with evidence that anybody can check.

The coupling couples outputs only through the totals P_i of the inputs: it is at least
sum_i phi_i(P_i). Prices lambda on the totals then separate the problem,

    E  >=  m' min_z [ sum_k (c_k + lambda) . z_k + (beta / 2N) sum_{k~k'} |z_k - z_k'|^2 ]
           + sum_i min_P [ phi_i(P) - lambda_i P ],

and all outputs share one labeling problem. That one is convex over shares, so its tangent at any
point z0 bounds it from below, and the minimum of a tangent is one minimum per patch. The evidence
is the pair (lambda, z0): whatever it is, the bound is valid; it is weak if they are chosen badly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.coupled.problem import CoupledLabelingProblem


@dataclass(frozen=True, eq=False)
class LabelingCertificate:
    r"""Evidence for a lower bound on the energy of a coupled labeling problem.

    Attributes
    ----------
    bound : float
        Value that no labeling of the problem can go below.
    prices : ndarray of float64, shape (m,)
        lambda, the price of a patch of each input.
    relaxed : ndarray of float64, shape (\*grid, m)
        z0, convex weights over inputs in every patch of one output.
    """

    bound: float
    prices: Array
    relaxed: Array

    def check(self, problem: CoupledLabelingProblem) -> float:
        """Recompute the bound from the problem and the evidence.

        Parameters
        ----------
        problem : CoupledLabelingProblem

        Returns
        -------
        float
            The bound that the evidence proves, equal to `bound` up to rounding.

        Raises
        ------
        ValueError
            If the evidence does not fit the problem, or proves less than `bound` claims.
        """
        m, grid = problem.n_inputs, problem.grid
        prices = validate.real_array("prices", self.prices)
        relaxed = validate.real_array("relaxed", self.relaxed)
        if prices.shape != (m,) or relaxed.shape != (*grid, m):
            raise ValueError(
                f"A certificate for this problem has prices of shape {(m,)} and relaxed shares of "
                f"shape {(*grid, m)}, got {prices.shape} and {relaxed.shape}"
            )
        if (relaxed < 0).any() or np.abs(relaxed.sum(axis=-1) - 1).max() > 1e-9:
            raise ValueError("relaxed needs nonnegative shares that sum to 1 in every patch")
        proven, _, _ = _dual(problem, prices, relaxed, _total_costs(problem))
        if self.bound > proven + 1e-9 * (1 + abs(proven)):
            raise ValueError(f"The evidence proves {proven:g}, not the claimed {self.bound:g}")
        return proven


def lower_bound(
    problem: CoupledLabelingProblem, value: float, *, iterations: int = 300
) -> LabelingCertificate:
    """Bound the energy of every labeling from below by Lagrangian prices on the input totals.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    value : float
        Energy of some labeling; scales the steps and does not affect validity.
    iterations : int, default 300
        Subgradient steps on the prices, each with one Frank-Wolfe step on the relaxed labeling.
        One costs O(N m + L m' N m) numpy work.

    Returns
    -------
    LabelingCertificate
        The best bound seen. It holds for labelings with ``problem.levels`` parts per patch.

    Notes
    -----
    phi_i drops what a labeling can avoid by giving input i to few outputs, so with a threshold the
    bound is weak: expect a gap of 10 to 40 % of the energy.
    """
    N, m = problem.n_patches, problem.n_inputs
    costs = _total_costs(problem)
    prices = np.zeros(m)
    relaxed = np.full((*problem.grid, m), 1.0 / m)
    best = LabelingCertificate(-np.inf, prices, relaxed)
    step = 1.0
    for _ in range(validate.positive_int("iterations", iterations)):
        bound, vertex, totals = _dual(problem, prices, relaxed, costs)
        if bound > best.bound:
            best = LabelingCertificate(bound, prices.copy(), relaxed.copy())
        else:
            step *= 0.97
        ascent = problem.n_outputs * vertex.reshape(N, m).sum(axis=0) - totals
        # exact line search of the quadratic between the point and the best vertex
        direction = vertex - relaxed
        slope = float(np.sum(_gradient(problem, prices, relaxed) * direction))
        curvature = problem.smoothness / N * _roughness(direction)
        length = 1.0 if curvature <= 0 else min(1.0, -slope / curvature)
        relaxed = relaxed + max(length, 0.0) * direction
        relaxed /= relaxed.sum(axis=-1, keepdims=True)
        squared = float(ascent @ ascent)
        if squared == 0.0:
            continue
        prices = prices + step * max(value - bound, 1e-9 * (1 + abs(value))) / squared * ascent
    return best


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
    """Return the sum of squared differences of neighbours."""
    return float(sum(np.sum(np.diff(relaxed, axis=axis) ** 2) for axis in range(relaxed.ndim - 1)))


def _totals(problem: CoupledLabelingProblem) -> Array:
    """All values that the total of an input can take."""
    slots = problem.n_outputs * problem.n_patches * problem.levels
    return np.arange(slots + 1) / problem.levels


def _total_costs(problem: CoupledLabelingProblem) -> Array:
    r"""Return phi (m, totals): the least that the coupling can charge for each total of an input.

    Twice a bound, and the larger of the two. (1) T_ji >= A_ii P + a_i (m' N - P) - N r_i with a_i
    the least other entry and r_i the largest entry of row i of A. (2) For a hard threshold: outputs
    that use input i free of charge use s = P - tau N / A_ii of it or more, so there are at most
    P / s, with at most N each; whatever is left is charged at least tau N per patch.
    """
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
