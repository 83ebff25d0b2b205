"""The one front door: hand it a problem, get an answer that says what ran."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, overload

import numpy as np

from subopt._base import validate
from subopt._base.threads import in_order, thread_count
from subopt._base.types import RNG, ArrayLike
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.coupled.result import Callback as LabelingCallback
from subopt.coupled.result import LabelingResult
from subopt.coupled.select import minimize_coupled
from subopt.difference.select import draws, minimize_difference
from subopt.difference.select import options as difference_options
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.result import Labeling
from subopt.labeling.select import label
from subopt.submodular.result import Result
from subopt.submodular.select import minimize_submodular


@overload
def minimize(
    problem: SetFunction,
    *,
    method: str = "auto",
    tol: float | None = None,
    minimizer: str = "any",
    rng: RNG = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result: ...


@overload
def minimize(
    problem: DifferenceOfSubmodular,
    *,
    method: str = "auto",
    starts: int | None = None,
    rng: RNG = None,
    threads: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result: ...


@overload
def minimize(
    problem: CoupledLabelingProblem,
    *,
    mode: str = "search",
    rng: RNG = None,
    effort: str = "default",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: LabelingCallback | None = None,
    lower_bound: bool = False,
) -> LabelingResult: ...


@overload
def minimize(
    problem: LabelingEnergy,
    *,
    method: str = "auto",
    initial: ArrayLike | None = None,
    lower_bound: bool = False,
) -> Labeling: ...


def minimize(problem: Any, **options: Any) -> Any:
    """Minimize a submodular function, a difference of two, or a labeling energy.

    Parameters
    ----------
    problem : SetFunction, DifferenceOfSubmodular, CoupledLabelingProblem or LabelingEnergy
        What to minimize. A `SetFunction`, and f and g of a difference, are taken to be submodular.
        Those of a family of `subopt` are by construction. Of a function that is known by its values
        only, a few sets are looked at first: all 2^n for n up to 6, else those of four greedy
        sweeps, 4n values; not counted in `time_limit` and ``n_evals``. Not if the method is
        "brute_force", or one for differences that proves no bound (all but "auto" and
        "branch_and_bound"), and the solvers themselves, such as `min_norm_point`, do not look.
        What passes may yet fail elsewhere: `subopt.testing.assert_submodular` looks further.
    method : str, default "auto"
        For a set function: "modular", "sort", "max_flow", "decomposed", "min_norm_point",
        "frank_wolfe" or "brute_force"; "auto" picks the first of these that fits, and the result
        says why.
        For a difference ``f - g``: the name of one method, such as "subsup", see
        `subopt.difference.select.METHODS`, or "auto", which runs several and local search, and
        says which one found the answer; up to n = 32 it also tries to prove it, by a few steps of
        "branch_and_bound". That proves a lower bound, "milp" reports one.
        For a `LabelingEnergy`: see `subopt.labeling.select.label`, which also takes `initial`, and
        `lower_bound`.
    starts : int, optional
        For a difference: how many more sets, near the best one and random, "auto" starts from; by
        default 4096 / n, but 8 to 32.
    threads : int, optional
        For a difference: how many threads "auto" uses; one a core by default. The answer does not
        depend on it, unless there is a `time_limit`.
    tol : float, optional
        For a set function: the gap at which to stop, in the units of F. By default a small share
        of the largest gain, so that scaling F changes nothing.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        For a set function: which one to return if there are several.
    mode : {"search", "published"}
        For a labeling: "search" looks for a low energy, see
        `subopt.coupled.local_search.local_search`. "published" runs the published update rule of
        Co-Mixup, to compare with, see `subopt.coupled.published_rule.published`.
    rng : numpy.random.Generator, int or None
        Source of all randomness, of methods that make random choices: those for a
        `CoupledLabelingProblem`, and "auto" and "branch_and_bound" for a difference. An int gives
        the same answer every time, on any number of threads; None a fresh one. No method for a set
        function draws from it: it is taken because f - g is a set function if g is modular, and the
        call should not depend on that.
    effort : {"fast", "default", "best"}
        For a labeling: how much work to do in mode "search"; mode "published" takes no effort.
    max_sweeps : int, optional
        For a labeling: stop after so many sweeps.
    lower_bound : bool, default False
        For a labeling: whether to also compute a lower bound on the energy of every labeling, with
        a certificate that `LabelingCertificate.check` verifies. Takes 0.1 s for 20 inputs on 4x4
        patches and seconds on 16x16, not counted in `time_limit`; weak for strong coupling: tens of
        percent below what is reachable.
    time_limit : float, optional
        Seconds to search; the best answer so far is returned. Methods of one step ("modular",
        "sort", "max_flow", "brute_force") finish it. For a labeling this is instead of the work
        of `effort`; in mode "published", no further sweep starts after it.
    callback : callable, optional
        Called with the best result so far, after every sweep or before every step, once by methods
        that take one step; in mode "published" with the current one. To stop from there, raise.

    Returns
    -------
    Result, LabelingResult or Labeling
        A `Result` has a lower bound on the minimum and a certificate that proves it:
        ``result.certificate.check(F, result.mask)`` recomputes ``result.gap``. For a
        difference there is such a proof if `status` is OPTIMAL, and from "branch_and_bound" in any
        case: else the lower bound is -inf, and the certificate of "auto" says that no set with one
        element more, less, or exchanged is better.
        For a `LabelingResult`, ``value`` equals ``problem.energy(result.shares)``; ``energies``
        never rises in mode "search"; in mode "published" it may, and `value` is the last of it.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or F is seen not to be submodular; the message names
        the set, two elements, and four values.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
    >>> result = minimize(F, minimizer="minimal")
    >>> result.S, result.value, result.gap, result.certificate.check(F, result.S)
    (array([0]), -1.0, 0.0, 0.0)
    >>> result.method
    'max_flow, because F is the cut function of a graph'

    >>> rng = np.random.default_rng(0)
    >>> problem = CoupledLabelingProblem(-rng.random((8, 4, 4)))
    >>> result = minimize(problem, rng=0)
    >>> result.sources.shape, bool(abs(result.value - problem.energy(result.shares)) < 1e-9)
    ((8, 4, 4, 2), True)
    """
    if isinstance(problem, CoupledLabelingProblem):
        _check("a CoupledLabelingProblem", options, _OF_A_LABELING)
        return minimize_coupled(problem, **options)
    if isinstance(problem, DifferenceOfSubmodular):
        allowed = ("method", *difference_options(options.get("method", "auto")))
        _check("a DifferenceOfSubmodular", options, allowed)
        return minimize_difference(problem, **options)
    if isinstance(problem, SetFunction):
        _check("a SetFunction", options, _OF_A_FUNCTION)
        return minimize_submodular(problem, **options)
    if isinstance(problem, LabelingEnergy):
        _check("a LabelingEnergy", options, _OF_AN_ENERGY)
        return label(problem, **options)
    raise TypeError(
        "minimize needs a SetFunction, a DifferenceOfSubmodular, a CoupledLabelingProblem or a "
        f"LabelingEnergy, got {type(problem).__name__}. Wrap a callable of a boolean mask as "
        "Function(n, value), an array of labeling costs as CoupledLabelingProblem(unary)."
    )


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


_OF_A_FUNCTION, _OF_A_LABELING = _names(minimize_submodular), _names(minimize_coupled)
_OF_AN_ENERGY = _names(label)


def _check(what: str, options: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for name in options:
        if name not in allowed:
            hint = "; f - g is a SetFunction if g is modular" if what == "a SetFunction" else ""
            raise TypeError(f"minimize of {what} takes {', '.join(allowed)}; got {name}{hint}")
    if (callback := options.get("callback")) is not None and not callable(callback):
        raise TypeError(f"callback needs to be callable with a result, got {callback!r}")


def minimize_many(
    problems: Sequence[SetFunction]
    | Sequence[DifferenceOfSubmodular]
    | Sequence[CoupledLabelingProblem]
    | Sequence[LabelingEnergy],
    *,
    rng: RNG | Sequence[RNG] = None,
    threads: int | None = None,
    **options: Any,
) -> list[Any]:
    """Minimize many problems at once, on all cores.

    Parameters
    ----------
    problems : sequence of what `minimize` takes
        For thousands of small labeling energies on one grid, `alpha_expansion_many` and
        `alpha_beta_swap_many` are faster.
    rng : Generator, int, None, or a list of one of these for each problem
        For labelings and differences: one source is split into independent streams, one a problem,
        before any work starts.
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.
    **options
        As in `minimize`, for each problem; `time_limit` is seconds per problem.

    Returns
    -------
    list of Result, LabelingResult or Labeling
        In the order of `problems`.

    Raises
    ------
    ValueError, TypeError
        As `minimize`, or if there is not one rng for each problem.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> problems = [CoupledLabelingProblem(-rng.random((4, 2, 2))) for _ in range(3)]
    >>> one, two = (minimize_many(problems, rng=0, threads=threads) for threads in (1, 2))
    >>> [a.value == b.value for a, b in zip(one, two)]
    [True, True, True]
    """
    kinds = SetFunction | DifferenceOfSubmodular | CoupledLabelingProblem | LabelingEnergy
    if isinstance(problems, kinds):
        raise TypeError("minimize_many needs a sequence of problems; for one, call minimize")
    tasks: list[Any] = list(problems)
    if isinstance(rng, Sequence):
        rngs = [validate.generator(r) for r in rng]
        if len(set(map(id, rngs))) < len(rngs):
            # one generator for several problems: split it before threads could race for it
            rngs = [np.random.default_rng(r.integers(2**63)) for r in rngs]
        if len(rngs) != len(tasks):
            raise ValueError(
                f"rng needs one entry for each of the {len(tasks)} problems, got {len(rngs)}"
            )
    else:
        rngs = list(validate.generator(rng).spawn(len(tasks)))
    threads = min(thread_count(threads), len(tasks))
    jobs = []
    for problem, source in zip(tasks, rngs, strict=True):
        own: dict[str, Any] = {}
        random = isinstance(problem, CoupledLabelingProblem)
        if random or (isinstance(problem, DifferenceOfSubmodular) and draws(**options)):
            own["rng"] = source
        if isinstance(problem, DifferenceOfSubmodular) and options.get("method", "auto") == "auto":
            own["threads"] = 1  # these here are for whole problems
        jobs.append(partial(minimize, problem, **options, **own))
    return in_order(lambda job: job(), jobs, threads)
