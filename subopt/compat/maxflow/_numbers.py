"""Numbers of callers, as `GraphInt` and `GraphFloat` take them."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from subopt._base.types import Array, ArrayLike

# numpy has one object for each
INT, FLOAT, BOOL = np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.bool_)
EXACT = 2.0**52  # ints whose absolute values add up to less are exact as floats


def whole(value: Any) -> int:
    """Return a number as an int, cut off."""
    if hasattr(value, "__index__") and not isinstance(value, np.ndarray):
        return operator.index(value)
    if not hasattr(value, "__int__") or np.ndim(value):
        raise TypeError(f"A number is needed, got {value!r}")
    return int(value)


def real(value: Any) -> float:
    """Return a number as a float."""
    if isinstance(value, str | bytes):
        raise TypeError(f"A number is needed, got {value!r}")
    return float(value)


def identifier(value: Any) -> int:
    """Return an identifier of a node as an int."""
    node = whole(value)
    if not -(2**31) <= node < 2**31:
        raise OverflowError(f"Identifiers of nodes need 32 bits, got {node}")
    return node


def column(code: str, values: Sequence[Any]) -> Array:
    """Return numbers of a single call: ints for "q", floats for "d"."""
    try:
        return np.frombuffer(array(code, values), dtype=code)
    except TypeError:  # floats among ints are cut off
        number = whole if code == "q" else real
        return np.array([number(value) for value in values], dtype=code)


def int_amounts(values: ArrayLike) -> Array:
    """Return capacities of callers as ints; fractions are cut off."""
    given: Array = np.asarray(values)
    if given.dtype is INT:
        return given
    given = _uncomplex(given)
    if given.dtype.kind in "fu" and given.size and not np.abs(given).max() < 2.0**63:
        wrong = given.flat[int(np.argmin(np.abs(given).ravel() < 2.0**63))]
        raise (ValueError if np.isnan(wrong) else OverflowError)(
            "A GraphInt needs capacities that are ints of 64 bits, but one of them is "
            f"{wrong}. Use a GraphFloat."
        )
    return given.astype(np.int64, copy=False)


def float_amounts(values: Any) -> Array:
    """Return capacities of callers as floats."""
    if isinstance(values, int):
        return np.array(values, FLOAT)
    given: Array = np.asarray(values)
    return given if given.dtype is FLOAT else _uncomplex(given).astype(FLOAT, copy=False)


def _uncomplex(given: Array) -> Array:
    if given.dtype.kind == "c":
        raise TypeError(f"Capacities need to be real numbers, got {given.dtype}")
    return given


def nodes_of(nodes: ArrayLike) -> Array:
    """Return identifiers of nodes."""
    return np.asarray(nodes).astype(np.int64, copy=False)


def grid_of_nodes(nodeids: Any) -> Array:
    """Return a grid of identifiers, which needs to be a numpy array."""
    if not isinstance(nodeids, np.ndarray):
        raise TypeError(f"nodeids needs a numpy array, got {type(nodeids).__name__}")
    if nodeids.__class__ is not np.ndarray:
        nodeids = nodeids.view(np.ndarray)  # masks mean nothing here
    return nodeids if nodeids.dtype is INT else nodeids.astype(np.int64, copy=False)


def lengths_of(shape: Any) -> tuple[int, ...]:
    """Return the lengths of the axes of a grid of new nodes."""
    if isinstance(shape, np.ndarray) and not shape.ndim:
        shape = shape.item()
    axes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if any(isinstance(n, bool | np.bool_) for n in axes):
        raise TypeError(f"A grid of nodes needs lengths that are ints, got {shape}")
    lengths = tuple(operator.index(n) for n in axes)
    if min(lengths, default=0) < 0:
        raise ValueError(f"A grid of nodes needs lengths >= 0, got {shape}")
    return lengths


def extent(nodes: Array) -> tuple[int, int]:
    """Return the smallest and the largest identifier, and (0, -1) if there is none."""
    if nodes.size > 100:
        return int(nodes.min()), int(nodes.max())
    values = nodes.ravel().tolist()  # takes less time for few
    return min(values, default=0), max(values, default=-1)
