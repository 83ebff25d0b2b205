"""Modular upper bounds of a submodular function, made at any point x of the cube.

At sets, every function has the bounds of `modular_upper`. At fractional points, sums of truncated
modular functions and of concave functions have better ones, term by term: min(cap, w(S)) and
phi(w(S)) are at most the tangents of min(cap, w @ x) and phi(w @ x) at x. For one truncated term
this is its concave closure. All tangents together are the linear relaxation of -g, which is exact
at 0-1 points.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.forms.truncated import CapForm, nothing, total
from subopt.forms.truncated_families import cap_form
from subopt.functions._phi import CALLABLE, LOG1P, MIN, SQRT
from subopt.functions._sparse import row_of
from subopt.functions.algebra import SetFunction, combination, terms_of
from subopt.functions.concave_of_modular import ConcaveOfModular

KINDS = ("grow", "shrink", "empty", "full")
"""Bounds of functions that have no tangents: two at the set {x > 1/2}, one at ∅ and one at V."""


class Majorant:
    """The modular upper bounds of one submodular function.

    Attributes
    ----------
    kinds : tuple of int
        Positions in `KINDS` of bounds that differ; only one if all terms of F have tangents.

    Examples
    --------
    >>> bounds = Majorant(Cardinality([0, 2, 3, 3]))
    >>> bounds.at(np.full(3, 0.5), 0)
    (1.0, array([1., 1., 1.]))
    """

    def __init__(self, F: SetFunction) -> None:
        self.n = F.n
        forms: list[CapForm] = [nothing(F.n)]
        other: list[tuple[float, SetFunction]] = []
        self._roots: list[tuple[float, _Roots]] = []
        for scale, G in terms_of(F):
            if isinstance(G, ConcaveOfModular) and (roots := _Roots.of(G)) is not None:
                self._roots.append((scale, roots))
                continue
            try:
                forms.append(cap_form(G).scaled(scale))
            except TypeError:
                other.append((scale, G))
        self._form = total(F.n, forms)
        self._other = combination(F.n, other) if other else None
        self._ends: tuple[Array, Array, float] | None = None
        self.kinds = tuple(range(len(KINDS))) if other else (0,)

    def at(self, x: Array, kind: int) -> tuple[float, Array]:
        """Return constant and weights of a bound: F(S) <= constant + weights(S) for all S.

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            The point of [0, 1]^n at which the bound should be low.
        kind : int
            A position in `KINDS`.
        """
        constant, weights = self._form.tangent(x)
        for scale, roots in self._roots:
            more, w = roots.tangent(x)
            constant += scale * more
            weights = weights + scale * w
        if self._other is not None:
            more, w = self._anchored(x > 0.5, KINDS[kind])
            constant, weights = constant + more, weights + w
        return constant, weights

    def _anchored(self, inside: Array, kind: str) -> tuple[float, Array]:
        """Return the bound of `modular_upper` at a set, at ∅ or at V."""
        F = self._other
        assert F is not None
        if self._ends is None:
            none, whole = np.zeros(self.n, dtype=np.bool_), np.ones(self.n, dtype=np.bool_)
            self._ends = F.marginals(none), F.marginals(whole), F.value(whole)
        high, low, everything = self._ends
        if kind == "empty":
            return 0.0, high
        if kind == "full":
            return everything - float(low.sum()), low
        here = F.marginals(inside.copy())
        weights = np.where(inside, here, high) if kind == "grow" else np.where(inside, low, here)
        return F.value(inside.copy()) - float(weights[inside].sum()), weights


class _Roots:
    """Upper bounds of sums of phi(w(S)): for each group, the lowest of three at a point.

    A line through two points of phi lies above phi outside of these, so it bounds phi(w(S)) if no
    level w(S) lies between them. This holds next to 0 and next to w(V), and for equal weights
    everywhere; elsewhere the tangent is used. The other two candidates are the bounds at ∅ and V.
    """

    def __init__(self, F: ConcaveOfModular) -> None:
        d = F._data
        order = np.argsort(d.indices, kind="stable")
        self.n, self.phi, self.scales, self.base = F.n, F._phi, d.scales, d.base
        self.rows, self.elements = d.indices[order], row_of(d.indptr)[order]
        self.weights = w = d.weights[order]
        groups = len(d.base)
        self.totals = np.bincount(self.rows, w, minlength=groups)
        self.least, self.most = np.full(groups, np.inf), np.zeros(groups)
        np.minimum.at(self.least, self.rows, w)
        np.maximum.at(self.most, self.rows, w)
        self.equal = self.most <= self.least
        at, top = self.base[self.rows], (self.base + self.totals)[self.rows]
        self.first = self.phi(at + w) - self.phi(at)
        self.last = self.phi(top) - self.phi(top - w)
        self.height = self.phi(self.base + self.totals) - self.phi(self.base)

    @classmethod
    def of(cls, F: ConcaveOfModular) -> _Roots | None:
        """Return the bounds of F, or None if its truncated form has better ones."""
        if F._phi.code == MIN:
            return None
        roots = cls(F)
        return None if F._phi.code == CALLABLE and not roots.equal.all() else roots

    def tangent(self, x: Array) -> tuple[float, Array]:
        """Return constant and weights of the bound that is lowest at x, group by group."""
        groups, inside = len(self.base), x[self.elements]
        level = np.bincount(self.rows, self.weights * inside, minlength=groups)
        height, slope = self._line(np.clip(level, 0.0, self.totals))
        at_empty = np.bincount(self.rows, self.first * inside, minlength=groups)
        lost = np.bincount(self.rows, self.last * (1 - inside), minlength=groups)
        from_last = np.bincount(self.rows, self.last, minlength=groups)
        candidates = np.stack([height + slope * level, at_empty, self.height - lost])
        best = candidates.argmin(axis=0)
        constants = np.stack([height, np.zeros(groups), self.height - from_last])
        parts = np.stack([slope[self.rows] * self.weights, self.first, self.last])
        chosen = parts[best[self.rows], np.arange(len(self.rows))] * self.scales[self.rows]
        constant = float(self.scales @ constants[best, np.arange(groups)])
        return constant, np.bincount(self.elements, chosen, minlength=self.n)

    def _line(self, t: Array) -> tuple[Array, Array]:
        """Return height at 0 and slope of a line above phi(base + .) - phi(base), low at t."""
        some = self.totals > 0
        unit = np.where(some, self.least, 1.0)
        left = np.where(self.equal, np.floor(t / unit) * unit, 0.0)
        left = np.where(t > self.totals - unit, self.totals - unit, left)
        left, right = np.maximum(left, 0.0), np.maximum(left, 0.0) + unit
        chord = self.equal | (t <= unit) | (t >= self.totals - unit)
        low, high = (self.phi(self.base + s) - self.phi(self.base) for s in (left, right))
        slope = np.where(chord, (high - low) / unit, 0.0)
        if not chord.all():
            middle = np.where(chord, unit, t)
            slope = np.where(chord, slope, self._slope(self.base + middle))
            low = np.where(chord, low, self.phi(self.base + t) - self.phi(self.base))
            left = np.where(chord, left, t)
        return np.where(some, low - slope * left, 0.0), np.where(some, slope, 0.0)

    def _slope(self, t: Array) -> Array:
        if self.phi.code == SQRT:
            return 0.5 / np.sqrt(t)
        if self.phi.code == LOG1P:
            return 1 / (1 + t)
        return self.phi.parameter * t ** (self.phi.parameter - 1)  # POWER
