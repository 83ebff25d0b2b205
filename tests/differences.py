"""Random differences f - g for the laws: pairs of families, and adversarial ones."""

import numpy as np
from families import FAMILIES

from subopt import Cardinality, Cut, DifferenceOfSubmodular, Modular
from subopt.testing import all_values

NAMES = sorted(FAMILIES)


def pair(rng, n):
    """f and g of about the same size, from any two families."""
    f, g = (FAMILIES[NAMES[k]](rng, n) for k in rng.integers(len(NAMES), size=2))
    sizes = [np.abs(F.marginals(np.zeros(n, dtype=bool))).sum() for F in (f, g)]
    if min(sizes) > 1e-9:
        g = float(sizes[0] / sizes[1] * rng.uniform(0.5, 2)) * g
    return DifferenceOfSubmodular(f, g)


def _ties(rng, n):
    W = np.triu(rng.integers(0, 2, (n, n)), 1)
    return DifferenceOfSubmodular(Cut(W + W.T), Cut(np.ones((n, n)) - np.eye(n)))


def _nearly_modular(rng, n):
    g = Modular(rng.normal(size=n)) + 1e-7 * Cardinality(np.sqrt, n)
    return DifferenceOfSubmodular(FAMILIES["coverage"](rng, n), g)


def _huge(rng, n):
    F = FAMILIES["coverage"](rng, n) + Cardinality(np.sqrt, n)
    small = 1e-3 * FAMILIES["cut"](rng, n)
    return DifferenceOfSubmodular(1e6 * F + small, 1e6 * F + 1e-3 * Cardinality(np.sqrt, n))


def _equal(rng, n):
    F = FAMILIES["cut"](rng, n)
    return DifferenceOfSubmodular(F, F)


KINDS = {
    "pairs": pair,
    "ties everywhere": _ties,
    "nearly modular g": _nearly_modular,
    "huge parts, small difference": _huge,
    "f = g": _equal,
    "supermodular": lambda rng, n: DifferenceOfSubmodular(
        Modular(rng.normal(size=n)), FAMILIES["coverage"](rng, n)
    ),
    "tiny": lambda rng, n: 1e-12 * pair(rng, n),
}


def size_of(h):
    """What rounding is to be compared with."""
    return float(np.abs(all_values(h.f)).max() + np.abs(all_values(h.g)).max())
