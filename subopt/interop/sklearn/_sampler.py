"""Rows that represent all others: facility location."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import _check_sample_weight, validate_data

from subopt._base import validate
from subopt.constraints.groups import Groups
from subopt.functions.facility_location import FacilityLocation
from subopt.interop.sklearn._selector import count_of
from subopt.maximization._maximize import maximize


class FacilityLocationSampler(BaseEstimator):
    """Select rows that represent all others: every row is similar to a selected one.

    Maximizes the sum over rows of the similarity ``exp(-(distance / scale)²)`` to the most similar
    selected row. `fit_resample` returns the selected rows, as samplers of imbalanced-learn do.

    Parameters
    ----------
    n_samples_to_select : int or float, default 0.1
        How many rows, or which share of them.
    metric : str or callable, default "euclidean"
        See `sklearn.metrics.pairwise_distances`; "precomputed" takes X for distances.
    n_neighbors : int or None, default None
        Rows are similar to this many nearest rows, and 0 to all others: memory is in proportion to
        it, not to the number of rows squared. None compares all rows up to 5000, else 64.
    scale : float or None, default None
        Distance at which the similarity is 1/e. None takes the median distance of a row to its
        neighbors, or to all rows if all are compared.
    stratify : bool, default False
        Whether every class of y has the same share of the selected rows as of all rows, at most.
    effort : {"fast", "default", "best"}, default "default"
        See `maximize`.

    Attributes
    ----------
    sample_indices_ : ndarray of int
        The selected rows, in ascending order.
    labels_ : ndarray of int, shape (n_samples,)
        For every row the place in `sample_indices_` of the nearest selected row.
    counts_ : ndarray of int
        How many rows each selected row stands for.
    result_ : MaximizationResult
        The set, its value, and the upper bound.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of str
        Their names, if X has any.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]])
    >>> sampler = FacilityLocationSampler(n_samples_to_select=3, scale=1.0).fit(X)
    >>> sampler.sample_indices_, sampler.counts_
    (array([1, 4, 5]), array([3, 2, 1]))
    """

    def __init__(
        self,
        n_samples_to_select: float = 0.1,
        *,
        metric: Any = "euclidean",
        n_neighbors: int | None = None,
        scale: float | None = None,
        stratify: bool = False,
        effort: str = "default",
    ) -> None:
        self.n_samples_to_select = n_samples_to_select
        self.metric = metric
        self.n_neighbors = n_neighbors
        self.scale = scale
        self.stratify = stratify
        self.effort = effort

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> FacilityLocationSampler:
        """Select rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,), optional
            Classes, for `stratify`.
        sample_weight : array_like, shape (n_samples,), optional
            Weight of each row in the objective, at least 0.

        Returns
        -------
        FacilityLocationSampler
            Itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter of the estimator, X or y is not as described.
        """
        # what a sparse matrix leaves out is 0, as a distance "the same row"
        X = validate_data(self, X, accept_sparse="csr" if self.metric != "precomputed" else False)
        n = X.shape[0]
        k = count_of("n_samples_to_select", self.n_samples_to_select, n)
        groups: list[Groups] = []
        if self.stratify:
            if y is None:
                raise ValueError("stratify=True needs the classes of the rows: call fit(X, y)")
            classes, labels = np.unique(y, return_inverse=True)
            if len(labels) != n:
                raise ValueError(f"y needs one class per row, {n}, got {len(labels)}")
            share = np.bincount(labels, minlength=len(classes)) * k / n
            groups = [Groups(labels, np.maximum(1, np.ceil(share)).astype(int))]
        similarity = self._similarity(X, n)
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            similarity = sparse.diags_array(weights) @ similarity
        F = FacilityLocation(similarity)
        self.result_ = maximize(F, k, constraints=groups, effort=self.effort)
        self.sample_indices_ = self.result_.S
        if self.metric == "precomputed":
            self.labels_ = np.asarray(X[:, self.sample_indices_].argmin(axis=1)).ravel()
        else:
            self.labels_ = pairwise_distances_argmin(X, X[self.sample_indices_], metric=self.metric)
        self.counts_ = np.bincount(self.labels_, minlength=len(self.sample_indices_))
        return self

    def fit_resample(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Select rows and return them.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,), optional
            Goes along.
        sample_weight : array_like, shape (n_samples,), optional
            See `fit`.

        Returns
        -------
        X or (X, y)
            The selected rows, in their order; with y if it is given.
        """
        from sklearn.utils import _safe_indexing

        self.fit(X, y, sample_weight)
        rows = _safe_indexing(X, self.sample_indices_)
        return rows if y is None else (rows, _safe_indexing(y, self.sample_indices_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags

    def _similarity(self, X: Any, n: int) -> Any:
        near = self.n_neighbors
        if near is None and n > 5000:
            near = 64
        if near is not None:
            near = min(n, count_of("n_neighbors", near, n))
            search = NearestNeighbors(n_neighbors=near, metric=self.metric).fit(X)
            similarity = search.kneighbors_graph(X, mode="distance")
            distances = similarity.data
        else:
            distances = pairwise_distances(X, metric=self.metric)
        some = distances[distances > 0]
        scale = float(np.median(some)) if some.size else 1.0
        if self.scale is not None:
            scale = validate.nonnegative("scale", self.scale)
            if scale == 0:
                raise ValueError("scale needs a number > 0, got 0")
        close = np.exp(-((distances / scale) ** 2))
        if near is None:
            return close
        similarity.data = close
        return similarity
