"""Statistics of columns of data, dense or sparse: correlations, mutual informations, bins."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array

INDEPENDENT = 2000
"""Up to this many columns, sparse data are made dense to correlate them."""
CLOSE = 1 - 1e-12
"""The largest squared correlation; a copy of a column has finite mutual information with it."""


def count_of(name: str, wanted: Any, most: int) -> int:
    """Return a number, or a share of the largest number, as a number."""
    if isinstance(wanted, bool) or not isinstance(wanted, numbers.Real):
        raise TypeError(f"{name} needs a number, got {wanted!r}")
    if isinstance(wanted, numbers.Integral):
        return validate.positive_int(name, wanted)
    share = float(wanted)
    if not 0 < share <= 1:
        raise ValueError(f"{name} needs an integer, or a share above 0, at most 1; got {share}")
    return max(1, int(share * most))


class Moments:
    """Means, variances and correlations of columns, of dense or sparse data."""

    def __init__(self, X: Any) -> None:
        self.X, self.n = X, X.shape[0]
        self.mean = np.asarray(X.mean(axis=0)).ravel().astype(np.float64)
        if hasattr(X, "tocsc"):
            square = np.asarray(X.multiply(X).mean(axis=0)).ravel()
            self.variance = np.maximum(square - self.mean**2, 0.0)
        else:
            self.variance = X.var(axis=0, dtype=np.float64)
            square = self.variance + self.mean**2
        self.constant = self.variance <= 1e-14 * square
        self.deviation = np.sqrt(np.where(self.constant, 1.0, self.variance))

    def explained(self, y: Array, classes: bool) -> Array:
        """Return which share of the variance of each column y explains."""
        if classes:
            counts = np.bincount(y)
            member = (y[:, None] == np.arange(len(counts))) / counts
            means = np.asarray(self.X.T @ member).T  # (classes, columns)
            between = counts / self.n @ (means - self.mean) ** 2
            share = between / self.deviation**2
        else:
            centered = y - y.mean()
            size = float(np.sqrt(centered @ centered / self.n)) or 1.0
            share = (np.asarray(self.X.T @ centered).ravel() / self.n / self.deviation / size) ** 2
        return np.where(self.constant, 0.0, np.clip(share, 0.0, 1.0))

    def redundancy(self) -> Any:
        """Return the information of each pair of columns about each other, without the diagonal."""
        X, d = self.X, len(self.mean)
        if hasattr(X, "tocsc") and d > INDEPENDENT:
            from scipy import sparse

            pairs = sparse.triu(X.T @ X / self.n, 1).tocoo()
            i, j = pairs.row, pairs.col
            covariance = pairs.data - self.mean[i] * self.mean[j]
            share = (covariance / self.deviation[i] / self.deviation[j]) ** 2
            share[self.constant[i] | self.constant[j]] = 0.0
            half = sparse.coo_array((information(share), (i, j)), shape=(d, d)).tocsr()
            return half + half.T
        X = X.toarray() if hasattr(X, "toarray") else X
        standard = (X - self.mean) / self.deviation
        standard[:, self.constant] = 0.0
        pairs = information((standard.T @ standard / self.n) ** 2)
        np.fill_diagonal(pairs, 0.0)
        return (pairs + pairs.T) / 2


def information(share: Array) -> Array:
    """Return the mutual information of Gaussian variables with squared correlations, in nats."""
    information: Array = -0.5 * np.log1p(-np.minimum(share, CLOSE))
    return information


def binned(column: Array, n_bins: int) -> Array:
    """Return codes of the values of a column, or of their quantiles if there are many."""
    values, codes = np.unique(column, return_inverse=True)
    if len(values) <= n_bins:
        return codes
    edges = np.quantile(column, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.searchsorted(np.unique(edges), column, side="right")
