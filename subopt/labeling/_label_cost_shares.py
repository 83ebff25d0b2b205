"""Label costs divided among the nodes, for lower bounds.

    sum_l h_l [some node has label l]  >=  sum_k y[k, x_k]     if y >= 0 and sum_k y[k, l] <= h_l.

Adding the shares y to the unary costs therefore replaces the label costs in a lower bound. The best
y is found by subgradient steps, which increase the shares of the labels in a minimizer of the
relaxation and decrease the others.
"""

from __future__ import annotations

import math

import numpy as np

from subopt._base.types import Array


def even(label_costs: Array, n: int) -> Array:
    """Return equal shares for all n nodes."""
    return np.tile(label_costs / n, (n, 1))


def allowed(shares: Array, label_costs: Array) -> Array:
    """Return shares whose exact sums do not exceed the label costs."""
    shares = np.maximum(shares, 0.0)
    for l, cost in enumerate(label_costs.tolist()):
        while math.fsum([*shares[:, l].tolist(), -cost]) > 0.0:
            shares[:, l] *= min(cost / math.fsum(shares[:, l]), 1.0) * (1.0 - 2.0**-51)
    return shares


def moved(shares: Array, labels: Array, step: float, label_costs: Array) -> Array:
    """Return shares after a subgradient step, given the labels of a minimizer."""
    more = shares.copy()
    more[np.arange(len(labels)), labels] += step
    return _nearest(more, label_costs)


def steepness(labels: Array) -> float:
    """Return the squared length of the projected subgradient, for a step of one."""
    n = len(labels)
    return n - float((np.bincount(labels).astype(float) ** 2).sum()) / n


def _nearest(y: Array, label_costs: Array) -> Array:
    """Project nonnegative shares onto the allowed ones, label by label."""
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
