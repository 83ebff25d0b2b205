"""Cut functions minimized by one maximum flow, against all subsets."""

import numpy as np
import pytest
from families import FAMILIES
from hypothesis import given
from hypothesis import strategies as st

from subopt import Entropy, Modular
from subopt.solvers.max_flow import max_flow_minimize

CUTS = [
    "modular",
    "cut",
    "directed cut",
    "hypergraph cut",
    "star hypergraph",
    "clique hypergraph",
    "coverage",
    "cardinality",
]


@pytest.mark.parametrize("family", CUTS)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), other=st.sampled_from(CUTS))
def test_finds_the_smallest_and_the_largest_minimizer(family, seed, n, other):
    rng = np.random.default_rng(seed)
    F = FAMILIES[family](rng, n) + 0.5 * FAMILIES[other](rng, n) - Modular(rng.integers(0, 4, n))
    if rng.integers(2):
        F = F.contract([0]).complement()
    masks = (np.arange(2**F.n)[:, None] >> np.arange(F.n)) & 1 == 1
    values = np.array([F.value(mask) for mask in masks])
    small, value = max_flow_minimize(F)
    large, again = max_flow_minimize(F, maximal=True)
    assert value == pytest.approx(values.min(), abs=1e-9)
    assert again == pytest.approx(values.min(), abs=1e-9)
    assert (small <= large).all()
    # rounding decides between sets that are minimal up to 1e-9
    best = masks[values <= values.min() + 1e-9]
    assert (small >= best.all(axis=0)).all()
    assert (large <= best.any(axis=0)).all()


def test_functions_that_are_no_cuts_say_so():
    with pytest.raises(TypeError, match="not known to be a cut function"):
        max_flow_minimize(Entropy(np.eye(3)))
