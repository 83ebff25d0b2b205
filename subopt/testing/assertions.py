"""Assertions about set functions, bases and minimizers: all sets for small n, else random ones."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_with
from subopt._base.types import RNG, Array, ArrayLike, Subset
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import Violation, all_masks, all_values, smallest
from subopt.testing._sampling import (
    EXHAUSTIVE,
    compare,
    few_sets,
    listed,
    mask_from,
    mask_of,
    sampled,
    sampled_violation,
    shown,
    size_of,
    tested_orders,
    tested_sets,
    value_at,
)

_tests = documented_with(
    {
        "F": ("SetFunction", "The function to test."),
        "rtol": (
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
    return mask_of(k, F.n), float(values[k])


def check_submodular(F: SetFunction, *, rtol: float = 1e-9) -> Violation | None:
    """Search all sets for a violation of diminishing returns, in O(n² 2^n).

    Parameters
    ----------
    F : SetFunction
        A function of at most about 20 elements. All 2^n values are computed.
    rtol : float, default 1e-9
        Violations are ignored up to ``rtol`` times the largest absolute value of F, or the largest
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
        value_at(F, mask)
    return smallest(F, (rtol * size_of(F, []), rtol))


@_tests
def assert_submodular(
    F: SetFunction, *, rtol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that F is submodular: at all sets for small n, at random sets for large n.

    Parameters
    ----------
    %(F)s
    %(rtol)s
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
        violation = check_submodular(F, rtol=rtol)
    else:
        violation = sampled_violation(F, rtol, n_samples, validate.generator(rng))
    if violation is not None:
        raise AssertionError(f"{F!r} is not submodular: {violation}")


@_tests
def assert_monotone(
    F: SetFunction, *, rtol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that adding an element never lowers F.

    Parameters
    ----------
    %(F)s
    %(rtol)s
    n_samples : int, default 1000
        Number of random sets if ``n > EXHAUSTIVE``; one random element is added to each.
    %(rng)s

    Raises
    ------
    AssertionError
        If adding an element lowers F; the message names the set and the element.
    """
    sets = list(tested_sets(F.n, n_samples, rng))
    slack = rtol * size_of(F, sets)
    for mask in sets:
        here = value_at(F, mask)
        for i in sampled(np.flatnonzero(~mask), F.n, rng):
            more = mask.copy()
            more[i] = True
            if (there := value_at(F, more)) < here - slack:
                raise AssertionError(
                    f"{F!r} is not monotone: F({shown(mask)}) = {here:.9g}, and adding {i} makes "
                    f"it {there:.9g} (less by {here - there:.3g})"
                )


@_tests
def assert_symmetric(
    F: SetFunction, *, rtol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
) -> None:
    """Assert that F(S) = F(V - S).

    Parameters
    ----------
    %(F)s
    %(rtol)s
    %(n_samples)s
    %(rng)s

    Raises
    ------
    AssertionError
        If a set and its complement have different values; the message names the set.
    """
    sets = list(tested_sets(F.n, n_samples, rng))
    slack = rtol * size_of(F, sets)
    for mask in sets:
        here, there = value_at(F, mask), value_at(F, ~mask)
        if not abs(here - there) <= slack:
            raise AssertionError(
                f"{F!r} is not symmetric: F({shown(mask)}) = {here:.9g} and "
                f"F({shown(~mask)}) = {there:.9g} (apart by {abs(here - there):.3g})"
            )


@_tests
def assert_base(
    F: SetFunction, y: ArrayLike, *, rtol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
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
    rtol : float, default 1e-9
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
    total, loads = value_at(F, whole), float(np.abs(y).sum())
    if not abs(y.sum() - total) <= rtol * max(abs(total), loads, size_of(F, [])):
        raise AssertionError(
            f"y is not a base of {F!r}: y(V) = {y.sum():.9g}, but F(V) = {total:.9g} "
            f"(apart by {abs(y.sum() - total):.3g})"
        )
    candidates, size = list(tested_sets(F.n, n_samples, rng)), size_of(F, [])
    if F.n > EXHAUSTIVE:  # of the sets of the k largest entries of y, the one with least slack
        order = np.argsort(-y, kind="stable")
        slack = np.cumsum(F.greedy(order)[order] - y[order])
        candidates.append(mask_from(order[: int(slack.argmin()) + 1], F.n))
    for mask in candidates:
        bound, load = value_at(F, mask), float(y[mask].sum())
        if load > bound + rtol * max(abs(bound), loads, size):
            raise AssertionError(
                f"y is not a base of {F!r}: with S = {shown(mask)}, y(S) = {load:.9g} exceeds "
                f"F(S) = {bound:.9g} (by {load - bound:.3g})"
            )


@_tests
def assert_minimizer(
    F: SetFunction, S: Subset, *, rtol: float = 1e-9, n_samples: int = 1000, rng: RNG = 0
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
    %(rtol)s
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
    value = value_at(F, mask)
    candidates = list(tested_sets(F.n, n_samples, rng))
    slack = rtol * size_of(F, candidates)
    if F.n > EXHAUSTIVE:
        gains = F.marginals(mask)
        best = int(np.where(mask, -gains, gains).argmin())
        candidates.append(mask ^ mask_from([best], F.n))
    for other in candidates:
        if (lower := value_at(F, other)) < value - slack:
            raise AssertionError(
                f"S = {shown(mask)} does not minimize {F!r}: F(S) = {value:.9g}, but "
                f"F({shown(other)}) = {lower:.9g} (less by {value - lower:.3g})"
            )


@_tests
def assert_consistent(F: SetFunction, *, rtol: float = 1e-9, rng: RNG = 0) -> None:
    """Assert that the methods and properties of F agree with `value`.

    Tested are `greedy`, `marginals`, `lovasz`, and the properties `monotone`, `symmetric` and
    `integral` if they are set. Use it for subclasses that override some of these. F need not be
    submodular. For n up to 4 all orders and all sets are tested. For larger n these are ∅, V and
    random ones, and for n up to `EXHAUSTIVE` orders with each element first and last. Of more than
    64 gains a random sample is tested.

    Parameters
    ----------
    %(F)s
    rtol : float, default 1e-9
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
    size = size_of(F, [])
    for order in tested_orders(F.n, rng):
        some = rng.permutation(F.n)[:64]
        steps = (
            [mask_from(order[:k], F.n) for k in some],
            [mask_from(order[: k + 1], F.n) for k in some],
        )
        gains = F.greedy(order)
        compare(F, f"greedy({listed(order)})", order[some], gains[order[some]], *steps, rtol)
        x = np.empty(F.n)
        x[order] = np.sort(rng.normal(size=F.n))[::-1]
        _compare_extension(F, f"{x}", F.lovasz(x), float(x @ gains), x, gains, rtol, size)
    for mask in few_sets(F.n, rng):
        some = rng.permutation(F.n)[:64]
        around = (
            [mask & ~mask_from([i], F.n) for i in some],
            [mask | mask_from([i], F.n) for i in some],
        )
        compare(F, f"marginals of {shown(mask)}", some, F.marginals(mask)[some], *around, rtol)
        x, value = mask.astype(np.float64), value_at(F, mask)
        gains = F.greedy(np.argsort(~mask, kind="stable"))
        _compare_extension(F, shown(mask), F.lovasz(x), value, x, gains, rtol, size)
        if value_at(F, mask) != value:
            raise AssertionError(
                f"{F!r}: F({shown(mask)}) is {value!r} at first, and then {value_at(F, mask)!r}"
            )
    for mask in tested_sets(F.n, 50, rng) if F.integral else ():
        if (value := value_at(F, mask)) != round(value):
            raise AssertionError(f"{F!r} claims to be integral, but F({shown(mask)}) = {value!r}")
    if F.monotone:
        assert_monotone(F, rtol=rtol, n_samples=50, rng=rng)
    if F.symmetric:
        assert_symmetric(F, rtol=rtol, n_samples=50, rng=rng)


def _compare_extension(
    F: SetFunction,
    where: str,
    extension: float,
    value: float,
    x: Array,
    gains: Array,
    rtol: float,
    size: float,
) -> None:
    """Raise unless the Lovász extension at a point is what values make it."""
    scale = max(abs(value), float(np.abs(x) @ np.abs(gains)), float(np.abs(gains).sum()), size)
    if not abs(value - extension) <= rtol * scale:
        raise AssertionError(
            f"{F!r}: lovasz at {where} is {extension:.9g}, but `value` makes it {value:.9g} "
            f"(apart by {abs(value - extension):.3g})"
        )
