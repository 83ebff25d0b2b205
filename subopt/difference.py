"""Differences of submodular functions: what ``f - g`` makes."""

from __future__ import annotations

from dataclasses import dataclass

from subopt import _validate
from subopt._types import Array, Subset
from subopt.function import SetFunction


@dataclass(frozen=True, eq=False)
class DifferenceOfSubmodular:
    """The set function f - g of two submodular functions; any set function is one.

    Parameters
    ----------
    f, g : SetFunction
        Submodular functions on the same ground set.

    Examples
    --------
    >>> h = Cardinality([0, 1, 1]) - Cardinality([0, 2, 3])
    >>> h([0]), h([0, 1])
    (-1.0, -2.0)
    """

    f: SetFunction
    g: SetFunction

    def __post_init__(self) -> None:
        if self.f.n != self.g.n:
            raise ValueError(
                f"A difference needs functions on one ground set, got n = {self.f.n} and "
                f"n = {self.g.n}"
            )

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return self.f.n

    def value(self, mask: Array) -> float:
        """Evaluate f - g at a set given by its boolean mask (n,)."""
        mask = _validate.mask(mask, self.n)
        return self.f.value(mask.copy()) - self.g.value(mask.copy())

    def __call__(self, S: Subset) -> float:
        """Evaluate f - g at a set given by its elements or a boolean mask."""
        return self.value(_validate.subset(S, self.n))
