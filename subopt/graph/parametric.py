"""All minimum cuts while the supply of the nodes grows with one parameter.

The source sides are nested: a node that has joined stays. So the answer is one number a node, when
it joins. Two cuts meet where their lines cross; a minimum cut there either proves that nothing lies
between them, or splits what lies between in two problems on the nodes that remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base.types import Array, ArrayLike
from subopt._base.validate import real_array
from subopt.graph._input import capacities, ends, infinite
from subopt.graph._max_flow import max_flow


@dataclass(frozen=True, eq=False)
class ParametricCut:
    """Minimum cuts for all values of a parameter.

    Attributes
    ----------
    joins : ndarray of float, shape (n,)
        Where a node joins the source's side: it is in the smallest one for parameters above, and
        not at or below. -inf if it is there from the lower end on, inf if never. Parameters are
        rounded, so where several cuts weigh the same, one that is not the smallest may appear.
    interval : tuple of float
        The parameters that were asked for.
    """

    joins: Array
    interval: tuple[float, float]

    @property
    def breakpoints(self) -> Array:
        """The parameters at which the cut changes, in rising order."""
        return np.unique(self.joins[np.isfinite(self.joins)])

    def at(self, parameter: float) -> Array:
        """Return the smallest source side of a minimum cut, as a boolean array (n,)."""
        low, high = self.interval
        if not low <= parameter <= high:
            raise ValueError(f"The cuts are known from {low} to {high}, not at {parameter}")
        return self.joins < parameter


def parametric_max_flow(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None = None,
    *,
    supply: ArrayLike,
    slope: ArrayLike,
    interval: tuple[float, float],
) -> ParametricCut:
    """Find the minimum cuts for all parameters t while supplies are ``supply + t * slope``.

    A positive supply of a node is its capacity from the source, a negative one to the sink.

    Parameters
    ----------
    tails, heads, capacity, reverse_capacity
        The arcs, as for `max_flow`.
    supply : array_like of float, shape (n,)
    slope : array_like of float, shape (n,)
        Numbers >= 0.
    interval : tuple of float
        The least and the largest parameter.

    Returns
    -------
    ParametricCut

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message names the entry.

    Notes
    -----
    Divide and conquer, as in the decomposition of convex separable minimization over a base
    polytope [1]_ and in [2]_; at most 2n maximum flows of O(n^3) each, so O(n^4) at worst. In
    practice they are few, on graphs that shrink.

    References
    ----------
    .. [1] H. Groenevelt, "Two algorithms for maximizing a separable concave function over a
       polymatroid feasible region", European Journal of Operational Research 54, 1991.
    .. [2] G. Gallo, M. D. Grigoriadis, R. E. Tarjan, "A fast parametric maximum flow algorithm and
       applications", SIAM Journal on Computing 18(1), 1989.

    Examples
    --------
    >>> cuts = parametric_max_flow(
    ...     [0, 1], [1, 2], [1.0, 1.0], supply=[0, -1, -4], slope=[1, 1, 1], interval=(-9, 9)
    ... )
    >>> cuts.joins, cuts.at(2)
    (array([1., 1., 3.]), array([ True,  True, False]))
    """
    supply, slope = real_array("supply", supply), real_array("slope", slope)
    if supply.ndim != 1 or slope.shape != supply.shape:
        raise ValueError(
            f"supply and slope need the same shape (n,), got {supply.shape} and {slope.shape}"
        )
    n = len(supply)
    if (slope < 0).any():
        v = int(np.argmax(slope < 0))
        raise ValueError(
            f"slope needs numbers >= 0, for cuts that are nested, but slope[{v}] is {slope[v]}"
        )
    low, high = interval = _ends(interval)
    arcs = _arcs(tails, heads, capacity, reverse_capacity, n)
    joins = np.full(n, np.inf)
    first = _cut(arcs, supply + low * slope)
    last = _cut(arcs, supply + high * slope)
    joins[first] = -np.inf
    part = _between(arcs, supply, np.arange(n), first, last)
    stack = [(*part, slope[last & ~first], low, high)]
    while stack:
        nodes, arcs, supply, slope, low, high = stack.pop()
        if len(nodes) == 0:
            continue
        # the lines of the two cuts that enclose these nodes cross where their supply is nothing
        total = slope.sum()
        t = min(max(-supply.sum() / total, low), high) if total > 0 else high
        inside = _cut(arcs, supply + t * slope)
        if inside.all() or not inside.any():
            joins[nodes] = t
            continue
        none, every = np.zeros_like(inside), np.ones_like(inside)
        for small, large, ends_ in ((none, inside, (low, t)), (inside, every, (t, high))):
            part = _between(arcs, supply, nodes, small, large)
            stack.append((*part, slope[large & ~small], *ends_))
    return ParametricCut(joins, interval)


def _ends(interval: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not -np.inf < low <= high < np.inf:
        raise ValueError(f"interval needs two finite numbers in rising order, got {interval!r}")
    return low, high


class _Arcs(NamedTuple):
    tails: Array
    heads: Array
    forward: Array
    backward: Array


def _arcs(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None,
    n: int,
) -> _Arcs:
    tails, heads = ends("tails", tails, n), ends("heads", heads, n)
    if heads.shape != tails.shape:
        raise ValueError(
            f"heads needs one entry per arc, as tails has: {len(tails)}, got {len(heads)}"
        )
    forward = _floats("capacity", capacity, tails.shape)
    backward = np.zeros(len(tails))
    if reverse_capacity is not None:
        backward = _floats("reverse_capacity", reverse_capacity, tails.shape)
    return _Arcs(tails, heads, forward, backward)


def _floats(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = capacities(name, values, shape)
    return np.where(infinite(array), np.inf, array.astype(np.float64))


def _cut(arcs: _Arcs, supply: Array) -> Array:
    """Return the smallest source side."""
    source, sink = np.maximum(supply, 0), np.maximum(-supply, 0)
    return max_flow(*arcs, source_capacity=source, sink_capacity=sink).source_side


def _between(
    arcs: _Arcs, supply: Array, nodes: Array, small: Array, large: Array
) -> tuple[Array, _Arcs, Array]:
    """Return nodes, arcs and supplies of what is left if `small` is in and only `large` may be."""
    free, supply = large & ~small, supply.copy()
    for v, u, ahead, behind in (
        (arcs.tails, arcs.heads, arcs.forward, arcs.backward),
        (arcs.heads, arcs.tails, arcs.backward, arcs.forward),
    ):
        lost, won = free[v] & ~large[u], free[v] & small[u]
        supply -= np.bincount(v[lost], ahead[lost], len(supply))
        supply += np.bincount(v[won], behind[won], len(supply))
    inner = free[arcs.tails] & free[arcs.heads]
    place = np.cumsum(free) - 1
    left = _Arcs(
        place[arcs.tails[inner]],
        place[arcs.heads[inner]],
        arcs.forward[inner],
        arcs.backward[inner],
    )
    return nodes[free], left, supply[free]
