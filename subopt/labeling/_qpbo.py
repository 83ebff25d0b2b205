"""Energies of two labels with any costs: the roof dual, its bound and persistent labels."""

from __future__ import annotations

import numpy as np

from subopt._base.answer import Status
from subopt._base.interruptible import flag, interruptible, is_short
from subopt._base.options import Deadline, documented, reported
from subopt._base.types import Array
from subopt.labeling import _icm
from subopt.labeling._exact import Reparametrization, node_costs
from subopt.labeling._magnitude import bounded, calm, simple_labels, simplified
from subopt.labeling._roof import NUMBERS, Binary, over, roof, solved, without_least
from subopt.labeling.certificates import Measure, evidence, measure, measure_again, weaker
from subopt.labeling.cut_graphs import sum_and_error
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified, local

ROUNDS = 4  # largest number of times that the remaining problem is solved
SMALL = 2**16  # largest number of nodes for which it is solved again to remove rounding errors


@reported
@documented
def qpbo(
    energy: LabelingEnergy, *, time_limit: float | None = None, verbose: bool = False
) -> Labeling:
    """Minimize an energy with two labels by roof duality, which may leave some undecided.

    Parameters
    ----------
    energy : LabelingEnergy
        With two labels; any table, one or one per edge, weights of any sign, no label costs.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Labeling
        ``persistent`` marks the nodes whose label is the same in every minimizer. Other labels that
        are known are those of one minimizer (weak persistency); the rest is found by probing, by
        improving random parts, with a fixed seed, and by `icm`. With a `MessageCertificate`;
        OPTIMAL if the bound meets the value, else LOCAL_MINIMUM or TIME_LIMIT. There is no
        certificate if the time limit is too short for it.

    Raises
    ------
    TypeError, ValueError
        If `energy` is no `LabelingEnergy`, has not two labels, or has label costs.

    Notes
    -----
    The cost is one maximum flow on 2 n nodes and 2 m arcs, and many small ones if the roof dual
    leaves nodes undecided.

    References
    ----------
    .. [1] E. Boros, P. L. Hammer, "Pseudo-Boolean optimization", Discrete Applied Mathematics 123,
       2002, section 5.
    .. [2] V. Kolmogorov, C. Rother, "Minimizing nonsubmodular functions with graph cuts - a
       review", IEEE TPAMI 29(7), 2007.
    .. [3] C. Rother, V. Kolmogorov, V. Lempitsky, M. Szummer, "Optimizing binary MRFs via extended
       roof duality", CVPR 2007.

    Examples
    --------
    Three nodes in a cycle, each with a negative cost for different labels, and a fourth node:

    >>> energy = LabelingEnergy(
    ...     [[0, 0], [0, 0], [0, 0], [0, 9]],
    ...     edges=[(0, 1), (1, 2), (2, 0), (2, 3)],
    ...     weights=[-1, -1, -1, 0.5],
    ... )
    >>> result = qpbo(energy)
    >>> result.persistent, result.value, result.lower_bound
    (array([False, False, False,  True]), -2.0, -2.75)
    """
    require_energy("qpbo", energy)
    if (reason := can_solve(energy)) is not None:
        raise ValueError(f"qpbo does not fit: {reason}. icm and dual_bound take any energy.")
    deadline = Deadline(time_limit)
    simple = simplified(energy)
    if over(len(energy.tails), deadline):
        cheapest = energy.costs.argmin(axis=0).astype(np.int64)
        return local(energy, cheapest, "qpbo", Status.TIME_LIMIT)
    labels, quiet = simple_labels(simple), calm(simple)
    if not quiet:  # the scale of large costs is that of the best known labels
        _icm.improve(energy, labels, deadline=deadline)
    given = evidence(np.zeros((2, len(energy.tails), 2)), None, None)
    best: Measure | None = None
    persistent = known = np.zeros(energy.n, dtype=bool)
    cuts = 0
    while cuts < ROUNDS and (best is None or best.gap > 0.0):
        if over(len(energy.tails), deadline):
            break
        work = simple if quiet else bounded(simple, labels)
        binary = left(work, given, deadline)
        if binary is None or deadline.passed():
            break
        found = roof(binary, labels, deadline)
        if over(len(energy.tails), deadline):
            break
        cuts += 1
        if cuts == 1 or found.all_share.sum() >= persistent.sum():
            persistent, known = found.all_share, found.known
        if cuts == 1 and not known.all():
            _icm.improve(energy, labels, deadline=deadline)
        more = _sum(given, found.given)
        trial = np.where(found.known, found.x, labels).astype(np.int64)
        if (quiet and cuts == 1 and known.all()) or not energy.is_lower(labels, trial):
            labels = trial
        before, best = best, measure(energy, labels, more, deadline=deadline)
        if before is not None and weaker(best, before):
            best = measure_again(energy, labels, given, before, deadline)
            break
        given = more
        if before is not None and not best.lower_bound > before.lower_bound:
            break
        if (best.rounding and energy.n > SMALL) or deadline.passed():
            break
    if best is None:  # there was not even time to build the graph
        return local(energy, labels, "qpbo", Status.TIME_LIMIT)
    method = f"qpbo: {int(known.sum())} of {energy.n} labels known"
    if not best.rounding and not deadline.passed():
        none = evidence(np.zeros_like(given.high), None, None)
        rest = left(bounded(simple, labels), none, deadline)
        if rest is not None:
            trial = solved(rest, labels, deadline, probe=True).astype(np.int64)
            _icm.improve(energy, trial, deadline=deadline)
            if energy.is_lower(trial, labels):
                labels, best = trial, measure_again(energy, trial, given, best, deadline)
            method += ", then probing, improving and icm"
    labeling = Labeling(
        labels=labels.reshape(energy.shape),
        value=best.value,
        status=Status.TIME_LIMIT if deadline.passed() else Status.LOCAL_MINIMUM,
        method=method,
        n_cuts=cuts,
        persistent=persistent.reshape(energy.shape),
    )
    return certified(energy, labeling, given, best)


def _sum(given: Reparametrization, more: Array) -> Reparametrization:
    """Return messages with others added to them, in twice the working precision."""
    if not given.high.any():
        return evidence(more, None, None)
    high, error = sum_and_error(given.high, more)
    high, low = sum_and_error(high, error + given.low if given.low.size else error)
    return evidence(high, low if low.any() else None, None)


def can_solve(energy: LabelingEnergy) -> str | None:
    """Return why `qpbo` does not fit an energy; None if it fits."""
    if energy.n_labels != 2:
        return f"it needs two labels, got {energy.n_labels}"
    return "it takes no label costs" if energy.label_costs.any() else None


def left(energy: LabelingEnergy, given: Reparametrization, deadline: Deadline) -> Binary | None:
    """Return an energy of two labels after reparametrization; at the deadline None if large."""
    pairs, m = energy.weights[:, None, None] * energy.tables, len(energy.tails)
    if given.high.any():
        high, low = np.empty((energy.n, 2)), np.empty((energy.n, 2))
        args, stop = (energy.terms, given, high, low, np.zeros(energy.n_labels)), flag()
        short = is_short(NUMBERS * m)
        interruptible(node_costs, *args, stop, stop=stop, deadline=deadline, short=short)
        if stop[0]:
            return None
        cost = (high[:, 1] - high[:, 0]) + (low[:, 1] - low[:, 0])
        first, second = given.high[0][:, :, None], given.high[1][:, None, :]
        if over(m, deadline):
            return None
        rest, error = sum_and_error(pairs, -first)
        if over(m, deadline):
            return None
        pairs, other = sum_and_error(rest, -second)
        if over(m, deadline):
            return None
        pairs = pairs + (error + other)
        if given.low.size:
            pairs = pairs - given.low[0][:, :, None] - given.low[1][:, None, :]
    else:
        cost = energy.costs[1] - energy.costs[0]
    if over(m, deadline):
        return None
    return Binary(cost, without_least(pairs), energy.tails, energy.heads)
