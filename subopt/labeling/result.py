"""`Labeling`, the answer of solvers of labeling energies."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from subopt._base.answer import Answer, Status
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._exact import Reparametrization
from subopt.labeling.certificates import Measure, MessageCertificate, measure
from subopt.labeling.energy import LabelingEnergy


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Labeling(Answer):
    r"""A labeling, its energy, and a lower bound on the energy of all labelings.

    Attributes
    ----------
    labels : ndarray of int64, shape (\*grid,) or (n,)
        The label of every node, read-only.
    value : float
        ``energy.value(labels)``: the energy, rounded once. Infinite if the labels contain a
        forbidden label or pair.
    lower_bound : float
        A lower bound on the energy of every labeling. Minus infinity if no bound is known.
    status : Status
        Why the solver stopped. OPTIMAL if the gap is zero, up to the rounding of the costs at the
        nodes and edges where it arises.
    method : str
        The method that ran.
    certificate : MessageCertificate or None
        Evidence for `lower_bound`: ``certificate.check(energy, labeling)`` recomputes `gap`. None
        if the method proves nothing, or had no time for it.
    n_cuts : int
        Number of minimum cuts solved.
    persistent : ndarray of bool or None
        From `qpbo`: nodes whose label is the same in every minimizer.
    """

    labels: Array
    certificate: MessageCertificate | None = None
    n_cuts: int = 0
    persistent: Array | None = None

    def _contents(self) -> str:
        return f"labels of shape {self.labels.shape}"


def local_status(*, done: bool, stopped: bool) -> Status:
    """Return the status of moves that ended: done, stopped by time, or by their number."""
    if done:
        return Status.LOCAL_MINIMUM
    return Status.TIME_LIMIT if stopped else Status.ITERATION_LIMIT


def local(
    energy: LabelingEnergy, labels: Array, method: str, status: Status, *, n_cuts: int = 0
) -> Labeling:
    """Return the answer of a method of moves."""
    return Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=status,
        method=method,
        n_cuts=n_cuts,
    )


def certified(
    energy: LabelingEnergy,
    labeling: Labeling,
    given: Reparametrization,
    found: Measure | None = None,
    *,
    strict: bool = False,
    deadline: Deadline | None = None,
) -> Labeling:
    """Return the labeling with a certificate, and status OPTIMAL if the bound meets the value.

    There is none if the deadline left no time for the proof.
    """
    if found is None:
        found = measure(energy, labeling.labels.ravel(), given, strict=strict, deadline=deadline)
    if found.lower_bound == -math.inf:
        return labeling
    certificate = MessageCertificate(
        given.high,
        found.lower_bound,
        given.low if given.low.size else None,
        given.shares if given.shares.size else None,
    )
    return replace(
        labeling,
        lower_bound=found.lower_bound,
        certificate=certificate,
        status=Status.OPTIMAL if found.rounding else labeling.status,
    )
