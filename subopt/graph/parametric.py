"""Minimum cuts for all values of a parameter, in which the supplies are affine and nondecreasing.

The source sides are nested: a node that has joined the source's side stays there. The answer is
therefore one number per node, the parameter at which it joins. For two known cuts, the algorithm
computes a minimum cut at the parameter where their capacities are equal. It either proves that no
cut lies between them, or divides the nodes between them into two smaller problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from subopt._base.answer import Answer, CertificateError, Status
from subopt._base.types import Array, ArrayLike
from subopt._base.validate import numeric, real_array
from subopt.graph._input import arc_ends, capacities, infinite
from subopt.graph._max_flow import max_flow
from subopt.graph._recheck import confirm, shaped
from subopt.graph.flow import given

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    class ParametricArguments(TypedDict, total=False):
        """The arguments of `parametric_max_flow` after the first one."""

        heads: ArrayLike
        capacity: ArrayLike
        reverse_capacity: ArrayLike | None
        supply: ArrayLike
        slope: ArrayLike
        interval: tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class ParametricCertificate:
    """Evidence that cuts are minimum for all values of a parameter.

    As a function of the parameter t, the capacity of the minimum cut is a concave function plus
    ``sum_v max(supply_v(t), 0)``. So lower bounds at some parameters bound it between them as well.
    The check finds a flow at every breakpoint and at both ends. It relies on what these flows prove
    (see `CutCertificate`), not on how they were found.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def check(self, problem: Any, answer: ParametricCut) -> float:
        """Recompute the value of the cuts and the bound of flows; return the difference.

        Parameters
        ----------
        problem : dict
            The arguments of `parametric_max_flow`, by their names.
        answer : ParametricCut
            The answer to check.

        Returns
        -------
        float
            Value minus the bound: 0 up to rounding if the cuts are minimum everywhere.

        Raises
        ------
        CertificateError
            If `joins` is not one number for each node, or `value` is not that of the cuts.
        ValueError, TypeError
            If the problem is not valid for `parametric_max_flow`.
        """
        arcs, supply, slope, (low, high) = _read(**problem)
        joins = shaped("joins", answer.joins, supply.shape)
        if np.isnan(joins).any():
            raise CertificateError(f"joins[{int(np.argmax(np.isnan(joins)))}] is nan")
        value = _value(arcs, supply, slope, joins, (low, high))
        confirm(answer.value, value)
        inner = joins[(low < joins) & (joins < high)]
        points = np.unique(np.concatenate([[low], inner, [high]]))
        bounds = np.empty(len(points))
        for k, t in enumerate(points):
            at = supply + t * slope
            terminals = {"source_capacity": np.maximum(at, 0), "sink_capacity": np.maximum(-at, 0)}
            flow = max_flow(*arcs, **terminals)
            gap = flow.check(*arcs, **terminals)
            bounds[k] = flow.value - gap - np.maximum(at, 0).sum()
        least = float((np.diff(points) * (bounds[1:] + bounds[:-1]) / 2).sum())
        least += float(_positive_area(supply, slope, np.full(len(supply), low), high).sum())
        return float(value - least)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ParametricCut(Answer):
    """Minimum cuts for all values of a parameter.

    Attributes
    ----------
    value : float
        Integral of the capacity of the cuts over the interval.
    lower_bound : float
        Equal to `value`: the cuts are minimum everywhere, up to rounding.
    status : Status
        OPTIMAL.
    method : str
        The method that ran.
    certificate : ParametricCertificate
        It computes flows that prove the cuts to be minimum, when it is checked.
    joins : ndarray of float, shape (n,)
        Parameter at which each node joins the source's side. The node is in the smallest source
        side exactly for larger parameters: for all of them if -inf, for none if inf. Parameters are
        rounded, so that among cuts of equal capacity one that is not the smallest may appear.
    interval : tuple of float
        Smallest and largest parameter.
    """

    joins: Array
    interval: tuple[float, float]

    def _contents(self) -> str:
        return f"{len(self.joins)} nodes, {len(self.breakpoints)} breakpoints in {self.interval}"

    @property
    def breakpoints(self) -> Array:
        """The parameters at which the cut changes, in ascending order."""
        return np.unique(self.joins[np.isfinite(self.joins)])

    def at(self, parameter: float) -> Array:
        """Return the smallest source side of a minimum cut.

        Parameters
        ----------
        parameter : float
            A parameter in the interval.

        Returns
        -------
        ndarray of bool, shape (n,)
            True for the nodes on the source's side.

        Raises
        ------
        ValueError
            If the parameter is outside the interval.
        """
        low, high = self.interval
        if not low <= parameter <= high:
            raise ValueError(f"parameter needs to be in {low}..{high}, got {parameter}")
        return self.joins < parameter

    def check(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[ParametricArguments]
    ) -> float:
        """Recompute the value of the cuts and the bound of flows; return the difference.

        This takes one maximum flow per breakpoint.

        Parameters
        ----------
        problem : dict
            The arguments of `parametric_max_flow`, by their names. They are accepted directly as
            well: ``cuts.check(tails, heads, capacity, supply=..., slope=..., interval=...)``.
        *arguments, **named
            The arguments of `parametric_max_flow` after the first one.

        Returns
        -------
        float
            See `ParametricCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `ParametricCertificate.check`.
        """
        return ParametricCertificate().check(given(problem, *arguments, **named), self)


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
    """Find minimum cuts for all parameters t, where the supplies are ``supply + t * slope``.

    A positive supply of a node is the capacity from the source to it, a negative supply is minus
    the capacity from it to the sink.

    Parameters
    ----------
    tails, heads, capacity, reverse_capacity
        The arcs, as for `max_flow`.
    supply : array_like of float, shape (n,)
        Supplies at parameter 0.
    slope : array_like of float, shape (n,)
        Nonnegative increase of the supply per unit of the parameter.
    interval : tuple of float
        Smallest and largest parameter.

    Returns
    -------
    ParametricCut
        The cuts, as the parameter at which each node joins the source's side.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message names the entry.

    Notes
    -----
    The method is divide and conquer, as in [1]_ for separable convex functions over base polytopes,
    and in [2]_. It computes at most 2n maximum flows of O(n^3) each, in practice much fewer, on
    graphs that become smaller.

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
    arcs, supply, slope, (low, high) = problem = _read(
        tails, heads, capacity, reverse_capacity, supply=supply, slope=slope, interval=interval
    )
    n = len(supply)
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
        # the two cuts around these nodes have equal capacity where the total supply is 0
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
    value = _value(*problem[:3], joins, interval)
    return ParametricCut(
        value=value,
        lower_bound=value,
        status=Status.OPTIMAL,
        method="divide and conquer",
        certificate=ParametricCertificate(),
        joins=joins,
        interval=interval,
    )


def _value(
    arcs: _Arcs, supply: Array, slope: Array, joins: Array, interval: tuple[float, float]
) -> float:
    """Return the integral of the capacity of cuts over an interval, node by node, arc by arc."""
    low, high = interval
    n, turn = len(supply), np.clip(joins, low, high)
    # the cut contains the source arc of a node before it joins, and its sink arc afterwards
    total = _positive_area(supply, slope, np.full(n, low), turn).sum()
    total += _positive_area(-supply, -slope, turn, np.full(n, high)).sum()
    tail, head = turn[arcs.tails], turn[arcs.heads]
    for longer, part in ((head - tail, arcs.forward), (tail - head, arcs.backward)):
        cut = longer > 0
        total += (longer[cut] * part[cut]).sum()
    return float(total)


def _positive_area(supply: Array, slope: Array, first: Array, last: Any) -> Array:
    """Return the integrals of ``max(supply + t * slope, 0)`` over t from `first` to `last`."""
    left, right = supply + first * slope, supply + last * slope
    both = np.maximum(left, 0) + np.maximum(right, 0)
    # a line that changes its sign is positive on a part of the interval only
    size = np.abs(left) + np.abs(right)
    share = np.where((left < 0) != (right < 0), both / np.where(size > 0, size, 1), 1)
    return (last - first) * share * both / 2


def _read(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None = None,
    *,
    supply: ArrayLike,
    slope: ArrayLike,
    interval: tuple[float, float],
) -> tuple[_Arcs, Array, Array, tuple[float, float]]:
    """Check the arguments of `parametric_max_flow`."""
    supply, slope = real_array("supply", supply), real_array("slope", slope)
    if supply.ndim != 1 or slope.shape != supply.shape:
        raise ValueError(
            f"supply and slope need the same shape (n,), got {supply.shape} and {slope.shape}"
        )
    n = len(supply)
    if (slope < 0).any():
        v = int(np.argmax(slope < 0))
        raise ValueError(
            f"slope needs numbers >= 0, so that cuts are nested, but slope[{v}] is {slope[v]}"
        )
    ends_ = _ends(interval)
    arcs = _arcs(tails, heads, capacity, reverse_capacity, n)
    return arcs, supply, slope, ends_


def _ends(interval: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = map(float, numeric("interval", interval))
    except (TypeError, ValueError, OverflowError):
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
    tails, heads = arc_ends(tails, heads, n)
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
    """Return nodes, arcs and supplies of the subproblem between two source sides."""
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
