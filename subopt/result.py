"""What a solver returns: an answer, a bound, the evidence, and why it stopped."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from subopt._types import Array
from subopt.certificate import Certificate


class Status(enum.Enum):
    """Why a solver stopped; the value is the sentence."""

    OPTIMAL = "the lower bound meets the value: no better answer exists"
    SEARCHED = "the search that the effort describes ran to its end; nothing better was found"
    LOCAL = "no single move of the method lowers the energy further"
    MAX_SWEEPS = "stopped after max_sweeps sweeps; the answer is as good as it was then"
    MAX_ITER = "stopped after max_iter iterations; the best answer so far is returned"
    REPORTED = "another program reports optimality; there is no evidence to re-check"
    TIME_LIMIT = "stopped at time_limit; the answer is as good as it was then"
    RULE_ENDED = "the sweeps of the published rule are done; their last labeling is returned"
    CONVERGED = "the last sweeps changed less than the tolerance of the method"
    STATIONARY = "no step of the method leads to a better set"
    LOCAL_MINIMUM = "no set in the neighbourhoods that the certificate names is better"
    STALLED = "floating point allows no further progress; the gap that is left is reported"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


@dataclass(frozen=True, eq=False)
class Result:
    """A set, its value, and a lower bound on the minimum with evidence for it.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    value : float
        ``F.value(mask)``.
    lower_bound : float
        No set has a lower value. Minus infinity if nothing is known.
    status : Status
        Why the solver stopped.
    certificate : Certificate or None
        Evidence for `lower_bound`: ``result.certificate.check(F, result.mask)`` recomputes `gap`.
    method : str
        What ran, and for `minimize` why it was picked.
    n_iter : int
        Iterations of the solver.
    n_evals : int
        Greedy sweeps, calls of `marginals` and single values of F.
    """

    mask: Array
    value: float
    lower_bound: float
    status: Status
    certificate: Certificate | None
    method: str
    n_iter: int
    n_evals: int

    def __post_init__(self) -> None:
        self.mask.setflags(write=False)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(value={self.value:.9g}, lower_bound={self.lower_bound:.9g}, "
            f"{int(self.mask.sum())} of {len(self.mask)} elements, {self.status.name}, "
            f"method={self.method!r})"
        )

    @property
    def gap(self) -> float:
        """How far `value` is from the minimum at most, ``value - lower_bound``; 0 if optimal."""
        return max(0.0, self.value - self.lower_bound)

    @property
    def S(self) -> Array:
        """The elements of the set, sorted."""
        return np.flatnonzero(self.mask)

    @property
    def set(self) -> frozenset[int]:
        """The elements of the set, as a Python set."""
        return frozenset(self.S.tolist())
