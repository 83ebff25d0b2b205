"""The proximal operator of the Lovász extension, and the minimizers of F + α|S| for all α.

Both are the point x of smallest norm in the base polytope, without any elimination: w = -x
minimizes f(w) + ½||w||², and its level sets {x < -α} and {x <= -α} are the smallest and the largest
minimizer of F + α|S| [1]_. Along the order of x, the best w is an isotonic regression of the gains,
which is exact as soon as the order is.

.. [1] F. Bach, "Learning with submodular functions: a convex optimization perspective",
   Foundations and Trends in Machine Learning 6(2-3), 2013, sections 8.1 and 9.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.deadline import Deadline
from subopt._base.types import Array, ArrayLike
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.modular import Modular
from subopt.submodular._minimum_norm import Levels, minimum_norm
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result


def prox(
    F: SetFunction,
    y: ArrayLike,
    *,
    tol: float = 1e-6,
    max_iter: int = 100_000,
    time_limit: float | None = None,
) -> Array:
    """Minimize f(w) + ½ ||w - y||² for the Lovász extension f of F.

    Parameters
    ----------
    F : SetFunction
        Submodular. For the cut of a graph, f is its total variation.
    y : array_like of float, shape (n,)
        Where to stay near.
    tol : float, default 1e-6
        Stop when w is proven to be within this Euclidean distance of the minimizer, or when
        floating point allows no further progress.
    max_iter : int, default 100_000
        Largest number of sweeps.
    time_limit : float, optional
        Seconds after which to give up; unlimited by default.

    Returns
    -------
    ndarray of float64, shape (n,)
        The minimizer w, which is unique.

    Raises
    ------
    RuntimeError
        If `max_iter` sweeps or `time_limit` seconds were not enough.

    Examples
    --------
    >>> chain = Cut.from_edges([(0, 1), (1, 2), (2, 3)])
    >>> prox(chain, [0.0, 0.4, 5.0, 6.0]).round(6)
    array([0.7, 0.7, 5. , 5. ])
    """
    require_set_function(F)
    y = validate.real_array("y", y)
    if y.shape != (F.n,):
        raise ValueError(f"y needs one number per element, shape ({F.n},), got {y.shape}")
    levels = _solved(F + Modular(-y), tol, max_iter, time_limit)
    return -levels.x


@dataclass(frozen=True, eq=False)
class Path:
    """All minimizers of F + α|S|, for every real α: nested sets.

    Attributes
    ----------
    alphas : ndarray of float64, shape (k,)
        Where the minimizer changes, descending.
    masks : ndarray of bool, shape (k + 1, n)
        ``masks[j]`` is a minimizer for ``alphas[j] <= α <= alphas[j - 1]``: the empty set first,
        V last. At ``alphas[j]``, both ``masks[j]`` (the smallest) and ``masks[j + 1]`` (the
        largest) are.
    certificate : BaseCertificate
        The base x. Adding α to its entries gives a base of F + α|S|, so that it proves all these
        sets optimal; see `result`.
    """

    F: SetFunction
    alphas: Array
    masks: Array
    certificate: BaseCertificate
    n_evals: int

    def at(self, alpha: float) -> Array:
        """Return the smallest minimizer of F + α|S| as a mask (n,)."""
        return self.masks[np.count_nonzero(self.alphas > alpha)].copy()

    def result(self, alpha: float) -> Result:
        """Return the smallest minimizer of F + α|S| with its bound; the certificate is for that."""
        G = self.F + Modular(np.full(self.F.n, float(alpha)))
        mask = self.at(alpha)
        value = G.value(mask)
        bound = min(value, float(np.minimum(self.certificate.base(G), 0.0).sum()))
        certificate = BaseCertificate(self.certificate.orders, self.certificate.weights, bound)
        status = Status.OPTIMAL if value - bound <= 1e-6 else Status.SLOW_PROGRESS
        return Result(
            mask=mask,
            value=value,
            lower_bound=bound,
            status=status,
            certificate=certificate,
            method="path",
            n_iter=1,
            n_evals=self.n_evals,
        )


def path(
    F: SetFunction,
    *,
    tol: float = 1e-6,
    max_iter: int = 100_000,
    time_limit: float | None = None,
) -> Path:
    """Minimize F + α|S| for every α at once.

    Parameters
    ----------
    F : SetFunction
        Submodular.
    tol : float, default 1e-6
        Stop when the base is proven to be within this Euclidean distance of the one of smallest
        norm, or when floating point allows no further progress.
    max_iter : int, default 100_000
        Largest number of sweeps.
    time_limit : float, optional
        Seconds after which to give up; unlimited by default.

    Returns
    -------
    Path

    Raises
    ------
    RuntimeError
        If `max_iter` sweeps or `time_limit` seconds were not enough.

    Examples
    --------
    >>> F = Cut.from_edges([(0, 1), (1, 2)]) + Modular([-4.0, 0.0, 2.0])
    >>> nested = path(F)
    >>> nested.alphas.round(6) + 0, nested.masks.astype(int)
    (array([ 3.,  0., -1.]), array([[0, 0, 0],
           [1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]]))
    >>> result = nested.result(-0.5)
    >>> result.S, result.value, round(result.gap, 9)
    (array([0, 1]), -4.0, 0.0)
    """
    require_set_function(F)
    levels = _solved(F, tol, max_iter, time_limit)
    ends = np.flatnonzero(np.diff(levels.x[levels.order], append=math.inf) > 0) + 1
    masks = np.zeros((len(ends) + 1, F.n), dtype=np.bool_)
    for j, end in enumerate(ends):
        masks[j + 1, levels.order[:end]] = True
    alphas = -levels.x[levels.order[ends - 1]]
    bound = float(np.minimum(levels.base, 0.0).sum())
    certificate = BaseCertificate(levels.orders, levels.weights, bound)
    return Path(F, alphas, masks, certificate, levels.n_evals)


def _solved(F: SetFunction, tol: float, max_iter: int, time_limit: float | None) -> Levels:
    tol, max_iter = validate.nonnegative("tol", tol), validate.positive_int("max_iter", max_iter)
    deadline = Deadline(time_limit)
    levels = minimum_norm(F, tol, max_iter, deadline=deadline)
    if not levels.finished:
        late = deadline.passed()
        limit = f"time_limit = {time_limit} seconds" if late else f"max_iter = {max_iter} sweeps"
        raise RuntimeError(
            f"{limit} were not enough: "
            f"the distance to the solution may be {levels.distance:.3g}, and tol is {tol:.3g}"
        )
    return levels
