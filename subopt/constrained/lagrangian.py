"""Submodular functions over feasible sets, by prices of the constraints (Lagrange).

For prices p >= 0 with weights w and constant c, min F + w - c over all sets is a submodular
minimization and a lower bound of F over the feasible sets. It is concave in p. Each minimizer gives
an affine upper bound of it, and a linear program over these bounds gives the next prices (Kelley).

For a size alone, w is a multiple of |S|, and the prices are those of `regularization_path`: a
minimizer of F + α|S| is optimal among the sets of its size. The sizes between two minimizers for
one α are left open; there, as for budgets and groups in general, a gap remains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, told
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.constrained.certificate import Priced, priced, rounded_gap, unused
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete, row_sizes
from subopt.difference._descent import first_set
from subopt.functions.algebra import SetFunction
from subopt.functions.watched import TimeUp, answer_in_time, unwatched, within_time
from subopt.submodular._elimination import local_tol
from subopt.submodular._recheck import SOLVED
from subopt.submodular.result import Result
from subopt.submodular.select import minimize_submodular

TOWARDS_BEST = 0.3
"""Share of the way from the prices of the linear program to the best ones, to try next."""


class Found(NamedTuple):
    """The best feasible set, and the best bound with its evidence."""

    mask: Array
    value: float
    bound: float
    evidence: Priced | None
    status: Status
    n_iter: int
    n_evals: int


@within_time
def lagrangian(
    F: SetFunction,
    of: Constraints,
    *,
    tol: float | None = None,
    max_iter: int = 60,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize a submodular function over feasible sets by prices, to a gap that is reported."""
    answer_in_time(F, lambda: first_set(F, of, None, "lagrangian"))
    found = priced_minimum(
        F,
        of,
        tol=tol,
        max_iter=validate.positive_int("max_iter", max_iter),
        deadline=Deadline(time_limit),
    )
    result = Result(
        mask=found.mask,
        value=found.value,
        lower_bound=found.bound,
        status=found.status,
        certificate=found.evidence,  # type: ignore[arg-type]
        method="lagrangian",
        n_iter=found.n_iter,
        n_evals=found.n_evals,
    )
    return told(callback, result)


def priced_minimum(
    F: SetFunction,
    of: Constraints,
    *,
    tol: float | None = None,
    max_iter: int,
    deadline: Deadline,
    solve: Callable[[SetFunction], Result] | None = None,
) -> Found:
    """Maximize the bound over the prices; the best set is the lowest feasible one that came up.

    `solve` minimizes a submodular function; the default is `minimize_submodular`.
    """
    if tol is None:
        tol = local_tol(F._range(), np.zeros(F.n), 0.0, 1e-9)
    tol = validate.nonnegative("tol", tol)
    rows = _Rows(F, of)
    mask = complete(of, np.zeros(of.n, dtype=np.bool_))
    value, bound = F.value(mask.copy()), -math.inf
    proof: _Proof | None = None
    prices, evals, n_iter, status = np.zeros(of.n_rows), 1, 0, Status.ITERATION_LIMIT
    try:
        while n_iter < max_iter:
            n_iter += 1
            left = deadline.left()
            G = priced(F, of, prices)
            if solve is None:
                result = minimize_submodular(G, time_limit=None if left == math.inf else left)
            else:
                result = solve(G)
            evals += result.n_evals
            low = result.lower_bound - float(prices @ of.limits())
            if result.certificate is not None and low > bound:
                evidence = Priced(prices, result.certificate)
                bound, proof = low, _Proof(unwatched(G), result.lower_bound, prices, evidence)
            S = result.mask
            T = S if of.feasible(S) else complete(of, S, -F.marginals(S.copy()))
            if (there := F.value(T.copy())) < value:
                mask, value = T, there
            if _gap(F, of, proof, mask) <= tol:
                status = Status.OPTIMAL
                break
            rows.add(F.value(S.copy()), of.usages(S) - of.limits())
            following, height = rows.following()
            if following is None or height - bound <= 0.01 * tol:
                status = Status.CONVERGED  # the bound is as good as prices can make it
                break
            if deadline.passed():
                status = Status.TIME_LIMIT
                break
            if proof is not None and rows.many:
                following = (1 - TOWARDS_BEST) * following + TOWARDS_BEST * proof.prices
            prices = following
    except TimeUp:
        status = Status.TIME_LIMIT
    gap = _gap(F, of, proof, mask)
    known = None if proof is None else proof.evidence
    return Found(mask, value, value - gap, known, status, n_iter, evals)


class _Proof(NamedTuple):
    """The best bound, as one of F plus the weights of prices."""

    G: SetFunction
    low: float  # no value of G is lower
    prices: Array
    evidence: Priced

    def gap(self, of: Constraints, mask: Array) -> float:
        """Return the gap of a feasible set, without the digits that large prices would cost."""
        above = max(0.0, self.G.value(mask.copy()) - self.low)
        return above + unused(of, self.prices, mask)


def _gap(F: SetFunction, of: Constraints, proof: _Proof | None, mask: Array) -> float:
    if proof is None:
        return math.inf
    return rounded_gap(F, of, proof.prices, proof.gap(of, mask), SOLVED)


class _Rows:
    """The lines above the bound, and the linear program for the prices at which they are highest.

    Rows that no set of size up to n can violate have the price 0.
    """

    def __init__(self, F: SetFunction, of: Constraints) -> None:
        matrix, limits = of.matrix(), of.limits()
        most = np.asarray(matrix.maximum(0).sum(axis=1)).ravel()
        self.used = np.flatnonzero(most > limits)
        self.sizes = row_sizes(matrix)[self.used]
        ranges = F._range()
        self.unit = max(float(ranges.size.max(initial=0.0)), 1e-300)
        self.most = 2.0  # largest price, in `unit` per largest coefficient of the row
        self.count, self.many = len(limits), len(self.used) > 1
        self.values: list[float] = []
        self.over: list[Array] = []

    def add(self, value: float, over: Array) -> None:
        """Add the line of a set: F(S), and a(S) - b."""
        self.values.append(value / self.unit)
        self.over.append(over[self.used] / self.sizes)

    def following(self) -> tuple[Array | None, float]:
        """Return the prices at which the lowest line is highest, and its height."""
        from scipy.optimize import linprog

        m = len(self.used)
        if m == 0:
            return None, -math.inf
        for _ in range(60):
            A = np.column_stack([-np.array(self.over), np.ones(len(self.values))])
            bounds = [(0.0, self.most)] * m + [(None, None)]
            cost = np.zeros(m + 1)
            cost[-1] = -1.0
            found = linprog(cost, A, np.array(self.values), bounds=bounds, method="highs")
            if found.x is None:
                return None, -math.inf
            if found.x[:m].max() < self.most or self.most >= 2.0**40:
                break
            self.most *= 4.0
        prices = np.zeros(self.count)
        prices[self.used] = np.maximum(found.x[:m], 0.0) * self.unit / self.sizes
        return prices, float(found.x[-1]) * self.unit
