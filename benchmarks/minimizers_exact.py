"""The smallest and the largest minimizer of random set functions, against all subsets.

    python benchmarks/minimizers_exact.py [--first 0] [--problems 10000] [--seconds 500]

Members of all families with up to 8 elements, their sums, minors, complements and symmetric
versions, grids and polynomials, plus weights that make ties or minima inside; multiplied by 1e-30
to 1e30; some with elements that huge weights force in or out, some as sums of terms of very
different scales. Each problem is given to every solver
that fits it, for any, the smallest and the largest minimizer. One call of a solver is one run.

- The value is that of the set, and no bound lies above the minimum.
- The status is OPTIMAL, and the value is the minimum up to rounding.
- The set is the smallest or the largest minimizer, as asked for. Problems are left out where a set
  is a minimizer only up to a small difference, relative to the numbers that values are made of.
- The certificate confirms the gap.

Problem k depends only on k, so that runs can be divided: the last line says where to go on. Every
broken claim is printed with an expression of the problem; the exit status is 1 then.
"""

import argparse
import collections
import sys
import time
from fractions import Fraction

import numpy as np

from subopt import Cut, Modular, Polynomial, SetFunction, Status, minimize, symmetrize
from subopt._base import jit
from subopt.functions.algebra import View, terms_of
from subopt.submodular.select import can_solve
from subopt.testing import FAMILIES, all_values

NAMES = sorted(FAMILIES)
EXTREMES = ("modular", "sort", "max_flow", "min_norm_point", "no elimination", "brute_force")
METHODS = (*EXTREMES, "decomposed", "frank_wolfe", "auto")
COARSE = ("min_norm_point", "no elimination", "brute_force", "frank_wolfe", "decomposed")
"""Methods whose tolerances are relative to the whole function, not to single elements."""
POWERS = (-30, -12, -9, -7, -3, -1, 0, 0, 0, 0, 1, 3, 7, 9, 12, 16, 30)
EXACT = (
    "modular", "cut", "directed cut", "hypergraph cut", "star hypergraph", "clique hypergraph",
    "coverage", "cardinality", "capped groups", "capped rank", "graphic rank", "partition rank",
)  # fmt: skip
"""Families whose values are exact where their data are small integers."""
CUTS = ("cut", "directed cut")


class ByValue(SetFunction):
    """What a user writes: n and value."""

    def __init__(self, F):
        self.n, self.F = F.n, F

    def value(self, mask):
        return self.F.value(mask)

    def __repr__(self):
        return f"ByValue({self.F!r})"


def random_polynomial(rng, n):
    """Draw a submodular polynomial of degree 3: products with negative coefficients."""
    count = int(rng.integers(0, 2 * n)) if n > 1 else 0
    terms = {(i,): float(w) for i, w in enumerate(rng.normal(size=n).round(1))}
    for _ in range(count):
        chosen = tuple(rng.choice(n, int(rng.integers(2, min(n, 4) + 1)), replace=False).tolist())
        terms[chosen] = -float(rng.integers(1, 5) if rng.random() < 0.5 else rng.random())
    return Polynomial(terms, n=n).f


def random_member(rng, n):
    """Draw a member of a family, a sum, a minor, or what functions can be made into."""
    kind = rng.integers(16)
    if kind < 2:
        parts = [FAMILIES[name](rng, n) for name in rng.choice(NAMES, 2)]
        return 2 * parts[0] + 0.5 * parts[1]
    if kind < 4 and n > 0:
        F = FAMILIES[rng.choice(NAMES)](rng, n + 2)
        i, j = rng.choice(n + 1, 2, replace=False)
        return F.contract([i]).complement().restrict(np.arange(n + 1) != j)
    F = FAMILIES[rng.choice(NAMES)](rng, n)
    if kind < 6:
        return ByValue(F)
    if kind == 6:  # slopes cancel up to rounding
        return F + F.complement()
    if kind == 7:
        return symmetrize(F)
    if kind == 8:  # a function of the user in a sum, and minors of the sum
        G = ByValue(F) + FAMILIES[rng.choice(NAMES)](rng, n) + Modular(rng.normal(size=n))
        return G if n == 0 or rng.random() < 0.5 else G.complement()
    if kind == 9:  # many terms, some of them nothing, at scales of their own
        names = rng.choice(NAMES, int(rng.integers(3, 6)))
        parts = [rng.choice([0.0, 0.1, 1.0, 7.0]) * FAMILIES[name](rng, n) for name in names]
        return sum(parts[1:], parts[0])
    if kind == 10:
        return random_polynomial(rng, n)
    if kind == 11:
        shape = [s for s in ((n,), (2, n // 2), (2, 2, n // 4)) if np.prod(s) == n]
        weights = float(rng.choice([0.0, 0.3, 1.0, 2.0]))
        return Cut.grid(shape[rng.integers(len(shape))], weights)
    if kind == 12 and n > 0:  # a minor of a sum
        parts = [FAMILIES[name](rng, n + 1) for name in rng.choice(NAMES, 2)]
        return (parts[0] + 0.3 * parts[1]).contract([int(rng.integers(n + 1))])
    if kind == 13:  # elements that nothing refers to, in between
        free = rng.random(n) < 0.5
        order = np.flatnonzero(free)
        G = FAMILIES[rng.choice(CUTS)](rng, len(order))
        form = G.as_cut()
        if form.n_aux == 0 and len(form.tails):
            ends = np.stack([order[form.tails], order[form.heads]], axis=1)
            arcs = np.concatenate([ends, ends[:, ::-1]])
            weights = np.concatenate([form.capacities, form.reverse])
            return Cut.from_edges(arcs, weights, n=n, directed=True)
    return F


def with_weights(rng, F):
    """Add weights that make ties, or minima inside."""
    if not F.n:
        return F
    kind = rng.integers(5)
    gains = F.marginals(rng.random(F.n) < 0.5)
    size = float(np.abs(gains).max())
    if kind == 3:  # the mean of two vertices of the base polytope: many tight sets
        gains = (F.greedy(rng.permutation(F.n)) + F.greedy(rng.permutation(F.n))) / 2
    # where slopes have cancelled, weights of their size would be exact beside the rounding of F
    if kind == 4 or np.abs(gains).max() <= 1e-13 * size_of(F):
        return F
    return F - Modular([gains, np.rint(gains), size * rng.random(F.n), gains][kind])


def size_of(F):
    """How large the numbers are that values of F are computed from."""
    size = 0.0
    for a, G in terms_of(F):
        G = G.parent if isinstance(G, View) else G
        size += a * float(np.abs(all_values(G)).max(initial=0.0))
    return max(size, float(F._range().size.max(initial=0.0))) or 1.0


class Problem:
    """A function, its minimum, and its smallest and largest minimizers.

    `margin` is the difference that counts as rounding; `clear` is False where sets are minimizers
    only up to a small difference.
    """

    def __init__(self, k):
        rng = np.random.default_rng([14, k])
        n = int(rng.integers(0, 9))
        self.mixed, self.forced, self.largest_number = rng.random() < 0.15, False, 0.0
        if self.mixed:
            self._mixed(rng, n)
            return
        F = with_weights(rng, random_member(rng, n))
        scale = 10.0 ** rng.choice(POWERS)
        self.F, self.size = scale * F, scale * size_of(F)
        if n > 1 and rng.random() < 0.15 and not F._by_value():
            self._forced(rng, F)
            return
        values = all_values(F)
        best = values <= values.min() + 1e-10 * size_of(F)
        self.clear = bool((best == (values <= values.min() + 1e-5 * size_of(F))).all())
        self.lowest = scale * float(values.min())
        self._extremes(best, n)

    def _extremes(self, best, n):
        sets = (np.flatnonzero(best)[:, None] >> np.arange(n)) & 1 == 1
        self.smallest, self.largest = sets.all(axis=0), sets.any(axis=0)

    def _forced(self, rng, F):
        self.forced = True
        inside = rng.random(F.n) < 0.3
        outside = ~inside & (rng.random(F.n) < 0.3)
        free = ~(inside | outside)
        huge = 10.0 ** rng.choice([6, 9, 12]) * size_of(F)
        self.F = F + Modular(np.where(inside, -huge, np.where(outside, huge, 0.0)))
        rest = F.restrict(~outside).contract(inside[~outside])
        values, size = all_values(rest), size_of(rest)
        best = values <= values.min() + 1e-10 * size
        self.clear = bool((best == (values <= values.min() + 1e-5 * size)).all())
        self._extremes(best, rest.n)
        for name in ("smallest", "largest"):
            whole = inside.copy()
            whole[free] = getattr(self, name)
            setattr(self, name, whole)
        self.size = size
        self.lowest = self.F.value(self.smallest.copy())
        self.largest_number = float(self.F._range().size.max())

    def _mixed(self, rng, n):
        # values as fractions: exact, because the values of every term are
        terms = []
        for _ in range(int(rng.integers(2, 4))):
            F = FAMILIES[rng.choice(EXACT)](rng, n)
            if np.all(np.rint(values := all_values(F)) == values):
                terms.append((10.0 ** rng.choice([-9, -6, -3, 0, 3, 6]), F))
        weights = np.where(rng.random(n) < 0.5, rng.integers(-3, 4, n), rng.normal(size=n))
        terms.append((1.0, Modular(weights * 10.0 ** rng.choice([-9, -6, -3, 0, 3, 6], n))))
        self.F = sum(a * F for a, F in terms[1:]) + terms[0][0] * terms[0][1]
        total = [Fraction(0)] * 2**n
        for a, F in terms:
            if isinstance(F, Modular):
                w = [Fraction(a) * Fraction(float(x)) for x in F.weights]
                for k in range(2**n):
                    total[k] += sum(w[i] for i in range(n) if k >> i & 1)
            else:
                for k, v in enumerate(all_values(F)):
                    total[k] += Fraction(a) * int(v)
        low = min(total)
        best = np.array([v == low for v in total])
        self.lowest, self.size = float(low), size_of(self.F)
        self._extremes(best, n)
        # a difference counts relative to the elements in which a set differs from a minimizer
        sizes = self.F._range().size if n else np.zeros(0)
        sets = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
        apart = np.min([(sets ^ sets[k]) @ sizes for k in np.flatnonzero(best)], axis=0)
        over = np.array([float(v - low) for v in total])
        self.clear = bool((best | (over > 1e-6 * apart)).all())

    def methods(self):
        """The methods and kinds of minimizers that fit."""
        for method in METHODS:
            name = "min_norm_point" if method == "no elimination" else method
            if name != "auto" and can_solve(self.F, name) is not None:
                continue
            if self.forced and method in ("no elimination", "brute_force"):
                continue  # tolerances are those of the largest numbers
            if self.mixed and method in COARSE:
                yield method, "any"
                continue
            if method == "brute_force" and self.F.n > 6:
                continue
            yield method, "any"
            if method in EXTREMES and can_solve(self.F, name, "minimal") is None:
                yield method, "minimal"
                yield method, "maximal"


def broken_claims(p, method, kind, result):
    """Names of the claims of an answer that do not hold."""
    F, tol = p.F, 1e-6 * p.size * max(p.F.n, 1) + 1e-14 * abs(p.lowest)
    if result.value != F.value(result.mask.copy()):
        yield "the value is that of the set"
    ran = result.method.partition(",")[0] if method == "auto" else method
    coarse = p.mixed and ran in COARSE
    if method == "frank_wolfe" or coarse:
        # no more than the bound is claimed
        tol = result.gap + 1e-9 * p.size + 1e-14 * abs(p.lowest)
    elif method == "decomposed":  # rounding errors of all elements add up
        tol += 2.0**-50 * p.largest_number * F.n
    may_stop = coarse or method in ("frank_wolfe", "no elimination")
    if result.status is not Status.OPTIMAL and not may_stop:
        yield "the status is OPTIMAL"
    if not result.value <= p.lowest + tol:
        yield "the value is the minimum"
    if result.lower_bound > p.lowest + 1e-9 * p.size + 1e-12 * abs(p.lowest):
        yield "no bound lies above the minimum"
    if not 0 <= result.gap <= tol:
        yield "the gap is that of rounding"
    if not result.check(F) <= 2 * tol + 1e-11 * abs(p.lowest):
        yield "the certificate confirms the gap"
    expected = {"any": None, "minimal": p.smallest, "maximal": p.largest}[kind]
    if expected is not None and p.clear and (result.mask != expected).any():
        yield f"the set is the {kind} minimizer {np.flatnonzero(expected).tolist()}"


def main(first, problems, seconds):
    """Draw problems, run all solvers, and count claims."""
    jit.interpret_small = False
    runs, unclear, broken = collections.Counter(), 0, collections.Counter()
    start, k = time.monotonic(), first
    while k < first + problems and time.monotonic() - start < seconds:
        p = Problem(k)
        unclear += not p.clear
        for method, kind in p.methods():
            options = {} if kind == "any" else {"minimizer": kind}
            if method == "no elimination":
                options["eliminate"] = False
            if method == "brute_force":
                options["tol"] = 1e-9 * p.size
            if method == "frank_wolfe":
                options["max_iter"] = 200
            name = "min_norm_point" if method == "no elimination" else method
            runs[method] += 1
            try:
                result = minimize(p.F, method=name, **options)
                claims = list(broken_claims(p, method, kind, result))
            except Exception as error:
                claims, result = [f"it runs: {type(error).__name__}: {error}"], None
            for claim in claims:
                broken[claim.split("[")[0]] += 1
                print(f"Problem({k}), {method}, {kind}: not true that {claim}")
            if claims:
                print(f"    {result}\n    minimize({p.F!r}, method={name!r}, ", end="")
                print(", ".join(f"{a}={b!r}" for a, b in options.items()), end=")\n", flush=True)
        k += 1
    took = time.monotonic() - start
    print(", ".join(f"{method} {count}" for method, count in runs.items()))
    print("all claims hold" if not broken else f"broken: {dict(broken)}")
    print(f"{sum(runs.values())} runs, {unclear} problems unclear, {took:.0f} s; next --first {k}")
    return int(bool(broken))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--problems", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=500.0)
    options = parser.parse_args()
    sys.exit(main(options.first, options.problems, options.seconds))
