"""Functions g(|S|) + u(S) with concave g: of all sets of one size, the lightest is best.

So the minimum is at one of n + 1 prefixes of V by ascending u. The certificate is a base that is
nonpositive on the prefix and nonnegative beyond. Along the order the gains are u + d for the
differences d of g; where one has the wrong sign, the orders that rotate a segment from there share
the mean of d among its elements.
"""

from __future__ import annotations

import numpy as np

from subopt import _validate
from subopt._types import Array
from subopt.algebra import Sum
from subopt.certificate import BaseCertificate
from subopt.function import SetFunction
from subopt.functions.cardinality import Cardinality
from subopt.functions.modular import Modular
from subopt.result import Result, Status
from subopt.solvers._active_set import ActiveSet
from subopt.solvers._blocks import Block, product


def cardinality_sort(F: SetFunction, *, minimizer: str = "any") -> Result:
    """Minimize a sum of `Cardinality` and `Modular` functions by sorting.

    Parameters
    ----------
    F : Sum of Cardinality and Modular
        Nonnegative multiples of the former.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Whether to return the smallest or the largest minimizer; exact, not up to a tolerance.

    Returns
    -------
    Result
        Optimal, with a certificate; O(n log n), plus the size of the certificate.

    Examples
    --------
    >>> F = Cardinality(np.sqrt, n=4) + Modular([-0.7, 0.2, -0.6, -0.8])
    >>> result = minimize(F, method="sort")
    >>> result.S, round(result.value, 4), result.gap
    (array([0, 2, 3]), -0.3679, 0.0)
    """
    _validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    parts = size_and_weights(F)
    if parts is None:
        raise TypeError(
            f"sort needs a sum of Cardinality and Modular functions, got {F!r}. Use method='auto', "
            "which picks what fits."
        )
    d, u = np.diff(parts[0]), parts[1]
    order = u.argsort(kind="stable")
    sorted_u = u[order]
    reached = np.concatenate([[0.0], (sorted_u + d).cumsum()])
    k = F.n - int(reached[::-1].argmin()) if minimizer == "maximal" else int(reached.argmin())
    mask = np.zeros(F.n, dtype=np.bool_)
    mask[order[:k]] = True
    value = F.value(mask)
    ahead = _segments(order[:k], sorted_u[:k], d[:k])
    behind = _segments(order[k:][::-1], -sorted_u[k:][::-1], -d[k:][::-1])
    blocks = [*ahead, *(Block(b.orders[:, ::-1], b.weights) for b in behind[::-1])]
    orders, weights = product(F.n, blocks)
    certificate = BaseCertificate(orders, weights, value)
    return Result(mask, value, value, Status.OPTIMAL, certificate, "sort", 1, 1)


def size_and_weights(F: SetFunction) -> tuple[Array, Array] | None:
    """Return g (n + 1,) and u (n,) if F is known to be g(|S|) + u(S)."""
    g, u = np.zeros(F.n + 1), np.zeros(F.n)
    for scale, term in F.terms if isinstance(F, Sum) else ((1.0, F),):
        if isinstance(term, Cardinality):
            g = g + scale * term.values
        elif isinstance(term, Modular):
            u = u + scale * term.weights
        else:
            return None
    return g, u


def _segments(elements: Array, u: Array, d: Array) -> list[Block]:
    """Return blocks of orders, one after the other, along which all gains average to <= 0.

    u ascends, d descends, and the sums of u + d over all final parts are <= 0.
    """
    blocks, one, s = [], np.ones(1), 0
    while s < len(u):
        wrong = u[s:] + d[s:] > 0
        good = int(wrong.argmax()) if wrong.any() else len(wrong)
        if good:
            blocks.append(Block(elements[None, s : s + good], one))
            s += good
            continue
        means = d[s:].cumsum() / np.arange(1, len(u) - s + 1)
        fits = u[s:] + means <= 0
        size = int(fits.argmax()) + 1
        if fits.any():
            turns = (np.arange(size)[:, None] + np.arange(size)) % size
            blocks.append(Block(elements[s : s + size][turns], np.full(size, 1 / size)))
        else:
            size = len(u) - s
            orders, weights = _balanced(u[s:], d[s:])
            blocks.append(Block(elements[s:][orders], weights))
        s += size
    return blocks


def _balanced(u: Array, d: Array) -> tuple[Array, Array]:
    """Return orders and weights for which u + d is <= 0, by Wolfe's algorithm."""
    order = np.arange(len(u))
    active = ActiveSet(order[None], (u + d)[None], np.ones(1), float((d[0] - d[-1]) ** 2 * len(d)))
    while active.x.max() > 0:
        order = active.x.argsort(kind="stable")
        vertex = u.copy()
        vertex[order] += d
        x = active.x
        if x @ (x - vertex) <= 1e-15 * (x @ x) or not active.add(order, vertex):
            break
    return active.combination()
