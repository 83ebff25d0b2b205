"""Differences of submodular functions as mixed-integer programs, solved by the HiGHS of scipy.

Both parts are sums of truncated modular functions min(cap, w(S)) (see `CapForm`). On the side of f,
which is minimized, a term is replaced by its Lovász extension, min over t of
cap t + w @ max(x - t, 0); on the side of -g by its concave extension, min(cap, w @ x). Both are
linear with additional variables and exact at 0-1 points, so that only x needs to be integral.

HiGHS has absolute tolerances of about 1e-6. Decided elements are therefore fixed first. Terms are
scaled to cap 1, and costs such that the largest is about 2^COST, whatever the units of h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.options import Deadline, documented_with
from subopt._base.types import Array
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import CUTS, complete, scaled_rows, without
from subopt.difference._fixing import Fixed, fix, unfixed
from subopt.difference.exact.tree_certificate import difference
from subopt.forms.truncated import CapForm
from subopt.forms.truncated_families import cap_form, is_liftable
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, terms_of
from subopt.submodular.result import Result

COST = 10
"""Costs are scaled to a largest one of 2^COST: HiGHS then stops at 1e-9 of it."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MilpResult(Result):
    """A `Result` without evidence: its bound is what another program reports.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set; read-only.
    value : float
        ``h.value(mask)``.
    lower_bound : float
        Minus infinity, because nothing can be re-checked; `branch_and_bound` proves a bound.
    status : Status
        REPORTED_OPTIMAL or TIME_LIMIT.
    method : str
        "milp".
    certificate : None
        There is no evidence.
    n_iter : int
        Nodes of HiGHS.
    n_evals : int
        Values of h.
    solver_bound : float
        The lower bound that HiGHS reports, within its tolerances.
    """

    solver_bound: float


def can_solve(h: DifferenceOfSubmodular | SetFunction) -> str | None:
    """Return why `milp` cannot solve a problem, or None if it can.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
        f - g.

    Returns
    -------
    str or None
        The part and the family that are not sums of truncated modular functions.
    """
    h = difference(h)
    for name, F in (("f", h.f), ("g", h.g)):
        for _, G in terms_of(F):
            if not is_liftable(G):
                return (
                    f"milp cannot use the part {name} = {F!r}: {G!r} is no sum of "
                    "truncated modular functions. branch_and_bound takes any function."
                )
    return None


@documented_with({
    "tol": (
        "float",
        "Gap at which HiGHS may stop, in the units of h. HiGHS measures gaps relative to the\n"
        "value; the option is converted by a bound on the value, so it may stop later than asked.",
    )
})  # fmt: skip
def milp(
    h: DifferenceOfSubmodular | SetFunction,
    *,
    tol: float = 0.0,
    time_limit: float | None = None,
) -> MilpResult:
    """Minimize a difference of truncated modular functions as a mixed-integer program.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
        f - g where f and g are sums of modular, cut, hypergraph cut, coverage, facility location,
        cardinality and truncated functions and partition ranks.
    %(tol)s
    %(time_limit)s

    Returns
    -------
    MilpResult
        ``solver_bound`` is what HiGHS reports; there is no certificate. The status is
        ``REPORTED_OPTIMAL`` or ``TIME_LIMIT``.

    Raises
    ------
    TypeError
        If a part of h is no sum of truncated modular functions; the message names the family.
    ValueError
        If an option is not as described.
    RuntimeError
        If HiGHS fails.

    Examples
    --------
    >>> h = Cut([[0, 1], [1, 0]]) - Coverage([[3, 0], [0, 1]])
    >>> result = milp(h)
    >>> result.S, result.value, result.solver_bound, result.lower_bound
    (array([0, 1]), -2.0, -2.0, -inf)
    """
    return solved(h, None, tol=tol, time_limit=time_limit)


def solved(
    h: DifferenceOfSubmodular | SetFunction,
    of: Constraints | None,
    *,
    tol: float = 0.0,
    time_limit: float | None = None,
) -> MilpResult:
    """Minimize over all sets, or over feasible ones: constraints are rows; see `milp`."""
    h = difference(h)
    tol, deadline = validate.nonnegative("tol", tol), Deadline(time_limit)
    if (reason := can_solve(h)) is not None:
        raise TypeError(reason)
    fixed = fix(h) if of is None else unfixed(h)
    none = np.zeros(fixed.h.n, dtype=np.bool_)
    if not len(none):
        return _result(fixed, none, 0.0, Status.REPORTED_OPTIMAL, 0)
    f, g = _unit(cap_form(fixed.h.f)), _unit(cap_form(fixed.h.g))
    largest = float(np.minimum(fixed.ranges.low, 0.0).sum())  # min h is at least this
    options: dict[str, Any] = {"mip_rel_gap": tol / -largest if largest < 0 else 0.0}
    if (left := deadline.left()) < math.inf:
        options["time_limit"] = left
    rows = None if of is None else scaled_rows(of)[:2]
    for _ in range(CUTS):
        found, unit = _solve(f, g, options, rows)
        if found.status not in (0, 1):
            raise RuntimeError(f"HiGHS failed: {found.message}")
        mask = none if found.x is None else found.x[: fixed.h.n] > 0.5
        if of is None or rows is None or found.x is None or of.feasible(mask):
            break
        rows = without(mask, *rows)  # it exceeds a budget by less than the tolerance
    if of is not None:
        mask = complete(of, mask)
    bound = found.mip_dual_bound
    bound = -math.inf if bound is None else unit * float(bound)
    status = Status.REPORTED_OPTIMAL if found.status == 0 else Status.TIME_LIMIT
    return _result(fixed, mask, bound, status, int(found.mip_node_count or 0))


def _result(fixed: Fixed, mask: Array, bound: float, status: Status, nodes: int) -> MilpResult:
    """Return the answer about all elements; `bound` is relative to the fixed ones."""
    h, whole = fixed.given, fixed.lift(mask)
    value = h.value(whole.copy())
    return MilpResult(
        mask=whole,
        value=value,
        status=status,
        method="milp",
        n_iter=nodes,
        n_evals=2,
        solver_bound=value - (fixed.h.value(mask.copy()) - bound),
    )


def _unit(form: CapForm) -> CapForm:
    """Return the same function with caps of 1, and no weight above its cap."""
    caps = form.caps
    weights = np.minimum(form.weights / caps[form.rows], 1.0)
    return replace(form, weights=weights, caps=np.ones_like(caps), scales=form.scales * caps)


def _solve(
    f: CapForm, g: CapForm, options: dict[str, Any], rows_of_x: tuple[Any, Array] | None
) -> tuple[Any, float]:
    """Solve the program by HiGHS, and return its result and the unit of its values.

    Variables are x, then t and z of f, then the levels of g. `rows_of_x` are matrix and limits of
    constraints on x.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint
    from scipy.optimize import milp as highs

    n, rows, entries = f.n, len(f.caps), len(f.indices)
    # min(cap, w(S)) = cap max(x) if each weight is the cap: t is enough, and z = 0
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
    size = float(np.abs(cost).max(initial=0.0))
    unit = 2.0 ** (math.frexp(size)[1] - COST) if size else 1.0
    conditions = [LinearConstraint(matrix, lb=0.0)] if matrix.shape[0] else []
    if rows_of_x is not None:
        own, most = rows_of_x
        wide = sparse.hstack([own, sparse.csr_array((len(most), len(cost) - n))], format="csr")
        conditions.append(LinearConstraint(wide, ub=most))
    found = highs(
        cost / unit,
        integrality=integral,
        bounds=Bounds(np.zeros(len(cost)), high),
        constraints=conditions,
        options=options,
    )
    return found, unit
