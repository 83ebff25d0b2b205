"""Minimum-cost flow: supplies are carried to demands along arcs with costs and bounds.

HiGHS solves the linear program [1]_, and only its prices of nodes are used. Arcs that these prices
leave no choice are set to a bound; a maximum flow carries the rest. Where prices were inexact, what
is left is routed along any arcs, and cycles of negative cost are cancelled until there is none
(Klein [2]_). Nothing of this has a tolerance if capacities and costs are ints.

References
----------
.. [1] Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Mathematical
   Programming Computation 10, 2018.
.. [2] M. Klein, "A primal method for minimal cost flows", Management Science 14(3), 1967.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from subopt._base.answer import Answer, CertificateError, Status
from subopt._base.deadline import Deadline
from subopt._base.options import documented
from subopt._base.report import reported, stage
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import UNLIMITED, Graph, Terminal, capacities, ends, infinite
from subopt.graph._max_flow import solve
from subopt.graph._recheck import shaped, unmasked
from subopt.graph.negative_cycles import CYCLE, DONE, cancel, relax
from subopt.graph.network import require_fit

ROUNDING = 2.0**-44  # relative error of sums of floats that counts as rounding
MOST = 20  # cycles per arc, with floats
PASSES = 64  # over all arcs between two looks at the clock


@dataclass(frozen=True, eq=False, repr=False)
class PriceCertificate:
    """A price per node: no flow can be cheaper than arcs that keep to their prices.

    With prices p and a flow f, every flow with the same supplies costs at least the cost of f minus
    ``sum_e max over g in [lower, capacity] of (f - g) (cost + p[tail] - p[head])``.

    Attributes
    ----------
    prices : ndarray, shape (n,)
        Any numbers; an optimal flow with its shortest distances has a gap of 0.
    """

    prices: Array

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.prices)} nodes)"

    def check(self, problem: Any, answer: Any) -> float:
        """Recompute the cost of a flow, and how much less another one can cost.

        Parameters
        ----------
        problem : dict
            The arguments of `min_cost_flow`.
        answer : MinCostFlow or ndarray, shape (m,)
            The answer, or only the flow.

        Returns
        -------
        float
            The gap, computed in exact arithmetic and rounded once.

        Raises
        ------
        CertificateError
            If the flow breaks a bound of an arc or the supply of a node (floats: by more than the
            rounding of the flows at the node), or if `value` is not its cost.
        """
        g = _read(problem)
        given = answer.flow if isinstance(answer, MinCostFlow) else answer
        flow = shaped("flow", given, g.tails.shape)
        prices = shaped("prices", self.prices, (g.n,))
        if not np.isfinite(flow).all() or not np.isfinite(prices).all():
            raise CertificateError("A check needs a flow and prices that are finite")
        if len(broken := np.flatnonzero((flow < g.low) | (flow > g.high))):
            e = int(broken[0])
            raise CertificateError(
                f"flow[{e}] is {flow[e]}, but lower is {g.low[e]} and capacity {g.high[e]}"
            )
        _require_supplies(g, flow)
        if isinstance(answer, MinCostFlow):
            exact = _cost(g, flow)
            near = abs(Fraction(answer.value) - exact) <= Fraction(ROUNDING) * abs(exact)
            if not (answer.value == exact if g.whole_costs and g.whole else near):
                raise CertificateError(f"value is {answer.value}, but the flow costs {exact}")
        return _up(_gap(g, flow, prices))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MinCostFlow(Answer):
    """A flow of least cost, and prices of nodes that prove it.

    Attributes
    ----------
    value : int or float
        The cost. An int, and exact, if capacities and costs are ints.
    lower_bound : int or float
        No flow with these supplies costs less.
    status : Status
        OPTIMAL, TIME_LIMIT, or with floats SLOW_PROGRESS.
    method : str
        What ran.
    certificate : PriceCertificate
        The prices as evidence for `lower_bound`.
    flow : ndarray, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]``; ints if capacities, bounds and supplies are.
    amount : int or float or None
        What flows from `source` to `sink`, if these were given.
    """

    flow: Array
    amount: Any = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(value={self.value!r}, lower_bound={self.lower_bound!r}, "
            f"{len(self.flow)} arcs, {self.status.name}, method={self.method!r})"
        )

    def check(self, problem: Any, *arguments: Any, **named: Any) -> float:
        """Recompute the cost of the flow and the gap.

        Parameters
        ----------
        problem : dict or array_like
            The arguments of `min_cost_flow`, or the first of them.
        *arguments, **named
            The other arguments: ``flow.check(tails, heads, capacity, cost, supply=...)``.

        Returns
        -------
        float
            See `PriceCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `PriceCertificate.check`.
        """
        if arguments or named:
            names = ("tails", "heads", "capacity", "cost")
            problem = dict(zip(names, (problem, *arguments), strict=False)) | named
        assert self.certificate is not None
        return self.certificate.check(problem, self)


@reported
@documented
def min_cost_flow(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    cost: ArrayLike,
    *,
    supply: Terminal | None = None,
    source: int | None = None,
    sink: int | None = None,
    amount: float | None = None,
    lower: ArrayLike | None = None,
    n: int | None = None,
    time_limit: float | None = None,
    verbose: bool = False,
) -> MinCostFlow:
    """Find a flow of least cost that carries supplies to demands, or all that fits.

    Minimizes ``sum cost[e] * flow[e]`` over ``lower <= flow <= capacity`` such that what leaves a
    node is what enters it plus its supply.

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the arcs, in 0..n - 1. Parallel arcs and loops are allowed.
    capacity : array_like, shape (m,)
        Nonnegative capacities; may be infinite.
    cost : array_like, shape (m,)
        Cost of one unit of flow: any finite number.
    supply : array_like of shape (n,), or dict, optional
        What each node adds to the flow; negative for demands. Its sum is 0. A dict maps nodes to
        supplies; other nodes have none.
    source, sink : int, optional
        Two nodes, in place of `supply`.
    amount : float, optional
        What is carried from `source` to `sink`; as much as possible by default.
    lower : array_like, shape (m,), optional
        Lower bounds >= 0 of the flow, 0 by default.
    n : int, optional
        Number of nodes; needed if `supply` is a dict. By default the largest end plus 1.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    MinCostFlow
        The flow, with prices of nodes as its certificate.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if no flow has these supplies (the message names the
        nodes that cannot be served), or if a cycle of negative cost has no limit.

    Notes
    -----
    HiGHS, through `scipy.optimize.linprog`, solves a linear program of m variables and n rows. Ints
    are exact at every scale, also where HiGHS is not; cancelling cycles then has no polynomial
    bound. Floats are exact up to rounding, which `gap` measures.

    Examples
    --------
    >>> shipped = min_cost_flow([0, 0, 1], [1, 2, 2], [4, 2, 5], [2, 5, 1], supply=[5, 0, -5])
    >>> shipped.value, shipped.flow, shipped.gap, shipped.status.name
    (17, array([4, 1, 4]), 0.0, 'OPTIMAL')

    As much as possible, at least 2 of it along the second arc:

    >>> min_cost_flow(
    ...     [0, 0, 1], [1, 2, 2], [4, 9, 5], [2, 5, 1], source=0, sink=2, lower=[0, 2, 0]
    ... ).amount
    13
    """
    deadline = Deadline(time_limit)
    problem = {
        "tails": tails,
        "heads": heads,
        "capacity": capacity,
        "cost": cost,
        "supply": supply,
        "source": source,
        "sink": sink,
        "amount": amount,
        "lower": lower,
        "n": n,
    }
    g = _read(problem)
    stage("%d nodes, %d arcs, %s", g.n, len(g.tails), "ints" if g.whole else "floats")
    if g.supply is None:
        g = g._replace(supply=_largest_supply(g))
    g = _limited(_balanced(g))
    feasible = _routed(g, g.low.copy(), np.ones(len(g.tails), dtype=bool), complain=True)
    flow, prices, ran, done = _cheapest(g, feasible, deadline)
    flow = flow if g.whole else _settled(g, flow)
    return _answer(g, flow, prices, ran, done, deadline, source)


class _Problem(NamedTuple):
    n: int
    tails: Array
    heads: Array
    low: Array  # int64 or float64, as `high` and `supply`
    high: Array  # infinite ones: `UNLIMITED`, or inf
    cost: Array  # int64 or float64
    supply: Array | None  # None: as much as possible from the source to the sink
    source: int
    sink: int

    @property
    def whole(self) -> bool:
        """Whether flows are ints."""
        return self.high.dtype.kind == "i"

    @property
    def whole_costs(self) -> bool:
        """Whether costs are ints."""
        return self.cost.dtype.kind == "i"


class Capacitated(NamedTuple):
    """A graph with costs and bounds, as kernels read it."""

    tails: Array
    heads: Array
    low: Array
    high: Array
    cost: Array
    unit: float  # relative changes of a distance up to this are rounding; 0 for ints


def _read(problem: Any) -> _Problem:
    """Check the arguments of `min_cost_flow`."""
    if not isinstance(problem, Mapping):
        raise TypeError(
            f"A check needs the arguments of min_cost_flow as a dict, got {type(problem).__name__}"
        )
    names = (
        "tails",
        "heads",
        "capacity",
        "cost",
        "supply",
        "source",
        "sink",
        "amount",
        "lower",
        "n",
    )
    if lost := set(names[:4]) - problem.keys():
        raise TypeError(f"min_cost_flow needs {', '.join(sorted(lost))}")
    tails, heads, capacity, cost, supply, source, sink, amount, lower, n = (
        problem.get(name) for name in names
    )
    n = _size(tails, heads, supply, n)
    tails, heads = ends("tails", tails, n), ends("heads", heads, n)
    m = len(tails)
    if len(heads) != m:
        raise ValueError(f"heads needs one entry per arc, as tails has: {m}, got {len(heads)}")
    require_fit(n, m)
    high = capacities("capacity", capacity, (m,))
    low = np.zeros(m, np.int64) if lower is None else capacities("lower", lower, (m,))
    if infinite(low).any():
        raise ValueError(f"lower[{int(np.argmax(infinite(low)))}] is inf: no flow is so large")
    price = _signed("cost", cost, (m,))
    one = source is not None and sink is not None
    if (supply is None) != one or (source is None) != (sink is None):
        raise ValueError("min_cost_flow needs either supply, or source and sink")
    if amount is not None and not one:
        raise ValueError("amount is what flows from source to sink: give both, and no supply")
    wanted: Array | None = None
    if one:
        for name, v in (("source", source), ("sink", sink)):
            if isinstance(v, bool) or not isinstance(v, int | np.integer) or not 0 <= v < n:
                raise ValueError(f"{name} needs to be a node in 0..{n - 1}, got {v!r}")
        if source == sink:
            raise ValueError(f"source and sink need to be two nodes, but both are {source}")
        if amount is not None:
            part = capacities("amount", [amount], (1,))
            if infinite(part).any():
                raise ValueError("amount needs to be finite; None carries as much as possible")
            wanted = np.zeros(n, dtype=part.dtype)
            wanted[source], wanted[sink] = part[0], -part[0]
    elif isinstance(supply, Mapping):
        nodes = ends("list(supply)", list(supply), n, each="keys")
        amounts = _signed("supply", list(supply.values()), nodes.shape)
        wanted = np.zeros(n, dtype=amounts.dtype)
        wanted[nodes] = amounts
    else:
        wanted = _signed("supply", supply, (n,))
    parts = [low, high] if wanted is None else [low, high, wanted]
    if any(part.dtype.kind == "f" for part in parts):
        parts = [np.where(infinite(p), np.inf, p.astype(np.float64)) for p in parts]
    low, high = parts[:2]
    wanted = parts[2] if wanted is not None else None
    if len(wrong := np.flatnonzero(low > high)):
        e = int(wrong[0])
        raise ValueError(
            f"lower needs to be at most capacity, but lower[{e}] is {low[e]} and capacity[{e}] is "
            f"{high[e]}"
        )
    if wanted is not None:
        total, size = wanted.sum(), np.abs(wanted).sum(dtype=float)
        if abs(total) > (0 if wanted.dtype.kind == "i" else ROUNDING * size):
            raise ValueError(
                f"supply needs to add up to 0, demands being negative, but it adds up to {total}. "
                "For less than all supplies, add a node that takes the rest."
            )
    most = float(np.abs(price).max(initial=0)) * (n + 1)
    if price.dtype.kind == "i" and most >= 2**60:
        raise ValueError(
            "min_cost_flow needs int costs whose largest times the number of nodes is below 2**60, "
            f"got {most:g}. Scale them, or pass floats to accept rounding."
        )
    end = (-1, -1) if not one else (int(source), int(sink))  # type: ignore[arg-type]
    return _Problem(n, tails, heads, low, high, price, wanted, *end)


def _size(tails: Any, heads: Any, supply: Any, n: Any) -> int:
    if n is not None:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(f"n needs to be an integer >= 0, got {n!r}")
        return int(n)
    if isinstance(supply, Mapping):
        raise ValueError("min_cost_flow needs the number of nodes n if supply is a dict")
    if supply is not None:
        return int(np.size(np.asarray(supply)))
    both = [np.asarray(part) for part in (tails, heads)]
    return 1 + max((int(part.max()) for part in both if part.size), default=-1)


def _signed(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Return finite numbers of any sign, int64 or float64."""
    array: Array = unmasked(name, values)
    if array.shape != shape:
        raise ValueError(f"{name} needs the shape {shape}, got {array.shape}")
    if array.size == 0:
        return np.zeros(shape, dtype=np.int64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} needs real numbers that fit into int64, got dtype {array.dtype}")
    large = array.dtype.kind == "u" and int(array.max()) >= 2**63
    wrong = array >= 2**63 if large else ~np.isfinite(array)
    if array.dtype == np.int64:
        wrong = array == np.iinfo(np.int64).min
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ValueError(f"{name} needs finite numbers, but {name}[{index}] is {array[index]}")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def _limited(g: _Problem) -> _Problem:
    """Return the problem with finite capacities, or raise if costs fall without limit.

    A flow of least cost needs no cycle of infinite arcs. What such an arc carries is then at most
    the sum of all supplies and finite capacities.
    """
    assert g.supply is not None
    never = infinite(g.high)
    parts = g.high[~never], np.maximum(g.supply, 0), g.low
    with np.errstate(over="ignore"):  # an error follows
        total = float(sum(part.sum(dtype=float) for part in parts))
    _require_sums(g, total)
    if not never.any():
        return g
    part = _Problem(
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


def _balanced(g: _Problem) -> _Problem:
    """Return the problem with supplies of floats that add up to 0 in every connected part.

    What rounding left over is taken from the largest supply, where it is rounding, too. Otherwise a
    node with a small supply may have to bear it.
    """
    if g.whole or not len(g.tails):
        return g
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    assert g.supply is not None
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


def _require_sums(g: _Problem, total: float) -> None:
    if not np.isfinite(total) or (g.whole and total >= 2**59):
        raise ValueError(
            f"min_cost_flow needs {'ints' if g.whole else 'floats'} that add up to less than "
            f"{'2**59' if g.whole else '1e308'}, but capacities, lower bounds and supplies add up "
            f"to {total:g}. Scale them" + (", or pass floats to accept rounding" * g.whole) + "."
        )


def _returns(g: _Problem, parent: Array, v: int) -> bool:
    """Return whether the parents of a node lead back to it."""
    u = v
    for _ in range(g.n):
        if parent[u] < 0:
            return False
        u = int(g.tails[parent[u] >> 1] if parent[u] & 1 == 0 else g.heads[parent[u] >> 1])
        if u == v:
            return True
    return False


def _kernel(g: _Problem) -> Capacitated:
    unit = 0.0 if g.whole_costs else 2.0**-48
    return Capacitated(g.tails, g.heads, g.low, g.high, g.cost, np.float64(unit))


def _divergence(g: _Problem, flow: Array) -> Array:
    """Return what leaves every node minus what enters it."""
    out = np.zeros(g.n, dtype=flow.dtype)
    np.add.at(out, g.tails, flow)
    np.subtract.at(out, g.heads, flow)
    return out


def _largest_supply(g: _Problem) -> Array:
    """Return the supplies for as much as can flow from the source to the sink."""
    supply = np.zeros(g.n, dtype=g.high.dtype)
    flow = g.low.copy()
    if g.low.any():
        back = _Problem(
            g.n,
            np.append(g.tails, g.sink).astype(np.int32),
            np.append(g.heads, g.source).astype(np.int32),
            np.append(g.low, g.low.dtype.type(0)),
            np.append(g.high, g.high.dtype.type(UNLIMITED if g.whole else np.inf)),
            np.append(g.cost, g.cost.dtype.type(0)),
            supply,
            *g[7:],
        )
        flow = _routed(back, back.low.copy(), np.ones(len(back.tails), bool), complain=True)[:-1]
    # with `most` in place of infinity, a value of `most` means that there is no finite cut
    never = infinite(g.high)
    with np.errstate(over="ignore"):  # an error follows
        finite = float(g.high[~never].sum(dtype=float))
    _require_sums(g, finite)
    most = g.high.dtype.type(2 * finite + 1)
    source, sink = supply.copy(), supply.copy()
    source[g.source] = sink[g.sink] = most
    up = np.where(never, most, g.high - flow)
    graph = Graph(g.n, g.tails, g.heads, up, flow - g.low, source, sink, g.whole)
    found = solve(graph, maximal=False, method="auto")
    if found.value >= most:
        raise ValueError(
            "As much as possible is without limit here: arcs of infinite capacity lead from the "
            "source to the sink. Give amount, or one of these arcs a capacity."
        )
    passed = _divergence(g, flow + found.flow)[g.source]
    supply[g.source], supply[g.sink] = passed, -passed
    return supply


def _routed(g: _Problem, flow: Array, free: Array, *, complain: bool) -> Array:
    """Return the flow after as much of the missing supplies as free arcs can carry."""
    left = g.supply - _divergence(g, flow)
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
        size = sum(float(np.abs(part).sum(dtype=float)) for part in (g.supply, g.low, flow))
        if short > (0 if g.whole else ROUNDING * size):
            raise ValueError(_infeasible(g, found.source_side))
    return np.clip(flow + found.flow, g.low, g.high)


def _infeasible(g: _Problem, side: Array) -> str:
    """Say which nodes cannot get rid of their supplies, and why."""
    assert g.supply is not None
    out, into = side[g.tails] & ~side[g.heads], ~side[g.tails] & side[g.heads]
    nodes = np.flatnonzero(side)
    some = ", ".join(map(str, nodes[:5])) + (", ..." if len(nodes) > 5 else "")
    return (
        f"No flow has these supplies: those of {len(nodes)} nodes ({some}) add up to "
        f"{g.supply[side].sum()}, and arcs bring at least {g.low[into].sum()} to them, but the "
        f"arcs that leave them carry at most {g.high[out].sum()}"
    )


def _cheapest(g: _Problem, feasible: Array, deadline: Deadline) -> tuple[Array, Array, str, bool]:
    """Return a flow, prices, what ran, and whether no cycle of negative cost is left."""
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


def _prices(g: _Problem, deadline: Deadline) -> Array | None:
    """Return the distances of nodes that HiGHS finds, or None."""
    import scipy.sparse  # these take longer to load than all of this package
    from scipy.optimize import linprog

    assert g.supply is not None
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
    if not g.whole_costs:
        return distance
    most = float(np.abs(g.cost).max()) * g.n
    return np.rint(np.clip(distance, -most, most)).astype(np.int64)


def _from_prices(g: _Problem, distance: Array, feasible: Array) -> Array:
    """Return a flow in which only arcs without a price differ from their bounds, if there is one.

    Otherwise a flow that differs from this as little as a maximum flow can do.
    """
    reduced = g.cost + distance[g.tails] - distance[g.heads]
    near = 0.0 if g.whole_costs else 1e-9 * float(np.abs(g.cost).max())
    flow = np.where(reduced > near, g.low, np.where(reduced < -near, g.high, feasible))
    free = np.abs(reduced) <= near
    flow = _routed(g, flow, free, complain=False)
    left = g.supply - _divergence(g, flow)
    if not left.any():
        return flow
    flow = _routed(g, flow, np.ones_like(free), complain=False)
    return feasible if _unsupplied(g, flow).any() else flow


def _settled(g: _Problem, flow: Array) -> Array:
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
    flow, left = flow.copy(), (g.supply - _divergence(g, flow)).tolist()
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


def _unsupplied(g: _Problem, flow: Array) -> Array:
    """Return which nodes lack a supply, by more than the rounding of the flows at them."""
    left = np.abs(g.supply - _divergence(g, flow))
    if g.whole:
        return left > 0
    size = np.abs(g.supply).astype(float)
    np.add.at(size, g.tails, np.abs(flow))
    np.add.at(size, g.heads, np.abs(flow))
    return left > ROUNDING * size


def _require_supplies(g: _Problem, flow: Array) -> None:
    if g.supply is None:  # as much as possible
        passed = _divergence(g, flow)[g.source]
        supply = np.zeros(g.n, dtype=flow.dtype)
        supply[g.source], supply[g.sink] = passed, -passed
        g = g._replace(supply=supply)
        if _more_fits(g, flow):
            raise CertificateError(
                f"As much as possible was asked for, but more than {passed} can flow from "
                f"{g.source} to {g.sink}"
            )
    wrong = _unsupplied(g, flow)
    if wrong.any():
        v = int(np.argmax(wrong))
        raise CertificateError(
            f"The supply of node {v} is {g.supply[v]}, but {_divergence(g, flow)[v]} leaves it"
        )


def _more_fits(g: _Problem, flow: Array) -> bool:
    """Return whether a path with residual capacity leads from the source to the sink."""
    import scipy.sparse
    from scipy.sparse.csgraph import breadth_first_order

    near = 0.0 if g.whole else ROUNDING * np.abs(flow)
    up, down = g.high - flow > near, flow - g.low > near
    ends = (
        np.concatenate([g.tails[up], g.heads[down]]),
        np.concatenate([g.heads[up], g.tails[down]]),
    )
    graph = scipy.sparse.csr_array((np.ones(len(ends[0])), ends), shape=(g.n, g.n))
    reached = breadth_first_order(graph, g.source, return_predecessors=False)
    return bool((reached == g.sink).any())


def _answer(
    g: _Problem,
    flow: Array,
    prices: Array,
    ran: str,
    done: bool,
    deadline: Deadline,
    source: int | None,
) -> MinCostFlow:
    value, gap = _cost(g, flow), _gap(g, flow, prices)
    whole = g.whole and g.whole_costs
    bound = value - gap
    status = Status.SLOW_PROGRESS if done or not deadline.passed() else Status.TIME_LIMIT
    optimal = gap == 0 if whole else _only_rounding(g, flow, prices)
    status = Status.OPTIMAL if optimal else status
    return MinCostFlow(
        value=int(value) if whole else float(value),
        lower_bound=int(bound) if whole else _down(bound),
        status=status,
        method=ran,
        certificate=PriceCertificate(prices),
        flow=flow,
        amount=None if source is None else _divergence(g, flow)[source].item(),
    )


def _units(*arrays: Array) -> tuple[list[Array], Fraction]:
    """Return arrays as Python ints in a common unit, and the unit."""
    if all(a.dtype.kind == "i" for a in arrays):
        return [a.astype(object) for a in arrays], Fraction(1)
    parts = [np.frexp(a.astype(np.float64)) for a in arrays]
    least = min((int(e[m != 0].min(initial=1100)) for m, e in parts), default=0)
    found = []
    for m, e in parts:
        whole = (m * 2.0**53).astype(np.int64).astype(object)
        found.append(whole * 2 ** np.where(m == 0, 0, e - least).astype(object))
    power = least - 53
    return found, Fraction(2**power) if power >= 0 else Fraction(1, 2**-power)


def _cost(g: _Problem, flow: Array) -> Fraction:
    """Return the cost of a flow, exactly."""
    (c,), unit = _units(g.cost)
    (f,), size = _units(flow)
    return Fraction(int((c * f).sum())) * unit * size


def _gap(g: _Problem, flow: Array, prices: Array) -> Fraction:
    """Return how much a flow with the same supplies can save at these prices, exactly."""
    (c, p), unit = _units(g.cost, prices)
    never = infinite(g.high)
    high = np.where(never, flow, g.high)
    (f, low, top), size = _units(flow, g.low, high.astype(flow.dtype))
    reduced = c + p[g.tails] - p[g.heads]
    if (never & (reduced < 0)).any():
        return Fraction(10) ** 400
    slack = np.where(reduced > 0, reduced * (f - low), -reduced * (top - f))
    return Fraction(int(slack.sum())) * unit * size


def _only_rounding(g: _Problem, flow: Array, prices: Array) -> bool:
    """Return whether every arc saves no more than the rounding of the prices at its ends."""
    before, after = prices[g.tails], prices[g.heads]
    reduced = g.cost + before - after
    near = ROUNDING * (np.abs(g.cost).astype(float) + np.abs(before) + np.abs(after))
    rough = np.where(reduced > near, flow > g.low, (reduced < -near) & (flow < g.high))
    return not rough.any()


def _up(x: Fraction) -> float:
    """Return the smallest float that is not less."""
    try:
        value = float(x)
    except OverflowError:
        return np.inf
    return value if Fraction(value) >= x else float(np.nextafter(value, np.inf))


def _down(x: Fraction) -> float:
    return -_up(-x) if x > -(10**308) else -np.inf
