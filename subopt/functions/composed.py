"""The queries of sums, views and differences, answered by the functions that they consist of.

`Sum`, `View` and `DifferenceOfSubmodular` in `subopt.functions.algebra` add the operators. A query
of a sum or of a difference is one query of each part; a view passes its queries on to its parent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions._sparse import shown
from subopt.functions.cut_form import CutForm
from subopt.functions.incremental import Incremental
from subopt.functions.oracle import LONGEST, SHOWN, GainRange, Oracle


@documented_like(Oracle)
class SumOracle(Oracle):
    """The queries of a nonnegative combination of functions on one ground set.

    Parameters
    ----------
    n : int
        Size of the ground set.
    terms : tuple of (float, Oracle)
        Pairs of a factor and a function.
    """

    terms: tuple[tuple[float, Oracle], ...]

    def __init__(self, n: int, terms: tuple[tuple[float, Oracle], ...]) -> None:
        self.n = n
        self.terms = terms
        self.monotone = all(F.monotone for _, F in terms)
        self.symmetric = all(F.symmetric for _, F in terms)
        self.integral = all(F.integral and a.is_integer() for a, F in terms)
        self.cut_representable = all(F.cut_representable for _, F in terms)
        self._tents = max((F._tents for _, F in terms), default=0)
        self._has_levels = bool(terms) and all(F._has_levels and a > 0 for a, F in terms)

    def value(self, mask: Array) -> float:
        """Evaluate the sum at a set, term by term."""
        mask = validate.mask(mask, self.n)
        return float(sum(a * F.value(mask.copy()) for a, F in self.terms))

    def _require_normalized(self) -> None:
        if not all(F._normalized for _, F in self.terms):
            super()._require_normalized()

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element, term by term."""
        result = np.zeros(self.n)
        for a, F in self.terms:
            result += a * F.marginals(mask)
        return result

    def as_cut(self) -> CutForm:
        """Return the union of the graphs of the terms."""
        return CutForm.sum(self.n, [(a, F.as_cut()) for a, F in self.terms])

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        for a, F in self.terms:
            F._sweep(scale * a, order, gains)

    def _state(self, mask: Array) -> Any:
        return [F._state(mask) for _, F in self.terms]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        parts = zip(self.terms, state, strict=True)
        return float(sum(a * F._gain(inner, mask, i) for (a, F), inner in parts))

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        result = np.zeros(len(elements))
        for (a, F), inner in zip(self.terms, state, strict=True):
            result += a * F._gains(inner, mask, elements)
        return result

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        for (_, F), inner in zip(self.terms, state, strict=True):
            F._flip(inner, mask, i, F._gain(inner, mask, i))

    def _levels(self, mask: Array) -> Array:
        return np.concatenate([F._levels(mask) for _, F in self.terms])

    def _above(self, levels: Array) -> tuple[float, Array]:
        constant, weights = 0.0, np.zeros(self.n)
        for a, F, part in self._parts(levels):
            inner = F._above(part)
            constant += a * inner[0]
            weights += a * inner[1]
        return constant, weights

    def _slope(self, levels: Array, elements: Array) -> Array:
        parts = self._parts(levels)
        return np.concatenate([a * F._slope(part, elements) for a, F, part in parts])

    def _parts(self, levels: Array) -> list[tuple[float, Oracle, Array]]:
        none = np.zeros(self.n, dtype=np.bool_)
        ends = np.cumsum([len(F._levels(none)) for _, F in self.terms])
        parts = np.split(levels, ends[:-1])
        return [(a, F, part) for (a, F), part in zip(self.terms, parts, strict=True)]

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

    def _source(self) -> str | None:
        sources = [F._source() for _, F in self.terms]
        if None in sources:
            return None
        return self._expression([str(source) for source in sources])

    def __repr__(self) -> str:
        return self._expression([repr(F) for _, F in self.terms])

    def _expression(self, parts: list[str]) -> str:
        pairs = zip(self.terms, parts, strict=True)
        factors = [part if a == 1 else f"{shown(a)} * {part}" for (a, _), part in pairs]
        return " + ".join(factors) or f"Sum({self.n}, ())"


@documented_like(Oracle)
class ViewOracle(Oracle):
    """The queries of T -> F(before ∪ kept[T]) - F(before), with T complemented if `flipped`.

    Parameters
    ----------
    parent : Oracle
        The function F.
    before : ndarray of intp
        Elements of F that are in every set.
    kept : ndarray of intp, shape (n,)
        Elements of F that are the ground set of the view.
    flipped : bool, default False
        Whether sets are complemented within `kept`.
    """

    def __init__(
        self, parent: Oracle, before: Array, kept: Array, *, flipped: bool = False
    ) -> None:
        self.n = len(kept)
        self.parent, self.before, self.kept, self.flipped = parent, before, kept, flipped
        self.monotone = parent.monotone and not flipped
        self.integral = parent.integral
        self.cut_representable = parent.cut_representable
        self._tents = parent._tents
        self._offset = parent.value(self._lift(np.zeros(self.n, dtype=np.bool_)))
        self._normalized = True

    def value(self, mask: Array) -> float:
        """Evaluate the view at a set."""
        mask = validate.mask(mask, self.n)
        value = self.parent.value(self._lift(mask))
        if self._offset == 0 or self._by_value():
            return value - self._offset
        # a large F(before) takes digits from the difference, large gains from their sum
        gains = np.zeros(self.n)
        self._sweep(1.0, np.flatnonzero(mask), gains)
        if np.abs(gains).sum() < abs(value) + abs(self._offset):
            return float(gains.sum())
        return value - self._offset

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        inner = self.parent.marginals(self._lift(validate.mask(mask, self.n)))[self.kept]
        return -inner if self.flipped else inner

    def as_cut(self) -> CutForm:
        """Return the graph of the parent, with fixed elements merged into the terminals."""
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
        if self.flipped:  # in the parent, order[0] leaves first, so it is added last
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

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        gains = self.parent._gains(state[1], state[0], self.kept[elements])
        return -gains if self.flipped else gains

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        lifted, inner = state
        e = int(self.kept[i])
        self.parent._flip(inner, lifted, e, -gain if self.flipped else gain)
        lifted[e] = not lifted[e]

    def _by_value(self) -> bool:
        return self.parent._by_value()

    def _range(self) -> GainRange:
        low, high, size = super()._range()
        if self._by_value():
            return GainRange(low, high, size + abs(self._offset))
        # what enters a gain of the parent besides the gain enters here as well
        parent = self.parent._range()
        besides = parent.size - np.maximum(np.abs(parent.low), np.abs(parent.high))
        return GainRange(low, high, size + np.maximum(besides[self.kept], 0.0))

    def _source(self) -> str | None:
        parent = self.parent._source()
        return None if parent is None else self._minor_of(parent)

    def _minor_of(self, parent: str) -> str | None:
        """Return an expression for this minor of an expression for the parent."""
        used = np.sort(np.concatenate([self.before, self.kept]))
        if not np.array_equal(np.sort(self.kept), self.kept):
            return None
        if len(used) < self.parent.n:
            parent += f".restrict({used.tolist()})"
        if len(self.before):
            parent += f".contract({np.searchsorted(used, np.sort(self.before)).tolist()})"
        return f"{parent}.complement()" if self.flipped else parent

    def __repr__(self) -> str:
        if self.parent.n <= SHOWN:
            source = self._source() or self._minor_of(repr(self.parent))
            if source is not None and len(source) <= LONGEST:
                return source
        kind = ", flipped=True" if self.flipped else ""
        return f"View({self.parent!r}, n={self.n}{kind})"


@documented_like(Oracle)
class DifferenceOracle:
    """The queries of f - g, for functions f and g on one ground set."""

    f: Oracle
    g: Oracle

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return self.f.n

    @property
    def integral(self) -> bool:
        """True if all values are known to be integers."""
        return self.f.integral and self.g.integral

    def value(self, mask: Array) -> float:
        """Evaluate h at a set.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S: True for its elements.

        Returns
        -------
        float
            f(S) - g(S).

        Raises
        ------
        ValueError
            If the difference is not a finite number.
        """
        mask = validate.mask(mask, self.n)
        value = self.f.value(mask.copy()) - self.g.value(mask.copy())
        return float(validate.finite(self, value))

    def __call__(self, S: Subset) -> float:
        """Evaluate h at a set given as an iterable of its elements or as a boolean mask."""
        return self.value(validate.subset(S, self.n))

    def greedy(self, order: ArrayLike) -> Array:
        """Return the marginal gain of each element when elements are added in a given order.

        Parameters
        ----------
        order : array_like of int, shape (n,)
            A permutation of the elements.

        Returns
        -------
        ndarray of float64, shape (n,)
            The gains of f minus the gains of g, indexed by element. They need not be a base: if h
            is not submodular, they can exceed h at other sets.

        Raises
        ------
        ValueError
            If `order` is not a permutation of 0..n - 1, or a gain is not a finite number.
        """
        gains: Array = validate.finite(self, self.f.greedy(order) - self.g.greedy(order))
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return ``h(S ∪ i) - h(S - i)`` for every element i."""
        mask = validate.mask(mask, self.n)
        gains = self.f.marginals(mask.copy()) - self.g.marginals(mask.copy())
        result: Array = validate.finite(self, gains)
        return result

    def lovasz(self, x: ArrayLike) -> float:
        """Evaluate the Lovász extension, which is a difference of two convex functions."""
        return self.f.lovasz(x) - self.g.lovasz(x)

    def incremental(self, S: Subset = ()) -> Incremental:
        """Return a set that changes by one element at a time and keeps track of its value."""
        return Incremental(self, validate.subset(S, self.n))

    def _by_value(self) -> bool:
        return self.f._by_value() or self.g._by_value()

    # Methods that `Incremental` calls -----------------------------------------------------------

    def _state(self, mask: Array) -> Any:
        return self.f._state(mask), self.g._state(mask)

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return self.f._gain(state[0], mask, i) - self.g._gain(state[1], mask, i)

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        for F, inner in ((self.f, state[0]), (self.g, state[1])):
            F._flip(inner, mask, i, F._gain(inner, mask, i))
