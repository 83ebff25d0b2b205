"""The front door: explicit options, none of them ignored, and one contract for all answers."""

import contextlib
import dataclasses
import inspect
import math

import numpy as np
import pytest

import subopt
from subopt import (
    Answer,
    Batch,
    Cardinality,
    CertificateError,
    CoupledLabelingProblem,
    Cut,
    DifferenceOfSubmodular,
    LabelingEnergy,
    Modular,
    Status,
    grid_cut,
    max_flow,
    minimize,
    minimize_many,
)
from subopt._base.options import CONSTRAINTS
from subopt._minimize import WINGS
from subopt.difference.select import METHODS as DIFFERENCE_METHODS

F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
H = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) - Cardinality([0, 3, 4, 4])
ENERGY = LabelingEnergy([[0, 1, 2], [2, 0, 1], [1, 2, 0]], weights=0.5)
COUPLED = CoupledLabelingProblem(-np.eye(3).reshape(3, 3))
PROBLEMS = {"set function": F, "difference": H, "labeling": ENERGY, "coupled": COUPLED}
METHODS = [
    (
        "set function",
        "auto modular sort max_flow decomposed min_norm_point frank_wolfe brute_force",
    ),
    ("difference", "auto subsup supsub modmod dca branch_and_bound milp local_search brute_force"),
    ("labeling", "auto ishikawa qpbo alpha_expansion alpha_beta_swap icm dual_bound"),
    ("coupled", "auto search published"),
]
PAIRS = [(kind, method) for kind, methods in METHODS for method in methods.split()]


def wing_of(problem):
    return next(wing for wing in WINGS if wing.owns(problem))


def options_of(kind, method):
    return wing_of(PROBLEMS[kind]).options(method)


EVERY_PAIR = [
    *((kind, method) for kind, method in PAIRS if kind != "difference"),
    ("labeling", "fusion"),
    *(("difference", method) for method in DIFFERENCE_METHODS),
]


@pytest.mark.parametrize(("kind", "method"), PAIRS)
def test_the_signature_names_every_option_of_every_method(kind, method):
    known = inspect.signature(minimize).parameters
    assert set(wing_of(PROBLEMS[kind]).options(method)) <= set(known)
    assert not [p for p in known.values() if p.kind is p.VAR_KEYWORD]


@pytest.mark.parametrize(("kind", "method"), PAIRS)
def test_options_that_a_method_does_not_have_are_refused(kind, method):
    problem = PROBLEMS[kind]
    takes = wing_of(problem).options(method)
    known = set(inspect.signature(minimize).parameters) - {"problem", "method", "verbose", *takes}
    if kind in ("set function", "difference"):
        known -= set(CONSTRAINTS)  # tests/test_constrained.py
    for name in known:
        with pytest.raises(TypeError, match=name):
            minimize(problem, method=method, **{name: 1 if name != "callback" else print})


SWITCHES = {"lower_bound", "eliminate", "randomized"}  # True or False


@pytest.mark.parametrize(("kind", "method"), EVERY_PAIR)
def test_options_that_a_method_has_are_read(kind, method):
    """A value that makes no sense is refused, so no option is accepted and ignored."""
    problem = PROBLEMS[kind]
    if method == "qpbo":
        problem = LabelingEnergy([[0, 1], [1, 0]], weights=0.5)
    for name in set(wing_of(problem).options(method)) - {"method", "verbose"} - SWITCHES:
        with pytest.raises((TypeError, ValueError), match=name):
            minimize(problem, method=method, **{name: Ellipsis})


def test_all_methods_but_these_have_a_time_limit():
    without = {m for kind, m in EVERY_PAIR if "time_limit" not in options_of(kind, m)}
    assert without == {"modular", "sort", "double_greedy", "brute_force"}


def test_options_of_a_method_reach_it():
    assert minimize(H, method="dca", inner_iter=50, max_iter=1, rho=0.1).n_iter <= 1
    assert minimize(H, method="branch_and_bound", max_nodes=1, rng=0).status in Status
    assert minimize(ENERGY, method="alpha_expansion", start=[0, 0, 0], max_iter=5).value <= 3
    assert minimize(COUPLED, method="published", max_iter=1, rng=0).n_iter == 1


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_callback_has_to_be_callable(kind):
    with pytest.raises(TypeError, match="callback needs to be callable"):
        minimize(PROBLEMS[kind], callback=3)


ANSWERS = {
    "set function": (F, {}),
    "difference": (H, {"rng": 0}),
    "labeling": (ENERGY, {"lower_bound": True}),
    "labeling without a bound": (ENERGY, {"method": "icm"}),
    "coupled": (COUPLED, {"rng": 0, "lower_bound": True}),
    "coupled without a bound": (COUPLED, {"rng": 0}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_all_answers_speak_the_same_language(name):
    problem, options = ANSWERS[name]
    answer = minimize(problem, **options)
    assert isinstance(answer, Answer)
    assert isinstance(answer.value, float)
    assert isinstance(answer.lower_bound, float)
    assert isinstance(answer.status, Status)
    assert isinstance(answer.method, str)
    assert answer.gap >= 0.0
    assert (answer.gap == math.inf) == (answer.lower_bound == -math.inf)
    gap = answer.check(problem)
    assert gap == pytest.approx(answer.gap, abs=1e-9)
    if answer.certificate is not None:
        assert answer.certificate.check(problem, answer) == gap
    arrays = [v for v in vars(answer).values() if isinstance(v, np.ndarray)]
    assert arrays
    assert not any(array.flags.writeable for array in arrays)
    assert len(repr(answer)) < 400
    assert "array(" not in repr(answer)
    lie = dataclasses.replace(answer, value=answer.value - 1.0)
    with contextlib.suppress(CertificateError):
        assert lie.check(problem) == gap  # values are recomputed, not believed
    if answer.lower_bound > -math.inf:
        better = dataclasses.replace(answer.certificate, lower_bound=answer.value + 1.0)
        with pytest.raises(CertificateError):
            better.check(problem, answer)


def test_flows_are_answers_too():
    flow = max_flow([0, 1], [1, 2], [3, 2], source_capacity=[2, 0, 0], sink_capacity=[0, 0, 3])
    cut = grid_cut(np.eye(3), 1 - np.eye(3), 0.5)
    for answer in (flow, cut):
        assert isinstance(answer, Answer)
        assert answer.status is Status.OPTIMAL
        assert answer.gap == 0.0


def test_many_answers_are_one_batch():
    for problems, options in (([F, F], {}), ([H, H], {"rng": 0}), ([ENERGY], {}), ([COUPLED], {})):
        batch = minimize_many(problems, **options)
        assert isinstance(batch, Batch)
        assert len(batch) == len(problems) == len(list(batch))
        assert isinstance(batch[-1], Answer)
        assert isinstance(batch[:1], Batch)
        with pytest.raises(IndexError):
            batch[len(batch)]


def test_a_set_function_takes_no_rng_and_says_the_way_out():
    with pytest.raises(TypeError, match=r"DifferenceOfSubmodular\(f, g\)"):
        minimize(F, rng=0)
    assert minimize(DifferenceOfSubmodular(F, Modular([1.0, 0, 0])), rng=0).value == pytest.approx(
        minimize(F - Modular([1.0, 0, 0])).value
    )


def test_every_public_name_is_found_at_both_places():
    for wing in (
        "functions",
        "constraints",
        "submodular",
        "difference",
        "constrained",
        "maximization",
        "graph",
        "labeling",
        "coupled",
    ):
        module = getattr(subopt, wing)
        for name in module.__all__:
            assert getattr(subopt, name) is getattr(module, name)
