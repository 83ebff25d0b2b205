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
    if found.status is Status.OPTIMAL and sign * (value - best) > room:
        return f"OPTIMAL at {float(value)!r}, but {float(best)!r} exists"
    if found.certificate is not None and not math.isinf(bound):
        gap = found.check(exact.F)
        if sign * (Fraction(found.value) - sign * Fraction(gap) - best) > room:
            return f"check proves {found.value - sign * gap!r} beyond {float(best)!r}"
    return None


class Case:
    """A problem drawn from a seed, with all sets sorted into feasible, infeasible and unclear."""

    def __init__(self, seed, number, largest):
        rng = np.random.default_rng([seed, number])
        self.n = int(rng.integers(1, largest + 1))
        draw = Draw(rng, self.n)
        self.kind = ("maximize", "monotone", "minimize", "difference")[rng.integers(4)]
        self.maximizes = self.kind in ("maximize", "monotone")
        self.exact = draw.function(self.kind == "monotone")
        if self.kind == "difference":
            other = draw.function()
            minus = [lambda S, term=term: -term(S) for term in other.terms]
            F = DifferenceOfSubmodular(self.exact.F, other.F)
            self.exact = Exact(F, self.exact.terms + minus)
        self.said = draw.constraints()
        sets = [np.array(S, dtype=bool) for S in itertools.product([0, 1], repeat=self.n)]
        states = [feasible(S, self.n, **self.said) for S in sets]
        self.sure = [S for S, state in zip(sets, states, strict=True) if state]
        self.possible = [S for S, state in zip(sets, states, strict=True) if state is not False]

    @property
    def unclear(self):
        """Whether some sets are feasible only up to rounding."""
        return len(self.sure) < len(self.possible)

    def best(self):
        """The best set that has to be found; those of unclear feasibility may be answers too."""
        pick = max if self.maximizes else min
        return pick(self.sure, key=self.exact)

    def solve(self, **options):
        solver = maximize if self.maximizes else minimize
        return solver(self.exact.F, **self.said, **options)

    def methods(self):
        """The methods that take this kind of problem."""
        size, parts = self.said.get("size"), self.said["constraints"]
        unfit = set() if self.kind == "difference" else {"modmod", "subsup"}
        if self.kind == "difference" or size is None:
            unfit.add("lagrangian")
        only_size = set(self.said) == {"size", "constraints"} and not parts
        if self.kind != "monotone" or not only_size or not isinstance(size, int):
            unfit.add("sieve")
        return [m for m in (MAXIMIZE if self.maximizes else MINIMIZE) if m not in unfit]


def try_infeasible(case):
    """Return what is wrong with the answer to a problem without feasible sets, or None."""
    try:
        answer = case.solve()
    except ValueError as error:
        clear = any(word in str(error) for word in ("too", "cannot be both"))
        return None if clear else f"message: {error}"
    return f"answers an infeasible problem: {answer} {case.said}"


def try_methods(case, number, runs, wrong, missed):
    """Solve a problem by all methods, count, and print what is wrong."""
    exact, at = case.exact, case.best()
    best = exact(at)
    for method in case.methods():
        drawn = not case.maximizes and method in ("auto", "branch_and_bound")
        more = {"rng": number} if drawn else {}
        try:
            found = case.solve(method=method, **more)
            problem = tried(found, exact, best, at, case.said, case.n, case.maximizes)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        runs[method] += 1
        if problem is not None:
            wrong[method] += 1
            head = f"case {number} n={case.n} {case.kind} {method}"
            print(f"{head}: {problem}\n    {case.said}", flush=True)
        elif method in ("auto", "branch_and_bound"):
            slack = 1000 * ROUNDING * (exact.size(at) + exact.size(found.mask))
            sign = -1 if case.maximizes else 1
            missed[method] += sign * (exact(found.mask) - best) > slack


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
    for number in range(options.first, options.first + options.cases):
        if time.monotonic() > end:
            print(f"stopped before case {number}")
            break
        case = Case(options.seed, number, options.largest)
        if not case.possible:
            runs["infeasible"] += 1
            if (problem := try_infeasible(case)) is not None:
                wrong["infeasible"] += 1
                print(number, problem)
            continue
        runs["left out: a sum meets a limit up to rounding"] += case.unclear
        if case.sure:
            try_methods(case, number, runs, wrong, missed)
    for name, count in sorted(runs.items()):
        print(f"{name:20} {count:6} runs, {wrong[name]} wrong, {missed[name]} not at the best set")
    sys.exit(1 if sum(wrong.values()) else 0)


if __name__ == "__main__":
    main()
