"""Which exact solver fits a submodular function: the one door for `minimize` and for subproblems.

Solvers do not know each other. One that has submodular subproblems, alike one after the other,
hands them to an `InnerSolver`, which starts each where the last one ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from subopt._base import validate
from subopt._base.deadline import Deadline
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
from subopt.submodular.max_flow import max_flow_minimize
from subopt.submodular.modular import modular, modular_weights
from subopt.submodular.result import Result

FEW = 16
"""A table with more drops of slope has too many auxiliary nodes, of as many arcs as it has members,
for a maximum flow to be faster than other methods."""


class _Method(NamedTuple):
    run: Callable[..., Result]
    fits: Callable[[SetFunction, str], bool]  # of F and of the minimizer that is asked for
    because: str
    iterative: bool = False  # takes tol, time_limit and callback


def _any_minimizer(run: Callable[..., Result]) -> Callable[..., Result]:
    def solve(F: SetFunction, *, minimizer: str, **options: Any) -> Result:
        if minimizer != "any":
            raise ValueError(
                f"This method finds any minimizer, not the {minimizer} one; min_norm_point does."
            )
        return run(F, **options)

    return solve


# in the order in which "auto" tries them
_METHODS = {
    "modular": _Method(modular, lambda F, _: modular_weights(F) is not None, "F is modular"),
    "sort": _Method(
        cardinality_sort,
        lambda F, _: is_size_and_weights(F),
        "F is a function of |S| plus a modular one",
    ),
    "max_flow": _Method(
        max_flow_minimize,
        lambda F, _: F.cut_representable and F._tents <= FEW,
        "F is the cut function of a graph",
    ),
    "decomposed": _Method(
        _any_minimizer(decomposed),
        lambda F, minimizer: minimizer == "any" and is_sum_of_simple(F),
        "F is a sum of simple functions, and its graph would be large",
        iterative=True,
    ),
    "min_norm_point": _Method(
        min_norm_point,
        lambda F, _: True,
        "F is not known to be one of the simpler kinds",
        iterative=True,
    ),
    "frank_wolfe": _Method(
        _any_minimizer(frank_wolfe), lambda F, _: False, "n is large", iterative=True
    ),
    "brute_force": _Method(brute_force, lambda F, _: False, "n is small"),
}


def exact_method(F: SetFunction, minimizer: str = "any") -> str:
    """Return the name of the first exact solver that fits F."""
    return next(name for name, candidate in _METHODS.items() if candidate.fits(F, minimizer))


def minimize_submodular(
    F: SetFunction,
    *,
    method: str = "auto",
    tol: float | None = None,
    minimizer: str = "any",
    rng: RNG = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize F by `method`; "auto" picks the first that fits. See `minimize`."""
    if rng is not None:  # no method here draws from it
        validate.generator(rng)
    validate.choice("method", method, ("auto", *_METHODS))
    if tol is not None:
        validate.nonnegative("tol", tol)
    if time_limit is not None:
        validate.nonnegative("time_limit", time_limit)
    if method != "brute_force":
        require_submodular("F", F)
    name = exact_method(F, minimizer) if method == "auto" else method
    chosen = _METHODS[name]
    iteration = {"tol": tol, "time_limit": time_limit, "callback": callback}
    result = chosen.run(F, minimizer=minimizer, **(iteration if chosen.iterative else {}))
    if not math.isfinite(result.value):
        raise ValueError(
            f"The values of {F!r} are too large for floating point: multiply F by 1e-8"
        )
    if callback is not None and not chosen.iterative:
        callback(result)
    if method == "auto":
        result = replace(result, method=f"{result.method}, because {chosen.because}")
    return result


class InnerSolver:
    """Minimizes a sequence of similar submodular functions by what fits them.

    Parameters
    ----------
    tol : float
        The gap at which an iterative method stops.
    max_iter : int
        Its largest number of sweeps for one function: then the best set so far is the answer.
    deadline : Deadline
        When to stop for good.
    """

    def __init__(self, tol: float, max_iter: int, deadline: Deadline) -> None:
        self.tol, self.max_iter, self.deadline = tol, max_iter, deadline
        self._evals = 0
        self._last: BaseCertificate | None = None

    def __call__(self, F: SetFunction) -> Result:
        """Return a minimizer of F, or the best set within the limits."""
        name = exact_method(F)
        limits: dict[str, Any] = {}
        if _METHODS[name].iterative:
            left = self.deadline.left()
            limit = None if left == math.inf else left
            limits = {"tol": self.tol, "max_iter": self.max_iter, "time_limit": limit}
        if name == "min_norm_point":
            result = min_norm_point(F, start=self._last, **limits)
            assert isinstance(result.certificate, BaseCertificate)
            self._last = result.certificate
        else:
            result = _METHODS[name].run(F, minimizer="any", **limits)
        self._evals += result.n_evals
        return result

    def spent(self) -> int:
        """Return the number of evaluations since the last call of this."""
        spent, self._evals = self._evals, 0
        return spent
