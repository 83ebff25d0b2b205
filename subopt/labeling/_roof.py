"""The roof dual of energies over two choices per node, and persistent choices.

Every node v has two variables, one for x_v and one for 1 - x_v. A minimum cut over both ignores the
constraint that they differ. For the nodes where they do differ, the choice is part of a minimizer
(persistency). The cut with the smallest source side gives the choices that all minimizers share.
More choices, those of some minimizer, follow from the strongly connected components of the residual
graph, as in 2-satisfiability: of the two variables of a node, the later one in topological order is
chosen, unless both are in the same component.

E. Boros, P. L. Hammer, "Pseudo-Boolean optimization", Discrete Applied Mathematics 123, 2002;
V. Kolmogorov, C. Rother, "Minimizing nonsubmodular functions with graph cuts - a review", IEEE
TPAMI 29(7), 2007; and for probing and improving C. Rother, V. Kolmogorov, V. Lempitsky, M. Szummer,
"Optimizing binary MRFs via extended roof duality", CVPR 2007.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from subopt._base.interruptible import is_short
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling._components import components

PROBES = 2_000_000  # approximate number of arcs in all cuts of `_probed`
NUMBERS = 8  # that a step goes through per edge, see `is_short`
IMPROVING = 12  # number of random parts that `_improved` tries


class Binary(NamedTuple):
    """An energy over two choices per node: ``sum cost[v] x_v + sum pairs[e, x_p, x_q]``."""

    cost: Array  # (n,) of choice 1
    pairs: Array  # (m, 2, 2)
    tails: Array  # (m,)
    heads: Array  # (m,)

    def value(self, x: Array) -> float:
        """Return the energy of choices."""
        x = x.astype(np.int64)
        pairs = self.pairs[np.arange(len(self.tails)), x[self.tails], x[self.heads]]
        return float(self.cost @ x + pairs.sum())


class Roof(NamedTuple):
    """The solution of the roof dual."""

    x: Array  # (n,) bool, the choices; arbitrary where they are not known
    all_share: Array  # (n,) bool, whether all minimizers share the choice
    known: Array  # (n,) bool, whether the choice is one of a common minimizer
    given: Array  # (2, m, 2), messages of the edges to their ends
    bound: float  # lower bound on the energy


def over(edges: int, deadline: Deadline) -> bool:
    """Return whether the time is over and what is left to do with so many edges takes long."""
    return not is_short(NUMBERS * edges) and deadline.passed()


def _unknown(problem: Binary, labels: Array) -> Roof:
    """Return what holds without any work: nothing is known."""
    none = np.zeros(len(problem.cost), dtype=bool)
    return Roof(labels.astype(bool), none, none, np.zeros((2, len(problem.tails), 2)), -np.inf)


def roof(problem: Binary, labels: Array, deadline: Deadline) -> Roof:
    """Solve the roof dual; `labels` are some choices, for the scale of capacities.

    At the deadline no choice is known, but the bound holds; it is -inf for large problems.
    """
    n, m = len(problem.cost), len(problem.tails)
    p, q = problem.tails, problem.heads
    if over(m, deadline):
        return _unknown(problem, labels)
    edges = _edges(problem.pairs)
    if over(m, deadline):
        return _unknown(problem, labels)
    even, forward, backward = edges.even, edges.forward, edges.backward
    first, second = edges.first, edges.second
    cost = problem.cost + np.bincount(p, first, n) + np.bincount(q, second, n)
    x = labels.astype(bool)
    x_q = np.where(even, x[q], ~x[q])
    crossing = float(
        np.where(x, np.maximum(cost, 0.0), np.maximum(-cost, 0.0)).sum()
        + forward[x[p] & ~x_q].sum()
        + backward[~x[p] & x_q].sum()
    )
    if over(m, deadline):
        return _unknown(problem, labels)
    # no minimum cut has an arc of this capacity
    top = float(np.exp2(np.ceil(np.log2(2.0 * crossing)))) if crossing > 0.0 else np.inf
    forward, backward = np.minimum(forward, top), np.minimum(backward, top)
    if even.all():
        edges = edges._replace(forward=forward, backward=backward)
        return _of_one_cut(problem, labels, edges, cost, top, deadline)
    half = np.clip(cost, -top, top) / 2
    tails = np.concatenate([p, np.where(even, q + n, q)])
    heads = np.concatenate([np.where(even, q, q + n), p + n])
    there, back = np.tile(forward / 2, 2), np.tile(backward / 2, 2)
    excess = np.concatenate([-half, half])
    from subopt.graph._max_flow import Arcs, minimum_cut_until  # not all energies need a cut

    arcs = Arcs(tails, heads, there, back)
    side, flow = minimum_cut_until(arcs, excess, deadline, partial=is_short(NUMBERS * m))
    if over(m, deadline):
        return _unknown(problem, labels)
    flow = np.clip(flow, -back, there).reshape(2, m)
    both = flow[0] + flow[1]
    one, zero = side[:n], side[n:]
    all_share = one != zero
    if deadline.passed():
        all_share = np.zeros(n, dtype=bool)
    choices, known = np.array(one), np.array(all_share)
    open_both = np.stack([both < 2 * there[:m], both > -2 * back[:m]])
    _choose_the_others(n, (tails, heads), open_both, choices, known, deadline)
    if over(m, deadline):
        return _unknown(problem, labels)
    given = np.zeros((2, m, 2))
    given[0, :, 1] = first + both
    # with a variable of the second end turned, its other choice gets the flow
    given[1, :, 1] = second - np.where(even, both, -both)
    left = cost + np.bincount(p, both, n) - np.bincount(q, np.where(even, both, -both), n)
    kept = edges.base - np.where(even, 0.0, both)
    bound = float(np.minimum(left, 0.0).sum() + kept.sum())
    return Roof(choices, all_share, known, given, bound)


def _of_one_cut(
    problem: Binary, labels: Array, edges: _Edges, cost: Array, top: float, deadline: Deadline
) -> Roof:
    """Solve the roof dual of an energy whose edges are all submodular: it is exact."""
    n, p, q = len(cost), problem.tails, problem.heads
    from subopt.graph._max_flow import Arcs, extreme_cuts_until

    arcs = Arcs(p, q, edges.forward, edges.backward)
    excess = -np.clip(cost, -top, top)
    partial = is_short(NUMBERS * len(p))  # of a large problem, a part proves nothing, see `over`
    smallest, largest, flow = extreme_cuts_until(arcs, excess, deadline, partial=partial)
    if over(len(p), deadline):
        return _unknown(problem, labels)
    flow = np.clip(flow, -edges.backward, edges.forward)
    known = np.full(n, not deadline.passed())
    given = np.zeros((2, len(p), 2))
    given[0, :, 1], given[1, :, 1] = edges.first + flow, edges.second - flow
    left = cost + np.bincount(p, flow, n) - np.bincount(q, flow, n)
    bound = float(np.minimum(left, 0.0).sum() + edges.base.sum())
    return Roof(smallest, known & (smallest == largest), known, given, bound)


class _Edges(NamedTuple):
    """Edges as arcs between choices; the second end is turned where `even` is False."""

    even: Array  # (m,) bool, whether the pairs are submodular as they are
    base: Array  # (m,) constants
    forward: Array  # (m,) cost of choice 1 at the first end, and 0 at the second
    backward: Array  # (m,) cost of choice 0 at the first end, and 1 at the second
    first: Array  # (m,) cost of choice 1 at the first end
    second: Array  # (m,) cost of choice 1 at the second end


def _edges(pairs: Array) -> _Edges:
    """Return edges as arcs; the terms of one node are as small as possible.

    Large costs of one pair of choices then do not meet in them.
    """
    a, b, c, d = pairs[:, 0, 0], pairs[:, 0, 1], pairs[:, 1, 0], pairs[:, 1, 1]
    even = a + d <= b + c
    if not (every := bool(even.all())):
        a, b = np.where(even, a, b), np.where(even, b, a)
        c, d = np.where(even, c, d), np.where(even, d, c)
    half = (d - a) / 2
    forward, backward = (c - a) - half, (b - a) - half
    shift = np.where(forward < 0, forward, np.where(backward < 0, -backward, 0.0))
    first, second = half + shift, half - shift
    return _Edges(
        even,
        a if every else np.where(even, a, a + second),
        np.maximum(forward - shift, 0.0),
        np.maximum(backward + shift, 0.0),
        first,
        second if every else np.where(even, second, -second),
    )


def _choose_the_others(
    n: int,
    arcs: tuple[Array, Array],
    open_both: Array,
    x: Array,
    known: Array,
    deadline: Deadline,
) -> None:
    """Set the choices of some minimizer for nodes on which minimizers differ, in place.

    `arcs` are tails and heads, and `open_both` (2, m) bool tells whether they and their twins are
    open. Nothing is set at the deadline.
    """
    free = ~known
    if not free.any() or deadline.passed():
        return
    tails, heads = arcs
    twice = np.tile(free, 2)
    there, back = np.tile(open_both, (1, 2)) & (twice[tails] & twice[heads])
    if over(len(tails), deadline):
        return
    part = components(2 * n, tails, heads, there, back, deadline)
    if part is None:
        return
    # the later variable in topological order is the one in the component of smaller number
    apart = free & (part[:n] != part[n:])
    x[apart] = part[:n][apart] < part[n:][apart]
    known |= apart


def without_least(pairs: Array) -> Array:
    """Subtract the smallest entry of each edge from costs of pairs, (m, 2, 2), in place."""
    # not by `min` over axes of two entries, which takes ten times as long
    least = np.minimum(
        np.minimum(pairs[:, 0, 0], pairs[:, 0, 1]), np.minimum(pairs[:, 1, 0], pairs[:, 1, 1])
    )
    if least.any():
        pairs -= least[:, None, None]
    return pairs


def restricted(problem: Binary, free: Array, x: Array) -> Binary:
    """Return the energy of the free nodes, the others having choices x; without the constant."""
    place, cost = np.cumsum(free) - 1, problem.cost.copy()
    p, q, pairs = problem.tails, problem.heads, problem.pairs
    here, there = free[p], free[q]
    e = np.flatnonzero(here & ~there)
    other = x[q[e]].astype(np.int64)
    np.add.at(cost, p[e], pairs[e, 1, other] - pairs[e, 0, other])
    e = np.flatnonzero(there & ~here)
    other = x[p[e]].astype(np.int64)
    np.add.at(cost, q[e], pairs[e, other, 1] - pairs[e, other, 0])
    e = np.flatnonzero(here & there)
    return Binary(cost[free], pairs[e], place[p[e]], place[q[e]])


def solved(problem: Binary, x: Array, deadline: Deadline, *, probe: bool) -> Array:
    """Return choices that are as good as `x` at least, by persistency, probing and improving."""
    m = len(problem.tails)
    found = roof(problem, x, deadline)
    x = np.where(found.known, found.x, x)
    free = ~found.known
    if not free.any() or over(m, deadline):
        return x
    rest = restricted(problem, free, x)
    own, every = x[free], np.ones(len(rest.tails), bool)
    if over(m, deadline):
        return x
    part = components(len(own), rest.tails, rest.heads, every, every, deadline)
    if part is None or over(m, deadline):
        return x
    for nodes, piece in _pieces(rest, part):
        if deadline.passed():
            break
        tried = _probed(piece, own[nodes], deadline) if probe else own[nodes]
        own[nodes] = _improved(piece, tried, deadline)
    x[free] = own
    return x


def _pieces(problem: Binary, part: Array) -> Iterator[tuple[Array, Binary]]:
    """Yield the nodes of each connected component, in order, and its energy.

    `part` (n,) are the numbers of the components.
    """
    count = int(part.max(initial=-1)) + 1
    order = np.argsort(part, kind="stable")
    edges = np.argsort(part[problem.tails], kind="stable")
    first = np.searchsorted(part[order], np.arange(count + 1))
    begin = np.searchsorted(part[problem.tails[edges]], np.arange(count + 1))
    place = np.empty(len(part), np.int64)
    place[order] = np.arange(len(part)) - first[part[order]]
    for k in range(count):
        nodes, e = order[first[k] : first[k + 1]], edges[begin[k] : begin[k + 1]]
        tails, heads = place[problem.tails[e]], place[problem.heads[e]]
        yield nodes, Binary(problem.cost[nodes], problem.pairs[e], tails, heads)


def _probed(problem: Binary, x: Array, deadline: Deadline) -> Array:
    """Try both choices of every node; consequences of both, or of the better one, are known."""
    n = len(x)
    arcs = 4 * len(problem.tails) + 2 * n
    if 2 * n * arcs > PROBES:
        return x
    free = np.ones(n, dtype=bool)
    seen = x = x.copy()
    changed = True
    while changed:
        changed = False
        for k in range(n):
            if not free[k]:
                continue
            if deadline.passed():
                return min((seen, x), key=problem.value)
            others = free.copy()
            others[k] = False
            tries = []
            for choice in (False, True):
                y = x.copy()
                y[k] = choice
                rest = restricted(problem, others, y)
                found = roof(rest, y[others], deadline)
                y[others] = np.where(found.known, found.x, y[others])
                known = np.ones(n, dtype=bool)
                known[others] = found.known
                bound = problem.value(y) - rest.value(y[others]) + found.bound
                tries.append((y, known, bound))
            (y0, known0, bound0), (y1, known1, bound1) = tries
            best = min((x, y0, y1), key=problem.value)
            x, value = best.copy(), problem.value(best)
            seen = min((seen, x), key=problem.value)
            alike = free & known0 & known1 & (y0 == y1)
            alike[k] = False
            if bound0 > value or bound1 > value:
                y, known = (y1, known1) if bound0 > value else (y0, known0)
                alike = free & known
                y0 = y
            elif known0.all() and known1.all():
                alike, y0 = free, best
            if alike.any():
                trial = np.where(alike, y0, x)
                free &= ~alike
                x = trial
                x = (
                    x
                    if not free.any()
                    else np.where(free, _from_roof(problem, free, x, deadline), x)
                )
                changed = True
    return min((seen, x), key=problem.value)


def _from_roof(problem: Binary, free: Array, x: Array, deadline: Deadline) -> Array:
    if over(len(problem.tails), deadline):
        return x
    rest = restricted(problem, free, x)
    found = roof(rest, x[free], deadline)
    y = x.copy()
    y[free] = np.where(found.known, found.x, x[free])
    return y


def _improved(problem: Binary, x: Array, deadline: Deadline) -> Array:
    """Fix the choices of random nodes, and set the choices that follow for the others."""
    rng = np.random.default_rng(0)
    n = len(x)
    value = problem.value(x)
    for step in range(IMPROVING):
        free = rng.random(n) < (0.25, 0.5, 0.75, 0.9)[step % 4]
        if deadline.passed():
            break
        if not free.any():
            continue
        y = _from_roof(problem, free, x, deadline)
        if over(len(problem.tails), deadline):
            break
        other = problem.value(y)
        if other <= value:
            x, value = y, other
    return x
