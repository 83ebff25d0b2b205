"""Evidence for a lower bound on the energy of coupled labelings, and its check.

The coupling depends on the outputs only through the totals P_i of the inputs: it is at least
sum_i phi_i(P_i). Prices lambda on the totals separate the problem,

    E  >=  m' min_z [ sum_k (c_k + lambda) . z_k + (beta / 2N) sum_{k~k'} |z_k - z_k'|^2 ]
           + sum_i min_P [ phi_i(P) - lambda_i P ],

and all outputs share one labeling problem. That problem is convex in the shares, so its tangent at
any point z0 bounds it from below, and the minimum of the tangent is one minimum per patch. The
evidence is the pair (lambda, z0). Every pair proves a bound; a badly chosen pair proves a weak one.

The check runs in exact rational arithmetic: numbers in floating point are integers times powers of
two, and arrays of Python integers hold the rest. It has no tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from subopt._base.answer import CertificateError, ReadOnly
from subopt._base.types import Array, ArrayLike
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import LabelingResult

DIGITS = 2.0**-40
"""Relative error of a reported value, of the size of the terms that it is the sum of."""


@dataclass(frozen=True, eq=False)
class LabelingCertificate(ReadOnly):
    r"""Evidence for a lower bound on the energy of a coupled labeling problem.

    Attributes
    ----------
    lower_bound : float
        No labeling of the problem has a lower energy.
    prices : ndarray of float64, shape (m,)
        lambda, the price of one patch of each input; read-only.
    relaxed : ndarray of float64, shape (\*grid, m)
        z0, the point at which the labeling problem of one output is replaced by its tangent, in
        shares of the inputs; read-only.
    """

    lower_bound: float
    prices: Array
    relaxed: Array

    def check(self, problem: CoupledLabelingProblem, answer: LabelingResult | ArrayLike) -> float:
        r"""Recompute the gap of an answer, from the problem and the prices.

        Parameters
        ----------
        problem : CoupledLabelingProblem
            The problem that was solved.
        answer : LabelingResult, or array_like
            The labeling: a result, sources (integers, shape (m', \*grid, parts)) or shares (floats,
            shape (m', \*grid, m)).

        Returns
        -------
        float
            The energy of the answer minus the bound that the evidence proves, rounded up. Costs
            O(m' N L m) operations on Python integers: 10 ms for 20 inputs on 4x4 patches, 0.2 s for
            100.

        Raises
        ------
        CertificateError
            If the evidence does not fit the problem or proves less than `lower_bound`, or if the
            answer is not a labeling of the problem with ``problem.levels`` parts per patch, or does
            not have the value that it reports.
        """
        if not isinstance(problem, CoupledLabelingProblem):
            raise TypeError(f"check needs a CoupledLabelingProblem, got {type(problem).__name__}")
        m, grid = problem.n_inputs, problem.grid
        proven = proven_bound(
            problem,
            _finite("prices", self.prices, (m,)),
            _finite("relaxed", self.relaxed, (*grid, m)),
        )
        claimed = self.lower_bound
        if not isinstance(claimed, int | float | np.floating) or not claimed <= proven:
            raise CertificateError(
                f"The evidence proves the lower bound {float(proven):.17g}, not {claimed!r}"
            )
        slots = slots_of(problem, answer)
        energy = exact_energy(problem, slots)
        if isinstance(answer, LabelingResult):
            size = float(exact_energy(problem, slots, absolute=True))
            if not abs(answer.value - float(energy)) <= DIGITS * size:
                raise CertificateError(
                    f"The labeling has the energy {float(energy):.17g}, not {answer.value!r}"
                )
        return -rounded_down(proven - energy)


def proven_bound(problem: CoupledLabelingProblem, prices: Array, relaxed: Array) -> Fraction:
    """Return the exact lower bound that prices (m,) and a point z0 (*grid, m) prove."""
    labeling = _tangent_minimum(problem, prices, relaxed)
    return problem.n_outputs * labeling + _cheapest_totals(problem, prices)


def exact_energy(
    problem: CoupledLabelingProblem, slots: Array, *, absolute: bool = False
) -> Fraction:
    r"""Return E exactly, or the sum of the absolute values of its terms.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    slots : ndarray of int64, shape (m', \*grid, m)
        How many of the ``levels`` equal parts of each patch each input fills.
    absolute : bool
        Whether to take the absolute values of the unary costs; all other terms are nonnegative.
    """
    N, L = problem.n_patches, problem.levels
    cost, unit = _integers(np.moveaxis(problem.unary, 0, -1))
    total = slots.sum(axis=0)
    unary = Fraction(int(np.sum((np.abs(cost) if absolute else cost) * total)), unit * L)
    rough = sum(int(np.sum(np.diff(slots, axis=axis) ** 2)) for axis in range(1, slots.ndim - 1))
    counts = slots.reshape(len(slots), N, -1).sum(axis=1)
    (A, free), scale = _compatibility_and_gate(problem)
    t = np.dot((counts.sum(axis=0) - counts).astype(object), A.T)  # in units of 1 / (L scale)
    charge = int(np.sum(_charge(problem, t, free) * counts))
    return (
        unary
        + Fraction(problem.smoothness) * Fraction(rough, 2 * N * L**2)
        + Fraction(problem.coupling) * Fraction(charge, N * L**2 * scale)
    )


def rounded_down(number: Fraction) -> float:
    """Return the largest float that is not above a rational number."""
    nearest = float(number)
    return nearest if nearest <= number else math.nextafter(nearest, -math.inf)


def _tangent_minimum(problem: CoupledLabelingProblem, prices: Array, relaxed: Array) -> Fraction:
    """Return the minimum over all labelings of one output of the tangent at `relaxed`."""
    N = problem.n_patches
    costs, unit = _integers(np.moveaxis(problem.unary, 0, -1) + 0.0, prices)
    linear = costs[0] + costs[1]
    z, share = _integers(relaxed)
    beta = Fraction(problem.smoothness)
    slope = np.zeros(z.shape, dtype=object)
    squares = 0
    for axis in range(z.ndim - 1):
        step = np.diff(z, axis=axis)
        squares += int(np.sum(step * step))
        index: list[Any] = [slice(None)] * z.ndim
        index[axis] = slice(None, -1)
        slope[tuple(index)] -= step
        index[axis] = slice(1, None)
        slope[tuple(index)] += step
    # gradient = linear / unit + beta / N * slope / share, over one denominator
    gradient = linear * (share * N * beta.denominator) + slope * (beta.numerator * unit)
    lowest = Fraction(int(np.sum(gradient.min(axis=-1))), unit * share * N * beta.denominator)
    # f(z0) - gradient . z0 is minus the quadratic part, which the gradient counts twice
    return lowest - beta * Fraction(squares, 2 * N * share**2)


def _cheapest_totals(problem: CoupledLabelingProblem, prices: Array) -> Fraction:
    r"""Return sum_i min_P [ phi_i(P) - lambda_i P ] over the totals P that are possible.

    phi_i(P), the least that the coupling can charge for a total P of input i, is N / gamma times
    the larger of two bounds. (1) T_ji >= A_ii P + a_i (m' N - P) - N r_i with a_i the least other
    entry and r_i the largest entry of row i of A. (2) For a hard threshold: outputs that use input
    i free of charge use s = P - tau N / A_ii of it or more, so there are at most P / s of them,
    with at most N each; the rest is charged at least tau N per patch.
    """
    N, L, m = problem.n_patches, problem.levels, problem.n_inputs
    (A, free), scale = _compatibility_and_gate(problem)
    last = problem.n_outputs * N * L
    P = np.arange(last + 1).astype(object)  # in slots
    gamma = Fraction(problem.coupling) / (N * L**2 * scale)
    total = Fraction(0)
    for i in range(m):
        own = A[i, i]
        other = min((A[i, k] for k in range(m) if k != i), default=0)
        used = own * P + other * (last - P) - N * L * max(A[i])
        phi = P * _charge(problem, np.maximum(used, 0), free)
        if problem.threshold_kind == "hard" and problem.threshold > 0:
            least = own * P - free  # A_ii s
            some = least > 0
            users = own * P[some] // least[some]
            rest = np.maximum(P[some] - N * L * users, 0)
            phi[some] = np.maximum(phi[some], free * rest)
        price = Fraction(float(prices[i])) / L
        common = math.lcm(gamma.denominator, price.denominator)
        priced = phi * int(gamma * common) - P * int(price * common)
        total += Fraction(int(priced.min()), common)
    return total


def _charge(problem: CoupledLabelingProblem, t: Array, free: int) -> Array:
    """Return g(t) for arrays of integers t in one unit with `free`."""
    return np.where(t > free, t if problem.threshold_kind == "hard" else t - free, 0)


def _compatibility_and_gate(problem: CoupledLabelingProblem) -> tuple[tuple[Array, int], int]:
    """Return A and L times the gate as integers, and the integer that they are multiples of."""
    (A, gate), scale = _integers(problem.compatibility, np.array(problem.gate))
    return (A, int(gate) * problem.levels), scale


def _integers(*arrays: Array) -> tuple[Any, int]:
    """Return arrays of floats as arrays of Python integers over one denominator, and that one."""
    parts = [np.frexp(np.asarray(array, dtype=np.float64)) for array in arrays]
    parts = [(np.ldexp(mantissa, 53), exponent - 53) for mantissa, exponent in parts]
    low = min(0, *(int(exponent[whole != 0].min(initial=0)) for whole, exponent in parts))
    whole = []
    for mantissa, exponent in parts:
        shift = np.where(mantissa == 0, 0, exponent - low).astype(object)
        whole.append(np.asarray(mantissa.astype(np.int64).astype(object) << shift, dtype=object))
    return (whole if len(whole) > 1 else whole[0]), 1 << -low


def _finite(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    array = np.asarray(values) if isinstance(values, np.ndarray) else np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf" or array.shape != shape or not np.isfinite(array).all():
        raise CertificateError(
            f"A certificate for this problem needs {name} of shape {shape}, all of them finite, "
            f"got shape {array.shape} and dtype {array.dtype}"
        )
    return np.asarray(array, dtype=np.float64)


def slots_of(problem: CoupledLabelingProblem, answer: Any) -> Array:
    """Return how many slots of each patch each input fills, or raise."""
    shape, m, L = (problem.n_outputs, *problem.grid), problem.n_inputs, problem.levels
    labels = np.asarray(answer.sources if isinstance(answer, LabelingResult) else answer)
    if labels.dtype.kind in "iu" and labels.shape[:-1] == shape and labels.shape[-1] > 0:
        if not 0 <= labels.min() <= labels.max() < m:
            raise CertificateError(
                f"The sources of an answer need to be in 0..{m - 1}, got {labels.min()}.."
                f"{labels.max()}"
            )
        parts = labels.shape[-1]
        shares = (labels[..., None] == np.arange(m)).sum(axis=-2) * (L / parts)
    elif labels.dtype.kind == "f" and labels.shape == (*shape, m):
        shares = labels * L
    else:
        raise CertificateError(
            f"An answer to this problem has sources of shape {(*shape, L)} or shares of shape "
            f"{(*shape, m)}, got dtype {labels.dtype} and shape {labels.shape}"
        )
    slots = np.rint(shares)
    if not (np.abs(shares - slots) <= L * 2.0**-50).all() or (slots.sum(axis=-1) != L).any():
        raise CertificateError(f"An answer to this problem divides patches in {L} equal part(s)")
    return slots.astype(np.int64)
