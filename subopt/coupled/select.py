"""The choice of a method for a coupled labeling problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.options import names, require_known, stage
from subopt._base.types import Array
from subopt.coupled.certificate import LabelingCertificate, exact_energy, slots_of
from subopt.coupled.local_search import local_search
from subopt.coupled.lower_bound import lower_bound as bound_of
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import LabelingResult

_METHODS = ("auto", "search", "published")


def _solver(method: str) -> Callable[..., LabelingResult]:
    if validate.choice("method", method, _METHODS) != "published":
        return local_search
    from subopt.coupled.published_rule import published  # it loads the engine of moves

    return published


def options(method: str = "auto") -> tuple[str, ...]:
    """Return the names of the options that a method for coupled labelings takes."""
    return (*names(_solver(method)), "lower_bound")


def minimize_coupled(
    problem: CoupledLabelingProblem,
    *,
    method: str = "auto",
    lower_bound: bool = False,
    **given: Any,
) -> LabelingResult:
    """Minimize a coupled labeling energy.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    method : {"auto", "search", "published"}
        "search", which "auto" chooses, looks for a low energy, see
        `subopt.coupled.local_search.local_search`. "published" runs the published update rule of
        Co-Mixup, for comparison, see `subopt.coupled.published_rule.published`.
    lower_bound : bool, default False
        Whether to compute a lower bound on the energy of all labelings as well, with a certificate.
        Takes 0.1 s for 20 inputs on 4x4 patches and seconds on 16x16, which `time_limit` does not
        include. The bound is weak for strong coupling: tens of percent below what is reachable.
    **given
        Options of the method.

    Returns
    -------
    LabelingResult

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or the method does not take an option.
    """
    require_known(f"method={method!r} of a CoupledLabelingProblem", options(method), given)
    result = _solver(method)(problem, **given)
    if lower_bound:
        stage("%s: energy %.9g; prices for a lower bound", result.method, result.value)
        result = certified(problem, result)
    return result


def certified(problem: CoupledLabelingProblem, result: LabelingResult) -> LabelingResult:
    """Return a result with a lower bound, and OPTIMAL if the bound meets the value.

    The value becomes the exact energy, rounded to the nearest float, and the bound is rounded down:
    they meet if not more than one rounding of the value lies between them.
    """
    value = float(exact_energy(problem, slots_of(problem, result)))
    certificate: LabelingCertificate = bound_of(problem, value)
    energies: Array = np.append(result.energies[:-1], value)
    proven = replace(
        result,
        value=value,
        lower_bound=certificate.lower_bound,
        certificate=certificate,
        energies=energies,
    )
    met = proven.gap <= np.spacing(abs(value))
    return replace(proven, status=Status.OPTIMAL) if met else proven
