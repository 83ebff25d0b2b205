"""Combinations of orders of parts of V, and one of V that is made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.types import Array


class Block(NamedTuple):
    """A convex combination of orders of some elements of V."""

    orders: Array  # (k, size) intp
    weights: Array  # (k,)


def product(n: int, blocks: list[Block]) -> Block:
    """Return a combination of orders of V whose parts, one after the other, are `blocks`.

    The shares of the blocks are laid over each other on [0, 1]; there is an order for every piece
    between two steps, so that their number grows like the sum of those of the blocks.
    """
    if all(len(block.weights) == 1 for block in blocks):
        parts = [np.zeros(0, dtype=np.intp), *(block.orders[0] for block in blocks)]
        return Block(np.concatenate(parts)[None], np.ones(1))
    ends = [block.weights.cumsum() for block in blocks]
    steps = np.sort(np.concatenate([[0.0, 1.0], *(end[:-1] / end[-1] for end in ends)]))
    steps = steps[np.diff(steps, prepend=-1.0) > 0]
    middle = (steps[1:] + steps[:-1]) / 2
    orders = np.empty((len(middle), n), dtype=np.intp)
    first = 0
    for block, end in zip(blocks, ends, strict=True):
        last = first + block.orders.shape[1]
        which = np.minimum(np.searchsorted(end, middle * end[-1]), len(end) - 1)
        orders[:, first:last] = block.orders[which]
        first = last
    return Block(orders, np.diff(steps))
