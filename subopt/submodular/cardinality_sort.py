"""Functions g(|S|) + u(S) with concave g and modular u, minimized by sorting.

In the order of ascending u, the gains are u + d, where d are the differences of g. Their isotonic
regression x is the point of smallest norm in the base polytope. Elements with x < 0 are in every
minimizer, elements with x > 0 in none. The certificate is x - u, a point of the base polytope of
g(|S|), which is tested by sorting. Both take O(n log n) time and O(n) memory.
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
from subopt.submodular.result import Result
from subopt.submodular.summand_certificate import SummandCertificate

ROUNDING = 2.0**-42
"""Largest error of a gain, relative to the numbers that it is computed from."""


def cardinality_sort(F: SetFunction, *, minimizer: str = "any") -> Result:
    """Minimize a sum of `Cardinality` and `Modular` functions by sorting.

    Parameters
    ----------
    F : SetFunction
        A sum of `Modular` functions and nonnegative multiples of `Cardinality` functions.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several. Sets whose values agree up to the rounding
        errors of the elements in which they differ count as minimizers.

    Returns
    -------
    Result
        With status OPTIMAL and a `SummandCertificate`, in O(n log n) time and O(n) memory.

    Raises
    ------
    TypeError
        If F has a term of another type.

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
    order = u.argsort(kind="stable")
    x, shares, sizes = _projection(u[order], g)
    slack = {"any": 0.0, "minimal": -ROUNDING, "maximal": ROUNDING}[minimizer] * sizes
    mask = np.zeros(F.n, dtype=np.bool_)
    mask[order] = x <= slack if minimizer == "maximal" else x < slack
    value = F.value(mask.copy())
    base = np.zeros(F.n if any(isinstance(G, Cardinality) for _, G in terms_of(F)) else 0)
    base[order[: len(base)]] = shares[: len(base)]
    certificate = SummandCertificate(base, value)
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


def isotonic(F: SetFunction) -> tuple[Array, Array]:
    """Return the base of smallest norm, and the same base without the modular weights.

    The second array, a base of the function of |S|, is empty if F is modular.
    """
    g, u = size_and_weights(F)
    order = u.argsort(kind="stable")
    x, shares, _ = _projection(u[order], g)
    base, part = np.empty(F.n), np.empty(F.n)
    base[order], part[order] = x, shares
    return base, part if any(isinstance(G, Cardinality) for _, G in terms_of(F)) else part[:0]


def is_size_and_weights(F: SetFunction) -> bool:
    """Return whether F is a sum of `Cardinality` and `Modular` functions: g(|S|) + u(S)."""
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


@njit
def _projection(u, g):
    """Return the base x of smallest norm for ascending u, and x - u.

    The third result is the magnitude of the numbers that each entry is computed from. The mean of a
    block of equal entries is stored relative to u of its first element, so that a very large u does
    not round off the differences of g.
    """
    n = u.shape[0]
    first = np.empty(n + 1, np.int64)  # first element of each block, and the end of the last one
    over = np.empty(n)  # the sum over the block of u - u[first]; that of slopes telescopes
    k = 0
    for j in range(n):
        first[k], over[k] = j, 0.0
        first[k + 1] = j + 1
        k += 1
        while k > 1:
            a, b = first[k - 2], first[k - 1]
            before, size = b - a, first[k] - b
            apart = (u[b] - u[a]) + (over[k - 1] / size - over[k - 2] / before)
            if apart + ((g[first[k]] - g[b]) / size - (g[b] - g[a]) / before) > 0.0:
                break
            over[k - 2] += over[k - 1] + size * (u[b] - u[a])
            first[k - 1] = first[k]
            k -= 1
    x, shares, sizes = np.empty(n), np.empty(n), np.empty(n)
    for block in range(k):
        a, b = first[block], first[block + 1]
        slope, total, beyond, lost = (g[b] - g[a]) / (b - a), 0.0, 0.0, 0.0
        for j in range(a, b):
            # summed again, without what rounding has added [Kahan 1965]
            term = (u[j] - u[a]) - lost
            last, beyond = beyond, beyond + term
            lost = (beyond - last) - term
            # entries of the table g are rounded themselves, by less than gains are
            total += abs(u[j]) + abs(g[j + 1] - g[j]) + (abs(g[j + 1]) + abs(g[j])) / 512
        mean = beyond / (b - a)
        for j in range(a, b):
            x[j] = u[a] + (mean + slope)
            shares[j] = slope + (mean - (u[j] - u[a]))
            sizes[j] = total / (b - a)
    return x, shares, sizes
