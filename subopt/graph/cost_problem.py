"""Minimum-cost flow problems from callers, checked and converted to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.graph._input import arc_ends, capacities, ends, infinite
from subopt.graph.network import require_fit

ROUNDING = 2.0**-44  # relative error of sums of floats that counts as rounding


class CostProblem(NamedTuple):
    """Arcs with costs and bounds, and supplies of nodes."""

    n: int
    tails: Array
    heads: Array
    low: Array  # int64 or float64, as `high` and `supply`
    high: Array  # infinite ones: `UNLIMITED`, or inf
    cost: Array  # int64 or float64
    supply: Array
    as_much: bool  # as possible from the source to the sink, in place of `supply`
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


def read(problem: Any) -> CostProblem:
    """Check the arguments of `min_cost_flow`."""
    if not isinstance(problem, Mapping):
        raise TypeError(
            f"A check needs the arguments of min_cost_flow as a dict, got {type(problem).__name__}"
        )
    if lost := {"tails", "heads", "capacity", "cost"} - problem.keys():
        raise TypeError(f"min_cost_flow needs {', '.join(sorted(lost))}")
    n = _size(*(problem.get(name) for name in ("tails", "heads", "supply", "n")))
    tails, heads = arc_ends(problem["tails"], problem["heads"], n)
    require_fit(n, len(tails))
    low, high = _limits(problem, len(tails))
    cost = _costs(problem["cost"], len(tails), n)
    source, sink = _terminals(problem, n)
    supply = _supply(problem, n) if source < 0 else _sent(problem.get("amount"), n, source, sink)
    parts = [low, high, supply]
    if any(part.dtype.kind == "f" for part in parts):
        parts = [np.where(infinite(p), np.inf, p.astype(np.float64)) for p in parts]
    _require_order(*parts[:2])
    as_much = source >= 0 and problem.get("amount") is None
    low, high, supply = parts
    return CostProblem(n, tails, heads, low, high, cost, supply, as_much, source, sink)


def _limits(problem: Mapping[str, Any], m: int) -> tuple[Array, Array]:
    """Return the least and the largest flow of every arc."""
    high = capacities("capacity", problem["capacity"], (m,))
    if problem.get("lower") is None:
        return np.zeros(m, np.int64), high
    low = capacities("lower", problem["lower"], (m,))
    if infinite(low).any():
        raise ValueError(f"lower[{int(np.argmax(infinite(low)))}] is inf: no flow is so large")
    return low, high


def _require_order(low: Array, high: Array) -> None:
    if len(wrong := np.flatnonzero(low > high)):
        e = int(wrong[0])
        raise ValueError(
            f"lower needs to be at most capacity, but lower[{e}] is {low[e]} and capacity[{e}] is "
            f"{high[e]}"
        )


def _costs(cost: Any, m: int, n: int) -> Array:
    costs = _signed("cost", cost, (m,))
    most = float(np.abs(costs).max(initial=0)) * (n + 1)
    if costs.dtype.kind == "i" and most >= 2**60:
        raise ValueError(
            "min_cost_flow needs int costs whose largest times the number of nodes is below 2**60, "
            f"got {most:g}. Scale them, or pass floats to accept rounding."
        )
    return costs


def _terminals(problem: Mapping[str, Any], n: int) -> tuple[int, int]:
    """Return source and sink, or -1 twice for a problem with a supply of every node."""
    source, sink = problem.get("source"), problem.get("sink")
    one = source is not None and sink is not None
    if (problem.get("supply") is None) != one or (source is None) != (sink is None):
        raise ValueError("min_cost_flow needs either supply, or source and sink")
    if not one:
        if problem.get("amount") is not None:
            raise ValueError("amount is what flows from source to sink: give both, and no supply")
        return -1, -1
    for name, v in (("source", source), ("sink", sink)):
        if isinstance(v, bool) or not isinstance(v, int | np.integer) or not 0 <= v < n:
            raise ValueError(f"{name} needs to be a node in 0..{n - 1}, got {v!r}")
    if source == sink:
        raise ValueError(f"source and sink need to be two nodes, but both are {source}")
    return int(source), int(sink)  # type: ignore[arg-type]


def _sent(amount: Any, n: int, source: int, sink: int) -> Array:
    """Return the supply that carries an amount from the source to the sink; None is no amount."""
    if amount is None:
        return np.zeros(n, dtype=np.int64)
    part = capacities("amount", [amount], (1,))
    if infinite(part).any() or float(part[0]) >= 2.0**1022:
        raise ValueError("amount needs a number below 2**1022; None carries as much as possible")
    supply = np.zeros(n, dtype=part.dtype)
    supply[source], supply[sink] = part[0], -part[0]
    return supply


def _supply(problem: Mapping[str, Any], n: int) -> Array:
    """Return the supply of every node, and check that supplies and demands are equal."""
    given = problem["supply"]
    if isinstance(given, Mapping):
        nodes = ends("list(supply)", list(given), n, each="keys")
        amounts = _signed("supply", list(given.values()), nodes.shape)
        supply = np.zeros(n, dtype=amounts.dtype)
        supply[nodes] = amounts
    else:
        supply = _signed("supply", given, (n,))
    with np.errstate(over="ignore"):
        total, size = sum(supply.tolist()), np.abs(supply).sum(dtype=float)
    if not np.isfinite(size):
        raise ValueError("supply needs numbers whose sum is finite in float64: scale them")
    if abs(total) > (0 if supply.dtype.kind == "i" else ROUNDING * size):
        raise ValueError(
            f"supply needs to add up to 0, demands being negative, but it adds up to {total}. "
            "For less than all supplies, add a node that takes the rest."
        )
    return supply


def _size(tails: Any, heads: Any, supply: Any, n: Any) -> int:
    if n is not None:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(f"n needs to be an integer >= 0, got {n!r}")
        return int(n)
    if isinstance(supply, Mapping):
        raise ValueError("min_cost_flow needs the number of nodes n if supply is a dict")
    if supply is not None:
        return int(validate.numeric("supply", supply).size)
    both = [validate.rectangular(*part) for part in (("tails", tails), ("heads", heads))]
    return 1 + max((int(part.max()) for part in both if part.size), default=-1)


def _signed(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Return finite numbers of any sign, int64 or float64."""
    array: Array = validate.unmasked(name, values)
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


def require_sums(g: CostProblem, total: float) -> None:
    """Raise if flows may be too large for exact sums."""
    if not np.isfinite(total) or (g.whole and total >= 2**59):
        raise ValueError(
            f"min_cost_flow needs {'ints' if g.whole else 'floats'} that add up to less than "
            f"{'2**59' if g.whole else '1e308'}, but capacities, lower bounds and supplies add up "
            f"to {total:g}. Scale them" + (", or pass floats to accept rounding" * g.whole) + "."
        )


def divergence(g: CostProblem, flow: Array) -> Array:
    """Return the outflow of every node minus its inflow."""
    out = np.zeros(g.n, dtype=flow.dtype)
    np.add.at(out, g.tails, flow)
    np.subtract.at(out, g.heads, flow)
    return out


def unsupplied(g: CostProblem, flow: Array) -> Array:
    """Return which nodes lack a supply, by more than the rounding of the flows at them."""
    left = np.abs(g.supply - divergence(g, flow))
    if g.whole:
        return left > 0
    size = np.abs(g.supply).astype(float)
    np.add.at(size, g.tails, np.abs(flow))
    np.add.at(size, g.heads, np.abs(flow))
    return left > ROUNDING * size
