"""Maximum flow and minimum cut on graphs whose nodes all touch a source and a sink.

Dinic's algorithm: breadth-first levels from the nodes with supply, then a blocking flow found by
walking back from every node with demand, at whatever level it lies, so one phase serves near and
far nodes alike. Strongly polynomial, so real capacities cannot make it run forever, and a saturated
arc is exactly zero. Made for graphs of 10 to 10^5 nodes that are solved over and over: the kernel
allocates nothing. The last levels are the answer: nodes that supply still reaches form the smallest
minimizing source side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from subopt._jit import njit
from subopt._types import Array, ArrayLike

Terminal = ArrayLike | Mapping[int, float]


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
    """

    value: float
    source_side: Array
    flow: Array

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
        """
        g = _graph(tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n)
        flow = np.clip(self.flow, -g.backward, g.forward)
        out = np.bincount(g.tails, flow, g.n) - np.bincount(g.heads, flow, g.n)
        bound = np.minimum(g.source, g.sink + out).sum()
        return float(_cut(g, np.asarray(self.source_side, dtype=np.bool_)) - bound)


def max_flow(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None = None,
    *,
    source_capacity: Terminal,
    sink_capacity: Terminal,
    n: int | None = None,
    maximal: bool = False,
) -> Flow:
    """Find a maximum flow from a source to a sink, and a minimum cut.

    The source and the sink are not nodes: node v has an arc of capacity ``source_capacity[v]``
    from the source and one of ``sink_capacity[v]`` to the sink. A set S of nodes cuts

        sum of source_capacity outside S + sum of sink_capacity inside S
        + sum of capacity over arcs from S to the rest (reverse_capacity for arcs into S).

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the arcs, in 0..n - 1. Parallel arcs and loops are allowed.
    capacity, reverse_capacity : array_like, shape (m,)
        Capacities >= 0 from tail to head and from head to tail (0 by default); may be infinite.
    source_capacity, sink_capacity : array_like of shape (n,), or dict
        Capacities >= 0; a dict maps nodes to them, and the other nodes get 0.
    n : int, optional
        Number of nodes; needed if both of these are dicts.
    maximal : bool, default False
        Return the largest source side of a minimum cut instead of the smallest.

    Returns
    -------
    Flow

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if no cut is finite, or if capacities are ints that
        add up to 2**52 or more, beyond which float64 might round.

    Notes
    -----
    O(n^2 m) at worst; on grids close to linear in practice.

    References
    ----------
    .. [1] E. A. Dinic, "Algorithm for solution of a problem of maximum flow in networks with power
       estimation", Soviet Mathematics Doklady 11, 1970.

    Examples
    --------
    >>> cut = max_flow(
    ...     [0, 0, 1], [1, 2, 2], [3, 1, 2], source_capacity={0: 9}, sink_capacity={2: 9}, n=3
    ... )
    >>> cut.value, cut.source_side, cut.flow
    (3, array([ True,  True, False]), array([2, 1, 2]))
    """
    g = _graph(tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n)
    parts = (g.forward, g.backward, g.source, g.sink)
    total = float(sum(part[np.isfinite(part)].sum() for part in parts))
    beyond = 1.0 + 2.0 * total  # more than any finite cut: as good as infinite
    if not np.isfinite(beyond) or (g.whole and beyond >= 2**53):
        raise ValueError(
            "max_flow needs capacities that add up to less than 2**52 for exact integers, but they "
            f"add up to {total:g}. Scale them, or pass floats to accept rounding."
        )
    forward, backward, source, sink = (np.minimum(part, beyond) for part in parts)
    side, flow = minimum_cut(
        g.n, g.tails, g.heads, forward, backward, source - sink, maximal=maximal
    )
    value = _cut(g, side)
    if not np.isfinite(value):
        raise ValueError(
            "max_flow needs a finite cut, but a path of infinite capacities leads from the source "
            "to the sink. Give one of its arcs a finite capacity."
        )
    if g.whole:
        return Flow(int(value), side, flow.astype(np.int64))
    return Flow(value, side, flow)


def minimum_cut(
    n: int,
    tails: Array,
    heads: Array,
    forward: Array,
    backward: Array,
    excess: Array,
    *,
    maximal: bool = False,
) -> tuple[Array, Array]:
    """Return the source side of a minimum cut, and a maximum flow on the arcs; checks nothing.

    `excess` (n,) is the capacity from the source to a node minus that from it to the sink.
    """
    network, slot = csr(n, tails, heads)
    residual = np.zeros(len(network.heads))
    proper = slot >= 0
    residual[slot[proper]] = forward[proper]
    residual[network.twin[slot[proper]]] = backward[proper]
    work = workspace(n)
    excess = excess.copy()
    augment(n, network, residual, excess, work)
    side = work.level[:n] >= 0
    if maximal:
        # what can still reach a demand does so against the arcs: swap the roles and search again
        augment(n, network, residual[network.twin], -excess, work)
        side = work.level[:n] < 0
    flow = np.zeros(len(slot))
    flow[proper] = forward[proper] - residual[slot[proper]]
    return side, flow


class _Graph(NamedTuple):
    n: int
    tails: Array
    heads: Array
    forward: Array
    backward: Array
    source: Array
    sink: Array
    whole: bool  # all capacities are ints or infinite


def _graph(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None,
    source_capacity: Terminal,
    sink_capacity: Terminal,
    n: int | None,
) -> _Graph:
    """Check what the caller gave."""
    if n is None:
        arrays = [c for c in (source_capacity, sink_capacity) if not isinstance(c, Mapping)]
        if not arrays:
            raise ValueError(
                "max_flow needs the number of nodes n if source_capacity and sink_capacity are "
                "both dicts"
            )
        n = np.size(np.asarray(arrays[0]))
    source, whole_source = _terminal("source_capacity", source_capacity, n)
    sink, whole_sink = _terminal("sink_capacity", sink_capacity, n)
    tails, heads = _ends("tails", tails, n), _ends("heads", heads, n)
    m = len(tails)
    if len(heads) != m:
        raise ValueError(f"heads needs one entry per arc, as tails has: {m}, got {len(heads)}")
    forward, whole = _capacity("capacity", capacity, m)
    backward, whole_back = np.zeros(m), True
    if reverse_capacity is not None:
        backward, whole_back = _capacity("reverse_capacity", reverse_capacity, m)
    whole = whole and whole_back and whole_source and whole_sink
    return _Graph(n, tails, heads, forward, backward, source, sink, whole)


def _ends(name: str, values: ArrayLike, n: int) -> Array:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} needs integers of shape (arcs,), got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    bad = (array < 0) | (array >= n)
    if bad.any():
        e = int(np.argmax(bad))
        raise ValueError(f"{name} needs nodes in 0..{n - 1}, but {name}[{e}] is {array[e]}")
    return array.astype(np.int64)


def _terminal(name: str, values: Terminal, n: int) -> tuple[Array, bool]:
    if not isinstance(values, Mapping):
        return _capacity(name, values, n)
    nodes = _ends(f"keys of {name}", list(values), n)
    amounts, whole = _capacity(name, list(values.values()), len(nodes))
    array = np.zeros(n)
    array[nodes] = amounts
    return array, whole


def _capacity(name: str, values: ArrayLike, size: int) -> tuple[Array, bool]:
    array: Array = np.asarray(values)
    if array.shape != (size,):
        raise ValueError(f"{name} needs the shape ({size},), got {array.shape}")
    if array.size and array.dtype.kind not in "biuf":
        raise TypeError(f"{name} needs real numbers, got dtype {array.dtype}")
    amounts = array.astype(np.float64)
    bad = ~(amounts >= 0)
    if bad.any():
        e = int(np.argmax(bad))
        raise ValueError(
            f"{name} needs numbers >= 0, but {name}[{e}] is {array[e]}. A cost c of a node on the "
            "source's side is sink_capacity c if c >= 0, source_capacity -c if not."
        )
    # infinity turns a list of ints into floats, so a float infinity counts as whole
    finite = amounts[np.isfinite(amounts)]
    whole = array.dtype.kind in "biu" or (
        len(finite) < array.size and bool((finite == np.floor(finite)).all())
    )
    return amounts, whole


def _cut(g: _Graph, side: Array) -> Any:
    leaves = side[g.tails] & ~side[g.heads]
    enters = ~side[g.tails] & side[g.heads]
    return (g.source[~side].sum() + g.sink[side].sum() + g.forward[leaves].sum()) + g.backward[
        enters
    ].sum()


class Network(NamedTuple):
    """Arcs in compressed rows, each with a twin that runs back."""

    indptr: Array  # (n + 1,) int64
    heads: Array  # (arcs,) int64
    twin: Array  # (arcs,) int64


class Workspace(NamedTuple):
    """What one maximum flow writes to, besides residual capacities and excesses."""

    level: Array  # (n,) int64; >= 0 afterwards: on the smallest source side
    cursor: Array  # (n,) int64
    queue: Array  # (n,) int64
    path: Array  # (n,) int64


def workspace(n: int) -> Workspace:
    """Return room for graphs of up to n nodes."""
    return Workspace(*(np.empty(n, dtype=np.int64) for _ in range(4)))


def csr(n: int, tails: Array, heads: Array) -> tuple[Network, Array]:
    """Return the network of some arcs and their twins, and where arc e went; -1 for a loop."""
    kept = np.flatnonzero(tails != heads)
    start = np.concatenate([tails[kept], heads[kept]])
    order = np.argsort(start, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(start, minlength=n), out=indptr[1:])
    ends = np.concatenate([heads[kept], tails[kept]])
    slot = np.full(len(tails), -1, dtype=np.int64)
    slot[kept] = place[: len(kept)]
    return Network(indptr, ends[order], place[(order + len(kept)) % max(len(order), 1)]), slot


@njit
def augment(n, network, residual, excess, work):
    """Push a maximum flow from nodes with positive to nodes with negative excess, in place.

    The first n nodes are the graph. Afterwards ``work.level[v] >= 0`` on the smallest source side.
    """
    indptr, heads, twin = network
    level, cursor, queue, path = work
    for v in range(n):  # what neighbours settle among themselves saves a phase
        for e in range(indptr[v], indptr[v + 1]):
            if excess[v] <= 0.0:
                break
            amount = min(excess[v], -excess[heads[e]], residual[e])
            if amount > 0.0:
                excess[v] -= amount
                excess[heads[e]] += amount
                residual[e] -= amount
                residual[twin[e]] += amount
    while True:
        reached = 0
        for v in range(n):
            level[v] = -1
            cursor[v] = indptr[v]
            if excess[v] > 0.0:
                level[v] = 0
                queue[reached] = v
                reached += 1
        demand = False
        q = 0
        while q < reached:
            v = queue[q]
            q += 1
            for e in range(indptr[v], indptr[v + 1]):
                u = heads[e]
                if level[u] < 0 and residual[e] > 0.0:
                    level[u] = level[v] + 1
                    queue[reached] = u
                    reached += 1
                    demand |= excess[u] < 0.0
        if not demand:
            return
        for q in range(reached):
            if excess[queue[q]] < 0.0:
                _supply(queue[q], indptr, heads, twin, residual, excess, level, cursor, path)


@njit
def _supply(t, indptr, heads, twin, residual, excess, level, cursor, path):
    """Walk back from node t level by level to nodes with supply, until it is met or cut off."""
    v, depth = t, 0
    while excess[t] < 0.0:
        if level[v] == 0:
            amount = min(excess[v], -excess[t])
            for k in range(depth):
                amount = min(amount, residual[twin[path[k]]])
            excess[v] -= amount
            excess[t] += amount
            if excess[v] <= 0.0:
                level[v] = -1
                back = depth - 1
            else:
                back = depth
            for k in range(depth - 1, -1, -1):
                residual[path[k]] += amount
                residual[twin[path[k]]] -= amount
                if residual[twin[path[k]]] <= 0.0:
                    back = k
            if back < depth:  # else the demand of t is met
                depth = back
                v = heads[twin[path[depth]]]
            continue
        e = cursor[v]
        while e < indptr[v + 1]:
            if level[heads[e]] == level[v] - 1 and residual[twin[e]] > 0.0:
                break
            e += 1
        cursor[v] = e
        if e < indptr[v + 1]:
            path[depth] = e
            depth += 1
            v = heads[e]
        else:
            level[v] = -1  # no way back from here in this phase
            if depth == 0:
                return
            depth -= 1
            v = heads[twin[path[depth]]]
