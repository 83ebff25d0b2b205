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
from subopt._base.types import Array, Subset
from subopt.functions.composed import DifferenceOracle, SumOracle, ViewOracle
from subopt.functions.oracle import Oracle


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

        Raises
        ------
        ValueError, TypeError
            If S is not a mask of n booleans, nor a list of elements in 0..n - 1.
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

        Raises
        ------
        ValueError, TypeError
            If S is not a mask of n booleans, nor a list of elements in 0..n - 1.
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
class Sum(SumOracle, SetFunction):
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

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the sum of the complements of the terms."""
        return combination(self.n, [(a, F.complement()) for a, F in self.terms])

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        return combination(len(kept), [(a, F._minor(before, kept)) for a, F in self.terms])


@documented_like(SetFunction)
class View(ViewOracle, SetFunction):
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

    parent: SetFunction

    def complement(self) -> SetFunction:
        """Return S -> F(V - S) - F(V): the same view, flipped."""
        if self.flipped:
            return self.parent._minor(self.before, self.kept)
        return View(self.parent, self.before, self.kept, flipped=True)

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


@documented_like(SetFunction)
@dataclass(frozen=True, eq=False)
class DifferenceOfSubmodular(DifferenceOracle):
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

        Raises
        ------
        ValueError, TypeError
            If S is not a mask of n booleans, nor a list of elements in 0..n - 1.
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

        Raises
        ------
        ValueError, TypeError
            If S is not a mask of n booleans, nor a list of elements in 0..n - 1.
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
                "F.restrict(S) takes a function to the subsets of S; many families take n, e.g. "
                f"Polynomial(terms, n={max(n, F.n)})."
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


def require_difference(h: DifferenceOfSubmodular) -> None:
    """Raise unless h is a `DifferenceOfSubmodular` with h(∅) = 0."""
    if not isinstance(h, DifferenceOfSubmodular):
        raise TypeError(
            f"A DifferenceOfSubmodular is needed, got {type(h).__name__}. Write f - g, or for a "
            "submodular function call minimize, which is exact."
        )
    require_set_function(h.f)
    require_set_function(h.g)
