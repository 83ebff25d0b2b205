"""`grid_cut`: minimum cuts of images, volumes and other grids.

A grid needs no list of arcs, because neighbors are offsets. A cut therefore takes a fraction of the
memory and of the time that the same problem takes as a general graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.answer import HUGE, Status
from subopt._base.options import Deadline, documented, reported, stage
from subopt.graph.grid._input import flag, grids
from subopt.graph.grid._layout import Grids, layout, terms, weigh
from subopt.graph.grid._solve import fill, origin, workspace
from subopt.graph.grid.flow import GridCutCertificate, GridFlow, Left

if TYPE_CHECKING:
    from subopt._base.types import Array, ArrayLike


@reported
@documented
def grid_cut(
    source_capacity: ArrayLike,
    sink_capacity: ArrayLike,
    weights: Any,
    *,
    offsets: Sequence[Sequence[int]] | None = None,
    periodic: bool | Sequence[bool] = False,
    maximal: bool = False,
    time_limit: float | None = None,
    verbose: bool = False,
) -> GridFlow:
    """Find a minimum cut of a grid in one, two or three dimensions, and a maximum flow.

    Node v has an arc of capacity ``source_capacity[v]`` from the source, one of
    ``sink_capacity[v]`` to the sink, and arcs to its neighbors ``v + offset`` and back. A set S of
    nodes cuts

        sum of source_capacity outside S + sum of sink_capacity inside S
        + sum of the weights of arcs from S to the rest.

    Parameters
    ----------
    source_capacity, sink_capacity : array_like, shape of the grid
        Nonnegative capacities, which may be infinite. One of the two may be a single number.
    weights : float or sequence
        Nonnegative capacities of the arcs between neighbors, which may be infinite. Either one
        number for all arcs, or a list with one entry per offset. An entry is a number, an array, or
        a tuple ``(forward, backward)`` of numbers or arrays; without a tuple, both directions have
        the same capacity. Entry p of an array belongs to the arcs between node p and node
        ``p + offset``, so the shape of the array is that of the grid minus ``abs(offset)`` (not
        reduced along periodic axes). In two dimensions, these are ``[down, right]`` of shapes
        ``(H - 1, W)`` and ``(H, W - 1)``.
    offsets : sequence of tuples of int, optional
        Offsets of neighbors, at most 14; the opposite of each offset is implied. By default one
        step along every axis: 4 neighbors in two dimensions, 6 in three. `grid_neighbors` returns
        the offsets for 8, 18 and 26 neighbors.
    periodic : bool or sequence of bool, default False
        Whether the last node of an axis is joined to its first node; one value per axis, or one for
        all.
    maximal : bool, default False
        Return the largest source side of a minimum cut instead of the smallest.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    GridFlow
        A minimum cut, and a maximum flow as its certificate.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if no cut is finite, or if integers are too large to be
        exact.

    See Also
    --------
    grid_cut_many : thousands of small grids in one call.
    grid_neighbors : offsets of the nearest neighbors.
    grid_structure : offsets and weights from a structure array of PyMaxflow.
    max_flow : general graphs.

    Notes
    -----
    Grids of more than 1024 nodes, and periodic ones, are solved by the algorithm of Boykov and
    Kolmogorov [1]_, which is close to linear on images; if it needs many paths, push-relabel [2]_
    continues. Other grids are solved by Dinic's algorithm in O(n^2 m), with sets of nodes stored as
    bits. Integers are exact.

    References
    ----------
    .. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
       energy minimization in vision", IEEE PAMI 26(9), 2004.
    .. [2] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of
       the ACM 35(4), 1988.

    Examples
    --------
    >>> cut = grid_cut([[9, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 9]], [2, [[1, 4], [1, 1]]])
    >>> cut.value
    2
    >>> cut.source_side
    array([[ True, False, False],
           [ True, False, False]])
    """
    deadline = Deadline(time_limit)
    problem = grids(source_capacity, sink_capacity, weights, offsets, periodic)
    return solve(problem, maximal=flag("maximal", maximal), deadline=deadline)


def solve(problem: Grids, *, maximal: bool, deadline: Deadline) -> GridFlow:
    """Find a minimum cut of a checked grid."""
    answer = _solved(problem, maximal, deadline)
    stopped = answer.status is Status.TIME_LIMIT
    if stopped or problem.whole or not 0 < HUGE * answer.value < problem.largest:
        return answer
    from subopt.graph._lowered import dwarfed, lowered

    terminals, arcs = (problem.source, problem.sink), (problem.forward, problem.backward)
    if not dwarfed([answer.value], *terminals, *arcs[0], *arcs[1])[0]:
        return answer
    source, sink, forward, backward = lowered([answer.value], *terminals, *arcs)
    low = problem._replace(
        source=source,
        sink=sink,
        forward=forward,
        backward=backward,
        beyond=np.inf,
        largest=2.0 * answer.value,
    )
    again = solve(low, maximal=maximal, deadline=deadline)
    value = np.zeros(1)
    weigh(terms(problem), 0, again.source_side.reshape(1, -1), value)
    if again.status is Status.TIME_LIMIT or value[0] > answer.value:
        return answer
    return replace(again, value=value[0].item(), lower_bound=value[0].item())


def _solved(problem: Grids, maximal: bool, deadline: Deadline) -> GridFlow:
    """Find a minimum cut in one run."""
    plan = layout(problem.stack, problem.shape, problem.offsets, problem.periodic)
    work = workspace(plan, problem.dtype)
    side = np.empty((1, *problem.shape), dtype=np.bool_)
    stage(
        "%d nodes, %d neighbors each, %s",
        side.size,
        2 * len(problem.offsets),
        np.dtype(problem.dtype),
    )
    values = np.zeros(1, dtype=problem.source.dtype)
    parts = terms(problem)
    outcome = fill(parts, 0, plan, work, maximal, side, values, deadline)
    bound = value = values[0].item()
    if outcome.stopped:
        bound = min(_carried(problem, work.excess), value)
        value = value if value < problem.beyond else np.inf
    elif value >= problem.beyond:
        raise ValueError(
            "grid_cut needs a finite cut, but a path of infinite capacities leads from the source "
            "to the sink. Give one of its arcs a finite capacity."
        )
    # flows are computed on access, and the caller may have changed the weights by then
    own = [w if w.base is None else w.astype(problem.dtype) for w in problem.forward]
    left = Left(problem._replace(forward=own), plan, work.residual)
    if outcome.moved and not outcome.stopped:
        left.moved = work.excess, origin(parts, 0, plan, problem.dtype)
    return GridFlow(
        value=value,
        lower_bound=bound,
        status=Status.OPTIMAL if bound == value else Status.TIME_LIMIT,
        method=outcome.method,
        certificate=GridCutCertificate(left),
        source_side=side.reshape(problem.shape[3 - problem.dimensions :]),
    )


def _carried(problem: Grids, excess: Array) -> Any:
    """Return the amount that a flow carries: the supply minus the excess that is left."""
    supply = np.broadcast_to(problem.source, (1, *problem.shape)).sum()
    return (supply - np.maximum(excess, 0).sum(dtype=problem.source.dtype)).item()
