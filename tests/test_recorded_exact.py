"""What is known of the two recorded differences; needs SUBOPT_DATA."""

import pytest
import recorded

from subopt import branch_and_bound


@pytest.fixture(scope="module")
def mushroom(data_dir):
    return recorded.mushroom(data_dir)


def test_five_features_separate_the_mushrooms(mushroom):
    S = [21, 39, 54, 110, 118]
    assert mushroom(S) == pytest.approx(-0.998014340218595, abs=1e-12)  # published: -0.99791434
    assert mushroom(S) - 5e-4 == pytest.approx(mushroom(range(125)) - 125e-4, abs=1e-12)


def test_a_bound_for_the_mushrooms_from_one_interval(mushroom):
    result = branch_and_bound(mushroom, start=[21, 39, 54, 110, 118], max_nodes=1, rng=0)
    assert result.value == pytest.approx(-0.998014340218595, abs=1e-12)
    assert result.lower_bound == pytest.approx(-0.998514340218589, abs=1e-9)
    assert result.certificate.check(mushroom, result.mask) == pytest.approx(5e-4, abs=1e-9)
