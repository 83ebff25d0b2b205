"""Certificates of lower bounds on the minimum of F, which can be re-checked from F alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, ReadOnly, number, numbers
from subopt._base.jit import njit
from subopt._base.options import documented_with
from subopt._base.types import Array, Subset
from subopt.forms.decomposable import summands
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.cut_form import CutForm
from subopt.functions.diminishing_returns import all_masks, spot_check
from subopt.submodular.result import Result

EPS = 2.0**-52
LOCAL = 2.0**-36
"""Largest error of an entry of a base, relative to the numbers that it is computed from."""
NEAR = 2.0**-20
"""An entry of a base that is smaller than this, relative to the same numbers, counts as near 0."""

_checks = documented_with(
    {
        "answer": (
            "Result, boolean mask (n,) or iterable of int",
            "The set S that is claimed to be a minimizer.",
        )
    }
)


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

    @_checks
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
        mask = _mask_of(F, answer)
        try:
            violation = spot_check(F)
        except ValueError as error:  # greedy contradicts the values
            raise CertificateError(str(error)) from error
        if violation is not None:
            raise CertificateError(f"{F!r} is not submodular: {violation}")
        self.validate(F.n)
        orders = np.asarray(self.orders, dtype=np.intp)
        weights = np.asarray(self.weights, dtype=np.float64)
        weights = weights / weights.sum()
        x, size, missing = np.zeros(F.n), np.zeros(F.n), 0.0
        for order, weight in zip(orders, weights, strict=True):
            gains = F.greedy(order)
            x += weight * gains
            size += weight * np.abs(gains)
            inside = mask[order]
            if not inside[: np.count_nonzero(mask)].all():
                # F(S) minus the vertex on S: gains of S are larger if S comes first in the order
                first = F.greedy(np.concatenate([order[inside], order[~inside]]))
                less = float((first - gains)[mask].sum())
                size[mask] += weight * np.abs(first)[mask]
                missing += weight * less
        size = np.maximum(size, _sizes(F))
        slack = 1e-6 if F._by_value() else LOCAL
        if missing < -slack * size[mask].sum():
            raise CertificateError(
                f"A base of {F!r} exceeds F(S) by {-missing:.6g}: F is not submodular, or not the "
                "function that this certificate is about"
            )
        return _gap(F, mask, answer, self.lower_bound, np.where(mask, x, -x), missing, size)


@dataclass(frozen=True, eq=False)
class FlowCertificate(ReadOnly):
    """A flow in the graph of F, which bounds all its cuts from below.

    Let f be a flow within the capacities of ``F.as_cut()``, and x the unary costs plus the net
    outflow of f. Every set X of nodes satisfies x(X) ≤ cut(X), so the sum of the negative entries
    of x is a lower bound on F. Computing it takes less time than one sweep. If F is integral, the
    bound may be rounded up to the next integer.

    Attributes
    ----------
    flow : ndarray of float64, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]`` of ``F.as_cut()``, negative if it runs the other way.
        Flow beyond the capacities is removed before the check.
    lower_bound : float
        The lower bound that the solver reported.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> certificate = FlowCertificate(np.array([0.5]), lower_bound=-2.5)
    >>> certificate.check(F, [0, 1])
    0.0
    """

    flow: Array
    lower_bound: float

    @_checks
    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from F alone; O(n + m).

        Parameters
        ----------
        F : SetFunction
            The function that was minimized, cut-representable. ``F.as_cut()`` is assumed to
            represent F, as it does for all built-in families.
        %(answer)s

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
        require_set_function(F)
        mask = _mask_of(F, answer)
        try:
            form = F.as_cut()
        except TypeError as error:
            raise CertificateError(f"A flow proves nothing about {F!r}: {error}") from error
        flow = numbers("flow", self.flow).astype(np.float64)
        if flow.shape != form.tails.shape or not np.isfinite(flow).all():
            raise CertificateError(
                f"A flow in the graph of {F!r} needs {len(form.tails)} finite numbers, got shape "
                f"{flow.shape}"
            )
        flow = np.clip(flow, -form.reverse, form.capacities)
        nodes = len(form.unary)
        x, size = form.unary.copy(), np.abs(form.unary)
        np.add.at(x, form.tails, flow)
        np.subtract.at(x, form.heads, flow)
        for ends in (form.tails, form.heads):
            np.add.at(size, ends, form.capacities + form.reverse)
        inside = np.zeros(nodes, dtype=np.bool_)
        inside[: F.n] = mask
        inside[F.n :] = _auxiliary(form, inside)
        # cut minus bound is a sum over nodes and arcs of nonnegative terms
        leaving = inside[form.tails] & ~inside[form.heads]
        entering = inside[form.heads] & ~inside[form.tails]
        arcs = (form.capacities - flow)[leaving].sum() + (form.reverse + flow)[entering].sum()
        size[: F.n] = np.maximum(size[: F.n], _sizes(F))
        wrong = np.where(inside, x, -x)
        return _gap(F, mask, answer, self.lower_bound, wrong, float(arcs), size)


def _auxiliary(form: CutForm, inside: Array) -> Array:
    """Return the auxiliary nodes of a minimum cut, given the elements that are inside.

    In built-in functions, auxiliary nodes have arcs to elements only, so that each node can be
    placed independently of the others.
    """
    n = form.n
    costs = form.unary.copy()  # cost of being inside minus cost of being outside
    for tails, heads, ahead, behind in (
        (form.tails, form.heads, form.capacities, form.reverse),
        (form.heads, form.tails, form.reverse, form.capacities),
    ):
        own = (tails >= n) & (heads < n)
        there = inside[heads[own]]
        np.add.at(costs, tails[own], np.where(there, -behind[own], ahead[own]))
    return costs[n:] < 0


@dataclass(frozen=True, eq=False)
class SummandCertificate(ReadOnly):
    """A base of a sum of simple functions, as one base per function.

    The parts are those of `subopt.forms.decomposable.summands`: cuts of paths, whose bases are
    flows, and concave functions of a count, whose bases are tested by sorting.

    Attributes
    ----------
    shares : ndarray of float64, shape (size,)
        The bases of the parts, one after the other, with one entry per member. On a path, flow
        beyond the capacities is removed. For a function of a count, the excess of the base over the
        function is subtracted from the bound.
    lower_bound : float
        The lower bound that the solver reported.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> SummandCertificate(np.array([0.5, -0.5]), lower_bound=-2.5).check(F, [0, 1])
    0.0
    """

    shares: Array
    lower_bound: float

    @_checks
    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from F alone; O(size log size).

        Parameters
        ----------
        F : SetFunction
            The function that was minimized: a sum of simple functions.
        %(answer)s

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If F is not a sum of simple functions, if there is not one share per member, or if the
            shares prove less than `lower_bound`, or a bound above F(S), by more than rounding.
        """
        require_set_function(F)
        mask = _mask_of(F, answer)
        try:
            parts = summands(F)
        except TypeError as error:
            raise CertificateError(str(error)) from error
        shares = numbers("shares", self.shares).astype(np.float64)
        if shares.shape != parts.elements.shape or not np.isfinite(shares).all():
            raise CertificateError(
                f"Bases of the summands of {F!r} need {len(parts.elements)} finite numbers, got "
                f"shape {shares.shape}"
            )
        x, missing = parts.unary.copy(), np.zeros(F.n)
        _missing(parts.arrays, shares, mask, x, missing)
        size, wrong, less = _sizes(F), np.where(mask, x, -x), float(missing.sum())
        rounding = 64 * EPS * float(np.abs(parts.first).sum() + np.abs(parts.second).sum())
        said = number("lower_bound", self.lower_bound) - rounding
        return _gap(F, mask, answer, said, wrong, less, size)


@njit
def _missing(parts, shares, mask, x, missing):
    """Add the shares to x, and the difference F_p(S) - shares(S) of each part p to `missing`.

    On a path, the difference is the sum of capacity minus flow over the edges that S cuts. For a
    function of a count, it is the sum of the first slopes minus the shares of the members in S,
    plus the largest excess of shares over slopes. It is added at one member of the part.
    """
    elements, first, second = parts.elements, parts.first, parts.second
    for p in range(parts.is_path.shape[0]):
        a, b = parts.indptr[p], parts.indptr[p + 1]
        if a == b:
            continue
        if parts.is_path[p]:
            flow = 0.0
            for k in range(a, b):
                before = flow
                flow = min(max(before + shares[k], -second[k]), first[k])
                x[elements[k]] += flow - before
                if k + 1 < b and mask[elements[k]] != mask[elements[k + 1]]:
                    left = first[k] - flow if mask[elements[k]] else second[k] + flow
                    missing[elements[k]] += left
            continue
        order = np.argsort(-shares[a:b], kind="mergesort")
        over, total, inside, count = 0.0, 0.0, 0.0, 0
        for k in range(b - a):
            j = a + order[k]
            x[elements[j]] += shares[j]
            total += shares[j] - first[a + k]
            over = max(over, total)
            if mask[elements[j]]:
                inside += first[a + count] - shares[j]
                count += 1
        missing[elements[a]] += max(over + inside, 0.0)


def _mask_of(F: SetFunction | DifferenceOfSubmodular, answer: Result | Subset) -> Array:
    """Return the set of an answer as a mask, or raise if it is not a set of elements of F."""
    if not isinstance(F, DifferenceOfSubmodular):
        require_set_function(F)
    try:
        return validate.subset(answer.mask if isinstance(answer, Result) else answer, F.n)
    except (TypeError, ValueError) as error:
        raise CertificateError(f"Not a set of {F!r}: {error}") from error


def _sizes(F: SetFunction | DifferenceOfSubmodular) -> Array:
    """Return the magnitude of the numbers that the gains of each element are computed from."""
    parts = (F.f, F.g) if isinstance(F, DifferenceOfSubmodular) else (F,)
    return np.sum([part._range().size for part in parts], axis=0)


def _value_of(F: SetFunction | DifferenceOfSubmodular, mask: Array, answer: Any) -> float:
    """Return F(S), or raise if a result claims another value."""
    value = F.value(mask.copy())
    if not isinstance(answer, Result) or answer.value == value:
        return value
    if not abs(answer.value - value) <= 64 * EPS * (abs(value) + _sizes(F)[mask].sum()):
        raise CertificateError(f"F(S) is {value!r}, not {answer.value!r}")
    return value


def _gap(
    F: SetFunction,
    mask: Array,
    answer: Result | Subset,
    said: float,
    wrong: Array,
    missing: float,
    size: Array,
) -> float:
    """Return the gap that a base x proves, or raise if the claimed bound `said` is larger.

    The gap F(S) - sum of min(x, 0) is computed as a sum of nonnegative terms, without cancellation:
    `missing`, which is F(S) - x(S), plus the entries of x that are positive in S or negative
    outside S, which are the positive entries of `wrong`. Rounding errors of an element are relative
    to `size`, the magnitude of the numbers that its gains are computed from. An entry of x with the
    right sign and far from 0 does not contribute, however large its error is.
    """
    value = _value_of(F, mask, answer)
    gap = max(0.0, float(missing)) + float(np.maximum(wrong, 0.0).sum())
    if F.integral:
        gap = float(math.floor(gap + max(1e-4, 1e-12 * gap)))
    near = wrong > -NEAR * size
    rounding = LOCAL * size[near].sum() + 64 * EPS * (size[: F.n][mask].sum() + abs(value))
    said = number("lower_bound", said)
    if not said <= value - gap + rounding:
        raise CertificateError(
            f"The evidence proves min F >= {value - gap:.12g}, not {said:.12g}: F is not the "
            "function that this certificate is about, or the bound is wrong"
        )
    return gap


@dataclass(frozen=True, eq=False)
class ExhaustiveCertificate:
    """A certificate that is checked by evaluating all 2^n sets, for any set function.

    Attributes
    ----------
    lower_bound : float
        The smallest value of F.
    """

    lower_bound: float

    @_checks
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
        mask = _mask_of(F, answer)
        value = _value_of(F, mask, answer)
        lowest = min(F.value(mask.copy()) for mask in all_masks(F.n))
        said = number("lower_bound", self.lower_bound)
        if not abs(lowest - said) <= 64 * EPS * abs(lowest):
            raise CertificateError(f"The smallest value is {lowest:.12g}, not {said:.12g}")
        return float(value - lowest)
