"""Flows of least cost: prices by HiGHS, a maximum flow, and canceling of negative cycles."""

from __future__ import annotations

import math

import numpy as np

from subopt._base.options import Deadline, stage
from subopt._base.types import Array
from subopt.graph._input import UNLIMITED, Graph, infinite
from subopt.graph._max_flow import solve
from subopt.graph.cost_problem import (
    ROUNDING,
    CostProblem,
    divergence,
    require_sums,
    unsupplied,
)
from subopt.graph.negative_cycles import CYCLE, DONE, Capacitated, cancel, relax

MOST = 20  # cycles per arc, with floats
PASSES = 64  # over all arcs between two looks at the clock


def limited(g: CostProblem) -> CostProblem:
    """Return the problem with finite capacities, or raise if costs fall without limit.

    A flow of least cost needs no cycle of infinite arcs. The flow of such an arc is then at most
    the sum of all supplies and finite capacities.
    """
    never = infinite(g.high)
    parts = g.high[~never], np.maximum(g.supply, 0), g.low
    with np.errstate(over="ignore"):  # an error follows
        total = float(sum(part.sum(dtype=float) for part in parts))
    require_sums(g, total)
    if not never.any():
        return g
    part = CostProblem(
        g.n, g.tails[never], g.heads[never], g.low[never], g.high[never], g.cost[never], *g[6:]
    )
    kernel = _kernel(part._replace(low=np.zeros_like(part.low), high=np.ones_like(part.high)))
    parent = np.empty(g.n, np.int64)
    distance = np.zeros(g.n, dtype=g.cost.dtype)
    found = relax(kernel, np.zeros_like(part.low), distance, parent, np.int64(g.n + 1))
    if found == CYCLE:
        v = next(v for v in range(g.n) if _returns(part, parent, v))
        raise ValueError(
            f"The cost has no minimum: a cycle of arcs of infinite capacity through node {v} has a "
            "negative cost. Give one of its arcs a capacity."
        )
    beyond = g.supply.dtype.type(2 * total + 1)
    return g._replace(high=np.where(never, np.maximum(beyond, g.low), g.high))


def balanced(g: CostProblem) -> CostProblem:
    """Return the problem with supplies of floats that add up to 0 in every connected part.

    The remainder, which is a rounding error, is subtracted from the largest supply. For a smaller
    supply it might be more than rounding.
    """
    if g.whole or not len(g.tails):
        return g
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    supply, used = g.supply.copy(), g.high > 0
    ends = g.tails[used], g.heads[used]
    graph = scipy.sparse.csr_array((np.ones(len(ends[0])), ends), shape=(g.n, g.n))
    part = connected_components(graph, directed=False)[1]
    order = np.argsort(part, kind="stable")
    for nodes in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        own = supply[nodes]
        left, size = math.fsum(own), float(np.abs(own).sum())
        if left and abs(left) <= ROUNDING * size:
            supply[nodes[np.argmax(np.abs(own))]] -= left
    return g._replace(supply=supply)


def _returns(g: CostProblem, parent: Array, v: int) -> bool:
    """Return whether the parents of a node lead back to it."""
    u = v
    for _ in range(g.n):
        if parent[u] < 0:
            return False
        u = int(g.tails[parent[u] >> 1] if parent[u] & 1 == 0 else g.heads[parent[u] >> 1])
        if u == v:
            return True
    return False


def _kernel(g: CostProblem) -> Capacitated:
    unit = 0.0 if g.whole_costs else 2.0**-48
    return Capacitated(g.tails, g.heads, g.low, g.high, g.cost, np.float64(unit))


def largest_supply(g: CostProblem) -> Array:
    """Return the supplies for as much as can flow from the source to the sink."""
    supply = np.zeros(g.n, dtype=g.high.dtype)
    flow = g.low.copy()
    if g.low.any():
        back = CostProblem(
            g.n,
            np.append(g.tails, g.sink).astype(np.int32),
            np.append(g.heads, g.source).astype(np.int32),
            np.append(g.low, g.low.dtype.type(0)),
            np.append(g.high, g.high.dtype.type(UNLIMITED if g.whole else np.inf)),
            np.append(g.cost, g.cost.dtype.type(0)),
            supply,
            False,
            g.source,
            g.sink,
        )
        flow = routed(back, back.low.copy(), np.ones(len(back.tails), bool), complain=True)[:-1]
    # with `most` in place of infinity, a value of `most` means that there is no finite cut
    never = infinite(g.high)
    with np.errstate(over="ignore"):  # an error follows
        finite = float(g.high[~never].sum(dtype=float))
    require_sums(g, finite)
    most = g.high.dtype.type(2 * finite + 1)
    source, sink = supply.copy(), supply.copy()
    source[g.source] = sink[g.sink] = most
    up = np.where(never, most, g.high - flow)
    graph = Graph(g.n, g.tails, g.heads, up, flow - g.low, source, sink, g.whole)
    found = solve(graph, maximal=False, method="auto")
    if found.value >= most:
        raise ValueError(
            "There is no largest flow: arcs of infinite capacity lead from the source to the sink. "
            "Pass amount, or give one of these arcs a finite capacity."
        )
    passed = divergence(g, flow + found.flow)[g.source]
    supply[g.source], supply[g.sink] = passed, -passed
    return supply


def routed(g: CostProblem, flow: Array, free: Array, *, complain: bool) -> Array:
    """Return the flow after sending as much of the missing supplies as free arcs can carry."""
    left = g.supply - divergence(g, flow)
    if not left.any():
        return flow
    zero = flow.dtype.type(0)
    most = UNLIMITED if g.whole else np.inf
    up = np.where(infinite(g.high), most, g.high - flow)
    wanted = np.maximum(left, zero)
    graph = Graph(
        g.n,
        g.tails,
        g.heads,
        np.where(free, up, zero),
        np.where(free, flow - g.low, zero),
        wanted,
        np.maximum(-left, zero),
        g.whole,
    )
    found = solve(graph, maximal=False, method="auto")
    if complain:
        short = wanted.sum() - found.value
        sizes = (float(np.abs(part).sum(dtype=float)) for part in (g.supply, g.low, flow))
        if short > (0 if g.whole else ROUNDING * sum(sizes)):
            raise ValueError(_infeasible(g, found.source_side))
    return np.clip(flow + found.flow, g.low, g.high)


def _infeasible(g: CostProblem, side: Array) -> str:
    """Say which nodes cannot get rid of their supplies, and why."""
    out, into = side[g.tails] & ~side[g.heads], ~side[g.tails] & side[g.heads]
    nodes = np.flatnonzero(side)
    some = ", ".join(map(str, nodes[:5])) + (", ..." if len(nodes) > 5 else "")
    return (
        f"No flow has these supplies: those of {len(nodes)} nodes ({some}) add up to "
        f"{g.supply[side].sum()}, and arcs bring at least {g.low[into].sum()} to them, but the "
        f"arcs that leave them carry at most {g.high[out].sum()}"
    )


def cheapest(g: CostProblem, feasible: Array, deadline: Deadline) -> tuple[Array, Array, str, bool]:
    """Return a flow, prices, the method, and whether no cycle of negative cost is left."""
    distance, flow, ran = np.zeros(g.n, dtype=g.cost.dtype), feasible, "maximum flow"
    if g.cost.any() and len(g.tails) and not deadline.passed():
        stage("linear program by HiGHS: %d variables, %d rows", len(g.tails), g.n)
        prices = _prices(g, deadline)
        if prices is not None:
            distance, ran = prices, "HiGHS, then maximum flow"
            flow = _from_prices(g, distance, feasible)
    kernel, parent = _kernel(g), np.empty(g.n, np.int64)
    flow, cycles = np.array(flow), 0
    while True:
        found = relax(kernel, flow, distance, parent, np.int64(PASSES))
        if found == CYCLE:
            cycles += int(cancel(kernel, flow, parent))
        # floats may go around in cycles of rounding errors
        over = deadline.passed() or (not g.whole and cycles > MOST * (len(flow) + 1))
        if found == DONE or over:
            if cycles:
                ran += f", {cycles} cycles cancelled"
            return flow, distance, ran, found == DONE


def _prices(g: CostProblem, deadline: Deadline) -> Array | None:
    """Return the distances of nodes that HiGHS finds, or None."""
    import scipy.sparse  # these take longer to load than all of this package
    from scipy.optimize import linprog

    m = len(g.tails)
    e = np.arange(m)
    loop = g.tails == g.heads
    one = np.where(loop, 0.0, 1.0)
    rows = scipy.sparse.csr_array(
        (np.concatenate([one, -one]), (np.concatenate([g.tails, g.heads]), np.tile(e, 2))),
        shape=(g.n, m),
    )
    unit = float(2.0 ** np.round(np.log2(np.abs(g.cost).max())))
    size = max(float(np.abs(g.supply).max(initial=0)), float(np.median(g.high)), 1e-300)
    options = {} if deadline.left() == np.inf else {"time_limit": deadline.left()}
    found = linprog(
        g.cost / unit,
        A_eq=rows,
        b_eq=g.supply / size,
        bounds=np.stack([g.low / size, g.high / size], axis=1),
        method="highs",
        options=options,
    )
    if found.status != 0:
        stage("HiGHS: %s", found.message)
        return None
    distance = -found.eqlin.marginals * unit
    if not np.isfinite(distance).all():
        return None
    distance -= distance.min()  # shifting all prices changes nothing
    if not g.whole_costs:
        return distance
    most = float(np.abs(g.cost).max()) * g.n
    return np.rint(np.clip(distance, -most, most)).astype(np.int64)


def _from_prices(g: CostProblem, distance: Array, feasible: Array) -> Array:
    """Return a flow in which only arcs without a price differ from their bounds, if there is one.

    Otherwise return a flow with as few units missing as a maximum flow leaves.
    """
    reduced = g.cost + distance[g.tails] - distance[g.heads]
    near = 0.0 if g.whole_costs else 1e-9 * float(np.abs(g.cost).max())
    flow = np.where(reduced > near, g.low, np.where(reduced < -near, g.high, feasible))
    free = np.abs(reduced) <= near
    flow = routed(g, flow, free, complain=False)
    left = g.supply - divergence(g, flow)
    if not left.any():
        return flow
    flow = routed(g, flow, np.ones_like(free), complain=False)
    return feasible if unsupplied(g, flow).any() else flow


def settled(g: CostProblem, flow: Array) -> Array:
    """Return the flow after nodes with small supplies passed rounding errors on to larger ones.

    They pass them along trees of arcs that are at none of their bounds, towards the largest node.
    """
    inner = np.flatnonzero((flow > g.low) & (flow < g.high) & (g.tails != g.heads))
    if not len(inner):
        return flow
    import scipy.sparse
    from scipy.sparse.csgraph import breadth_first_order

    size = np.zeros(g.n)
    np.add.at(size, g.tails, np.abs(flow))
    np.add.at(size, g.heads, np.abs(flow))
    ends = np.stack([g.tails[inner], g.heads[inner]])
    # entries are numbers of arcs; of parallel ones the first
    low, high = ends.min(axis=0), ends.max(axis=0)
    pairs, first = np.unique(low.astype(np.int64) * g.n + high, return_index=True)
    graph = scipy.sparse.csr_array((inner[first] + 1, (pairs // g.n, pairs % g.n)), (g.n, g.n))
    flow, left = flow.copy(), (g.supply - divergence(g, flow)).tolist()
    seen = np.zeros(g.n, dtype=bool)
    for root in np.argsort(-size, kind="stable"):
        if seen[root] or size[root] == 0:
            continue
        order, before = breadth_first_order(graph, root, directed=False)
        seen[order] = True
        for v in order[:0:-1].tolist():
            if left[v]:
                u = int(before[v])
                e = int(graph[min(u, v), max(u, v)]) - 1
                sign = 1.0 if g.tails[e] == v else -1.0
                moved = min(max(flow[e] + sign * left[v], g.low[e]), g.high[e])
                left[u] += left[v]
                flow[e] = moved
    return flow
