"""Lovász extensions as cvxpy expressions, and the form they are made of."""

import numpy as np
import pytest
import scipy.sparse as sp
from drawn import numbers
from families import FAMILIES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_max_flow_minimize import CUTS

from subopt import (
    Cardinality,
    ConcaveOfModular,
    Coverage,
    Cut,
    Entropy,
    FacilityLocation,
    Function,
    HypergraphCut,
    MatroidRank,
    Modular,
)
from subopt.cvx import lovasz
from subopt.forms.truncated_families import cap_form, is_liftable
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values

cp = pytest.importorskip("cvxpy")
few = settings(max_examples=max(3, settings().max_examples // 6))
LIFTABLE = [
    *CUTS,
    "capped groups",
    "facility location",
    "partition rank",
    "minus modular",
    "no edges",
    "zero",
]
every_family = pytest.mark.parametrize("family", LIFTABLE)


def part(family, rng, n):
    """A member of a family, or a view of one."""
    F = FAMILIES[family](rng, n + 1)
    kind = rng.integers(4)
    F = F.restrict(np.arange(n)) if kind % 2 else F.contract([n])
    return F.complement() if kind // 2 else F


def nodes(expression):
    return 1 + sum(map(nodes, expression.args))


def bits(n):
    return all_masks(n).astype(float)


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 6))
def test_the_form_is_the_function(family, rng, n):
    F = part(family, rng, n)
    form, values, points = cap_form(F), all_values(F), bits(n)
    size = 1e-9 * (1 + np.abs(values).max())
    np.testing.assert_allclose([form.value(x) for x in points], values, atol=size)
    assert (form.caps > 0).all()
    assert (form.caps < form.levels(np.ones(n))).all()
    x = rng.random(n)
    constant, weights = form.tangent(x)  # a modular upper bound, tight at x
    assert (constant + points @ weights >= values - size).all()
    assert constant + x @ weights == pytest.approx(form.value(x), abs=size)


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 6))
def test_the_expression_is_the_lovasz_extension(family, rng, n):
    F = part(family, rng, n)
    x = cp.Variable(n)
    expression = lovasz(F, x)
    assert expression.shape == ()
    assert expression.is_dcp()
    assert expression.is_convex()
    for point in (rng.normal(size=n), rng.integers(0, 3, n).astype(float)):
        x.value = point
        value = F.lovasz(point)
        assert float(expression.value) == pytest.approx(value, abs=1e-5 * (1 + abs(value)))


@every_family
@few
@given(rng=numbers(), n=st.integers(1, 6))
def test_its_minimum_over_the_cube_is_that_of_the_function(family, rng, n):
    F = part(family, rng, n)
    F = F - Modular(F.marginals(rng.random(n) < 0.5))
    x = cp.Variable(n)
    problem = cp.Problem(cp.Minimize(lovasz(F, x)), [x >= 0, x <= 1])
    problem.solve(solver="CLARABEL")
    values = all_values(F)
    size = 1e-5 * (1 + np.abs(values).max())
    assert problem.value == pytest.approx(values.min(), abs=size)


def test_phi_of_equal_weights_is_piecewise_linear():
    F = ConcaveOfModular([[2, 0, 2, 2], [0, 1, 1, 3]], "sqrt")
    assert is_liftable(F)
    x = cp.Variable(4)
    expression = lovasz(F, x)
    x.value = np.array([0.3, -1.0, 0.7, 0.1])
    assert float(expression.value) == pytest.approx(F.lovasz(x.value), abs=1e-5)


def test_a_cut_is_total_variation():
    x = cp.Variable(3)
    expression = lovasz(Cut.from_edges([(0, 1), (1, 2)], [2.0, 3.0]), x)
    assert cp.abs in expression.atoms()
    assert not {cp.max, cp.min, cp.sum_largest} & set(expression.atoms())
    problem = cp.Problem(cp.Minimize(cp.sum_squares(x - np.array([0.0, 9, 9])) + expression))
    problem.solve(solver="CLARABEL")
    np.testing.assert_allclose(x.value, [1.0, 8.5, 8.5], atol=1e-4)  # fused by hand


@pytest.mark.parametrize("F", [
    Entropy(np.eye(3, dtype=int)),
    ConcaveOfModular([[1.0, 1.5, 2.7]], "sqrt"),
    MatroidRank.graphic([(0, 1), (1, 2), (0, 2)]),
    Coverage(np.eye(3)) + Function(3, lambda mask: float(mask.any())),
], ids=["Entropy", "ConcaveOfModular", "GraphicRank", "Function"])  # fmt: skip
def test_errors_name_the_family(F, request):
    with pytest.raises(TypeError, match=request.node.callspec.id):
        lovasz(F, cp.Variable(3))
    assert not is_liftable(F)


def test_errors_of_the_argument():
    F = Modular([1.0, 2.0])
    with pytest.raises(TypeError, match=r"F\.lovasz"):
        lovasz(F, np.zeros(2))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        lovasz(F, cp.Variable((2, 1)))
    with pytest.raises(TypeError, match="SetFunction"):
        lovasz(len, cp.Variable(2))


@pytest.mark.parametrize("build", [
    lambda rng, ends: Cut.from_edges(ends[:, :2], n=3000),
    lambda rng, ends: HypergraphCut(ends.tolist(), n=3000),
    lambda rng, ends: HypergraphCut(ends.tolist(), n=3000, splitting="star"),
    lambda rng, ends: Coverage(sp.csc_array(
        (np.ones(ends.size), ends.ravel(), 4 * np.arange(len(ends) + 1)), shape=(3000, len(ends)))),
    lambda rng, ends: FacilityLocation(sp.csr_array(
        (rng.random(ends.size), ends.ravel(), 4 * np.arange(len(ends) + 1)))),
], ids=["cut", "hypergraph", "star", "coverage", "facilities"])  # fmt: skip
def test_ten_thousand_edges_make_a_small_expression(build):
    rng = np.random.default_rng(0)
    ends = (rng.integers(0, 3000, (10_000, 1)) + np.array([0, 1, 5, 7])) % 3000
    F = build(rng, ends)
    x = cp.Variable(F.n)
    expression = lovasz(F, x)
    assert nodes(expression) < 60
    x.value = rng.random(F.n)
    assert float(expression.value) == pytest.approx(F.lovasz(x.value), rel=1e-9)


def test_sums_of_largest_entries():
    x = cp.Variable(5)
    expression = lovasz(Cardinality([0, 5, 9, 12, 14, 15]), x)
    x.value = np.array([3.0, -1, 2, 7, 0])
    assert float(expression.value) == pytest.approx(5 * 7 + 4 * 3 + 3 * 2 + 2 * 0 - 1)
