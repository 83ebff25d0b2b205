"""The estimators of `subopt.interop.sklearn`: scikit-learn's own checks, and what they compute."""

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from subopt import Entropy
from subopt.interop.sklearn import (
    DifferenceSelector,
    FacilityLocationSampler,
    SubmodularSelector,
)


@pytest.mark.filterwarnings("ignore:No features were selected:UserWarning")
@parametrize_with_checks(
    [SubmodularSelector(), DifferenceSelector(costs=0.01), FacilityLocationSampler(0.5)]
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def classes(n_features=8):
    return make_classification(
        120, n_features, n_informative=3, n_redundant=2, n_classes=3, random_state=0
    )


def test_relevance_minus_redundancy_is_what_is_maximized():
    X, y = classes()
    selector = SubmodularSelector(3, redundancy=0.7).fit(X, y)
    R = np.corrcoef(X.T)
    pairs = -0.5 * np.log(1 - R**2 + np.eye(8))
    S = selector.get_support(indices=True)
    value = selector.relevance_[S].sum() - 0.7 / 2 * np.triu(pairs[np.ix_(S, S)], 1).sum()
    assert selector.result_.value == pytest.approx(value)
    between = sum(
        (y == c).mean() * (X[y == c].mean(axis=0) - X.mean(axis=0)) ** 2 for c in range(3)
    )
    share = between / X.var(axis=0)
    np.testing.assert_allclose(selector.relevance_, -0.5 * np.log(1 - share))


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csc_array, sp.coo_array])
@pytest.mark.parametrize("selector", [SubmodularSelector(3), DifferenceSelector(3)])
def test_sparse_and_dense_data_select_the_same(selector, convert):
    X, y = classes()
    X = np.where(X > 0.3, X, 0.0)
    dense = selector.fit(X, y).get_support()
    np.testing.assert_array_equal(dense, selector.fit(convert(X), y).get_support())


def test_many_sparse_columns_are_never_dense():
    rng = np.random.default_rng(0)
    X = sp.random(200, 30_000, density=1e-3, format="csr", rng=rng)
    y = np.asarray(X[:, :5].sum(axis=1)).ravel() > 0.1
    assert SubmodularSelector(6).fit(X, y).transform(X).shape == (200, 6)


def test_features_keep_their_names():
    X, y = classes()
    selector = SubmodularSelector(3).fit(X, y)
    names = selector.get_feature_names_out([f"f{i}" for i in range(8)])
    assert list(names) == [f"f{i}" for i in selector.get_support(indices=True)]


def test_a_pipeline_and_a_grid_search():
    X, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), SubmodularSelector(), LogisticRegression(max_iter=1000))
    grid = {
        "submodularselector__n_features_to_select": [2, 6],
        "submodularselector__redundancy": [1],
    }
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.93
    search = GridSearchCV(
        make_pipeline(DifferenceSelector(n_bins=3), LogisticRegression(max_iter=10_000)),
        {"differenceselector__n_features_to_select": [1, 3]},
        cv=3,
    ).fit(X[:200, :6], y[:200])
    assert search.best_score_ > 0.85


def test_costs_are_subtracted_or_limited():
    X, y = classes()
    costs = np.array([1.0, 1, 1, 1, 5, 5, 5, 5])
    dear = SubmodularSelector(costs=1e6).fit(X, y)
    assert dear.get_support().sum() == 1  # at least one
    limited = SubmodularSelector(costs=costs, budget=6).fit(X, y)
    assert 0 < costs[limited.get_support()].sum() <= 6
    joint = DifferenceSelector(costs=costs, budget=6).fit(X, y)
    assert 0 < costs[joint.get_support()].sum() <= 6
    with pytest.raises(ValueError, match="it needs costs"):
        SubmodularSelector(budget=1).fit(X, y)


def test_the_joint_information_is_seen():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (400, 6))
    y = X[:, 1] ^ X[:, 4]
    selector = DifferenceSelector(2).fit(X, y)
    assert selector.get_support(indices=True).tolist() == [1, 4]
    whole = Entropy(y[:, None], base=np.e)([0])
    assert selector.information_ == pytest.approx(whole)


def test_regression():
    X, y = load_diabetes(return_X_y=True)
    for selector in (SubmodularSelector(3), DifferenceSelector(3, n_bins=3)):
        assert 2 in selector.fit(X, y).get_support(indices=True)  # the body mass index


def test_rows_that_represent_all_others():
    rng = np.random.default_rng(0)
    centers = np.array([[0.0, 0], [5, 0], [0, 5], [5, 5]])
    labels = rng.integers(0, 4, 200)
    X = centers[labels] + 0.3 * rng.normal(size=(200, 2))
    for options in ({}, {"n_neighbors": 60}, {"metric": "manhattan"}):
        sampler = FacilityLocationSampler(4, **options).fit(X)
        assert sorted(labels[sampler.sample_indices_]) == [0, 1, 2, 3]
        np.testing.assert_array_equal(labels[sampler.sample_indices_][sampler.labels_], labels)
        assert sampler.counts_.sum() == 200
    rows, targets = FacilityLocationSampler(8, stratify=True).fit_resample(X, labels)
    assert np.bincount(targets).max() <= 3
    assert rows.shape == (len(targets), 2)
    D = np.linalg.norm(X[:, None] - X, axis=2)
    given = FacilityLocationSampler(4, metric="precomputed").fit(D)
    same = FacilityLocationSampler(4).fit(X)
    np.testing.assert_array_equal(given.sample_indices_, same.sample_indices_)
