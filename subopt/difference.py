"""Differences of submodular functions, which is what ``f - g`` makes: any set function is one.

The two parts are kept apart, because everything that is known about h = f - g comes from bounds of
one of them: f minus a modular lower bound of g is submodular and above h, and a modular upper bound
of f minus g is supermodular and above h, both with equality at a set of choice.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

from subopt import _validate
from subopt._types import Array, ArrayLike, Subset
from subopt.bounds import ModularBound, modular_lower, modular_upper
from subopt.function import SetFunction
from subopt.functions.modular import Modular
from subopt.incremental import Incremental


@dataclass(frozen=True, eq=False)
class DifferenceOfSubmodular:
    """The set function h = f - g of two submodular functions.

    Closed under sums and under factors of any sign: a negative one swaps f and g.

    Parameters
    ----------
    f, g : SetFunction
        Submodular functions on the same ground set.

    Examples
    --------
    >>> h = Cardinality([0, 1, 1]) - Cardinality([0, 2, 3])
    >>> h([0]), h([0, 1]), (-2 * h)([0])
    (-1.0, -2.0, 2.0)
    """

    f: SetFunction
    g: SetFunction

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
        mask = _validate.mask(mask, self.n)
        value = self.f.value(mask.copy()) - self.g.value(mask.copy())
        return float(_validate.finite(self, value))

    def __call__(self, S: Subset) -> float:
        """Evaluate f - g at a set given by its elements or a boolean mask."""
        return self.value(_validate.subset(S, self.n))

    def greedy(self, order: ArrayLike) -> Array:
        """Return the gain of each element when V is built up in `order`; see `SetFunction`.

        The values along the order are exact. It is no base: h has none.
        """
        gains: Array = _validate.finite(self, self.f.greedy(order) - self.g.greedy(order))
        return gains

    def marginals(self, mask: Array) -> Array:
        """Return ``h(S ∪ i) - h(S - i)`` for every i."""
        mask = _validate.mask(mask, self.n)
        gains = self.f.marginals(mask.copy()) - self.g.marginals(mask.copy())
        result: Array = _validate.finite(self, gains)
        return result

    def lovasz(self, x: ArrayLike) -> float:
        """Evaluate the Lovász extension, the difference of two convex functions."""
        return self.f.lovasz(x) - self.g.lovasz(x)

    def incremental(self, S: Subset = ()) -> Incremental:
        """Return a copy of S that changes by one element at a time and keeps track of h(S)."""
        return Incremental(self, _validate.subset(S, self.n))

    # Bounds that are tight at a set -------------------------------------------------------------

    def submodular_upper(
        self, S: Subset, order: ArrayLike | None = None, *, tie_break: ArrayLike | None = None
    ) -> SetFunction:
        """Return f minus a modular lower bound of g: submodular, h or above, and h at S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            Where it is tight; it is at every prefix of the order.
        order, tie_break
            As in `modular_lower`.

        Returns
        -------
        SetFunction
            Minimizing it is a step of `subsup`.

        Examples
        --------
        >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
        >>> upper = h.submodular_upper([1])
        >>> upper([1]) == h([1]), upper([0]) >= h([0])
        (True, True)
        """
        lower = modular_lower(self.g, S, order, tie_break=tie_break)
        return self.f + Modular(-lower.weights)

    def supermodular_upper(
        self, S: Subset, kind: str = "grow"
    ) -> tuple[DifferenceOfSubmodular, float]:
        """Return a modular upper bound of f minus g, and its constant: h or above, and h at S.

        Parameters
        ----------
        S : boolean mask (n,) or iterable of int
            Where it is tight.
        kind : {"grow", "shrink", "bar"}, default "grow"
            As in `modular_upper`.

        Returns
        -------
        upper : DifferenceOfSubmodular
            Whose negative is submodular.
        constant : float
            To be added to it.

        Examples
        --------
        >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
        >>> upper, constant = h.supermodular_upper([1])
        >>> upper([1]) + constant == h([1]), upper([0]) + constant >= h([0])
        (True, True)
        """
        bound: ModularBound = modular_upper(self.f, S, kind)
        return DifferenceOfSubmodular(bound.modular, self.g), bound.constant

    # The algebra --------------------------------------------------------------------------------

    def restrict(self, S: Subset) -> DifferenceOfSubmodular:
        """Return h on the subsets of S; see `SetFunction.restrict`."""
        mask = _validate.subset(S, self.n)
        return DifferenceOfSubmodular(self.f.restrict(mask), self.g.restrict(mask))

    def contract(self, S: Subset) -> DifferenceOfSubmodular:
        """Return T -> h(S ∪ T) - h(S) on the elements outside S; see `SetFunction.contract`."""
        mask = _validate.subset(S, self.n)
        return DifferenceOfSubmodular(self.f.contract(mask), self.g.contract(mask))

    def complement(self) -> DifferenceOfSubmodular:
        """Return S -> h(V - S) - h(V)."""
        return DifferenceOfSubmodular(self.f.complement(), self.g.complement())

    def __add__(self, other: Any) -> DifferenceOfSubmodular:
        if isinstance(other, int | float) and other == 0:
            return self  # so that sum([h, k]) works
        if isinstance(other, DifferenceOfSubmodular):
            return DifferenceOfSubmodular(self.f + other.f, self.g + other.g)
        if isinstance(other, SetFunction):
            return DifferenceOfSubmodular(self.f + other, self.g)
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> DifferenceOfSubmodular:
        if isinstance(other, DifferenceOfSubmodular):
            return DifferenceOfSubmodular(self.f + other.g, self.g + other.f)
        if isinstance(other, SetFunction):
            return DifferenceOfSubmodular(self.f, self.g + other)
        return NotImplemented

    def __rsub__(self, other: Any) -> DifferenceOfSubmodular:
        return -self + other

    def __mul__(self, scale: Any) -> DifferenceOfSubmodular:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        scale = float(scale)
        f, g = (self.f, self.g) if not scale < 0 else (self.g, self.f)
        return DifferenceOfSubmodular(abs(scale) * f, abs(scale) * g)

    __rmul__ = __mul__

    def __truediv__(self, scale: Any) -> DifferenceOfSubmodular:
        if isinstance(scale, bool) or not isinstance(scale, numbers.Real):
            return NotImplemented
        if scale == 0:
            raise ZeroDivisionError("A set function cannot be divided by 0")
        return self * (1.0 / float(scale))

    def __neg__(self) -> DifferenceOfSubmodular:
        return DifferenceOfSubmodular(self.g, self.f)

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
