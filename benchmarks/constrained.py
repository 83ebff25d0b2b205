"""Random problems under constraints, against all feasible sets: how often each method is right.

    OMP_NUM_THREADS=1 python benchmarks/constrained.py [--cases 2000] [--largest 14] [--seed 0]
    python benchmarks/constrained.py --first 500 --seconds 300    # a part of the same cases

All pairs of families, functions of users among them, and all kinds of constraints; infeasible ones
are drawn again. Every function is also maximized. A line per method: the share of problems solved,
answers that are not feasible, and wrong bounds. What is wrong is printed with its case.
"""

import argparse
import collections
import time

import numpy as np

from subopt import (
    Budget,
    DifferenceOfSubmodular,
    Groups,
    SetFunction,
    Status,
    maximize,
    minimize,
)
from subopt.constraints.build import constraints_of
from subopt.difference.exact._interval import chains
from subopt.testing import FAMILIES

METHODS = (
    *("branch_and_bound", "auto", "local_search", "modmod", "subsup", "dca", "lagrangian"),
    *("maximize", "maximize: best"),
)
NAMES = sorted(FAMILIES)


class Own(SetFunction):
    """What a user writes: n and value."""

    def __init__(self, F):
        self.n, self.F = F.n, F

    def value(self, mask):
        return self.F.value(mask)


def constraints(rng, n):
    """Constraints that leave some sets, as `minimize` takes them."""
    while True:
        said = {}
        if rng.random() < 0.6:
            low, high = sorted(rng.integers(0, n + 1, 2).tolist())
            said["size"] = low if rng.random() < 0.4 else (low, high)
        for name in ("include", "exclude"):
            if rng.random() < 0.3:
                said[name] = rng.choice(n, rng.integers(0, min(n, 3) + 1), replace=False)
        parts = []
        for _ in range(rng.integers(0, 3)):
            if rng.random() < 0.5:
                costs = rng.integers(0, 9, n) if rng.random() < 0.5 else rng.exponential(size=n)
                parts.append(Budget(costs, rng.uniform(0.1, 1) * costs.sum()))
            else:
                parts.append(Groups(rng.integers(0, 4, n), rng.integers(0, 1 + n // 2, 4)))
        said["constraints"] = parts
        try:
            constraints_of(n, **said)
            return said
        except ValueError:
            continue


def problem(rng, n):
    """A function of any family, or a difference of two."""
    f, g = (FAMILIES[NAMES[k]](rng, n) for k in rng.integers(len(NAMES), size=2))
    f, g = (Own(F) if rng.random() < 0.1 else F for F in (f, g))
    return f if rng.random() < 0.3 else DifferenceOfSubmodular(f, g)


def feasible(n, size=None, include=(), exclude=(), constraints=()):
    """Which of all sets are feasible, by the definition of each constraint."""
    sets = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
    sizes = sets.sum(axis=1)
    low, high = (0, n) if size is None else size if isinstance(size, tuple) else (size, size)
    some = (low <= sizes) & (sizes <= high)
    some &= sets[:, include].all(axis=1) & ~sets[:, exclude].any(axis=1)
    for part in constraints:
        if isinstance(part, Budget):
            some &= sets @ part.costs <= part.limit * (1 + 1e-12)
        else:
            for group, most in part.limits.items():
                some &= sets[:, np.asarray(part.labels) == group].sum(axis=1) <= most
    return some


def extremes(h, some):
    """The smallest and largest value over the feasible sets: all sets, as prefixes of orders."""
    values = np.zeros(len(some))
    for order in chains(h.n):
        values[np.cumsum(1 << order)] = np.cumsum(h.greedy(order)[order])
    return values[some].min(), values[some].max()


class Case:
    """A problem drawn from a seed and a number, and its extremes."""

    def __init__(self, seed, number, largest):
        rng = np.random.default_rng([seed, number])
        self.number, self.n = number, int(rng.integers(1, largest + 1))
        self.said = constraints(rng, self.n)
        self.feasible = feasible(self.n, **self.said)
        self.h = problem(rng, self.n)
        self.differs = isinstance(self.h, DifferenceOfSubmodular)
        parts = (self.h.f, self.h.g) if self.differs else (self.h,)
        self.rounding = 1e-9 * (1e-12 + sum(F._range().size.sum() for F in parts))
        self.lowest, self.highest = extremes(self.h, self.feasible)

    def allows(self, mask):
        """Whether a set is feasible."""
        return bool(self.feasible[int(mask @ (1 << np.arange(self.n)))])

    def takes(self, method):
        """Whether a method is for this kind of problem."""
        if self.differs:
            return method != "lagrangian" and not method.startswith("maximize")
        return method not in ("modmod", "subsup", "dca")

    def solve(self, method):
        """Return the answer, and how far its value and bound are below the best value.

        Both distances are those of a minimization: at most 0 for the bound, at least 0 for the
        value, up to rounding.
        """
        if method.startswith("maximize"):
            effort = "best" if method.endswith("best") else "default"
            answer = maximize(self.h, effort=effort, **self.said)
            return answer, self.highest - answer.value, self.highest - answer.upper_bound
        seeded = {"rng": self.number} if method in ("branch_and_bound", "auto") else {}
        answer = minimize(self.h, method=method, **self.said, **seeded)
        return answer, answer.value - self.lowest, answer.lower_bound - self.lowest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--largest", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after so many")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    options = parser.parse_args()
    runs, right, proven = (collections.Counter() for _ in range(3))
    infeasible, wrong, missed = (collections.Counter() for _ in range(3))
    seconds = collections.Counter()
    last, end = options.first + options.cases, time.monotonic() + options.seconds
    for number in range(options.first, last):
        if time.monotonic() > end:
            last = number
            break
        case = Case(options.seed, number, options.largest)
        for method in filter(case.takes, options.methods):
            start = time.process_time()
            answer, above, over = case.solve(method)
            seconds[method] += time.process_time() - start
            runs[method] += 1
            good = abs(above) <= case.rounding
            right[method] += good
            proven[method] += answer.status is Status.OPTIMAL
            bad = [
                ("infeasible", not case.allows(answer.mask)),
                ("a wrong bound", over > case.rounding),
                ("a wrong value", above < -case.rounding),
                ("said OPTIMAL", answer.status is Status.OPTIMAL and not good),
                ("not the minimum", method == "branch_and_bound" and not good),
            ]
            if answer.certificate is not None and np.isfinite(over):
                gap = answer.check(case.h)
                bad.append(("a bound that check denies", abs(gap - answer.gap) > case.rounding))
            infeasible[method] += bad[0][1]
            wrong[method] += any(found for _, found in bad[1:])
            missed[method] += not good
            for what in (name for name, found in bad if found):
                print(f"case {number}: {method}: {what}: {answer}, off by {above:.3g}", flush=True)
    print(f"cases {options.first} to {last - 1} of seed {options.seed}, n <= {options.largest}")
    for method in options.methods:
        count = max(1, runs[method])
        print(
            f"{method:17} {runs[method]:5} runs, {right[method] / count:8.2%} at the best value "
            f"({missed[method]} not), {proven[method] / count:8.2%} proven, {infeasible[method]} "
            f"infeasible, {wrong[method]} wrong, {1e3 * seconds[method] / count:.1f} ms"
        )


if __name__ == "__main__":
    main()
