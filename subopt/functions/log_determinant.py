"""Log-determinants of kernel matrices, and the mutual information of Gaussian vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import shown
from subopt.functions.algebra import SetFunction
from subopt.functions.oracle import GainRange


@documented_like(SetFunction)
class LogDeterminant(SetFunction):
    """F(S) = log det K[S, S], and 0 for the empty set.

    A sweep is one Cholesky factorization of the kernel in the given order: the logarithm of the
    k-th pivot is the k-th gain. It costs n³ / 3 operations for all n determinants. `value` costs
    ``O(|S|³)``, `marginals` ``O(|S|³ + n |S|²)``.

    Parameters
    ----------
    kernel : array_like of float, shape (n, n)
        Symmetric positive definite matrix.

    Attributes
    ----------
    kernel : ndarray of float64, shape (n, n)
        The matrix, read-only.

    Raises
    ------
    ValueError
        If the kernel is not square, symmetric and positive definite; the message suggests how to
        make it so.

    Examples
    --------
    >>> F = LogDeterminant([[2.0, 1.0], [1.0, 2.0]])
    >>> F.greedy([0, 1]).round(4), round(F([0, 1]), 4)
    (array([0.6931, 0.4055]), 1.0986)
    """

    def __init__(self, kernel: ArrayLike) -> None:
        K = _positive_definite(kernel)
        self.n, self.kernel = len(K), K
        # the smallest gain of an element is that of joining last: -log of the inverse's diagonal
        self.monotone = self.n == 0 or bool(np.diag(np.linalg.inv(K)).max() <= 1)

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, by one Cholesky factorization."""
        S = np.flatnonzero(validate.mask(mask, self.n))
        return float(_pivots(self.kernel, S).sum())

    def marginals(self, mask: Array) -> Array:
        """Return the log of the variance of each element given the other elements of a set."""
        return _marginals(self.kernel, validate.mask(mask, self.n))

    def _source(self) -> str:
        return f"LogDeterminant({shown(self.kernel)})"

    def _state(self, mask: Array) -> Any:
        """Return the rows of the Cholesky factor of the set, on all of V, and what they leave."""
        state: list[Any] = [np.zeros((0, self.n)), np.diag(self.kernel).copy()]
        for i in np.flatnonzero(mask):
            _eliminate(self.kernel, state, int(i))
        return state

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return float(self._gains(state, mask, np.array([i]))[0])

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        inside = mask[elements]
        if inside.any():
            return self.marginals(mask.copy())[elements]
        return np.log(state[1][elements])

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        if mask[i]:
            left = mask.copy()
            left[i] = False
            state[:] = self._state(left)
        else:
            _eliminate(self.kernel, state, i)

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        gains[order] += scale * _pivots(self.kernel, order)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        return LogDeterminant(_given(self.kernel, before, kept))

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        return GainRange(low, high, size + 1.0)  # a gain is the logarithm of a pivot


@documented_like(SetFunction)
class GaussianMutualInformation(SetFunction):
    """F(S) = ½ [log det K_S + log det K_{V-S} - log det K_V].

    This is the mutual information, in nats, between the coordinates in S and the other coordinates
    of a Gaussian vector with covariance K. A sweep is two Cholesky factorizations, one in the given
    order and one in reverse. `value` and `marginals` cost O(n³).

    Parameters
    ----------
    kernel : array_like of float, shape (n, n)
        Symmetric positive definite covariance matrix K.

    Attributes
    ----------
    kernel : ndarray of float64, shape (n, n)
        The matrix, read-only.

    Raises
    ------
    ValueError
        If the kernel is not square, symmetric and positive definite; the message suggests how to
        make it so.

    Examples
    --------
    >>> F = GaussianMutualInformation([[2.0, 1.0], [1.0, 2.0]])
    >>> round(F([0]), 4), F([0, 1])
    (0.1438, 0.0)
    """

    symmetric = True

    def __init__(self, kernel: ArrayLike) -> None:
        self.kernel = _positive_definite(kernel)
        self.n = len(self.kernel)
        self._total = float(_pivots(self.kernel, np.arange(self.n)).sum())

    def value(self, mask: Array) -> float:
        """Evaluate F at a set, by two Cholesky factorizations."""
        mask = validate.mask(mask, self.n)
        if mask.all() or not mask.any():
            return 0.0
        inside = _pivots(self.kernel, np.flatnonzero(mask)).sum()
        outside = _pivots(self.kernel, np.flatnonzero(~mask)).sum()
        return float(0.5 * (inside + outside - self._total))

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        mask = validate.mask(mask, self.n)
        return 0.5 * (_marginals(self.kernel, mask) - _marginals(self.kernel, ~mask))

    def _source(self) -> str:
        return f"GaussianMutualInformation({shown(self.kernel)})"

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        rest = np.ones(self.n, dtype=np.bool_)
        rest[order] = False
        reverse = np.concatenate([np.flatnonzero(rest), order[::-1]])
        lost = _pivots(self.kernel, reverse)[::-1][: len(order)]
        gains[order] += 0.5 * scale * (_pivots(self.kernel, order) - lost)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        rest = np.ones(self.n, dtype=np.bool_)
        rest[before] = rest[kept] = False
        try:
            inside = LogDeterminant(_given(self.kernel, before, kept))
            outside = LogDeterminant(_given(self.kernel, np.flatnonzero(rest), kept))
        except ValueError:  # nearly singular: the Schur complement consists of rounding errors
            return super()._minor(before, kept)
        return 0.5 * inside + 0.5 * outside.complement()

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        return GainRange(low, high, size + 1.0)  # a gain is half a difference of two logarithms


def _given(K: Array, before: Array, kept: Array) -> Array:
    """Return the covariance of some coordinates given others, a Schur complement."""
    left = K[np.ix_(kept, kept)]
    if len(before):
        cross = K[np.ix_(before, kept)]
        left = left - cross.T @ np.linalg.solve(K[np.ix_(before, before)], cross)
    return (left + left.T) / 2


def _eliminate(K: Array, state: list[Any], i: int) -> None:
    """Add the row of a coordinate to a partial Cholesky factor."""
    rows, left = state
    row = (K[i] - rows[:, i] @ rows) / np.sqrt(left[i])
    state[0] = np.concatenate([rows, row[None]])
    # a variance that is rounding is a tiny one, and no negative number
    state[1] = np.maximum(left - row * row, 2.0**-52 * np.diag(K))


def _pivots(K: Array, order: Array) -> Array:
    """Return the gains of log det K along an order: logs of the squared Cholesky diagonal."""
    L = np.linalg.cholesky(K[np.ix_(order, order)])
    return 2.0 * np.log(np.diag(L))


def _marginals(K: Array, mask: Array) -> Array:
    S, T = np.flatnonzero(mask), np.flatnonzero(~mask)
    result = np.empty(len(K))
    inverse = np.linalg.inv(K[np.ix_(S, S)])
    result[S] = -np.log(np.diag(inverse))
    cross = K[np.ix_(T, S)]
    # variances of the other coordinates given those in S
    result[T] = np.log(np.diag(K)[T] - np.sum((cross @ inverse) * cross, axis=1))
    return result


def _positive_definite(kernel: ArrayLike) -> Array:
    K = validate.real_array("kernel", kernel)
    if K.ndim != 2 or K.shape[0] != K.shape[1]:
        raise ValueError(f"kernel needs the shape (n, n), got {K.shape}")
    difference = np.abs(K - K.T)
    if difference.size and difference.max() > 1e-10 * np.abs(K).max():
        i, j = np.unravel_index(difference.argmax(), K.shape)
        raise ValueError(
            f"kernel needs to be symmetric, but kernel[{i}, {j}] is {K[i, j]:g} and "
            f"kernel[{j}, {i}] is {K[j, i]:g}. (K + K.T) / 2 is symmetric."
        )
    K = (K + K.T) / 2
    try:
        np.linalg.cholesky(K)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(K)
        i = int(np.abs(vectors[:, 0]).argmax())
        raise ValueError(
            f"kernel needs to be positive definite, but its smallest eigenvalue is {values[0]:.3g} "
            f"(with a vector that is largest at element {i}, where kernel[{i}, {i}] is "
            f"{K[i, i]:g}). Add noise: kernel + sigma**2 * np.eye({len(K)})."
        ) from None
    K.setflags(write=False)
    return K
