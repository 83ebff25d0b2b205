"""Laws whose numbers Hypothesis draws: what a failure prints is small, and fails again."""

import numpy as np
import pytest
from drawn import Given, numbers
from hypothesis import given, settings

from subopt import LabelingEnergy, alpha_expansion


def printed(error):
    """The values of the report of a law, in the order in which they were drawn."""
    lines = [line for line in "\n".join(error.__notes__).splitlines() if line.startswith("rng.")]
    return [eval(line.split(": ", 1)[1], {"np": np}) for line in lines]


def any_labels_are_best(rng):
    """A false statement that nearly all draws contradict: no labels are better than given ones."""
    energy = LabelingEnergy(
        rng.integers(0, 9, (3, 3)),
        edges=[(0, 1), (1, 2), (0, 2)],
        weights=rng.integers(0, 9, 3),
        label_costs=rng.integers(0, 9, 3),
    )
    start = rng.integers(0, 3, 3)
    assert not alpha_expansion(energy, start=start).value < energy.value(start)


def test_a_failing_law_prints_numbers_that_fail_again():
    law = settings(database=None, max_examples=300)(given(rng=numbers())(any_labels_are_best))
    with pytest.raises(AssertionError) as found:
        law()
    values = printed(found.value)
    assert [np.shape(value) for value in values] == [(3, 3), (3,), (3,), (3,)]
    assert sum(np.sum(value) for value in values) < 20  # it has shrunk
    with pytest.raises(AssertionError):
        any_labels_are_best(Given(*values))


@given(rng=numbers())
def test_numbers_are_as_those_of_a_generator(rng):
    real = np.random.default_rng(0)
    for call in (
        lambda r: r.integers(5),
        lambda r: r.integers(-3, 4, (2, 3)),
        lambda r: r.integers(0, 8, 40),
        lambda r: r.integers(1, [3, 6]),
        lambda r: r.random(),
        lambda r: r.random((4, 5)),
        lambda r: r.normal(size=(3, 3)),
        lambda r: r.normal(scale=0.1, size=50),
        lambda r: r.uniform(2, 3, 4),
        lambda r: r.permutation(5),
        lambda r: r.permutation(np.eye(3)),
        lambda r: r.choice([0.5, 2.0], 3),
        lambda r: r.choice(["a", "b"]),
        lambda r: r.choice(5, 2, replace=False),
        lambda r: r.dirichlet(np.ones(3)),
        lambda r: r.dirichlet(np.ones(3), 4),
    ):
        ours, theirs = np.asarray(call(rng)), np.asarray(call(real))
        assert (ours.shape, ours.dtype.kind) == (theirs.shape, theirs.dtype.kind)
    assert all(0 <= x < 1 for x in rng.random(30))
    assert (rng.integers(-3, 4, 50) <= 3).all()
    assert rng.dirichlet(np.ones(4)).sum() == pytest.approx(1)
    assert sorted(rng.permutation(6)) == list(range(6))
