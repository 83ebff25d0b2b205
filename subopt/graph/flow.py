"""`Flow`, the answer to a maximum-flow problem, and its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.answer import Answer, CertificateError, ReadOnly
from subopt._base.options import documented
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Graph, bounded, graph, infinite
from subopt.graph._recheck import confirm, shaped, side_of
from subopt.graph.minimum_cuts import MinimumCuts, minimum_cuts

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    from subopt.graph._input import Terminal

    class GraphArguments(TypedDict, total=False):
        """The arguments of `max_flow` that describe the graph, after the first one."""

        heads: ArrayLike
        capacity: ArrayLike
        reverse_capacity: ArrayLike | None
        source_capacity: Terminal
        sink_capacity: Terminal
        n: int | None


@dataclass(frozen=True, eq=False, repr=False)
class CutCertificate(ReadOnly):
    """A flow along the arcs of a graph, which bounds the capacity of every cut from below.

    For any numbers f_e within the capacities, conserved or not,
    ``sum_v min(source_v, sink_v + outflow_v)`` is a lower bound on every cut. The check first clips
    the flow to the capacities; a flow that is not conserved gives a weaker bound.

    Attributes
    ----------
    flow : ndarray, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]``, negative if it runs the other way.
    """

    flow: Array

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.flow)} arcs)"

    def check(self, problem: Any, answer: Any) -> float:
        """Recompute the capacity of a cut and the bound of the flow; return the difference.

        Parameters
        ----------
        problem : FlowProblem or dict
            The graph, or the arguments of `max_flow` that describe it.
        answer : Flow or ndarray of bool, shape (n,)
            The answer, or only the source side of a cut.

        Returns
        -------
        float
            Capacity of the cut minus the bound: 0 up to rounding for a minimum cut, infinite for a
            cut through an infinite capacity.

        Raises
        ------
        CertificateError
            If the flow is not one finite number for each arc, if the source side is not one
            boolean for each node, or if `value` is not the capacity of the cut.
        ValueError, TypeError
            If the graph is not valid for `max_flow`.
        """
        g = read(problem)
        bounded(g)  # raises if sums overflow
        flow = shaped("flow", self.flow, g.tails.shape)
        if not np.isfinite(flow).all():
            e = int(np.argmin(np.isfinite(flow)))
            raise CertificateError(
                f"A check needs flows that are finite, but flow[{e}] is {flow[e]}"
            )
        side = answer.source_side if isinstance(answer, Flow) else answer
        cut = g.cut(side_of(side, (g.n,)))
        if isinstance(answer, Flow):
            confirm(answer.value, cut)
        return float(cut - flow_bound(g, flow)) if cut < np.inf else np.inf


def flow_bound(g: Graph, flow: Array) -> Any:
    """Return ``sum_v min(source_v, sink_v + outflow_v)`` of a flow clipped to the capacities."""
    flow = np.maximum(np.minimum(flow, g.forward), -g.backward)
    out = np.zeros(g.n, dtype=np.result_type(flow, np.int64))
    np.add.at(out, g.tails, flow)
    np.subtract.at(out, g.heads, flow)
    # if both terminals of a node are infinite, no cut is finite
    rest = np.where(infinite(g.sink), 0, g.sink) + out
    least = np.where(infinite(g.sink), g.source, np.minimum(g.source, rest))
    return least.sum().item()


@documented
@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Flow(Answer):
    """A minimum cut, and the flow that proves it minimum.

    Attributes
    ----------
    %(cut)s
    certificate : CutCertificate
        The flow as evidence for `lower_bound`.
    source_side : ndarray of bool, shape (n,)
        Nodes on the source's side of the cut.
    flow : ndarray, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]``, negative if it runs the other way. With status
        TIME_LIMIT it may not be conserved: excess may be left at some nodes.
    """

    source_side: Array
    flow: Array

    def _contents(self) -> str:
        inside = int(self.source_side.sum())
        return f"{inside} of {self.source_side.size} nodes on the source's side"

    def check(self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]) -> float:
        """Recompute the capacity of the cut and the bound of the flow; return the difference.

        Parameters
        ----------
        problem : FlowProblem
            The graph. The arguments of `max_flow` are accepted as well, as they were given there:
            ``flow.check(tails, heads, capacity, source_capacity=..., sink_capacity=...)``.
        *arguments, **named
            The arguments of `max_flow` after the first one.

        Returns
        -------
        float
            See `CutCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `CutCertificate.check`.
        """
        return CutCertificate(self.flow).check(given(problem, *arguments, **named), self)

    def cut_arcs(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]
    ) -> tuple[Array, Array]:
        """Return the arcs that the cut separates, and their direction.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        arcs : ndarray of int
            Positions of the arcs with one end on each side and capacity from the source's side.
        forward : ndarray of bool
            True where the tail is on the source's side, False where the head is.
        """
        g = self._read(problem, *arguments, **named)
        tail, head = self.source_side[g.tails], self.source_side[g.heads]
        cut = ((tail & ~head) & (g.forward > 0)) | ((head & ~tail) & (g.backward > 0))
        arcs = np.flatnonzero(cut)
        return arcs, tail[arcs]

    def residual_capacity(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]
    ) -> tuple[Array, Array]:
        """Return the residual capacity of each arc from tail to head, and from head to tail.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        forward, backward : ndarray, shape (m,)
            ``capacity - flow`` and ``reverse_capacity + flow``; float with inf where a capacity is
            infinite.
        """
        g = self._read(problem, *arguments, **named)
        return tuple(  # type: ignore[return-value]
            np.where(never, np.inf, part - sent) if (never := infinite(part)).any() else part - sent
            for part, sent in ((g.forward, self.flow), (g.backward, -self.flow))
        )

    def terminal_flow(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]
    ) -> tuple[Array, Array]:
        """Return the flow from the source into each node, and from each node to the sink.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        from_source, to_sink : ndarray, shape (n,)
            Both sum to the value of a maximum flow. Flow that passes a node from the source
            directly to the sink is included.
        """
        g = self._read(problem, *arguments, **named)
        out = np.zeros(g.n, dtype=self.flow.dtype)
        np.add.at(out, g.tails, self.flow)
        np.subtract.at(out, g.heads, self.flow)
        most = np.where(infinite(g.sink), 0, g.sink) + out
        source = np.where(infinite(g.sink), g.source, np.minimum(g.source, most))
        return source, source - out

    def minimum_cuts(
        self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]
    ) -> MinimumCuts:
        """Return all minimum cuts: they can be counted, and are found one after the other.

        Parameters
        ----------
        problem, *arguments, **named
            As for `check`.

        Returns
        -------
        MinimumCuts
            With float capacities, cuts count as minimum if they are so with the flows as they are
            rounded; cuts that tie by chance of rounding may be missing.

        Raises
        ------
        ValueError
            If the flow is not maximum, because `time_limit` ended the search.
        """
        return minimum_cuts(self._read(problem, *arguments, **named), self.flow)

    def _read(self, problem: Any, *arguments: ArrayLike, **named: Unpack[GraphArguments]) -> Graph:
        """Return the graph of this answer, or raise if its size is another one."""
        g = read(given(problem, *arguments, **named))
        if (g.n, len(g.tails)) != (len(self.source_side), len(self.flow)):
            raise ValueError(
                f"This flow is one of a graph with {len(self.source_side)} nodes and "
                f"{len(self.flow)} arcs, got {g.n} nodes and {len(g.tails)} arcs"
            )
        return g


def given(problem: Any, *arguments: Any, **named: Any) -> Any:
    """Collect the arguments of `max_flow` in a dict, unless the problem is a single object."""
    if not arguments and not named:
        return problem
    names = ("tails", "heads", "capacity", "reverse_capacity")
    values = (problem, *arguments)
    if len(values) > len(names):
        raise TypeError(f"A graph has at most four positional arguments {names}, got {len(values)}")
    return dict(zip(names, values, strict=False)) | named


def read(problem: Any) -> Graph:
    """Check a graph, given as a `FlowProblem` or as a dict of the arguments of `max_flow`."""
    if hasattr(problem, "arguments"):
        problem = problem.arguments()
    if not isinstance(problem, Mapping):
        raise TypeError(
            "A graph needs a FlowProblem, or the arguments of max_flow, got "
            f"{type(problem).__name__}"
        )
    defaults = {"reverse_capacity": None, "n": None}
    return graph(**(defaults | dict(problem)))
