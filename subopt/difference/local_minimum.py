"""Local minima of any set function: neighbourhoods, by marginals, and the evidence.

A flip adds or removes one element, a swap exchanges one for another. All flips take one call of
`marginals`, all swaps one call per element of S (or outside S, if these are fewer).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError
from subopt._base.types import Array, Subset
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction

NEIGHBORHOODS = ("flip", "swap")


@dataclass(frozen=True, eq=False)
class LocalMinimumCertificate:
    """No set in some neighbourhoods of S is better: no more, as there is no proof of more.

    Attributes
    ----------
    neighborhoods : tuple of str
        What was exhausted: "flip", all sets with one element more or less; "swap", all sets with
        one element exchanged for another.
    lower_bound : float
        Minus infinity: a local minimum says nothing about other sets.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
    >>> LocalMinimumCertificate(("flip", "swap")).check(h, [0, 1])
    inf
    >>> LocalMinimumCertificate(("flip",)).check(h, [0])
    Traceback (most recent call last):
    subopt.CertificateError: S is no local minimum: adding 1 gives -3 instead of -1
    """

    neighborhoods: tuple[str, ...]
    lower_bound: float = -math.inf

    def check(self, h: DifferenceOfSubmodular | SetFunction, S: Subset) -> float:
        """Look at every neighbour again, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            Any set function.
        S : boolean mask (n,) or iterable of int
            The set that is said to be a local minimum.

        Returns
        -------
        float
            ``h(S) - lower_bound``, which is infinity.

        Raises
        ------
        CertificateError
            If a neighbour is better by more than rounding; its value is computed by ``h.value``.
        """
        mask = validate.subset(S, h.n)
        if self.lower_bound != -math.inf:
            raise CertificateError(
                f"A local minimum proves no lower bound, so it is -inf, not {self.lower_bound}"
            )
        for name in self.neighborhoods:
            if name not in NEIGHBORHOODS:
                raise CertificateError(
                    f"neighborhoods may hold {', '.join(map(repr, NEIGHBORHOODS))}, got {name!r}"
                )
        value, gains = h.value(mask.copy()), h.marginals(mask.copy())
        moves = [flip(mask, gains)] if "flip" in self.neighborhoods else []
        if "swap" in self.neighborhoods:
            moves.append(swap(h, mask, gains))
        for move in moves:
            there = h.value(move.applied(mask))
            if value - there > rounding(h, mask):
                raise CertificateError(
                    f"S is no local minimum: {move} gives {there:.9g} instead of {value:.9g}"
                )
        return value - self.lower_bound


class Move(NamedTuple):
    """What one step to a neighbour changes; -1 for no element, and then no change."""

    change: float
    leaving: int
    joining: int

    def applied(self, mask: Array) -> Array:
        """Return the neighbour of a set."""
        result = mask.copy()
        if self.leaving >= 0:
            result[self.leaving] = False
        if self.joining >= 0:
            result[self.joining] = True
        return result

    def __str__(self) -> str:
        if self.leaving < 0:
            return f"adding {self.joining}"
        if self.joining < 0:
            return f"removing {self.leaving}"
        return f"exchanging {self.leaving} for {self.joining}"


STAY = Move(0.0, -1, -1)


def flip(mask: Array, gains: Array, *, add: bool = True, drop: bool = True) -> Move:
    """Return the best flip of a set, given the marginals there; or `STAY` if none is better."""
    change = np.where(mask, -gains if drop else np.inf, gains if add else np.inf)
    if not change.size or not change.min() < 0:
        return STAY
    i = int(change.argmin())
    return Move(float(change[i]), i, -1) if mask[i] else Move(float(change[i]), -1, i)


def swap(
    h: DifferenceOfSubmodular | SetFunction,
    mask: Array,
    gains: Array,
    *,
    reach: Array | None = None,
    enough: float = -math.inf,
) -> Move:
    """Return the best swap of a set, given the marginals there; or `STAY` if none is better.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
    mask, gains : ndarray, shape (n,)
        The set, and ``h.marginals(mask)``.
    reach : ndarray of float64, shape (n,), optional
        By how much at most the presence of another element lowers a gain: swaps that cannot get
        better by this are not looked at.
    enough : float
        Stop at the first element that has a swap that changes h by less than this.
    """
    first, second = np.flatnonzero(mask), np.flatnonzero(~mask)
    if len(first) > len(second):
        first, second = second, first
    if not len(first) or not len(second):
        return STAY
    cost = np.where(mask, -gains, gains)  # of the flip of each element
    best = STAY
    for i in first[np.argsort(cost[first], kind="stable")]:
        slack = math.inf if reach is None else np.minimum(reach[i], reach[second])
        if not (cost[i] + cost[second] < slack + min(0.0, best.change)).any():
            continue
        other = mask.copy()
        other[i] = not mask[i]
        there = h.marginals(other)[second]
        change = cost[i] + (there if mask[i] else -there)
        k = int(change.argmin())
        if change[k] < best.change:
            j = int(second[k])
            best = Move(float(change[k]), *((int(i), j) if mask[i] else (j, int(i))))
        if best.change < enough:
            break
    return best


def rounding(h: DifferenceOfSubmodular | SetFunction, mask: Array) -> float:
    """Return a change of h(S) that may be rounding: 1e-11 of the numbers that h(S) is made of."""
    size = 0.0
    for F in (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,):
        size += abs(F.value(mask.copy())) + float(np.abs(F.marginals(mask.copy())).max(initial=0))
    return 1e-11 * size
