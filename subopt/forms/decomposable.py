"""Set functions as sums of simple functions: cuts of paths, and concave functions of a count.

Projecting onto the base polytope of a path takes linear time, and onto that of a concave function
of a count the time of a sort. The solver `decomposed` uses these projections, and its certificate
tests membership in the same polytopes. The edges of a graph are divided into paths that continue
straight ahead where possible, so that a grid is divided into its rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from subopt._base.jit import njit
from subopt._base.types import Array
from subopt.functions._sparse import row_of
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cardinality import Cardinality
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.hypergraph_cut import HypergraphCut
from subopt.functions.modular import Modular


class Parts(NamedTuple):
    """The arrays of `Summands`, as kernels take them."""

    indptr: Array  # (parts + 1,) int64
    elements: Array  # (size,) int64
    first: Array  # (size,) float64: capacities to the next member, or slopes
    second: Array  # (size,) float64: capacities from the next member
    is_path: Array  # (parts,) bool


@dataclass(frozen=True, eq=False)
class Summands:
    """F(S) = unary(S) + sum over parts of a function of S ∩ part.

    Part p has the members ``elements[indptr[p]:indptr[p + 1]]``. There are two kinds of parts. On a
    path, member k costs ``first[k]`` if it is in S and member k + 1 is not, and ``second[k]`` if
    member k + 1 is in S and member k is not. The function of any other part depends on the number
    of members in S only: k members cost the sum of the first k entries of ``first``, which are in
    descending order.

    Attributes
    ----------
    n : int
        Number of elements.
    unary : ndarray of float64, shape (n,)
        Cost of each element, of any sign.
    indptr, elements : ndarray of int64, shapes (parts + 1,) and (size,)
        Members of each part. They are distinct, and a path has at least two.
    first, second : ndarray of float64, shape (size,)
        Costs as described above. Unused entries are 0: the last one of each path, and `second` of
        the other parts.
    is_path : ndarray of bool, shape (parts,)
        Kind of each part.
    """

    n: int
    unary: Array
    indptr: Array
    elements: Array
    first: Array
    second: Array
    is_path: Array

    @property
    def arrays(self) -> Parts:
        """The fields that kernels take: all from `indptr` on."""
        return Parts(self.indptr, self.elements, self.first, self.second, self.is_path)

    @property
    def largest(self) -> int:
        """Number of members of the largest part."""
        return int(np.diff(self.indptr).max(initial=0))

    def bound(self, shares: Array) -> tuple[Array, float]:
        """Return x (n,) and a number d such that x(S) - d <= F(S) for all sets S.

        Parameters
        ----------
        shares : ndarray of float64, shape (size,)
            One vector per part, with one entry per member; x is their sum plus `unary`. If each
            vector is in the base polytope of its part, d is 0. On paths, a vector corresponds to a
            flow, and flow beyond the capacities is removed.

        Returns
        -------
        tuple of ndarray of float64, shape (n,), and float
            x and d.
        """
        x, work = self.unary.copy(), np.empty(self.largest)
        excess = _bound(self.arrays, shares, x, work)
        return x, float(excess)


_SIMPLE = Cut | HypergraphCut | Coverage | Cardinality


def is_sum_of_simple(F: SetFunction) -> bool:
    """Return whether `summands` accepts F."""
    return F.n == 0 or all(isinstance(term, Modular | _SIMPLE) for _, term in terms_of(F))


def summands(F: SetFunction) -> Summands:
    """Divide a set function into paths and concave functions of a count.

    Parameters
    ----------
    F : SetFunction
        A nonnegative combination of `Modular`, `Cut`, `HypergraphCut`, `Coverage` and `Cardinality`
        functions.

    Returns
    -------
    Summands
        The parts.

    Raises
    ------
    TypeError
        If a term is none of these.
    """
    unary = np.zeros(F.n)
    none = np.zeros(0, dtype=np.int64)
    sizes, elements, firsts, seconds, kinds = [none], [none], [np.zeros(0)], [np.zeros(0)], []
    for scale, term in terms_of(F) if F.n else ():
        if isinstance(term, Modular):
            unary += scale * term.weights
            continue
        if not isinstance(term, _SIMPLE):
            raise TypeError(
                "decomposed needs a sum of Modular, Cut, HypergraphCut, Coverage and Cardinality "
                f"functions, got {term!r}. Use method='auto', which picks what fits."
            )
        size, members, first, second = _paths(term) if isinstance(term, Cut) else _sized(term)
        sizes.append(size)
        elements.append(members)
        firsts.append(scale * first)
        seconds.append(scale * second)
        kinds.append(np.full(len(size), isinstance(term, Cut)))
    return Summands(
        F.n,
        unary,
        np.concatenate([none, [0], np.cumsum(np.concatenate(sizes))]),
        np.concatenate(elements),
        np.concatenate(firsts),
        np.concatenate(seconds),
        np.concatenate([np.zeros(0, dtype=np.bool_), *kinds]),
    )


def _paths(F: Cut) -> tuple[Array, Array, Array, Array]:
    d = F._data
    m = F.n_edges
    if is_chain(d.indptr, d.indices):
        onward, back = np.append(d.forward[::2], 0.0), np.append(d.backward[::2], 0.0)
        return np.array([F.n]), np.arange(F.n), onward, back
    sizes, elements, slots = (np.empty(size, dtype=np.int64) for size in (m, 2 * m + 1, 2 * m + 1))
    count, length = _trails(d.indptr, d.indices, sizes, elements, slots)
    used = slots[:length] >= 0
    first, second = np.zeros(length), np.zeros(length)
    first[used] = d.forward[slots[:length][used]]
    second[used] = d.backward[slots[:length][used]]
    return sizes[:count].copy(), elements[:length].copy(), first, second


def _sized(F: HypergraphCut | Coverage | Cardinality) -> tuple[Array, Array, Array, Array]:
    if isinstance(F, Cardinality):
        slopes = np.diff(F.values)
        return np.array([F.n]), np.arange(F.n), slopes, np.zeros(F.n)
    d: Any = F._data
    order = np.argsort(d.indices, kind="stable")
    sizes = np.bincount(d.indices, minlength=len(d.weights))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    part = d.indices[order]
    if isinstance(F, Coverage):
        slopes = np.where(rank == 0, d.weights[part], 0.0)
    else:
        at = d.starts[part] + rank
        slopes = d.weights[part] * (d.table[at + 1] - d.table[at])
    return sizes, row_of(d.indptr)[order], slopes, np.zeros(len(order))


@njit
def is_chain(indptr, indices):
    """Return whether edges join 0 to 1, 1 to 2, and so on, which needs no search for paths."""
    n = indptr.shape[0] - 1
    if n < 2 or indices.shape[0] != 2 * n - 2:
        return False
    for k in range(n - 1):
        if indptr[k + 1] != 2 * k + 1 or indices[2 * k] != k + 1 or indices[2 * k + 1] != k:
            return False
    return True


@njit
def _trails(indptr, indices, sizes, elements, slots):
    """Divide the edges of a graph into simple paths; return their number and total length.

    indptr (n + 1,) and indices are the neighbors of each node, in rows. Written: ``sizes[p]``, the
    number of elements of path p, and, path after path, `elements` and `slots`.
    ``slots[k]`` is the position in the compressed rows of the edge from ``elements[k]`` to the next
    element of the path, and -1 at the end of a path.
    """
    n = indptr.shape[0] - 1
    used = np.zeros(indices.shape[0], dtype=np.bool_)
    cursor = indptr[:-1].copy()
    seen = np.full(n, -1)  # the last path that a node is on
    count, length, start = 0, 0, 0
    while start < n:
        begin, v, step, straight = length, start, 0, False
        while True:
            elements[length], slots[length] = v, -1
            seen[v] = count
            length += 1
            e = _slot(indptr, indices, v, v + step) if step != 0 else -1
            if e >= 0 and not used[e] and seen[indices[e]] < count:
                straight = True
            elif straight:  # end of a grid row; the column there belongs to another path
                break
            else:
                while cursor[v] < indptr[v + 1] and used[cursor[v]]:
                    cursor[v] += 1
                e = cursor[v]
                if e == indptr[v + 1] or seen[indices[e]] == count:
                    break
            u = indices[e]
            slots[length - 1] = e
            used[e] = used[_slot(indptr, indices, u, v)] = True
            v, step = u, u - v
        if length - begin < 2:  # no unused edge is left at this node
            length, start = begin, start + 1
        else:
            sizes[count] = length - begin
            count += 1
    return count, length


@njit
def _slot(indptr, indices, v, u):
    """Return the position of neighbor u in the compressed row of v, or -1."""
    e = indptr[v] + np.searchsorted(indices[indptr[v] : indptr[v + 1]], u)
    return e if e < indptr[v + 1] and indices[e] == u else -1


@njit
def _bound(parts, shares, x, work):
    """Add the bases of all parts that `shares` describe to x; return by how much they are none.

    parts : Parts
    shares : (length,) float64
        What each part gives to each of its elements.
    x : (n,) float64
        The base of the sum.
    work : (largest size,) float64
        Workspace.

    Flows on paths are clipped to their capacities. Functions of a size keep their shares; their
    largest violations of x(S) <= F(S) are added up, to be subtracted from the bound.
    """
    elements, first, second = parts.elements, parts.first, parts.second
    excess = 0.0
    for p in range(parts.is_path.shape[0]):
        a, b = parts.indptr[p], parts.indptr[p + 1]
        if parts.is_path[p]:
            flow, before = 0.0, 0.0
            for k in range(a, b):
                flow = min(max(before + shares[k], -second[k]), first[k])
                x[elements[k]] += flow - before
                before = flow
            continue
        work[: b - a] = shares[a:b]
        work[: b - a].sort()
        reached, paid, over = 0.0, 0.0, 0.0
        for k in range(a, b):
            x[elements[k]] += shares[k]
            reached += work[b - 1 - k]
            paid += first[k]
            over = max(over, reached - paid)
        excess += over
    return excess
