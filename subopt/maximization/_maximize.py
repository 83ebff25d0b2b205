"""The front door of maximization: methods by name, and "auto", which combines them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base import options as _options
from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.options import documented_with, reported, stage
from subopt._base.types import RNG, Subset
from subopt.constraints.build import constraints_of
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction, require_set_function
from subopt.functions.diminishing_returns import require_submodular
from subopt.functions.watched import TimeUp
from subopt.maximization._bound import upper_bound
from subopt.maximization._exchange import exchange
from subopt.maximization._greedy import double_greedy, greedy, stochastic_greedy
from subopt.maximization._run import LARGE, Run
from subopt.maximization._stream import sieve
from subopt.maximization.result import MaximizationResult

EFFORTS = ("fast", "default", "best")
PASSES = {"fast": 1, "default": 60, "best": 600}
"""Largest number of calls of `marginals` for the upper bound."""
ENOUGH = {"fast": 0.0, "default": 0.05, "best": 0.0}
"""The share of the upper bound at which the gap is small enough to stop; twice for n > `LARGE`."""
POLISH = {"fast": 0.0, "default": 1.0, "best": math.inf}
"""Gains that exchanges may compute, relative to those that the first set has taken."""
FEW = 5_000
"""This many gains are always allowed, unless each of them evaluates a user's function."""
LOOKED_AT = 10_000
"""Up to this n, a function that can only be evaluated is tested for diminishing returns."""


def _auto(run: Run, effort: str) -> Status:
    names = ["greedy"]
    greedy(run)
    if run.of.purses and not run.stopped():
        greedy(run, by_cost=True)
        names.append("greedy by cost")
    if not run.F.monotone and run.of.only_fixed and not run.stopped():
        double_greedy(run, None)
        names.append("double_greedy")
    _tell(run, ", ".join(names))
    evaluations = POLISH[effort] * (run.n_evals if run.F._by_value() else max(run.n_evals, FEW))
    if evaluations > 0 and run.proves(upper_bound(run, 1, 0.0)):
        evaluations = 0.0
    return _polished(run, names, evaluations)


def _tell(run: Run, what: str) -> None:
    stage("%s: value %.9g, %d gains so far", what, run.value, run.n_evals)


def _greedy(run: Run) -> Status:
    greedy(run)
    if run.of.purses and not run.stopped():
        greedy(run, by_cost=True)
    return Status.EFFORT_LIMIT


def _stochastic_greedy(run: Run, epsilon: float = 0.1, rng: RNG = None) -> Status:
    epsilon = validate.nonnegative("epsilon", epsilon)
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon needs a number between 0 and 1, got {epsilon:g}")
    stochastic_greedy(run, epsilon, validate.generator(rng))
    return Status.EFFORT_LIMIT


def _double_greedy(run: Run, randomized: bool = False, rng: RNG = None) -> Status:
    if not run.of.only_fixed:
        raise ValueError(
            "double_greedy has no size, budgets or groups: it decides every element once. Use "
            "method='auto', or include and exclude."
        )
    randomized = validate.flag("randomized", randomized)
    if rng is not None and not randomized:
        raise ValueError("rng draws the decisions of randomized=True; without it nothing is drawn")
    double_greedy(run, validate.generator(rng) if randomized else None)
    return Status.EFFORT_LIMIT


def _local_search(run: Run, start: Subset | None = None) -> Status:
    if start is None:
        greedy(run)
    else:
        mask = validate.subset(start, run.F.n, "start")
        if violations := run.of.violations(mask):
            raise ValueError(f"start needs to be feasible, but {'; '.join(violations)}")
        run.mask = mask
        run.offer(mask)
    return _polished(run, ["local_search"], math.inf)


def _sieve(run: Run, epsilon: float = 0.1, chunk: int = 4096) -> Status:
    sieve(run, epsilon, chunk)
    return Status.EFFORT_LIMIT


def _polished(run: Run, names: list[str], evaluations: float) -> Status:
    """Improve the best set by exchanges, and say what ran."""
    status = Status.EFFORT_LIMIT
    if evaluations > 0 and not run.stopped():
        before = run.value
        if exchange(run, evaluations):
            status = Status.LOCAL_MAXIMUM
        _tell(run, "exchanges")
        if run.value > before and "local_search" not in names:
            names.append("exchanges")
    run.method = ", ".join(names)
    return status


METHODS: dict[str, Callable[..., Status]] = {
    "auto": _auto,
    "greedy": _greedy,
    "stochastic_greedy": _stochastic_greedy,
    "double_greedy": _double_greedy,
    "local_search": _local_search,
    "sieve": _sieve,
}

_WORDING = {
    "tol": (
        "float",
        "The result is OPTIMAL if ``upper_bound - value <= tol``, in the units of F. 0 asks for\n"
        "the exact maximum, up to rounding.",
    ),
}


@reported
@documented_with(_WORDING)
def maximize(
    F: SetFunction,
    size: int | tuple[int | None, int | None] | None = None,
    *,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Any = (),
    method: str = "auto",
    effort: str = "default",
    tol: float = 0.0,
    time_limit: float | None = None,
    callback: Callable[[MaximizationResult], object] | None = None,
    rng: RNG = None,
    epsilon: float | None = None,
    randomized: bool | None = None,
    start: Subset | None = None,
    chunk: int | None = None,
    verbose: bool = False,
) -> MaximizationResult:
    """Maximize a submodular function under constraints, with an upper bound.

    Parameters
    ----------
    F : SetFunction
        Submodular, monotone or not. The families of `subopt` are submodular by construction. If F
        can only be evaluated and n is at most 10,000, 4n values are computed first, and a violation
        of diminishing returns among them raises an error. A subclass that sets ``monotone = True``
        gets better bounds and needs fewer evaluations.
    %(size)s
        If F is monotone, no smaller set is better than the best of k elements.
    %(include)s
    %(exclude)s
    %(constraints)s
    method : str, default "auto"
        "auto": lazy greedy; with a budget also by gain per cost; double greedy if F is not known to
        be monotone and every set is feasible; then exchanges.
        "greedy": only lazy greedy, by gain and, with a budget, by gain per cost.
        "stochastic_greedy": the best of a random sample at every step, for large n.
        "double_greedy": decides every element once; no size, budgets or groups.
        "local_search": elements are added, removed or exchanged until no such move helps.
        "sieve": one pass over the elements in chunks, for a size; see `maximize_stream`.
    effort : {"fast", "default", "best"}, default "default"
        How much to do after the first set. "fast": one bound. "default": exchanges that compute at
        most as many gains as the first set, or 5000, and up to 60 calls of ``F.marginals`` for the
        bound while the gap is above 5 % of it, or 10 % if n > 2000. "best": exchanges until none
        helps, and 600 calls.
    %(tol)s
    %(time_limit)s
    %(callback)s
    %(rng)s
        For "stochastic_greedy", and "double_greedy" with `randomized`.
    epsilon : float, optional
        For "stochastic_greedy" and "sieve": the amount by which the guarantee is lower, 0.1 by
        default.
    randomized : bool, optional
        For "double_greedy": whether decisions are random, in proportion to the gains.
    start : boolean mask (n,) or iterable of int, optional
        For "local_search": the first set. The one of "greedy" by default.
    chunk : int, optional
        For "sieve": the number of elements per chunk, 4096 by default. It changes the time and the
        memory, but not the set.
    %(verbose)s

    Returns
    -------
    MaximizationResult
        With a `MarginalCertificate`, so that ``result.check(F)`` recomputes the bound from F.

    Raises
    ------
    TypeError
        If F is of another type, or the method does not have an option that is given.
    ValueError
        If an option is out of range, no set is feasible, or F is seen not to be submodular.

    See Also
    --------
    minimize : the minimum, which is exact for submodular functions.
    maximize_stream : elements that arrive one by one.

    Notes
    -----
    For monotone F with F(∅) = 0, greedy reaches ``1 - 1/e`` of the maximum for a size, half of it
    for groups [1]_. The `upper_bound` holds for the given function, and is often much closer to the
    value than this guarantee. Lazy evaluation recomputes a gain only if it may be the largest:
    usually a few times n gains in total.

    References
    ----------
    .. [1] G. L. Nemhauser, L. A. Wolsey and M. L. Fisher, "An analysis of approximations for
       maximizing submodular set functions", Mathematical Programming 14, 1978.
    .. [2] B. Mirzasoleiman et al., "Lazier than lazy greedy", AAAI 2015.
    .. [3] N. Buchbinder et al., "A tight linear time (1/2)-approximation for unconstrained
       submodular maximization", SIAM Journal on Computing 44(5), 2015.

    Examples
    --------
    >>> similarity = [[5, 1, 0, 3], [4, 2, 0, 3], [0, 1, 6, 0], [1, 0, 2, 5]]
    >>> result = maximize(FacilityLocation(similarity), size=2, include=[3])
    >>> result.S, result.value, result.upper_bound, result.status.name
    (array([2, 3]), 17.0, 17.0, 'OPTIMAL')
    >>> result.check(FacilityLocation(similarity))
    0.0
    """
    _require_function(F)
    validate.choice("method", method, tuple(METHODS))
    validate.choice("effort", effort, EFFORTS)
    validate.callback(callback)
    options: dict[str, Any] = {
        "rng": rng,
        "epsilon": epsilon,
        "randomized": randomized,
        "start": start,
        "chunk": chunk,
    }
    given = {name: value for name, value in options.items() if value is not None}
    allowed = [name for name in _options.names(METHODS[method]) if name != "effort"]
    _options.require_known(f"maximize by {method!r}", allowed, given)
    of = constraints_of(F.n, size=size, include=include, exclude=exclude, constraints=constraints)
    run = Run(F, of, method, tol=tol, time_limit=time_limit, callback=callback)
    if F.n <= LOOKED_AT:
        require_submodular("F of maximize", F, time_limit)
    if method == "auto":
        given["effort"] = effort
    try:
        status = METHODS[method](run, **given)
    except TimeUp:
        status = run.late()
    enough = ENOUGH[effort] * (2 if F.n > LARGE else 1)
    return run.result(status, upper_bound(run, PASSES[effort], enough))


def _require_function(F: Any) -> None:
    if isinstance(F, DifferenceOfSubmodular):
        raise TypeError(
            "maximize needs a submodular SetFunction, got a DifferenceOfSubmodular. To maximize "
            "any difference h call minimize(-h), which takes the same constraints."
        )
    require_set_function(F)
    # the empty set is where gains begin: a function of the user's own is looked at there once
    validate.finite(F, float(F.value(np.zeros(F.n, dtype=np.bool_))))
