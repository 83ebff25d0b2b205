"""A lower bound for labeling energies, with evidence that anybody can check.

The edges are covered by chains, and the unary cost of a node is divided among the chains through
it. Every division is a bound: the sum over the chains of their minima, one dynamic program each.
Message passing (`_messages`) finds a good division; the certificate is the division, and its check
runs the dynamic programs on the energy, with costs that no minimizer pays lowered (`_size`): that
leaves bounds bounds, and digits for the others. Label costs are divided among the nodes as well
(`_shares`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, Status
from subopt._base.types import Array
from subopt.labeling import _label_cost_shares, _messages
from subopt.labeling._magnitude import capped, capped_label_costs, rounding
from subopt.labeling._messages import uniform
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified

WINDOW = 20  # sweeps that have to raise the bound, if shares of label costs move: not each does
SHORTER = 0.7  # steps after PATIENCE sweeps that do not
PATIENCE = 5


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
    shares : ndarray of float64, shape (n, L), or None
        Label costs divided among the nodes, >= 0; columns add up to the label costs at most. None
        for even shares.
    """

    parts: Array
    lower_bound: float
    shares: Array | None = None

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
            If the division or the shares do not fit the energy, or if the division is so much
            larger that rounding would decide, or proves less than `lower_bound` by more than
            rounding.
        """
        first = _first(energy)
        shares = self.allowed_shares(energy)
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
        proven = _minima(energy, first, parts, shares)
        if not self.lower_bound <= proven + tolerance:
            raise CertificateError(f"The chains prove {proven:.12g}, not {self.lower_bound:.12g}")
        return proven

    def allowed_shares(self, energy: LabelingEnergy) -> Array:
        """Return the shares, or what is left of wrong ones.

        Parameters
        ----------
        energy : LabelingEnergy

        Returns
        -------
        ndarray of float64, shape (n, L)

        Raises
        ------
        CertificateError
            If they do not fit the energy.
        """
        shape = (energy.n, energy.n_labels)
        if self.shares is None:
            return _label_cost_shares.even(capped_label_costs(energy), energy.n)
        shares = np.array(self.shares, dtype=np.float64)
        if shares.shape != shape or not np.isfinite(shares).all():
            raise CertificateError(
                f"Shares of the label costs need finite numbers of shape {shape}, got shape "
                f"{shares.shape}"
            )
        return _label_cost_shares.repaired(shares, capped_label_costs(energy))


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
        Stop when a sweep, with label costs 20 of them, raises the bound by less than this part of
        what all sweeps did.
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
    .. [2] B. T. Polyak, "Minimization of unsmooth functionals", USSR Computational Mathematics and
       Mathematical Physics 9(3), 1969: the steps of the shares of label costs.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3], [2, 1], [3, 0]], weights=1.5)
    >>> result = dual_bound(energy)
    >>> result.value, result.lower_bound, result.certificate.check(energy)
    (2.5, 2.5, 2.5)
    """
    require_energy("dual_bound", energy)
    sweeps = validate.positive_int("max_sweeps", max_sweeps)
    least = validate.nonnegative("tol", tol)
    if value is not None and not np.isfinite(value):
        raise ValueError(f"value needs to be the energy of a labeling, got {value}")
    search = _Search(energy)
    bounds: list[float] = []
    status = Status.ITERATION_LIMIT
    window = 1 if search.shares is None else WINDOW
    for _ in range(sweeps):
        search.sweep()
        bounds.append(search.bound)
        risen = bounds[-1] - bounds[-1 - window] if len(bounds) > window else np.inf
        known = search.value if value is None else min(search.value, value)
        met = known < np.inf and search.bound >= known - 1e-12 * abs(known)
        if met or risen <= least * (bounds[-1] - bounds[0]):
            status = Status.CONVERGED
            break
    labels = search.read_off()
    labeling = Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=status,
        method=f"dual_bound: {len(bounds)} sweeps",
    )
    return certified(energy, labeling, search.certificate())


class _Search:
    """Message passing; with label costs, their shares move after every sweep."""

    def __init__(self, energy: LabelingEnergy) -> None:
        self.energy = energy
        self.unary = np.ascontiguousarray(capped(energy).T)
        self.messages = np.zeros((2 * len(energy.tails), energy.n_labels))
        self.room = np.empty(energy.n_labels)
        self.tables, self.alike = energy.tables, uniform(energy.table)
        self.label_costs = capped_label_costs(energy)
        self.shares: Array | None = None
        self.costs = self.unary
        if energy.label_costs.any():
            self.shares = _label_cost_shares.even(self.label_costs, energy.n)
            self.costs = self.unary + self.shares
        self.bound = -np.inf
        self.best = self.costs, self.messages, self.shares  # what proves the bound
        self.labels: Array | None = None  # the best ones that were read off, and their energy
        self.value = np.inf
        self.factor, self.failures = 1.0, 0

    def sweep(self) -> None:
        """Pass messages there and back."""
        graph = self.energy.adjacency
        for way in (_messages.FORWARD, _messages.BACKWARD):
            bound = _messages.sweep(
                self.costs, self.tables, self.alike, graph, self.messages, way, self.room
            )
        if self.shares is None:
            self.bound = bound
        else:
            self._move_shares(self.shares, bound)

    def _move_shares(self, shares: Array, bound: float) -> None:
        """Keep what proves the best bound, and step towards what the labels read off have."""
        self.failures += 1
        if bound > self.bound:
            self.bound, self.best = bound, (self.costs, self.messages.copy(), shares)
            self.failures = 0
        if self.failures == PATIENCE:
            self.factor, self.failures = SHORTER * self.factor, 0
        labels = self._choose(self.costs)
        value = self.energy.value(labels)
        if value < self.value:
            self.labels, self.value = labels, value
        steepness = _label_cost_shares.steepness(labels)
        if steepness > 0.0:  # the step of B. T. Polyak
            step = self.factor * max(self.value - bound, 0.0) / steepness
            self.shares = _label_cost_shares.moved(shares, labels, step, self.label_costs)
            self.costs = self.unary + self.shares

    def _choose(self, costs: Array) -> Array:
        labels = np.zeros(self.energy.n, dtype=np.int64)
        _messages.choose(
            costs, self.tables, self.energy.adjacency, self.messages, labels, self.room
        )
        return labels

    def read_off(self) -> Array:
        """Return labels for what is known at the end."""
        if self.labels is not None:
            return self.labels
        return self._choose(np.ascontiguousarray(self.energy.costs.T))

    def certificate(self) -> ChainCertificate:
        """Divide the costs as the messages do."""
        costs, messages, shares = self.best
        first = _first(self.energy)
        parts = np.empty((first[-1], self.energy.n_labels))
        _messages.split(costs, self.energy.adjacency, first, messages, parts)
        certificate = ChainCertificate(parts, -np.inf, shares)
        allowed = certificate.allowed_shares(self.energy)
        return replace(certificate, lower_bound=_minima(self.energy, first, parts, allowed))


def _first(energy: LabelingEnergy) -> Array:
    """Where the parts of every node begin: one less than the chains through it."""
    before = np.bincount(np.maximum(energy.tails, energy.heads), minlength=energy.n)
    after = np.bincount(np.minimum(energy.tails, energy.heads), minlength=energy.n)
    chains = np.maximum(np.maximum(before, after), 1)
    return np.concatenate([[0], np.cumsum(chains - 1)])


def _minima(energy: LabelingEnergy, first: Array, parts: Array, shares: Array) -> float:
    to_go = np.empty((len(energy.tails), energy.n_labels))
    costs = np.ascontiguousarray(capped(energy) + shares.T)
    costs.setflags(write=False)  # kernels are compiled for the costs of an energy
    return float(
        _messages.chain_minima(costs, energy.tables, energy.adjacency, first, parts, to_go)
    )
