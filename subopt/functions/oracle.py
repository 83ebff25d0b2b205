"""The oracle of a set function: values, gains along an order, marginals, single changes.

The unit of work is the greedy sweep of Edmonds: the n marginal gains along an order of V. For a
submodular function they are a vertex of the base polytope, a subgradient of the Lovász extension
and a modular lower bound. For most families a sweep costs no more than one value. A subclass needs
only `n` and `value`, from which all other queries are computed; a built-in family overrides
`_sweep` by one compiled pass.

The kernels `_sweep` and `_gains` of families have these arguments:

    f : NamedTuple
        The arrays of the function, described at its class.
    scale : float
        Factor of the function, for sums that add up gains without temporary arrays.
    order : (m,) intp
        Elements in the order in which they are added to ∅; not necessarily all n.
    gains : (n,) float64
        ``gains[order[k]]`` is increased by ``scale`` times the gain of the k-th element.
    mask : (n,) bool
        The set S.
    elements : (k,) intp
        The elements i whose gain ``F(S ∪ i) - F(S - i)`` is asked for.
    result : (k,) float64
        Receives these gains.

Between `f` and these, some take the state of S that `_state` returns, or how to evaluate phi.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.options import options_named
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions.cut_form import CutForm
from subopt.functions.incremental import Incremental
from subopt.functions.returned import gains_of, value_of

SHOWN = 8
"""Largest n for which ``repr`` is an expression that rebuilds the function."""
LONGEST = 2000
"""Largest number of characters of such an expression."""


class GainRange(NamedTuple):
    """Bounds of the marginal gain of each element, and the magnitude that rounding scales with."""

    low: Array  # (n,) F(V) - F(V - i): the smallest gain of i if F is submodular
    high: Array  # (n,) F(i): the largest gain of i if F is submodular
    size: Array  # (n,) magnitude of the numbers that a gain is computed from


class Oracle:
    """The queries of a set function F on V = {0, ..., n - 1} with F(∅) = 0.

    `SetFunction` adds sums, multiples and minors; it is the class that users derive from.
    """

    n: int
    monotone: bool = False
    symmetric: bool = False
    integral: bool = False
    cut_representable: bool = False

    _normalized: bool = False
    """Whether F(∅) is known to be 0."""
    _tents: int = 1
    """Largest number of auxiliary nodes that `as_cut` needs for one hyperedge, item or table."""

    __array_ufunc__ = None  # np.float64(2) * F calls __rmul__; arrays of functions raise an error

    def __init_subclass__(cls, **options: Any) -> None:
        """Make the methods of a user's class return float64; see `returned`."""
        super().__init_subclass__(**options)
        if cls.__module__.partition(".")[0] == "subopt":
            if "__init__" in vars(cls):
                cls.__init__ = options_named(cls.__init__)  # type: ignore[method-assign]
            return
        cls._normalized = False
        for name, checked in (
            ("value", value_of),
            ("greedy", gains_of),
            ("marginals", gains_of),
        ):
            owner = next(base for base in cls.__mro__ if name in vars(base))
            own = vars(owner)[name]
            if (owner is cls or not issubclass(owner, Oracle)) and inspect.isfunction(own):
                setattr(cls, name, checked(own))

    def __getattr__(self, name: str) -> Any:  # called only if the attribute is missing
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
            The set S: True for its elements.

        Returns
        -------
        float
            F(S).

        Raises
        ------
        TypeError, ValueError
            If `mask` does not have one entry per element, each a boolean, 0 or 1.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method value(mask) -> float")

    def __call__(self, S: Subset) -> float:
        """Evaluate F at a set given as an iterable of its elements or as a boolean mask."""
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
            The gains, indexed by element: ``gains[order[k]]`` is
            ``F(order[:k + 1]) - F(order[:k])``. For submodular F they are a vertex of the base
            polytope B(F).

        Raises
        ------
        ValueError
            If `order` is not a permutation of 0..n - 1.
        """
        order = validate.order(order, self.n)
        gains = np.zeros(self.n)
        if type(self)._sweep is Oracle._sweep:
            self._walk(1.0, order, gains)  # not _sweep: that may come back here
        else:
            self._sweep(1.0, order, gains)
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S: True for its elements.

        Returns
        -------
        ndarray of float64, shape (n,)
            Entry i is ``F(S ∪ i) - F(S - i)``: how much F grows when i joins S, or how much it
            falls when i leaves S.

        Raises
        ------
        TypeError, ValueError
            If `mask` does not have one entry per element, each a boolean, 0 or 1.
        """
        mask = validate.mask(mask, self.n)
        known = not mask.any() and self._normalized
        here = 0.0 if known else self.value(mask.copy())
        result = np.empty(self.n)
        for i in range(self.n):
            other = mask.copy()
            other[i] = not mask[i]
            there = self.value(other)
            result[i] = here - there if mask[i] else there - here
        return result

    def lovasz(self, x: ArrayLike) -> float:
        """Evaluate the Lovász extension, which is convex if and only if F is submodular.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            Any finite point of R^n.

        Returns
        -------
        float
            ``x @ greedy(order)`` for the elements in order of descending x. At the indicator
            vector of S it is F(S).

        Raises
        ------
        ValueError
            If x has another shape or an entry that is not finite, or the value is not.
        """
        x = validate.real_array("x", x, copy=False)
        if x.shape != (self.n,):
            raise ValueError(f"x needs one number per element, shape ({self.n},), got {x.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(x @ self.greedy(np.argsort(-x, kind="stable")))
        if not np.isfinite(value):
            raise ValueError(
                f"x needs smaller numbers: the value is not finite in float64, it is {value}"
            )
        return value

    def as_cut(self) -> CutForm:
        """Return F as the cut function of a graph, for solvers that use maximum flow.

        Returns
        -------
        CutForm
            A graph on the elements and auxiliary nodes. F(S) is the smallest cut that separates S
            from the other elements.

        Raises
        ------
        TypeError
            If no such graph is known for F; see the attribute `cut_representable`.
        """
        raise TypeError(
            f"{type(self).__name__} is not known to be a cut function. Modular, Cut, "
            "HypergraphCut, Coverage, Cardinality and their nonnegative sums, restrictions, "
            "contractions and complements are."
        )

    def incremental(self, S: Subset = ()) -> Incremental:
        """Return a set that changes by one element at a time and keeps track of its value.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int, default ()
            The set to begin with; it is copied.

        Returns
        -------
        Incremental
            S and F(S), with methods `add`, `remove` and `gain`.

        Raises
        ------
        ValueError, TypeError
            If S is not a mask of n booleans, nor a list of elements in 0..n - 1.
        """
        return Incremental(self, validate.subset(S, self.n))

    def __repr__(self) -> str:
        source = self._source() if self.n <= SHOWN else None
        if source is None or len(source) > LONGEST:
            return f"{type(self).__name__}(n={self.n})"
        return source

    def _source(self) -> str | None:
        """Return an expression that rebuilds F, or None if there is none."""
        return None

    # Methods that families override ------------------------------------------------------------

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        """Add ``scale * (F(S_{k+1}) - F(S_k))`` to ``gains[order[k]]``.

        `order` is a contiguous intp array of distinct elements, not necessarily all of them.
        """
        if type(self).greedy is Oracle.greedy:
            self._walk(scale, order, gains)
        else:  # a subclass overrides greedy: elements after `order` do not change its gains
            rest = np.ones(self.n, dtype=np.bool_)
            rest[order] = False
            full = np.concatenate([order, np.flatnonzero(rest)])
            gains[order] += scale * self.greedy(full)[order]

    def _walk(self, scale: float, order: Array, gains: Array) -> None:
        mask = np.zeros(self.n, dtype=np.bool_)
        before = 0.0
        if order.size:
            self._require_normalized()
        for i in order:
            mask[i] = True
            after = self.value(mask.copy())  # a copy: a user's `value` may keep or modify it
            gains[i] += scale * (after - before)
            before = after

    def _require_normalized(self) -> None:
        """Raise unless F(∅) = 0. F(∅) is evaluated only the first time."""
        if self._normalized:
            return
        if (empty := self.value(np.zeros(self.n, dtype=np.bool_))) != 0:
            raise ValueError(
                f"F(∅) needs to be 0, but {self!r} has the value {empty:g} there. normalize(F) "
                "subtracts it."
            )
        self._normalized = True

    def _state(self, mask: Array) -> Any:
        """Return the state of a set that makes `_gain` fast; `_flip` updates it."""
        return [self.value(mask.copy())]

    def _gain(self, state: Any, mask: Array, i: int) -> float:
        """Return ``F(S ∪ i) - F(S - i)``."""
        other = mask.copy()
        other[i] = not mask[i]
        there = self.value(other)
        return state[0] - there if mask[i] else there - state[0]

    def _gains(self, state: Any, mask: Array, elements: Array) -> Array:
        """Return what `_gain` does for each of some elements, an intp array."""
        cls = type(self)
        if cls._gain is Oracle._gain and cls.marginals is not Oracle.marginals:
            return self.marginals(mask.copy())[elements]
        return np.array([self._gain(state, mask, int(i)) for i in elements], dtype=np.float64)

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None:
        """Update the state before i leaves the set or joins it, given ``F(S ∪ i) - F(S - i)``."""
        state[0] += -gain if mask[i] else gain

    # Modular functions above F, one for each vector of levels ------------------------------------

    _has_levels: bool = False
    """Whether F has the next three methods. Vectors of levels form a convex set."""

    def _levels(self, mask: Array) -> Array:
        """Return the levels of S, whose function of T is F(S) + sum of F(i | S) over i in T - S."""
        raise NotImplementedError

    def _above(self, levels: Array) -> tuple[float, Array]:
        """Return constant and weights of the function of some levels; both are convex in these."""
        raise NotImplementedError

    def _slope(self, levels: Array, elements: Array) -> Array:
        """Return a subgradient, in the levels, of the value of their function at a set."""
        raise NotImplementedError

    def _by_value(self) -> bool:
        """Return whether F, or a part of F, can only be evaluated by `value`."""
        return type(self)._sweep is Oracle._sweep

    def _range(self) -> GainRange:
        """Return bounds of the gain of each element, and the magnitude of what enters it."""
        none = np.zeros(self.n, dtype=np.bool_)
        high, low = self.marginals(none), self.marginals(~none)
        size = np.maximum(np.abs(low), np.abs(high))
        if self.n and self._by_value():  # every gain is a difference of two values
            size += max(abs(float(self.value(~none))), float(size.max()))
        return GainRange(low, high, size)
