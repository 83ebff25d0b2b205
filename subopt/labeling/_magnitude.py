"""How large the numbers are that can be in an optimal labeling; all others are only forbidden.

A node that pays more than its cheapest label and all its edges could cost takes that label instead,
and a label that costs more than what is known to be enough is not used.
So costs may be lowered to a little above that: no minimizer changes, and with hard constraints of
1e9 or 1e12, sums keep the digits of everything else.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array
from subopt.labeling.energy import LabelingEnergy


def capped(energy: LabelingEnergy, costs: Array | None = None) -> Array:
    """Return unary costs, (..., labels, nodes), lowered to a little above what can be worth it.

    No labeling gets more expensive, so a bound of these costs is one of the energy.
    """
    costs = energy.costs if costs is None else costs
    least = costs.min(axis=-2)
    most = least + _spread(energy, costs, least)
    if energy.label_costs.any():  # a node may pay so much for a label that others use
        most += capped_label_costs(energy).max()
    return np.minimum(costs, most[..., None, :])


def capped_label_costs(energy: LabelingEnergy) -> Array:
    """Return label costs lowered to what any labeling that is worth it can pay."""
    if not energy.label_costs.any():
        return energy.label_costs
    return np.minimum(energy.label_costs, _excess(energy, energy.costs.min(axis=0)))


def rounding(energy: LabelingEnergy, costs: Array | None = None) -> Array:
    """Return how much of the energy of a labeling may be rounding; of each, if costs are many."""
    costs = energy.costs if costs is None else costs
    least = costs.min(axis=-2)
    spread = np.minimum(costs.max(axis=-2) - least, _spread(energy, costs, least))
    size = (np.abs(least) + spread).sum(axis=-1)
    size += np.abs(energy.weights).sum() * np.abs(energy.table).max()
    size += capped_label_costs(energy).sum()
    return np.asarray(1e-12 * size + 1e-300)


def single_label(energy: LabelingEnergy) -> Array:
    """Return the label whose costs are the least, at every node."""
    return np.full(energy.n, (energy.costs.sum(axis=1) + energy.label_costs).argmin(), np.int64)


def _spread(energy: LabelingEnergy, costs: Array, least: Array) -> Array:
    """Return what a node may pay beyond its least cost, (..., nodes), with room to spare."""
    reach = np.abs(energy.weights) * (energy.table.max() - energy.table.min())
    nodes = np.bincount(energy.tails, reach, energy.n) + np.bincount(energy.heads, reach, energy.n)
    room = nodes.mean() + np.abs(least).mean(axis=-1, keepdims=True)
    if not room.all():  # least costs are 0, so anything else is more
        more = np.where(costs > 0.0, costs, np.inf).min(axis=(-2, -1), initial=np.inf)
        room = np.where(room > 0.0, room, more[..., None])
    return 2.0 * nodes + np.exp2(np.ceil(np.log2(room)))  # whole numbers stay exact


def _excess(energy: LabelingEnergy, least: Array) -> float:
    """Return what the better of two labelings costs beyond what every labeling does."""
    cheapest = energy.costs.argmin(axis=0)
    edges = np.minimum(energy.weights * energy.table.min(), energy.weights * energy.table.max())
    value = min(energy.value(single_label(energy)), energy.value(cheapest))
    return max(0.0, value - float(least.sum() + edges.sum()))
