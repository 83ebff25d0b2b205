"""scikit-learn: selection of features and of rows by submodular functions.

Needs scikit-learn 1.6 or later (``pip install subopt[sklearn]``). The estimators work in `Pipeline`
and `GridSearchCV`, and take dense and sparse input.

>>> from sklearn.datasets import load_breast_cancer
>>> X, y = load_breast_cancer(return_X_y=True)
>>> selector = SubmodularSelector(n_features_to_select=5).fit(X, y)
>>> selector.transform(X).shape, selector.result_.value <= selector.result_.upper_bound
((569, 5), True)
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from subopt._base import validate
from subopt._base.types import Array
from subopt._minimize import minimize
from subopt.constraints.budget import Budget
from subopt.constraints.groups import Groups
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.cut import Cut
from subopt.functions.entropy import Entropy
from subopt.functions.facility_location import FacilityLocation
from subopt.functions.modular import Modular
from subopt.maximization._maximize import maximize

__all__ = ["DifferenceSelector", "FacilityLocationSampler", "SubmodularSelector"]

INDEPENDENT = 2000
"""Up to this many columns, sparse data are made dense to correlate them."""
CLOSE = 1 - 1e-12
"""The largest squared correlation; a copy of a column has finite mutual information with it."""


class _Selector(SelectorMixin, BaseEstimator):
    """What both selectors share: checked data, a number of features, costs."""

    def _data(self, X: Any, y: Any) -> tuple[Any, Array, bool]:
        """Return data, targets, and whether these are classes."""
        X, y = validate_data(self, X, y, accept_sparse="csc", ensure_min_samples=2)
        classes = self.task == "classification" or (
            self.task == "auto" and type_of_target(y) != "continuous"
        )
        if self.task not in ("auto", "classification", "regression"):
            raise ValueError(
                f"task must be 'auto', 'classification' or 'regression'; got {self.task!r}"
            )
        if classes:
            check_classification_targets(y)
            y = np.unique(y, return_inverse=True)[1]
        else:
            y = np.asarray(y, dtype=np.float64)
        return X, y, classes

    def _size(self, d: int) -> int | tuple[int, int]:
        """Return what `size` is for `maximize` and `minimize`."""
        if self.n_features_to_select is None:
            return 1, d
        count = _count("n_features_to_select", self.n_features_to_select, d)
        if count > d:
            raise ValueError(
                f"n_features_to_select needs an integer from 1 to {d}, the number of features, got "
                f"{count}"
            )
        return count if self.budget is None else (1, count)

    def _prices(self, d: int) -> tuple[Array, list[Budget]]:
        """Return the price of each feature, and the constraint on costs."""
        costs = np.zeros(d) if self.costs is None else np.asarray(self.costs, dtype=np.float64)
        if costs.ndim == 0:
            costs = np.full(d, float(costs))
        if costs.shape != (d,):
            raise ValueError(f"costs needs one number per feature, shape ({d},), got {costs.shape}")
        if self.budget is None:
            return costs, []
        if self.costs is None:
            raise ValueError("budget limits the sum of costs, so it needs costs")
        return np.zeros(d), [Budget(costs, self.budget)]

    def _get_support_mask(self) -> Array:
        check_is_fitted(self)
        mask: Array = self.support_
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


class SubmodularSelector(_Selector):
    """Select features that tell much about the target and little about each other.

    Maximizes the sum of the information of each feature about the target, less the information of
    pairs of features about each other: a submodular function, and the set function behind mRMR.
    Both are mutual informations of Gaussian variables, ``-log(1 - r²) / 2`` in nats. r² is the
    squared correlation, and for classes the share of the variance that is between classes.

    Parameters
    ----------
    n_features_to_select : int, float or None, default None
        How many features, or which share of them. None selects as many as are worth it.
    redundancy : float, default 1.0
        Weight of the information of pairs. It is divided by ``n_features_to_select - 1``, so that
        each feature pays the mean over the others; with None by ``n_features - 1``.
    costs : float or array_like of shape (n_features,), optional
        What a feature has to be worth, in nats; with `budget` in any unit.
    budget : float, optional
        Largest sum of costs. Costs are then limited instead of subtracted.
    task : {"auto", "classification", "regression"}, default "auto"
        What y is; "auto" takes floats that are not integers for regression.
    effort : {"fast", "default", "best"}, default "default"
        See `maximize`.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Which features are selected.
    relevance_ : ndarray of float64, shape (n_features,)
        Information of each feature about the target, in nats.
    result_ : MaximizationResult
        The set, its value, and the upper bound.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of str
        Their names, if X has any.

    See Also
    --------
    DifferenceSelector : the joint information of all selected features.

    Notes
    -----
    Of sparse data with more than 2000 columns, pairs that are nowhere both nonzero count as
    independent, so that no dense matrix of features is made.

    References
    ----------
    .. [1] H. Peng, F. Long and C. Ding, "Feature selection based on mutual information: criteria of
       max-dependency, max-relevance, and min-redundancy", IEEE TPAMI 27(8), 2005.

    Examples
    --------
    >>> X = np.array([[0, 0, 5], [1, 1, 3], [2, 2, 4], [3, 3, 1.0]])
    >>> SubmodularSelector(n_features_to_select=2).fit(X, [0, 0, 1, 1]).get_support()
    array([ True, False,  True])
    """

    def __init__(
        self,
        n_features_to_select: float | None = None,
        *,
        redundancy: float = 1.0,
        costs: Any = None,
        budget: float | None = None,
        task: str = "auto",
        effort: str = "default",
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.redundancy = redundancy
        self.costs = costs
        self.budget = budget
        self.task = task
        self.effort = effort

    def fit(self, X: Any, y: Any) -> SubmodularSelector:
        """Select features.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,)
            Classes or numbers.

        Returns
        -------
        SubmodularSelector
            Itself.
        """
        X, y, classes = self._data(X, y)
        d = X.shape[1]
        size = self._size(d)
        prices, budgets = self._prices(d)
        if not (np.isfinite(self.redundancy) and self.redundancy >= 0):
            raise ValueError(f"redundancy needs a number >= 0, got {self.redundancy}")
        moments = _Moments(X)
        self.relevance_ = _information(moments.explained(y, classes))
        most = (
            d if self.n_features_to_select is None else size if isinstance(size, int) else size[1]
        )
        weight = self.redundancy / max(most - 1, 1)
        pairs = weight * moments.redundancy()
        # the sum over pairs within S is half of (the degrees of S less the cut of S)
        degrees = np.asarray(pairs.sum(axis=1)).ravel()
        F: SetFunction = 0.5 * Cut(pairs) + Modular(self.relevance_ - prices - 0.5 * degrees)
        self.result_ = maximize(F, size, constraints=budgets, effort=self.effort)
        self.support_ = self.result_.mask.copy()
        return self


class DifferenceSelector(_Selector):
    """Select features that jointly tell most about the target, for what they cost.

    Minimizes the costs less the mutual information of all selected features with the target, which
    is a difference of submodular functions: H(X_S | y) + costs - H(X_S). Unlike a sum over single
    features, it sees features that only tell something together.

    Parameters
    ----------
    n_features_to_select : int, float or None, default None
        How many features, or which share of them. None selects as many as are worth it.
    costs : float or array_like of shape (n_features,), optional
        What a feature has to add, in nats; with `budget` in any unit. The estimate of the
        information grows with every feature, so without costs give a number of features.
    budget : float, optional
        Largest sum of costs. Costs are then limited instead of subtracted.
    n_bins : int, default 5
        Features with more different values are binned at quantiles; so is y in regression.
    task : {"auto", "classification", "regression"}, default "auto"
        What y is; "auto" takes floats that are not integers for regression.
    effort : {"fast", "default", "best"}, default "fast"
        See `minimize`.
    time_limit : float, optional
        Seconds for the search.
    random_state : int, RandomState or None, default 0
        Where the random starts of the search come from.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Which features are selected.
    information_ : float
        Estimate of what they tell about the target, in nats.
    result_ : Result
        The set, its value, and what is proven of it.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of str
        Their names, if X has any.

    See Also
    --------
    SubmodularSelector : information of single features and of pairs, for many features.

    Examples
    --------
    >>> X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]] * 5)
    >>> y = X[:, 0] ^ X[:, 1]
    >>> selector = DifferenceSelector(n_features_to_select=2).fit(X, y)
    >>> selector.get_support(), round(selector.information_, 4)
    (array([ True,  True, False]), 0.6931)
    """

    def __init__(
        self,
        n_features_to_select: float | None = None,
        *,
        costs: Any = None,
        budget: float | None = None,
        n_bins: int = 5,
        task: str = "auto",
        effort: str = "fast",
        time_limit: float | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.costs = costs
        self.budget = budget
        self.n_bins = n_bins
        self.task = task
        self.effort = effort
        self.time_limit = time_limit
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> DifferenceSelector:
        """Select features.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,)
            Classes or numbers.

        Returns
        -------
        DifferenceSelector
            Itself.
        """
        X, y, classes = self._data(X, y)
        d = X.shape[1]
        size = self._size(d)
        prices, budgets = self._prices(d)
        if isinstance(self.n_bins, bool) or not self.n_bins >= 2:
            raise ValueError(f"n_bins needs an integer >= 2, got {self.n_bins!r}")
        target = y if classes else _binned(y, self.n_bins)
        codes = np.empty(X.shape, dtype=np.int32)
        for i in range(d):
            column = X[:, [i]].toarray().ravel() if hasattr(X, "toarray") else X[:, i]
            codes[:, i] = _binned(column, self.n_bins)
        f, g = Entropy(codes, target, np.e), Entropy(codes, base=np.e)
        h = DifferenceOfSubmodular(f + Modular(prices), g)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.result_ = minimize(
            h,
            size=size,
            constraints=budgets,
            effort=self.effort,
            time_limit=self.time_limit,
            rng=seed,
        )
        self.support_ = self.result_.mask.copy()
        self.information_ = float(g.value(self.support_) - f.value(self.support_))
        return self


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

    def fit(self, X: Any, y: Any = None) -> FacilityLocationSampler:
        """Select rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,), optional
            Classes, for `stratify`.

        Returns
        -------
        FacilityLocationSampler
            Itself.
        """
        X = validate_data(self, X, accept_sparse="csr")
        n = X.shape[0]
        k = min(n, _count("n_samples_to_select", self.n_samples_to_select, n))
        groups: list[Groups] = []
        if self.stratify:
            if y is None:
                raise ValueError("stratify needs y")
            classes, labels = np.unique(y, return_inverse=True)
            if len(labels) != n:
                raise ValueError(f"y needs one class per row, {n}, got {len(labels)}")
            share = np.bincount(labels, minlength=len(classes)) * k / n
            groups = [Groups(labels, np.maximum(1, np.ceil(share)).astype(int))]
        F = FacilityLocation(self._similarity(X, n))
        self.result_ = maximize(F, (0, k), constraints=groups, effort=self.effort)
        self.sample_indices_ = self.result_.S
        if not len(self.sample_indices_):
            self.sample_indices_ = np.zeros(1, dtype=np.intp)
        if self.metric == "precomputed":
            self.labels_ = np.asarray(X[:, self.sample_indices_].argmin(axis=1)).ravel()
        else:
            self.labels_ = pairwise_distances_argmin(X, X[self.sample_indices_], metric=self.metric)
        self.counts_ = np.bincount(self.labels_, minlength=len(self.sample_indices_))
        return self

    def fit_resample(self, X: Any, y: Any = None) -> Any:
        """Select rows and return them.

        Parameters
        ----------
        X : array_like, data frame or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,), optional
            Goes along.

        Returns
        -------
        X or (X, y)
            The selected rows, in their order; with y if it is given.
        """
        from sklearn.utils import _safe_indexing

        self.fit(X, y)
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
            near = min(n, _count("n_neighbors", near, n))
            search = NearestNeighbors(n_neighbors=near, metric=self.metric).fit(X)
            similarity = search.kneighbors_graph(X, mode="distance")
            distances = similarity.data
        else:
            dense = X.toarray() if hasattr(X, "toarray") and self.metric == "precomputed" else X
            similarity = pairwise_distances(dense, metric=self.metric)
            distances = similarity
        if self.scale is not None and not self.scale > 0:
            raise ValueError(f"scale needs a number > 0, got {self.scale}")
        some = distances[distances > 0]
        scale = self.scale or (float(np.median(some)) if some.size else 1.0)
        close = np.exp(-((distances / scale) ** 2))
        if near is None:
            return close
        similarity.data = close
        return similarity


def _count(name: str, wanted: Any, most: int) -> int:
    """Return a number, or a share of the largest number, as a number."""
    if isinstance(wanted, bool) or not isinstance(wanted, numbers.Real):
        raise TypeError(f"{name} needs a number, got {wanted!r}")
    if isinstance(wanted, numbers.Integral):
        return validate.positive_int(name, wanted)
    share = float(wanted)
    if not 0 < share <= 1:
        raise ValueError(f"{name} needs an integer, or a share above 0, at most 1; got {share}")
    return max(1, int(share * most))


class _Moments:
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
            half = sparse.coo_array((_information(share), (i, j)), shape=(d, d)).tocsr()
            return half + half.T
        X = X.toarray() if hasattr(X, "toarray") else X
        standard = (X - self.mean) / self.deviation
        standard[:, self.constant] = 0.0
        pairs = _information((standard.T @ standard / self.n) ** 2)
        np.fill_diagonal(pairs, 0.0)
        return (pairs + pairs.T) / 2


def _information(share: Array) -> Array:
    """Return the mutual information of Gaussian variables with squared correlations, in nats."""
    information: Array = -0.5 * np.log1p(-np.minimum(share, CLOSE))
    return information


def _binned(column: Array, n_bins: int) -> Array:
    """Return codes of the values of a column, or of their quantiles if there are many."""
    values, codes = np.unique(column, return_inverse=True)
    if len(values) <= n_bins:
        return codes
    edges = np.quantile(column, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.searchsorted(np.unique(edges), column, side="right")
