"""Cut functions: one minimum cut.

What `F.as_cut()` returns is minimized over elements and auxiliary nodes at once: a negative unary
term is a capacity from the source, a positive one to the sink. The flow is the certificate.
"""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, round_up
from subopt.functions.algebra import SetFunction
from subopt.graph._max_flow import minimum_cut
from subopt.submodular.certificates import FlowCertificate
from subopt.submodular.result import Result


def max_flow_minimize(F: SetFunction, *, minimizer: str = "any") -> Result:
    """Minimize a set function that is the cut function of a graph, by maximum flow.

    Parameters
    ----------
    F : SetFunction
        With ``F.as_cut()``: `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `Cardinality`, and their
        nonnegative sums, restrictions, contractions and complements.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return if there are several. Exact if F is integral; else sets within
        1e-11 of the sum of all numbers in F count as minimizers, which is more than rounding.

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
    excess = -form.unary
    if minimizer != "any" and not F.integral:  # a price, or a reward, for every element
        size = np.abs(form.unary).sum() + form.capacities.sum() + form.reverse.sum()
        price = 1e-11 * float(size) / (F.n + 1)
        excess[: F.n] += price if minimizer == "maximal" else -price
    side, flow, _ = minimum_cut(
        form.n + form.n_aux,
        form.tails,
        form.heads,
        form.capacities,
        form.reverse,
        excess,
        maximal=minimizer == "maximal",
    )
    mask = side[: F.n].copy()
    value, bound = F.value(mask), form.bound(flow)
    bound = min(value, round_up(bound) if F.integral else bound)
    optimal = value - bound <= 1e-9 * (1.0 + np.abs(form.unary).sum())
    status = Status.OPTIMAL if optimal else Status.SLOW_PROGRESS
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
