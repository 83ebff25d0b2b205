"""Results of methods of users' classes: converted to float64, and checked.

Subtraction of unsigned integers wraps around, and booleans and tensors have other rules. Therefore
results are converted before anything is computed from them.
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base.types import Array


def as_float(result: Any) -> float | None:
    """Return a number, or an array or tensor without axes, as a float; None for anything else."""
    if isinstance(result, numbers.Real | np.bool_):
        try:
            return float(result)
        except OverflowError:  # an integer beyond all floats
            return math.inf if result > 0 else -math.inf  # type: ignore[operator]
    if getattr(result, "shape", None) == () and hasattr(result, "item"):
        item = result.item()
        return float(item) if isinstance(item, numbers.Real) else None
    return None


def refused(name: str, mask: Any, result: Any, number: float | None) -> Exception:
    """Return the error for a value that is no finite number."""
    hint = ""
    if result is None:
        hint = ". Does it end without a return?"
    elif number is None:
        hint = ". Its argument is a mask of booleans; np.flatnonzero(mask) lists the elements"
    return (TypeError if number is None else NotFiniteError)(
        f"{name} needs to return finite real numbers, but at S = {np.flatnonzero(mask).tolist()} "
        f"it returned {result!r}{hint}"
    )


class NotFiniteError(ValueError):
    """A value of a user's function is NaN or infinite."""


def value_of(own: Callable[..., Any]) -> Callable[..., float]:
    """Return a method `value` of a user, which returns a float."""

    @functools.wraps(own)
    def value(self: Any, mask: Any, *more: Any, **options: Any) -> float:
        result = own(self, mask, *more, **options)
        number = result if type(result) is float else as_float(result)
        if number is None or not math.isfinite(number):
            raise refused(f"value of {type(self).__name__}", mask, result, number)
        return number

    return value


def gains_of(own: Callable[..., Any]) -> Callable[..., Array]:
    """Return a method `greedy` or `marginals` of a user, which returns n numbers as float64."""

    @functools.wraps(own)
    def gains(self: Any, argument: Any, *more: Any, **options: Any) -> Array:
        result = own(self, argument, *more, **options)
        if type(result) is np.ndarray and result.dtype == np.float64 and result.shape == (self.n,):
            return result
        if hasattr(result, "detach"):  # a tensor of torch
            result = result.detach()
        array = np.asarray(result)
        if array.dtype.kind in "biuf":
            array = array.astype(np.float64, copy=False)
        elif array.dtype.kind == "O" and array.ndim == 1:  # fractions
            floats = [as_float(number) for number in array]
            array = array if None in floats else np.array(floats)
        if array.dtype != np.float64 or array.shape != (self.n,):
            raise TypeError(
                f"{own.__name__} of {type(self).__name__} needs to return {self.n} real numbers, "
                f"one per element, but it returned {result!r}"
            )
        return array

    return gains
