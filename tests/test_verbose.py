"""`verbose`: a line per stage through logging, the same answer, and silence without it."""

import inspect
import logging

import numpy as np
import pytest

import subopt
from subopt import (
    Cardinality,
    CoupledLabelingProblem,
    Cut,
    Function,
    LabelingEnergy,
    Modular,
    minimize,
    minimize_many,
)

F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
H = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) - Cardinality([0, 3, 4, 4])
METRIC = LabelingEnergy([[0, 1, 2], [2, 0, 1], [1, 2, 0]], weights=0.5)
TABLE = LabelingEnergy([[0, 1, 2], [2, 0, 1]], metric=[[0, 3, 1], [0, 0, 3], [2, 0, 0]])
TWO = LabelingEnergy([[0, 1], [2, 0]], weights=0.5)
COUPLED = CoupledLabelingProblem(-np.eye(3).reshape(3, 3))
ARCS = {"source_capacity": [2, 0, 0], "sink_capacity": [0, 0, 3]}

# a name, what is called, and a word of a line between the first and the last one
CALLS = {
    "a cut": (minimize, (F,), {}, "because F is the cut function"),
    "a callable": (minimize, (Function(3, lambda mask: -float(mask.sum())),), {}, "sweep"),
    "frank_wolfe": (minimize, (F,), {"method": "frank_wolfe"}, "sweep"),
    "decomposed": (minimize, (F,), {"method": "decomposed", "rng": 0}, "decomposed"),
    "a difference": (minimize, (H,), {"rng": 0, "threads": 2}, "flips and swaps"),
    "constraints": (minimize, (H,), {"size": 2, "rng": 0}, "3 elements are free"),
    "one method": (minimize, (H,), {"method": "modmod"}, "1 step: value"),
    "a metric": (minimize, (METRIC,), {"lower_bound": True}, "dual_bound"),
    "any table": (minimize, (TABLE,), {}, "none has a guarantee"),
    "coupled": (minimize, (COUPLED,), {"rng": 0, "lower_bound": True}, "lower bound"),
    "many": (minimize_many, ([F, F],), {"threads": 2}, "2 problems on 2 threads"),
    "branch_and_bound": (subopt.branch_and_bound, (H,), {"rng": 0}, "elements are free"),
    "maximize": (subopt.maximize, (F,), {"effort": "best"}, "exchanges"),
    "min_norm_point": (subopt.min_norm_point, (F,), {}, "sweep"),
    "max_flow": (subopt.max_flow, ([0, 1], [1, 2], [3, 2]), ARCS, "3 nodes, 2 arcs, ints"),
    "grid_cut": (subopt.grid_cut, (np.eye(3), 1 - np.eye(3), 0.5), {}, "9 nodes"),
    "alpha_expansion": (subopt.alpha_expansion, (METRIC,), {}, "cuts"),
    "alpha_beta_swap": (subopt.alpha_beta_swap, (METRIC,), {}, "cuts"),
    "dual_bound": (subopt.dual_bound, (METRIC,), {}, "1 sweep"),
    "fusion": (subopt.fusion, (TABLE,), {}, ""),
    "icm": (subopt.icm, (TABLE,), {}, ""),
    "ishikawa": (subopt.ishikawa, (TWO,), {}, ""),
    "qpbo": (subopt.qpbo, (TWO,), {}, ""),
}


def same(a, b):
    if isinstance(a, subopt.Batch):
        return all(map(same, a, b))
    answers = [v for v in vars(a).values() if isinstance(v, np.ndarray)]
    others = [v for v in vars(b).values() if isinstance(v, np.ndarray)]
    return a.value == b.value and all(map(np.array_equal, answers, others))


@pytest.mark.parametrize("name", CALLS)
def test_a_verbose_run_logs_its_stages_and_gives_the_same_answer(name, caplog, capsys):
    door, args, options, word = CALLS[name]
    with caplog.at_level(logging.INFO, logger="subopt"):
        silent = door(*args, **options)
        assert not caplog.records
        told = door(*args, **options, verbose=True)
    assert {(r.name, r.levelno) for r in caplog.records} == {("subopt", logging.INFO)}
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].split("s  ", 1)[1].startswith(door.__name__)
    assert lines[-1].split("s  ", 1)[1].startswith(f"{door.__name__}: ")
    assert any(word in line for line in lines[1:-1] or [""])
    if isinstance(told, subopt.Answer):
        assert told.status.name in lines[-1]
        assert f"value {told.value:.9g}" in lines[-1]
    assert same(silent, told)
    assert capsys.readouterr() == ("", "")


def test_the_lines_do_not_depend_on_the_number_of_threads(caplog):
    def lines(threads):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="subopt"):
            minimize(H, rng=0, threads=threads, verbose=True)
        return [record.getMessage().split("s  ", 1)[1] for record in caplog.records]

    assert lines(1) == lines(3)


def test_without_logging_the_lines_go_to_stderr_and_a_level_silences_them(capsys, monkeypatch):
    logger = logging.getLogger("subopt")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logger, "disabled", False)  # another library may have set up logging
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    minimize(F)
    assert capsys.readouterr() == ("", "")
    minimize(F, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) >= 3
    assert logger.level == logging.NOTSET  # nothing was set up for good
    monkeypatch.setattr(logger, "level", logging.WARNING)
    minimize(F, verbose=True)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_fails_leaves_the_next_one_silent(capsys):
    for _ in range(2):
        with pytest.raises(ValueError, match="tol"):
            minimize(F, tol=-1.0, verbose=True)
    capsys.readouterr()
    minimize(F)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("door", sorted({call[0].__name__ for call in CALLS.values()}))
def test_verbose_is_documented_and_is_true_or_false(door):
    function = getattr(subopt, door)
    parameter = inspect.signature(function).parameters["verbose"]
    assert parameter.default is False
    assert parameter.kind is parameter.KEYWORD_ONLY
    assert "verbose : bool, default False" in function.__doc__
    args = next(call[1] for call in CALLS.values() if call[0] is function)
    with pytest.raises(TypeError, match="verbose needs True or False, got 1"):
        function(*args, verbose=1)
