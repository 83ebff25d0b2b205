"""Means, variances and correlations of columns, of dense or sparse data."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from subopt._base.types import Array

INDEPENDENT = 2000
"""Up to this many columns, sparse data are made dense to correlate them."""
CLOSE = 1 - 1e-12
"""The largest squared correlation; a copy of a column has finite mutual information with it."""


class Moments:
    """Weighted moments of columns.

    Columns are in units of their largest number, by powers of two: squares do not overflow, and the
    unit of a column changes nothing.

    Parameters
    ----------
    X : ndarray or csc matrix of float64, shape (rows, columns)
    weights : ndarray of float64, shape (rows,)
        Positive.
    """

    def __init__(self, X: Any, weights: Array) -> None:
        self.sparse = hasattr(X, "tocsc")
        self.weights = w = weights / weights.sum()
        peak = abs(X).max(axis=0)
        peak = peak.toarray().ravel() if self.sparse else peak
        units = np.ldexp(1.0, -np.clip(np.frexp(peak)[1], -1000, 1000))
        if self.sparse:
            self.X = X = sparse.csc_array(X.multiply(units[None]))
            X.sum_duplicates()
            column, rows = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr)), w[X.indices]
            d = X.shape[1]
            self.mean = np.bincount(column, rows * X.data, d)
            square = np.bincount(column, rows * (X.data - self.mean[column]) ** 2, d)
            rest = np.maximum(1 - np.bincount(column, rows, d), 0.0)
            variance = square + rest * self.mean**2
            high, low = X.max(axis=0).toarray().ravel(), X.min(axis=0).toarray().ravel()
        else:
            X = X * units
            high, low = X.max(axis=0), X.min(axis=0)
            self.mean = w @ X
            self.X = X - self.mean
            variance = w @ self.X**2
        self.constant = (high == low) | ~(variance > 0)
        self.deviation = np.sqrt(np.where(self.constant, 1.0, variance))

    def explained(self, y: Array, classes: bool) -> Array:
        """Return which share of the variance of each column y explains."""
        middle = self.mean if self.sparse else np.zeros(len(self.mean))
        if classes:
            member = (y[:, None] == np.arange(y.max() + 1)) * self.weights[:, None]
            counts = member.sum(axis=0)
            member, counts = member[:, counts > 0], counts[counts > 0]
            means = np.asarray(self.X.T @ (member / counts)).T  # (classes, columns)
            share = counts @ ((means - middle) / self.deviation) ** 2
        else:
            y = y / (np.abs(y).max() or 1.0)
            centered = y - self.weights @ y
            centered /= np.sqrt(self.weights @ centered**2) or 1.0
            # sums of these are 0, so that no mean is to be subtracted
            share = (np.asarray(self.X.T @ (self.weights * centered)) / self.deviation) ** 2
        return np.where(self.constant, 0.0, np.clip(share, 0.0, 1.0))

    def redundancy(self) -> Any:
        """Return the information of each pair of columns about each other, without the diagonal."""
        X, d = self.X, len(self.mean)
        if self.sparse and d > INDEPENDENT:
            pairs = sparse.triu(X.T @ X.multiply(self.weights[:, None]), 1).tocoo()
            i, j = pairs.row, pairs.col
            covariance = pairs.data - self.mean[i] * self.mean[j]
            share = (covariance / self.deviation[i] / self.deviation[j]) ** 2
            share[self.constant[i] | self.constant[j]] = 0.0
            half = sparse.coo_array((information(share), (i, j)), shape=(d, d)).tocsr()
            return half + half.T
        X = X.toarray() - self.mean if self.sparse else X
        standard = X / self.deviation * np.sqrt(self.weights)[:, None]
        standard[:, self.constant] = 0.0
        pairs = information((standard.T @ standard) ** 2)
        np.fill_diagonal(pairs, 0.0)
        return (pairs + pairs.T) / 2


def information(share: Array) -> Array:
    """Return the mutual information of Gaussian variables with squared correlations, in nats."""
    return -0.5 * np.log1p(-np.minimum(share, CLOSE))
