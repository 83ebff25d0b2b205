"""What expansion and swap share: checks, first labels, one problem, many on all cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subopt._base import validate
from subopt._base.threads import in_order, thread_count
from subopt._base.types import Array, ArrayLike
from subopt.labeling._dual_bound import dual_bound
from subopt.labeling._magnitude import rounding, single_label
from subopt.labeling.energy import LARGEST, LabelingEnergy, require_energy
from subopt.labeling.moves import label_costs, warm_start
from subopt.labeling.moves.expand import CYCLES, descend, descend_many
from subopt.labeling.moves.workspace import CUTS, Room, room
from subopt.labeling.result import Labeling, local

MEMORY = 2**29  # bytes for the flows of all labels; with more they are not kept
SWEEPS = 50  # of the search for first labels, with label costs
TOGETHER = 2**31  # bytes for those of all threads; with more there are fewer threads


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

    def __repr__(self) -> str:
        return f"LabelingBatch({len(self.values)} labelings of shape {self.labels.shape[1:]})"


def check(name: str, energy: LabelingEnergy) -> None:
    """Raise unless all weights are >= 0."""
    require_energy(name, energy)
    if (energy.weights < 0).any():
        e = int(np.argmin(energy.weights))
        raise ValueError(
            f"{name} needs weights >= 0, but that of edge {e} between the nodes {energy.tails[e]} "
            f"and {energy.heads[e]} is {energy.weights[e]:g}. icm takes any weights; with two "
            "labels, qpbo does."
        )


def solve(
    name: str, energy: LabelingEnergy, moves: Array, initial: ArrayLike | None, max_cycles: int
) -> Labeling:
    """Make moves from labels that are given, or read off messages."""
    cycles = validate.positive_int("max_cycles", max_cycles)
    given, tolerance = initial is not None, float(rounding(energy))
    if initial is not None:
        labels = energy.check_labels("initial", initial)
    else:
        labels = np.full(energy.n, energy.costs.sum(axis=1).argmin(), dtype=np.int64)
    if energy.label_costs.any():
        if not given:
            labels = _cheapest(energy)
        done, cuts = label_costs.descend_whole(energy, moves, labels, tolerance, cycles)
        return local(energy, labels, name, done=done, n_cuts=cuts)
    space = _room(energy, moves)
    _read_off(energy, moves, labels, given, space.flows)
    done = descend(
        energy.costs,
        energy.tables,
        energy.adjacency,
        moves,
        labels,
        tolerance,
        cycles,
        space,
    )
    return local(energy, labels, name, done=done, n_cuts=int(space.clock[CUTS]))


def _read_off(
    energy: LabelingEnergy, moves: Array, labels: Array, given: bool, flows: Array
) -> None:
    """Set flows, and unless they are given the labels, by messages; not if flows are not kept."""
    if len(flows) == energy.n_labels:
        draft = warm_start.draft(energy.n, len(energy.tails), energy.n_labels)
        terms, pairs = warm_start.terms(energy), _are_pairs(moves)
        warm_start.prepare(energy.costs, terms, labels, given, pairs, draft, flows)


def _cheapest(energy: LabelingEnergy) -> Array:
    """Return one label everywhere, or what a short search for a bound finds if that is cheaper."""
    alone = single_label(energy)
    if _rows(energy) < energy.n_labels:
        return alone
    found = dual_bound(energy, max_sweeps=SWEEPS)
    return alone if energy.value(alone) < found.value else found.labels.ravel().copy()


def _room(energy: LabelingEnergy, moves: Array) -> Room:
    kept, pairs = _rows(energy) == energy.n_labels, _are_pairs(moves)
    return room(energy.n, len(energy.tails), energy.n_labels, pairs=pairs, kept=kept)


def _are_pairs(moves: Array) -> bool:
    return bool(moves[0, 0] >= 0)


def _rows(energy: LabelingEnergy) -> int:
    """Return for how many labels flows are kept: for all, or one after the other if too large."""
    return energy.n_labels if 8 * energy.n_labels * len(energy.tails) <= MEMORY else 1


def solve_many(
    energy: LabelingEnergy, unaries: ArrayLike, moves: Array, threads: int | None
) -> LabelingBatch:
    """Make moves in many problems, part of them in every thread."""
    costs = validate.real_array("unaries", unaries, copy=False)
    n, L = energy.n, energy.n_labels
    if costs.ndim < 1 or costs.shape[1:] not in ((*energy.shape, L), (n, L)):
        raise ValueError(
            f"unaries needs the shape (problems, *grid, labels) = (P, "
            f"{', '.join(map(str, (*energy.shape, L)))}), got {costs.shape}"
        )
    if costs.size and max(costs.max(), -costs.min()) > LARGEST:
        raise ValueError(f"unaries needs numbers up to {LARGEST:g}, so that sums are finite")
    P = len(costs)
    costs = np.ascontiguousarray(costs.reshape(P, n, L).transpose(0, 2, 1)).view()
    costs.setflags(write=False)  # kernels are compiled for the costs of an energy
    labels = np.repeat(costs.sum(axis=2).argmin(axis=1)[:, None], n, axis=1)
    values = np.empty(P)
    if energy.label_costs.any():
        _one_by_one(energy, costs, moves, labels, values, thread_count(threads))
        return LabelingBatch(labels.reshape(P, *energy.shape), values)
    tolerance = rounding(energy, costs)
    tables, graph, terms = energy.tables, energy.adjacency, warm_start.terms(energy)
    # the problem alone decides whether flows are kept, so that answers do not depend on threads
    most = TOGETHER // (8 * _rows(energy) * len(energy.tails) + 1)
    count = min(thread_count(threads), max(P, 1), max(most, 1))
    parts = [s for s in np.array_split(np.arange(P), count) if len(s)]

    def one(part: Array) -> None:
        s = slice(part[0], part[-1] + 1)
        draft = warm_start.draft(n, len(energy.tails) if _rows(energy) == L else 0, L)
        space = _room(energy, moves)
        where = (labels[s], values[s], tolerance[s])
        descend_many(costs[s], terms, tables, graph, moves, *where, draft, space)

    in_order(one, parts, count)
    return LabelingBatch(labels.reshape(P, *energy.shape), values)


def _one_by_one(
    energy: LabelingEnergy, costs: Array, moves: Array, labels: Array, values: Array, threads: int
) -> None:
    """Make moves in many problems whose cuts have nothing in common."""
    problems = [energy._with_costs(some) for some in costs]

    def one(p: int) -> None:
        result = solve("", problems[p], moves, None, int(CYCLES))
        labels[p], values[p] = result.labels.ravel(), result.value

    in_order(one, range(len(costs)), threads)
