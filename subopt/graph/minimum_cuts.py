"""All minimum cuts of a graph, as a lattice that is read off one maximum flow.

A set of nodes is the source side of a minimum cut if and only if no arc of the residual network
leaves it, the source is inside and the sink is not [1]_. So nodes that reach each other stand on
the same side: they are a block. Between blocks there are only requirements, "if this one is inside,
then so is that one", without circles; unions and intersections of minimum cuts are minimum cuts.

References
----------
.. [1] J.-C. Picard, M. Queyranne, "On the structure of all minimum cuts in a network and
   applications", Mathematical Programming Study 13, 1980.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from subopt._base import validate
from subopt._base.answer import freeze
from subopt._base.types import Array
from subopt.graph._input import Graph, infinite

_BY_CASES = 400  # blocks that are counted by cases, which needs bits of every block for every block


class MinimumCuts:
    """All minimum cuts of a graph: an iterable of source sides, the smallest first.

    Made by `Flow.minimum_cuts`. Sets are found when they are asked for, one in time O(n + m), and
    no memory grows with their number.

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

    def __init__(self, blocks: Array, requirements: Array) -> None:
        self.blocks, self.requirements = blocks, requirements
        freeze(blocks, requirements)
        self._size = int(blocks.max(initial=-1)) + 1
        self._needs: list[list[int]] = [[] for _ in range(self._size)]
        for a, b in requirements.tolist():
            self._needs[a].append(b)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size} blocks of {len(self.blocks)} nodes)"

    @property
    def smallest(self) -> Array:
        """The source side that is part of all others."""
        return self.blocks == -1

    @property
    def largest(self) -> Array:
        """The source side that has all others as parts."""
        return self.blocks != -2

    def __iter__(self) -> Iterator[Array]:
        inside = np.zeros(self._size, dtype=np.bool_)
        for chosen in _closed_sets(self._order(), self._needs):
            inside[:] = False
            inside[chosen] = True
            side = self.smallest
            free = self.blocks >= 0
            side[free] = inside[self.blocks[free]]
            yield side

    def count(self, limit: int = 100_000) -> int:
        """Return how many minimum cuts there are, or `limit` if there are at least as many.

        Parameters
        ----------
        limit : int, default 100_000
            Counting is #P-complete in general, so it stops there. Blocks that have nothing to do
            with each other are counted apart, and their numbers are multiplied.

        Returns
        -------
        int
        """
        limit = validate.positive_int("limit", limit)
        total = 1
        for part in self._parts():
            total *= self._count_part(part, limit)
            if total >= limit:
                return limit
        return total

    def _order(self) -> list[int]:
        """Return the blocks, every block after those that it needs."""
        left = [len(needs) for needs in self._needs]
        users: list[list[int]] = [[] for _ in range(self._size)]
        for a, needs in enumerate(self._needs):
            for b in needs:
                users[b].append(a)
        order = [a for a in range(self._size) if left[a] == 0]
        for b in order:  # grows
            for a in users[b]:
                left[a] -= 1
                if left[a] == 0:
                    order.append(a)
        return order

    def _parts(self) -> list[list[int]]:
        """Return the blocks in groups without requirements between them, in order."""
        import scipy.sparse

        shape = (self._size, self._size)
        ones = np.ones(len(self.requirements), dtype=np.int8)
        links = scipy.sparse.coo_array((ones, self.requirements.T), shape=shape)
        count, part = scipy.sparse.csgraph.connected_components(links, directed=False)
        parts: list[list[int]] = [[] for _ in range(count)]
        for a in self._order():
            parts[part[a]].append(a)
        return parts

    def _count_part(self, part: list[int], limit: int) -> int:
        """Return how many sets of blocks are closed, or at least `limit`."""
        if len(part) > _BY_CASES:
            return sum(1 for _ in itertools.islice(_closed_sets(part, self._needs), limit))
        place = {a: k for k, a in enumerate(part)}
        with_needs = [1 << k for k in range(len(part))]  # bits of a block and all that it needs
        for k, a in enumerate(part):
            for b in self._needs[a]:
                with_needs[k] |= with_needs[place[b]]
        with_users = [
            sum(1 << j for j, bits in enumerate(with_needs) if bits >> k & 1)
            for k in range(len(part))
        ]
        known: dict[int, int] = {0: 1}

        def count(left: int) -> int:
            """Return the number of closed sets of the blocks that are undecided."""
            if left not in known:
                if len(known) > limit:  # each stands for closed sets of its own
                    return limit
                blocks = [k for k in range(left.bit_length()) if left >> k & 1]
                k = max(blocks, key=lambda k: ((with_needs[k] | with_users[k]) & left).bit_count())
                known[left] = count(left & ~with_needs[k]) + count(left & ~with_users[k])
            return known[left]

        return count((1 << len(part)) - 1)


def _closed_sets(order: list[int], needs: list[list[int]]) -> Iterator[list[int]]:
    """Yield all sets of blocks that have what they need; `order` has needs before their users.

    The choice for a block can always be completed, because leaving out all later blocks is one.
    """
    inside: dict[int, bool] = {}
    open_choices: list[int] = []
    k = 0
    while True:
        for j in range(k, len(order)):
            inside[order[j]] = False
            if all(inside[b] for b in needs[order[j]]):
                open_choices.append(j)
        yield [a for a in order if inside[a]]
        if not open_choices:
            return
        k = open_choices.pop()
        inside[order[k]] = True
        k += 1


def minimum_cuts(g: Graph, flow: Array) -> MinimumCuts:
    """Return all minimum cuts of a checked graph with a maximum flow."""
    import scipy.sparse

    n = g.n
    ahead, behind = flow < g.forward, flow > -g.backward
    first = np.concatenate([g.tails[ahead], g.heads[behind]])
    last = np.concatenate([g.heads[ahead], g.tails[behind]])
    ones = np.ones(len(first), dtype=np.int8)
    residual = scipy.sparse.coo_array((ones, (first, last)), shape=(n, n)).tocsr()
    count, block = scipy.sparse.csgraph.connected_components(residual, connection="strong")
    supply = _supply_left(g, flow)
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
    return MinimumCuts(name[block], pairs[(pairs >= 0).all(axis=1)])


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
