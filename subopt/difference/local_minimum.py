"""Local minima of any set function: how neighbors are searched by marginals, and certificates.

A flip adds or removes one element, a swap exchanges one element for another. All flips take one
call of `marginals`; all swaps take one call per element of S, or per element outside S if these are
fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base.answer import CertificateError, as_evidence
from subopt._base.types import Array, Subset
from subopt.constraints.feasible import Constraints
from subopt.difference._recheck import claimed
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.submodular.result import Result

NEIGHBORHOODS = ("flip", "swap")


@dataclass(frozen=True, eq=False)
class LocalMinimumCertificate:
    """Evidence that no set in some neighborhoods of S is better. It bounds no other set.

    Attributes
    ----------
    neighborhoods : tuple of str
        What was searched completely: "flip", all sets with one element more or less; "swap", all
        sets with one element exchanged for another.
    lower_bound : float
        Minus infinity: a local minimum proves nothing about other sets.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
    >>> LocalMinimumCertificate(("flip", "swap")).check(h, [0, 1])
    inf
    >>> LocalMinimumCertificate(("flip",)).check(h, [0])
    Traceback (most recent call last):
    subopt.CertificateError: S is no local minimum: adding 1 changes h by -2
    """

    neighborhoods: tuple[str, ...]
    lower_bound: float = -math.inf

    def check(self, h: DifferenceOfSubmodular | SetFunction, answer: Result | Subset) -> float:
        """Compute the change of h at every neighbor, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            Any set function.
        answer : Result, boolean mask (n,) or iterable of int
            The set S that is said to be a local minimum.

        Returns
        -------
        float
            The gap that is proven, which is infinite.

        Raises
        ------
        CertificateError
            If a neighbor is better by more than the rounding of its gain, if the evidence is
            malformed, or if a result does not have its value.
        """
        with as_evidence():
            mask, _ = claimed(h, answer)
            self._check(h, mask)
        return math.inf

    def _check(self, h: DifferenceOfSubmodular | SetFunction, mask: Array) -> None:
        if self.lower_bound != -math.inf:
            raise CertificateError(
                f"A local minimum proves no lower bound, so it is -inf, not {self.lower_bound}"
            )
        if not isinstance(self.neighborhoods, tuple) or not self.neighborhoods:
            raise CertificateError(
                f"neighborhoods needs a tuple of names, got {self.neighborhoods!r}"
            )
        for name in self.neighborhoods:
            if name not in NEIGHBORHOODS:
                raise CertificateError(
                    f"neighborhoods may hold {', '.join(map(repr, NEIGHBORHOODS))}, got {name!r}"
                )
        gains, noise = h.marginals(mask.copy()), allowance(h, mask)
        moves = []
        if "flip" in self.neighborhoods:
            beyond = np.where(np.abs(gains) > noise, gains, 0.0)
            moves.append(flip(mask, beyond))
        if "swap" in self.neighborhoods:
            moves.append(swap(h, mask, gains, noise=noise))
        for move in moves:
            if move != STAY:
                raise CertificateError(
                    f"S is no local minimum: {move} changes h by {move.change:.9g}"
                )


class Move(NamedTuple):
    """One step to a neighbor: what it changes, and which element leaves and joins; -1 for none."""

    change: float
    leaving: int
    joining: int

    def applied(self, mask: Array) -> Array:
        """Return the neighbor of a set."""
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


def best_move(
    h: DifferenceOfSubmodular | SetFunction,
    mask: Array,
    gains: Array,
    constraints: Constraints,
    noise: Array | None = None,
    *,
    swaps: bool = True,
) -> Move:
    """Return the best flip that leads to a feasible set, or else the best such swap, or `STAY`.

    Changes count if they exceed the rounding of the gains, `noise`.
    """
    least = np.zeros(len(mask)) if noise is None else noise
    allowed = np.where(mask, constraints.removals(mask), constraints.additions(mask))
    change = np.where(mask, -gains, gains) + least
    change[~allowed] = math.inf
    if change.size and change.min() < 0:
        i = int(change.argmin())
        moved = float(change[i] - least[i])
        return Move(moved, i, -1) if mask[i] else Move(moved, -1, i)
    return swap(h, mask, gains, noise=noise, constraints=constraints) if swaps else STAY


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
    noise: Array | None = None,
    first: bool = False,
    constraints: Constraints | None = None,
) -> Move:
    """Return the best swap of a set, given the marginals there; or `STAY` if none is better.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
    mask, gains : ndarray, shape (n,)
        The set, and ``h.marginals(mask)``.
    reach : ndarray of float64, shape (n,), optional
        How much the flip of another element lowers the cost of each flip at most. Swaps that cannot
        improve h by this are skipped.
    noise : ndarray of float64, shape (n,), optional
        Rounding of the gains. A swap has to improve by more than that of its two elements.
    first : bool
        Whether to stop at the first element that has a swap that improves.
    constraints : Constraints, optional
        Only swaps to feasible sets count.
    """
    near, far = np.flatnonzero(mask), np.flatnonzero(~mask)
    if len(near) > len(far):
        near, far = far, near
    if not len(near) or not len(far):
        return STAY
    noise = np.zeros(len(mask)) if noise is None else noise
    cost = np.where(mask, -gains, gains)  # of the flip of each element
    best, lowest = STAY, 0.0
    for i in near[np.argsort(cost[near], kind="stable")]:
        rounding = noise[i] + noise[far]
        saved = math.inf if reach is None else np.minimum(reach[i], reach[far]) + rounding
        if not (cost[i] + cost[far] < saved + lowest).any():
            continue
        other = mask.copy()
        other[i] = not mask[i]
        there = h.marginals(other)[far]
        change = cost[i] + (there if mask[i] else -there)
        if constraints is not None:
            partners = constraints.joining if mask[i] else constraints.leaving
            change[~partners(mask, int(i))[far]] = math.inf
        k = int((change + rounding).argmin())
        if change[k] + rounding[k] < lowest:
            lowest, j = float(change[k] + rounding[k]), int(far[k])
            best = Move(float(change[k]), *((int(i), j) if mask[i] else (j, int(i))))
            if first:
                break
    return best


def allowance(h: DifferenceOfSubmodular | SetFunction, mask: Array) -> Array:
    """Return how much of each gain may be rounding, (n,).

    It is 2^-36 of the largest gains that the element has in f and g, and 2^-44 of their values at
    the set: of the element and of the set, not of the whole problem.
    """
    result = np.zeros(h.n)
    for F in (h.f, h.g) if isinstance(h, DifferenceOfSubmodular) else (h,):
        result += 2.0**-36 * F._range().size + 2.0**-44 * abs(F.value(mask.copy()))
    return result
