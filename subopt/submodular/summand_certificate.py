"""`SummandCertificate`: bases of simple summands of F, which bound its minimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base.answer import CertificateError, ReadOnly, number, numbers
from subopt._base.jit import njit
from subopt._base.types import Array, Subset
from subopt.forms.decomposable import summands
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.submodular._recheck import EPS, checks, gap_of, mask_of, sizes_of
from subopt.submodular.result import Result


@dataclass(frozen=True, eq=False)
class SummandCertificate(ReadOnly):
    """A base of a sum of simple functions, as one base per function.

    The parts are those of `subopt.forms.decomposable.summands`: cuts of paths, whose bases are
    flows, and concave functions of a count, whose bases are tested by sorting.

    Attributes
    ----------
    shares : ndarray of float64, shape (size,)
        The bases of the parts, one after the other, with one entry per member. On a path, flow
        beyond the capacities is removed. For a function of a count, the excess of the base over the
        function is subtracted from the bound.
    lower_bound : float
        The lower bound that the solver reported.

    Examples
    --------
    >>> F = Cut([[0, 1], [1, 0]]) + Modular([-3.0, 0.5])
    >>> SummandCertificate(np.array([0.5, -0.5]), lower_bound=-2.5).check(F, [0, 1])
    0.0
    """

    shares: Array
    lower_bound: float

    @checks
    def check(self, F: SetFunction, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from F alone; O(size log size).

        Parameters
        ----------
        F : SetFunction
            The function that was minimized: a sum of simple functions.
        %(answer)s

        Returns
        -------
        float
            ``F(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If F is not a sum of simple functions, if there is not one share per member, or if the
            shares prove less than `lower_bound`, or a bound above F(S), by more than rounding.
        """
        require_set_function(F)
        mask = mask_of(F, answer)
        try:
            parts = summands(F)
        except TypeError as error:
            raise CertificateError(str(error)) from error
        shares = numbers("shares", self.shares).astype(np.float64)
        if shares.shape != parts.elements.shape or not np.isfinite(shares).all():
            raise CertificateError(
                f"Bases of the summands of {F!r} need {len(parts.elements)} finite numbers, got "
                f"shape {shares.shape}"
            )
        x, missing = parts.unary.copy(), np.zeros(F.n)
        _missing(parts.arrays, shares, mask, x, missing)
        size, wrong, less = sizes_of(F), np.where(mask, x, -x), float(missing.sum())
        rounding = 64 * EPS * float(np.abs(parts.first).sum() + np.abs(parts.second).sum())
        said = number("lower_bound", self.lower_bound) - rounding
        return gap_of(F, mask, answer, said, wrong, less, size)


@njit
def _missing(parts, shares, mask, x, missing):
    """Add the shares to x, and the difference F_p(S) - shares(S) of each part p to `missing`.

    On a path, the difference is the sum of capacity minus flow over the edges that S cuts. For a
    function of a count, it is the sum of the first slopes minus the shares of the members in S,
    plus the largest excess of shares over slopes. It is added at one member of the part.
    """
    elements, first, second = parts.elements, parts.first, parts.second
    for p in range(parts.is_path.shape[0]):
        a, b = parts.indptr[p], parts.indptr[p + 1]
        if a == b:
            continue
        if parts.is_path[p]:
            flow = 0.0
            for k in range(a, b):
                before = flow
                flow = min(max(before + shares[k], -second[k]), first[k])
                x[elements[k]] += flow - before
                if k + 1 < b and mask[elements[k]] != mask[elements[k + 1]]:
                    left = first[k] - flow if mask[elements[k]] else second[k] + flow
                    missing[elements[k]] += left
            continue
        order = np.argsort(-shares[a:b], kind="mergesort")
        over, total, inside, count = 0.0, 0.0, 0.0, 0
        lost, lost_inside = 0.0, 0.0  # what rounding has added to both sums [Kahan 1965]
        for k in range(b - a):
            j = a + order[k]
            x[elements[j]] += shares[j]
            term = (shares[j] - first[a + k]) - lost
            last, total = total, total + term
            lost = (total - last) - term
            over = max(over, total)
            if mask[elements[j]]:
                term = (first[a + count] - shares[j]) - lost_inside
                last, inside = inside, inside + term
                lost_inside = (inside - last) - term
                count += 1
        missing[elements[a]] += max(over + inside, 0.0)
