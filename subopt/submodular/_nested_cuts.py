"""Minimum cuts of a graph for all values of a parameter, by divide and conquer in rounds.

The unary cost of node v is unary_v + α slope_v. As α grows, the minimum cut shrinks, and each node
v leaves it at some value z_v. The nodes are divided into blocks. The candidate of a block is the α
at which the block as a whole has cost 0. If no subset has a negative cost at this α, all nodes of
the block leave there [1]_; otherwise the minimum cut splits the block in two. One maximum flow per
round treats all blocks at once, so that the number of flows is the depth of the recursion and not
the number of blocks. Arcs between blocks are saturated. Together with the flows within the final
blocks they form one flow that proves all cuts to be minimum.

.. [1] H. Groenevelt, "Two algorithms for maximizing a separable concave function over a polymatroid
   feasible region", European Journal of Operational Research 54, 1991.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.functions._sparse import sums
from subopt.functions.cut_form import CutForm
from subopt.graph._max_flow import minimum_cut

ROUNDING = 2.0**-44
"""Largest relative error of the sum of the costs of a node."""


class NestedCuts(NamedTuple):
    """The value of α at which each element leaves the minimum cut, and a flow that proves it."""

    leaves: Array  # (n,) float64: element i is in the smallest cut exactly if α < leaves[i]
    flow: Array  # (m,) float64
    rounds: int
    finished: bool


def nested_cuts(
    form: CutForm,
    slope: Array,
    deadline: Deadline,
    start: tuple[Array, Array, Array] | None = None,
) -> NestedCuts:
    """Return the minimum cuts for all α, where elements have the unary costs ``unary + α slope``.

    Parameters
    ----------
    form : CutForm
        The graph.
    slope : ndarray of float64, shape (n,)
        Positive slope of the cost of each element.
    deadline : Deadline
        When to stop; tested between rounds.
    start : tuple of ndarray, optional
        Blocks to begin with: the block of each node, and bounds of the α of each block. Arcs
        join nodes of one block.

    Returns
    -------
    NestedCuts
        The cuts; ``finished`` is False if the deadline passed.
    """
    n, nodes = form.n, len(form.unary)
    rates = np.concatenate([slope, np.zeros(form.n_aux)])
    flow, leaves = np.zeros(len(form.tails)), np.full(nodes, np.nan)
    # the remaining problem: nodes with their block and unary cost, and the arcs within blocks
    node, block, unary = np.arange(nodes), np.zeros(nodes, dtype=np.int64), form.unary.copy()
    size = np.abs(unary)  # of the numbers that unary costs are sums of
    tails, heads, arc = form.tails, form.heads, np.arange(len(form.tails))
    low, high = np.array([-np.inf]), np.array([np.inf])
    if start is not None:
        block, low, high = start
    rounds = 0
    while len(node):
        if rounds and deadline.passed():
            return NestedCuts(leaves[:n], flow, rounds, finished=False)
        rounds += 1
        count, rate = len(low), rates[node]
        alpha, whole = candidates(block, unary, rate, low, high)
        at = unary + alpha[block] * rate
        ahead, behind = form.capacities[arc], form.reverse[arc]
        inside, part, _ = minimum_cut(tails, heads, ahead, behind, -at)
        flow[arc] = part
        leaving = inside[tails] & ~inside[heads]
        entering = inside[heads] & ~inside[tails]
        apart = sums(block[tails[leaving]], ahead[leaving], count)
        apart += sums(block[heads[entering]], behind[entering], count)
        sizes = size + np.abs(alpha[block] * rate)
        ended = done(block, inside, at, apart, sizes, rate, whole)[block]
        leaves[node[ended]] = alpha[block[ended]]
        # split the other blocks: saturate the arcs between the two halves
        stay = ~ended
        both = stay[tails]
        out, back = leaving & both, entering & both
        crossing = out | back
        flow[arc[out]], flow[arc[back]] = ahead[out], -behind[back]
        moved = flow[arc[crossing]]
        for ends, sign in ((tails, 1.0), (heads, -1.0)):
            unary += sign * sums(ends[crossing], moved, len(unary))
            size += sums(ends[crossing], np.abs(moved), len(unary))
        kept = both & ~crossing
        number = np.cumsum(stay) - 1
        block, low, high = halves(block[stay], inside[stay], alpha, low, high)
        tails, heads, arc = number[tails[kept]], number[heads[kept]], arc[kept]
        node, unary, size = node[stay], unary[stay], size[stay]
    return NestedCuts(leaves[:n], flow, rounds, finished=True)


def candidates(
    block: Array, unary: Array, rates: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """Return the α at which each block as a whole has cost 0, within its limits, and its cost."""
    count = len(low)
    rate, total = sums(block, rates, count), sums(block, unary, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.where(rate > 0, (0.0 - total) / rate, 0.0)
    clipped = np.clip(alpha, low, high)
    return clipped, (clipped - alpha) * rate


def done(
    block: Array,
    inside: Array,
    at: Array,
    apart: Array,
    size: Array,
    rates: Array,
    whole: Array,
) -> Array:
    """Return the blocks of which the cut takes nothing or all, or a part of cost 0 up to rounding.

    Blocks whose cost does not depend on α are done, too.

    Parameters
    ----------
    block : ndarray of int
        The block of each node.
    inside : ndarray of bool
        Which nodes the cut takes.
    at, size, rates : ndarray of float64
        The unary cost of each node, the size of the numbers that it is computed from, its slope.
    apart : ndarray of float64, shape (blocks,)
        Capacity of the arcs that the cut separates in each block.
    whole : ndarray of float64, shape (blocks,)
        The sum of the unary costs of each block, without the rounding errors of a sum.
    """
    count = len(apart)
    taken = np.bincount(block[inside], minlength=count)
    members = np.bincount(block, minlength=count)
    slope, sizes = sums(block, rates, count), sums(block, size, count)
    # The cost follows from the nodes inside, or from the others: whichever have smaller numbers.
    # Errors of α come from the whole block, and count by the part's share of its slope
    worth, rounding = [], []
    for part, rest in ((inside, None), (~inside, whole)):
        own, costs, slopes = (sums(block[part], x[part], count) for x in (size, at, rates))
        share = np.divide(slopes, slope, out=np.zeros(count), where=slope > 0)
        worth.append(apart + (costs if rest is None else rest - costs))
        rounding.append(ROUNDING * (apart + own + share * sizes))
    first = rounding[0] <= rounding[1]
    pays = np.where(first, worth[0] < -rounding[0], worth[1] < -rounding[1])
    return (slope <= 0) | (taken == 0) | (taken == members) | ~pays


def halves(
    block: Array, inside: Array, alpha: Array, low: Array, high: Array
) -> tuple[Array, Array, Array]:
    """Split blocks by a cut; return the block of each node, and the limits of α of each block.

    Nodes in the cut at `alpha` leave at a larger α, the others at a smaller one.
    """
    half = 2 * block + inside
    there = np.bincount(half, minlength=2 * len(alpha)) > 0
    used = np.flatnonzero(there)
    parent, upper = used // 2, used % 2 == 1
    return (
        (np.cumsum(there) - 1)[half],
        np.where(upper, alpha[parent], low[parent]),
        np.where(upper, high[parent], alpha[parent]),
    )
