"""Certificates of bounds over feasible sets.

They refer to the problem that remains when included and excluded elements are taken out. Evidence
about all sets, such as a base of F, holds for the feasible sets as well. This module adds:

* prices of the constraints (Lagrange): the weights of the prices sum to at most a constant for
  feasible sets, so that the minimum of F + weights - constant over all sets is a lower bound of F
  over the feasible ones;
* trees of intervals whose bounds use such prices (`TreeCertificate`);
* the enumeration of all feasible sets;
* local minima among feasible neighbors, which prove no bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from subopt._base.answer import Certificate, CertificateError, ReadOnly, as_evidence, numbers
from subopt._base.types import Array, Subset
from subopt.constraints.feasible import Constraints
from subopt.difference._recheck import claimed
from subopt.difference.exact.tree_certificate import TreeCertificate, require_feasible
from subopt.difference.local_minimum import STAY, allowance, best_move
from subopt.difference.submodular_case import as_submodular
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.diminishing_returns import all_masks
from subopt.functions.modular import Modular
from subopt.submodular._recheck import CHECKED, sizes_of, whole_gap
from subopt.submodular.result import Result

Problem = DifferenceOfSubmodular | SetFunction


@dataclass(frozen=True, eq=False)
class ConstrainedCertificate:
    """Evidence that an answer is feasible, and for a lower bound over all feasible sets.

    Attributes
    ----------
    constraints : Constraints
        What the caller asked for.
    evidence : object
        Evidence about the function that remains when `include` and `exclude` are fixed: a
        certificate about all sets, a `TreeCertificate`, or prices of the constraints with a
        certificate.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
    >>> result = minimize(F, size=2)
    >>> result.S, result.value, result.check(F)
    (array([0, 1]), -1.0, 0.0)
    >>> result.certificate.check(F, [0])
    Traceback (most recent call last):
    subopt.CertificateError: The set is not feasible: its size is 1, not from 2 to 2
    """

    constraints: Constraints
    evidence: Any

    def check(self, h: DifferenceOfSubmodular | SetFunction, answer: Result | Subset) -> float:
        """Recompute how far an answer can be from the minimum over the feasible sets, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            What was minimized.
        answer : Result, boolean mask (n,) or iterable of int
            The set that is said to be a minimizer.

        Returns
        -------
        float
            ``h(S) - lower bound``, at least 0; infinity if nothing is proven.

        Raises
        ------
        CertificateError
            If the set violates a constraint; if the evidence does not prove its bound; or if a
            result does not have its value.
        """
        of = self.constraints
        with as_evidence():
            mask, _ = claimed(h, answer)
            require_feasible(of, mask)
            rest, inner, left = minor_of(h, of), mask[of.free], of.reduced()
            if isinstance(self.evidence, Priced | Exhausted | LocallyBest):
                return self.evidence.check(rest, inner, left)
            evidence: Certificate = self.evidence
            if isinstance(evidence, TreeCertificate) and evidence.constraints is not None:
                evidence = replace(evidence, constraints=left)
            return evidence.check(rest, inner)


@dataclass(frozen=True, eq=False)
class Priced(ReadOnly):
    """Prices of the constraints, and evidence about F plus their weights.

    Attributes
    ----------
    prices : ndarray of float64, shape (rows,)
        At least 0.
    evidence : Certificate
        About F plus the weights of the prices.
    """

    prices: Array
    evidence: Certificate

    def check(self, h: Problem, mask: Array, of: Constraints) -> float:
        """Recompute the gap of a feasible set."""
        F = as_submodular(h) if isinstance(h, DifferenceOfSubmodular) else h
        if F is None:
            raise CertificateError("g is not known to be modular")
        prices = numbers("prices", self.prices)
        if prices.shape != (of.n_rows,) or not (prices >= 0).all():
            raise CertificateError(f"{of.n_rows} constraints need as many prices >= 0")
        gap = self.evidence.check(priced(F, of, prices), mask) + unused(of, prices, mask)
        return rounded_gap(F, of, prices, gap)


@dataclass(frozen=True, eq=False)
class Exhausted:
    """All feasible sets.

    Attributes
    ----------
    lower_bound : float
        The smallest value.
    """

    lower_bound: float

    def check(self, h: Problem, mask: Array, of: Constraints) -> float:
        """Evaluate h at all feasible sets, and return the gap."""
        value = h.value(mask.copy())
        lowest = min(h.value(m.copy()) for m in all_masks(of.n) if of.feasible(m))
        if not self.lower_bound <= lowest + 2.0**-44 * abs(lowest):
            raise CertificateError(f"The smallest value is {lowest:.12g}, not {self.lower_bound}")
        return max(0.0, float(value - lowest))


@dataclass(frozen=True, eq=False)
class LocallyBest:
    """No feasible set with one element more, less, or exchanged is better. This proves no bound."""

    def check(self, h: Problem, mask: Array, of: Constraints) -> float:
        """Compute the change at every feasible neighbor."""
        gains, noise = h.marginals(mask.copy()), allowance(h, mask)
        if (move := best_move(h, mask, gains, of, noise)) != STAY:
            raise CertificateError(f"S is no local minimum: {move} changes h by {move.change:.9g}")
        return math.inf


def minor_of(h: Any, of: Constraints) -> Any:
    """Return what is left of a function when the fixed elements are in and out."""
    before, kept = np.flatnonzero(of.include), of.free
    if isinstance(h, DifferenceOfSubmodular):
        f, g = minor_of(h.f, of), minor_of(h.g, of)
        return DifferenceOfSubmodular(f, g, estimated=h.estimated)
    return h._minor(before, kept) if len(kept) else Modular(np.zeros(0))


def priced(F: SetFunction, of: Constraints, prices: Array) -> SetFunction:
    """Return F plus the weights of prices."""
    return F + Modular(of.priced(prices)[0])


def unused(of: Constraints, prices: Array, mask: Array) -> float:
    """Return the price of what a feasible set leaves of the limits."""
    left = np.maximum(of.limits() - of.usages(mask), 0.0)
    return float(prices @ left)


def rounded_gap(
    F: SetFunction, of: Constraints, prices: Array, gap: float, least: float = CHECKED
) -> float:
    """Return a gap that prices prove: an integer if F is integral."""
    if not F.integral or gap == math.inf:
        return gap
    weights, constant = of.priced(prices)
    size = float(sizes_of(F).sum() + np.abs(weights).sum() + abs(constant))
    exact = size < 2.0**53 and not (np.append(weights, constant) % 1).any()
    return whole_gap(gap, 0.0 if exact else size, least)
