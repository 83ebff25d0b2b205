"""Convex combinations of orders of parts of V, joined to a combination of orders of V."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.types import Array


class Block(NamedTuple):
    """A convex combination of orders of some elements of V."""

    orders: Array  # (k, size) intp
    weights: Array  # (k,)


def product(n: int, blocks: list[Block]) -> Block:
    """Return a combination of orders of V that consist of orders of the blocks, one per block.

    Each block divides [0, 1] into intervals whose lengths are its weights. The common refinement of
    these divisions has one interval per order of the result, so that the number of orders is at
    most the sum of the numbers of the blocks.
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
