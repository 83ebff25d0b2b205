"""Compiled: Dinic's maximum flow on small grids, with bit sets of nodes.

Bit v of a set tells whether node v is in the set, and row k of `Sets.open` holds the nodes whose
arc k is open. The nodes that arc k leads to from a set are ``(set & open[k]) << step``, so that a
layer of the breadth-first search takes a few instructions per 64 nodes. Arcs that would leave the
grid are never open. Shifts can therefore be implemented as rotations.

A phase finds layers from the nodes with supply until a layer contains demand. It then augments
along paths through the layers until there are none left. There are at most n phases ([1]_).

`words` is the number of words of a set, or None for one; `degree` is the number of arcs, or None
for 4. For None, numba compiles a version in which this loop is unrolled. Nodes and words are
unsigned, see `subopt.graph.grid._search_trees`.

.. [1] E. A. Dinic, "Algorithm for solution of a problem of maximum flow in networks with power
   estimation", Soviet Mathematics Doklady 11, 1970.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt._base.jit import small_first_uncounted as njit
from subopt.graph.grid._layout import Layout, Sets, empty_sets, load_part, weigh_part
from subopt.graph.grid._search_trees import lowest, meet

if TYPE_CHECKING:
    from subopt._base.types import Array

_0, _1, _4, _6, _63 = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(6), np.uint64(63)


class Kind(NamedTuple):
    """What numba compiles kernels anew for."""

    degree: Any  # see `Layout.degree`
    words: Any  # see `Layout.words`


class Bits(NamedTuple):
    """Workspace for one grid after another."""

    leap: Array  # (arcs,) uint64; shift modulo the bits of a set
    sets: Sets
    turned: Array  # (arcs, words) uint64; for ``sets.open``, turned around
    layer: Array  # (nodes + 1, words) uint64
    path: Array  # (nodes + 1,) uint64; the node in each layer
    via: Array  # same; its arc towards the layer before
    bottleneck: Array  # (nodes + 1,) as capacities; what the path from there to its end takes


def bits(layout: Layout, dtype: Any) -> Bits:
    """Return the workspace for grids of a layout, and capacities of some type."""
    arcs, rows = len(layout.shift), max(math.prod(layout.shape), 1) + 1
    words = int(layout.words or 1)
    return Bits(
        leap=(layout.shift.view(np.int64) % (64 * words)).astype(np.uint64),
        sets=empty_sets(arcs, words),
        turned=np.empty((arcs, words), dtype=np.uint64),
        layer=np.empty((rows, words), dtype=np.uint64),
        path=np.empty(rows, dtype=np.uint64),
        via=np.empty(rows, dtype=np.uint64),
        bottleneck=np.empty(rows, dtype=dtype),
    )


class Answers(NamedTuple):
    """Minimum cuts of some problems."""

    sides: Array  # (problems, nodes) bool: source sides
    values: Array  # (problems,) int64 or float64


@njit
def cut_stacks(parts, start, places, kind, network, bits, maximal, answers):
    """Cut the problems from number `start` on, as many as there are `sides`.

    Parameters
    ----------
    parts : Terms
        The capacities.
    places, kind, network, bits : Places, Kind, Network, Bits
        Workspace for a stack of grids.
    maximal : bool
        Whether to write the largest source sides.
    answers : Answers
        Sides are overwritten; what the cuts weigh is added to the values.
    """
    sides, values = answers.sides, answers.values
    runs, ahead, back = parts.runs, parts.ahead, parts.back
    for begin in range(0, sides.shape[0], places.stack):
        end = min(begin + places.stack, sides.shape[0])
        here, some, count = start + begin, sides[begin:end], end - begin
        for q in range(runs.first.shape[0]):
            load_part(runs, q, ahead[q], back[q], here, count, places, network)
        first = np.uint64(places.first)
        cut_bits(kind.degree, kind.words, first, network, bits, maximal, some)
        for q in range(runs.first.shape[0]):
            weigh_part(runs, q, ahead[q], back[q], here, some, values[begin:end])


@njit
def cut_bits(degree, words, first, network, bits, maximal, sides):
    """Find maximum flows on grids that lie one after another, and write the source sides."""
    excess, sets, nodes = network.excess, bits.sets, np.uint64(sides.shape[1])
    for p in range(sides.shape[0]):
        base = first + np.uint64(p) * nodes
        for v in range(base, base + nodes):
            if excess[v] > 0:
                meet(degree, np.uint64(v), network)
        _fill(degree, words, base, nodes, network, sets)
        while True:
            last = _search(degree, words, sets.supply, sets.demand, bits)
            if last == _0:
                break
            _block(degree, words, base, last, network, bits)
        if maximal:
            _reverse(degree, words, bits)
            _search(degree, words, sets.demand, sets.supply, bits)
        for v in range(_0, nodes):
            inside = (sets.seen[_word(words, v)] >> (np.uint64(v) & _63)) & _1 != _0
            sides[p, v] = inside != maximal


@inner
def _fill(degree, words, base, nodes, network, sets):
    """Find out which nodes have supply or demand, and which arcs are open."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    residual, excess = network.residual, network.excess
    for w in range(_0, count):
        sets.supply[w] = sets.demand[w] = _0
        for k in range(_0, arcs):
            sets.open[k, w] = _0
    for v in range(_0, nodes):
        w, bit = _word(words, v), np.uint64(v) & _63
        sets.supply[w] |= np.uint64(excess[base + v] > 0) << bit
        sets.demand[w] |= np.uint64(excess[base + v] < 0) << bit
        for k in range(_0, arcs):
            sets.open[k, w] |= np.uint64(residual[(base + v) * arcs + k] > 0) << bit


@inner
def _search(degree, words, roots, goal, bits):
    """Find the layers around the set `roots` until one meets `goal`, and return its number.

    Of that layer only what is in `goal` stays. If there is none return 0; `Sets.seen` is complete
    then.
    """
    count, layer, seen = _1 if words is None else words, bits.layer, bits.sets.seen
    for w in range(_0, count):
        layer[_0, w] = roots[w]
        seen[w] = roots[w]
    last = _0
    while True:
        some, found = _0, _0
        for w in range(_0, count):
            fresh = _ahead(degree, words, w, last, bits) & ~seen[w]
            layer[last + _1, w] = fresh
            some |= fresh
            found |= fresh & goal[w]
        if some == _0:
            return _0
        last += _1
        for w in range(_0, count):
            if found != _0:
                layer[last, w] &= goal[w]
            else:
                seen[w] |= layer[last, w]
        if found != _0:
            return last


@njit(inline="always")
def _ahead(degree, words, w, row, bits):
    """Return word w of the set of nodes that open arcs lead to from a layer."""
    arcs, result = _4 if degree is None else degree, _0
    layer, gate, leap = bits.layer, bits.sets.open, bits.leap
    for k in range(_0, arcs):
        i, j = _origins(words, w, leap[k])
        here, there = layer[row, i] & gate[k, i], layer[row, j] & gate[k, j]
        result |= _moved(here, there, leap[k])
    return result


@inner
def _reverse(degree, words, bits):
    """Turn all arcs around: arc k is open if its twin was."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    gate, turned, leap = bits.sets.open, bits.turned, bits.leap
    for k in range(_0, arcs):
        for w in range(_0, count):
            i, j = _origins(words, w, leap[k])
            turned[np.uint64(k) ^ _1, w] = _moved(gate[k, i], gate[k, j], leap[k])
    for k in range(_0, arcs):
        for w in range(_0, count):
            gate[k, w] = turned[k, w]


@inner
def _word(words, v):
    """Return the word that holds bit v."""
    return _0 if words is None else np.uint64(v) >> _6


@inner
def _origins(words, w, leap):
    """Return the two words whose bits move to word w."""
    if words is None:
        return _0, _0
    i = w + words - (leap >> _6)
    i = i - words if i >= words else i
    return i, i - _1 if i > _0 else words - _1


@inner
def _moved(here, there, leap):
    """Return a word whose bits move there from the two words `_origins`."""
    turn = leap & _63
    return np.uint64(here << turn) | ((there >> _1) >> (_63 - turn))


@njit(inline="always")
def _block(degree, words, base, last, network, bits):
    """Saturate paths from the last layer back to the first until the layers have none left."""
    arcs, count = _4 if degree is None else degree, _1 if words is None else words
    layer, path, via, bottleneck = bits.layer, bits.path, bits.via, bits.bottleneck
    for w in range(_0, count):
        while layer[last, w] != _0:
            t = lowest(layer[last, w]) + (np.uint64(w) << _6)
            path[last], bottleneck[last] = t, -network.excess[base + t]
            row = last
            while row <= last:
                if row == _0:
                    row = _push(arcs, words, base, last, network, bits)
                    continue
                v = path[row]
                k = _behind(arcs, words, v, row - _1, bits)
                if k == arcs:
                    layer[row, _word(words, v)] ^= _1 << (v & _63)
                    row += _1
                    continue
                u = _end(words, v, bits.leap[k])
                via[row] = k
                twin = network.residual[(base + u) * arcs + (k ^ _1)]
                bottleneck[row - _1] = min(bottleneck[row], twin)
                row -= _1
                path[row] = u


@inner
def _end(words, v, leap):
    """Return the node that an arc leads to; past all the words lies the first."""
    if words is None:
        return (v + leap) & _63
    u, beyond = v + leap, words << _6
    return u - beyond if u >= beyond else u


@njit(inline="always")
def _behind(arcs, words, v, row, bits):
    """Return the first arc of v whose twin is open and starts in a layer, or `arcs`."""
    choice, layer, gate = _0, bits.layer, bits.sets.open
    for k in range(_0, arcs):
        u = _end(words, v, bits.leap[k])
        w = _word(words, u)
        into = layer[row, w] & gate[np.uint64(k) ^ _1, w]
        choice |= ((into >> (u & _63)) & _1) << np.uint64(k)
    return lowest(choice) if choice != _0 else arcs


@njit(inline="always")
def _push(arcs, words, base, last, network, bits):
    """Push what the path takes, and return the row down to which it stays open."""
    residual, excess, sets = network.residual, network.excess, bits.sets
    layer, path, via, bottleneck = bits.layer, bits.path, bits.via, bits.bottleneck
    u, t = path[0], path[last]
    amount, row = min(bottleneck[0], excess[base + u]), _0
    excess[base + u] -= amount
    if excess[base + u] <= 0:
        sets.supply[_word(words, u)] ^= _1 << (u & _63)
        layer[_0, _word(words, u)] ^= _1 << (u & _63)
        row = _1
    for i in range(_1, last + _1):
        v, k = path[i], via[i]
        a = (base + u) * arcs + (k ^ _1)
        residual[a] -= amount
        residual[(base + v) * arcs + k] += amount
        sets.open[k, _word(words, v)] |= _1 << (v & _63)
        bottleneck[i] -= amount
        if residual[a] <= 0:
            sets.open[k ^ _1, _word(words, u)] ^= _1 << (u & _63)
            row = np.uint64(i)
        u = v
    excess[base + t] += amount
    if excess[base + t] >= 0:
        sets.demand[_word(words, t)] ^= _1 << (t & _63)
        layer[last, _word(words, t)] ^= _1 << (t & _63)
        row = last + _1
    return row
