"""Relevance of features less their redundancy: a submodular function."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from subopt._base import validate
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.cut import Cut
from subopt.functions.modular import Modular
from subopt.interop.sklearn._moments import Moments, information
from subopt.interop.sklearn._selector import Selector
from subopt.maximization._maximize import maximize


class SubmodularSelector(Selector):
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
        Cost of each feature, in nats, or in any unit if `budget` is given.
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SubmodularSelector:
        """Select features.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The data.
        y : array_like, shape (n_samples,)
            Classes or numbers.
        sample_weight : array_like, shape (n_samples,), optional
            Weights of rows, at least 0: a row of weight 2 counts as two rows.

        Returns
        -------
        SubmodularSelector
            Itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter of the estimator, X or y is not as described.
        """
        X, y, classes = self._data(X, y)
        weights = np.ones(len(y)) if sample_weight is None else _weights(sample_weight, X)
        used = weights > 0
        if not used.all():
            X, y, weights = X[used], y[used], weights[used]
        d = X.shape[1]
        size = self._size(d)
        prices, budgets = self._prices(d)
        redundancy = validate.nonnegative("redundancy", self.redundancy)
        moments = Moments(X, weights)
        self.relevance_ = information(moments.explained(y, classes))
        most = (
            d if self.n_features_to_select is None else size if isinstance(size, int) else size[1]
        )
        weight = redundancy / max(most - 1, 1)
        pairs = weight * moments.redundancy()
        # the sum over pairs within S is half of (the degrees of S less the cut of S)
        degrees = np.asarray(pairs.sum(axis=1)).ravel()
        F: SetFunction = 0.5 * Cut(pairs) + Modular(self.relevance_ - prices - 0.5 * degrees)
        self.result_ = maximize(F, size, constraints=budgets, effort=self.effort)
        self.support_ = self.result_.mask.copy()
        return self


def _weights(sample_weight: Any, X: Any) -> Array:
    """Return weights of rows, checked."""
    weights: Array = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError("sample_weight needs a weight above 0; all are 0")
    return weights
