"""Compiled: edges as arcs in compressed rows, as moves and messages read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.jit import small_first_uncounted as njit
from subopt._base.types import Array


class Adjacency(NamedTuple):
    """Both directions of every edge, row by row."""

    indptr: Array  # (n + 1,) int64
    heads: Array  # (arcs,) int32
    twin: Array  # (arcs,) int32, the other direction
    weight: Array  # (arcs,)
    turned: Array  # (arcs,) int8, 1 if the arc leads from the second end of its edge to the first
    edge: Array  # (arcs,) int32
    step: int  # tables that each edge has of its own: 2, or 0 if all share two; see `table_at`


def adjacency(n: int, tails: Array, heads: Array, weights: Array, step: int = 0) -> Adjacency:
    """Return the adjacency of some edges; rows in the order of the edges."""
    indptr = np.zeros(n + 1, dtype=np.int64)
    arcs = 2 * len(tails)
    rows = Adjacency(
        indptr,
        np.empty(arcs, np.int32),
        np.empty(arcs, np.int32),
        np.empty(arcs),
        np.empty(arcs, np.int8),
        np.empty(arcs, np.int32),
        step,
    )
    _fill(tails, heads, weights, np.empty(n, np.int64), rows)
    return rows


@njit
def _fill(tails, heads, weights, cursor, rows):
    """Sort both directions of all edges into rows by counting.

    tails, heads, weights (m,); cursor (n,) is scratch; `rows` is written, its `indptr` from zeros.
    """
    for e in range(tails.shape[0]):
        rows.indptr[tails[e] + 1] += 1
        rows.indptr[heads[e] + 1] += 1
    for v in range(cursor.shape[0]):
        rows.indptr[v + 1] += rows.indptr[v]
        cursor[v] = rows.indptr[v]
    for e in range(tails.shape[0]):
        p, q = tails[e], heads[e]
        i = cursor[p]
        cursor[p] = i + 1
        j = cursor[q]
        cursor[q] = j + 1
        rows.heads[i], rows.heads[j] = q, p
        rows.twin[i], rows.twin[j] = j, i
        rows.weight[i] = rows.weight[j] = weights[e]
        rows.turned[i], rows.turned[j] = 0, 1
        rows.edge[i] = rows.edge[j] = e


@njit(inline="always")
def table_at(graph, e):
    """Return the number of the table of an arc, seen from its tail; ``^ 1`` is that of its twin."""
    return graph.turned[e] + graph.step * graph.edge[e]
