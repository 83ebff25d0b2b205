"""Differences f - g with a modular g: one submodular function, which is minimized exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from subopt._base.answer import Certificate, CertificateError
from subopt._base.types import Subset
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.modular import Modular
from subopt.submodular.modular import modular_weights
from subopt.submodular.result import Result
from subopt.submodular.select import minimize_submodular


@dataclass(frozen=True, eq=False)
class SubmodularCertificate:
    """Evidence for a lower bound of f - g as one submodular function, for a modular g.

    Attributes
    ----------
    evidence : Certificate
        About the function f - g.

    Examples
    --------
    >>> h = DifferenceOfSubmodular(Cut([[0, 2], [2, 0]]), Modular([3.0, -1.0]))
    >>> result = minimize(h)
    >>> result.value, result.certificate.check(h, result)
    (-2.0, 0.0)
    """

    evidence: Certificate

    def check(self, h: DifferenceOfSubmodular, answer: Result | Subset) -> float:
        """Recompute the gap of an answer, from h alone.

        Parameters
        ----------
        h : DifferenceOfSubmodular
            f - g with a modular g.
        answer : Result, boolean mask (n,) or iterable of int
            The set that is said to be a minimizer.

        Returns
        -------
        float
            ``h(S) - lower bound``, at least 0.

        Raises
        ------
        CertificateError
            If g is not modular, or if the evidence does not prove its bound.
        """
        F = as_submodular(h)
        if F is None:
            raise CertificateError(f"g = {h.g!r} is not known to be modular")
        return self.evidence.check(F, answer)


def as_submodular(h: DifferenceOfSubmodular) -> SetFunction | None:
    """Return f - g as one submodular function, or None if g is not known to be modular."""
    weights = None if h.estimated else modular_weights(h.g)
    return None if weights is None else h.f + Modular(-weights)


def minimize_modular_g(F: SetFunction, **options: Any) -> Result:
    """Minimize f - g, given as one submodular function, with evidence about the difference."""
    result = minimize_submodular(F, **options)
    evidence = result.certificate
    return replace(
        result,
        certificate=None if evidence is None else SubmodularCertificate(evidence),
        method=f"{result.method}, because g is modular",
    )
