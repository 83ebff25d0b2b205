"""Global minimum cuts of undirected graphs, by contraction.

Nodes are visited in the order in which they are attached to those visited before (maximum
adjacency). If the weight between w and the visited nodes reaches the value of the best known cut
when v is visited, no smaller cut separates v from w, so the two are contracted [2]_; every pass
contracts at least the last node [1]_, and usually most of the graph. The best known cut is the
lightest one around a single node, contracted or not. Where all edges weigh the same, passes
contract little, and disjoint paths are counted instead.

Compiled. O(n m log n) at worst; the number of passes grows like log n on most graphs.

References
----------
.. [1] M. Stoer, F. Wagner, "A simple min-cut algorithm", Journal of the ACM 44(4), 1997.
.. [2] H. Nagamochi, T. Ono, T. Ibaraki, "Implementing an efficient minimum capacity cut
   algorithm", Mathematical Programming 67, 1994.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.graph._input import Graph, bounded, infinite
from subopt.graph.unit_paths import fewest_edges


def smallest_cut(g: Graph) -> tuple[Any, Array]:
    """Return the least capacity of a cut with nodes on both sides, and one side of it.

    `g` is an undirected graph of at least two nodes with finite capacities, without terminals.
    """
    assert g.n >= 2
    assert not infinite(g.forward).any()
    if _all_alike(g):
        side = fewest_edges(g.n, g.tails, g.heads)[1]
        return g.cut(side), side
    weights, *_ = bounded(g, "A smallest cut")
    indptr, heads, amounts = _rows(g.n, g.tails, g.heads, weights)
    block = np.arange(g.n)  # of every node
    count, least, side = g.n, weights.dtype.type(0), np.zeros(g.n, dtype=np.bool_)
    known = False
    while count > 1:
        around = np.empty(count, dtype=weights.dtype)
        _around(indptr, amounts, around)
        v = int(np.argmin(around))
        if not known or around[v] < least:
            known, least, side = True, around[v], block == v
        leader = np.arange(count)
        reached = _pass(indptr, heads, amounts, least, leader)
        if reached.size < count:  # the graph falls apart
            side = np.isin(block, reached)
            break
        name = np.cumsum(leader == np.arange(count)) - 1
        name = name[leader]
        count = int(name.max()) + 1
        block = name[block]
        indptr, heads, amounts = _contract(indptr, heads, amounts, name, count)
    return g.cut(side), side


def _all_alike(g: Graph) -> bool:
    """Return whether all edges weigh the same, and no two of them have the same ends."""
    if len(g.forward) == 0 or g.forward.min() < g.forward.max() or g.forward[0] <= 0:
        return False
    first, last = np.minimum(g.tails, g.heads), np.maximum(g.tails, g.heads)
    return len(np.unique(first * np.int64(g.n) + last)) == len(first)


def _rows(n: int, tails: Array, heads: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return the graph in compressed rows, without loops and edges of weight 0."""
    there = (tails != heads) & (weights > 0)
    tails, heads, weights = tails[there], heads[there], weights[there]
    first, last = np.concatenate([tails, heads]), np.concatenate([heads, tails])
    order = np.argsort(first, kind="stable")
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(first, minlength=n), out=indptr[1:])
    return indptr, last[order].astype(np.int32), np.concatenate([weights, weights])[order]


@njit
def _around(indptr, amounts, around):
    """Sum the weights of every row."""
    for v in range(around.shape[0]):
        total = amounts.dtype.type(0)
        for e in range(indptr[v], indptr[v + 1]):
            total += amounts[e]
        around[v] = total


@njit
def _pass(indptr, heads, amounts, least, leader):
    """Visit the nodes by maximum adjacency, and contract nodes that no cut below `least` separates.

    indptr (n + 1,), heads and amounts (arcs,) are the rows of the graph, each edge both ways.
    `leader[v]` becomes the smallest node that is contracted with v. Return the nodes of the first
    component in the order of visits.
    """
    n = leader.shape[0]
    attached = np.zeros(n, dtype=amounts.dtype)
    place = np.full(n, -1)  # in the heap; -2 for nodes that were visited
    heap = np.empty(n, dtype=np.int64)
    order = np.empty(n, dtype=np.int64)
    heap[0], place[0] = 0, 0
    size, visits, joined = 1, 0, False
    while size > 0:
        v = heap[0]
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            place[heap[0]] = 0
            _sink(0, size, heap, place, attached)
        place[v] = -2
        order[visits] = v
        visits += 1
        for e in range(indptr[v], indptr[v + 1]):
            w = heads[e]
            if place[w] == -2:
                continue
            if place[w] == -1:
                place[w] = size
                heap[size] = w
                size += 1
            before = attached[w]
            after = before + amounts[e]
            if after >= least:
                joined |= _join(v, w, leader)
                after = least  # the order of those that are joined does not matter
            if after > before:
                attached[w] = after
                _rise(place[w], heap, place, attached)
    if not joined and visits == n:  # rounding: the last two cannot be apart in a smaller cut
        _join(order[n - 2], order[n - 1], leader)
    for v in range(n):
        leader[v] = _find(v, leader)
    return order[:visits]


@njit
def _rise(k, heap, place, attached):
    """Move an entry of the heap up to where it belongs."""
    v = heap[k]
    while k > 0:
        above = (k - 1) // 2
        u = heap[above]
        if attached[u] >= attached[v]:
            break
        heap[k] = u
        place[u] = k
        k = above
    heap[k] = v
    place[v] = k


@njit
def _sink(k, size, heap, place, attached):
    """Move an entry of the heap down to where it belongs."""
    v = heap[k]
    while 2 * k + 1 < size:
        below = 2 * k + 1
        if below + 1 < size and attached[heap[below + 1]] > attached[heap[below]]:
            below += 1
        u = heap[below]
        if attached[u] <= attached[v]:
            break
        heap[k] = u
        place[u] = k
        k = below
    heap[k] = v
    place[v] = k


@njit
def _find(v, leader):
    """Return the smallest node that v is joined with, and shorten the way to it."""
    top = v
    while leader[top] != top:
        top = leader[top]
    while leader[v] != top:
        leader[v], v = top, leader[v]
    return top


@njit
def _join(v, w, leader):
    """Join two nodes; return whether they were apart."""
    a, b = _find(v, leader), _find(w, leader)
    leader[max(a, b)] = min(a, b)
    return a != b


@njit
def _contract(indptr, heads, amounts, name, count):
    """Return the rows of the contracted graph, parallel edges added up.

    indptr, heads, amounts as in `_pass`; name (n,) maps nodes to the `count` nodes that are left.
    """
    n = name.shape[0]
    start = np.zeros(count + 1, dtype=np.int64)
    for v in range(n):
        start[name[v] + 1] += 1
    for b in range(count):
        start[b + 1] += start[b]
    member = np.empty(n, dtype=np.int64)
    fill = start[:count].copy()
    for v in range(n):
        member[fill[name[v]]] = v
        fill[name[v]] += 1
    rows = np.empty(count + 1, dtype=np.int64)
    ends, sums = np.empty_like(heads), np.empty_like(amounts)
    slot = np.full(count, -1)
    size = 0
    for b in range(count):
        rows[b] = size
        for k in range(start[b], start[b + 1]):
            v = member[k]
            for e in range(indptr[v], indptr[v + 1]):
                c = name[heads[e]]
                if c == b:
                    continue
                if slot[c] < rows[b]:
                    slot[c] = size
                    ends[size], sums[size] = c, amounts[e]
                    size += 1
                else:
                    sums[slot[c]] += amounts[e]
    rows[count] = size
    return rows, ends[:size].copy(), sums[:size].copy()
