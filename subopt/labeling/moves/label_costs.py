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

Where this bound is not negative, no cut is needed. Where it is, the flow is first completed as if
labels cost nothing, by cuts of small pieces (`expand.examine`), which settles most moves. The cut
of the others starts from that flow. If such a move does not lower the energy, the new flow proves
it: the bound is not negative for it.

No single move gives up a label whose nodes are best divided among several others. So when no move
is left, each label in use is taken from its nodes (`WholeMoves.give_up`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._components import components
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.moves.candidates import list_arcs, price_all, tally
from subopt.labeling.moves.expand import examine
from subopt.labeling.moves.workspace import (
    Move,
    MoveWorkspace,
    PieceWorkspace,
    Problem,
    called,
)


def pieces(
    energy: LabelingEnergy, labels: Array, deadline: Deadline
) -> tuple[LabelingEnergy, Array] | None:
    """Return the energy of labelings in which connected nodes with equal labels stay together.

    The second array is the number of the piece of each node. None is returned if the deadline ended
    the search for pieces.
    """
    p, q, w = energy.tails, energy.heads, energy.weights
    inside = labels[p] == labels[q]
    if deadline.passed():
        return None
    found = components(energy.n, p, q, inside, inside, deadline)
    if found is None or deadline.passed():
        return None
    n, piece = int(found.max(initial=-1)) + 1, found.astype(np.int64)
    costs = np.stack([np.bincount(piece, own, n) for own in energy.costs], axis=1)
    if deadline.passed():
        return None
    equal = np.diagonal(energy.tables, axis1=1, axis2=2)
    if equal.any():
        paid = w[:, None] * equal
        for l in range(energy.n_labels):
            costs[:, l] += np.bincount(piece[p[inside]], paid[inside, l], n)
    apart = piece[p] != piece[q]
    tables = {"tables": energy.tables[apart]} if energy.own else {"metric": energy.tables[0]}
    ends, w = np.stack([piece[p[apart]], piece[q[apart]]], axis=1), w[apart]
    if not energy.own:
        if np.array_equal(energy.tables[0], energy.tables[0].T):
            ends = np.sort(ends, axis=1)
        number, same = np.unique(ends @ np.array([n, 1]), return_inverse=True)
        ends = np.stack(np.divmod(number, n), axis=1)
        w = np.bincount(same.ravel(), w, len(ends))
    whole = LabelingEnergy(costs, edges=ends, weights=w, label_costs=energy.label_costs, **tables)
    return whole, piece


def _rest(
    energy: LabelingEnergy, labels: Array, inside: Array, l: int, others: Array
) -> tuple[LabelingEnergy, float]:
    """Return the energy of other labels for the nodes of one, and what they cost now."""
    place, T, w = np.cumsum(inside) - 1, energy.tables, energy.weights
    p, q, nodes = energy.tails, energy.heads, np.flatnonzero(inside)
    some = np.append(others, l)
    costs = energy.costs[some[:, None], nodes]
    for one, two, seen in ((p, q, T), (q, p, T.swapaxes(1, 2))):
        e = np.flatnonzero(inside[one] & ~inside[two])
        at = e if energy.own else np.zeros(len(e), np.int64)
        paid = w[e, None] * seen[at[:, None], some, labels[two[e], None]]
        for cost, more in zip(costs, paid.T, strict=True):
            cost += np.bincount(place[one[e]], more, len(nodes))
    e = np.flatnonzero(inside[p] & inside[q])
    own = T[e] if energy.own else T
    now = float(costs[-1].sum() + (w[e] * own[:, l, l]).sum())
    between = own[:, others[:, None], others]
    tables = {"tables": between} if energy.own else {"metric": between[0]}
    ends = np.stack([place[p[e]], place[q[e]]], axis=1)
    return LabelingEnergy(costs[:-1].T, edges=ends, weights=w[e], **tables), now


def to_used(moves: Array, labels: Array, n_labels: int) -> Array:
    """Return the moves to labels in use."""
    used = np.bincount(labels, minlength=n_labels) > 0
    return np.ascontiguousarray(moves[used[moves[:, 1]]])


class LabelArcs(NamedTuple):
    """Arcs of the network of a move; the first ones are edges of the graph."""

    tails: Array  # (m + 2 n,) int32
    heads: Array  # (m + 2 n,) int32
    forward: Array  # (m + 2 n,) float64, residual capacities
    backward: Array  # (m + 2 n,) float64
    edge: Array  # (m,) int32
    flow: Array  # (m,) float64, from the first end of the edge to the second


def label_arcs(n: int, edges: int) -> LabelArcs:
    """Allocate arcs for a graph."""
    most = edges + 2 * n
    tails, heads = np.empty((2, most), np.int32)
    forward, backward = np.empty((2, most))
    return LabelArcs(tails, heads, forward, backward, np.empty(edges, np.int32), np.empty(edges))


class WholeMoves(NamedTuple):
    """An energy with label costs, with the data that moves of the whole graph need."""

    energy: LabelingEnergy
    problem: Problem
    space: MoveWorkspace
    cut: PieceWorkspace
    arcs: LabelArcs

    def descend(
        self,
        moves: Array,
        labels: Array,
        plain: Callable[[Array], tuple[bool, int]],
        cycles: int,
        deadline: Deadline,
        steepest: bool = False,
    ) -> tuple[bool, int]:
        """Make all moves in turn until none lowers E; return whether none does, and the cuts.

        `plain` makes some of the moves on `labels` as if labels cost nothing, where that cannot
        raise E: the labels that are taken have to be in use. With `steepest`, expansions that may
        lower E most come first.
        """
        cuts = 0
        for _ in range(cycles):
            done, more = self._plain(moves, labels, plain)
            cuts += more
            if deadline.passed() or not done:
                return False, cuts
            lowered, more = self._cycle(moves, labels, steepest, deadline)
            cuts += more
            if not lowered:
                return not deadline.passed(), cuts
        return False, cuts

    def _cycle(
        self, moves: Array, labels: Array, steepest: bool, deadline: Deadline
    ) -> tuple[bool, int]:
        """Make each move that may lower E once; return whether one did, and the cuts."""
        energy = self.energy
        first = value = energy.value(labels)
        falls, cuts = self._falls(moves, labels, deadline)
        some = np.argsort(-falls, kind="stable") if steepest else np.arange(len(moves))
        for only, b in moves[some[falls[some] > 0.0]].tolist():
            if deadline.passed():
                break
            free = labels != b if only < 0 else (labels == only) & (labels != b)
            if not free.any():
                continue
            cuts += 1
            taken = self._best_move(labels, free, Move(only, b, self._column(b)), deadline)
            moved = labels.copy()
            moved[taken] = b
            other = energy.value(moved) if len(taken) else value
            if other < value:
                labels[:], value = moved, other
        return value < first, cuts

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
            used = np.bincount(labels, minlength=energy.n_labels) > 0
            used[l] = False
            others = np.flatnonzero(used)
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
        some = to_used(moves, labels, self.energy.n_labels)
        if not len(some):
            return True, 0
        before, value = labels.copy(), self.energy.value(labels)
        done, cuts = plain(some)
        if self.energy.value(labels) > value:  # a label was given up and taken again
            labels[:], done = before, True
        return done, cuts

    def _column(self, b: int) -> int:
        """Return the column of the flow of a label; a flow that is not kept begins with 0."""
        if self.space.flows.shape[1] > 1:
            return b
        self.space.flows[:] = 0.0
        return 0

    def _falls(self, moves: Array, labels: Array, deadline: Deadline) -> tuple[Array, int]:
        """Return by how much each move may lower E at most, (moves,), and the cuts for it.

        It is infinite for swaps. Where the flow does not prove that an expansion is useless, it is
        completed first. If the deadline ends this, the numbers have no meaning.
        """
        if moves[0, 0] >= 0:
            return np.full(len(moves), np.inf), 0
        falls, cuts = self._bounds(labels, deadline)[moves[:, 1]], 0
        if (falls > 0.0).any() and self.space.flows.shape[1] > 1:
            args = self.problem, moves[falls > 0.0], labels, self.space, self.cut
            called(examine, self.energy, args, self.space, deadline)
            cuts = int(self.space.cuts[0])
            falls = self._bounds(labels, deadline)[moves[:, 1]]
        return falls, cuts

    def _bounds(self, labels: Array, deadline: Deadline) -> Array:
        """Return by how much the expansion of each label lowers E at most, given its flow."""
        h, count = self.energy.label_costs, np.bincount(labels, minlength=self.energy.n_labels)
        self._column(0)  # a flow that is not kept begins with 0
        used = np.flatnonzero(count)
        row = np.zeros(len(h), np.int64)
        row[used] = np.arange(len(used))
        above, below = np.zeros((len(used), len(h))), np.zeros(len(h))
        args = self.problem, labels, row, above, below, self.space
        called(tally, self.energy, args, self.space, deadline)
        saved = h[used, None] - above
        saved[np.arange(len(used)), used] = 0.0
        bounds: Array = np.maximum(saved, 0.0).sum(axis=0) + below - np.where(count == 0, h, 0.0)
        return bounds

    def _best_move(self, labels: Array, free: Array, move: Move, deadline: Deadline) -> Array:
        """Return the nodes that should take the label of a move; no more than needed.

        The flow is kept.
        """
        energy, space, b = self.energy, self.space, int(move.label)
        nodes = np.flatnonzero(free)
        place = np.full(energy.n, -1, np.int32)
        place[nodes] = np.arange(len(nodes))
        # one node for every label that may be saved, and a last one for b if no node has it
        count, cost = np.bincount(labels, minlength=energy.n_labels), energy.label_costs
        here = np.bincount(labels[nodes], minlength=energy.n_labels)
        saved = np.flatnonzero((here > 0) & (cost > 0.0))
        paid = cost[b : b + 1] if count[b] == 0 and cost[b] > 0.0 else cost[:0]
        node = np.full(energy.n_labels, -1, np.int32)
        node[saved] = len(nodes) + np.arange(len(saved))
        node[b] = len(nodes) + len(saved) if len(paid) else -1
        price_all(self.problem, labels, move, space)
        space.seen[:] = 0  # numbers of moves begin anew with the next plain ones
        between, m = list_arcs(self.problem, labels, move, place, node, cost, self.arcs, space)
        from subopt.graph._max_flow import Arcs, minimum_cut_until  # small moves do without

        excess = np.concatenate([-space.gain[nodes], cost[saved], -paid])
        arcs = Arcs(*(part[:m] for part in self.arcs[:4]))
        side, sent = minimum_cut_until(arcs, excess, deadline)
        flow = self.arcs.flow[:between] + sent[:between]
        space.flows[self.arcs.edge[:between], move.column] = flow
        return nodes[side[: len(nodes)]]
