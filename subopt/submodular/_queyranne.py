"""Queyranne's algorithm: the nontrivial minimum of a symmetric submodular function.

∅ and V always minimize a symmetric F; the question is for the best other set. In an order that
takes next the element u with the smallest F(W + u) - F(u), the last element t is on its own side of
the best set that separates the last two. So t is a candidate, then the two become one; n - 1 times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import CertificateError, Status
from subopt._base.jit import njit
from subopt._base.types import Array, Subset
from subopt.functions._sparse import row_of
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.cut import Cut
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False)
class PendantCertificate:
    """The pendant pairs of Queyranne's algorithm: a proof for all sets but ∅ and V.

    Attributes
    ----------
    lower_bound : float
        No set but ∅ and V has a lower value.
    orders : tuple of ndarray
        One order a round of what is then left: each entry names a group by one of its elements.
        The last two groups of each become one, named by the last but one.
    """

    lower_bound: float
    orders: tuple[Array, ...]

    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute every key of every order from F, and return ``F(S) - lower bound``.

        Raises
        ------
        CertificateError
            If an order is not one that the algorithm may take, or F(S) is not the lowest cut.
        """
        try:
            mask = validate.subset(answer.mask if isinstance(answer, Result) else answer, F.n)
        except (TypeError, ValueError) as error:
            raise CertificateError(f"Not a set of {F!r}: {error}") from error
        groups = np.eye(F.n, dtype=np.bool_)
        alive, lowest = set(range(F.n)), np.inf
        for order in self.orders:
            names = [int(e) for e in order]
            if set(names) != alive or len(names) != len(alive):
                raise CertificateError(f"An order is of {names}, but {sorted(alive)} are left")
            W = groups[names[0]].copy()
            for k in range(1, len(names)):
                pairs = [(F.value(W | groups[e]), F.value(groups[e])) for e in names[k:]]
                keys = [both - alone for both, alone in pairs]
                least = int(np.argmin(keys))
                # the errors of the two keys that are compared
                rounding = 1e-12 * sum(abs(v) for e in (0, least) for v in pairs[e])
                if keys[0] > keys[least] + rounding:
                    raise CertificateError(f"{names[k]} is not a smallest key after {names[:k]}")
                W |= groups[names[k]]
            lowest = min(lowest, F.value(groups[names[-1]]))
            groups[names[-2]] |= groups[names[-1]]
            alive.discard(names[-1])
        value = F.value(mask)
        if len(alive) != 1 or not self.lower_bound <= lowest + 1e-12 * abs(lowest):
            raise CertificateError(f"The orders prove {lowest:.12g}, not {self.lower_bound:.12g}")
        if mask.all() or not mask.any():
            raise CertificateError("∅ and V are no answer to this problem")
        return max(0.0, value - lowest)


def queyranne(F: SetFunction) -> Result:
    """Minimize a symmetric submodular function over the sets that are not ∅ or V.

    Parameters
    ----------
    F : SetFunction
        Symmetric and submodular, with n >= 2. For the cut of a graph, this is its minimum cut.

    Returns
    -------
    Result
        Optimal, with a `PendantCertificate`. O(n³) values.

    Raises
    ------
    ValueError
        If n < 2 or F is not known to be symmetric.

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
    if F.n < 2:
        raise ValueError(f"A set that is not ∅ or V needs n >= 2, got n = {F.n}")
    if not F.symmetric:
        raise ValueError(
            f"queyranne needs a symmetric function, F(S) = F(V - S), and {F!r} is not known to be. "
            "Set F.symmetric = True if it is. G = F + F.complement() always is symmetric; then set "
            "G.symmetric = True."
        )
    if isinstance(F, Cut):
        return _minimum_cut(F)
    groups = np.eye(F.n, dtype=np.bool_)
    names = list(range(F.n))
    best, mask, orders, n_evals = np.inf, groups[0], [], 0
    while len(names) > 1:
        order, n = _pendant_order(F, groups, names)
        n_evals += n
        last, before = order[-1], order[-2]
        if (value := F.value(groups[last].copy())) < best:
            best, mask = value, groups[last].copy()
        groups[before] |= groups[last]
        names.remove(last)
        orders.append(np.array(order))
    if mask[-1]:  # of the two sides, the one without the last element
        mask = ~mask
    value = F.value(mask.copy())
    certificate = PendantCertificate(min(value, best), tuple(orders))
    return Result(
        mask=mask,
        value=value,
        lower_bound=certificate.lower_bound,
        status=Status.OPTIMAL,
        certificate=certificate,
        method="queyranne",
        n_iter=F.n - 1,
        n_evals=n_evals + F.n,
    )


def _minimum_cut(F: Cut) -> Result:
    """Minimize a cut: the smallest F(W + u) - F(u) is the largest weight between W and u [1]_.

    .. [1] M. Stoer and F. Wagner, "A simple min-cut algorithm", Journal of the ACM 44, 1997.
    """
    d = F._data
    weights = np.zeros((F.n, F.n))
    weights[row_of(d.indptr), d.indices] = d.forward
    orders = np.empty((F.n - 1, F.n), dtype=np.int64)
    mask = _stoer_wagner(weights, orders)
    if mask[-1]:  # of the two sides, the one without the last element
        mask = ~mask
    value = F.value(mask.copy())
    rounds = tuple(order[: F.n - k].copy() for k, order in enumerate(orders))
    return Result(
        mask=mask,
        value=value,
        lower_bound=value,
        status=Status.OPTIMAL,
        certificate=PendantCertificate(value, rounds),
        method="queyranne",
        n_iter=F.n - 1,
        n_evals=1,
    )


@njit
def _stoer_wagner(weights, orders):
    """Return the least cut around a last element; `weights` (n, n) is overwritten.

    Row k of `orders` (n - 1, n) is the order of the n - k groups of round k, each named by one of
    its elements.
    """
    n = weights.shape[0]
    alive, key = np.arange(n), np.empty(n)
    group = np.arange(n)  # the name of the group of each element
    best, mask = np.inf, np.zeros(n, dtype=np.bool_)
    for k in range(n - 1):
        size = n - k
        order = orders[k]
        order[:size] = alive[:size]
        key[:] = 0.0
        for j in range(1, size):
            last, chosen = order[j - 1], j
            for i in range(j, size):
                key[order[i]] += weights[last, order[i]]
                if key[order[i]] > key[order[chosen]]:
                    chosen = i
            # the others keep their order, as ties go to the first one
            taken = order[chosen]
            for i in range(chosen, j, -1):
                order[i] = order[i - 1]
            order[j] = taken
        last, before = order[size - 1], order[size - 2]
        if key[last] < best:
            best = key[last]
            for i in range(n):
                mask[i] = group[i] == last
        for i in range(size):
            other = order[i]
            weights[before, other] += weights[last, other]
            weights[other, before] = weights[before, other]
        weights[before, before] = 0.0
        for i in range(n):
            if group[i] == last:
                group[i] = before
        j = 0
        for i in range(size):
            if alive[i] != last:
                alive[j] = alive[i]
                j += 1
    return mask


def _pendant_order(F: SetFunction, groups: Array, names: list[int]) -> tuple[list[int], int]:
    order, rest = [names[0]], names[1:]
    alone = {e: F.value(groups[e].copy()) for e in rest}
    W, n_evals = groups[names[0]].copy(), len(rest)
    single = {e for e in rest if groups[e].sum() == 1}
    while len(rest) > 1:
        # all F(W + e) with single elements e come from one call
        gains = F.marginals(W.copy()) if single.intersection(rest) else np.zeros(0)
        here = F.value(W.copy()) if gains.size else 0.0
        keys = [
            (here + gains[e] if e in single else F.value(W | groups[e])) - alone[e] for e in rest
        ]
        n_evals += len(rest)
        chosen = rest.pop(int(np.argmin(keys)))
        order.append(chosen)
        W |= groups[chosen]
    return order + rest, n_evals
