"""Modular bounds of a submodular function that are tight at a set: sub- and supergradients.

A lower bound is a greedy vertex: the gains along an order that begins with the elements of S. Upper
bounds follow from diminishing returns: the gain of i at any set is at most its gain at ∅, and at
least its gain at V - i [1]_.

.. [1] R. Iyer, S. Jegelka and J. Bilmes, "Fast semidifferential-based submodular function
   optimization", ICML 2013, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike, Subset
from subopt.functions.algebra import (
    DifferenceOfSubmodular,
    SetFunction,
    require_difference,
    require_set_function,
)
from subopt.functions.modular import Modular

KINDS = ("grow", "shrink", "bar")


@dataclass(frozen=True, eq=False)
class ModularBound:
    """The function S -> constant + weights(S), which need not be 0 at ∅.

    Attributes
    ----------
    modular : Modular
        The weights.
    constant : float
        The bound at ∅.

    Examples
    --------
    >>> bound = ModularBound(Modular([1.0, -2.0]), constant=0.5)
    >>> bound([]), bound([0, 1])
    (0.5, -0.5)
    """

    modular: Modular
    constant: float = 0.0

    @property
    def n(self) -> int:
        """Size of the ground set."""
        return self.modular.n

    @property
    def weights(self) -> Array:
        """What each element adds, (n,); read-only."""
        return self.modular.weights

    def value(self, mask: Array) -> float:
        """Evaluate the bound at a set.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,)
            Which elements are in the set.

        Returns
        -------
        float
            The constant plus the weights of the set.
        """
        return self.constant + self.modular.value(mask)

    def __call__(self, S: Subset) -> float:
        """Evaluate the bound at a set given by its elements or a boolean mask."""
        return self.constant + self.modular(S)

    def minimum(self) -> float:
        """Return the smallest value over all sets, that of the negative weights.

        Returns
        -------
        float
            The constant plus the sum of the negative weights.
        """
        return self.constant + float(np.minimum(self.weights, 0.0).sum())


def modular_lower(
    F: SetFunction,
    S: Subset,
    order: ArrayLike | None = None,
    *,
    tie_break: ArrayLike | None = None,
) -> ModularBound:
    """Return a modular function that is nowhere above F and equals it at S.

    Parameters
    ----------
    F : SetFunction
        Submodular; not checked.
    S : boolean mask (n,) or iterable of int
        The set at which the bound is tight.
    order : array_like of int, shape (n,), optional
        An order of V whose first ``|S|`` elements are S. The bound is tight at all prefixes of the
        order. None sorts elements by index, or by `tie_break`.
    tie_break : array_like of float, shape (n,), optional
        A score per element, instead of `order`. Elements of S come first, by descending scores,
        then the others, by descending scores; equal scores are sorted by index.

    Returns
    -------
    ModularBound
        The gains along the order, with the constant 0. This takes one greedy sweep.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> F = Cardinality([0, 3, 4, 4])
    >>> modular_lower(F, [1]).weights, modular_lower(F, [1], tie_break=[0, 0, 1]).weights
    (array([1., 3., 0.]), array([0., 3., 1.]))
    """
    require_set_function(F)
    inside = validate.subset(S, F.n)
    if order is None:
        order = chain(inside, _scores(tie_break, F.n))
    elif tie_break is not None:
        raise ValueError("modular_lower takes an order or a tie_break, not both")
    else:
        order = validate.order(order, F.n)
        size = int(inside.sum())
        if not inside[order[:size]].all():
            k = int(inside[order[:size]].argmin())
            raise ValueError(
                f"order needs the {size} elements of S first, but order[{k}] = {order[k]} is not "
                "in S. tie_break sorts within S and within the rest."
            )
    return ModularBound(Modular(F.greedy(order)))


def modular_upper(F: SetFunction, S: Subset, kind: str = "grow") -> ModularBound:
    """Return a modular function that is nowhere below F and equals it at S.

    Parameters
    ----------
    F : SetFunction
        Submodular; not checked.
    S : boolean mask (n,) or iterable of int
        The set at which the bound is tight.
    kind : {"grow", "shrink", "bar"}, default "grow"
        The weights. The weight of an element i of S is its gain at S - i ("grow") or at V - i
        ("shrink", "bar"). The weight of an element outside S is its gain at S ("shrink") or at ∅
        ("grow", "bar"). "bar" is never below the other two, of which neither is always the lower
        one.

    Returns
    -------
    ModularBound
        It is tight at S. This takes two calls of ``F.marginals``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> F = Cardinality([0, 3, 4, 4])
    >>> [modular_upper(F, [1], kind).weights.tolist() for kind in ("grow", "shrink", "bar")]
    [[3.0, 3.0, 3.0], [1.0, 0.0, 1.0], [3.0, 0.0, 3.0]]
    >>> modular_upper(F, [1], "shrink").constant
    3.0
    """
    require_set_function(F)
    inside = validate.subset(S, F.n)
    validate.choice("kind", kind, KINDS)
    whole = np.ones(F.n, dtype=np.bool_)
    within = F.marginals(inside.copy() if kind == "grow" else whole)
    beyond = F.marginals(inside.copy() if kind == "shrink" else ~whole)
    weights = Modular(np.where(inside, within, beyond))
    return ModularBound(weights, F.value(inside.copy()) - weights.value(inside))


def submodular_upper(
    h: DifferenceOfSubmodular,
    S: Subset,
    order: ArrayLike | None = None,
    *,
    tie_break: ArrayLike | None = None,
) -> SetFunction:
    """Return f minus a modular lower bound of g: submodular, nowhere below h, and tight at S.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    S : boolean mask (n,) or iterable of int
        A set at which the bound is tight. It is tight at every prefix of the order.
    order : array_like of int, shape (n,), optional
        As in `modular_lower`.
    tie_break : array_like of float, shape (n,), optional
        As in `modular_lower`.

    Returns
    -------
    SetFunction
        Minimizing it is a step of `subsup`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
    >>> upper = submodular_upper(h, [1])
    >>> upper([1]) == h([1]), upper([0]) >= h([0])
    (True, True)
    """
    require_difference(h)
    lower = modular_lower(h.g, S, order, tie_break=tie_break)
    return h.f + Modular(-lower.weights)


def supermodular_upper(
    h: DifferenceOfSubmodular, S: Subset, kind: str = "grow"
) -> tuple[DifferenceOfSubmodular, float]:
    """Return a modular upper bound of f minus g: supermodular, nowhere below h, tight at S.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        f - g.
    S : boolean mask (n,) or iterable of int
        The set at which the bound is tight.
    kind : {"grow", "shrink", "bar"}, default "grow"
        As in `modular_upper`.

    Returns
    -------
    upper : DifferenceOfSubmodular
        The bound without its constant; its negative is submodular.
    constant : float
        The constant of the bound.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Cardinality([0, 2, 3])
    >>> upper, constant = supermodular_upper(h, [1])
    >>> upper([1]) + constant == h([1]), upper([0]) + constant >= h([0])
    (True, True)
    """
    require_difference(h)
    bound = modular_upper(h.f, S, kind)
    return DifferenceOfSubmodular(bound.modular, h.g), bound.constant


class Supergradients:
    """The weights of all three kinds of `modular_upper`, for a sequence of sets.

    The marginals at ∅ and at V are computed once, those at S once for all kinds.
    """

    def __init__(self, F: SetFunction) -> None:
        whole = np.ones(F.n, dtype=np.bool_)
        self.low, self.high = F.marginals(whole), F.marginals(~whole)

    def at(self, inside: Array, gains: Array) -> list[Array]:
        """Return the weights for "grow", "shrink" and "bar", given the marginals at a set."""
        pairs = ((gains, self.high), (self.low, gains), (self.low, self.high))
        return [np.where(inside, within, beyond) for within, beyond in pairs]


def chain(inside: Array, scores: Array | None = None) -> Array:
    """Return the order that builds up a set first, by descending scores within and outside."""
    if scores is None:
        return (~inside).argsort(kind="stable")
    return np.lexsort((-scores, ~inside))


def _scores(tie_break: ArrayLike | None, n: int) -> Array | None:
    if tie_break is None:
        return None
    scores = validate.real_array("tie_break", tie_break)
    if scores.shape != (n,):
        raise ValueError(f"tie_break needs one score per element, shape ({n},), got {scores.shape}")
    return scores
