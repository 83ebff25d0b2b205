"""Which method fits a labeling energy."""

from __future__ import annotations

from collections.abc import Callable

from subopt._base import validate
from subopt._base.types import ArrayLike
from subopt.labeling._alpha_beta_swap import alpha_beta_swap
from subopt.labeling._alpha_expansion import alpha_expansion
from subopt.labeling._dual_bound import dual_bound
from subopt.labeling._icm import icm
from subopt.labeling._ishikawa import ishikawa
from subopt.labeling._qpbo import qpbo
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified

ARCS = 5_000_000  # beyond so many nodes and arcs "auto" does not build the graph of `ishikawa`
_MOVES: dict[str, Callable[..., Labeling]] = {
    "alpha_expansion": alpha_expansion,
    "alpha_beta_swap": alpha_beta_swap,
    "icm": icm,
}
_EXACT: dict[str, Callable[[LabelingEnergy], Labeling]] = {"ishikawa": ishikawa, "qpbo": qpbo}


def label(
    energy: LabelingEnergy,
    *,
    method: str = "auto",
    initial: ArrayLike | None = None,
    lower_bound: bool = False,
) -> Labeling:
    r"""Minimize a labeling energy by the method that fits it.

    Parameters
    ----------
    energy : LabelingEnergy
    method : {"auto", "ishikawa", "qpbo", "alpha_expansion", "alpha_beta_swap", "icm"}
        "auto" takes the first that fits: `ishikawa` is exact, `qpbo` knows what it proves,
        `alpha_expansion` needs a metric, `alpha_beta_swap` less, `icm` nothing.
    initial : array_like of int, shape (\*grid,) or (n,), optional
        Labels to start from, for the last three.
    lower_bound : bool, default False
        Whether to add a certificate of `dual_bound` if the method has none.

    Returns
    -------
    Labeling

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if `method` does not fit the energy.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5)
    >>> result = minimize(energy, lower_bound=True)
    >>> result.method, result.value, result.gap, result.status.name
    ('alpha_expansion', 2.0, 0.0, 'OPTIMAL')
    """
    require_energy("label", energy)
    validate.choice("method", method, ("auto", *_EXACT, *_MOVES))
    if method in _EXACT and initial is not None:
        raise ValueError(f"method {method!r} starts from no labels; leave out initial")
    if method == "auto":
        result = _first_that_fits(energy, initial)
    elif method in _EXACT:
        result = _EXACT[method](energy)
    else:
        result = _MOVES[method](energy, initial=initial)
    if lower_bound and result.certificate is None:
        certificate = dual_bound(energy, value=result.value).certificate
        assert certificate is not None
        result = certified(energy, result, certificate)
    return result


def _first_that_fits(energy: LabelingEnergy, initial: ArrayLike | None) -> Labeling:
    """Try the methods in the order of what they promise."""
    L = energy.n_labels
    small = (energy.n + len(energy.tails) * (L - 1)) * L <= ARCS
    for method, possible in ((ishikawa, small), (qpbo, L == 2)):
        if possible and initial is None:
            try:
                return method(energy)
            except ValueError:
                continue
    for move in (alpha_expansion, alpha_beta_swap):
        try:
            return move(energy, initial=initial)
        except ValueError:
            continue
    return icm(energy, initial=initial)
