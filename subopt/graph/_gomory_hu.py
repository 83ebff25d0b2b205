"""Gomory-Hu trees: minimum cuts between all pairs of nodes by n - 1 maximum flows.

Gusfield's algorithm [2]_ does not contract nodes: every flow is a flow in the whole graph, on
arrays that are set up once and reset before each flow.

References
----------
.. [1] R. E. Gomory, T. C. Hu, "Multi-terminal network flows", Journal of SIAM 9(4), 1961.
.. [2] D. Gusfield, "Very simple methods for all pairs network flow analysis", SIAM Journal on
   Computing 19(1), 1990.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from subopt._base.answer import CertificateError, freeze
from subopt._base.interchange import to_numpy
from subopt._base.options import Deadline
from subopt._base.types import Array, ArrayLike
from subopt.graph._input import Graph, bounded, graph
from subopt.graph._max_flow import cut_value, max_flow
from subopt.graph._search import Search
from subopt.graph.augment import PATIENCE, reach, spreads
from subopt.graph.network import TWIN, link, workspace


class GomoryHuTree:
    """A tree in which minimum cuts between any two nodes can be read off.

    The minimum cut between u and v is the edge of least value on the path from u to v; taking it
    out of the tree leaves the two sides of the cut.

    Parameters
    ----------
    parents : ndarray of int, shape (n,)
        Parent of each node; -1 for the root, which is node 0.
    values : ndarray, shape (n,)
        Capacity of the minimum cut between a node and its parent; 0 for the root. Int64 if all
        capacities are ints, else float64.

    Examples
    --------
    >>> from subopt import gomory_hu_tree
    >>> tree = gomory_hu_tree([0, 0, 1, 2], [1, 2, 2, 3], [3, 1, 2, 4])
    >>> tree.value(0, 3), tree.source_side(0, 3)
    (3, array([ True,  True, False, False]))
    >>> tree.all_values()
    array([[0, 4, 3, 3],
           [4, 0, 3, 3],
           [3, 3, 0, 4],
           [3, 3, 4, 0]])
    """

    def __init__(self, parents: Array, values: Array) -> None:
        self.parents, self.values = parents, values
        freeze(parents, values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parents)} nodes)"

    def value(self, u: int, v: int) -> Any:
        """Return the capacity of a minimum cut between two nodes, in time O(n).

        Parameters
        ----------
        u, v : int
            Different nodes.

        Returns
        -------
        int or float
            The capacity, an int if all capacities are.
        """
        return self.values[self._lowest(u, v)[0]].item()

    def source_side(self, u: int, v: int) -> Array:
        """Return a minimum cut between two nodes as the side of u, in time O(n).

        Parameters
        ----------
        u, v : int
            Different nodes.

        Returns
        -------
        ndarray of bool, shape (n,)
            Which nodes are on the side of u.
        """
        lowest, below = self._lowest(u, v)
        side = self._below(lowest)
        return side if below else ~side

    def all_values(self) -> Array:
        """Return the capacities of minimum cuts between all pairs of nodes, in time O(n^2).

        Returns
        -------
        ndarray, shape (n, n)
            0 on the diagonal.
        """
        n = len(self.parents)
        result = np.zeros((n, n), dtype=self.values.dtype)
        order = self._from_the_root()
        for k in range(1, n):
            v, seen = order[k], order[:k]
            p = self.parents[v]
            least = np.minimum(result[p, seen], self.values[v])
            least[seen == p] = self.values[v]
            result[v, seen] = result[seen, v] = least
        return result

    def check(self, tails: ArrayLike, heads: ArrayLike, capacity: ArrayLike) -> float:
        """Recompute every cut of the tree, and prove it minimum by another maximum flow.

        This proves the tree: a cut between u and v costs at least the smallest of the minimum cuts
        along their path.

        Parameters
        ----------
        tails, heads, capacity
            The graph, as it was given to `gomory_hu_tree`.

        Returns
        -------
        float
            The largest amount by which a cut of the tree may exceed a minimum cut: 0 up to
            rounding.

        Raises
        ------
        CertificateError
            If a value is not the capacity of its cut, or if the arrays do not describe a tree of
            the nodes.
        """
        n = len(self.parents)
        if len(self.values) != n or len(self._from_the_root()) != n:
            raise CertificateError(f"parents needs a tree of {n} nodes with the root 0")
        if n == 0:
            return 0.0
        both = (tails, heads, capacity, capacity)
        g = graph(*both, np.zeros(n, dtype=np.int64), {}, n)
        worst = 0.0
        for v in range(1, n):
            side, value = self._below(v), self.values[v].item()
            ends: dict[str, Any] = {
                "source_capacity": {v: np.inf},
                "sink_capacity": {int(self.parents[v]): np.inf},
            }
            cut = g.cut(side)
            if not (value == cut or abs(value - cut) <= 1e-9 * cut):
                raise CertificateError(
                    f"values[{v}] is {value}, but the cut around it weighs {cut}"
                )
            if cut < np.inf:
                flow = max_flow(*both, **ends, n=n)
                worst = max(worst, cut - flow.value + flow.check(*both, **ends, n=n))
        return float(worst)

    def _from_the_root(self) -> Array:
        """Return the nodes that the root reaches, every node after its parent."""
        n = len(self.parents)
        children: list[list[int]] = [[] for _ in range(n)]
        for v in range(1, n):
            children[self.parents[v]].append(v)
        order = [0] if n else []
        for v in order:  # grows
            order.extend(children[v])
        return np.array(order, dtype=np.int64)

    def _path(self, v: int) -> list[int]:
        """Return the nodes from v to the root."""
        path = [int(v)]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return path

    def _lowest(self, u: int, v: int) -> tuple[int, bool]:
        """Return the lower end of the least edge between u and v, and whether it is above u."""
        n = len(self.parents)
        for name, node in (("u", u), ("v", v)):
            if isinstance(node, bool) or not isinstance(node, int | np.integer):
                raise TypeError(f"{name} needs to be a node in 0..{n - 1}, got {node!r}")
            if not 0 <= node < n:
                raise ValueError(f"{name} needs to be a node in 0..{n - 1}, got {node!r}")
        if u == v:
            raise ValueError(f"A cut needs two different nodes, got {u!r} twice")
        first, second = self._path(u), self._path(v)
        while len(first) > 1 and len(second) > 1 and first[-2] == second[-2]:
            first.pop()
            second.pop()
        edges = [(w, True) for w in first[:-1]] + [(w, False) for w in second[:-1]]
        return min(edges, key=lambda edge: self.values[edge[0]])

    def _below(self, v: int) -> Array:
        """Return which nodes are below v in the tree, v included."""
        side = np.zeros(len(self.parents), dtype=np.bool_)
        for u in self._from_the_root():
            side[u] = u == v or (self.parents[u] >= 0 and side[self.parents[u]])
        return side


def gomory_hu_tree(
    tails: ArrayLike, heads: ArrayLike, capacity: ArrayLike, *, n: int | None = None
) -> GomoryHuTree:
    """Find minimum cuts between all pairs of nodes of an undirected graph.

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the edges, in 0..n - 1. Parallel edges and loops are allowed.
    capacity : array_like, shape (m,)
        Capacities >= 0; may be infinite.
    n : int, optional
        Number of nodes; the largest end plus 1 by default.

    Returns
    -------
    GomoryHuTree
        The tree, with node 0 as its root.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or if capacities are ints that add up to 2**61 or more.

    Notes
    -----
    n - 1 maximum flows of the whole graph. Ints are exact.

    References
    ----------
    .. [1] D. Gusfield, "Very simple methods for all pairs network flow analysis", SIAM Journal on
       Computing 19(1), 1990.

    Examples
    --------
    >>> tree = gomory_hu_tree([0, 1, 2], [1, 2, 0], [5, 1, 2])
    >>> tree.parents, tree.values
    (array([-1,  0,  0]), array([0, 6, 3]))
    """
    g = undirected(tails, heads, capacity, n)
    if g.n == 0:
        return GomoryHuTree(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    flows = TerminalFlows(g, "gomory_hu_tree")
    parents = np.zeros(g.n, dtype=np.int64)
    values: list[Any] = [0] * g.n
    nodes = np.arange(g.n)
    for s in range(1, g.n):
        t = int(parents[s])
        cut = flows.between(s, t)
        values[s] = cut.value
        parents[cut.side & (parents == t) & (nodes != s) & (nodes > 0)] = s
        above = int(parents[t])
        if t > 0 and cut.side[above]:
            parents[s], parents[t] = above, s
            values[s], values[t] = values[t], cut.value
    parents[0] = -1
    return GomoryHuTree(parents, np.array(values, dtype=_kind(values, g.whole)))


def _kind(values: list[Any], whole: bool) -> Any:
    return np.int64 if whole and np.inf not in values else np.float64


def undirected(tails: ArrayLike, heads: ArrayLike, capacity: ArrayLike, n: int | None) -> Graph:
    """Check the arguments of an undirected graph; it has no capacities at terminals."""
    if n is None:
        ends = [to_numpy(array) for array in (tails, heads)]
        most = [array.max() for array in ends if array.size and array.dtype.kind in "iu"]
        n = int(max(most, default=-1)) + 1
    return graph(tails, heads, capacity, capacity, {}, {}, n)


class _TerminalCut(NamedTuple):
    value: Any
    side: Array


class TerminalFlows:
    """Minimum cuts between nodes of one graph, which is linked once and reset before each flow.

    Parameters
    ----------
    g : Graph
        Without capacities at terminals.
    name : str
        Name of the calling function, for messages.
    """

    def __init__(self, g: Graph, name: str) -> None:
        self._g = g
        self._parts = forward, backward, *_ = bounded(g, name)
        indptr, _, self._capacity, self._open = link(g.n, g.tails, g.heads, forward, backward)
        self._work = workspace(g.n, self._open.copy(), forward.dtype)
        residual, excess = self._capacity.copy(), np.zeros_like(forward, shape=g.n)
        self._indptr, self._residual, self._excess = indptr, residual, excess
        self._search = Search(g.n, indptr, residual, excess, self._work, Deadline())
        self._patience = 0 if spreads(g.n, indptr, self._work) else PATIENCE

    def between(self, s: int, t: int) -> _TerminalCut:
        """Return the minimum cut between two nodes with the largest side of s."""
        self._residual[:] = self._capacity
        self._work.ends[:] = self._open
        self._excess[:] = 0
        leaving, entering = (slice(self._indptr[v], self._indptr[v + 1]) for v in (s, t))
        twins = ((self._open[entering] >> TWIN) & np.uint64(2**32 - 1)).astype(np.int64)
        # more than what can pass
        self._excess[s] = 2 * self._capacity[leaving].sum() + 1
        self._excess[t] = -2 * self._capacity[twins].sum() - 1
        self._search.run(self._patience)
        reach(self._g.n, self._indptr, self._excess, self._work, np.int64(-1))
        side = ~self._work.side
        return _TerminalCut(cut_value(self._g, self._parts, side), side)
