"""The network, flow and search trees of the last call, for the next one with other costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.answer import HUGE
from subopt._base.jit import in_python, njit
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs, Parts, all_capacities, all_ends
from subopt.compat.maxflow._numbers import EXACT
from subopt.graph._search import Search
from subopt.graph.augment import ONE, PATIENCE, reach
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.dynamic import mend
from subopt.graph.network import link, twin_of, workspace
from subopt.graph.push_relabel import NO_LIMIT, push_relabel


class KeptNetwork:
    """A network, or what a flow has left of it, and the search trees that found the flow.

    Use `keep`, which makes sure that all sums are exact or finite.

    Attributes
    ----------
    value : int or float
        What flows, after `solve`.
    """

    value: Any = None

    def __init__(self, excess: Array, parts: Parts, capacities: tuple[Array, Array]) -> None:
        self._whole = excess.dtype.kind == "i"
        self._ends = all_ends(parts)
        self._excess = excess.astype(np.float64)
        n = len(excess)
        self._indptr, self._slot, self._residual, words = link(n, *self._ends, *capacities)
        self._work = workspace(n, words)
        self._capacities: tuple[Array, Array] | None = capacities
        self._planted = False
        self._total = _total(excess, *capacities)

    @property
    def sink_side(self) -> Array:
        """The smallest side of the sink; the next flow overwrites it."""
        return self._work.side

    def solve(self) -> bool:
        """Find a maximum flow; return False if the digits of its value may be lost in rounding."""
        capacities, self._capacities = self._capacities, None
        assert capacities is not None
        n, excess, work, side = len(self._excess), self._excess, self._work, self._work.side
        before = excess.copy()
        search = Search(n, self._indptr, self._residual, excess, work, Deadline())
        search.run()
        self._planted = search.planted
        if search.planted:
            np.less(work.label, 0, out=side)
        else:
            reach(n, self._indptr, excess, work, -ONE)
        if self._whole:
            self.value = int(np.maximum(before, 0).sum() - np.maximum(excess, 0).sum())
            return True
        # the capacity of the cut: the flow is a sum of many rounded numbers
        tail, head = (side[ends] for ends in self._ends)
        forward, backward = capacities
        self.value = float(
            np.where(side, np.maximum(before, 0), np.maximum(-before, 0)).sum()
            + forward[head & ~tail].sum()
            + backward[tail & ~head].sum()
        )
        return HUGE * self.value >= self._total

    def takes(self, source: Array, sink: Array) -> bool:
        """Whether these capacities can be added exactly."""
        self._total += float(np.abs(source).sum(dtype=float) + np.abs(sink).sum(dtype=float))
        return self._total < (EXACT if self._whole else np.inf)

    def add(self, nodes: Array, source: Array, sink: Array) -> tuple[Any, Array]:
        """Add capacities of nodes, and return how much more flows and the nodes by the sink."""
        amounts = (part.astype(np.float64, copy=False) for part in (source, sink))
        more, self._planted = resume(
            nodes, *amounts, self._indptr, self._residual, self._excess, self._work, self._planted
        )
        return int(more) if self._whole else more, self._work.side

    def residual(self) -> tuple[Array, list[Any]]:
        """Return the excesses and arcs that the flow leaves."""
        dtype = np.int64 if self._whole else np.float64
        twins = in_python(twin_of)(self._work.ends[self._slot])
        left = (self._residual[part].astype(dtype) for part in (self._slot, twins))
        ends = (part.astype(np.int64) for part in self._ends)
        return self._excess.astype(dtype), [Arcs(*ends, *left)]


def keep(excess: Array, parts: Parts) -> KeptNetwork | None:
    """Return a network that can be kept; None where numbers are too large.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Capacity from the source, less that to the sink.
    parts : list of Arcs and Lattice
        With capacities >= 0.
    """
    capacities = all_capacities(parts)
    if _total(excess, *capacities) < (EXACT if excess.dtype.kind == "i" else np.inf):
        return KeptNetwork(excess, parts, capacities)
    return None


def _total(excess: Array, forward: Array, backward: Array) -> float:
    """Return the sum of all capacities."""
    return float(np.abs(excess).sum(dtype=float) + forward.sum() + backward.sum())


@njit
def all_supply(excess):
    """Return the sum of the positive numbers, as four sums, which takes a quarter of the time."""
    n = excess.shape[0]
    a = b = c = d = 0.0
    for v in range(0, n - 3, 4):
        a += max(excess[v], 0.0)
        b += max(excess[v + 1], 0.0)
        c += max(excess[v + 2], 0.0)
        d += max(excess[v + 3], 0.0)
    for v in range(n - n % 4, n):
        a += max(excess[v], 0.0)
    return (a + b) + (c + d)


@njit
def resume(nodes, source, sink, indptr, residual, excess, work, planted):
    """Add terminal capacities and continue; return the additional flow, and whether trees are kept.

    nodes : (k,) int64; source, sink : (k,) float64
        Nodes, and what their terminal capacities grow by.
    indptr, residual, excess, work
        The network, see `augment`; `excess` is what a node still has (or lacks).
    planted : bool
        Whether `work` has the search trees of the last call.

    Afterwards ``work.side`` is the smallest side of the sink.
    """
    n = excess.shape[0]
    more = 0.0
    for k in range(nodes.shape[0]):
        v = nodes[k]
        supply, demand = source[k] + max(excess[v], 0.0), sink[k] + max(-excess[v], 0.0)
        more += min(supply, demand)
        excess[v] = supply - demand
    before = all_supply(excess)
    limit = PATIENCE * (n + residual.shape[0])
    if planted:
        limit -= mend(nodes, indptr, excess, work)
    else:
        plant(n, excess, work)
    done = grow(indptr, residual, excess, work, limit)
    if done:
        for v in range(n):
            work.side[v] = work.label[v] < 0
    else:
        push_relabel(n, indptr, residual, excess, work, NO_LIMIT)
        reach(n, indptr, excess, work, -ONE)
    return more + (before - all_supply(excess)), done
