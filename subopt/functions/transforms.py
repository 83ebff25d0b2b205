"""Functions made to satisfy what solvers need: F(∅) = 0, and symmetry."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, Sum, require_set_function, terms_of


class _Normalized(SetFunction):
    """S -> F(S) - F(∅)."""

    def __init__(self, F: SetFunction, empty: float) -> None:
        self.n, self._F, self._empty = F.n, F, empty
        self.monotone, self.symmetric = F.monotone, F.symmetric
        self.integral = F.integral

    def value(self, mask: Array) -> float:
        return self._F.value(validate.mask(mask, self.n).copy()) - self._empty

    def __repr__(self) -> str:
        return f"normalize({self._F!r})"


def normalize(F: SetFunction) -> SetFunction:
    """Return S -> F(S) - F(∅), which is F itself if F(∅) = 0.

    Parameters
    ----------
    F : SetFunction
        A function whose value at the empty set need not be 0.

    Returns
    -------
    SetFunction
        A function that is 0 at the empty set, with the same marginal gains as F.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.

    Examples
    --------
    >>> class Shifted(SetFunction):
    ...     n = 2
    ...     def value(self, mask):
    ...         return 5.0 + mask.sum()
    >>> float(normalize(Shifted())([0]))
    1.0
    """
    if not isinstance(F, SetFunction):
        raise TypeError(f"A SetFunction is needed, got {type(F).__name__}")
    empty = F.value(np.zeros(F.n, dtype=np.bool_))
    return F if empty == 0 else _Normalized(F, empty)


def symmetrize(F: SetFunction) -> SetFunction:
    """Return S -> F(S) + F(V - S) - F(V), which is symmetric.

    It is submodular if F is. For the rank of a matroid it is the connectivity function of the
    matroid; for the entropy of variables, the mutual information between those in S and the others.
    If F itself is symmetric, it is 2 F.

    Parameters
    ----------
    F : SetFunction
        A function with F(∅) = 0.

    Returns
    -------
    SetFunction
        The symmetric function; its attribute `symmetric` is True, as `queyranne` needs.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.

    Examples
    --------
    >>> G = symmetrize(Coverage([[1, 1, 0], [0, 1, 1], [0, 0, 1]]))
    >>> G([0]), G([1, 2]), G.symmetric, queyranne(G).S
    (1.0, 1.0, True, array([0, 1]))
    """
    require_set_function(F)
    G = Sum(F.n, terms_of(F + F.complement()))
    G.symmetric = True
    return G
