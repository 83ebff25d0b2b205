"""Checks of arguments in addition to those of `subopt`: arrays, channels, counts, choices."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from comixup._base.types import Array
from subopt.interop import to_numpy


def as_array(name: str, values: Any, needed: str) -> Array:
    """Return `values` as a numeric or boolean array without copying; errors state `needed`."""
    try:
        array = to_numpy(values)
    except ValueError as error:
        raise ValueError(f"{name} needs {needed}, got a ragged sequence: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs {needed}, got dtype {array.dtype} and shape {array.shape}. Convert it "
            f"first, e.g. np.stack([np.asarray(x) for x in {name}])."
        )
    return array


def require_finite(name: str, array: Array) -> None:
    """Raise at the first entry that is NaN or infinite."""
    if array.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        # One fast pass: a NaN or an infinity survives a sum. An overflow only costs a second look.
        if np.isfinite(array.sum()):
            return
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} needs finite numbers, but {name}[{', '.join(map(str, index))}] is "
            f"{array[index]} ({int(bad.sum())} such entries). Clean it first, e.g. with "
            "np.nan_to_num."
        )


def image_array(images: Any, order: str) -> Array:
    """Return `images` as an array of floats or uint8; messages give the shape as `order`."""
    needed = f"floats or uint8 of shape {order} with 1 to 3 spatial dimensions"
    array = as_array("images", images, needed)
    if array.dtype.kind != "f" and array.dtype != np.uint8:
        raise TypeError(
            f"images needs {needed}, got dtype {array.dtype}. Convert it first, e.g. "
            "images.astype(np.float32)."
        )
    return array


def image_batch(images: Any, channels: str) -> tuple[Array, tuple[int, ...]]:
    """Return `images` as a checked array, and their spatial shape."""
    layout = "(batch, channels, *spatial)" if channels == "first" else "(batch, *spatial, channels)"
    array = image_array(images, layout)
    if not 3 <= array.ndim <= 5 or 0 in array.shape:
        raise ValueError(
            f"images needs the shape {layout} with 1 to 3 spatial dimensions and no empty axis, "
            f"got {array.shape}. Gray images need a channel axis: images[:, None]."
        )
    require_layout(array.shape, channels)
    require_finite("images", array)
    return array, array.shape[2:] if channels == "first" else array.shape[1:-1]


def require_layout(
    shape: tuple[int, ...],
    channels: str,
    otherwise: str = "reorder the spatial axes",
) -> None:
    """Raise if images or volumes clearly have another layout than `channels`.

    This is the case if an axis of 3 pixels would be spatial, while the other sides differ by at
    most a factor of 4, or an axis of 1 or 4 pixels beside equal sides.
    """
    if len(shape) < 4:
        return
    if channels == "first":
        colors, sides, taken = shape[-1], shape[1:-1], shape[1:]
        other, way = "last", "Say channels='last'; for tensors, images.movedim(-1, 1)."
    else:
        colors, sides, taken = shape[1], shape[2:], (shape[-1], *shape[1:-1])
        other, way = "first", "Say channels='first'."
    most = {1: 1, 3: 4, 4: 1}.get(colors, 0)  # the longest side over the shortest
    if min(sides) < 8 or max(sides) > most * min(sides):
        return
    raise ValueError(
        f"images of shape {shape} look as if the channels were {other}, but channels="
        f"{channels!r} makes them {taken[0]} channels of {' x '.join(map(str, taken[1:]))} pixels. "
        f"{way} If they are that, {otherwise}."
    )


def class_count(name: str, value: Any) -> int:
    """Return `value` as an int >= 1 that can be the length of rows of labels."""
    number = integer(name, value, 1)
    if number >= 2**31:
        raise ValueError(f"{name} needs an integer below 2**31, got {value}")
    return number


def integer(name: str, value: Any, least: int) -> int:
    """Return `value` as an int >= `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"{name} needs an integer >= {least}, got {value!r} of type {type(value).__name__}"
        )
    if value < least:
        raise ValueError(f"{name} needs an integer >= {least}, got {value}")
    return int(value)


def real(name: str, value: Any, *, positive: bool = False) -> float:
    """Return `value` as a finite float >= 0, or > 0."""
    needed = f"a finite number {'> 0' if positive else '>= 0'}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} needs {needed}, got {value!r} of type {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:  # integers may be larger than floats can be
        number = np.inf
    if not np.isfinite(number) or number < 0 or (positive and number == 0):
        raise ValueError(f"{name} needs {needed}, got {number}")
    return number


def fraction(name: str, value: Any) -> float:
    """Return `value` as a float in 0..1."""
    number = real(name, value)
    if number > 1:
        raise ValueError(f"{name} needs a number in 0..1, got {value}")
    return number


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
    return value


def same_batch(name: str, array: Array, n: int, of: str) -> None:
    """Raise unless the leading axis of `array` has n entries."""
    if array.ndim == 0 or len(array) != n:
        raise ValueError(
            f"{name} needs one entry for each of the {n} {of}, got the shape {array.shape}"
        )


def require_classes(labels: Array, num_classes: int) -> None:
    """Raise at the first of the class indices (n,) that is not in 0 .. num_classes - 1."""
    outside = (labels < 0) | (labels >= num_classes)
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(no_class(num_classes, i, labels[i], outside.sum()))


def no_class(num_classes: int, i: int, label: Any, count: Any) -> str:
    """Raise for ``labels[i]``, the first label that is not a class."""
    return (
        f"labels needs class indices in 0..{num_classes - 1} (num_classes={num_classes}), but "
        f"labels[{i}] is {int(label)} ({int(count)} such entries)."
        + (f" If it means no label: ignore_index={int(label)}." if label < 0 else "")
    )
