"""`max_flow`: maximum flow and minimum cut on graphs with a source and a sink.

The arguments are checked here; the compiled kernels are in `boykov_kolmogorov` and `push_relabel`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import HUGE, Status
from subopt._base.jit import small_first_uncounted as njit
from subopt._base.options import Deadline, documented, reported, stage
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Bounded, Graph, Terminal, bounded, graph
from subopt.graph._lowered import dwarfed, lowered
from subopt.graph._search import ASK, Search
from subopt.graph.augment import reach
from subopt.graph.flow import CutCertificate, Flow
from subopt.graph.network import drain, link_until, workspace

# trees always have a limit, because only push-relabel terminates on real capacities
_PATIENCE = {"auto": ASK, "boykov_kolmogorov": 10**6, "push_relabel": 0}
METHODS = tuple(_PATIENCE)


@reported
@documented
def max_flow(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    reverse_capacity: ArrayLike | None = None,
    *,
    source_capacity: Terminal,
    sink_capacity: Terminal,
    n: int | None = None,
    maximal: bool = False,
    method: str = "auto",
    time_limit: float | None = None,
    verbose: bool = False,
) -> Flow:
    """Find a maximum flow from a source to a sink, and a minimum cut.

    The source and the sink are not nodes: node v has an arc of capacity ``source_capacity[v]``
    from the source and one of ``sink_capacity[v]`` to the sink. A set S of nodes cuts

        sum of source_capacity outside S + sum of sink_capacity inside S
        + sum of capacity over arcs from S to the rest (reverse_capacity for arcs into S).

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the arcs, in 0..n - 1. Parallel arcs and loops are allowed.
    capacity, reverse_capacity : array_like, shape (m,)
        Nonnegative capacities from tail to head, and from head to tail (0 by default). They may be
        infinite.
    source_capacity, sink_capacity : array_like of shape (n,), or dict
        Nonnegative capacities of the arcs from the source and to the sink. A dict maps nodes to
        capacities; nodes that are not in it have capacity 0.
    n : int, optional
        Number of nodes; required if `source_capacity` and `sink_capacity` are both dicts.
    maximal : bool, default False
        Return the largest source side of a minimum cut instead of the smallest.
    method : {"auto", "boykov_kolmogorov", "push_relabel"}, default "auto"
        "auto" uses push-relabel if neighborhoods grow as in a random graph. Otherwise it begins
        with search trees, and continues with push-relabel if these take long. `Flow.method` states
        what ran: "none" if the time limit ended the preparation of a large graph. The cut does not
        depend on the method, but the flow may.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Flow
        A minimum cut, and a maximum flow as its certificate.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, if no cut is finite, or if integer capacities add up to
        2**61 or more.

    Notes
    -----
    The worst case is O(n^3), for real capacities as well; typical running times are much lower.
    Integers are exact: they are stored as float64 if their sum is below 2**52, else as int64.

    References
    ----------
    .. [1] Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms for
       energy minimization in vision", IEEE TPAMI 26(9), 2004.
    .. [2] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of
       the ACM 35(4), 1988.

    Examples
    --------
    >>> cut = max_flow(
    ...     [0, 0, 1], [1, 2, 2], [3, 1, 2], source_capacity={0: 9}, sink_capacity={2: 9}, n=3
    ... )
    >>> cut.value, cut.source_side, cut.flow
    (3, array([ True,  True, False]), array([2, 1, 2]))
    """
    validate.choice("method", method, METHODS)
    g = graph(tails, heads, capacity, reverse_capacity, source_capacity, sink_capacity, n)
    stage("%d nodes, %d arcs, %s", g.n, len(g.tails), "ints" if g.whole else "floats")
    return solve(g, maximal=maximal, method=method, time_limit=time_limit)


def solve(g: Graph, *, maximal: bool, method: str, time_limit: float | None = None) -> Flow:
    """Find the maximum flow of a checked graph."""
    return _solve(g, validate.flag("maximal", maximal), method, Deadline(time_limit))


def _solve(g: Graph, maximal: bool, method: str, deadline: Deadline) -> Flow:
    parts = bounded(g)
    answer = _solved(g, parts, maximal, method, deadline)
    if answer.status is Status.TIME_LIMIT or g.whole or answer.value >= parts.total / HUGE:
        return answer
    return precise(g, parts, answer, maximal, method, deadline)


def precise(
    g: Graph,
    parts: Any,
    answer: Flow,
    maximal: bool = False,
    method: str = "auto",
    deadline: Deadline | None = None,
) -> Flow:
    """Return an answer to a graph with float capacities whose flow has all its digits.

    `parts` are finite capacities, by which the answer was computed.
    """
    forward, backward, source, sink = (np.asarray(part)[None] for part in parts[:4])
    if not dwarfed([answer.value], forward, backward, source, sink)[0]:
        return answer
    source, sink, ahead, back = lowered([answer.value], source, sink, [forward], [backward])
    low = g._replace(forward=ahead[0][0], backward=back[0][0], source=source[0], sink=sink[0])
    again = _solve(low, maximal, method, deadline or Deadline())
    value = g.cut(again.source_side)
    if again.status is Status.TIME_LIMIT or value > answer.value:
        return answer
    return replace(again, value=value, lower_bound=value)


def _solved(g: Graph, parts: Bounded, maximal: bool, method: str, deadline: Deadline) -> Flow:
    """Find the maximum flow in one run."""
    source, sink = parts.source, parts.sink
    cut = _minimum_cut(
        Arcs(g.tails, g.heads, parts.forward, parts.backward),
        source - sink,
        maximal,
        method,
        deadline,
    )
    side, value = cut.side, cut_value(g, parts, cut.side)
    if cut.left is None and not value < np.inf:
        raise ValueError(
            "max_flow needs a finite cut, but a path of infinite capacities leads from the source "
            "to the sink. Give one of its arcs a finite capacity."
        )
    bound = value
    if cut.left is not None:
        for other in (*cut.others, np.zeros_like(side), np.ones_like(side)):
            weight = cut_value(g, parts, other)
            side, value = (other, weight) if weight < value else (side, value)
        bound = (source.sum() - np.maximum(cut.left, 0).sum()).item()
        bound = min(int(bound) if g.whole else bound, value)
    flow = cut.flow.astype(np.int64) if g.whole else cut.flow
    return Flow(
        value=value,
        lower_bound=bound,
        status=Status.OPTIMAL if bound == value < np.inf else Status.TIME_LIMIT,
        method=cut.method,
        certificate=CutCertificate(flow),
        source_side=side,
        flow=flow,
    )


def cut_value(g: Graph, parts: Bounded, side: Array) -> Any:
    """Return the capacity of a cut; `parts` are those of `bounded`."""
    if not parts.finite:
        return g.cut(side)
    value = _weigh(g.tails, g.heads, *parts[:4], side, parts.forward.dtype.type(0))
    return int(value) if g.whole else float(value)


@njit
def _weigh(tails, heads, forward, backward, source, sink, side, total):
    """Return the capacity of the cut around a set of nodes, for finite capacities.

    `tails`, `heads`, `forward` and `backward` have one entry per arc, `source`, `sink` and `side`
    (bool) one per node; `total` is a zero of the type of capacities. This is twice as fast as
    `Graph.cut`, which `Flow.check` uses.
    """
    for v in range(side.shape[0]):
        total += sink[v] if side[v] else source[v]
    for e in range(tails.shape[0]):
        tail, head = side[np.uint32(tails[e])], side[np.uint32(heads[e])]
        if tail != head:
            total += forward[e] if tail else backward[e]
    return total


def minimum_cut(
    tails: Array,
    heads: Array,
    forward: Array,
    backward: Array,
    excess: Array,
    *,
    maximal: bool = False,
    method: str = "auto",
) -> tuple[Array, Array, str]:
    """Return the source side of a minimum cut, a maximum flow and the method, without checks.

    `excess` (n,) is the capacity from the source to each node minus the capacity from the node to
    the sink; it is overwritten. All capacities are finite.
    """
    arcs = Arcs(tails, heads, forward, backward)
    return _minimum_cut(arcs, excess, maximal, method, Deadline())[:3]


def minimum_cut_until(
    arcs: Arcs, excess: Array, deadline: Deadline, *, maximal: bool = False, partial: bool = True
) -> tuple[Array, Array]:
    """Return a source side and a flow as `minimum_cut` does; at the deadline, what is known.

    If the deadline comes before the search begins, or at any time without `partial`, the side is
    all False and the flow 0.
    """
    cut = _minimum_cut(arcs, excess, maximal, "auto", deadline, partial=partial)
    return cut.side, cut.flow


def extreme_cuts_until(
    arcs: Arcs, excess: Array, deadline: Deadline, *, partial: bool = True
) -> tuple[Array, Array, Array]:
    """Return the smallest and largest source sides of minimum cuts, and a flow.

    Arguments are those of `minimum_cut_until`. At the deadline, the sides are those of other cuts.
    """
    cut = _minimum_cut(arcs, excess, False, "auto", deadline, both=True, partial=partial)
    return cut.side, cut.others[0], cut.flow


class Arcs(NamedTuple):
    """Arcs with finite capacities both ways, all float64 or all int64."""

    tails: Array
    heads: Array
    forward: Array
    backward: Array


class _Cut(NamedTuple):
    side: Array
    flow: Array
    method: str
    left: Array | None = None  # remaining excess, if the deadline ended the search
    others: tuple[Array, ...] = ()  # in that case, further cuts


def _minimum_cut(
    arcs: Arcs,
    excess: Array,
    maximal: bool,
    method: str,
    deadline: Deadline,
    *,
    both: bool = False,
    partial: bool = True,
) -> _Cut:
    """Like `minimum_cut`, until a deadline; with `both`, `others` has the largest side as well.

    If the deadline ended the search, and without `partial`, the side is all False and the flow 0.
    So they are if the deadline comes while many arcs are sorted; the method is then "none".
    """
    n = len(excess)
    none = np.zeros(n, dtype=np.bool_)
    # not by `zeros_like`, which writes to all of the memory
    still = np.zeros(len(arcs.forward), dtype=arcs.forward.dtype)
    linked = link_until(deadline.passed, n, *arcs)
    if linked is None:
        return _Cut(none, still, "none", excess, (none,))
    indptr, slot, residual, ends = linked
    work = workspace(n, ends, arcs.forward.dtype)
    search = Search(n, indptr, residual, excess, work, deadline)
    ran = search.run(_PATIENCE[method])
    if search.stopped and not partial:
        return _Cut(none, still, ran, excess, (none,))
    flow = still
    drain(slot, ends, arcs.forward, arcs.backward, residual, flow)
    if search.stopped:
        near, *others = search.sides()
        return _Cut(near, flow, ran, excess, tuple(others))
    side = work.side
    if not (maximal or both):
        return _Cut(side, flow, ran)
    smallest = side.copy()
    reach(n, indptr, excess, work, np.int64(-1))
    return _Cut(smallest if both else ~side, flow, ran, None, (~side,) if both else ())
