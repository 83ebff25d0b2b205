"""Constrained problems with numbers of all sizes, against exact rational arithmetic.

    OMP_NUM_THREADS=1 python benchmarks/constrained_exact.py [--cases 500] [--seed 183]

Sums of cuts, coverage, facility location, concave functions of the size and weights, differences of
two such sums, under sizes, fixed elements, budgets and groups. Costs and limits are integers,
decimals, zero, or meet exactly. Every answer has to be feasible by the definition in rational
arithmetic, its value right, and its bound below the minimum (above the maximum). What is wrong by
more than rounding of the numbers that the two sets are made of is printed, with the problem.
"""

import argparse
import collections
import itertools
import math
import sys
import time
from fractions import Fraction

import numpy as np

from subopt import (
    Budget,
    Cardinality,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    FacilityLocation,
    Groups,
    Modular,
    Status,
    maximize,
    minimize,
)

ROUNDING = Fraction(1, 2**40)
MINIMIZE = ("auto", "branch_and_bound", "local_search", "modmod", "subsup", "milp", "lagrangian")
MAXIMIZE = ("auto", "greedy", "local_search", "stochastic_greedy", "sieve")


class Exact:
    """A sum of terms, each a function of a set in rational arithmetic, and its float twin."""

    def __init__(self, F, terms):
        self.F, self.terms = F, terms

    def __call__(self, S):
        return sum((term(S) for term in self.terms), Fraction(0))

    def size(self, S):
        """The numbers that the value of a set is computed from."""
        return sum((abs(term(S)) for term in self.terms), Fraction(0))


class Draw:
    """Random numbers, functions and constraints."""

    def __init__(self, rng, n):
        self.rng, self.n = rng, n
        scales = [[0], [0], [0, 0, 6], [0, -7], [0, 12], [9], [-9], [0, 0, 0, 15]]
        self.scales = scales[rng.integers(len(scales))]
        self.whole = rng.random() < 0.5

    def number(self, zero=0.3):
        rng = self.rng
        if rng.random() < zero:
            return 0.0
        x = float(rng.integers(1, 10)) if self.whole else round(float(rng.exponential()), 3)
        e = self.scales[rng.integers(len(self.scales))]
        return x * 10.0**e

    def numbers(self, *shape, zero=0.3):
        return np.array([self.number(zero) for _ in range(math.prod(shape))]).reshape(shape)

    def function(self, monotone=False):
        rng, n = self.rng, self.n
        F, terms = None, []
        kinds = ["coverage", "facility", "cardinality"] + ([] if monotone else ["cut"])
        for kind in rng.choice(kinds, rng.integers(1, 3)):
            part, term = getattr(self, kind)()
            F, terms = (part if F is None else F + part), [*terms, *term]
        if not monotone or rng.random() < 0.5:
            w = self.numbers(n) * (1 if monotone else rng.choice([-1, 1], n))
            F = F + Modular(w)
            terms += [lambda S, i=i, x=Fraction(x): x * S[i] for i, x in enumerate(w.tolist())]
        return Exact(F, terms)

    def cut(self):
        n = self.n
        A = np.triu(self.numbers(n, n, zero=0.6), 1)
        A = A + A.T
        terms = [
            lambda S, i=i, j=j, x=Fraction(A[i, j]): x * (S[i] != S[j])
            for i, j in itertools.combinations(range(n), 2)
            if A[i, j]
        ]
        return Cut(A), terms

    def coverage(self):
        items = int(self.rng.integers(1, 2 * self.n + 1))
        member, w = self.rng.random((self.n, items)) < 0.4, self.numbers(items)
        terms = [
            lambda S, u=u, x=Fraction(w[u]): x * bool((member[:, u] & S).any())
            for u in range(items)
        ]
        return Coverage(member, w), terms

    def facility(self):
        s = self.numbers(int(self.rng.integers(1, self.n + 1)), self.n)
        terms = [
            lambda S, row=row: max((Fraction(x) for x in row[S].tolist()), default=Fraction(0))
            for row in s
        ]
        return FacilityLocation(s), terms

    def cardinality(self):
        steps = np.sort(self.numbers(self.n))[::-1]
        values = np.concatenate([[0.0], np.cumsum(steps)])
        # sums in floats may bend the wrong way by rounding: take concave ones only
        exact = [Fraction(v) for v in values.tolist()]
        rises = [b - a for a, b in itertools.pairwise(exact)]
        if any(a < b for a, b in itertools.pairwise(rises)):
            return Cardinality(np.arange(self.n + 1.0)), [lambda S: Fraction(int(S.sum()))]
        return Cardinality(values), [lambda S: exact[int(S.sum())]]

    def constraints(self):
        rng, n, said = self.rng, self.n, {}
        kind = rng.random()
        if kind < 0.15:
            said["size"] = int(rng.choice([0, n]))
        elif kind < 0.3:
            said["size"] = (0, 0) if rng.random() < 0.5 else (n, n)
        elif kind < 0.7:
            low, high = sorted(rng.integers(0, n + 1, 2).tolist())
            said["size"] = low if rng.random() < 0.4 else (low, high)
        for name in ("include", "exclude"):
            if rng.random() < 0.3:
                said[name] = rng.choice(n, rng.integers(0, min(n, 3) + 1), replace=False).tolist()
        parts = []
        for _ in range(rng.integers(0, 3)):
            if rng.random() < 0.6:
                costs = self.numbers(n)
                chosen = costs[rng.random(n) < 0.5]
                limit = float(sum(map(Fraction, chosen.tolist()), Fraction(0)))
                if rng.random() < 0.2:
                    limit = float(np.nextafter(limit, rng.choice([0, np.inf])))
                elif rng.random() < 0.3:
                    limit *= float(rng.random())
                parts.append(Budget(costs, limit))
            else:
                labels = rng.integers(0, 3, n)
                parts.append(Groups(labels, rng.integers(0, 1 + n // 2, 3)))
        said["constraints"] = parts
        return said


def feasible(S, n, size=None, include=(), exclude=(), constraints=()):
    """The definition; True, False, or None where it depends on how a sum is rounded."""
    low, high = (0, n) if size is None else size if isinstance(size, tuple) else (size, size)
    if not low <= S.sum() <= high or not S[list(include)].all() or S[list(exclude)].any():
        return False
    close = False
    for part in constraints:
        if isinstance(part, Groups):
            counts = collections.Counter(g for g, s in zip(part.labels, S, strict=True) if s)
            if any(m is not None and counts[g] > m for g, m in part.limits.items()):
                return False
            continue
        spent = sum(map(Fraction, part.costs[S].tolist()), Fraction(0))
        limit = Fraction(part.limit)
        whole = all(float(c).is_integer() for c in [*part.costs.tolist(), part.limit])
        slack = Fraction(0) if whole else limit * (n + 2) / 2**52
        if spent > limit + slack:
            return False
        close |= spent > limit
    return None if close else True


def tried(found, exact, best, at, said, n, maximizes):
    """Return what is wrong with an answer, or None."""
    sign = -1 if maximizes else 1
    S = found.mask
    if feasible(S, n, **said) is False:
        return "not feasible"
    value = exact(S)
    if abs(Fraction(found.value) - value) > ROUNDING * exact.size(S):
        return f"value {found.value!r} instead of {float(value)!r}"
    room = ROUNDING * (exact.size(S) + exact.size(at))
    bound = found.upper_bound if maximizes else found.lower_bound
    if not math.isinf(bound) and sign * (Fraction(bound) - best) > room:
        return f"bound {bound!r} is beyond {float(best)!r}"
    if found.status is Status.OPTIMAL and abs(value - best) > room:
        return f"OPTIMAL at {float(value)!r}, but {float(best)!r} exists"
    if found.certificate is not None and not math.isinf(bound):
        gap = found.check(exact.F)
        if sign * (Fraction(found.value) - sign * Fraction(gap) - best) > room:
            return f"check proves {found.value - sign * gap!r} beyond {float(best)!r}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=183)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--largest", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=math.inf)
    options = parser.parse_args()
    runs, wrong, missed = (collections.Counter() for _ in range(3))
    end = time.monotonic() + options.seconds
    for case in range(options.first, options.first + options.cases):
        if time.monotonic() > end:
            print(f"stopped before case {case}")
            break
        rng = np.random.default_rng([options.seed, case])
        n = int(rng.integers(1, options.largest + 1))
        draw = Draw(rng, n)
        kind = ("maximize", "monotone", "minimize", "difference")[rng.integers(4)]
        maximizes = kind in ("maximize", "monotone")
        exact = draw.function(kind == "monotone")
        if kind == "difference":
            other = draw.function()
            minus = [lambda S, term=term: -term(S) for term in other.terms]
            exact = Exact(DifferenceOfSubmodular(exact.F, other.F), exact.terms + minus)
        said = draw.constraints()
        sets = [np.array(S, dtype=bool) for S in itertools.product([0, 1], repeat=n)]
        states = [feasible(S, n, **said) for S in sets]
        sure = [S for S, state in zip(sets, states, strict=True) if state]
        possible = [S for S, state in zip(sets, states, strict=True) if state is not False]
        solve = maximize if maximizes else minimize
        if not possible:
            try:
                answer = solve(exact.F, **said)
            except ValueError as error:
                runs["infeasible"] += 1
                if not any(word in str(error) for word in ("too", "cannot be both")):
                    wrong["infeasible"] += 1
                    print(case, "message:", error)
            else:
                wrong["infeasible"] += 1
                print(case, "answers an infeasible problem:", answer, said)
            continue
        if len(sure) < len(possible):
            runs["left out: a sum meets a limit up to rounding"] += 1
            if not sure:
                continue
        # sets that are feasible only up to rounding may be answers, but need not be known
        pick = max if maximizes else min
        at = pick(possible if len(sure) < len(possible) else sure, key=exact)
        best = exact(at)
        for method in MAXIMIZE if maximizes else MINIMIZE:
            if method in ("modmod", "subsup") and kind != "difference":
                continue
            if method == "lagrangian" and (kind == "difference" or not {"size"} & set(said)):
                continue
            if method == "sieve" and (kind != "monotone" or set(said) != {"size", "constraints"}):
                continue
            if method == "sieve" and (said["constraints"] or not isinstance(said["size"], int)):
                continue
            drawn = not maximizes and method in ("auto", "branch_and_bound")
            more = {"rng": case} if drawn else {}
            try:
                found = solve(exact.F, method=method, **said, **more)
                problem = tried(found, exact, best, at, said, n, maximizes)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            runs[method] += 1
            if problem is not None:
                wrong[method] += 1
                print(f"case {case} n={n} {kind} {method}: {problem}\n    {said}", flush=True)
            elif method in ("auto", "branch_and_bound"):
                slack = 1000 * ROUNDING * (exact.size(at) + exact.size(found.mask))
                missed[method] += abs(exact(found.mask) - best) > slack
    for name, count in sorted(runs.items()):
        print(f"{name:20} {count:6} runs, {wrong[name]} wrong, {missed[name]} not at the best set")
    sys.exit(1 if sum(wrong.values()) else 0)


if __name__ == "__main__":
    main()
