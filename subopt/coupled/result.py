"""`LabelingResult`, the answer of solvers of coupled labeling problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from subopt._base.answer import Answer
from subopt._base.types import Array
from subopt.coupled.problem import shares_from_sources


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LabelingResult(Answer):
    r"""A labeling of all outputs, its energy, and how it was found.

    Attributes
    ----------
    sources : ndarray of intp, shape (m', \*grid, levels)
        The inputs that fill each patch in equal parts, sorted along the last axis; read-only.
    value : float
        ``problem.energy(result.shares)``, up to rounding.
    lower_bound : float
        No labeling has a lower energy. Minus infinity unless a bound was asked for.
    energies : ndarray of float64, shape (n_iter,)
        The energy of the best labeling after each sweep, which never rises. Of the method
        "published": the energy of the current labeling after each sweep, which may rise.
    status : Status
        Why the solver stopped.
    method : str
        The method that ran.
    certificate : LabelingCertificate or None
        Evidence for `lower_bound`: ``result.check(problem)`` recomputes `gap`.
    n_inputs : int
        Number m of inputs.
    n_iter : int
        Number of sweeps over the outputs.
    n_cuts : int
        Number of minimum cuts; 0 unless the method is "published".
    """

    sources: Array
    energies: Array
    n_inputs: int
    n_iter: int
    n_cuts: int = 0

    def _contents(self) -> str:
        return f"sources of shape {self.sources.shape}, n_iter={self.n_iter}"

    @cached_property
    def shares(self) -> Array:
        r"""Shares (m', \*grid, m): the part of each patch that each input fills; read-only."""
        shares = shares_from_sources(self.sources, self.n_inputs)
        shares.setflags(write=False)
        return shares


Callback = Callable[[LabelingResult], object]
