"""Time limits and Ctrl-C: every method ends, with labels that are allowed and bounds that hold."""

import math
import sys
import threading
import time
from types import SimpleNamespace

import naive_energy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from subopt import LabelingEnergy, Status, alpha_beta_swap, alpha_expansion, minimize
from subopt._base import interruptible as interruptions
from subopt._base import options
from subopt._base.interruptible import flag, interruptible
from subopt._base.options import Deadline
from subopt.graph import _search, network, push_relabel
from subopt.labeling import (
    _components,
    _dual_bound,
    _exact,
    _fusion,
    _icm,
    _messages,
    _qpbo,
    _roof,
    certificates,
    cut_graphs,
)
from subopt.labeling.moves import driver, label_costs, warm_start

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
        patch.setattr(interruptions, "SHORT", 0)
        patch.setattr(certificates, "LATE", -1e9)
        for method in ("dual_bound", "auto", *(("qpbo", "ishikawa") if n_labels == 2 else ())):
            result = minimize(energy, method=method, time_limit=1e6)
            assert result.value == energy.value(result.labels)
            assert (result.certificate, result.lower_bound) == (None, -np.inf)


@pytest.mark.parametrize("shape", [(3, 4), (70, 70)])
def test_the_measure_of_a_certificate_does_no_work_once_it_has_to_stop(shape):
    rng = np.random.default_rng(0)
    energy = LabelingEnergy(rng.random((*shape, 3)), weights=0.3)
    given = certificates.evidence(rng.random((2, len(energy.tails), 3)), None, None)
    labels, stop = np.zeros(energy.n, np.int64), flag()
    stop[0] = 1
    high, low = np.full((2, energy.n, 3), np.nan)
    missing, sums, size = np.zeros(3), np.zeros((_exact.LANES, 3)), np.zeros(energy.n)
    slack, zeros = np.ones(energy.n), np.zeros(energy.n, np.int32)
    best = zeros - 1
    _exact.node_costs(energy.terms, given, high, low, missing, stop)
    assert np.isnan(high).all()
    assert np.isnan(low).all()
    assert not _exact._add_nodes(high, low, labels, sums, slack, best, stop)
    assert (best == -1).all()
    _exact._rough_nodes(energy.terms, given, labels, 0.0, slack, zeros, size, stop)
    assert not size.any()  # nothing that edges give was added
    _exact._add_edges(energy.terms, given, labels, 0.0, sums, stop)
    assert not sums.any()


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


@given(data=st.data(), n=st.integers(1, 12))
def test_components_are_those_of_scipy_in_topological_order(data, n):
    arcs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.booleans(), st.booleans())
    rows = data.draw(st.lists(arcs, max_size=30))
    tails, heads = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    there, back = (np.array([row[i] for row in rows], bool) for i in (2, 3))
    part = _components.components(n, tails, heads, there, back, Deadline())
    start = np.concatenate([tails[there], heads[back]])
    end = np.concatenate([heads[there], tails[back]])
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(n, n))
    count, expected = connected_components(graph, connection="strong")
    assert len({*zip(part.tolist(), expected.tolist(), strict=True)}) == count == part.max() + 1
    assert (part[start] >= part[end]).all()


STAGES = (
    (network, "count_rows", "place_rows"),
    (_search, "begin", "grow", "push"),
    (push_relabel, "_exact_labels", "_spread", "_find"),
    (_components, "_components"),
    (_roof, "_edges", "restricted", "without_least"),
    (_qpbo, "node_costs", "sum_and_error"),
    (_fusion, "_choice"),
    (_icm, "_descend"),
    (certificates, "bound_of"),
    (cut_graphs, "messages_of"),
    (_messages, "sweep", "choose", "give"),
    (label_costs, "pieces", "_rest"),
    (driver, "problem_of", "descend"),
    (warm_start, "_read_off", "_push", "terms"),
)
"""What takes long in large problems, one after the other."""
FEW = 4
"""Stages after the end: of what goes on until the next look at the clock."""


def stages_in(patch, solve, limit):
    """Return how many stages there were, and how many of them after a limit in stages.

    With an infinite limit, they are not counted.
    """
    begun, running = SimpleNamespace(now=0.0), []

    def counted(stage):
        def call(*arguments, **options):
            begun.now += 1.0
            for stop, end in running:
                stop[0] |= end is not None and end.passed()
            return stage(*arguments, **options)

        return call

    def interruptible(kernel, *arguments, stop, deadline=None, short=False):
        if short:
            return kernel(*arguments)
        running.append((stop, deadline))
        stop[0] |= deadline is not None and deadline.passed()
        try:
            return kernel(*arguments)
        finally:
            running.pop()

    modules = [m for name, m in sys.modules.items() if name.startswith("subopt.")]
    for home, *names in STAGES if limit < np.inf else ():  # kernels are compiled before
        for stage in (getattr(home, name) for name in names):
            for module, name in (
                (m, n) for m in modules for n, value in vars(m).items() if value is stage
            ):
                patch.setattr(module, name, counted(stage))
    for module in modules:
        if "interruptible" in vars(module) and callable(module.interruptible):
            patch.setattr(module, "interruptible", interruptible)
    # as if the problem were large
    patch.setattr(interruptions, "SHORT", 0)
    patch.setattr(cut_graphs, "GRID", 10**9)
    patch.setattr(network, "AT_A_TIME", 40)
    patch.setattr(_search, "SLICE", 300)
    for module in (certificates, _dual_bound):
        patch.setattr(module, "LATE", 0.0)
    patch.setattr(options, "time", SimpleNamespace(monotonic=lambda: begun.now))
    result = solve(limit)
    return begun.now, max(begun.now - limit, 0.0), result


def signed(rng, shape=(12, 12)):
    grid = np.array(shape)
    weights = [rng.choice([-0.3, 0.3], grid - step) for step in np.eye(2, dtype=int)]
    return LabelingEnergy(rng.random((*shape, 2)), weights=weights)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        *((method, "labels") for method in (*METHODS, "auto")),
        *((method, "signs") for method in ("qpbo", "fusion", "icm", "auto")),
        *((method, "two") for method in ("qpbo", "ishikawa", "auto")),
        *((method, "label costs") for method in ("alpha_expansion", "alpha_beta_swap", "icm")),
        *((method, "linear") for method in ("ishikawa", "alpha_expansion")),
    ],
)
def test_hardly_anything_that_takes_long_begins_after_the_end(method, kind):
    rng = np.random.default_rng(4)
    shape, costs = (6, 6), np.full(4, 2.0)
    energy = {
        "labels": lambda: LabelingEnergy(rng.random((*shape, 4)), weights=0.3),
        "signs": lambda: signed(rng, shape),
        "two": lambda: LabelingEnergy(rng.random((*shape, 2)), weights=0.3),
        "label costs": lambda: LabelingEnergy(
            rng.random((*shape, 4)), weights=0.3, label_costs=costs
        ),
        "linear": lambda: LabelingEnergy(rng.random((5, 5, 4)), weights=0.2, metric="linear"),
    }[kind]()

    def solve(limit):
        return minimize(energy, method=method, time_limit=limit)

    solve(None)
    for limit in (np.inf, 1e9):
        with pytest.MonkeyPatch.context() as patch:
            whole, _, _ = stages_in(patch, solve, limit)
    for limit in {0, 1, 2, 3, *map(int, np.linspace(0, whole - 1, 12))}:
        with pytest.MonkeyPatch.context() as patch:
            _, late, result = stages_in(patch, solve, float(limit))
        assert late <= FEW, f"{late} stages after {limit} of {whole}"
        assert result.value == energy.value(result.labels)


def ask_the_clock(patch):
    """Replace the clock by one that sees a second per question, and let every step ask it."""
    clock = SimpleNamespace(now=0.0)

    def monotonic():
        clock.now += 1.0
        return clock.now

    patch.setattr(options, "time", SimpleNamespace(monotonic=monotonic))
    patch.setattr(cut_graphs, "GRID", 10**9)
    patch.setattr(interruptions, "SHORT", 0)
    for module in (_dual_bound, certificates):
        patch.setattr(module, "LATE", 0)
    patch.setattr(network, "AT_A_TIME", 2)
    patch.setattr(_search, "SLICE", 2)
    return clock


def record_bounds(patch, energy, seen):
    """Append every bound on an energy that is measured to a list."""
    original = certificates.measure

    def measure(*arguments, **given):
        found = original(*arguments, **given)
        if arguments[0] is energy:  # and not that of a move
            seen.append(found.lower_bound)
        return found

    for name, module in list(sys.modules.items()):
        if name.startswith("subopt.") and vars(module).get("measure") is original:
            patch.setattr(module, "measure", measure)


def least_of_moves(energy, x, method):
    """Return the least energy of a flip, expansion or swap, of the kind that a method makes."""
    L = range(energy.n_labels)
    if "then" not in method and method.startswith("alpha_expansion"):
        return min(naive_energy.best_expansion(energy, x, a) for a in L)
    if "then" not in method and method.startswith("alpha_beta_swap"):
        return min(naive_energy.best_swap(energy, x, a, b) for a in L for b in range(a))
    flips = ((*x[:v], a, *x[v + 1 :]) for v in range(energy.n) for a in L)
    return min(energy.value(np.array(y)) for y in flips)


def at_every_moment(method, problem, **given):
    """Assert what holds for answers of small problems, whenever the time ends."""
    energy = LabelingEnergy(**problem)
    least, _ = naive_energy.minimum(energy)
    unit, known = 1e-9 * max(1.0, abs(least)), {}
    clock, limit = SimpleNamespace(now=0.0), 0
    while limit <= clock.now:
        seen = [-np.inf]
        with pytest.MonkeyPatch.context() as patch:
            clock = ask_the_clock(patch)
            record_bounds(patch, energy, seen)
            result = minimize(energy, method=method, time_limit=limit + 0.5, **given)
        labels, said = result.labels.ravel(), f"{result!r} after {limit} questions"
        assert result.value == energy.value(labels), said
        assert result.lower_bound <= least + unit, said
        assert result.lower_bound >= min(max(seen), result.value) - unit, said
        if result.certificate is not None:
            assert result.check(energy) <= result.gap + unit, said
        if result.status is Status.OPTIMAL:
            assert result.value <= least + unit, said
        if result.status is Status.LOCAL_MINIMUM:
            key = tuple(labels.tolist()), result.method
            if key not in known:
                known[key] = least_of_moves(energy, *key)
            assert result.value <= known[key], said
        limit += 1 + limit // 64  # of many equal sweeps, not every one


TAKES = {
    "alpha_expansion": ("potts", True),
    "alpha_beta_swap": ("potts", True),
    "ishikawa": ("linear", False),
    "qpbo": ("signs", False),
    "fusion": ("table", False),
    "icm": ("signs", True),
    "dual_bound": ("potts", True),
    "auto": ("table", True),
}
"""Costs of edges per method, and whether it takes label costs."""


@st.composite
def small_problems(draw, method):
    """Draw arguments of a small energy that a method takes."""
    kind, label_costs = TAKES[method]
    n, L = draw(st.integers(2, 4)), 2 if method == "qpbo" else draw(st.integers(2, 3))
    pairs = [(q, p) for q in range(n) for p in range(q)]
    large = draw(st.sampled_from([1.0, 1e9, 1e15]))  # hides other costs
    # compiled moves ignore what is less than a rounding error
    small = 1.0 if method.startswith("alpha") else draw(st.sampled_from([0.1, 1.0]))
    cost = st.tuples(st.integers(0, 9), st.sampled_from([small, large])).map(math.prod)
    rows = st.lists(cost, min_size=L, max_size=L)
    weight = st.integers(0 if kind in ("potts", "linear") else -4, 4).map(small.__mul__)
    problem = {
        "unary": draw(st.lists(rows, min_size=n, max_size=n)),
        "edges": pairs,
        "weights": draw(st.lists(weight, min_size=len(pairs), max_size=len(pairs))),
    }
    if kind == "linear":
        problem["metric"] = "linear"
    if kind == "table":
        row = st.lists(st.integers(0, 5), min_size=L, max_size=L)
        problem["metric"] = draw(st.lists(row, min_size=L, max_size=L))
    if label_costs and draw(st.booleans()):
        problem["label_costs"] = draw(st.lists(st.integers(0, 12), min_size=L, max_size=L))
    return problem


@pytest.mark.parametrize("method", list(TAKES))
@settings(max_examples=max(5, settings.default.max_examples // 8))  # each makes about 100 runs
@given(data=st.data())
def test_answers_hold_whenever_the_time_ends(method, data):
    problem = data.draw(small_problems(method))
    options = {"lower_bound": True} if data.draw(st.booleans()) else {}
    if method not in ("ishikawa", "qpbo") and data.draw(st.booleans()):
        label = st.integers(0, len(problem["unary"][0]) - 1)
        n = len(problem["unary"])
        options["start"] = data.draw(st.lists(label, min_size=n, max_size=n))
    at_every_moment(method, problem, **options)


@pytest.mark.parametrize(
    ("method", "problem", "given"),
    [
        (  # the last cut of a cycle is ended
            "alpha_expansion",
            {"unary": [[2, 3], [3, 5]], "edges": [(1, 0)], "weights": 0, "label_costs": [9, 3]},
            {"start": [0, 0]},
        ),
        (  # small costs beside large ones: compiled moves are done, and the exact ones are ended
            "alpha_expansion",
            {
                "unary": [[0.2, 0.4], [3e15, 0.8], [0.5, 3e15], [0.1, 3e15], [3e15, 0.0]],
                "edges": [(1, 0), (2, 1), (4, 2)],
                "weights": [0.6, 0.9, 1e16],
            },
            {},
        ),
        (  # labels of the bound are not improved in time
            "icm",
            {
                "unary": [[1, 5, 3], [3, 3, 1], [4, 1, 5], [3, 4, 2], [5, 4, 4]],
                "edges": [(1, 0), (2, 1), (3, 0), (3, 2), (4, 0), (4, 1), (4, 2), (4, 3)],
                "weights": [0, -1, -4, 0, 3, 4, -3, -4],
            },
            {"lower_bound": True},
        ),
        (  # a second proof is ended
            "qpbo",
            {
                "unary": [[0.4, 0.5], [0.7, 0.9], [0.0, 0.1]],
                "edges": [(1, 0), (2, 0), (2, 1)],
                "weights": [0.3, 0.4, -0.2],
            },
            {},
        ),
        (
            "ishikawa",
            {
                "unary": [[0.2, 0.4], [0.8, 0.4], [0.0, 0.3], [0.6, 0.8]],
                "edges": [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)],
                "weights": [0.4, 0.2, 0.1, 0.3, 0.4, 0.4],
            },
            {},
        ),
    ],
)
def test_known_answers_hold_whenever_the_time_ends(method, problem, given):
    at_every_moment(method, problem, **given)


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
