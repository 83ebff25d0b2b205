"""Minimum cuts of a graph for all values of a parameter, by divide and conquer in rounds.

The unary term of node v is unary_v + α slope_v. As α grows, nodes leave the minimum cut one after
the other, and v leaves at the value z_v. A block of nodes has one candidate, the α for which taking
all of it is worth nothing. If no part of it is worth less than nothing there, all of its nodes
leave at this α [1]_; otherwise the minimum cut splits it in two. One maximum flow per round works
on all blocks side by side, so that the number of flows is the depth of the recursion, not the
number of blocks. Arcs between blocks are saturated, and the flows within the last blocks complete a
flow that proves all of the cuts at once.

.. [1] H. Groenevelt, "Two algorithms for maximizing a separable concave function over a polymatroid
   feasible region", European Journal of Operational Research 54, 1991.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.types import Array
from subopt.functions._sparse import sums
from subopt.functions.cut_form import CutForm
from subopt.graph._max_flow import minimum_cut

ROUNDING = 2.0**-44
"""Relative error that the sum of the terms of a node may have."""


class NestedCuts(NamedTuple):
    """When each element leaves the minimum cut, and a flow that proves it."""

    leaves: Array  # (n,) float64: element i is in the smallest cut exactly if α < leaves[i]
    flow: Array  # (m,) float64
    rounds: int
    finished: bool


def nested_cuts(form: CutForm, slope: Array, deadline: Deadline) -> NestedCuts:
    """Return the minimum cuts for all α, where elements have the unary terms ``unary + α slope``.

    Parameters
    ----------
    form : CutForm
    slope : ndarray of float64, shape (n,)
        Positive.
    deadline : Deadline
        When to stop, between two rounds.
    """
    n, nodes = form.n, len(form.unary)
    rates = np.concatenate([slope, np.zeros(form.n_aux)])
    flow, leaves = np.zeros(len(form.tails)), np.full(nodes, np.nan)
    # what is left: nodes with their block and unary terms, and the arcs within blocks
    node, block, unary = np.arange(nodes), np.zeros(nodes, dtype=np.int64), form.unary.copy()
    size = np.abs(unary) + _incident(form)
    tails, heads, arc = form.tails, form.heads, np.arange(len(form.tails))
    low, high = np.array([-np.inf]), np.array([np.inf])
    rounds = 0
    while len(node):
        if rounds and deadline.passed():
            return NestedCuts(leaves[:n], flow, rounds, finished=False)
        rounds += 1
        count = len(low)
        rate = sums(block, rates[node], count)
        total = sums(block, unary, count)
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha = np.where(rate > 0, (0.0 - total) / rate, 0.0)
        alpha = np.clip(alpha, low, high)
        at = unary + alpha[block] * rates[node]
        ahead, behind = form.capacities[arc], form.reverse[arc]
        inside, part, _ = minimum_cut(len(node), tails, heads, ahead, behind, -at)
        flow[arc] = part
        # a block is done if what the cut takes is worth nothing up to rounding, or all of it
        leaving = inside[tails] & ~inside[heads]
        entering = inside[heads] & ~inside[tails]
        worth = sums(block[inside], at[inside], count)
        worth += sums(block[tails[leaving]], ahead[leaving], count)
        worth += sums(block[heads[entering]], behind[entering], count)
        sizes = size[node] + np.abs(alpha[block] * rates[node])
        rounding = ROUNDING * sums(block[inside], sizes[inside], count)
        taken = np.bincount(block[inside], minlength=count)
        members = np.bincount(block, minlength=count)
        done = (rate <= 0) | (taken == 0) | (taken == members) | (worth >= -rounding)
        ended = done[block]
        leaves[node[ended]] = alpha[block[ended]]
        # the others split: their arcs between the halves are saturated
        stay = ~ended
        crossing, both = (leaving | entering) & stay[tails], stay[tails]
        out = leaving & crossing
        back = entering & crossing
        flow[arc[out]], flow[arc[back]] = ahead[out], -behind[back]
        for ends, sign in ((tails, 1.0), (heads, -1.0)):
            unary += sign * sums(ends[crossing], flow[arc[crossing]], len(unary))
        kept = both & ~crossing
        number = np.cumsum(stay) - 1
        halves = 2 * block + inside
        there = np.bincount(halves[stay], minlength=2 * count) > 0
        used, block = np.flatnonzero(there), (np.cumsum(there) - 1)[halves[stay]]
        parent, upper = used // 2, used % 2 == 1
        # what the cut takes at this α leaves later, the rest earlier
        low = np.where(upper, alpha[parent], low[parent])
        high = np.where(upper, high[parent], alpha[parent])
        tails, heads, arc = number[tails[kept]], number[heads[kept]], arc[kept]
        node, unary = node[stay], unary[stay]
    return NestedCuts(leaves[:n], flow, rounds, finished=True)


def _incident(form: CutForm) -> Array:
    """Return the capacity of all arcs at each node."""
    both, nodes = form.capacities + form.reverse, len(form.unary)
    return sums(form.tails, both, nodes) + sums(form.heads, both, nodes)
