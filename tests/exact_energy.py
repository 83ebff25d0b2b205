"""Energies in exact rational arithmetic, by brute force, and a strategy that draws them."""

import itertools
import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

INFINITE = None  # of exact sums: None stands for plus infinity

ORDINARY = (0.0, 1.0, 2.0, 3.0, 0.1, 0.2, 0.3, 0.4, 0.15, 0.9, 2.5, 7.0, 1 / 3)
EXTREME = (1e-9, 3e-7, 1e6, 1e8 + 0.25, 1e12, 1e13, 1e15, 1e15 + 1.0)


def exact(number):
    """A float as a fraction; infinity as None."""
    return None if number == math.inf else Fraction(number)


def value(energy, x):
    """The energy of labels, exactly; None if they use what is forbidden."""
    total = Fraction(0)
    for k, a in enumerate(x):
        c = exact(float(energy.costs[a, k]))
        if c is None:
            return None
        total += c
    for p, q, w in zip(energy.tails.tolist(), energy.heads.tolist(), energy.weights, strict=True):
        if w != 0:
            c = exact(float(energy.table[x[p], x[q]]))
            if c is None:
                return None
            total += Fraction(float(w)) * c
    return total + sum(Fraction(float(energy.label_costs[a])) for a in set(x))


def minimum(energy):
    """The least energy, exactly, and the labels that have it; None if all are forbidden."""
    best, labels = None, []
    for x in itertools.product(range(energy.n_labels), repeat=energy.n):
        v = value(energy, x)
        if v is not None and (best is None or v < best):
            best, labels = v, [x]
        elif v is not None and v == best:
            labels.append(x)
    return best, labels


def apart(energy, x, y):
    """The sum of the costs in which two labelings differ: what their difference is made of."""
    total = Fraction(0)
    for k, (a, b) in enumerate(zip(x, y, strict=True)):
        if a != b:
            total += abs(Fraction(float(energy.costs[a, k])) - Fraction(float(energy.costs[b, k])))
    for p, q, w in zip(energy.tails.tolist(), energy.heads.tolist(), energy.weights, strict=True):
        if (x[p], x[q]) != (y[p], y[q]) and w != 0:
            for z in (x, y):
                total += abs(Fraction(float(w)) * Fraction(float(energy.table[z[p], z[q]])))
    both = set(x) ^ set(y)
    return total + sum(Fraction(float(energy.label_costs[a])) for a in both)


@st.composite
def arguments(draw):
    """Arguments of a small `LabelingEnergy` with numbers of all sizes."""
    n, L = draw(st.integers(2, 6)), draw(st.integers(2, 4))
    n = min(n, 5) if L == 4 else n
    ordinary = st.sampled_from(ORDINARY)
    mixed = st.one_of(ordinary, ordinary, ordinary, st.sampled_from(EXTREME))
    numbers = draw(st.sampled_from([ordinary, mixed, st.integers(0, 4).map(float)]))
    forbidden = draw(st.booleans())
    with_inf = st.one_of(numbers, numbers, numbers, st.just(math.inf)) if forbidden else numbers
    unary = draw(st.lists(st.lists(with_inf, min_size=L, max_size=L), min_size=n, max_size=n))
    for row in unary:  # some label is allowed
        if all(math.isinf(c) for c in row):
            row[0] = 0.0
    constant = draw(st.sampled_from([0.0, 0.0, 1e6, 1e8, -1e15]))
    unary = [[c + constant for c in row] for row in unary]
    pairs = list(itertools.combinations(range(n), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=8))
    edges = [pair[::-1] if draw(st.booleans()) else pair for pair in chosen]
    weights = draw(st.lists(numbers, min_size=len(edges), max_size=len(edges)))
    kind = draw(st.sampled_from(["potts", "linear", "table", "symmetric", "signed", "hard"]))
    if kind in ("potts", "linear"):
        metric = kind
    else:
        table = np.array(
            draw(st.lists(st.lists(numbers, min_size=L, max_size=L), min_size=L, max_size=L))
        )
        if kind == "symmetric":
            table = np.maximum(table, table.T)
            np.fill_diagonal(table, 0.0)
        if kind == "signed":
            signs = st.lists(st.sampled_from([-1.0, 1.0]), min_size=L * L, max_size=L * L)
            table = table * np.array(draw(signs)).reshape(L, L)
        if kind == "hard":
            spots = st.lists(st.booleans(), min_size=L * L, max_size=L * L)
            table = np.where(np.array(draw(spots)).reshape(L, L), table, math.inf)
            np.fill_diagonal(table, 0.0)
        metric = table.tolist()
    if kind != "hard" and draw(st.booleans()):
        signs = draw(
            st.lists(st.sampled_from([-1.0, 1.0, 1.0]), min_size=len(edges), max_size=len(edges))
        )
        weights = [w * s for w, s in zip(weights, signs, strict=True)]
    costs = (
        draw(st.lists(numbers, min_size=L, max_size=L)) if draw(st.integers(0, 4)) == 0 else None
    )
    return {
        "unary": unary,
        "edges": edges,
        "weights": weights,
        "metric": metric,
        "label_costs": costs,
    }
