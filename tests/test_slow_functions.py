"""Time limits of functions that are slow to evaluate, on a clock that only evaluations move.

A sweep of a user's function takes n evaluations, and methods make many sweeps between two looks at
their time limit. The law: whatever the method, the run ends after a few more evaluations, with a
feasible set, its value, and no bound that is wrong.
"""

import math
from contextlib import suppress
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from test_executors import Inline

from subopt import (
    Budget,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Modular,
    SetFunction,
    Status,
    all_minimizers,
    k_way_partition,
    maximize,
    minimize,
    prox,
    queyranne,
    regularization_path,
    symmetrize,
)
from subopt._base import options as base_options
from subopt.difference.exact import _subtrees
from subopt.difference.select import METHODS, options
from subopt.functions.concave import Concave
from subopt.functions.watched import Watch, unwatched
from subopt.testing import all_values

N = 8
LIMITS = (0, 1, 3, 10, 30, 60, 100, 150, 220, 400)
"""Time limits, in evaluations; some of them longer than the test of submodularity takes."""
FEW = 13
"""Evaluations after the limit: of f and of g, at the few sets that make up an answer."""


class Clock:
    """Time that passes by evaluations of `Slow` functions alone."""

    now = 0.0

    def monotonic(self):
        return self.now


class Slow(SetFunction):
    """A function that takes one second per value."""

    def __init__(self, F, clock):
        self.n, self.F, self.clock = F.n, F, clock
        self.monotone = F.monotone

    def value(self, mask):
        self.clock.now += 1.0
        return self.F.value(mask)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(base_options, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def functions():
    rng = np.random.default_rng(3)
    weights = np.triu(rng.random((N, N)) * (rng.random((N, N)) < 0.5), 1)
    f = Cut(weights + weights.T) + Modular(rng.normal(size=N))
    return f, Coverage((rng.random((N, 2 * N)) < 0.3).astype(float), rng.random(2 * N))


f, g = functions()
h = f - g
SIZE = {"size": (3, 5)}
PRICES = {"constraints": Budget(np.arange(N) + 1.0, 14.0)}
FIXED = {"include": [1], "exclude": [2]}
START = np.arange(N) % 3 == 0


def feasible(mask, of):
    budget = mask @ (np.arange(N) + 1.0) <= 14.0 or "constraints" not in of
    size = 3 <= mask.sum() <= 5 or "size" not in of
    return budget and size and ("include" not in of or (mask[1] and not mask[2]))


FUNCTION = ("auto", "min_norm_point", "frank_wolfe")
DIFFERENCE = [m for m in METHODS if "time_limit" in options(m) and m not in ("auto", "milp")]
CONSTRAINED = ("auto", "local_search", "branch_and_bound")
MAXIMIZE = ("auto", "greedy", "stochastic_greedy", "double_greedy", "local_search")


def cases():
    """Yield the name, the kind, and the options of every door."""
    for method in FUNCTION:
        yield f"F-{method}", "F", {"method": method}
        yield f"F-fixed-{method}", "F", {"method": method, **FIXED}
    yield "F-least", "F", {"minimizer": "minimal"}
    for kind in ("f - g", "f - known", "known - g"):
        for method in DIFFERENCE:
            yield f"{kind}-{method}", kind, {"method": method}
        for effort in ("fast", "default", "best"):
            more = {"effort": effort, "rng": 0, "threads": 1}
            yield f"{kind}-auto-{effort}", kind, more
    for method in ("subsup", "modmod", "local_search", "branch_and_bound", "dca"):
        yield f"from-a-set-{method}", "f - g", {"method": method, "start": START}
    yield "f-g-fixed", "f - g", {"rng": 0, "threads": 1, **FIXED}
    yield "f-g-fixed-best", "f - g", {"rng": 0, "threads": 1, "effort": "best", **FIXED}
    for name, of in (("size", SIZE), ("budget", PRICES)):
        for method in (*CONSTRAINED, "lagrangian"):
            yield f"F-{name}-{method}", "F", {"method": method, **of}
        for method in (*CONSTRAINED, "modmod", "subsup", "dca"):
            yield f"f-g-{name}-{method}", "f - g", {"method": method, **of}
        yield f"f-g-{name}-best", "f - g", {"effort": "best", **of}
    for method in MAXIMIZE:
        of = {} if method == "double_greedy" else {"size": 3}
        yield f"max-{method}", "max g", {"method": method, **of}
        yield f"max-f-{method}", "max f", {"method": method, **of}
    yield "max-sieve", "max g", {"method": "sieve", "size": 3}
    yield "max-best", "max g", {"effort": "best", "size": 3}
    yield "max-budget", "max f", {"effort": "best", **PRICES}
    yield "max-from-a-set", "max f", {"method": "local_search", "start": [0, 3, 6], "size": 3}


CASES = {name: (kind, given) for name, kind, given in cases()}


def problem(kind, clock):
    """Return the function to solve, the same one for the test, and the lowest feasible value."""
    if kind == "F":
        return Slow(f, clock), f
    if kind == "max g":
        return Slow(g, clock), g
    if kind == "max f":
        return Slow(f, clock), f
    first = f if kind == "known - g" else Slow(f, clock)
    second = g if kind == "f - known" else Slow(g, clock)
    return DifferenceOfSubmodular(first, second), h


@pytest.mark.parametrize("name", CASES)
def test_a_run_ends_a_few_evaluations_after_its_time_limit(name, clock):
    kind, given = CASES[name]
    maximal = kind.startswith("max")
    for limit in LIMITS:
        F, known = problem(kind, clock)
        clock.now = 0.0
        result = (maximize if maximal else minimize)(F, time_limit=float(limit), **given)
        assert clock.now <= limit + FEW
        assert feasible(result.mask, given)
        assert result.value == pytest.approx(known.value(result.mask), abs=1e-9)
        if clock.now > limit + 4:  # otherwise it may have been complete before its last values
            assert result.status in (Status.TIME_LIMIT, Status.OPTIMAL)
        if maximal:
            continue
        masks = [mask for mask in all_masks() if feasible(mask, given)]
        assert result.lower_bound <= min(known.value(mask) for mask in masks) + 1e-9
        if result.certificate is not None:
            gap = result.check(known)
            assert gap <= result.gap + 1e-9


class SlowAnywhere(Slow):
    """One whose clock is that of this process, also after it has been sent to a worker."""

    clocks: ClassVar = {}

    def __init__(self, F):
        self.n, self.F, self.monotone = F.n, F, F.monotone

    @property
    def clock(self):
        return self.clocks["now"]


@pytest.mark.parametrize("limit", [2000, 3000, 4000])
def test_workers_of_an_executor_keep_the_time_limit(limit, clock, monkeypatch):
    monkeypatch.setattr(_subtrees, "FRONTIER", (1, 1))  # so that no task waits for another
    SlowAnywhere.clocks["now"] = clock
    rng = np.random.default_rng(0)
    weights = np.triu(rng.random((2, 16, 16)) * (rng.random((2, 16, 16)) < 0.4), 1)
    first, second = (Cut(w + w.T) for w in weights)
    first = first + Modular(rng.normal(size=16))
    F = SlowAnywhere(first) - SlowAnywhere(second)
    how = {"method": "branch_and_bound", "executor": Inline(), "rng": 0}
    result = minimize(F, time_limit=float(limit), **how)
    assert limit - FEW <= clock.now <= limit + FEW
    assert result.status is Status.TIME_LIMIT
    assert result.value == pytest.approx((first - second).value(result.mask), abs=1e-9)
    assert result.check(F) <= result.gap + 1e-9


def all_masks():
    return (np.arange(2**N)[:, None] >> np.arange(N)) & 1 == 1


@pytest.mark.parametrize(
    "solve",
    [
        lambda F, limit: all_minimizers(F, time_limit=limit),
        lambda F, limit: prox(F, np.arange(N), time_limit=limit),
        lambda F, limit: prox(F, np.arange(N), np.arange(1, N + 1), time_limit=limit),
        lambda F, limit: regularization_path(F, time_limit=limit),
    ],
)
@pytest.mark.parametrize("limit", LIMITS)
def test_what_needs_all_of_the_work_says_that_the_time_was_not_enough(solve, limit, clock):
    with suppress(RuntimeError):
        solve(Slow(f, clock), float(limit))
    assert clock.now <= limit + FEW
    clock.now = 0.0
    with pytest.raises(RuntimeError, match="time_limit = 0"):
        solve(Slow(f, clock), 0.0)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_splits_of_symmetric_functions_are_in_time(k, limit, clock):
    known = symmetrize(f) if k == 1 else f
    F = symmetrize(Slow(f, clock)) if k == 1 else Slow(f, clock)
    result = queyranne(F, time_limit=limit) if k == 1 else k_way_partition(F, k, time_limit=limit)
    assert clock.now <= limit + FEW
    if k == 1:
        assert 0 < result.mask.sum() < N
        assert result.value == pytest.approx(known.value(result.mask))
    else:
        parts = [result.labels == j for j in range(k)]
        assert all(part.any() for part in parts)
        assert result.value == pytest.approx(sum(map(known.value, parts)))
    if result.status is Status.TIME_LIMIT:
        assert (result.lower_bound, result.certificate) == (-math.inf, None)
    else:
        assert result.check(known) == pytest.approx(result.gap, abs=1e-9)


@pytest.mark.parametrize("method", ["auto", "subsup", "dca", "branch_and_bound"])
def test_sums_views_and_concave_functions_of_slow_functions_are_in_time(method, clock):
    slow = Slow(g, clock)
    for first in (
        2 * Slow(f, clock) + Modular(np.ones(N)),
        Slow(f, clock).complement(),
        Slow(f, clock).restrict(np.ones(N, dtype=bool)) + slow,
        Concave(slow, "sqrt"),
    ):
        for limit in LIMITS:
            clock.now = 0.0
            minimize(first - slow, method=method, time_limit=float(limit))
            assert clock.now <= limit + 2 * FEW


@pytest.mark.parametrize("method", DIFFERENCE)
def test_invalid_options_are_refused_however_short_the_time(method, clock):
    F, _ = problem("f - g", clock)
    for name, value in (
        ("start", [N]),
        ("max_iter", 0),
        ("inner_iter", 0),
        ("rho", -1.0),
        ("tangents", 0),
        ("memory", -1),
        ("step", -1.0),
        ("patience", -1),
        ("callback", 3),
        ("max_nodes", 0),
        ("tol", -1.0),
        ("tie_break", "x"),
        ("moves", ("x",)),
    ):
        if name in options(method):
            with pytest.raises((TypeError, ValueError)):
                minimize(F, method=method, time_limit=0.0, **{name: value})


def test_watched_functions_are_equal_to_those_they_replace(clock):
    clock.now = -math.inf
    for F in (
        Slow(f, clock),
        Slow(f, clock) + 3 * Slow(g, clock) + f,
        Slow(f, clock).complement(),
        Slow(g, clock).restrict([1, 2, 5]).contract([0]),
        Concave(Slow(g, clock), "sqrt") + Modular(np.ones(N)),
    ):
        watch = Watch(base_options.Deadline(None))
        G = watch(F)
        assert repr(G) == repr(F)
        np.testing.assert_array_equal(all_values(G), all_values(F))
        order = np.arange(F.n)[::-1]
        np.testing.assert_array_equal(G.greedy(order), F.greedy(order))
        mask = np.arange(F.n) % 2 == 0
        np.testing.assert_array_equal(G.marginals(mask), F.marginals(mask))
        assert repr(unwatched(G)) == repr(F)
        assert not watch(f)._by_value()
        assert watch(f) is f
