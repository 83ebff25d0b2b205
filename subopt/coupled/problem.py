"""`CoupledLabelingProblem`: the coupled labeling problem behind Co-Mixup.

m inputs are distributed over the patches of m' outputs. A labeling assigns to patch k of output j a
point z[j, k] of the simplex over inputs: one input, or ``levels`` equal parts of several inputs.
Each output alone is a labeling with unary costs and a quadratic smoothness, which graph cuts can
minimize. The coupling penalizes an output for using inputs that other outputs use; it is
supermodular in the counts. `CoupledLabelingProblem.energy` evaluates the definition term by term,
and solvers are tested against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.options import options_named
from subopt._base.types import Array, ArrayLike

LARGEST = 1e60  # unary costs and weights: the product of three of them is still finite


@dataclass(frozen=True, eq=False, init=False)
class CoupledLabelingProblem:
    r"""Label many outputs with shared inputs: unary, smoothness and supermodular coupling.

    For shares z (m', \*grid, m), N patches per grid, :math:`o_{ji} = \sum_k z_{jki}` and
    :math:`p_{-j} = \sum_{j' \ne j} o_{j'}`, the energy is

    .. math::

        E(z) = \sum_{j,k} c_{\cdot k} \cdot z_{jk}
             + \frac{\beta}{2N} \sum_j \sum_{k \sim k'} \lVert z_{jk} - z_{jk'} \rVert^2
             + \frac{\gamma}{N} \sum_{j,i} g\bigl((A p_{-j})_i\bigr)\, o_{ji}

    where every pair k ~ k' of grid neighbors (along one axis) counts once, and
    :math:`g(t) = t\,[t > \tau N]` ("hard") or :math:`\max(t - \tau N, 0)` ("soft"); both are
    g(t) = t when :math:`\tau = 0`. (A hard threshold is raised by 1e-9 N, see `gate`.)

    Parameters
    ----------
    unary : array_like of shape (m, \*grid)
        Cost c[i, k] of filling patch k of any output with input i. Real numbers of absolute value
        at most 1e60. The grid has 1, 2 or 3 dimensions.
    n_outputs : int, optional
        Number m' of outputs; m by default.
    compatibility : array_like of shape (m, m), optional
        Nonnegative matrix A: one patch of input i' in the other outputs counts as A[i, i'] patches
        of input i. The identity by default.
    smoothness : float, default 0.32
        Weight beta >= 0.
    coupling : float, default 1.0
        Weight gamma >= 0.
    threshold : float, default 0.83
        tau >= 0, a fraction of the patches of one output: use by others up to tau N is not charged.
    threshold_kind : {"hard", "soft"}, default "hard"
        Whether use above the threshold is charged in full ("hard") or only the part above it
        ("soft").
    levels : int, default 2
        Number of equal parts of a patch, at least 1. With 1 a patch takes one input; with 2 it may
        also take half of each of two inputs.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message names the entry.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021, section 4.1.

    Examples
    --------
    >>> unary = -np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> problem = CoupledLabelingProblem(unary, smoothness=0.1)
    >>> keep = problem.shares(np.array([[[0], [0]], [[1], [1]]]))  # output j is input j
    >>> round(problem.energy(keep), 6)
    -2.0
    """

    unary: Array
    n_outputs: int
    compatibility: Array
    smoothness: float
    coupling: float
    threshold: float
    threshold_kind: str
    levels: int

    @options_named
    def __init__(
        self,
        unary: ArrayLike,
        *,
        n_outputs: int | None = None,
        compatibility: ArrayLike | None = None,
        smoothness: float = 0.32,
        coupling: float = 1.0,
        threshold: float = 0.83,
        threshold_kind: str = "hard",
        levels: int = 2,
    ) -> None:
        c = validate.real_array("unary", unary)
        if not 2 <= c.ndim <= 4 or 0 in c.shape:
            raise ValueError(
                "unary needs the shape (inputs, *grid) with a grid of 1, 2 or 3 dimensions and no "
                f"empty axis, got {c.shape}. A flat list of patches is a grid of 1 dimension."
            )
        if np.abs(c).max() > LARGEST:
            raise ValueError(
                f"unary needs numbers up to {LARGEST:g}, so that sums stay finite, but the largest "
                f"is {np.abs(c).max():g}. Divide all weights by a constant: the answer stays."
            )
        m = len(c)
        normalized: dict[str, Any] = {
            "unary": c,
            "n_outputs": validate.positive_int("n_outputs", m if n_outputs is None else n_outputs),
            "compatibility": _compatibility(compatibility, m),
            "smoothness": validate.nonnegative("smoothness", smoothness),
            "coupling": validate.nonnegative("coupling", coupling),
            "threshold": validate.nonnegative("threshold", threshold),
            "threshold_kind": validate.choice("threshold_kind", threshold_kind, ("hard", "soft")),
            "levels": validate.positive_int("levels", levels),
        }
        for name in ("smoothness", "coupling", "threshold"):
            if normalized[name] > LARGEST:
                raise ValueError(
                    f"{name} needs a number up to {LARGEST:g}, got {normalized[name]:g}"
                )
        if normalized["compatibility"].max() > LARGEST:
            most = float(normalized["compatibility"].max())
            raise ValueError(
                f"compatibility needs numbers up to {LARGEST:g}, got {most:g}. Divide it and "
                "threshold by a constant, and multiply coupling by it."
            )
        for name, value in normalized.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return (
            f"CoupledLabelingProblem({self.n_inputs} inputs, {self.n_outputs} outputs, grid "
            f"{self.grid}, smoothness={self.smoothness:g}, coupling={self.coupling:g}, "
            f"threshold={self.threshold:g} {self.threshold_kind}, levels={self.levels})"
        )

    @property
    def n_inputs(self) -> int:
        """Number m of inputs."""
        return len(self.unary)

    @property
    def grid(self) -> tuple[int, ...]:
        """Shape of the patch grid."""
        return self.unary.shape[1:]

    @property
    def n_patches(self) -> int:
        """Number N of patches of one output."""
        return math.prod(self.grid)

    def shares(self, sources: ArrayLike) -> Array:
        r"""Convert sources to shares.

        Parameters
        ----------
        sources : array_like of int, shape (m', \*grid, parts)
            The inputs that fill each patch in equal parts.

        Returns
        -------
        ndarray of float64, shape (m', \*grid, m)
            The part of each patch that each input fills; sums to 1 along the last axis.

        Raises
        ------
        TypeError, ValueError
            If `sources` are not integers in 0..m - 1 with at least two axes.
        """
        return shares_from_sources(sources, self.n_inputs)

    def energy(self, shares: ArrayLike) -> float:
        r"""Evaluate E(z) exactly as it is written above.

        Parameters
        ----------
        shares : array_like of shape (m', \*grid, m)
            Convex weights over inputs for every patch of every output, not only multiples of
            ``1 / levels``.

        Returns
        -------
        float
            The energy E(z).

        Raises
        ------
        ValueError
            If the shape differs, or a patch's shares are negative or do not sum to 1.
        """
        return self._energy_of(self._checked_shares(shares))

    def _energy_of(self, z: Array) -> float:
        """Evaluate E(z) for shares that are known to be shares."""
        J, m, N = self.n_outputs, self.n_inputs, self.n_patches
        patches = z.reshape(J, N, m)
        unary = np.vdot(self.unary.reshape(m, N).T, patches.sum(axis=0))
        squares, inner = 0.0, z.size // J
        for length in self.grid:
            inner //= length
            along = z.reshape(-1, length, inner)
            step = along[:, 1:] - along[:, :-1]
            squares += np.vdot(step, step)
        return self._sum(unary, squares, patches.sum(axis=1))

    def _energy_of_sources(self, sources: Array) -> float:
        """Evaluate E(z) for inputs that fill equal parts, without an array of shares."""
        J, m, N, L = self.n_outputs, self.n_inputs, self.n_patches, self.levels
        if 4 * m < L * L:  # comparing all pairs of parts would take longer
            return self._energy_of(shares_from_sources(sources, m))
        slots = sources.reshape(J, N, L)
        unary = self.unary.reshape(m, N)[slots, np.arange(N)[:, None]].sum() / L
        counts = np.bincount(
            (slots + m * np.arange(J)[:, None, None]).ravel(), minlength=J * m
        ).reshape(J, m)
        parts = np.moveaxis(sources.reshape(J, *self.grid, L), -1, 0).copy()
        # the square of a difference of counts, from the numbers of equal pairs of parts
        own = sum((a == b).astype(np.int64) for a in parts for b in parts)
        squares = 0
        for axis in range(1, 1 + len(self.grid)):
            first = (slice(None),) * axis + (slice(None, -1),)
            second = (slice(None),) * axis + (slice(1, None),)
            equal = sum(int((a[first] == b[second]).sum()) for a in parts for b in parts)
            squares += int(own[first].sum() + own[second].sum()) - 2 * equal
        return self._sum(unary, squares / L**2, counts / L)

    def _sum(self, unary: Any, squares: Any, counts: Array) -> float:
        """Add up the three terms, of which the last follows from the use of inputs by outputs."""
        N, A = self.n_patches, self.compatibility
        t = counts.sum(axis=0) - counts
        alone = np.count_nonzero(A) == np.count_nonzero(A.diagonal())
        t = t * A.diagonal() if alone else t @ A.T  # the same, without the threads of BLAS
        coupling = np.vdot(self.penalty(t), counts)
        return float(unary + self.smoothness / N * squares / 2 + self.coupling / N * coupling)

    @property
    def gate(self) -> float:
        """Largest use by other outputs at which an input is not penalized: tau N.

        A hard threshold is raised by 1e-9 N, so that sums which equal tau N are not charged,
        whatever way they are rounded.
        """
        hard = self.threshold_kind == "hard" and self.threshold > 0
        return (self.threshold + 1e-9 * hard) * self.n_patches

    def penalty(self, t: ArrayLike) -> Array:
        """Evaluate the penalty g(t) per patch of an input that other outputs use on t patches.

        Parameters
        ----------
        t : array_like of float
            Number of patches that other outputs fill with the input.

        Returns
        -------
        ndarray of float64
            g(t), of the shape of `t`.
        """
        t = np.asarray(t, dtype=np.float64)
        free = self.gate
        return np.where(t > free, t if self.threshold_kind == "hard" else t - free, 0.0)

    def _checked_shares(self, shares: ArrayLike) -> Array:
        z = validate.real_array("shares", shares, copy=False)
        needed = (self.n_outputs, *self.grid, self.n_inputs)
        if z.shape != needed:
            raise ValueError(
                f"shares needs the shape (outputs, *grid, inputs) = {needed}, got {z.shape}"
            )
        wrong = (z < 0).any(axis=-1) | (np.abs(z.sum(axis=-1) - 1) > 1e-9)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                "shares needs nonnegative numbers that sum to 1 in every patch, but "
                f"shares[{', '.join(map(str, index))}] = {z[index]}"
            )
        return z


def shares_from_sources(sources: ArrayLike, n_inputs: int) -> Array:
    """Convert (..., parts) indices of equal parts to (..., n_inputs) shares."""
    sources = np.asarray(sources)
    if sources.ndim < 2 or sources.dtype.kind not in "iu":
        raise TypeError(
            "sources needs integers of shape (outputs, *grid, parts), got dtype "
            f"{sources.dtype} and shape {sources.shape}"
        )
    if sources.size and not 0 <= sources.min() <= sources.max() < n_inputs:
        index = tuple(int(i) for i in np.argwhere((sources < 0) | (sources >= n_inputs))[0])
        raise ValueError(
            f"sources needs indices in 0..{n_inputs - 1}, but "
            f"sources[{', '.join(map(str, index))}] is {sources[index]}"
        )
    *patches, parts = sources.shape
    first = np.arange(0, math.prod(patches) * n_inputs, n_inputs)
    slots = np.bincount(
        (first[:, None] + sources.reshape(-1, parts)).ravel(), minlength=first.size * n_inputs
    )
    return (slots / parts).reshape(*patches, n_inputs)


def _compatibility(matrix: ArrayLike | None, m: int) -> Array:
    if matrix is None:
        return np.eye(m)
    A = validate.real_array("compatibility", matrix)
    if A.shape != (m, m):
        raise ValueError(
            f"compatibility needs the shape (inputs, inputs) = {(m, m)}, got {A.shape}"
        )
    if (A < 0).any():
        i, k = np.argwhere(A < 0)[0]
        raise ValueError(
            f"compatibility needs numbers >= 0, but compatibility[{i}, {k}] is {A[i, k]:g}. "
            "Shift or clip it: only a nonnegative coupling is supermodular."
        )
    return A
