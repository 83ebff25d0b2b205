"""Slow twins for labeling energies: loops over everything."""

import itertools

import numpy as np


def value(unary, edges, weights, table, label_costs, x):
    """E(x) term by term, from the formula."""
    total = sum(unary[v][x[v]] for v in range(len(x)))
    for (p, q), w in zip(edges, weights, strict=True):
        total += w * table[x[p]][x[q]]
    return total + sum(label_costs[l] for l in set(x))


def all_labelings(energy):
    """Every labeling, as tuples."""
    return itertools.product(range(energy.n_labels), repeat=energy.n)


def minimum(energy):
    """The least energy and all labelings that have it."""
    values = {x: energy.value(np.array(x)) for x in all_labelings(energy)}
    least = min(values.values())
    return least, [x for x, v in values.items() if v <= least + 1e-9]


def best_expansion(energy, x, alpha):
    """The least energy of an expansion of alpha from x."""
    choices = [{label, alpha} for label in x]
    return min(energy.value(np.array(y)) for y in itertools.product(*choices))


def best_swap(energy, x, a, b):
    """The least energy of a swap of a and b from x."""
    choices = [{a, b} if label in (a, b) else {label} for label in x]
    return min(energy.value(np.array(y)) for y in itertools.product(*choices))
