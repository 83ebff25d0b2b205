"""Arrays of other libraries as numpy arrays: torch, jax, and all others that export DLPack.

Answers are numpy arrays in any case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.types import Array

CPU = 1  # kDLCPU of the DLPack protocol


def to_numpy(values: Any) -> Array:
    """Return an array of another library as a numpy array, without a copy if possible.

    Parameters
    ----------
    values : array_like
        An array of numpy, torch, jax, cupy or another library that exports DLPack, a list of such
        arrays, or whatever ``np.asarray`` takes. Arrays on a device are copied to the host. Tensors
        of torch that require gradients are read like others; results computed from them have no
        gradient. bfloat16, which numpy lacks, becomes float32.

    Returns
    -------
    ndarray
        The same numbers; the memory may be shared with `values`.

    Raises
    ------
    TypeError
        If an array of another library cannot be read.
    ValueError
        If the rows of nested lists differ in length.

    Examples
    --------
    >>> to_numpy([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]])
    """
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    if not hasattr(values, "__dlpack__"):
        try:
            array = np.asarray(values)
        except (RuntimeError, TypeError):
            if not _holds_arrays(values):
                raise
            array = np.asarray([to_numpy(part) for part in values])
        return _known(array)
    kind = f"{type(values).__module__}.{type(values).__name__}"
    if kind.endswith("Tracer"):
        raise TypeError(
            f"An array of type {kind} has no numbers yet: it is traced, by jax.jit or the like. "
            "Call this function outside of it, or within it by jax.pure_callback."
        )
    given = values
    if hasattr(values, "detach"):  # tensors of torch
        values = values.detach()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    try:
        if values.__dlpack_device__()[0] != CPU:
            array = np.from_dlpack(values, device="cpu")
        elif hasattr(values, "__array__"):
            array = np.asarray(values)
        else:
            array = np.from_dlpack(values)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"An array of type {kind} and dtype {getattr(given, 'dtype', 'unknown')} cannot be "
            f"read by numpy ({error}). Move it to the CPU and to a dtype that numpy has first, for "
            "torch by values.cpu().float()."
        ) from error
    return _known(array)


def _holds_arrays(values: Any) -> bool:
    """Whether a list holds arrays of other libraries, as lists of tensors do."""
    return isinstance(values, list | tuple) and any(
        hasattr(part, "__dlpack__") or _holds_arrays(part) for part in values
    )


def _known(array: Array) -> Array:
    """Return an array with a type of numbers that numpy has."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
