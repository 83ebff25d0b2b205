"""`Incremental`: a set that changes by one element at a time, and its value."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from subopt._base.types import Array


class Steps(Protocol):
    """What `Incremental` needs of a function: values, and the gains of single elements."""

    @property
    def n(self) -> int:
        """Size of the ground set."""

    def value(self, mask: Array) -> float:
        """Evaluate the function at a set."""

    def _state(self, mask: Array) -> Any: ...

    def _gain(self, state: Any, mask: Array, i: int) -> float: ...

    def _flip(self, state: Any, mask: Array, i: int, gain: float) -> None: ...


class Incremental:
    """A set S together with F(S), updated as elements join and leave the set.

    Use ``F.incremental(S)`` to create one. For `Modular`, `Cut`, `HypergraphCut`, `Coverage`,
    `Cardinality` and `ConcaveOfModular`, their sums, views and differences, a gain or a change
    takes time proportional to the number of stored entries of one element (its degree in a
    graph). The same holds for `FacilityLocation`, except that a removal takes time proportional to
    the stored entries of S. For `LogDeterminant`, the gain of an element outside S takes O(1), and
    adding it ``O(n |S|)``. For other functions a gain or a change takes one evaluation of F.

    Parameters
    ----------
    F : SetFunction or DifferenceOfSubmodular
        The function.
    mask : ndarray of bool, shape (n,)
        The set to begin with; it is not copied.

    Attributes
    ----------
    F : SetFunction or DifferenceOfSubmodular
        The function.
    mask : ndarray of bool, shape (n,)
        The current set S. Change it only by `add` and `remove`.
    value : float
        F(S), the initial value plus all changes since.

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.F!r}, {np.flatnonzero(self.mask).tolist()})"

    def gain(self, i: int) -> float:
        """Return the marginal gain of an element, as `SetFunction.marginals` does for all.

        Parameters
        ----------
        i : int
            An element, inside or outside S.

        Returns
        -------
        float
            ``F(S ∪ i) - F(S - i)``.

        Raises
        ------
        ValueError
            If i is not in 0..n - 1.
        """
        return self.F._gain(self._state, self.mask, self._checked(i))

    def add(self, i: int) -> float:
        """Add an element to S.

        Parameters
        ----------
        i : int
            The element.

        Returns
        -------
        float
            The change of F(S); 0 if i was in S already.

        Raises
        ------
        ValueError
            If i is not in 0..n - 1.
        """
        return 0.0 if self.mask[self._checked(i)] else self._flip(i)

    def remove(self, i: int) -> float:
        """Remove an element from S.

        Parameters
        ----------
        i : int
            The element.

        Returns
        -------
        float
            The change of F(S); 0 if i was not in S.

        Raises
        ------
        ValueError
            If i is not in 0..n - 1.
        """
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


def prefers(first: float, second: float, rng: np.random.Generator | None) -> bool:
    """Return whether double greedy takes the first of two savings.

    Without random numbers it takes the larger one. With them, the probabilities are in proportion
    to the savings, of which negative ones count as 0.
    """
    if rng is None:
        return first >= second
    a, b = max(first, 0.0), max(second, 0.0)
    return a + b == 0 or bool(rng.random() * (a + b) < a)
