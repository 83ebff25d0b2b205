"""The scale of the costs that an optimal labeling can contain; larger costs act as prohibitions.

Solvers work on a copy of the energy in which large costs are reduced. Let d be the energy of a
known labeling minus the sum of the smallest costs of all nodes and edges. A better labeling
contains no cost that exceeds the smallest cost of its node or edge by more than d. Such costs,
infinite ones included, are reduced to this level. The energy of every better labeling stays the
same, no other energy increases, and sums keep their precision. Values and certificates are computed
from the original energy (`certificates`), so that correctness does not depend on this module.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.labeling.energy import LabelingEnergy

# A negative weight is a rounded zero if it is below this fraction of the costs at both ends.
ZERO = 2.0**-46
NOISE = 2.0**-46  # relative differences of costs below this are rounding errors
SIMILAR = 2.0**20  # largest ratio of numbers whose sums keep enough precision


def simplified(energy: LabelingEnergy) -> LabelingEnergy:
    """Return the energy without negative weights, if a change of signs or rounding allows it."""
    weights = energy.weights
    if not len(weights) or weights.min() >= 0.0:
        return energy
    spread = float(energy.table.max() - energy.table.min())
    reach = np.abs(weights) * spread
    around = np.bincount(energy.tails, reach, energy.n) + np.bincount(energy.heads, reach, energy.n)
    finite = np.where(np.isfinite(energy.costs), energy.costs, -np.inf)
    around += finite.max(axis=0) - energy.costs.min(axis=0)
    least = np.minimum(around[energy.tails], around[energy.heads])
    weights = np.where((weights < 0.0) & (reach <= ZERO * least), 0.0, weights)
    if weights.min() >= 0.0:
        return energy._with(weights=weights)
    if weights.max() <= 0.0:
        return energy._with(weights=-weights, table=-energy.table)
    return energy._with(weights=weights)


def excess(energy: LabelingEnergy, labels: Array) -> float:
    """Return the energy of labels minus the smallest costs of all nodes and edges."""
    own = energy.costs[labels, np.arange(energy.n)] - energy.costs.min(axis=0)
    w, T = energy.weights, energy.table
    pairs = T[labels[energy.tails], labels[energy.heads]]
    with np.errstate(invalid="ignore"):
        above = np.where(w >= 0.0, pairs - T.min(), pairs - T.max())
        above = np.where(w == 0.0, 0.0, w * above)
    used = energy.label_costs[np.unique(labels)].sum() if energy.label_costs.any() else 0.0
    return float(own.sum() + above.sum() + used)


def ceiling(energy: LabelingEnergy, labels: Array) -> float:
    """Return a power of two above every cost in a labeling that is as good as `labels`."""
    most = excess(energy, labels)
    if most == np.inf:  # no allowed labeling is known: use the sum of all finite costs
        finite = np.where(np.isfinite(energy.costs), energy.costs, -np.inf)
        table = energy.table[np.isfinite(energy.table)]
        most = float((finite.max(axis=0) - energy.costs.min(axis=0)).sum())
        most += float(np.abs(energy.weights).sum() * (table.max() - table.min()))
        most += float(energy.label_costs.sum())
    return power_above(2.0 * most)


def power_above(size: float) -> float:
    """Return the smallest power of two that is at least a number >= 0; 1 for 0."""
    return float(np.exp2(np.ceil(np.log2(size)))) if size > 0.0 else 1.0


def calm(energy: LabelingEnergy, costs: Array | None = None) -> bool:
    """Return whether all costs are finite and of similar magnitude, so that none is reduced."""
    costs = energy.costs if costs is None else costs
    T, w = energy.table, np.abs(energy.weights)
    if np.isposinf(T).any() or (costs.size and costs.max() == np.inf):
        return False
    steps = np.abs(T[T.min() != T] - T.min())
    used = w[w > 0.0]
    if not used.size or not steps.size:
        return True
    alike = used.max() <= SIMILAR * used.min() and steps.max() <= SIMILAR * steps.min()
    reach = float(used.max() * steps.max())
    if costs.size and costs.max() - costs.min() > SIMILAR * reach:
        return False
    return bool(alike and energy.label_costs.max(initial=0.0) <= SIMILAR * reach)


def smallest_step(energy: LabelingEnergy) -> float:
    """Return the smallest difference of two costs of a node, an edge or a label; inf if none."""
    costs = np.sort(energy.costs - energy.costs.min(axis=0), axis=0)
    with np.errstate(invalid="ignore"):  # of two infinite costs
        steps = np.diff(costs, axis=0)
        real = steps > NOISE * costs[1:]  # smaller steps are rounding errors
    least = steps.min(where=real & np.isfinite(steps), initial=np.inf)
    entries = np.unique(energy.table[np.isfinite(energy.table)])
    w = np.abs(energy.weights)
    if len(entries) > 1 and w.max(initial=0.0) > 0.0:
        least = min(least, np.diff(entries).min() * w.min(where=w > 0.0, initial=np.inf))
    paid = energy.label_costs
    return float(min(least, paid.min(where=paid > 0.0, initial=np.inf)))


def bounded(energy: LabelingEnergy, labels: Array) -> LabelingEnergy:
    """Return the energy with costs reduced to those that a labeling better than `labels` can have.

    All of its costs are finite. The same object is returned if nothing changes.
    """
    top = ceiling(energy, labels)
    changes: dict[str, Array] = {}
    least = energy.costs.min(axis=0)
    highest = least + top
    if (energy.costs > highest).any():
        changes["costs"] = np.minimum(energy.costs, highest)
    if energy.label_costs.max(initial=0.0) > top:
        changes["label_costs"] = np.minimum(energy.label_costs, top)
    w, T = energy.weights, energy.table
    positive = w[w > 0.0]
    if len(positive) and w.min() >= 0.0:
        base = float(T.min())
        worth = power_above(top / float(positive.min()))
        if float(T.max()) - base > worth:
            changes["table"] = T = np.minimum(T, base + worth)
        apart = T[~np.eye(len(T), dtype=bool)]
        step = float(apart.min(initial=np.inf)) - base
        if (np.diagonal(T) == base).all() and 0.0 < step < np.inf:
            worth = power_above(top / step)
            if float(positive.max()) > worth:
                changes["weights"] = np.minimum(w, worth)
    elif np.isposinf(T).any():  # all weights are 0
        changes["table"] = np.where(np.isfinite(T), T, 0.0)
    return energy._with(**changes) if changes else energy


def simple_labels(energy: LabelingEnergy) -> Array:
    """Return the better of two labelings: the cheapest label per node, or the best single label."""
    cheapest = energy.costs.argmin(axis=0).astype(np.int64)
    single = single_label(energy)
    return single if excess(energy, single) < excess(energy, cheapest) else cheapest


def single_label(energy: LabelingEnergy) -> Array:
    """Return the labeling that gives all nodes the same label, for the best label."""
    T, total = np.diagonal(energy.table), float(energy.weights.sum())
    pairs = np.where(T == 0.0, 0.0, total * T) if total else 0.0
    alone = energy.costs.sum(axis=1) + energy.label_costs + pairs
    return np.full(energy.n, int(np.argmin(alone)), np.int64)
