"""Cut functions: one minimum cut.

What `F.as_cut()` returns is minimized over elements and auxiliary nodes at once: a negative unary
term is a capacity from the source, a positive one to the sink. The flow is the certificate.

If all numbers are multiples of one power of two and not too many, no sum rounds and ties are exact.
Otherwise numbers up to the rounding error of their node or arc count as 0, and nodes that are
decided by their own unary term leave first, so that a huge term does not hide small ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.functions._sparse import sums
from subopt.functions.algebra import SetFunction
from subopt.functions.cut_form import CutForm
from subopt.graph._max_flow import minimum_cut
from subopt.submodular.certificates import FlowCertificate
from subopt.submodular.result import Result

FEW = 16
"""A table with more drops of slope has too many auxiliary nodes, of as many arcs as it has members,
for a maximum flow to be faster than other methods."""
ROUNDING = 2.0**-42
"""Relative error that a flow through a node or an arc may have."""
WIDE = 2.0**20
"""Ratio of the largest to the smallest number from which decided nodes leave first."""
ROUNDS = 32
"""Largest number of rounds in which decided nodes leave."""


def max_flow_minimize(F: SetFunction, *, minimizer: str = "any") -> Result:
    """Minimize a set function that is the cut function of a graph, by maximum flow.

    Parameters
    ----------
    F : SetFunction
        With ``F.as_cut()``: `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `Cardinality`, and their
        nonnegative sums, restrictions, contractions and complements.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several. Exact if F is integral or its numbers are
        multiples of a power of two, such as 0.25; otherwise sets whose values agree up to the
        rounding errors of the elements in which they differ count as minimizers.

    Returns
    -------
    Result
        With a `FlowCertificate`; its gap is 0 up to rounding. One maximum flow on the graph of F,
        which has an arc per edge of a `Cut`, membership of a `Coverage`, member of a hyperedge (per
        drop of slope of its table), and n arcs per drop of slope of a `Cardinality`.

    Examples
    --------
    >>> F = Cut(np.array([[0, 1.0], [1.0, 0]])) + Modular([-3.0, 0.5])
    >>> result = minimize(F, method="max_flow")
    >>> result.S, result.value, result.gap, result.certificate.flow
    (array([0, 1]), -2.5, 0.0, array([0.5]))
    """
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    form = F.as_cut()
    size = _size(F, form)
    exact = _is_exact(form, size)
    kept = _Kept(form, size, decide=not exact and _is_wide(form))
    free = kept.form
    nodes = len(free.unary)
    arcs = free.tails, free.heads
    maximal = minimizer == "maximal"
    side, part, _ = minimum_cut(
        nodes, *arcs, free.capacities, free.reverse, -free.unary, maximal=maximal
    )
    if minimizer != "any" and not exact:
        # the smallest or the largest cut that is minimum up to rounding
        ahead, behind = free.capacities - part, free.reverse + part
        least = ROUNDING * (free.capacities + free.reverse)
        ahead[ahead <= least], behind[behind <= least] = 0.0, 0.0
        excess = -free.outflow(part)
        excess[np.abs(excess) <= ROUNDING * kept.size] = 0.0
        side, _, _ = minimum_cut(nodes, *arcs, ahead, behind, excess, maximal=maximal)
    side, flow = kept.lift(side, part)
    mask = side[: F.n].copy()
    value, gap = F.value(mask), _gap(form, side, flow, 0 * size if exact else size)
    gap = float(np.floor(gap)) if F.integral else gap
    bound = value - gap
    status = Status.OPTIMAL if gap == 0 else Status.SLOW_PROGRESS
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


class _Kept:
    """The nodes of a form that are not decided by their own unary term, and the flow to the others.

    A node is in every minimizer if its unary term outweighs all arcs that leave it, and in none if
    it outweighs all arcs that enter. Arcs between a decided node and the others are saturated,
    which moves their capacities into the unary terms of the others.
    """

    def __init__(self, form: CutForm, size: Array, *, decide: bool) -> None:
        self.whole, self.size = form, size
        m, nodes = len(form.tails), len(form.unary)
        self.form, self.free, self.inner = form, np.arange(nodes), np.arange(m)
        self.turn = np.zeros(nodes, dtype=np.int64)  # arcs are saturated towards the larger number
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
            n=int(left.sum()),  # elements and auxiliary nodes are not told apart any more
            n_aux=0,
            tails=number[form.tails[inner]],
            heads=number[form.heads[inner]],
            capacities=form.capacities[inner],
            reverse=form.reverse[inner],
            unary=unary[left],
        )
        self.free, self.inner, self.size = self.free[left], self.inner[inner], self.size[left]

    def lift(self, side: Array, flow: Array) -> tuple[Array, Array]:
        """Return the set of all nodes and the flow on all arcs."""
        whole, everywhere = self.whole, self.turn < 0
        everywhere[self.free] = side
        a, b = self.turn[self.whole.tails], self.turn[self.whole.heads]
        total = np.where(a < b, whole.capacities, np.where(a > b, -whole.reverse, 0.0))
        total[self.inner] = flow
        return everywhere, total


def _sides(form: CutForm) -> tuple[Array, Array]:
    """Return the capacity of the arcs that leave, and of those that enter each node."""
    nodes = len(form.unary)
    out = sums(form.tails, form.capacities, nodes) + sums(form.heads, form.reverse, nodes)
    into = sums(form.heads, form.capacities, nodes) + sums(form.tails, form.reverse, nodes)
    return out, into


def _size(F: SetFunction, form: CutForm) -> Array:
    """Return the size of the numbers at each node: rounding errors are relative to it."""
    out, into = _sides(form)
    size = np.abs(form.unary) + out + into
    size[: F.n] = np.maximum(size[: F.n], F._range().size)  # unary terms may have cancelled
    return size


def _numbers(form: CutForm) -> Array:
    numbers = np.abs(np.concatenate([form.unary, form.capacities, form.reverse]))
    return numbers[numbers > 0]


def _is_exact(form: CutForm, size: Array) -> bool:
    """Return whether no sum can round: all numbers are multiples of one power of two.

    The sizes of the numbers that they are made of add up to less than 2^52 of it.
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


def _gap(form: CutForm, side: Array, flow: Array, size: Array) -> float:
    """Return the cut around a set of nodes less what a flow proves, where it exceeds rounding.

    It is a sum of terms >= 0, one for each node and arc: complementary slackness.
    """
    x = form.outflow(flow)
    nodes = np.maximum(np.where(side, x, -x), 0.0)
    ahead, behind = form.capacities - flow, form.reverse + flow
    tails, heads = side[form.tails], side[form.heads]
    arcs = np.where(tails & ~heads, ahead, np.where(heads & ~tails, behind, 0.0))
    if size.any():
        nodes[nodes <= 2 * ROUNDING * size] = 0.0
        arcs[arcs <= 2 * ROUNDING * (form.capacities + form.reverse)] = 0.0
    return float(nodes.sum() + arcs.sum())
