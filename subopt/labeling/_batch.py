"""What the move-making methods share: checks, first labels, many problems on all cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from subopt import _validate
from subopt._threads import in_order, thread_count
from subopt._types import Array, ArrayLike
from subopt.labeling.energy import LARGEST, LabelingEnergy


@dataclass(frozen=True, eq=False)
class LabelingBatch:
    r"""Labelings of many problems.

    Attributes
    ----------
    labels : ndarray of int64, shape (P, \*grid) or (P, n)
    values : ndarray of float64, shape (P,)
        Their energies.
    """

    labels: Array
    values: Array


def check(name: str, energy: LabelingEnergy) -> None:
    """Raise unless all weights are >= 0 and labels cost nothing."""
    if not isinstance(energy, LabelingEnergy):
        raise TypeError(f"{name} needs a LabelingEnergy, got {type(energy).__name__}")
    if (energy.weights < 0).any():
        e = int(np.argmin(energy.weights))
        raise ValueError(
            f"{name} needs weights >= 0, but that of edge {e} between the nodes {energy.tails[e]} "
            f"and {energy.heads[e]} is {energy.weights[e]:g}. icm takes any weights; with two "
            "labels, qpbo does."
        )
    if energy.label_costs.any():
        raise ValueError(
            f"{name} takes no label costs so far, but label_costs[{energy.label_costs.argmax()}] "
            f"is {energy.label_costs.max():g}. icm takes them."
        )


def start(energy: LabelingEnergy, initial: ArrayLike | None) -> Array:
    """Return the labels to start from; by default the single label that is cheapest."""
    if initial is not None:
        return energy.check_labels("initial", initial)
    return np.full(energy.n, energy.costs.sum(axis=1).argmin(), dtype=np.int64)


def run(
    kernel: Callable[..., object],
    energy: LabelingEnergy,
    unaries: ArrayLike,
    options: Callable[[], tuple[Any, ...]],
    threads: int | None,
) -> LabelingBatch:
    """Run a kernel on parts of the problems, one part a thread."""
    costs = _validate.real_array("unaries", unaries, copy=False)
    n, L = energy.n, energy.n_labels
    if costs.ndim < 1 or costs.shape[1:] not in ((*energy.shape, L), (n, L)):
        raise ValueError(
            f"unaries needs the shape (problems, *grid, labels) = (P, "
            f"{', '.join(map(str, (*energy.shape, L)))}), got {costs.shape}"
        )
    if costs.size and max(costs.max(), -costs.min()) > LARGEST:
        raise ValueError(f"unaries needs numbers up to {LARGEST:g}, so that sums are finite")
    P = len(costs)
    costs = np.ascontiguousarray(costs.reshape(P, n, L).transpose(0, 2, 1))
    if not costs.flags.writeable or np.shares_memory(costs, np.asarray(unaries)):
        costs = costs.copy()  # kernels are compiled for writable arrays only
    labels = np.repeat(costs.sum(axis=2).argmin(axis=1)[:, None], n, axis=1)
    values = np.empty(P)
    size = np.abs(energy.weights).sum() * np.abs(energy.table).max()
    tolerance = 1e-12 * (np.abs(costs).max(axis=1).sum(axis=1) + size) + 1e-300
    tables, graph = energy.tables, energy.adjacency
    count = min(thread_count(threads), max(P, 1))
    parts = [s for s in np.array_split(np.arange(P), count) if len(s)]

    def one(part: Array) -> None:
        s = slice(part[0], part[-1] + 1)
        kernel(costs[s], tables, graph, labels[s], values[s], tolerance[s], *options())

    in_order(one, parts, count)
    return LabelingBatch(labels.reshape(P, *energy.shape), values)
