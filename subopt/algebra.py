"""Combinations of set functions, in normal form: sums, views and normalization.

Sums are kept flat, like terms are merged, and any chain of restrictions, contractions and
complements is one `View`, so that a combination is never deeper than a sum of views of families.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt import _validate
from subopt._types import Array
from subopt.cut_form import CutForm
from subopt.function import GainRange, SetFunction


class Sum(SetFunction):
    """A nonnegative combination of set functions, flat: no term is a sum. Made by ``2 * f + g``.

    Attributes
    ----------
    terms : tuple of (float, SetFunction)
        Factors and functions.
    """

    terms: tuple[tuple[float, SetFunction], ...]

    def __init__(self, n: int, terms: tuple[tuple[float, SetFunction], ...]) -> None:
        self.n = n
        self.terms = terms
        self.monotone = all(F.monotone for _, F in terms)
        self.symmetric = all(F.symmetric for _, F in terms)
        self.integral = all(F.integral and a.is_integer() for a, F in terms)
        self.cut_representable = all(F.cut_representable for _, F in terms)
        self._tents = max((F._tents for _, F in terms), default=0)

    def value(self, mask: Array) -> float:
        """Evaluate the sum at a set."""
        mask = _validate.mask(mask, self.n)
        return float(sum(a * F.value(mask.copy()) for a, F in self.terms))

    def marginals(self, mask: Array) -> Array:
        """Return what each element adds to the others of a set, term by term."""
        result = np.zeros(self.n)
        for a, F in self.terms:
            result += a * F.marginals(mask)
        return result

    def as_cut(self) -> CutForm:
        """Return the union of the graphs of the terms."""
        return CutForm.sum(self.n, [(a, F.as_cut()) for a, F in self.terms])

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V), term by term."""
        return combination(self.n, [(a, F.complement()) for a, F in self.terms])

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        for a, F in self.terms:
            F._sweep(scale * a, order, gains)

    def _state(self, mask: Array) -> Any:
        return [F._state(mask) for _, F in self.terms]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        parts = zip(self.terms, state, strict=True)
        return float(sum(a * F._gain(inner, mask, i) for (a, F), inner in parts))

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        for (_, F), inner in zip(self.terms, state, strict=True):
            F._flip(inner, mask, i, F._gain(inner, mask, i))

    def _by_value(self) -> bool:
        return any(F._by_value() for _, F in self.terms)

    def _range(self) -> GainRange:
        low, high, size = np.zeros((3, self.n))
        for a, F in self.terms:
            part = F._range()
            low += a * part.low
            high += a * part.high
            size += abs(a) * part.size
        return GainRange(low, high, size)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        return combination(len(kept), [(a, F._minor(before, kept)) for a, F in self.terms])

    def __repr__(self) -> str:
        parts = [repr(F) if a == 1 else f"{a:g} * {F!r}" for a, F in self.terms]
        return " + ".join(parts) or f"0 (n={self.n})"


class View(SetFunction):
    """A restriction, contraction and/or complement of a function, without copying it.

    T -> F(before ∪ kept[T]) - F(before), or with ``flipped`` T -> F(before ∪ kept[V - T]) -
    F(before ∪ kept). A sweep is a sweep of the parent along `before` and then `kept`, so it costs
    as much as building up ``before ∪ T`` in the parent.

    Attributes
    ----------
    parent : SetFunction
        F.
    before, kept : ndarray of intp
        Elements of the parent: those that are in, and those that this function is about.
    flipped : bool
        Whether sets are complemented.
    """

    def __init__(
        self, parent: SetFunction, before: Array, kept: Array, *, flipped: bool = False
    ) -> None:
        self.n = len(kept)
        self.parent, self.before, self.kept, self.flipped = parent, before, kept, flipped
        self.monotone = parent.monotone and not flipped
        self.integral = parent.integral
        self.cut_representable = parent.cut_representable
        self._tents = parent._tents
        self._offset = parent.value(self._lift(np.zeros(self.n, dtype=np.bool_)))

    def value(self, mask: Array) -> float:
        """Evaluate the view at a set."""
        lifted = self._lift(_validate.mask(mask, self.n))
        return self.parent.value(lifted) - self._offset

    def marginals(self, mask: Array) -> Array:
        """Return what each element adds to the others of a set."""
        inner = self.parent.marginals(self._lift(_validate.mask(mask, self.n)))[self.kept]
        return -inner if self.flipped else inner

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V)."""
        if self.flipped:
            return self.parent._minor(self.before, self.kept)
        return View(self.parent, self.before, self.kept, flipped=True)

    def as_cut(self) -> CutForm:
        """Return the graph of the parent with the fixed elements merged into its terminals."""
        fixed = np.full(self.parent.n, -1, dtype=np.int8)
        fixed[self.kept] = 2
        fixed[self.before] = 1
        form = self.parent.as_cut().fix(fixed == 1, fixed == -1)
        form = form.flip() if self.flipped else form
        return form.shift(-self._offset)

    def _lift(self, mask: Array) -> Array:
        lifted = np.zeros(self.parent.n, dtype=np.bool_)
        lifted[self.before] = True
        lifted[self.kept] = ~mask if self.flipped else mask
        return lifted

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        middle = order
        if self.flipped:  # the parent loses order[0] first: it gained it last
            rest = np.ones(self.n, dtype=np.bool_)
            rest[order] = False
            middle = np.concatenate([np.flatnonzero(rest), order[::-1]])
        inner = np.zeros(self.parent.n)
        self.parent._sweep(1.0, np.concatenate([self.before, self.kept[middle]]), inner)
        gains[order] += (-scale if self.flipped else scale) * inner[self.kept[order]]

    def _state(self, mask: Array) -> Any:
        lifted = self._lift(mask)
        return lifted, self.parent._state(lifted)

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        gain = self.parent._gain(state[1], state[0], int(self.kept[i]))
        return -gain if self.flipped else gain

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        lifted, inner = state
        e = int(self.kept[i])
        self.parent._flip(inner, lifted, e, -gain if self.flipped else gain)
        lifted[e] = not lifted[e]

    def _by_value(self) -> bool:
        return self.parent._by_value()

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        return GainRange(low, high, size + abs(self._offset) if self._by_value() else size)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        inside = before
        if self.flipped:  # what is left out of the view is in the parent's set
            outside = np.ones(self.n, dtype=np.bool_)
            outside[before] = outside[kept] = False
            inside = np.flatnonzero(outside)
        inner = np.concatenate([self.before, self.kept[inside]])
        return View(self.parent, inner, self.kept[kept], flipped=self.flipped)

    def __repr__(self) -> str:
        kind = ", flipped" if self.flipped else ""
        return f"View({self.parent!r}, n={self.n}{kind})"


class _Normalized(SetFunction):
    """S -> F(S) - F(∅)."""

    def __init__(self, F: SetFunction, empty: float) -> None:
        self.n, self._F, self._empty = F.n, F, empty
        self.monotone, self.symmetric = F.monotone, F.symmetric
        self.integral = F.integral

    def value(self, mask: Array) -> float:
        return self._F.value(_validate.mask(mask, self.n).copy()) - self._empty


def normalize(F: SetFunction) -> SetFunction:
    """Return S -> F(S) - F(∅), which is F itself if F(∅) = 0.

    Parameters
    ----------
    F : SetFunction
        A function of your own whose value at the empty set is not 0.

    Returns
    -------
    SetFunction

    Examples
    --------
    >>> class Shifted(SetFunction):
    ...     n = 2
    ...     def value(self, mask):
    ...         return 5.0 + mask.sum()
    >>> float(normalize(Shifted())([0]))
    1.0
    """
    empty = F.value(np.zeros(F.n, dtype=np.bool_))
    return F if empty == 0 else _Normalized(F, empty)


def terms_of(F: SetFunction) -> tuple[tuple[float, SetFunction], ...]:
    """Return the factors and functions that F is the sum of; F itself if it is no sum."""
    return F.terms if isinstance(F, Sum) else ((1.0, F),)


def combination(n: int, parts: list[tuple[float, SetFunction]]) -> SetFunction:
    """Return the sum of scale * F in normal form: flat, like terms merged, no zero factors."""
    terms: list[tuple[float, SetFunction]] = []
    for scale, F in parts:
        if F.n != n:
            raise ValueError(
                f"A sum needs functions on one ground set, got n = {n} and n = {F.n}. "
                "F.restrict(S) takes a function to the subsets of S."
            )
        for a, G in terms_of(F):
            _collect(terms, scale * a, G)
    if len(terms) == 1 and terms[0][0] == 1:
        return terms[0][1]
    return Sum(n, tuple(terms))


def _collect(terms: list[tuple[float, SetFunction]], scale: float, F: SetFunction) -> None:
    if (closed := F._scaled(scale)) is not None:
        scale, F = 1.0, closed
    for k, (a, G) in enumerate(terms):
        if G is F:
            terms[k] = (a + scale, G)
            return
        if (merged := G._merged(a, F, scale)) is not None:
            terms[k] = (1.0, merged)
            return
    if scale != 0:
        terms.append((scale, F))
