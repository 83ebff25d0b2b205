"""Methods for f - g on the problems of El Halabi, Orfanides, Hoheisel (ICML 2023), and small ones.

    SUBOPT_DATA=... OMP_NUM_THREADS=1 python benchmarks/difference.py [--quick] [speech] [mushroom]
    python benchmarks/difference.py small [--cases 500]
    SUBOPT_DATA=... python benchmarks/difference.py permutations [--cases 20] [--first 0]
    OMP_NUM_THREADS=1 python benchmarks/difference.py threads

Values and seconds of every method next to those recorded for the published MATLAB code (under
Octave, with vectorized oracles). `wall` is elapsed time, `cpu` that of all threads, and `times` how
often it fits into the seconds on record; compiling is not counted. "small" compares "auto" with all
2^n values for random pairs of families, n <= 16. "permutations" are of the sentences and seconds
of speech: what "default" and "best" find and prove. "threads" compares "auto" on one and on two
threads, with the seconds of a greedy sweep over f and g, which decide what `threads=None` is.
"""

import argparse
import functools
import itertools
import os
import sys
import time
from collections import Counter

import numpy as np
import recorded
from branch_and_bound import RANDOM

import subopt
from subopt import (
    DifferenceOfSubmodular,
    Status,
    minimize,
)
from subopt.functions.watched import sweep_time
from subopt.testing import FAMILIES

THREADS = [
    (name, n, RANDOM[name])
    for name, n in (
        ("sensors", 40), ("features", 16), ("corpus", 60), ("signed_graph", 100),
        ("cover_and_count", 400), ("signed_graph", 400), ("sensors", 400), ("signed_graph", 2000),
    )
]  # fmt: skip

# (value, seconds) of the published methods
RECORDED = {
    "speech": {
        "subsup": (-48.1497621796, 63),
        "supsub": (-48.1497621796, 20),
        "modmod": (-48.1148598805, 5),
        "dca": (-48.1552623702, 156),
        "projected_subgradient": (-48.1552623702, 165),
        "double_greedy": (-47.841, 18),
        "auto": (-48.1552623702, None),
    },
    "mushroom": {
        "modmod": (-0.9976143, 13),
        "supsub": (-0.9964143, 101),
        "dca": (-0.9969143, 115),
        "auto": (-0.9979143402, None),
    },
}


def methods(h: DifferenceOfSubmodular, quick: bool):
    whole = np.ones(h.n, dtype=bool)
    rho = 0.1 * float(np.abs(h.g.greedy(np.arange(h.n))).mean())
    yield "auto", lambda: minimize(h, rng=0)
    yield "subsup", lambda: subopt.subsup(h)
    yield "subsup, from V", lambda: subopt.subsup(h, whole)
    yield "modmod", lambda: subopt.modmod(h)
    yield "modmod, from V", lambda: subopt.modmod(h, whole)
    yield "dca", lambda: subopt.dca(h)
    yield "complete_dca", lambda: subopt.complete_dca(h)
    yield "projected_subgradient", lambda: subopt.projected_subgradient(h, patience=100)
    yield "forward_greedy", lambda: subopt.forward_greedy(h)
    yield "double_greedy", lambda: subopt.double_greedy(h)
    yield "local_search", lambda: subopt.local_search(h)
    yield "local_search, from V", lambda: subopt.local_search(h, whole)
    if quick:
        return
    limits = {"max_iter": 30, "inner_iter": 500}
    yield "supsub", lambda: subopt.supsub(h)
    yield f"dca, rho={rho:.2g}", lambda: subopt.dca(h, rho=rho, **limits)
    yield f"dca_rounded, rho={rho:.2g}", lambda: subopt.dca_rounded(h, rho=rho, **limits)
    yield f"accelerated_dca, rho={rho:.2g}", lambda: subopt.accelerated_dca(h, rho=rho, **limits)


def table(name: str, h: DifferenceOfSubmodular, quick: bool) -> None:
    heading = ("wall s", "cpu s", "recorded", "s", "times")
    print(f"\n{name}: n = {h.n}\n{'':28}{'value':>16}" + ("{:>12}" * 5).format(*heading))
    minimize(h, rng=0, time_limit=1)
    subopt.subsup(h, max_iter=1, inner_iter=5)  # these compile
    subopt.dca(h, rho=1.0, max_iter=1, inner_iter=5)
    for label, run in methods(h, quick):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        recorded, seconds = RECORDED[name].get(label, (None, None))
        print(
            f"{label:28}{result.value:16.10f}{wall:12.3f}{cpu:12.3f}"
            + (f"{recorded:12.7g}" if recorded else " " * 12)
            + (f"{seconds:12}{seconds / cpu:12.0f}" if seconds else "")
            + (f"  found by {result.method}" if label == "auto" else ""),
            flush=True,
        )


@functools.cache
def orders(n: int) -> np.ndarray:
    """Return orders of V whose prefixes are all sets: a partition of them into chains."""
    chains = [[0]]
    for bit in (1 << i for i in range(n)):
        longer = [[*chain, chain[-1] | bit] for chain in chains]
        chains = longer + [[S | bit for S in chain[:-1]] for chain in chains if len(chain) > 1]
    result = []
    for chain in chains:
        steps = [chain[0], *(b ^ a for a, b in itertools.pairwise(chain)), (1 << n) - 1 ^ chain[-1]]
        result.append([i for step in steps for i in range(n) if step >> i & 1])
    return np.array(result, dtype=np.intp).reshape(-1, n)


def lowest(h: DifferenceOfSubmodular) -> tuple[float, float]:
    """Return the minimum of h over all sets, and the largest |f| + |g|: one sweep a chain."""
    rows, values = orders(h.n), []
    for F in (h.f, h.g):
        gains = np.array([F.greedy(order) for order in rows])
        values.append(np.take_along_axis(gains, rows, axis=1).cumsum(axis=1))
    f, g = values
    return min(0.0, float((f - g).min())), float((np.abs(f) + np.abs(g)).max())


def small(first: int, cases: int) -> None:
    names, winners, missed, seconds, proven = sorted(FAMILIES), Counter(), [], [], 0
    for case in range(first, first + cases):
        rng = np.random.default_rng(case)
        n = int(rng.integers(1, 17))
        pair = rng.choice(names), rng.choice(names)
        f, g = (FAMILIES[name](rng, n) for name in pair)
        nothing = np.zeros(n, dtype=bool)
        sizes = [np.abs(F.marginals(nothing)).sum() for F in (f, g)]
        if min(sizes) > 1e-9:  # of the same size, or one of them decides alone
            g = float(sizes[0] / sizes[1] * rng.uniform(0.5, 2)) * g
        h = DifferenceOfSubmodular(f, g)
        best, size = lowest(h)
        before = time.process_time()
        result = minimize(h, rng=case, threads=1)
        seconds.append(time.process_time() - before)
        winners[result.method.split(",")[0]] += 1
        proven += result.status is Status.OPTIMAL
        slack = 1e-9 * max(size, 1e-300)
        result.certificate.check(h, result.mask)
        gains = h.marginals(result.mask.copy())
        assert np.where(result.mask, -gains, gains).min() >= -10 * slack, (
            case,
            pair,
            n,
            "a flip improves it",
        )
        if result.value > best + slack:
            missed.append((case, *pair, n, result.value, best))
    print(
        f"small: auto is optimal on {cases - len(missed)} of {cases} "
        f"({100 - 100 * len(missed) / cases:.1f} %) and proves {proven}; median "
        f"{np.median(seconds):.3f} s, longest {max(seconds):.2f} s; "
        f"found by {dict(winners.most_common())}"
    )
    for line in missed:
        print("  missed:", *line)


def permutations(first: int, cases: int) -> None:
    """Print what two efforts make of permutations of speech, in seconds of CPU."""
    solved, proven, longest = Counter(), Counter(), Counter()
    for case in range(first, first + cases):
        h = recorded.speech(recorded.data_folder(), np.random.default_rng(case))
        line, results = f"permutation {case:3}", {}
        for effort, limit in (("default", None), ("best", 120.0)):
            before = time.process_time()
            results[effort] = result = minimize(h, effort=effort, rng=0, time_limit=limit)
            seconds = time.process_time() - before
            longest[effort] = max(longest[effort], seconds)
            proven[effort] += result.status is Status.OPTIMAL
            line += f"  {effort} {result.value:.10f} {result.status.name} {seconds:.2f} s"
        best = results["best"]
        known = best.status is Status.OPTIMAL
        solved["default"] += known and results["default"].value <= best.value + best.gap
        assert best.check(h) <= best.gap + 1e-9
        print(line, flush=True)
    print(
        f"{cases} permutations: default at the proven minimum on {solved['default']}, proves "
        f"{proven['default']}, at most {longest['default']:.2f} s; best proves {proven['best']}, "
        f"at most {longest['best']:.2f} s"
    )


def threads() -> None:
    """Print how long "auto" takes on one and on two threads, the median of five runs each."""
    problems = [(name, build(np.random.default_rng(n), n)) for name, n, build in THREADS]
    if "SUBOPT_DATA" in os.environ:
        problems.append(("mushroom", recorded.mushroom(recorded.data_folder())))
    print(f"{'problem':>16}{'n':>6}{'sweep, ms':>12}{'1 thread, s':>13}{'2 threads, s':>14}")
    for name, h in problems:
        seconds: dict[int, list[float]] = {1: [], 2: []}
        minimize(h, rng=0, threads=1)  # compiles
        for _ in range(5):
            for count, taken in seconds.items():
                before = time.perf_counter()
                minimize(h, rng=0, threads=count)
                taken.append(time.perf_counter() - before)
        one, two = np.median(seconds[1]), np.median(seconds[2])
        sweep = 1e3 * min(sweep_time(h) for _ in range(3))
        print(f"{name:>16}{h.n:6}{sweep:12.3f}{one:13.3f}{two:14.3f}{one / two:7.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=["speech", "mushroom", "small"])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first case")
    parser.add_argument("--quick", action="store_true", help="leave out the slowest methods")
    options = parser.parse_args()
    if "small" in options.names:
        small(options.first, options.cases)
    if "threads" in options.names:
        threads()
    if "permutations" in options.names:
        permutations(options.first, options.cases)
    for name in [name for name in options.names if name in RECORDED]:
        build = {"speech": recorded.speech, "mushroom": recorded.mushroom}[name]
        table(name, build(recorded.data_folder()), options.quick)


if __name__ == "__main__":
    sys.exit(main())
