"""Set functions as cuts: arcs, unary terms and auxiliary nodes, for a maximum-flow solver.

A function is cut-representable if it is the cut function of a graph after minimizing over some
extra nodes. `CutForm` is such a graph as plain arrays; fixing elements, complementing and adding
are operations on it, so combinations need no gadgets of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from subopt._base.types import Array
from subopt.functions._sparse import sums


@dataclass(frozen=True, eq=False)
class CutForm:
    """F(S) as a minimum over sets A of auxiliary nodes of a cut of S ∪ A.

    With X = S ∪ A, a subset of the n + n_aux nodes,

        F(S) = offset + min_A [sum of unary over X + sum of capacities over arcs from X to not X
                               + sum of reverse over arcs from not X to X].

    Attributes
    ----------
    n, n_aux : int
        Number of elements and of auxiliary nodes; nodes n, ..., n + n_aux - 1 are auxiliary.
    tails, heads : ndarray of intp, shape (m,)
        Ends of the arcs. Parallel arcs are allowed.
    capacities, reverse : ndarray of float64, shape (m,)
        Nonnegative, from tail to head and from head to tail.
    unary : ndarray of float64, shape (n + n_aux,)
        Of any sign.
    offset : float
        Such that F(∅) = 0.

    Examples
    --------
    >>> form = Coverage([[1, 1], [0, 1]]).as_cut()
    >>> form.n, form.n_aux, form.value([True, False])
    (2, 2, 2.0)
    """

    n: int
    n_aux: int
    tails: Array
    heads: Array
    capacities: Array
    reverse: Array
    unary: Array
    offset: float = 0.0

    def cut(self, mask: Array) -> float:
        """Evaluate the cut of a set of nodes, given as a boolean mask (n + n_aux,)."""
        mask = np.asarray(mask, dtype=np.bool_)
        inside = mask[self.tails], mask[self.heads]
        total = self.capacities[inside[0] & ~inside[1]].sum() + self.unary[mask].sum()
        return float(self.offset + total + self.reverse[inside[1] & ~inside[0]].sum())

    def value(self, mask: Array) -> float:
        """Evaluate F at a set by trying all sets of auxiliary nodes: for tests, 2^n_aux cuts."""
        best = np.inf
        for k in range(2**self.n_aux):
            chosen = (k >> np.arange(self.n_aux)) & 1 == 1
            best = min(best, self.cut(np.concatenate([np.asarray(mask, np.bool_), chosen])))
        return best

    def bound(self, flow: Array) -> float:
        """Return a lower bound on all values, from a flow (m,) within the capacities.

        With x = unary + outflow, x(X) is at most the cut of X, and at least the sum of the negative
        entries of x.
        """
        return float(self.offset + np.minimum(self.outflow(flow), 0.0).sum())

    def outflow(self, flow: Array) -> Array:
        """Return the unary term of each node plus what flows out of it."""
        nodes = self.n + self.n_aux
        return self.unary + (sums(self.tails, flow, nodes) - sums(self.heads, flow, nodes))

    def shift(self, amount: float) -> CutForm:
        """Add a constant."""
        return replace(self, offset=self.offset + amount)

    def flip(self) -> CutForm:
        """Return the form of S -> F(V - S): every node changes sides."""
        return replace(
            self,
            capacities=self.reverse,
            reverse=self.capacities,
            unary=-self.unary,
            offset=self.offset + float(self.unary.sum()),
        )

    def fix(self, inside: Array, outside: Array) -> CutForm:
        """Fix elements in or out, and keep the others in their order.

        Parameters
        ----------
        inside, outside : ndarray of bool, shape (n,)
            Disjoint sets of elements.
        """
        aux = np.zeros(self.n_aux, dtype=np.bool_)
        in_, out = np.concatenate([inside, aux]), np.concatenate([outside, aux])
        free = ~(in_ | out)
        unary, offset = self.unary.copy(), self.offset + self.unary[in_].sum()
        for tails, heads, amounts in (
            (self.tails, self.heads, self.capacities),
            (self.heads, self.tails, self.reverse),
        ):
            # an arc to a node that is out is paid whenever its tail is in; an arc from a node that
            # is in is paid unless its head is in
            to_out, from_in = free[tails] & out[heads], in_[tails] & free[heads]
            np.add.at(unary, tails[to_out], amounts[to_out])
            np.subtract.at(unary, heads[from_in], amounts[from_in])
            offset += amounts[from_in | (in_[tails] & out[heads])].sum()
        number = np.cumsum(free) - 1
        inner = free[self.tails] & free[self.heads]
        return CutForm(
            int(free[: self.n].sum()),
            self.n_aux,
            number[self.tails[inner]],
            number[self.heads[inner]],
            self.capacities[inner],
            self.reverse[inner],
            unary[free],
            float(offset),
        )

    @staticmethod
    def sum(n: int, terms: list[tuple[float, CutForm]]) -> CutForm:
        """Return the nonnegative combination of forms on the same n elements."""
        unary, offset, n_aux, auxiliary = np.zeros(n), 0.0, 0, []
        arcs: list[tuple[Array, ...]] = []
        for scale, form in terms:
            unary += scale * form.unary[:n]
            offset += scale * form.offset
            if not (form.n_aux or len(form.tails)):
                continue
            tails, heads = form.tails, form.heads
            if n_aux and form.n_aux:
                tails, heads = (ends + n_aux * (ends >= n) for ends in (tails, heads))
            arcs.append((tails, heads, scale * form.capacities, scale * form.reverse))
            auxiliary.append(scale * form.unary[n:])
            n_aux += form.n_aux
        unary = np.concatenate([unary, *auxiliary])
        return CutForm(n, n_aux, *_joined(arcs), unary, offset)


def _joined(arcs: list[tuple[Array, ...]]) -> tuple[Array, Array, Array, Array]:
    """Return tails, heads, capacities and reverse capacities of all arcs."""
    none = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0)
    if len(arcs) == 1:
        tails, heads, capacities, reverse = arcs[0]
    else:
        tails, heads, capacities, reverse = map(np.concatenate, zip(none, *arcs, strict=True))
    return tails, heads, capacities, reverse


def bends(table: Array) -> tuple[Array, Array]:
    """Return where the slope of a concave table drops, in 1..m - 1, and by how much.

    A drop counts if it exceeds what rounding the three values next to it can make.
    """
    drops = 2 * table[1:-1] - table[:-2] - table[2:]
    size = 2 * np.abs(table[1:-1]) + np.abs(table[:-2]) + np.abs(table[2:])
    where = np.flatnonzero(drops > 4 * np.finfo(np.float64).eps * size)
    return where + 1, drops[where]


def concave_cut_form(n: int, groups: list[tuple[Array, Array, Array]]) -> CutForm:
    """Return the form of sum_e w_e table(|S ∩ e|) for concave tables with table[0] = 0.

    A concave table over 0..m is linear plus the drops of its slope times min(k, b), one for each
    b = 1, ..., m - 1. With an auxiliary node, min(k, b) pays b for the node or 1 for each of the k
    members; k - (m - b) + min(m - k, m - b) is the same number, and pays for the members that are
    not in S. The smaller of b and m - b is used, so that a table that is symmetric makes a graph
    that is. No number is divided, so that an integral function has an integral graph.

    Parameters
    ----------
    n : int
        Number of elements.
    groups : list of (members, table, weights)
        For edges e of one size m: their elements (edges, m), the table (m + 1,), w (edges,).
    """
    arcs: list[tuple[Array, ...]] = []
    unary, auxiliary, n_aux = np.zeros(n), [np.zeros(0)], 0
    for members, table, weights in groups:
        edges, m = members.shape
        if m == 0:
            continue
        slope = table[m] - table[m - 1]
        for b, drop in zip(*bends(table), strict=True):
            amounts = np.repeat(weights * drop, m)
            nodes = np.repeat(np.arange(n + n_aux, n + n_aux + edges), m)
            if 2 * b <= m:
                arcs.append((members.ravel(), nodes, amounts, np.zeros_like(amounts)))
                auxiliary.append(b * drop * weights)
            else:
                arcs.append((members.ravel(), nodes, np.zeros_like(amounts), amounts))
                auxiliary.append((b - m) * drop * weights)
                slope += drop
            n_aux += edges
        np.add.at(unary, members, (weights * slope)[:, None])
    return CutForm(n, n_aux, *_joined(arcs), np.concatenate([unary, *auxiliary]))
