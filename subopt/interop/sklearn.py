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

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from subopt._base.types import Array
from subopt._minimize import minimize
from subopt.constraints.budget import Budget
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.cut import Cut
from subopt.functions.entropy import Entropy
from subopt.functions.modular import Modular
from subopt.interop._moments import Moments, binned, count_of, information
from subopt.interop._sampler import FacilityLocationSampler
from subopt.maximization._maximize import maximize

__all__ = ["DifferenceSelector", "FacilityLocationSampler", "SubmodularSelector"]


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
        count = count_of("n_features_to_select", self.n_features_to_select, d)
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
        moments = Moments(X)
        self.relevance_ = information(moments.explained(y, classes))
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
        target = y if classes else binned(y, self.n_bins)
        codes = np.empty(X.shape, dtype=np.int32)
        for i in range(d):
            column = X[:, [i]].toarray().ravel() if hasattr(X, "toarray") else X[:, i]
            codes[:, i] = binned(column, self.n_bins)
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
