"""Results in the library of the input: arrays of torch, jax, cupy and others go in and come out.

The computation uses numpy (`subopt.interop.to_numpy`). Results are converted to arrays of the
library, and on the device, of the input.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from comixup._base.types import Array
from subopt.interop import to_numpy


def items(values: Any) -> Any:
    """Return `values` so that its items can be counted and read: boxes per image, for example.

    It may be one array of any library, or a sequence of arrays of different shapes.
    """
    return to_numpy(values) if hasattr(values, "__dlpack__") else values


def like(values: Any, result: Array) -> Any:
    """Return a numpy `result` as an array of the library and on the device of `values`."""
    if isinstance(values, np.ndarray):
        return result
    library = _library(values)
    if library is None:
        return result
    device = getattr(values, "device", None)
    try:
        same = library.asarray(result, device=device)
    except TypeError:  # older libraries know no device here: theirs is the current one
        same = library.asarray(result)
    dtype = getattr(values, "dtype", None)
    if result.dtype == np.float32 and "bfloat16" in str(dtype):  # see `to_numpy`
        return same.to(dtype) if hasattr(same, "to") else same.astype(dtype)
    return same


def _library(values: Any) -> Any:
    """Return the module with `asarray` that `values` belong to, if there is one."""
    if hasattr(values, "__array_namespace__"):
        return values.__array_namespace__()
    if hasattr(values, "__dlpack__"):
        module = sys.modules.get(type(values).__module__.partition(".")[0])
        return module if hasattr(module, "asarray") else None
    return None
