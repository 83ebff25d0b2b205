"""Upper bounds from marginals, and how they are tightened.

Each set S gives a modular function above F, see `MarginalCertificate`. A mixture of several of them
is a modular function above F as well, and its largest value over the feasible sets is convex in the
shares. This value is minimized by cutting planes; a set that attains it gives one more modular
function, which is tight at that set. Some families have modular functions above F for every vector
of levels (`Oracle._has_levels`), convex in the levels: these are tightened by a subgradient method.
"""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np

from subopt._base.types import Array
from subopt.functions.watched import TimeUp
from subopt.maximization._run import NOTHING, ROUNDING, Bound, Run
from subopt.maximization.certificate import AGREEMENT, MarginalCertificate
from subopt.maximization.prices import Most, most

ROUNDS = 12
"""Cutting planes for the shares of a mixture, per set that is added to it."""
STALLED = 6
"""Steps without progress after which the steps are halved."""
MEMORY = 0.7
"""How much of the last direction is kept in the next one."""

STARTS = (0.2, 0.5, 0.8)
"""Shares of the way from the levels of the smallest set to those of the best, to start at."""


def upper_bound(run: Run, passes: int, enough: float) -> Bound:
    """Return the best upper bound that some calls of `marginals` give.

    Parameters
    ----------
    run : Run
        With a feasible set.
    passes : int
        Largest number of calls.
    enough : float
        The share of the bound at which the gap is small enough to stop.
    """
    if run.deadline.passed() and "first_gains" not in vars(run):
        return NOTHING
    bounds = _Mixture(run)
    try:
        bounds.include(run.of.include, run.first_gains)
        if not run.deadline.passed():
            bounds.include(run.mask)
            passes -= 1
        best = bounds.best()
    except TimeUp:
        return NOTHING
    if _small(run, best, enough) or run.deadline.passed() or passes <= 0:
        return best
    if run.F._has_levels:
        return _by_levels(run, bounds, passes, enough)
    with suppress(TimeUp):
        for share in (0.5, 0.75):
            if len(run.path) >= 4 and passes > 0:
                S = run.of.include.copy()
                S[run.path[: int(share * len(run.path))]] = True
                bounds.include(S)
                passes -= 1
    return bounds.tightened(passes, enough)


def _small(run: Run, bound: Bound, enough: float) -> bool:
    gap = bound.value - run.value
    return gap <= max(run.tol, enough * abs(bound.value)) or gap <= 2 * bound.rounding


def _finished(
    run: Run, constant: float, weights: Array, found: Most, size: float, **evidence: object
) -> Bound:
    """Return a bound for all of V, with an allowance for rounding, and its certificate."""
    value = constant + float(weights[run.of.include].sum()) + found.bound
    taken = run.noise[run.of.include].sum() + run.noise[run.free[found.elements]].sum()
    rounding = float(taken) + 2.0**-44 * size
    slack = _slack(run, constant, weights, found) if run.F.integral else math.inf
    if slack < 0.25:
        value = float(math.floor(value + slack))
    else:
        value += rounding
    certificate = MarginalCertificate(
        upper_bound=max(value, run.value),
        constraints=run.of,
        prices=found.prices,
        **evidence,  # type: ignore[arg-type]
    )
    return Bound(certificate.upper_bound, rounding, certificate)


def _slack(run: Run, constant: float, weights: Array, found: Most) -> float:
    """Return at least what the check of the certificate allows for, before it rounds down."""
    extra, paid = run.inner.priced(found.prices)
    size = run.noise / ROUNDING
    used = weights[run.free] + AGREEMENT * size[run.free] > extra
    several = abs(constant) + abs(paid) + float(size[run.of.include].sum())
    several += float((size[run.free] + extra.clip(0))[used].sum())
    return 1.01 * AGREEMENT * several


class _Mixture:
    """Modular functions above F for several sets, and shares of them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.sets: list[Array] = []
        self.constants: list[float] = []
        self.weights: list[Array] = []
        self.sizes: list[float] = []
        self.cuts: list[Array] = []  # feasible sets, which bound the least mixture from below

    def include(self, mask: Array, gains: Array | None = None) -> None:
        """Add the function of a set."""
        run = self.run
        gains = run.marginals(mask) if gains is None else gains
        here = float(run.F.value(mask.copy()))
        lost = run.floors[mask]
        self.sets.append(np.flatnonzero(mask))
        self.constants.append(here - float(lost.sum()))
        self.weights.append(np.where(mask, run.floors, gains))
        self.sizes.append(abs(here) + float(np.abs(lost).sum()))

    def of(self, shares: Array) -> tuple[float, Array, Most]:
        """Return constant and weights of a mixture, and its largest value."""
        used = np.flatnonzero(shares)
        constant = math.fsum(shares[k] * self.constants[k] for k in used)
        weights = np.zeros(self.run.F.n)
        for k in used:
            weights += shares[k] * self.weights[k]
        return constant, weights, most(self.run.inner, weights[self.run.free])

    def bound(self, shares: Array) -> Bound:
        """Return the bound of a mixture."""
        constant, weights, found = self.of(shares)
        used = np.flatnonzero(shares)
        size = max((self.sizes[k] for k in used), default=0.0)
        sets = tuple(self.sets[k] for k in used)
        return _finished(
            self.run, constant, weights, found, size, sets=sets, shares=shares[used].copy()
        )

    def best(self) -> Bound:
        """Return the best bound of a single set."""
        alone = [self.bound(shares) for shares in np.eye(len(self.sets))]
        return min(alone, key=lambda bound: bound.value)

    def tightened(self, passes: int, enough: float) -> Bound:
        """Return the bound of a good mixture, with more sets for it."""
        best = self.best()
        while not (_small(self.run, best, enough) or self.run.stopped()):
            shares, elements = self._shares()
            bound = self.bound(shares)
            progress = best.value - bound.value
            if progress > 0:
                best = bound
            S = self.run.of.include.copy()
            S[elements] = True
            known = any(np.array_equal(np.flatnonzero(S), other) for other in self.sets)
            if passes <= 0 or known:
                break
            try:
                self.include(S)
            except TimeUp:
                break
            passes -= 1
        return best

    def _shares(self) -> tuple[Array, Array]:
        """Return the best shares that a few cutting planes find, and where the maximum is."""
        from scipy.optimize import linprog

        count = len(self.sets)
        values = [_totals(self, mask) for mask in self.cuts]
        alone = [self.bound(shares).value for shares in np.eye(count)]
        shares, best, elements = np.eye(count)[int(np.argmin(alone))], math.inf, np.zeros(0, int)
        chosen = shares
        for _ in range(ROUNDS):
            constant, weights, found = self.of(shares)
            bound = constant + float(weights[self.run.of.include].sum()) + found.bound
            T = self.run.of.include.copy()
            T[self.run.free[found.elements]] = True
            if bound < best:
                best, chosen, elements = bound, shares, self.run.free[found.elements]
            self.cuts.append(T)
            values.append(_totals(self, T))
            rows = np.array(values)
            size = max(float(np.abs(rows).max()), 1e-300)
            plane = np.hstack([rows / size, -np.ones((len(rows), 1))])
            target = np.append(np.zeros(count), 1.0)
            total = np.append(np.ones(count), 0.0)[None]
            limits = [(0.0, 1.0)] * count + [(None, None)]
            lowest = linprog(target, plane, np.zeros(len(rows)), total, [1.0], limits)
            if lowest.x is None or best - lowest.fun * size <= 1e-3 * max(best - self.run.value, 0):
                break
            shares = np.maximum(lowest.x[:count], 0.0)
            shares[shares < 1e-9] = 0.0
            shares /= shares.sum()
        return chosen, elements


def _totals(mixture: _Mixture, mask: Array) -> Array:
    """Return the value of each function of a mixture at a set."""
    pairs = zip(mixture.constants, mixture.weights, strict=True)
    return np.array([constant + float(weights[mask].sum()) for constant, weights in pairs])


def _by_levels(run: Run, bounds: _Mixture, passes: int, enough: float) -> Bound:
    """Lower the bound over levels by a subgradient method with steps of Polyak.

    The target of its steps is the value of the best set, which no bound is below.
    """
    F, best = run.F, bounds.best()
    low, high = F._levels(run.of.include), F._levels(run.mask)
    starts = []
    for share in STARTS:
        levels = low + share * (high - low)
        constant, weights = F._above(levels)
        starts.append(constant + most(run.inner, weights[run.free]).bound)
    levels = low + STARTS[int(np.argmin(starts))] * (high - low)
    least, direction, scale, waited, kept = math.inf, None, 1.0, 0, levels
    for _ in range(passes - len(STARTS)):
        if run.stopped() or _small(run, best, enough):
            break
        run.n_evals += F.n
        constant, weights = F._above(levels)
        found = most(run.inner, weights[run.free])
        bound = _finished(run, constant, weights, found, abs(constant), levels=levels)
        if bound.value < best.value:
            best = bound
        if bound.value < least - 1e-4 * (least - run.value if math.isfinite(least) else 1.0):
            waited = 0
        else:
            waited += 1
        if bound.value < least:
            least, kept = bound.value, levels
        if waited >= STALLED:  # go back, with shorter steps
            scale, waited, direction = scale / 2, 0, None
            constant, weights = F._above(kept)
            found, levels = most(run.inner, weights[run.free]), kept
            bound = bound._replace(value=least)
        chosen = np.concatenate([np.flatnonzero(run.of.include), run.free[found.elements]])
        slope = F._slope(levels, chosen)
        direction = slope if direction is None else MEMORY * direction + (1 - MEMORY) * slope
        square = float(direction @ direction)
        if not square > 0:
            break
        step = scale * max(bound.value - run.value, 0.0) / square
        levels = np.maximum(levels - step * direction, low)
    return best
