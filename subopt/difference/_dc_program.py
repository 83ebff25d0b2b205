"""Minimizing the Lovász extension of f - g over the cube [0, 1]^n, as a difference of convex ones.

Both may be made strongly convex by (ρ/2)||x||², which cancels. A step replaces the second by its
tangent at x; what remains is min f(w) + (ρ/2)||w||² - yᵀw, a submodular minimization for ρ = 0 and
a proximal step for ρ > 0, whose solution in the cube is that in R^n, clipped. Rounding to the best
level set never makes a point worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, ArrayLike
from subopt.difference._descent import ROUNDING, Descent, Limits, inner_solver, require_difference
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.modular import Modular
from subopt.submodular._minimum_norm import minimum_norm
from subopt.submodular.result import Result

WARM = 64
"""As many vertices of a base are swept again to start the next proximal step."""


class Point(NamedTuple):
    """A point of the cube and what one sweep along it says."""

    x: Array  # (n,)
    value: float  # of the Lovász extension of h
    rounded: Array  # (n,) bool, the level set with the lowest h
    rounding: float  # changes of the value below this are none

    @property
    def is_set(self) -> bool:
        """Whether all coordinates are 0 or 1."""
        return bool(((self.x == 0.0) | (self.x == 1.0)).all())


class DCProgram:
    """The program of one h: tangents, steps, points, and the best set among all level sets seen.

    Attributes
    ----------
    descent : Descent
        Holds the best set.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        method: str,
        limits: Limits,
        callback: Callable[[Result], object] | None,
        *,
        rho: float = 0.0,
        inner_iter: int = 100_000,
    ) -> None:
        require_difference(h)
        self.h, self.rho = h, validate.nonnegative("rho", rho)
        self.descent = Descent(h, (), method, limits, callback)
        self._inner = inner_solver(h, limits, inner_iter)
        self._start: tuple[Array, Array] | None = None

    def point(self, x: Array) -> Point:
        """Evaluate a point, and remember its best level set."""
        order = np.argsort(-x, kind="stable")
        f_gains, g_gains = self.h.f.greedy(order), self.h.g.greedy(order)
        self.descent.n_evals += 2
        gains = f_gains - g_gains
        value = float(x @ gains)
        values = np.concatenate([[0.0], np.cumsum(gains[order])])
        rounded = np.zeros(self.h.n, dtype=np.bool_)
        rounded[order[: int(values.argmin())]] = True
        if values.min() < self.descent.value:
            self.descent.offer(rounded)
        size = float(np.abs(f_gains).sum() + np.abs(g_gains).sum())
        return Point(x, value, rounded, ROUNDING * size)

    def corner(self, point: Point) -> Point:
        """Return the best level set of a point, or the point if it is a set and as good."""
        while True:
            there = self.point(point.rounded.astype(np.float64))
            if point.is_set and not there.value < point.value - point.rounding:
                return point
            point = there

    def tangent(self, x: Array, scores: Array) -> Array:
        """Return a subgradient of the second function at x; ties by descending scores."""
        self.descent.n_evals += 1
        return self.h.g.greedy(np.lexsort((-scores, -x))) + self.rho * x

    def scores(self, point: Point) -> Array:
        """Return how to break ties so that a set the method does not leave is a local minimum."""
        self.descent.n_evals += 2
        return -self.h.marginals(point.x == 1.0 if point.is_set else point.rounded)

    def step(self, y: Array) -> Array:
        """Minimize the first function minus its tangent y over the cube."""
        F = self.h.f + Modular(-y)
        if self.rho == 0:
            mask = self._inner(F).mask
            self.descent.n_evals += self._inner.spent()
            return mask.astype(np.float64)
        tol = 1e-4 * self.rho * math.sqrt(self.h.n)
        inner = self._inner
        levels = minimum_norm(F, tol, inner.max_iter, self._start, inner.deadline)
        kept = np.argsort(-levels.weights, kind="stable")[:WARM]
        self._start = levels.orders[kept], levels.weights[kept] / levels.weights[kept].sum()
        self.descent.n_evals += levels.n_evals
        return np.clip(-levels.x / self.rho, 0.0, 1.0)

    def run(self, start: Any, advance: Callable[[Point], Point | None]) -> Result:
        """Advance from a start until there is nothing to gain, which `advance` says by None."""
        descent = self.descent
        here: Point | None = self.point(start)
        status = None
        while here is not None:
            if (status := descent.limits.reached(descent.n_iter)) is not None:
                break
            descent.n_iter += 1
            here = advance(here)
            descent.tell()
        return descent.result(Status.STATIONARY if status is None else status)


def start_point(start: ArrayLike | None, n: int) -> Array:
    """Return the first point of the cube: the middle of it, a mask or numbers in [0, 1]."""
    if start is None:
        return np.full(n, 0.5)
    x = validate.real_array("start", start)
    if x.shape != (n,):
        raise ValueError(
            f"start needs a point of the cube or a mask, shape ({n},), got shape {x.shape}"
        )
    outside = (x < 0) | (x > 1)
    if outside.any():
        i = int(outside.argmax())
        raise ValueError(f"start needs numbers in [0, 1], but start[{i}] is {x[i]:g}")
    return x
