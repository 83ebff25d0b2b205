"""Property tests for set functions and solvers: assertions that report a small counterexample.

For n up to `EXHAUSTIVE` the assertions test all 2^n sets; for larger n they test random sets. The
message of a failure names the sets, the elements and the amount of the violation. The strategies
need Hypothesis (``pip install hypothesis``), which is imported only when a strategy is called.

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
from subopt._base.options import documented_with
from subopt._base.types import RNG, Array, ArrayLike, Subset
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import Violation, all_masks, all_values, look, smallest
from subopt.functions.oracle import NotFiniteError
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
"""Up to this n the assertions test all sets."""

_tests = documented_with(
    {
        "F": ("SetFunction", "The function to test."),
        "tol": (
            "float",
            "Tolerance, relative to the largest absolute value of F, or the largest number that a\n"
            "gain is computed from.",
        ),
        "n_samples": ("int", "Number of random sets if ``n > EXHAUSTIVE``."),
        "rng": (
            "numpy.random.Generator or int",
            "Source of the random sets and orders, or a seed for one.",
        ),
    }
)


def brute_force(F: SetFunction) -> tuple[Array, float]:
    """Return a minimizer of F and its value by trying all 2^n sets.

    Parameters
    ----------
    F : SetFunction
        A function of at most 24 elements.

    Returns
    -------
    tuple of ndarray of bool, shape (n,), and float
        The mask of a minimizer and its value. Of several minimizers it is the first in the order
        of `all_values`; no proper subset of it is a minimizer.

    Raises
    ------
    ValueError
        If n > 24.

    Examples
    --------
    >>> brute_force(Modular([1, -2]))
    (array([False,  True]), -2.0)
    """
    values = all_values(F)
    k = int(values.argmin())
    return _mask_of(k, F.n), float(values[k])


def check_submodular(F: SetFunction, *, tol: float = 1e-9) -> Violation | None:
    """Search all sets for a violation of diminishing returns, in O(n² 2^n).

    Parameters
    ----------
    F : SetFunction
        A function of at most about 20 elements. All 2^n values are computed.
    tol : float, default 1e-9
        Violations are ignored up to ``tol`` times the largest absolute value of F, or the largest
        number that a gain is computed from.

    Returns
    -------
    Violation or None
        The largest violation among those with the smallest S; None if F is submodular.

    Raises
    ------
    AssertionError
        If a value of F is not a finite number.
    """
    for mask in all_masks(F.n):
        _value(F, mask)
    return smallest(F, (tol * _size(F, []), tol))


@_tests
def assert_submodular(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that F is submodular: at all sets for small n, at random sets for large n.

    Parameters
    ----------
    %(F)s
    %(tol)s
    n_samples : int, default 1000
        Number of random (S, i, j) if ``n > EXHAUSTIVE``, of four values each. A violation is
        reported after removing all elements of S that it does not need.
    %(rng)s

    Raises
    ------
    AssertionError
        If diminishing returns fail; the message is the `Violation`. If a value of F is not a
        finite number.
    """
    if F.n <= EXHAUSTIVE:
        violation = check_submodular(F, tol=tol)
    else:
        violation = _sampled_violation(F, tol, n_samples, validate.generator(rng))
    if violation is not None:
        raise AssertionError(f"{F!r} is not submodular: {violation}")


@_tests
def assert_monotone(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that adding an element never lowers F.

    Parameters
    ----------
    %(F)s
    %(tol)s
    n_samples : int, default 1000
        Number of random sets if ``n > EXHAUSTIVE``; one random element is added to each.
    %(rng)s

    Raises
    ------
    AssertionError
        If adding an element lowers F; the message names the set and the element.
    """
    sets = list(_sets(F.n, n_samples, rng))
    slack = tol * _size(F, sets)
    for mask in sets:
        here = _value(F, mask)
        for i in _some(np.flatnonzero(~mask), F.n, rng):
            more = mask.copy()
            more[i] = True
            if (there := _value(F, more)) < here - slack:
                raise AssertionError(
                    f"{F!r} is not monotone: F({_show(mask)}) = {here:.9g}, and adding {i} makes "
                    f"it {there:.9g} (less by {here - there:.3g})"
                )


@_tests
def assert_symmetric(
    F: SetFunction, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that F(S) = F(V - S).

    Parameters
    ----------
    %(F)s
    %(tol)s
    %(n_samples)s
    %(rng)s

    Raises
    ------
    AssertionError
        If a set and its complement have different values; the message names the set.
    """
    sets = list(_sets(F.n, n_samples, rng))
    slack = tol * _size(F, sets)
    for mask in sets:
        here, there = _value(F, mask), _value(F, ~mask)
        if not abs(here - there) <= slack:
            raise AssertionError(
                f"{F!r} is not symmetric: F({_show(mask)}) = {here:.9g} and "
                f"F({_show(~mask)}) = {there:.9g} (apart by {abs(here - there):.3g})"
            )


@_tests
def assert_base(
    F: SetFunction, y: ArrayLike, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that y is in the base polytope: y(V) = F(V), and y(S) <= F(S) for all S.

    For n up to `EXHAUSTIVE` all sets are tested. For larger n the tests are random sets and, among
    the sets of the k largest entries of y, the one with the smallest F(S) - y(S). These find large
    errors, but prove nothing.

    Parameters
    ----------
    F : SetFunction
        A submodular function.
    y : array_like of float, shape (n,)
        The vector to test.
    tol : float, default 1e-9
        Tolerance, relative to the largest of ``|F(S)|``, the sum of ``|y|`` and the largest number
        that a gain of F is computed from.
    %(n_samples)s
    %(rng)s

    Raises
    ------
    AssertionError
        If y is not a base; the message names a set S with y(S) > F(S).
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
    if F.n > EXHAUSTIVE:  # of the sets of the k largest entries of y, the one with least slack
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


@_tests
def assert_minimizer(
    F: SetFunction, S: Subset, *, tol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that no set has a smaller value than a given one.

    For n up to `EXHAUSTIVE` all sets are tested. For larger n the tests are all sets that differ
    from S in one element, and random sets. They prove nothing; a proof is the certificate of a
    solver.

    Parameters
    ----------
    F : SetFunction
        The function that is minimized.
    S : boolean mask (n,) or iterable of int
        The set to test.
    %(tol)s
    %(n_samples)s
    %(rng)s

    Raises
    ------
    AssertionError
        If a set has a smaller value, or S is not a set of elements of F; the message names it.
    """
    try:
        mask = validate.subset(S, F.n)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"No set was returned: {error}") from error
    value = _value(F, mask)
    candidates = list(_sets(F.n, n_samples, rng))
    slack = tol * _size(F, candidates)
    if F.n > EXHAUSTIVE:
        gains = F.marginals(mask)
        best = int(np.where(mask, -gains, gains).argmin())
        candidates.append(mask ^ _mask([best], F.n))
    for other in candidates:
        if (lower := _value(F, other)) < value - slack:
            raise AssertionError(
                f"S = {_show(mask)} does not minimize {F!r}: F(S) = {value:.9g}, but "
                f"F({_show(other)}) = {lower:.9g} (less by {value - lower:.3g})"
            )


@_tests
def assert_consistent(F: SetFunction, *, tol: float = 1e-9, rng: RNG = 0) -> None:
    """Assert that the methods and properties of F agree with `value`.

    Tested are `greedy`, `marginals`, `lovasz`, and the properties `monotone`, `symmetric` and
    `integral` if they are set. Use it for subclasses that override some of these. F need not be
    submodular. For n up to 64 every gain is tested, for larger n a random sample of 64.

    Parameters
    ----------
    %(F)s
    tol : float, default 1e-9
        Tolerance, relative to the numbers that are compared, or the largest number that a gain is
        computed from.
    %(rng)s

    Raises
    ------
    AssertionError
        If a method or a property contradicts `value`; the message names it, with the set.
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
    try:
        value = F.value(mask.copy())
    except (TypeError, NotFiniteError) as error:
        raise AssertionError(f"{F!r}: F({_show(mask)}) is no finite number: {error}") from error
    number = not isinstance(value, bool) and isinstance(value, numbers.Real)
    if not number or not math.isfinite(value):
        raise AssertionError(f"{F!r}: F({_show(mask)}) is {value!r}, and no finite number")
    return float(value)


def _size(F: SetFunction, sets: list[Array]) -> float:
    """Return what tolerances are relative to: the largest value, or number that enters a gain.

    The terms of a sum may be much larger than its value, and rounding is relative to the terms.
    """
    values = max((abs(_value(F, mask)) for mask in sets), default=0.0)
    return max(values, float(F._range().size.max(initial=0.0)))


def _sets(n: int, n_samples: int, rng: RNG) -> Iterable[Array]:
    """Return all sets, the smallest first, or random sets."""
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
