"""Closed sets of blocks with requirements: a distributive lattice, counted and enumerated.

Elements are grouped into blocks. Requirements between blocks have the form "if this block is
inside, then so is that one", without cycles. Families of sets that are closed under unions and
intersections have this form: all minimum cuts, all minimizers of a submodular function.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from subopt._base import validate
from subopt._base.answer import freeze
from subopt._base.types import Array, Subset

_BY_CASES = 400  # blocks that are counted by cases, which needs bits of every block for every block


class ClosedSets:
    """All sets of elements that satisfy requirements: an iterable of masks, the smallest first.

    Sets are computed on iteration; memory does not grow with their number.

    Parameters
    ----------
    blocks : ndarray of int, shape (n,)
        Block of each element. Elements of a block are in the same sets; -1 stands for elements
        that are in all sets, -2 for those that are in none.
    requirements : ndarray of int, shape (requirements, 2)
        Pairs (a, b) of blocks: if a is inside, then b is as well.
    """

    def __init__(self, blocks: Array, requirements: Array) -> None:
        self.blocks, self.requirements = blocks, requirements
        freeze(blocks, requirements)
        self._size = int(blocks.max(initial=-1)) + 1
        self._needs: list[list[int]] = [[] for _ in range(self._size)]
        for a, b in requirements.tolist():
            self._needs[a].append(b)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size} blocks of {len(self.blocks)} elements)"

    @property
    def smallest(self) -> Array:
        """The set that all other sets contain."""
        return self.blocks == -1

    @property
    def largest(self) -> Array:
        """The set that contains all other sets."""
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

    def __contains__(self, S: Subset) -> bool:
        mask = validate.subset(S, len(self.blocks))
        inside = np.zeros(self._size, dtype=np.bool_)
        free = self.blocks >= 0
        inside[self.blocks[free & mask]] = True
        whole = self.smallest
        whole[free] = inside[self.blocks[free]]
        needs, needed = self.requirements.T
        return bool((whole == mask).all() and not (inside[needs] & ~inside[needed]).any())

    def count(self, limit: int = 100_000) -> int:
        """Return how many sets there are, or `limit` if there are at least as many.

        Parameters
        ----------
        limit : int, default 100_000
            Counting is #P-complete in general, so it stops there. Independent groups of blocks are
            counted separately, and their numbers are multiplied.

        Returns
        -------
        int
            The number of sets.

        Raises
        ------
        ValueError
            If `limit` is not an integer >= 1.
        """
        validate.positive_int("limit", limit)
        limit = int(limit)  # it may be larger than int64
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
    """Yield all closed sets of blocks; `order` has required blocks before those that need them.

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
