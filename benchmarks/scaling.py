"""Time and memory of `minimize` as n grows to 1e5: cuts, coverage, concave functions.

    OMP_NUM_THREADS=1 python benchmarks/scaling.py [--sizes 1000 10000 100000] [--limit 60]

Seconds of CPU of one thread. `sweep` is one greedy sweep, `solve` is `minimize(F)` unless the name
says which method; `MB` is the peak that Python and numpy allocated during it, in a second run. What
takes longer than the limit stops there, and its gap says how far it came.
"""

import argparse
import time
import tracemalloc

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from subopt import Cardinality, ConcaveOfModular, Coverage, Cut, Modular, SetFunction, minimize


def geometric(n: int, rng: np.random.Generator) -> SetFunction:
    """The cut of a random geometric graph of mean degree 8, and noisy weights."""
    points = rng.random((n, 2))
    edges = cKDTree(points).query_pairs(np.sqrt(8 / (np.pi * n)), output_type="ndarray")
    return Cut.from_edges(edges, rng.random(len(edges)), n=n) + Modular(1.2 * rng.normal(size=n))


def grid(n: int, rng: np.random.Generator) -> SetFunction:
    """The cut of a square grid, and noisy weights."""
    side = int(np.sqrt(n))
    k = np.arange(side * side).reshape(side, side)
    pairs = ((k[:, 1:], k[:, :-1]), (k[1:], k[:-1]))
    edges = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])
    return Cut.from_edges(edges, rng.random(len(edges))) + Modular(rng.normal(size=side * side))


def coverage(n: int, rng: np.random.Generator) -> SetFunction:
    """Items that four random elements each cover, and costs that about half of them are worth."""
    items = 2 * n
    rows, columns = rng.integers(0, n, 4 * items), np.repeat(np.arange(items), 4)
    membership = sp.coo_array((np.ones(4 * items), (rows, columns)), shape=(n, items))
    return Coverage(membership, rng.random(items)) - Modular(4 * rng.random(n))


def roots(n: int, rng: np.random.Generator) -> SetFunction:
    """Square roots of the weights in n / 10 groups of about 30 neighbors, and noisy weights."""
    groups = n // 10
    rows = np.repeat(np.arange(groups), 30)
    columns = (10 * rows + rng.integers(0, 60, len(rows))) % n
    weights = sp.coo_array((rng.random(len(rows)), (rows, columns)), shape=(groups, n))
    return ConcaveOfModular(weights, "sqrt") + Modular(0.5 * rng.normal(size=n) - 0.5)


def size(n: int, rng: np.random.Generator) -> SetFunction:
    """The square root of the size, and noisy weights."""
    return Cardinality(np.sqrt, n) + Modular(rng.normal(size=n) / np.sqrt(n))


CASES = {
    "cut of a geometric graph": (geometric, {}),
    "cut of a grid": (grid, {}),
    "cut of a grid, decomposed": (grid, {"method": "decomposed"}),
    "cut of a grid, min_norm_point": (grid, {"method": "min_norm_point"}),
    "coverage": (coverage, {}),
    "roots of groups": (roots, {}),
    "root of the size": (size, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--limit", type=float, default=60.0)
    options = parser.parse_args()
    print(f"{'':>30}{'n':>8}{'build':>9}{'sweep':>9}{'solve':>9}{'MB':>8}{'gap':>9}  method")
    for name, (build, how) in CASES.items():
        minimize(build(100, np.random.default_rng(0)), **how)  # compiles
        for n in options.sizes:
            before = time.process_time()
            F = build(n, np.random.default_rng(1))
            built = time.process_time()
            F.greedy(np.arange(F.n))
            swept = time.process_time()
            result = minimize(F, time_limit=options.limit, **how)
            solved = time.process_time()
            tracemalloc.start()
            minimize(F, time_limit=5 * options.limit, **how)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert result.certificate.check(F, result.mask) <= result.gap + 1e-6
            print(
                f"{name:>30}{F.n:8}{built - before:9.3f}{swept - built:9.4f}{solved - swept:9.3f}"
                f"{peak / 1e6:8.1f}{result.gap:9.0e}  {result.method.split(',')[0]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
