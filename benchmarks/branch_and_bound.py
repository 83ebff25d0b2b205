"""Nodes, seconds and proven gaps of `branch_and_bound`, on random problems and the recorded ones.

    OMP_NUM_THREADS=1 python benchmarks/branch_and_bound.py [--limit 20] [--sizes 10 20] [KIND ...]
    SUBOPT_DATA=... python benchmarks/branch_and_bound.py --limit 600 mushroom speech
    python benchmarks/branch_and_bound.py --small 500      # against brute force, all families
    python benchmarks/branch_and_bound.py --cores signed_graph --sizes 80 200 --nodes 400

`--cores` compares one and two threads, and one and two processes: their trees have to be the same.

`seconds` are of CPU, of one thread; `check` those of re-checking the certificate; `milp` those of
HiGHS to its own proof where it applies. The gap is relative: (value - bound) / |value|.
"""

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import recorded
import scipy.sparse as sp

from subopt import (
    Cardinality,
    Concave,
    ConcaveOfModular,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Entropy,
    LogDeterminant,
    Modular,
    branch_and_bound,
    milp,
)
from subopt.forms.truncated_families import is_liftable
from subopt.testing import FAMILIES


def signed_graph(rng, n):
    """A cut of positive weights minus one of negative weights: Ising, max-cut like."""
    A = np.triu(rng.normal(size=(n, n)) * (rng.random((n, n)) < 6 / n), 1)
    A += A.T
    return Cut(np.maximum(A, 0)) + Modular(rng.normal(size=n)) - Cut(np.maximum(-A, 0))


def cover_and_count(rng, n):
    """The cost of what is covered minus a concave reward of the number of elements."""
    membership = sp.random_array((n, 2 * n), density=3 / n, rng=rng)
    return Coverage(membership) - Cardinality(lambda k: 3.5 * n**0.4 * k**0.6, n)


def corpus(rng, n):
    """The shape of corpus selection: a root of a coverage minus roots of groups."""
    words = Coverage(sp.random_array((n, 3 * n), density=4 / n, rng=rng))
    groups = np.zeros((5, n))
    groups[np.arange(n) % 5, np.arange(n)] = rng.integers(1, 9, n)
    return 3 * Concave(words) - ConcaveOfModular(groups)


def features(rng, n):
    """A price per feature minus the mutual information of features and class."""
    D = rng.integers(0, 2, (200, n))
    label = (D[:, 0] ^ D[:, 1]) + (D[:, 2] & D[:, 3]) + (rng.random(200) < 0.1)
    return Entropy(D, label) + Modular(np.full(n, 0.05)) - Entropy(D)


def sensors(rng, n):
    """Prices minus the log determinant of a kernel, beside a cut."""
    X = rng.random((n, 2))
    K = np.exp(-8 * ((X[:, None] - X) ** 2).sum(-1)) + 0.1 * np.eye(n)
    A = np.exp(-30 * ((X[:, None] - X) ** 2).sum(-1))
    return Cut(A * (A > 0.1)) + Modular(np.full(n, 0.3)) - LogDeterminant(K / 0.2)


RANDOM = {f.__name__: f for f in (signed_graph, cover_and_count, corpus, features, sensors)}
RECORDED = {"mushroom": recorded.mushroom, "speech": recorded.speech}


def row(name: str, h: DifferenceOfSubmodular, limit: float) -> None:
    before = time.process_time()
    result = branch_and_bound(h, time_limit=limit, rng=0)
    seconds = time.process_time() - before
    before = time.process_time()
    gap = result.certificate.check(h, result.mask)
    check = time.process_time() - before
    assert gap <= result.gap + 1e-9 * (1 + abs(result.value))
    milp_seconds = float("nan")
    if is_liftable(h.f) and is_liftable(h.g):
        before = time.process_time()
        other = milp(h, time_limit=limit)
        milp_seconds = time.process_time() - before
        assert other.solver_bound <= result.value + 1e-6 * (1 + abs(result.value))
    relative = result.gap / max(abs(result.value), 1e-9)
    print(
        f"{name:>16}{h.n:5}{result.n_iter:8}{seconds:10.2f}{check:8.2f}{milp_seconds:8.2f}"
        f"{result.value:16.8f}{relative:10.1e}  {result.status.name}",
        flush=True,
    )


def cores(name: str, h: DifferenceOfSubmodular, most_nodes: int) -> None:
    """Compare one with two threads, and one with two processes; trees have to be the same."""

    def timed(**options):
        before = time.perf_counter()
        result = branch_and_bound(h, rng=0, max_nodes=most_nodes, **options)
        return time.perf_counter() - before, result

    timed(threads=1)
    runs = [timed(threads=k) for k in (1, 2)]
    for k in (1, 2):
        with ProcessPoolExecutor(k, multiprocessing.get_context("spawn")) as pool:
            branch_and_bound(h, rng=0, max_nodes=300, executor=pool)  # compiles on the workers
            runs.append(timed(executor=pool))
    for (_, a), (_, b) in (runs[:2], runs[2:]):
        assert (a.value, a.lower_bound, a.n_iter) == (b.value, b.lower_bound, b.n_iter)
    (one, _), (two, _), (worker, _), (workers, _) = runs
    print(
        f"{name:>16}{h.n:5}{runs[0][1].n_iter:8}{one:9.1f}{two:9.1f}{one / two:8.2f} times"
        f"{worker:9.1f}{workers:9.1f}{worker / workers:8.2f} times",
        flush=True,
    )


def small(count: int) -> None:
    """Compare with all 2^n values on problems of all pairs of families, n up to 16."""
    names, wrong, nodes, most, seconds, milps, milp_wrong = sorted(FAMILIES), 0, 0, 0, 0.0, 0, 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 17))
        f, g = (FAMILIES[name](rng, n) for name in rng.choice(names, 2))
        orders = [rng.permutation(n) for _ in range(8)]
        a, b = (max(np.abs(np.cumsum(F.greedy(o)[o])).max() for o in orders) for F in (f, g))
        h = DifferenceOfSubmodular(f * (b / a) if min(a, b) > 1e-9 else f, g)
        lowest = min(h.value(mask) for mask in (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1)
        before = time.process_time()
        result = branch_and_bound(h, rng=seed)
        seconds += time.process_time() - before
        gap = result.certificate.check(h, result.mask)
        tolerance = 1e-7 * (1 + a + b)
        ok = max(abs(result.value - lowest), gap, result.gap) <= tolerance
        wrong, nodes, most = wrong + (not ok), nodes + result.n_iter, max(most, result.n_iter)
        if is_liftable(h.f) and is_liftable(h.g):
            milps += 1
            other = milp(h)
            milp_wrong += abs(other.value - lowest) > 1e-5 * (1 + a + b)
    print(f"{count} problems: {wrong} wrong, {nodes} nodes, at most {most}, {seconds:.1f} s")
    print(f"milp: {milps} problems, {milp_wrong} wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(RANDOM))
    parser.add_argument("--limit", type=float, default=20.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20, 30, 40, 60])
    parser.add_argument("--small", type=int)
    parser.add_argument("--cores", action="store_true")
    parser.add_argument("--nodes", type=int, default=2000, help="largest number, with --cores")
    options = parser.parse_args()
    if options.small:
        small(options.small)
        return
    if options.cores:
        heads = "".join(f"{kind:>32}" for kind in ("1 and 2 threads, s", "1 and 2 processes, s"))
        print(f"{'problem':>16}{'n':>5}{'nodes':>8}{heads}")
        for name in options.names:
            for n in options.sizes:
                cores(name, RANDOM[name](np.random.default_rng(n), n), options.nodes)
        return
    columns = "".join(f"{c:>{w}}" for c, w in (("n", 5), ("nodes", 8), ("seconds", 10)))
    print(f"{'problem':>16}{columns}{'check':>8}{'milp':>8}{'value':>16}{'gap':>10}  status")
    for name in options.names:
        if name in RECORDED:
            row(name, RECORDED[name](recorded.data_folder()), options.limit)
            continue
        for n in options.sizes:
            row(name, RANDOM[name](np.random.default_rng(n), n), options.limit)


if __name__ == "__main__":
    main()
