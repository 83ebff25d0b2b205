"""The minimum cut of a grid, and the flow that proves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from subopt._types import Array, ArrayLike
from subopt.graph._grid_input import Grids, grids
from subopt.graph._grid_layout import Layout, heads, tails


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

    @cached_property
    def flow(self) -> list[Array]:
        """Flow from p to ``p + offset``, negative if it runs back: one array per offset.

        Arrays are shaped as those of `weights` in `grid_cut`, and made when first asked for.
        """
        problem = self._problem
        residual = self._plan.arcs(self._residual)
        flows = []
        for q, offset in enumerate(problem.offsets):
            here = tails(offset, problem.shape, problem.periodic)
            left = residual[(0, *here, 2 * q)]
            flow = (problem.forward[q][0] - left).astype(problem.forward[q].dtype)
            if not self._plan.shift[2 * q]:
                flow[...] = 0  # a loop, or no arc at all
            flows.append(flow.reshape(flow.shape[3 - problem.dimensions :]))
        return flows

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
        """
        g = grids(source_capacity, sink_capacity, weights, offsets, periodic)
        node = np.arange(int(np.prod(g.shape))).reshape(g.shape)
        side = np.asarray(self.source_side, dtype=np.bool_).ravel()
        out = np.zeros(node.size)
        source, sink = (np.broadcast_to(t[0], g.shape).ravel() for t in (g.source, g.sink))
        cut = source[~side].sum() + sink[side].sum()
        for q, offset in enumerate(g.offsets):
            tail = node[tails(offset, g.shape, g.periodic)]
            head = heads(node, offset, g.shape, g.periodic)
            forward, backward = (
                np.broadcast_to(w[q][0], tail.shape).ravel() for w in (g.forward, g.backward)
            )
            tail, head = tail.ravel(), head.ravel()
            flow = np.clip(np.ravel(self.flow[q]), -backward, forward)
            out += np.bincount(tail, flow, node.size) - np.bincount(head, flow, node.size)
            cut += forward[side[tail] & ~side[head]].sum()
            cut += backward[~side[tail] & side[head]].sum()
        if cut >= g.beyond:
            return np.inf
        return float(cut - np.minimum(source, sink + out).sum())
