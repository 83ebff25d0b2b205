"""What solvers of coupled labeling problems return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.coupled.problem import shares_from_sources


@dataclass(frozen=True, eq=False)
class LabelingResult:
    r"""A labeling of all outputs, its energy, and how it was found.

    Attributes
    ----------
    sources : ndarray of intp, shape (m', \*grid, levels)
        The inputs that fill each patch in equal parts, sorted along the last axis.
    value : float
        ``problem.energy(result.shares)``.
    energies : ndarray of float64, shape (n_sweeps,)
        Energy of the best labeling after every sweep, which never rises; in mode "published" of
        the labeling after every sweep, which may rise.
    status : Status
        Why the solver stopped.
    method : str
        What ran, in words.
    n_inputs : int
        Number m of inputs.
    n_sweeps, n_cuts : int
        Sweeps over the outputs, and minimum cuts solved (none in mode "search").
    certificate : LabelingCertificate or None
        Evidence for `lower_bound`; ``None`` unless it was asked for.
    """

    sources: Array
    value: float
    energies: Array
    status: Status
    method: str
    n_inputs: int
    n_sweeps: int
    n_cuts: int
    certificate: Any = None

    def __repr__(self) -> str:
        bound = "" if self.lower_bound is None else f", lower_bound={self.lower_bound:.6g}"
        return (
            f"LabelingResult(value={self.value:.6g}{bound}, status={self.status.name}, "
            f"n_sweeps={self.n_sweeps}, sources of shape {self.sources.shape}; {self.method})"
        )

    @cached_property
    def shares(self) -> Array:
        r"""Shares (m', \*grid, m): what part of each patch each input fills."""
        return shares_from_sources(self.sources, self.n_inputs)

    @property
    def lower_bound(self) -> float | None:
        """Value that no labeling can go below, or ``None`` if it was not asked for."""
        return None if self.certificate is None else self.certificate.bound

    @property
    def gap(self) -> float | None:
        """``value - lower_bound``, or ``None``."""
        return None if self.certificate is None else self.value - self.certificate.bound


Callback = Callable[[LabelingResult], object]
