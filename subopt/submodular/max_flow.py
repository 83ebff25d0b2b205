"""Minimization of cut functions by one maximum flow.

The graph ``F.as_cut()`` is minimized over elements and auxiliary nodes together. A negative unary
cost is a capacity from the source, a positive one a capacity to the sink. The maximum flow is the
certificate.

If all numbers are multiples of one power of two and their sum is small enough, no sum rounds and
ties are exact. Otherwise, numbers below the rounding error of their node or arc count as 0. Nodes
that are decided by their own unary cost are removed first, so that a very large cost does not
increase the rounding error of other nodes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.options import Deadline, documented
from subopt._base.types import Array
from subopt.functions._sparse import sums
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cut_form import CutForm
from subopt.functions.modular import SHOWN, Modular
from subopt.graph._max_flow import Arcs, minimum_cut, minimum_cut_until
from subopt.graph.minimum_cuts import residual_blocks
from subopt.submodular.flow_certificate import FlowCertificate
from subopt.submodular.result import Result

FEW = 16
"""Largest number of breakpoints of a table for which maximum flow is used. With more, the graph has
too many auxiliary nodes, each with one arc per member, and other methods are faster."""
ROUNDING = 2.0**-42
"""Largest relative error of the flow through a node or an arc."""
PASSED = 2.0**-50
"""Largest error of an amount that leaves a node, relative to the numbers at the node."""
SHARE = 2.0**-12
"""Largest fraction of an arc that counts as an error of its ends."""
WIDE = 2.0**20
"""Ratio of the largest to the smallest number above which decided nodes are removed first."""
ROUNDS = 32
"""Largest number of rounds in which decided nodes are removed."""


@documented
def max_flow_minimize(
    F: SetFunction, *, minimizer: str = "any", time_limit: float | None = None
) -> Result:
    """Minimize a set function that is the cut function of a graph, by maximum flow.

    Parameters
    ----------
    F : SetFunction
        A function with ``F.as_cut()``: `Modular`, `Cut`, `HypergraphCut`, `Coverage`,
        `Cardinality`, `MatroidRank.partition`, and their nonnegative sums, restrictions,
        contractions and complements.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several. The choice is exact if F is integral or its
        numbers are multiples of a power of two, such as 0.25. Otherwise, sets whose values agree up
        to the rounding errors of the elements in which they differ count as minimizers.
    %(time_limit)s

    Returns
    -------
    Result
        With a `FlowCertificate`, and a gap of 0 up to rounding unless the status is TIME_LIMIT.

    Raises
    ------
    TypeError
        If F is not known to be a cut function.

    Notes
    -----
    The work is one maximum flow on the graph of F. It has one arc per edge of a `Cut`, one per pair
    of an element and an item of a `Coverage`, one per member of a hyperedge and breakpoint of its
    costs, and n per breakpoint of a `Cardinality`.

    Examples
    --------
    >>> F = Cut(np.array([[0, 1.0], [1.0, 0]])) + Modular([-3.0, 0.5])
    >>> result = minimize(F, method="max_flow")
    >>> result.S, result.value, result.gap, result.certificate.flow
    (array([0, 1]), -2.5, 0.0, array([0.5]))
    """
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    deadline = Deadline(time_limit)
    form = F.as_cut()
    size = _size(F, form)
    exact = _is_exact(form, size)
    kept = _Kept(form, size, decide=not exact and _is_wide(form))
    free = kept.form
    arcs = Arcs(free.tails, free.heads, free.capacities, free.reverse)
    maximal = minimizer == "maximal"
    side, part = minimum_cut_until(arcs, -free.unary, deadline, maximal=maximal)
    late = deadline.passed()
    if minimizer != "any" and not exact and not late:
        # the smallest or the largest of the cuts that are minimum up to rounding
        side, _, _ = minimum_cut(*arcs[:2], *kept.residual(part, exact), maximal=maximal)
    side, flow = kept.lift(side, part)
    mask = side[: F.n].copy()
    value, gap = F.value(mask), _gap(form, side, flow, 0 * size if exact else size)
    optimal = gap == 0
    if optimal and not exact:  # what lacks by known errors of weights is still no part of a bound
        gap = _gap(form, side, flow, size - _of_errors(F, form))
    if late and gap > 0:
        if value > 0:  # no cut was found, or one that is worse than that of the empty set
            mask, value = np.zeros(F.n, dtype=np.bool_), 0.0
        gap = max(0.0, value - form.bound(flow))
    gap = float(np.floor(gap)) if F.integral else gap
    bound = value - gap
    status = Status.OPTIMAL if gap == 0 or optimal else Status.SLOW_PROGRESS
    if late and (gap > 0 or minimizer != "any"):
        status = Status.TIME_LIMIT
    return Result(
        mask=mask,
        value=value,
        lower_bound=bound,
        status=status,
        certificate=FlowCertificate(flow, bound),
        method="max_flow",
        n_iter=1,
        n_evals=1,
    )


def minimizer_blocks(F: SetFunction, deadline: Deadline) -> tuple[Array, Array] | None:
    """Return the blocks of all minimizers of a cut function, and the requirements between them.

    They are those of the minimum cuts of its graph, without auxiliary nodes. See `ClosedSets`. None
    if the deadline passed before.
    """
    form = F.as_cut()
    size = _size(F, form)
    exact = _is_exact(form, size)
    kept = _Kept(form, size, decide=not exact and _is_wide(form))
    free = kept.form
    arcs = Arcs(free.tails, free.heads, free.capacities, free.reverse)
    _, part = minimum_cut_until(arcs, -free.unary, deadline)
    if deadline.passed():
        return None
    ahead, behind, excess = kept.residual(part, exact)
    first = np.concatenate([free.tails[ahead > 0], free.heads[behind > 0]])
    last = np.concatenate([free.heads[ahead > 0], free.tails[behind > 0]])
    inner, pairs = residual_blocks(first, last, excess)
    blocks = np.where(kept.turn < 0, -1, -2)
    blocks[kept.free] = inner
    return _without_auxiliary(blocks, pairs, F.n)


def _without_auxiliary(blocks: Array, pairs: Array, n: int) -> tuple[Array, Array]:
    """Remove blocks without elements; blocks that require them require what they require."""
    used = np.unique(blocks[:n][blocks[:n] >= 0])
    name = np.full(int(blocks.max(initial=-1)) + 1, -1)
    name[used] = np.arange(len(used))
    needs: list[set[int]] = [set() for _ in name]
    users: list[set[int]] = [set() for _ in name]
    for a, b in pairs.tolist():
        needs[a].add(b)
        users[b].add(a)
    for gone in np.flatnonzero(name < 0).tolist():
        for a in users[gone]:
            needs[a] |= needs[gone]
            needs[a].discard(gone)
        for b in needs[gone]:
            users[b] |= users[gone]
            users[b].discard(gone)
        needs[gone] = set()
    left = [(name[a], name[b]) for a in used.tolist() for b in needs[a]]
    elements = blocks[:n].copy()
    elements[elements >= 0] = name[elements[elements >= 0]]
    return elements, np.array(sorted(left), dtype=np.int64).reshape(-1, 2)


class _Kept:
    """The nodes of a form that are not decided by their own unary cost, and the flow to the others.

    A node is in every minimizer if its negative unary cost exceeds the capacity of all arcs that
    leave it, and in none if its positive unary cost exceeds the capacity of all arcs that enter it.
    Arcs between a decided node and the others are saturated, which adds their capacities to the
    unary costs of the others.
    """

    def __init__(self, form: CutForm, size: Array, *, decide: bool) -> None:
        self.whole, self.size = form, size
        m, nodes = len(form.tails), len(form.unary)
        self.form, self.free, self.inner = form, np.arange(nodes), np.arange(m)
        # round in which a node is decided, offset such that arcs are saturated from the smaller
        # number to the larger one; 0 for undecided nodes
        self.turn = np.zeros(nodes, dtype=np.int64)
        for turn in range(ROUNDS if decide else 0):
            out, into = _sides(self.form)
            margin = ROUNDING * self.size
            inside = self.form.unary + out < -margin
            outside = self.form.unary - into > margin
            if not (inside | outside).any():
                break
            self.turn[self.free[inside]] = turn - ROUNDS
            self.turn[self.free[outside]] = ROUNDS - turn
            self._remove(inside, outside)

    def _remove(self, inside: Array, outside: Array) -> None:
        form, left = self.form, ~(inside | outside)
        unary = form.unary.copy()
        for tails, heads, amounts in (
            (form.tails, form.heads, form.capacities),
            (form.heads, form.tails, form.reverse),
        ):
            lost, won = left[tails] & outside[heads], inside[tails] & left[heads]
            np.add.at(unary, tails[lost], amounts[lost])
            np.subtract.at(unary, heads[won], amounts[won])
        inner = left[form.tails] & left[form.heads]
        number = np.cumsum(left) - 1
        self.form = replace(
            form,
            n=int(left.sum()),  # here, auxiliary nodes count as elements
            n_aux=0,
            tails=number[form.tails[inner]],
            heads=number[form.heads[inner]],
            capacities=form.capacities[inner],
            reverse=form.reverse[inner],
            unary=unary[left],
        )
        self.free, self.inner, self.size = self.free[left], self.inner[inner], self.size[left]

    def residual(self, flow: Array, exact: bool) -> tuple[Array, Array, Array]:
        """Return what a flow leaves: of both capacities of the arcs, and of the supplies.

        Unless sums are exact, what is left counts as 0 if it is no more than a rounding error.
        """
        form = self.form
        ahead, behind = form.capacities - flow, form.reverse + flow
        excess = -form.outflow(flow)
        if not exact:
            nodes, arcs = _errors(form, self.size)
            ahead[ahead <= arcs], behind[behind <= arcs] = 0.0, 0.0
            excess[np.abs(excess) <= nodes] = 0.0
        return ahead, behind, excess

    def lift(self, side: Array, flow: Array) -> tuple[Array, Array]:
        """Return the set in the whole graph, and the flow on all of its arcs."""
        whole, everywhere = self.whole, self.turn < 0
        everywhere[self.free] = side
        a, b = self.turn[self.whole.tails], self.turn[self.whole.heads]
        total = np.where(a < b, whole.capacities, np.where(a > b, -whole.reverse, 0.0))
        total[self.inner] = flow
        return everywhere, total


def _sides(form: CutForm) -> tuple[Array, Array]:
    """Return, for each node, the capacity of the arcs that leave it and of those that enter it."""
    nodes = len(form.unary)
    out = sums(form.tails, form.capacities, nodes) + sums(form.heads, form.reverse, nodes)
    into = sums(form.heads, form.capacities, nodes) + sums(form.tails, form.reverse, nodes)
    return out, into


def _size(F: SetFunction, form: CutForm) -> Array:
    """Return the magnitude of the numbers at each node, which rounding errors are relative to."""
    out, into = _sides(form)
    size = np.abs(form.unary) + out + into
    size[: F.n] = np.maximum(size[: F.n], F._range().size)  # unary costs may have cancelled
    return size


def _of_errors(F: SetFunction, form: CutForm) -> Array:
    """Return the part of `_size` that stands for known errors of weights."""
    part = np.zeros_like(form.unary)
    for a, term in terms_of(F):
        if isinstance(term, Modular):
            part[: F.n] += a * SHOWN * term._error
    return part


def _numbers(form: CutForm) -> Array:
    numbers = np.abs(np.concatenate([form.unary, form.capacities, form.reverse]))
    return numbers[numbers > 0]


def _is_exact(form: CutForm, size: Array) -> bool:
    """Return whether no sum can round.

    This is so if all numbers are multiples of one power of two, and the magnitudes of the numbers
    that they are computed from add up to less than 2^52 times this power.
    """
    numbers = _numbers(form)
    if not numbers.size:
        return True
    mantissas, exponents = np.frexp(numbers)
    digits = (mantissas * 2.0**53).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(np.float64))[1] + exponents - 54
    return bool(np.ldexp(size, -lowest.min()).sum() < 2.0**52)


def _is_wide(form: CutForm) -> bool:
    numbers = _numbers(form)
    return bool(numbers.max() > WIDE * numbers.min())


def _errors(form: CutForm, size: Array) -> tuple[Array, Array]:
    """Return the rounding errors of what is left of the supplies of nodes and of both ways of arcs.

    Amounts that pass through an arc were rounded at its ends, and one of them may be much larger
    than the other.
    """
    both = form.capacities + form.reverse
    ends = np.maximum(size[form.tails], size[form.heads])
    arcs = np.maximum(ROUNDING * both, np.minimum(PASSED * ends, SHARE * both))
    nodes = ROUNDING * size
    np.maximum.at(nodes, form.tails, arcs)
    np.maximum.at(nodes, form.heads, arcs)
    return nodes, arcs


def _gap(form: CutForm, side: Array, flow: Array, size: Array) -> float:
    """Return the value of a cut minus the bound of a flow, without terms below rounding errors.

    By complementary slackness it is a sum of nonnegative terms, one per node and per arc.
    """
    x = form.outflow(flow)
    nodes = np.maximum(np.where(side, x, -x), 0.0)
    ahead, behind = form.capacities - flow, form.reverse + flow
    tails, heads = side[form.tails], side[form.heads]
    arcs = np.where(tails & ~heads, ahead, np.where(heads & ~tails, behind, 0.0))
    if size.any():
        node_errors, arc_errors = _errors(form, size)
        nodes[nodes <= 2 * node_errors] = 0.0
        arcs[arcs <= 2 * arc_errors] = 0.0
    return float(nodes.sum() + arcs.sum())
