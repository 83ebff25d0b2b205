"""Modular functions: one weight per element."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import shown
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm
from subopt.functions.oracle import GainRange

SHOWN = 2.0**42
"""`GainRange.size` per unit of error: solvers count 2^-46 to 2^-36 of it as rounding."""


@documented_like(SetFunction)
class Modular(SetFunction):
    """F(S) = sum of the weights of S, which is both submodular and supermodular.

    ``-Modular(w)`` is a set function again, so that ``F - Modular(w)`` is a `SetFunction` and not a
    `DifferenceOfSubmodular`. Sums of modular functions are merged into one. All queries cost O(n).

    Parameters
    ----------
    weights : array_like of float, shape (n,)
        Finite weights of any sign.

    Attributes
    ----------
    weights : ndarray of float64, shape (n,)
        The weights, read-only.

    Raises
    ------
    ValueError
        If `weights` is not one-dimensional or has an entry that is not finite.

    Examples
    --------
    >>> F = Modular([1.0, -2.0, 4.0])
    >>> F([0, 1]), F.lovasz([0.5, 0.5, 0.0])
    (-1.0, -0.5)
    """

    cut_representable = True
    _normalized = True

    def __init__(self, weights: ArrayLike) -> None:
        w = validate.real_array("weights", weights)
        if w.ndim != 1:
            raise ValueError(f"weights needs the shape (n,), got {w.shape}. Use np.ravel(weights).")
        w.setflags(write=False)
        self.n = len(w)
        self.weights = w
        self._error = np.zeros(len(w))  # a bound of what the weights lack by rounding
        self.monotone = bool((w >= 0).all())
        self.symmetric = not w.any()
        self.integral = bool((w == np.rint(w)).all())

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: add up its weights."""
        return float(self.weights[validate.mask(mask, self.n)].sum())

    def marginals(self, mask: Array) -> Array:
        """Return the weights, which are the marginal gains at every set."""
        validate.mask(mask, self.n)
        return self.weights.copy()

    def as_cut(self) -> CutForm:
        """Return the graph without arcs, with the weights as unary costs."""
        none = np.zeros(0, dtype=np.intp)
        return CutForm(self.n, 0, none, none, np.zeros(0), np.zeros(0), self.weights)

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the negative weights."""
        return modular_sum(-self.weights, self._error)

    def _source(self) -> str:
        return f"Modular({shown(self.weights)})"

    def _state(self, mask: Array) -> Any:
        return None

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        pass

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return float(self.weights[i])

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        return self.weights[elements]

    _has_levels = True

    def _levels(self, mask: Array) -> Array:
        return np.zeros(0)

    def _above(self, levels: Array) -> tuple[float, Array]:
        return 0.0, self.weights.copy()

    def _slope(self, levels: Array, elements: Array) -> Array:
        return np.zeros(0)

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        gains[order] += scale * self.weights[order]

    def _range(self) -> GainRange:
        size = np.abs(self.weights) + SHOWN * self._error
        return GainRange(self.weights.copy(), self.weights.copy(), size)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        return modular_sum(self.weights[kept], self._error[kept])

    def _scaled(self, scale: float) -> SetFunction | None:
        if scale == 1:
            return self
        return modular_sum(*self._times(scale))

    def _merged(self, scale: float, other: SetFunction, other_scale: float) -> SetFunction | None:
        if not isinstance(other, Modular):
            return None
        (a, a_error), (b, b_error) = self._times(scale), other._times(other_scale)
        with np.errstate(over="ignore", invalid="ignore"):  # `Modular` refuses what overflows
            total = a + b
        return modular_sum(total, a_error + b_error + np.abs(_rounded(a, b, total)))

    def _times(self, scale: float) -> tuple[Array, Array]:
        """Return the weights times a number, and a bound of what they lack."""
        weights, error = scale * self.weights, abs(scale) * self._error
        exact = abs(np.frexp(scale)[0]) == 0.5  # a power of two
        return weights, error if exact else error + 2.0**-53 * np.abs(weights)


def modular_sum(weights: Array, error: Array) -> Modular:
    """Return a modular function with weights that rounding has changed by at most `error`.

    Where large numbers have cancelled, the error is more than the digits of a weight show.
    """
    F = Modular(weights)
    F._error = error
    return F


def _rounded(a: Array, b: Array, total: Array) -> Array:
    """Return the rounding error of ``total = a + b``, which is a double (Knuth's two-sum)."""
    with np.errstate(over="ignore", invalid="ignore"):
        part = total - a
        return (a - (total - part)) + (b - part)
