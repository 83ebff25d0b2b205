"""Compile ahead of time, and compile your own kernels in the same way as those of subopt.

A solver compiles its kernels on its first call, which takes seconds, and keeps them on disk, see
`njit`. `warm_up` does this in advance: while a container image is built, or before a measurement.

>>> from subopt import warm_up
>>> sorted(warm_up("coupled", jobs=1))  # seconds per solver; nearly zero from the second time on
['coupled']
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base import jit, validate
from subopt._base.compile_time import compile_time
from subopt._base.jit import is_kept, njit
from subopt._base.threads import available_cores, thread_count

__all__ = ["SOLVERS", "available_cores", "compile_time", "is_kept", "njit", "warm_up"]


def warm_up(
    *solvers: str,
    jobs: int | None = None,
    callback: Callable[[str, float], object] | None = None,
) -> dict[str, float]:
    """Compile what solvers need, by solving a small problem with each of them.

    Parameters
    ----------
    *solvers : str
        What to compile, see `SOLVERS`: ``"minimize"``, ``"difference"``, ``"exact"``,
        ``"maximize"``, ``"max_flow"``, ``"grid_cut"``, ``"labeling"``, ``"coupled"``,
        ``"functions"``, ``"compat"``. All of them by default. Kernels are compiled for the types
        of arrays that solvers make of usual input.
    jobs : int, optional
        Number of processes side by side, by default one per available core. They fill numba's
        cache on disk, for this process and all later ones. With 1, everything is compiled in this
        process, which can then use it even if there is no folder for a cache. If there is none, 1
        is the default, and the only choice.
    callback : callable, optional
        Called with the name of a solver and its seconds when it is done.

    Returns
    -------
    dict of str to float
        Seconds per solver, which are small if the cache has the kernels already.

    Raises
    ------
    ValueError
        If there is no solver of that name.
    RuntimeError
        If a process fails, or if more than one is asked for and numba finds no folder for its cache
        that can be written.

    Notes
    -----
    numba uses a cache only if it can write to it. In an image that other users run, set
    ``NUMBA_CACHE_DIR`` and make this folder writable for all users::

        ENV NUMBA_CACHE_DIR=/var/cache/numba
        RUN python -m subopt warm-up && chmod -R a+rwX /var/cache/numba

    Examples
    --------
    >>> from subopt import warm_up
    >>> sorted(warm_up("coupled", jobs=1))
    ['coupled']
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    for solver in solvers:
        if solver not in SOLVERS:
            raise ValueError(f"solvers are {', '.join(map(repr, SOLVERS))}; got {solver!r}")
    chosen = list(dict.fromkeys(solvers or SOLVERS))
    if jobs is None and not is_kept():
        jobs = 1
    jobs = min(thread_count(jobs, "jobs"), len(chosen))
    if jobs > 1 and not is_kept():
        raise RuntimeError(f"{jit.NOTHING_IS_KEPT}, which jobs={jobs} needs. {jit.NAME_A_FOLDER}.")
    validate.callback(callback)
    work = _here if jobs == 1 else _in_a_process
    seconds = {}
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(work, solver) for solver in chosen]):
            solver, taken = done.result()
            seconds[solver] = taken
            if callback is not None:
                callback(solver, taken)
    return {solver: seconds[solver] for solver in chosen}


def _here(solver: str) -> tuple[str, float]:
    begin = time.perf_counter()
    before, jit.interpret_small = jit.interpret_small, False
    try:
        SOLVERS[solver]()
    finally:
        jit.interpret_small = before
    return solver, time.perf_counter() - begin


def _in_a_process(solver: str) -> tuple[str, float]:
    begin = time.perf_counter()
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    run = subprocess.run(
        [sys.executable, "-m", "subopt", "warm-up", solver, "--jobs", "1", "--quiet"],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if run.returncode:
        raise RuntimeError(
            f"The process that compiles {solver!r} ended with status {run.returncode}. "
            f"warm_up({solver!r}, jobs=1) shows the error."
        )
    return solver, time.perf_counter() - begin


def _minimize() -> None:
    from subopt.functions.callable import Function
    from subopt.functions.cardinality import Cardinality
    from subopt.functions.cut import Cut
    from subopt.functions.modular import Modular
    from subopt.submodular.select import minimize_submodular

    prices = Modular([-3, -1, 1, 0.5, 2])
    cut = Cut.from_edges([(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)])
    minimize_submodular(cut + prices)
    minimize_submodular(cut + Cardinality(np.sqrt(np.arange(6.0))) + prices)
    minimize_submodular(Function(5, lambda mask: 2 * mask.any() - mask[:2].sum()))


def _difference() -> None:
    from subopt.difference.select import minimize_difference

    minimize_difference(_selection(), rng=0)


def _exact() -> None:
    from subopt.difference.exact._branch_and_bound import branch_and_bound

    branch_and_bound(_selection())


def _selection():
    from subopt.functions.concave_of_modular import ConcaveOfModular
    from subopt.functions.coverage import Coverage

    rng = np.random.default_rng(0)
    words = rng.random((12, 20)) < 0.2
    length = np.kron(np.eye(2), np.ones(6)) * words.sum(axis=1)
    return Coverage(words) - 2 * ConcaveOfModular(length, "sqrt")


def _maximize() -> None:
    from subopt.functions.coverage import Coverage
    from subopt.functions.facility_location import FacilityLocation
    from subopt.maximization._maximize import maximize

    rng = np.random.default_rng(0)
    for share in (1.0, 0.2):
        near = np.where(rng.random((30, 40)) < share, rng.random((30, 40)), 0.0)
        maximize(FacilityLocation(near), 4, effort="best")
    maximize(Coverage(rng.random((40, 60)) < 0.1), 4, effort="best")


def _max_flow() -> None:
    from subopt.graph._max_flow import max_flow

    tails, heads = np.arange(5), np.arange(1, 6)
    for capacity in (np.arange(1, 6), np.arange(1, 6) / 2):
        end = np.zeros_like(capacity, shape=6)
        source, sink = end.copy(), end.copy()
        source[0], sink[5] = 4, 3
        terminals: Any = {"source_capacity": source, "sink_capacity": sink}
        for method in ("auto", "push_relabel"):
            max_flow(tails, heads, capacity, capacity, **terminals, method=method)


def _grid_cut() -> None:
    from subopt.graph.grid.cut import grid_cut

    rng = np.random.default_rng(0)
    for shape in ((8, 9), (4, 5, 6)):
        source, sink = rng.integers(0, 9, (2, *shape))
        grid_cut(source, sink, 2)
        grid_cut(source / 2, sink / 2, 0.5)


def _labeling() -> None:
    from subopt.labeling.energy import LabelingEnergy
    from subopt.labeling.select import minimize_labeling

    rng = np.random.default_rng(0)
    minimize_labeling(LabelingEnergy(rng.random((6, 7, 4)), weights=0.2), lower_bound=True)
    edges = np.stack([np.arange(9), np.arange(1, 10)], axis=1)
    minimize_labeling(
        LabelingEnergy(rng.random((10, 4)), edges=edges, weights=0.2), lower_bound=True
    )


def _coupled() -> None:
    from subopt.coupled.problem import CoupledLabelingProblem
    from subopt.coupled.select import minimize_coupled

    unary = -(np.random.default_rng(0).random((6, 4, 4)) ** 4)
    minimize_coupled(CoupledLabelingProblem(unary), rng=0)


def _functions() -> None:
    from subopt.testing.families import FAMILIES

    for family in FAMILIES.values():
        F = family(np.random.default_rng(0), 4)
        F.greedy(np.arange(F.n))
        F.marginals(np.arange(F.n) % 2 == 0)
        F.value(np.arange(F.n) % 2 == 0)
        state = F.incremental([0])
        state.add(1)


def _compat() -> None:
    from subopt.compat import gco, maxflow

    for graph in (maxflow.GraphInt(), maxflow.GraphFloat()):
        graph.add_nodes(2)
        graph.add_edge(0, 1, 2, 1)
        graph.add_tedge(0, 3, 0)
        graph.add_tedge(1, 0, 3)
        graph.maxflow()
        grid = type(graph)()
        nodes = grid.add_grid_nodes((9, 9))
        grid.add_grid_edges(nodes, 1)
        grid.add_grid_tedges(nodes, 1, nodes % 3)
        grid.maxflow()
        grid.add_tedge(0, 5, 0)  # the next flow goes on
        grid.maxflow()
    unary = np.random.default_rng(0).random((4, 5, 3))
    for algorithm in ("expansion", "swap"):
        gco.cut_grid_graph_simple(unary, 0.2 * (1 - np.eye(3)), algorithm=algorithm)


SOLVERS: dict[str, Callable[[], None]] = {
    "minimize": _minimize,
    "difference": _difference,
    "exact": _exact,
    "maximize": _maximize,
    "max_flow": _max_flow,
    "grid_cut": _grid_cut,
    "labeling": _labeling,
    "coupled": _coupled,
    "functions": _functions,
    "compat": _compat,
}
"""What `warm_up` can compile: a name, and a function that solves a small problem that way."""
