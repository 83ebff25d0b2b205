"""Other labels in use, where labels cost something: one label more, or another in place of one.

Expansions cannot do either if it takes several of them. A label more has to pay its cost before the
labels beside it adapt to it, and nodes do not leave a label that takes the place of another one in
the same move. Both are tried here: the labels change first, moves to labels in use follow, and the
result is kept if the energy is lower.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.labeling.moves.label_costs import WholeMoves, to_used

Plain = Callable[[Array], tuple[bool, int]]
"""Makes some moves as if labels cost nothing, as in `WholeMoves.descend`."""

ADDED = 2  # number of labels that are tried in addition
ROUNDS = 10  # times that nodes choose labels and labels are chosen for their nodes
NEAREST = 4  # number of labels that are tried in place of one
TRIES = 64  # number of labels that are tried in place of others
SMALL = 2.0**-6  # part of a label cost by which the nodes may cost more with another label


def improve(
    whole: WholeMoves, moves: Array, labels: Array, plain: Plain, deadline: Deadline
) -> tuple[bool, int]:
    """Change the labels in use where that lowers E; return whether any changed, and the cuts.

    `labels` (n,) int64 are overwritten; `moves` are expansions.
    """
    added, cuts = _add(whole, moves, labels, plain, deadline)
    exchanged, more = _exchange(whole, moves, labels, plain, deadline)
    return added or exchanged, cuts + more


def _add(
    whole: WholeMoves, moves: Array, labels: Array, plain: Plain, deadline: Deadline
) -> tuple[bool, int]:
    """Use one label more, if the nodes of a label save what it costs by choosing between both."""
    costs, paid = whole.problem.costs, whole.energy.label_costs
    used = np.flatnonzero(np.bincount(labels, minlength=len(paid)))
    most = []
    for l in used.tolist():
        if deadline.passed():
            return False, 0
        own = costs[labels == l]
        saved = np.maximum(own[:, l, None] - own, 0.0).sum(axis=0) - paid
        saved[used] = -np.inf
        b = int(np.argmax(saved))
        most.append((float(saved[b]), b))
    better, cuts = False, 0
    for saved, b in sorted(most, reverse=True)[:ADDED]:
        if saved <= 0.0 or deadline.passed():
            break
        before = labels.copy()
        some = np.concatenate([to_used(moves, labels, len(paid)), moves[moves[:, 1] == b]])
        for _ in range(ROUNDS):
            cuts += plain(some)[1]
            if not _centered(costs, labels):
                break
            some = to_used(moves, labels, len(paid))
        if whole.energy.is_lower(labels, before):
            better = True
        else:
            labels[:] = before
    return better, cuts


def _centered(costs: Array, labels: Array) -> bool:
    """Give the nodes of each label the label that costs them least; return whether any changed."""
    new = labels.copy()
    for l in np.unique(labels).tolist():
        inside = labels == l
        new[inside] = costs[inside].sum(axis=0).argmin()
    changed = bool((new != labels).any())
    labels[:] = new
    return changed


def _exchange(
    whole: WholeMoves, moves: Array, labels: Array, plain: Plain, deadline: Deadline
) -> tuple[bool, int]:
    """Use other labels in place of those in use, one at a time."""
    costs, paid = whole.problem.costs, whole.energy.label_costs
    better, cuts, tries = False, 0, 0
    last, idle = -1, 0  # the last label, and the number of labels since one was exchanged
    while not deadline.passed():
        used = np.flatnonzero(np.bincount(labels, minlength=len(paid)))
        if idle >= len(used):
            break
        last = int(used[np.searchsorted(used, last, "right") % len(used)])
        idle += 1
        inside = labels == last
        more = costs[inside].sum(axis=0)
        more -= more[last]
        more[used] = np.inf
        for b in np.argsort(more, kind="stable")[:NEAREST].tolist():
            if more[b] > SMALL * paid[b] or tries == TRIES:
                break
            tries += 1
            before = labels.copy()
            labels[inside] = b
            cuts += plain(to_used(moves, labels, len(paid)))[1]
            if whole.energy.is_lower(labels, before):
                better, last, idle = True, b, 0
                break
            labels[:] = before
    return better, cuts
