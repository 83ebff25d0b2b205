"""What the caller gave as a graph, checked: plain arrays, and which numbers stand for infinity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt.graph.network import require_fit

Terminal = ArrayLike | Mapping[int, float]


class Graph(NamedTuple):
    """Arcs with capacities both ways, and arcs from the source and to the sink for every node.

    Capacities are int64, or float64 where one may be infinite or is not a whole number.
    """

    n: int
    tails: Array
    heads: Array
    forward: Array
    backward: Array
    source: Array
    sink: Array
    whole: bool  # all capacities are ints or infinite

    def finite(self) -> bool:
        """Whether no capacity is infinite."""
        parts = self.forward, self.backward, self.source, self.sink
        return all(part.dtype.kind != "f" or bool(np.isfinite(part).all()) for part in parts)

    def cut(self, side: Array) -> Any:
        """Capacity of the cut around a set of nodes; an int if all of it is."""
        # `take` and `compress` are several times as fast as indexing
        tail, head = np.take(side, self.tails), np.take(side, self.heads)
        parts = (
            self.source.compress(~side),
            self.sink.compress(side),
            self.forward.compress(tail > head),
            self.backward.compress(tail < head),
        )
        total = float(sum(part.sum() for part in parts))
        if self.whole and np.isfinite(total):
            return sum(int(part.astype(np.int64).sum()) for part in parts)
        return total


def graph(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None,
    source_capacity: Terminal,
    sink_capacity: Terminal,
    n: int | None,
) -> Graph:
    """Check what the caller gave."""
    n = _size(n, source_capacity, sink_capacity)
    source, whole_source = _terminal("source_capacity", source_capacity, n)
    sink, whole_sink = _terminal("sink_capacity", sink_capacity, n)
    tails, heads = ends("tails", tails, n), ends("heads", heads, n)
    m = len(tails)
    if len(heads) != m:
        raise ValueError(f"heads needs one entry per arc, as tails has: {m}, got {len(heads)}")
    require_fit(n, m)
    forward, whole = capacities("capacity", capacity, (m,))
    backward, whole_back = np.zeros(m, dtype=np.int64), True
    if reverse_capacity is not None:
        backward, whole_back = capacities("reverse_capacity", reverse_capacity, (m,))
    whole = whole and whole_back and whole_source and whole_sink
    return Graph(n, tails, heads, forward, backward, source, sink, whole)


def bounded(g: Graph) -> tuple[Array, Array, Array, Array]:
    """Return the four capacities with large numbers for infinite ones.

    Float64, or int64 where float64 would round. An infinite arc gets more than any finite cut, and
    an infinite terminal more than what can leave or enter its node.
    """
    exact = (g.forward, g.backward, g.source, g.sink)
    result: list[Array] = [part.astype(np.float64) for part in exact]
    with np.errstate(over="ignore"):  # an error follows
        total = most = sum(float(part.sum()) for part in result)
        if not np.isfinite(most):
            exact, total = _without_infinities(g)
            result = [part.astype(np.float64) for part in exact]
            most = sum(float(part.sum()) for part in result)
    if not np.isfinite(most) or (g.whole and most >= 2**61):
        allowed = "2**61" if g.whole else "1e308"
        raise ValueError(
            f"max_flow needs capacities that add up to less than {allowed}, but they add up to "
            f"{total:g} (and infinite ones count more). Scale them"
            + (", or pass floats to accept rounding." if g.whole else ".")
        )
    if g.whole and most >= 2**52:
        result = [part.astype(np.int64) for part in exact]
    forward, backward, source, sink = result
    return forward, backward, source, sink


def _without_infinities(g: Graph) -> tuple[tuple[Array, Array, Array, Array], float]:
    """Return the four capacities with large numbers for infinite ones, and the sum of the rest."""
    parts = (g.forward, g.backward, g.source, g.sink)
    total = sum(float(part[np.isfinite(part)].sum(dtype=np.float64)) for part in parts)
    forward, backward, source, sink = (_replace(part, 1.0 + 2.0 * total) for part in parts)
    if np.isinf(g.source).any():
        limit = np.bincount(g.tails, forward, g.n) + np.bincount(g.heads, backward, g.n)
        source = _replace(g.source, 2.0 * (limit + sink) + 1.0)
    if np.isinf(g.sink).any():
        limit = np.bincount(g.heads, forward, g.n) + np.bincount(g.tails, backward, g.n)
        sink = _replace(g.sink, 2.0 * (limit + source) + 1.0)
    return (forward, backward, source, sink), total


def _replace(part: Array, infinity: Any) -> Array:
    return np.where(np.isinf(part), infinity, part) if part.dtype.kind == "f" else part


def _size(n: int | None, source_capacity: Terminal, sink_capacity: Terminal) -> int:
    if n is None:
        arrays = [c for c in (source_capacity, sink_capacity) if not isinstance(c, Mapping)]
        if not arrays:
            raise ValueError(
                "max_flow needs the number of nodes n if source_capacity and sink_capacity are "
                "both dicts"
            )
        return int(np.size(np.asarray(arrays[0])))
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"n needs to be an integer >= 0, got {n!r} of type {type(n).__name__}")
    if n < 0:
        raise ValueError(f"n needs to be an integer >= 0, got {n}")
    return int(n)


def ends(name: str, values: ArrayLike, n: int, *, each: str = "arcs") -> Array:
    """Return nodes as int32, one for each of something, or name the one not in the graph."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} needs integers of shape ({each},), got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() >= n):
        e = int(np.argmax((array < 0) | (array >= n)))
        raise ValueError(f"{name} needs nodes in 0..{n - 1}, but {name}[{e}] is {array[e]}")
    return array.astype(np.int32) if array.size else np.zeros(0, dtype=np.int32)


def _terminal(name: str, values: Terminal, n: int) -> tuple[Array, bool]:
    if not isinstance(values, Mapping):
        return capacities(name, values, (n,))
    nodes = ends(f"list({name})", list(values), n, each="keys")
    amounts, whole = capacities(name, list(values.values()), nodes.shape)
    array = np.zeros(n, dtype=amounts.dtype)
    array[nodes] = amounts
    return array, whole


def capacities(name: str, values: ArrayLike, shape: tuple[int, ...]) -> tuple[Array, bool]:
    """Return capacities as int64 or float64, and whether they are whole; or name a bad one."""
    array: Array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"{name} needs the shape {shape}, got {array.shape}")
    if array.size and array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs real numbers that fit into int64 or float64, got dtype {array.dtype}"
        )
    if array.size == 0:
        array = np.zeros(shape, dtype=np.int64)  # [] is float64
    kind = array.dtype.kind
    low = array.min() if array.size else 0  # NaN if there is one
    if not low >= 0 or (kind == "u" and array.max() >= 2**63):
        bad = ~(array >= 0) | (array.astype(np.float64) >= 2.0**63 if kind == "u" else False)
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        advice = " A cost c of a node on the source's side is sink_capacity c if c >= 0, "
        advice += "source_capacity -c if not."
        raise ValueError(
            f"{name} needs numbers >= 0 (and < 2**63 for ints), but "
            f"{name}[{', '.join(map(str, index))}] is {array[index]}."
            + (advice if name in ("source_capacity", "sink_capacity") else "")
        )
    if kind in "biu":
        return array.astype(np.int64, copy=False), True
    amounts = array.astype(np.float64, copy=False)
    # infinity turns a list of ints into floats, so a float infinity counts as whole
    finite = amounts[np.isfinite(amounts)]
    return amounts, len(finite) < amounts.size and bool((finite == np.floor(finite)).all())
