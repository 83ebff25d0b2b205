"""A set that changes by one element at a time, for local search and greedy algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from subopt._types import Array
from subopt.function import SetFunction

if TYPE_CHECKING:
    from subopt.difference import DifferenceOfSubmodular


class Incremental:
    """A set S and F(S), kept up to date while elements come and go.

    Made by ``F.incremental``. For `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `Cardinality` and
    `ConcaveOfModular`, their sums, views and differences, a gain or a change costs what is stored
    for one element, its degree; for other functions it costs a value.

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

    def __init__(self, F: SetFunction | DifferenceOfSubmodular, mask: Array) -> None:
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
