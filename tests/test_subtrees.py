"""Branch and bound on threads and executors: the same tree, whatever the workers do."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_executors import Inline

from subopt import Cut, branch_and_bound, minimize
from subopt._base.options import Deadline
from subopt._base.threads import in_order
from subopt.constraints.build import constraints_of
from subopt.difference.exact import _branch_and_bound, _subtrees


@pytest.fixture(autouse=True)
def _small_tasks(monkeypatch):
    monkeypatch.setattr(_subtrees, "FRONTIER", (3, 3))
    monkeypatch.setattr(_subtrees, "FEWEST", (2, 2))


def hard(rng, n=11):
    """A difference of two cuts, whose tree has some dozen intervals."""
    first, second = rng.random((2, n, n)) * (rng.random((2, n, n)) < 0.5)
    return Cut(first + first.T) - Cut(second + second.T)


def seen(result):
    """All that an answer says, its tree included."""
    steps = [
        (step.reason, step.inside.tolist(), step.outside.tolist(), step.children)
        for step in result.certificate.steps
    ]
    return result.mask.tolist(), result.value, result.lower_bound, result.n_iter, steps


def told(solve):
    """An answer, and the values and bounds that the callback saw before it."""
    calls = []
    answer = solve(lambda result: calls.append((result.value, result.lower_bound)))
    return answer, calls


@pytest.mark.parametrize("seed", range(3))
def test_the_tree_does_not_depend_on_the_workers(seed):
    h = hard(np.random.default_rng(seed))
    inline = Inline()
    first = branch_and_bound(h, rng=1, executor=inline)
    assert inline.submitted >= 2
    lossy = branch_and_bound(h, rng=1, executor=Inline(lambda k: k % 3 == 0))
    with ThreadPoolExecutor(2) as pool:
        threads = branch_and_bound(h, rng=1, executor=pool)
    assert seen(first) == seen(lossy) == seen(threads)
    alone = branch_and_bound(h, rng=1)
    assert first.value == pytest.approx(alone.value, abs=1e-12)
    assert first.status is alone.status
    assert first.certificate.check(h, first) <= 1e-9


@given(rng=numbers(), size=st.none() | st.just((3, 6)), effort=st.booleans())
@settings(max_examples=15)
def test_the_tree_does_not_depend_on_threads(rng, size, effort):
    h, options = hard(rng), {"size": size} if size else {}
    options |= {"effort": "best"} if effort else {"method": "branch_and_bound"}
    solve = partial(minimize, h, rng=0, **options)
    runs = [told(lambda tell, k=k: solve(threads=k, callback=tell)) for k in (1, 2, 5)]
    assert runs[0][1] == runs[1][1] == runs[2][1]
    answers = [answer for answer, _ in runs]
    if size:  # the tree is inside
        answers = [replace(a, certificate=a.certificate.evidence) for a in answers]
    assert seen(answers[0]) == seen(answers[1]) == seen(answers[2])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, StopIteration])
def test_what_ends_it_leaves_no_thread_behind(threads, error):
    before, calls = threading.active_count(), []

    def stop(result):
        calls.append(result)
        if len(calls) == 6:
            raise error

    caught = nullcontext() if error is StopIteration else pytest.raises(error)
    h = hard(np.random.default_rng(2))
    with caught:
        result = branch_and_bound(h, rng=1, threads=threads, callback=stop)
        assert result.status.name == "INTERRUPTED"
        assert result.certificate.check(h, result) == pytest.approx(result.gap, abs=1e-9)
    assert len(calls) == 6
    assert threading.active_count() == before


@given(rng=numbers(), limit=st.integers(1, 60))
@settings(max_examples=10)
def test_a_limit_of_nodes_leaves_a_bound(rng, limit):
    h = hard(rng)
    result = branch_and_bound(h, rng=0, max_nodes=limit, executor=Inline())
    best = branch_and_bound(h, rng=0).value
    assert result.lower_bound <= best + 1e-9
    assert best <= result.value + 1e-9
    assert result.certificate.check(h, result) == pytest.approx(result.gap, abs=1e-9)


def test_constraints_hold_in_all_subtrees():
    h = hard(np.random.default_rng(3))
    constraints = constraints_of(h.n, size=(3, 6))
    alone = _branch_and_bound.search(h, constraints, rng=0)
    result = _branch_and_bound.search(h, constraints, rng=0, executor=Inline())
    assert 3 <= result.mask.sum() <= 6
    assert result.value == pytest.approx(alone.value, abs=1e-12)
    assert result.certificate.check(h, result) <= 1e-9


def test_a_callback_ends_it_between_rounds():
    calls = []

    def stop(result):
        calls.append(result)
        if len(calls) == 3:
            raise StopIteration

    result = branch_and_bound(
        hard(np.random.default_rng(5)), rng=0, executor=Inline(), callback=stop
    )
    assert result.status.name == "INTERRUPTED" or len(calls) < 3
    assert result.lower_bound <= result.value


def test_an_error_on_one_thread_ends_the_others():
    both, ended = threading.Barrier(2), []

    def work(k):
        deadline = Deadline()
        both.wait()
        if k == 0:
            raise KeyError(k)
        for _ in range(2000):
            if deadline.passed():
                ended.append(deadline.left())
                return
            time.sleep(0.01)

    with pytest.raises(KeyError):
        in_order(work, [0, 1], 2)
    assert ended == [0.0]
    assert not Deadline().passed()


def test_what_is_no_executor_is_refused():
    with pytest.raises(TypeError, match="executor needs a method submit"):
        branch_and_bound(hard(np.random.default_rng(0)), executor=3)
