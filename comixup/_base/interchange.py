"""Arrays of other libraries: read by DLPack or the array API, and returned in the same library.

The computation uses numpy. Results for arrays of torch, jax, cupy or another library of the array
API are converted to arrays of that library on the device of the input.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from comixup._base.types import Array

CPU = 1  # kDLCPU of the DLPack protocol


def to_numpy(values: Any) -> Any:
    """Return an array of another library as numpy, without a copy if possible; else `values`.

    Raises
    ------
    TypeError
        If the array cannot be read, e.g. because numpy has no such dtype.
    """
    if isinstance(values, np.ndarray) or not hasattr(values, "__dlpack__"):
        return values
    if type(values).__name__.endswith("Tracer"):
        raise TypeError(
            f"an array of type {type(values).__module__}.{type(values).__name__} has no numbers "
            "yet: it is traced, by jax.jit or the like. Mix before the compiled function is called "
            "or within it through jax.pure_callback."
        )
    if hasattr(values, "detach"):  # torch tensors that require gradients refuse to be exported
        values = values.detach()
    try:
        if values.__dlpack_device__()[0] == CPU:
            return np.from_dlpack(values)
        return np.from_dlpack(values, device="cpu")
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"an array of type {type(values).__module__}.{type(values).__name__} and dtype "
            f"{getattr(values, 'dtype', 'unknown')} can not be read as numpy ({error}). Convert it "
            "to a dtype and device that numpy knows, e.g. float32 on the CPU; for PyTorch tensors "
            "of any kind there is comixup.torch."
        ) from error


def like(values: Any, result: Array) -> Any:
    """Return a numpy `result` as an array of the library and on the device of `values`."""
    if isinstance(values, np.ndarray):
        return result
    library = _library(values)
    if library is None:
        return result
    device = getattr(values, "device", None)
    try:
        return library.asarray(result, device=device)
    except TypeError:  # older libraries know no device here: theirs is the current one
        return library.asarray(result)


def _library(values: Any) -> Any:
    """Return the module with `asarray` that `values` belong to, if there is one."""
    if hasattr(values, "__array_namespace__"):
        return values.__array_namespace__()
    if hasattr(values, "__dlpack__"):
        module = sys.modules.get(type(values).__module__.partition(".")[0])
        return module if hasattr(module, "asarray") else None
    return None
