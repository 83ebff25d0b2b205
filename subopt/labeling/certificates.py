"""`MessageCertificate`: lower bounds on labeling energies by reparametrization, and their check.

A message M_ev(a) of edge e to its end v moves a part of the cost of the edge to label a of the
node. The energy of every labeling stays the same, and the minima of all nodes and edges add up to a
lower bound, for any messages:

    E(x) >= sum_v min_a [u_v(a) + sum_e M_ev(a)]
            + sum_{e = (p, q)} min_{a, b} [w_e V(a, b) - M_ep(a) - M_eq(b)].

The best messages solve the dual of the local linear program (M. Schlesinger, 1976; T. Werner, "A
linear programming approach to max-sum problem: a review", IEEE TPAMI 29(7), 2007). Minimum cuts and
message passing both end with such messages. The check computes the two sums from the original
energy, in twice the working precision (`_exact`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from subopt._base.answer import CertificateError, ReadOnly, number
from subopt._base.interruptible import LATE, flag, interruptible, is_short
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._exact import Reparametrization, bound_of
from subopt.labeling._magnitude import smallest_step
from subopt.labeling.energy import LabelingEnergy, read_only

FAR_BELOW = 2.0**-20


@dataclass(frozen=True, eq=False)
class MessageCertificate(ReadOnly):
    """Messages from edges to nodes, which prove a lower bound on the energy of every labeling.

    Attributes
    ----------
    messages : ndarray of float64, shape (2, m, L)
        The part of its cost that each edge moves to its first and to its second end, per label.
    lower_bound : float
        The lower bound that the solver reported.
    rest : ndarray of float64, shape (2, m, L), or None
        Lower-order parts of `messages`, if 53 bits are not enough.
    shares : ndarray of float64, shape (n, L), or None
        Label costs divided among the nodes: nonnegative numbers, with column sums of at most the
        label costs. None without label costs.
    """

    messages: Array
    lower_bound: float
    rest: Array | None = None
    shares: Array | None = None

    def __repr__(self) -> str:
        return (
            f"MessageCertificate(lower_bound={self.lower_bound:.6g}, "
            f"messages of shape {np.shape(self.messages)})"
        )

    def check(self, energy: LabelingEnergy, answer: Any) -> float:
        """Recompute the gap from the energy and the messages.

        Parameters
        ----------
        energy : LabelingEnergy
            The energy that was minimized.
        answer : Labeling or array_like of int
            The labeling, or its labels.

        Returns
        -------
        float
            Upper bound on the distance of the energy of `answer` from the minimum. Infinite if
            `answer` uses a forbidden label or pair.

        Raises
        ------
        CertificateError
            If the evidence does not fit the energy, or proves less than `lower_bound`.
        """
        if not isinstance(energy, LabelingEnergy):
            raise TypeError(f"check needs a LabelingEnergy, got {type(energy).__name__}")
        try:
            labels = energy.check_labels("labels", getattr(answer, "labels", answer))
        except (TypeError, ValueError) as error:
            raise CertificateError(str(error)) from error
        measured = measure(energy, labels, self._evidence(energy))
        if not (said := number("lower_bound", self.lower_bound)) <= measured.proven:
            raise CertificateError(f"The messages prove {measured.proven:.17g}, not {said:.17g}")
        return measured.gap

    def _evidence(self, energy: LabelingEnergy) -> Reparametrization:
        shape, m = (energy.n, energy.n_labels), len(energy.tails)
        rest = np.zeros((2, 0, 0)) if self.rest is None else self.rest
        shares = np.zeros((0, 0)) if self.shares is None else self.shares
        for name, array, allowed in (
            ("messages", self.messages, [(2, m, energy.n_labels)]),
            ("rest", rest, [(2, m, energy.n_labels), (2, 0, 0)]),
            ("shares", shares, [shape, (0, 0)]),
        ):
            array = np.asarray(array)
            if (
                array.shape not in allowed
                or array.dtype.kind not in "iuf"
                or not np.isfinite(array).all()
            ):
                raise CertificateError(
                    f"Evidence for this energy needs finite {name} of shape {allowed[0]}, got "
                    f"dtype {array.dtype} and shape {array.shape}"
                )
            if array.size and np.abs(array).max() > 1e120:
                raise CertificateError(f"Evidence needs {name} up to 1e120 for finite sums")
        given = evidence(self.messages, rest, shares)
        if given.shares.size:
            require_shares(given.shares, energy.label_costs)
        return given


def evidence(messages: Array, rest: Array | None, shares: Array | None) -> Reparametrization:
    """Return messages and shares as arrays for kernels."""
    return Reparametrization(
        np.ascontiguousarray(messages, dtype=np.float64),
        np.zeros((2, 0, 0)) if rest is None else np.ascontiguousarray(rest, dtype=np.float64),
        np.zeros((0, 0)) if shares is None else np.ascontiguousarray(shares, dtype=np.float64),
    )


def require_shares(shares: Array, label_costs: Array) -> None:
    """Raise unless shares are >= 0 and add up to at most the label costs, without rounding."""
    for l, cost in enumerate(label_costs.tolist()):
        column = shares[:, l]
        if (column < 0).any() or math.fsum([*column.tolist(), -cost]) > 0:
            raise CertificateError(
                f"shares need numbers >= 0 that add up to at most label_costs[{l}] = {cost:g}; the "
                f"smallest is {column.min():g} and the sum {math.fsum(column):.17g}"
            )


class Measure(NamedTuple):
    """The gap of a labeling, given a certificate."""

    value: float  # the energy, rounded once
    proven: float  # the bound, rounded once as well, so that rounding keeps it below the minimum
    lower_bound: float  # the bound, but less than the value unless the value is proven minimal
    gap: float  # rounded up
    rounding: bool  # whether every slack is a rounding error of the numbers that it is made of


def lowered(bound: float, value: float) -> float:
    """Return a bound as it holds for labels that are not proven minimal: below their value."""
    return min(bound, math.nextafter(value, -math.inf))


def measure_again(
    energy: LabelingEnergy,
    labels: Array,
    given: Reparametrization,
    before: Measure,
    deadline: Deadline,
) -> Measure:
    """Measure other labels with a certificate; at the deadline, keep the bound of a measure."""
    if is_short(given.high.size) or not deadline.passed():
        found = measure(energy, labels, given, deadline=deadline)
        if found.lower_bound > -np.inf:
            return found
    value = energy.value(labels)
    if value == before.value:
        return before
    lower = lowered(before.lower_bound, value)
    return before._replace(value=value, lower_bound=lower, rounding=False)


def weaker(found: Measure, before: Measure) -> bool:
    """Return whether a measure proves less than an earlier one, beyond rounding errors."""
    return found.lower_bound < before.lower_bound and not found.rounding


def measure(
    energy: LabelingEnergy,
    labels: Array,
    given: Reparametrization,
    *,
    strict: bool = False,
    deadline: Deadline | None = None,
) -> Measure:
    """Compare the energy of labels with the bound of a certificate.

    If that takes longer than `LATE` after the deadline, nothing is proven: the bound is -inf.

    With `strict`, a gap counts as a rounding error only if it is far below the smallest cost. This
    is for energies whose numbers differ so much in magnitude that the rounding error at one node
    may be as large as a cost at another one.
    """
    # rounding errors of flows and messages along paths add up like a random walk
    unit = 2.0**-52 * max(64.0, 16.0 * math.sqrt(energy.n * energy.n_labels))
    labels = read_only(labels)
    with np.errstate(invalid="ignore"):  # of infinities, without the JIT
        args, stop = (energy.terms, given, labels, unit), flag()
        until = None if deadline is None else deadline.moved(LATE)
        short = is_short(given.high.size)
        bound, rough = interruptible(bound_of, *args, stop, stop=stop, deadline=until, short=short)
    if stop[0]:
        return Measure(energy.value(labels), -np.inf, -np.inf, np.inf, False)
    proven = Fraction(bound[0]) + Fraction(bound[1]) - Fraction(bound[2])
    parts = energy._parts(labels)
    if parts[0] == np.inf:
        return Measure(np.inf, float(proven), float(proven), np.inf, False)
    value = sum(map(Fraction, parts), Fraction(0))
    for l in np.unique(labels) if energy.label_costs.any() else ():
        cost = float(energy.label_costs[l])
        value += Fraction(cost)
        here = given.shares[labels == l, l].tolist() if given.shares.size else []
        if cost - math.fsum(here) > unit * cost:
            rough += cost
    gap = value - proven + Fraction(abs(parts[2]) * 2.0**-50)
    rounded = float(gap)
    if Fraction(rounded) < gap:
        rounded = math.nextafter(rounded, math.inf)
    lower = float(proven)
    met = rough == 0.0 and not (strict and rounded > FAR_BELOW * smallest_step(energy))
    if not met and lower >= float(value):  # the difference is smaller than a unit of the value
        lower = lowered(lower, float(value))
    return Measure(float(value), float(proven), lower, max(0.0, rounded), met)
