"""`GridFlow`, the answer of `grid_cut`, and the flows that prove it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.answer import Answer, CertificateError, freeze
from subopt._base.options import documented
from subopt.graph.grid._input import grids
from subopt.graph.grid._layout import Grids, Layout, at_heads, heads, tails, terms, weigh
from subopt.graph.grid._search_trees import trees
from subopt.graph.grid._solve import Workspace, send_back

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    from subopt._base.types import Array, ArrayLike

    class GridArguments(TypedDict, total=False):
        """The arguments of `grid_cut` that describe the grid, after the first one."""

        sink_capacity: ArrayLike
        weights: Any
        offsets: Sequence[Sequence[int]] | None
        periodic: bool | Sequence[bool]


class Left:
    """The residual capacities of a search, from which flows are computed on access."""

    def __init__(self, problem: Grids, plan: Layout, residual: Array) -> None:
        self._problem, self._plan, self._residual = problem, plan, residual
        self.moved: tuple[Array, Array] | None = None  # excess, if it has moved, and before

    @cached_property
    def flow(self) -> list[Array]:
        """One array per offset; see `GridFlow.flow`."""
        lead, residual = 3 - self._problem.dimensions, self._residual
        if self.moved is not None:
            excess, before = self.moved
            work = Workspace(residual.copy(), excess.copy(), trees(self._plan))
            send_back(self._plan, work, before)
            residual = work.residual
        stacks = flows(self._problem, self._plan, residual)
        result = [flow.reshape(flow.shape[1 + lead :]) for flow in stacks]
        freeze(result)
        return result


class GridCutCertificate:
    """Flows along the arcs of a grid, which bound the capacity of every cut from below.

    For any numbers f_e within the capacities, conserved or not,
    ``sum_v min(source_v, sink_v + outflow_v)`` is a lower bound on every cut. The check first clips
    the flow to the capacities; a flow that is not conserved gives a weaker bound.

    Parameters
    ----------
    flow : list of ndarray
        Flow from p to ``p + offset``, negative if it runs the other way: one array per offset.
    """

    def __init__(self, flow: list[Array] | Left) -> None:
        self._flow = flow

    @property
    def flow(self) -> list[Array]:
        """One array per offset: the flow from p to ``p + offset``, negative if it runs back."""
        return self._flow.flow if isinstance(self._flow, Left) else self._flow

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def check(self, problem: Any, answer: Any) -> float:
        """Recompute the capacity of a cut and the bound of the flow; return the difference.

        Parameters
        ----------
        problem : GridProblem or dict
            The grid, or the arguments of `grid_cut` that describe it.
        answer : GridFlow or ndarray of bool, shape of the grid
            The answer, or only the source side of a cut.

        Returns
        -------
        float
            Capacity of the cut minus the bound: 0 up to rounding for a minimum cut, infinite for a
            cut through an infinite capacity.

        Raises
        ------
        CertificateError
            If flows or source side do not have the shape and the dtype that fit the grid, or if
            `value` is not the capacity of the cut.
        ValueError, TypeError
            If the grid is not valid for `grid_cut`.
        """
        from subopt.graph._recheck import confirm

        grid = grids(*read(problem))
        side = answer.source_side if isinstance(answer, GridFlow) else answer
        cut, bound = cuts_and_bounds(grid, "source_side", side, self.flow, ())
        if isinstance(answer, GridFlow):
            confirm(answer.value, cut[0])
        return float(cut[0] - bound[0])


@dataclass(frozen=True, eq=False)
class GridProblem:
    """A grid with capacities: the arguments of `grid_cut` that describe it.

    Parameters
    ----------
    source_capacity, sink_capacity, weights, offsets, periodic
        As for `grid_cut`, which checks them.

    Examples
    --------
    >>> cut = grid_cut([[9, 0]], [[0, 5]], 3)
    >>> cut.value, cut.check(GridProblem([[9, 0]], [[0, 5]], 3))
    (3, 0.0)
    """

    source_capacity: Any = field(repr=False)
    sink_capacity: Any = field(repr=False)
    weights: Any = field(repr=False)
    offsets: Any = None
    periodic: bool | Sequence[bool] = False


@documented
@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class GridFlow(Answer):
    """A minimum cut of a grid, and the flow that proves it minimum.

    Attributes
    ----------
    %(cut)s
    certificate : GridCutCertificate or RecomputedCut
        The flow as evidence for `lower_bound`. In a batch without flows a check computes it again.
    source_side : ndarray of bool, shape of the grid
        Nodes on the source's side of the cut.
    """

    source_side: Array
    certificate: Any

    def _contents(self) -> str:
        inside = int(self.source_side.sum())
        return f"{inside} of {self.source_side.size} nodes on the source's side"

    @property
    def flow(self) -> list[Array]:
        """Flow from p to ``p + offset``, negative if it runs the other way: one array per offset.

        The arrays have the shapes of the arrays of `weights` in `grid_cut`, and are computed on
        first access. With status TIME_LIMIT the flow may not be conserved: excess may be left at
        some nodes.
        """
        return self.certificate.flow

    def check(self, problem: Any, *arguments: ArrayLike, **named: Unpack[GridArguments]) -> float:
        """Recompute the capacity of the cut and the bound of the flow; return the difference.

        Parameters
        ----------
        problem : GridProblem
            The grid. The arguments of `grid_cut` are accepted as well, as they were given there:
            ``cut.check(source_capacity, sink_capacity, weights, offsets=..., periodic=...)``.
        *arguments, **named
            The arguments of `grid_cut` after the first one.

        Returns
        -------
        float
            See `GridCutCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `GridCutCertificate.check`.
        """
        return self.certificate.check(given(problem, *arguments, **named), self)

    def cut_arcs(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GridArguments]
    ) -> list[Array]:
        """Return the arcs that the cut separates, and their direction.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        list of ndarray of int8
            One array per offset, shaped as `flow`: 1 where p is on the source's side and
            ``p + offset`` is not, -1 where it is the other way, and 0 where the arc is not cut or
            has no capacity in that direction.
        """
        grid = grids(*read(given(problem, *arguments, **named)))
        side = self.source_side.reshape(1, *grid.shape).astype(np.int8)
        result = []
        for offset, forward, backward in zip(
            grid.offsets, grid.forward, grid.backward, strict=True
        ):
            tail = side[(slice(None), *tails(offset, grid.shape, grid.periodic))]
            cut = tail - heads(side, offset, grid.shape, grid.periodic)
            cut = np.where(np.where(cut > 0, forward, backward) > 0, cut, 0)
            result.append(cut.reshape(cut.shape[4 - grid.dimensions :]).astype(np.int8))
        return result

    def residual_capacity(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GridArguments]
    ) -> list[tuple[Array, Array]]:
        """Return the residual capacity of each arc from p to ``p + offset``, and back.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        list of (forward, backward)
            Two arrays per offset, shaped as `flow`; float with inf where a capacity is infinite.
        """
        grid = grids(*read(given(problem, *arguments, **named)))
        result = []
        for flow, *parts in zip(self.flow, grid.forward, grid.backward, strict=True):
            lead = 4 - grid.dimensions
            both = []
            for part, sent in zip(parts, (flow, -flow), strict=True):
                part = part.reshape(part.shape[lead:])
                rest, never = part - sent, part >= grid.beyond
                both.append(np.where(never, np.inf, rest) if never.any() else rest)
            result.append((both[0], both[1]))
        return result

    def terminal_flow(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GridArguments]
    ) -> tuple[Array, Array]:
        """Return the flow from the source into each node, and from each node to the sink.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        from_source, to_sink : ndarray, shape of the grid
            Both sum to the value of a maximum flow. Flow that passes a node from the source
            directly to the sink is included.
        """
        grid = grids(*read(given(problem, *arguments, **named)))
        lead = 3 - grid.dimensions
        out = np.zeros((1, *grid.shape), dtype=grid.source.dtype)
        for offset, flow in zip(grid.offsets, self.flow, strict=True):
            there = (slice(None), *tails(offset, grid.shape, grid.periodic))
            back = (slice(None), *tails([-o for o in offset], grid.shape, grid.periodic))
            sent = flow.reshape(out[there].shape)
            out[there] += sent
            out[back] -= at_heads(sent, offset, grid.periodic)
        source = np.minimum(grid.source, grid.sink + out)
        shape = grid.shape[lead:]
        return source.reshape(shape), (source - out).reshape(shape)


def given(problem: Any, *arguments: Any, **named: Any) -> Any:
    """Collect the arguments of `grid_cut` in a dict, unless the problem is a single object."""
    if not arguments and not named:
        return problem
    names = ("source_capacity", "sink_capacity", "weights")
    values = (problem, *arguments)
    if len(values) > len(names):
        raise TypeError(f"A grid has three positional arguments {names}, got {len(values)}")
    return dict(zip(names, values, strict=False)) | named


def read(problem: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return the arguments of `grids`."""
    if isinstance(problem, Mapping):
        problem = GridProblem(**problem)
    if not isinstance(problem, GridProblem):
        raise TypeError(
            "A grid needs a GridProblem, or the arguments of grid_cut, got "
            f"{type(problem).__name__}"
        )
    return (
        problem.source_capacity,
        problem.sink_capacity,
        problem.weights,
        problem.offsets,
        problem.periodic,
    )


def flows(problem: Grids, plan: Layout, residual: Array) -> list[Array]:
    """Return the flow along each offset: capacities minus residual capacities."""
    left = plan.arcs(residual)
    result = []
    for q, (offset, forward) in enumerate(zip(problem.offsets, problem.forward, strict=True)):
        rest = left[(slice(None), *tails(offset, problem.shape, problem.periodic), 2 * q)]
        flow = np.subtract(forward, rest, dtype=problem.source.dtype, casting="unsafe")
        if not plan.shift[2 * q]:
            flow[...] = 0  # these arcs are loops, or there are none
        result.append(flow)
    return result


def cuts_and_bounds(
    problem: Grids, name: str, sides: Array, flow: Sequence[Array], each: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the capacities of the cuts around `sides`, and the lower bounds of the flows.

    `each` is the shape of the axis of problems in the arrays of the answer, () if there is none.
    """
    from subopt.graph._recheck import shaped, side_of

    shape, lead = (problem.stack, *problem.shape), 4 - problem.dimensions
    sides = side_of(sides, each + shape[lead:], name).reshape(shape)
    if len(flow) != len(problem.offsets):
        raise CertificateError(
            f"A check needs one flow per offset: {len(problem.offsets)}, got {len(flow)}"
        )
    out = np.zeros(shape)
    for q, (offset, forward, backward) in enumerate(
        zip(problem.offsets, problem.forward, problem.backward, strict=True)
    ):
        there = (slice(None), *tails(offset, problem.shape, problem.periodic))
        back = (slice(None), *tails([-o for o in offset], problem.shape, problem.periodic))
        arcs = out[there].shape
        given = shaped(f"flow[{q}]", flow[q], each + arcs[lead:])
        if np.isnan(given).any():
            index = ", ".join(map(str, np.argwhere(np.isnan(given))[0]))
            raise CertificateError(
                f"A check needs flows that are numbers, but flow[{q}][{index}] is nan"
            )
        clipped = np.clip(given.reshape(arcs), -backward, forward)
        out[there] += clipped
        out[back] -= at_heads(clipped, offset, problem.periodic)
    bound = np.minimum(problem.source, problem.sink + out).sum(axis=(1, 2, 3))
    cut = np.zeros(problem.stack, dtype=problem.source.dtype)
    weigh(terms(problem), 0, sides.reshape(problem.stack, math.prod(problem.shape)), cut)
    return np.where(cut >= problem.beyond, np.inf, cut) if problem.beyond < np.inf else cut, bound
