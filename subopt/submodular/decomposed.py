"""Sums of simple functions: block coordinate descent over the summands.

The base polytope of a sum is the sum of the base polytopes of its parts. The point of smallest norm
is therefore x = w + sum of y_p, with the weights w of the modular part and one base y_p per part.
One step replaces y_p by the base of part p that minimizes ||x||, with the other bases fixed. This
is a projection: for a path by a taut string, in linear time, and for a concave function of a count
by sorting and pooling. In each round the parts take turns in random order, which converges linearly
[1]_. No vertices are stored, so that the memory is proportional to that of F. Accelerated descent
was 5 to 30 times slower on grids and geometric graphs, because exact projections already make large
steps.

.. [1] A. Ene and H. L. Nguyen, "Random coordinate descent methods for minimizing decomposable
   submodular functions", ICML 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by, told
from subopt._base.jit import njit
from subopt._base.options import Deadline, documented, iteration
from subopt._base.types import RNG, Array
from subopt.forms.decomposable import Summands, summands
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.submodular._elimination import counts_exactly, local_tol
from subopt.submodular._sweep_bounds import ROUNDING, bracket, scan
from subopt.submodular._taut_string import Path, onto_path, path_work
from subopt.submodular._ties import best_of_ties, gap_with_rounding
from subopt.submodular.result import Result
from subopt.submodular.summand_certificate import SummandCertificate


@documented
def decomposed(
    F: SetFunction,
    *,
    tol: float | None = None,
    max_iter: int = 10_000,
    rng: RNG = 0,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize a sum of simple submodular functions by coordinate descent over its summands.

    Parameters
    ----------
    F : SetFunction
        A nonnegative combination of `Modular`, `Cut`, `HypergraphCut`, `Coverage` and `Cardinality`
        functions. The edges of a `Cut` are divided into paths; for a grid, these are its rows and
        columns. Each hyperedge, item and `Cardinality` is one part.
    %(tol)s
        The default is 1e-6 times the smallest gain among the elements in which a minimizer may
        differ from the answer, plus the rounding error of the gains. If F is integral, the solver
        stops at a gap below 1, which proves that the gap is 0.
    %(max_iter)s
        Each projects every part once, which costs O(size) for a path and O(size log size) for other
        parts, and makes one sweep of F.
    %(rng)s
        It determines the order of the parts in each round.
    %(time_limit)s
    %(callback)s

    Returns
    -------
    Result
        With a `SummandCertificate`. In all cases ``lower_bound <= min F <= value``.

    Raises
    ------
    TypeError
        If F has a summand of another type.
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Cardinality(np.sqrt, 3) + Modular([-4, 1, 2.5])
    >>> result = minimize(F, method="decomposed")
    >>> result.S, round(result.value, 6), result.gap <= 1e-6
    (array([0]), -1.0, True)
    """
    require_set_function(F)
    if tol is not None:
        tol = validate.nonnegative("tol", tol)
    max_iter = validate.positive_int("max_iter", max_iter)
    deadline = Deadline(time_limit)
    rng = validate.generator(rng)
    gains_of = F._range()
    parts = summands(F)
    shares, work = _start(parts), path_work(parts.largest)
    ones = np.ones(1)
    low, mask, n_iter = math.inf, np.zeros(F.n, dtype=np.bool_), 0

    def last(found: Result) -> Result:
        if F.n and not counts_exactly(F, gains_of.size):
            reached = np.concatenate([[0.0], np.cumsum(gains[order])])
            rounding = ROUNDING * float(gains_of.size.sum())
            found = best_of_ties(F, found, reached, rounding, first, deadline)
        return told(callback, found)

    def first(k: int) -> Array:
        chosen = np.zeros(F.n, dtype=np.bool_)
        chosen[order[:k]] = True
        return chosen

    def result(status: Status) -> Result:
        value = F.value(mask.copy())
        proven = value - gap
        certificate = SummandCertificate(shares.copy(), proven)
        return Result(
            mask=mask.copy(),
            value=value,
            lower_bound=proven,
            status=status,
            certificate=certificate,
            method="decomposed",
            n_iter=n_iter,
            n_evals=n_iter,
        )

    while True:
        x, excess = parts.bound(shares)
        order, gains = x.argsort(kind="stable"), np.zeros(F.n)
        F._sweep(1.0, order, gains)
        found = scan(x[order], gains[order], gains_of.size[order])
        low, gap, size = bracket(found, low)
        if size is not None:
            mask = first(size)
        gap = gap_with_rounding(F, gap + excess, x, gains_of.size)
        iteration(n_iter, "rounds", "gap %.3g", gap)
        if gap <= (local_tol(gains_of, x, gap) if tol is None else tol):
            return last(result(Status.OPTIMAL))
        if n_iter >= max_iter or deadline.passed():
            late = Status.ITERATION_LIMIT if n_iter >= max_iter else Status.TIME_LIMIT
            return last(result(late))
        if callback is not None and ended_by(callback, result(Status.RUNNING)):
            return result(Status.INTERRUPTED)
        n_iter += 1
        turns = rng.permutation(len(parts.is_path))
        _round(turns, parts.arrays, shares, x, ones, work)


def _start(parts: Summands) -> Array:
    """Return a base of each part: zero flow on a path, equal entries for a function of a count."""
    sizes = np.diff(parts.indptr)
    totals = np.zeros(len(sizes))
    np.add.at(totals, np.repeat(np.arange(len(sizes)), sizes), parts.first)
    means = np.where(parts.is_path, 0.0, totals / np.maximum(sizes, 1))
    return np.repeat(means, sizes)


@njit
def _round(turns, parts, shares, x, ones, work):
    """Minimize ||x|| over the base of one part after the other, in place.

    Parameters
    ----------
    turns : ndarray of int64, shape (parts,)
        The order of the parts.
    parts : Parts
        The functions.
    shares : ndarray of float64, shape (size,)
        The base of each part, overwritten.
    x : ndarray of float64, shape (n,)
        The sum of the bases and the unary costs, overwritten.
    ones : ndarray of float64, shape (1,)
        The weight of every member.
    work : PathWork
        Workspace.
    """
    target, result = work.target, work.result
    for p in turns:
        a, b = parts.indptr[p], parts.indptr[p + 1]
        for k in range(a, b):
            target[k - a] = shares[k] - x[parts.elements[k]]
        first = parts.first[a:b]
        if parts.is_path[p]:
            path = Path(target[: b - a], ones, first, parts.second[a:b], np.int64(1), 1.0)
            onto_path(path, result, work)
        else:
            _onto_sizes(b - a, target, first, result, work)
        for k in range(a, b):
            x[parts.elements[k]] += result[k - a] - shares[k]
            shares[k] = result[k - a]


@njit
def _onto_sizes(size, target, slopes, result, work):
    """Project a target onto the base polytope of a concave function of a count, in O(m log m).

    With the target in descending order, the projection is target - v, where v is the nonincreasing
    sequence nearest to target - slopes.
    """
    means, lengths = work.lowest, work.highest  # scratch arrays; they hold other numbers here
    order = np.argsort(-target[:size], kind="mergesort")
    k = 0
    for j in range(size):
        means[k], lengths[k] = target[order[j]] - slopes[j], 1.0
        while k > 0 and means[k - 1] <= means[k]:
            total = lengths[k - 1] + lengths[k]
            means[k - 1] += (means[k] - means[k - 1]) * lengths[k] / total
            lengths[k - 1] = total
            k -= 1
        k += 1
    j = 0
    for block in range(k):
        for _ in range(int(lengths[block])):
            result[order[j]] = target[order[j]] - means[block]
            j += 1
