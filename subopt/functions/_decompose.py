"""Any set function as a difference of submodular functions.

F violates diminishing returns by at most c if its second differences
F(S+i+j) - F(S+i) - F(S+j) + F(S) are at most c. The second differences of |S| (n - |S|) / 2 are -1
for all S, i and j; those of a cut function are minus twice the weight of the edge ij. So F becomes
submodular by adding c |S| (n - |S|) / 2, or a cut function with weight c_ij / 2 for each pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import freeze
from subopt._base.options import documented
from subopt._base.types import RNG, Array
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.callable import Function
from subopt.functions.cardinality import Cardinality
from subopt.functions.cut import Cut
from subopt.functions.diminishing_returns import all_masks
from subopt.functions.transforms import normalize

EXHAUSTIVE = 12
"""Up to this n all second differences are computed, from 2^n values."""


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition(DifferenceOfSubmodular):
    """A set function as a difference f - g of submodular functions, made by `decompose`.

    Attributes
    ----------
    f : SetFunction
        The original function plus g. Submodular if the curvature is large enough.
    g : SetFunction
        The submodular function that was added: `Cardinality` for one curvature, `Cut` for a matrix.
    estimated : bool
        Whether the curvature is the largest one in a sample of sets. If so, f need not be
        submodular, and no solver claims a lower bound or an optimum that depends on it. If you know
        that f is submodular, e.g. from ``assert_submodular(h.f)``, ``h.f - h.g`` is the same
        function with ``estimated`` False.
    curvature : float or ndarray of float64, shape (n, n)
        Upper bound on the second differences of the original function, for all pairs or per pair.
    """

    curvature: float | Array

    def __repr__(self) -> str:
        largest = float(np.max(self.curvature, initial=0.0))
        curvature = f"curvature at most {largest:g}, estimated={self.estimated}"
        return f"Decomposition(n={self.n}, {curvature})"


@documented
def decompose(
    F: SetFunction | Callable[[Array], Any],
    curvature: float | Any = None,
    *,
    n: int | None = None,
    n_samples: int = 1000,
    rng: RNG = 0,
) -> Decomposition:
    """Write any set function as a difference of submodular functions.

    A decomposition always exists, but a poor one makes the problem harder: the more curved g is,
    the looser are the bounds of f - g that solvers use. With one number c for all pairs, g has
    values up to ``c n² / 8``; for n = 100 this is 1250 times the largest violation c. A matrix with
    one number per pair is better if most pairs do not interact. A decomposition that follows from
    the construction of F is usually best.

    Parameters
    ----------
    F : SetFunction or callable
        Any set function, submodular or not. A callable takes a boolean mask (n,). F(∅) is
        subtracted from a `SetFunction`; a callable must return 0 at ∅.
    curvature : float, or array_like or scipy sparse matrix of shape (n, n), optional
        Upper bound on ``F(S+i+j) - F(S+i) - F(S+j) + F(S)``, for all pairs or, as a symmetric
        matrix, per pair; nonnegative. The default for n up to 12 is the smallest such matrix, from
        all 2^n values. For larger n it is the largest of `n_samples` second differences, which may
        be too small.
    n : int, optional
        Size of the ground set; required for a callable.
    n_samples : int, default 1000
        Number of random second differences, of four values of F each. They are used to estimate
        the curvature, or to test the given one.
    %(rng)s
        It draws the random sets.

    Returns
    -------
    Decomposition
        h with ``h.f - h.g == F``; ``h.estimated`` is True if the curvature is an estimate.

    Raises
    ------
    TypeError
        If F is neither a `SetFunction` nor callable, or a callable comes without n.
    ValueError
        If a sampled second difference is larger than the given curvature; the message names it.
        If n or the shape of the curvature does not match F.

    Examples
    --------
    >>> def pairs(mask):                       # a bonus for {0, 1}, unit prices, a fixed fee
    ...     return 3.0 * (mask[0] and mask[1]) - mask.sum() + 2.0 * mask.any()
    >>> h = decompose(pairs, n=4)
    >>> float(h.curvature[0, 1]), h.estimated, h([0, 1]), h.g([0])
    (3.0, False, 3.0, 1.5)
    >>> decompose(pairs, 3.0, n=4).g([0])      # one number for all pairs
    4.5
    """
    G = _function(F, n)
    n_samples = validate.positive_int("n_samples", n_samples)
    rng = validate.generator(rng)
    given = curvature is not None
    estimated = not given and G.n > EXHAUSTIVE
    if estimated:
        worst = max((d for d, *_ in _sampled(G, n_samples, rng)), default=0.0)
        curvature = max(worst, 0.0)
    elif not given:
        curvature = np.maximum(_exact(G), 0.0)
    g: SetFunction
    matrix = hasattr(curvature, "tocoo") or validate.rectangular("curvature", curvature).ndim > 0
    if not matrix:
        curvature = validate.nonnegative("curvature", curvature)
        if not np.isfinite(curvature * max(G.n, 1) ** 2):
            raise ValueError(
                f"curvature needs a number whose product with n^2 is finite, got {curvature}"
            )
        k = np.arange(G.n + 1)
        g = Cardinality(curvature / 2 * k * (G.n - k))
    else:
        g = _cut(curvature, G.n)
        if not hasattr(curvature, "tocoo"):
            curvature = np.array(curvature, dtype=np.float64)
            freeze(curvature)
    f = G + g
    if given:
        _check(G, f, n_samples, rng)
    return Decomposition(f, g, curvature, estimated=estimated)


def _function(F: Any, n: int | None) -> SetFunction:
    if isinstance(F, SetFunction):
        if n is not None and n != F.n:
            raise ValueError(f"n = {n}, but F has {F.n} elements. Leave out n for a SetFunction.")
        return normalize(F)
    if not callable(F):
        raise TypeError(f"decompose needs a SetFunction or a callable, got {type(F).__name__}")
    if n is None:
        raise TypeError("decompose of a callable needs n: decompose(value, n=10)")
    return Function(n, F)


def _cut(curvature: Any, n: int) -> Cut:
    sparse = hasattr(curvature, "tocoo")
    matrix = curvature.tocoo() if sparse else validate.numeric("curvature", curvature)
    if matrix.shape != (n, n):
        raise ValueError(f"curvature needs a number or the shape ({n}, {n}), got {matrix.shape}")
    validate.real_array("curvature", matrix.data if sparse else matrix, copy=False)
    return Cut(matrix * 0.5)


def _exact(F: SetFunction) -> Array:
    """Return the largest second difference of each pair; 2^n values."""
    masks = all_masks(F.n)
    values = np.array([F.value(mask) for mask in masks])
    index, result = np.arange(2**F.n), np.zeros((F.n, F.n))
    for i in range(F.n):
        for j in range(i):
            k = index[~masks[:, i] & ~masks[:, j]]
            both = values[k | 1 << i | 1 << j] + values[k]
            one = values[k | 1 << i] + values[k | 1 << j]
            result[i, j] = result[j, i] = float((both - one).max())
    return result


def _sampled(
    F: SetFunction, n_samples: int, rng: np.random.Generator
) -> list[tuple[float, float, Array, int, int]]:
    """Return random second differences as (difference, largest of the four values, S, i, j)."""
    found: list[tuple[float, float, Array, int, int]] = []
    if F.n < 2:
        return found
    for _ in range(n_samples):
        i, j = (int(e) for e in rng.choice(F.n, 2, replace=False))
        S = rng.random(F.n) < rng.random()
        S[[i, j]] = False
        values = []
        for more in ([], [i], [j], [i, j]):
            mask = S.copy()
            mask[more] = True
            values.append(F.value(mask))
        here, one, other, both = values
        found.append((both - one - other + here, max(map(abs, values)), S, i, j))
    return found


def _check(F: SetFunction, f: SetFunction, n_samples: int, rng: np.random.Generator) -> None:
    """Raise if a sampled second difference of f = F + g is positive."""
    for excess, size, S, i, j in _sampled(f, n_samples, rng):
        if excess > 1e-9 * max(1.0, size):
            violation = sum(
                sign * F.value(_with(S, more))
                for sign, more in ((1, [i, j]), (-1, [i]), (-1, [j]), (1, []))
            )
            raise ValueError(
                f"curvature needs to be {violation:.6g} or more for the pair ({i}, {j}): with "
                f"S = {np.flatnonzero(S).tolist()}, this is the value of "
                f"F(S+{i}+{j}) - F(S+{i}) - F(S+{j}) + F(S)"
            )


def _with(S: Array, more: list[int]) -> Array:
    mask = S.copy()
    mask[more] = True
    return mask
