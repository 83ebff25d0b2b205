"""Label costs divided among the nodes, for bounds.

    sum_l h_l [some node has label l]  >=  sum_k y[k, x_k]     if y >= 0 and sum_k y[k, l] <= h_l,

so y added to the unary costs replaces the label costs in any lower bound. The best y is found by
subgradient steps: more for the labels that a minimizer has where it has them, less elsewhere.
"""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array


def even(label_costs: Array, n: int) -> Array:
    """Return the same share for all n nodes; worth no less than the smallest of the costs."""
    return np.tile(label_costs / n, (n, 1))


def allowed(shares: Array, label_costs: Array) -> Array:
    """Return shares whose exact sums do not exceed the label costs."""
    shares = np.maximum(shares, 0.0)
    for l, cost in enumerate(label_costs.tolist()):
        while math.fsum([*shares[:, l].tolist(), -cost]) > 0.0:
            shares[:, l] *= min(cost / math.fsum(shares[:, l]), 1.0) * (1.0 - 2.0**-51)
    return shares


def moved(shares: Array, labels: Array, step: float, label_costs: Array) -> Array:
    """Return shares after a step towards what a labeling has."""
    more = shares.copy()
    more[np.arange(len(labels)), labels] += step
    return _nearest(more, label_costs)


def steepness(labels: Array) -> float:
    """Return the squared length of such a step along what is allowed, for a step of one."""
    n = len(labels)
    return n - float((np.bincount(labels).astype(float) ** 2).sum()) / n


def _nearest(y: Array, label_costs: Array) -> Array:
    """Return the allowed shares nearest to some that are >= 0: the same off all that are left."""
    over = y.sum(axis=0) > label_costs
    columns, most = y[:, over], label_costs[over]
    descending = -np.sort(-columns, axis=0)
    excess = np.cumsum(descending, axis=0) - most
    rank = np.arange(1, len(y) + 1)[:, None]
    last = np.maximum((descending * rank > excess).sum(axis=0) - 1, 0)
    off = excess[last, np.arange(last.size)] / (last + 1)
    nearest = y.copy()
    nearest[:, over] = np.maximum(columns - off, 0.0)
    return nearest
