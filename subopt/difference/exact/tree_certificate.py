"""The certificate of branch and bound: a tree of intervals that cover all sets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base.answer import CertificateError, ReadOnly, as_evidence, round_up
from subopt._base.types import Array, Subset
from subopt.constraints.feasible import Constraints
from subopt.difference._fixing import CLEAR, Fixed, gain_ranges, minor, unfixed
from subopt.difference._recheck import claimed
from subopt.difference.exact._interval import Evidence, Interval, Parts, Ranges, check_evidence
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.diminishing_returns import spot_check
from subopt.functions.modular import Modular
from subopt.submodular.result import Result

SPLIT, MARGINALS, COSTS, BOUND, EXHAUSTED = "split", "marginals", "costs", "bound", "exhausted"
DECIDED, INFEASIBLE = "decided", "infeasible"
CHILDREN = {
    SPLIT: 2, MARGINALS: 1, COSTS: 1, DECIDED: 1, BOUND: 0, EXHAUSTED: 0, INFEASIBLE: 0
}  # fmt: skip
EXHAUSTIBLE = 12
"""Largest number of free elements that `EXHAUSTED` may leave to be tried."""
ROUNDING = 2.0**-40
"""Rounding of a bound, relative to the sizes of the gains that are summed up in it."""
EXACT = 2.0**-50
"""Rounding of a gain, relative to the numbers that it is computed from."""


class Step(NamedTuple):
    """A statement about an interval, and the smaller intervals that remain to be examined.

    `reason` is one of

    * "split": the sets without the element in `inside`, then those with it, are two children.
    * "marginals": the elements of `inside` never raise h, those of `outside` never lower it,
      whatever else is chosen. So a lowest set has the former and not the latter: one child.
    * "costs": the sets that do not agree with `inside` and `outside` are bounded by `evidence` and
      its reduced costs; those that do are the child.
    * "bound": the interval is bounded by `evidence`.
    * "exhausted": all sets of the interval are tried.
    * "decided": the elements of `inside` are in all feasible sets of the interval, those of
      `outside` in none.
    * "infeasible": no set of the interval is feasible.
    """

    reason: str
    inside: Array
    outside: Array
    evidence: Evidence | None
    children: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TreeCertificate(ReadOnly):
    """A tree of intervals of sets, with evidence for each, that proves a lower bound of f - g.

    Attributes
    ----------
    steps : tuple of Step
        The first is about all sets, and children come after their parents. After leading steps that
        fix elements by their marginals, bounds are computed relative to h at the fixed elements, so
        that weights which force elements do not cost digits.
    lower_bound : float
        The lower bound that the steps prove.
    constraints : Constraints or None
        The sets that the bound is about; None if it is about all sets.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Coverage([[3, 0], [0, 1]])
    >>> result = branch_and_bound(h)
    >>> result.certificate.lower_bound, result.certificate.check(h, [0, 1])
    (-2.0, 0.0)
    """

    steps: tuple[Step, ...]
    lower_bound: float
    constraints: Constraints | None = None

    def __repr__(self) -> str:
        return f"TreeCertificate({len(self.steps)} steps, lower_bound={self.lower_bound:.9g})"

    def prove(self, h: DifferenceOfSubmodular | SetFunction) -> float:
        """Return the lower bound that the steps prove, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            f - g.

        Returns
        -------
        float
            The bound on the minimum of h.

        Raises
        ------
        CertificateError
            If the steps do not cover all sets, or one of them does not hold.
        """
        h = difference(h)
        with as_evidence():
            fixed, first = self._fixed(h)
            bound = self._proven(fixed, first)
            return h.value(fixed.inside.copy()) + bound

    def check(self, h: DifferenceOfSubmodular | SetFunction, answer: Result | Subset) -> float:
        """Recompute how far an answer can be from the minimum, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular or SetFunction
            f - g. Families of `subopt` are submodular by construction. Functions that are known by
            their values only are evaluated at a few more sets, as in `minimize`.
        answer : Result, boolean mask (n,) or iterable of int
            The set S that is said to be a minimizer.

        Returns
        -------
        float
            ``h(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If the evidence is malformed; if the steps prove less than `lower_bound`, or a bound
            above h(S), by more than rounding; if f or g is seen not to be submodular, or is an
            estimate (``h.estimated``); or if a result does not have its value.

        Notes
        -----
        The cost is that of the steps without the search for them: mostly a few greedy sweeps of f
        and bounds of g each.
        """
        h = difference(h)
        with as_evidence():
            mask, value = claimed(h, answer)
            require_feasible(self.constraints, mask)
            _require_submodular(h)
            fixed, first = self._fixed(h)
            base = h.value(fixed.inside.copy())
            agrees = bool((fixed.lift(mask[fixed.free]) == mask).all())
            above = fixed.h.value(mask[fixed.free]) if agrees else value - base
            proven = self._proven(fixed, first, above)
            digits = 2.0**-44 * sum(abs(F.value(fixed.inside.copy())) for F in (h.f, h.g))
            rounding = rounding_of(parts_of(fixed.h, self.constraints)) + digits
            if not self.lower_bound <= base + proven + rounding:
                raise CertificateError(
                    f"The steps prove min h >= {base + proven:.12g}, not {self.lower_bound:.12g}"
                )
            if not proven <= above + rounding:
                raise CertificateError(
                    f"The steps prove min h >= {base + proven:.12g}, but h(S) is {value:.12g}: f "
                    "or g is not submodular, or h not the function that this certificate is about"
                )
            return max(0.0, above - proven)

    def _proven(self, fixed: Fixed, first: int, most: float = math.inf) -> float:
        """Return the lower bound of what the first steps leave; at `most`, it may be higher."""
        parts = parts_of(fixed.h, self.constraints)
        rounding = Rounding.of(parts)
        own = np.full((len(self.steps), 2), -math.inf)
        for j, interval, step in self._intervals(parts, fixed.free, first):
            if step.reason == EXHAUSTED:
                if interval.size > EXHAUSTIBLE and not interval.few:
                    raise _error(j, f"{interval.size} elements are too many to try all sets")
                own[j] = interval.exhausted(most)[0]
            elif step.reason in (DECIDED, INFEASIBLE):
                _check_region(j, interval, step)
                if step.reason == INFEASIBLE:
                    own[j] = math.inf
            elif step.reason == MARGINALS:
                _check_marginals(j, interval.free, interval.ranges, step)
                _check_room(j, interval, step)
            elif step.evidence is not None:
                own[j] = _bounds(j, interval, step, rounding)
        return combine(self.steps[first:], own[first:], first)

    def _fixed(self, h: DifferenceOfSubmodular) -> tuple[Fixed, int]:
        """Follow the leading steps that fix elements, and return how many these are."""
        fixed, first = unfixed(h), 0
        if self.constraints is not None:  # marginals alone fix nothing
            return fixed, first
        for j, step in enumerate(self.steps):
            if step.reason != MARGINALS or tuple(step.children) != (j + 1,):
                break
            ids = _checked(j, step, fixed.free)
            local = step._replace(inside=ids[0], outside=ids[1])
            _check_marginals(j, np.arange(fixed.h.n), fixed.ranges, local)
            kept = np.ones(fixed.h.n, dtype=np.bool_)
            kept[ids[0]] = kept[ids[1]] = False
            rest = minor(fixed.h, ids[0], np.flatnonzero(kept))
            inside = fixed.inside.copy()
            inside[step.inside] = True
            round_ = (step.inside, step.outside)
            fixed = Fixed(
                h, rest, inside, fixed.free[kept], (*fixed.rounds, round_), gain_ranges(rest)
            )
            first = j + 1
        return fixed, first

    def _intervals(
        self, parts: Parts, elements: Array, first: int
    ) -> Iterator[tuple[int, Interval, Step]]:
        """Yield the steps from `first` on with their intervals, in numbers of the free elements.

        The children of a step divide what it leaves.
        """
        n = parts.n
        open_ = {first: (np.zeros(n, dtype=np.bool_), np.arange(n))}
        for j, given in enumerate(self.steps[first:], start=first):
            if j not in open_:
                raise _error(j, "it belongs to no earlier step")
            inside, free = open_.pop(j)
            into, out = _checked(j, given, elements[free])
            step = given._replace(inside=free[into], outside=free[out])
            if CHILDREN.get(step.reason) != len(step.children):
                raise _error(j, f"{step.reason!r} does not have {len(step.children)} children")
            if step.reason in (COSTS, BOUND) and step.evidence is None:
                raise _error(j, "there is no evidence")
            if step.reason == SPLIT and (len(step.inside) != 1 or len(step.outside)):
                raise _error(j, "a split needs one element, in `inside`")
            yield j, Interval(parts, inside, free, self.constraints), step
            left = np.delete(free, np.concatenate([into, out]))
            more = inside.copy()
            more[step.inside] = True
            starts = (inside, more) if step.reason == SPLIT else (more,)
            for child, start in zip(step.children, starts, strict=False):
                if child in open_ or not j < child < len(self.steps):
                    raise _error(j, f"it cannot have the child {child}")
                open_[child] = (start, left)
        if open_:
            raise CertificateError("The steps of the tree do not cover all sets")


def lifted(steps: Sequence[Step], fixed: Fixed) -> tuple[Step, ...]:
    """Return steps about the free elements as steps about all, after those that fix the others."""
    if not fixed.rounds:
        return tuple(steps)
    none, shift = np.zeros(0, dtype=np.intp), len(fixed.rounds)
    leading = [
        Step(MARGINALS, into, out, None, (k + 1,)) for k, (into, out) in enumerate(fixed.rounds)
    ]
    return *leading, *(
        Step(
            step.reason,
            fixed.free[step.inside] if len(step.inside) else none,
            fixed.free[step.outside] if len(step.outside) else none,
            step.evidence,
            tuple(child + shift for child in step.children),
        )
        for step in steps
    )


def combine(steps: Sequence[Step], own: Array, first: int = 0) -> float:
    """Return what steps prove together.

    Parameters
    ----------
    steps : sequence of Step
    own : ndarray of float64, shape (steps, 2)
        What each proves by itself, of all its sets and of those that are not its child's.
    first : int
        The number of ``steps[0]``, which their children count from.
    """
    bounds = own[:, 0].copy()
    for j in range(len(steps) - 1, -1, -1):
        step = steps[j]
        if step.children:
            below = min(float(bounds[c - first]) for c in step.children)
            if step.reason == COSTS:
                below = min(below, float(own[j, 1]))
            bounds[j] = max(bounds[j], below)
    return float(bounds[0])


def least_cost(free: Array, costs: Array, inside: Array, outside: Array) -> float:
    """Return by how much a bound rises for sets that disagree in at least one element."""
    away_in = -costs[np.searchsorted(free, inside)]
    away_out = costs[np.searchsorted(free, outside)]
    away = np.concatenate([away_in, away_out])
    return max(0.0, float(away.min())) if away.size else 0.0


def difference(h: DifferenceOfSubmodular | SetFunction) -> DifferenceOfSubmodular:
    """Return h as a difference, minus nothing if it is submodular."""
    if isinstance(h, DifferenceOfSubmodular):
        return h
    require_set_function(h)
    return DifferenceOfSubmodular(h, Modular(np.zeros(h.n)))


def parts_of(h: DifferenceOfSubmodular, constraints: Constraints | None) -> Parts:
    """Return h by kinds of bounds; under constraints, no part is set apart because it falls."""
    apart = Parts.of(h)
    if constraints is None or not apart.falling:
        return apart
    return Parts(h.f, h.g, (), h.integral, apart)


def require_feasible(constraints: Constraints | None, mask: Array) -> None:
    """Raise `CertificateError` if a set violates a constraint, with all that it violates."""
    if constraints is not None and (wrong := constraints.violations(mask)):
        raise CertificateError(f"The set is not feasible: {'; '.join(wrong)}")


def _functions(parts: Parts) -> list[tuple[float, SetFunction]]:
    """Return the functions that bounds are sums of gains of, with their factors."""
    functions = [(1.0, parts.f), (1.0, parts.g)]
    for a, F, G in parts.falling:
        functions += [(a, F), (a, G)]
    return functions


def _size(parts: Parts) -> float:
    """Return the sum of the numbers that gains are computed from."""
    return sum(a * float(F._range().size.sum()) for a, F in _functions(parts))


def rounding_of(parts: Parts) -> float:
    """Return the rounding of a bound: that of sums of gains, and that of the gains themselves."""
    order = np.arange(parts.n)
    gains = float(sum(a * np.abs(F.greedy(order)).sum() for a, F in _functions(parts)))
    return ROUNDING * gains + EXACT * _size(parts)


class Rounding(NamedTuple):
    """How bounds are rounded up to integers, where values are integers and floats can tell."""

    whole: bool
    slack: float  # the largest error of a bound, if values are integers

    @classmethod
    def of(cls, parts: Parts) -> Rounding:
        """Return the rounding of bounds; their error is relative to the gains of any order."""
        if not parts.integral:
            return cls(False, 0.0)
        slack = max(1e-4, EXACT * _size(parts))
        return cls(slack < 0.25, slack)

    def __call__(self, bound: float) -> float:
        """Round a bound."""
        return round_up(bound, self.slack) if self.whole else bound


def _require_submodular(h: DifferenceOfSubmodular) -> None:
    if h.estimated:
        raise CertificateError(
            "That f and g are submodular is an estimate (h.estimated), so the steps prove nothing"
        )
    for name, F in (("f", h.f), ("g", h.g)):
        if (violation := spot_check(F)) is not None:
            raise CertificateError(f"{name} = {F!r} is not submodular: {violation}")


def _checked(j: int, step: Step, free: Array) -> tuple[Array, Array]:
    """Return the elements that a step fixes, by their positions among the free ones."""
    if any(np.asarray(part).dtype.kind not in "iu" for part in (step.inside, step.outside)):
        raise _error(j, "inside and outside need indices of elements")
    inside, outside = (np.asarray(part).astype(np.intp) for part in (step.inside, step.outside))
    both = np.concatenate([inside, outside])
    if not np.isin(both, free).all() or len(np.unique(both)) < len(both):
        raise _error(j, "it fixes an element that is not free")
    return np.searchsorted(free, inside), np.searchsorted(free, outside)


def _bounds(j: int, interval: Interval, step: Step, rounding: Rounding) -> tuple[float, float]:
    evidence = step.evidence
    assert evidence is not None
    rows = 0 if interval.region is None else interval.region.n_rows
    if (problem := check_evidence(evidence, interval.size, rows)) is not None:
        raise _error(j, problem)
    low, costs = interval.bound(evidence)
    other = low + least_cost(interval.free, costs, step.inside, step.outside)
    return rounding(low), rounding(other)


def _check_marginals(j: int, free: Array, ranges: Ranges, step: Step) -> None:
    """Raise unless the elements of a step never raise h, or never lower it, beyond rounding."""
    into, out = np.searchsorted(free, step.inside), np.searchsorted(free, step.outside)
    up = ranges.high[into] - CLEAR * ranges.size[into]
    down = ranges.low[out] + CLEAR * ranges.size[out]
    if up.max(initial=0.0) > 0:
        raise _error(j, f"element {step.inside[up.argmax()]} may raise h by {up.max():.3g}")
    if down.min(initial=0.0) < 0:
        raise _error(j, f"element {step.outside[down.argmin()]} may lower h by {-down.min():.3g}")


def _check_region(j: int, interval: Interval, step: Step) -> None:
    """Raise unless the constraints decide the elements of a step, or leave no set."""
    region = interval.region
    if region is None:
        raise _error(j, f"{step.reason!r} needs constraints")
    if step.reason == INFEASIBLE:
        if not region.empty():
            raise _error(j, "sets of the interval may be feasible")
        return
    into, out = region.decided()
    for elements, fixed in ((step.inside, into), (step.outside, out)):
        if not fixed[np.searchsorted(interval.free, elements)].all():
            raise _error(j, "the constraints do not decide one of its elements")


def _check_room(j: int, interval: Interval, step: Step) -> None:
    """Raise unless sets stay feasible when they gain or lose the elements of a step."""
    region = interval.region
    if region is None:
        return
    into = np.searchsorted(interval.free, step.inside)
    if not region.loose()[into].all() or (len(step.outside) and region.low > 0):
        raise _error(j, "a constraint may be in the way of one of its elements")


def _error(j: int, problem: str) -> CertificateError:
    return CertificateError(f"Step {j} of the tree does not hold: {problem}")
