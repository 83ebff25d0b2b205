"""`grid_cut_many`: many small grids in one call, on all cores.

Problems are solved in stacks that fit the cache. The problems of a stack are stored one after
another in one workspace, without arcs between them. Each thread solves whole stacks in its own
workspace; for small grids, one compiled call solves many stacks. The division into stacks does not
depend on the number of threads, and neither do the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base.answer import HUGE, Batch, Status, freeze
from subopt._base.executors import in_chunks, require_executor
from subopt._base.options import documented
from subopt._base.threads import in_order, thread_count
from subopt._base.types import Array, ArrayLike
from subopt.graph.grid._input import flag, grids
from subopt.graph.grid._layout import Grids, Layout, layout, tails, terms, weigh
from subopt.graph.grid._solve import fill, origin, send_back, workspace
from subopt.graph.grid.cut import grid_cut
from subopt.graph.grid.flow import (
    GridCutCertificate,
    GridFlow,
    cuts_and_bounds,
    flows,
    given,
    read,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from subopt.graph.grid.flow import GridArguments

_CELLS = 1 << 13  # largest number of cells of a stack, which take about half a megabyte
_CALL = 1 << 20  # largest number of cells of one compiled call, which Ctrl-C cannot interrupt


class GridFlows(Batch[GridFlow]):
    """Minimum cuts of many grids: a sequence whose item ``cuts[k]`` is the `GridFlow` of problem k.

    Parameters
    ----------
    values : ndarray, shape (problems,)
        Capacities of the cuts; int64 if all capacities are ints, and then exact.
    source_sides : ndarray of bool, shape (problems, ...)
        Nodes on the source's side.
    flow : list of ndarray or None
        Flows from p to ``p + offset``: one array (problems, ...) per offset. None if they were not
        requested.
    method : str
        The method that ran.
    """

    def __init__(
        self, values: Array, source_sides: Array, flow: list[Array] | None, method: str
    ) -> None:
        super().__init__(len(values), self._one)
        self.values, self.source_sides, self.flow = values, source_sides, flow
        self.method = method
        freeze(values, source_sides, flow)

    def _one(self, k: int) -> GridFlow:
        value = self.values[k].item()
        if self.flow is None:
            proof: GridCutCertificate | RecomputedCut = RecomputedCut()
        else:
            proof = GridCutCertificate([flow[k] for flow in self.flow])
        return GridFlow(
            value=value,
            lower_bound=value,
            status=Status.OPTIMAL,
            method=self.method,
            certificate=proof,
            source_side=self.source_sides[k],
        )

    def check(self, problem: Any, *arguments: ArrayLike, **named: Unpack[GridArguments]) -> Array:
        """Recompute every cut and the bound of its flow; return the gaps.

        Flows that were not requested are computed again, which takes as long as `grid_cut_many`.

        Parameters
        ----------
        problem, *arguments, **named
            As for `GridFlow.check`, with the axis of problems as for `grid_cut_many`.

        Returns
        -------
        ndarray, shape (problems,)
            One gap per problem; see `GridCutCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            As for `GridFlow.check`.
        """
        from subopt.graph._recheck import confirm, shaped

        problem = read(given(problem, *arguments, **named))
        flow = self.flow
        if flow is None:
            source, sink, weights, offsets, periodic = problem
            again = grid_cut_many(
                source, sink, weights, offsets=offsets, periodic=periodic, flow=True
            )
            flow = again.flow
            assert flow is not None
        grid = grids(*problem, many=True)
        each = (grid.stack,)
        cut, bound = cuts_and_bounds(grid, "source_sides", self.source_sides, flow, each)
        confirm(shaped("values", self.values, each), cut)
        return np.where(np.isinf(cut), np.inf, cut - bound)


class RecomputedCut:
    """The certificate of a cut whose flow was not kept: a check computes a maximum flow again.

    The check verifies that flow, and compares the cut with it, so it does not trust the solver.
    """

    @property
    def flow(self) -> list[Array]:
        """Raise ValueError, because the flow was not requested.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("This cut has no flow. Call grid_cut_many(..., flow=True).")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def check(self, problem: Any, answer: Any) -> float:
        """Compute a maximum flow, and return the gap between the cut and its bound.

        Parameters
        ----------
        problem, answer
            As for `GridCutCertificate.check`.

        Returns
        -------
        float
            See `GridCutCertificate.check`. It takes as long as `grid_cut`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `GridCutCertificate.check`.
        """
        source, sink, weights, offsets, periodic = read(problem)
        again = grid_cut(source, sink, weights, offsets=offsets, periodic=periodic)
        return again.certificate.check(problem, answer)


@documented
def grid_cut_many(
    source_capacity: ArrayLike,
    sink_capacity: ArrayLike,
    weights: Any,
    *,
    offsets: Sequence[Sequence[int]] | None = None,
    periodic: bool | Sequence[bool] = False,
    maximal: bool = False,
    flow: bool = False,
    threads: int | None = None,
    executor: Any = None,
) -> GridFlows:
    """Find minimum cuts of many grids of one shape.

    Parameters
    ----------
    source_capacity, sink_capacity : array_like, shape (problems, ...)
        As for `grid_cut`, with a first axis of problems. One of the two may be a number or have the
        shape of one grid, and is then used for all problems.
    weights : float or sequence
        As for `grid_cut`. Arrays may have a first axis of problems; without it, they are used for
        all problems.
    offsets, periodic, maximal
        As for `grid_cut`.
    flow : bool, default False
        Whether to return the flows as well, which prove the cuts (`GridFlows.check`).
    %(threads)s
    %(executor)s

    Returns
    -------
    GridFlows
        The answers, in the order of the problems.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if a problem has no finite cut, or if integers are too
        large to be exact.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source, sink = rng.integers(0, 10, (2, 50, 4, 4))
    >>> cuts = grid_cut_many(source, sink, 1)
    >>> cuts.values[:3], cuts.source_sides.shape
    (array([61, 74, 38]), (50, 4, 4))
    >>> grid_cut(source[2], sink[2], 1).value
    38
    """
    problem = grids(source_capacity, sink_capacity, weights, offsets, periodic, many=True)
    one = _layout(problem, 1)
    size = max(1, min(_CELLS // max(one.cells, 1), problem.stack))  # of a stack
    if executor is not None:
        require_executor(executor, threads)
    threads = thread_count(threads) if executor is None else 1
    solved = _solved(
        problem, (size, flag("maximal", maximal), flag("flow", flow)), threads, executor
    )
    all_values, all_sides, arrays, methods = solved
    if (all_values >= problem.beyond).any():
        wrong = int(np.argmax(all_values >= problem.beyond))
        raise ValueError(
            "grid_cut_many needs finite cuts, but a path of infinite capacities leads from the "
            f"source to the sink of problem {wrong}. Give one of its arcs a finite capacity."
        )
    lead = 3 - problem.dimensions

    def lower(array: Array) -> Array:
        return array.reshape(array.shape[:1] + array.shape[1 + lead :])

    return GridFlows(
        all_values,
        lower(all_sides),
        None if arrays is None else [lower(array) for array in arrays],
        "; ".join(sorted(methods)),
    )


class _Solved(NamedTuple):
    """What was found of some problems."""

    values: Array
    sides: Array
    flows: list[Array] | None  # along each offset
    methods: set[str]

    @classmethod
    def empty(cls, problem: Grids, flow: bool) -> _Solved:
        """Return arrays to be filled."""
        return cls(
            np.zeros(problem.stack, dtype=problem.source.dtype),
            np.empty((problem.stack, *problem.shape), dtype=np.bool_),
            [_room(problem, q) for q in range(len(problem.offsets))] if flow else None,
            set(),
        )

    @classmethod
    def joined(cls, chunks: list[_Solved]) -> _Solved:
        """Return what was found of consecutive problems as one."""
        values, sides, some, methods = zip(*chunks, strict=True)
        flows = None if some[0] is None else [np.concatenate(a) for a in zip(*some, strict=True)]
        return cls(np.concatenate(values), np.concatenate(sides), flows, set().union(*methods))


def _solved(problem: Grids, how: tuple[int, bool, bool], threads: int, executor: Any) -> _Solved:
    """Solve all problems; `how` has the size of a stack, `maximal` and `flow`."""
    size, _, flow = how
    if executor is None:
        solved = _Solved.empty(problem, flow)
        _solve(problem, how, solved, threads)
    else:

        def cut(begin: int, end: int) -> Grids:
            return _part(problem, slice(begin, end))

        chunks = list(in_chunks(executor, _solve_part, problem.stack, cut, shared=how, unit=size))
        solved = _Solved.joined(chunks) if chunks else _Solved.empty(problem, flow)
    if not problem.whole:
        _make_precise(problem, how, solved, threads, executor)
    return solved


def _make_precise(
    problem: Grids, how: tuple[int, bool, bool], solved: _Solved, threads: int, executor: Any
) -> None:
    """Solve problems again whose flows lack digits; see `subopt.graph._lowered`."""
    if problem.largest <= HUGE * solved.values.min(initial=np.inf):
        return
    from subopt.graph._lowered import dwarfed, lowered

    terminals, arcs = (problem.source, problem.sink), (problem.forward, problem.backward)
    wrong = dwarfed(solved.values, *terminals, *arcs[0], *arcs[1])
    few = np.flatnonzero(wrong & (solved.values < problem.beyond))
    if not len(few):
        return
    some, values = _part(problem, few), solved.values[few]
    low = lowered(values, some.source, some.sink, some.forward, some.backward)
    source, sink, forward, backward = low
    again = _solved(
        some._replace(source=source, sink=sink, forward=forward, backward=backward, beyond=np.inf),
        how,
        threads,
        executor,
    )
    reached = np.zeros(len(few))
    weigh(terms(some), 0, again.sides.reshape(len(few), -1), reached)
    good = reached <= values
    solved.values[few[good]], solved.sides[few[good]] = reached[good], again.sides[good]
    for flow, new in zip(solved.flows or [], again.flows or [], strict=True):
        flow[few[good]] = new[good]
    solved.methods.update(again.methods)


def _solve_part(how: tuple[int, bool, bool], problem: Grids) -> _Solved:
    """Solve some of the problems on a worker of an executor."""
    solved = _Solved.empty(problem, how[2])
    _solve(problem, how, solved, 1)
    return solved


def _solve(problem: Grids, how: tuple[int, bool, bool], solved: _Solved, threads: int) -> None:
    """Solve problems stack by stack."""
    size, maximal, flow = how
    one, parts = _layout(problem, 1), terms(problem)

    def run(mine: Sequence[slice]) -> None:
        plan, work = one, workspace(one, problem.dtype)
        for here in mine:
            sides, values = solved.sides[here], solved.values[here]
            if plan.stack != min(size, len(sides)):
                plan = _layout(problem, min(size, len(sides)))
                work = workspace(plan, problem.dtype)
            outcome = fill(parts, here.start, plan, work, maximal, sides, values)
            solved.methods.add(outcome.method)
            if solved.flows is not None:
                if outcome.moved:
                    before = origin(parts, here.start, plan, problem.dtype)
                    send_back(plan, work, before)
                stack = flows(_part(problem, here), plan, work.residual)
                for array, flow in zip(solved.flows, stack, strict=True):
                    array[here] = flow

    # without flows, residual capacities are not needed, and one call can solve many stacks
    step = size
    if one.small and not flow:
        step *= max(
            1, min(-(-problem.stack // (4 * threads * size)), _CALL // max(size * one.cells, 1))
        )
    starts = range(0, problem.stack, step)
    heres = [slice(start, min(start + step, problem.stack)) for start in starts]
    threads = min(threads, max(len(heres), 1))
    in_order(run, [heres[i::threads] for i in range(threads)], threads)


def _layout(problem: Grids, count: int) -> Layout:
    return layout(count, problem.shape, problem.offsets, problem.periodic)


def _part(problem: Grids, here: slice | Array) -> Grids:
    """Return a part of the problems, in a row or by their numbers."""

    def own(array: Array) -> Array:
        return array[here] if len(array) > 1 else array

    forward = [own(w) for w in problem.forward]
    back = zip(problem.forward, forward, problem.backward, strict=True)
    return problem._replace(
        stack=len(np.arange(problem.stack)[here]),
        source=own(problem.source),
        sink=own(problem.sink),
        forward=forward,
        backward=[mine if w is other else own(w) for other, mine, w in back],
    )


def _room(problem: Grids, q: int) -> Array:
    """Return an array for the flows of all problems along offset q."""
    places = tails(problem.offsets[q], problem.shape, problem.periodic)
    arcs = tuple(place.stop - place.start for place in places)
    return np.zeros((problem.stack, *arcs), dtype=problem.source.dtype)
