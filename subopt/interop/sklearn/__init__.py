"""scikit-learn: selection of features and of rows by submodular functions.

Needs scikit-learn 1.6 or later (the extra ``sklearn``). The estimators work in `Pipeline` and
`GridSearchCV`, and take dense and sparse input.

>>> from sklearn.datasets import load_breast_cancer
>>> X, y = load_breast_cancer(return_X_y=True)
>>> selector = SubmodularSelector(n_features_to_select=5).fit(X, y)
>>> selector.transform(X).shape, selector.result_.value <= selector.result_.upper_bound
((569, 5), True)
"""

from subopt.interop.sklearn._difference import DifferenceSelector
from subopt.interop.sklearn._sampler import FacilityLocationSampler
from subopt.interop.sklearn._submodular import SubmodularSelector

__all__ = ["DifferenceSelector", "FacilityLocationSampler", "SubmodularSelector"]
