"""Random problems under constraints, against all feasible sets: how often each method is right.

    OMP_NUM_THREADS=1 python benchmarks/constrained.py [--cases 2000] [--largest 14] [--seed 0]

All pairs of families and all kinds of constraints; infeasible ones are drawn again. A line per
method: the share of problems solved, answers that are not feasible, and wrong bounds.
"""

import argparse
import collections
import time

import numpy as np

from subopt import Budget, DifferenceOfSubmodular, Groups, Status, minimize
from subopt.constraints.build import constraints_of
from subopt.difference.exact._interval import chains
from subopt.testing import FAMILIES

METHODS = ("branch_and_bound", "auto", "local_search", "modmod", "lagrangian")
NAMES = sorted(FAMILIES)


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
            return said, constraints_of(n, **said)
        except ValueError:
            continue


def problem(rng, n):
    """A function of any family, or a difference of two."""
    f, g = (FAMILIES[NAMES[k]](rng, n) for k in rng.integers(len(NAMES), size=2))
    return f if rng.random() < 0.3 else DifferenceOfSubmodular(f, g)


def least(h, of):
    """The smallest value over the feasible sets: all sets, as prefixes of orders."""
    sets = (np.arange(2**of.n)[:, None] >> np.arange(of.n)) & 1 == 1
    sizes = sets.sum(axis=1)
    some = (of.low <= sizes) & (sizes <= of.high)
    some &= sets[:, of.include].all(axis=1) & ~sets[:, of.exclude].any(axis=1)
    if of.layers or of.purses:
        some[some] = [not of.violations(mask) for mask in sets[some]]
    values = np.zeros(2**of.n)
    for order in chains(of.n):
        values[np.cumsum(1 << order)] = np.cumsum(h.greedy(order)[order])
    return values[some].min()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--largest", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after so many")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    runs, right, proven = (collections.Counter() for _ in range(3))
    infeasible, wrong = collections.Counter(), collections.Counter()
    seconds = collections.Counter()
    cases, end = options.cases, time.monotonic() + options.seconds
    for case in range(options.cases):
        if time.monotonic() > end:
            cases = case
            break
        n = int(rng.integers(1, options.largest + 1))
        said, of = constraints(rng, n)
        h = problem(rng, n)
        best = least(h, of)
        differs = isinstance(h, DifferenceOfSubmodular)
        rounding = 1e-9 * (
            1e-12 + sum(F._range().size.sum() for F in ((h.f, h.g) if differs else (h,)))
        )
        for method in options.methods:
            if method == ("lagrangian" if differs else "modmod"):
                continue
            seeded = {"rng": case} if method in ("branch_and_bound", "auto") else {}
            start = time.process_time()
            result = minimize(h, method=method, **said, **seeded)
            seconds[method] += time.process_time() - start
            runs[method] += 1
            good = abs(result.value - best) <= rounding
            right[method] += good
            proven[method] += result.status is Status.OPTIMAL
            infeasible[method] += bool(of.violations(result.mask))
            wrong[method] += result.lower_bound > best + rounding
            if result.certificate is not None and result.lower_bound > -np.inf:
                wrong[method] += abs(result.check(h) - result.gap) > rounding
            if method == "branch_and_bound" and not good:
                print(f"case {case}: {result} instead of {best:.12g}")
    print(f"{cases} cases, n <= {options.largest}")
    for method in options.methods:
        count = max(1, runs[method])
        print(
            f"{method:17} {runs[method]:5} runs, {right[method] / count:8.2%} at the minimum, "
            f"{proven[method] / count:8.2%} proven, {infeasible[method]} infeasible, "
            f"{wrong[method]} wrong bounds, {1e3 * seconds[method] / count:.1f} ms"
        )


if __name__ == "__main__":
    main()
