"""Set functions as graph cuts: arcs, unary terms and auxiliary nodes, for maximum-flow solvers.

A function is cut-representable if it is the cut function of a graph, minimized over auxiliary
nodes. `CutForm` stores such a graph as plain arrays. Restrictions, contractions, complements and
sums are computed on these arrays, so that only the families need a construction of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from subopt._base.types import Array
from subopt.functions._sparse import sums


@dataclass(frozen=True, eq=False)
class CutForm:
    """A set function as the minimum cut of a graph over sets A of auxiliary nodes.

    With X = S ∪ A, a subset of the n + n_aux nodes,

        F(S) = offset + min_A [sum of unary over X + sum of capacities over arcs from X to not X
                               + sum of reverse over arcs from not X to X].

    `SetFunction.as_cut` returns such a form. Array attributes are not to be modified.

    Attributes
    ----------
    n : int
        Number of elements, which are the nodes 0, ..., n - 1.
    n_aux : int
        Number of auxiliary nodes, which are the nodes n, ..., n + n_aux - 1.
    tails : ndarray of intp, shape (m,)
        Tail of each arc. Parallel arcs are allowed.
    heads : ndarray of intp, shape (m,)
        Head of each arc.
    capacities : ndarray of float64, shape (m,)
        Nonnegative capacity from tail to head.
    reverse : ndarray of float64, shape (m,)
        Nonnegative capacity from head to tail.
    unary : ndarray of float64, shape (n + n_aux,)
        Cost of each node in X, of any sign.
    offset : float
        Constant, chosen such that F(∅) = 0.

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
        """Evaluate the cut of a set of nodes, without minimizing over auxiliary nodes; O(m).

        Parameters
        ----------
        mask : array_like of bool, shape (n + n_aux,)
            The set X of elements and auxiliary nodes.

        Returns
        -------
        float
            The offset, the unary costs of X, and the capacities of the arcs that X cuts.
        """
        mask = np.asarray(mask, dtype=np.bool_)
        inside = mask[self.tails], mask[self.heads]
        total = self.capacities[inside[0] & ~inside[1]].sum() + self.unary[mask].sum()
        return float(self.offset + total + self.reverse[inside[1] & ~inside[0]].sum())

    def value(self, mask: Array) -> float:
        """Evaluate F at a set by trying all sets of auxiliary nodes; for tests.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S of elements.

        Returns
        -------
        float
            F(S), the smallest of ``2 ** n_aux`` cuts.
        """
        best = np.inf
        for k in range(2**self.n_aux):
            chosen = (k >> np.arange(self.n_aux)) & 1 == 1
            best = min(best, self.cut(np.concatenate([np.asarray(mask, np.bool_), chosen])))
        return best

    def bound(self, flow: Array) -> float:
        """Return a lower bound on all values of F, from a flow within the capacities; O(n + m).

        Let x be `outflow` of the flow. For every set X of nodes, the cut of X is at least
        offset + x(X), which is at least offset plus the sum of the negative entries of x.

        Parameters
        ----------
        flow : ndarray of float64, shape (m,)
            Flow from tail to head, negative if it runs from head to tail. Not checked against the
            capacities.

        Returns
        -------
        float
            The lower bound. It equals min F if the flow is a maximum flow.
        """
        return float(self.offset + np.minimum(self.outflow(flow), 0.0).sum())

    def outflow(self, flow: Array) -> Array:
        """Return the unary cost of each node plus its net outflow; O(n + m).

        Parameters
        ----------
        flow : ndarray of float64, shape (m,)
            Flow from tail to head, negative if it runs from head to tail.

        Returns
        -------
        ndarray of float64, shape (n + n_aux,)
            One number per node.
        """
        nodes = self.n + self.n_aux
        return self.unary + (sums(self.tails, flow, nodes) - sums(self.heads, flow, nodes))

    def shift(self, amount: float) -> CutForm:
        """Return the form of F plus a constant.

        Parameters
        ----------
        amount : float
            The constant.

        Returns
        -------
        CutForm
            The same graph with another offset.
        """
        return replace(self, offset=self.offset + amount)

    def flip(self) -> CutForm:
        """Return the form of S -> F(V - S).

        Returns
        -------
        CutForm
            The graph with capacities and reverse capacities exchanged and unary costs negated.
        """
        return replace(
            self,
            capacities=self.reverse,
            reverse=self.capacities,
            unary=-self.unary,
            offset=self.offset + float(self.unary.sum()),
        )

    def fix(self, inside: Array, outside: Array) -> CutForm:
        """Return the form of F with some elements fixed inside or outside the set.

        Parameters
        ----------
        inside, outside : ndarray of bool, shape (n,)
            Disjoint sets of elements that are fixed.

        Returns
        -------
        CutForm
            The form of T -> F(inside ∪ T) on the other elements, in their order. Its offset is not
            shifted: see `shift`.
        """
        aux = np.zeros(self.n_aux, dtype=np.bool_)
        in_, out = np.concatenate([inside, aux]), np.concatenate([outside, aux])
        free = ~(in_ | out)
        unary, offset = self.unary.copy(), self.offset + self.unary[in_].sum()
        for tails, heads, amounts in (
            (self.tails, self.heads, self.capacities),
            (self.heads, self.tails, self.reverse),
        ):
            # an arc to a node fixed outside is cut if its tail is inside; an arc from a node fixed
            # inside is cut unless its head is inside
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
        """Return the nonnegative combination of forms on the same elements.

        Parameters
        ----------
        n : int
            Number of elements of every form.
        terms : list of (float, CutForm)
            Nonnegative factors and forms.

        Returns
        -------
        CutForm
            The union of the graphs. Auxiliary nodes of different forms stay separate.
        """
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
    """Return the positions in 1..m - 1 where the slope of a concave table drops, and the drops.

    A drop counts if it exceeds the rounding error of the three values that it is computed from.
    """
    drops = 2 * table[1:-1] - table[:-2] - table[2:]
    size = 2 * np.abs(table[1:-1]) + np.abs(table[:-2]) + np.abs(table[2:])
    where = np.flatnonzero(drops > 4 * np.finfo(np.float64).eps * size)
    return where + 1, drops[where]


def concave_cut_form(n: int, groups: list[tuple[Array, Array, Array]]) -> CutForm:
    """Return the form of sum_e w_e table(|S ∩ e|) for concave tables with table[0] = 0.

    A concave table over 0..m is a linear function of k plus, for each b = 1, ..., m - 1, the drop
    of its slope at b times min(k, b). One auxiliary node represents min(k, b): cutting the node
    costs b, and otherwise each of the k members in S costs 1. The identity
    min(k, b) = k - (m - b) + min(m - k, m - b) gives a second form, in which the members outside S
    cost 1. The form with the smaller of b and m - b is used, so that symmetric tables give
    symmetric graphs. Nothing is divided, so that integral functions give integral graphs.

    Parameters
    ----------
    n : int
        Number of elements.
    groups : list of (members, table, weights)
        One entry per size m of the edges: the elements of each edge (edges, m), the table (m + 1,)
        and the weights w (edges,).

    Returns
    -------
    CutForm
        With one auxiliary node per edge and drop of the slope, and m arcs per auxiliary node.
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
