"""The minimum-norm point of the base polytope, by the Fujishige-Wolfe algorithm.

The algorithm keeps the point x of smallest norm in the convex hull of a few greedy vertices
(`_active_set`). A sweep along x gives the next vertex. The sum of the negative entries of x is a
lower bound on min F, the level sets of x give upper bounds, and both meet at the optimum. Elements
that are proven to be inside or outside every minimizer leave the ground set during the run, which
makes the method fast: `_sweep_bounds` has the tests, `_elimination` the remaining problem and its
certificate. Where gains of elements differ by orders of magnitude, each entry of x is divided by
the range of the gains of its element before the norm is taken. This does not change which
entries of the point are negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by, told
from subopt._base.options import Deadline, documented, iteration, reported
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.modular import Modular
from subopt.functions.watched import TimeUp, unwatched, watched
from subopt.submodular._active_set import ActiveSet
from subopt.submodular._elimination import Reduction, counts_exactly, rounding_error
from subopt.submodular._orders import Block
from subopt.submodular._recheck import EPS, NEAR, SOLVED, near_zero, whole_gap
from subopt.submodular._sweep_bounds import ROUNDING, bracket, scan
from subopt.submodular._ties import MIXED, best_of_ties
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result, no_bound

EXTREME = 1e-6
"""Sets whose values differ by less than this, relative to the largest gain, count as ties."""
PATIENCE = 100
"""The run ends after this many sweeps in a row without a new smallest norm."""
LEAST = 0.65
"""Smallest fraction of elements to eliminate at once: afterwards all vertices are swept again."""


@reported
@documented
def min_norm_point(
    F: SetFunction,
    *,
    tol: float | None = None,
    max_iter: int = 100_000,
    minimizer: str = "any",
    start: BaseCertificate | ArrayLike | None = None,
    eliminate: bool = True,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
    verbose: bool = False,
) -> Result:
    """Minimize a submodular function by the minimum-norm point of its base polytope.

    Parameters
    ----------
    %(F)s
    %(tol)s
        The default is the rounding error of the gains of the undecided elements. If F is integral,
        the solver stops at a gap below 1, which proves that the gap is 0.
    %(max_iter)s
        Each adds a vertex and costs a sort of n numbers, one sweep of F and O(n k + k²) operations
        for k active vertices.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several. Minimizers form a lattice, so that there is
        a smallest and a largest one. Sets whose values are within `tol` of the minimum count as
        minimizers. The default tolerance is the rounding error of the gains of the elements in
        which two sets differ.
    start : BaseCertificate or array_like of int, shape (n,), optional
        A base to start from, e.g. of a similar function, or an order of V.
    eliminate : bool, default True
        Whether to remove elements that are proven to be inside or outside every minimizer.
    %(time_limit)s
    %(callback)s
        Computing the certificate for it takes about as long as an iteration.
    %(verbose)s

    Returns
    -------
    Result
        With a `BaseCertificate`. The status is OPTIMAL, ITERATION_LIMIT, TIME_LIMIT, INTERRUPTED,
        or SLOW_PROGRESS if rounding errors keep the gap above `tol`. In all cases
        ``lower_bound <= min F <= value``.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.
    ValueError
        If an option is out of range, F(∅) is not 0, F returns numbers that are not finite, or F is
        found not to be submodular.

    Notes
    -----
    ``start=frank_wolfe(F, max_iter=20).certificate`` is a Frank-Wolfe warm start. With elimination
    it was slower on all problems of `benchmarks/submodular.py` (column "warm").

    References
    ----------
    .. [1] S. Fujishige and S. Isotani, "A submodular function minimization algorithm based on the
       minimum-norm base", Pacific Journal of Optimization 7, 2011.
    .. [2] P. Wolfe, "Finding the nearest point in a polytope", Mathematical Programming 11, 1976.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
    >>> result = min_norm_point(F, minimizer="minimal")
    >>> result.S, result.value, result.gap, result.status.name
    (array([0]), -1.0, 0.0, 'OPTIMAL')
    >>> min_norm_point(F, minimizer="maximal").S
    array([0, 1])
    """
    require_set_function(F)
    if tol is not None:
        tol = validate.nonnegative("tol", tol)
    max_iter = validate.positive_int("max_iter", max_iter)
    validate.callback(callback)
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    if not isinstance(start, BaseCertificate):
        order = None if start is None else validate.order(start, F.n, "start")[None]
        start = None if order is None else BaseCertificate(order, np.ones(1), -math.inf)
    stop = _Stop(tol, max_iter, Deadline(time_limit))
    seen = F if time_limit is None else watched(F, stop.deadline)
    try:
        if minimizer == "any":
            reduction = Reduction(seen, elementary=eliminate)
            result = _Solver(reduction, stop, start, eliminate).run(callback)
        else:
            sign = 1.0 if minimizer == "minimal" else -1.0
            result = _extreme(seen, stop, start, eliminate, callback, sign)
    except TimeUp:
        result = no_bound(seen, "min_norm_point")
    return told(callback, result)


def _extreme(
    F: SetFunction,
    stop: _Stop,
    start: BaseCertificate | None,
    eliminate: bool,
    callback: Callable[[Result], object] | None,
    sign: float,
) -> Result:
    """Find the smallest or largest minimizer: add a small cost, or reward, to every element.

    The orders of the certificate are valid for F as well. Decided elements are eliminated first,
    because costs are chosen relative to the gains of each of the others. For integral F, the
    entries of the point of smallest norm are fractions with denominators up to n, so that any cost
    below 1 / n leaves exactly one minimizer. If F is not integral, or floats round its values,
    costs are chosen that are far above rounding errors. If these have changed the minimum, which
    the gap shows, lower ones follow.
    """
    whole = Reduction(F, elementary=eliminate)
    if not len(whole.free):
        return _Solver(whole, stop, start, eliminate).run(callback)
    if start is not None:
        start.validate(F.n)
        orders = whole.local(np.asarray(start.orders, dtype=np.intp))
        start = BaseCertificate(orders, start.weights, -math.inf)

    def tell(result: Result) -> None:
        assert callback is not None
        callback(_without_prices(F, whole, stop.tol, result))

    for price in _prices(F, whole, stop.tol):
        price[price == 0] = price.max(initial=0.0) or 1.0
        priced = Reduction(whole.function + Modular(sign * price), elementary=eliminate)
        goal = stop._replace(tol=float(price.min()) / 2)
        solver = _Solver(priced, goal, start, eliminate)
        result = solver.run(None if callback is None else tell)
        found = _without_prices(F, whole, stop.tol, result)
        if found.status is not Status.SLOW_PROGRESS:
            break
        assert isinstance(result.certificate, BaseCertificate)
        start = replace(result.certificate, lower_bound=-math.inf)
    return found


def _prices(F: SetFunction, whole: Reduction, tol: float | None) -> list[Array]:
    """Return costs of the undecided elements that leave one minimizer, in the order to try."""
    low, high, size = whole.gains
    n = len(size)
    if counts_exactly(F, size):
        return [np.full(n, 0.5 / (n + 1))]
    largest = np.maximum(np.abs(low), np.abs(high))
    least = np.maximum(EXTREME / 1000 * largest / (n + 1), 256 * ROUNDING * size)
    if tol is not None:
        return [np.full(n, max(tol / (n + 1), float(least.max())))]
    return [np.maximum(EXTREME * largest / (n + 1), least), 256 * ROUNDING * size]


def _without_prices(F: SetFunction, whole: Reduction, tol: float | None, result: Result) -> Result:
    """Return what a result for F plus costs of the undecided elements says about F itself."""
    assert isinstance(result.certificate, BaseCertificate)
    size = whole.gains.size
    orders, weights = result.certificate.orders, result.certificate.weights
    gap, x = whole.gap(orders, weights, result.mask)
    if F.integral:
        wrong = np.where(result.mask, x, -x) > -NEAR * size
        gap = whole_gap(gap, float(size[wrong].sum()), SOLVED)
    mask = whole.mask(result.S)
    value, status = F.value(mask.copy()), result.status
    if status in (Status.OPTIMAL, Status.SLOW_PROGRESS) and tol is None:
        near = near_zero(x, size)
        explained = gap <= rounding_error(whole.gains) + 256 * ROUNDING * near
        status = Status.OPTIMAL if explained else Status.SLOW_PROGRESS
    orders, weights = whole.certificate(orders, weights)
    return replace(
        result,
        mask=mask,
        value=value,
        lower_bound=value - gap,
        status=status,
        certificate=BaseCertificate(orders, weights, value - gap),
        n_evals=result.n_evals + whole.n_evals + 1,
    )


class _Stop(NamedTuple):
    tol: float | None
    max_iter: int
    deadline: Deadline


class _Solver:
    """The state of a run: the reduced function, its active vertices, and the best set so far."""

    def __init__(
        self, R: Reduction, stop: _Stop, start: BaseCertificate | None, eliminate: bool
    ) -> None:
        self.F, self.stop, self.eliminate = R.F, stop, eliminate
        self.reduction, self.n_iter = R, 0
        self.least, self.patience = math.inf, 0  # smallest squared norm; sweeps since then
        self.low = math.inf  # value of the best set, without the elements eliminated as inside
        self.slow = R.F._by_value() and stop.deadline.left() < math.inf
        self.order = np.arange(len(R.free))  # the order of the last sweep
        if start is None:
            key = R.gains.low + R.gains.high
            orders, weights = np.argsort(key, kind="stable")[None], np.ones(1)
        else:
            start.validate(self.F.n)
            orders, weights = R.local(np.asarray(start.orders, dtype=np.intp)), start.weights
        self._rebuild(orders, np.asarray(weights, dtype=np.float64))

    def run(self, callback: Callable[[Result], object] | None) -> Result:
        """Run until a limit is reached, possibly within a sweep, and return the best set."""
        last: Result | None = None
        try:
            for result in self._steps(callback):
                last = result
        except TimeUp:
            if last is None:
                raise
            return replace(last, status=Status.TIME_LIMIT)
        assert last is not None
        return last

    def _steps(self, callback: Callable[[Result], object] | None) -> Iterator[Result]:
        """Yield intermediate results, which are needed if time runs out, and the final one."""
        stalled = False
        while True:
            self._sweep()
            iteration(
                self.n_iter, "sweeps", "gap %.3g, %d elements undecided", self.gap, len(self.order)
            )
            if (status := self._status()) is not None:
                if not (self.eliminate and self._hidden(status) and self._split(least=0.0)):
                    break
                continue
            if callback is not None or self.slow:
                result = self._result(Status.RUNNING)
                yield result
                if ended_by(callback, result):
                    status = Status.INTERRUPTED
                    break
            if self.eliminate and self._split(least=LEAST):
                continue
            if self.active.add(self.order, self._vertex()):
                stalled = False
            elif stalled:
                status = Status.SLOW_PROGRESS
                break
            elif not (self.eliminate and self._split(least=0.0)):
                stalled = True
                self._rebuild(*self.active.combination())
        explained = self.stop.tol is None and self.gap <= 256 * ROUNDING * self._near()
        if status is Status.SLOW_PROGRESS and explained:  # by errors of combining the vertices
            status = Status.OPTIMAL
        result = self._best_of_ties(self._result(status))
        yield self.reduction.confirmed(result) if status is Status.OPTIMAL else result

    def _best_of_ties(self, result: Result) -> Result:
        if not len(self.order) or counts_exactly(self.F, self.reduction.gains.size):
            return result
        reached = np.concatenate([[0.0], np.cumsum(self.gains[self.order])])
        rounding = ROUNDING * float(self.reduction.gains.size.sum())
        F, R, deadline = unwatched(self.F), self.reduction, self.stop.deadline
        return best_of_ties(
            F, result, reached, rounding, lambda k: R.mask(self.order[:k]), deadline
        )

    def _sweep(self) -> None:
        """Sweep along x: find the vertex that minimizes the product with x, and both bounds."""
        y, R = self.active.x, self.reduction
        self.x = x = y * self.units
        self.n_iter += 1
        # starting from the last order makes the sort faster, because little has changed
        self.order = self.order[(y / self.units)[self.order].argsort(kind="stable")]
        self.gains = R.sweep(self.order)
        sizes = R.gains.size[self.order]
        found = scan(x[self.order], self.gains[self.order], sizes)
        if self.mixed:
            square = float(y @ y)
            found = found._replace(square=square, excess=square - float(y @ self._vertex()))
        self.patience += 1
        if found.square < self.least:
            self.least, self.patience = found.square, 0
        self.scan = found
        R.require(found, self.order, *self.active.combination())
        self.low, gap, size = bracket(found, self.low)
        if size is not None:
            self.mask = R.mask(self.order[:size])
        self.gap = whole_gap(gap, self._near(), SOLVED) if self.F.integral else gap

    def _status(self) -> Status | None:
        tol = rounding_error(self.reduction.gains) if self.stop.tol is None else self.stop.tol
        if self.gap <= tol:
            return Status.OPTIMAL
        if self.scan.excess <= 1e-15 * self.scan.square or self.patience > PATIENCE:
            return Status.SLOW_PROGRESS
        if self.n_iter >= self.stop.max_iter:
            return Status.ITERATION_LIMIT
        if self.stop.deadline.passed():
            return Status.TIME_LIMIT
        return None

    def _hidden(self, status: Status) -> bool:
        """Whether rounding errors of elements far from 0 may hide a gap of the others."""
        if status is Status.SLOW_PROGRESS:
            return True
        if status is not Status.OPTIMAL or self.stop.tol is not None:
            return False
        return self.gap > ROUNDING * self._near()

    def _near(self) -> float:
        """Return the magnitude of the numbers that gains of elements near 0 are made of."""
        return near_zero(self.x, self.reduction.gains.size)

    def _split(self, least: float) -> bool:
        """Eliminate level sets of x that are proven inside or outside, if they are large enough.

        `least` is the smallest fraction of the elements to eliminate. Return whether any were.
        """
        found, n = self.scan, len(self.order)
        a, b = max(found.head, found.first), min(found.tail, found.last)
        if b < a or n - (b - a) <= least * n:
            return False
        orders, weights = self.active.combination()
        inside = np.zeros((2, n), dtype=np.bool_)
        one = self.order[None], np.ones(1)
        ahead = one if found.first > found.head else (orders, weights)
        behind = one if found.last < found.tail else (orders, weights)
        inside[0, self.order[:a]] = inside[1, self.order[b:]] = True
        parts = [
            Block(rows[part[rows]].reshape(len(rows), -1), w)
            for part, (rows, w) in zip(inside, (ahead, behind), strict=True)
        ]
        everywhere = self.reduction.free[orders]
        self.low -= self.reduction.eliminate(*parts)
        self._rebuild(self.reduction.local(everywhere), weights)
        return True

    def _rebuild(self, orders: Array, weights: Array) -> None:
        R = self.reduction
        low, high, size = R.gains
        reach, largest = high - low, np.maximum(np.abs(low), np.abs(high))
        # gains that are rounding errors, or that vary by no more, have no unit of their own, in
        # which these errors would be large
        largest = np.where(np.minimum(reach, largest) <= ROUNDING * size, size, largest)
        self.mixed = reach.size > 1 and largest.max() > MIXED * largest.min()
        self.units = np.ones(reach.size)
        if self.mixed:
            # powers of two, by which numbers are divided without rounding
            least = float(largest.max()) * EPS
            self.units = np.exp2(np.frexp(np.maximum(largest, least))[1] - 1.0)
        reach = reach / self.units
        vertices = np.array([R.sweep(order) for order in orders]).reshape(orders.shape) / self.units
        self.active = ActiveSet(orders, vertices, weights, float(reach @ reach))
        self.order = orders[0]
        self.least, self.patience = math.inf, 0

    def _vertex(self) -> Array:
        """Return the vertex of the last sweep, in the units of each element."""
        return self.gains / self.units if self.mixed else self.gains

    def _result(self, status: Status) -> Result:
        orders, weights = self.reduction.certificate(*self.active.combination())
        value = unwatched(self.F).value(self.mask.copy())
        bound = value - self.gap
        exact = counts_exactly(self.F, self.reduction.gains.size)
        if len(self.order) == self.F.n and not exact:  # sums of all gains may have been rounded
            bound = min(bound, float(self.low) - self.gap)
        return Result(
            mask=self.mask.copy(),
            value=value,
            lower_bound=bound,
            status=status,
            certificate=BaseCertificate(orders, weights, bound),
            method="min_norm_point",
            n_iter=self.n_iter,
            n_evals=self.reduction.n_evals,
        )
