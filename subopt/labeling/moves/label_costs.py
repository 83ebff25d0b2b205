"""Moves with label costs: the cut has one more node per label in use.

In a move, nodes take label b or keep theirs. The cost of another label is saved if all nodes with
it take b. The cost of b is paid if no node has it yet and some node takes it:

    h_l [some node with label l stays] = min_y  h_l (1 - y) + sum_k h_l y (1 - x_k),
    h_b [some node takes b]            = min_y  h_b y + sum_k h_b x_k (1 - y),

both submodular, so the best move is a minimum cut (A. Delong, A. Osokin, H. Isack, Y. Boykov, "Fast
approximate energy minimization with label costs", International Journal of Computer Vision 96(1),
2012, section 3).

Most moves need no such cut. Moves to labels in use are made first as if labels cost nothing, which
ignores only savings. Then the flow that is kept for b bounds the change of the energy from below.
Let g_k be the cost of b at node k minus that of its current label, after the flow is subtracted. A
move of the nodes S changes the energy by at least

    sum_{k in S} g_k - sum of h_l over labels that only nodes in S have [+ h_b]
        >= sum_k min(g_k, 0) + sum_l min(sum_{k has l} max(g_k, 0) - h_l, 0) [+ h_b].

Where this bound is not negative, no cut is needed. Otherwise the cut starts from the kept flow. If
the move does not lower the energy, the new flow proves it: the bound is not negative for it.

No single move gives up a label whose nodes are best divided among several others. So when no move
is left, each label in use is taken from its nodes (`WholeMoves.give_up`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves.candidates import price_all, price_labels
from subopt.labeling.moves.workspace import Move, MoveWorkspace, Problem


def pieces(energy: LabelingEnergy, labels: Array) -> tuple[LabelingEnergy, Array]:
    """Return the energy of labelings in which connected nodes with equal labels stay together.

    The second array is the number of the piece of each node.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    p, q, w = energy.tails, energy.heads, energy.weights
    inside = labels[p] == labels[q]
    links = coo_array(
        (np.ones(int(inside.sum()), np.int8), (p[inside], q[inside])), (energy.n,) * 2
    )
    n, piece = connected_components(links, directed=False)
    costs = np.stack([np.bincount(piece, own, n) for own in energy.costs], axis=1)
    equal = np.diagonal(energy.tables, axis1=1, axis2=2)
    if equal.any():
        paid = w[:, None] * equal
        for l in range(energy.n_labels):
            costs[:, l] += np.bincount(piece[p[inside]], paid[inside, l], n)
    apart = piece[p] != piece[q]
    tables = {"tables": energy.tables[apart]} if energy.own else {"metric": energy.tables[0]}
    ends = np.stack([piece[p[apart]], piece[q[apart]]], axis=1)
    whole = LabelingEnergy(
        costs, edges=ends, weights=w[apart], label_costs=energy.label_costs, **tables
    )
    return whole, piece


def _rest(
    energy: LabelingEnergy, labels: Array, inside: Array, l: int, others: Array
) -> tuple[LabelingEnergy, float]:
    """Return the energy of other labels for the nodes of one, and what they cost now."""
    place, T, w = np.cumsum(inside) - 1, energy.tables, energy.weights
    p, q = energy.tails, energy.heads
    costs = energy.costs[:, inside].copy()
    for one, two, seen in ((p, q, T), (q, p, T.swapaxes(1, 2))):
        e = np.flatnonzero(inside[one] & ~inside[two])
        at = e if energy.own else np.zeros(len(e), np.int64)
        paid = w[e, None] * seen[at, :, labels[two[e]]]
        for a in range(energy.n_labels):
            costs[a] += np.bincount(place[one[e]], paid[:, a], costs.shape[1])
    e = np.flatnonzero(inside[p] & inside[q])
    own = T[e] if energy.own else T
    now = float(costs[l].sum() + (w[e] * own[:, l, l]).sum())
    some = own[:, others[:, None], others]
    tables = {"tables": some} if energy.own else {"metric": some[0]}
    ends = np.stack([place[p[e]], place[q[e]]], axis=1)
    return LabelingEnergy(costs[others].T, edges=ends, weights=w[e], **tables), now


class WholeMoves(NamedTuple):
    """An energy with label costs, with the data that moves of the whole graph need."""

    energy: LabelingEnergy
    problem: Problem
    space: MoveWorkspace

    def descend(
        self,
        moves: Array,
        labels: Array,
        plain: Callable[[Array], tuple[bool, int]],
        cycles: int,
        deadline: Deadline,
    ) -> tuple[bool, int]:
        """Make all moves in turn until none lowers E; return whether none does, and the cuts.

        `plain` makes some of the moves on `labels` as if labels cost nothing, where that cannot
        raise E: the labels that are taken have to be in use.
        """
        done, cuts = self._plain(moves, labels, plain)
        value = self.energy.value(labels)
        idle = 0
        prices = helps = None  # of expansions, for the labels as they are
        for step in range(cycles * len(moves)):
            if deadline.passed() or not done:
                break
            only, b = map(int, moves[step % len(moves)])
            free = labels != b if only < 0 else (labels == only) & (labels != b)
            idle += 1
            if only < 0 and prices is None:
                prices = self._all_prices(labels)
                helps = self._helpful(labels, prices)
            if free.any() and (helps is None or helps[b]):
                cuts += 1
                moved = labels.copy()
                cost = self._prices(labels, only, b) if prices is None else prices[:, b]
                moved[self._best_move(labels, free, cost, b, deadline)] = b
                other = self.energy.value(moved)
                if other < value:
                    labels[:], idle, prices, helps = moved, 1, None, None
                    done, more = self._plain(moves, labels, plain)
                    cuts += more
                    value = self.energy.value(labels)
            if done and idle >= len(moves):
                return True, cuts
        return False, cuts

    def give_up(
        self,
        moves: Array,
        labels: Array,
        plain: Callable[[Array], tuple[bool, int]],
        best: Callable[[LabelingEnergy], Array],
        deadline: Deadline,
    ) -> tuple[bool, int]:
        """Give up labels in use where that lowers E; return whether one was, and the cuts.

        The nodes of one label, those of few nodes first, take the best of the others, as if these
        cost nothing more: they are in use. Then plain moves follow. `best` minimizes an energy
        without label costs.
        """
        given_up, cuts, energy = False, 0, self.energy
        count = np.bincount(labels, minlength=energy.n_labels)
        for l in np.argsort(count, kind="stable").tolist():
            inside = labels == l
            others = np.setdiff1d(labels, [l])
            if deadline.passed() or not (energy.label_costs[l] > 0.0 and inside.any()):
                continue
            if not len(others):
                break
            rest, now = _rest(energy, labels, inside, l, others)
            least = rest.least_costs.sum() + (rest.weights * rest.tables.min(axis=(1, 2))).sum()
            if least >= now + energy.label_costs[l]:
                continue
            before = labels.copy()
            labels[inside] = others[best(rest)]
            _, more = self._plain(moves, labels, plain)
            cuts += more
            if energy.is_lower(labels, before):
                given_up = True
            else:
                labels[:] = before
        return given_up, cuts

    def _plain(
        self, moves: Array, labels: Array, plain: Callable[[Array], tuple[bool, int]]
    ) -> tuple[bool, int]:
        used = np.bincount(labels, minlength=self.energy.n_labels) > 0
        some = moves[used[moves[:, 1]]]
        if not len(some):
            return True, 0
        before, value = labels.copy(), self.energy.value(labels)
        done, cuts = plain(np.ascontiguousarray(some))
        if self.energy.value(labels) > value:  # a label was given up and taken again
            labels[:], done = before, True
        return done, cuts

    def _kept(self) -> bool:
        return self.space.flows.shape[1] > 1

    def _prices(self, labels: Array, only: int, b: int) -> Array:
        """Return what b costs every node more than its label, with what the flow takes out."""
        column = b if self._kept() else 0
        if not self._kept():
            self.space.flows[:] = 0.0
        price_all(self.problem, labels, Move(only, b, column), self.space)
        self.space.seen[:] = 0  # numbers of moves begin anew with the next plain ones
        return self.space.gain

    def _all_prices(self, labels: Array) -> Array:
        """Return what each label costs each node more than its own, (n, labels)."""
        if not self._kept():
            self.space.flows[:] = 0.0
        prices = np.empty((self.energy.n, self.energy.n_labels))
        price_labels(self.problem, labels, prices, self.space)
        return prices

    def _helpful(self, labels: Array, prices: Array) -> Array:
        """Tell for which labels the flow leaves open that an expansion lowers E, (labels,)."""
        h, count = self.energy.label_costs, np.bincount(labels, minlength=self.energy.n_labels)
        used = np.flatnonzero(count)
        order = np.argsort(labels, kind="stable")
        first = np.concatenate([[0], np.cumsum(count[used])[:-1]])
        worth = h[used, None] - np.add.reduceat(np.maximum(prices, 0.0)[order], first, axis=0)
        worth[np.arange(len(used)), used] = 0.0
        falls = np.maximum(worth, 0.0).sum(axis=0) - np.minimum(prices, 0.0).sum(axis=0)
        helpful: Array = falls > np.where(count == 0, h, 0.0)
        return helpful

    def _best_move(
        self, labels: Array, free: Array, prices: Array, b: int, deadline: Deadline
    ) -> Array:
        """Return the nodes that should take label b; no more than needed. Keep the flow.

        `prices` (n,) are what b costs every node more than its label, with what the flow takes out.
        """
        energy, column = self.energy, b if self._kept() else 0
        if not self._kept():
            self.space.flows[:] = 0.0
        p, q, e, most = self._edges(labels, free, b)
        flow = np.maximum(-most, np.minimum(self.space.flows[e, column], most))
        nodes, place = np.flatnonzero(free), np.cumsum(free) - 1
        n, now = len(nodes), labels[nodes]
        # one node for every label that may be saved, and a last one for b if no node has it
        saved_labels = (np.bincount(now, minlength=energy.n_labels) > 0) & (energy.label_costs > 0)
        saved, carriers = energy.label_costs[saved_labels], np.flatnonzero(saved_labels[now])
        group = (np.cumsum(saved_labels) - 1)[now[carriers]]
        paid = 0.0 if (labels == b).any() else float(energy.label_costs[b])
        first = np.arange(n if paid > 0.0 else 0)
        last = np.full(len(first), n + len(saved))
        from subopt.graph._max_flow import Arcs, minimum_cut_until  # small moves do without

        arcs = Arcs(
            np.concatenate([place[p], n + group, first]),
            np.concatenate([place[q], carriers, last]),
            np.concatenate([most - flow, saved[group], np.full(len(first), paid)]),
            np.concatenate([most + flow, np.zeros(len(group) + len(first))]),
        )
        excess = np.concatenate([-prices[nodes], saved, [-paid] if paid > 0.0 else []])
        side, sent = minimum_cut_until(arcs, excess, deadline)
        self.space.flows[e, column] = flow + sent[: len(e)]
        return nodes[side[:n]]

    def _edges(self, labels: Array, free: Array, b: int) -> tuple[Array, Array, Array, Array]:
        """Return the edges between free nodes: ends, numbers, and capacities, see `expand`."""
        energy = self.energy
        e = np.flatnonzero(free[energy.tails] & free[energy.heads])
        p, q, T = energy.tails[e], energy.heads[e], energy.tables
        x, y = labels[p], labels[q]
        if energy.own:
            most = T[e, x, b] + T[e, b, y] - T[e, x, y] - T[e, b, b]
        else:
            now = T[0].ravel().take(x * energy.n_labels + y)
            most = T[0, :, b].take(x) + T[0, b].take(y) - now - T[0, b, b]
        return p, q, e, np.maximum(0.5 * energy.weights[e] * most, 0.0)
