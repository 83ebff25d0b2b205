"""Set functions as modular ones plus capped modular ones: what linear programs can lift.

    F(S) = linear(S) + sum over k of scales[k] * min(caps[k], w_k(S)),   scales, w_k >= 0

Cuts, coverage, concave functions of counts, facility location and truncations are of this form,
and it is closed under sums, restriction, contraction and complement. One capped term has both of
its extensions in closed form. The convex one, of Lovász, is a maximum over y in [0, w] with
sum y = cap, that is min over t of cap t + w @ max(x - t, 0). The concave one is min(cap, w @ x).
`subopt.cvx`, the mixed-integer solver and the bounds of branch and bound are made of these two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from subopt._base.types import Array
from subopt.functions._sparse import sums, take_rows


@dataclass(frozen=True, eq=False)
class CapForm:
    """A set function as a sum of capped modular functions, in compressed rows.

    Attributes
    ----------
    linear : ndarray of float64, shape (n,)
        Of any sign.
    indptr, indices, weights : ndarray
        The rows w_k; weights are positive.
    caps, scales : ndarray of float64, shape (rows,)
        Positive, and ``caps[k] < w_k(V)``: a row that is never capped is in `linear`.

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

    @property
    def rows(self) -> Array:
        """The row of each stored weight."""
        return np.repeat(np.arange(len(self.caps)), np.diff(self.indptr))

    def levels(self, x: Array) -> Array:
        """Return w_k @ x for all rows; O(nnz)."""
        return sums(self.rows, self.weights * x[self.indices], len(self.caps))

    def value(self, x: Array) -> float:
        """Evaluate the concave extension, which is F on 0-1 vectors."""
        capped = np.minimum(self.caps, self.levels(x))
        return float(self.linear @ x + self.scales @ capped)

    def tangent(self, x: Array) -> tuple[float, Array]:
        """Return constant and weights of the modular upper bound that is tight at x."""
        full = self.levels(x) >= self.caps
        constant = float((self.scales * self.caps)[full].sum())
        free = ~full[self.rows]
        parts = (self.scales[self.rows] * self.weights)[free]
        return constant, self.linear + sums(self.indices[free], parts, self.n)

    def scaled(self, scale: float) -> CapForm:
        """Return scale * F for a nonnegative factor."""
        if scale == 0:
            return nothing(self.n)
        return replace(self, linear=scale * self.linear, scales=scale * self.scales)

    def fix(self, inside: Array, kept: Array) -> CapForm:
        """Return T -> F(inside ∪ kept[T]) - F(inside), for index arrays."""
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
        parts = self.scales[self.rows] * self.weights
        return replace(
            self,
            linear=-self.linear - sums(self.indices, parts, self.n),
            caps=totals - self.caps,
        )


def nothing(n: int) -> CapForm:
    """Return the form of 0."""
    none = np.zeros(0)
    return CapForm(np.zeros(n), np.zeros(1, np.intp), np.zeros(0, np.intp), none, none, none)


def normal(
    linear: Array, indptr: Array, indices: Array, weights: Array, caps: Array, scales: Array
) -> CapForm:
    """Return the form with rows that are never capped, or do nothing, taken out."""
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
