"""Energies in exact rational arithmetic, by brute force, and a strategy that draws them."""

import itertools
import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

ORDINARY = (0.0, 1.0, 2.0, 3.0, 0.1, 0.2, 0.3, 0.4, 0.15, 0.9, 2.5, 7.0, 1 / 3)
EXTREME = (1e-9, 3e-7, 1e6, 1e8 + 0.25, 1e12, 1e13, 1e15, 1e15 + 1.0)


class Exact:
    """All terms of an energy as integers in units of 2**-bits, and None where they are infinite."""

    def __init__(self, energy):
        numbers = [energy.costs, energy.tables, energy.weights, energy.label_costs]
        finite = [float(x) for array in numbers for x in array.ravel() if np.isfinite(x)]
        self.bits = 2 * max(x.as_integer_ratio()[1].bit_length() for x in [0.0, *finite])
        self.unary = [[self.whole(c) for c in row] for row in energy.costs.T.tolist()]
        ends = energy.tails.tolist(), energy.heads.tolist(), energy.weights.tolist()
        self.edges = [
            (p, q, [[self.whole(w, c) for c in row] for row in energy.tables[energy.own * e]])
            for e, (p, q, w) in enumerate(zip(*ends, strict=True))
            if w != 0
        ]
        self.label_costs = [self.whole(c) for c in energy.label_costs.tolist()]
        self.shape = energy.n, energy.n_labels

    def whole(self, *factors):
        """A product in units."""
        if math.inf in factors:
            return None
        return int(math.prod(Fraction(float(x)) for x in factors) * 2**self.bits)

    def fraction(self, units):
        """An integer number of units as a fraction."""
        return Fraction(units, 2**self.bits)

    def terms(self, x):
        """The terms that a labeling pays."""
        yield from (row[a] for row, a in zip(self.unary, x, strict=True))
        yield from (table[x[p]][x[q]] for p, q, table in self.edges)
        yield from (self.label_costs[a] for a in set(x))

    def value(self, x):
        """The energy of a labeling as a fraction; None if it uses what is forbidden."""
        terms = list(self.terms(x))
        return None if None in terms else self.fraction(sum(terms))

    def minimum(self):
        """The least energy and the labelings that have it; None if all are forbidden."""
        best, found = None, []
        n, L = self.shape
        for x in itertools.product(range(L), repeat=n):
            total = 0
            for term in self.terms(x):
                if term is None:
                    break
                total += term
            else:
                if best is None or total < best:
                    best, found = total, [x]
                elif total == best:
                    found.append(x)
        return (None if best is None else self.fraction(best)), found

    def apart(self, x, y):
        """The costs in which two labelings differ: what their difference is made of."""
        total = 0
        for row, a, b in zip(self.unary, x, y, strict=True):
            total += abs(row[a] - row[b])
        for p, q, table in self.edges:
            if (x[p], x[q]) != (y[p], y[q]):
                total += abs(table[x[p]][x[q]]) + abs(table[y[p]][y[q]])
        total += sum(self.label_costs[a] for a in set(x) ^ set(y))
        return self.fraction(total)

    def moves(self, x, method):
        """The labelings that a single move of a method leads to."""
        n, L = self.shape
        for y in itertools.product(range(L), repeat=n):
            apart = {(a, b) for a, b in zip(x, y, strict=True) if a != b}
            targets, labels = {b for _, b in apart}, {a for pair in apart for a in pair}
            if method == "alpha_expansion":
                reached = len(targets) <= 1
            elif method == "alpha_beta_swap":
                reached = len(labels) <= 2
            else:
                reached = sum(a != b for a, b in zip(x, y, strict=True)) <= 1
            if reached:
                yield y


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
    kinds = ["potts", "linear", "table", "symmetric", "signed", "hard", "per edge"]
    kind = draw(st.sampled_from(kinds))
    if kind in ("potts", "linear", "per edge"):
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
    own = None
    if kind == "per edge":
        metric, row = "potts", st.lists(numbers, min_size=L, max_size=L)
        one = st.lists(row, min_size=L, max_size=L)
        own = draw(st.lists(one, min_size=len(edges), max_size=len(edges)))
    if kind not in ("hard", "per edge") and draw(st.booleans()):
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
        "tables": own,
        "label_costs": costs,
    }
