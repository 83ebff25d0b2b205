"""The choice of a solver for one submodular function, for `minimize` and for subproblems.

The methods of `minimize` do not import each other. A solver with a sequence of similar submodular
subproblems passes them to an `InnerSolver`, which starts each subproblem from the result of the
previous one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from subopt._base import validate
from subopt._base.answer import told
from subopt._base.options import Deadline, names, require_known, silent, stage
from subopt._base.types import RNG
from subopt.forms.decomposable import is_sum_of_simple
from subopt.functions.algebra import SetFunction
from subopt.functions.diminishing_returns import require_submodular
from subopt.submodular._frank_wolfe import frank_wolfe
from subopt.submodular._min_norm_point import min_norm_point
from subopt.submodular.brute_force import brute_force
from subopt.submodular.cardinality_sort import cardinality_sort, is_size_and_weights
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.decomposed import decomposed
from subopt.submodular.max_flow import FEW, max_flow_minimize
from subopt.submodular.modular import modular, modular_weights
from subopt.submodular.result import Result


class _Method(NamedTuple):
    run: Callable[..., Result]
    can_solve: Callable[[SetFunction, str], str | None]
    """Returns why the method does not fit F and the requested minimizer; None if it fits."""
    because: str = ""
    """Why "auto" picks the method; empty if it never does."""


def _any_only(method: str, minimizer: str) -> str | None:
    if minimizer == "any":
        return None
    return f"{method} finds any minimizer, not the {minimizer} one; min_norm_point does"


def _sort(F: SetFunction, minimizer: str) -> str | None:
    if is_size_and_weights(F):
        return None
    return "sort needs a sum of Cardinality and Modular functions"


def _max_flow(F: SetFunction, minimizer: str) -> str | None:
    if not F.cut_representable:
        return "max_flow needs a function that is known to be a cut function"
    return None if F._tents <= FEW else "the graph of F would be large"


def _decomposed(F: SetFunction, minimizer: str) -> str | None:
    if not is_sum_of_simple(F):
        return "decomposed needs a sum of simple functions"
    return _any_only("decomposed", minimizer)


# in the order in which "auto" tries them
_METHODS = {
    "modular": _Method(
        modular,
        lambda F, _: None if modular_weights(F) is not None else "modular needs a modular function",
        "F is modular",
    ),
    "sort": _Method(cardinality_sort, _sort, "F is a function of |S| plus a modular one"),
    "max_flow": _Method(max_flow_minimize, _max_flow, "F is the cut function of a graph"),
    "decomposed": _Method(
        decomposed, _decomposed, "F is a sum of simple functions, and its graph would be large"
    ),
    "min_norm_point": _Method(
        min_norm_point, lambda F, _: None, "F is not known to be one of the simpler kinds"
    ),
    "frank_wolfe": _Method(frank_wolfe, lambda F, minimizer: _any_only("frank_wolfe", minimizer)),
    "brute_force": _Method(brute_force, lambda F, _: None),
}
METHODS = ("auto", *_METHODS)
_AUTO = ("minimizer", "tol", "time_limit", "callback")


def exact_method(F: SetFunction, minimizer: str = "any") -> str:
    """Return the name of the first exact solver that fits F."""
    return next(
        name
        for name, method in _METHODS.items()
        if method.because and method.can_solve(F, minimizer) is None
    )


def can_solve(F: SetFunction, method: str, minimizer: str = "any") -> str | None:
    """Return why a method does not fit F; None if it fits."""
    return _METHODS[method].can_solve(F, minimizer)


def options(method: str) -> tuple[str, ...]:
    """Return the options that a method takes, "auto" included."""
    validate.choice("method", method, ("auto", *_METHODS))
    if method == "auto":
        return _AUTO
    own = names(_METHODS[method].run)
    return tuple(dict.fromkeys([*own, "minimizer", "callback"]))


def minimize_submodular(
    F: SetFunction,
    *,
    method: str = "auto",
    minimizer: str = "any",
    tol: float | None = None,
    max_iter: int | None = None,
    start: Any = None,
    eliminate: bool | None = None,
    rng: RNG = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
    **others: Any,
) -> Result:
    """Minimize F by `method`; "auto" picks the first that fits. See `minimize`.

    `others` are options of other kinds of problems, which raise TypeError.
    """
    given: dict[str, Any] = {
        "tol": tol,
        "max_iter": max_iter,
        "start": start,
        "eliminate": eliminate,
        "rng": rng,
        "time_limit": time_limit,
        "callback": callback,
        **others,
    }
    given = {name: value for name, value in given.items() if value is not None}
    require_known(
        f"minimize of a SetFunction by method={method!r}",
        options(method),
        given,
        "; f - g is a SetFunction if g is modular, and DifferenceOfSubmodular(f, g) is not. "
        "A function that is not submodular takes them in minimize(decompose(F), ...)"
        if {"rng", "starts", "effort", "threads"} & set(given)
        else "",
    )
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    if tol is not None:
        validate.nonnegative("tol", tol)
    deadline = Deadline(time_limit)
    if method != "brute_force":
        require_submodular("F", F, time_limit)
    name = exact_method(F, minimizer) if method == "auto" else method
    chosen = _METHODS[name]
    stage("%s%s", name, f", because {chosen.because}" if method == "auto" else "")
    taken = names(chosen.run)
    passed = {key: value for key, value in given.items() if key in taken}
    if "minimizer" in taken:
        passed["minimizer"] = minimizer
    elif (why := _any_only(name, minimizer)) is not None:
        raise ValueError(f"{why}. Use method='auto'.")
    if "time_limit" in passed:
        passed["time_limit"] = deadline.left()
    result = chosen.run(F, **passed)
    if not math.isfinite(result.value):
        raise ValueError(
            f"The values of {F!r} are too large for floating point: multiply F by 1e-8"
        )
    if "callback" not in taken:
        result = told(callback, result)
    if method == "auto":
        result = replace(result, method=f"{result.method}, because {chosen.because}")
    return result


class InnerSolver:
    """Minimizes a sequence of similar submodular functions, each by a method that fits it.

    Parameters
    ----------
    tol : float
        The gap at which an iterative method stops, in the units of the functions.
    max_iter : int
        Largest number of iterations per function; after these, the best set so far is returned.
    deadline : Deadline
        Time limit of all calls together.
    """

    def __init__(self, tol: float, max_iter: int, deadline: Deadline) -> None:
        self.tol, self.max_iter, self.deadline = tol, max_iter, deadline
        self._evals = 0
        self._last: BaseCertificate | None = None

    def __call__(self, F: SetFunction) -> Result:
        """Return a minimizer of F, or the best set that was found within the limits."""
        name = exact_method(F)
        limits: dict[str, Any] = {}
        if name in ("min_norm_point", "decomposed"):
            left = self.deadline.left()
            limit = None if left == math.inf else left
            limits = {"tol": self.tol, "max_iter": self.max_iter, "time_limit": limit}
        if name == "min_norm_point":
            with silent():  # one of many
                result = min_norm_point(F, start=self._last, **limits)
            if isinstance(result.certificate, BaseCertificate):
                self._last = result.certificate
        else:
            with silent():
                result = _METHODS[name].run(F, **limits)
        self._evals += result.n_evals
        return result

    def spent(self) -> int:
        """Return the number of evaluations since the previous call of `spent`."""
        spent, self._evals = self._evals, 0
        return spent
