"""The estimators of `subopt.interop.sklearn`: scikit-learn's own checks, and what they compute."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

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


def in_halves(X):
    """Sparse rows in which every entry is stored as two halves."""
    A = sp.csr_array(X)
    indptr, indices, data = 2 * A.indptr, np.repeat(A.indices, 2), np.repeat(A.data / 2, 2)
    return sp.csr_array((data, indices, indptr), shape=A.shape)


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csc_array, sp.coo_array, in_halves])
@pytest.mark.parametrize("selector", [SubmodularSelector(3), DifferenceSelector(3)])
def test_sparse_and_dense_data_select_the_same(selector, convert):
    X, y = classes()
    X = np.where(X > 0.3, X, 0.0)
    dense = selector.fit(X, y)
    support, value = dense.get_support(), dense.result_.value
    np.testing.assert_array_equal(support, selector.fit(convert(X), y).get_support())
    assert selector.result_.value == pytest.approx(value)


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


columns = st.lists(st.integers(-100, 100), min_size=6, max_size=6)


@given(
    data=st.lists(columns, min_size=3, max_size=3),
    y=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    units=st.lists(st.integers(-600, 600), min_size=3, max_size=3),
    offsets=st.lists(st.sampled_from([0, 1, 10**6]), min_size=3, max_size=3),
    task=st.sampled_from(["classification", "regression"]),
)
def test_units_and_offsets_change_no_information(data, y, units, offsets, task):
    X = np.array(data, dtype=float).T
    moved = np.ldexp(X + offsets, units)
    selector = SubmodularSelector(1, task=task)
    relevance = selector.fit(X, y).relevance_
    for other in (moved, sp.csc_array(moved)):
        np.testing.assert_allclose(selector.fit(other, y).relevance_, relevance, atol=1e-6)
    small = sp.csr_array(X.astype(np.int8))  # squares do not fit
    np.testing.assert_allclose(selector.fit(small, y).relevance_, relevance, atol=1e-9)


@given(
    data=st.lists(columns, min_size=3, max_size=3),
    y=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    weights=st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(lambda w: sum(w) > 1),
    task=st.sampled_from(["classification", "regression"]),
)
def test_a_row_of_weight_2_is_two_rows(data, y, weights, task):
    X = np.array(data, dtype=float).T
    selector = SubmodularSelector(2, task=task)
    repeated = selector.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    relevance, value = repeated.relevance_, repeated.result_.value
    for some in (X, sp.csr_matrix(X)):
        selector.fit(some, y, sample_weight=weights)
        np.testing.assert_allclose(selector.relevance_, relevance, atol=1e-9)
        assert selector.result_.value == pytest.approx(value, rel=1e-6, abs=1e-6)


def test_columns_that_are_mostly_one_number_keep_their_information():
    y = np.repeat([0, 1], [90, 30])
    heavy = np.where(y, np.linspace(1, 2, 120), 0.0)
    for column in (heavy, -heavy, y, 1 - y):
        X = np.column_stack([np.tile([0, 1], 60), column])
        assert DifferenceSelector(1).fit(X, y).get_support(indices=True) == [1]
        assert Entropy(column[:, None], bins=3)([0]) >= Entropy(y[:, None])([0]) - 1e-9


def test_fitted_estimators_are_saved_and_loaded():
    X, y = classes()
    for estimator in (
        SubmodularSelector(3),
        DifferenceSelector(2, n_bins=2),
        FacilityLocationSampler(4),
    ):
        again = pickle.loads(pickle.dumps(estimator.fit(X, y)))
        np.testing.assert_array_equal(again.result_.mask, estimator.result_.mask)
        assert again.result_.value == estimator.result_.value


def test_data_frames_keep_names_and_rows():
    pd = pytest.importorskip("pandas")
    X, y = classes()
    frame = pd.DataFrame(X, columns=list("abcdefgh"), index=range(100, 220))
    selector = SubmodularSelector(3).set_output(transform="pandas").fit(frame, y)
    assert list(selector.transform(frame).columns) == list(selector.get_feature_names_out())
    rows, _ = FacilityLocationSampler(4).fit_resample(frame, y)
    assert list(rows.index) == [100 + i for i in FacilityLocationSampler(4).fit(X).sample_indices_]


def test_a_sampler_selects_as_many_rows_as_it_is_asked_for():
    sampler = FacilityLocationSampler(3).fit(np.zeros((9, 2)))
    assert len(sampler.sample_indices_) == 3
    X = np.array([[0.0], [0.1], [9.0], [9.1], [9.2]])
    heavy = FacilityLocationSampler(1, scale=1.0).fit(X, sample_weight=[9, 1, 1, 1, 1])
    assert heavy.sample_indices_ == [0]
    for options, message in (
        ({"n_samples_to_select": 6}, "n_samples_to_select needs an integer from 1 to 5, got 6"),
        ({"scale": 0}, "scale needs a number > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            FacilityLocationSampler(**options).fit(X)
    with pytest.raises(TypeError, match="Sparse data was passed"):
        FacilityLocationSampler(1, metric="precomputed").fit(sp.eye_array(4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_features_to_select": 9}, "from 1 to 8, got 9"),
        ({"redundancy": -1}, "redundancy needs a finite number >= 0"),
        ({"costs": [1, np.nan, *[1] * 6]}, r"costs needs finite numbers, but costs\[1\] is nan"),
        ({"costs": np.ones(8), "budget": -1}, "budget needs a finite number >= 0"),
        ({"costs": np.ones(8), "budget": 0.5}, "the cheapest cost 1, but"),
        ({"task": "ranking"}, "task must be"),
    ],
)
def test_what_is_wrong_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        SubmodularSelector(**options).fit(*classes())
    for costs in ("cheap", {"a": 1.0}, ["1"] * 8):
        with pytest.raises(TypeError, match="costs needs real numbers"):
            SubmodularSelector(2, costs=costs).fit(*classes())
    with pytest.raises(ValueError, match="n_bins needs an integer >= 2, got 1"):
        DifferenceSelector(2, n_bins=1).fit(*classes())
    with pytest.raises(ValueError, match=r"above 0|non-zero"):
        SubmodularSelector(2).fit(*classes(), sample_weight=np.zeros(120))


def test_costs_are_subtracted_or_limited():
    X, y = classes()
    costs = np.array([1.0, 1, 1, 1, 5, 5, 5, 5])
    dear = SubmodularSelector(costs=1e6).fit(X, y)
    assert dear.get_support().sum() == 1  # at least one
    limited = SubmodularSelector(costs=costs, budget=6).fit(X, y)
    assert 0 < costs[limited.get_support()].sum() <= 6
    joint = DifferenceSelector(costs=costs, budget=6).fit(X, y)
    assert 0 < costs[joint.get_support()].sum() <= 6
    with pytest.raises(ValueError, match="give costs"):
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
