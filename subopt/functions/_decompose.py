"""Any set function as a difference of submodular ones: what it takes, and what it costs.

Diminishing returns fail by at most c if F(S+i+j) - F(S+i) - F(S+j) + F(S) <= c. The function
|S| (n - |S|) / 2 has -1 there, for all S, i and j; the cut of a graph has minus twice the weight of
the edge ij. So F plus c times the one, or plus a cut with c / 2 for every pair, is submodular.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import RNG, Array
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, normalize
from subopt.functions.callable import Function
from subopt.functions.cardinality import Cardinality
from subopt.functions.cut import Cut
from subopt.functions.diminishing_returns import all_masks

EXHAUSTIVE = 12
"""Up to this n all second differences are computed, in 2^n values."""


@dataclass(frozen=True, eq=False)
class Decomposition(DifferenceOfSubmodular):
    """A `DifferenceOfSubmodular` that `decompose` made.

    Attributes
    ----------
    curvature : float or ndarray of float64, shape (n, n)
        What was added: by how much diminishing returns may fail.
    estimated : bool
        Whether the curvature is the largest that a sample of sets showed. Then f need not be
        submodular, and no solver claims a lower bound or an optimum that rests on it. Where
        ``assert_submodular(h.f)`` or better knowledge of F supports it, ``h.f - h.g`` is the same
        function without this mark.
    """

    curvature: float | Array


def decompose(
    F: SetFunction | Callable[[Array], Any],
    curvature: float | Any = None,
    *,
    n: int | None = None,
    n_samples: int = 1000,
    rng: RNG = 0,
) -> Decomposition:
    """Write any set function as a difference of submodular functions.

    It is always possible and never free: bounds of f - g are as loose as g is curved, and a search
    sees F through them. With one number c for all pairs, g reaches ``c n² / 8``, which for n = 100
    is 1250 times what may be a single violation. A c for every pair is better wherever most pairs
    do not interact, and a decomposition that follows from how F is made is better still.

    Parameters
    ----------
    F : SetFunction or callable
        Any set function with ``F(∅) = 0``, submodular or not; a callable takes a boolean mask.
    curvature : float, or array_like or scipy sparse matrix of shape (n, n), optional
        What ``F(S+i+j) - F(S+i) - F(S+j) + F(S)`` is at most, for all pairs or for each; >= 0 and
        symmetric. Up to n = 12 the default is computed, as a matrix; beyond, the largest of
        `n_samples` second differences is taken, which is an estimate from below.
    n : int, optional
        Size of the ground set; needed for a callable.
    n_samples : int, default 1000
        Second differences to look at, four values of F each, to estimate the curvature or to find
        one that is larger than what was given.
    rng : Generator, int or None, default 0
        Where they are looked for.

    Returns
    -------
    Decomposition
        With ``h.f - h.g == F``; ``h.estimated`` says if it rests on samples.

    Raises
    ------
    ValueError
        If a second difference is larger than the given curvature; the message names it.

    Examples
    --------
    >>> def pairs(mask):                       # a bonus for 0 and 1 together, prices, a fee
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
    if np.ndim(curvature) == 0 and not hasattr(curvature, "tocoo"):
        curvature = validate.nonnegative("curvature", curvature)
        k = np.arange(G.n + 1)
        g = Cardinality(curvature / 2 * k * (G.n - k))
    else:
        g = _cut(curvature, G.n)
    f = G + g
    if given:
        _check(G, f, n_samples, rng)
    return Decomposition(f, g, curvature, estimated=estimated)


def _function(F: Any, n: int | None) -> SetFunction:
    if isinstance(F, SetFunction):
        if n is not None and n != F.n:
            raise ValueError(f"n = {n}, but F is about {F.n} elements")
        return normalize(F)
    if not callable(F):
        raise TypeError(f"decompose needs a SetFunction or a callable, got {type(F).__name__}")
    if n is None:
        raise TypeError("decompose of a callable needs n: decompose(value, n=10)")
    return Function(n, F)


def _cut(curvature: Any, n: int) -> Cut:
    cut = Cut(curvature * 0.5 if hasattr(curvature, "tocoo") else np.asarray(curvature) / 2)
    if cut.n != n:
        raise ValueError(f"curvature needs the shape ({n}, {n}), got ({cut.n}, {cut.n})")
    return cut


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
    """Return second differences, the size of their numbers, and where they are."""
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
    """Raise if f = F + g is seen not to be submodular."""
    for excess, size, S, i, j in _sampled(f, n_samples, rng):
        if excess > 1e-9 * max(1.0, size):
            violation = sum(
                sign * F.value(_with(S, more))
                for sign, more in ((1, [i, j]), (-1, [i]), (-1, [j]), (1, []))
            )
            raise ValueError(
                f"curvature needs to be {violation:.6g} or more for the pair ({i}, {j}), "
                f"because F(S+{i}+{j}) - F(S+{i}) - F(S+{j}) + F(S) is that at "
                f"S = {np.flatnonzero(S).tolist()}"
            )


def _with(S: Array, more: list[int]) -> Array:
    mask = S.copy()
    mask[more] = True
    return mask
