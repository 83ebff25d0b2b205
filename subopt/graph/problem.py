"""Maximum-flow problems from sparse matrices and networkx graphs, with a source and a sink node."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array
from subopt.graph._max_flow import max_flow
from subopt.graph.flow import Flow


@dataclass(frozen=True, eq=False)
class FlowProblem:
    """A graph with capacities, two of whose nodes are the source and the sink.

    Attributes
    ----------
    tails, heads : ndarray of int, shape (m,)
        Ends of the arcs, as positions in `nodes`.
    capacity, reverse_capacity : ndarray, shape (m,)
        Capacities from tail to head and back.
    source, sink : int
        Positions in `nodes`.
    nodes : list
        What the caller calls the nodes.

    Examples
    --------
    >>> import scipy.sparse
    >>> matrix = scipy.sparse.csr_array([[0, 4, 2], [0, 0, 3], [0, 0, 0]])
    >>> problem = FlowProblem.from_sparse(matrix, source=0, sink=2)
    >>> flow = problem.max_flow()
    >>> flow.value, flow.flow, problem.check(flow)
    (5, array([3, 2, 3]), 0.0)
    """

    tails: Array
    heads: Array
    capacity: Array
    reverse_capacity: Array
    source: int
    sink: int
    nodes: list[Any]

    def __post_init__(self) -> None:
        if self.source == self.sink:
            raise ValueError(
                f"The source and the sink need to be two nodes, but both are "
                f"{self.nodes[self.source]!r}"
            )

    @classmethod
    def from_sparse(cls, matrix: Any, source: int, sink: int) -> FlowProblem:
        """Read capacities from a square sparse or dense matrix: entry (i, j) is an arc i -> j.

        The arcs are in the order of ``scipy.sparse.coo_array(matrix)``.
        """
        import scipy.sparse

        coo = scipy.sparse.coo_array(matrix)
        n = coo.shape[0]
        if coo.ndim != 2 or coo.shape[1] != n:
            raise ValueError(f"from_sparse needs a square matrix, got shape {coo.shape}")
        for name, v in (("source", source), ("sink", sink)):
            if isinstance(v, bool) or not isinstance(v, int | np.integer) or not 0 <= v < n:
                raise ValueError(f"{name} needs to be a node in 0..{n - 1}, got {v!r}")
        nothing = np.zeros(coo.nnz, dtype=np.int64)
        ends = coo.row, coo.col
        return cls(*ends, coo.data, nothing, int(source), int(sink), list(range(n)))

    @classmethod
    def from_networkx(
        cls, graph: Any, source: Hashable, sink: Hashable, *, capacity: str = "capacity"
    ) -> FlowProblem:
        """Read a networkx graph; edges without the attribute `capacity` have no limit.

        The arcs are in the order of ``graph.edges``; an undirected edge carries flow both ways. A
        graph of which no edge has the attribute is refused: its name may be misspelt.
        """
        nodes = list(graph)
        place = {node: v for v, node in enumerate(nodes)}
        for name, node in (("source", source), ("sink", sink)):
            if node not in place:
                raise ValueError(f"{name} needs to be a node of the graph, got {node!r}")
        validate.attribute("capacity", capacity, graph.edges(data=True), "edge", "no limit")
        edges = list(graph.edges(data=capacity))
        amounts = np.array([np.inf if c is None else c for _, _, c in edges])
        return cls(
            np.array([place[v] for v, _, _ in edges], dtype=np.int64),
            np.array([place[u] for _, u, _ in edges], dtype=np.int64),
            amounts,
            np.zeros(len(edges), dtype=np.int64) if graph.is_directed() else amounts,
            place[source],
            place[sink],
            nodes,
        )

    def arguments(self) -> dict[str, Any]:
        """Return the problem as arguments of `max_flow`: both terminal arcs have no limit."""
        return {
            "tails": self.tails,
            "heads": self.heads,
            "capacity": self.capacity,
            "reverse_capacity": self.reverse_capacity,
            "source_capacity": {self.source: np.inf},
            "sink_capacity": {self.sink: np.inf},
            "n": len(self.nodes),
        }

    def max_flow(self, *, maximal: bool = False, method: str = "auto") -> Flow:
        """Find a maximum flow from the source to the sink; see `subopt.max_flow`."""
        return max_flow(**self.arguments(), maximal=maximal, method=method)

    def check(self, flow: Flow) -> float:
        """Recompute the gap between the cut and what the flow proves; see `Flow.check`."""
        return flow.check(**self.arguments())

    def source_nodes(self, flow: Flow) -> list[Any]:
        """Return the nodes on the source's side, by their names."""
        return [self.nodes[v] for v in np.flatnonzero(flow.source_side)]
