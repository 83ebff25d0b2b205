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

# A negative weight is a rounded zero if it is below this fraction of all other costs at its ends.
ZERO = 2.0**-46
NOISE = 2.0**-46  # relative differences of costs below this are rounding errors
SIMILAR = 2.0**20  # largest ratio of numbers whose sums keep enough precision


def simplified(energy: LabelingEnergy) -> LabelingEnergy:
    """Return the energy without negative weights, if a change of signs or rounding allows it."""
    weights = energy.weights
    if not len(weights) or weights.min() >= 0.0:
        return energy
    T = energy.tables
    spread = T.max(axis=(1, 2)) - T.min(axis=(1, 2))  # of each edge, or of all
    reach = np.abs(weights) * spread
    if weights.max() > 0.0:
        most = max(float(reach.max()), float(energy.costs.max()) - float(energy.costs.min()))
        if reach.min(where=weights < 0.0, initial=np.inf) > ZERO * most:
            return energy  # none is a rounded zero
    # a huge cost beside it says nothing: both ends may avoid that, or share it
    beside = np.where(weights > 0.0, reach, np.inf)
    least = np.where(np.isfinite(energy.costs), energy.costs - energy.least_costs, np.inf)
    around = least.min(axis=0, where=least > 0.0, initial=np.inf)
    for ends in (energy.tails, energy.heads):
        np.minimum.at(around, ends, np.where(beside > 0.0, beside, np.inf))
    around[np.isinf(around)] = 0.0  # nothing else decides about the node
    # nor does a cost that no good labeling pays
    paid = ceiling(energy, simple_labels(energy))
    least = np.minimum(np.minimum(around[energy.tails], around[energy.heads]), paid)
    weights = np.where((weights < 0.0) & (reach <= ZERO * least), 0.0, weights)
    if weights.min() >= 0.0:
        return energy._with(weights=weights)
    if weights.max() <= 0.0:
        return energy._with(weights=-weights, tables=-T)
    return energy._with(weights=weights)


def excess(energy: LabelingEnergy, labels: Array) -> float:
    """Return the energy of labels minus the smallest costs of all nodes and edges."""
    own = energy.costs[labels, np.arange(energy.n)] - energy.least_costs
    w, T = energy.weights, energy.tables
    pairs = _pairs(energy, labels)
    least, most = T.min(axis=(1, 2)), T.max(axis=(1, 2))
    if not len(w) or (w.min() >= 0.0 and most.max() < np.inf):
        above = w * (pairs - least)
    else:
        with np.errstate(invalid="ignore"):
            above = np.where(w >= 0.0, pairs - least, pairs - most)
            above = np.where(w == 0.0, 0.0, w * above)
    used = energy.label_costs[np.unique(labels)].sum() if energy.label_costs.any() else 0.0
    return float(own.sum() + above.sum() + used)


def _pairs(energy: LabelingEnergy, labels: Array) -> Array:
    """Return the entries of the tables that labels pay, (m,) or (1,)."""
    T, L = energy.tables, energy.n_labels
    if (labels == labels[0]).all():
        return T[:, labels[0], labels[0]]
    place = labels.take(energy.tails) * L + labels.take(energy.heads)
    if energy.own:
        place += L * L * np.arange(len(place))
    return T.ravel().take(place)


def ceiling(energy: LabelingEnergy, labels: Array) -> float:
    """Return a power of two above every cost in a labeling that is as good as `labels`."""
    most = excess(energy, labels)
    if most == np.inf:  # no allowed labeling is known: use the sum of all finite costs
        finite = np.where(np.isfinite(energy.costs), energy.costs, -np.inf)
        T = energy.tables
        high = T.max(axis=(1, 2), where=np.isfinite(T), initial=-np.inf)
        most = float((finite.max(axis=0) - energy.least_costs).sum())
        most += float((np.abs(energy.weights) * (high - T.min(axis=(1, 2)))).sum())
        most += float(energy.label_costs.sum())
    return power_above(2.0 * most)


def power_above(size: float) -> float:
    """Return the smallest power of two that is at least a number >= 0; 1 for 0."""
    return float(np.exp2(np.ceil(np.log2(size)))) if size > 0.0 else 1.0


def calm(energy: LabelingEnergy, costs: Array | None = None) -> bool:
    """Return whether all costs are finite and of similar magnitude, so that none is reduced."""
    costs = energy.costs if costs is None else costs
    T, w = energy.tables, np.abs(energy.weights)
    if (T.size and T.max() == np.inf) or (costs.size and costs.max() == np.inf):
        return False
    # from each entry to the next larger one: entries that lie far from the smallest may still
    # differ by little
    entries = np.sort(T.reshape(len(T), energy.n_labels**2), axis=1)
    steps = np.diff(entries, axis=1)
    size = np.maximum(np.abs(entries[:, 1:]), np.abs(entries[:, :-1]))
    steps = steps[steps > NOISE * size]
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
    costs = np.sort(energy.costs - energy.least_costs, axis=0)
    with np.errstate(invalid="ignore"):  # of two infinite costs
        steps = np.diff(costs, axis=0)
        real = steps > NOISE * costs[1:]  # smaller steps are rounding errors
    least = steps.min(where=real & np.isfinite(steps), initial=np.inf)
    T, w = energy.tables, np.abs(energy.weights)
    with np.errstate(invalid="ignore"):
        steps = np.diff(np.sort(T.reshape(len(T), energy.n_labels**2), axis=1), axis=1)
        steps = steps.min(axis=1, where=(steps > 0.0) & np.isfinite(steps), initial=np.inf)
    if w.max(initial=0.0) > 0.0:
        worth = np.where(w > 0.0, w, np.inf) * steps
        least = min(least, float(worth.min()))
    paid = energy.label_costs
    return float(min(least, paid.min(where=paid > 0.0, initial=np.inf)))


def bounded(energy: LabelingEnergy, labels: Array) -> LabelingEnergy:
    """Return the energy with costs reduced to those that a labeling better than `labels` can have.

    All of its costs are finite. The same object is returned if nothing changes.
    """
    top = ceiling(energy, labels)
    changes: dict[str, Array] = {}
    highest = energy.least_costs + top
    if (energy.costs > highest).any():
        changes["costs"] = np.minimum(energy.costs, highest)
    if energy.label_costs.max(initial=0.0) > top:
        changes["label_costs"] = np.minimum(energy.label_costs, top)
    w, T = energy.weights, energy.tables
    if energy.own:
        changes |= _bounded_tables(w, T, top)
    elif w.max(initial=0.0) > 0.0 and w.min() >= 0.0:
        positive = w[w > 0.0]
        base = float(T.min())
        worth = power_above(top / float(positive.min()))
        if float(T.max()) - base > worth:
            changes["tables"] = T = np.minimum(T, base + worth)
        apart = T[0][~np.eye(energy.n_labels, dtype=bool)]
        step = float(apart.min(initial=np.inf)) - base
        if (np.diagonal(T[0]) == base).all() and 0.0 < step < np.inf:
            worth = power_above(top / step)
            if float(positive.max()) > worth:
                changes["weights"] = np.minimum(w, worth)
    elif np.isposinf(T).any():  # all weights are 0
        changes["tables"] = np.where(np.isfinite(T), T, 0.0)
    return energy._with(**changes) if changes else energy


def _bounded_tables(w: Array, T: Array, top: float) -> dict[str, Array]:
    """Return the tables of edges with entries lowered to what can be paid, if that changes any."""
    base = T.min(axis=(1, 2), keepdims=True)
    weight = w[:, None, None]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        worth = np.exp2(np.ceil(np.log2(top / np.abs(weight))))
        highest = np.where(weight > 0.0, base + worth, np.where(weight == 0.0, base, np.inf))
    # an edge of weight 0 costs nothing, and a negative one has finite entries
    return {"tables": np.minimum(T, highest)} if (highest < T).any() else {}


def simple_labels(energy: LabelingEnergy) -> Array:
    """Return the better of two labelings: the cheapest label per node, or the best single label."""
    cheapest = energy.costs.argmin(axis=0).astype(np.int64)
    single = single_label(energy)
    return single if excess(energy, single) < excess(energy, cheapest) else cheapest


def single_label(energy: LabelingEnergy) -> Array:
    """Return the labeling that gives all nodes the same label, for the best label."""
    T, w = np.diagonal(energy.tables, axis1=1, axis2=2), energy.weights[:, None]
    if energy.own:
        with np.errstate(invalid="ignore"):
            pairs = np.where((T == 0.0) | (w == 0.0), 0.0, w * T).sum(axis=0)
    else:
        total = float(w.sum())
        pairs = np.where(T[0] == 0.0, 0.0, total * T[0]) if total else 0.0
    alone = energy.costs.sum(axis=1) + energy.label_costs + pairs
    return np.full(energy.n, int(np.argmin(alone)), np.int64)
