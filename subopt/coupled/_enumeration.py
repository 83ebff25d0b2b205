"""Minimization of very small problems by enumerating all labelings."""

from __future__ import annotations

import itertools
import math

import numpy as np

from subopt._base.types import Array
from subopt.coupled.problem import CoupledLabelingProblem

LABELINGS = 4096  # at most so many are enumerated: less than a millisecond of numpy


def is_tiny(problem: CoupledLabelingProblem) -> bool:
    """Return whether the problem has at most LABELINGS labelings."""
    labels = math.comb(problem.n_inputs + problem.levels - 1, problem.levels)
    if labels == 1:
        return True
    places = problem.n_patches * problem.n_outputs
    return places * math.log(labels) <= math.log(LABELINGS) + 1e-9


def best_of_all(problem: CoupledLabelingProblem) -> Array:
    r"""Return the sources (m', \*grid, levels) of a labeling with the least energy."""
    J, N, m, L = problem.n_outputs, problem.n_patches, problem.n_inputs, problem.levels
    labels = np.array(list(itertools.combinations_with_replacement(range(m), L)))
    slots = (labels[:, :, None] == np.arange(m)).sum(axis=1)
    fillings = _tuples(len(labels), N)  # of one output
    filled = slots[fillings].reshape(len(fillings), *problem.grid, m)
    # every patch of every output takes one input: lower all costs of a patch alike
    cost = np.moveaxis(problem.unary - problem.unary.min(axis=0), 0, -1)
    terms = (filled * cost / L).reshape(len(fillings), -1).sum(axis=1)
    for axis in range(1, 1 + len(problem.grid)):
        rough = np.diff(filled, axis=axis).reshape(len(fillings), -1)
        terms += problem.smoothness / (2 * N * L**2) * (rough**2).sum(axis=1)
    counts = filled.reshape(len(fillings), N, m).sum(axis=1) / L
    chosen = _tuples(len(fillings), J)
    use = counts[chosen]
    charged = problem.penalty((use.sum(axis=1, keepdims=True) - use) @ problem.compatibility.T)
    energies = terms[chosen].sum(axis=1)
    energies += problem.coupling / N * (charged * use).sum(axis=(1, 2))
    best = chosen[np.argmin(energies)]
    return labels[fillings[best]].reshape(J, *problem.grid, L)


def _tuples(values: int, length: int) -> Array:
    """Return all tuples of numbers below `values`, one per row."""
    if values == 1:
        return np.zeros((1, length), dtype=np.intp)
    return np.stack(np.unravel_index(np.arange(values**length), (values,) * length), axis=1)
