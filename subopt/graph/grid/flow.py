"""Minimum cuts of grids, and the flows that prove them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from subopt._base.answer import CertificateError
from subopt._base.types import Array, ArrayLike
from subopt.graph._recheck import confirm, shaped, side_of
from subopt.graph.grid._capacities import terms, weigh
from subopt.graph.grid._input import Grids, grids
from subopt.graph.grid._layout import Layout, Workspace, at_heads, tails, trees
from subopt.graph.grid._solve import send_back


@dataclass(frozen=True, eq=False)
class GridFlow:
    """A minimum cut of a grid, and the flow that proves it minimum.

    Attributes
    ----------
    value : int or float
        Capacity of the cut around `source_side`; the flow is as large. An int if the capacities
        are ints, and then exact.
    source_side : ndarray of bool, shape of the grid
        Nodes on the source's side of the cut.
    """

    value: float
    source_side: Array
    _problem: Grids = field(repr=False)
    _plan: Layout = field(repr=False)
    _residual: Array = field(repr=False)
    _excess: Array | None = field(repr=False)  # unless the residual capacities are those of a flow

    @cached_property
    def flow(self) -> list[Array]:
        """Flow from p to ``p + offset``, negative if it runs back: one array per offset.

        Arrays are shaped as those of `weights` in `grid_cut`, and made when first asked for.
        """
        lead = 3 - self._problem.dimensions
        residual = self._residual
        if self._excess is not None:
            work = Workspace(residual.copy(), self._excess.copy(), trees(self._plan))
            send_back(terms(self._problem), 0, self._plan, work)
            residual = work.residual
        stacks = flows(self._problem, self._plan, residual)
        return [flow.reshape(flow.shape[1 + lead :]) for flow in stacks]

    def check(
        self,
        source_capacity: ArrayLike,
        sink_capacity: ArrayLike,
        weights: Any,
        *,
        offsets: Sequence[Sequence[int]] | None = None,
        periodic: bool | Sequence[bool] = False,
    ) -> float:
        """Recompute the cut and what the flow proves, and return how far apart they are.

        Any numbers f_e within the capacities, conserved or not, bound every cut from below by
        ``sum_v min(source_v, sink_v + outflow_v)``. So this needs no trust in the solver: the
        flow is first clipped to the capacities, and a flow that is not conserved leaves a gap.

        Parameters
        ----------
        source_capacity, sink_capacity, weights, offsets, periodic
            The grid, as given to `grid_cut`.

        Returns
        -------
        float
            Capacity of the cut around `source_side` minus the bound: 0 up to rounding for a
            minimum cut, infinite for a cut through an infinite capacity.

        Raises
        ------
        CertificateError
            If `value` is not the capacity of the cut, or shapes are not those of the grid.
        ValueError, TypeError
            If `grid_cut` refuses the grid.
        """
        problem = grids(source_capacity, sink_capacity, weights, offsets, periodic)
        cut, bound = _cuts(problem, "source_side", self.source_side, self.flow, ())
        confirm(self.value, cut[0])
        return float(cut[0] - bound[0])


@dataclass(frozen=True, eq=False)
class GridFlows:
    """Minimum cuts of many grids of one shape.

    Attributes
    ----------
    values : ndarray, shape (problems,)
        Capacities of the cuts; int64 if all capacities are ints, and then exact.
    source_sides : ndarray of bool, shape (problems, ...)
        Nodes on the source's side.
    flow : list of ndarray or None
        One array per offset, (problems, arcs): flows from p to ``p + offset``, if asked for.
    """

    values: Array
    source_sides: Array
    flow: list[Array] | None = field(default=None, repr=False)

    def check(
        self,
        source_capacity: ArrayLike,
        sink_capacity: ArrayLike,
        weights: Any,
        *,
        offsets: Sequence[Sequence[int]] | None = None,
        periodic: bool | Sequence[bool] = False,
    ) -> Array:
        """Recompute every cut and what its flow proves; return the gaps, (problems,).

        As `GridFlow.check`, with its errors; needs flows: ``grid_cut_many(..., flow=True)``.
        """
        if self.flow is None:
            raise ValueError("A check needs the flows: call grid_cut_many(..., flow=True)")
        problem = grids(source_capacity, sink_capacity, weights, offsets, periodic, many=True)
        each = (problem.stack,)
        cut, bound = _cuts(problem, "source_sides", self.source_sides, self.flow, each)
        confirm(shaped("values", self.values, each), cut)
        return cut - bound


def flows(problem: Grids, plan: Layout, residual: Array) -> list[Array]:
    """Return the flows along each offset that have left these residual capacities."""
    left = plan.arcs(residual)
    result = []
    for q, (offset, forward) in enumerate(zip(problem.offsets, problem.forward, strict=True)):
        rest = left[(slice(None), *tails(offset, problem.shape, problem.periodic), 2 * q)]
        flow = np.subtract(forward, rest, dtype=forward.dtype, casting="unsafe")
        if not plan.shift[2 * q]:
            flow[...] = 0  # these arcs are loops, or there are none
        result.append(flow)
    return result


def _cuts(
    problem: Grids, name: str, sides: Array, flow: Sequence[Array], each: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return what the cuts around `sides` weigh, and what flows prove that cuts have to weigh.

    `each` is the first axis of the answer's arrays, if they have one for problems.
    """
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
