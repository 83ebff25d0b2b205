"""All minimum cuts of a graph, as a lattice that is read off one maximum flow.

A set of nodes is the source side of a minimum cut if and only if no arc of the residual network
leaves it, the source is inside and the sink is not [1]_. So nodes that reach each other stand on
the same side: they are a block. Between blocks there are only requirements, "if this one is inside,
then so is that one", without cycles; unions and intersections of minimum cuts are minimum cuts.

References
----------
.. [1] J.-C. Picard, M. Queyranne, "On the structure of all minimum cuts in a network and
   applications", Mathematical Programming Study 13, 1980.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.graph._input import Graph, infinite
from subopt.graph.closed_sets import ClosedSets


class MinimumCuts(ClosedSets):
    """All minimum cuts of a graph: an iterable of source sides, the smallest first.

    Made by `Flow.minimum_cuts`. Sets are computed during iteration, each in O(n + m) time, so
    that the memory does not depend on their number.

    Parameters
    ----------
    blocks : ndarray of int, shape (n,)
        Block of each node. Nodes of a block are on the same side of every minimum cut; -1 stands
        for nodes that are on the source's side of all of them, -2 for the sink's.
    requirements : ndarray of int, shape (requirements, 2)
        Pairs (a, b) of blocks: if a is on the source's side, then b is as well.

    Examples
    --------
    >>> from subopt import max_flow
    >>> path = [0, 1, 2], [1, 2, 3], [2, 2, 2]
    >>> ends = {"source_capacity": {0: 9}, "sink_capacity": {3: 9}, "n": 4}
    >>> cuts = max_flow(*path, **ends).minimum_cuts(*path, **ends)
    >>> cuts.count(), [side.sum().item() for side in cuts]
    (3, [1, 2, 3])
    """


def minimum_cuts(g: Graph, flow: Array) -> MinimumCuts:
    """Return all minimum cuts of a checked graph with a maximum flow."""
    ahead, behind = flow < g.forward, flow > -g.backward
    first = np.concatenate([g.tails[ahead], g.heads[behind]])
    last = np.concatenate([g.heads[ahead], g.tails[behind]])
    return MinimumCuts(*residual_blocks(first, last, _supply_left(g, flow)))


def residual_blocks(first: Array, last: Array, supply: Array) -> tuple[Array, Array]:
    """Return the blocks of all minimum cuts and the requirements between them.

    Parameters
    ----------
    first, last : ndarray of int, shape (arcs,)
        Ends of the arcs with capacity left under a maximum flow.
    supply : ndarray, shape (n,)
        What the source can still send into each node, minus what the sink can still take.

    Returns
    -------
    tuple of ndarray of int
        The block of each node, -1 or -2, shape (n,), and pairs of blocks, shape (requirements, 2).
    """
    import scipy.sparse

    n = len(supply)
    ones = np.ones(len(first), dtype=np.int8)
    residual = scipy.sparse.coo_array((ones, (first, last)), shape=(n, n)).tocsr()
    count, block = scipy.sparse.csgraph.connected_components(residual, connection="strong")
    a, b = block[first], block[last]
    pairs = np.unique(np.stack([a, b], axis=1)[a != b], axis=0)
    needs = scipy.sparse.coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count)
    ).tocsr()
    source = _reached(needs, np.unique(block[supply > 0]))
    sink = _reached(needs.T.tocsr(), np.unique(block[supply < 0]))
    if (source & sink).any():
        v = int(np.flatnonzero((source & sink)[block])[0])
        raise ValueError(
            f"All minimum cuts need a maximum flow, but a path with capacity left leads from the "
            f"source to the sink through node {v}. Was the search ended by time_limit?"
        )
    name = np.full(count, -1)
    name[sink] = -2
    free = ~source & ~sink
    name[free] = np.arange(free.sum())
    pairs = name[pairs]
    return name[block], pairs[(pairs >= 0).all(axis=1)]


def _reached(needs: Array, start: Array) -> Array:
    """Return which blocks are reached from some of them."""
    import scipy.sparse

    count = needs.shape[0]
    # one more node leads to all of them
    extra = scipy.sparse.coo_array(
        (np.ones(len(start), dtype=np.int8), (np.zeros(len(start), dtype=int), start)),
        shape=(1, count),
    )
    column = scipy.sparse.coo_array((count + 1, 1), dtype=np.int8)
    graph = scipy.sparse.hstack([scipy.sparse.vstack([needs, extra]), column]).tocsr()
    reached = np.zeros(count + 1, dtype=np.bool_)
    order = scipy.sparse.csgraph.breadth_first_order(
        graph, count, directed=True, return_predecessors=False
    )
    reached[order] = True
    return reached[:count]


def _supply_left(g: Graph, flow: Array) -> Array:
    """Return what the source can still send into each node, minus what the sink can still take.

    Floats are 0 where they are no more than the rounding of the sums at their node.
    """
    whole = g.whole and flow.dtype.kind == "i"
    out, size, degree = (np.zeros(g.n, dtype=flow.dtype), np.zeros(g.n), np.zeros(g.n))
    np.add.at(out, g.tails, flow)
    np.subtract.at(out, g.heads, flow)
    unlimited = [infinite(part) for part in (g.source, g.sink)]
    source, sink = (
        np.where(never, 0, part) for never, part in zip(unlimited, (g.source, g.sink), strict=True)
    )
    left = source - sink - out
    if not whole:
        for ends in (g.tails, g.heads):
            np.add.at(size, ends, np.abs(flow))
            np.add.at(degree, ends, 1)
        rounding = (degree + 2) * np.finfo(float).eps * (source + sink + size)
        left = np.where(np.abs(left) <= rounding, 0, left)
    left[unlimited[0]] = 1
    left[unlimited[1]] = -1
    return left
