"""Frank-Wolfe on the base polytope with pairwise steps, for large n.

Minimizes ||x||² over B(F). Each step moves weight from the active vertex with the largest product
with x to the vertex with the smallest one, which a sweep finds. The method solves no linear systems
and uses O(n k) memory for k active vertices. It converges linearly, whereas `min_norm_point`, which
factorizes a k x k matrix, terminates after finitely many steps. Elements are eliminated as in
`min_norm_point`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by, told
from subopt._base.options import Deadline, documented, iteration, reported
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.watched import TimeUp, unwatched, watched
from subopt.submodular._elimination import Reduction, counts_exactly, local_tol
from subopt.submodular._orders import Block
from subopt.submodular._sweep_bounds import ROUNDING, Scan, bracket, scan
from subopt.submodular._ties import best_of_ties, gap_with_rounding
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result, no_bound


@reported
@documented
def frank_wolfe(
    F: SetFunction,
    *,
    tol: float | None = None,
    max_iter: int = 10_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
    verbose: bool = False,
) -> Result:
    """Minimize a submodular function by pairwise Frank-Wolfe steps on its base polytope.

    Parameters
    ----------
    %(F)s
    %(tol)s
        The default is 1e-6 times the smallest gain among the elements in which a minimizer may
        differ from the answer, plus the rounding error of the gains. If F is integral, the solver
        stops at a gap below 1, which proves that the gap is 0.
    %(max_iter)s
        Each is one step and costs a sort of n numbers, one sweep of F and O(n k)
        operations for k active vertices.
    %(time_limit)s
    %(callback)s
    %(verbose)s

    Returns
    -------
    Result
        With a `BaseCertificate`. In all cases ``lower_bound <= min F <= value``.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.
    ValueError
        If an option is out of range, F(∅) is not 0, F returns numbers that are not finite, or F is
        found not to be submodular.

    References
    ----------
    .. [1] S. Lacoste-Julien and M. Jaggi, "On the global linear convergence of Frank-Wolfe
       optimization variants", NeurIPS 2015.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2.5])
    >>> result = frank_wolfe(F)
    >>> result.S, result.value, result.gap
    (array([0]), -1.0, 0.0)
    """
    require_set_function(F)
    if tol is not None:
        tol = validate.nonnegative("tol", tol)
    max_iter = validate.positive_int("max_iter", max_iter)
    validate.callback(callback)
    deadline = Deadline(time_limit)
    seen = F if time_limit is None else watched(F, deadline)
    try:
        return _Run(seen, tol, max_iter, deadline).run(callback)
    except TimeUp:
        return no_bound(seen, "frank_wolfe")


class _Run:
    """The state of a run: the reduced function, its active vertices, and the best set so far."""

    def __init__(
        self, F: SetFunction, tol: float | None, max_iter: int, deadline: Deadline
    ) -> None:
        self.F, self.tol, self.max_iter, self.deadline = F, tol, max_iter, deadline
        self.R = R = Reduction(F)
        key = R.gains.low + R.gains.high
        self.state = _Vertices(R, np.argsort(key, kind="stable")[None], np.ones(1))
        self.mask, self.n_iter = np.zeros(F.n, dtype=np.bool_), 0
        self.low = math.inf  # value of the best set, without the elements eliminated as inside

    def run(self, callback: Callable[[Result], object] | None) -> Result:
        """Run until a limit is reached, possibly within a sweep, and return the best set."""
        slow, last = self.F._by_value() and self.deadline.left() < math.inf, None
        try:
            while True:
                self._sweep()
                if (status := self._status()) is not None:
                    result = self._best_of_ties(self._result(status))
                    result = self.R.confirmed(result) if status is Status.OPTIMAL else result
                    return told(callback, result)
                kept = callback is not None or slow
                last = self._result(Status.RUNNING) if kept else None
                if last is not None and ended_by(callback, last):
                    return replace(last, status=Status.INTERRUPTED)
                self._step()
        except TimeUp:  # the time limit was reached within a sweep
            if last is None:
                raise
            return replace(last, status=Status.TIME_LIMIT)

    def _sweep(self) -> None:
        """Sweep along x: find the next vertex, the best set and the gap."""
        R, x = self.R, self.state.x
        self.n_iter += 1
        self.order = order = x.argsort(kind="stable")
        self.gains = R.sweep(order)
        self.found = found = scan(x[order], self.gains[order], R.gains.size[order])
        R.require(found, order, np.array(self.state.orders), np.array(self.state.weights))
        self.low, gap, size = bracket(found, self.low)
        if size is not None:
            self.mask = R.mask(order[:size])
        self.gap = gap_with_rounding(self.F, gap, x, R.gains.size)
        iteration(self.n_iter, "sweeps", "gap %.3g, %d elements undecided", self.gap, order.size)

    def _status(self) -> Status | None:
        tol = self.tol
        if tol is None:
            tol = local_tol(self.R.gains, self.state.x, self.gap)
        if self.gap <= tol:
            return Status.OPTIMAL
        if self.found.excess <= 1e-15 * self.found.square:
            return Status.SLOW_PROGRESS
        if self.n_iter >= self.max_iter:
            return Status.ITERATION_LIMIT
        return Status.TIME_LIMIT if self.deadline.passed() else None

    def _best_of_ties(self, result: Result) -> Result:
        if not self.order.size or counts_exactly(self.F, self.R.gains.size):
            return result
        reached = np.concatenate([[0.0], np.cumsum(self.gains[self.order])])
        rounding = ROUNDING * float(self.R.gains.size.sum())
        F, R, deadline = unwatched(self.F), self.R, self.deadline
        return best_of_ties(
            F, result, reached, rounding, lambda k: R.mask(self.order[:k]), deadline
        )

    def _step(self) -> None:
        """Eliminate the decided elements if they are half of all, or take a step."""
        found, n = self.found, self.order.size
        if found.head <= found.tail and n - found.tail + found.head > n // 2:
            self.state, worth = self.state.without(self.order, found)
            self.low -= worth
        else:
            self.state.step(self.order, self.gains)

    def _result(self, status: Status) -> Result:
        orders, weights = np.array(self.state.orders), np.array(self.state.weights)
        orders, weights = self.R.certificate(orders, weights)
        value = unwatched(self.F).value(self.mask.copy())
        bound = value - self.gap
        return Result(
            mask=self.mask.copy(),
            value=value,
            lower_bound=bound,
            status=status,
            certificate=BaseCertificate(orders, weights, bound),
            method="frank_wolfe",
            n_iter=self.n_iter,
            n_evals=self.R.n_evals,
        )


class _Vertices:
    """Active vertices with convex weights, and their combination x."""

    def __init__(self, R: Reduction, orders: Array, weights: Array) -> None:
        self.R = R
        self.orders, self.weights = list(orders), [float(w) for w in weights]
        self.rows = np.array([R.sweep(order) for order in orders]).reshape(orders.shape)
        self.x = weights @ self.rows

    def step(self, order: Array, vertex: Array) -> None:
        """Move weight from the worst active vertex to this one, with exact line search."""
        worst = int((self.rows[: len(self.weights)] @ self.x).argmax())
        direction = vertex - self.rows[worst]
        length = float(direction @ direction)
        # the new vertex is never the worst one, because its product with x is below x @ x
        move = self.weights[worst]
        if length > 0:
            move = min(move, max(0.0, -float(self.x @ direction) / length))
        k = len(self.weights)
        if k == len(self.rows):
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
        self.rows[k] = vertex
        self.orders.append(order)
        self.weights.append(move)
        self.weights[worst] -= move
        if self.weights[worst] <= 1e-15:
            self._drop(worst)
        if k % 50 == 0:  # recompute, so that rounding errors do not accumulate
            self.x = np.array(self.weights) @ self.rows[: len(self.weights)]
        else:
            self.x = self.x + move * direction

    def without(self, order: Array, found: Scan) -> tuple[_Vertices, float]:
        """Eliminate proven level sets of x; also return the value of the ones inside."""
        orders, weights = np.array(self.orders), np.array(self.weights)
        inside = np.zeros((2, len(order)), dtype=np.bool_)
        inside[0, order[: found.head]] = inside[1, order[found.tail :]] = True
        parts = [Block(orders[p[orders]].reshape(len(orders), -1), weights) for p in inside]
        everywhere = self.R.free[orders]
        worth = self.R.eliminate(*parts)
        return _Vertices(self.R, self.R.local(everywhere), weights / weights.sum()), worth

    def _drop(self, j: int) -> None:
        last = len(self.weights) - 1
        self.rows[j] = self.rows[last]
        self.orders[j], self.weights[j] = self.orders[last], self.weights[last]
        self.orders.pop()
        self.weights.pop()
