"""Maximum-flow problems from sparse matrices and networkx graphs, with sources and sinks."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.graph._max_flow import max_flow
from subopt.graph.flow import Flow


@dataclass(frozen=True, eq=False, repr=False)
class FlowProblem:
    """A graph with capacities, in which some nodes are sources and some are sinks.

    Parameters
    ----------
    tails, heads : ndarray of int, shape (m,)
        Ends of the arcs, as positions in `nodes`.
    capacity, reverse_capacity : ndarray, shape (m,)
        Capacities from tail to head, and from head to tail.
    sources, sinks : dict of int to float
        Positions in `nodes`, each with the amount that a source can supply or a sink can take; may
        be infinite.
    nodes : list
        The names of the nodes.

    Examples
    --------
    >>> import scipy.sparse
    >>> matrix = scipy.sparse.csr_array([[0, 4, 2], [0, 0, 3], [0, 0, 0]])
    >>> problem = FlowProblem.from_sparse(matrix, source=0, sink=2)
    >>> flow = problem.max_flow()
    >>> flow.value, flow.flow, flow.check(problem)
    (5, array([3, 2, 3]), 0.0)
    >>> problem.cut_edges(flow)
    [(0, 2), (1, 2)]
    """

    tails: Array
    heads: Array
    capacity: Array
    reverse_capacity: Array
    sources: dict[int, float]
    sinks: dict[int, float]
    nodes: list[Any]

    def __post_init__(self) -> None:
        for v in self.sources:
            if v in self.sinks:
                raise ValueError(
                    f"The source and the sink need to be two nodes, but both are {self.nodes[v]!r}"
                )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.nodes)} nodes, {len(self.tails)} arcs, "
            f"{len(self.sources)} sources, {len(self.sinks)} sinks)"
        )

    @classmethod
    def from_sparse(cls, matrix: Any, source: Any, sink: Any) -> FlowProblem:
        """Read capacities from a square sparse or dense matrix: entry (i, j) is an arc i -> j.

        The arcs are in the order of ``scipy.sparse.coo_array(matrix)``.

        Parameters
        ----------
        matrix : array_like or sparse array, shape (n, n)
            Nonnegative capacities; may be infinite.
        source, sink : int, list of int, or dict of int to float
            One node or several. A dict gives the amount that each source can supply, or each sink
            can take; otherwise it is unlimited.

        Returns
        -------
        FlowProblem
            The problem, with the nodes 0, ..., n - 1.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described; the message names the entry.
        """
        import scipy.sparse

        coo = scipy.sparse.coo_array(matrix)
        n = coo.shape[0]
        if coo.ndim != 2 or coo.shape[1] != n:
            raise ValueError(f"from_sparse needs a square matrix, got shape {coo.shape}")

        def position(name: str, v: Any) -> int:
            if isinstance(v, bool) or not isinstance(v, int | np.integer) or not 0 <= v < n:
                raise ValueError(f"{name} needs to be a node in 0..{n - 1}, got {v!r}")
            return int(v)

        _require_capacities(coo.data, lambda e: f"matrix[{coo.row[e]}, {coo.col[e]}]")
        return cls(
            coo.row,
            coo.col,
            coo.data,
            np.zeros(coo.nnz, dtype=np.int64),
            _terminals("source", source, position),
            _terminals("sink", sink, position),
            list(range(n)),
        )

    @classmethod
    def from_networkx(
        cls, graph: Any, source: Any, sink: Any, *, capacity: str = "capacity"
    ) -> FlowProblem:
        """Read a networkx graph; edges without the attribute `capacity` have unlimited capacity.

        The arcs are in the order of ``graph.edges``. An undirected edge carries flow both ways. If
        no edge has the attribute, an error is raised, because its name may be misspelled.

        Parameters
        ----------
        graph : networkx.Graph
            Directed or undirected, with or without parallel edges.
        source, sink : node, list of nodes, or dict of node to float
            One node or several. A dict gives the amount that each source can supply, or each sink
            can take; otherwise it is unlimited. A list or tuple that is itself a node of the graph
            counts as one node.
        capacity : str, default "capacity"
            Name of the edge attribute, whose values are nonnegative. Integers are exact, also if
            some edges have no limit.

        Returns
        -------
        FlowProblem
            The problem, with the nodes of the graph.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described; the message names the edge.
        """
        nodes = list(graph)
        place = {node: v for v, node in enumerate(nodes)}

        def position(name: str, node: Any) -> int:
            if not isinstance(node, Hashable) or node not in place:
                raise ValueError(f"{name} needs to be a node of the graph, got {node!r}")
            return place[node]

        ends = _terminals("source", source, position), _terminals("sink", sink, position)
        validate.attribute("capacity", capacity, graph.edges(data=True), "edge", "no limit")
        edges = list(graph.edges(data=capacity))
        amounts = np.empty(len(edges), dtype=object)  # floats could not hold all ints
        amounts[:] = [np.inf if c is None else c for _, _, c in edges]
        _require_capacities(amounts, lambda e: f"{capacity} of edge {edges[e][:2]!r}")
        return cls(
            np.array([place[v] for v, _, _ in edges], dtype=np.int64),
            np.array([place[u] for _, u, _ in edges], dtype=np.int64),
            amounts,
            np.zeros(len(edges), dtype=np.int64) if graph.is_directed() else amounts,
            *ends,
            nodes,
        )

    def arguments(self) -> dict[str, Any]:
        """Return the problem as arguments of `max_flow`.

        Returns
        -------
        dict
            The arguments by name.
        """
        return {
            "tails": self.tails,
            "heads": self.heads,
            "capacity": self.capacity,
            "reverse_capacity": self.reverse_capacity,
            "source_capacity": self.sources,
            "sink_capacity": self.sinks,
            "n": len(self.nodes),
        }

    def max_flow(
        self, *, maximal: bool = False, method: str = "auto", time_limit: float | None = None
    ) -> Flow:
        """Find a maximum flow from the sources to the sinks.

        Parameters
        ----------
        maximal, method, time_limit
            As for `subopt.max_flow`.

        Returns
        -------
        Flow
            A minimum cut, and a maximum flow as its certificate.
        """
        return max_flow(**self.arguments(), maximal=maximal, method=method, time_limit=time_limit)

    def check(self, flow: Flow) -> float:
        """Recompute the gap between the cut and the bound of its flow.

        Parameters
        ----------
        flow : Flow
            An answer to this problem.

        Returns
        -------
        float
            See `Flow.check`.

        Raises
        ------
        CertificateError
            If the evidence does not fit the problem, or the answer states another value.
        """
        return flow.check(self)

    def source_nodes(self, flow: Flow) -> list[Any]:
        """Return the names of the nodes on the source's side.

        Parameters
        ----------
        flow : Flow
            An answer to this problem.

        Returns
        -------
        list
            Names of nodes, in the order of `nodes`.
        """
        return [self.nodes[v] for v in np.flatnonzero(flow.source_side)]

    def cut_edges(self, flow: Flow) -> list[tuple[Any, Any]]:
        """Return the edges that the cut separates, as pairs of names.

        Parameters
        ----------
        flow : Flow
            An answer to this problem.

        Returns
        -------
        list of tuple
            Pairs (node on the source's side, node on the sink's side).
        """
        arcs, forward = flow.cut_arcs(self)
        ends = [(self.nodes[self.tails[e]], self.nodes[self.heads[e]]) for e in arcs]
        return [(v, u) if ahead else (u, v) for (v, u), ahead in zip(ends, forward, strict=True)]


def _terminals(name: str, given: Any, position: Callable[[str, Any], int]) -> dict[int, float]:
    """Return the amount that each source can supply, or each sink can take, by node position."""
    try:
        return {position(name, given): np.inf}
    except ValueError:
        if isinstance(given, str | int | np.integer) or not isinstance(given, Iterable):
            raise
    limits = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, np.inf)
    if not limits:
        raise ValueError(f"{name} needs at least one node, got {given!r}")
    _require_capacities(
        np.array(list(limits.values()), dtype=object), lambda k: f"{name}[{list(limits)[k]!r}]"
    )
    return {position(name, node): limit for node, limit in limits.items()}


def _require_capacities(amounts: Any, name: Callable[[int], str]) -> None:
    """Raise if an amount is not a number >= 0, with its name."""
    array: Array = validate.unmasked("capacity", amounts)
    if array.dtype.kind in "biuf" and not (array.size and not array.min() >= 0):
        return
    for e, c in enumerate(array):
        if not isinstance(c, bool | np.bool_ | numbers.Real):
            raise TypeError(f"Capacities need to be numbers >= 0, but {name(e)} is {c!r}")
        if not float(c) >= 0:
            raise ValueError(f"Capacities need to be numbers >= 0, but {name(e)} is {c}")
