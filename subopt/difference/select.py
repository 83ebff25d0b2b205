"""The choice of a method for a difference f - g, and the options of each method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from subopt._base import options as _options
from subopt._base import validate
from subopt.difference._accelerated_dca import accelerated_dca
from subopt.difference._complete_dca import complete_dca
from subopt.difference._dca import dca
from subopt.difference._dca_rounded import dca_rounded
from subopt.difference._double_greedy import double_greedy
from subopt.difference._forward_greedy import forward_greedy
from subopt.difference._local_search import local_search
from subopt.difference._modmod import modmod
from subopt.difference._portfolio import portfolio
from subopt.difference._projected_subgradient import projected_subgradient
from subopt.difference._subsup import subsup
from subopt.difference._supsub import supsub
from subopt.difference.exact._branch_and_bound import branch_and_bound
from subopt.difference.exact._milp import milp
from subopt.functions.algebra import DifferenceOfSubmodular, require_difference
from subopt.submodular.brute_force import brute_force
from subopt.submodular.result import Result

METHODS: dict[str, Callable[..., Result]] = {
    "auto": portfolio,
    "subsup": subsup,
    "supsub": supsub,
    "modmod": modmod,
    "dca": dca,
    "dca_rounded": dca_rounded,
    "accelerated_dca": accelerated_dca,
    "complete_dca": complete_dca,
    "projected_subgradient": projected_subgradient,
    "forward_greedy": forward_greedy,
    "double_greedy": double_greedy,
    "local_search": local_search,
    "branch_and_bound": branch_and_bound,
    "milp": milp,
    "brute_force": brute_force,
}


def options(method: str = "auto") -> tuple[str, ...]:
    """Return the names of the options that a method takes."""
    return _options.names(METHODS[validate.choice("method", method, tuple(METHODS))])


def draws(
    method: str = "auto", tie_break: str = "gains", randomized: bool = False, **_: Any
) -> bool:
    """Return whether a method with these options draws random numbers, and so takes `rng`."""
    return method in ("auto", "branch_and_bound") or tie_break == "random" or randomized


def minimize_difference(
    h: DifferenceOfSubmodular, *, method: str = "auto", **options: Any
) -> Result:
    """Minimize a difference of submodular functions by a method chosen by name.

    Parameters
    ----------
    h : DifferenceOfSubmodular
        The difference f - g.
    method : str, default "auto"
        A key of `METHODS`. "auto" runs several methods, local search and branch and bound.
    **options
        Those of the method, see `options`.

    Returns
    -------
    Result

    Raises
    ------
    TypeError
        If the method does not take an option, or cannot solve the problem.
    ValueError
        If an argument is not as described; or, for "branch_and_bound" and "auto", if f or g is seen
        not to be submodular.
    """
    require_difference(h)
    solve = METHODS[validate.choice("method", method, tuple(METHODS))]
    what = f"minimize of a DifferenceOfSubmodular by {method!r}"
    _options.require_known(what, _options.names(solve), options)
    return solve(h, **options)
