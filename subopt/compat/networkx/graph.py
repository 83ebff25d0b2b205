"""A networkx graph as arrays: the graph class of the backend, and conversions.

networkx keeps it on the original graph (`__networkx_cache__`), so a graph is converted once. Data
that algorithms derive from the graph is cached on it as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property
from itertools import chain, compress
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from subopt._base.types import Array
from subopt.graph._input import UNLIMITED, Graph, capacities, infinite
from subopt.graph.unit_paths import UnitNetwork, split_nodes, unit_network


class Pairs(NamedTuple):
    """Edges joined to pairs of nodes: an arc and the arc back are one pair."""

    tails: Array
    heads: Array
    pair: Array  # of each edge
    ahead: Array  # whether an edge runs from the tail of its pair to the head


class BackendGraph:
    """A graph of the backend: nodes by number, edges as arrays, and those attributes asked for.

    Parameters
    ----------
    nodes : list
        Names of the nodes.
    tails, heads : ndarray of int, shape (m,)
        Ends of the edges; an undirected edge is there once.
    directed : bool
    attributes : dict of str to list
        Values of edge attributes, one per edge.
    data : list of dict, optional
        All attributes of each edge, in place of `attributes`.
    node_data : list of dict, optional
        Attributes of each node.
    graph : dict, optional
        Attributes of the graph.
    """

    __networkx_backend__ = "subopt"

    def __init__(
        self,
        nodes: list[Hashable],
        tails: Array,
        heads: Array,
        *,
        directed: bool,
        attributes: dict[Hashable, list[Any]],
        data: list[dict[Hashable, Any]] | None = None,
        node_data: list[dict[Hashable, Any]] | None = None,
        graph: dict[Hashable, Any] | None = None,
    ) -> None:
        self.nodes, self.tails, self.heads = nodes, tails, heads
        self.directed, self.graph = directed, {} if graph is None else graph
        self._attributes, self._data, self._node_data = attributes, data, node_data
        self._flow_graphs: dict[tuple[Hashable, Any], Graph] = {}
        self.__networkx_cache__: dict[str, Any] = {}

    def __repr__(self) -> str:
        kind = "directed" if self.directed else "undirected"
        return f"{type(self).__name__}({kind}, {len(self)} nodes, {len(self.tails)} edges)"

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.nodes)

    def __contains__(self, node: Any) -> bool:
        return isinstance(node, Hashable) and node in self.place

    def is_directed(self) -> bool:
        """Whether edges have a direction."""
        return self.directed

    def is_multigraph(self) -> bool:
        """Parallel edges are left to networkx."""
        return False

    def number_of_nodes(self) -> int:
        """Return the number of nodes."""
        return len(self.nodes)

    def number_of_edges(self) -> int:
        """Return the number of edges."""
        return len(self.tails)

    @cached_property
    def place(self) -> dict[Hashable, int]:
        """Numbers of the nodes."""
        return {node: v for v, node in enumerate(self.nodes)}

    @cached_property
    def pairs(self) -> Pairs:
        """Edges joined to pairs of nodes."""
        tails, heads = self.tails, self.heads
        m = len(tails)
        if not self.directed or m == 0:
            return Pairs(tails, heads, np.arange(m), np.ones(m, dtype=np.bool_))
        ahead = tails <= heads
        first, last = np.where(ahead, tails, heads), np.where(ahead, heads, tails)
        keys, pair = np.unique(first * np.int64(len(self)) + last, return_inverse=True)
        return Pairs(keys // len(self), keys % len(self), pair, ahead)

    @cached_property
    def unit(self) -> UnitNetwork:
        """Network of capacity 1 along every edge."""
        return unit_network(len(self), self.tails, self.heads, not self.directed)

    @cached_property
    def split(self) -> UnitNetwork:
        """Network of capacity 1 along every edge and through every node."""
        return split_nodes(len(self), self.tails, self.heads, not self.directed)

    @cached_property
    def degree(self) -> Array:
        """Number of edges at each node, loops counted twice."""
        n = len(self)
        return np.bincount(self.tails, minlength=n) + np.bincount(self.heads, minlength=n)

    @cached_property
    def simple_degree(self) -> Array:
        """Number of edges at each node, without loops; of edges that leave it if directed."""
        n, other = len(self), self.tails != self.heads
        out = np.bincount(self.tails[other], minlength=n)
        return out if self.directed else out + np.bincount(self.heads[other], minlength=n)

    def is_connected(self) -> bool:
        """Return whether all nodes are connected, directions aside."""
        import scipy.sparse

        n = len(self)
        links = scipy.sparse.coo_array(
            (np.ones(len(self.tails), dtype=np.int8), (self.tails, self.heads)), shape=(n, n)
        )
        return bool(scipy.sparse.csgraph.connected_components(links, directed=False)[0] == 1)

    def has_negative(self, attribute: Hashable) -> bool:
        """Return whether some edge, loops aside, has a negative number."""
        other = (self.tails != self.heads).tolist()
        return any(x < 0 for x in compress(self._values(attribute, 0), other))

    @cached_property
    def neighbors(self) -> tuple[Array, Array]:
        """Compressed rows of the nodes that edges lead to: starts (n + 1,) and nodes."""
        first, last = self.tails, self.heads
        if not self.directed:
            other = first != last
            first = np.concatenate([self.tails, self.heads[other]])
            last = np.concatenate([self.heads, self.tails[other]])
        order = np.argsort(first, kind="stable")
        start = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(np.bincount(first, minlength=len(self)), out=start[1:])
        return start, last[order]

    def successors(self, v: int) -> list[int]:
        """Return the numbers of the nodes that edges from a node lead to."""
        start, nodes = self.neighbors
        return nodes[start[v] : start[v + 1]].tolist()

    def _values(self, attribute: Hashable, default: Any) -> list[Any]:
        """Return an attribute of all edges."""
        if attribute in self._attributes:
            return self._attributes[attribute]
        return [data.get(attribute, default) for data in self._data or [{}] * len(self.tails)]

    def flow_graph(self, attribute: Hashable, default: Any = np.inf) -> Graph:
        """Return the pairs with capacities both ways; edges of negative capacity have none.

        Raises
        ------
        NotImplementedError
            If networkx can compute with these numbers, but arrays cannot: fractions, or ints that
            add up to 2**60 or more.
        """
        key = attribute, default
        if key not in self._flow_graphs:
            values = self._values(attribute, default)
            if any(x < 0 for x in values):
                values = [x if x >= 0 else 0 for x in values]
            self._flow_graphs[key] = self._flow_graph(_numbers(str(attribute), values))
        return self._flow_graphs[key]

    def _flow_graph(self, amounts: Array) -> Graph:
        whole = amounts.dtype.kind == "i"
        finite = ~infinite(amounts)
        if whole and amounts.sum(dtype=np.float64, where=finite) >= 2**60:
            raise NotImplementedError("subopt needs ints that add up to less than 2**60")
        tails, heads, pair, ahead = self.pairs
        if self.directed:
            forward, backward = np.zeros((2, len(tails)), dtype=amounts.dtype)
            forward[pair[ahead]] = amounts[ahead]
            backward[pair[~ahead]] = amounts[~ahead]
        else:
            forward = backward = amounts
        nothing = np.zeros(len(self), dtype=amounts.dtype)
        ends = tails.astype(np.int32), heads.astype(np.int32)
        return Graph(len(self), *ends, forward, backward, nothing, nothing, whole)


def _numbers(name: str, values: list[Any]) -> Array:
    """Return numbers as int64 (`UNLIMITED` if infinite) or float64."""
    array = np.asarray(values)
    if array.dtype.kind == "f" and np.isinf(array).any():
        array = np.asarray(values, dtype=object)  # there may be ints beside infinity
    if array.dtype.kind == "O":
        exact = int, float, np.integer, np.floating
        for x in values:
            if not isinstance(x, exact):
                raise NotImplementedError(f"subopt computes with ints and floats, not {x!r}")
            if isinstance(x, int) and x >= 2**60:
                raise NotImplementedError(f"subopt needs ints below 2**60, got {x}")
        array[:] = [x.item() if isinstance(x, np.generic) else x for x in array]
    return capacities(name, array, (len(values),))


def unlimited(whole: bool) -> Any:
    """Return what stands for infinity in a `Graph`."""
    return UNLIMITED if whole else np.inf


def convert_from_nx(
    graph: Any,
    *,
    edge_attrs: Mapping[Hashable, Any] | None = None,
    node_attrs: Mapping[Hashable, Any] | None = None,
    preserve_edge_attrs: bool = False,
    preserve_node_attrs: bool = False,
    preserve_graph_attrs: bool = False,
    name: str | None = None,
    graph_name: str | None = None,
) -> Any:
    """Return a networkx graph as a graph of the backend; networkx calls this.

    Parameters
    ----------
    graph : networkx.Graph
    edge_attrs, node_attrs : dict, optional
        Attributes that are needed, with the values of those edges or nodes that lack them.
    preserve_edge_attrs, preserve_node_attrs, preserve_graph_attrs : bool
        Whether all attributes are needed.
    name, graph_name : str, optional
        Function and parameter that the graph is for.

    Returns
    -------
    BackendGraph
    """
    if isinstance(graph, BackendGraph):
        return graph
    if graph.is_multigraph():
        raise NotImplementedError("subopt leaves graphs with parallel edges to networkx")
    nodes, directed = list(graph), graph.is_directed()
    rows = list(graph._adj.values())
    degree = np.fromiter(map(len, rows), dtype=np.int64, count=len(nodes))
    ends: Any = chain.from_iterable(rows)
    if nodes != list(range(len(nodes))):
        ends = map({node: v for v, node in enumerate(nodes)}.__getitem__, ends)
    heads = np.fromiter(ends, dtype=np.int64, count=int(degree.sum()))
    tails = np.repeat(np.arange(len(nodes)), degree)
    data: Iterator[Any] = chain.from_iterable(row.values() for row in rows)
    if not directed:
        once = tails <= heads  # both ends have the edge
        tails, heads, data = tails[once], heads[once], compress(data, once.tolist())
    attributes: dict[Hashable, list[Any]] = {}
    dicts = None
    if preserve_edge_attrs:
        dicts = [dict(d) for d in data]
    elif edge_attrs:
        found = list(data)
        for key, default in edge_attrs.items():
            attributes[key] = [d.get(key, default) for d in found]
    node_data = None
    if preserve_node_attrs:
        node_data = [dict(d) for d in graph._node.values()]
    elif node_attrs:
        node_data = [
            {key: d.get(key, default) for key, default in node_attrs.items()}
            for d in graph._node.values()
        ]
    return BackendGraph(
        nodes,
        tails,
        heads,
        directed=directed,
        attributes=attributes,
        data=dicts,
        node_data=node_data,
        graph=dict(graph.graph) if preserve_graph_attrs else None,
    )


def convert_to_nx(result: Any, *, name: str | None = None) -> Any:
    """Return a graph of the backend as one of networkx, and everything else as it is.

    Parameters
    ----------
    result : object
        What a function of the backend returned.
    name : str, optional
        Which function.

    Returns
    -------
    object
    """
    if not isinstance(result, BackendGraph):
        return result
    graph = nx.DiGraph() if result.directed else nx.Graph()
    graph.graph.update(result.graph)
    for k, node in enumerate(result.nodes):
        graph.add_node(node)
        if result._node_data is not None:
            graph.nodes[node].update(result._node_data[k])
    names = result.nodes
    ends = zip(result.tails.tolist(), result.heads.tolist(), strict=True)
    for k, (v, u) in enumerate(ends):
        values = {key: values[k] for key, values in result._attributes.items()}
        values |= result._data[k] if result._data is not None else {}
        graph.add_edge(names[v], names[u])
        graph[names[v]][names[u]].update(values)
    return graph
