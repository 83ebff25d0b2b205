"""Certificates of upper bounds: marginal gains at some sets, and prices of the constraints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, ReadOnly, as_evidence, number, numbers
from subopt._base.types import Array, Subset
from subopt.constraints.feasible import Constraints
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.diminishing_returns import spot_check
from subopt.maximization.result import MaximizationResult

AGREEMENT = 2.0**-36
"""Relative difference of two computations of one bound."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MarginalCertificate(ReadOnly):
    """A modular function above F, and prices that bound it over the feasible sets.

    By diminishing returns, for all sets S and T,

        F(T) <= F(S) + sum of F(i | S) over i in T - S - sum of F(j | V - j) over j in S - T,

    a modular function of T; so is every mixture of such functions for several S. Functions that are
    sums of `Coverage`, `Cut`, `FacilityLocation` and `Modular` have further modular upper bounds. A
    vector of levels, one number per item, edge or client, defines one: its constant is the sum of
    the levels, and the weight of an element is the sum of the amounts by which it exceeds them.
    Prices >= 0 of the constraints turn the largest value over feasible sets T into a sum over
    elements.

    Attributes
    ----------
    upper_bound : float
        The upper bound that the solver reported.
    constraints : Constraints
        The feasible sets, over which the bound holds.
    prices : ndarray of float64
        One per row of the constraints on the free elements.
    sets : tuple of ndarray of int
        The sets S, by their elements.
    shares : ndarray of float64, shape (len(sets),)
        Their weights in the mixture, nonnegative with sum 1.
    levels : ndarray of float64, optional
        Levels in place of sets.

    Examples
    --------
    >>> F = Coverage([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    >>> result = maximize(F, size=1)
    >>> result.value, result.upper_bound, result.certificate.check(F, result)
    (2.0, 2.0, 0.0)
    >>> result.certificate.check(F, [2])
    1.0
    """

    upper_bound: float
    constraints: Constraints
    prices: Array
    sets: tuple[Array, ...] = ()
    shares: Array | None = None
    levels: Array | None = None

    def check(self, F: SetFunction, answer: MaximizationResult | Subset) -> float:
        """Recompute how far F(S) can be from the maximum over the feasible sets, from F alone.

        Parameters
        ----------
        F : SetFunction
            Submodular. The families of `subopt` are submodular by construction. If F can only be
            evaluated, a few sets are tested, as in `minimize`.
        answer : MaximizationResult, boolean mask (n,) or iterable of int
            The set S, which is claimed to be feasible.

        Returns
        -------
        float
            ``bound - F(S)``, at least 0. Costs one call of ``F.marginals`` per set, and up to three
            more.

        Raises
        ------
        CertificateError
            If S is not feasible or does not have its value, if the evidence proves less than
            `upper_bound` by more than rounding, or is malformed; or if F is seen not to be
            submodular.
        """
        said = number("upper_bound", self.upper_bound)
        with as_evidence():
            require_set_function(F)
            if (violation := spot_check(F)) is not None:
                raise CertificateError(f"{F!r} is not submodular: {violation}")
            value = self._claimed(F, answer)
            bound, rounding = self._recomputed(F)
        if not bound <= said + rounding:
            raise CertificateError(
                f"The evidence proves {bound:.12g} as an upper bound, and not {said:.12g}"
            )
        return max(0.0, bound - value)

    def _claimed(self, F: SetFunction, answer: MaximizationResult | Subset) -> float:
        """Return F of the answer, which needs to be feasible and to have the value it states."""
        S = answer.mask if isinstance(answer, MaximizationResult) else answer
        mask = validate.subset(S, F.n)
        if self.constraints.n != F.n:
            raise CertificateError(
                f"The constraints are about {self.constraints.n} elements, and F about {F.n}"
            )
        if violations := self.constraints.violations(mask):
            raise CertificateError(f"The set is not feasible: {'; '.join(violations)}")
        value = float(F.value(mask.copy()))
        if isinstance(answer, MaximizationResult) and value != answer.value:
            size = float(F._range().size[mask].sum()) + abs(value)
            if not abs(value - answer.value) <= 2.0**-40 * size:
                raise CertificateError(f"F is {value:.12g} at the set, not {answer.value:.12g}")
        return value

    def _recomputed(self, F: SetFunction) -> tuple[float, float]:
        """Return the bound that the evidence proves, and the rounding of two such computations."""
        of = self.constraints
        inner, free = of.reduced(), of.free
        prices = numbers("prices", self.prices).astype(np.float64)
        if prices.shape != (inner.n_rows,) or not (np.isfinite(prices) & (prices >= 0)).all():
            raise CertificateError(f"prices needs {inner.n_rows} numbers >= 0, got {self.prices!r}")
        constant, weights = self._above(F)
        size = F._range().size
        extra, paid = inner.priced(prices)
        left = weights[free] - extra
        used = left > 0
        parts = [constant, paid, *weights[of.include].tolist(), *left[used].tolist()]
        bound = math.fsum(parts)
        several = [abs(constant), abs(paid), float(size[of.include].sum())]
        several.append(float((size[free] + extra.clip(0))[used].sum()))
        rounding = AGREEMENT * math.fsum(several)
        if F.integral and rounding < 0.25:  # the maximum is an integer
            bound = float(math.floor(bound + rounding))
        return bound, rounding

    def _above(self, F: SetFunction) -> tuple[float, Array]:
        """Return constant and weights of the modular function, from F alone."""
        if self.levels is not None:
            levels = numbers("levels", self.levels).astype(np.float64)
            none = np.zeros(F.n, dtype=np.bool_)
            if not F._has_levels or levels.shape != F._levels(none).shape:
                raise CertificateError(f"{F!r} has no levels of shape {levels.shape}")
            if not np.isfinite(levels).all():
                at = int(np.argmin(np.isfinite(levels)))
                raise CertificateError(
                    f"levels needs finite numbers, but levels[{at}] is {levels[at]}"
                )
            return F._above(levels)
        shares = numbers("shares", self.shares).astype(np.float64)
        if shares.shape != (len(self.sets),) or not len(shares):
            raise CertificateError(f"shares needs one number per set, got {self.shares!r}")
        if not (shares >= 0).all() or not abs(shares.sum() - 1) <= 1e-9:
            raise CertificateError(f"shares needs numbers >= 0 with sum 1, got {shares!r}")
        least = F.marginals(~self.constraints.exclude)
        constant, weights = 0.0, np.zeros(F.n)
        for elements, share in zip(self.sets, shares / shares.sum(), strict=True):
            S = validate.subset(np.asarray(elements, dtype=np.intp), F.n)
            if (S & self.constraints.exclude).any():
                raise CertificateError("A set of the evidence has elements that are excluded")
            gains = F.marginals(S.copy())
            above = float(F.value(S.copy())) - math.fsum(least[S].tolist())
            constant += share * above
            weights += share * np.where(S, least, gains)
        return constant, weights
