"""Queyranne's algorithm: the nontrivial minimum of a symmetric submodular function.

A symmetric F is minimized by ∅ and V; the task is to find the best other set. Order the elements
such that each next element u minimizes F(W + u) - F(u), where W are the elements before it, and let
s and t be the last two. Then {t} is the best of all sets that separate s and t. The algorithm
records {t}, merges s and t into one element, and repeats this n - 1 times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import (
    CertificateError,
    ReadOnly,
    Status,
    as_evidence,
    ended_by,
    number,
    numbers,
    told,
)
from subopt._base.jit import njit
from subopt._base.options import Deadline, documented
from subopt._base.types import Array, Subset
from subopt.functions._sparse import row_of
from subopt.functions.algebra import SetFunction, require_set_function, terms_of
from subopt.functions.cut import Cut
from subopt.functions.watched import TimeUp, watched
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False)
class PendantCertificate(ReadOnly):
    """The orders of Queyranne's algorithm, which prove a bound for all sets except ∅ and V.

    Attributes
    ----------
    lower_bound : float
        Lower bound on the values of all sets except ∅ and V.
    orders : tuple of ndarray
        One order per round, of the groups of elements that are left. A group is named by one of its
        elements. After each round, the last two groups are merged under the name of the last but
        one.
    """

    lower_bound: float
    orders: tuple[Array, ...]

    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, by repeating every comparison of the algorithm.

        Parameters
        ----------
        F : SetFunction
            The function that was minimized, symmetric and submodular.
        answer : Result, boolean mask (n,) or iterable of int
            The set S that is claimed to be a minimizer among the sets except ∅ and V.

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0. O(n³) values of F.

        Raises
        ------
        CertificateError
            If the algorithm could not have chosen one of the orders, if the orders prove less than
            `lower_bound`, or if S is ∅ or V.
        """
        require_set_function(F)
        try:
            mask = validate.subset(answer.mask if isinstance(answer, Result) else answer, F.n)
        except (TypeError, ValueError) as error:
            raise CertificateError(f"Not a set of {F!r}: {error}") from error
        groups = np.eye(F.n, dtype=np.bool_)
        alive, lowest = set(range(F.n)), np.inf
        least = 1e-14 * float(F._range().size.max(initial=0.0))  # errors of single values
        with as_evidence():
            orders = list(self.orders)
        for order in orders:
            names = numbers("orders", order).tolist()
            if set(names) != alive or len(names) != len(alive):
                raise CertificateError(
                    f"An order needs every group in {sorted(alive)} once, got {names}"
                )
            W = groups[names[0]].copy()
            for k in range(1, len(names)):
                pairs = [(F.value(W | groups[e]), F.value(groups[e])) for e in names[k:]]
                keys = [both - alone for both, alone in pairs]
                best = int(np.argmin(keys))
                # rounding errors of the two keys that are compared
                rounding = 1e-12 * sum(abs(v) for e in (0, best) for v in pairs[e]) + 4 * least
                if keys[0] > keys[best] + rounding:
                    raise CertificateError(f"{names[k]} is not a smallest key after {names[:k]}")
                W |= groups[names[k]]
            lowest = min(lowest, F.value(groups[names[-1]]))
            groups[names[-2]] |= groups[names[-1]]
            alive.discard(names[-1])
        value = F.value(mask)
        said = number("lower_bound", self.lower_bound)
        if len(alive) != 1 or not said <= lowest + 1e-12 * abs(lowest) + least:
            raise CertificateError(f"The orders prove {lowest:.12g}, not {said:.12g}")
        if mask.all() or not mask.any():
            raise CertificateError("The answer needs to be a set other than ∅ and V")
        return max(0.0, value - lowest)


@documented
def queyranne(
    F: SetFunction,
    *,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize a symmetric submodular function over all sets except ∅ and V.

    The work is O(n³) values of F. For a `Cut`, the result is a global minimum cut of the graph,
    and the algorithm of Stoer and Wagner finds it in O(n³) operations.

    Parameters
    ----------
    F : SetFunction
        Symmetric and submodular, with n >= 2.
    %(time_limit)s
    %(callback)s
        An iteration is a round of the algorithm, of n - 1.

    Returns
    -------
    Result
        With status OPTIMAL and a `PendantCertificate`. If the status is TIME_LIMIT or INTERRUPTED,
        there is no bound: the algorithm proves nothing before its last round.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.
    ValueError
        If n < 2, F is not known to be symmetric, or `time_limit` is negative.

    References
    ----------
    .. [1] M. Queyranne, "Minimizing symmetric submodular functions", Mathematical Programming 82,
       1998.

    Examples
    --------
    >>> F = Cut.from_edges([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3)])
    >>> result = queyranne(F)
    >>> result.S, result.value, result.certificate.check(F, result.S)
    (array([0, 1, 2]), 1.0, 0.0)
    """
    require_set_function(F)
    validate.callback(callback)
    deadline = Deadline(time_limit)
    if F.n < 2:
        raise ValueError(f"A set that is not ∅ or V needs n >= 2, got n = {F.n}")
    if not F.symmetric:
        raise ValueError(
            f"queyranne needs a symmetric function, F(S) = F(V - S), and {F!r} is not known to be. "
            "If it is, set F.symmetric = True. symmetrize(F) is symmetric for every F."
        )
    cut = all(isinstance(term, Cut) for _, term in terms_of(F))
    run: _Cut | _Values = _Cut(F) if cut else _Values(watched(F, deadline))
    orders: list[Array] = []
    status = Status.OPTIMAL
    try:
        while len(orders) < F.n - 1:
            if deadline.passed():
                raise TimeUp
            orders.append(run.round())
            if callback is None or len(orders) == F.n - 1:
                continue
            if ended_by(callback, _result(F, run, orders, Status.RUNNING)):
                status = Status.INTERRUPTED
                break
    except TimeUp:
        status = Status.TIME_LIMIT
    return told(callback, _result(F, run, orders, status))


def _result(F: SetFunction, run: _Cut | _Values, orders: list[Array], status: Status) -> Result:
    mask = ~run.mask if run.mask[-1] else run.mask.copy()  # the side without the last element
    value = F.value(mask.copy())
    bound, certificate = -math.inf, None
    if status is Status.OPTIMAL:
        bound = min(value, run.lowest)
        certificate = PendantCertificate(bound, tuple(orders))
    return Result(
        mask=mask,
        value=value,
        lower_bound=bound,
        status=status,
        certificate=certificate,
        method="queyranne",
        n_iter=len(orders),
        n_evals=run.n_evals + 1,
    )


class _Cut:
    """Rounds for a `Cut`: F(W + u) - F(u) is smallest for the largest weight from W to u [1]_.

    F is a sum of `Cut` functions that is symmetric, and so that of a graph without directions.

    .. [1] M. Stoer and F. Wagner, "A simple min-cut algorithm", Journal of the ACM 44, 1997.

    Attributes
    ----------
    lowest, mask : float and ndarray of bool
        The lowest value so far, and its set.
    n_evals : int
        Number of evaluations of F.
    """

    def __init__(self, F: SetFunction) -> None:
        weights = np.zeros((F.n, F.n))
        for scale, term in terms_of(F):
            assert isinstance(term, Cut)
            d = term._data
            weights[row_of(d.indptr), d.indices] += scale * d.forward
        self._weights = (weights + weights.T) / 2
        self._alive, self._group = np.arange(F.n), np.arange(F.n)
        self.n_evals, self.lowest, self.mask = 0, math.inf, np.arange(F.n) == 0

    def round(self) -> Array:
        """Make one round, and return its order."""
        order = self._alive.copy()
        value = _stoer_wagner_round(self._weights, order)
        last, before = order[-1], order[-2]
        if value < self.lowest:
            self.lowest, self.mask = float(value), self._group == last
        self._group[self._group == last] = before
        self._alive = self._alive[self._alive != last]
        return order


@njit
def _stoer_wagner_round(weights, order):
    """Order groups by their weight to those before, and merge the last two.

    weights : (n, n) float64
        Between groups, which are named by one of their elements; those of the last group are added
        to those of the last but one.
    order : (number of groups,) int64
        The groups, which are put in order.

    Return the weight between the last group and the others.
    """
    size = order.shape[0]
    key = np.zeros(weights.shape[0])
    for j in range(1, size):
        last, chosen = order[j - 1], j
        for i in range(j, size):
            key[order[i]] += weights[last, order[i]]
            if key[order[i]] > key[order[chosen]]:
                chosen = i
        # move the chosen group forward and keep the order of the others, which decides ties
        taken = order[chosen]
        for i in range(chosen, j, -1):
            order[i] = order[i - 1]
        order[j] = taken
    last, before = order[size - 1], order[size - 2]
    for i in range(size):
        other = order[i]
        weights[before, other] += weights[last, other]
        weights[other, before] = weights[before, other]
    weights[before, before] = 0.0
    return key[last]


class _Values:
    """Rounds for any other F, by its values. The attributes are those of `_Cut`."""

    def __init__(self, F: SetFunction) -> None:
        self._F, self._groups = F, np.eye(F.n, dtype=np.bool_)
        self._names = list(range(F.n))
        self.n_evals, self.lowest, self.mask = 0, math.inf, self._groups[0].copy()

    def round(self) -> Array:
        """Make one round, and return its order."""
        groups = self._groups
        order = self._order()
        last, before = order[-1], order[-2]
        if (value := self._value(groups[last])) < self.lowest:
            self.lowest, self.mask = value, groups[last].copy()
        groups[before] |= groups[last]
        self._names.remove(last)
        return np.array(order)

    def _order(self) -> list[int]:
        groups, order, rest = self._groups, self._names[:1], self._names[1:]
        alone = {e: self._value(groups[e]) for e in rest}
        W = groups[order[0]].copy()
        single = {e for e in rest if groups[e].sum() == 1}
        while len(rest) > 1:
            # one call of marginals gives F(W + e) for all groups of one element
            gains = self._F.marginals(W.copy()) if single.intersection(rest) else np.zeros(0)
            here = self._F.value(W.copy()) if gains.size else 0.0
            keys = [
                (here + gains[e] if e in single else self._F.value(W | groups[e])) - alone[e]
                for e in rest
            ]
            self.n_evals += len(rest)
            chosen = rest.pop(int(np.argmin(keys)))
            order.append(chosen)
            W |= groups[chosen]
        return order + rest

    def _value(self, mask: Array) -> float:
        self.n_evals += 1
        return self._F.value(mask.copy())
