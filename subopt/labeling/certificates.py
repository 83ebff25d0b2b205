"""Evidence for lower bounds on labeling energies, and its check.

Every edge may give any amounts to its two ends, label by label. What a node pays with these, and
what every edge keeps, adds up to the energy of each labeling, so the minima of all nodes and edges
add up to a lower bound, whatever the amounts are:

    E(x) >= sum_v min_a [u_v(a) + sum_e M_ev(a)]
            + sum_{e = (p, q)} min_{a, b} [w_e V(a, b) - M_ep(a) - M_eq(b)].

The best amounts solve the dual of the local linear program (M. Schlesinger, 1976; T. Werner, "A
linear programming approach to max-sum problem: a review", IEEE TPAMI 29(7), 2007). A minimum cut
and message passing both end with such amounts. The check computes the two sums from the energy as
it was given, in twice the working precision (`_exact`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from subopt._base.answer import CertificateError
from subopt._base.types import Array
from subopt.labeling._exact import Reparametrization, bound_of, energy_of
from subopt.labeling._magnitude import smallest_step
from subopt.labeling.energy import LabelingEnergy

FAR_BELOW = 2.0**-20


@dataclass(frozen=True, eq=False)
class MessageCertificate:
    """Amounts that edges give to their ends, which prove a lower bound.

    Attributes
    ----------
    messages : ndarray of float64, shape (2, m, L)
        What each edge gives to its first and to its second end, for every label.
    lower_bound : float
        What these were found to prove.
    rest : ndarray of float64, shape (2, m, L), or None
        Lower-order parts of `messages`, where these need more than 53 bits.
    shares : ndarray of float64, shape (n, L), or None
        Label costs divided among the nodes: numbers >= 0, whose columns add up to the label costs
        at most. None without label costs.
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
        try:
            labels = energy.check_labels("labels", getattr(answer, "labels", answer))
        except (TypeError, ValueError) as error:
            raise CertificateError(str(error)) from error
        measured = measure(energy, labels, self._evidence(energy))
        if not self.lower_bound <= measured.proven:
            raise CertificateError(
                f"The messages prove {measured.proven:.17g}, not {self.lower_bound:.17g}"
            )
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
    """Return evidence as kernels read it."""
    return Reparametrization(
        np.ascontiguousarray(messages, dtype=np.float64),
        np.zeros((2, 0, 0)) if rest is None else np.ascontiguousarray(rest, dtype=np.float64),
        np.zeros((0, 0)) if shares is None else np.ascontiguousarray(shares, dtype=np.float64),
    )


def require_shares(shares: Array, label_costs: Array) -> None:
    """Raise unless shares are >= 0 and add up to the label costs at most, exactly."""
    for l, cost in enumerate(label_costs.tolist()):
        column = shares[:, l]
        if (column < 0).any() or math.fsum([*column.tolist(), -cost]) > 0:
            raise CertificateError(
                f"shares need numbers >= 0 that add up to label_costs[{l}] = {cost:g} at most, got "
                f"numbers from {column.min():g} on that add up to {math.fsum(column):.17g}"
            )


class Measure(NamedTuple):
    """What evidence says of a labeling."""

    value: float  # its energy, rounded once
    proven: float  # rounded once as well, so that rounding does not put it above a minimum
    lower_bound: float  # the same, but below the value unless that is proven to be the minimum
    gap: float  # rounded up
    rounding: bool  # whether every slack is rounding of the numbers that it is made of


def measure(
    energy: LabelingEnergy, labels: Array, given: Reparametrization, *, strict: bool = False
) -> Measure:
    """Compare the energy of labels with what evidence proves.

    `strict`: the numbers of the energy differ so much in size that what is rounding for one node
    may be a cost elsewhere. Then a gap is rounding only if it is far below the smallest cost.
    """
    # rounding of what a solver sends along paths adds up like a random walk
    unit = 2.0**-52 * max(64.0, 16.0 * math.sqrt(energy.n * energy.n_labels))
    with np.errstate(invalid="ignore"):  # of infinities, without the JIT
        bound, rough = bound_of(energy.terms, energy.adjacency, given, labels, unit)
    proven = Fraction(bound[0]) + Fraction(bound[1]) - Fraction(bound[2])
    parts = energy_of(energy.terms, labels)
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
        lower = math.nextafter(float(value), -math.inf)
    return Measure(float(value), float(proven), lower, max(0.0, rounded), met)
