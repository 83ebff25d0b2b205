"""`max_flow_many`: thousands of small maximum flows in one call, on all cores.

The problems share nodes and arcs, and differ in capacities. Each thread has one network and one
workspace, solves a part of the problems, and writes their rows of the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Batch, Status, freeze
from subopt._base.executors import in_chunks, require_executor
from subopt._base.jit import uncounted as njit
from subopt._base.options import documented
from subopt._base.threads import in_order, thread_count
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Graph, alike, arc_ends, bounded, capacities, infinite
from subopt.graph._lowered import dwarfed, lowered
from subopt.graph.augment import ONE, augment, reach
from subopt.graph.flow import CutCertificate, Flow, given
from subopt.graph.network import csr, drain, fill, workspace

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from subopt.graph.flow import GraphArguments


class Flows(Batch[Flow]):
    """Minimum cuts of many problems: a sequence whose item ``flows[k]`` is the `Flow` of problem k.

    Parameters
    ----------
    values : ndarray, shape (problems,)
        Capacities of the cuts; int64 if all capacities are ints.
    source_sides : ndarray of bool, shape (problems, n)
        Nodes on the source's side.
    flows : ndarray, shape (problems, m)
        Flow from ``tails[e]`` to ``heads[e]``, negative if it runs the other way.
    trees : ndarray of bool, shape (problems,)
        True where Boykov and Kolmogorov's search trees found the flow without push-relabel.
    """

    def __init__(self, values: Array, source_sides: Array, flows: Array, trees: Array) -> None:
        super().__init__(len(values), self._flow)
        self.values, self.source_sides = values, source_sides
        self.flows, self.trees = flows, trees
        freeze(values, source_sides, flows, trees)

    def _flow(self, k: int) -> Flow:
        value = self.values[k].item()
        return Flow(
            value=value,
            lower_bound=value,
            status=Status.OPTIMAL,
            method="boykov_kolmogorov" + ("" if self.trees[k] else ", then push_relabel"),
            certificate=CutCertificate(self.flows[k]),
            source_side=self.source_sides[k],
            flow=self.flows[k],
        )

    def check(self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]) -> Array:
        """Recompute every cut and the bound of its flow; return the gaps.

        Parameters
        ----------
        problem, *arguments, **named
            The arguments of `max_flow_many`, as they were given there.

        Returns
        -------
        ndarray of float64, shape (problems,)
            One gap per problem; see `CutCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            As for `Flow.check`.
        """
        graph = given(problem, *arguments, **named)
        shared = {name: part for name, part in graph.items() if np.ndim(part) < 2}
        rows = {name: part for name, part in graph.items() if name not in shared}
        return np.array(
            [
                flow.check({**shared, **{name: part[k] for name, part in rows.items()}})
                for k, flow in enumerate(self)
            ],
            dtype=np.float64,
        )


@documented
def max_flow_many(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None = None,
    *,
    source_capacity: ArrayLike,
    sink_capacity: ArrayLike,
    maximal: bool = False,
    threads: int | None = None,
    executor: Any = None,
) -> Flows:
    """Find maximum flows and minimum cuts of many problems on the same nodes.

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the arcs, which all problems share. Give an arc capacity 0 in problems without it.
    capacity, reverse_capacity : array_like, shape (m,) or (problems, m)
        Nonnegative capacities from tail to head, and from head to tail (0 by default): the same for
        all problems, or one row per problem.
    source_capacity, sink_capacity : array_like, shape (n,) or (problems, n)
        Nonnegative capacities of the arcs from the source and to the sink. At least one of the two
        arrays needs one row per problem.
    maximal : bool, default False
        Return the largest source sides of minimum cuts instead of the smallest.
    %(threads)s
    %(executor)s

    Returns
    -------
    Flows
        The answers, in the order of the problems.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if a problem has no finite cut, or if integer capacities
        add up to 2**61 or more over all problems.

    Notes
    -----
    Each problem takes the time of `max_flow`, without its checks and allocations. The answers take
    O(problems (n + m)) memory, and each thread O(n + m).

    Examples
    --------
    >>> flows = max_flow_many(
    ...     [0], [1], [2], source_capacity=[[1, 0], [5, 0]], sink_capacity=[[0, 9], [0, 9]]
    ... )
    >>> flows.values, flows[1].source_side
    (array([1, 2]), array([ True, False]))
    """
    tails, heads, parts, whole = _checked(
        tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity
    )
    problems, n = parts[2].shape
    m = len(tails)
    offset = n * np.arange(problems)[:, None]
    # bounds and cuts are computed on the disjoint union of all graphs
    ends_ = (tails + offset).ravel(), (heads + offset).ravel()
    ahead, behind, first, last = (part.ravel() for part in parts)
    g = Graph(problems * n, *ends_, ahead, behind, first, last, whole)
    given = bounded(g, "max_flow_many")
    sizes = zip(given[:4], (m, m, n, n), strict=True)
    finite = [part.reshape(problems, size) for part, size in sizes]
    if executor is not None:
        require_executor(executor, threads)
    threads = thread_count(threads) if executor is None else 1
    shared = n, tails, heads, validate.flag("maximal", maximal)
    solved = _solved(shared, finite, threads, executor)
    values = _values(solved.sides, tails, heads, parts)
    if not whole:
        _make_precise(solved, values, shared, finite, threads, executor)
    flows = solved.flows.astype(np.int64) if whole else solved.flows
    return Flows(values, solved.sides, flows, solved.trees)


def _solved(
    shared: tuple[int, Array, Array, bool], parts: list[Array], threads: int, executor: Any
) -> _Answers:
    """Solve problems with finite capacities; `parts` are the four of `max_flow`, in rows."""
    forward, backward, source, sink = parts
    problems, excess = len(source), source - sink

    def cut(begin: int, end: int) -> tuple[Array, Array, Array]:
        return forward[begin:end], backward[begin:end], excess[begin:end]

    if executor is not None:
        found = list(in_chunks(executor, _solve_rows, problems, cut, shared=shared))
    else:
        threads = min(threads, max(problems, 1))
        rows = [part for part in np.array_split(np.arange(problems), threads) if len(part)]
        spans = [(int(part[0]), int(part[-1]) + 1) for part in rows]
        found = in_order(lambda span: _solve_rows(shared, cut(*span)), spans, threads)
    found = found or [_solve_rows(shared, cut(0, 0))]
    return _Answers(*map(np.concatenate, zip(*found, strict=True)))


def _make_precise(
    answers: _Answers,
    values: Array,
    shared: tuple[int, Array, Array, bool],
    parts: list[Array],
    threads: int,
    executor: Any,
) -> None:
    """Solve problems again whose flows lack digits; see `subopt.graph._lowered`.

    `values` are the capacities of the cuts, and `parts` finite capacities.
    """
    few = np.flatnonzero(dwarfed(values, *parts))
    if not len(few):
        return
    parts = [part[few] for part in parts]
    forward, backward, source, sink = parts
    source, sink, ahead, back = lowered(values[few], source, sink, [forward], [backward])
    again = _solved(shared, [*ahead, *back, source, sink], threads, executor)
    reached = _values(again.sides, *shared[1:3], parts)
    good = reached <= values[few]
    values[few[good]] = reached[good]
    for array, new in zip(answers, again, strict=True):
        array[few[good]] = new[good]


def _checked(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None,
    source_capacity: ArrayLike,
    sink_capacity: ArrayLike,
) -> tuple[Array, Array, list[Array], bool]:
    """Return ends (m,), the four capacities (one row per problem), and whether all are integers."""
    # only for the shapes: in lists, infinity makes floats of ints
    terminals = (
        validate.rectangular("source_capacity", source_capacity),
        validate.rectangular("sink_capacity", sink_capacity),
    )
    rows = [len(array) for array in terminals if array.ndim == 2]
    if not rows or any(array.ndim not in (1, 2) for array in terminals):
        raise ValueError(
            "max_flow_many needs source_capacity and sink_capacity of shape (n,) or (problems, n), "
            f"at least one of shape (problems, n), got {terminals[0].shape} and "
            f"{terminals[1].shape}. For one problem call max_flow."
        )
    problems, n = rows[0], terminals[0].shape[-1]
    tails, heads = arc_ends(tails, heads, n)
    m = len(tails)
    if reverse_capacity is None:
        reverse_capacity = np.zeros(m, dtype=np.int64)
    parts: list[Array] = []
    for name, values, size in (
        ("capacity", capacity, m),
        ("reverse_capacity", reverse_capacity, m),
        ("source_capacity", source_capacity, n),
        ("sink_capacity", sink_capacity, n),
    ):
        shape = (size,) if validate.rectangular(name, values).ndim == 1 else (problems, size)
        parts.append(np.broadcast_to(capacities(name, values, shape), (problems, size)))
    *parts, whole = alike(parts)
    return tails, heads, parts, whole


def _values(sides: Array, tails: Array, heads: Array, parts: list[Array]) -> Array:
    """Return the capacity of the cut of each problem, or raise where it is infinite."""
    forward, backward, source, sink = parts
    tail, head = np.take(sides, tails, axis=1), np.take(sides, heads, axis=1)
    cut = [
        np.where(sides, sink, source),
        np.where(tail > head, forward, 0),
        np.where(tail < head, backward, 0),
    ]
    never = np.logical_or.reduce([infinite(part).any(axis=1) for part in cut])
    if never.any():
        raise ValueError(
            "max_flow_many needs finite cuts, but a path of infinite capacities leads from the "
            f"source to the sink in problem {int(np.argmax(never))}. Give one of its arcs a "
            "finite capacity."
        )
    values: Array = sum(part.sum(axis=1) for part in cut)
    return values


class _Problems(NamedTuple):
    """Capacities, with a row for each problem."""

    slot: Array  # (m,) int32, where arc e is in the network; -1 for a loop
    forward: Array  # (problems, m) float64 or int64
    backward: Array  # (problems, m)
    excess: Array  # (problems, n), capacity from the source minus capacity to the sink; overwritten


class _Answers(NamedTuple):
    """What is found, with a row for each problem."""

    sides: Array  # (problems, n) bool
    flows: Array  # (problems, m), as capacities
    trees: Array  # (problems,) bool, whether search trees sufficed


def _solve_rows(shared: tuple[int, Array, Array, bool], rows: tuple[Array, ...]) -> _Answers:
    """Solve problems on the same arcs; `rows` are capacities there and back, and excesses."""
    n, tails, heads, maximal = shared
    network, slot = csr(n, tails, heads)
    problems = _Problems(slot, *rows)
    count, dtype = len(problems.forward), problems.forward.dtype
    answers = _Answers(
        sides=np.empty((count, n), dtype=np.bool_),
        flows=np.empty((count, len(tails)), dtype=dtype),
        trees=np.empty(count, dtype=np.bool_),
    )
    arcs = len(network.heads)
    residual, work = np.empty(arcs, dtype=dtype), workspace(n, arcs, dtype)
    _solve(np.arange(count), network, problems, np.bool_(maximal), residual, work, answers)
    return answers


@njit
def _solve(part, network, problems, maximal, residual, work, answers):
    """Solve the problems with the numbers in `part` one after the other."""
    slot, forward, backward = problems.slot, problems.forward, problems.backward
    sides, n = answers.sides, problems.excess.shape[1]
    for k in part:
        excess = problems.excess[k]
        fill(slot, network.twin, forward[k], backward[k], residual)
        answers.trees[k] = augment(n, network, residual, excess, work)
        if maximal:
            reach(n, network.indptr, excess, work, -ONE)
        for v in range(n):
            sides[k, v] = work.side[v] != maximal
        drain(slot, work.ends, forward[k], backward[k], residual, answers.flows[k])
