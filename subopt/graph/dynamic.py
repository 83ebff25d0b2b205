"""Maximum flow after changes of capacities, starting from the previous flow and trees.

The previous flow is kept, so that only the difference has to be pushed. A node that sends more than
its new supply counts as demand, which does not change the minimum cuts [1]_. The search trees are
repaired at changed nodes [2]_. The flow of an arc is reduced to its new capacity; the difference
becomes supply at its tail and demand at its head, and the search trees are built anew. Infinite
capacities are replaced by a power of two above the sum of the finite ones; it is increased when
that sum increases.

References
----------
.. [1] P. Kohli, P. H. S. Torr, "Dynamic graph cuts for efficient inference in Markov random
   fields", IEEE TPAMI 29(12), 2007, section 3.
.. [2] the same, section 5.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.jit import njit
from subopt._base.options import Deadline, documented
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Graph, Terminal, capacities, ends, floats, graph, infinite
from subopt.graph._lowered import dwarfed
from subopt.graph._max_flow import precise
from subopt.graph._search import Search
from subopt.graph.augment import PATIENCE, augment_opened, reach
from subopt.graph.boykov_kolmogorov import (
    ORPHAN,
    ROOT,
    activate,
    adopt,
    plant,
)
from subopt.graph.flow import CutCertificate, Flow, flow_bound
from subopt.graph.network import AHEAD, BACK, HEAD, TWIN, drain, link, workspace


class DynamicMaxFlow:
    """A graph whose capacities change, and its maximum flows.

    Parameters
    ----------
    tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n
        The graph, as for `max_flow`. Capacities may be infinite.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or if integer capacities add up to 2**52 or more, where
        an infinite one counts up to four times the sum of the finite ones.

    Notes
    -----
    If few capacities have changed, `solve` takes time in proportion to the affected part of the
    graph, plus O(n + m) to return the flow. Integers are exact.

    Examples
    --------
    >>> terminals = {"source_capacity": [5, 0, 0], "sink_capacity": [0, 0, 5]}
    >>> chain = DynamicMaxFlow([0, 1], [1, 2], [3, 2], **terminals)
    >>> chain.solve().value
    2
    >>> chain.change([1], sink_capacity=[4])
    >>> chain.solve().value
    3
    >>> chain.change_arcs([0], capacity=[1])
    >>> chain.solve().value
    1
    """

    def __init__(
        self,
        tails: ArrayLike,
        heads: ArrayLike,
        capacity: ArrayLike,
        reverse_capacity: ArrayLike | None = None,
        *,
        source_capacity: Terminal,
        sink_capacity: Terminal,
        n: int | None = None,
    ) -> None:
        g = graph(tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n)
        forward, backward, source, sink = (part.copy() for part in g[3:7])  # the caller may write
        self._graph = g._replace(forward=forward, backward=backward, source=source, sink=sink)
        self._beyond = _stand_in(self._graph, 0.0)
        self._parts = _finite(self._graph, self._beyond)
        self._begin()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._graph.n} nodes, {len(self._graph.tails)} arcs)"

    def _begin(self) -> None:
        """Set up the network without flow."""
        g = self._graph
        self._indptr, self._slot, self._residual, ends = link(
            g.n, g.tails, g.heads, self._parts.forward, self._parts.backward
        )
        self._full = self._residual.copy()
        self._excess = self._parts.source - self._parts.sink
        self._work = workspace(g.n, ends)
        self._changed: list[Array] = []
        self._trees = False  # whether those of the last solution are still there

    def change(
        self,
        nodes: ArrayLike,
        *,
        source_capacity: ArrayLike | None = None,
        sink_capacity: ArrayLike | None = None,
    ) -> None:
        """Set the terminal capacities of some nodes.

        Parameters
        ----------
        nodes : array_like of int, shape (k,)
            The nodes. If a node occurs twice, its last entry counts.
        source_capacity, sink_capacity : array_like, shape (k,), optional
            The new capacities of these nodes, nonnegative; unchanged by default.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or neither kind of capacity is given.
        """
        g = self._graph
        nodes = ends("nodes", nodes, g.n, each="nodes")
        if source_capacity is None and sink_capacity is None:
            raise ValueError("change needs source_capacity, sink_capacity, or both; got neither")
        source, sink, whole = g.source, g.sink, g.whole
        if source_capacity is not None:
            source, whole = _with("source_capacity", source, nodes, source_capacity, whole)
        if sink_capacity is not None:
            sink, whole = _with("sink_capacity", sink, nodes, sink_capacity, whole)
        self._set(g._replace(source=source, sink=sink, whole=whole), nodes=np.unique(nodes))

    def change_arcs(
        self,
        arcs: ArrayLike,
        *,
        capacity: ArrayLike | None = None,
        reverse_capacity: ArrayLike | None = None,
    ) -> None:
        """Set the capacities of some arcs.

        Parameters
        ----------
        arcs : array_like of int, shape (k,)
            Positions in `tails` and `heads`. For an arc that is named twice, the last entry counts.
        capacity, reverse_capacity : array_like, shape (k,), optional
            Their new capacities, nonnegative; unchanged by default.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or if ints add up to 2**52 or more.

        Notes
        -----
        O(n + m). The next solution builds new search trees, and starts from the previous flow.
        """
        g = self._graph
        arcs = ends("arcs", arcs, len(g.tails), each="arcs", what="arcs")
        if capacity is None and reverse_capacity is None:
            raise ValueError("change_arcs needs capacity, reverse_capacity, or both; got neither")
        forward, backward, whole = g.forward, g.backward, g.whole
        if capacity is not None:
            forward, whole = _with("capacity", forward, arcs, capacity, whole)
        if reverse_capacity is not None:
            backward, whole = _with("reverse_capacity", backward, arcs, reverse_capacity, whole)
        self._set(g._replace(forward=forward, backward=backward, whole=whole), arcs=np.unique(arcs))

    def _set(self, g: Graph, nodes: Array | None = None, arcs: Array | None = None) -> None:
        """Take over the new capacities of some nodes or arcs; everything that is kept follows."""
        none, parts, beyond = np.zeros(0, np.int64), self._parts, _stand_in(g, self._beyond)
        new = (
            _finite(g, beyond, parts, nodes, arcs) if beyond == self._beyond else _finite(g, beyond)
        )
        if beyond != self._beyond:  # infinite ones change with it
            nodes, arcs = np.arange(g.n), np.arange(len(g.tails))
        nodes, arcs = none if nodes is None else nodes, none if arcs is None else arcs
        # other nodes keep their excess: a rounded new value could look like demand
        nodes = nodes[
            new.source[nodes] - new.sink[nodes] != parts.source[nodes] - parts.sink[nodes]
        ]
        self._graph, self._beyond, self._parts = g, beyond, new
        if len(arcs):
            nodes = np.union1d(nodes, self._set_arcs(arcs, parts))
        gone = _outflow(nodes, self._indptr, self._full, self._residual)
        # not `+= after - before`: that would accumulate rounding errors next to large numbers
        self._excess[nodes] = new.source[nodes] - new.sink[nodes] - gone
        self._changed.append(nodes)

    def _set_arcs(self, arcs: Array, before: _Parts) -> Array:
        """Set new capacities of arcs; return the nodes whose outflow that changed."""
        g, parts = self._graph, self._parts
        flow, words = np.empty(len(self._slot)), self._work.ends
        drain(self._slot, words, before.forward, before.backward, self._residual, flow)
        self._trees = False
        arcs = arcs[self._slot[arcs] >= 0]  # loops carry nothing
        first, last = parts.forward[arcs], parts.backward[arcs]
        kept = np.clip(flow[arcs], -last, first)
        there = self._slot[arcs]
        twin = (words[there] >> TWIN & np.uint64(2**32 - 1)).astype(np.int64)
        self._full[there], self._full[twin] = first, last
        self._residual[there], self._residual[twin] = first - kept, last + kept
        both = AHEAD | BACK
        for one, other in ((there, twin), (twin, there)):
            ahead, back = self._residual[one] > 0, self._residual[other] > 0
            words[one] = (words[one] & ~both) | ahead * AHEAD | back * BACK
        less = arcs[kept != flow[arcs]]
        return np.concatenate([g.tails[less], g.heads[less]])

    @documented
    def solve(self, *, maximal: bool = False, time_limit: float | None = None) -> Flow:
        """Find a maximum flow and a minimum cut for the current capacities.

        After Ctrl-C or the time limit, the next call continues from the flow found so far. If float
        capacities are more than 2**20 times the value, the next call begins anew.

        Parameters
        ----------
        maximal : bool, default False
            Return the largest source side of a minimum cut instead of the smallest.
        %(time_limit)s

        Returns
        -------
        Flow
            A minimum cut, and a maximum flow as its certificate.

        Raises
        ------
        ValueError
            If no cut is finite.
        """
        maximal = validate.flag("maximal", maximal)
        g, work = self._graph, self._work
        search = Search(g.n, self._indptr, self._residual, self._excess, work, Deadline(time_limit))
        changed = np.unique(np.concatenate([np.zeros(0, np.int32), *self._changed]))
        # if the search is interrupted, the trees are planted anew, which needs no list of changes
        trees, self._trees, self._changed = self._trees, False, []
        if not trees:
            plant(g.n, self._excess, work)
            changed = changed[:0]
        limit = self._limit() - mend(changed, self._indptr, self._excess, work)
        self._trees = search.grow(int(limit))
        if not self._trees:
            search.push()
        method = "boykov_kolmogorov" if self._trees else "boykov_kolmogorov, then push_relabel"
        if search.stopped:
            return self._stopped(search, method)
        side = work.side.copy()
        value = g.cut(side)
        if value == np.inf:
            raise ValueError(
                "solve needs a finite cut, but a path of infinite capacities leads from the source "
                "to the sink. Give one of its arcs a finite capacity."
            )
        flow = self._flow(side)
        if maximal:
            reach(g.n, self._indptr, self._excess, work, np.int64(-1))
            side = ~work.side
        answer = self._answer(value, value, side, flow, method)
        if g.whole or not dwarfed([value], *(part[None] for part in self._parts))[0]:
            return answer
        self._begin()  # what is kept lacks digits, and capacities may become small
        return precise(g, self._parts, answer, maximal)

    def _stopped(self, search: Search, method: str) -> Flow:
        """Return the best known cut, and the bound of a flow that may not be conserved."""
        g = self._graph
        value, _, side = min((g.cut(side), k, side) for k, side in enumerate(search.sides()))
        flow = self._drained(self._residual, self._work.ends)
        bound = flow_bound(g, flow)
        bound = min(int(bound) if g.whole else bound, value)
        return self._answer(value, bound, side, flow, method)

    def _answer(self, value: Any, bound: Any, side: Array, flow: Array, method: str) -> Flow:
        flow = flow.astype(np.int64) if self._graph.whole else flow
        return Flow(
            value=value,
            lower_bound=bound,
            status=Status.OPTIMAL if value == bound else Status.TIME_LIMIT,
            method=method,
            certificate=CutCertificate(flow),
            source_side=side,
            flow=flow,
        )

    def _limit(self) -> np.int64:
        return np.int64(PATIENCE * (self._graph.n + len(self._residual)))

    def _flow(self, side: Array) -> Array:
        """Return the flow, after sending back what exceeds the current terminal capacities."""
        g, residual, ends = self._graph, self._residual, self._work.ends
        parts = self._parts
        # on the source's side, flow returns to nodes that can take back what they sent; on the
        # other side, from nodes that absorbed too much. No residual arc crosses the cut.
        much = np.where(side, self._excess - parts.source, 0.0)
        little = np.where(side, 0.0, self._excess + parts.sink)
        room = None
        for excess in (much if (much > 0).any() else None, little if (little < 0).any() else None):
            if excess is not None:
                if room is None:
                    residual = residual.copy()
                    ends = ends.copy()
                    room = workspace(g.n, ends)
                augment_opened(g.n, self._indptr, residual, excess, room, self._limit())
        return self._drained(residual, ends)

    def _drained(self, residual: Array, ends: Array) -> Array:
        flow = np.empty(len(self._slot))
        drain(self._slot, ends, self._parts.forward, self._parts.backward, residual, flow)
        return flow


class _Parts(NamedTuple):
    """Capacities as float64, with a finite number for infinite ones."""

    forward: Array
    backward: Array
    source: Array
    sink: Array


def _finite(
    g: Graph,
    beyond: float,
    before: _Parts | None = None,
    nodes: Array | None = None,
    arcs: Array | None = None,
) -> _Parts:
    """Return finite capacities: all of them, or those of before with some nodes or arcs changed."""
    found = []
    for k, (part, some) in enumerate(zip(g[3:7], (arcs, arcs, nodes, nodes), strict=True)):
        if before is None:
            found.append(np.where(infinite(part), beyond, part.astype(np.float64)))
        elif some is None:
            found.append(before[k])
        else:
            found.append(before[k].copy())
            found[-1][some] = np.where(infinite(part[some]), beyond, part[some])
    return _Parts(*found)


def _stand_in(g: Graph, before: float) -> float:
    """Return a number above all finite cuts: as before, or a new one if that is too small."""
    never = [infinite(part) for part in g[3:7]]
    with np.errstate(over="ignore"):  # an error follows
        total = sum(
            float(part.sum(dtype=float, where=~which))
            for part, which in zip(g[3:7], never, strict=True)
        )
        count = sum(int(which.sum()) for which in never)
        power = float(np.exp2(np.floor(np.log2(total)) + 1.0)) if total > 0 else 1.0
        beyond = (2.0 * power if before <= total else before) if count else before
        most = total + count * (beyond if count else 0.0)
    infinities = f", with {beyond:g} for each of {count} infinite ones" if count else ""
    if g.whole and most >= 2**52:
        raise ValueError(
            "DynamicMaxFlow needs ints that add up to less than 2**52 to be exact, but they add up "
            f"to {most:g}{infinities}. Pass floats to accept rounding, or use max_flow."
        )
    if not np.isfinite(most):
        raise ValueError(
            f"DynamicMaxFlow needs capacities that add up to less than 1e308{infinities}. Scale "
            "them."
        )
    return beyond


def _with(
    name: str, before: Array, nodes: Array, values: ArrayLike, whole: bool
) -> tuple[Array, bool]:
    """Return capacities with some changed, and whether all are whole."""
    amounts = capacities(name, values, nodes.shape)
    if before.dtype.kind == amounts.dtype.kind:
        array = before.copy()
    else:
        array, amounts = floats(before).copy(), floats(amounts)
    array[nodes] = amounts
    return array, whole and amounts.dtype.kind == "i"


@njit
def _outflow(nodes, indptr, full, residual):
    """Return the net outflow of some nodes along the arcs."""
    result = np.zeros(nodes.shape[0])
    for k in range(nodes.shape[0]):
        for e in range(indptr[nodes[k]], indptr[nodes[k] + 1]):
            result[k] += full[e] - residual[e]
    return result


@njit
def mend(changed, indptr, excess, work):
    """Repair the trees at nodes whose excess has changed; return the number of arcs examined."""
    count = 0
    for k in range(changed.shape[0]):
        count = _uproot(changed[k], count, indptr, excess, work)
    return adopt(count, indptr, work)


@njit
def _uproot(v, count, indptr, excess, work):
    """Make a node a root, or not, according to its excess, and list the orphans of this change."""
    ends, orphans, label, parent = work.ends, work.queue, work.label, work.parent
    active, waits, state = work.active, work.waits, work.state[0]
    old = label[v]
    sign = 1 if excess[v] > 0 else -1 if excess[v] < 0 else 0
    if sign == 0:
        if old != 0 and parent[v] == ROOT:
            parent[v] = ORPHAN
            orphans[count] = v
            count += 1
        return count
    if old * sign <= 0:
        for e in range(indptr[v], indptr[v + 1]):
            u = ends[e] >> HEAD
            if parent[u] == v:
                parent[u] = ORPHAN
                orphans[count] = u
                count += 1
            if label[u] * sign < 0:
                # u may be inactive because v was in a tree; it has to examine v again
                activate(u, active, waits, state)
        activate(v, active, waits, state)
    label[v] = sign
    parent[v] = ROOT
    return count
