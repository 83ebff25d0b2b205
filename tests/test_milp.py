"""Mixed-integer programs give the minimum, and say that they prove nothing."""

import math

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_branch_and_bound import problem, size
from test_cvx import LIFTABLE

from subopt import (
    Cardinality,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Entropy,
    LogDeterminant,
    MilpResult,
    Modular,
    Status,
    branch_and_bound,
    milp,
)
from subopt.testing import all_values

few = settings(max_examples=max(3, settings().max_examples // 6))


@pytest.mark.parametrize("family", LIFTABLE)
@few
@given(rng=numbers(), n=st.integers(1, 8))
def test_it_finds_the_minimum(family, rng, n):
    h = problem(family, rng, n, LIFTABLE)
    result = milp(h)
    lowest, tol = all_values(h).min(), 100 * size(h)  # HiGHS has tolerances of 1e-6
    assert isinstance(result, MilpResult)
    assert result.status is Status.REPORTED_OPTIMAL
    assert result.value == h.value(result.mask.copy())
    assert result.value == pytest.approx(lowest, abs=tol)
    assert result.solver_bound == pytest.approx(lowest, abs=tol)
    assert (result.lower_bound, result.certificate, result.gap) == (-math.inf, None, math.inf)


def test_it_agrees_with_branch_and_bound():
    rng = np.random.default_rng(0)
    A, B = (np.triu(rng.random((25, 25)) * (rng.random((25, 25)) < 0.2), 1) for _ in range(2))
    h = DifferenceOfSubmodular(Cut(A + A.T), Cut(B + B.T) + Modular(rng.normal(size=25)))
    one, two = milp(h), branch_and_bound(h)
    assert one.value == pytest.approx(two.value, abs=1e-6)
    assert two.certificate.check(h, one.mask) == pytest.approx(0, abs=1e-6)


def test_no_time_at_all():
    rng = np.random.default_rng(1)
    h = DifferenceOfSubmodular(
        Coverage(rng.random((40, 60)) < 0.1), Cardinality(lambda k: 3 * k**0.8, 40)
    )
    result = milp(h, time_limit=0.0)
    assert result.status in (Status.TIME_LIMIT, Status.REPORTED_OPTIMAL)
    assert result.solver_bound <= result.value + 1e-6


def test_one_submodular_function():
    F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
    assert milp(F).value == -1.0
    assert milp(F.restrict([])).S.tolist() == []


def test_errors_name_the_part_and_the_family():
    D = np.eye(3, dtype=int)
    with pytest.raises(TypeError, match=r"part f = Entropy.*branch_and_bound"):
        milp(Entropy(D) - Cardinality(np.sqrt, 3))
    with pytest.raises(TypeError, match=r"part g = .*LogDeterminant.* is no sum of truncated"):
        milp(Cardinality(np.sqrt, 3) - LogDeterminant(np.eye(3)))
    with pytest.raises(TypeError, match="SetFunction is needed"):
        milp(len)
    with pytest.raises(ValueError, match="tol needs"):
        milp(Modular([1.0]), tol=-1)
