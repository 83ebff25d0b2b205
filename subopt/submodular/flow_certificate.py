"""`FlowCertificate`: a flow in the graph of a cut function, which bounds its minimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base.answer import CertificateError, ReadOnly, numbers
from subopt._base.types import Array, Subset
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.cut_form import CutForm
from subopt.submodular._recheck import checks, gap_of, mask_of, sizes_of
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False)
class FlowCertificate(ReadOnly):
    """A flow in the graph of F, which bounds all its cuts from below.

    Let f be a flow within the capacities of ``F.as_cut()``, and x the unary costs plus the net
    outflow of f. Every set X of nodes satisfies x(X) ≤ cut(X), so the sum of the negative entries
    of x is a lower bound on F. Computing it takes less time than one sweep. If F is integral, the
    bound may be rounded up to the next integer.

    Attributes
    ----------
    flow : ndarray of float64, shape (m,)
        Flow from ``tails[e]`` to ``heads[e]`` of ``F.as_cut()``, negative if it runs the other way.
        Flow beyond the capacities is removed before the check.
    lower_bound : float
        The lower bound that the solver reported.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> certificate = FlowCertificate(np.array([0.5]), lower_bound=-2.5)
    >>> certificate.check(F, [0, 1])
    0.0
    """

    flow: Array
    lower_bound: float

    @checks
    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from F alone; O(n + m).

        Parameters
        ----------
        F : SetFunction
            The function that was minimized, cut-representable. ``F.as_cut()`` is assumed to
            represent F, as it does for all built-in families.
        %(answer)s

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If the flow is not one number per arc, or proves less than `lower_bound`, or a bound
            above F(S), by more than rounding.
        """
        require_set_function(F)
        mask = mask_of(F, answer)
        try:
            form = F.as_cut()
        except TypeError as error:
            raise CertificateError(f"A flow proves nothing about {F!r}: {error}") from error
        flow = numbers("flow", self.flow).astype(np.float64)
        if flow.shape != form.tails.shape or not np.isfinite(flow).all():
            raise CertificateError(
                f"A flow in the graph of {F!r} needs {len(form.tails)} finite numbers, got shape "
                f"{flow.shape}"
            )
        flow = np.clip(flow, -form.reverse, form.capacities)
        nodes = len(form.unary)
        x, size = form.unary.copy(), np.abs(form.unary)
        np.add.at(x, form.tails, flow)
        np.subtract.at(x, form.heads, flow)
        for ends in (form.tails, form.heads):
            np.add.at(size, ends, form.capacities + form.reverse)
        inside = np.zeros(nodes, dtype=np.bool_)
        inside[: F.n] = mask
        inside[F.n :] = _auxiliary(form, inside)
        # cut minus bound is a sum over nodes and arcs of nonnegative terms
        leaving = inside[form.tails] & ~inside[form.heads]
        entering = inside[form.heads] & ~inside[form.tails]
        arcs = (form.capacities - flow)[leaving].sum() + (form.reverse + flow)[entering].sum()
        size[: F.n] = np.maximum(size[: F.n], sizes_of(F))
        wrong = np.where(inside, x, -x)
        return gap_of(F, mask, answer, self.lower_bound, wrong, float(arcs), size)


def _auxiliary(form: CutForm, inside: Array) -> Array:
    """Return the auxiliary nodes of a minimum cut, given the elements that are inside.

    In built-in functions, auxiliary nodes have arcs to elements only, so that each node can be
    placed independently of the others.
    """
    n = form.n
    costs = form.unary.copy()  # cost of being inside minus cost of being outside
    for tails, heads, ahead, behind in (
        (form.tails, form.heads, form.capacities, form.reverse),
        (form.heads, form.tails, form.reverse, form.capacities),
    ):
        own = (tails >= n) & (heads < n)
        there = inside[heads[own]]
        np.add.at(costs, tails[own], np.where(there, -behind[own], ahead[own]))
    return costs[n:] < 0
