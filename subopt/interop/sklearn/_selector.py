"""The common part of selectors of features: checked data, the number of features, costs."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from subopt._base import validate
from subopt._base.types import Array
from subopt.constraints.budget import Budget


class Selector(SelectorMixin, BaseEstimator):
    """What both selectors share: checked data, a number of features, costs."""

    def _data(self, X: Any, y: Any) -> tuple[Any, Array, bool]:
        """Return data, targets, and whether these are classes."""
        X, y = validate_data(
            self, X, y, accept_sparse="csc", dtype=np.float64, ensure_min_samples=2
        )
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
        return count if self.budget is None else (1, count)

    def _prices(self, d: int) -> tuple[Array, list[Budget]]:
        """Return the price of each feature, and the constraint on costs."""
        costs = np.zeros(d) if self.costs is None else validate.real_array("costs", self.costs)
        if costs.ndim == 0:
            costs = np.full(d, float(costs))
        if costs.shape != (d,):
            raise ValueError(f"costs needs one number per feature, shape ({d},), got {costs.shape}")
        if self.budget is None:
            return costs, []
        if self.costs is None:
            raise ValueError("budget limits the sum of costs: give costs, one per feature")
        return np.zeros(d), [Budget(costs, validate.nonnegative("budget", self.budget))]

    def _get_support_mask(self) -> Array:
        check_is_fitted(self)
        mask: Array = self.support_
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def count_of(name: str, wanted: Any, most: int) -> int:
    """Return a number, or a share of the largest number, as a number."""
    if isinstance(wanted, bool) or not isinstance(wanted, numbers.Real):
        raise TypeError(f"{name} needs a number, got {wanted!r}")
    if isinstance(wanted, numbers.Integral):
        if (count := validate.positive_int(name, wanted)) > most:
            raise ValueError(f"{name} needs an integer from 1 to {most}, got {count}")
        return count
    share = float(wanted)
    if not 0 < share <= 1:
        raise ValueError(f"{name} needs an integer, or a share above 0, at most 1; got {share}")
    return max(1, int(share * most))
