"""Time limits and Ctrl-C: every method ends, with labels that are allowed and bounds that hold."""

import threading
import time

import numpy as np
import pytest

from subopt import LabelingEnergy, Status, alpha_beta_swap, alpha_expansion, minimize
from subopt._base.interruptible import flag, interruptible
from subopt._base.options import Deadline
from subopt.labeling import _dual_bound, certificates
from subopt.labeling.moves import driver, warm_start

METHODS = ("alpha_expansion", "alpha_beta_swap", "fusion", "icm", "dual_bound")


def problem(n_labels, rng=0):
    unary = np.random.default_rng(rng).random((12, 12, n_labels))
    return LabelingEnergy(unary, weights=0.3)


@pytest.mark.parametrize("limit", [0.0, 1e-4, 100.0])
@pytest.mark.parametrize("method", [*METHODS, "auto", "ishikawa", "qpbo"])
def test_answers_at_a_time_limit_are_answers(method, limit):
    two = method in ("ishikawa", "qpbo")
    energy = problem(2 if two else 4)
    start = np.zeros(energy.shape, int)
    takes = method not in ("ishikawa", "qpbo")
    options = {"start": start} if takes else {}
    result = minimize(energy, method=method, time_limit=limit, **options)
    assert result.value == energy.value(result.labels)
    assert result.lower_bound <= result.value
    if takes:
        assert result.value <= energy.value(start)
    if result.certificate is not None:
        assert result.check(energy) == pytest.approx(result.gap, abs=1e-12)
    if limit == 100.0:
        assert result.status is not Status.TIME_LIMIT
        assert result.value == minimize(energy, method=method, **options).value
    if limit == 0.0 and result.status is not Status.OPTIMAL:
        assert result.status is Status.TIME_LIMIT


@pytest.mark.parametrize("n_labels", [2, 4])
def test_a_limit_shorter_than_the_proof_leaves_no_bound(n_labels):
    energy = problem(n_labels)
    start = np.zeros(energy.shape, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dual_bound, "PROOF", 1e9)
        result = minimize(energy, method="dual_bound", start=start, time_limit=100.0)
        assert (result.certificate, result.lower_bound) == (None, -np.inf)
        assert result.status is Status.TIME_LIMIT
        assert result.value <= energy.value(start)
        bounded = minimize(energy, method="alpha_expansion", lower_bound=True, time_limit=100.0)
        assert bounded.gap == np.inf
    # a proof that is interrupted says nothing, at any method
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "SHORT", 0)
        patch.setattr(certificates, "LATE", -1e9)
        for method in ("dual_bound", "auto", *(("qpbo", "ishikawa") if n_labels == 2 else ())):
            result = minimize(energy, method=method, time_limit=1e6)
            assert result.value == energy.value(result.labels)
            assert (result.certificate, result.lower_bound) == (None, -np.inf)


@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap])
def test_a_start_from_messages_makes_no_step_after_the_end(solver):
    energy = problem(4)

    def steps(end):
        """Return how many kernels of the start were called if it has to stop within one of them."""
        count = 0

        def counted(kernel):
            def call(*arguments):
                nonlocal count
                count += 1
                if count == end:
                    space[-1].stop[0] = 1
                return kernel(*arguments)

            return call

        space = []
        made = driver.move_workspace
        with pytest.MonkeyPatch.context() as patch:
            for name in ("sweep", "choose", "_read_off", "_push"):
                patch.setattr(warm_start, name, counted(getattr(warm_start, name)))
            patch.setattr(
                driver, "move_workspace", lambda *a, **k: space.append(made(*a, **k)) or space[-1]
            )
            result = solver(energy)
        assert result.value == energy.value(result.labels)
        return count

    whole = steps(0)
    for end in range(1, whole + 1):
        assert steps(end) <= end + 1  # the backward part of a sweep ends at once


def test_a_stopped_call_can_be_made_again():
    energy = problem(4)
    free = minimize(energy)
    minimize(energy, time_limit=0.0)
    again = minimize(energy)
    assert again.value == free.value
    np.testing.assert_array_equal(again.labels, free.labels)


def _until_stopped(stop, seen):
    while stop[0] == 0:
        time.sleep(0.001)
    seen.append(1)
    return 7


def test_kernels_end_at_the_deadline_and_when_the_caller_is_interrupted():
    seen, stop = [], flag()
    assert interruptible(_until_stopped, stop, seen, stop=stop, deadline=Deadline(0.01)) == 7

    class Interrupted(threading.Thread):
        def join(self, timeout=None):
            if stop[0] == 0:
                raise KeyboardInterrupt
            super().join(timeout)

    stop = flag()
    original, threading.Thread = threading.Thread, Interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            interruptible(_until_stopped, stop, seen, stop=stop)
    finally:
        threading.Thread = original
    assert seen == [1, 1]  # neither was left behind


def test_errors_of_kernels_come_to_the_caller():
    def fails():
        raise ValueError("of the kernel")

    with pytest.raises(ValueError, match="of the kernel"):
        interruptible(fails, stop=flag())
