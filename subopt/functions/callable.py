"""Set functions given by a Python callable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.returned import as_float, refused


@documented_like(SetFunction)
class Function(SetFunction):
    """The set function of a Python callable, with a cache of values and a count of calls.

    A sweep costs n + 1 values, `marginals` n + 1 values.

    Parameters
    ----------
    n : int
        Size of the ground set.
    value : callable
        Takes a boolean mask (n,) and returns a real number; ``value(∅)`` must be 0. It is called
        once per set, until the cache is full.
    monotone, symmetric, integral : bool, default False
        Known properties of the function. They are not checked here; see `subopt.testing`.
    cache_size : int, default 10_000
        Largest number of values that are kept. Each takes about n / 8 bytes and the overhead of a
        dictionary entry. 0 turns the cache off.

    Attributes
    ----------
    n_evals : int
        Number of calls of ``value`` so far.

    Raises
    ------
    TypeError
        If `value` is not callable or does not return real numbers.
    ValueError
        If ``value(∅)`` is not 0, or a value is not finite.

    Examples
    --------
    >>> F = Function(3, lambda mask: float(mask.sum()) ** 0.5)
    >>> F([0, 1, 2]) ** 2, F.greedy([0, 1, 2]).round(3), F.n_evals
    (2.9999999999999996, array([1.   , 0.414, 0.318]), 4)
    """

    def __init__(
        self,
        n: int,
        value: Callable[[Array], Any],
        *,
        monotone: bool = False,
        symmetric: bool = False,
        integral: bool = False,
        cache_size: int = 10_000,
    ) -> None:
        if callable(n) or not callable(value):
            raise TypeError(f"Function needs n and then a callable, got {n!r} and {value!r}")
        self.n = validate.size("n", n)
        self.monotone = validate.flag("monotone", monotone)
        self.symmetric = validate.flag("symmetric", symmetric)
        self.integral = validate.flag("integral", integral)
        self.n_evals = 0
        self._callable, self._cache_size = value, validate.natural("cache_size", cache_size)
        self._cache: dict[bytes, float] = {}
        empty = self.value(np.zeros(n, dtype=np.bool_))
        if empty != 0:
            raise ValueError(
                f"A set function needs F(∅) = 0, but value of the empty set is {empty:g}. Subtract "
                "it in the callable; the argument is a boolean mask, so that |S| is mask.sum()."
            )

    def value(self, mask: Array) -> float:
        """Evaluate F at a set: look it up in the cache or call the function.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S: True for its elements.

        Returns
        -------
        float
            F(S).

        Raises
        ------
        TypeError, ValueError
            If `mask` does not have one entry per element, each a boolean, 0 or 1; or if the
            callable returns something other than a finite real number.
        """
        mask = validate.mask(mask, self.n)
        key = np.packbits(mask).tobytes()
        if key in self._cache:
            return self._cache[key]
        result = self._callable(mask.copy())
        self.n_evals += 1
        number = as_float(result)
        if number is None or not math.isfinite(number):
            raise refused("value", mask, result, number)
        if len(self._cache) < self._cache_size:
            self._cache[key] = number
        return number
