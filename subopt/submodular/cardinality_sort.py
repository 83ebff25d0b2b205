"""Functions g(|S|) + u(S) with concave g: of all sets of one size, the lightest is best.

So the minimum is at one of n + 1 prefixes of V by ascending u. The certificate is a base that is
nonpositive on the prefix and nonnegative beyond. Along the order the gains are u + d for the
differences d of g; where one has the wrong sign, the orders that rotate a segment from there share
the mean of d among its elements.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cardinality import Cardinality
from subopt.functions.modular import Modular
from subopt.submodular._active_set import ActiveSet
from subopt.submodular._orders import Block, product
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result


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
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    if not is_size_and_weights(F):
        raise TypeError(
            f"sort needs a sum of Cardinality and Modular functions, got {F!r}. Use method='auto', "
            "which picks what fits."
        )
    g, u = size_and_weights(F)
    d, order = g[1:] - g[:-1], u.argsort(kind="stable")
    k, signs = _prefix(order, u, d, minimizer == "maximal")
    mask = np.zeros(F.n, dtype=np.bool_)
    mask[order[:k]] = True
    value = F.value(mask)
    if signs:  # the order alone is the proof
        orders, weights = order[None], np.ones(1)
    else:
        sorted_u = u[order]
        ahead = _segments(order[:k], sorted_u[:k], d[:k])
        behind = _segments(order[k:][::-1], -sorted_u[k:][::-1], -d[k:][::-1])
        blocks = [*ahead, *(Block(b.orders[:, ::-1], b.weights) for b in behind[::-1])]
        orders, weights = product(F.n, blocks)
    certificate = BaseCertificate(orders, weights, value)
    return Result(
        mask=mask,
        value=value,
        lower_bound=value,
        status=Status.OPTIMAL,
        certificate=certificate,
        method="sort",
        n_iter=1,
        n_evals=1,
    )


@njit
def _prefix(order, u, d, maximal):
    """Return the size of the best prefix, and whether gains are <= 0 in it and >= 0 beyond."""
    low, reached, k = 0.0, 0.0, 0
    for j in range(order.shape[0]):
        reached += u[order[j]] + d[j]
        if reached < low or (maximal and reached <= low):
            low, k = reached, j + 1
    signs = True
    for j in range(order.shape[0]):
        gain = u[order[j]] + d[j]
        signs &= gain <= 0.0 if j < k else gain >= 0.0
    return k, signs


def is_size_and_weights(F: SetFunction) -> bool:
    """Return whether F is known to be g(|S|) + u(S)."""
    return all(isinstance(term, Cardinality | Modular) for _, term in terms_of(F))


def size_and_weights(F: SetFunction) -> tuple[Array, Array]:
    """Return g (n + 1,) and u (n,) with F(S) = g(|S|) + u(S)."""
    g, u = np.zeros(F.n + 1), np.zeros(F.n)
    for scale, term in terms_of(F):
        if isinstance(term, Cardinality):
            g += scale * term.values
        else:
            assert isinstance(term, Modular)
            u += scale * term.weights
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
