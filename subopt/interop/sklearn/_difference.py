"""The joint information of features about the target: a difference of submodular functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from subopt._base import validate
from subopt._minimize import minimize
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.entropy import Entropy, binned
from subopt.functions.modular import Modular
from subopt.interop.sklearn._selector import Selector


class DifferenceSelector(Selector):
    """Select features by their joint information about the target, minus their costs.

    Minimizes the costs minus the mutual information of all selected features with the target, which
    is a difference of submodular functions: H(X_S | y) + costs - H(X_S). Unlike a sum over single
    features, it finds features that are informative only together.

    Parameters
    ----------
    n_features_to_select : int, float or None, default None
        How many features, or which share of them. None selects as many as are worth it.
    costs : float or array_like of shape (n_features,), optional
        Cost of each feature, in nats, or in any unit if `budget` is given. The estimate of the
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
        Seconds after which the search ends with the best features so far. None sets no limit.
    random_state : int, RandomState or None, default 0
        Where the random starts of the search come from.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Which features are selected.
    information_ : float
        Estimated mutual information of the selected features and the target, in nats.
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

        Raises
        ------
        ValueError, TypeError
            If a parameter of the estimator, X or y is not as described.
        """
        X, y, classes = self._data(X, y)
        d = X.shape[1]
        size = self._size(d)
        prices, budgets = self._prices(d)
        bins = validate.positive_int("n_bins", self.n_bins)
        if bins < 2:
            raise ValueError(f"n_bins needs an integer >= 2, got {bins}")
        target = y if classes else binned(y[:, None], bins)
        codes = np.empty(X.shape, dtype=np.int32)
        for i in range(d):  # sparse data are made dense column by column
            column = X[:, [i]].toarray() if hasattr(X, "toarray") else X[:, [i]]
            codes[:, [i]] = binned(column, bins)
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
