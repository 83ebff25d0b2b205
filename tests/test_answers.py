"""One contract for all answers: every public function that returns one is in a table of this file.

Every answer has a value, a lower bound, a gap, a status, a method and a certificate; its arrays are
read-only; and `check` recomputes the gap from the problem, whatever the answer says of itself.
"""

import contextlib
import copy
import dataclasses
import inspect
import math
import pickle

import numpy as np
import pytest

import subopt
from subopt import (
    Answer,
    Batch,
    Budget,
    Cardinality,
    CertificateError,
    ConcaveOfModular,
    CoupledLabelingProblem,
    Coverage,
    Cut,
    DynamicMaxFlow,
    FacilityLocation,
    Groups,
    LabelingEnergy,
    Modular,
    Status,
)

F = Cut([[0, 2, 0, 1], [2, 0, 1, 0], [0, 1, 0, 3], [1, 0, 3, 0]]) + Modular([-3, 1, 2, -1])
SYMMETRIC = Cut([[0, 2, 0, 1], [2, 0, 1, 0], [0, 1, 0, 3], [1, 0, 3, 0]])
CONCAVE = ConcaveOfModular([[1, 2, 3, 1], [2, 0, 1, 0]]) + Modular([-0.7, -0.2, -1.5, 0.3])
H = F - Cardinality([0, 3, 4, 4, 4])
COVERAGE = Coverage([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]], [1.0, 2.0, 3.0, 4.0])
ORDERED = LabelingEnergy([[0, 1, 2], [2, 0, 1], [1, 2, 0]], weights=0.5, metric="linear")
ENERGY = LabelingEnergy([[0, 1, 2], [2, 0, 1], [1, 2, 0]], weights=0.5)
BINARY = LabelingEnergy([[0, 1.5], [2, 0], [1, 0]], weights=0.5)
COUPLED = CoupledLabelingProblem(-np.eye(3).reshape(3, 3))
GROUP = CoupledLabelingProblem(-np.random.default_rng(0).random((6, 4, 4)))
GRAPH = (np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([3.0, 2.0, 4.0]))
ENDS = {
    "source_capacity": np.array([2.5, 0, 0, 0]),
    "sink_capacity": np.array([0, 0, 0, 3.0]),
}
MANY = {**ENDS, "source_capacity": np.stack([ENDS["source_capacity"]] * 2)}
GRID = (np.eye(3) * 2, 1.5 - np.eye(3), 0.5)
SHIPPED = [0, 0, 1], [1, 2, 2], [4, 2, 5], [2, 5, 1], {"supply": [5, 0, -5]}
SWEPT = {"supply": [1.0, -2, 0, 0.5], "slope": [1, 1, 1, 1.0], "interval": (-5, 5)}
SCRIBBLED = [[0.0, 0.2, 1.1], [0.1, 0.9, 1.0]], [[1, 0, 0], [0, 0, 2]]
SPLIT = [Budget([1, 1, 2, 1], 3), Groups([0, 0, 1, 1], 1)]


def stack(problem):
    """Two equal problems for the functions that take many."""
    return [np.stack([part, part]) for part in problem]


def dynamic(**options):
    graph = DynamicMaxFlow(*GRAPH, **ENDS)
    graph.solve()
    return graph.solve(**options)


# name: (call, arguments of `check`); a batch is checked item by item
ANSWERS = {
    **{
        f"minimize by {method}": (lambda method=method: subopt.minimize(F, method=method), (F,))
        for method in ("auto", "max_flow", "decomposed", "min_norm_point", "brute_force")
    },
    "minimize modular": (lambda: subopt.minimize(Modular([1, -2, 0.5])), (Modular([1, -2, 0.5]),)),
    "minimize by size": (
        lambda: subopt.minimize(Cardinality([0, 1, 0.5]) + Modular([-1, 0.2])),
        (Cardinality([0, 1, 0.5]) + Modular([-1, 0.2]),),
    ),
    "minimize concave": (lambda: subopt.minimize(CONCAVE), (CONCAVE,)),
    "minimize difference": (lambda: subopt.minimize(H, rng=0), (H,)),
    "minimize fast": (lambda: subopt.minimize(H, rng=0, effort="fast"), (H,)),
    "minimize of a size": (lambda: subopt.minimize(F, size=2), (F,)),
    "minimize under constraints": (lambda: subopt.minimize(F, constraints=SPLIT), (F,)),
    "minimize difference under constraints": (
        lambda: subopt.minimize(H, size=(1, 2), constraints=SPLIT, rng=0),
        (H,),
    ),
    **{
        f"minimize of a size by {method}": (
            lambda method=method: subopt.minimize(H, size=2, method=method),
            (H,),
        )
        for method in ("branch_and_bound", "milp", "local_search", "dca", "modmod", "subsup")
    },
    "minimize labeling": (lambda: subopt.minimize(ENERGY, lower_bound=True), (ENERGY,)),
    "minimize coupled": (
        lambda: subopt.minimize(COUPLED, rng=0, lower_bound=True),
        (COUPLED,),
    ),
    "minimize_many": (lambda: subopt.minimize_many([F, F]), (F,)),
    "min_norm_point": (lambda: subopt.min_norm_point(CONCAVE), (CONCAVE,)),
    "frank_wolfe": (lambda: subopt.frank_wolfe(CONCAVE, max_iter=5), (CONCAVE,)),
    "queyranne": (lambda: subopt.queyranne(SYMMETRIC), (SYMMETRIC,)),
    "k_way_partition": (lambda: subopt.k_way_partition(SYMMETRIC, 3), (SYMMETRIC,)),
    "regularization_path": (
        lambda: subopt.regularization_path(CONCAVE).result(0.1),
        (CONCAVE + 0.1 * Cardinality(range(5)),),
    ),
    **{
        name: (lambda name=name: getattr(subopt, name)(H), (H,))
        for name in (
            "accelerated_dca",
            "complete_dca",
            "dca",
            "dca_rounded",
            "forward_greedy",
            "local_search",
            "milp",
            "modmod",
            "projected_subgradient",
            "subsup",
            "supsub",
            "double_greedy",
        )
    },
    "branch_and_bound": (lambda: subopt.branch_and_bound(H, rng=0), (H,)),
    "branch_and_bound, stopped": (lambda: subopt.branch_and_bound(H, rng=0, max_nodes=1), (H,)),
    **{
        f"maximize by {method}": (
            lambda method=method: subopt.maximize(
                COVERAGE, 2, method=method, rng=0 if "stochastic" in method else None
            ),
            (COVERAGE,),
        )
        for method in ("auto", "greedy", "stochastic_greedy", "local_search", "sieve")
    },
    "maximize without a size": (lambda: subopt.maximize(SYMMETRIC), (SYMMETRIC,)),
    "maximize under constraints": (
        lambda: subopt.maximize(COVERAGE, constraints=SPLIT),
        (COVERAGE,),
    ),
    "maximize_stream": (
        lambda: subopt.maximize_stream(
            [np.eye(4)[:2], np.eye(4)[2:]], lambda rows: FacilityLocation(np.transpose(rows)), 2
        ),
        (FacilityLocation(np.eye(4)),),
    ),
    "max_flow": (lambda: subopt.max_flow(*GRAPH, **ENDS), (*GRAPH, ENDS)),
    "max_flow by push_relabel": (
        lambda: subopt.max_flow(*GRAPH, **ENDS, method="push_relabel"),
        (*GRAPH, ENDS),
    ),
    "DynamicMaxFlow": (dynamic, (*GRAPH, ENDS)),
    "max_flow_many": (
        lambda: subopt.max_flow_many(*GRAPH[:2], np.stack([GRAPH[2]] * 2), **MANY),
        (*GRAPH, ENDS),
    ),
    "grid_cut": (lambda: subopt.grid_cut(*GRID), GRID),
    "grid_cut_many": (
        lambda: subopt.grid_cut_many(*stack(GRID[:2]), GRID[2], flow=True),
        GRID,
    ),
    "grid_cut_many without flows": (
        lambda: subopt.grid_cut_many(*stack(GRID[:2]), GRID[2]),
        GRID,
    ),
    "min_cost_flow": (lambda: subopt.min_cost_flow(*SHIPPED[:4], supply=[5, 0, -5]), SHIPPED),
    "multiway_cut": (lambda: subopt.multiway_cut(*GRAPH, terminals=[0, 1, 3]), GRAPH),
    "parametric_max_flow": (
        lambda: subopt.parametric_max_flow(*GRAPH, **SWEPT),
        (*GRAPH, SWEPT),
    ),
    **{
        name: (lambda name=name: getattr(subopt, name)(ENERGY), (ENERGY,))
        for name in ("alpha_beta_swap", "alpha_expansion", "dual_bound", "fusion", "icm")
    },
    "segment": (lambda: subopt.segment(*SCRIBBLED), (None,)),
    "ishikawa": (lambda: subopt.ishikawa(ORDERED), (ORDERED,)),
    "qpbo": (lambda: subopt.qpbo(BINARY), (BINARY,)),
    "alpha_expansion_many": (
        lambda: subopt.alpha_expansion_many(ENERGY, np.stack([ENERGY.unary] * 2)),
        (ENERGY,),
    ),
    "alpha_beta_swap_many": (
        lambda: subopt.alpha_beta_swap_many(ENERGY, np.stack([ENERGY.unary] * 2)),
        (ENERGY,),
    ),
}

RETURNS = {"Result", "MilpResult", "MaximizationResult", "StreamResult", "Labeling"}
RETURNS |= {"LabelingBatch", "LabelingResult", "Flow", "Flows", "GridFlow", "GridFlows"}
RETURNS |= {"MultiwayCut", "ParametricCut", "RegularizationPath", "Batch[Any]", "Answer"}
RETURNS |= {"Partition", "MinCostFlow", "Segmentation"}


def test_the_table_has_every_function_that_returns_an_answer():
    called = {name.split()[0] for name in ANSWERS}
    public = {name: getattr(subopt, name) for name in subopt.__all__}
    annotated = {
        name: str(inspect.signature(f).return_annotation).strip("'\"")
        for name, f in public.items()
        if inspect.isfunction(f)
    }
    missing = {name for name, kind in annotated.items() if kind in RETURNS} - called
    assert not missing
    kinds = {c.__name__ for c in public.values() if inspect.isclass(c) and issubclass(c, Answer)}
    assert kinds <= RETURNS


@pytest.fixture(scope="module")
def answers():
    """The answers of the table, computed once; of a batch its last item."""
    found = {}

    def get(name):
        if name not in found:
            answer = ANSWERS[name][0]()
            found[name] = answer[-1] if isinstance(answer, Batch) else answer
        return found[name]

    return get


def recheck(name, answer):
    if name == "segment":
        return answer.check(answer.energy)
    *problem, last = ANSWERS[name][1]
    if isinstance(last, dict):
        return answer.check(*problem, **last)
    return answer.check(*problem, last)


def arrays_of(thing, seen=None):
    """All arrays that an object holds, in attributes, sequences and dicts."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, type, Status)):
        return
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            yield from arrays_of(part, seen)
    elif isinstance(thing, dict):
        yield from arrays_of(list(thing.values()), seen)
    elif type(thing).__module__.startswith("subopt"):
        own = vars(thing) if hasattr(thing, "__dict__") else {}
        yield from arrays_of([v for k, v in own.items() if not k.startswith("_")], seen)


def is_maximum(answer):
    return isinstance(answer, subopt.MaximizationResult)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_the_same_attributes(name, answers):
    answer = answers(name)
    assert isinstance(answer, Answer)
    assert type(answer.value) in (int, float)
    assert type(answer.lower_bound) in (int, float)
    assert isinstance(answer.status, Status)
    assert type(answer.method) is str
    assert answer.method
    assert type(answer.gap) in (int, float)
    assert answer.gap >= 0
    if is_maximum(answer):
        assert answer.lower_bound == -math.inf
        assert answer.gap == max(0.0, answer.upper_bound - answer.value)
    else:
        assert answer.lower_bound <= answer.value
        assert answer.gap == answer.value - answer.lower_bound
    unproven = answer.gap == math.inf
    assert unproven or answer.certificate is not None or answer.status is Status.REPORTED_OPTIMAL
    assert answer.status is not Status.OPTIMAL or answer.gap <= 1e-6
    assert answer.gap > 0 or answer.status in (Status.OPTIMAL, Status.REPORTED_OPTIMAL)
    text = repr(answer)
    assert len(text) < 400
    assert "array(" not in text
    assert answer.status.name in text


@pytest.mark.parametrize("name", ANSWERS)
def test_check_recomputes_the_gap(name, answers):
    answer = answers(name)
    gap = recheck(name, answer)
    assert type(gap) is float
    assert gap == pytest.approx(answer.gap, abs=1e-9)
    # an answer that went to another process and back
    assert recheck(name, pickle.loads(pickle.dumps(answer))) == gap
    # what an answer says of itself is not believed
    for lie in (-1.0, 1.0, math.nan):
        false = dataclasses.replace(answer, value=answer.value + lie)
        with contextlib.suppress(CertificateError):
            assert recheck(name, false) == gap


@pytest.mark.parametrize("name", [n for n in ANSWERS if len(ANSWERS[n][1]) == 1])
def test_evidence_bounds_the_gap_of_other_sets(name, answers):
    answer = answers(name)
    if answer.certificate is None or not hasattr(answer, "mask"):
        return
    for i in range(len(answer.mask)):
        mask = answer.mask.copy()
        mask[i] = not mask[i]
        with contextlib.suppress(CertificateError):  # it is not feasible, or no local minimum
            gap = answer.certificate.check(*ANSWERS[name][1], mask)
            assert type(gap) is float
            assert gap >= 0


CALLED = {
    **{
        f"minimize by {method}": lambda tell, method=method: subopt.minimize(
            CONCAVE if method == "min_norm_point" else F, method=method, callback=tell
        )
        for method in ("auto", "max_flow", "decomposed", "min_norm_point", "frank_wolfe")
    },
    **{
        f"minimize a difference by {method}": lambda tell, method=method: subopt.minimize(
            H, method=method, callback=tell
        )
        for method in ("auto", "branch_and_bound", "dca", "modmod", "local_search")
    },
    "minimize of a size": lambda tell: subopt.minimize(H, size=2, callback=tell),
    "minimize coupled": lambda tell: subopt.minimize(GROUP, rng=0, callback=tell),
    "minimize tiny coupled": lambda tell: subopt.minimize(COUPLED, rng=0, callback=tell),
    "minimize coupled by the published rule": lambda tell: subopt.minimize(
        GROUP, method="published", rng=0, callback=tell
    ),
    "maximize": lambda tell: subopt.maximize(COVERAGE, 2, callback=tell),
}


@pytest.mark.parametrize("name", CALLED)
def test_callbacks_get_answers_of_a_run_that_goes_on(name):
    seen = []
    last = CALLED[name](seen.append)
    assert seen
    running = {Status.RUNNING, Status.OPTIMAL}
    assert {answer.status for answer in seen[:-1]} <= running
    assert seen[-1].status in running | {last.status}
    assert last.status is not Status.RUNNING

    def stop(answer):
        raise StopIteration

    stopped = CALLED[name](stop)
    assert stopped.status in (Status.INTERRUPTED, Status.OPTIMAL)


def malformed(part):
    """What cannot be, or is unlikely to be, a part of evidence in place of this one."""
    yield from (None, [], "x", {}, 1.5)
    if isinstance(part, np.ndarray):
        yield from (part[None], part.astype(object), part.astype(str), part + 1j, part.T.copy())
        if part.ndim and part.size:
            yield from (part[:-1], np.concatenate([part, part]))
            for at, number in ((0, -5), (-1, 10**6)):
                other = part.copy()
                other.flat[at] = number if part.dtype.kind in "if" else not other.flat[at]
                yield other
    elif isinstance(part, tuple):
        yield from (part[:-1], part + part, (None,) * len(part), part[::-1])


@pytest.mark.parametrize("name", [n for n in ANSWERS if "many" not in n])
def test_malformed_evidence_is_a_certificate_error(name, answers):
    answer = answers(name)
    evidence = evidence_of(answer)
    if not dataclasses.is_dataclass(evidence):
        return
    for field in dataclasses.fields(evidence):
        for part in malformed(getattr(evidence, field.name)):
            other = dataclasses.replace(evidence, **{field.name: part})
            with np.errstate(all="ignore"), contextlib.suppress(CertificateError):
                gap = recheck(name, dataclasses.replace(answer, certificate=other))
                least = answer.gap if answer.status is Status.OPTIMAL else 0.0
                assert gap >= least - 1e-9


@pytest.mark.parametrize("name", [n for n in ANSWERS if len(ANSWERS[n][1]) == 1])
def test_a_check_of_another_kind_of_problem_says_so(name, answers):
    answer = answers(name)
    (own,) = ANSWERS[name][1]
    if answer.certificate is None:
        return
    for problem in (F, H, CONCAVE, ENERGY, COUPLED):
        if problem is not own:
            with contextlib.suppress(CertificateError, TypeError):
                answer.check(problem)
    assert recheck(name, answer) >= 0


BATCHES = {
    "minimize_many": ([F, F],),
    "max_flow_many": (*GRAPH[:2], np.stack([GRAPH[2]] * 2), MANY),
    "grid_cut_many": (*stack(GRID[:2]), GRID[2]),
    "alpha_expansion_many": ([ENERGY, ENERGY],),
    "alpha_beta_swap_many": ([ENERGY, ENERGY],),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_check_all_their_answers(name):
    batch = ANSWERS[name][0]()
    *problem, last = BATCHES[name]
    gaps = batch.check(*problem, **last) if isinstance(last, dict) else batch.check(*problem, last)
    assert isinstance(gaps, np.ndarray)
    assert gaps.tolist() == [answer.gap for answer in batch]
    if isinstance(last, list):
        with pytest.raises(ValueError, match="one problem per answer, 2, got 1"):
            batch.check(last[:1])


@pytest.mark.parametrize("name", ANSWERS)
def test_arrays_of_answers_are_read_only(name, answers):
    answer = answers(name)
    recheck(name, answer)
    problem = [answer.energy] if name == "segment" else ANSWERS[name][1]
    own = {id(a) for part in problem for a in arrays_of(part)}
    found = [a for a in arrays_of([answer, evidence_of(answer)]) if id(a) not in own]
    assert found
    assert not [a for a in found if a.flags.writeable]
    # those of the caller stay as they were
    assert all(a.flags.writeable for a in (*GRAPH, *ENDS.values(), *GRID[:2]))


def evidence_of(answer):
    """The certificate; that of a grid with its flows, which are computed on access."""
    if isinstance(answer.certificate, subopt.GridCutCertificate):
        return subopt.GridCutCertificate(answer.flow)
    return answer.certificate


def overwritten(evidence, number):
    """A copy with another number in all arrays of evidence; integers stay integers."""
    thing = copy.deepcopy(evidence)
    if isinstance(thing, subopt.GridCutCertificate):
        thing = subopt.GridCutCertificate([np.full_like(flow, number) for flow in thing.flow])
    for array in arrays_of(thing):
        array.setflags(write=True)
        if array.dtype.kind == "f" or np.isfinite(number):
            array[...] = np.array(number).astype(array.dtype)
    return thing


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.0, 0.0, 1.0, 3.0, 1e300, 1e6])
@pytest.mark.parametrize("name", ANSWERS)
def test_false_evidence_proves_less_or_is_an_error(name, number, answers):
    answer = answers(name)
    if answer.certificate is None:
        return
    with np.errstate(all="ignore"):
        evidence = overwritten(evidence_of(answer), number)
        try:
            gap = recheck(name, dataclasses.replace(answer, certificate=evidence))
        except CertificateError:
            return
    least = answer.gap if answer.status is Status.OPTIMAL else 0.0
    assert gap >= least - 1e-9
