"""Set functions: what a solver asks of them, and their algebra.

The unit of work is the greedy sweep of Edmonds: all n marginal gains along an order of V. It is a
vertex of the base polytope, a subgradient of the Lovász extension and a modular lower bound, and
for most families it costs no more than one value. A subclass needs `n` and `value`; everything
here works from these, and a built-in family replaces `_sweep` by one compiled pass.

The combinations that the operators here make are in `subopt.algebra`, the one module that this
one and that one import from each other, hence late.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt import _validate
from subopt._types import Array, ArrayLike, Subset
from subopt.cut_form import CutForm

if TYPE_CHECKING:
    from subopt.difference import DifferenceOfSubmodular
    from subopt.incremental import Incremental


class GainRange(NamedTuple):
    """What each element may add, and how exact that is."""

    low: Array  # (n,) F(i | V - i), the least gain of a submodular function
    high: Array  # (n,) F(i), the largest
    size: Array  # (n,) of the numbers that a gain is computed from: errors are relative to it


class SetFunction:
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

    _tents: int = 1
    """The most auxiliary nodes that `as_cut` needs for one hyperedge, item, or table."""

    __array_ufunc__ = None  # np.float64(2) * F is ours to do, and an array of functions an error

    def __getattr__(self, name: str) -> Any:  # called for what is missing only
        if name == "n":
            raise AttributeError(
                f"{type(self).__name__} needs an attribute n, the size of the ground set: "
                "set self.n in __init__, or n in the class"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

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

    def incremental(self, S: Subset = ()) -> Incremental:
        """Return a copy of S that changes by one element at a time and keeps track of F(S)."""
        from subopt.incremental import Incremental

        return Incremental(self, _validate.subset(S, self.n))

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
        from subopt.algebra import View

        return View(self, np.zeros(0, dtype=np.intp), np.arange(self.n), flipped=True)

    def __add__(self, other: Any) -> SetFunction:
        if isinstance(other, int | float) and other == 0:
            return self  # so that sum([f, g]) works
        if not isinstance(other, SetFunction):
            return NotImplemented
        from subopt.algebra import combination

        return combination(self.n, [(1.0, self), (1.0, other)])

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
        from subopt.algebra import combination

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

    def _state(self, mask: Array) -> Any:
        """Return what `_gain` needs to be fast at a set and `_flip` keeps up to date."""
        return [self.value(mask.copy())]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        """Return ``F(S ∪ i) - F(S - i)``."""
        other = mask.copy()
        other[i] = not mask[i]
        there = self.value(other)
        return state[0] - there if mask[i] else there - state[0]

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        """Take note that i is about to leave or join the set, for minus or plus `gain`."""
        state[0] += -gain if mask[i] else gain

    def _by_value(self) -> bool:
        """Whether F, or a function that it is made of, is known by its values only."""
        return type(self)._sweep is SetFunction._sweep

    def _range(self) -> GainRange:
        """Return the range of the gain of each element, and the size of what it is made of."""
        none = np.zeros(self.n, dtype=np.bool_)
        high, low = self.marginals(none), self.marginals(~none)
        size = np.maximum(np.abs(low), np.abs(high))
        if self.n and self._by_value():  # every gain is a difference of two values
            size += max(abs(float(self.value(~none))), float(size.max()))
        return GainRange(low, high, size)

    def _minor(self, before: Array, kept: Array) -> SetFunction:
        """Return T -> F(before ∪ kept[T]) - F(before)."""
        if len(kept) == self.n:
            return self
        from subopt.algebra import View

        return View(self, before, kept)

    def _scaled(self, scale: float) -> SetFunction | None:
        """Return scale * F in closed form, of any sign, or None if there is none."""
        return None

    def _merged(self, scale: float, other: SetFunction, other_scale: float) -> SetFunction | None:
        """Return scale * F + other_scale * other in closed form, or None if there is none."""
        return None
