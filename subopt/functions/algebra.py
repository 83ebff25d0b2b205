"""The algebra of set functions: sums, multiples, differences, restrictions, contractions.

Combinations are kept in normal form. Sums are flat and like terms are merged. A chain of
restrictions, contractions and complements is a single `View`. A combination is therefore at most a
sum of views of built-in families. A difference f - g stores f and g separately, because solvers
bound each of them on its own.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions._sparse import shown
from subopt.functions.cut_form import CutForm
from subopt.functions.incremental import Incremental
from subopt.functions.oracle import LONGEST, SHOWN, GainRange, Oracle


class SetFunction(Oracle):
    """A set function F on V = {0, ..., n - 1} with F(∅) = 0.

    To define a function, derive from this class, set the attribute ``n`` and write the method
    ``value``. All other methods are computed from these two. Solvers assume that F is submodular.
    `minimize` tests this at a few sets, `subopt.testing.assert_submodular` at many. If F(∅) ≠ 0,
    use `normalize`.

    Attributes
    ----------
    n : int
        Size of the ground set.
    monotone : bool
        True if F(S) ≤ F(T) for all S ⊆ T. For this and the next three attributes, False means "not
        known". A subclass may set them; solvers rely on them.
    symmetric : bool
        True if F(S) = F(V - S) for all S.
    integral : bool
        True if all values are integers.
    cut_representable : bool
        True if `as_cut` is available: F is a cut function of a graph, possibly after minimizing
        over auxiliary nodes.

    Examples
    --------
    >>> class Size(SetFunction):
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

        Returns
        -------
        SetFunction
            T -> F(T) on ``|S|`` elements. Submodular if F is.
        """
        mask = validate.subset(S, self.n)
        return self._minor(np.zeros(0, dtype=np.intp), np.flatnonzero(mask))

    def contract(self, S: Subset) -> SetFunction:
        """Return T -> F(S ∪ T) - F(S) on the elements outside S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The elements that are always included. The k-th smallest element outside S becomes
            element k.

        Returns
        -------
        SetFunction
            The contraction, on ``n - |S|`` elements. Submodular if F is.
        """
        mask = validate.subset(S, self.n)
        return self._minor(np.flatnonzero(mask), np.flatnonzero(~mask))

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V).

        Returns
        -------
        SetFunction
            The function of the complements, shifted to be 0 at the empty set. Submodular if F is.
        """
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

    # Methods that families override ------------------------------------------------------------

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


@documented_like(SetFunction)
class Sum(SetFunction):
    """A nonnegative combination of set functions, as made by ``2 * f + g``.

    A sweep, `value` and `marginals` cost as much as those of all terms together.

    Parameters
    ----------
    n : int
        Size of the ground set.
    terms : tuple of (float, SetFunction)
        Pairs of a nonnegative factor and a function on n elements; also an attribute. Operators
        flatten sums of sums, so that no function is a `Sum` itself.

    Examples
    --------
    >>> F = 2 * Cut([[0, 1], [1, 0]]) + Modular([-3, 1])
    >>> [(a, type(f).__name__) for a, f in F.terms], F([0])
    ([(2.0, 'Cut'), (1.0, 'Modular')], -1.0)
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
        """Evaluate the sum at a set, term by term."""
        mask = validate.mask(mask, self.n)
        return float(sum(a * F.value(mask.copy()) for a, F in self.terms))

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element, term by term."""
        result = np.zeros(self.n)
        for a, F in self.terms:
            result += a * F.marginals(mask)
        return result

    def as_cut(self) -> CutForm:
        """Return the union of the graphs of the terms."""
        return CutForm.sum(self.n, [(a, F.as_cut()) for a, F in self.terms])

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the sum of the complements of the terms."""
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


@documented_like(SetFunction)
class View(SetFunction):
    """A restriction, contraction or complement of a function, or a chain of these.

    Element k of the view is element ``kept[k]`` of the parent F. The view is the function
    T -> F(before ∪ kept[T]) - F(before), or, if ``flipped``,
    T -> F(before ∪ kept[V - T]) - F(before ∪ kept). Nothing is copied. A sweep is one sweep of the
    parent along `before` and then `kept`; `value` and `marginals` cost as much as those of the
    parent. `SetFunction.restrict`, `contract` and `complement` create views. All parameters are
    also attributes.

    Parameters
    ----------
    parent : SetFunction
        The function F.
    before : ndarray of intp
        Elements of F that are in every set.
    kept : ndarray of intp, shape (n,)
        Elements of F that are the ground set of the view. Elements in neither array are in no set.
    flipped : bool, default False
        Whether sets are complemented within `kept`.
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
        """Return the marginal gain of each element with respect to the others of a set."""
        inner = self.parent.marginals(self._lift(validate.mask(mask, self.n)))[self.kept]
        return -inner if self.flipped else inner

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the same view, flipped."""
        if self.flipped:
            return self.parent._minor(self.before, self.kept)
        return View(self.parent, self.before, self.kept, flipped=True)

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
        return GainRange(low, high, size + abs(self._offset) if self._by_value() else size)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        if len(kept) == self.n:
            return self
        inside = before
        if self.flipped:  # elements outside a flipped view are inside the set of the parent
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
        source = self._source() if self.n and self.parent.n <= SHOWN else None
        if source is not None and len(source) <= LONGEST:
            return source
        kind = ", flipped" if self.flipped else ""
        return f"View({self.parent!r}, n={self.n}{kind})"


@documented_like(SetFunction)
@dataclass(frozen=True, eq=False)
class DifferenceOfSubmodular:
    """The set function h = f - g of two submodular functions.

    Sums of differences and multiples by factors of any sign are differences again; a negative
    factor swaps f and g. Every query costs as much as the same query of f and of g.

    Parameters
    ----------
    f, g : SetFunction
        Submodular functions on the same ground set.
    estimated : bool, default False
        Whether the submodularity of f or g is only an estimate, as after `decompose` from samples.
        If so, no solver claims a lower bound that depends on it.

    Raises
    ------
    TypeError
        If f or g is not a `SetFunction`.
    ValueError
        If f and g have ground sets of different sizes.

    Examples
    --------
    >>> h = Cardinality([0, 1, 1]) - Cardinality([0, 2, 3])
    >>> h([0]), h([0, 1]), (-2 * h)([0])
    (-1.0, -2.0, 2.0)
    """

    f: SetFunction
    g: SetFunction
    estimated: bool = field(default=False, kw_only=True)

    __array_ufunc__ = None  # np.float64(2) * h calls __rmul__; arrays of differences raise an error

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

    def __repr__(self) -> str:
        f, g = repr(self.f), repr(self.g)
        if self.estimated or self.g._scaled(-1.0) is not None:  # f - g would be something else
            mark = ", estimated=True" if self.estimated else ""
            return f"DifferenceOfSubmodular({f}, {g}{mark})"
        return f"{f} - ({g})" if " + " in g else f"{f} - {g}"

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

    # The algebra --------------------------------------------------------------------------------

    def restrict(self, S: Subset) -> DifferenceOfSubmodular:
        """Return h on the subsets of S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The new ground set; its k-th smallest element becomes element k.

        Returns
        -------
        DifferenceOfSubmodular
            T -> h(T) on ``|S|`` elements.
        """
        mask = validate.subset(S, self.n)
        return self._like(self.f.restrict(mask), self.g.restrict(mask))

    def contract(self, S: Subset) -> DifferenceOfSubmodular:
        """Return T -> h(S ∪ T) - h(S) on the elements outside S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The elements that are always included. The k-th smallest element outside S becomes
            element k.

        Returns
        -------
        DifferenceOfSubmodular
            The contraction, on ``n - |S|`` elements.
        """
        mask = validate.subset(S, self.n)
        return self._like(self.f.contract(mask), self.g.contract(mask))

    def complement(self) -> DifferenceOfSubmodular:
        """Return S -> h(V - S) - h(V).

        Returns
        -------
        DifferenceOfSubmodular
            The function of the complements, shifted to be 0 at the empty set.
        """
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

    # Methods that `Incremental` calls -----------------------------------------------------------

    def _state(self, mask: Array) -> Any:
        return self.f._state(mask), self.g._state(mask)

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        return self.f._gain(state[0], mask, i) - self.g._gain(state[1], mask, i)

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        for F, inner in ((self.f, state[0]), (self.g, state[1])):
            F._flip(inner, mask, i, F._gain(inner, mask, i))


def terms_of(F: SetFunction) -> tuple[tuple[float, SetFunction], ...]:
    """Return the terms of a sum as (factor, function); F with factor 1 if F is not a sum."""
    return F.terms if isinstance(F, Sum) else ((1.0, F),)


def combination(n: int, parts: list[tuple[float, SetFunction]]) -> SetFunction:
    """Return the sum of scale * F: flattened, with like terms merged and zero factors left out."""
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
