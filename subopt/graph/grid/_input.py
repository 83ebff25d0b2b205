"""Grids from callers, checked and converted to one form, on which all kernels work."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt.graph.grid._layout import ARCS, Grids, Vector, tails

if TYPE_CHECKING:
    from subopt._base.types import Array, ArrayLike

CHANNELS = (3, 4)  # layers of a volume that may be colors of a picture
PICTURE = 16  # least height and width of one
_WHOLE = 2**52  # float64 adds and subtracts two ints of this size without rounding


class _Given(NamedTuple):
    array: Array
    largest: float  # largest finite entry
    whole: bool
    infinite: bool


def grids(
    source_capacity: ArrayLike,
    sink_capacity: ArrayLike,
    weights: Any,
    offsets: Any,
    periodic: bool | Sequence[bool],
    *,
    many: bool = False,
) -> Grids:
    """Check the arguments of `grid_cut`; with `many`, the first axis is that of the problems."""
    terminals = ("source_capacity", source_capacity), ("sink_capacity", sink_capacity)
    shapes = [_rectangular(*terminal).shape for terminal in terminals]
    full = max(shapes, key=len)
    shape, count = (full[1:], full[0] if full else None) if many else (full, None)
    if not 1 <= len(shape) <= 3:
        after = " after the axis of problems" if many else ""
        raise ValueError(
            f"A grid needs 1 to 3 dimensions{after}, but source_capacity has the shape "
            f"{shapes[0]} and sink_capacity {shapes[1]}"
        )
    if hasattr(weights, "__dlpack__"):
        weights = _array(weights)
    one_number = not isinstance(weights, (list, tuple)) and np.ndim(weights) == 0
    if len(shape) == 3 and offsets is None and one_number:
        _require_no_channels(shape)
    source = _read("source_capacity", source_capacity, shape, count)
    sink = _read("sink_capacity", sink_capacity, shape, count)
    axes = periodic_axes(periodic, len(shape))
    vectors = _offsets(offsets, len(shape))
    pairs = _weights(weights, vectors, shape, axes, count)
    whole, beyond, dtype, largest = _scale(source, sink, pairs, shape)
    forward, backward = [], []
    for f, b in pairs:
        forward.append(_plain(f, whole, beyond))
        backward.append(forward[-1] if b is f else _plain(b, whole, beyond))
    lead = 3 - len(shape)
    return Grids(
        1 if count is None else count,
        len(shape),
        vector((1,) * lead + shape),
        tuple(vector((0,) * lead + o) for o in vectors),
        (*(False,) * lead, *axes),  # type: ignore[arg-type]
        _plain(source, whole, beyond),
        _plain(sink, whole, beyond),
        forward,
        backward,
        whole,
        beyond,
        dtype,
        largest,
    )


def may_be_picture(shape: tuple[int, ...]) -> bool:
    """Return whether the last axis of a grid may be the colors of a picture."""
    return len(shape) == 3 and shape[-1] in CHANNELS and min(shape[:2]) >= PICTURE


def _require_no_channels(shape: tuple[int, ...]) -> None:
    if may_be_picture(shape):
        raise ValueError(
            f"A grid of shape {shape} may be a volume of {shape[-1]} layers, or a picture with "
            f"{shape[-1]} channels. grid_cut needs one number per node: combine the channels, as "
            "in ((image - color) ** 2).sum(axis=-1). For a volume, say "
            "offsets=grid_neighbors(3, 6)."
        )


def vector(values: Sequence[int]) -> Vector:
    """Return three numbers as a tuple of that length."""
    a, b, c = values
    return (a, b, c)


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, if it is one."""
    if isinstance(value, bool):
        return value
    from subopt._base import validate

    return validate.flag(name, value)


def _array(values: Any) -> Array:
    """Return an array of numpy or another library as one of numpy."""
    if isinstance(values, np.ndarray | float | int):
        return np.asarray(values)
    from subopt._base.interchange import to_numpy

    return to_numpy(values)


def _rectangular(name: str, values: Any) -> Array:
    try:
        return _array(values)
    except ValueError as error:
        raise ValueError(
            f"{name} needs a rectangular array of numbers, but its rows differ in length"
        ) from error


def _read(name: str, values: ArrayLike, shape: tuple[int, ...], count: int | None) -> _Given:
    """Check capacities: one number, or one per node (arc), or one per node and problem."""
    own = _rectangular(name, values).shape
    stacked = count is not None and own == (count, *shape)
    if own not in ((), shape) and not stacked:
        each = f", or {(count, *shape)} with one row per problem" if count is not None else ""
        raise ValueError(f"{name} needs one number or the shape {shape}{each}, got {own}")
    if "numpy.ma" in sys.modules and isinstance(values, np.ma.MaskedArray):  # it loads slowly
        from subopt._base.validate import unmasked

        values = unmasked(name, values)
    array: Array = _array(values)
    if array.size and array.dtype.kind not in "biuf":
        raise TypeError(f"{name} needs real numbers, got dtype {array.dtype}")
    if array.size and not array.min() >= 0:
        where = tuple(int(i) for i in np.argwhere(~(array >= 0))[0])
        index = f"[{', '.join(map(str, where))}]" if where else ""
        advice = " A cost c of a node on the source's side is sink_capacity c if c >= 0, "
        advice += "source_capacity -c if not."
        raise ValueError(
            f"{name} needs numbers >= 0, but {name}{index} is {array[where]}."
            + (advice if not name.startswith("weights") else "")
        )
    largest = array.max().item() if array.size else 0
    infinite = largest == np.inf
    whole = array.dtype.kind in "biu"
    if infinite:
        finite = array[np.isfinite(array)]
        largest = finite.max().item() if finite.size else 0
        # infinity turns a list of ints into floats, so the finite entries decide
        whole = bool((finite == np.floor(finite)).all())
    lead = (1,) * (3 - len(shape))
    body = shape if own else (1,) * len(shape)
    array = array.reshape(count if stacked else 1, *lead, *body)
    return _Given(array, largest, whole, infinite)


def periodic_axes(periodic: bool | Sequence[bool], d: int) -> tuple[bool, ...]:
    """Return whether each of d axes is periodic."""
    if isinstance(periodic, bool):
        return (periodic,) * d
    axes = _rectangular("periodic", periodic)
    if axes.dtype != np.bool_ or axes.shape not in ((), (d,)):
        raise TypeError(
            f"periodic needs True, False or {d} of them, one per axis of the grid, got {periodic!r}"
        )
    return tuple(bool(axis) for axis in np.broadcast_to(axes, d))


def offset_vectors(offsets: Any, d: int) -> list[tuple[int, ...]]:
    """Return offsets as tuples of ints, no two of which join the same nodes.

    None stands for one step along every axis.
    """
    if isinstance(offsets, int):
        raise TypeError(
            "offsets needs tuples of ints, one per neighbor. For a number of neighbors use "
            f"grid_neighbors({d}, {offsets})."
        )
    if offsets is None:
        return [tuple(int(i == axis) for i in range(d)) for axis in range(d)]
    if not isinstance(offsets, Iterable):
        raise TypeError(f"offsets needs tuples of ints, one per neighbor, got {offsets!r}")
    vectors: list[tuple[int, ...]] = []
    try:
        given = list(offsets)
    except TypeError as error:
        raise TypeError(f"offsets needs a list of tuples of ints, got {offsets!r}") from error
    for q, offset in enumerate(given):
        try:
            vector = tuple(operator.index(o) for o in offset)
        except TypeError as error:
            raise TypeError(
                f"offsets needs tuples of ints, one per neighbor, but offsets[{q}] is {offset!r}"
            ) from error
        if len(vector) != d:
            raise ValueError(f"offsets[{q}] needs one int per axis of the grid: {d}, got {offset}")
        if not any(vector):
            raise ValueError(f"offsets[{q}] is zero: a node cannot be its own neighbor")
        opposite = tuple(-o for o in vector)
        for other in (vector, opposite):
            if other in vectors:
                raise ValueError(
                    f"offsets[{vectors.index(other)}] and offsets[{q}] join the same nodes. Give "
                    "one of them; an offset stands for its opposite as well."
                )
        vectors.append(vector)
    return vectors


def _offsets(offsets: Any, d: int) -> list[tuple[int, ...]]:
    vectors = offset_vectors(offsets, d)
    if 2 * len(vectors) > ARCS:
        raise ValueError(
            f"A grid cut takes at most {ARCS // 2} offsets ({ARCS} neighbors), got {len(vectors)}"
        )
    return vectors


def _weights(
    weights: Any,
    vectors: list[tuple[int, ...]],
    shape: tuple[int, ...],
    axes: tuple[bool, ...],
    count: int | None,
) -> list[tuple[_Given, _Given]]:
    if isinstance(weights, int | float | np.generic) or getattr(weights, "shape", None) == ():
        shared = _read("weights", weights, (), None)
        shared = shared._replace(array=shared.array.reshape(1, 1, 1, 1))
        return [(shared, shared)] * len(vectors)
    if not isinstance(weights, list | tuple | np.ndarray):
        raise TypeError(
            f"weights needs one number, or a list with one entry per offset ({len(vectors)}), got "
            f"{type(weights).__name__}"
        )
    if len(weights) != len(vectors):
        raise ValueError(
            f"weights needs one number, or one entry per offset: {len(vectors)}, got "
            f"{len(weights)}. Offsets are {vectors}."
        )
    pairs = []
    for q, (entry, offset) in enumerate(zip(weights, vectors, strict=True)):
        places = tails(offset, shape, axes)
        arcs = tuple(place.stop - place.start for place in places)
        if isinstance(entry, tuple):
            if len(entry) != 2:
                raise ValueError(
                    f"weights[{q}] needs an array, or a pair (forward, backward) of them, got a "
                    f"tuple of {len(entry)}"
                )
            forward, backward = (
                _read(f"weights[{q}][{i}]", w, arcs, count) for i, w in enumerate(entry)
            )
        else:
            forward = backward = _read(f"weights[{q}]", entry, arcs, count)
        pairs.append((forward, backward))
    return pairs


def _scale(
    source: _Given,
    sink: _Given,
    pairs: list[tuple[_Given, _Given]],
    shape: tuple[int, ...],
) -> tuple[bool, float, Any, float]:
    """Return whether capacities are whole, the stand-in for infinity, the type of flows, the most.

    Problems do not touch each other, so what counts is the sum over one grid.
    """
    each = [source, sink, *(given for pair in pairs for given in pair)]
    whole = all(given.whole for given in each)
    nodes = float(math.prod(shape))
    total = sum(given.largest * nodes for given in each)  # of floats; of Python ints no overflow
    beyond = np.inf
    if any(given.infinite for given in each):
        finite, infinite = zip(*(_sums(given, nodes) for given in each), strict=True)
        total = float(np.max(sum(finite), initial=0.0))
        beyond = 1.0 + 2.0 * total
        total += beyond * float(np.max(sum(infinite), initial=0.0))
    if not math.isfinite(total):
        raise ValueError(
            "grid_cut needs capacities whose sum is finite in float64, but they are as large as "
            f"{max(given.largest for given in each):g}. Scale them."
        )
    tops = [beyond if given.infinite else float(given.largest) for given in each]
    arcs = [f + b for f, b in zip(tops[2::2], tops[3::2], strict=True)]
    top = max([*tops[:2], *arcs])
    if whole and (top >= 2 * _WHOLE or total >= 2**63):
        raise ValueError(
            f"grid_cut needs ints that float64 holds exactly, below 2**52, with a sum below 2**63, "
            f"but they are as large as {max(tops):g} on {nodes:g} nodes. Scale them, pass "
            "floats to accept rounding, or use max_flow, which takes ints with a sum below 2**61."
        )
    return whole, beyond, np.int32 if whole and top < 2**31 else np.float64, max(tops)


def _sums(given: _Given, nodes: float) -> tuple[Array, Array]:
    """Return the sum of the finite entries of each problem, and how many are infinite."""
    array = given.array
    finite = np.isfinite(array)
    times = nodes if array[:1].size == 1 else 1.0  # one number for all nodes
    total = np.where(finite, array, 0).sum(axis=(1, 2, 3), dtype=np.float64)
    return times * total, times * (~finite).sum(axis=(1, 2, 3))


def _plain(given: _Given, whole: bool, beyond: float) -> Array:
    array = given.array
    if given.infinite:
        array = np.minimum(array, beyond)
    return np.ascontiguousarray(array, dtype=np.int64 if whole else np.float64)
