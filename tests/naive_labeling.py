"""Slow twins of the coupled labeling code: loops over everything, no bookkeeping."""

import itertools
import math

import numpy as np


def energy(problem, shares):
    """E(z) term by term, from the formula."""
    J, m, N = problem.n_outputs, problem.n_inputs, problem.n_patches
    z = np.reshape(shares, (J, N, m))
    c = np.reshape(problem.unary, (m, N))
    patches = list(np.ndindex(problem.grid))
    total = 0.0
    for j in range(J):
        for k in range(N):
            for i in range(m):
                total += c[i, k] * z[j, k, i]
        for k, l in itertools.combinations(range(N), 2):
            if sum(abs(a - b) for a, b in zip(patches[k], patches[l], strict=True)) == 1:
                square = sum((z[j, k, i] - z[j, l, i]) ** 2 for i in range(m))
                total += problem.smoothness / N * square / 2
    tau_N = problem.threshold * N
    for j in range(J):
        others = [sum(z[p, k, i] for p in range(J) if p != j for k in range(N)) for i in range(m)]
        for i in range(m):
            t = sum(problem.compatibility[i, a] * others[a] for a in range(m))
            used = sum(z[j, k, i] for k in range(N))
            if t > tau_N + 1e-9 * N or (problem.threshold == 0 and t > 0):
                charge = t if problem.threshold_kind == "hard" else t - tau_N
                total += problem.coupling / N * charge * used
    return total


def count(problem):
    """How many labelings there are."""
    labels = math.comb(problem.n_inputs + problem.levels - 1, problem.levels)
    return labels ** (problem.n_outputs * problem.n_patches)


def every_labeling(problem):
    """All labelings, as sources (J, *grid, levels)."""
    J, m, N, L = problem.n_outputs, problem.n_inputs, problem.n_patches, problem.levels
    labels = list(itertools.combinations_with_replacement(range(m), L))
    for choice in itertools.product(labels, repeat=J * N):
        yield np.reshape(choice, (J, *problem.grid, L))


def minimum(problem):
    """The least energy over all labelings."""
    return min(problem.energy(problem.shares(s)) for s in every_labeling(problem))
