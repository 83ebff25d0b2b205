"""Minimization of the Lovász extension of f - g over the cube [0, 1]^n, as f^ - g^, both convex.

Adding (ρ/2)||x||² to f^ and to g^ makes both strongly convex and cancels in the difference. A step
replaces g^ by its tangent at x. The remaining problem is min f^(w) + (ρ/2)||w||² - yᵀw: a
submodular minimization for ρ = 0, and a proximal step for ρ > 0, whose solution in the cube is that
in R^n, clipped. Rounding a point to its best level set never raises the value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, ArrayLike
from subopt.difference._descent import Descent, inner_solver
from subopt.functions.algebra import DifferenceOfSubmodular, require_difference
from subopt.functions.modular import Modular
from subopt.submodular._minimum_norm import minimum_norm
from subopt.submodular._sweep_bounds import ROUNDING
from subopt.submodular.result import Result

WARM = 64
"""Number of vertices of a base that are swept again to start the next proximal step."""
DISTANCE = 1e-4
"""Distance of a proximal step from the exact one, relative to the diagonal of the cube."""


class Point(NamedTuple):
    """A point of the cube, and the values of h at its level sets."""

    x: Array  # (n,)
    value: float  # of the Lovász extension of h
    rounded: Array  # (n,) bool, the level set with the lowest h
    rounding: float  # what of a change of the value may be rounding

    @property
    def is_set(self) -> bool:
        """Whether all coordinates are 0 or 1."""
        return bool(((self.x == 0.0) | (self.x == 1.0)).all())


class DCProgram:
    """The program of one h: tangents, steps, points, and the best of all level sets seen.

    Parameters
    ----------
    h : DifferenceOfSubmodular
    method : str
        For the result.
    start, rho, inner_iter, max_iter, time_limit, callback
        The options of the methods.

    Attributes
    ----------
    run : Descent
        Holds the best set.
    h : DifferenceOfSubmodular
        On the free elements of the run, as are all points.
    start : ndarray of float64
        The first point.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        method: str,
        start: ArrayLike | None,
        *,
        rho: float | None,
        inner_iter: int,
        max_iter: int,
        time_limit: float | None,
        callback: Callable[[Result], object] | None,
    ) -> None:
        require_difference(h)
        x = start_point(start, h.n)
        validate.positive_int("inner_iter", inner_iter)
        if rho is not None:
            _require_range(validate.nonnegative("rho", rho), "rho")
        self.run = Descent(
            h, (), method, max_iter=max_iter, time_limit=time_limit, callback=callback
        )
        self.h, self._inner = self.run.h, inner_solver(self.run, inner_iter)
        self.start = x[self.run.fixed.free]
        if rho is None:
            gains = np.abs(self.h.g.greedy(np.arange(self.h.n)))
            rho = 0.1 * float(gains.mean()) if gains.size else 0.0
            _require_range(rho, "the default of rho, a tenth of the mean gain of g,")
        self.rho = float(rho)
        self._base: tuple[Array, Array] | None = None

    def point(self, x: Array) -> Point:
        """Evaluate a point, and remember its best level set."""
        order = np.argsort(-x, kind="stable")
        f_gains, g_gains = self.h.f.greedy(order), self.h.g.greedy(order)
        self.run.n_evals += 2
        gains = f_gains - g_gains
        values = np.concatenate([[0.0], np.cumsum(gains[order])])
        rounded = np.zeros(self.h.n, dtype=np.bool_)
        rounded[order[: int(values.argmin())]] = True
        if values.min() < self.run.value:
            self.run.offer(rounded)
        rounding = ROUNDING * float(x @ (np.abs(f_gains) + np.abs(g_gains)))
        return Point(x, float(x @ gains), rounded, rounding)

    def corner(self, point: Point) -> Point:
        """Return the best level set of a point, or the point if it is a set and as good."""
        while True:
            there = self.point(point.rounded.astype(np.float64))
            if point.is_set and not there.value < point.value - point.rounding:
                return point
            point = there

    def tangent(self, x: Array, scores: Array) -> Array:
        """Return a subgradient of the second function at x; ties by descending scores."""
        self.run.n_evals += 1
        return self.h.g.greedy(np.lexsort((-scores, -x))) + self.rho * x

    def scores(self, point: Point) -> Array:
        """Return how to break ties so that a set the method does not leave is a local minimum."""
        self.run.n_evals += 2
        return -self.h.marginals(point.x == 1.0 if point.is_set else point.rounded)

    def step(self, y: Array) -> Array:
        """Minimize the first function minus its tangent y over the cube."""
        F = self.h.f + Modular(-y)
        if self.rho == 0:
            mask = self._inner(F).mask
            self.run.n_evals += self._inner.spent()
            return mask.astype(np.float64)
        tol = DISTANCE * self.rho * math.sqrt(self.h.n)
        inner = self._inner
        levels = minimum_norm(F, tol, inner.max_iter, self._base, inner.deadline, divide=False)
        kept = np.argsort(-levels.weights, kind="stable")[:WARM]
        self._base = levels.orders[kept], levels.weights[kept] / levels.weights[kept].sum()
        self.run.n_evals += levels.n_evals
        return np.clip(-levels.x / self.rho, 0.0, 1.0)

    def follow(self, advance: Callable[[Point], Point | None]) -> Result:
        """Advance from the start until `advance` returns None, when no step improves."""
        run, here, status = self.run, self.point(self.start), None
        while (status := run.stopped()) is None:
            run.n_iter += 1
            following = advance(here)
            run.tell()
            if following is None:  # a step that was cut short says nothing
                status = Status.TIME_LIMIT if run.deadline.passed() else Status.STATIONARY
                break
            here = following
        return run.result(status)


def start_point(start: ArrayLike | None, n: int) -> Array:
    """Return the first point of the cube: its center, a mask, or numbers in [0, 1]."""
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


def _require_range(rho: float, name: str) -> None:
    """Raise unless squares of points in units of rho are numbers that floats hold."""
    if rho and not 1e-150 <= rho <= 1e150:
        raise ValueError(f"{name} needs 0 or a number from 1e-150 to 1e150, got {rho}")
