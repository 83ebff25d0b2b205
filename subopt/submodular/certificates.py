"""Certificates of lower bounds on the minimum of F, which can be re-checked from F alone.

This module has convex combinations of greedy vertices, and the enumeration of all sets.
`flow_certificate` and `summand_certificate` have the other kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, ReadOnly, number, numbers
from subopt._base.types import Array, Subset
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.diminishing_returns import all_masks, spot_check
from subopt.submodular._contradictions import compared
from subopt.submodular._recheck import EPS, LOCAL, checks, gap_of, mask_of, sizes_of, value_of
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False)
class BaseCertificate(ReadOnly):
    """A base of F as a convex combination of greedy vertices.

    Every base x satisfies x(S) ≤ F(S) for all S, so the sum of its negative entries is a lower
    bound on F. If F is integral, the bound may be rounded up to the next integer. The proof assumes
    that F is submodular with F(∅) = 0; otherwise a greedy vertex need not be a base.

    Attributes
    ----------
    orders : ndarray of intp, shape (k, n)
        Permutations of V, one per greedy vertex.
    weights : ndarray of float64, shape (k,)
        Nonnegative weights of the vertices, with sum 1.
    lower_bound : float
        The lower bound that the solver reported.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> certificate = BaseCertificate(np.array([[0, 1]]), np.ones(1), lower_bound=-2.5)
    >>> certificate.base(F), certificate.check(F, [0, 1])
    (array([-2. , -0.5]), 0.0)
    """

    orders: Array
    weights: Array
    lower_bound: float

    def validate(self, n: int) -> None:
        """Raise unless the orders are permutations of n elements with convex weights.

        Parameters
        ----------
        n : int
            Size of the ground set.

        Raises
        ------
        CertificateError
            If they are not.
        """
        orders, weights = numbers("orders", self.orders), numbers("weights", self.weights)
        if orders.ndim != 2 or orders.shape[1] != n or weights.shape != (len(orders),):
            raise CertificateError(
                f"A base of a function on {n} elements needs orders (k, {n}) and weights (k,), "
                f"got {orders.shape} and {weights.shape}"
            )
        if not (weights >= 0).all() or not abs(weights.sum() - 1) <= 1e-9:
            raise CertificateError(
                f"weights need to be nonnegative with sum 1, but the smallest is "
                f"{weights.min(initial=math.inf):g} and the sum {weights.sum():.12g}"
            )
        for order in orders:
            try:
                validate.order(order, n)
            except ValueError as error:
                raise CertificateError(f"Not an order of V: {error}") from error

    def base(self, F: SetFunction) -> Array:
        """Recompute the base, by one greedy sweep of F per order.

        Parameters
        ----------
        F : SetFunction
            The function that was minimized.

        Returns
        -------
        ndarray of float64, shape (n,)
            The convex combination of the greedy vertices.

        Raises
        ------
        CertificateError
            If the orders are not permutations of V or the weights are not convex.
        """
        self.validate(F.n)
        weights = np.asarray(self.weights, dtype=np.float64)
        x = np.zeros(F.n)
        for order, weight in zip(self.orders, weights / weights.sum(), strict=True):
            x += weight * F.greedy(order)
        return x

    @checks
    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from F alone.

        The work is one greedy sweep per order, and a second one for each order that does not begin
        with the elements of S.

        Parameters
        ----------
        F : SetFunction
            The function that was minimized, submodular. The families of `subopt` are submodular by
            construction. If F can only be evaluated, a few sets are tested, as in `minimize`.
        %(answer)s

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If the base proves less than `lower_bound`, or a bound above F(S), by more than
            rounding; or if F is found not to be submodular, or its greedy to contradict its values.
        """
        require_set_function(F)
        mask = mask_of(F, answer)
        sweep = _sweeps(F)
        self.validate(F.n)
        orders = np.asarray(self.orders, dtype=np.intp)
        weights = np.asarray(self.weights, dtype=np.float64)
        weights = weights / weights.sum()
        x, size, missing = np.zeros(F.n), np.zeros(F.n), 0.0
        for order, weight in zip(orders, weights, strict=True):
            gains = sweep(order)
            x += weight * gains
            size += weight * np.abs(gains)
            inside = mask[order]
            if not inside[: np.count_nonzero(mask)].all():
                # F(S) minus the vertex on S: gains of S are larger if S comes first in the order
                first = sweep(np.concatenate([order[inside], order[~inside]]))
                less = float((first - gains)[mask].sum())
                size[mask] += weight * np.abs(first)[mask]
                missing += weight * less
        size = np.maximum(size, sizes_of(F))
        slack = 1e-6 if F._by_value() else LOCAL
        if missing < -slack * size[mask].sum():
            raise CertificateError(
                f"A base of {F!r} exceeds F(S) by {-missing:.6g}: F is not submodular, or not the "
                "function that this certificate is about"
            )
        return gap_of(F, mask, answer, self.lower_bound, np.where(mask, x, -x), missing, size)


def _sweeps(F: SetFunction) -> Callable[[Array], Array]:
    """Return the method `greedy` of F.

    If F can only be evaluated, it is tested at a few sets, and sweeps are compared with each other:
    `CertificateError` is raised where F is found not to be submodular.
    """
    if not F._by_value():
        return F.greedy
    try:
        if (violation := spot_check(F)) is not None:
            raise CertificateError(f"{F!r} is not submodular: {violation}")
        sweep = compared(F, F._range())
    except CertificateError:
        raise
    except ValueError as error:  # also where greedy contradicts the values
        raise CertificateError(str(error)) from error

    def checked(order: Array) -> Array:
        try:
            return sweep(order)
        except ValueError as error:
            raise CertificateError(str(error)) from error

    return checked


@dataclass(frozen=True, eq=False)
class ExhaustiveCertificate:
    """A certificate that is checked by evaluating all 2^n sets, for any set function.

    Attributes
    ----------
    lower_bound : float
        The smallest value of F.
    """

    lower_bound: float

    @checks
    def check(self, F: SetFunction | DifferenceOfSubmodular, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, by evaluating F at all 2^n sets.

        Parameters
        ----------
        F : SetFunction or DifferenceOfSubmodular
            The function that was minimized.
        %(answer)s

        Returns
        -------
        float
            ``F(S) - min F``.

        Raises
        ------
        CertificateError
            If the smallest value is not `lower_bound`.
        """
        if not isinstance(F, DifferenceOfSubmodular):
            require_set_function(F)
        mask = mask_of(F, answer)
        value = value_of(F, mask, answer)
        lowest = min(F.value(mask.copy()) for mask in all_masks(F.n))
        said = number("lower_bound", self.lower_bound)
        if not abs(lowest - said) <= 64 * EPS * abs(lowest):
            raise CertificateError(f"The smallest value is {lowest:.12g}, not {said:.12g}")
        return float(value - lowest)
