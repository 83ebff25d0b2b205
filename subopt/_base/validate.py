"""Checks of arguments, with messages that state what is required, what was passed, and a remedy."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Iterable, Set
from typing import Any

import numpy as np

from subopt._base.interchange import to_numpy
from subopt._base.types import RNG, Array, ArrayLike, Subset


def rectangular(name: str, values: Any) -> Array:
    """Return `values` as an array of any dtype, or raise if its rows differ in length."""
    try:
        return to_numpy(values)
    except ValueError as error:
        raise ValueError(
            f"{name} needs a rectangular array of numbers, but its rows differ in length"
        ) from error


def numeric(name: str, values: ArrayLike) -> Array:
    """Return `values` as an array of real numbers of any dtype, or say why it is none."""
    array = unmasked(name, values)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} needs real numbers, got an array of dtype {array.dtype} and shape "
            f"{array.shape}. Convert it first, e.g. np.asarray({name}, dtype=float)."
        )
    return array


def real_array(name: str, values: ArrayLike, *, copy: bool = True) -> Array:
    """Return `values` as a finite, C-contiguous float64 array, or name the entry that is not."""
    array = numeric(name, values)
    as_array = np.array if copy else np.asarray
    array = as_array(array, dtype=np.float64, order="C")
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        entry = f"{name}[{', '.join(map(str, index))}]" if index else name
        raise ValueError(
            f"{name} needs finite numbers, but {entry} is {array[index]} ({int(bad.sum())} such "
            f"entries). Clean it first, e.g. with np.nan_to_num."
        )
    return array


def is_masked(values: Any) -> bool:
    """Tell whether some entries are masked. Without `numpy.ma`, which loads slowly, none are."""
    return (
        type(values) is not np.ndarray
        and "numpy.ma" in sys.modules
        and bool(np.ma.is_masked(values))
    )


def unmasked(name: str, values: Any) -> Array:
    """Return values as an array, or raise if some of them are masked."""
    array = rectangular(name, values)
    if is_masked(values):
        index = tuple(int(i) for i in np.argwhere(np.ma.getmaskarray(values))[0])
        raise ValueError(
            f"{name} needs a number everywhere, but {name}[{', '.join(map(str, index))}] is "
            f"masked. Fill it, e.g. by {name}.filled(0)."
        )
    return array


def finite(F: Any, numbers: Any) -> Any:
    """Return values or gains of a set function, which need to be finite."""
    if not np.isfinite(numbers).all():
        bad = np.asarray(numbers)[~np.isfinite(numbers)].flat[0]
        raise ValueError(f"{F!r} needs finite values, but a value or a gain is {bad}")
    return numbers


def nonnegative(name: str, value: Any) -> float:
    """Return `value` as a finite float >= 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} needs a number >= 0, got {value!r} of type {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:  # ints may be larger than floats can be
        number = np.inf
    if not np.isfinite(number) or number < 0:
        raise ValueError(f"{name} needs a finite number >= 0, got {shortened(value)}")
    return number


def shortened(value: Any) -> str:
    """Return the text of a value for a message, without the middle of a long one."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]}...{text[-20:]}"


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, if it is one."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"{name} needs True or False, got {shortened(value)} of type {type(value).__name__}"
        )
    return bool(value)


def items(name: str, values: Any, what: str) -> list[Any]:
    """Return `values` as a list, or raise if it is no iterable; `what` says of which items."""
    single = isinstance(values, str | bytes) or getattr(values, "ndim", 1) == 0
    if single or not hasattr(values, "__iter__"):
        raise TypeError(
            f"{name} needs a list of {what}, got {shortened(values)} of type "
            f"{type(values).__name__}"
        )
    return list(values)


def positive_int(name: str, value: Any) -> int:
    """Return `value` as an int >= 1, at most 2**62, which kernels can count to."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"{name} needs an integer >= 1, got {value!r} of type {type(value).__name__}"
        )
    if value < 1:
        raise ValueError(f"{name} needs an integer >= 1, got {value}")
    return min(int(value), 2**62)


def natural(name: str, value: Any) -> int:
    """Return `value` as an int >= 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"{name} needs an integer >= 0, got {value!r} of type {type(value).__name__}"
        )
    if value < 0:
        raise ValueError(f"{name} needs an integer >= 0, got {value}")
    return int(value)


def size(name: str, value: Any) -> int:
    """Return `value` as an int >= 0 that arrays can have as their length."""
    number = natural(name, value)
    if number >= 2**48:
        raise ValueError(f"{name} needs an integer that fits into memory, got {value}")
    return number


def choice(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return `value` if it is one of `allowed`."""
    # only names and integers: comparisons of arrays are arrays
    known = isinstance(value, str | int | None) and not isinstance(value, bool)
    if not known or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}; got {shortened(value)}"
        )
    return value


def generator(rng: RNG) -> np.random.Generator:
    """Return a generator: `rng` itself, or a new one seeded by an int (None: by the system)."""
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


def mask(mask: ArrayLike, n: int, name: str = "mask") -> Array:
    """Return `mask` as a boolean array (n,); numbers are welcome if each is 0 or 1."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (n,):
        return mask
    array = rectangular(name, mask)
    if array.shape != (n,):
        raise ValueError(
            f"{name} needs one entry for each of the {n} elements, got shape {array.shape}. "
            "For a list of elements call the function itself: F([0, 3])."
        )
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf":
        if n == 0:
            return np.zeros(0, dtype=np.bool_)
        raise TypeError(f"{name} needs booleans, got dtype {array.dtype}")
    bad = (array != 0) & (array != 1)
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f"{name} needs booleans (or 0 and 1), but {name}[{i}] is {array[i]}. For a list of "
            "elements call the function itself: F([0, 3])."
        )
    return array != 0


def callback(given: Any) -> None:
    """Raise unless a callback is None or callable."""
    if given is not None and not callable(given):
        raise TypeError(f"callback needs to be callable, got {shortened(given)}")


def subset(S: Subset, n: int, name: str = "S") -> Array:
    """Return a fresh boolean mask (n,) of elements: a boolean mask, or any iterable of indices."""
    whole = hasattr(S, "__len__") or not hasattr(S, "__iter__")
    array = rectangular(name, S if whole and not isinstance(S, Set) else list(S))
    if array.dtype == np.bool_ and array.ndim:
        return mask(array, n, name).copy()
    if array.ndim != 1:
        raise TypeError(
            f"{name} needs a boolean mask or a list of elements, got {shortened(S)}. For one "
            "element i write [i]."
        )
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} needs elements that are integers, got {shortened(S)} of dtype {array.dtype}"
        )
    bad = (array < 0) | (array >= n)
    if bad.any():
        k = int(np.argmax(bad))
        raise ValueError(
            f"{name} needs elements in 0..{n - 1}, but element {array[k]} was given, at index {k}"
        )
    if array.size == n > 1 and array.max() <= 1 and np.unique(array).size < n:
        raise ValueError(
            f"{name} looks like a mask, with {n} numbers that are 0 or 1, but integers are "
            f"elements. A mask needs booleans, e.g. np.asarray({name}, dtype=bool)."
        )
    result = np.zeros(n, dtype=np.bool_)
    result[array.astype(np.intp)] = True
    return result


def start(given: Subset | None, n: int) -> Array:
    """Return the option `start` as a fresh boolean mask (n,): by default the empty set."""
    return subset(() if given is None else given, n, "start")


def order(order: ArrayLike, n: int, name: str = "order") -> Array:
    """Return `order` as a fresh intp array that is a permutation of 0..n-1."""
    array = rectangular(name, order)
    if array.shape != (n,) or (n and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} needs a permutation of 0..{n - 1}, got dtype {array.dtype} and shape "
            f"{array.shape}. To sort elements by weight: np.argsort(-weights, kind='stable')."
        )
    result = np.array(array, dtype=np.intp, order="C")
    seen = np.zeros(n, dtype=np.bool_)
    inside = result[(result >= 0) & (result < n)]
    seen[inside] = True
    if not seen.all():
        missing = int(np.argmin(seen))
        raise ValueError(
            f"{name} needs every element of 0..{n - 1} exactly once, but {missing} is missing"
        )
    return result


def node_names(nodes: Any, n: int) -> list[Any]:
    """Return `nodes` as a list of n different names, 0..n-1 for None."""
    names = list(range(n)) if nodes is None else list(nodes)
    if len(names) != n:
        raise ValueError(f"nodes needs one name for each of the {n} elements, got {len(names)}")
    if len(set(names)) < n:
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise ValueError(f"nodes needs {n} different names, but {twice!r} is there twice")
    return names


def attribute(name: str, key: Any, items: Iterable[Any], what: str, default: str) -> None:
    """Raise if there are items ``(*item, attributes)`` of a graph, and none has an attribute.

    All would get the default. `name` is the argument that says which attribute.
    """
    first = None
    for *item, data in items:
        if key in data:
            return
        first = (item, sorted(map(str, data))) if first is None else first
    if first is not None:
        item, there = first
        shown = item[0] if len(item) == 1 else tuple(item)
        raise ValueError(
            f"{name}={key!r} needs to be an attribute of some {what}, but none has it: "
            f"{what} {shown!r} has {', '.join(map(repr, there)) or 'no attributes'}. All of them "
            f"would have {default}; if that is meant, set it for one."
        )
