"""Compiled: small grids in stacks, from the arrays of the caller to sides and values, in one call.

A stack of problems fits the cache. Between stacks there is no Python, so threads do not wait for
each other.
"""

import numpy as np

from subopt._base.jit import njit
from subopt.graph.grid._capacities import load_part, weigh_part
from subopt.graph.grid._dinic_bits import cut_bits


@njit
def cut_stacks(
    parts,
    start,
    stack,
    place,
    degree,
    words,
    shift,
    residual,
    excess,
    search,
    maximal,
    sides,
    values,
):
    """Cut the problems from `start` on, as many as `sides`, (problems, nodes), has rows."""
    first, (table, ahead, back) = np.uint64(place[0]), parts
    for begin in range(0, sides.shape[0], stack):
        end = min(begin + stack, sides.shape[0])
        here, some, count = start + begin, sides[begin:end], end - begin
        for q in range(table.shape[0]):
            load_part(table, q, ahead[q], back[q], here, count, place, shift, excess, residual)
        cut_bits(degree, words, first, shift, residual, excess, search, maximal, some)
        for q in range(table.shape[0]):
            weigh_part(table, q, ahead[q], back[q], here, some, values[begin:end])
