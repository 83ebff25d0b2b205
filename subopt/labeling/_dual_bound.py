"""Lower bounds on labeling energies by tree-reweighted message passing, with a certificate.

The edges are covered by chains, and the unary cost of a node is divided among the chains through
it. For every division, the sum of the minima of all chains, each by dynamic programming, is a lower
bound. Message passing (`_messages`) finds a good division, and its final messages are the
certificate. Label costs are divided among the nodes as well (`_label_cost_shares`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.interruptible import LATE, flag, interruptible, is_short
from subopt._base.options import Deadline, documented, iteration, reported
from subopt._base.types import Array, ArrayLike
from subopt.labeling import _label_cost_shares, _messages
from subopt.labeling._exact import Reparametrization
from subopt.labeling._magnitude import bounded, calm, simple_labels, simplified
from subopt.labeling.certificates import evidence
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified

WINDOW = 20  # with label costs, progress is measured over this many sweeps
SHORTER = 0.7  # factor of the step length after PATIENCE sweeps without progress
PATIENCE = 5
PROOF = 8e-8  # seconds per edge and label to set up the proof and to measure it
SHARES = 2e-7  # seconds per node and label to make shares of label costs exact


@reported
@documented
def dual_bound(
    energy: LabelingEnergy,
    *,
    max_iter: int = 200,
    progress: float = 1e-4,
    tol: float = 0.0,
    time_limit: float | None = None,
    start: ArrayLike | None = None,
    verbose: bool = False,
) -> Labeling:
    r"""Bound a labeling energy from below by tree-reweighted message passing.

    Parameters
    ----------
    energy : LabelingEnergy
        The energy, with any costs; the table need not be a metric.
    %(max_iter)s
        Each is a sweep forward and backward, which costs O(m L) for Potts,
        O(m L log L) for linear tables with or without truncation, and O(m L^2) otherwise.
    progress : float, default 1e-4
        Stop when an iteration (with label costs, 20 iterations) raises the bound by less than this
        fraction of the total increase so far.
    %(tol)s
    %(time_limit)s
        Sweeps end early enough for the proof, which takes as long as a few of them. If the limit is
        shorter than the proof, there is no bound.
    start : array_like of int, shape (\*grid,) or (n,), optional
        Known labels. The energy of the answer is not higher.
    %(verbose)s

    Returns
    -------
    Labeling
        The best of the labels found from the messages and the known ones, with a
        `MessageCertificate`. The status is OPTIMAL, CONVERGED, ITERATION_LIMIT or TIME_LIMIT.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] V. Kolmogorov, "Convergent tree-reweighted message passing for energy minimization",
       IEEE TPAMI 28(10), 2006.
    .. [2] B. T. Polyak, "Minimization of unsmooth functionals", USSR Computational Mathematics and
       Mathematical Physics 9(3), 1969: step lengths for the shares of label costs.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3], [2, 1], [3, 0]], weights=1.5)
    >>> result = dual_bound(energy)
    >>> result.value, result.lower_bound, result.certificate.check(energy, result)
    (2.5, 2.5, 0.0)
    """
    require_energy("dual_bound", energy)
    sweeps = validate.positive_int("max_iter", max_iter)
    least = validate.nonnegative("progress", progress)
    enough = validate.nonnegative("tol", tol)
    deadline = Deadline(time_limit)
    simple = simplified(energy)
    labels = simple_labels(simple) if start is None else energy.check_labels("start", start)
    proof = PROOF * len(energy.tails) * energy.n_labels
    if energy.label_costs.any():
        proof += SHARES * energy.n * energy.n_labels
    until = deadline.moved(-proof)
    bounds: list[float] = []
    if proof > LATE and until.passed():
        return _answer(energy, labels, Status.TIME_LIMIT, bounds)
    quiet = calm(simple)
    search = _Search(simple if quiet else bounded(simple, labels), labels)
    status = Status.ITERATION_LIMIT
    window = 1 if search.shares is None else WINDOW
    for _ in range(sweeps):
        if not search.sweep(until):
            status = Status.TIME_LIMIT
            break
        bounds.append(search.bound)
        iteration(len(bounds), "sweeps", "gap %.6g", search.value - search.bound)
        risen = bounds[-1] - bounds[-1 - window] if len(bounds) > window else np.inf
        met = search.bound >= search.value - max(enough, 1e-13 * abs(search.value))
        if met or risen <= least * (bounds[-1] - bounds[0]):
            status = Status.CONVERGED
            break
        if until.passed():
            status = Status.TIME_LIMIT
            break
    if proof > LATE + deadline.left():
        return _answer(energy, labels, Status.TIME_LIMIT, bounds)
    found = search.read_off(deadline)
    if found is None:
        return _answer(energy, labels, Status.TIME_LIMIT, bounds)
    labels = labels if energy.is_lower(labels, found) else found
    labeling = _answer(energy, labels, status, bounds)
    given = search.evidence(deadline)
    if given is None:
        return replace(labeling, status=Status.TIME_LIMIT)
    answer = certified(energy, labeling, given, strict=not quiet, deadline=deadline)
    return replace(answer, status=Status.OPTIMAL) if answer.gap <= enough else answer


def _answer(energy: LabelingEnergy, labels: Array, status: Status, bounds: list[float]) -> Labeling:
    return Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=status,
        method=f"dual_bound: {len(bounds)} sweeps",
    )


class _Search:
    """Message passing; with label costs, their shares change after every sweep.

    Unary costs are relative to the least of each node.
    """

    def __init__(self, energy: LabelingEnergy, labels: Array) -> None:
        costs = energy.costs - energy.costs.min(axis=0)
        self.energy = energy = energy._with(costs=costs)
        self.unary = np.ascontiguousarray(costs.T)
        self.messages = np.zeros((2 * len(energy.tails), energy.n_labels))
        self.scratch, self.stop = np.empty((3, energy.n_labels)), flag()
        shape = _messages.shape_of(energy.tables)
        self.tables, self.linear = _messages.Tables(energy.seen_tables, shape.uniform), shape.linear
        self.shares: Array | None = None
        self.costs = self.unary
        if energy.label_costs.any():
            self.shares = _label_cost_shares.even(energy.label_costs, energy.n)
            self.costs = self.unary + self.shares
        self.bound = -np.inf
        self.best = self.costs, self.messages, self.shares  # what proves the bound
        self.labels, self.value = labels, energy.value(labels)  # the best ones that are known
        self.factor, self.failures = 1.0, 0

    def sweep(self, deadline: Deadline) -> bool:
        """Pass messages forward and backward; return False if the deadline ended the sweep."""
        graph = self.energy.adjacency
        first = self.costs, self.tables, self.linear, graph, self.messages
        for way in (_messages.FORWARD, _messages.BACKWARD):
            bound = interruptible(
                _messages.sweep,
                *first,
                way,
                self.scratch,
                self.stop,
                stop=self.stop,
                deadline=deadline,
                short=is_short(self.messages.size),
            )
        if self.stop[0]:
            return False
        if self.shares is None:
            self.bound = bound
        else:
            self._move_shares(self.shares, bound, deadline)
        return True

    def _move_shares(self, shares: Array, bound: float, deadline: Deadline) -> None:
        """Keep the best messages, and move the shares towards the labels of the last sweep.

        At the deadline the shares are not moved.
        """
        self.failures += 1
        if bound > self.bound:
            self.bound, self.best = bound, (self.costs, self.messages.copy(), shares)
            self.failures = 0
        if deadline.passed():
            return
        if self.failures == PATIENCE:
            self.factor, self.failures = SHORTER * self.factor, 0
        if (labels := self._choose(self.costs, deadline)) is None:
            return
        steepness = _label_cost_shares.steepness(labels)
        if steepness > 0.0:  # the step of B. T. Polyak
            step = self.factor * max(self.value - bound, 0.0) / steepness
            self.shares = _label_cost_shares.moved(shares, labels, step, self.energy.label_costs)
            self.costs = self.unary + self.shares

    def _choose(self, costs: Array, deadline: Deadline) -> Array | None:
        """Choose labels from the messages, and keep them if they are the best so far.

        None if the deadline came before.
        """
        labels = np.zeros(self.energy.n, dtype=np.int64)
        graph, messages, scratch = self.energy.adjacency, self.messages, self.scratch[0]
        args = costs, self.tables.values, graph, messages, labels, scratch
        if not self._finishes(_messages.choose, args, deadline):
            return None
        value = self.energy.value(labels)
        if value < self.value:
            self.labels, self.value = labels, value
        return labels

    def _finishes(self, kernel: Callable[..., Any], args: tuple[Any, ...], until: Deadline) -> bool:
        """Call a kernel, and return whether it came to its end before the deadline."""
        stop, short = flag(), is_short(self.messages.size)
        interruptible(kernel, *args, stop, stop=stop, deadline=until, short=short)
        return not stop[0]

    def read_off(self, deadline: Deadline) -> Array | None:
        """Return the best labels at the end; None if the deadline came before."""
        return None if self._choose(self.unary, deadline) is None else self.labels

    def evidence(self, deadline: Deadline) -> Reparametrization | None:
        """Return the messages of the certificate; None if the deadline came before."""
        costs, messages, shares = self.best
        given = np.zeros((2, len(self.energy.tails), self.energy.n_labels))
        args = costs, self.energy.adjacency, messages, self.scratch[0], given
        if not self._finishes(_messages.give, args, deadline):
            return None
        if shares is not None:
            shares = _label_cost_shares.allowed(shares, self.energy.label_costs)
        return evidence(given, None, shares)
