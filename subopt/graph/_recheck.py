"""Checks of answers: shapes that fit the problem, values that match; wording that answers share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from subopt._base.answer import CertificateError
from subopt._base.interchange import to_numpy
from subopt._base.types import Array

T = TypeVar("T")


_FIELDS = """\
    value : int or float
        Capacity of the cut around `source_side`. An int if the capacities are ints, and then exact.
        Infinite if `time_limit` ended the search before a finite cut was found.
    lower_bound : int or float
        A lower bound on the capacity of every cut: the amount that flows from source to sink.
    status : Status
        OPTIMAL, or TIME_LIMIT.
    method : str
        The method that ran."""


def describes_a_cut(answer: type[T]) -> type[T]:
    """Put the wording of the fields that all cuts have into a docstring, for a line ``%(cut)s``."""
    if answer.__doc__ is not None:  # not python -OO
        answer.__doc__ = answer.__doc__.replace("    %(cut)s", _FIELDS)
    return answer


def shaped(name: str, array: Any, shape: tuple[int, ...]) -> Array:
    """Return an array of an answer, or raise if its shape does not fit the problem."""
    result: Array = np.asarray(array)
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


def unmasked(name: str, values: Any) -> Array:
    """Return values as an array, or raise if some of them are masked."""
    array: Array = to_numpy(values)
    if type(values) is not np.ndarray and np.ma.is_masked(values):
        index = tuple(int(i) for i in np.argwhere(np.ma.getmaskarray(values))[0])
        raise ValueError(
            f"{name} needs a number everywhere, but {name}[{', '.join(map(str, index))}] is "
            f"masked. Fill it, e.g. by {name}.filled(0)."
        )
    return array
