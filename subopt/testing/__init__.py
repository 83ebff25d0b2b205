"""Property tests for set functions and solvers: assertions that find a small counterexample.

The assertions try all 2^n sets while n is at most `EXHAUSTIVE`, and sample for larger n. Their
messages name the sets, the elements and by how much the law fails. The strategies need Hypothesis
(``pip install hypothesis``), which is imported only when one is called.

>>> F = Function(3, lambda mask: float(mask.sum()) ** 2)
>>> assert_submodular(F)
Traceback (most recent call last):
AssertionError: Function(n=3) is not submodular: 0 gains more after 1. With S = []:
    F(S + 0) - F(S)         = 1
    F(S + 1 + 0) - F(S + 1) = 3   (more by 2)
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable

import numpy as np

from subopt._base import validate
from subopt._base.types import RNG, Array, ArrayLike, Subset
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import Violation, all_masks, all_values, look, smallest
from subopt.testing.families import FAMILIES
from subopt.testing.strategies import compositions, masks, orders, problems, set_functions

__all__ = [
    "EXHAUSTIVE",
    "FAMILIES",
    "Violation",
    "all_values",
    "assert_base",
    "assert_consistent",
    "assert_minimizer",
    "assert_monotone",
    "assert_submodular",
    "assert_symmetric",
    "brute_force",
    "check_submodular",
    "compositions",
    "masks",
    "orders",
    "problems",
    "set_functions",
]

EXHAUSTIVE = 12
"""Up to this n the assertions try all sets."""


def brute_force(F: SetFunction) -> tuple[Array, float]:
    """Return a minimizer of F and its value by trying all 2^n sets.

    The first in the order of `all_values` if there are several, so one without proper subsets
    that are minimizers.
    """
    values = all_values(F)
    k = int(values.argmin())
    return _mask_of(k, F.n), float(values[k])


def check_submodular(F: SetFunction, *, tol: float = 1e-9) -> Violation | None:
    """Search all sets for a violation of diminishing returns, in O(n² 2^n).

    Parameters
    ----------
    F : SetFunction
        With n at most 20 or so: 2^n values are computed, once each.
    tol : float, default 1e-9
        Violations up to ``tol`` times the largest value, or the largest number that a gain is
        computed from, are rounding.

    Returns
    -------
    Violation or None
        One with the smallest S, and of those the largest; ``None`` if F is submodular.
    """
    for mask in all_masks(F.n):
        _value(F, mask)
    return smallest(F, (tol * _size(F, []), tol))


def assert_submodular(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert diminishing returns: exhaustively for small n, at random sets for large n.

    Parameters
    ----------
    F : SetFunction
        Any.
    tol : float, default 1e-9
        Relative to ``max(1, |F|)``.
    n_samples : int, default 1000
        Number of (S, i, j) to try if ``n > EXHAUSTIVE``; four values each. What is found is made
        smaller by leaving out elements of S for as long as the law still fails.
    rng : Generator, int or None, default 0
        Where the samples come from.
    """
    if F.n <= EXHAUSTIVE:
        violation = check_submodular(F, tol=tol)
    else:
        violation = _sampled_violation(F, tol, n_samples, validate.generator(rng))
    if violation is not None:
        raise AssertionError(f"{F!r} is not submodular: {violation}")


def assert_monotone(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that adding an element never lowers F; sets are chosen as in `assert_submodular`."""
    sets = list(_sets(F.n, n_samples, rng))
    room = tol * _size(F, sets)
    for mask in sets:
        here = _value(F, mask)
        for i in _some(np.flatnonzero(~mask), F.n, rng):
            more = mask.copy()
            more[i] = True
            if (there := _value(F, more)) < here - room:
                raise AssertionError(
                    f"{F!r} is not monotone: F({_show(mask)}) = {here:.9g}, and adding {i} makes "
                    f"it {there:.9g} (less by {here - there:.3g})"
                )


def assert_symmetric(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert F(S) = F(V - S); sets are chosen as in `assert_submodular`."""
    sets = list(_sets(F.n, n_samples, rng))
    room = tol * _size(F, sets)
    for mask in sets:
        here, there = _value(F, mask), _value(F, ~mask)
        if not abs(here - there) <= room:
            raise AssertionError(
                f"{F!r} is not symmetric: F({_show(mask)}) = {here:.9g} and "
                f"F({_show(~mask)}) = {there:.9g} (apart by {abs(here - there):.3g})"
            )


def assert_base(
    F: SetFunction, y: ArrayLike, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that y is in the base polytope: y(V) = F(V), and y(S) <= F(S) for all S.

    Exhaustive for small n. For large n it tries random sets and the sets of the k largest entries
    of y, which finds gross errors but proves nothing.
    """
    try:
        y = validate.real_array("y", y, copy=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"y is no base: {error}") from error
    if y.shape != (F.n,):
        raise AssertionError(f"y needs one entry per element, shape ({F.n},), got {y.shape}")
    whole = np.ones(F.n, dtype=np.bool_)
    total, loads = _value(F, whole), float(np.abs(y).sum())
    if not abs(y.sum() - total) <= tol * max(abs(total), loads, _size(F, [])):
        raise AssertionError(
            f"y is not a base of {F!r}: y(V) = {y.sum():.9g}, but F(V) = {total:.9g} "
            f"(apart by {abs(y.sum() - total):.3g})"
        )
    candidates, size = list(_sets(F.n, n_samples, rng)), _size(F, [])
    if F.n > EXHAUSTIVE:  # where the sets of the largest entries of y come closest, or exceed
        order = np.argsort(-y, kind="stable")
        slack = np.cumsum(F.greedy(order)[order] - y[order])
        candidates.append(_mask(order[: int(slack.argmin()) + 1], F.n))
    for mask in candidates:
        bound, load = _value(F, mask), float(y[mask].sum())
        if load > bound + tol * max(abs(bound), loads, size):
            raise AssertionError(
                f"y is not a base of {F!r}: with S = {_show(mask)}, y(S) = {load:.9g} exceeds "
                f"F(S) = {bound:.9g} (by {load - bound:.3g})"
            )


def assert_minimizer(
    F: SetFunction, S: Subset, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that no set has a smaller value.

    Exhaustive for small n. For large n it tries all sets that differ from S in one element and
    random ones, which proves nothing: for a proof use the certificate of a solver.
    """
    try:
        mask = validate.subset(S, F.n)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"No set was returned: {error}") from error
    value = _value(F, mask)
    candidates = list(_sets(F.n, n_samples, rng))
    room = tol * _size(F, candidates)
    if F.n > EXHAUSTIVE:
        gains = F.marginals(mask)
        best = int(np.where(mask, -gains, gains).argmin())
        candidates.append(mask ^ _mask([best], F.n))
    for other in candidates:
        if (lower := _value(F, other)) < value - room:
            raise AssertionError(
                f"S = {_show(mask)} does not minimize {F!r}: F(S) = {value:.9g}, but "
                f"F({_show(other)}) = {lower:.9g} (less by {value - lower:.3g})"
            )


def assert_consistent(F: SetFunction, *, tol: float = 1e-9, rng: RNG = 0) -> None:
    """Assert that `greedy`, `marginals`, `lovasz` and what F claims of itself agree with `value`.

    For subclasses of your own that replace some of these by faster ones. Does not ask for
    submodularity. Every gain is checked for n up to 64, and a sample of 64 beyond.
    """
    rng = validate.generator(rng)
    if (empty := F.value(np.zeros(F.n, dtype=np.bool_))) != 0:
        raise AssertionError(f"{F!r} needs F(∅) = 0, got {empty:.9g}. See subopt.normalize.")
    for _ in range(3):
        order, mask = rng.permutation(F.n), rng.random(F.n) < rng.random()
        some = rng.permutation(F.n)[:64]
        steps = [_mask(order[:k], F.n) for k in some], [_mask(order[: k + 1], F.n) for k in some]
        gains = F.greedy(order)
        _compare(F, f"greedy({_list(order)})", order[some], gains[order[some]], *steps, tol)
        around = [mask & ~_mask([i], F.n) for i in some], [mask | _mask([i], F.n) for i in some]
        _compare(F, f"marginals of {_show(mask)}", some, F.marginals(mask)[some], *around, tol)
        value, extension = _value(F, mask), F.lovasz(mask.astype(np.float64))
        scale = max(abs(value), float(np.abs(gains).sum()), _size(F, []))
        if not abs(value - extension) <= tol * scale:
            raise AssertionError(
                f"{F!r}: lovasz at {_show(mask)} is {extension:.9g}, but `value` makes it "
                f"{value:.9g} (apart by {abs(value - extension):.3g})"
            )
        if F.integral and value != round(value):
            raise AssertionError(f"{F!r} claims to be integral, but F({_show(mask)}) = {value!r}")
    if F.monotone:
        assert_monotone(F, tol=tol, n_samples=50, rng=rng)
    if F.symmetric:
        assert_symmetric(F, tol=tol, n_samples=50, rng=rng)


# -----------------------------------------------------------------------------------------------


def _sampled_violation(
    F: SetFunction, tol: float, n_samples: int, rng: np.random.Generator
) -> Violation | None:
    least = tol * _size(F, [])
    for _ in range(n_samples):
        i, j = (int(e) for e in rng.choice(F.n, 2, replace=False))
        S = rng.random(F.n) < rng.random()
        S[[i, j]] = False
        if (found := look(F, S, i, j, (least, tol))) is not None:
            return found
    return None


def _value(F: SetFunction, mask: Array) -> float:
    """Return F at a set, or raise unless it is a finite number."""
    value = F.value(mask.copy())
    number = not isinstance(value, bool) and isinstance(value, numbers.Real)
    if not number or not math.isfinite(value):
        raise AssertionError(f"{F!r}: F({_show(mask)}) is {value!r}, and no finite number")
    return float(value)


def _size(F: SetFunction, sets: list[Array]) -> float:
    """Return what tolerances are relative to: the largest value, or what it is computed from.

    Values of sums may be much smaller than their terms, and errors are relative to these.
    """
    values = max((abs(_value(F, mask)) for mask in sets), default=0.0)
    return max(values, float(F._range().size.max(initial=0.0)))


def _sets(n: int, n_samples: int, rng: RNG) -> Iterable[Array]:
    """Return all sets, small numbers first, or random ones."""
    if n <= EXHAUSTIVE:
        return sorted((_mask_of(k, n) for k in range(2**n)), key=np.count_nonzero)
    rng = validate.generator(rng)
    return [rng.random(n) < rng.random() for _ in range(n_samples)]


def _some(elements: Array, n: int, rng: RNG) -> Array:
    if n <= EXHAUSTIVE or len(elements) == 0:
        return elements
    return validate.generator(rng).choice(elements, 1)


def _mask(S: ArrayLike, n: int) -> Array:
    mask = np.zeros(n, dtype=np.bool_)
    mask[np.asarray(S, dtype=np.intp)] = True
    return mask


def _mask_of(k: int, n: int) -> Array:
    return np.array([k >> i & 1 == 1 for i in range(n)], dtype=np.bool_)


def _show(mask: Array) -> str:
    return _list(np.flatnonzero(mask))


def _list(elements: Array) -> str:
    S = elements.tolist()
    return str(S) if len(S) <= 12 else f"[{', '.join(map(str, S[:12]))}, ... {len(S)} elements]"


def _compare(
    F: SetFunction,
    what: str,
    elements: Array,
    got: Array,
    without: list[Array],
    with_: list[Array],
    tol: float,
) -> None:
    """Raise unless `got` is the difference of the values of two lists of sets."""
    low = np.array([_value(F, mask) for mask in without])
    high = np.array([_value(F, mask) for mask in with_])
    apart = np.abs(got - (high - low))
    scale = max(_size(F, []), *(float(np.abs(x).max(initial=0)) for x in (low, high, got)))
    if apart.size and not apart.max() <= tol * scale:
        k = int(apart.argmax())
        raise AssertionError(
            f"{F!r}: {what} is {got[k]:.9g} at element {elements[k]}, but `value` makes it "
            f"{high[k] - low[k]:.9g} (apart by {apart[k]:.3g})"
        )
