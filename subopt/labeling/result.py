"""A labeling: what solvers of labeling energies return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.labeling._magnitude import rounding

if TYPE_CHECKING:
    from subopt.labeling.energy import LabelingEnergy


class Certificate(Protocol):
    """Evidence for a lower bound on an energy."""

    @property
    def lower_bound(self) -> float:
        """What is proven."""

    def check(self, energy: LabelingEnergy) -> float:
        """Recompute the bound from the energy, or raise `CertificateError`."""


@dataclass(frozen=True, eq=False)
class Labeling:
    r"""A labeling, its energy, and how far it is from the best one at most.

    Attributes
    ----------
    labels : ndarray of int64, shape (\*grid,) or (n,)
        The label of every node; read-only.
    value : float
        ``energy.value(labels)``.
    status : Status
        Why the solver stopped.
    method : str
        What ran.
    n_cuts : int
        Minimum cuts solved.
    certificate : ChainCertificate, CutGraphCertificate or None
        Evidence for `lower_bound`: ``certificate.check(energy)`` recomputes it.
    persistent : ndarray of bool or None
        From `qpbo`: nodes whose label is the same in every minimizer.
    """

    labels: Array
    value: float
    status: Status
    method: str
    n_cuts: int = 0
    certificate: Certificate | None = None
    persistent: Array | None = None

    def __post_init__(self) -> None:
        self.labels.setflags(write=False)

    def __repr__(self) -> str:
        bound = "" if self.certificate is None else f", lower_bound={self.lower_bound:.6g}"
        return (
            f"Labeling(value={self.value:.6g}{bound}, status={self.status.name}, "
            f"labels of shape {self.labels.shape}; {self.method})"
        )

    @property
    def lower_bound(self) -> float:
        """No labeling has a lower energy; minus infinity if nothing is known."""
        return -np.inf if self.certificate is None else self.certificate.lower_bound

    @property
    def gap(self) -> float:
        """How far `value` is from the minimum at most."""
        return max(0.0, self.value - self.lower_bound)


def local(
    energy: LabelingEnergy, labels: Array, method: str, *, done: bool, n_cuts: int = 0
) -> Labeling:
    """Return what a method of moves ends with: a local minimum, if it is done."""
    status = Status.LOCAL_MINIMUM if done else Status.ITERATION_LIMIT
    return Labeling(labels.reshape(energy.shape), energy.value(labels), status, method, n_cuts)


def certified(energy: LabelingEnergy, labeling: Labeling, certificate: Certificate) -> Labeling:
    """Return the labeling with a certificate, and OPTIMAL if the bound meets the value."""
    room = rounding(energy)
    if 0 < certificate.lower_bound - labeling.value <= room:  # a bound above it, by rounding
        certificate = replace(certificate, lower_bound=labeling.value)  # type: ignore[type-var]
    met = labeling.value - certificate.lower_bound <= room
    status = Status.OPTIMAL if met else labeling.status
    return replace(labeling, certificate=certificate, status=status)
