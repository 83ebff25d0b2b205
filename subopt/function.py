"""Set functions: what a solver asks of them, and their algebra.

The unit of work is the greedy sweep of Edmonds: all n marginal gains along an order of V. It is a
vertex of the base polytope, a subgradient of the Lovász extension and a modular lower bound, and
for most families it costs no more than one value. A subclass needs `n` and `value`; everything
here works from these, and a built-in family replaces `_sweep` by one compiled pass.

Sums are kept flat, and any chain of restrictions, contractions and complements is one `View`, so
that a combination is never deeper than a sum of views of families.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt import _validate
from subopt._types import Array, ArrayLike, Subset
from subopt.cut_form import CutForm

if TYPE_CHECKING:
    from subopt.difference import DifferenceOfSubmodular


class SetFunction:
    """A set function F on V = {0, ..., n - 1} with F(∅) = 0.

    Subclass it with an attribute ``n`` and a method ``value``; the rest follows. Solvers take F to
    be submodular, which is not checked: see `subopt.testing.assert_submodular`. For a function
    with F(∅) ≠ 0 see `normalize`.

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
    >>> class Size(SetFunction):
    ...     def __init__(self, n):
    ...         self.n = n
    ...     def value(self, mask):
    ...         return float(min(mask.sum(), 2))
    >>> F = Size(3)
    >>> F([0, 2]), F.greedy([2, 1, 0])
    (2.0, array([0., 1., 1.]))
    """

    n: int
    monotone: bool = False
    symmetric: bool = False
    integral: bool = False
    cut_representable: bool = False

    def value(self, mask: Array) -> float:
        """Evaluate F at a set.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            Which elements are in the set.

        Returns
        -------
        float
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method value(mask) -> float")

    def __call__(self, S: Subset) -> float:
        """Evaluate F at a set given by its elements (any iterable) or a boolean mask."""
        return self.value(_validate.subset(S, self.n))

    def greedy(self, order: ArrayLike) -> Array:
        """Return the marginal gain of each element when V is built up in `order`.

        Parameters
        ----------
        order : array_like of int, shape (n,)
            A permutation of the elements.

        Returns
        -------
        ndarray of float64, shape (n,)
            ``gains[order[k]] = F(order[:k + 1]) - F(order[:k])``, indexed by element: for
            submodular F a vertex of the base polytope B(F).
        """
        order = _validate.order(order, self.n)
        gains = np.zeros(self.n)
        if type(self)._sweep is SetFunction._sweep:
            self._walk(1.0, order, gains)  # not _sweep: that may come back here
        else:
            self._sweep(1.0, order, gains)
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return what each element adds to the others of a set.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S.

        Returns
        -------
        ndarray of float64, shape (n,)
            ``F(S ∪ i) - F(S - i)``: the gain of adding i if it is outside S, the loss of removing
            it if it is inside.
        """
        mask = _validate.mask(mask, self.n)
        here = self.value(mask.copy())
        result = np.empty(self.n)
        for i in range(self.n):
            other = mask.copy()
            other[i] = not mask[i]
            there = self.value(other)
            result[i] = here - there if mask[i] else there - here
        return result

    def lovasz(self, x: ArrayLike) -> float:
        """Evaluate the Lovász extension, convex iff F is submodular.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            Any finite point of R^n.

        Returns
        -------
        float
            ``x @ greedy(order)`` with elements by descending x; F(S) at the indicator of S.
        """
        x = _validate.real_array("x", x, copy=False)
        if x.shape != (self.n,):
            raise ValueError(f"x needs one number per element, shape ({self.n},), got {x.shape}")
        return float(x @ self.greedy(np.argsort(-x, kind="stable")))

    def as_cut(self) -> CutForm:
        """Return F as the cut function of a graph, for solvers that use maximum flow."""
        raise TypeError(
            f"{type(self).__name__} is not known to be a cut function. Modular, Cut, "
            "HypergraphCut, Coverage, Cardinality and their nonnegative sums, restrictions, "
            "contractions and complements are."
        )

    # The algebra -------------------------------------------------------------------------------

    def restrict(self, S: Subset) -> SetFunction:
        """Return F on the subsets of S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The new ground set; its k-th smallest element becomes element k.
        """
        mask = _validate.subset(S, self.n)
        return self._minor(np.zeros(0, dtype=np.intp), np.flatnonzero(mask))

    def contract(self, S: Subset) -> SetFunction:
        """Return T -> F(S ∪ T) - F(S) on the elements outside S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            The elements that are in; the k-th smallest element outside S becomes element k.
        """
        mask = _validate.subset(S, self.n)
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
        return _combination(self.n, [(1.0, self), (1.0, other)])

    __radd__ = __add__

    def __mul__(self, scale: Any) -> SetFunction:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        scale = float(scale)
        if not np.isfinite(scale) or (scale < 0 and self._scaled(scale) is None):
            raise ValueError(
                f"A multiple of a submodular function needs a finite factor >= 0, got {scale}. "
                "For a difference write f - g, which is a DifferenceOfSubmodular."
            )
        return _combination(self.n, [(scale, self)])

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
        from subopt.difference import DifferenceOfSubmodular

        return DifferenceOfSubmodular(self, other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n={self.n})"

    # What families replace ---------------------------------------------------------------------

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        """Add ``scale * (F(S_{k+1}) - F(S_k))`` to ``gains[order[k]]``.

        `order` holds distinct elements, intp and contiguous, and need not hold all of them.
        """
        if type(self).greedy is SetFunction.greedy:
            self._walk(scale, order, gains)
        else:  # the user wrote a greedy of their own: the rest of V after `order` changes nothing
            rest = np.ones(self.n, dtype=np.bool_)
            rest[order] = False
            full = np.concatenate([order, np.flatnonzero(rest)])
            gains[order] += scale * self.greedy(full)[order]

    def _walk(self, scale: float, order: Array, gains: Array) -> None:
        mask = np.zeros(self.n, dtype=np.bool_)
        before = 0.0
        if order.size and (empty := self.value(mask.copy())) != 0:
            raise ValueError(
                f"{type(self).__name__} needs F(∅) = 0, but value of the empty set is {empty}. "
                "normalize(F) subtracts it."
            )
        for i in order:
            mask[i] = True
            after = self.value(mask.copy())  # a copy: `value` may keep or change what it gets
            gains[i] += scale * (after - before)
            before = after

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
        return _combination(self.n, [(a, F.complement()) for a, F in self.terms])

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        for a, F in self.terms:
            F._sweep(scale * a, order, gains)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        return _combination(len(kept), [(a, F._minor(before, kept)) for a, F in self.terms])

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
    """
    empty = F.value(np.zeros(F.n, dtype=np.bool_))
    return F if empty == 0 else _Normalized(F, empty)


def _combination(n: int, parts: list[tuple[float, SetFunction]]) -> SetFunction:
    """Return the sum of scale * F in normal form: flat, like terms merged, no zero factors."""
    terms: list[tuple[float, SetFunction]] = []
    for scale, F in parts:
        if F.n != n:
            raise ValueError(
                f"A sum needs functions on one ground set, got n = {n} and n = {F.n}. "
                "F.restrict(S) takes a function to the subsets of S."
            )
        for a, G in F.terms if isinstance(F, Sum) else ((1.0, F),):
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
