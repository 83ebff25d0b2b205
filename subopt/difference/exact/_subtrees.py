"""Branch and bound on many cores: subtrees of open intervals as tasks, in rounds.

A round takes the open intervals with the lowest bounds, each with the best set so far and the same
number of nodes to spend. Tasks run on threads of this process, or on an executor. Their results are
put together in the order of the intervals. So the tree, its certificate and the answer do not
depend on the number of threads or workers, nor on which is faster.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator
from contextlib import closing
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.threads import stream_in_order
from subopt._base.types import Array
from subopt.difference.exact._interval import Parts
from subopt.difference.exact._search import Open, Search
from subopt.difference.exact.tree_certificate import Step, parts_of
from subopt.functions.watched import TimeUp, Watch, unwatched

FRONTIER = 16, 32
"""Number of open intervals before the first round, and of those explored per round: on threads of
this process, and on executors."""
FEWEST, MOST = (4, 4), (32, 1024)
"""Nodes that a task may spend in the first round, and at most; each round has twice as many. With
more of them, tasks explore more intervals that are not among the lowest."""


class Subtree(NamedTuple):
    """The result of a task below an open interval, whose step has number 0."""

    steps: list[Step]
    own: list[tuple[float, float]]
    opened: list[Open]
    best: tuple[Array, float]
    n_evals: int
    n_nodes: int
    late: bool  # whether the time limit ended it within an evaluation


class _Problem:
    """What all tasks of a search share."""

    def __init__(self, search: Search) -> None:
        self.h, self.tol = search.h, search.tol
        self.constraints, self.widest = search.constraints, search.widest
        vars(self)["parts"] = search.parts

    def __getstate__(self) -> dict[str, Any]:
        sent = {name: vars(self)[name] for name in ("tol", "constraints", "widest")}
        return {"h": unwatched(self.h), **sent}

    @cached_property
    def parts(self) -> Parts:
        """The parts of h for bounds, computed once per worker and round."""
        return parts_of(self.h, self.constraints)

    def within(self, deadline: Deadline) -> _Problem:
        """Return the same problem, with a function whose evaluations end at a deadline."""
        if deadline.left() == math.inf or not self.h._by_value():
            return self
        made = copy.copy(self)
        vars(made).pop("parts", None)
        made.h = Watch(deadline)(self.h)
        return made


class _Task(NamedTuple):
    node: Open
    step: Step
    own: tuple[float, float]
    best: tuple[Array, float]
    nodes: int
    seed: int
    seconds: float


def search_on(
    threads: int, executor: Any, search: Search, masks: list[Array], rng: np.random.Generator
) -> None:
    """Like ``search.run``, with subtrees on an executor, or if it is None on threads."""
    where = executor is not None
    frontier, spend, most = FRONTIER[where], FEWEST[where], MOST[where]
    search.run(masks, rng, frontier)
    problem = _Problem(search)
    while search.goes_on():
        left = search.max_nodes - search.n_nodes
        order = sorted(search.intervals.values(), key=lambda node: (node.bound, node.step))
        nodes = [node for node in order[:frontier] if node.bound < search.cutoff]
        nodes = nodes[: max(1, int(min(left / 2, frontier)))]  # an interval has two parts or more
        each = min(spend, left / len(nodes))
        tasks = [_task(search, node, max(1, int(each)), rng) for node in nodes]
        if executor is None:
            subtrees = _on_threads(threads, problem, tasks, search.deadline)
        else:
            subtrees = _on_executor(executor, problem, tasks)
        with closing(subtrees):
            for node, subtree in zip(nodes, subtrees, strict=True):
                _graft(search, node, subtree)
                if subtree.late:
                    raise TimeUp
                if not search.tell():
                    return
        spend = min(2 * spend, most)


def _on_threads(
    threads: int, problem: _Problem, tasks: list[_Task], deadline: Deadline
) -> Generator[Subtree]:
    return stream_in_order(partial(_subtree, problem, deadline), tasks, threads, deadline.end)


def _on_executor(executor: Any, problem: _Problem, tasks: list[_Task]) -> Generator[Subtree]:
    from subopt._base.executors import in_chunks

    with closing(
        in_chunks(executor, _explore, len(tasks), partial(_some, tasks), shared=problem)
    ) as chunks:
        yield from chain.from_iterable(chunks)


def _task(search: Search, node: Open, nodes: int, rng: np.random.Generator) -> _Task:
    best, seconds = search.best, search.deadline.left()
    here = search.steps[node.step], search.own[node.step]
    seed = int(rng.integers(2**63))
    return _Task(node._replace(step=0), *here, (best.mask, best.value), nodes, seed, seconds)


def _some(tasks: list[_Task], begin: int, end: int) -> list[_Task]:
    return tasks[begin:end]


def _explore(problem: _Problem, tasks: list[_Task]) -> list[Subtree]:
    """Explore the subtrees of some open intervals on a worker."""
    deadline = Deadline(tasks[0].seconds)  # all tasks of a round begin together
    problem = problem.within(deadline)
    return [_subtree(problem, deadline, task) for task in tasks]


def _subtree(problem: _Problem, deadline: Deadline, task: _Task) -> Subtree:
    given = problem.h, problem.tol, deadline, task.nodes, _go_on, problem.constraints
    try:
        search = Search(*given, widest=problem.widest, parts=problem.parts)
    except TimeUp:
        return Subtree([task.step], [task.own], [task.node], task.best, 0, 0, late=True)
    search.best.mask, search.best.value = task.best
    search.steps.append(task.step)
    search.own.append(task.own)
    search.open_interval(task.node)
    try:
        search.proceed(np.random.default_rng(task.seed))
    except TimeUp:
        search.late = True
    best, opened = search.best, list(search.intervals.values())
    found = best.mask, best.value
    counts = best.n_evals, search.n_nodes
    return Subtree(search.steps, search.own, opened, found, *counts, search.late)


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
