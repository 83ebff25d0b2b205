"""What a solver asks of a set function: values, gains along an order, marginals, single changes.

The unit of work is the greedy sweep of Edmonds: all n marginal gains along an order of V. It is a
vertex of the base polytope, a subgradient of the Lovász extension and a modular lower bound, and
for most families it costs no more than one value. A subclass needs `n` and `value`; everything
here works from these, and a built-in family replaces `_sweep` by one compiled pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions.cut_form import CutForm

SHOWN = 8
"""Up to this n, ``repr`` is an expression that makes the function again."""
LONGEST = 400
"""Most characters of such an expression."""


class GainRange(NamedTuple):
    """What each element may add, and how exact that is."""

    low: Array  # (n,) F(i | V - i), the least gain of a submodular function
    high: Array  # (n,) F(i), the largest
    size: Array  # (n,) of the numbers that a gain is computed from: errors are relative to it


class Oracle:
    """What a solver asks of a set function F on V = {0, ..., n - 1} with F(∅) = 0.

    `SetFunction` adds the algebra; it is what users subclass.
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
        return self.value(validate.subset(S, self.n))

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
        order = validate.order(order, self.n)
        gains = np.zeros(self.n)
        if type(self)._sweep is Oracle._sweep:
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
        mask = validate.mask(mask, self.n)
        known = not mask.any() and vars(self).get("_normalized")
        here = 0.0 if known else self.value(mask.copy())
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
        x = validate.real_array("x", x, copy=False)
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
        return Incremental(self, validate.subset(S, self.n))

    def __repr__(self) -> str:
        source = self._source() if self.n <= SHOWN else None
        if source is None or len(source) > LONGEST:
            return f"{type(self).__name__}(n={self.n})"
        return source

    def _source(self) -> str | None:
        """Return an expression that makes F again, or None if there is none."""
        return None

    # What families replace ---------------------------------------------------------------------

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        """Add ``scale * (F(S_{k+1}) - F(S_k))`` to ``gains[order[k]]``.

        `order` holds distinct elements, intp and contiguous, and need not hold all of them.
        """
        if type(self).greedy is Oracle.greedy:
            self._walk(scale, order, gains)
        else:  # the user wrote a greedy of their own: the rest of V after `order` changes nothing
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
            after = self.value(mask.copy())  # a copy: `value` may keep or change what it gets
            if after is None:
                raise TypeError(
                    f"value of {type(self).__name__} returned None. Does it end without a return?"
                )
            gains[i] += scale * (after - before)
            before = after

    def _require_normalized(self) -> None:
        """Raise unless F(∅) = 0, which is evaluated once."""
        if vars(self).get("_normalized"):
            return
        if (empty := self.value(np.zeros(self.n, dtype=np.bool_))) != 0:
            raise ValueError(
                f"F(∅) needs to be 0, but {self!r} has the value {empty:g} there. normalize(F) "
                "subtracts it."
            )
        vars(self)["_normalized"] = True

    def _state(self, mask: Array) -> Any:
        """Return what `_gain` needs to be fast at a set and `_flip` keeps up to date."""
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
        """Take note that i is about to leave or join the set, for minus or plus `gain`."""
        state[0] += -gain if mask[i] else gain

    # Modular functions above F, one for each point of some convex set; see `_has_levels` ---------

    _has_levels: bool = False
    """Whether the next three methods exist."""

    def _levels(self, mask: Array) -> Array:
        """Return the point of a set S, whose function is F(S) + F(T | S) added up over T - S."""
        raise NotImplementedError

    def _above(self, levels: Array) -> tuple[float, Array]:
        """Return constant and weights of the function at a point, convex in the point."""
        raise NotImplementedError

    def _slope(self, levels: Array, elements: Array) -> Array:
        """Return a subgradient of its value at a set, given by its elements, in the point."""
        raise NotImplementedError

    def _by_value(self) -> bool:
        """Whether F, or a function that it is made of, is known by its values only."""
        return type(self)._sweep is Oracle._sweep

    def _range(self) -> GainRange:
        """Return the range of the gain of each element, and the size of what it is made of."""
        none = np.zeros(self.n, dtype=np.bool_)
        high, low = self.marginals(none), self.marginals(~none)
        size = np.maximum(np.abs(low), np.abs(high))
        if self.n and self._by_value():  # every gain is a difference of two values
            size += max(abs(float(self.value(~none))), float(size.max()))
        return GainRange(low, high, size)


class Steps(Protocol):
    """What `Incremental` needs of a function: its value, and what changes of one element cost."""

    @property
    def n(self) -> int:
        """Size of the ground set."""

    def value(self, mask: Array) -> float:
        """Evaluate the function at a set."""

    def _state(self, mask: Array) -> Any: ...

    def _gain(self, state: Any, mask: Array, i: int) -> float: ...

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None: ...


class Incremental:
    """A set S and F(S), kept up to date while elements come and go.

    Made by ``F.incremental``. For `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `Cardinality` and
    `ConcaveOfModular`, their sums, views and differences, a gain or a change costs what is stored
    for one element, its degree. So it is for `FacilityLocation`, where removals cost the degrees of
    the set. With a `LogDeterminant`, the gain of an element outside costs O(1), and adding one
    O(n |S|). For other functions both cost a value.

    Attributes
    ----------
    F : SetFunction or DifferenceOfSubmodular
        The function.
    mask : ndarray of bool, shape (n,)
        The set. Change it only by `add` and `remove`.
    value : float
        F(S), by adding up gains.

    Examples
    --------
    >>> S = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]).incremental([0])
    >>> S.value, S.gain(1), S.add(1), S.value
    (2.0, -1.0, -1.0, 1.0)
    """

    def __init__(self, F: Steps, mask: Array) -> None:
        self.F = F
        self.mask = mask
        self.value = F.value(mask.copy())
        self._state: Any = F._state(mask)

    def gain(self, i: int) -> float:
        """Return ``F(S ∪ i) - F(S - i)``, as `SetFunction.marginals` does for all i."""
        return self.F._gain(self._state, self.mask, self._checked(i))

    def add(self, i: int) -> float:
        """Put i into S and return by how much F changed; 0 if it was there."""
        return 0.0 if self.mask[self._checked(i)] else self._flip(i)

    def remove(self, i: int) -> float:
        """Take i out of S and return by how much F changed; 0 if it was not there."""
        return self._flip(i) if self.mask[self._checked(i)] else 0.0

    def _flip(self, i: int) -> float:
        gain = self.F._gain(self._state, self.mask, i)
        self.F._flip(self._state, self.mask, i, gain)
        change = -gain if self.mask[i] else gain
        self.mask[i] = not self.mask[i]
        self.value += change
        return change

    def _checked(self, i: int) -> int:
        if not 0 <= i < self.F.n:
            raise ValueError(f"Elements need to be in 0..{self.F.n - 1}, but {i} was given")
        return int(i)
