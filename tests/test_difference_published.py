"""The two problems of El Halabi, Orfanides, Hoheisel (ICML 2023): as low as the best on record."""

import os

import pytest
import recorded

import subopt

ROUNDED = 6e-11  # the records have ten digits
pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="minutes without the JIT"
)


@pytest.fixture(scope="module")
def problems(data_dir):
    return {"speech": recorded.speech(data_dir), "mushroom": recorded.mushroom(data_dir)}


def test_speech(problems):
    h = problems["speech"]
    assert subopt.subsup(h).value <= -48.1497621796 + ROUNDED
    assert subopt.modmod(h).value <= -48.1148598805 + ROUNDED
    result = subopt.minimize(h, rng=0, starts=2)
    assert result.value <= -48.1552623702 + ROUNDED
    assert result.status is subopt.Status.OPTIMAL
    assert result.certificate.check(h, result.mask) == pytest.approx(0, abs=1e-6)


def test_mushroom(problems):
    h = problems["mushroom"]
    assert h([20, 27, 38, 53, 67, 108]) == pytest.approx(-0.9979143402, abs=ROUNDED)
    result = subopt.minimize(h, rng=2)
    assert result.value <= -0.9979143402 + ROUNDED
    result.certificate.check(h, result.mask)
