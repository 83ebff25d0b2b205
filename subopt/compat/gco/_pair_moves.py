"""One move between two labelings: every node takes its label in the first or in the second.

For costs of pairs that are a function; `subopt.compat._table_moves` has compiled moves for tables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs
from subopt.compat.maxflow._cut import minimum_cut

PairCosts = Callable[[Array, Array, Array], Array]


class NotSubmodularError(ValueError):
    """A pair of nodes has costs that no cut can express."""


def best_of_two(
    first: Array,
    second: Array,
    unary: Array,
    ends: tuple[Array, Array],
    pair_costs: PairCosts,
) -> Array:
    """Return which nodes take their label in the second labeling, at least cost.

    Parameters
    ----------
    first, second : ndarray of int, shape (n,)
        The labelings.
    unary : ndarray, shape (n, labels)
        Costs of labels at nodes.
    ends : pair of ndarray of int, shape (m,)
        Edges.
    pair_costs : callable
        Called with positions of edges and labels at their ends, returns their costs.

    Returns
    -------
    ndarray of bool, shape (n,)
        Where several sets of nodes are best, the smallest one.
    """
    differ = first != second
    tails, heads = ends
    edges = np.flatnonzero(differ[tails] | differ[heads])
    tails, heads = tails[edges], heads[edges]
    nodes = np.arange(len(first))
    excess = unary[nodes, second] - unary[nodes, first]
    neither = pair_costs(edges, first[tails], first[heads])
    both = pair_costs(edges, second[tails], second[heads])
    tail = pair_costs(edges, second[tails], first[heads])
    head = pair_costs(edges, first[tails], second[heads])
    excess = excess.astype(np.result_type(excess, neither))
    np.add.at(excess, tails, tail - neither)
    np.add.at(excess, heads, both - tail)
    between = tail + head - neither - both
    if between.dtype.kind == "f":
        size = np.abs(tail) + np.abs(head) + np.abs(neither) + np.abs(both)
        between = np.where(np.abs(between) <= 4 * np.finfo(float).eps * size, 0.0, between)
    if (between < 0).any():
        k = int(np.argmax(between < 0))
        v, u = tails[k], heads[k]
        raise NotSubmodularError(
            f"A move needs costs of pairs that a cut can express, but between the nodes {u} and "
            f"{v} it costs {neither[k]} + {both[k]} if both keep their label or both change it, "
            f"and only {head[k]} + {tail[k]} if one of them changes it. For expansions the costs "
            "of pairs have to be a metric, for swaps a semimetric."
        )
    joined = tails != heads
    arcs = Arcs(tails[joined], heads[joined], between[joined], np.zeros_like(between[joined]))
    return minimum_cut(excess, [arcs])[0].sink_side & differ
