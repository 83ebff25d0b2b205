"""The proximal operator of the Lovász extension, and the minimizers of F + α|S| for all α.

Both follow from the point x of smallest norm in the base polytope: w = -x minimizes f(w) + ½||w||²,
and {x < -α} and {x <= -α} are the smallest and the largest minimizer of F + α|S| [1]_. The
algorithm depends on F:

* disjoint paths: a taut string, in linear time (`_prox_on_paths`);
* other cut functions: nested minimum cuts, by a few maximum flows (`_nested_cuts`);
* concave functions of the size plus modular functions: isotonic regression (`cardinality_sort`);
* all others: Wolfe's algorithm (`_minimum_norm`).

.. [1] F. Bach, "Learning with submodular functions: a convex optimization perspective",
   Foundations and Trends in Machine Learning 6(2-3), 2013, sections 8.1 and 9.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from subopt._base import validate
from subopt._base.answer import ReadOnly, Status
from subopt._base.options import Deadline, documented
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.modular import Modular
from subopt.functions.watched import TimeUp, watched
from subopt.submodular._elimination import local_tol
from subopt.submodular._minimum_norm import Levels, minimum_norm
from subopt.submodular._nested_cuts import nested_cuts
from subopt.submodular._nested_grid_cuts import as_grid, nested_grid_cuts
from subopt.submodular._prox_on_paths import as_paths, prox_on_paths
from subopt.submodular.cardinality_sort import is_size_and_weights, isotonic
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.flow_certificate import FlowCertificate
from subopt.submodular.max_flow import FEW
from subopt.submodular.result import Result
from subopt.submodular.summand_certificate import SummandCertificate


@documented
def prox(
    F: SetFunction,
    y: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    distance: float | None = None,
    max_iter: int = 100_000,
    time_limit: float | None = None,
) -> Array:
    """Minimize f(w) + ½ sum of weights_i (w_i - y_i)² for the Lovász extension f of F.

    If F is the cut function of a graph, f is the weighted total variation on the graph, and the
    problem is the fused lasso, or total variation denoising. A path takes O(n) time and other cut
    functions a few maximum flows; both are exact up to rounding.

    Parameters
    ----------
    %(F)s
    y : array_like of float, shape (n,)
        The point y.
    weights : array_like of float, shape (n,), optional
        Positive weights of the squared distances; ones by default.
    distance : float, optional
        Used only if F is not a cut function. Stop when the weighted Euclidean distance from w to
        the minimizer is at most this number. The default is 1e-9 times the diameter of a box that
        contains the base polytope, plus the rounding error of the gains.
    %(max_iter)s
        Each is one greedy sweep. Used only if F is not a cut function.
    %(time_limit_raises)s

    Returns
    -------
    ndarray of float64, shape (n,)
        The minimizer w, which is unique.

    Raises
    ------
    ValueError
        If y or weights has another shape, an entry that is not finite, a weight is not positive, or
        F is found not to be submodular.
    TypeError
        If F is not a `SetFunction`.
    RuntimeError
        If `max_iter` sweeps or `time_limit` seconds were not enough.

    Examples
    --------
    >>> chain = Cut.from_edges([(0, 1), (1, 2), (2, 3)])
    >>> prox(chain, [0.0, 0.4, 5.0, 6.0]).round(6)
    array([0.7, 0.7, 5. , 5. ])
    >>> prox(chain, [0.0, 0.4, 5.0, 6.0], weights=[3, 1, 1, 1]).round(6)
    array([0.333333, 0.4     , 5.      , 5.      ])
    """
    require_set_function(F)
    y, plain = _plain(y)
    if y.shape != (F.n,):
        raise ValueError(f"y needs one number per element, shape ({F.n},), got {y.shape}")
    given = None if weights is None else _positive(weights, F.n)
    if not (plain and given is None) and not _finite_sum(y, given):
        raise ValueError("y and weights need products whose sum is finite in float64")
    limits = _Limits(distance, max_iter, time_limit)
    if F.n == 0:
        return np.zeros(0)
    parts = as_paths(F)
    if parts is not None and (values := prox_on_paths(parts, y, given)) is not None:
        return values
    scales = np.ones(F.n) if given is None else given
    if (grid := as_grid(F)) is not None:
        grid = grid._replace(unary=grid.unary - (scales * y).reshape(grid.shape))
        leaves = nested_grid_cuts(grid, scales, limits.deadline)
        if leaves is None:
            raise limits.error()
        return leaves
    if _is_cut(F):
        form = (F + Modular(-scales * y)).as_cut()
        cuts = nested_cuts(form, scales, limits.deadline)
        if not cuts.finished:
            raise limits.error()
        return cuts.leaves
    if weights is None and is_size_and_weights(F):
        return -isotonic(F + Modular(-y))[0]
    return -_solved(F + Modular(-scales * y), limits, scales).x / scales


@dataclass(frozen=True, eq=False)
class RegularizationPath(ReadOnly):
    """The minimizers of F + α|S| for every real α, which are nested sets.

    Attributes
    ----------
    F : SetFunction
        The function F.
    leaves : ndarray of float64, shape (n,)
        The value of α at which each element leaves: element i is in the smallest minimizer if
        α < ``leaves[i]``, and in the largest one if α <= ``leaves[i]``.
    certificate : FlowCertificate, SummandCertificate or BaseCertificate
        A base x of F. Adding α to all entries gives a base of F + α|S|, so that one certificate
        proves all of these sets optimal; see `result`.
    n_evals : int
        Number of greedy sweeps of F, or of maximum flows.
    """

    F: SetFunction
    leaves: Array
    certificate: FlowCertificate | SummandCertificate | BaseCertificate
    n_evals: int

    @property
    def alphas(self) -> Array:
        """The values of α at which the minimizer changes, in descending order, shape (k,)."""
        return np.unique(self.leaves)[::-1]

    @property
    def masks(self) -> Array:
        """The minimizers from the empty set to V, shape (k + 1, n).

        ``masks[j]`` is a minimizer for ``alphas[j] <= α <= alphas[j - 1]``. At ``alphas[j]``,
        ``masks[j]`` is the smallest minimizer and ``masks[j + 1]`` the largest one.
        """
        bounds = np.append(self.alphas, -np.inf)
        return self.leaves > bounds[:, None]

    def at(self, alpha: float) -> Array:
        """Return the smallest minimizer of F + α|S|.

        Parameters
        ----------
        alpha : float
            The value of α.

        Returns
        -------
        ndarray of bool, shape (n,)
            The mask of the set.
        """
        return self.leaves > alpha

    def result(self, alpha: float) -> Result:
        """Return the smallest minimizer of F + α|S| as a `Result` with a certificate.

        Parameters
        ----------
        alpha : float
            The value of α.

        Returns
        -------
        Result
            The set, with its value and a lower bound for the function
            ``F + Modular(np.full(n, alpha))``. The certificate refers to that function.
        """
        G = self.F + Modular(np.full(self.F.n, float(alpha)))
        mask = self.at(alpha)
        value = G.value(mask.copy())
        gap = replace(self.certificate, lower_bound=-math.inf).check(G, mask)
        tol = local_tol(G._range(), alpha - self.leaves, gap)
        return Result(
            mask=mask,
            value=value,
            lower_bound=value - gap,
            status=Status.OPTIMAL if gap <= tol else Status.SLOW_PROGRESS,
            certificate=replace(self.certificate, lower_bound=value - gap),
            method="regularization_path",
            n_iter=1,
            n_evals=self.n_evals,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.alphas)} breakpoints, n={self.F.n})"


@documented
def regularization_path(
    F: SetFunction,
    *,
    distance: float | None = None,
    max_iter: int = 100_000,
    time_limit: float | None = None,
) -> RegularizationPath:
    """Minimize F + α|S| for every real α at once.

    Concave functions of the size plus modular functions take one sort, cut functions a few maximum
    flows; both are exact up to rounding. Other functions are solved by Wolfe's algorithm.

    Parameters
    ----------
    %(F)s
    distance : float, optional
        Used only with Wolfe's algorithm. Stop when the Euclidean distance to the base of smallest
        norm is at most this number. The default is 1e-9 times the diameter of a box that contains
        the base polytope, plus the rounding error of the gains.
    %(max_iter)s
        Each is one greedy sweep of Wolfe's algorithm.
    %(time_limit_raises)s

    Returns
    -------
    RegularizationPath
        The minimizers, and a certificate for all of them.

    Raises
    ------
    ValueError
        If an option is out of range, or F is found not to be submodular.
    TypeError
        If F is not a `SetFunction`.
    RuntimeError
        If `max_iter` sweeps or `time_limit` seconds were not enough.

    Examples
    --------
    >>> F = Cut.from_edges([(0, 1), (1, 2)]) + Modular([-4.0, 0.0, 2.0])
    >>> nested = regularization_path(F)
    >>> nested.alphas, nested.masks.astype(int)
    (array([ 3.,  0., -1.]), array([[0, 0, 0],
           [1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]]))
    >>> result = nested.result(-0.5)
    >>> result.S, result.value, round(result.gap, 9)
    (array([0, 1]), -4.0, 0.0)
    """
    require_set_function(F)
    limits = _Limits(distance, max_iter, time_limit)
    if is_size_and_weights(F):
        x, shares = isotonic(F)
        return RegularizationPath(F, 0.0 - x, SummandCertificate(shares, -math.inf), 1)
    if _is_cut(F):
        cuts = nested_cuts(F.as_cut(), np.ones(F.n), limits.deadline)
        if not cuts.finished:
            raise limits.error()
        flow = FlowCertificate(cuts.flow, -math.inf)
        return RegularizationPath(F, cuts.leaves, flow, cuts.rounds)
    levels = _solved(F, limits, np.ones(F.n))
    bound = float(np.minimum(levels.base, 0.0).sum())
    certificate = BaseCertificate(levels.orders, levels.weights, bound)
    return RegularizationPath(F, 0.0 - levels.x, certificate, levels.n_evals)


class _Limits:
    """The limits of one call, and the error if they were not enough."""

    def __init__(self, distance: float | None, max_iter: int, time_limit: float | None) -> None:
        self.distance = None if distance is None else validate.nonnegative("distance", distance)
        self.max_iter = validate.positive_int("max_iter", max_iter)
        self.time_limit, self.deadline = time_limit, Deadline(time_limit)

    def error(self, levels: Levels | None = None) -> RuntimeError:
        late = self.deadline.passed()
        limit = (
            f"time_limit = {self.time_limit} seconds"
            if late
            else f"max_iter = {self.max_iter} sweeps"
        )
        left = f": the distance to the solution may be {levels.distance:.3g}" if levels else ""
        return RuntimeError(f"{limit} were not enough{left}. Raise the limit or `distance`.")


def _solved(F: SetFunction, limits: _Limits, scales: Array) -> Levels:
    seen = F if limits.time_limit is None else watched(F, limits.deadline)
    try:
        levels = minimum_norm(seen, limits.distance, limits.max_iter, None, limits.deadline, scales)
    except TimeUp:
        raise limits.error() from None
    if not levels.finished:
        raise limits.error(levels)
    return levels


def _plain(y: ArrayLike) -> tuple[Array, bool]:
    """Return y as a checked array, and whether its sum of squares says that all sums are finite."""
    if type(y) is np.ndarray and y.dtype == np.float64 and y.ndim == 1 and y.flags.c_contiguous:
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(y @ y)
        if square < 1e290:
            return y, True
    return validate.real_array("y", y, copy=False), False


def _finite_sum(y: Array, weights: Array | None) -> bool:
    """Return whether the sum of all weights times |y| is finite."""
    with np.errstate(over="ignore"):
        total = np.abs(y).sum() if weights is None else weights @ np.abs(y)
    return bool(np.isfinite(total))


def _positive(weights: ArrayLike, n: int) -> Array:
    scales = validate.real_array("weights", weights)
    if scales.shape != (n,):
        raise ValueError(f"weights needs one number per element, shape ({n},), got {scales.shape}")
    low = scales < np.finfo(np.float64).tiny  # their reciprocals overflow
    if low.any():
        i = int(np.argmax(low))
        raise ValueError(
            f"weights needs numbers > 0, but weights[{i}] is {scales[i]:g}. Use a small positive "
            "weight for an element that should not be attracted to y, at least 2.3e-308."
        )
    return scales


def _is_cut(F: SetFunction) -> bool:
    return F.cut_representable and F._tents <= FEW
