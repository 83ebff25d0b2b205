"""The choice of a method over feasible sets, after fixed elements are taken out.

If elements are only included or excluded, every method of the unconstrained problem applies: the
function of the free elements is again submodular, or again a difference. With a size, budgets or
groups, a method of this wing solves the problem of the free elements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from subopt._base import options as _options
from subopt._base import validate
from subopt._base.options import CONSTRAINTS, Deadline, stage
from subopt._base.types import Array
from subopt.constrained.certificate import ConstrainedCertificate, Problem, minor_of
from subopt.constrained.dca import dca
from subopt.constrained.descent import local_search, modmod, subsup
from subopt.constrained.exact import branch_and_bound, brute_force, milp
from subopt.constrained.lagrangian import lagrangian
from subopt.constrained.portfolio import portfolio
from subopt.constraints.build import constraints_of
from subopt.constraints.feasible import Constraints
from subopt.difference.exact._milp import MilpResult
from subopt.difference.exact.tree_certificate import difference
from subopt.difference.select import METHODS as DIFFERENCE
from subopt.difference.select import minimize_difference
from subopt.difference.select import options as difference_options
from subopt.functions.algebra import (
    DifferenceOfSubmodular,
    require_difference,
    require_set_function,
)
from subopt.functions.diminishing_returns import require_submodular_parts
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result
from subopt.submodular.select import METHODS as FUNCTION
from subopt.submodular.select import minimize_submodular
from subopt.submodular.select import options as function_options

METHODS: dict[str, Callable[..., Result]] = {
    "auto": portfolio,
    "lagrangian": lagrangian,
    "local_search": local_search,
    "modmod": modmod,
    "subsup": subsup,
    "dca": dca,
    "branch_and_bound": branch_and_bound,
    "milp": milp,
    "brute_force": brute_force,
}
"""Methods that take all constraints; "lagrangian" is for submodular functions."""
ON_DIFFERENCES = ("modmod", "subsup", "dca")


def options(method: str = "auto") -> tuple[str, ...]:
    """Return the options that a method takes together with all kinds of constraints."""
    own = _options.names(METHODS[validate.choice("method", method, tuple(METHODS))])[1:]
    return (*own, *CONSTRAINTS)


def draws(method: str = "auto", **_: Any) -> bool:
    """Return whether a method draws random numbers, and so takes `rng`."""
    return method in ("auto", "branch_and_bound")


def minimize_constrained(h: Problem, *, method: str = "auto", **options: Any) -> Result:
    """Minimize F or f - g over the sets that satisfy constraints; see `minimize`.

    Parameters
    ----------
    h : DifferenceOfSubmodular or SetFunction
    method : str
        A key of `METHODS`; with `include` and `exclude` alone, any method of the problem without
        constraints.
    **options
        Constraints, by the names in `CONSTRAINTS`, and options of the method.

    Returns
    -------
    Result
        With a `ConstrainedCertificate`, unless the method has none.
    """
    said = {name: options.pop(name) for name in CONSTRAINTS if name in options}
    differs = isinstance(h, DifferenceOfSubmodular)
    require_difference(h) if isinstance(h, DifferenceOfSubmodular) else require_set_function(h)
    solve = _solver(method, said, differs, options)
    of = constraints_of(h.n, **said)
    stage("%r: %d elements are free", of, len(of.free))
    if options.get("callback") is not None:
        told = options["callback"]
        options["callback"] = lambda result: told(_lifted(h, of, result))
    result = solve(minor_of(h, of), of.reduced(), **_of_free(options, of))
    return _lifted(h, of, result)


def _solver(
    method: str, said: dict[str, Any], differs: bool, given: dict[str, Any]
) -> Callable[..., Result]:
    """Return what solves the problem on the free elements under what is left of the constraints."""
    plain, plain_options = (
        (tuple(DIFFERENCE), difference_options) if differs else (FUNCTION, function_options)
    )
    own = tuple(m for m in METHODS if (m != "lagrangian" if differs else m not in ON_DIFFERENCES))
    kind = "DifferenceOfSubmodular" if differs else "SetFunction"
    what = f"minimize of a {kind} by {method!r}"
    if "size" in said or "constraints" in said:
        if method in plain and method not in own:
            refused = " and ".join(name for name in ("size", "constraints") if name in said)
            raise TypeError(
                f"{what} takes include and exclude, but not {refused}; "
                f"{', '.join(map(repr, own))} do"
            )
        validate.choice("method", method, own)
        _options.require_known(f"{what} with constraints", options(method), given)
        return lambda rest, of, **more: _constrained(method, rest, of, more)
    validate.choice("method", method, plain)
    _options.require_known(what, (*plain_options(method), *CONSTRAINTS), given)
    run: Callable[..., Result] = minimize_difference if differs else minimize_submodular
    return lambda rest, of, **more: run(rest, method=method, **more)


def _constrained(method: str, h: Problem, of: Constraints, options: dict[str, Any]) -> Result:
    """Minimize by a method of this wing."""
    limit = options.get("time_limit")
    deadline = Deadline(limit)
    if method in ("auto", "branch_and_bound", "lagrangian", "subsup", "dca"):
        require_submodular_parts(h, limit)
    if limit is not None:
        options["time_limit"] = deadline.left()
    if h.n == 0 and method != "milp":
        return brute_force(h, of)
    if method in ("local_search", *ON_DIFFERENCES):
        h = difference(h)
    return METHODS[method](h, of, **options)


def _of_free(options: dict[str, Any], of: Constraints) -> dict[str, Any]:
    """Return options about all elements as options about the free ones."""
    n, free = of.n, of.free
    result = dict(options)
    if (start := options.get("start")) is not None:
        if isinstance(start, BaseCertificate):
            result["start"] = replace(start, orders=np.array([_kept(o, of) for o in start.orders]))
        else:
            array = np.asarray(start) if hasattr(start, "__len__") else np.zeros(0)
            point = array.shape == (n,) and array.dtype.kind == "f"
            result["start"] = array[free] if point else validate.subset(start, n, "start")[free]
    if options.get("order") is not None:
        result["order"] = _kept(validate.order(options["order"], n), of)
    return result


def _kept(order: Array, of: Constraints) -> Array:
    """Return an order of all elements as one of the free ones, by their numbers among these."""
    number = np.full(of.n, -1, dtype=np.intp)
    number[of.free] = np.arange(len(of.free))
    found = number[np.asarray(order)]
    return found[found >= 0]


def _lifted(h: Problem, of: Constraints, result: Result) -> Result:
    """Return a result on the free elements as one on all."""
    mask = of.lift(result.mask)
    assert of.feasible(mask), "solvers return feasible sets"
    value = h.value(mask.copy())
    evidence = result.certificate
    if isinstance(result, MilpResult):
        result = replace(result, solver_bound=result.solver_bound + value - result.value)
    return replace(
        result,
        mask=mask,
        value=value,
        lower_bound=value - result.gap,
        certificate=None if evidence is None else ConstrainedCertificate(of, evidence),
    )
