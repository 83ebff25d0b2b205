"""Evidence that can be re-checked from F alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, round_up
from subopt._base.types import Array, Subset
from subopt.forms.decomposable import summands
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.diminishing_returns import all_masks, spot_check


@dataclass(frozen=True, eq=False)
class BaseCertificate:
    """A base of F as a convex combination of greedy vertices.

    Every base x has x(S) ≤ F(S), so the sum of its negative entries bounds all values of F from
    below. If F is integral, the bound may be rounded up to the next integer. What this rests on is
    that F is submodular, and normalised: else a greedy vertex is no base.

    Attributes
    ----------
    orders : ndarray of intp, shape (k, n)
        Permutations of V, one a vertex.
    weights : ndarray of float64, shape (k,)
        Nonnegative, of sum 1.
    lower_bound : float
        What the base was found to prove.

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
        """Raise unless there are orders of n elements with convex weights."""
        orders, weights = np.asarray(self.orders), np.asarray(self.weights, dtype=np.float64)
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
        """Return the base, by one greedy sweep of F per order.

        Raises
        ------
        CertificateError
            If the orders are no permutations of V or the weights are not convex.
        """
        return self._sweep(F)[0]

    def _sweep(self, F: SetFunction) -> tuple[Array, float]:
        """Return the base and the size of the numbers that it was made of."""
        self.validate(F.n)
        x, size = np.zeros(F.n), 0.0
        total = float(np.sum(self.weights))
        for order, weight in zip(self.orders, self.weights, strict=True):
            gains = F.greedy(order)
            x += weight / total * gains
            size += weight / total * float(np.abs(gains).sum())
        return x, size

    def check(self, F: SetFunction, S: Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone.

        Parameters
        ----------
        F : SetFunction
            Submodular. Families of `subopt` are by construction, which is believed; of a function
            that is known by its values only, a few more sets are looked at, as in `minimize`.
        S : boolean mask (n,) or iterable of int
            The set that is said to be a minimizer.

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0. Costs one greedy sweep per order.

        Raises
        ------
        CertificateError
            If the base proves less than `lower_bound`, or a bound above F(S), by more than
            rounding; or if F is seen not to be submodular, or its greedy not to be what its values
            say.
        """
        mask = validate.subset(S, F.n)
        try:
            violation = spot_check(F)
        except ValueError as error:  # its greedy is not what its values say
            raise CertificateError(str(error)) from error
        if violation is not None:
            raise CertificateError(f"{F!r} is not submodular: {violation}")
        x, size = self._sweep(F)
        return _gap(F, mask, "base", float(np.minimum(x, 0.0).sum()), size, self.lower_bound)


@dataclass(frozen=True, eq=False)
class FlowCertificate:
    """A flow in the graph of F, which bounds all its cuts from below.

    With the arcs of ``F.as_cut()``, a flow f within the capacities and x = unary + outflow of f,
    every set X of nodes has x(X) ≤ cut(X). So the sum of the negative entries of x bounds F from
    below, by less than one sweep of work. If F is integral, the bound may be rounded up.

    Attributes
    ----------
    flow : ndarray of float64, shape (m,)
        From ``tails[e]`` to ``heads[e]`` of ``F.as_cut()``, negative if it runs the other way. What
        exceeds a capacity is cut off before it proves anything.
    lower_bound : float
        What the flow was found to prove.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> certificate = FlowCertificate(np.array([0.5]), lower_bound=-2.5)
    >>> certificate.check(F, [0, 1])
    0.0
    """

    flow: Array
    lower_bound: float

    def check(self, F: SetFunction, S: Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone; O(n + m).

        Parameters
        ----------
        F : SetFunction
            Cut-representable; `F.as_cut` is taken to be F, as it is for all built-in families.
        S : boolean mask (n,) or iterable of int
            The set that is said to be a minimizer.

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If the flow is not one number per arc, or proves less than `lower_bound`, or a bound
            above F(S), by more than rounding.
        """
        mask = validate.subset(S, F.n)
        form = F.as_cut()
        flow = np.asarray(self.flow, dtype=np.float64)
        if flow.shape != form.tails.shape or not np.isfinite(flow).all():
            raise CertificateError(
                f"A flow in the graph of {F!r} needs {len(form.tails)} finite numbers, got shape "
                f"{flow.shape}"
            )
        flow = np.clip(flow, -form.reverse, form.capacities)
        proven = form.bound(flow)
        size = float(np.abs(form.unary).sum() + np.abs(flow).sum() + abs(form.offset))
        return _gap(F, mask, "flow", proven, size, self.lower_bound)


@dataclass(frozen=True, eq=False)
class SummandCertificate:
    """A base of a sum of simple functions, as one base for each of them.

    The parts are those of `subopt.forms.decomposable.summands`: paths, whose bases are flows, and
    concave functions of a size, whose bases are tested by sorting.

    Attributes
    ----------
    shares : ndarray of float64, shape (size,)
        What each part gives to each of its members. What exceeds a capacity on a path is cut off,
        and what exceeds a function of a size is subtracted from the bound.
    lower_bound : float
        What the bases were found to prove.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> SummandCertificate(np.array([0.5, -0.5]), lower_bound=-2.5).check(F, [0, 1])
    0.0
    """

    shares: Array
    lower_bound: float

    def check(self, F: SetFunction, S: Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone; O(size log size).

        Raises
        ------
        CertificateError
            If there is not one share per member, or if they prove less than `lower_bound`, or a
            bound above F(S), by more than rounding.
        TypeError
            If F is not a sum of simple functions.
        """
        mask = validate.subset(S, F.n)
        parts, shares = summands(F), np.asarray(self.shares, dtype=np.float64)
        if shares.shape != parts.elements.shape or not np.isfinite(shares).all():
            raise CertificateError(
                f"Bases of the summands of {F!r} need {len(parts.elements)} finite numbers, got "
                f"shape {shares.shape}"
            )
        x, excess = parts.bound(shares)
        size = float(sum(np.abs(a).sum() for a in (parts.unary, parts.first, parts.second)))
        proven = float(np.minimum(x, 0.0).sum()) - excess
        return _gap(F, mask, "summands", proven, size, self.lower_bound)


def _gap(
    F: SetFunction, mask: Array, evidence: str, proven: float, size: float, said: float
) -> float:
    """Return F(S) - proven, or raise if that is not what was said.

    `size` is that of the numbers which were added up, and may have cancelled.
    """
    value = F.value(mask)
    rounding = 1e-9 * max(size, abs(value)) + 1e-12
    if F.integral:
        proven = max(proven, round_up(proven, 1e-4))
    if not said <= proven + rounding:
        raise CertificateError(f"The {evidence} proves min F >= {proven:.12g}, not {said:.12g}")
    if not proven <= value + rounding:
        raise CertificateError(
            f"The {evidence} proves min F >= {proven:.12g}, but F(S) is {value:.12g}: F is not "
            "submodular, or not the function that this certificate is about"
        )
    return max(0.0, value - proven)


@dataclass(frozen=True, eq=False)
class ExhaustiveCertificate:
    """All 2^n values: no more than the definition, for any set function.

    Attributes
    ----------
    lower_bound : float
        The smallest value.
    """

    lower_bound: float

    def check(self, F: SetFunction | DifferenceOfSubmodular, S: Subset) -> float:
        """Evaluate F at all sets, raise `CertificateError` if one is lower, and return the gap."""
        value = F.value(validate.subset(S, F.n))
        lowest = min(F.value(mask.copy()) for mask in all_masks(F.n))
        if not abs(lowest - self.lower_bound) <= 1e-9 * max(1e-300, abs(lowest)):
            raise CertificateError(f"The smallest value is {lowest:.12g}, not {self.lower_bound}")
        return value - lowest
