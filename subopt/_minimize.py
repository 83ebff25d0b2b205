"""`minimize`: passes a problem of any kind to the wing that solves it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from subopt._base import validate
from subopt._base.options import CONSTRAINTS, documented, reported
from subopt._base.types import RNG, ArrayLike, Subset

if TYPE_CHECKING:
    from subopt.constraints.budget import Budget
    from subopt.constraints.groups import Groups
    from subopt.coupled.problem import CoupledLabelingProblem
    from subopt.coupled.result import LabelingResult
    from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
    from subopt.labeling.energy import LabelingEnergy
    from subopt.labeling.result import Labeling
    from subopt.submodular.result import Result

    Problem = SetFunction | DifferenceOfSubmodular | CoupledLabelingProblem | LabelingEnergy


class _Wing(NamedTuple):
    """The wing that solves problems of one kind.

    It holds the names of modules, which are loaded when a problem of this kind is solved.
    """

    kind: str  # a class
    home: str  # the module of that class
    select: str  # the module with `options` and the next one
    minimizer: str  # a function of the problem, `method`, and the options of the method

    def owns(self, problem: Any) -> bool:
        """Return whether this is a problem of that kind; if so, its module is loaded."""
        home = sys.modules.get(f"subopt.{self.home}")
        return home is not None and isinstance(problem, getattr(home, self.kind))

    def solve(self, problem: Any, **options: Any) -> Any:
        """Minimize a problem of that kind."""
        return self._get(self.minimizer)(problem, **options)

    def options(self, method: str) -> tuple[str, ...]:
        """Return the names of the options that a method takes."""
        names: tuple[str, ...] = self._get("options")(method)
        return names

    def draws(self, **options: Any) -> bool:
        """Return whether a run with these options makes random choices if it takes an `rng`."""
        return self not in (_DIFFERENCE, _CONSTRAINED) or self._get("draws")(**options)

    def _get(self, name: str) -> Any:
        return getattr(import_module(f"subopt.{self.select}"), name)


_COUPLED = _Wing("CoupledLabelingProblem", "coupled.problem", "coupled.select", "minimize_coupled")
_DIFFERENCE = _Wing(
    "DifferenceOfSubmodular", "functions.algebra", "difference.select", "minimize_difference"
)
_FUNCTION = _Wing("SetFunction", "functions.algebra", "submodular.select", "minimize_submodular")
_ENERGY = _Wing("LabelingEnergy", "labeling.energy", "labeling.select", "minimize_labeling")
_CONSTRAINED = _Wing("", "", "constrained.select", "minimize_constrained")
WINGS = (_COUPLED, _DIFFERENCE, _FUNCTION, _ENERGY)


@overload
def minimize(
    problem: SetFunction,
    *,
    method: str = "auto",
    verbose: bool = False,
    tol: float | None = None,
    minimizer: str | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
    start: Any = None,
    eliminate: bool | None = None,
    rng: RNG = None,
    size: int | tuple[int | None, int | None] | None = None,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Budget | Groups | Sequence[Budget | Groups] | None = None,
    max_nodes: int | None = None,
    threads: int | None = None,
    executor: Any = None,
    effort: str | None = None,
    starts: int | None = None,
) -> Result: ...


@overload
def minimize(
    problem: DifferenceOfSubmodular,
    *,
    method: str = "auto",
    verbose: bool = False,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    start: Subset | None = None,
    rng: RNG = None,
    threads: int | None = None,
    callback: Callable[[Result], object] | None = None,
    effort: str | None = None,
    starts: int | None = None,
    max_nodes: int | None = None,
    executor: Any = None,
    inner_iter: int | None = None,
    rho: float | None = None,
    memory: int | None = None,
    tangents: int | None = None,
    step: float | None = None,
    patience: int | None = None,
    moves: Sequence[str] | None = None,
    tie_break: str | None = None,
    randomized: bool | None = None,
    order: ArrayLike | None = None,
    minimizer: str | None = None,
    size: int | tuple[int | None, int | None] | None = None,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Budget | Groups | Sequence[Budget | Groups] | None = None,
) -> Result: ...


@overload
def minimize(
    problem: CoupledLabelingProblem,
    *,
    method: str = "auto",
    verbose: bool = False,
    max_iter: int | None = None,
    time_limit: float | None = None,
    rng: RNG = None,
    callback: Callable[[LabelingResult], object] | None = None,
    start: ArrayLike | None = None,
    lower_bound: bool | None = None,
    effort: str | None = None,
) -> LabelingResult: ...


@overload
def minimize(
    problem: LabelingEnergy,
    *,
    method: str = "auto",
    verbose: bool = False,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    start: ArrayLike | None = None,
    lower_bound: bool | None = None,
    progress: float | None = None,
) -> Labeling: ...


@reported
@documented
def minimize(
    problem: Problem,
    *,
    method: str = "auto",
    verbose: bool = False,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    start: Any = None,
    rng: RNG = None,
    threads: int | None = None,
    callback: Callable[[Any], object] | None = None,
    lower_bound: bool | None = None,
    minimizer: str | None = None,
    effort: str | None = None,
    starts: int | None = None,
    max_nodes: int | None = None,
    executor: Any = None,
    inner_iter: int | None = None,
    rho: float | None = None,
    memory: int | None = None,
    tangents: int | None = None,
    step: float | None = None,
    patience: int | None = None,
    moves: Sequence[str] | None = None,
    tie_break: str | None = None,
    randomized: bool | None = None,
    order: ArrayLike | None = None,
    eliminate: bool | None = None,
    progress: float | None = None,
    size: int | tuple[int | None, int | None] | None = None,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Budget | Groups | Sequence[Budget | Groups] | None = None,
) -> Result | LabelingResult | Labeling:
    """Minimize a set function, a difference f - g, a labeling energy, or a coupled labeling.

    Each kind of problem, and each method, takes the options that it acts on; None, the default,
    leaves an option to the method. An option that a method does not have raises TypeError.

    Parameters
    ----------
    problem : SetFunction, DifferenceOfSubmodular, LabelingEnergy or CoupledLabelingProblem
        The problem. A `SetFunction` needs to be submodular, and so do f and g of a difference. The
        families of `subopt` are submodular by construction. For a function that can only be
        evaluated, 4n values (all 2^n for n up to 6) are computed first, and a violation among them
        raises ValueError. `subopt.testing.assert_submodular` tests more sets.
    method : str, default "auto"
        "auto" picks a method that fits, and ``result.method`` states which one and why.
        For a set function: "modular", "sort", "max_flow", "decomposed", "min_norm_point",
        "frank_wolfe" or "brute_force".
        For a difference: a method of `subopt.difference`, such as "subsup" or "branch_and_bound".
        "auto" runs several methods and local search; for n up to 32 it also tries to prove the
        answer by branch and bound.
        For a labeling energy: a method of `subopt.labeling`, such as "alpha_expansion".
        For a coupled labeling: "search", or "published", the update rule of the Co-Mixup paper.
    %(verbose)s
    %(tol)s
    %(max_iter)s
    %(time_limit)s
        "modular", "sort", "double_greedy" and "brute_force" do not have this option.
    start : optional
        Where to start: a set for methods of differences, labels for moves on labelings, a
        `BaseCertificate` for "min_norm_point".
    %(rng)s
        Only methods that make random choices have it: for set functions "decomposed"; for
        differences "auto", "subsup", "modmod", "double_greedy" and "branch_and_bound"; for coupled
        labelings all.
    %(threads_of_solvers)s
        For differences, by "auto" and "branch_and_bound"; with constraints also for set functions.
    %(callback)s
    lower_bound : bool, optional
        For labelings of both kinds: whether to also compute a lower bound with a certificate, where
        the method does not give one by itself.
    minimizer : {"any", "minimal", "maximal"}, optional
        For set functions: which minimizer to return if there are several.
    effort : {"fast", "default", "best"}, optional
        For differences by "auto" and coupled labelings by "search": how much work to do.
    starts : int, optional
        For differences, by "auto": number of sets, random and near the best one, from which local
        search starts at the end. Defaults to 4096 / n, but at least 8 and at most 32.
    max_nodes, executor, inner_iter, rho, memory, tangents, step, patience, moves : optional
        Options of single methods of differences; see the function with the name of the method.
    tie_break, randomized, order, eliminate, progress : optional
        Options of single methods; see the function with the name of the method.
    %(size)s
    %(include)s
    %(exclude)s
    %(constraints)s
        These four are for set functions and differences. With `include` and `exclude` alone, all
        methods work; with a size, budgets or groups, "auto", "local_search", "branch_and_bound",
        "milp" and "brute_force" do, as well as "lagrangian" for set functions, and "modmod",
        "subsup" and "dca" for differences.

    Returns
    -------
    Result, Labeling or LabelingResult
        For a set function or a difference, a labeling energy, a coupled labeling. All have `value`,
        `lower_bound`, `gap`, `status`, `method` and `certificate`; ``result.check(problem)``
        recomputes the gap from the problem alone.

    Raises
    ------
    TypeError
        If the problem is of another type, or the method does not have an option that is given.
    ValueError
        If an option is out of range; if no set satisfies the constraints; or if F is found not to
        be submodular, with a set, two elements and the four values that violate diminishing
        returns.

    See Also
    --------
    minimize_many : many problems at once, on all cores.

    Examples
    --------
    >>> F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
    >>> result = minimize(F, minimizer="minimal")
    >>> result.S, result.value, result.gap, result.check(F)
    (array([0]), -1.0, 0.0, 0.0)
    >>> result.method
    'max_flow, because F is the cut function of a graph'

    >>> rng = np.random.default_rng(0)
    >>> problem = CoupledLabelingProblem(-rng.random((8, 4, 4)))
    >>> result = minimize(problem, rng=0)
    >>> result.sources.shape, bool(abs(result.value - problem.energy(result.shares)) < 1e-9)
    ((8, 4, 4, 2), True)
    """
    given = {k: v for k, v in locals().items() if v is not None}
    given = {k: v for k, v in given.items() if k not in ("problem", "verbose")}
    validate.callback(callback)
    return wing_of(problem, given).solve(problem, **given)


def wing_of(problem: Any, given: Collection[str]) -> _Wing:
    """Return who minimizes a problem, given the names of the options."""
    for wing in WINGS:
        if wing.owns(problem):
            constrained = any(name in given for name in CONSTRAINTS)
            return _CONSTRAINED if constrained and wing in (_DIFFERENCE, _FUNCTION) else wing
    raise TypeError(
        "minimize needs a SetFunction, a DifferenceOfSubmodular, a CoupledLabelingProblem or a "
        f"LabelingEnergy, got {type(problem).__name__}. Wrap a callable of a boolean mask as "
        "Function(n, value), a matrix Q of a QUBO as Polynomial.from_qubo(Q), labeling costs with "
        "labels last as LabelingEnergy(unary, weights=...), costs of coupled labelings as "
        "CoupledLabelingProblem(unary)."
    )
