"""Certificates of branch and bound: what they reject, and the corners of the solver."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from test_branch_and_bound import features, problem, searched, size

from subopt import (
    Cardinality,
    CertificateError,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Function,
    Modular,
    Status,
    TreeCertificate,
    branch_and_bound,
    minimize,
)
from subopt.difference.exact.tree_certificate import BOUND, COSTS, EXHAUSTED, MARGINALS, SPLIT, Step
from subopt.testing import all_values

NONE = np.zeros(0, dtype=np.intp)


def hard():
    """A problem whose tree has steps of every reason but "marginals"."""
    rng = np.random.default_rng(3)
    A, B = (np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.6), 1) for _ in range(2))
    return DifferenceOfSubmodular(Cut(A + A.T) + Modular(rng.normal(size=12)), Cut(B + B.T))


def changed(certificate, j, **fields):
    steps = list(certificate.steps)
    steps[j] = steps[j]._replace(**fields)
    return TreeCertificate(tuple(steps), certificate.lower_bound)


@given(rng=numbers(), n=st.integers(2, 8))
def test_bounds_that_are_not_proven_raise(rng, n):
    h = problem("cut", rng, n) if rng.integers(2) else features(rng, n)
    result = searched(h)
    steps, low = result.certificate.steps, result.lower_bound
    with pytest.raises(CertificateError, match="prove"):
        TreeCertificate(steps, low + 0.1 + abs(low)).check(h, result.mask)
    lower = h + Modular(np.full(n, -1.0 - np.abs(all_values(h)).max()))
    with pytest.raises(CertificateError, match=r"prove|hold"):
        result.certificate.check(lower, np.ones(n, dtype=np.bool_))
    worst = np.unravel_index(all_values(h).argmax(), (2,) * n)[::-1]  # any set may be asked about
    gap = result.certificate.check(h, np.array(worst) == 1)
    assert gap == pytest.approx(all_values(h).max() - low, abs=size(h))


def test_every_part_of_a_tree_counts():
    h = hard()
    result = searched(h)
    certificate = result.certificate
    reasons = [step.reason for step in certificate.steps]
    assert {SPLIT, BOUND} <= set(reasons)
    j = reasons.index(SPLIT)
    first, second = certificate.steps[j].children
    other = (certificate.steps[j].inside + 1) % h.n
    leaf = reasons.index(BOUND)
    evidence = certificate.steps[leaf].evidence
    bad = [
        TreeCertificate((), certificate.lower_bound),
        TreeCertificate(certificate.steps[:-1], certificate.lower_bound),
        TreeCertificate((*certificate.steps, certificate.steps[-1]), certificate.lower_bound),
        changed(certificate, j, children=(first, first)),
        changed(certificate, j, children=(first,)),
        changed(certificate, j, children=(j, second)),
        changed(certificate, j, children=(first, 10**6)),
        changed(certificate, j, inside=NONE),
        changed(certificate, j, inside=np.concatenate([other, other])),
        changed(certificate, j, reason="faith"),
        changed(certificate, leaf, evidence=None),
        changed(certificate, leaf, reason=EXHAUSTED, children=(j,)),
        changed(certificate, 0, reason=EXHAUSTED, children=()),
        *(
            changed(certificate, leaf, evidence=evidence._replace(**fields))
            for fields in (
                {"weights": 1.5 * evidence.weights},
                {"shares": -evidence.shares},
                {"orders": np.zeros_like(evidence.orders)},
                {"orders": evidence.orders[:, 1:]},
                {"points": evidence.points + 2},
                {"points": evidence.points[:, 1:]},
                {"points": evidence.points * np.nan},
                {"kinds": evidence.kinds + 9},
            )
        ),
    ]
    for k, wrong in enumerate(bad):
        with pytest.raises(CertificateError):
            raise AssertionError((k, wrong.check(h, result.mask)))


def test_elements_that_may_matter_cannot_be_fixed():
    h = DifferenceOfSubmodular(Cut([[0, 2], [2, 0]]), Modular([1.0, 0.5]))
    for step, problem_ in (
        (Step(MARGINALS, np.array([1]), NONE, None, (1,)), "may raise h"),
        (Step(MARGINALS, NONE, np.array([0]), None, (1,)), "may lower h"),
        (Step(COSTS, NONE, np.array([0]), None, (1,)), "no evidence"),
        (Step(MARGINALS, np.array([0, 0]), NONE, None, (1,)), "not free"),
    ):
        steps = (step, Step(EXHAUSTED, NONE, NONE, None, ()))
        with pytest.raises(CertificateError, match=problem_):
            TreeCertificate(steps, -9.0).check(h, [0])


def test_no_set_can_be_left_out():
    h = DifferenceOfSubmodular(Modular([-5.0, 1.0, 2.0]), Modular(np.zeros(3)))
    leaf = Step(EXHAUSTED, NONE, NONE, None, ())
    for step in (
        Step(SPLIT, np.array([1]), np.array([0]), None, (1, 2)),  # 0 is out on both sides
        Step(SPLIT, np.array([1, 2]), NONE, None, (1, 2)),
        Step(MARGINALS, np.array([True, False, False]), NONE, None, (1,)),  # a mask, no indices
    ):
        steps = (step, leaf, leaf)[: 1 + len(step.children)]
        with pytest.raises(CertificateError, match="Step 0 of the tree does not hold"):
            TreeCertificate(steps, -1.0).check(h, [])


def test_functions_that_are_not_submodular_are_found_out():
    g = Function(3, lambda mask: float(mask.sum()) ** 2)  # supermodular: its bounds are none
    h = DifferenceOfSubmodular(Modular(np.ones(3)), g)
    steps = (
        Step(MARGINALS, NONE, np.arange(3), None, (1,)),
        Step(EXHAUSTED, NONE, NONE, None, ()),
    )
    for S in ([], [0, 1, 2]):
        with pytest.raises(CertificateError, match=r"g = .* is not submodular"):
            TreeCertificate(steps, 0.0).check(h, S)
    with pytest.raises(CertificateError, match="no evidence"):
        TreeCertificate((Step(BOUND, NONE, NONE, None, ()),), 0.0).check(hard(), [0, 1, 2])


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("sign", [-1.0, 0.0, 1.0])
def test_the_smallest_problems(n, sign):
    h = DifferenceOfSubmodular(Modular(np.full(n, 1.0)), Modular(np.full(n, 1.0 - sign)))
    result = branch_and_bound(h)
    assert result.value == result.lower_bound == min(0.0, n * sign)
    assert result.certificate.check(h, result.mask) == 0


@pytest.mark.parametrize("h", [
    Cardinality([0, 3, 4, 4, 4, 4, 4, 4, 4, 4]) - Cardinality([0, 3, 4, 4, 4, 4, 4, 4, 4, 4]),
    Cardinality(np.sqrt, 9) - Cardinality(lambda k: min(k, 3.0) / 3**0.5, 9),
    Coverage(np.eye(9)) - Cardinality(lambda k: float(k * (9 - k)) / 8, 9),
    Cut.from_edges([(i, (i + 1) % 9) for i in range(9)])
    - Cut.from_edges([(i, (i + 4) % 9) for i in range(9)]),
], ids=["zero", "tangents", "parabola", "cycles"])  # fmt: skip
def test_ties_everywhere(h):
    result = searched(h)
    assert result.value == pytest.approx(all_values(h).min(), abs=1e-9)
    assert result.gap <= 1e-7
    assert result.certificate.check(h, result.mask) <= 1e-7


@given(rng=numbers(), n=st.integers(2, 7), power=st.sampled_from([-9, -5, 5, 9]))
def test_scales_that_differ(rng, n, power):
    h = 10.0**power * problem("cut", rng, n) + problem("coverage", rng, n)
    lowest, tol = all_values(h).min(), size(h)
    result = searched(h)
    assert result.value <= lowest + tol
    assert result.lower_bound <= lowest + tol
    assert result.gap <= tol
    assert result.certificate.check(h, result.mask) == pytest.approx(result.gap, abs=tol)


@given(rng=numbers(), n=st.integers(1, 8))
def test_a_submodular_function_is_a_difference_from_nothing(rng, n):
    A = np.triu(rng.random((n, n)), 1)
    F = Cut(A + A.T) + Modular(rng.normal(size=n))
    result = searched(F)
    assert result.value == pytest.approx(minimize(F).value, abs=1e-7)
    assert result.certificate.check(F, result.mask) <= 1e-7


def test_the_answer_depends_on_the_seed_only():
    h, start = hard(), np.zeros(12, dtype=np.bool_)
    start[3] = True
    one, two = (branch_and_bound(h, rng=7, start=start) for _ in range(2))
    np.testing.assert_array_equal(one.mask, two.mask)
    assert (one.value, one.lower_bound, one.n_iter) == (two.value, two.lower_bound, two.n_iter)
    assert start.sum() == 1
    assert one.status is Status.OPTIMAL


def test_errors():
    h = hard()
    with pytest.raises(ValueError, match="tol needs"):
        branch_and_bound(h, tol=-1)
    with pytest.raises(ValueError, match="max_nodes needs"):
        branch_and_bound(h, max_nodes=0)
    with pytest.raises(ValueError, match="time_limit needs"):
        branch_and_bound(h, time_limit=-1)
    with pytest.raises(TypeError, match="SetFunction is needed"):
        branch_and_bound(len)
    with pytest.raises(ValueError, match="element 12"):
        branch_and_bound(h, start=[12])
