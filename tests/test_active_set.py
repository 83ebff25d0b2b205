"""The point of smallest norm in the hull of vertices, where some of them nearly coincide."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt.submodular._active_set import ActiveSet


def smallest(vertices):
    """Run Wolfe's algorithm on a list of vertices, and return the weights and the point."""
    size = float(np.abs(vertices).max())
    orders = np.arange(len(vertices))[:, None] * np.ones(vertices.shape[1], dtype=np.intp)
    active = ActiveSet(orders[:1], vertices[:1], np.ones(1), vertices.shape[1] * size**2)
    for _ in range(200):
        products = vertices @ active.x
        k = int(products.argmin())
        if active.x @ active.x - products[k] <= 1e-14 * size * np.abs(active.x).max():
            break
        if not active.add(orders[k], vertices[k]):
            used, weights = active.combination()
            active = ActiveSet(used, vertices[used[:, 0]], weights, vertices.shape[1] * size**2)
            if not active.add(orders[k], vertices[k]):
                break
    used, weights = active.combination()
    return used[:, 0], weights, active.x


@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-6])
@given(rng=numbers(), n=st.integers(2, 7), k=st.integers(2, 8), scale=st.sampled_from([1, 1e13]))
def test_a_hull_around_0_reaches_it(apart, rng, n, k, scale):
    vertices = rng.integers(-9, 10, (k, n)) / 10
    near = vertices[:1] + apart * rng.integers(-9, 10, (2, n)) / 10
    vertices = np.concatenate([vertices, near])
    weights = rng.integers(1, 100, k + 2) / 100
    # vertices that are `apart / 10` apart differ in products with x by that times |x|. Below the
    # rounding error of the products nobody can tell which of them leads closer to 0
    assert_0_is_reached(vertices, weights, scale, max(1e-12, 2.0**-48 / (apart / 10)))


def assert_0_is_reached(vertices, weights, scale=1.0, within=1e-12):
    """Check that the hull reaches 0 after a shift that makes it the mean with these weights."""
    vertices = scale * (vertices - weights / weights.sum() @ vertices)
    used, weights, x = smallest(vertices)
    largest = float(np.abs(vertices).max(initial=1e-300))
    assert np.abs(x).max() <= within * largest
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights @ vertices[used], x, atol=1e-14 * largest)


def test_a_correction_that_the_rounding_of_the_norm_hides_is_kept():
    vertices = np.zeros((5, 7))
    vertices[1, 6] = 0.3
    vertices[2] = [-0.3, 0.0, 0.0, 0.0, -0.1, -0.4, 0.5]
    vertices[4, 5] = -1e-7  # it lies by 1e-7 beside the first and the fourth
    assert_0_is_reached(vertices, np.array([4, 20, 1, 1, 1]) / 100)


@given(rng=numbers(), n=st.integers(1, 6), k=st.integers(1, 9))
def test_no_vertex_is_below_the_point(rng, n, k):
    vertices = rng.normal(size=(k, n))
    _, _, x = smallest(vertices)
    assert (vertices @ x).min() >= x @ x - 1e-10
