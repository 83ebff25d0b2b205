"""The algebra of set functions, in normal form: sums, multiples, differences, minors.

Sums are kept flat, like terms are merged, and any chain of restrictions, contractions and
complements is one `View`, so that a combination is never deeper than a sum of views of families.
f - g keeps its two parts apart, because everything that is known about it comes from bounds of one
of them.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions.cut_form import CutForm
from subopt.functions.oracle import LONGEST, SHOWN, GainRange, Incremental, Oracle


class SetFunction(Oracle):
    """A set function F on V = {0, ..., n - 1} with F(∅) = 0.

    Subclass it with an attribute ``n`` and a method ``value``; the rest follows. Solvers take F to
    be submodular: `minimize` looks at a few sets, `subopt.testing.assert_submodular` at many. For a
    function with F(∅) ≠ 0 see `normalize`.

    Attributes
    ----------
    n : int
        Size of the ground set.
    monotone : bool
        Whether F(S) ≤ F(T) is known for all S ⊆ T. For this and the next three, True is a promise
        and False means "not known"; a subclass may set them.
    symmetric : bool
        Whether F(S) = F(V - S) is known.
    integral : bool
        Whether all values are known to be integers.
    cut_representable : bool
        Whether `as_cut` works: F is a cut of a graph, perhaps with auxiliary nodes minimized out.

    Examples
    --------
    >>> class Size(Oracle):
    ...     def __init__(self, n):
    ...         self.n = n
    ...     def value(self, mask):
    ...         return float(min(mask.sum(), 2))
    >>> F = Size(3)
    >>> F([0, 2]), F.greedy([2, 1, 0])
    (2.0, array([0., 1., 1.]))
    """

    # The algebra -------------------------------------------------------------------------------

    def restrict(self, S: Subset) -> SetFunction:
        """Return F on the subsets of S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The new ground set; its k-th smallest element becomes element k.
        """
        mask = validate.subset(S, self.n)
        return self._minor(np.zeros(0, dtype=np.intp), np.flatnonzero(mask))

    def contract(self, S: Subset) -> SetFunction:
        """Return T -> F(S ∪ T) - F(S) on the elements outside S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The elements that are in; the k-th smallest element outside S becomes element k.
        """
        mask = validate.subset(S, self.n)
        return self._minor(np.flatnonzero(mask), np.flatnonzero(~mask))

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V)."""
        if self.symmetric:
            return self
        return View(self, np.zeros(0, dtype=np.intp), np.arange(self.n), flipped=True)

    def __add__(self, other: Any) -> SetFunction:
        if isinstance(other, int | float) and other == 0:
            return self  # so that sum([f, g]) works
        if not isinstance(other, SetFunction):
            return NotImplemented
        return combination(self.n, [(1.0, self), (1.0, other)])

    __radd__ = __add__

    def __mul__(self, scale: Any) -> SetFunction:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        scale = float(scale)
        if not np.isfinite(scale) or (scale < 0 and self._scaled(scale) is None):
            raise ValueError(
                f"A multiple of a submodular function needs a finite factor >= 0, got {scale}. "
                "For a difference write f - g, which is a DifferenceOfSubmodular. To maximize F, "
                "which is NP-hard in general, minimize Modular(np.zeros(F.n)) - F."
            )
        return combination(self.n, [(scale, self)])

    __rmul__ = __mul__

    def __truediv__(self, scale: Any) -> SetFunction:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        if scale == 0:
            raise ZeroDivisionError("A set function cannot be divided by 0")
        return self * (1.0 / float(scale))

    def __neg__(self) -> SetFunction:
        return self * -1.0

    def __sub__(self, other: Any) -> SetFunction | DifferenceOfSubmodular:
        if not isinstance(other, SetFunction):
            return NotImplemented
        if (negative := other._scaled(-1.0)) is not None:
            return self + negative
        return DifferenceOfSubmodular(self, other)

    # What families replace ---------------------------------------------------------------------

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        """Return T -> F(before ∪ kept[T]) - F(before)."""
        if len(kept) == self.n:
            return self
        return View(self, before, kept)

    def _scaled(self, scale: float) -> SetFunction | None:
        """Return scale * F in closed form, of any sign, or None if there is none."""
        return None

    def _merged(self, scale: float, other: SetFunction, other_scale: float) -> SetFunction | None:
        """Return scale * F + other_scale * other in closed form, or None if there is none."""
        return None


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
        self._has_levels = bool(terms) and all(F._has_levels and a > 0 for a, F in terms)

    def value(self, mask: Array) -> float:
        """Evaluate the sum at a set."""
        mask = validate.mask(mask, self.n)
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

    def _parts(self, levels: Array) -> list[tuple[float, SetFunction, Array]]:
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

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        return combination(len(kept), [(a, F._minor(before, kept)) for a, F in self.terms])

    def __repr__(self) -> str:
        parts = [repr(F) if a == 1 else f"{a:.17g} * {F!r}" for a, F in self.terms]
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
        lifted = self._lift(validate.mask(mask, self.n))
        return self.parent.value(lifted) - self._offset

    def marginals(self, mask: Array) -> Array:
        """Return what each element adds to the others of a set."""
        inner = self.parent.marginals(self._lift(validate.mask(mask, self.n)))[self.kept]
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

    def _source(self) -> str | None:
        parent = self.parent._source()
        if parent is None:
            return None
        used = np.sort(np.concatenate([self.before, self.kept]))
        if not np.array_equal(np.sort(self.kept), self.kept):
            return None
        if len(used) < self.parent.n:
            parent += f".restrict({used.tolist()})"
        if len(self.before):
            parent += f".contract({np.searchsorted(used, np.sort(self.before)).tolist()})"
        return f"{parent}.complement()" if self.flipped else parent

    def __repr__(self) -> str:
        source = self._source() if self.parent.n <= SHOWN else None
        if source is not None and len(source) <= LONGEST:
            return source
        kind = ", flipped" if self.flipped else ""
        return f"View({self.parent!r}, n={self.n}{kind})"


@dataclass(frozen=True, eq=False)
class DifferenceOfSubmodular:
    """The set function h = f - g of two submodular functions.

    Closed under sums and under factors of any sign: a negative one swaps f and g.

    Parameters
    ----------
    f, g : SetFunction
        Submodular functions on the same ground set.
    estimated : bool, default False
        Whether submodularity of f or g is an estimate, as after `decompose` from samples. Then no
        solver claims a lower bound that rests on it.

    Examples
    --------
    >>> h = Cardinality([0, 1, 1]) - Cardinality([0, 2, 3])
    >>> h([0]), h([0, 1]), (-2 * h)([0])
    (-1.0, -2.0, 2.0)
    """

    f: SetFunction
    g: SetFunction
    estimated: bool = field(default=False, kw_only=True)

    __array_ufunc__ = None  # np.float64(2) * h is ours to do, and an array of differences an error

    def __post_init__(self) -> None:
        for name, F in (("f", self.f), ("g", self.g)):
            if not isinstance(F, SetFunction):
                raise TypeError(
                    f"A difference needs two SetFunctions, but {name} is {type(F).__name__}. Wrap "
                    "a callable of a boolean mask: Function(n, value)."
                )
        if self.f.n != self.g.n:
            raise ValueError(
                f"A difference needs functions on one ground set, got n = {self.f.n} and "
                f"n = {self.g.n}"
            )

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return self.f.n

    @property
    def integral(self) -> bool:
        """Whether all values are known to be integers."""
        return self.f.integral and self.g.integral

    def value(self, mask: Array) -> float:
        """Evaluate f - g at a set given by its boolean mask (n,)."""
        mask = validate.mask(mask, self.n)
        value = self.f.value(mask.copy()) - self.g.value(mask.copy())
        return float(validate.finite(self, value))

    def __call__(self, S: Subset) -> float:
        """Evaluate f - g at a set given by its elements or a boolean mask."""
        return self.value(validate.subset(S, self.n))

    def greedy(self, order: ArrayLike) -> Array:
        """Return the gain of each element when V is built up in `order`; see `SetFunction`.

        The values along the order are exact. It is no base: h has none.
        """
        gains: Array = validate.finite(self, self.f.greedy(order) - self.g.greedy(order))
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return ``h(S ∪ i) - h(S - i)`` for every i."""
        mask = validate.mask(mask, self.n)
        gains = self.f.marginals(mask.copy()) - self.g.marginals(mask.copy())
        result: Array = validate.finite(self, gains)
        return result

    def lovasz(self, x: ArrayLike) -> float:
        """Evaluate the Lovász extension, the difference of two convex functions."""
        return self.f.lovasz(x) - self.g.lovasz(x)

    def incremental(self, S: Subset = ()) -> Incremental:
        """Return a copy of S that changes by one element at a time and keeps track of h(S)."""
        return Incremental(self, validate.subset(S, self.n))

    # The algebra --------------------------------------------------------------------------------

    def restrict(self, S: Subset) -> DifferenceOfSubmodular:
        """Return h on the subsets of S; see `SetFunction.restrict`."""
        mask = validate.subset(S, self.n)
        return self._like(self.f.restrict(mask), self.g.restrict(mask))

    def contract(self, S: Subset) -> DifferenceOfSubmodular:
        """Return T -> h(S ∪ T) - h(S) on the elements outside S; see `SetFunction.contract`."""
        mask = validate.subset(S, self.n)
        return self._like(self.f.contract(mask), self.g.contract(mask))

    def complement(self) -> DifferenceOfSubmodular:
        """Return S -> h(V - S) - h(V)."""
        return self._like(self.f.complement(), self.g.complement())

    def __add__(self, other: Any) -> DifferenceOfSubmodular:
        if isinstance(other, int | float) and other == 0:
            return self  # so that sum([h, k]) works
        if isinstance(other, DifferenceOfSubmodular):
            return self._like(self.f + other.f, self.g + other.g, other.estimated)
        if isinstance(other, SetFunction):
            return self._like(self.f + other, self.g)
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> DifferenceOfSubmodular:
        if isinstance(other, DifferenceOfSubmodular):
            return self._like(self.f + other.g, self.g + other.f, other.estimated)
        if isinstance(other, SetFunction):
            return self._like(self.f, self.g + other)
        return NotImplemented

    def __rsub__(self, other: Any) -> DifferenceOfSubmodular:
        return -self + other

    def __mul__(self, scale: Any) -> DifferenceOfSubmodular:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        scale = float(scale)
        f, g = (self.f, self.g) if not scale < 0 else (self.g, self.f)
        return self._like(abs(scale) * f, abs(scale) * g)

    __rmul__ = __mul__

    def __truediv__(self, scale: Any) -> DifferenceOfSubmodular:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        if scale == 0:
            raise ZeroDivisionError("A set function cannot be divided by 0")
        return self * (1.0 / float(scale))

    def __neg__(self) -> DifferenceOfSubmodular:
        return self._like(self.g, self.f)

    def _minor(self, before: Array, kept: Array) -> DifferenceOfSubmodular:
        return self._like(self.f._minor(before, kept), self.g._minor(before, kept))

    def _like(
        self, f: SetFunction, g: SetFunction, estimated: bool = False
    ) -> DifferenceOfSubmodular:
        return DifferenceOfSubmodular(f, g, estimated=self.estimated or estimated)

    def _by_value(self) -> bool:
        return self.f._by_value() or self.g._by_value()

    # What `Incremental` asks for ----------------------------------------------------------------

    def _state(self, mask: Array) -> Any:
        return self.f._state(mask), self.g._state(mask)

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return self.f._gain(state[0], mask, i) - self.g._gain(state[1], mask, i)

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        for F, inner in ((self.f, state[0]), (self.g, state[1])):
            F._flip(inner, mask, i, F._gain(inner, mask, i))


class _Normalized(SetFunction):
    """S -> F(S) - F(∅)."""

    def __init__(self, F: SetFunction, empty: float) -> None:
        self.n, self._F, self._empty = F.n, F, empty
        self.monotone, self.symmetric = F.monotone, F.symmetric
        self.integral = F.integral

    def value(self, mask: Array) -> float:
        return self._F.value(validate.mask(mask, self.n).copy()) - self._empty


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


def require_set_function(F: Any) -> None:
    """Raise unless F is a `SetFunction` with F(∅) = 0."""
    if not isinstance(F, SetFunction):
        way = (
            "A DifferenceOfSubmodular is not submodular, and its minimum has no certificate."
            if type(F).__name__ == "DifferenceOfSubmodular"
            else "Wrap a callable of a boolean mask: Function(n, value)."
        )
        raise TypeError(f"A SetFunction is needed, got {type(F).__name__}. {way}")
    validate.natural(f"n of {type(F).__name__}", F.n)
    F._require_normalized()
