"""Minimization of modular functions: the elements of negative weight."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt.functions.algebra import SetFunction
from subopt.functions.modular import Modular
from subopt.submodular.certificates import BaseCertificate
from subopt.submodular.result import Result


def modular(F: SetFunction, *, minimizer: str = "any") -> Result:
    """Minimize a `Modular` function in closed form.

    Parameters
    ----------
    F : SetFunction
        A `Modular` function, or an empty sum.
    minimizer : {"any", "minimal", "maximal"}, default "any"
        Which minimizer to return. Only "maximal" includes elements of weight 0.

    Returns
    -------
    Result
        With status OPTIMAL and a `BaseCertificate` of one order.

    Raises
    ------
    TypeError
        If F is not modular.

    Examples
    --------
    >>> minimize(Modular([1.0, -2.0, 0.0]), method="modular", minimizer="maximal").S
    array([1, 2])
    """
    validate.choice("minimizer", minimizer, ("any", "minimal", "maximal"))
    weights = modular_weights(F)
    if weights is None:
        raise TypeError(
            f"modular needs a Modular function, got {F!r}. Use method='auto', which picks "
            "what fits."
        )
    mask = weights <= 0 if minimizer == "maximal" else weights < 0
    value = F.value(mask.copy())
    certificate = BaseCertificate(np.arange(F.n)[None], np.ones(1), value)
    return Result(
        mask=mask,
        value=value,
        lower_bound=value,
        status=Status.OPTIMAL,
        certificate=certificate,
        method="modular",
        n_iter=1,
        n_evals=1,
    )


def modular_weights(F: SetFunction) -> np.ndarray | None:
    """Return the weights of F if it is known to be modular, else None."""
    if isinstance(F, Modular):
        return F.weights
    terms = getattr(F, "terms", None)
    return np.zeros(F.n) if terms == () or F.n == 0 else None
