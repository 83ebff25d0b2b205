"""Set functions as a modular function plus truncated modular functions, for linear programming.

    F(S) = linear(S) + sum over k of scales[k] * min(caps[k], w_k(S)),   scales, w_k >= 0

Cuts, coverage, facility location and concave functions of counts have this form, and it is closed
under sums, restriction, contraction and complement. A term min(cap, w(S)) has two extensions to
[0, 1]^n in closed form:

* the convex (Lovász) extension: max of y @ x over 0 <= y <= w with sum y = cap, or, by duality,
  min over t of cap t + w @ max(x - t, 0);
* a concave extension: min(cap, w @ x).

`subopt.cvx`, the mixed-integer solver and the bounds of branch and bound use these extensions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from subopt._base.types import Array
from subopt.functions._sparse import sums, take_rows


@dataclass(frozen=True, eq=False)
class CapForm:
    """A set function as a sum of truncated modular functions, in compressed rows.

    Attributes
    ----------
    linear : ndarray of float64, shape (n,)
        Weights of the modular part, of any sign.
    indptr, indices, weights : ndarray
        The rows w_k in compressed form; weights are positive.
    caps : ndarray of float64, shape (rows,)
        Positive, with ``caps[k] < w_k(V)``. A row that never reaches its cap is part of `linear`.
    scales : ndarray of float64, shape (rows,)
        Positive factor of each row.

    Examples
    --------
    >>> from subopt.forms.truncated_families import cap_form
    >>> form = cap_form(Cardinality([0, 2, 3, 3]))
    >>> form.caps, form.scales, form.value(np.array([1, 1, 0])), form.value(np.full(3, 0.5))
    (array([1., 2.]), array([1., 1.]), 3.0, 2.5)
    """

    linear: Array
    indptr: Array
    indices: Array
    weights: Array
    caps: Array
    scales: Array

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return len(self.linear)

    @cached_property
    def rows(self) -> Array:
        """Row number of each stored weight."""
        return np.repeat(np.arange(len(self.caps)), np.diff(self.indptr))

    @cached_property
    def parts(self) -> Array:
        """Stored weights times the factors of their rows."""
        return self.scales[self.rows] * self.weights

    def levels(self, x: Array) -> Array:
        """Return w_k @ x for all rows k; O(nnz)."""
        return sums(self.rows, self.weights * x[self.indices], len(self.caps))

    def value(self, x: Array) -> float:
        """Evaluate the concave extension; at the indicator vector of S it is F(S)."""
        capped = np.minimum(self.caps, self.levels(x))
        return float(self.linear @ x + self.scales @ capped)

    def tangent(self, x: Array) -> tuple[float, Array]:
        """Return constant and gradient of the tangent of the concave extension at x.

        At the indicator vector of a set it is a modular upper bound of F that is tight there.
        """
        full = self.levels(x) >= self.caps
        constant = float((self.scales * self.caps)[full].sum())
        free = ~full[self.rows]
        return constant, self.linear + sums(self.indices[free], self.parts[free], self.n)

    def scaled(self, scale: float) -> CapForm:
        """Return scale * F for a nonnegative factor."""
        if scale == 0:
            return nothing(self.n)
        return replace(self, linear=scale * self.linear, scales=scale * self.scales)

    def fix(self, inside: Array, kept: Array) -> CapForm:
        """Return T -> F(inside ∪ kept[T]) - F(inside), for arrays of elements."""
        mask = np.zeros(self.n)
        mask[inside] = 1.0
        caps = self.caps - self.levels(mask)
        number = np.full(self.n, -1)
        number[kept] = np.arange(len(kept))
        left = (number[self.indices] >= 0) & (caps[self.rows] > 0)
        counts = np.bincount(self.rows[left], minlength=len(caps))
        return normal(
            self.linear[kept],
            np.concatenate([[0], np.cumsum(counts)]),
            number[self.indices[left]],
            self.weights[left],
            caps,
            self.scales,
        )

    def flip(self) -> CapForm:
        """Return S -> F(V - S) - F(V)."""
        # min(c, W - w(S)) = c - w(S) + min(W - c, w(S)), where W = w(V)
        totals = self.levels(np.ones(self.n))
        return replace(
            self,
            linear=-self.linear - sums(self.indices, self.parts, self.n),
            caps=totals - self.caps,
        )


def nothing(n: int) -> CapForm:
    """Return the form of the zero function."""
    none = np.zeros(0)
    return CapForm(np.zeros(n), np.zeros(1, np.intp), np.zeros(0, np.intp), none, none, none)


def normal(
    linear: Array, indptr: Array, indices: Array, weights: Array, caps: Array, scales: Array
) -> CapForm:
    """Return the form without zero rows; rows that never reach their cap go into `linear`."""
    sizes = np.diff(indptr)
    rows = np.repeat(np.arange(len(caps)), sizes)
    totals = sums(rows, weights, len(caps))
    used = (caps > 0) & (scales > 0) & (sizes > 0)
    loose = used & (totals <= caps)
    if loose.any():
        at = loose[rows]
        parts = (scales[rows] * weights)[at]
        linear = linear + sums(indices[at], parts, len(linear))
    kept = used & ~loose
    if not kept.all():
        indptr, taken = take_rows(indptr, np.flatnonzero(kept))
        indices, weights, caps, scales = indices[taken], weights[taken], caps[kept], scales[kept]
    return CapForm(linear, indptr, indices, weights, caps, scales)


def total(n: int, forms: list[CapForm]) -> CapForm:
    """Return the sum of forms on the same n elements."""
    if len(forms) == 1:
        return forms[0]
    forms = [nothing(n), *forms]
    sizes = np.concatenate([np.diff(form.indptr) for form in forms])
    return CapForm(
        np.sum([form.linear for form in forms], axis=0),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp),
        np.concatenate([form.indices for form in forms]),
        np.concatenate([form.weights for form in forms]),
        np.concatenate([form.caps for form in forms]),
        np.concatenate([form.scales for form in forms]),
    )
