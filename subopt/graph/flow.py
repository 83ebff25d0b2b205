"""The answer to a maximum-flow problem, which proves that its cut is minimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Graph, Terminal, bounded, graph
from subopt.graph._recheck import confirm, side_of


@dataclass(frozen=True, eq=False)
class Flow:
    """A minimum cut, and the flow that proves it minimum.

    Attributes
    ----------
    value : int or float
        Capacity of the cut around `source_side`; the flow is as large. An int if the capacities
        are ints, and then exact.
    source_side : ndarray of bool, shape (n,)
        Nodes on the source's side of the cut.
    flow : ndarray, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]``, negative if it runs the other way.
    method : str
        What ran.
    """

    value: float
    source_side: Array
    flow: Array
    method: str = ""

    def check(
        self,
        tails: ArrayLike,
        heads: ArrayLike,
        capacity: ArrayLike,
        reverse_capacity: ArrayLike | None = None,
        *,
        source_capacity: Terminal,
        sink_capacity: Terminal,
        n: int | None = None,
    ) -> float:
        """Recompute the cut and what the flow proves, and return how far apart they are.

        Any numbers f_e within the capacities, conserved or not, bound every cut from below by
        ``sum_v min(source_v, sink_v + outflow_v)``. So this needs no trust in the solver: the
        flow is first clipped to the capacities, and a flow that is not conserved leaves a gap.

        Parameters
        ----------
        tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n
            The graph, as given to `max_flow`.

        Returns
        -------
        float
            Capacity of the cut around `source_side` minus the bound: 0 up to rounding for a
            minimum cut, infinite for a cut through an infinite capacity.

        Raises
        ------
        ValueError, TypeError
            If `max_flow` refuses the graph, or the flow is not one number for each of its arcs.
        CertificateError
            If `value` is not the capacity of the cut around `source_side`.
        """
        g = graph(tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n)
        bounded(g)  # raises if sums overflow
        flow = _flow(g, self.flow)
        flow = np.maximum(np.minimum(flow, g.forward), -g.backward)
        out = np.zeros(g.n, dtype=np.result_type(flow, np.int64))
        np.add.at(out, g.tails, flow)
        np.subtract.at(out, g.heads, flow)
        bound = np.minimum(g.source, g.sink + out)
        cut = g.cut(side_of(self.source_side, (g.n,)))
        confirm(self.value, cut)
        return float(cut - bound.sum())


def _flow(g: Graph, values: ArrayLike) -> Array:
    flow = np.asarray(values)
    if flow.shape != g.tails.shape:
        raise ValueError(
            f"A check needs a flow along each arc, of shape {g.tails.shape}, got {flow.shape}"
        )
    bad = ~np.isfinite(flow)
    if bad.any():
        e = int(np.argmax(bad))
        raise ValueError(f"A check needs flows that are finite, but flow[{e}] is {flow[e]}")
    return flow
