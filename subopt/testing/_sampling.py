"""Sets that the assertions test, values of the functions there, and how messages show them."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterable

import numpy as np

from subopt._base import validate
from subopt._base.types import RNG, Array, ArrayLike
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import Violation, look
from subopt.functions.returned import NotFiniteError

EXHAUSTIVE = 12
"""Up to this n the assertions test all sets."""
FEW = 4
"""Up to this n gains are tested along all orders and at all sets."""


def sampled_violation(
    F: SetFunction, rtol: float, n_samples: int, rng: np.random.Generator
) -> Violation | None:
    least = rtol * size_of(F, [])
    for _ in range(n_samples):
        i, j = (int(e) for e in rng.choice(F.n, 2, replace=False))
        S = rng.random(F.n) < rng.random()
        S[[i, j]] = False
        if (found := look(F, S, i, j, (least, rtol))) is not None:
            return found
    return None


def value_at(F: SetFunction, mask: Array) -> float:
    """Return F at a set, or raise unless it is a finite number."""
    try:
        value = F.value(mask.copy())
    except (TypeError, NotFiniteError) as error:
        raise AssertionError(f"{F!r}: F({shown(mask)}) is no finite number: {error}") from error
    number = not isinstance(value, bool) and isinstance(value, numbers.Real)
    if not number or not math.isfinite(value):
        raise AssertionError(f"{F!r}: F({shown(mask)}) is {value!r}, and no finite number")
    return float(value)


def size_of(F: SetFunction, sets: list[Array]) -> float:
    """Return what tolerances are relative to: the largest value, or number that enters a gain.

    The terms of a sum may be much larger than its value, and rounding is relative to the terms.
    """
    values = max((abs(value_at(F, mask)) for mask in sets), default=0.0)
    return max(values, float(F._range().size.max(initial=0.0)))


def tested_sets(n: int, n_samples: int, rng: RNG) -> Iterable[Array]:
    """Return all sets, the smallest first, or random sets."""
    if n <= EXHAUSTIVE:
        return sorted((mask_of(k, n) for k in range(2**n)), key=np.count_nonzero)
    rng = validate.generator(rng)
    return [rng.random(n) < rng.random() for _ in range(n_samples)]


def few_sets(n: int, rng: np.random.Generator) -> Iterable[Array]:
    """Return all sets for very small n, otherwise ∅, V and a few random sets."""
    if n <= FEW:
        return [mask_of(k, n) for k in range(2**n)]
    ends = [np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)]
    return [*ends, *(rng.random(n) < rng.random() for _ in range(3))]


def tested_orders(n: int, rng: np.random.Generator) -> Iterable[Array]:
    """Return all orders for very small n; for small n some with each element first and last."""
    if n <= FEW:
        return [np.array(order, dtype=np.intp) for order in itertools.permutations(range(n))]
    order = rng.permutation(n)
    turned = [np.roll(order, k) for k in range(n if n <= EXHAUSTIVE else 1)]
    return [*turned, rng.permutation(n), np.arange(n)]


def sampled(elements: Array, n: int, rng: RNG) -> Array:
    if n <= EXHAUSTIVE or len(elements) == 0:
        return elements
    return validate.generator(rng).choice(elements, 1)


def mask_from(S: ArrayLike, n: int) -> Array:
    mask = np.zeros(n, dtype=np.bool_)
    mask[np.asarray(S, dtype=np.intp)] = True
    return mask


def mask_of(k: int, n: int) -> Array:
    return np.array([k >> i & 1 == 1 for i in range(n)], dtype=np.bool_)


def shown(mask: Array) -> str:
    return listed(np.flatnonzero(mask))


def listed(elements: Array) -> str:
    S = elements.tolist()
    return str(S) if len(S) <= 12 else f"[{', '.join(map(str, S[:12]))}, ... {len(S)} elements]"


def compare(
    F: SetFunction,
    what: str,
    elements: Array,
    got: Array,
    without: list[Array],
    with_: list[Array],
    rtol: float,
) -> None:
    """Raise unless `got` is the difference of the values of two lists of sets."""
    low = np.array([value_at(F, mask) for mask in without])
    high = np.array([value_at(F, mask) for mask in with_])
    apart = np.abs(got - (high - low))
    scale = max(size_of(F, []), *(float(np.abs(x).max(initial=0)) for x in (low, high, got)))
    if apart.size and not apart.max() <= rtol * scale:
        k = int(apart.argmax())
        raise AssertionError(
            f"{F!r}: {what} is {got[k]:.9g} at element {elements[k]}, but `value` makes it "
            f"{high[k] - low[k]:.9g} (apart by {apart[k]:.3g})"
        )
