"""The common part of expansion and swap: checks, initial labels, one problem, many problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Batch, Status, freeze
from subopt._base.options import Deadline, stage
from subopt._base.threads import in_order, thread_count
from subopt._base.types import Array, ArrayLike
from subopt.labeling._cost_arguments import numbers, require_sums
from subopt.labeling._dual_bound import dual_bound
from subopt.labeling._magnitude import (
    bounded,
    calm,
    ceiling,
    simple_labels,
    simplified,
    single_label,
)
from subopt.labeling._refined import refined
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.moves import label_costs, other_labels, warm_start
from subopt.labeling.moves.expand import CYCLES, descend, descend_many
from subopt.labeling.moves.workspace import (
    MoveWorkspace,
    PieceWorkspace,
    Problem,
    called,
    move_workspace,
    piece_workspace,
    problem_of,
)
from subopt.labeling.result import Labeling, local, local_status

MEMORY = 2**31  # largest number of bytes for the flows of all labels; above, they are not kept
SWEEPS = 50  # number of sweeps of `dual_bound` for labels of pieces, with label costs
PIECES = 4  # nodes per piece of equal labels from which labels of whole pieces are looked for
CLOSER = 2.0**10  # factor by which the ceiling of costs must fall for another descent
TOGETHER = 2**31  # largest number of bytes for all threads; above, fewer threads are used


class Limits(NamedTuple):
    """Limits of a run of moves."""

    cycles: int  # after how many times that all moves are made
    deadline: Deadline


class LabelingBatch(Batch[Labeling]):
    r"""The labelings of many problems: a sequence of `Labeling`, with arrays of all of them.

    Parameters
    ----------
    method : str
        The method that ran, for `Labeling.method`.
    labels : ndarray of int64, shape (P, \*grid) or (P, n)
        Labels of each problem.
    values : ndarray of float64, shape (P,)
        Energy of each labeling.

    Attributes
    ----------
    labels : ndarray of int64, shape (P, \*grid) or (P, n)
        Labels of each problem, read-only.
    values : ndarray of float64, shape (P,)
        Energy of each labeling, read-only.
    """

    def __init__(self, method: str, labels: Array, values: Array) -> None:
        super().__init__(len(values), self._item_of)
        self._method, self.labels, self.values = method, labels, values
        freeze(labels, values)

    def _item_of(self, k: int) -> Labeling:
        return Labeling(
            labels=self.labels[k],
            value=float(self.values[k]),
            status=Status.LOCAL_MINIMUM,
            method=self._method,
        )

    def __repr__(self) -> str:
        return f"LabelingBatch({len(self)} labelings of shape {self.labels.shape[1:]})"


def require(
    name: str,
    energy: LabelingEnergy,
    can_solve: Callable[[LabelingEnergy], str | None],
    others: str,
) -> None:
    """Raise unless a method fits an energy; `others` says what to use instead."""
    require_energy(name, energy)
    if (reason := can_solve(energy)) is not None:
        raise ValueError(f"{name} does not fit: {reason}. {others}")


def negative_weight(energy: LabelingEnergy) -> str | None:
    """Return why moves do not fit an energy with a negative weight, None if there is none."""
    if not len(energy.weights) or energy.weights.min() >= 0.0:
        return None
    e = int(np.argmin(energy.weights))
    return (
        f"it needs weights >= 0, but that of edge {e} between the nodes {energy.tails[e]} and "
        f"{energy.heads[e]} is {energy.weights[e]:g}"
    )


def solve(
    name: str,
    energy: LabelingEnergy,
    moves: Array,
    start: ArrayLike | None,
    max_iter: int,
    time_limit: float | None = None,
) -> Labeling:
    """Make moves, starting from given labels, or from labels of message passing."""
    deadline = Deadline(time_limit)
    limits = Limits(validate.positive_int("max_iter", max_iter), deadline)
    simple = simplified(energy)
    quiet = calm(simple)
    # weights that count as rounded zeros are not dropped for good
    same = simple is energy or np.array_equal(np.abs(simple.weights), np.abs(energy.weights))
    exact = quiet and same
    if start is not None:
        labels = energy.check_labels("start", start)
    else:
        labels = _single(simple.costs) if quiet else simple_labels(simple)
    if deadline.passed():
        return local(energy, labels, name, Status.TIME_LIMIT)
    found, done, cuts = _descended(
        simple if quiet else bounded(simple, labels),
        moves,
        labels,
        start is not None,
        limits,
        energy.is_lower if start is not None else None,
    )
    stage("%s: %d cuts", name, cuts)
    while not quiet:
        before = ceiling(simple, labels)
        if not energy.is_lower(labels, found):
            labels = found
            # again with lower costs if a much better labeling is known by now
            if CLOSER * ceiling(simple, labels) > before:
                break
        elif start is not None:
            break
        start = labels  # messages may lead to labels with costs that were lowered
        found, done, more = _descended(bounded(simple, labels), moves, labels, True, limits)
        cuts += more
    labels = found if exact else refined(energy, moves, labels, deadline)
    stopped = deadline.passed()
    status = local_status(done=done and (exact or not stopped), stopped=stopped)
    return local(energy, labels, name, status, n_cuts=cuts)


def _single(costs: Array) -> Array:
    return np.full(costs.shape[-1], costs.sum(axis=-1).argmin(), dtype=np.int64)


def _descended(
    energy: LabelingEnergy,
    moves: Array,
    labels: Array,
    given: bool,
    limits: Limits,
    better: Callable[[Array, Array], bool] | None = None,
    *,
    steepest: bool | None = None,
) -> tuple[Array, bool, int]:
    """Return labels after all moves, whether none is left, and the number of cuts.

    Moves start from labels that are `given`, or from others that are `better`, if that is not None.
    Of the first labels with label costs, moves have an order, `steepest`; see `WholeMoves.descend`.
    After them, other labels in use are tried.
    """
    labels, before = labels.copy(), 0
    if limits.deadline.passed():
        return labels, False, 0
    space, cut = _workspaces(energy, moves)
    if energy.label_costs.any():
        energy = energy._with(costs=energy.costs - energy.least_costs)
    if limits.deadline.passed():
        return labels, False, 0
    problem = problem_of(energy)
    if limits.deadline.passed():
        return labels, False, 0
    if given or not energy.label_costs.any():
        _read_off(energy, problem.costs, moves, labels, given, space, limits.deadline, better)
    else:
        labels, before = _cheapest(energy, problem, moves, (space, cut), limits)

    def plain(some: Array) -> tuple[bool, int]:
        return _made(energy, problem, some, labels, (space, cut), limits)

    if energy.label_costs.any():
        arcs = label_costs.label_arcs(energy.n, len(energy.tails))
        whole = label_costs.WholeMoves(energy, problem, space, cut, arcs)
        first, until = bool(steepest), limits.deadline
        run = partial(whole.descend, moves, labels, plain, limits.cycles, until, first)
        done, cuts = run()
        if done:
            best = partial(_best, moves, limits)
            fewer, more = whole.give_up(moves, labels, plain, best, until)
            cuts += more
            other = False
            if steepest is None and not _are_pairs(moves):
                other, more = other_labels.improve(whole, moves, labels, plain, until)
                cuts += more
            if fewer or other:
                done, more = run()
                cuts += more
        return labels, done, before + cuts
    return labels, *plain(moves)


def _made(
    energy: LabelingEnergy,
    problem: Problem,
    moves: Array,
    labels: Array,
    spaces: tuple[MoveWorkspace, PieceWorkspace],
    limits: Limits,
) -> tuple[bool, int]:
    """Make moves as if labels cost nothing; return whether none is left, and the cuts."""
    args = problem, moves, labels, limits.cycles, *spaces
    done = called(descend, energy, args, spaces[0], limits.deadline)
    return bool(done), int(spaces[0].cuts[0])


def _best(moves: Array, limits: Limits, energy: LabelingEnergy) -> Array:
    """Return good labels of an energy without label costs, by moves of the same kind."""
    some, first = moves[(moves < energy.n_labels).all(axis=1)], _single(energy.costs)
    return _descended(energy, some, first, False, limits)[0] if len(some) else first


def _read_off(
    energy: LabelingEnergy,
    costs: Array,
    moves: Array,
    labels: Array,
    given: bool,
    space: MoveWorkspace,
    deadline: Deadline,
    better: Callable[[Array, Array], bool] | None = None,
) -> None:
    """Set flows, and unless they are given the labels, by messages; not if flows are not kept.

    `costs` (n, labels) are those of the energy. With `better`, see `warm_start.prepare`.
    """
    if space.flows.shape[1] == energy.n_labels and not deadline.passed():
        draft = warm_start.draft(energy.n, len(energy.tails), energy.n_labels, space.flows)
        terms, pairs = warm_start.terms(energy), _are_pairs(moves)
        least = energy.least_costs
        args = costs, least, terms, labels, given, better, pairs, draft, space.flows, space.stop
        called(warm_start.prepare, energy, args, space, deadline)


def _cheapest(
    energy: LabelingEnergy,
    problem: Problem,
    moves: Array,
    spaces: tuple[MoveWorkspace, PieceWorkspace],
    limits: Limits,
) -> tuple[Array, int]:
    """Return labels to start from if there are label costs, and the number of cuts.

    Moves to labels that messages lead to are made first, and then moves of connected pieces of
    equal labels as a whole. If one label everywhere has a lower energy, it is returned instead. The
    flows of the first moves are left in the workspace.
    """
    alone, deadline = single_label(energy), limits.deadline
    if _rows(energy) < energy.n_labels or deadline.passed():
        return alone, 0
    labels = alone.copy()
    _read_off(energy, problem.costs, moves, labels, False, spaces[0], deadline)
    some = label_costs.to_used(moves, labels, energy.n_labels)
    _, cuts = _made(energy, problem, some, labels, spaces, limits)
    found = None if deadline.passed() else label_costs.pieces(energy, labels, deadline)
    if found is not None and found[0].n <= energy.n // PIECES:
        whole, piece = found
        first, left = single_label(whole), deadline.left()
        one = dual_bound(whole, max_iter=SWEEPS, start=first, time_limit=left).labels
        # pieces are few, so that two orders of moves can be tried
        for steepest in (False,) if _are_pairs(moves) else (False, True):
            other, _, more = _descended(whole, moves, one, True, limits, steepest=steepest)
            labels, cuts = min(labels, other[piece], key=energy.value), cuts + more
    return min(labels, alone, key=energy.value), cuts


def _workspaces(energy: LabelingEnergy, moves: Array) -> tuple[MoveWorkspace, PieceWorkspace]:
    kept, pairs = _rows(energy) == energy.n_labels, _are_pairs(moves)
    n, edges = energy.n, len(energy.tails)
    space = move_workspace(n, edges, energy.n_labels, pairs=pairs, kept=kept)
    return space, piece_workspace(n, edges)


def _are_pairs(moves: Array) -> bool:
    return bool(moves[0, 0] >= 0)


def _rows(energy: LabelingEnergy) -> int:
    """Return for how many labels flows are kept: for all, or one after the other if too large."""
    return energy.n_labels if 8 * energy.n_labels * len(energy.tails) <= MEMORY else 1


def solve_many(
    name: str,
    energy: LabelingEnergy,
    unaries: ArrayLike,
    moves: Array,
    threads: int | None,
    executor: Any,
) -> LabelingBatch:
    """Make moves in many problems, divided among threads or workers."""
    if executor is not None:
        from subopt._base.executors import require_executor

        require_executor(executor, threads)
    costs = numbers("unaries", unaries)
    n, L = energy.n, energy.n_labels
    if costs.ndim < 1 or costs.shape[1:] not in ((*energy.shape, L), (n, L)):
        raise ValueError(
            f"unaries needs the shape (problems, *grid, labels) = (P, "
            f"{', '.join(map(str, (*energy.shape, L)))}), got {costs.shape}"
        )
    require_sums("unaries", costs)
    P = len(costs)
    costs = np.ascontiguousarray(costs.reshape(P, n, L)).view()
    costs.setflags(write=False)  # kernels are compiled for the costs of an energy
    energy = simplified(energy)
    labels = np.repeat(costs.sum(axis=1).argmin(axis=1)[:, None], n, axis=1)
    values = np.empty(P)
    one_by_one = bool(energy.label_costs.any()) or not calm(energy, costs)
    do = _one_by_one if one_by_one else _descend
    shared = energy, moves

    def cut(begin: int, end: int) -> tuple[Array, Array]:
        return costs[begin:end], labels[begin:end]

    if executor is not None:
        from subopt._base.executors import in_chunks

        answers = list(in_chunks(executor, do, P, cut, shared=shared))
    else:
        count = min(thread_count(threads), max(P, 1))
        if not one_by_one:
            # the problem alone decides whether flows are kept: answers do not depend on threads
            most = TOGETHER // (8 * _rows(energy) * len(energy.tails) + 1)
            count = min(count, max(most, 1))
        parts = [
            s for s in np.array_split(np.arange(P), max(P, 1) if one_by_one else count) if len(s)
        ]
        spans = [(part[0], part[-1] + 1) for part in parts]
        answers = in_order(lambda span: do(shared, cut(*span)), spans, count)
    for a, b in zip(np.cumsum([0] + [len(v) for _, v in answers]).tolist(), answers, strict=False):
        labels[a : a + len(b[1])], values[a : a + len(b[1])] = b
    return LabelingBatch(name, labels.reshape(P, *energy.shape), values)


def _descend(
    shared: tuple[LabelingEnergy, Array], problems: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Make moves in some problems, from first labels; return labels and values."""
    energy, moves = shared
    costs, labels = problems[0], problems[1].copy()
    values = np.empty(len(costs))
    keep = len(energy.tails) if _rows(energy) == energy.n_labels else 0
    draft = warm_start.draft(energy.n, keep, energy.n_labels)
    first = Problem(costs[0], energy.seen_tables, energy.adjacency, energy.terms.uniform)
    start = warm_start.WarmStart(warm_start.terms(energy), draft)
    descend_many(costs, first, moves, labels, values, start, *_workspaces(energy, moves))
    return labels, values


def _one_by_one(
    shared: tuple[LabelingEnergy, Array], problems: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Make moves in some problems whose cuts have nothing in common."""
    energy, moves = shared
    labels, values = np.empty_like(problems[1]), np.empty(len(problems[0]))
    for p, costs in enumerate(problems[0]):
        alone = energy._with(costs=np.ascontiguousarray(costs.T))
        result = solve("", alone, moves, None, int(CYCLES))
        labels[p], values[p] = result.labels.ravel(), result.value
    return labels, values
