"""Minimum-cost flow: supplies are carried to demands along arcs with costs and bounds.

HiGHS solves the linear program [1]_, and only its prices of nodes are used. Arcs on which the
prices determine the flow are set to a bound; a maximum flow carries the remaining supply along the
other arcs. If the prices were inexact, supply that is left is routed along any arcs, and cycles of
negative cost are cancelled until there is none (Klein [2]_). No step has a tolerance if capacities
and costs are ints.

References
----------
.. [1] Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Mathematical
   Programming Computation 10, 2018.
.. [2] M. Klein, "A primal method for minimal cost flows", Management Science 14(3), 1967.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.answer import Answer, CertificateError, ReadOnly, Status
from subopt._base.options import Deadline, documented, reported, stage
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Terminal, infinite
from subopt.graph._recheck import shaped
from subopt.graph.cheapest import balanced, cheapest, largest_supply, limited, routed, settled
from subopt.graph.cost_problem import ROUNDING, CostProblem, divergence, read, unsupplied

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    class CostArguments(TypedDict, total=False):
        """The arguments of `min_cost_flow` that describe the problem, after the first one."""

        heads: ArrayLike
        capacity: ArrayLike
        cost: ArrayLike
        supply: Terminal | None
        source: int | None
        sink: int | None
        amount: float | None
        lower: ArrayLike | None
        n: int | None


@dataclass(frozen=True, eq=False, repr=False)
class PriceCertificate(ReadOnly):
    """One price per node, which bounds the cost of every flow from below (LP duality).

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
        g = read(problem)
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
            if isinstance(answer.value, float) and not np.isfinite(answer.value):
                raise CertificateError(f"value is {answer.value}, but the flow costs {exact}")
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
        The method that ran.
    certificate : PriceCertificate
        The prices as evidence for `lower_bound`.
    flow : ndarray, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]``; ints if capacities, bounds and supplies are.
    amount : int or float or None
        Amount that flows from `source` to `sink`, if these were given.
    """

    flow: Array
    amount: Any = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(value={self.value!r}, lower_bound={self.lower_bound!r}, "
            f"{len(self.flow)} arcs, {self.status.name}, method={self.method!r})"
        )

    def check(self, problem: Any, *arguments: ArrayLike, **named: Unpack[CostArguments]) -> float:
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
    """Find a flow of least cost that carries supplies to demands, or as much as possible.

    Minimizes ``sum cost[e] * flow[e]`` over ``lower <= flow <= capacity`` such that the outflow of
    a node is its inflow plus its supply.

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the arcs, in 0..n - 1. Parallel arcs and loops are allowed.
    capacity : array_like, shape (m,)
        Nonnegative capacities; may be infinite.
    cost : array_like, shape (m,)
        Cost of one unit of flow: any finite number.
    supply : array_like of shape (n,), or dict, optional
        Supply of each node; negative for demands. The sum is 0. A dict maps nodes to supplies;
        other nodes have none.
    source, sink : int, optional
        Two nodes, in place of `supply`.
    amount : float, optional
        Amount that is carried from `source` to `sink`; as much as possible by default.
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
    are exact at every scale, also where HiGHS is not; canceling cycles then has no polynomial
    bound. Floats are exact up to rounding, which `gap` measures.

    Examples
    --------
    >>> shipped = min_cost_flow([0, 0, 1], [1, 2, 2], [4, 2, 5], [2, 5, 1], supply=[5, 0, -5])
    >>> shipped.value, shipped.flow, shipped.gap, shipped.status.name
    (17, array([4, 1, 4]), 0.0, 'OPTIMAL')

    The largest flow with at least 2 on the second arc:

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
    g = read(problem)
    stage("%d nodes, %d arcs, %s", g.n, len(g.tails), "ints" if g.whole else "floats")
    if g.as_much:
        g = g._replace(supply=largest_supply(g))
    g = limited(balanced(g))
    feasible = routed(g, g.low.copy(), np.ones(len(g.tails), dtype=bool), complain=True)
    flow, prices, ran, done = cheapest(g, feasible, deadline)
    flow = flow if g.whole else settled(g, flow)
    return _answer(g, flow, prices, ran, done, deadline, source)


def _require_supplies(g: CostProblem, flow: Array) -> None:
    if g.as_much:
        passed = divergence(g, flow)[g.source]
        supply = np.zeros(g.n, dtype=flow.dtype)
        supply[g.source], supply[g.sink] = passed, -passed
        g = g._replace(supply=supply)
        if _more_fits(g, flow):
            raise CertificateError(
                f"The amount should be the largest possible, but more than {passed} can flow from "
                f"{g.source} to {g.sink}"
            )
    wrong = unsupplied(g, flow)
    if wrong.any():
        v = int(np.argmax(wrong))
        raise CertificateError(
            f"The supply of node {v} is {g.supply[v]}, but {divergence(g, flow)[v]} leaves it"
        )


def _more_fits(g: CostProblem, flow: Array) -> bool:
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
    g: CostProblem,
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
        amount=None if source is None else divergence(g, flow)[source].item(),
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


def _cost(g: CostProblem, flow: Array) -> Fraction:
    """Return the cost of a flow, exactly."""
    (c,), unit = _units(g.cost)
    (f,), size = _units(flow)
    return Fraction(int((c * f).sum())) * unit * size


def _gap(g: CostProblem, flow: Array, prices: Array) -> Fraction:
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


def _only_rounding(g: CostProblem, flow: Array, prices: Array) -> bool:
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
