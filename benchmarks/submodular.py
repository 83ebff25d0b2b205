"""Times of `min_norm_point` and `minimize` on the recorded instances, next to other programs.

    SUBOPT_DATA=... OMP_NUM_THREADS=1 python benchmarks/submodular.py [--runs 20] [NAME ...]
    python benchmarks/submodular.py --cvxpy      # needs cvxpy: the expression of a cut is built

Seconds of CPU of one thread to a certificate gap of 1e-6. `first` is the median of repeated runs
from the default start, `random` over random starting orders, `worst` the slowest of those over
their median; `warm` starts from 20 steps of `frank_wolfe`, which it includes; `auto` is
`minimize(F)`. `reference` is the fastest other program on record; `ratio` is reference / first, and
`auto x` is reference / auto: above 1 is faster.
"""

import argparse
import statistics
import time

import numpy as np
import recorded

from subopt import (
    Cut,
    SetFunction,
    frank_wolfe,
    min_norm_point,
    minimize,
)

# seconds: the fastest of Bach's min-norm point under Octave, C++ tms_submod and a numba prototype
REFERENCE = {
    "rgg500": 0.014,
    "rgg1000": 0.016,
    "grid529": 0.0027,
    "grid1024": 0.0039,
    "iwata500": 0.0005,
    "conc500": 0.0033,
    "conc1000": 0.0099,
    "grp500": 0.12,
    "gp200": 0.06,
}


def seconds(solve, *arguments, **options) -> float:
    before = time.process_time()
    solve(*arguments, **options)
    return time.process_time() - before


def warmed_up(F: SetFunction) -> None:
    min_norm_point(F, start=frank_wolfe(F, max_iter=20).certificate)


def in_cvxpy(edges: int, runs: int) -> None:
    """Print how long the Lovász extension of a cut takes to build as an expression."""
    import cvxpy as cp

    from subopt.cvx import lovasz

    n = edges // 4
    ends = np.random.default_rng(0).integers(0, n, (edges, 2))
    F, x = Cut.from_edges(ends[ends[:, 0] != ends[:, 1]], n=n), cp.Variable(n)
    lovasz(F, x)  # loads cvxpy
    median = statistics.median(seconds(lovasz, F, x) for _ in range(runs))
    print(f"Lovász extension of a cut of {edges} edges in CVXPY: {median:.2g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(REFERENCE))
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--cvxpy", action="store_true")
    options = parser.parse_args()
    if options.cvxpy:
        in_cvxpy(10_000, options.runs)
        return
    data = recorded.data_folder()
    columns = (
        "instance",
        "first",
        "random",
        "worst",
        "warm",
        "auto",
        "reference",
        "ratio",
        "auto x",
    )
    print(("{:>11}" * len(columns)).format(*columns), "     iter       gap")
    for name in options.names:
        F, minimum = recorded.submodular(data, name)
        result = min_norm_point(F)  # compiles
        warmed_up(F)
        minimize(F)
        assert abs(result.value - minimum) <= 1e-6, (name, result.value)
        gap = result.certificate.check(F, result.mask)
        assert gap <= 1e-6, (name, gap)
        first = statistics.median(seconds(min_norm_point, F) for _ in range(options.runs))
        auto = statistics.median(seconds(minimize, F) for _ in range(options.runs))
        warm = statistics.median(seconds(warmed_up, F) for _ in range(options.runs))
        orders = [np.random.default_rng(k).permutation(F.n) for k in range(options.runs)]
        runs = [seconds(min_norm_point, F, start=start) for start in orders]
        median = statistics.median(runs)
        print(
            f"{name:>11}{first:11.5f}{median:11.5f}{max(runs) / median:11.2f}{warm:11.5f}"
            f"{auto:11.5f}{REFERENCE[name]:11.4f}{REFERENCE[name] / first:11.2f}"
            f"{REFERENCE[name] / auto:11.1f}{result.n_iter:10}{gap:10.0e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
