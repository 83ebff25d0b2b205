"""Any set function is a difference; what was assumed for it is checked or said."""

import numpy as np
import pytest
import scipy.sparse as sp
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import Decomposition, Function, Modular, SetFunction, branch_and_bound, decompose
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values, assert_submodular


def anything(rng, n):
    """A table of random values, half of the time integers."""
    table = rng.normal(size=2**n) if rng.integers(2) else rng.integers(-3, 4, 2**n).astype(float)
    table[0] = 0.0
    return table, lambda mask: table[int(mask @ (1 << np.arange(n)))]


@given(rng=numbers(), n=st.integers(1, 6), matrix=st.booleans())
def test_any_table_is_a_difference_of_submodular_functions(rng, n, matrix):
    table, value = anything(rng, n)
    h = decompose(value, n=n)
    assert isinstance(h, Decomposition)
    assert not h.estimated
    curvature = h.curvature if matrix else h.curvature.max()
    for k in (h, decompose(value, curvature, n=n)):
        np.testing.assert_allclose([k.value(m) for m in all_masks(n)], table, atol=1e-9)
        assert_submodular(k.f)
        assert_submodular(k.g)
    result = branch_and_bound(h)
    assert result.value == pytest.approx(table.min(), abs=1e-9)
    assert result.certificate.check(h, result.mask) <= 1e-7


def test_the_smallest_curvature_is_found():
    bonus = {(0, 1): 3.0, (1, 2): 0.5}
    F = Function(4, lambda mask: sum(w for (i, j), w in bonus.items() if mask[i] and mask[j]))
    h = decompose(F)
    expected = np.zeros((4, 4))
    for (i, j), w in bonus.items():
        expected[i, j] = expected[j, i] = w
    np.testing.assert_allclose(h.curvature, expected)
    for of in (sp.csr_array, sp.lil_array, sp.dok_array, sp.coo_array, np.asarray):
        np.testing.assert_allclose(all_values(decompose(F, of(expected)).g), all_values(h.g))


def test_estimates_say_that_they_are():
    n = 20
    h = decompose(lambda mask: 0.5 * mask.sum() ** 2, n=n, rng=1)
    assert h.estimated
    assert h.curvature == pytest.approx(1.0)  # the same everywhere, so any sample will do
    assert_submodular(h.f)
    assert h(range(n)) == pytest.approx(200.0)
    again = decompose(lambda mask: 0.5 * mask.sum() ** 2, n=n, rng=1, n_samples=5)
    assert again.curvature == h.curvature


def test_a_curvature_that_is_too_small_is_found_out():
    F = Function(15, lambda mask: float(mask.sum()) ** 2)
    with pytest.raises(ValueError, match="curvature needs to be 2 or more for the pair"):
        decompose(F, 1.5)
    assert not decompose(F, 2.0).estimated


def test_a_value_at_the_empty_set_is_subtracted():
    class Shifted(SetFunction):
        n = 2

        def value(self, mask):
            return 5.0 + mask.all()

    h = decompose(Shifted())
    assert (h([]), h([0, 1])) == (0.0, 1.0)


def test_errors():
    with pytest.raises(TypeError, match="needs n"):
        decompose(lambda mask: 0.0)
    with pytest.raises(TypeError, match="SetFunction or a callable"):
        decompose(3.0)
    with pytest.raises(ValueError, match="F has 2 elements"):
        decompose(Modular([1.0, 2.0]), n=3)
    with pytest.raises(ValueError, match="curvature needs a finite number >= 0"):
        decompose(Modular([1.0, 2.0]), -1.0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), got \(3, 3\)"):
        decompose(Modular([1.0, 2.0]), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="nonnegative"):
        decompose(Modular([1.0, 2.0]), -np.ones((2, 2)))
