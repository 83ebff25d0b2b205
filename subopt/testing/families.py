"""Random members of every family, one line per family, for `subopt.testing`.

Half of the numbers are small integers and many are zero, so that ties, empty groups and isolated
elements occur in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from subopt._base.types import Array
from subopt.functions.algebra import SetFunction
from subopt.functions.callable import Function
from subopt.functions.cardinality import Cardinality
from subopt.functions.concave import Concave
from subopt.functions.concave_of_modular import ConcaveOfModular
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.entropy import Entropy
from subopt.functions.facility_location import FacilityLocation
from subopt.functions.hypergraph_cut import HypergraphCut
from subopt.functions.log_determinant import GaussianMutualInformation, LogDeterminant
from subopt.functions.matroid_rank import MatroidRank
from subopt.functions.modular import Modular

Builder: TypeAlias = Callable[[np.random.Generator, int], SetFunction]


def _weights(rng: np.random.Generator, *shape: int) -> Array:
    """Return nonnegative numbers, a third of them zero, all integers half of the time."""
    w = rng.integers(0, 5, shape) if rng.random() < 0.5 else rng.exponential(size=shape)
    return np.where(rng.random(shape) < 1 / 3, 0.0, w)


def _symmetric(rng: np.random.Generator, n: int) -> Array:
    A = np.triu(_weights(rng, n, n), 1)
    return A + A.T


def _concave(rng: np.random.Generator, n: int) -> Array:
    slopes = np.sort(rng.integers(-3, 4, n) if rng.random() < 0.5 else rng.normal(size=n))
    return np.concatenate([[0.0], np.cumsum(slopes[::-1])])


def _kernel(rng: np.random.Generator, n: int) -> Array:
    X = rng.normal(size=(n, 1 + n // 2))
    return X @ X.T + rng.uniform(0.2, 1.5) * np.eye(n)


def _edges(rng: np.random.Generator, n: int) -> list[list[int]]:
    return [np.flatnonzero(rng.random(n) < 0.6).tolist() for _ in range(4)]


def _data(rng: np.random.Generator, n: int) -> Array:
    return rng.integers(0, rng.integers(1, 4, n), (12, n))


FAMILIES: dict[str, Builder] = {
    "modular": lambda rng, n: Modular(_weights(rng, n) - _weights(rng, n)),
    "cut": lambda rng, n: Cut(_symmetric(rng, n)),
    "directed cut": lambda rng, n: Cut(_weights(rng, n, n), directed=True),
    "hypergraph cut": lambda rng, n: HypergraphCut(_edges(rng, n), _weights(rng, 4), n=n),
    "star hypergraph": lambda rng, n: HypergraphCut(_edges(rng, n), n=n, splitting="star"),
    "clique hypergraph": lambda rng, n: HypergraphCut(_edges(rng, n), n=n, splitting="clique"),
    "coverage": lambda rng, n: Coverage(_weights(rng, n, 5), _weights(rng, 5)),
    "cardinality": lambda rng, n: Cardinality(_concave(rng, n)),
    "roots of groups": lambda rng, n: ConcaveOfModular(_weights(rng, 3, n), "sqrt"),
    "logs of groups": lambda rng, n: ConcaveOfModular(_weights(rng, 3, n), "log1p"),
    "powers of groups": lambda rng, n: ConcaveOfModular(_weights(rng, 3, n), ("power", 0.7)),
    "capped groups": lambda rng, n: ConcaveOfModular(_weights(rng, 3, n), ("min", 2)),
    "any phi of groups": lambda rng, n: ConcaveOfModular(
        _weights(rng, 3, n), lambda t: t * (4 - t), scales=_weights(rng, 3)
    ),
    "root of coverage": lambda rng, n: Concave(Coverage(_weights(rng, n, 5)), "sqrt"),
    "capped coverage": lambda rng, n: Concave(Coverage(_weights(rng, n, 5)), ("min", 3)),
    "capped rank": lambda rng, n: Concave(
        MatroidRank.graphic(rng.integers(0, 4, (n, 2))), lambda t: min(t, 2)
    ),
    "facility location": lambda rng, n: FacilityLocation(_weights(rng, 4, n)),
    "log determinant": lambda rng, n: LogDeterminant(_kernel(rng, n)),
    "mutual information": lambda rng, n: GaussianMutualInformation(_kernel(rng, n)),
    "entropy": lambda rng, n: Entropy(_data(rng, n)),
    "conditional entropy": lambda rng, n: Entropy(_data(rng, n), rng.integers(0, 3, 12), np.e),
    "partition rank": lambda rng, n: MatroidRank.partition(
        rng.integers(0, 3, n), rng.integers(0, 3, 3)
    ),
    "graphic rank": lambda rng, n: MatroidRank.graphic(rng.integers(0, 4, (n, 2))),
    "callable": lambda rng, n: Function(n, Cut(_symmetric(rng, n)).value, symmetric=True),
}
"""Families by name. A value is a function (rng, n) that returns a random member on n elements."""
