"""A naive twin of PyMaxflow: single arcs in a dictionary, and augmenting paths found one by one.

Grids become loops of single edges, so it says what the calls mean. Only what programs in
`flow_programs` need.
"""

import itertools
from collections import deque
from fractions import Fraction

import networkx as nx
import numpy as np


class NaiveGraph:
    kind = int

    def __init__(self):
        self.n, self.edges, self.value = 0, 0, Fraction(0)
        self.capacity, self.excess, self.segments = {}, {}, {}

    def reset(self):
        self.__init__()

    def get_node_count(self):
        return self.n

    def get_edge_count(self):
        return 2 * self.edges

    def add_nodes(self, count):
        return self.add_grid_nodes((count,))

    def add_grid_nodes(self, shape):
        first, self.n = self.n, self.n + int(np.prod(shape))
        return np.arange(first, self.n).reshape(shape)

    def add_edge(self, i, j, capacity, reverse):
        if i != j and -1 not in (i, j):
            self.edges += 1
            for arc, c in (((i, j), capacity), ((j, i), reverse)):
                self.capacity[arc] = self.capacity.get(arc, 0) + _exact(c)

    def add_edges(self, i, j, capacity, reverse):
        for row in zip(i.tolist(), j.tolist(), capacity, reverse, strict=True):
            self.add_edge(*row)

    def add_tedge(self, i, source, sink):
        if i == -1:
            return
        source, sink, excess = _exact(source), _exact(sink), self.excess.get(i, 0)
        source, sink = source + max(excess, 0), sink + max(-excess, 0)
        self.value += min(source, sink)
        self.excess[i] = source - sink

    def add_grid_tedges(self, nodes, source, sink):
        parts = (np.broadcast_to(part, nodes.shape).ravel() for part in (nodes, source, sink))
        for row in zip(*parts, strict=True):
            self.add_tedge(*row)

    def add_grid_edges(self, nodes, weights, structure, symmetric=False, periodic=False):
        d, weights = nodes.ndim, np.broadcast_to(weights, nodes.shape)
        if structure is None:
            structure = np.zeros((3,) * d)
            for axis in range(d):
                for step in (2,) if symmetric else (0, 2):
                    structure[(1,) * axis + (step,) + (1,) * (d - axis - 1)] = 1
        structure = np.asarray(structure)
        structure = structure.reshape((1,) * (d - structure.ndim) + structure.shape)
        wraps = np.broadcast_to(periodic, d)
        for place in np.ndindex(nodes.shape):
            for entry in np.argwhere(structure):
                offset = entry - np.array(structure.shape) // 2
                there = np.add(place, offset)
                there = np.where(wraps, there % nodes.shape, there)
                if not offset.any() or (there < 0).any() or (there >= nodes.shape).any():
                    continue
                c = weights[place] * structure[tuple(entry)]
                self.add_edge(int(nodes[place]), int(nodes[tuple(there)]), c, c if symmetric else 0)

    def maxflow(self, reuse_trees=False):
        while True:
            path = self._path()
            if path is None:
                break
            arcs = list(itertools.pairwise(path))
            ends = self.excess[path[0]], -self.excess[path[-1]]
            amount = min(*ends, *(self.capacity[arc] for arc in arcs))
            for i, j in arcs:
                self.capacity[i, j] -= amount
                self.capacity[j, i] += amount
            self.excess[path[0]] -= amount
            self.excess[path[-1]] += amount
            self.value += amount
        reach = self._from({v for v, e in self.excess.items() if e < 0}, back=True)
        self.segments = {v: int(v in reach) for v in range(self.n)}
        return float(self.value) if self.kind is float else int(self.value)

    def _neighbors(self, back):
        near = {}
        for (i, j), c in self.capacity.items():
            if c > 0:
                near.setdefault(j if back else i, []).append(i if back else j)
        return near

    def _from(self, starts, back=False):
        near, seen, todo = self._neighbors(back), dict.fromkeys(starts), deque(starts)
        while todo:
            v = todo.popleft()
            for u in near.get(v, ()):
                if u not in seen:
                    seen[u] = v
                    todo.append(u)
        return seen

    def _path(self):
        seen = self._from({v for v, e in self.excess.items() if e > 0})
        end = next((v for v in seen if self.excess.get(v, 0) < 0), None)
        path = []
        while end is not None:
            path.append(end)
            end = seen[end]
        return path[::-1] or None

    def get_segment(self, i):
        return self.segments.get(i, 0)

    def get_grid_segments(self, nodes):
        return np.vectorize(lambda i: bool(self.get_segment(int(i))), otypes=[bool])(nodes)

    def get_nx_graph(self):
        graph = nx.DiGraph()
        graph.add_nodes_from((i, {"segment": self.get_segment(i)}) for i in range(self.n))
        arcs = [(i, j, c) for (i, j), c in self.capacity.items()]
        arcs += [("s", i, max(e, 0)) for i, e in self.excess.items()]
        arcs += [(i, "t", max(-e, 0)) for i, e in self.excess.items()]
        graph.add_weighted_edges_from((i, j, self.kind(c)) for i, j, c in arcs if c)
        return graph

    def mark_grid_nodes(self, nodes):
        pass

    def copy(self):
        other = type(self)()
        for name, value in vars(self).items():
            setattr(other, name, dict(value) if isinstance(value, dict) else value)
        return other


class NaiveFloatGraph(NaiveGraph):
    kind = float


Graph = {int: NaiveGraph, float: NaiveFloatGraph}


def _exact(c):
    return Fraction(float(c))
