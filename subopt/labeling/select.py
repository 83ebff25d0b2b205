"""The choice of a method for a labeling energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.interruptible import is_short
from subopt._base.options import Deadline, names, require_known, stage
from subopt._base.types import Array, ArrayLike
from subopt.labeling import (
    _alpha_beta_swap,
    _alpha_expansion,
    _dual_bound,
    _fusion,
    _icm,
    _ishikawa,
    _qpbo,
)
from subopt.labeling._magnitude import calm, simple_labels, simplified
from subopt.labeling.certificates import evidence, lowered
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified, local_status

ARCS = 5_000_000  # largest number of nodes and arcs of the graph of `ishikawa` for "auto"
SWEEPS = 50  # number of sweeps of message passing if no method with a guarantee fits
METHODS: dict[str, Callable[..., Labeling]] = {
    "ishikawa": _ishikawa.ishikawa,
    "qpbo": _qpbo.qpbo,
    "alpha_expansion": _alpha_expansion.alpha_expansion,
    "alpha_beta_swap": _alpha_beta_swap.alpha_beta_swap,
    "fusion": _fusion.fusion,
    "icm": _icm.icm,
    "dual_bound": _dual_bound.dual_bound,
}


def minimize_labeling(
    energy: LabelingEnergy, *, method: str = "auto", lower_bound: bool = False, **given: Any
) -> Labeling:
    r"""Minimize a labeling energy by the method that fits it.

    Parameters
    ----------
    energy : LabelingEnergy
        The energy.
    method : str, default "auto"
        "ishikawa", "qpbo", "alpha_expansion", "alpha_beta_swap", "fusion", "icm" or "dual_bound".
        "auto" uses `ishikawa` if it is exact and its graph is not too large, `qpbo` for two labels,
        and `alpha_expansion` for a metric. Otherwise it takes the best labels that
        `alpha_beta_swap`, `dual_bound` and `fusion` find, and improves them by `icm`. The method of
        the answer states what ran.
    lower_bound : bool, default False
        Whether to add a certificate of `dual_bound` if the method has none.
    **given
        Options of the method; of "auto": `start`, labels that the answer is no worse than, and
        `time_limit` in seconds, which the bound counts towards.

    Returns
    -------
    Labeling
        The labels, and a lower bound if the method proves one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or if `method` does not fit the energy.

    Examples
    --------
    >>> energy = LabelingEnergy([[0, 3, 9], [2, 1, 2], [9, 3, 0]], weights=0.5)
    >>> result = minimize_labeling(energy, lower_bound=True)
    >>> result.method, result.value, result.gap, result.status.name
    ('alpha_expansion', 2.0, 0.0, 'OPTIMAL')
    """
    require_energy("minimize", energy)
    takes = options(method)
    require_known(f"minimize of a LabelingEnergy by {method!r}", takes, given)
    deadline = Deadline(given.get("time_limit"))
    result = (_auto if method == "auto" else METHODS[method])(energy, **given)
    if lower_bound and result.certificate is None:
        stage("%s has no lower bound by itself: dual_bound", result.method)
        left = deadline.left()
        found = _dual_bound.dual_bound(energy, start=result.labels, time_limit=left)
        result = _with_bound(energy, result, found, deadline)
    return result


def options(method: str = "auto") -> tuple[str, ...]:
    """Return the names of the options that a method takes."""
    validate.choice("method", method, ("auto", *METHODS))
    return ("method", "lower_bound", *names(_auto if method == "auto" else METHODS[method]))


def _auto(
    energy: LabelingEnergy, *, start: ArrayLike | None = None, time_limit: float | None = None
) -> Labeling:
    """Run the method with the strongest guarantee."""
    deadline = Deadline(time_limit)
    L = energy.n_labels
    known = None if start is None else energy.check_labels("start", start)
    small = L == 2 or (energy.n + len(energy.tails) * (L - 1)) * L <= ARCS
    if small and _ishikawa.can_solve(energy) is None:
        stage("ishikawa, because it is exact for this table")
        return _no_worse(energy, _ishikawa.ishikawa(energy, time_limit=deadline.left()), known)
    if _qpbo.can_solve(energy) is None:
        stage("qpbo, because there are two labels")
        return _no_worse(energy, _qpbo.qpbo(energy, time_limit=deadline.left()), known)
    if _alpha_expansion.can_solve(energy) is None:
        stage("alpha_expansion, because the table is a metric")
        limit = deadline.left()
        return _alpha_expansion.alpha_expansion(energy, start=start, time_limit=limit)
    return _best_of_what_fits(energy, known, deadline)


def _no_worse(energy: LabelingEnergy, result: Labeling, known: Array | None) -> Labeling:
    """Return the answer, or the known labels if their energy is lower."""
    if known is None or not energy.is_lower(known, result.labels.ravel()):
        return result
    return replace(
        result,
        labels=known.reshape(energy.shape),
        value=energy.value(known),
        method=f"start, which is better than {result.method}",
    )


def _best_of_what_fits(energy: LabelingEnergy, known: Array | None, deadline: Deadline) -> Labeling:
    """Improve labels by all methods that accept the energy, none of which has a guarantee."""
    stage("several methods, because none has a guarantee for this table")
    ran = []
    labels = simple_labels(simplified(energy)) if known is None else known
    cuts = 0
    if _alpha_beta_swap.can_solve(energy) is None:
        found = _alpha_beta_swap.alpha_beta_swap(energy, start=known, time_limit=deadline.left())
        labels, cuts = _better(energy, labels, found.labels.ravel()), found.n_cuts
        ran.append("alpha_beta_swap")
    bound = _dual_bound.dual_bound(
        energy, max_iter=SWEEPS, start=labels, time_limit=deadline.left()
    )
    ran.append("dual_bound")
    if _fusion.can_solve(energy) is None:
        labels = _fusion.fused(energy, simplified(energy), labels, bound.labels.ravel(), deadline)
        found = _fusion.fusion(energy, start=labels, time_limit=deadline.left())
        labels, cuts = found.labels.ravel().copy(), cuts + found.n_cuts
        ran.append("fusion")
    else:
        labels = _better(energy, labels, bound.labels.ravel())
    found = _icm.icm(energy, start=labels, time_limit=deadline.left())
    result = replace(found, method=f"{', '.join(ran)}, then icm", n_cuts=cuts)
    return _with_bound(energy, result, bound, deadline)


def _better(energy: LabelingEnergy, x: Array, y: Array) -> Array:
    return y.copy() if energy.is_lower(y, x) else x


def _with_bound(
    energy: LabelingEnergy, result: Labeling, bound: Labeling, deadline: Deadline
) -> Labeling:
    """Return the answer with the certificate of another one, and its labels if they are better."""
    same = np.array_equal(result.labels, bound.labels)
    if not same and energy.is_lower(bound.labels.ravel(), result.labels.ravel()):
        labels = bound.labels.ravel().copy()
        done = _icm.improve(energy, labels, deadline=deadline)
        last = "" if (labels == bound.labels.ravel()).all() else ", then icm"
        ended = local_status(done=False, stopped=deadline.passed())
        result = replace(
            result,
            labels=labels.reshape(energy.shape),
            value=energy.value(labels),
            status=result.status if done else ended,
            method=f"{result.method}, then {bound.method}{last}",
        )
    certificate = bound.certificate
    if certificate is None:  # there was no time for the proof
        return result
    if np.array_equal(result.labels, bound.labels):  # measured already
        status = bound.status if bound.status is Status.OPTIMAL else result.status
        return replace(
            result, lower_bound=bound.lower_bound, certificate=certificate, status=status
        )
    given = evidence(certificate.messages, certificate.rest, certificate.shares)
    if is_short(given.high.size) or not deadline.passed():
        strict = not calm(simplified(energy))
        found = certified(energy, result, given, strict=strict, deadline=deadline)
        if found.certificate is not None:
            return found
    lower = lowered(bound.lower_bound, result.value)  # there was no time for a second proof
    return replace(result, lower_bound=lower, certificate=replace(certificate, lower_bound=lower))
