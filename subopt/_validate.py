"""Checks of user input at the front door: what is needed, what came, where, and the way out."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from subopt._types import RNG, Array, ArrayLike


def real_array(name: str, values: ArrayLike, *, copy: bool = True) -> Array:
    """Return `values` as a finite, C-contiguous float64 array or say which entry is not a number."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs real numbers, got an array of dtype {array.dtype} and shape "
            f"{array.shape}. Convert it first, e.g. np.asarray({name}, dtype=float)."
        )
    array = np.array(array, dtype=np.float64, order="C", copy=copy or None)
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} needs finite numbers, but {name}[{', '.join(map(str, index))}] is "
            f"{array[index]} ({int(bad.sum())} such entries). Clean it first, e.g. with "
            f"np.nan_to_num."
        )
    return array


def nonnegative(name: str, value: Any) -> float:
    """Return `value` as a finite float >= 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} needs a number >= 0, got {value!r} of type {type(value).__name__}")
    number = float(value)
    if not np.isfinite(number) or number < 0:
        raise ValueError(f"{name} needs a finite number >= 0, got {number}")
    return number


def positive_int(name: str, value: Any) -> int:
    """Return `value` as an int >= 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"{name} needs an integer >= 1, got {value!r} of type {type(value).__name__}"
        )
    if value < 1:
        raise ValueError(f"{name} needs an integer >= 1, got {value}")
    return int(value)


def choice(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return `value` if it is one of `allowed`."""
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
    return value


def generator(rng: RNG) -> np.random.Generator:
    """Return a generator: `rng` itself, or a new one seeded by an int, or by the system for None."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise TypeError(
        f"rng needs a numpy.random.Generator, a seed >= 0 or None, got {rng!r} of type "
        f"{type(rng).__name__}"
    )
