"""Branch and bound on executors: subtrees of open intervals as tasks, in rounds.

A round takes the open intervals with the lowest bounds, each with the best set so far and the same
number of nodes to spend. Its results are put together in the order of the intervals. So the tree,
its certificate and the answer do not depend on the number of workers, nor on which is faster.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.executors import in_chunks
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.difference.exact._interval import Parts
from subopt.difference.exact._search import Open, Search
from subopt.difference.exact.tree_certificate import Step, parts_of
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import unwatched

FRONTIER = 32
"""Number of open intervals before the first round, and of those explored per round."""
FEWEST, MOST = 32, 1024
"""Nodes that a task may spend in the first round, and at most; each round has twice as many."""


class Subtree(NamedTuple):
    """The result of a task below an open interval, whose step has number 0."""

    steps: list[Step]
    own: list[tuple[float, float]]
    opened: list[Open]
    best: tuple[Array, float]
    n_evals: int
    n_nodes: int


class _Problem:
    """What all tasks of a search share."""

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        tol: float,
        constraints: Constraints | None,
        widest: float,
    ) -> None:
        self.h, self.tol, self.constraints, self.widest = h, tol, constraints, widest

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("h", "tol", "constraints", "widest")}

    @cached_property
    def parts(self) -> Parts:
        """The parts of h for bounds, computed once per worker and round."""
        return parts_of(self.h, self.constraints)


class _Task(NamedTuple):
    node: Open
    step: Step
    own: tuple[float, float]
    best: tuple[Array, float]
    nodes: int
    seed: int
    seconds: float


def search_on(executor: Any, search: Search, masks: list[Array], rng: np.random.Generator) -> None:
    """Like ``search.run``, with subtrees on an executor."""
    search.run(masks, rng, FRONTIER)
    problem = _Problem(unwatched(search.h), search.tol, search.constraints, search.widest)
    spend = FEWEST
    while search.goes_on():
        order = sorted(search.intervals.values(), key=lambda node: (node.bound, node.step))
        nodes = [node for node in order[:FRONTIER] if node.bound < search.cutoff]
        each = min(spend, (search.max_nodes - search.n_nodes) // len(nodes))
        tasks = [_task(search, node, max(1, int(each)), rng) for node in nodes]
        chunks = in_chunks(executor, _explore, len(tasks), partial(_some, tasks), shared=problem)
        for node, subtree in zip(nodes, chain.from_iterable(chunks), strict=True):
            _graft(search, node, subtree)
        spend = min(2 * spend, MOST)


def _task(search: Search, node: Open, nodes: int, rng: np.random.Generator) -> _Task:
    best, seconds = search.best, search.deadline.left()
    here = search.steps[node.step], search.own[node.step]
    seed = int(rng.integers(2**63))
    return _Task(node._replace(step=0), *here, (best.mask, best.value), nodes, seed, seconds)


def _some(tasks: list[_Task], begin: int, end: int) -> list[_Task]:
    return tasks[begin:end]


def _explore(problem: _Problem, tasks: list[_Task]) -> list[Subtree]:
    """Explore the subtrees of some open intervals."""
    return [_subtree(problem, task) for task in tasks]


def _subtree(problem: _Problem, task: _Task) -> Subtree:
    deadline, constraints = Deadline(task.seconds), problem.constraints
    given = problem.h, problem.tol, deadline, task.nodes, _go_on, constraints
    search = Search(*given, widest=problem.widest, parts=problem.parts)
    search.best.mask, search.best.value = task.best
    search.steps.append(task.step)
    search.own.append(task.own)
    search.open_interval(task.node)
    search.proceed(np.random.default_rng(task.seed))
    best, opened = search.best, list(search.intervals.values())
    found = best.mask, best.value
    return Subtree(search.steps, search.own, opened, found, best.n_evals, search.n_nodes)


def _go_on(search: Search) -> bool:
    return True


def _graft(search: Search, node: Open, subtree: Subtree) -> None:
    """Put what a task has found in the place of an open interval."""
    del search.intervals[node.step]
    shift = len(search.steps) - 1

    def place(k: int) -> int:
        return k + shift if k else node.step

    moved = [
        step._replace(children=tuple(place(child) for child in step.children))
        for step in subtree.steps
    ]
    search.steps[node.step], search.own[node.step] = moved[0], subtree.own[0]
    search.steps += moved[1:]
    search.own += subtree.own[1:]
    for opened in subtree.opened:
        search.open_interval(opened._replace(step=place(opened.step)))
    if subtree.best[1] < search.best.value:
        search.best.mask, search.best.value = subtree.best
    search.best.n_evals += subtree.n_evals
    search.n_nodes += subtree.n_nodes
