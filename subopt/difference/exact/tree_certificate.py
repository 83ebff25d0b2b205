"""Evidence of branch and bound: a tree of intervals of sets that all of 2^V is divided into."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, round_up
from subopt._base.types import Array, Subset
from subopt.difference.exact._interval import Evidence, Interval, Parts, check_evidence
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.modular import Modular

SPLIT, MARGINALS, COSTS, BOUND, EXHAUSTED = "split", "marginals", "costs", "bound", "exhausted"
EXHAUSTIBLE = 12
"""Largest number of free elements that `EXHAUSTED` may leave to be tried."""


class Step(NamedTuple):
    """What is known of an interval, and which smaller intervals remain to be looked at.

    `reason` is one of

    * "split": the sets without the element in `inside`, then those with it, are two children.
    * "marginals": the elements of `inside` never raise h, those of `outside` never lower it,
      whatever else is chosen. So a lowest set has the former and not the latter: one child.
    * "costs": the sets that do not agree with `inside` and `outside` are bounded by `evidence` and
      its reduced costs; those that do are the child.
    * "bound": the interval is bounded by `evidence`.
    * "exhausted": all sets of the interval are tried.
    """

    reason: str
    inside: Array
    outside: Array
    evidence: Evidence | None
    children: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TreeCertificate:
    """A lower bound of a difference of submodular functions, step by step.

    Attributes
    ----------
    steps : tuple of Step
        The first is about all sets, and children come after their parents.
    lower_bound : float
        What they were found to prove.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Coverage([[3, 0], [0, 1]])
    >>> result = branch_and_bound(h)
    >>> result.certificate.lower_bound, result.certificate.check(h, [0, 1])
    (-2.0, 0.0)
    """

    steps: tuple[Step, ...]
    lower_bound: float

    def __repr__(self) -> str:
        return f"TreeCertificate({len(self.steps)} steps, lower_bound={self.lower_bound:.9g})"

    def prove(self, h: DifferenceOfSubmodular | SetFunction) -> float:
        """Return the lower bound that the steps prove, from h alone.

        Raises
        ------
        CertificateError
            If they do not cover all sets, or one of them is not so.
        """
        h = difference(h)
        parts = Parts.of(h)
        tolerance = 1e-12 * size_of(parts)
        own = np.full((len(self.steps), 2), -math.inf)
        for j, interval, step in self._intervals(parts):
            if step.reason == EXHAUSTED:
                if interval.size > EXHAUSTIBLE:
                    raise _error(j, f"{interval.size} elements are too many to try all sets")
                own[j] = interval.exhausted()[0]
            elif step.reason == MARGINALS:
                _check_marginals(j, interval, step, tolerance)
            elif step.evidence is not None:
                own[j] = _bounds(j, interval, step, parts.integral)
        return combine(self.steps, own)

    def check(self, h: DifferenceOfSubmodular | SetFunction, S: Subset) -> float:
        """Recompute how far h(S) can be from the minimum, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            That f and g are submodular is not checked.
        S : boolean mask (n,) or iterable of int
            The set that is said to be a minimizer.

        Returns
        -------
        float
            ``h(S) - lower bound``, at least 0. Costs what the steps cost to make, without the
            search for them: mostly a few greedy sweeps of f and bounds of g each.

        Raises
        ------
        CertificateError
            If the steps prove less than `lower_bound`, or a bound above h(S), by more than
            rounding.
        """
        h = difference(h)
        value = h.value(validate.subset(S, h.n))
        proven = self.prove(h)
        rounding = 1e-9 * size_of(Parts.of(h)) + 1e-12
        if not self.lower_bound <= proven + rounding:
            raise CertificateError(
                f"The steps prove min h >= {proven:.12g}, not {self.lower_bound:.12g}"
            )
        if not proven <= value + rounding:
            raise CertificateError(
                f"The steps prove min h >= {proven:.12g}, but h(S) is {value:.12g}: f or g is not "
                "submodular, or h not the function that this certificate is about"
            )
        return max(0.0, value - proven)

    def _intervals(self, parts: Parts) -> Iterator[tuple[int, Interval, Step]]:
        """Yield every step with its interval; the children of a step divide what it leaves."""
        n = parts.n
        open_ = {0: (np.zeros(n, dtype=np.bool_), np.arange(n))}
        for j, step in enumerate(self.steps):
            if j not in open_:
                raise _error(j, "it belongs to no earlier step")
            inside, free = open_.pop(j)
            if any(np.asarray(part).dtype.kind not in "iu" for part in (step.inside, step.outside)):
                raise _error(j, "inside and outside need indices of elements")
            fixed = np.concatenate([step.inside, step.outside]).astype(np.intp)
            if not np.isin(fixed, free).all() or len(np.unique(fixed)) < len(fixed):
                raise _error(j, "it fixes an element that is not free")
            expected = {SPLIT: 2, MARGINALS: 1, COSTS: 1, BOUND: 0, EXHAUSTED: 0}
            if expected.get(step.reason) != len(step.children):
                raise _error(j, f"{step.reason!r} does not have {len(step.children)} children")
            if step.reason in (COSTS, BOUND) and step.evidence is None:
                raise _error(j, "there is no evidence")
            if step.reason == SPLIT and (len(step.inside) != 1 or len(step.outside)):
                raise _error(j, "a split needs one element, in `inside`")
            yield j, Interval(parts, inside, free), step
            left = free[~np.isin(free, fixed)]
            more = inside.copy()
            more[step.inside] = True
            starts = (inside, more) if step.reason == SPLIT else (more,)
            for child, start in zip(step.children, starts, strict=False):
                if child in open_ or not j < child < len(self.steps):
                    raise _error(j, f"it cannot have the child {child}")
                open_[child] = (start, left)
        if open_:
            raise CertificateError("The steps of the tree do not cover all sets")


def combine(steps: Sequence[Step], own: Array) -> float:
    """Return what steps prove together.

    Parameters
    ----------
    steps : sequence of Step
    own : ndarray of float64, shape (steps, 2)
        What each proves by itself, of all its sets and of those that are not its child's.
    """
    bounds = own[:, 0].copy()
    for j in range(len(steps) - 1, -1, -1):
        step = steps[j]
        if step.children:
            below = min(float(bounds[c]) for c in step.children)
            if step.reason == COSTS:
                below = min(below, float(own[j, 1]))
            bounds[j] = max(bounds[j], below)
    return float(bounds[0])


def _bounds(j: int, interval: Interval, step: Step, integral: bool) -> tuple[float, float]:
    evidence = step.evidence
    assert evidence is not None
    if (problem := check_evidence(evidence, interval.size)) is not None:
        raise _error(j, problem)
    low, costs = interval.bound(evidence)
    other = low + least_cost(interval.free, costs, step.inside, step.outside)
    return (round_up(low, 1e-4), round_up(other, 1e-4)) if integral else (low, other)


def least_cost(free: Array, costs: Array, inside: Array, outside: Array) -> float:
    """Return by how much a bound rises for sets that disagree in at least one element."""
    away_in = -costs[np.searchsorted(free, inside)]
    away_out = costs[np.searchsorted(free, outside)]
    away = np.concatenate([away_in, away_out])
    return max(0.0, float(away.min())) if away.size else 0.0


def _check_marginals(j: int, interval: Interval, step: Step, tolerance: float) -> None:
    low, high = interval.ranges
    up = high[np.searchsorted(interval.free, step.inside)]
    down = low[np.searchsorted(interval.free, step.outside)]
    if up.max(initial=0.0) > tolerance:
        raise _error(j, f"element {step.inside[up.argmax()]} may raise h by {up.max():.3g}")
    if down.min(initial=0.0) < -tolerance:
        raise _error(j, f"element {step.outside[down.argmin()]} may lower h by {-down.min():.3g}")


def difference(h: DifferenceOfSubmodular | SetFunction) -> DifferenceOfSubmodular:
    """Return h as a difference, minus nothing if it is submodular."""
    if isinstance(h, DifferenceOfSubmodular):
        return h
    require_set_function(h)
    return DifferenceOfSubmodular(h, Modular(np.zeros(h.n)))


def size_of(parts: Parts) -> float:
    """Return the size of the numbers that values of h are made of, for what rounding may do."""
    order = np.arange(parts.n)
    functions = [(1.0, parts.f), (1.0, parts.g)]
    for a, F, G in parts.falling:
        functions += [(a, F), (a, G)]
    return float(sum(a * np.abs(F.greedy(order)).sum() for a, F in functions))


def _error(j: int, problem: str) -> CertificateError:
    return CertificateError(f"Step {j} of the tree does not hold: {problem}")
