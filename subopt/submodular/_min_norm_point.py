"""The minimum-norm point of the base polytope, by Wolfe's algorithm (Fujishige-Wolfe).

A sweep along the point x of smallest norm in the hull of a few greedy vertices gives the next
vertex. The negative entries of x bound min F from below, its level sets from above, and both meet
at the optimum. `_active_set` is the hull and its numerics. What makes the method fast is that
elements leave the ground set while it runs, by tests that the certificate can repeat (`_scan`);
`_reduction` is what then remains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.deadline import Deadline
from subopt._base.options import documented
from subopt._base.report import iteration, reported
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.modular import Modular
from subopt.submodular._active_set import ActiveSet
from subopt.submodular._elimination import Reduction, default_tol, whole_gap
from subopt.submodular._orders import Block
from subopt.submodular._sweep_bounds import ROUNDING, Scan, scan
from subopt.submodular._watch import TimeUp, ended_by, no_bound, unwatched, watched
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result

EXTREME = 1e-6
"""Sets whose values differ by this share of the largest gain count as equally good."""
LEAST = 0.65
"""A split is made when it takes this share of the elements: all vertices are swept again for it."""


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
    F : SetFunction
        Submodular, on V = {0, ..., n - 1}. Not checked; see `subopt.testing.assert_submodular`.
    tol : float, optional
        Stop when ``value - lower_bound <= tol``, in the units of F. By default 1e-8 of the largest
        gain among the elements that are not decided yet, or what rounding errors allow if that is
        more. If F is integral, a gap below 1 is enough to know that it is 0.
    max_iter : int, default 100_000
        Largest number of vertices to try. Each costs a sort of n numbers, one sweep of F and
        O(n k + k²) for k active vertices.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several: they form a lattice, with a smallest and a
        largest one. Sets within `tol` of the minimum count as minimizers; by default within 1e-6
        of the largest gain of an undecided element.
    start : BaseCertificate or array_like of int, shape (n,), optional
        A base to start from, say of a similar function, or an order of V. A Frank-Wolfe warm-up is
        ``start=frank_wolfe(F, max_iter=20).certificate``; with elements that leave, it has cost
        more than it saved on everything we measured (`benchmarks/submodular.py`, column "warm").
    eliminate : bool, default True
        Whether elements that are known to be in or out leave the problem.
    time_limit : float, optional
        Seconds after which to stop with what there is.
    callback : callable, optional
        Called with a `Result` before every step. Making its certificate costs about as much as
        a step does.
    %(verbose)s

    Returns
    -------
    Result
        With a `BaseCertificate`; ``status`` is ``OPTIMAL``, ``ITERATION_LIMIT``, ``TIME_LIMIT``, or
        ``SLOW_PROGRESS`` if rounding keeps the gap above `tol`. In any case
        ``lower_bound <= min F <= value``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or F returns numbers that are not finite.

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
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    if not isinstance(start, BaseCertificate):
        order = None if start is None else validate.order(start, F.n)[None]
        start = None if order is None else BaseCertificate(order, np.ones(1), -math.inf)
    stop = _Stop(tol, max_iter, Deadline(time_limit))
    seen = F if time_limit is None else watched(F, stop.deadline)
    try:
        if minimizer == "any":
            reduction = Reduction(seen, elementary=eliminate)
            return _Solver(reduction, stop, start, eliminate).run(callback)
        sign = 1.0 if minimizer == "minimal" else -1.0
        return _extreme(seen, stop, start, eliminate, callback, sign)
    except TimeUp:
        return no_bound(seen, "min_norm_point")


def _extreme(
    F: SetFunction,
    stop: _Stop,
    start: BaseCertificate | None,
    eliminate: bool,
    callback: Callable[[Result], object] | None,
    sign: float,
) -> Result:
    """Minimize F with a small price (or reward) on every element: the orders fit F as well.

    Elements that are decided leave before the price is chosen, which is relative to the others.
    For integral F the values of the point of smallest norm are fractions with denominators up to
    n, so that any price below 1 / n leaves exactly one minimizer.
    """
    whole = Reduction(F, elementary=eliminate)
    G, n = whole.function, len(whole.free)
    if n == 0:
        return _Solver(whole, stop, start, eliminate).run(callback)
    tied = EXTREME * whole.largest if stop.tol is None else stop.tol
    # more than rounding errors, which the elimination of elements leaves room for
    least = max(EXTREME / 1000 * whole.largest / (n + 1), 256 * ROUNDING * whole.gains.size.max())
    price = 0.5 / (n + 1) if F.integral else max(tied / (n + 1), least) or 1.0

    def about_F(result: Result) -> Result:
        assert isinstance(result.certificate, BaseCertificate)
        orders, weights = result.certificate.orders, result.certificate.weights
        x = weights @ np.array([whole.sweep(order) for order in orders]).reshape(orders.shape)
        gap = max(0.0, G.value(result.mask.copy()) - float(np.minimum(x, 0).sum()))
        mask = whole.mask(result.S)
        value, gap = F.value(mask.copy()), whole_gap(gap) if F.integral else gap
        orders, weights = whole.certificate(orders, weights)
        return replace(
            result,
            mask=mask,
            value=value,
            lower_bound=value - gap,
            certificate=BaseCertificate(orders, weights, value - gap),
            n_evals=result.n_evals + whole.n_evals + 1,
        )

    def tell(result: Result) -> None:
        assert callback is not None
        callback(about_F(result))

    if start is not None:
        start.validate(F.n)
        orders = whole.local(np.asarray(start.orders, dtype=np.intp))
        start = BaseCertificate(orders, start.weights, -math.inf)
    priced = Reduction(G + Modular(np.full(n, sign * price)), elementary=eliminate)
    solver = _Solver(priced, stop._replace(tol=price / 2), start, eliminate)
    return about_F(solver.run(None if callback is None else tell))


class _Stop(NamedTuple):
    tol: float | None
    max_iter: int
    deadline: Deadline


class _Solver:
    """One run: the reduced function, its active vertices, and the best level set so far."""

    def __init__(
        self, R: Reduction, stop: _Stop, start: BaseCertificate | None, eliminate: bool
    ) -> None:
        self.F, self.stop, self.eliminate = R.F, stop, eliminate
        self.reduction, self.n_iter = R, 0
        self.low = math.inf  # of the best set, given what is in
        self.slow = R.F._by_value() and stop.deadline.left() < math.inf
        self.order = np.arange(len(R.free))  # that of the last sweep
        if start is None:
            key = R.gains.low + R.gains.high
            orders, weights = np.argsort(key, kind="stable")[None], np.ones(1)
        else:
            start.validate(self.F.n)
            orders, weights = R.local(np.asarray(start.orders, dtype=np.intp)), start.weights
        self._rebuild(orders, np.asarray(weights, dtype=np.float64))

    def run(self, callback: Callable[[Result], object] | None) -> Result:
        """Return the best set when a limit is reached, also where that is within a sweep."""
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
        """Yield the final result, and before it those that are needed if time is up in a sweep."""
        stalled = False
        while True:
            self._sweep()
            iteration(
                self.n_iter, "sweeps", "gap %.3g, %d elements undecided", self.gap, len(self.order)
            )
            if (status := self._status()) is not None:
                break
            if callback is not None or self.slow:
                result = self._result(Status.ITERATION_LIMIT)
                yield result
                if ended_by(callback, result):
                    status = Status.INTERRUPTED
                    break
            if self.eliminate and self._split(least=LEAST):
                continue
            if self.active.add(self.order, self.gains):
                stalled = False
            elif stalled:
                status = Status.SLOW_PROGRESS
                break
            elif not (self.eliminate and self._split(least=0.0)):
                stalled = True
                self._rebuild(*self.active.combination())
        yield self._result(status)

    def _sweep(self) -> None:
        """Find the vertex that x is worst against, and with it a lower and an upper bound."""
        x, R = self.active.x, self.reduction
        self.n_iter += 1
        # sorting along the last order is faster, as little has changed
        self.order = self.order[x[self.order].argsort(kind="stable")]
        self.gains = R.sweep(self.order)
        sizes = R.gains.size[self.order]
        self.scan = found = Scan(*scan(x[self.order], self.gains[self.order], sizes))
        R.require(found, self.order, *self.active.combination())
        if found.low < self.low:
            self.low = found.low
            self.mask = R.mask(self.order[: found.size])
        self.gap = max(0.0, self.low - found.negative)
        if found.gap <= self.gap:
            self.gap, self.low = max(0.0, found.gap), found.negative + found.gap
            self.mask = R.mask(self.order[: found.best])
        if self.F.integral:
            self.gap = whole_gap(self.gap)

    def _status(self) -> Status | None:
        tol = default_tol(self.reduction.gains) if self.stop.tol is None else self.stop.tol
        if self.gap <= tol:
            return Status.OPTIMAL
        if self.scan.excess <= 1e-15 * self.scan.square:
            return Status.SLOW_PROGRESS
        if self.n_iter >= self.stop.max_iter:
            return Status.ITERATION_LIMIT
        if self.stop.deadline.passed():
            return Status.TIME_LIMIT
        return None

    def _split(self, least: float) -> bool:
        """Take level sets of x in and out that are proven to be, if they are a share `least`."""
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
        vertices = np.array([R.sweep(order) for order in orders]).reshape(orders.shape)
        reach = R.gains.high - R.gains.low
        self.active = ActiveSet(orders, vertices, weights, float(reach @ reach))
        self.order = orders[0]

    def _result(self, status: Status) -> Result:
        orders, weights = self.reduction.certificate(*self.active.combination())
        value = unwatched(self.F).value(self.mask.copy())
        bound = value - self.gap
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
