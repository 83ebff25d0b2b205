"""Graphs from callers, checked and converted to plain arrays, with a number for infinity."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike
from subopt.graph.network import require_fit

Terminal = ArrayLike | Mapping[int, float]


UNLIMITED = np.iinfo(np.int64).max
"""Stands for infinity in arrays of integers."""


class Graph(NamedTuple):
    """Arcs with capacities both ways, and arcs from the source and to the sink for every node.

    Capacities are int64 if all finite ones are ints, and float64 otherwise.
    """

    n: int
    tails: Array
    heads: Array
    forward: Array
    backward: Array
    source: Array
    sink: Array
    whole: bool  # all finite capacities are ints: `UNLIMITED` stands for infinity, else inf

    def finite(self) -> bool:
        """Whether no capacity is infinite."""
        return not any(map(_unbounded, (self.forward, self.backward, self.source, self.sink)))

    def cut(self, side: Array) -> Any:
        """Capacity of the cut around a set of nodes; an exact int if all finite ones are ints."""
        # `take` and `compress` are several times as fast as indexing
        tail, head = np.take(side, self.tails), np.take(side, self.heads)
        parts = (
            self.source.compress(~side),
            self.sink.compress(side),
            self.forward.compress(tail > head),
            self.backward.compress(tail < head),
        )
        if any(infinite(part).any() for part in parts):
            return np.inf
        return sum((part.sum().item() for part in parts), 0 if self.whole else 0.0)


def infinite(part: Array) -> Array:
    """Return which capacities are infinite."""
    return np.isinf(part) if part.dtype.kind == "f" else part == UNLIMITED


def _unbounded(part: Array) -> bool:
    """Return whether some capacity is infinite."""
    return part.size > 0 and bool(part.max() == (np.inf if part.dtype.kind == "f" else UNLIMITED))


def graph(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None,
    source_capacity: Terminal,
    sink_capacity: Terminal,
    n: int | None,
) -> Graph:
    """Check the arguments of `max_flow` that describe a graph."""
    n = _size(n, source_capacity, sink_capacity)
    source = _terminal("source_capacity", source_capacity, n)
    sink = _terminal("sink_capacity", sink_capacity, n)
    tails, heads = arc_ends(tails, heads, n)
    m = len(tails)
    require_fit(n, m)
    forward = capacities("capacity", capacity, (m,))
    backward = np.zeros(m, dtype=np.int64)
    if reverse_capacity is not None:
        backward = capacities("reverse_capacity", reverse_capacity, (m,))
    return Graph(n, tails, heads, *alike([forward, backward, source, sink]))


def alike(parts: list[Array]) -> tuple[Array, Array, Array, Array, bool]:
    """Return four capacities, all int64 or all float64, and whether they are ints."""
    whole = all(part.dtype.kind == "i" for part in parts)
    if not whole:
        parts = [floats(part) for part in parts]
    forward, backward, source, sink = parts
    return forward, backward, source, sink, whole


def floats(part: Array) -> Array:
    """Return capacities as float64, infinite ones as inf."""
    if part.dtype.kind == "f":
        return part
    result = part.astype(np.float64)
    result[part == UNLIMITED] = np.inf
    return result


class Bounded(NamedTuple):
    """Finite capacities: float64, or int64 if float64 would round."""

    forward: Array
    backward: Array
    source: Array
    sink: Array
    finite: bool  # whether no capacity was infinite
    total: float = np.inf  # no capacity is larger


def bounded(g: Graph, name: str = "max_flow") -> Bounded:
    """Return the four arrays of capacities, with large finite numbers instead of infinite ones.

    The capacity of an infinite arc becomes larger than every finite cut, and that of an infinite
    terminal larger than what can leave or enter its node.
    """
    parts = (g.forward, g.backward, g.source, g.sink)
    if g.whole and sum(part.size * float(part.max(initial=0)) for part in parts) < 2**52:
        return _of_one_kind(parts, np.float64, True)
    with np.errstate(over="ignore"):  # an error follows
        most = total = sum([float(np.add.reduce(part, dtype=np.float64)) for part in parts])
        finite = g.finite() if g.whole or not total < np.inf else True
        if not finite:
            which = [infinite(part) for part in parts]
            total = sum(
                float(part.sum(dtype=np.float64, where=~never))
                for part, never in zip(parts, which, strict=True)
            )
            parts = _without_infinities(g, which)
            most = max(float(part.sum(dtype=np.float64)) for part in parts[2:])
            most = max(total, most, *(2.0 * float(part.max(initial=0)) for part in parts))
    if not most < np.inf or (g.whole and (total >= 2**61 or most >= 2**63 - 2**10)):
        allowed = "2**61" if g.whole else "1e308"
        raise ValueError(
            f"{name} needs capacities that add up to less than {allowed}, but they add up to "
            f"{total:g} (and infinite ones count more). Scale them"
            + (", or pass floats to accept rounding." if g.whole else ".")
        )
    kind = np.int64 if g.whole and most >= 2**52 else np.float64
    return _of_one_kind(parts, kind, finite, total if finite else np.inf)


def _of_one_kind(
    parts: tuple[Array, ...], kind: Any, finite: bool, total: float = np.inf
) -> Bounded:
    forward, backward, source, sink = [part.astype(kind) for part in parts]
    return Bounded(forward, backward, source, sink, finite, total)


def _without_infinities(g: Graph, which: list[Array]) -> tuple[Array, Array, Array, Array]:
    """Return the four arrays of capacities, with large finite numbers instead of infinite ones."""
    parts = [g.forward, g.backward, g.source, g.sink]
    never_ahead, never_back, never_source, never_sink = which
    forward, backward, source, sink = (
        np.where(never, 0, part) for never, part in zip(which, parts, strict=True)
    )
    total = sum(part.sum() for part in (forward, backward, source, sink))
    beyond = total + 1 if g.whole else 2 * total if total > 0 else 1.0

    def terminal(never: Array, own: Array, other: Array, ends: tuple[Array, ...]) -> Array:
        """Replace infinite terminals by more than their node can pass on, at most `beyond`."""
        out, tails, heads = other.copy(), *ends[:2]
        np.add.at(out, tails, forward)
        np.add.at(out, heads, backward)
        more = out + 1 if g.whole else 2 * out
        unbounded = ends[2] | (out == 0)
        unbounded[tails[never_ahead]] = True
        unbounded[heads[never_back]] = True
        return np.where(never, np.where(unbounded, beyond, np.minimum(more, beyond)), own)

    first = terminal(never_source, source, sink, (g.tails, g.heads, never_sink))
    last = terminal(never_sink, sink, source, (g.heads, g.tails, never_source))
    return (
        np.where(never_ahead, beyond, forward),
        np.where(never_back, beyond, backward),
        first,
        last,
    )


def _size(n: int | None, source_capacity: Terminal, sink_capacity: Terminal) -> int:
    if n is None:
        if type(source_capacity) is np.ndarray:
            return source_capacity.size
        both = ("source_capacity", source_capacity), ("sink_capacity", sink_capacity)
        arrays = [(name, c) for name, c in both if not isinstance(c, Mapping)]
        if not arrays:
            raise ValueError(
                "max_flow needs the number of nodes n if source_capacity and sink_capacity are "
                "both dicts"
            )
        return int(validate.rectangular(*arrays[0]).size)
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"n needs to be an integer >= 0, got {n!r} of type {type(n).__name__}")
    if n < 0:
        raise ValueError(f"n needs to be an integer >= 0, got {n}")
    return int(n)


def ends(name: str, values: ArrayLike, n: int, *, each: str = "arcs", what: str = "nodes") -> Array:
    """Return nodes as int32, or raise with the first one that is not in the graph."""
    array = validate.rectangular(name, values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} needs integers of shape ({each},), got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    if array.size and not _within(array, n):
        e = int(np.argmax((array < 0) | (array >= n)))
        raise ValueError(f"{name} needs {what} in 0..{n - 1}, but {name}[{e}] is {array[e]}")
    return array.astype(np.int32) if array.size else np.zeros(0, dtype=np.int32)


def _within(array: Array, n: int) -> bool:
    """Return whether all integers are in 0..n - 1."""
    if array.dtype == np.int64:  # negative ones are large as unsigned integers
        return bool(np.maximum.reduce(array.view(np.uint64)) < n)
    return bool(array.min() >= 0 and array.max() < n)


def arc_ends(tails: ArrayLike, heads: ArrayLike, n: int) -> tuple[Array, Array]:
    """Return the ends of arcs, (m,) each, or raise as `ends` does or if their lengths differ."""
    tails, heads = ends("tails", tails, n), ends("heads", heads, n)
    m = len(tails)
    if len(heads) != m:
        raise ValueError(f"heads needs one entry per arc, as tails has: {m}, got {len(heads)}")
    return tails, heads


def _terminal(name: str, values: Terminal, n: int) -> Array:
    if type(values) is np.ndarray or not isinstance(values, Mapping):
        return capacities(name, values, (n,))
    nodes = ends(f"list({name})", list(values), n, each="keys")
    amounts = capacities(name, list(values.values()), nodes.shape)
    array = np.zeros(n, dtype=amounts.dtype)
    array[nodes] = amounts
    return array


def capacities(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return capacities as int64 (`UNLIMITED` if infinite) or float64, or name an invalid one."""
    array: Array = validate.unmasked(name, values)
    if array.shape != shape:
        raise ValueError(f"{name} needs the shape {shape}, got {array.shape}")
    if array.size == 0:
        return np.zeros(shape, dtype=np.int64)  # numpy makes float64 of []
    if array.dtype.kind == "f" and isinstance(values, list | tuple):
        # infinity turns a list of ints into floats, which cannot represent all ints
        array = np.asarray(values, dtype=object) if np.isinf(array).any() else array
    if array.dtype.kind == "O":
        array = _numbers(name, array)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs real numbers that fit into int64 or float64, got dtype {array.dtype}"
        )
    kind = array.dtype.kind
    # `reduce` takes less time than `min`, `max` and `sum`, which counts for small arrays
    low = np.minimum.reduce(array, axis=None)  # NaN if there is one
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
        return array.astype(np.int64, copy=False)
    amounts = array.astype(np.float64, copy=False)
    if np.maximum.reduce(amounts, axis=None) < np.inf:
        return amounts
    never = np.isinf(amounts)
    # if all finite numbers are integers, treat the array as integers
    finite = amounts[~never]
    if (finite != np.floor(finite)).any() or finite.max(initial=0.0) >= 2.0**62:
        return amounts
    result = np.full(shape, UNLIMITED)
    result[~never] = finite.astype(np.int64)
    return result


def _numbers(name: str, objects: Array) -> Array:
    """Convert Python numbers to int64 if all finite ones are ints, without rounding, or float64."""
    for index, c in np.ndenumerate(objects):
        if isinstance(c, bool) or not isinstance(c, numbers.Real):
            where = ", ".join(map(str, index))
            raise TypeError(f"{name} needs real numbers, but {name}[{where}] is {c!r}")
    try:
        floats = objects.astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"{name} needs numbers that fit into float64") from error
    never = np.isinf(floats) & (floats > 0)
    if not all(isinstance(c, numbers.Integral) for c in objects[~never]):
        return floats
    large = ~never & (np.abs(floats) >= 2.0**63)
    if large.any():
        index = tuple(int(i) for i in np.argwhere(large)[0])
        where = ", ".join(map(str, index))
        raise ValueError(
            f"{name} needs ints below 2**63 - 1, but {name}[{where}] is {objects[index]}"
        )
    result = np.full(objects.shape, UNLIMITED)
    result[~never] = objects[~never].astype(np.int64)
    return result
