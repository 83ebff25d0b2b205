"""Evidence that can be re-checked from F alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError
from subopt._base.jit import njit
from subopt._base.types import Array, Subset
from subopt.forms.decomposable import summands
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.cut_form import CutForm
from subopt.functions.diminishing_returns import all_masks, spot_check
from subopt.submodular.result import Result

EPS = 2.0**-52
LOCAL = 2.0**-36
"""Relative error that an entry of a base may have, of the numbers that it is computed from."""
NEAR = 2.0**-20
"""An entry of a base below this share of these numbers is close to 0."""


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
        self.validate(F.n)
        weights = np.asarray(self.weights, dtype=np.float64)
        x = np.zeros(F.n)
        for order, weight in zip(self.orders, weights / weights.sum(), strict=True):
            x += weight * F.greedy(order)
        return x

    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone.

        Parameters
        ----------
        F : SetFunction
            Submodular. Families of `subopt` are by construction, which is believed; of a function
            that is known by its values only, a few more sets are looked at, as in `minimize`.
        answer : Result, boolean mask (n,) or iterable of int
            The set S that is said to be a minimizer.

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0. Costs one greedy sweep per order, and another one
            for each order that S is not the first part of.

        Raises
        ------
        CertificateError
            If the base proves less than `lower_bound`, or a bound above F(S), by more than
            rounding; or if F is seen not to be submodular, or its greedy not to be what its values
            say.
        """
        mask = _mask_of(F, answer)
        try:
            violation = spot_check(F)
        except ValueError as error:  # its greedy is not what its values say
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
                # F(S) less what the vertex has on S: the gains of S fall when others come first
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

    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone; O(n + m).

        Parameters
        ----------
        F : SetFunction
            Cut-representable; `F.as_cut` is taken to be F, as it is for all built-in families.
        answer : Result, boolean mask (n,) or iterable of int
            The set S that is said to be a minimizer.

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
        mask = _mask_of(F, answer)
        form = F.as_cut()
        flow = np.asarray(self.flow, dtype=np.float64)
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
        # what a cut exceeds the flow by is a sum over nodes and arcs, of which each is >= 0
        leaving = inside[form.tails] & ~inside[form.heads]
        entering = inside[form.heads] & ~inside[form.tails]
        arcs = (form.capacities - flow)[leaving].sum() + (form.reverse + flow)[entering].sum()
        size[: F.n] = np.maximum(size[: F.n], _sizes(F))
        wrong = np.where(inside, x, -x)
        return _gap(F, mask, answer, self.lower_bound, wrong, float(arcs), size)


def _auxiliary(form: CutForm, inside: Array) -> Array:
    """Return the auxiliary nodes of a least cut around given elements.

    Those of built-in functions have arcs to elements only, so that each decides for itself.
    """
    n = form.n
    costs = form.unary.copy()  # of being in rather than out
    for tails, heads, ahead, behind in (
        (form.tails, form.heads, form.capacities, form.reverse),
        (form.heads, form.tails, form.reverse, form.capacities),
    ):
        own = (tails >= n) & (heads < n)
        there = inside[heads[own]]
        np.add.at(costs, tails[own], np.where(there, -behind[own], ahead[own]))
    return costs[n:] < 0


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

    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute how far F(S) can be from the minimum, from F alone; O(size log size).

        Raises
        ------
        CertificateError
            If there is not one share per member, or if they prove less than `lower_bound`, or a
            bound above F(S), by more than rounding.
        TypeError
            If F is not a sum of simple functions.
        """
        mask = _mask_of(F, answer)
        try:
            parts = summands(F)
        except TypeError as error:
            raise CertificateError(str(error)) from error
        shares = np.asarray(self.shares, dtype=np.float64)
        if shares.shape != parts.elements.shape or not np.isfinite(shares).all():
            raise CertificateError(
                f"Bases of the summands of {F!r} need {len(parts.elements)} finite numbers, got "
                f"shape {shares.shape}"
            )
        x, missing = parts.unary.copy(), np.zeros(F.n)
        _missing(*parts.arrays, shares, mask, x, missing)
        size, wrong, less = _sizes(F), np.where(mask, x, -x), float(missing.sum())
        rounding = 64 * EPS * float(np.abs(parts.first).sum() + np.abs(parts.second).sum())
        return _gap(F, mask, answer, self.lower_bound - rounding, wrong, less, size)


@njit
def _missing(indptr, elements, first, second, is_path, shares, mask, x, missing):
    """Add the shares to x, and what they leave of each part on a set to one of its members.

    A path leaves the difference of capacity and flow at each edge that is cut. A function of a size
    leaves the slopes less the largest shares of its members in the set, and what the largest
    shares of all its members exceed the slopes by.
    """
    for p in range(is_path.shape[0]):
        a, b = indptr[p], indptr[p + 1]
        if a == b:
            continue
        if is_path[p]:
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
    """Return the set of an answer as a mask, or raise if it is no set of F."""
    try:
        return validate.subset(answer.mask if isinstance(answer, Result) else answer, F.n)
    except (TypeError, ValueError) as error:
        raise CertificateError(f"Not a set of {F!r}: {error}") from error


def _sizes(F: SetFunction | DifferenceOfSubmodular) -> Array:
    """Return the size of the numbers that the gains of each element are made of."""
    parts = (F.f, F.g) if isinstance(F, DifferenceOfSubmodular) else (F,)
    return np.sum([part._range().size for part in parts], axis=0)


def _value_of(F: SetFunction | DifferenceOfSubmodular, mask: Array, answer: Any) -> float:
    """Return F(S), or raise if a result has another value."""
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
    """Return the gap that a base x proves, or raise if `said` is more than it proves.

    F(S) - sum of min(x, 0) is the sum of what x leaves of F(S), `missing`, and of what it has above
    0 in S and below 0 outside, the positive part of `wrong`: no number cancels another one. `size`
    is that of the numbers that the gains of an element are made of, and which errors are relative
    to. Where x is far from 0 on the right side, errors of x change nothing, however large x is.
    """
    value = _value_of(F, mask, answer)
    gap = max(0.0, missing) + float(np.maximum(wrong, 0.0).sum())
    if F.integral:
        gap = float(math.floor(gap + max(1e-4, 1e-12 * gap)))
    near = wrong > -NEAR * size
    rounding = LOCAL * size[near].sum() + 64 * EPS * (size[: F.n][mask].sum() + abs(value))
    if not said <= value - gap + rounding:
        raise CertificateError(
            f"The evidence proves min F >= {value - gap:.12g}, not {said:.12g}: F is not the "
            "function that this certificate is about, or the bound is wrong"
        )
    return gap


@dataclass(frozen=True, eq=False)
class ExhaustiveCertificate:
    """All 2^n values: no more than the definition, for any set function.

    Attributes
    ----------
    lower_bound : float
        The smallest value.
    """

    lower_bound: float

    def check(self, F: SetFunction | DifferenceOfSubmodular, answer: Result | Subset) -> float:
        """Evaluate F at all sets and return the gap.

        Raises
        ------
        CertificateError
            If the smallest value is not `lower_bound`.
        """
        mask = _mask_of(F, answer)
        value = _value_of(F, mask, answer)
        lowest = min(F.value(mask.copy()) for mask in all_masks(F.n))
        if not abs(lowest - self.lower_bound) <= 64 * EPS * abs(lowest):
            raise CertificateError(f"The smallest value is {lowest:.12g}, not {self.lower_bound}")
        return float(value - lowest)
