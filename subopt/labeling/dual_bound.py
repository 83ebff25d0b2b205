"""A lower bound for labeling energies, with evidence that anybody can check.

The edges are covered by chains, and the unary cost of a node is divided among the chains through
it. Every division is a bound: the sum over the chains of their minima, one dynamic program each.
Message passing (`_messages`) finds a good division; the certificate is the division, and its check
runs the dynamic programs on the energy, with costs that no minimizer pays lowered (`_size`): that
leaves bounds bounds, and digits for the others. Of the label costs only the smallest counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt import _validate
from subopt._types import Array
from subopt.certificate import CertificateError
from subopt.labeling import _messages
from subopt.labeling._size import capped, rounding
from subopt.labeling._start import uniform
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.labeling import Labeling, certified
from subopt.result import Status


@dataclass(frozen=True, eq=False)
class ChainCertificate:
    """A division of unary costs among chains that cover the graph.

    Chains follow the nodes in increasing order: the i-th edge of a node to a node before it, in the
    order of the edges, is continued by its i-th edge to a node after it. So max(before, after, 1)
    chains pass through a node.

    Attributes
    ----------
    parts : ndarray of float64, shape (S, L)
        Unary costs on the chains, node by node, but for the last chain of each node: that has what
        is left.
    lower_bound : float
        What they were found to prove.
    """

    parts: Array
    lower_bound: float

    def __repr__(self) -> str:
        return (
            f"ChainCertificate(lower_bound={self.lower_bound:.6g}, "
            f"parts of shape {self.parts.shape})"
        )

    def check(self, energy: LabelingEnergy) -> float:
        """Recompute the bound from the energy and the division.

        Parameters
        ----------
        energy : LabelingEnergy

        Returns
        -------
        float
            A lower bound on the energy of every labeling.

        Raises
        ------
        CertificateError
            If the division does not fit the energy, is so much larger that rounding would decide,
            or proves less than `lower_bound` by more than rounding.
        """
        first = _first(energy)
        parts = np.array(self.parts, dtype=np.float64)
        if parts.shape != (first[-1], energy.n_labels) or not np.isfinite(parts).all():
            raise CertificateError(
                f"Chains of this energy need finite parts of shape {(first[-1], energy.n_labels)}, "
                f"got shape {parts.shape}"
            )
        # the energy alone says what is rounding, or evidence could make room for any claim
        tolerance = 1e3 * float(rounding(energy))
        with np.errstate(over="ignore"):
            largest = float(np.abs(parts).max(axis=1).sum())
        if 1e-14 * largest > tolerance:
            raise CertificateError(
                f"Parts add up to {largest:g}, so that rounding may exceed {tolerance:g}, which is "
                "what this energy allows. dual_bound makes parts about as large as the costs."
            )
        proven = _minima(energy, first, parts)
        if not self.lower_bound <= proven + tolerance:
            raise CertificateError(f"The chains prove {proven:.12g}, not {self.lower_bound:.12g}")
        return proven


def dual_bound(
    energy: LabelingEnergy, *, max_sweeps: int = 200, tol: float = 1e-4, value: float | None = None
) -> Labeling:
    """Bound a labeling energy from below by tree-reweighted message passing.

    Parameters
    ----------
    energy : LabelingEnergy
        Any: no metric is needed.
    max_sweeps : int, default 200
        Passes over the graph, there and back. One costs O(m L) for Potts, O(m L^2) else.
    tol : float, default 1e-4
        Stop when a sweep raises the bound by less than this part of what all sweeps did.
    value : float, optional
        Energy of a labeling; stop when the bound meets it.

    Returns
    -------
    Labeling
        A labeling read off the messages, with a `ChainCertificate`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] V. Kolmogorov, "Convergent tree-reweighted message passing for energy minimization",
       IEEE TPAMI 28(10), 2006.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3], [2, 1], [3, 0]], weights=1.5)
    >>> result = dual_bound(energy)
    >>> result.value, result.lower_bound, result.certificate.check(energy)
    (2.5, 2.5, 2.5)
    """
    require_energy("dual_bound", energy)
    sweeps = _validate.positive_int("max_sweeps", max_sweeps)
    least = _validate.nonnegative("tol", tol)
    tables, graph = energy.tables, energy.adjacency
    costs = np.ascontiguousarray(capped(energy).T)
    messages = np.zeros((2 * len(energy.tails), energy.n_labels))
    room = np.empty(energy.n_labels)
    alike, labels = uniform(energy.table), np.zeros(energy.n, dtype=np.int64)
    bounds: list[float] = []
    status = Status.MAX_ITER
    for _ in range(sweeps):
        for way in (_messages.FORWARD, _messages.BACKWARD):
            bound = _messages.sweep(costs, tables, alike, graph, messages, way, room)
        bounds.append(bound)
        risen = bound - bounds[-2] if len(bounds) > 1 else np.inf
        met = value is not None and bound >= value - 1e-12 * abs(value)
        if met or risen <= least * (bound - bounds[0]):
            status = Status.STALLED
            break
    _messages.choose(np.ascontiguousarray(energy.costs.T), tables, graph, messages, labels, room)
    first = _first(energy)
    parts = np.empty((first[-1], energy.n_labels))
    _messages.split(costs, graph, first, messages, parts)
    certificate = ChainCertificate(parts, _minima(energy, first, parts))
    labeling = Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=status,
        method=f"dual_bound: {len(bounds)} sweeps",
    )
    return certified(energy, labeling, certificate)


def _first(energy: LabelingEnergy) -> Array:
    """Where the parts of every node begin: one less than the chains through it."""
    before = np.bincount(np.maximum(energy.tails, energy.heads), minlength=energy.n)
    after = np.bincount(np.minimum(energy.tails, energy.heads), minlength=energy.n)
    chains = np.maximum(np.maximum(before, after), 1)
    return np.concatenate([[0], np.cumsum(chains - 1)])


def _minima(energy: LabelingEnergy, first: Array, parts: Array) -> float:
    to_go = np.empty((len(energy.tails), energy.n_labels))
    bound = _messages.chain_minima(
        capped(energy), energy.tables, energy.adjacency, first, parts, to_go
    )
    return float(bound + energy.label_costs.min())  # some label is used
