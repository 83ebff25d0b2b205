"""Differences of submodular functions as mixed-integer programs, by the HiGHS of scipy.

Both parts are sums of capped modular functions (`CapForm`). On the side of f, which is minimized,
a term stands as its Lovász extension, min over t of cap t + w @ max(x - t, 0); on the side of -g as
its concave extension, min(cap, w @ x). Both are linear with additional variables and exact at 0-1
points, so that only x needs to be integral.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.difference.exact.tree_certificate import difference
from subopt.forms.truncated import CapForm
from subopt.forms.truncated_families import cap_form
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False, repr=False)
class MilpResult(Result):
    """A `Result` without evidence: its bound is the word of another program.

    Attributes
    ----------
    solver_bound : float
        The lower bound that HiGHS reports. It trusts the tolerances of HiGHS (about 1e-6 of the
        numbers in the program), and nothing in it can be re-checked. Hence ``lower_bound`` is
        minus infinity, and ``certificate`` is None; `branch_and_bound` has both.
    """

    solver_bound: float


def milp(
    h: DifferenceOfSubmodular | SetFunction,
    *,
    relative_gap: float = 0.0,
    time_limit: float | None = None,
) -> MilpResult:
    """Minimize a difference of submodular functions that is linear after lifting.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
        f - g where `cap_form` knows f and g: sums of modular, cut, hypergraph cut, coverage,
        facility location, cardinality, capped functions and partition ranks.
    relative_gap : float, default 0
        Gap at which HiGHS may stop, as a share of the value.
    time_limit : float, optional
        Seconds after which to stop with what there is.

    Returns
    -------
    MilpResult
        ``solver_bound`` is what HiGHS reports; there is no certificate. ``status`` is
        ``REPORTED_OPTIMAL`` or ``TIME_LIMIT``.

    Raises
    ------
    TypeError
        If a part of h is not linear after lifting; the message names the family.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Coverage([[3, 0], [0, 1]])
    >>> result = milp(h)
    >>> result.S, result.value, result.solver_bound, result.lower_bound
    (array([0, 1]), -2.0, -2.0, -inf)
    """
    f, g = _forms(h)
    relative_gap = validate.nonnegative("relative_gap", relative_gap)
    seconds = math.inf if time_limit is None else validate.nonnegative("time_limit", time_limit)
    if h.n == 0:
        return _result(h, np.zeros(0, dtype=np.bool_), 0.0, Status.REPORTED_OPTIMAL, 0)
    options: dict[str, Any] = {"mip_rel_gap": relative_gap}
    if seconds < math.inf:
        options["time_limit"] = seconds
    found = _solve(f, g, options)
    if found.status not in (0, 1):
        raise RuntimeError(f"HiGHS failed: {found.message}")
    mask = np.zeros(h.n, dtype=np.bool_) if found.x is None else found.x[: h.n] > 0.5
    bound = found.mip_dual_bound
    bound = -math.inf if bound is None else float(bound)
    status = Status.REPORTED_OPTIMAL if found.status == 0 else Status.TIME_LIMIT
    return _result(h, mask, bound, status, int(found.mip_node_count or 0))


def _result(
    h: DifferenceOfSubmodular | SetFunction, mask: Array, bound: float, status: Status, nodes: int
) -> MilpResult:
    value = h.value(mask.copy())
    return MilpResult(
        mask=mask,
        value=value,
        lower_bound=-math.inf,
        status=status,
        certificate=None,
        method="milp",
        n_iter=nodes,
        n_evals=1,
        solver_bound=bound,
    )


def _forms(h: DifferenceOfSubmodular | SetFunction) -> tuple[CapForm, CapForm]:
    h = difference(h)
    forms = []
    for name, F in (("f", h.f), ("g", h.g)):
        try:
            forms.append(cap_form(F))
        except TypeError as error:
            raise TypeError(
                f"milp cannot use the part {name} = {F!r}: {error} branch_and_bound takes any."
            ) from error
    return forms[0], forms[1]


def _solve(f: CapForm, g: CapForm, options: dict[str, Any]) -> Any:
    """Hand the program to HiGHS: variables are x, then t and z of f, then the levels of g."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint
    from scipy.optimize import milp as highs

    n, rows, entries = f.n, len(f.caps), len(f.indices)
    # min(cap, w(S)) = cap max(x) if each weight is at least the cap: t is enough, and z = 0
    least = np.full(rows, np.inf)
    np.minimum.at(least, f.rows, f.weights)
    needs = ~(f.caps <= least)[f.rows]
    k = int(needs.sum())
    one = np.ones(entries)
    e = np.arange(entries)
    z = sparse.csr_array((np.ones(k), (e[needs], np.arange(k))), shape=(entries, k))
    above = sparse.hstack([  # t + z >= x, entry by entry
        sparse.csr_array((-one, (e, f.indices)), shape=(entries, n)),
        sparse.csr_array((one, (e, f.rows)), shape=(entries, rows)),
        z,
        sparse.csr_array((entries, len(g.caps))),
    ])  # fmt: skip
    below = sparse.hstack([  # level <= w @ x
        sparse.csr_array((g.weights, g.indices, g.indptr), shape=(len(g.caps), n)),
        sparse.csr_array((len(g.caps), rows + k)),
        -sparse.eye_array(len(g.caps)),
    ])  # fmt: skip
    cost = np.concatenate([
        f.linear - g.linear,
        f.scales * f.caps,
        (f.scales[f.rows] * f.weights)[needs],
        -g.scales,
    ])  # fmt: skip
    high = np.concatenate([np.ones(n + rows + k), g.caps])
    integral = np.concatenate([np.ones(n), np.zeros(len(cost) - n)])
    matrix = sparse.vstack([above, below], format="csr")
    return highs(
        cost,
        integrality=integral,
        bounds=Bounds(np.zeros(len(cost)), high),
        constraints=[LinearConstraint(matrix, lb=0.0)] if matrix.shape[0] else [],
        options=options,
    )
