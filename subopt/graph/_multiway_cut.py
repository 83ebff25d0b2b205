"""Multiway cuts: the cheapest edges that separate more than two terminals from one another.

With two terminals this is a minimum cut; with more the problem is NP-hard [1]_. Then a minimum cut
isolates each terminal from all others. Every edge of a multiway cut is in at most two such cuts, so
that half of their sum bounds its weight from below, and all of them but the largest weigh at most
``2 - 2 / k`` times the minimum. Then expansion moves are made [2]_: for one terminal at a time, a
minimum cut decides which nodes join its part, until no move lowers the weight.

References
----------
.. [1] E. Dahlhaus, D. S. Johnson, C. H. Papadimitriou, P. D. Seymour, M. Yannakakis, "The
   complexity of multiterminal cuts", SIAM Journal on Computing 23(4), 1994.
.. [2] Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts", IEEE
   TPAMI 23(11), 2001.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base.answer import Answer, CertificateError, ReadOnly, Status, numbers
from subopt._base.types import Array, ArrayLike
from subopt.graph._gomory_hu import undirected
from subopt.graph._input import UNLIMITED, Graph, ends, infinite
from subopt.graph._max_flow import solve
from subopt.graph._recheck import confirm, shaped
from subopt.graph.flow import flow_bound


@dataclass(frozen=True, eq=False, repr=False)
class MultiwayCutCertificate(ReadOnly):
    """One flow per terminal, which bounds what it costs to isolate that terminal.

    Attributes
    ----------
    terminals : tuple of int
    flows : ndarray, shape (k, m), or (1, m) for two terminals
        Flow from ``tails[e]`` to ``heads[e]`` out of each terminal and into the others.
    """

    terminals: tuple[int, ...]
    flows: Array

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.terminals)} terminals)"

    def check(self, problem: Any, answer: Any) -> float:
        """Recompute the weight of the cut and the bound of the flows; return the difference.

        Parameters
        ----------
        problem : tuple
            ``(tails, heads, capacity)``, as they were given to `multiway_cut`.
        answer : MultiwayCut or ndarray of int, shape (n,)
            The answer, or only the terminal of each node.

        Returns
        -------
        float
            Infinite if the cut goes through an infinite capacity.

        Raises
        ------
        CertificateError
            If the labels are no partition that gives every terminal its own label, or if `value` is
            not the weight of the cut.
        """
        labels = answer.labels if isinstance(answer, MultiwayCut) else np.asarray(answer)
        tails, heads, capacity = problem
        g = undirected(tails, heads, capacity, len(labels))
        labels = shaped("labels", labels, (g.n,))
        terminals = numbers("terminals", self.terminals)
        own = np.arange(terminals.size)
        if terminals.ndim != 1 or not np.isin(terminals, np.arange(g.n)).all():
            raise CertificateError(f"A check needs terminals in 0..{g.n - 1}, got {self.terminals}")
        if (labels[terminals.astype(np.intp)] != own).any() or not np.isin(labels, own).all():
            raise CertificateError(
                f"A check needs the label k at terminal k, and labels in 0..{len(own) - 1}"
            )
        weight = _weight(g, labels)
        if isinstance(answer, MultiwayCut):
            confirm(answer.value, weight)
        flows = shaped("flows", self.flows, (_flow_count(len(own)), len(g.tails)))
        if not np.isfinite(flows).all():
            raise CertificateError("A check needs flows that are finite")
        bounds = [
            flow_bound(_isolating(g, self.terminals, k), flow) for k, flow in enumerate(flows)
        ]
        if weight == np.inf:
            return np.inf
        return max(0.0, float(weight - _bound(sum(bounds), len(bounds), g.whole)))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MultiwayCut(Answer):
    """A partition of the nodes that gives every terminal a part of its own.

    Attributes
    ----------
    value : int or float
        Weight of the edges between parts. An int if the capacities are ints.
    lower_bound : int or float
        No multiway cut weighs less.
    status : Status
        OPTIMAL if the bound meets the value, else LOCAL_MINIMUM.
    method : str
        The method that ran.
    certificate : MultiwayCutCertificate
        The flows as evidence for `lower_bound`.
    labels : ndarray of int, shape (n,)
        Part of each node: k for the part of ``terminals[k]``.
    """

    labels: Array
    certificate: MultiwayCutCertificate

    def _contents(self) -> str:
        return f"{len(self.labels)} nodes"

    def check(
        self, problem: Any, heads: ArrayLike | None = None, capacity: ArrayLike | None = None
    ) -> float:
        """Recompute the weight of the cut and the bound of the flows; return the difference.

        Parameters
        ----------
        problem, heads, capacity
            The graph, as it was given to `multiway_cut`: ``cut.check(tails, heads, capacity)``, or
            a tuple of the three.

        Returns
        -------
        float
            See `MultiwayCutCertificate.check`.

        Raises
        ------
        CertificateError, ValueError, TypeError
            See `MultiwayCutCertificate.check`.
        """
        if (heads is None) != (capacity is None):
            raise TypeError("check needs tails, heads and capacity, or a tuple of the three")
        return self.certificate.check(
            problem if heads is None else (problem, heads, capacity), self
        )


def multiway_cut(
    tails: ArrayLike,
    heads: ArrayLike,
    capacity: ArrayLike,
    *,
    terminals: Sequence[int],
    n: int | None = None,
) -> MultiwayCut:
    """Separate some nodes of an undirected graph from one another by few edges.

    Parameters
    ----------
    tails, heads : array_like of int, shape (m,)
        Ends of the edges, in 0..n - 1. Parallel edges and loops are allowed.
    capacity : array_like, shape (m,)
        Weights >= 0 of the edges; may be infinite.
    terminals : sequence of int
        At least two nodes, which get the labels 0, 1, ...
    n : int, optional
        Number of nodes; the largest end plus 1 by default.

    Returns
    -------
    MultiwayCut
        Exact for two terminals, with status OPTIMAL. With k of them the weight is at most
        ``2 - 2 / k`` times the minimum; ``lower_bound`` bounds the distance.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or if every cut is infinite.

    Notes
    -----
    k maximum flows for the bound, then one per terminal and round of expansion.

    References
    ----------
    .. [1] E. Dahlhaus et al., "The complexity of multiterminal cuts", SIAM Journal on Computing
       23(4), 1994.

    Examples
    --------
    >>> star = [0, 0, 0], [1, 2, 3], [3, 1, 2]
    >>> cut = multiway_cut(*star, terminals=[1, 2, 3])
    >>> cut.value, cut.labels, cut.gap
    (3, array([0, 0, 1, 2]), 0.0)
    """
    g = undirected(tails, heads, capacity, n)
    chosen = ends("terminals", terminals, g.n, each="terminals").tolist()
    if len(chosen) < 2:
        raise ValueError(f"multiway_cut needs at least two terminals, got {len(chosen)}")
    if len(set(chosen)) < len(chosen):
        twice = next(v for k, v in enumerate(chosen) if v in chosen[:k])
        raise ValueError(f"terminals needs different nodes, but {twice} is there twice")
    k = len(chosen)
    _require_finite(g, chosen)
    cuts = [
        solve(_isolating(g, chosen, j), maximal=False, method="auto") for j in range(_flow_count(k))
    ]
    # smallest sides of minimum cuts around different terminals have no node in common
    largest = max(range(k), key=lambda j: cuts[j].value) if k > 2 else 1
    labels = np.full(g.n, largest)
    for j, cut in enumerate(cuts):
        labels[cut.source_side] = j
    method = "minimum cut"
    if k > 2:
        method = "isolating cuts, expansion"
        labels = _expanded(g, chosen, labels)
    value = _weight(g, labels)
    isolating = [_apart(g, cut.source_side) for cut in cuts]
    bound = _bound(_total(np.concatenate(isolating)), len(cuts), g.whole)
    return MultiwayCut(
        value=value,
        lower_bound=min(bound, value),
        status=Status.OPTIMAL if bound >= value else Status.LOCAL_MINIMUM,
        method=method,
        certificate=MultiwayCutCertificate(tuple(chosen), np.array([c.flow for c in cuts])),
        labels=labels,
    )


def _require_finite(g: Graph, terminals: Sequence[int]) -> None:
    """Raise if edges of infinite capacity connect two terminals."""
    never = infinite(g.forward)
    if not never.any():
        return
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(int(never.sum())), (g.tails[never], g.heads[never])), (g.n, g.n))
    part = connected_components(links, directed=False)[1][list(terminals)]
    for k, own in enumerate(part.tolist()):
        if own in (seen := part[:k].tolist()):
            raise ValueError(
                "multiway_cut needs a finite cut, but edges of infinite capacity connect the "
                f"terminals {terminals[seen.index(own)]} and {terminals[k]}. Give one of them a "
                "finite capacity."
            )


def _flow_count(terminals: int) -> int:
    """Return how many flows bound a multiway cut: one is enough for two terminals."""
    return terminals if terminals > 2 else 1


def _bound(total: Any, cuts: int, whole: bool) -> Any:
    """Return the lower bound that the capacities of isolating cuts give, from their sum."""
    if cuts == 1:
        return total
    return -(-total // 2) if whole else total / 2


def _weight(g: Graph, labels: Array) -> Any:
    """Return the weight of the edges between parts."""
    return _total(_apart(g, labels))


def _apart(g: Graph, labels: Array) -> Array:
    """Return the weights of the edges between parts."""
    weights: Array = g.forward[labels[g.tails] != labels[g.heads]]
    return weights


def _total(weights: Array) -> Any:
    """Return a sum that is rounded once, so that equal sums of other weights are equal."""
    if infinite(weights).any():
        return np.inf
    return weights.sum().item() if weights.dtype.kind == "i" else math.fsum(weights.tolist())


def _isolating(g: Graph, terminals: Sequence[int], k: int) -> Graph:
    """Return the graph with terminal k as the source, and the others as sinks."""
    never = UNLIMITED if g.whole else np.inf
    source, sink = np.zeros_like(g.forward, shape=g.n), np.zeros_like(g.forward, shape=g.n)
    sink[list(terminals)] = never
    source[terminals[k]], sink[terminals[k]] = never, 0
    return g._replace(source=source, sink=sink)


def _expanded(g: Graph, terminals: Sequence[int], labels: Array) -> Array:
    """Let one part after the other grow by the nodes that it is cheapest to give to it."""
    value, failed, k = _weight(g, labels), 0, 0
    while failed < len(terminals):
        trial = _expansion(g, terminals, labels, k)
        weight = _weight(g, trial)
        if weight < value:
            labels, value, failed = trial, weight, 0
        failed += 1
        k = (k + 1) % len(terminals)
    return labels


def _expansion(g: Graph, terminals: Sequence[int], labels: Array, k: int) -> Array:
    """Return the best labels in which some nodes have changed to k.

    On the source's side of the cut are the nodes that change. Edges within a part cost when one end
    changes; others cost unless both ends do: ``w (1 - x_a x_b) = w (1 - x_a) + w x_a (1 - x_b)``.
    """
    same = labels[g.tails] == labels[g.heads]
    never = UNLIMITED if g.whole else np.inf
    rest = ~same & (labels[g.tails] != k) & (labels[g.heads] != k)
    source = np.zeros_like(g.forward, shape=g.n)
    sink = source.copy()
    tail_in, head_in = ~same & (labels[g.tails] == k), ~same & (labels[g.heads] == k)
    apart = np.concatenate([g.tails[rest], g.heads[tail_in], g.tails[head_in]])
    amounts = np.concatenate([g.forward[rest], g.forward[tail_in], g.forward[head_in]])
    unlimited = infinite(amounts)
    np.add.at(source, apart[~unlimited], amounts[~unlimited])
    source[apart[unlimited]] = never
    sink[list(terminals)] = never
    source[labels == k], sink[labels == k] = never, 0
    forward, backward = g.forward.copy(), g.backward.copy()
    forward[~same] = 0
    backward[~same] = 0
    forward[rest] = g.forward[rest]  # costs if the tail changes and the head does not
    grown = g._replace(source=source, sink=sink, forward=forward, backward=backward)
    changed = solve(grown, maximal=False, method="auto").source_side
    return np.where(changed, k, labels)
