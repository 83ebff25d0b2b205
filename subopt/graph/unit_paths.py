"""Disjoint paths between pairs of nodes: maximum flows in networks whose capacities are 0 or 1.

A search from both ends grows the smaller frontier by one level until the two meet. Every arc
between the two trees is then a candidate for a path; those whose arcs are all still free are
augmented. Few searches therefore find all paths of one length, and a search visits only nodes near
the pair. Changes are logged and undone before the next pair, so the network is built once for all
pairs.

For paths without common nodes every node v is two nodes, v and n + v, with one arc between them
(`split_nodes`); a path leaves s at n + s and enters t at t.

Compiled. O(d (n + m)) for a pair with d disjoint paths at worst.

References
----------
.. [1] S. Even, R. E. Tarjan, "Network flow and testing graph connectivity", SIAM Journal on
   Computing 4(4), 1975.
.. [2] A.-H. Esfahanian, "Connectivity algorithms", chapter 12 of "Topics in Structural Graph
   Theory", Cambridge University Press, 2012: algorithms by dominating sets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.threads import in_order, thread_count
from subopt._base.types import Array
from subopt.graph.network import Network, csr

PAIRS_PER_CALL = 1 << 12  # compiled code cannot be interrupted; Ctrl-C comes between two calls


class UnitNetwork(NamedTuple):
    """A network of capacities 0 and 1."""

    network: Network
    capacity: Array  # (arcs,) int8, by slots of the network
    slot: Array  # (m,) int32: where arc e went, -1 for a loop


class _Search(NamedTuple):
    """Workspace of one thread."""

    residual: Array  # (arcs,) int8
    stamp: Array  # (nodes,) int64: 2 k if search k reached a node from s, 2 k + 1 from t
    arc: Array  # (nodes,) int32: the arc to a node from s, or from it towards t
    queues: Array  # (2, nodes) int32
    log: Array  # (arcs,) int32: arcs whose residual capacity has changed, one of each two twins
    logged: Array  # (arcs,) bool: whether an arc is in the log
    searches: Array  # (1,) int64: number of searches so far
    length: Array  # (1,) int64: length of the log


def unit_network(n: int, tails: Array, heads: Array, both_ways: Array | bool) -> UnitNetwork:
    """Return the network of arcs with capacity 1, and 1 back where `both_ways` says so."""
    network, slot = csr(n, tails, heads)
    capacity = np.zeros(len(network.heads), dtype=np.int8)
    there = slot >= 0
    capacity[slot[there]] = 1
    capacity[network.twin[slot[there & both_ways]]] = 1
    return UnitNetwork(network, capacity, slot)


def split_nodes(n: int, tails: Array, heads: Array, both_ways: Array | bool) -> UnitNetwork:
    """Return the network in which every node v is an arc from v to n + v.

    Its arcs are those of the nodes, then one for each arc, then one back where `both_ways` says so.
    """
    nodes = np.arange(n)
    back = np.flatnonzero(np.broadcast_to(both_ways, np.shape(tails)))
    first = np.concatenate([nodes, n + np.asarray(tails), n + np.asarray(heads)[back]])
    last = np.concatenate([n + nodes, heads, np.asarray(tails)[back]])
    return unit_network(2 * n, first, last, False)


def _search(unit: UnitNetwork) -> _Search:
    nodes, arcs = len(unit.network.indptr) - 1, len(unit.capacity)
    return _Search(
        unit.capacity.copy(),
        np.zeros(nodes, dtype=np.int64),
        np.empty(nodes, dtype=np.int32),
        np.empty((2, nodes), dtype=np.int32),
        np.empty(arcs, dtype=np.int32),
        np.zeros(arcs, dtype=np.bool_),
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )


def count_paths(
    unit: UnitNetwork,
    sources: Array,
    targets: Array,
    most: Array | None = None,
    *,
    threads: int | None = None,
) -> Array:
    """Return the number of disjoint paths of each pair, counting at most `most` of them.

    Parameters
    ----------
    unit : UnitNetwork
    sources, targets : ndarray of int, shape (pairs,)
        Different nodes of the network.
    most : ndarray of int, shape (pairs,), optional
    threads : int, optional
        Answers do not depend on it.
    """
    pairs = len(sources)
    if most is None:
        most = np.full(pairs, np.iinfo(np.int64).max)
    counts = np.empty(pairs, dtype=np.int64)
    threads = min(thread_count(threads), max(pairs // 64, 1))

    def run(part: Array) -> None:
        search = _search(unit)
        for k in range(0, len(part), PAIRS_PER_CALL):
            some = part[k : k + PAIRS_PER_CALL]
            _count(some, unit.network, unit.capacity, search, sources, targets, most, counts)

    in_order(run, np.array_split(np.arange(pairs), threads), threads)
    return counts


def fewest_paths(
    unit: UnitNetwork, sources: Array, targets: Array, most: int
) -> tuple[int, int | None]:
    """Return the least number of disjoint paths over all pairs, and the first pair that has it.

    No pair is searched beyond the least number so far, which is `most` at the beginning; the pair
    is None where none has fewer.
    """
    search = _search(unit)
    least = np.array([most, -1], dtype=np.int64)
    for k in range(0, len(sources), PAIRS_PER_CALL):
        part = slice(k, k + PAIRS_PER_CALL)
        some = sources[part], targets[part]
        _fewest(k, unit.network, unit.capacity, search, *some, least)
    return int(least[0]), int(least[1]) if least[1] >= 0 else None


def find_paths(unit: UnitNetwork, s: int, t: int, most: int | None = None) -> tuple[Array, Array]:
    """Return which slots carry flow along disjoint paths from s to t, and what s still reaches.

    The second is the smallest source side of a minimum cut, unless `most` ended the search.
    """
    search = _search(unit)
    _paths(s, t, np.iinfo(np.int64).max if most is None else most, unit.network, search)
    flow = search.residual < unit.capacity  # of two twins at most one
    reached = np.zeros(len(unit.network.indptr) - 1, dtype=np.bool_)
    _reach(s, unit.network, search.residual, search.queues[0], reached)
    return flow, reached


def fewest_edges(n: int, tails: Array, heads: Array) -> tuple[int, Array]:
    """Return the edge connectivity of a graph without parallel edges, and one side of such a cut.

    If some cut has fewer edges than the least degree, then both of its sides have nodes without a
    neighbor across. So every dominating set has nodes on both sides [2]_.
    """
    unit = unit_network(n, tails, heads, True)
    degree = np.diff(unit.network.indptr)
    v = int(np.argmin(degree))
    others = dominating_set(unit.network, v)[1:]
    least, pair = fewest_paths(unit, np.full(len(others), v), others, int(degree[v]))
    if pair is None:
        return least, np.arange(n) == v
    return least, find_paths(unit, v, int(others[pair]))[1]


def dominating_set(network: Network, start: int) -> Array:
    """Return nodes that have all others as neighbors, beginning with `start`."""
    covered = np.zeros(len(network.indptr) - 1, dtype=np.bool_)
    chosen = np.empty(len(covered), dtype=np.int64)
    return chosen[: _dominate(start, network, covered, chosen)]


@njit
def _dominate(start, network, covered, chosen):
    """Choose nodes that are not yet covered, one after the other; return how many these are."""
    count = 0
    for k in range(-1, covered.shape[0]):
        v = start if k < 0 else k
        if not covered[v]:
            covered[v] = True
            for e in range(network.indptr[v], network.indptr[v + 1]):
                covered[network.heads[e]] = True
            chosen[count] = v
            count += 1
    return count


@njit
def _count(part, network, capacity, search, sources, targets, most, counts):
    """Set ``counts[k]`` for the pairs k of `part`; all arrays but it are (pairs,)."""
    for k in part:
        counts[k] = _paths(sources[k], targets[k], most[k], network, search)
        _undo(network, capacity, search)


@njit
def _fewest(offset, network, capacity, search, sources, targets, least):
    """Lower ``least[0]``, the least number of paths, and note the pair in ``least[1]``.

    sources, targets (pairs,): the pairs from `offset` on.
    """
    for k in range(sources.shape[0]):
        count = _paths(sources[k], targets[k], least[0], network, search)
        _undo(network, capacity, search)
        if count < least[0]:
            least[0], least[1] = count, offset + k


@njit
def _undo(network, capacity, search):
    """Take all flow back."""
    residual, log, logged, length = search.residual, search.log, search.logged, search.length
    for k in range(length[0]):
        e = log[k]
        t = network.twin[e]
        residual[e], residual[t] = capacity[e], capacity[t]
        logged[e] = logged[t] = False
    length[0] = 0


@njit
def _paths(s, t, most, network, search):
    """Push a flow of at most `most` from s to t, and return its value."""
    indptr, heads, twin = network
    residual, stamp, arc, queues = search.residual, search.stamp, search.arc, search.queues
    count = 0
    while count < most:
        search.searches[0] += 1
        # the stamp of nodes that s reaches; that of nodes that reach t is one more
        ahead = 2 * search.searches[0]
        stamp[s], stamp[t] = ahead, ahead + 1
        arc[s], arc[t] = -1, -1
        queues[0, 0], queues[1, 0] = s, t
        first_0, last_0, first_1, last_1 = 0, 1, 0, 1
        before = count
        while count == before and first_0 < last_0 and first_1 < last_1:
            side = 0 if last_0 - first_0 <= last_1 - first_1 else 1
            first, last = (first_0, last_0) if side == 0 else (first_1, last_1)
            own, other = ahead + side, ahead + 1 - side
            end = last
            for q in range(first, end):
                v = queues[side, q]
                for e in range(indptr[v], indptr[v + 1]):
                    a = e if side == 0 else twin[e]  # the direction from s to t
                    if residual[a] <= 0:
                        continue
                    u = heads[e]
                    if stamp[u] == other:
                        if count < most and _is_free(a, heads, twin, residual, arc):
                            _take(a, heads, twin, search)
                            count += 1
                    elif stamp[u] != own:
                        stamp[u] = own
                        arc[u] = a
                        queues[side, last] = u
                        last += 1
            if side == 0:
                first_0, last_0 = end, last
            else:
                first_1, last_1 = end, last
        if count == before:
            break
    return count


@njit
def _is_free(a, heads, twin, residual, arc):
    """Tell whether the path from s through arc a to t has capacity on every arc."""
    if residual[a] <= 0:
        return False
    e = arc[heads[twin[a]]]
    while e >= 0:
        if residual[e] <= 0:
            return False
        e = arc[heads[twin[e]]]
    e = arc[heads[a]]
    while e >= 0:
        if residual[e] <= 0:
            return False
        e = arc[heads[e]]
    return True


@njit
def _take(a, heads, twin, search):
    """Send one unit along this path."""
    arc = search.arc
    _flip(a, twin, search)
    e = arc[heads[twin[a]]]
    while e >= 0:
        _flip(e, twin, search)
        e = arc[heads[twin[e]]]
    e = arc[heads[a]]
    while e >= 0:
        _flip(e, twin, search)
        e = arc[heads[e]]


@njit
def _flip(e, twin, search):
    """Send one unit along an arc, and note that in the log."""
    residual, logged, length = search.residual, search.logged, search.length
    t = twin[e]
    residual[e] -= 1
    residual[t] += 1
    if not logged[e]:
        logged[e] = logged[t] = True
        search.log[length[0]] = e
        length[0] += 1


@njit
def _reach(s, network, residual, queue, reached):
    """Mark what s reaches."""
    reached[s] = True
    queue[0] = s
    first, last = 0, 1
    while first < last:
        v = queue[first]
        first += 1
        for e in range(network.indptr[v], network.indptr[v + 1]):
            u = network.heads[e]
            if residual[e] > 0 and not reached[u]:
                reached[u] = True
                queue[last] = u
                last += 1
