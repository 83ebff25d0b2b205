"""Compiled: the minimum cut of a graph in one call, for graphs so small that each call counts."""

import numpy as np

from subopt._base.jit import small_first as njit
from subopt.graph.augment import ONE, PATIENCE, augment_opened, reach
from subopt.graph.network import STATES, Workspace, _link, drain

SMALL = 5000  # nodes and arcs


@njit
def cut(tails, heads, forward, backward, excess):
    """Return the smallest side of the sink, a maximum flow, and its value.

    Ends are int32, capacities and excesses float64 and finite; excesses are overwritten.
    """
    n, m = excess.shape[0], tails.shape[0]
    indptr = np.empty(n + 1, dtype=np.int32)
    slot = np.empty(m, dtype=np.int32)
    residual = np.empty(2 * m, dtype=np.float64)
    ends = np.empty(2 * m + 1, dtype=np.uint64)
    _link(tails, heads, forward, backward, indptr, slot, residual, ends)
    work = Workspace(
        ends,
        np.empty(n, dtype=np.bool_),
        np.empty(n, dtype=np.float64),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=np.int32),
        np.empty(n + 1, dtype=np.int32),
        np.empty(n, dtype=np.bool_),
        np.zeros(STATES, dtype=np.int64),
    )
    before = np.empty(n, dtype=np.float64)
    for v in range(n):
        before[v] = excess[v]
    augment_opened(n, indptr, residual, excess, work, PATIENCE * (n + 2 * m))
    flow = np.empty(m, dtype=np.float64)
    drain(slot, ends, forward, backward, residual, flow)
    reach(n, indptr, excess, work, -ONE)
    value = 0.0
    for v in range(n):
        if work.side[v]:
            value += max(before[v], 0.0)
        else:
            value += max(-before[v], 0.0)
    for e in range(m):
        tail, head = work.side[tails[e]], work.side[heads[e]]
        if tail != head:
            value += forward[e] if head else backward[e]
    return work.side, flow, value
