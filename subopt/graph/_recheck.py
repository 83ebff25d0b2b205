"""Checks of answers: shapes that fit the problem, and values that match."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.answer import CertificateError, numbers
from subopt._base.types import Array


def shaped(name: str, array: Any, shape: tuple[int, ...]) -> Array:
    """Return an array of an answer, or raise if its shape does not fit the problem."""
    result = numbers(name, array)
    if result.shape != shape:
        raise CertificateError(f"A check needs {name} of shape {shape}, got {result.shape}")
    return result


def side_of(array: Any, shape: tuple[int, ...], name: str = "source_side") -> Array:
    """Return the source side of an answer, which needs to be booleans."""
    result = shaped(name, array, shape)
    if result.dtype != np.bool_:
        raise CertificateError(f"A check needs {name} of booleans, got dtype {result.dtype}")
    return result


def confirm(value: Any, cut: Any) -> None:
    """Raise unless values equal the capacities of cuts: ints exactly, floats to 1e-9 of them."""
    values, cuts = np.asarray(value), np.asarray(cut)
    if values.dtype.kind not in "iuf":
        raise CertificateError(f"A check needs numbers as value, got {value!r}")
    exact = values.dtype.kind in "iu" and cuts.dtype.kind in "iu"
    near = values == cuts if exact else np.abs(values - cuts) <= 1e-9 * cuts
    wrong = np.isfinite(cuts) & ~near
    if wrong.any():
        where = tuple(np.argwhere(wrong)[0].tolist())
        index = f"s[{where[0]}]" if where else ""
        raise CertificateError(
            f"value{index} is {values[where]}, but the cut around source_side{index} has capacity "
            f"{cuts[where]}"
        )
